"""
What the merchant's bank and Stripe itself do: payouts, top-ups, reserves, and fees without a charge.

Source: sources.md Stripe §2, Payout.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.stripe.books import Books, minor
from sandbox.stripe.errors import EventRefused
from sandbox.stripe.models import midnight
from sandbox.stripe.objects import Movement, new_payout, new_topup

__all__ = ["Bank"]

Json = dict[str, Any]
Event = Mapping[str, Any]
_MIRRORED = ("reserve_hold", "reserve_release")


class Bank:
    """
    Plays the bank and Stripe's own billing.

    :raises EventRefused: from every verb, when it contradicts what the account holds.
    """

    def __init__(self, books: Books) -> None:
        self._books = books

    def pay_out(self, payout: Mapping[str, Any]) -> Json:
        """
        Send money to the bank (golden payout) as one automatic payout over what ``covers`` names: charges,
        refunds, disputes, or balance transactions.

        Beyond the golden form: ``reconciliation_status: "in_progress"`` until ``reconcile``; without ``covers`` and
        ``amount`` everything that no payout took yet; ``minimum_balance``, which Stripe holds back of it and gives
        back beside it; ``method: "instant"`` with its ``fee``, which covers nothing.
        """
        if payout.get("method") == "instant":
            return self._pay_at_once(payout)
        with self._books.writing() as connection:
            created = self._books.account.now()
            self._books.must_be_new("payout", payout["id"])
            sources = payout["covers"] if "covers" in payout else self._books.account.not_paid_out()
            covered = [transaction for source in sources for transaction in self._unpaid(source)]
            held = minor(payout.get("minimum_balance", "0"), self._books.currency)
            nets = sum(t["net"] for t in covered) - held
            amount = minor(payout["amount"], self._books.currency) if "amount" in payout else nets
            if not covered:
                raise EventRefused("There is nothing to pay out: no charge has settled since the last payout.")
            if amount != nets:
                raise EventRefused(
                    f"Payout {payout['id']}: what it covers adds up to {nets} minor units, `amount` says {amount}. "
                    "Correct one of them."
                )
            arrival = midnight(payout["arrives"])
            document = new_payout(payout["id"], amount, self._books.currency, created, arrival, self._books.livemode)
            document["reconciliation_status"] = payout.get("reconciliation_status", "completed")
            for transaction in covered:
                transaction["available_on"] = min(transaction["available_on"], created)
                self._books.account.save(connection, transaction, payout=payout["id"])
            if held:
                self._hold_back(connection, payout["id"], held, created)
            return self.send(connection, document)

    def _pay_at_once(self, payout: Mapping[str, Any]) -> Json:
        """An instant payout, which no list itemises: the merchant asks for it; what it costs is on its own movement."""
        currency = self._books.currency
        amount, arrival = minor(payout["amount"], currency), midnight(payout["arrives"])
        with self._books.writing() as connection:
            created = self._books.account.now()
            self._books.must_be_new("payout", payout["id"])
            document = new_payout(payout["id"], amount, currency, created, arrival, self._books.livemode)
            document |= {"automatic": False, "method": "instant", "reconciliation_status": "not_applicable"}
            return self.send(connection, document, fee=minor(payout["fee"], currency))

    def _hold_back(self, connection: sqlite3.Connection, payout: str, held: int, created: int) -> None:
        """Stripe's own account of a minimum balance: held as a part of the payout, and given back at once."""
        for end, amount, part_of in (("hold", -held, payout), ("release", held, None)):
            kind = f"payout_minimum_balance_{end}"
            movement = Movement(None, kind, amount, self._books.currency, created, at_once=True, key=payout)
            self._books.move(connection, movement, payout=part_of)

    def send(self, connection: sqlite3.Connection, payout: Json, fee: int = 0) -> Json:
        """Take a payout's money from the balance, and what it costs in minor units."""
        created = payout["created"]
        movement = Movement(
            payout["id"],
            "payout",
            -payout["amount"],
            self._books.currency,
            created,
            fee=fee,
            description=payout["description"],
            at_once=True,
        )
        own = self._books.move(connection, movement, payout=payout["id"] if payout["automatic"] else None)
        payout["balance_transaction"] = own["id"]
        self._books.account.save(connection, payout)
        self._books.events.record(connection, "payout.created", payout, created)
        if payout["reconciliation_status"] == "completed":
            self._books.events.record(connection, "payout.reconciliation_completed", payout, created)
        return payout

    def reconcile(self, payout_id: str, event: Event) -> Json:
        """Stripe has told apart what an automatic payout is made of."""
        with self._books.writing() as connection:
            created = self._books.reach(connection, event["at"])
            payout = self._books.known("payout", payout_id)
            payout["reconciliation_status"] = "completed"
            self._books.account.save(connection, payout)
            self._books.events.record(connection, "payout.reconciliation_completed", payout, created)
        return payout

    def fail_payout(self, payout_id: str, event: Event) -> Json:
        """The bank sends a payout back, perhaps long after it was paid."""
        with self._books.writing() as connection:
            created = self._books.reach(connection, event["at"])
            payout = self._books.known("payout", payout_id)
            if payout["status"] == "failed":
                raise EventRefused(f"Payout {payout_id} has failed already.")
            movement = Movement(
                payout_id,
                "payout_failure",
                payout["amount"],
                self._books.currency,
                created,
                reporting_category="payout_reversal",
                at_once=True,
            )
            payout |= {
                "status": "failed",
                "failure_code": "account_closed",
                "failure_message": "The bank account has been closed.",
                "failure_balance_transaction": self._books.move(connection, movement)["id"],
            }
            self._books.account.save(connection, payout)
            self._books.events.record(connection, "payout.failed", payout, created)
        return payout

    def top_up(self, event: Event) -> Json:
        """Money comes from the bank: ``id``, ``at``, ``amount``; ``balance``: to which, else the payments'."""
        with self._books.writing() as connection:
            created, currency = self._books.reach(connection, event["at"]), self._books.currency
            self._books.must_be_new("topup", event["id"])
            amount = minor(event["amount"], currency)
            document = new_topup(event["id"], amount, currency, created, self._books.livemode)
            balance = event.get("balance", "payments")
            movement = Movement(event["id"], "topup", amount, currency, created, at_once=True, balance=balance)
            document["balance_transaction"] = self._books.move(connection, movement)["id"]
            self._books.account.save(connection, document)
            self._books.events.record(connection, "topup.succeeded", document, created)
        return document

    def reverse_top_up(self, topup_id: str, event: Event) -> Json:
        """The merchant's bank takes a top-up back; ``at`` says when."""
        with self._books.writing() as connection:
            created = self._books.reach(connection, event["at"])
            topup = self._books.known("topup", topup_id)
            if topup["status"] == "reversed":
                raise EventRefused(f"Top-up {topup_id} is reversed already.")
            topup["status"] = "reversed"
            movement = Movement(
                topup_id, "topup_reversal", -topup["amount"], self._books.currency, created, at_once=True
            )
            self._books.move(connection, movement)
            self._books.account.save(connection, topup)
            self._books.events.record(connection, "topup.reversed", topup, created)
        return topup

    def reserve(self, event: Event) -> Json:
        """
        Stripe keeps money back or lets it go: ``id``, ``at``, ``amount`` as the payments' balance moves.

        ``type``: else ``reserve_hold`` and ``reserve_release``, which move the reserve's own balance the other way.
        """
        with self._books.writing() as connection:
            created, currency = self._books.reach(connection, event["at"]), self._books.currency
            amount = minor(event["amount"], currency)
            kind = event.get("type", _MIRRORED[amount > 0])
            movement = Movement(
                None,
                kind,
                amount,
                currency,
                created,
                reporting_category="risk_reserved_funds",
                at_once=True,
                key=event["id"],
            )
            if kind in _MIRRORED:
                self._books.move(connection, replace(movement, amount=-amount, balance="risk_reserved"))
            return self._books.move(connection, movement)

    def bill(self, event: Event) -> Json:
        """
        Stripe bills the account itself, without a source: ``at``, ``amount`` (below zero it credits), ``description``,
        perhaps ``category`` (else ``fee``).
        """
        with self._books.writing() as connection:
            created = self._books.reach(connection, event["at"])
            amount = -minor(event["amount"], self._books.currency)
            description = event.get("description", "Billing")
            movement = Movement(
                None,
                "stripe_fee",
                amount,
                self._books.currency,
                created,
                description=description,
                reporting_category=event.get("category", "fee"),
                at_once=True,
                key=event.get("id"),
            )
            return self._books.move(connection, movement)

    def _unpaid(self, source: str) -> list[Json]:
        """The balance transactions a payout's entry stands for."""
        kinds = {"re": "refund", "du": "dispute", "txn": "balance_transaction"}
        kind = kinds.get(source.partition("_")[0], "charge")
        found = self._books.known(kind, source)
        if kind == "balance_transaction":
            transactions = [found]
        elif kind == "dispute":
            transactions = [
                self._books.known("balance_transaction", part["id"]) for part in found["balance_transactions"]
            ]
        elif found["balance_transaction"] is None:
            raise EventRefused(f"The {kind} {source} has no balance transaction yet. Settle it first.")
        else:
            transactions = [self._books.known("balance_transaction", found["balance_transaction"])]
        for transaction in transactions:
            if payout := self._books.account.payout_of(transaction["id"]):
                raise EventRefused(f"{source} went out with payout {payout} already. Take it out of `covers`.")
        return transactions
