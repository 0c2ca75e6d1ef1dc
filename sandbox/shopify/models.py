"""The shops' state: who may call, customers, and orders as history (what people did) and document (what it shows)."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sandbox.faults import FAULT_TABLE
from sandbox.shopify.errors import EventRefused, UnknownShop
from sandbox.shopify.ledger import read_order
from sandbox.shopify.payments import PAYMENTS_TABLES, Payments
from sandbox.shopify.rendering import OrderRendering, gid
from sandbox.shopify.subscriptions import SUBSCRIPTION_TABLE, Subscriptions, messages_of
from sandbox.store import BusinessClock, Store, instant, wire_instant
from sandbox.webhooks import DELIVERY_TABLE

__all__ = ["Shop", "Shops", "StoredOrder", "Token", "shop_domain"]

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS shop (
    domain TEXT PRIMARY KEY, handle TEXT NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, currency TEXT NOT NULL,
    taxes_included INTEGER NOT NULL, time_zone TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS app (
    client_id TEXT PRIMARY KEY, client_secret TEXT NOT NULL, scopes TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS token (
    token TEXT PRIMARY KEY, shop TEXT NOT NULL, client_id TEXT NOT NULL, expires_at REAL
);
CREATE TABLE IF NOT EXISTS refresh_token (token TEXT PRIMARY KEY, shop TEXT NOT NULL, client_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS customer (
    id INTEGER PRIMARY KEY AUTOINCREMENT, shop TEXT NOT NULL, reference TEXT NOT NULL, document TEXT NOT NULL,
    UNIQUE (shop, reference)
);
CREATE TABLE IF NOT EXISTS shop_order (
    id INTEGER PRIMARY KEY AUTOINCREMENT, shop TEXT NOT NULL, name TEXT NOT NULL, customer_id INTEGER,
    created_at TEXT NOT NULL, processed_at TEXT NOT NULL, updated_at TEXT NOT NULL,
    indexed_before TEXT NOT NULL, changed_real_at REAL NOT NULL,
    financial_status TEXT NOT NULL, cancelled_at TEXT, email TEXT, test INTEGER NOT NULL, total TEXT NOT NULL,
    history BLOB NOT NULL, document BLOB NOT NULL,
    UNIQUE (shop, name)
);
CREATE INDEX IF NOT EXISTS shop_order_by_update ON shop_order (shop, updated_at, id);
CREATE INDEX IF NOT EXISTS shop_order_by_name ON shop_order (name);
CREATE TABLE IF NOT EXISTS bucket (
    shop TEXT NOT NULL, client_id TEXT NOT NULL, available REAL NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (shop, client_id)
);
CREATE TABLE IF NOT EXISTS bulk_operation (
    id INTEGER PRIMARY KEY AUTOINCREMENT, shop TEXT NOT NULL, client_id TEXT NOT NULL, secret TEXT NOT NULL,
    query TEXT NOT NULL, grouped INTEGER NOT NULL, status TEXT NOT NULL, error_code TEXT, created_at TEXT NOT NULL,
    completed_at TEXT, ended_real_at REAL, objects INTEGER NOT NULL, roots INTEGER NOT NULL, size INTEGER
);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
# ids of shops, customers and orders start where life's have thirteen digits
_FIRST_IDS = {"customer": 7_000_000_000, "shop_order": 5_500_000_000}
DEFAULT_SCOPES = "read_orders,read_customers,read_products,read_shopify_payments"


@dataclass(frozen=True)
class Shop:
    """One shop; ``handle`` is its short name in files of orders (``us``)."""

    domain: str
    handle: str
    id: int
    name: str
    currency: str
    taxes_included: bool
    time_zone: str


@dataclass(frozen=True)
class Token:
    """Who calls: one app in one shop."""

    shop: str
    client_id: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class StoredOrder:
    """An order as GraphQL shows it, and which shop it is of."""

    id: int
    shop: str
    document: Json


def shop_domain(handle: str, company: str) -> str:
    """``us`` of Harbor Light Supply is ``us-harbor-light-supply.myshopify.com``."""
    slug = re.sub(r"[^a-z0-9]+", "-", f"{handle}-{company}".lower()).strip("-")
    return f"{slug}.myshopify.com"


class Shops:
    """All shops of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        tables = (_SCHEMA, SUBSCRIPTION_TABLE, FAULT_TABLE, DELIVERY_TABLE, PAYMENTS_TABLES)
        self.store = Store(data_dir / "shopify.sqlite", "".join(tables))
        self.clock = BusinessClock(self.store)
        self.payments = Payments(self.store, self.clock)
        self.subscriptions = Subscriptions(self.store)
        self.exports = data_dir / "shopify-exports"

    def seed(self, company: Mapping[str, Any], app: Mapping[str, str]) -> list[Json]:
        """Create the company's shops with an app installed in each; domain and static token of each."""
        seeded = []
        with self.store.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO app VALUES (?, ?, ?)",
                (app["client_id"], app["client_secret"], app.get("scopes", DEFAULT_SCOPES)),
            )
            for number, shop in enumerate(company["shops"], start=1):
                domain = shop_domain(shop["shop"], company["name"])
                connection.execute(
                    "INSERT OR REPLACE INTO shop VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        domain,
                        shop["shop"],
                        6_500_000_000 + number,
                        f"{company['name']} ({shop['shop']})",
                        shop["currency"],
                        shop["taxes_included"],
                        company["time_zone"],
                    ),
                )
                self.payments.open(connection, domain, shop.get("shopify_payments"))
                token = f"shpat_{secrets.token_hex(16)}"
                self._grant(connection, token, domain, app["client_id"], None)
                seeded.append({"shop": shop["shop"], "domain": domain, "access_token": token})
            for table, first in _FIRST_IDS.items():
                connection.execute(
                    "INSERT INTO sqlite_sequence SELECT ?, ? WHERE ? NOT IN (SELECT name FROM sqlite_sequence)",
                    (table, first, table),
                )
        return seeded

    def shop(self, domain: str) -> Shop:
        """
        The shop of that myshopify.com name.

        :raises UnknownShop: there is none.
        """
        row = self.store.connection.execute("SELECT * FROM shop WHERE domain = ?", (domain,)).fetchone()
        if row is None:
            raise UnknownShop
        return Shop(**{**dict(row), "taxes_included": bool(row["taxes_included"])})

    def domain(self, handle: str) -> str:
        """
        The myshopify.com name of the shop that files of orders name so.

        :raises EventRefused: there is none.
        """
        row = self.store.connection.execute("SELECT domain FROM shop WHERE handle = ?", (handle,)).fetchone()
        if row is None:
            raise EventRefused(f"There is no shop {handle!r} here. Seed the company first.")
        return str(row["domain"])

    def app(self, client_id: str) -> sqlite3.Row | None:
        """The app's secret and scopes."""
        row: sqlite3.Row | None = self.store.connection.execute(
            "SELECT * FROM app WHERE client_id = ?", (client_id,)
        ).fetchone()
        return row

    def grant(self, shop: str, client_id: str, lifetime_seconds: int) -> str:
        """A new access token of the app in that shop."""
        token = f"shpat_{secrets.token_hex(16)}"
        with self.store.write() as connection:
            self._grant(connection, token, shop, client_id, time.time() + lifetime_seconds)
        return token

    @staticmethod
    def _grant(connection: sqlite3.Connection, token: str, shop: str, client_id: str, expires_at: float | None) -> None:
        connection.execute("INSERT INTO token VALUES (?, ?, ?, ?)", (token, shop, client_id, expires_at))

    def grant_refresh(self, shop: str, client_id: str) -> str:
        """A refresh token, good for one use."""
        token = f"shprt_{secrets.token_hex(16)}"
        with self.store.write() as connection:
            connection.execute("INSERT INTO refresh_token VALUES (?, ?, ?)", (token, shop, client_id))
        return token

    def spend_refresh(self, token: str, shop: str, client_id: str) -> bool:
        """Use up a refresh token; False when it is unknown or was used before."""
        with self.store.write() as connection:
            spent = connection.execute(
                "DELETE FROM refresh_token WHERE token = ? AND shop = ? AND client_id = ?", (token, shop, client_id)
            )
            return spent.rowcount > 0

    def revoke_tokens(self, shop: str | None = None) -> None:
        """All tokens end at once, or those of one shop (the app was uninstalled, the secret rotated)."""
        with self.store.write() as connection:
            connection.execute("DELETE FROM token WHERE ? IS NULL OR shop = ?", (shop, shop))

    def token(self, token: str, shop: str) -> Token | None:
        """Who shows this token in that shop; None when nobody may any more."""
        row = self.store.connection.execute(
            "SELECT token.shop, client_id, scopes FROM token JOIN app USING (client_id)"
            " WHERE token = ? AND token.shop = ? AND (expires_at IS NULL OR expires_at > ?)",
            (token, shop, time.time()),
        ).fetchone()
        return Token(row["shop"], row["client_id"], frozenset(row["scopes"].split(","))) if row else None

    def place(self, order: Mapping[str, Any]) -> StoredOrder:
        """
        A customer places an order (golden form).

        :raises EventRefused: the shop is unknown, the name is taken, or the figures don't add up.
        """
        with self.store.write() as connection:
            domain = self.domain(order["shop"])
            taken = "SELECT 1 FROM shop_order WHERE name = ? AND shop = ?"
            if connection.execute(taken, (order["name"], domain)).fetchone():
                raise EventRefused(f"Order {order['name']} exists already. Give it another name.")
            order_id = _next_id(connection, "shop_order")
            customer_id = self._customer(connection, domain, order)
            placed = self._save(connection, order_id, domain, customer_id, [dict(order)])
            self._announce(connection, "place", placed)
        self.subscriptions.courier.depart()
        return placed

    def act(self, name: str, verb: str, event: Mapping[str, Any]) -> StoredOrder:
        """
        Something happens to an order: ``pay``, ``capture``, ``void``, ``edit``, ``cancel``, ``refund`` or ``exchange``.

        Where several shops have an order of this name, ``shop`` of the event says whose it is.

        :raises EventRefused: there is no such order, or several, or the event contradicts it.
        """
        with self.store.write() as connection:
            rows = connection.execute(
                "SELECT o.id, o.shop, o.customer_id, o.history FROM shop_order o JOIN shop s ON s.domain = o.shop "
                "WHERE o.name = ? AND s.handle = coalesce(?, s.handle)",
                (name, event.get("shop")),
            ).fetchall()
            if not rows:
                raise EventRefused(f"There is no order {name}. Place it first.")
            if len(rows) > 1:
                raise EventRefused(f"Several shops have an order {name}. Say which in `shop`.")
            (row,) = rows
            history = [*orjson.loads(row["history"]), {**event, "do": verb}]
            changed = self._save(connection, row["id"], row["shop"], row["customer_id"], history)
            self.payments.book_order(connection, row["shop"], changed.document, event, history[0].get("rate") or "1")
            self._announce(connection, verb, changed)
        self.subscriptions.courier.depart()
        return changed

    def order_names(self) -> list[str]:
        """The names of all orders, oldest first."""
        return [row["name"] for row in self.store.connection.execute("SELECT name FROM shop_order ORDER BY id")]

    def history(self, name: str) -> list[Json]:
        """
        The order as it was placed, then what happened to it, in the golden form.

        :raises EventRefused: there is no such order.
        """
        row = self.store.connection.execute("SELECT history FROM shop_order WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise EventRefused(f"There is no order {name}. Place it first.")
        history: list[Json] = orjson.loads(row["history"])
        return history

    def _announce(self, connection: sqlite3.Connection, verb: str, order: StoredOrder) -> None:
        if not connection.execute("SELECT 1 FROM subscription WHERE shop = ?", (order.shop,)).fetchone():
            return
        zone, now = self.shop(order.shop).time_zone, self.clock.now()
        for topic, body in messages_of(verb, order.document, zone):
            self.subscriptions.announce(connection, order.shop, topic, body, now)

    def _save(
        self, connection: sqlite3.Connection, order_id: int, shop: str, customer_id: int | None, history: list[Json]
    ) -> StoredOrder:
        ledger = read_order(order_id, history)
        happened_at = instant(history[-1].get("at") or history[0]["placed_at"])
        updated_at = wire_instant(self.clock.reach(connection, happened_at))
        document = OrderRendering(ledger, self._read_customer(connection, customer_id), updated_at).render()
        before = connection.execute("SELECT updated_at FROM shop_order WHERE id = ?", (order_id,)).fetchone()
        connection.execute(
            "INSERT OR REPLACE INTO shop_order VALUES (:id, :shop, :name, :customer_id, :created_at, :processed_at,"
            " :updated_at, :indexed_before, :changed_real_at, :financial_status, :cancelled_at, :email, :test, :total,"
            " :history, :document)",
            {
                "id": order_id,
                "shop": shop,
                "name": ledger.name,
                "customer_id": customer_id,
                "created_at": document["createdAt"],
                "processed_at": document["processedAt"],
                "updated_at": updated_at,
                "indexed_before": before["updated_at"] if before else "",
                "changed_real_at": time.time(),
                "financial_status": document["displayFinancialStatus"],
                "cancelled_at": document["cancelledAt"],
                "email": document["email"],
                "test": document["test"],
                "total": document["totalPriceSet"]["shopMoney"]["amount"],
                "history": orjson.dumps(history),
                "document": orjson.dumps(document),
            },
        )
        return StoredOrder(order_id, shop, document)

    def _customer(self, connection: sqlite3.Connection, shop: str, order: Mapping[str, Any]) -> int | None:
        person = order.get("customer")
        if person is None or person["id"] is None:  # a guest, known by the order alone
            return None
        row = connection.execute(
            "SELECT id FROM customer WHERE shop = ? AND reference = ?", (shop, person["id"])
        ).fetchone()
        customer_id: int = row["id"] if row else _next_id(connection, "customer")
        document = {
            "__typename": "Customer",
            "id": gid("Customer", customer_id),
            "legacyResourceId": str(customer_id),
            "displayName": f"{person['first_name']} {person['last_name']}",
            "firstName": person["first_name"],
            "lastName": person["last_name"],
            "email": person["email"],
            "defaultEmailAddress": {"emailAddress": person["email"]} if person["email"] else None,
            "createdAt": order["placed_at"],
            "updatedAt": order["placed_at"],
            "tags": [],
            "taxExempt": False,
        }
        connection.execute(
            "INSERT OR REPLACE INTO customer VALUES (?, ?, ?, ?)",
            (customer_id, shop, person["id"], json.dumps(document)),
        )
        return customer_id

    @staticmethod
    def _read_customer(connection: sqlite3.Connection, customer_id: int | None) -> Json | None:
        row = connection.execute("SELECT document FROM customer WHERE id = ?", (customer_id,)).fetchone()
        document: Json | None = json.loads(row["document"]) if row else None
        return document


def _next_id(connection: sqlite3.Connection, table: str) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    return int(row["seq"] if row else _FIRST_IDS[table]) + 1
