"""The account's state: its keys, and every object as the API shows it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from sandbox.faults import FAULT_TABLE
from sandbox.store import BusinessClock, Store
from sandbox.stripe.errors import NoSuchObject
from sandbox.webhooks import DELIVERY_TABLE

__all__ = ["PREFIXES", "Account", "Listing", "epoch", "make_id", "midnight"]

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, currency TEXT NOT NULL, livemode INTEGER NOT NULL, rates TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS api_key (key TEXT PRIMARY KEY, permissions TEXT);
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
    order_name TEXT, payout TEXT, document BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS object_newest ON object (kind, created DESC, seq DESC);
CREATE INDEX IF NOT EXISTS object_by_order ON object (order_name);
CREATE INDEX IF NOT EXISTS object_by_payout ON object (payout);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER, body BLOB, at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS request_count (
    second INTEGER NOT NULL, endpoint TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (second, endpoint)
);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
PREFIXES = {
    "balance_transaction": "txn",
    "charge": "ch",
    "dispute": "du",
    "event": "evt",
    "payment_intent": "pi",
    "payout": "po",
    "refund": "re",
    "webhook_endpoint": "we",
}
"""By kind of object, what its ids begin with."""
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def make_id(kind: str, *parts: object) -> str:
    """An id of life's form (``txn_`` and 24 characters) that follows from ``parts``."""
    number = int.from_bytes(hashlib.sha256("/".join(map(str, (kind, *parts))).encode()).digest()[:20])
    digits = ""
    for _ in range(24):
        number, digit = divmod(number, len(_ALPHABET))
        digits += _ALPHABET[digit]
    return f"{PREFIXES[kind]}_{digits}"


def epoch(moment: datetime) -> int:
    """Unix seconds, the API's form of a time."""
    return int(moment.timestamp())


@dataclass(frozen=True)
class Listing:
    """
    Which objects a list asks for, newest first.

    :param created: bounds by operator (``gte``, ``gt``, ``lte``, ``lt``), Unix seconds.
    :param fields: exact values of top-level fields.
    :param times: bounds on other time fields (``arrival_date``), as ``created``.
    :param payout: only the balance transactions of this payout.
    """

    kind: str
    limit: int
    starting_after: str | None = None
    ending_before: str | None = None
    created: Mapping[str, int] | None = None
    fields: Mapping[str, str] | None = None
    times: Mapping[str, Mapping[str, int]] | None = None
    payout: str | None = None


_OPERATORS = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<", "eq": "="}


