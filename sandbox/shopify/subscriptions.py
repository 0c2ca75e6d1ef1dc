"""
Webhook subscriptions of apps, and what they are told: REST-shaped bodies, signed with the app's secret.

Source: sources.md Shopify §6.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import sqlite3
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from sandbox.shopify.errors import EventRefused
from sandbox.store import Store, instant, wire_instant
from sandbox.webhooks import Courier, Parcel

__all__ = ["SUBSCRIPTION_TABLE", "Subscriptions", "messages_of"]

Json = dict[str, Any]
SUBSCRIPTION_TABLE = """
CREATE TABLE IF NOT EXISTS subscription (
    id INTEGER PRIMARY KEY AUTOINCREMENT, shop TEXT NOT NULL, client_id TEXT NOT NULL, topic TEXT NOT NULL,
    uri TEXT NOT NULL, include_fields TEXT NOT NULL, api_version TEXT NOT NULL, created_at TEXT NOT NULL,
    UNIQUE (shop, client_id, topic, uri)
);
"""
# eight tries more over four hours
RETRY_PAUSES_SECONDS = (60, 180, 480, 900, 1500, 2400, 3600, 5280)
_TOPICS = {
    "place": ("ORDERS_CREATE",),
    "pay": ("ORDER_TRANSACTIONS_CREATE", "ORDERS_UPDATED", "ORDERS_PAID"),
    "capture": ("ORDER_TRANSACTIONS_CREATE", "ORDERS_UPDATED", "ORDERS_PAID"),
    "void": ("ORDER_TRANSACTIONS_CREATE", "ORDERS_UPDATED"),
    "edit": ("ORDERS_EDITED", "ORDERS_UPDATED"),
    "exchange": ("ORDERS_UPDATED",),
    "cancel": ("ORDERS_CANCELLED", "ORDERS_UPDATED"),
    "refund": ("REFUNDS_CREATE", "ORDERS_UPDATED"),
}


class Subscriptions:
    """Who wants to hear of what, in all shops."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.courier = Courier(store, _sign, RETRY_PAUSES_SECONDS, _delete)

    def create(
        self, shop: str, client_id: str, topic: str, uri: str, fields: list[str], version: str, now: datetime
    ) -> int:
        """
        Subscribe; the subscription's number.

        :raises EventRefused: the app has that subscription already.
        """
        with self._store.write() as connection:
            row = connection.execute(
                "INSERT INTO subscription (shop, client_id, topic, uri, include_fields, api_version, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
                (shop, client_id, topic, uri, ",".join(fields), version, wire_instant(now)),
            ).fetchone()
        if row is None:
            raise EventRefused("Address for this topic has already been taken")
        return int(row["id"])

    def delete(self, shop: str, client_id: str, number: int) -> bool:
        """Unsubscribe; False when there is no such subscription of that app."""
        with self._store.write() as connection:
            found = connection.execute(
                "DELETE FROM subscription WHERE id = ? AND shop = ? AND client_id = ?", (number, shop, client_id)
            )
            return found.rowcount > 0

    def of_app(self, shop: str, client_id: str) -> list[sqlite3.Row]:
        """An app's subscriptions in a shop, oldest first."""
        rows = self._store.connection.execute(
            "SELECT * FROM subscription WHERE shop = ? AND client_id = ? ORDER BY id", (shop, client_id)
        )
        return rows.fetchall()

    def announce(self, connection: sqlite3.Connection, shop: str, topic: str, body: Json, at: datetime) -> None:
        """Tell every subscriber, once the transaction is through and ``courier.depart`` was called."""
        rows = connection.execute(
            "SELECT subscription.*, client_secret FROM subscription JOIN app USING (client_id)"
            " WHERE shop = ? AND topic = ?",
            (shop, topic),
        ).fetchall()
        event_id = str(uuid.uuid4())
        for row in rows:
            fields = row["include_fields"].split(",") if row["include_fields"] else list(body)
            headers = {
                "Content-Type": "application/json",
                "X-Shopify-Topic": _header_topic(topic),
                "X-Shopify-Shop-Domain": shop,
                "X-Shopify-API-Version": row["api_version"],
                "X-Shopify-Webhook-Id": str(uuid.uuid4()),
                "X-Shopify-Event-Id": event_id,
                "X-Shopify-Triggered-At": wire_instant(at),
            }
            sent = orjson.dumps({name: body[name] for name in fields if name in body})
            self.courier.post(connection, Parcel(str(row["id"]), row["uri"], row["client_secret"], headers, sent))


