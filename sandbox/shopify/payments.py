"""
Shopify Payments of each shop: every movement of money is a balance transaction, so the balance is their sum.

Source: sources.md Shopify §4.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import orjson

from sandbox.shopify.errors import EventRefused
from sandbox.shopify.rendering import gid
from sandbox.shopify.sales import SHOPIFY_PAYMENTS
from sandbox.store import BusinessClock, Store, instant, wire_instant

__all__ = ["PAYMENTS_TABLES", "Payments"]

Json = dict[str, Any]
Event = Mapping[str, Any]

PAYMENTS_TABLES = """
CREATE TABLE IF NOT EXISTS payments_account (shop TEXT PRIMARY KEY, currency TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS balance_transaction (
    id INTEGER PRIMARY KEY AUTOINCREMENT, shop TEXT NOT NULL, reference TEXT, transaction_type TEXT NOT NULL,
    currency TEXT NOT NULL, processed_at TEXT NOT NULL, payout_id INTEGER, payout_status TEXT NOT NULL,
    payout_date TEXT, document BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS payout (
    id INTEGER PRIMARY KEY AUTOINCREMENT, shop TEXT NOT NULL, reference TEXT NOT NULL, issued_at TEXT NOT NULL,
    status TEXT NOT NULL, currency TEXT NOT NULL, cents INTEGER NOT NULL, document BLOB NOT NULL,
    UNIQUE (shop, reference)
);
"""
_FIRST_IDS = {"balance_transaction": 2_100_000_000, "payout": 90_000_000}
_SOURCES = {"SALE": "CHARGE", "CAPTURE": "CHARGE", "REFUND": "REFUND"}
_OWN = ("TRANSFER", "TRANSFER_FAILURE", "TRANSFER_CANCEL")
"""Types of transactions that are a payout's own."""
CENT = Decimal("0.01")
ZERO = Decimal(0)


class Payments:
    """
    The accounts of all shops that have one.

    :raises EventRefused: from every verb, when it contradicts what the account holds.
    """

    def __init__(self, store: Store, clock: BusinessClock) -> None:
        self._store = store
        self._clock = clock

    @staticmethod
    def open(connection: sqlite3.Connection, shop: str, currency: str | None) -> None:
        """Give a shop an account that pays out in that currency; None: it has none."""
        connection.execute("DELETE FROM payments_account WHERE shop = ?", (shop,))
        if currency is not None:
            connection.execute("INSERT INTO payments_account VALUES (?, ?)", (shop, currency))
        for table, first in _FIRST_IDS.items():
            connection.execute(
                "INSERT INTO sqlite_sequence SELECT ?, ? WHERE ? NOT IN (SELECT name FROM sqlite_sequence)",
                (table, first, table),
            )

    def currency(self, shop: str) -> str | None:
        """What a shop's account pays out in; None: it has no account."""
        found = self._store.connection.execute("SELECT currency FROM payments_account WHERE shop = ?", (shop,))
        row = found.fetchone()
        return row["currency"] if row else None

    def balance(self, shop: str) -> list[Json]:
        """What a shop's account holds, by currency."""
        sums: dict[str, Decimal] = {str(self.currency(shop)): ZERO}
        for row in self._store.connection.execute("SELECT document FROM balance_transaction WHERE shop = ?", (shop,)):
            net = orjson.loads(row["document"])["net"]
            sums[net["currencyCode"]] = sums.get(net["currencyCode"], ZERO) + Decimal(net["amount"])
        return [_money(amount, currency) for currency, amount in sums.items()]

    def book_order(self, connection: sqlite3.Connection, shop: str, order: Json, event: Event, rate: str) -> None:
        """
        Book what happened to an order, where money moved through this gateway.

        :param event: its transaction's ``id``, ``fee`` in the account's currency, ``settled`` where it is not amount
            times rate.
        :param rate: units of the account's currency for one of the order's.
        """
        moved = next((each for each in order["transactions"] if each["receiptJson"]["id"] == event.get("id")), None)
        if moved is None or moved["gateway"] != SHOPIFY_PAYMENTS or moved["status"] != "SUCCESS":
            return
        if moved["kind"] not in _SOURCES:
            return
        currency = self._must_have(shop)
        kind = _SOURCES[moved["kind"]]
        amount = Decimal(moved["amountSet"]["shopMoney"]["amount"])
        if order["currencyCode"] != currency:
            amount = (amount * Decimal(event.get("rate") or rate)).quantize(CENT, ROUND_HALF_UP)
        amount = Decimal(event.get("settled", amount))
        number = moved["id"].rpartition("/")[2]
        self._book(
            connection,
            shop,
            {
                "type": kind,
                "sourceType": kind,
                "sourceId": number,
                "sourceOrderTransactionId": number,
                "associatedOrder": {"id": order["id"], "name": order["name"]},
                "at": moved["processedAt"],
            },
            amount if kind == "CHARGE" else -amount,
            Decimal(event.get("fee", 0)) if kind == "CHARGE" else ZERO,
            event["id"],
        )

    def move(self, shop: str, event: Event) -> Json:
        """
        Shopify moves money itself: ``id``, ``type`` as in its schema, ``amount`` with its sign, ``at``, perhaps
        ``fee``, ``reason``, ``source_type`` and ``about`` (the id of the payment it is about).
        """
        with self._store.write() as connection:
            at = wire_instant(self._clock.reach(connection, instant(event["at"])))
            about = self._known(event["about"], shop) if "about" in event else {}
            return self._book(
                connection,
                shop,
                {
                    "type": event["type"],
                    "sourceType": event.get("source_type", "ADJUSTMENT"),
                    "sourceOrderTransactionId": about.get("sourceOrderTransactionId"),
                    "associatedOrder": about.get("associatedOrder"),
                    "adjustmentReason": event.get("reason"),
                    "at": at,
                },
                Decimal(event["amount"]),
                Decimal(event.get("fee", 0)),
                event["id"],
            )

    def pay_out(self, shop: str, event: Event) -> Json:
        """
        Send what ``covers`` names (ids of payments, refunds, movements; without it all that waits) to the bank:
        ``id``, ``arrives``, perhaps ``amount``, and ``status: "SCHEDULED"`` until ``end_payout``.

        Less than nothing is a withdrawal from the bank.
        """
        with self._store.write() as connection:
            currency = self._must_have(shop)
            where, parameters = "shop = ? AND payout_id IS NULL AND transaction_type <> 'TRANSFER'", [shop]
            if "covers" in event:
                where += f" AND reference IN ({', '.join('?' * len(event['covers']))})"
                parameters += event["covers"]
            rows = connection.execute(
                f"SELECT id, document FROM balance_transaction WHERE {where} ORDER BY id",  # noqa: S608
                parameters,
            ).fetchall()
            net = sum((Decimal(orjson.loads(row["document"])["net"]["amount"]) for row in rows), ZERO)
            if len(rows) != len(event.get("covers", rows)) or not rows:
                raise EventRefused(
                    f"Payout {event['id']}: {len(rows)} of what it covers wait for one. Correct `covers`."
                )
            if net != Decimal(event.get("amount", net)):
                raise EventRefused(f"Payout {event['id']}: what it covers adds up to {net}. Correct `amount`.")
            number = _next_id(connection, "payout")
            document = {
                "__typename": "ShopifyPaymentsPayout",
                "id": gid("ShopifyPaymentsPayout", number),
                "legacyResourceId": str(number),
                "issuedAt": f"{event['arrives']}T00:00:00Z",
                "externalTraceId": event["id"],
                "net": _money(abs(net), currency),
                "transactionType": "DEPOSIT" if net >= 0 else "WITHDRAWAL",
                "status": event.get("status", "PAID"),
                "summary": _summary([orjson.loads(row["document"]) for row in rows], currency),
            }
            self._keep_payout(connection, shop, document)
            for row in rows:
                self._take(connection, row["id"], number)
            self._own(connection, shop, document, "TRANSFER", -net, taken=True)
            self._mark(connection, document)
        return document

    def end_payout(self, shop: str, reference: str, status: str) -> Json:
        """A payout is PAID, or FAILED or CANCELED, perhaps long after it was paid: then its money is back."""
        with self._store.write() as connection:
            found = connection.execute(
                "SELECT document FROM payout WHERE shop = ? AND reference = ?", (shop, reference)
            ).fetchone()
            document: Json = orjson.loads(found["document"]) if found else {"status": "FAILED"}
            if document["status"] in ("FAILED", "CANCELED"):
                raise EventRefused(f"There is no payout {reference} that can become {status}. Choose another.")
            document["status"] = status
            self._keep_payout(connection, shop, document)
            self._mark(connection, document)
            if status in ("FAILED", "CANCELED"):
                net = Decimal(document["net"]["amount"]) * (-1 if document["transactionType"] == "WITHDRAWAL" else 1)
                kind = "TRANSFER_FAILURE" if status == "FAILED" else "TRANSFER_CANCEL"
                self._own(connection, shop, document, kind, net, taken=False)
        return document

    def _must_have(self, shop: str) -> str:
        currency = self.currency(shop)
        if currency is None:
            raise EventRefused(f"Shop {shop} has no Shopify Payments. Seed it with `shopify_payments`, its currency.")
        return currency

    def _known(self, reference: str, shop: str) -> Json:
        row = self._store.connection.execute(
            "SELECT document FROM balance_transaction WHERE shop = ? AND reference = ? ORDER BY id", (shop, reference)
        ).fetchone()
        if row is None:
            raise EventRefused(f"Shopify Payments knows no {reference}. Play its event first.")
        found: Json = orjson.loads(row["document"])
        return found

    def _own(
        self, connection: sqlite3.Connection, shop: str, payout: Json, kind: str, amount: Decimal, *, taken: bool
    ) -> None:
        number = int(payout["legacyResourceId"])
        own = {
            "type": kind,
            "sourceType": "TRANSFER",
            "sourceId": str(number),
            "at": wire_instant(self._clock.now()),
        }
        booked = self._book(connection, shop, own, amount, ZERO, None)
        if taken:
            self._take(connection, int(booked["id"].rpartition("/")[2]), number)

    def _book(
        self,
        connection: sqlite3.Connection,
        shop: str,
        what: Json,
        amount: Decimal,
        fee: Decimal,
        reference: str | None,
    ) -> Json:
        currency = self._must_have(shop)
        number = _next_id(connection, "balance_transaction")
        at = what.pop("at")
        document = {
            "__typename": "ShopifyPaymentsBalanceTransaction",
            "id": gid("ShopifyPaymentsBalanceTransaction", number),
            "sourceId": None,
            "sourceOrderTransactionId": None,
            "associatedOrder": None,
            "adjustmentReason": None,
            "adjustmentsOrders": [],
            **what,
            "amount": _money(amount, currency),
            "fee": _money(fee, currency),
            "net": _money(amount - fee, currency),
            "transactionDate": at,
            "test": False,
            "associatedPayout": {"id": None, "status": "PENDING"},
        }
        connection.execute(
            "INSERT INTO balance_transaction VALUES (?, ?, ?, ?, ?, ?, NULL, 'PENDING', NULL, ?)",
            (number, shop, reference, document["type"], currency, at, orjson.dumps(document)),
        )
        return document

    @staticmethod
    def _take(connection: sqlite3.Connection, number: int, payout: int) -> None:
        connection.execute("UPDATE balance_transaction SET payout_id = ? WHERE id = ?", (payout, number))

    @staticmethod
    def _keep_payout(connection: sqlite3.Connection, shop: str, document: Json) -> None:
        net = document["net"]
        connection.execute(
            "INSERT OR REPLACE INTO payout VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                int(document["legacyResourceId"]),
                shop,
                document["externalTraceId"],
                document["issuedAt"],
                document["status"],
                net["currencyCode"],
                int(Decimal(net["amount"]) / CENT),
                orjson.dumps(document),
            ),
        )

    @staticmethod
    def _mark(connection: sqlite3.Connection, payout: Json) -> None:
        """Let what a payout took say what has become of it."""
        number, status = int(payout["legacyResourceId"]), payout["status"]
        taken = "SELECT id, document FROM balance_transaction WHERE payout_id = ?"
        for row in connection.execute(taken, (number,)).fetchall():
            document = orjson.loads(row["document"]) | {"associatedPayout": {"id": payout["id"], "status": status}}
            connection.execute(
                "UPDATE balance_transaction SET payout_status = ?, payout_date = ?, document = ? WHERE id = ?",
                (status, payout["issuedAt"], orjson.dumps(document), row["id"]),
            )


def _summary(items: list[Json], currency: str) -> Json:
    """Sums of a payout's parts by what they come from."""
    names = {"CHARGE": ("chargesGross", "chargesFee"), "REFUND": ("refundsFeeGross", "refundsFee")}
    others, retried = ("adjustmentsGross", "adjustmentsFee"), ("retriedPayoutsGross", "retriedPayoutsFee")
    sums = dict.fromkeys([*names["CHARGE"], *names["REFUND"], *others, *retried], ZERO)
    for item in items:
        gross, fee = retried if item["type"] in _OWN else names.get(item["type"], others)
        sums[gross] += Decimal(item["amount"]["amount"])
        sums[fee] += Decimal(item["fee"]["amount"])
    return {name: _money(amount, currency) for name, amount in sums.items()}


def _money(amount: Decimal, currency: str) -> Json:
    return {"amount": str(amount.quantize(CENT)), "currencyCode": currency}


def _next_id(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()["seq"]) + 1
