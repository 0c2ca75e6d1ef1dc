"""
What customers and card networks do: charges, refunds, disputes.

Amounts of balance transactions are in the account's currency: the charged amount times the rate, half-up; the fee
is given by whoever plays the gateway.

Source: sources.md Stripe §2.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from sandbox.stripe.books import Books, minor
from sandbox.stripe.errors import EventRefused
from sandbox.stripe.objects import Movement, new_charge, new_dispute, new_intent, new_refund

__all__ = ["Cards"]

Json = dict[str, Any]
Event = Mapping[str, Any]


class Cards:
    """
    Plays the card holders and their banks.

    :raises EventRefused: from every verb, when it contradicts what the account holds.
    """

    def __init__(self, books: Books) -> None:
        self._books = books

    def charge(self, event: Event, order: Mapping[str, Any]) -> Json:
        """
        A customer pays for an order (golden ``pay`` event); the charge's metadata names the order.

        Beyond the golden form: ``metadata`` (instead of that), ``captured: false`` (authorised only),
        ``settled: false`` (the balance transaction comes with ``settle``), ``status: "failed"``.
        """
        with self._books.writing() as connection:
            created = self._books.reach(connection, event["at"])
            self._books.must_be_new("charge", event["id"])
            currency = order["currency"].lower()
            charge = new_charge(
                event["id"],
                minor(event["amount"], currency),
                currency,
                created,
                self._books.livemode,
                order.get("customer"),
            )
            charge["description"] = f"Order {order['name']}"
            charge["metadata"] = event.get("metadata", {"order_id": order["name"]})
            rate = Decimal(event.get("rate") or order["rate"])
            fee = minor(event["fee"], self._books.currency)
            if event.get("status") == "failed":
                charge |= {"amount_captured": 0, "captured": False, "paid": False, "status": "failed"}
                charge |= {"failure_code": "card_declined", "failure_message": "Your card was declined."}
            elif not event.get("captured", True):
                charge |= {"amount_captured": 0, "captured": False}
            elif event.get("settled", True):
                self.settle_now(connection, charge, created, rate, fee, order["name"])
            self._books.account.save(connection, new_intent(charge), order_name=order["name"])
            self._books.account.save(connection, charge, order_name=order["name"])
            self._books.events.record(connection, f"charge.{charge['status']}", charge, created)
        return charge

    def settle(self, charge_id: str, event: Event) -> Json:
        """A captured charge gets its balance transaction late; ``at``, ``fee``, ``rate`` as in ``pay``."""
        with self._books.writing() as connection:
            created = self._books.reach(connection, event["at"])
            charge = self._books.known("charge", charge_id)
            if charge["balance_transaction"] or not charge["captured"]:
                raise EventRefused(f"Charge {charge_id} is not waiting for settlement. Choose one that is.")
            fee = minor(event["fee"], self._books.currency)
            self.settle_now(connection, charge, created, Decimal(event.get("rate", "1")), fee)
            self._books.account.save(connection, charge)
            self._books.events.record(connection, "charge.updated", charge, created)
        return charge

    def capture(self, charge_id: str, event: Event) -> Json:
        """
        Capture an authorised charge, or a part of it (``amount``): the rest is a transaction of its own.

        ``at``, ``fee``, ``rate`` as in ``pay``.
        """
        with self._books.writing() as connection:
            created = self._books.reach(connection, event["at"])
            charge = self._books.known("charge", charge_id)
            if charge["captured"] or charge["status"] != "succeeded":
                raise EventRefused(f"Charge {charge_id} is not waiting for capture. Choose one that is.")
            captured = minor(event["amount"], charge["currency"]) if "amount" in event else charge["amount"]
            if captured > charge["amount"]:
                raise EventRefused(f"Charge {charge_id} authorises {charge['amount']} minor units, not {captured}.")
            charge |= {"captured": True, "amount_captured": captured}
            rate = Decimal(event.get("rate", "1"))
            self.settle_now(connection, charge, created, rate, minor(event["fee"], self._books.currency))
            if captured < charge["amount"]:
                uncaptured = captured - charge["amount"]
                self._books.move(
                    connection,
                    Movement(
                        charge_id,
                        "refund",
                        uncaptured,
                        charge["currency"],
                        created,
                        rate,
                        reporting_category="partial_capture_reversal",
                    ),
                )
            self._books.account.save(connection, charge)
            self._books.account.save(connection, new_intent(charge))
            self._books.events.record(connection, "charge.captured", charge, created)
        return charge

    def refund(self, event: Event, order: Mapping[str, Any]) -> Json:
        """
        Money of an order goes back (golden ``refund`` event); the gateway keeps its fee.

        Beyond the golden form: ``status: "pending"``, until ``finish_refund``.
        """
        with self._books.writing() as connection:
            created = self._books.reach(connection, event["at"])
            self._books.must_be_new("refund", event["id"])
            amount = minor(event["amount"], order["currency"])
            charges = self._books.account.of_order("charge", order["name"])
            charge = next((c for c in charges if c["amount_captured"] - c["amount_refunded"] >= amount), None)
            if charge is None:
                left = [c["amount_captured"] - c["amount_refunded"] for c in charges]
                raise EventRefused(
                    f"Order {order['name']}: no charge has {amount} minor units left to refund, they have {left}. "
                    "Pay it first, or correct `amount`."
                )
            refund = new_refund(event["id"], charge, amount, created)
            refund["status"] = event.get("status", "succeeded")
            rate = Decimal(event.get("rate") or order["rate"])
            return self.give_back(connection, charge, refund, rate, order["name"])

    def give_back(
        self, connection: sqlite3.Connection, charge: Json, refund: Json, rate: Decimal, order_name: str | None
    ) -> Json:
        """Book a refund of a charge that has as much left."""
        created = refund["created"]
        movement = Movement(refund["id"], "refund", -refund["amount"], charge["currency"], created, rate)
        refund["balance_transaction"] = self._books.move(connection, movement, order_name)["id"]
        charge["amount_refunded"] += refund["amount"]
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self._books.account.save(connection, refund, order_name=order_name)
        self._books.account.save(connection, charge)
        self._books.events.record(connection, "refund.created", refund, created)
        self._books.events.record(connection, "charge.refunded", charge, created)
        return refund

    def finish_refund(self, refund_id: str, outcome: Literal["succeed", "fail"], event: Event) -> Json:
        """The bank takes a refund, or sends its money back (also after it had succeeded); ``at`` says when."""
        with self._books.writing() as connection:
            created = self._books.reach(connection, event["at"])
            refund = self._books.known("refund", refund_id)
            if refund["status"] == "failed":
                raise EventRefused(f"Refund {refund_id} has failed already.")
            refund["status"] = "succeeded" if outcome == "succeed" else "failed"
            if outcome == "fail":
                self._take_back(connection, refund, created)
            self._books.account.save(connection, refund)
            self._books.events.record(
                connection, "refund.failed" if outcome == "fail" else "refund.updated", refund, created
            )
        return refund

    def dispute(self, event: Event) -> Json:
        """
        A card holder disputes a charge: ``id``, ``charge``, ``at``, ``fee`` in the account's currency, perhaps
        ``amount`` and ``reason``.
        """
        with self._books.writing() as connection:
            created = self._books.reach(connection, event["at"])
            self._books.must_be_new("dispute", event["id"])
            charge = self._books.known("charge", event["charge"])
            amount = minor(event["amount"], charge["currency"]) if "amount" in event else charge["amount"]
            dispute = new_dispute(event["id"], charge, amount, event.get("reason", "fraudulent"), created)
            rate = self._rate_of(charge)
            movement = Movement(
                event["id"],
                "adjustment",
                -amount,
                charge["currency"],
                created,
                rate,
                minor(event["fee"], self._books.currency),
                f"Chargeback withdrawal for {charge['id']}",
                "dispute",
                at_once=True,
            )
            dispute["balance_transactions"].append(self._books.move(connection, movement))
            charge["disputed"] = True
            self._books.account.save(connection, charge)
            self._books.account.save(connection, dispute)
            self._books.events.record(connection, "charge.dispute.created", dispute, created)
            self._books.events.record(connection, "charge.dispute.funds_withdrawn", dispute, created)
        return dispute

    def close_dispute(self, dispute_id: str, outcome: Literal["win", "lose"], event: Event) -> Json:
        """The bank decides: won, the money comes back and the fee stays; lost, nothing moves any more."""
        with self._books.writing() as connection:
            created = self._books.reach(connection, event["at"])
            dispute = self._books.known("dispute", dispute_id)
            if dispute["status"] in ("won", "lost"):
                raise EventRefused(f"Dispute {dispute_id} is {dispute['status']} already.")
            dispute["status"] = "won" if outcome == "win" else "lost"
            if outcome == "win":
                charge = self._books.known("charge", dispute["charge"])
                movement = Movement(
                    dispute_id,
                    "adjustment",
                    dispute["amount"],
                    dispute["currency"],
                    created,
                    self._rate_of(charge),
                    description=f"Chargeback reversal for {charge['id']}",
                    reporting_category="dispute_reversal",
                    at_once=True,
                )
                dispute["balance_transactions"].append(self._books.move(connection, movement))
                self._books.events.record(connection, "charge.dispute.funds_reinstated", dispute, created)
            self._books.account.save(connection, dispute)
            self._books.events.record(connection, "charge.dispute.closed", dispute, created)
        return dispute

    def settle_now(
        self,
        connection: sqlite3.Connection,
        charge: Json,
        created: int,
        rate: Decimal,
        fee: int,
        order_name: str | None = None,
    ) -> None:
        movement = Movement(
            charge["id"],
            "charge",
            charge["amount"],
            charge["currency"],
            created,
            rate,
            fee,
            charge["description"],
        )
        charge["balance_transaction"] = self._books.move(connection, movement, order_name)["id"]

    def _take_back(self, connection: sqlite3.Connection, refund: Json, created: int) -> None:
        charge = self._books.known("charge", refund["charge"])
        transaction = self._books.known("balance_transaction", refund["balance_transaction"])
        movement = Movement(
            refund["id"], "refund_failure", -transaction["amount"], self._books.currency, created, at_once=True
        )
        refund["failure_reason"] = "expired_or_canceled_card"
        refund["failure_balance_transaction"] = self._books.move(connection, movement)["id"]
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        self._books.account.save(connection, charge)

    def _rate_of(self, charge: Json) -> Decimal:
        """The rate a charge settled at."""
        transaction = self._books.known("balance_transaction", charge["balance_transaction"])
        return Decimal(str(transaction["exchange_rate"] or 1))
