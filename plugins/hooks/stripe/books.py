"""What moved Stripe's balance, movement by movement, from its balance transactions (sources.md Stripe §2, "Books")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hooks.stripe.sources import BalanceTransactionSource, PayoutSource
from ledgerbridge.entities import RawRecord
from ledgerbridge.reconciliation import KeptRecords, Movement

if TYPE_CHECKING:
    from hooks.stripe.hook import StripeHook

__all__ = ["StripeBooks"]

_PAYOUTS = {"payout", "payout_failure", "payout_cancel"}


class StripeBooks:
    """
    The account's movements.

    :param kept: what earlier runs read.
    :raises TransientError, ConfigurationError: from every method, as ``StripeHook.fetch``.
    """

    def __init__(self, hook: StripeHook, kept: KeptRecords) -> None:
        self._hook = hook
        self._kept = kept

    def balance(self) -> Decimal:
        """What Stripe holds."""
        return sum(self._hook.balance().values(), Decimal(0))

    def movements(self) -> Iterator[Movement]:
        """Charges, refunds and whatever else, then the payouts; one that the bank sent back moves twice."""
        paid_out: dict[str, list[dict[str, Any]]] = {}
        name = f"stripe-{self._hook.account}"
        for record in self._kept.read(f"{name}-balance_transaction", BalanceTransactionSource(self._hook), _moved):
            transaction, source = record.payload, record.payload["source"]
            if transaction["type"] in _PAYOUTS and source.get("id"):
                paid_out.setdefault(source["id"], []).append(transaction)
            else:
                yield self._money(record.key, transaction, source)
        payouts = _Payouts(self._hook, self._kept.kept(f"{name}-payout"))
        for record in self._kept.read(f"{name}-payout", payouts, _paid_out):
            for transaction in paid_out.get(record.payload["id"], ()):
                yield _payout(record, transaction)

    def _money(self, key: str, transaction: dict[str, Any], source: dict[str, Any]) -> Movement:
        identity = source.get("id") or transaction["id"]
        return Movement(
            kind="money",
            id=identity,
            belongs_to=source.get("charge") or identity,
            amount=Decimal(transaction["amount"]),
            fee=Decimal(transaction["fee"]),
            moved_at=datetime.fromtimestamp(transaction["created"], UTC),
            record=f"stripe:{self._hook.account}:{source['object']}:{identity}" if source.get("object") else key,
            foreign=bool(transaction.get("exchange_rate")),
        )


class _Payouts(PayoutSource):
    """Payouts; what one is made of is asked once, when Stripe has told it."""

    def __init__(self, hook: StripeHook, kept: Mapping[str, RawRecord]) -> None:
        super().__init__(hook)
        self._closed = {each.payload["id"]: each for each in kept.values() if each.payload["closed"]}

    def record(self, item: dict[str, Any]) -> RawRecord:
        """One payout."""
        return self._closed.get(item["id"]) or super().record(item)


def _moved(transaction: dict[str, Any]) -> dict[str, Any]:
    source = transaction.get("source") or {}
    charge = source.get("charge")
    named = {
        "id": source.get("id"),
        "object": source.get("object"),
        "charge": charge.get("id") if isinstance(charge, dict) else charge,
    }
    fields = ("id", "type", "amount", "fee", "created", "exchange_rate")
    return {name: transaction.get(name) for name in fields} | {"source": named}


def _paid_out(payout: dict[str, Any]) -> dict[str, Any]:
    if "fees" in payout:
        return payout
    items = payout["items"]
    fees = sum((Decimal(item["fee"]) for item in items or []), Decimal(0))
    return {
        "id": payout["id"],
        "created": payout["created"],
        "closed": items is not None or not payout["automatic"],
        "fees": str(fees),
    }


def _payout(record: RawRecord, transaction: dict[str, Any]) -> Movement:
    payout = record.payload
    return Movement(
        kind="payout",
        id=payout["id"],
        belongs_to=payout["id"],
        amount=Decimal(transaction["amount"]),
        fee=Decimal(0),
        moved_at=datetime.fromtimestamp(transaction["created"], UTC),
        record=record.key,
        closed=payout["closed"],
        fees=Decimal(payout["fees"]),
    )
