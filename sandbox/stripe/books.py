"""
The account's books: every movement of money writes a balance transaction, so the balance is their sum.

Source: sources.md Stripe §2, BalanceTransaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from sandbox.store import instant
from sandbox.stripe.currencies import to_minor
from sandbox.stripe.errors import EventRefused
from sandbox.stripe.events import EventLog
from sandbox.stripe.models import Account, epoch
from sandbox.stripe.objects import Movement, new_transaction
from sandbox.stripe.webhooks import WebhookEndpoints

__all__ = ["Books", "minor"]

Json = dict[str, Any]


class Books:
    """What the cards and the bank write into."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.webhooks = WebhookEndpoints(account)
        self.events = EventLog(account, self.webhooks)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction; the webhooks of its events leave after it."""
        with self.account.store.write() as connection:
            yield connection
        self.webhooks.courier.depart()

    @property
    def currency(self) -> str:
        """The account's own currency, lower case."""
        return str(self.account.profile["currency"])

    @property
    def livemode(self) -> bool:
        """Whether its key is a live one."""
        return bool(self.account.profile["livemode"])

    def reach(self, connection: sqlite3.Connection, at: str) -> int:
        """When something happens: its own time, which the business clock has reached by then."""
        self.account.clock.reach(connection, instant(at))
        return epoch(instant(at))

    def known(self, kind: str, identity: str) -> Json:
        """
        An object an event speaks of.

        :raises EventRefused: there is none.
        """
        found = self.account.find(kind, identity)
        if found is None:
            raise EventRefused(f"There is no {kind} {identity}. Play its event first.")
        return found

    def must_be_new(self, kind: str, identity: str) -> None:
        """
        Make sure that an event's id is free.

        :raises EventRefused: it is taken.
        """
        if self.account.find(kind, identity):
            raise EventRefused(f"There is a {kind} {identity} already. Give the event another id.")

    def move(
        self,
        connection: sqlite3.Connection,
        movement: Movement,
        order_name: str | None = None,
        payout: str | None = None,
    ) -> Json:
        """Book a movement; its balance transaction, which belongs to that order and goes out with that payout."""
        transaction = new_transaction(movement, self.currency)
        return self.account.save(connection, transaction, order_name=order_name, payout=payout)

    def balance(self) -> Json:
        """The balance by currency: what is available and what is still pending; without what is held in reserve."""
        sums: dict[str, dict[str, int]] = {"available": {self.currency: 0}, "pending": {self.currency: 0}}
        for transaction in self.account.transactions():
            if transaction["balance_type"] != "payments":
                continue
            part = sums[transaction["status"]]
            part[transaction["currency"]] = part.get(transaction["currency"], 0) + transaction["net"]
        return {
            "object": "balance",
            **{
                part: [
                    {"amount": amount, "currency": currency, "source_types": {"card": amount}}
                    for currency, amount in sorted(amounts.items())
                ]
                for part, amounts in sums.items()
            },
            "livemode": self.livemode,
        }


def minor(amount: str, currency: str) -> int:
    """
    The wire's integer for a decimal string.

    :raises EventRefused: the currency has no such amount.
    """
    try:
        return to_minor(Decimal(amount), currency)
    except ValueError as error:
        raise EventRefused(str(error)) from error
