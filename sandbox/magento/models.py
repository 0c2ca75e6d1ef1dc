"""The shop's state: its store views, the integrations that may call, and every document as REST shows it."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.faults import FAULT_TABLE
from sandbox.magento.carts import StoreView
from sandbox.magento.errors import EventRefused
from sandbox.magento.oauth import KEY_LENGTH
from sandbox.magento.settings import Settings
from sandbox.magento.wire import dump, load, zoneless
from sandbox.store import BusinessClock, Store

__all__ = ["ALL_RIGHTS", "KINDS", "Integration", "Shop", "Work"]

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS store_view (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL, website_id INTEGER NOT NULL,
    base_currency TEXT NOT NULL, currency TEXT NOT NULL, time_zone TEXT NOT NULL, method TEXT NOT NULL,
    prices_include_tax INTEGER NOT NULL, shipping_includes_tax INTEGER NOT NULL, tax_after_discount INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS currency_rate (code TEXT PRIMARY KEY, rate TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS integration (
    id INTEGER PRIMARY KEY AUTOINCREMENT, consumer_key TEXT NOT NULL UNIQUE, consumer_secret TEXT NOT NULL,
    access_token TEXT NOT NULL UNIQUE, access_token_secret TEXT NOT NULL, rights TEXT NOT NULL, active INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS nonce (integration INTEGER NOT NULL, nonce TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (integration, nonce));
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS document (
    kind TEXT NOT NULL, entity_id INTEGER NOT NULL, increment_id TEXT, order_id INTEGER, updated_at TEXT NOT NULL,
    broken INTEGER NOT NULL DEFAULT 0, content TEXT NOT NULL, PRIMARY KEY (kind, entity_id)
);
CREATE INDEX IF NOT EXISTS document_by_update ON document (kind, updated_at, entity_id);
CREATE INDEX IF NOT EXISTS document_by_number ON document (kind, increment_id);
CREATE INDEX IF NOT EXISTS document_by_order ON document (order_id, kind);
"""
KINDS = {
    "order": "Magento_Sales::actions_view",
    "invoice": "Magento_Sales::sales_invoice",
    "creditmemo": "Magento_Sales::sales_creditmemo",
    "shipment": "Magento_Sales::shipment",
    "transaction": "Magento_Sales::transactions_fetch",
}
"""By kind of document, the resource an integration needs to read it."""
STORES_RIGHT = "Magento_Backend::store"
ALL_RIGHTS = (*KINDS.values(), STORES_RIGHT)


@dataclass(frozen=True)
class Integration:
    """One integration with its four keys; its tokens don't expire, a person may switch it off."""

    id: int
    consumer_key: str
    consumer_secret: str
    access_token: str
    access_token_secret: str
    rights: frozenset[str]
    active: bool

    def may_read(self, resource: str) -> bool:
        """Whether a person gave it that resource."""
        return self.active and resource in self.rights