def messages_of(verb: str, order: Json, zone: str) -> Iterator[tuple[str, Json]]:
    """Topic and REST-shaped body of everything an event says, by its verb and the order after it."""
    for topic in _TOPICS[verb]:
        if topic == "ORDERS_PAID" and order["displayFinancialStatus"] != "PAID":
            continue
        if topic == "ORDER_TRANSACTIONS_CREATE":
            yield topic, _transaction_body(order, order["transactions"][-1], zone)
        elif topic == "REFUNDS_CREATE":
            yield topic, _refund_body(order, order["refunds"][-1], zone)
        else:
            yield topic, _order_body(order, zone)


def _order_body(order: Json, zone: str) -> Json:
    customer = order["customer"]
    return {
        "id": int(order["legacyResourceId"]),
        "admin_graphql_api_id": order["id"],
        "name": order["name"],
        "order_number": order["number"],
        "email": order["email"],
        "created_at": _local(order["createdAt"], zone),
        "processed_at": _local(order["processedAt"], zone),
        "updated_at": _local(order["updatedAt"], zone),
        "cancelled_at": _local(order["cancelledAt"], zone),
        "cancel_reason": order["cancelReason"] and order["cancelReason"].lower(),
        "currency": order["currencyCode"],
        "financial_status": order["displayFinancialStatus"].lower(),
        "taxes_included": order["taxesIncluded"],
        "subtotal_price": _amount(order["subtotalPriceSet"]),
        "total_tax": _amount(order["totalTaxSet"]),
        "total_discounts": _amount(order["totalDiscountsSet"]),
        "total_price": _amount(order["totalPriceSet"]),
        "current_total_price": _amount(order["currentTotalPriceSet"]),
        "total_outstanding": _amount(order["totalOutstandingSet"]),
        "test": order["test"],
        "customer": customer and {"id": int(customer["legacyResourceId"]), "email": customer["email"]},
        "line_items": [
            {
                "id": _number(line["id"]),
                "sku": line["sku"],
                "title": line["title"],
                "quantity": line["quantity"],
                "current_quantity": line["currentQuantity"],
                "price": _amount(line["originalUnitPriceSet"]),
            }
            for line in order["lineItems"]
        ],
    }


def _transaction_body(order: Json, transaction: Json, zone: str) -> Json:
    return {
        "id": _number(transaction["id"]),
        "admin_graphql_api_id": transaction["id"],
        "order_id": int(order["legacyResourceId"]),
        "kind": transaction["kind"].lower(),
        "status": transaction["status"].lower(),
        "gateway": transaction["gateway"],
        "amount": _amount(transaction["amountSet"]),
        "currency": order["currencyCode"],
        "created_at": _local(transaction["createdAt"], zone),
        "payment_id": transaction["paymentId"],
    }


def _refund_body(order: Json, refund: Json, zone: str) -> Json:
    return {
        "id": int(refund["legacyResourceId"]),
        "admin_graphql_api_id": refund["id"],
        "order_id": int(order["legacyResourceId"]),
        "created_at": _local(refund["createdAt"], zone),
        "refund_line_items": [
            {
                "id": _number(item["id"]),
                "line_item_id": _number(item["lineItem"]["id"]),
                "quantity": item["quantity"],
                "subtotal": _amount(item["subtotalSet"]),
                "total_tax": _amount(item["totalTaxSet"]),
            }
            for item in refund["refundLineItems"]
        ],
        "transactions": [_transaction_body(order, transaction, zone) for transaction in refund["transactions"]],
    }


def _amount(bag: Json) -> str:
    return str(bag["shopMoney"]["amount"])


def _number(gid: str) -> int:
    return int(gid.rpartition("/")[2])


def _local(moment: str | None, zone: str) -> str | None:
    return instant(moment).astimezone(ZoneInfo(zone)).isoformat() if moment else None


def _header_topic(topic: str) -> str:
    """``ORDERS_UPDATED`` reads ``orders/updated`` in the header."""
    subject, _, what = topic.rpartition("_")
    return f"{subject}/{what}".lower()


def _sign(secret: str, body: bytes) -> dict[str, str]:
    signature = hmac.digest(secret.encode(), body, hashlib.sha256)
    return {"X-Shopify-Hmac-Sha256": base64.b64encode(signature).decode()}


def _delete(connection: sqlite3.Connection, subscription: str) -> None:
    """Nobody answered to the last try: a subscription made through the API is deleted."""
    connection.execute("DELETE FROM subscription WHERE id = ?", (subscription,))
