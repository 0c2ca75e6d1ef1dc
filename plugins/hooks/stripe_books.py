"""What moved Stripe's balance, movement by movement, from its balance transactions (facts/shops.md B2, "Books")."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ledgerbridge.entities import Window
from ledgerbridge.reconciliation import Movement

if TYPE_CHECKING:
    from hooks.stripe import StripeHook

__all__ = ["StripeBooks"]

_PAYOUTS = {"payout", "payout_failure", "payout_cancel"}


class StripeBooks:
    """
    The account's movements since an instant; None: all.

    :raises TransientError, ConfigurationError: from every method, as ``StripeHook.fetch``.
    """

    def __init__(self, hook: StripeHook, since: datetime | None) -> None:
        self._hook = hook
        self._window = Window(since)

    def balance(self) -> Decimal:
        """What Stripe holds."""
        return sum(self._hook.balance().values(), Decimal(0))

    def movements(self) -> Iterator[Movement]:
        """Charges, refunds and whatever else, then the payouts; one that the bank sent back has moved nothing."""
        paid_out: dict[str, Decimal] = {}
        for page in self._hook.entity("balance_transaction").read(self._window):
            for record in page:
                transaction = record.payload
                source = transaction.get("source") or {}
                if transaction["type"] in _PAYOUTS and source.get("id"):
                    identity = source["id"]
                    paid_out[identity] = paid_out.get(identity, Decimal(0)) + Decimal(transaction["amount"])
                else:
                    yield self._money(record.key, transaction, source)
        for page in self._hook.entity("payout").read(self._window):
            for record in page:
                if record.payload["id"] in paid_out:
                    yield _payout(record.key, record.payload, paid_out[record.payload["id"]])

    def _money(self, key: str, transaction: dict[str, Any], source: dict[str, Any]) -> Movement:
        identity = source.get("id") or transaction["id"]
        charge = source.get("charge")
        return Movement(
            kind="money",
            id=identity,
            belongs_to=str((charge.get("id") if isinstance(charge, dict) else charge) or identity),
            amount=Decimal(transaction["amount"]),
            fee=Decimal(transaction["fee"]),
            moved_at=datetime.fromtimestamp(transaction["created"], UTC),
            record=f"stripe:{self._hook.account}:{source['object']}:{identity}" if source.get("object") else key,
            foreign=bool(transaction.get("exchange_rate")),
        )


def _payout(key: str, payout: dict[str, Any], amount: Decimal) -> Movement:
    items = payout["items"]
    return Movement(
        kind="payout",
        id=payout["id"],
        belongs_to=payout["id"],
        amount=amount,
        fee=Decimal(0),
        moved_at=datetime.fromtimestamp(payout["created"], UTC),
        record=key,
        closed=items is not None,
        fees=sum((Decimal(item["fee"]) for item in items or []), Decimal(0)),
    )
