"""
What the gateway does with money. Every movement writes a balance transaction, so the balance is their sum.

Amounts of balance transactions are in the account's currency: the charged amount times the rate, half-up; the fee
is given by whoever plays the gateway.

Source: facts/shops.md B2.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.store import instant
from sandbox.stripe.currencies import convert, to_minor
from sandbox.stripe.errors import EventRefused
from sandbox.stripe.events import EventLog
from sandbox.stripe.models import Account, epoch, make_id, midnight

__all__ = ["Gateway", "Movement"]

Json = dict[str, Any]
Event = Mapping[str, Any]
SETTLEMENT_SECONDS = 2 * 24 * 3600


@dataclass(frozen=True)
class Movement:
    """
    Money in or out of the balance.

    :param amount: minor units of ``currency``, negative when it leaves.
    :param rate: units of the account's currency for one of ``currency``.
    :param fee: minor units of the account's currency.
    """

    source: str
    type: str
    amount: int
    currency: str
    created: int
    rate: Decimal = Decimal(1)
    fee: int = 0
    description: str | None = None
    reporting_category: str | None = None


class Gateway:
    """Plays the cards, the bank and the merchant of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._events = EventLog(account)

    def charge(self, event: Event, order: Mapping[str, Any]) -> Json:
        """
        A customer pays for an order (golden ``pay`` event); its metadata names the order.

        :raises EventRefused: the id is taken, or the amount doesn't fit the currency.
        """
        with self._account.store.write() as connection:
            created = self._reach(connection, event["at"])
            if self._account.find("charge", event["id"]):
                raise EventRefused(f"Charge {event['id']} exists already. Give the event another id.")
            currency = order["currency"].lower()
            amount = _minor(event["amount"], currency)
            charge = self._new_charge(event, order, amount, currency, created)
            movement = Movement(
                charge["id"],
                "charge",
                amount,
                currency,
                created,
                rate=Decimal(event.get("rate") or order["rate"]),
                fee=_minor(event["fee"], self._account.profile["currency"]),
                description=charge["description"],
            )
            charge["balance_transaction"] = self._move(connection, movement, order["name"])["id"]
            self._account.save(connection, self._new_intent(charge), order_name=order["name"])
            self._account.save(connection, charge, order_name=order["name"])
            self._events.record(connection, "charge.succeeded", charge, created)
        return charge

    def refund(self, event: Event, order: Mapping[str, Any]) -> Json:
        """
        Money of an order goes back (golden ``refund`` event); the gateway keeps its fee.

        :raises EventRefused: no charge of the order has that much left, or the id is taken.
        """
        with self._account.store.write() as connection:
            created = self._reach(connection, event["at"])
            if self._account.find("refund", event["id"]):
                raise EventRefused(f"Refund {event['id']} exists already. Give the event another id.")
            amount = _minor(event["amount"], order["currency"])
            charges = self._account.of_order("charge", order["name"])
            charge = next((c for c in charges if c["amount_captured"] - c["amount_refunded"] >= amount), None)
            if charge is None:
                left = [c["amount_captured"] - c["amount_refunded"] for c in charges]
                raise EventRefused(
                    f"Order {order['name']}: no charge has {amount} minor units left to refund, they have {left}. "
                    "Pay it first, or correct `amount`."
                )
            rate = Decimal(event.get("rate") or order["rate"])
            return self.give_back(connection, charge, event["id"], amount, created, rate, order["name"])

    def give_back(
        self,
        connection: sqlite3.Connection,
        charge: Json,
        identity: str,
        amount: int,
        created: int,
        rate: Decimal,
        order_name: str | None,
    ) -> Json:
        """Refund ``amount`` minor units of a charge that has as much left."""
        refund = {
            "id": identity,
            "object": "refund",
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "created": created,
            "currency": charge["currency"],
            "destination_details": {"card": {"type": "refund"}, "type": "card"},
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "reason": None,
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "succeeded",
            "transfer_reversal": None,
        }
        movement = Movement(identity, "refund", -amount, charge["currency"], created, rate=rate)
        refund["balance_transaction"] = self._move(connection, movement, order_name)["id"]
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self._account.save(connection, refund, order_name=order_name)
        self._account.save(connection, charge)
        self._events.record(connection, "refund.created", refund, created)
        self._events.record(connection, "charge.refunded", charge, created)
        return refund

    def pay_out(self, payout: Mapping[str, Any]) -> Json:
        """
        Send the money of charges and refunds to the bank (golden payout), as one automatic payout.

        :raises EventRefused: something it covers is unknown or paid out already, or the nets don't add up.
        """
        with self._account.store.write() as connection:
            created = self._account.now()
            currency = self._account.profile["currency"]
            covered = [self._movement_of(source) for source in payout["covers"]]
            amount, nets = _minor(payout["amount"], currency), sum(t["net"] for t in covered)
            if amount != nets:
                raise EventRefused(
                    f"Payout {payout['id']}: what it covers adds up to {nets} minor units, `amount` says {amount}. "
                    "Correct one of them."
                )
            if self._account.find("payout", payout["id"]):
                raise EventRefused(f"Payout {payout['id']} exists already. Give it another id.")
            document = self._new_payout(payout["id"], amount, currency, created, midnight(payout["arrives"]))
            movement = Movement(payout["id"], "payout", -amount, currency, created, description="STRIPE PAYOUT")
            own = self._move(connection, movement, None, payout["id"])
            for transaction in covered:
                transaction["available_on"] = min(transaction["available_on"], created)
                self._account.save(connection, transaction, payout=payout["id"])
            document["balance_transaction"] = own["id"]
            self._account.save(connection, document, payout=payout["id"])
            for name in ("payout.created", "payout.paid", "payout.reconciliation_completed"):
                self._events.record(connection, name, document, created)
        return document

    def balance(self) -> Json:
        """The balance by currency: what is available and what is still pending."""
        sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
        currency = self._account.profile["currency"]
        for parts in sums.values():
            parts[currency] = 0
        for transaction in self._account.transactions():
            part = sums[transaction["status"]]
            part[transaction["currency"]] = part.get(transaction["currency"], 0) + transaction["net"]
        return {
            "object": "balance",
            **{
                part: [
                    {"amount": amount, "currency": name, "source_types": {"card": amount}}
                    for name, amount in sorted(amounts.items())
                ]
                for part, amounts in sums.items()
            },
            "livemode": bool(self._account.profile["livemode"]),
        }

    def _reach(self, connection: sqlite3.Connection, at: str) -> int:
        """When something happens: its own time, which the business clock has reached by then."""
        self._account.clock.reach(connection, instant(at))
        return epoch(instant(at))

    def _movement_of(self, source: str) -> Json:
        kind = "refund" if source.startswith("re") else "charge"
        document = self._account.find(kind, source)
        if document is None or document["balance_transaction"] is None:
            raise EventRefused(f"There is no settled {kind} {source} to pay out. Play its event first.")
        transaction = self._account.get("balance_transaction", document["balance_transaction"])
        payout = self._account.payout_of(transaction["id"])
        if payout:
            raise EventRefused(f"{source} went out with payout {payout} already. Take it out of `covers`.")
        return transaction

    def _move(
        self, connection: sqlite3.Connection, movement: Movement, order_name: str | None, payout: str | None = None
    ) -> Json:
        currency = self._account.profile["currency"]
        amount = convert(movement.amount, movement.currency, movement.rate, currency)
        fees = {"amount": movement.fee, "application": None, "currency": currency, "type": "stripe_fee"}
        at_once = movement.type == "payout"
        transaction = {
            "id": make_id("balance_transaction", movement.type, movement.source),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": movement.created + (0 if at_once else SETTLEMENT_SECONDS),
            "balance_type": "payments",
            "created": movement.created,
            "currency": currency,
            "description": movement.description,
            # a JSON number on the wire; an exact rate of a few digits survives the way through a float
            "exchange_rate": float(movement.rate) if movement.currency != currency else None,
            "fee": movement.fee,
            "fee_details": [{**fees, "description": "Stripe processing fees"}] if movement.fee else [],
            "net": amount - movement.fee,
            "reporting_category": movement.reporting_category or movement.type,
            "source": movement.source,
            "status": "pending",
            "type": movement.type,
        }
        return self._account.save(connection, transaction, order_name=order_name, payout=payout)

    def _new_charge(self, event: Event, order: Mapping[str, Any], amount: int, currency: str, created: int) -> Json:
        person = order.get("customer") or {"email": None, "first_name": "", "last_name": "", "address": {}}
        address = person["address"]
        return {
            "id": event["id"],
            "object": "charge",
            "amount": amount,
            "amount_captured": amount,
            "amount_refunded": 0,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": None,
            "billing_details": {
                "address": {
                    "city": address.get("city"),
                    "country": address.get("country"),
                    "line1": address.get("line1"),
                    "line2": address.get("line2") or None,
                    "postal_code": address.get("zip"),
                    "state": address.get("state") or None,
                },
                "email": person["email"],
                "name": f"{person['first_name']} {person['last_name']}".strip() or None,
                "phone": None,
            },
            "captured": True,
            "created": created,
            "currency": currency,
            "customer": None,
            "description": f"Order {order['name']}",
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "fraud_details": {},
            "livemode": bool(self._account.profile["livemode"]),
            "metadata": event.get("metadata", {"order_id": order["name"]}),
            "on_behalf_of": None,
            "outcome": {"network_status": "approved_by_network", "type": "authorized"},
            "paid": True,
            "payment_intent": make_id("payment_intent", event["id"]),
            "payment_method": None,
            "payment_method_details": {"card": {"brand": "visa", "last4": "4242"}, "type": "card"},
            "receipt_email": person["email"],
            "refunded": False,
            "review": None,
            "shipping": None,
            "source_transfer": None,
            "statement_descriptor": None,
            "status": "succeeded",
            "transfer_data": None,
            "transfer_group": None,
        }

    @staticmethod
    def _new_intent(charge: Json) -> Json:
        return {
            "id": charge["payment_intent"],
            "object": "payment_intent",
            "amount": charge["amount"],
            "amount_capturable": 0,
            "amount_received": charge["amount_captured"],
            "canceled_at": None,
            "capture_method": "automatic",
            "confirmation_method": "automatic",
            "created": charge["created"],
            "currency": charge["currency"],
            "customer": None,
            "description": charge["description"],
            "latest_charge": charge["id"],
            "livemode": charge["livemode"],
            "metadata": charge["metadata"],
            "payment_method": None,
            "payment_method_types": ["card"],
            "receipt_email": charge["receipt_email"],
            "status": "succeeded",
            "transfer_group": None,
        }

    def _new_payout(self, identity: str, amount: int, currency: str, created: int, arrival_date: int) -> Json:
        return {
            "id": identity,
            "object": "payout",
            "amount": amount,
            "arrival_date": arrival_date,
            "automatic": True,
            "balance_transaction": None,
            "created": created,
            "currency": currency,
            "description": "STRIPE PAYOUT",
            "destination": None,
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "livemode": bool(self._account.profile["livemode"]),
            "metadata": {},
            "method": "standard",
            "original_payout": None,
            "reconciliation_status": "completed",
            "reversed_by": None,
            "source_type": "card",
            "statement_descriptor": None,
            "status": "in_transit",
            "trace_id": {"status": "pending", "value": None},
            "type": "bank_account",
        }


def _minor(amount: str, currency: str) -> int:
    try:
        return to_minor(Decimal(amount), currency)
    except ValueError as error:
        raise EventRefused(str(error)) from error