class Account:
    """The one Stripe account of a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.store = Store(data_dir / "stripe.sqlite", _SCHEMA + FAULT_TABLE + DELIVERY_TABLE)
        self.clock = BusinessClock(self.store)

    def seed(self, company: Mapping[str, Any], api_key: str) -> str:
        """Open the account of that company, reached by ``api_key``; its id."""
        rates = {entry["code"].lower(): entry["rate"] for entry in company.get("currencies", [])}
        account_id = f"acct_{make_id('event', company['name'])[4:20]}"
        with self.store.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO account VALUES (?, ?, ?, ?, ?)",
                (account_id, company["name"], company["base_currency"].lower(), "_live_" in api_key, json.dumps(rates)),
            )
            connection.execute("INSERT OR REPLACE INTO api_key VALUES (?, NULL)", (api_key,))
        return account_id

    def add_key(self, key: str, permissions: list[str]) -> None:
        """A restricted key with these rights only (``charges_read``, ``refunds_write`` …)."""
        with self.store.write() as connection:
            connection.execute("INSERT OR REPLACE INTO api_key VALUES (?, ?)", (key, json.dumps(permissions)))

    @property
    def profile(self) -> sqlite3.Row:
        """``id``, ``name``, ``currency`` (lower case), ``livemode`` and ``rates`` (JSON, by lower-case currency)."""
        row = self.store.connection.execute("SELECT * FROM account").fetchone()
        if row is None:
            raise NoSuchObject("account", "none is seeded")
        profile: sqlite3.Row = row
        return profile

    def now(self) -> int:
        """The business clock, Unix seconds."""
        return epoch(self.clock.now())

    def find(self, kind: str, identity: str) -> Json | None:
        """The object of that id as the API shows it now, or None."""
        row = self.store.connection.execute(
            "SELECT document FROM object WHERE id = ? AND kind = ?", (identity, kind)
        ).fetchone()
        return _as_of(self.now(), orjson.loads(row["document"])) if row else None

    def get(self, kind: str, identity: str, param: str = "id") -> Json:
        """
        The object of that id.

        :raises NoSuchObject: there is none.
        """
        found = self.find(kind, identity)
        if found is None:
            raise NoSuchObject(kind, identity, param)
        return found

    def of_order(self, kind: str, order_name: str) -> list[Json]:
        """All objects of a kind that belong to an order, oldest first."""
        rows = self.store.connection.execute(
            "SELECT document FROM object WHERE kind = ? AND order_name = ? ORDER BY seq", (kind, order_name)
        )
        now = self.now()
        return [_as_of(now, orjson.loads(row["document"])) for row in rows]

    def page(self, listing: Listing) -> tuple[list[Json], bool]:
        """
        One page of a list, newest first, and whether there is more.

        :raises NoSuchObject: the page's cursor names no object.
        """
        where = ["kind = ?"]
        parameters: list[str | int] = [listing.kind]
        for column, bounds in {"created": listing.created or {}, **(listing.times or {})}.items():
            for operator, bound in bounds.items():
                path = column if column == "created" else f"json_extract(document, '$.{column}')"
                where.append(f"{path} {_OPERATORS[operator]} ?")
                parameters.append(bound)
        for field, value in (listing.fields or {}).items():
            where.append(f"json_extract(document, '$.{field}') = ?")
            parameters.append(value)
        if listing.payout:
            where.append("payout = ?")
            parameters.append(listing.payout)
        backwards = listing.ending_before is not None
        cursor = listing.ending_before if backwards else listing.starting_after
        if cursor:
            row = self.store.connection.execute("SELECT created, seq FROM object WHERE id = ?", (cursor,)).fetchone()
            if row is None:
                raise NoSuchObject(listing.kind, cursor, "ending_before" if backwards else "starting_after")
            where.append(f"(created, seq) {'>' if backwards else '<'} (?, ?)")
            parameters += [row["created"], row["seq"]]
        order = "ASC" if backwards else "DESC"
        rows = self.store.connection.execute(
            f"SELECT document FROM object WHERE {' AND '.join(where)}"  # noqa: S608 - values are parameters
            f" ORDER BY created {order}, seq {order} LIMIT ?",
            [*parameters, listing.limit + 1],
        ).fetchall()
        now = self.now()
        page = [_as_of(now, orjson.loads(row["document"])) for row in rows[: listing.limit]]
        return page[::-1] if backwards else page, len(rows) > listing.limit

    def transactions(self) -> Iterable[Json]:
        """All balance transactions."""
        rows = self.store.connection.execute("SELECT document FROM object WHERE kind = 'balance_transaction'")
        now = self.now()
        return (_as_of(now, orjson.loads(row["document"])) for row in rows)

    def save(
        self,
        connection: sqlite3.Connection,
        document: Json,
        *,
        order_name: str | None = None,
        payout: str | None = None,
    ) -> Json:
        """Create or replace an object; order and payout, once known, stay."""
        connection.execute(
            "INSERT INTO object (id, kind, created, order_name, payout, document) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET document = excluded.document,"
            " order_name = coalesce(excluded.order_name, order_name), payout = coalesce(excluded.payout, payout)",
            (document["id"], document["object"], document["created"], order_name, payout, orjson.dumps(document)),
        )
        return document

    def not_paid_out(self) -> list[str]:
        """The balance transactions that no payout took yet, oldest first."""
        rows = self.store.connection.execute(
            "SELECT id FROM object WHERE kind = 'balance_transaction' AND payout IS NULL"
            " AND json_extract(document, '$.reporting_category') NOT IN ('payout', 'payout_reversal')"
            " AND json_extract(document, '$.balance_type') = 'payments' ORDER BY seq"
        )
        return [row["id"] for row in rows]

    def payout_of(self, transaction_id: str) -> str | None:
        """The payout a balance transaction went out with."""
        row = self.store.connection.execute("SELECT payout FROM object WHERE id = ?", (transaction_id,)).fetchone()
        return row["payout"] if row else None


def _as_of(now: int, document: Json) -> Json:
    """What time alone changes: money becomes available, payouts arrive, a secret was shown once."""
    if document["object"] == "webhook_endpoint":
        del document["secret"]
    if document["object"] == "balance_transaction" and document["available_on"] <= now:
        document["status"] = "available"
    if document["object"] == "payout" and document["status"] == "in_transit" and document["arrival_date"] <= now:
        document["status"] = "paid"
    return document


def midnight(day: str) -> int:
    """Midnight UTC of a plain date."""
    return epoch(datetime.fromisoformat(day).replace(tzinfo=UTC))
