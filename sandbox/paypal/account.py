"""
The account's books: every movement of money is a transaction, so the balance is their sum.

Source: sources.md PayPal §2.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
import time
from base64 import b32encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from pydantic import Field

from sandbox.faults import FAULT_TABLE
from sandbox.kept_settings import KeptSettings
from sandbox.paypal.errors import EventRefused
from sandbox.store import BusinessClock, Store, instant

__all__ = ["SEARCH_SCOPE", "TOKEN_SECONDS", "Account", "Settings", "wire"]

Json = dict[str, Any]
Event = Mapping[str, Any]

SEARCH_SCOPE = "https://uri.paypal.com/services/reporting/search/read"
BALANCES_SCOPE = "https://uri.paypal.com/services/reporting/balances/read"
TOKEN_SECONDS = 32400
SUCCEEDED = ("S", "V")
_TEXT = re.compile(r"^[a-zA-Z0-9_'\-., \":;!?]{1,127}$")
_SCHEMA = f"""
{FAULT_TABLE}
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS account (id TEXT PRIMARY KEY, currency TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS app (client_id TEXT PRIMARY KEY, secret TEXT NOT NULL, scopes TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS token (token TEXT PRIMARY KEY, scopes TEXT NOT NULL, ends_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS moved (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT NOT NULL UNIQUE, id TEXT NOT NULL UNIQUE, order_name TEXT,
    begun_at TEXT NOT NULL, document BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS moved_by_time ON moved (begun_at, seq);
"""


class Settings(KeptSettings):
    """What a person may set differently while it runs."""

    lag_seconds: int = Field(0, description="How old what PayPal tells of is; the real one takes up to three hours.")
    maximum_items: int = Field(10_000, description="What one search gives at most.")


class Account:
    """
    One business account.

    :raises EventRefused: from the verbs of people, when the event contradicts what the account holds.
    """

    def __init__(self, data_dir: Path) -> None:
        self.store = Store(data_dir / "paypal.db", _SCHEMA)
        self.clock = BusinessClock(self.store)

    def seed(self, company: Mapping[str, Any], client_id: str, client_secret: str, account: str, **more: Any) -> Json:
        """Open the account, in the currency that the company says, for one app; nothing is in it."""
        scopes = more.get("scopes", f"{SEARCH_SCOPE} {BALANCES_SCOPE}")
        with self.store.write() as connection:
            for table in ("account", "app", "token", "moved"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608
            connection.execute("INSERT INTO account VALUES (?, ?)", (account, company["paypal"]))
            connection.execute("INSERT INTO app VALUES (?, ?, ?)", (client_id, client_secret, scopes))
        return {"id": account}

    @property
    def profile(self) -> Json:
        """Its merchant id and currency; empty before it was opened."""
        row = self.store.connection.execute("SELECT id, currency FROM account").fetchone()
        return dict(row) if row else {}

    def token(self, client_id: str, secret: str) -> Json | None:
        """A token of an app; None where it shows a wrong secret."""
        with self.store.write() as connection:
            row = connection.execute("SELECT secret, scopes FROM app WHERE client_id = ?", (client_id,)).fetchone()
            if row is None or not secrets.compare_digest(row["secret"], secret):
                return None
            token = f"A21AA{secrets.token_urlsafe(48)}"
            connection.execute(
                "INSERT INTO token VALUES (?, ?, ?)", (token, row["scopes"], time.time() + TOKEN_SECONDS)
            )
        told = {
            "scope": row["scopes"],
            "access_token": token,
            "token_type": "Bearer",
            "app_id": "APP-80W284485P519543T",
        }
        return told | {"expires_in": TOKEN_SECONDS, "nonce": secrets.token_hex(16)}

    def scopes(self, token: str) -> frozenset[str] | None:
        """What a token is good for; None where it is nobody's or has ended."""
        found = self.store.connection.execute("SELECT scopes, ends_at FROM token WHERE token = ?", (token,)).fetchone()
        if found is None or found["ends_at"] < time.time():
            return None
        return frozenset(found["scopes"].split())

    @property
    def told_until(self) -> datetime:
        """Up to when PayPal tells what happened."""
        return self.clock.now() - timedelta(seconds=Settings.read(self.store).lag_seconds)

    def transactions(self, start: datetime, end: datetime) -> list[Json]:
        """What began from ``start`` to ``end``, both included, oldest first."""
        query = "SELECT document FROM moved WHERE begun_at BETWEEN ? AND ? ORDER BY begun_at, seq"
        rows = self.store.connection.execute(query, (wire(start), wire(min(end, self.told_until))))
        return [orjson.loads(row["document"]) for row in rows]

    def balances(self, at: datetime) -> dict[str, Decimal]:
        """What it held, by currency."""
        held = {self.profile["currency"]: Decimal(0)}
        for each in self.transactions(datetime.min.replace(tzinfo=at.tzinfo, year=2000), at):
            if each["transaction_status"] in SUCCEEDED:
                currency = each["transaction_amount"]["currency_code"]
                fee = each.get("fee_amount", {}).get("value", "0")
                held[currency] = (
                    held.get(currency, Decimal(0)) + Decimal(each["transaction_amount"]["value"]) + Decimal(fee)
                )
        return held

    def pay(self, event: Event, order: Mapping[str, Any]) -> Json:
        """
        A buyer pays an order (golden ``pay``): the shop gives its number without ``#`` as invoice id.

        Beyond the golden form: ``invoice_id``, ``custom_field``, ``status: "P"`` until ``complete``, ``currency``.
        """
        told = {"invoice_id": event.get("invoice_id", order["name"].replace("#", "")), **_given(event, "custom_field")}
        currency = event.get("currency", order["currency"])
        return self._move(event, "T0006", Decimal(event["amount"]), currency, order["name"], **told)

    def refund(self, event: Event, order: Mapping[str, Any]) -> Json:
        """The shop gives money of an order back (golden ``refund``); PayPal keeps its fee."""
        amount = Decimal(event["amount"])
        with self.store.write() as connection:
            query = "SELECT document FROM moved WHERE order_name = ? ORDER BY seq"
            mine = [orjson.loads(row["document"]) for row in connection.execute(query, (order["name"],))]
            left = {each["transaction_id"]: Decimal(each["transaction_amount"]["value"]) for each in mine}
            for each in mine:
                if each["transaction_event_code"] == "T1107":
                    left[each["paypal_reference_id"]] += Decimal(each["transaction_amount"]["value"])
            paid = [each for each in mine if each["transaction_event_code"] == "T0006"]
            payment = next((each for each in paid if left[each["transaction_id"]] >= amount), None)
            if payment is None:
                raise EventRefused(
                    f"Order {order['name']}: no payment has {amount} left to give back. Pay it, or correct `amount`."
                )
            told = {name: payment[name] for name in ("invoice_id", "custom_field") if name in payment}
            told |= {"paypal_reference_id": payment["transaction_id"], "paypal_reference_id_type": "TXN"}
            currency = payment["transaction_amount"]["currency_code"]
            done = self._book(connection, event, "T1107", -amount, currency, order["name"], **told)
            if left[payment["transaction_id"]] == amount:
                payment |= {"transaction_status": "V", "transaction_updated_date": done["transaction_updated_date"]}
                self._keep(connection, payment)
        return done

    def withdraw(self, event: Event) -> Json:
        """Money goes to the bank: ``id``, perhaps ``amount`` (all that is there); below nothing it comes from it."""
        now = self.clock.now()
        amount = Decimal(event["amount"]) if "amount" in event else self.balances(now)[self.profile["currency"]]
        code = "T0400" if amount >= 0 else "T0300"
        return self._move({"at": wire(now), **event}, code, -amount, self.profile["currency"], None)

    def move(self, event: Event) -> Json:
        """
        Whatever else: ``id``, ``at``, ``code``, ``amount`` with its sign, perhaps ``fee``, ``currency`` and ``about``,
        the payment that it takes back or gives again.
        """
        currency = event.get("currency", self.profile["currency"])
        told = {}
        if "about" in event:
            told = {"paypal_reference_id": self._known(event["about"]), "paypal_reference_id_type": "TXN"}
        return self._move(event, event["code"], Decimal(event["amount"]), currency, None, **told)

    def _known(self, reference: str) -> str:
        """PayPal's id of what people call so."""
        row = self.store.connection.execute("SELECT id FROM moved WHERE reference = ?", (reference,)).fetchone()
        if row is None:
            raise EventRefused(f"PayPal knows no {reference}. Play its event first.")
        return str(row["id"])

    def complete(self, reference: str, event: Event) -> Json:
        """What was pending has succeeded: ``at``."""
        with self.store.write() as connection:
            row = connection.execute("SELECT document FROM moved WHERE reference = ?", (reference,)).fetchone()
            document: Json = orjson.loads(row["document"]) if row else {"transaction_status": None}
            if document["transaction_status"] != "P":
                raise EventRefused(f"There is no pending {reference}. Choose another.")
            at = self.clock.reach(connection, instant(event["at"]))
            document |= {"transaction_status": "S", "transaction_updated_date": wire(at)}
            self._keep(connection, document)
        return document

    def _move(
        self, event: Event, code: str, amount: Decimal, currency: str, order_name: str | None, **told: str
    ) -> Json:
        with self.store.write() as connection:
            return self._book(connection, event, code, amount, currency, order_name, **told)

    def _book(
        self,
        connection: sqlite3.Connection,
        event: Event,
        code: str,
        amount: Decimal,
        currency: str,
        order_name: str | None,
        **told: str,
    ) -> Json:
        for name in ("invoice_id", "custom_field"):
            if name in told and not _TEXT.fullmatch(told[name]):
                raise EventRefused(
                    f"PayPal takes no {name} {told[name]!r}: 127 letters, digits or _'-., \":;!? at most."
                )
        at = wire(self.clock.reach(connection, instant(event["at"])))
        document = {
            "transaction_id": _id_of(event["id"]),
            "transaction_event_code": code,
            "transaction_initiation_date": at,
            "transaction_updated_date": at,
            "transaction_amount": {"currency_code": currency, "value": f"{amount:.2f}"},
            "transaction_status": event.get("status", "S"),
            **told,
        }
        if fee := Decimal(event.get("fee", "0")):
            document["fee_amount"] = {"currency_code": currency, "value": f"{-fee:.2f}"}
        connection.execute(
            "INSERT INTO moved (reference, id, order_name, begun_at, document) VALUES (?, ?, ?, ?, ?)",
            (event["id"], document["transaction_id"], order_name, at, orjson.dumps(document)),
        )
        return document

    @staticmethod
    def _keep(connection: sqlite3.Connection, document: Json) -> None:
        connection.execute(
            "UPDATE moved SET document = ? WHERE id = ?", (orjson.dumps(document), document["transaction_id"])
        )


def wire(moment: datetime) -> str:
    """The form PayPal writes times in."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S+0000")


def _id_of(reference: str) -> str:
    """Seventeen letters and digits, as PayPal's are."""
    return b32encode(hashlib.sha256(reference.encode()).digest()).decode()[:17]


def _given(event: Event, *names: str) -> dict[str, str]:
    return {name: event[name] for name in names if name in event}