class Shop:
    """The one Magento of a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.store = Store(data_dir / "magento.sqlite", _SCHEMA + FAULT_TABLE)
        self.clock = BusinessClock(self.store)

    def seed(self, company: Mapping[str, Any], keys: Mapping[str, str]) -> Json:
        """
        Set up the company's store views and an integration that may read everything; the views' codes and the keys.

        :param keys: ``consumer_key``, ``consumer_secret``, ``access_token``, ``access_token_secret``; missing ones are
            made up.
        """
        with self.store.write() as connection:
            for entry in company.get("currencies", []):
                connection.execute("INSERT OR REPLACE INTO currency_rate VALUES (?, ?)", (entry["code"], entry["rate"]))
            views = [_store_view(number, shop, company) for number, shop in enumerate(company["shops"], start=1)]
            connection.executemany(
                "INSERT OR REPLACE INTO store_view VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [astuple(view) for view in views],
            )
        return {"stores": [view.code for view in views], **self.add_integration(keys, ALL_RIGHTS)}

    def add_integration(self, keys: Mapping[str, str], rights: tuple[str, ...] | list[str]) -> dict[str, str]:
        """
        An active integration with these rights; its four keys.

        :raises EventRefused: a key doesn't have Magento's 32 characters.
        """
        names = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
        full = {name: keys.get(name) or secrets.token_hex(KEY_LENGTH // 2) for name in names}
        if short := [name for name, key in full.items() if len(key) != KEY_LENGTH]:
            raise EventRefused(f"{', '.join(short)}: Magento's keys have {KEY_LENGTH} characters. Give such.")
        with self.store.write() as connection:
            connection.execute("DELETE FROM integration WHERE consumer_key = ?", (full["consumer_key"],))
            connection.execute(
                "INSERT INTO integration (consumer_key, consumer_secret, access_token, access_token_secret, rights,"
                " active) VALUES (?, ?, ?, ?, ?, 1)",
                (*full.values(), json.dumps(list(rights))),
            )
        return full

    def deactivate(self, consumer_key: str) -> None:
        """A person switches the integration off."""
        with self.store.write() as connection:
            connection.execute("UPDATE integration SET active = 0 WHERE consumer_key = ?", (consumer_key,))

    def integration_of_consumer(self, key: str) -> Integration | None:
        """The integration with that consumer key."""
        return self._integration("consumer_key", key)

    def integration_of_token(self, token: str) -> Integration | None:
        """The integration with that access token."""
        return self._integration("access_token", token)

    def _integration(self, column: str, value: str) -> Integration | None:
        row = self.store.connection.execute(
            f"SELECT * FROM integration WHERE {column} = ?",  # noqa: S608 - the column is one of two names above
            (value,),
        ).fetchone()
        if row is None:
            return None
        return Integration(
            **{**dict(row), "rights": frozenset(json.loads(row["rights"])), "active": bool(row["active"])}
        )

    def use_nonce(self, integration: Integration, nonce: str) -> bool:
        """Use up a nonce; False when it was used before."""
        with self.store.write() as connection:
            used = connection.execute(
                "INSERT OR IGNORE INTO nonce VALUES (?, ?, ?)", (integration.id, nonce, time.time())
            )
            return used.rowcount > 0

    def store_views(self) -> list[StoreView]:
        """All store views, first made first."""
        rows = self.store.connection.execute("SELECT * FROM store_view ORDER BY id")
        flags = ("prices_include_tax", "shipping_includes_tax", "tax_after_discount")
        return [StoreView(**{**dict(row), **{flag: bool(row[flag]) for flag in flags}}) for row in rows]

    def rate(self, base: str, currency: str) -> Decimal:
        """
        Units of ``currency`` for one of ``base``.

        :raises EventRefused: the shop knows no such currency.
        """
        if base == currency:
            return Decimal(1)
        row = self.store.connection.execute("SELECT rate FROM currency_rate WHERE code = ?", (currency,)).fetchone()
        if row is None:
            raise EventRefused(f"The shop has no rate for {currency}. Seed the company with one in `currencies`.")
        return Decimal(1) / Decimal(row["rate"])

    @contextmanager
    def work(self, at: datetime) -> Iterator[Work]:
        """One thing that happens: all of it or nothing, at ``at`` or, where the clock is later, then."""
        with self.store.write() as connection:
            now = self.clock.reach(connection, at)
            yield Work(self, connection, Settings.read(self.store), zoneless(now))


def _store_view(number: int, shop: Mapping[str, Any], company: Mapping[str, Any]) -> StoreView:
    """A shop of a company as a store view of its own, all of one website; Magento's defaults where it says nothing."""
    includes_tax = bool(shop.get("taxes_included"))
    return StoreView(
        id=number,
        code=shop["shop"],
        name=f"{company['name']} ({shop['shop']})",
        website_id=1,
        base_currency=company["base_currency"],
        currency=shop["currency"],
        time_zone=shop.get("time_zone", company["time_zone"]),
        method=shop.get("tax_calculation", "total"),
        prices_include_tax=includes_tax,
        shipping_includes_tax=bool(shop.get("shipping_taxes_included", includes_tax)),
        tax_after_discount=bool(shop.get("tax_after_discount", True)),
    )


@dataclass(frozen=True)
class Work:
    """A transaction with what everything done in it needs; ``now`` in Magento's form."""

    shop: Shop
    connection: sqlite3.Connection
    settings: Settings
    now: str

    def next_id(self, name: str) -> int:
        """The next number of that name, from 1."""
        self.connection.execute(
            "INSERT INTO counter VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET last = last + 1", (name,)
        )
        return int(self.connection.execute("SELECT last FROM counter WHERE name = ?", (name,)).fetchone()["last"])

    def next_increment_id(self, kind: str, store_id: int) -> str:
        """The number people see: nine digits, behind the store's id from the second store on."""
        prefix = "" if store_id == 1 else str(store_id)
        return f"{prefix}{self.next_id(f'{kind} of store {store_id}'):09}"

    def save(self, kind: str, document: Json) -> Json:
        """Create or replace a document, changed now; kinds without a change time keep their creation's."""
        if kind != "transaction":
            document["updated_at"] = self.now
        key = document["transaction_id" if kind == "transaction" else "entity_id"]
        self.connection.execute(
            "INSERT INTO document (kind, entity_id, increment_id, order_id, updated_at, content)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind, entity_id) DO UPDATE SET updated_at = excluded.updated_at,"
            " content = excluded.content",
            (kind, key, document.get("increment_id"), document.get("order_id"), self.now, dump(document)),
        )
        return document

    def of_number(self, kind: str, increment_id: str) -> Json:
        """
        The document people know by that number.

        :raises EventRefused: there is none.
        """
        row = self.connection.execute(
            "SELECT content FROM document WHERE kind = ? AND increment_id = ?", (kind, increment_id)
        ).fetchone()
        if row is None:
            raise EventRefused(f"There is no {kind} {increment_id}. Look at the increment_id it was given.")
        return load(row["content"])

    def of_order(self, kind: str, order_id: int) -> list[Json]:
        """The documents of one order, first made first."""
        rows = self.connection.execute(
            "SELECT content FROM document WHERE kind = ? AND order_id = ? ORDER BY entity_id", (kind, order_id)
        )
        return [load(row["content"]) for row in rows]

    def mark_broken(self, entity_id: int, *, broken: bool) -> None:
        """Let every list that holds this order fail, as a row joined twice does; or heal it."""
        self.connection.execute(
            "UPDATE document SET broken = ? WHERE kind = 'order' AND entity_id = ?", (broken, entity_id)
        )
