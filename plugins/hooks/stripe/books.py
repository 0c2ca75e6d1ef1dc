"""What moved Stripe's balance, movement by movement, from its balance transactions (sources.md Stripe §2, "Books")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hooks.stripe.hook import StripeHook
from hooks.stripe.sources import BalanceTransactionSource, PayoutSource
from ledgerbridge.entities import RawRecord
from ledgerbridge.reconciliation import KeptRecord, KeptSource, Looked, Movement

__all__ = ["HELD", "StripeBooks"]

_NOTHING = Decimal(0)
_PAID_OUT_OF = "payments"
_MOVED, _PAYOUT = "balance_transaction", "payout"
_PAYOUTS = {"payout", "payout_failure", "payout_cancel"}
_TOP_UPS = {"topup", "topup_reversal"}
HELD = {
    "reserve_hold",
    "reserve_release",
    "reserve_transaction",
    "reserved_funds",
    "payout_minimum_balance_hold",
    "payout_minimum_balance_release",
    "payment_network_reserve_hold",
    "payment_network_reserve_release",
}
"""Types of balance transactions by which Stripe keeps money back and lets it go, as the mapping has them."""


class StripeBooks:
    """
    The account's movements.

    :param kept: what earlier passes read.
    :param currency: ISO code of the ledgers' base currency; money of other balances is not theirs (its documents are
        dead letters, for Stripe tells no rate to book them at).
    :raises TransientError, ConfigurationError: from every method, as ``StripeHook.fetch``.
    """

    def __init__(self, hook: StripeHook, kept: Looked, currency: str) -> None:
        self._hook = hook
        self._currency = currency
        self._scope = f"stripe-{hook.account}"
        self._kept = kept

    def sources(self) -> list[KeptSource]:
        """Balance transactions; payouts, for what each is made of."""
        payouts = _Payouts(self._hook, self._kept, f"{self._scope}-{_PAYOUT}")
        return [
            KeptSource(f"{self._scope}-{_MOVED}", BalanceTransactionSource(self._hook), _moved, _moved_names),
            KeptSource(f"{self._scope}-{_PAYOUT}", payouts, _paid_out, _payout_names),
        ]

    def balance(self) -> Decimal:
        """What Stripe holds in the ledgers' currency."""
        return self._hook.balance().get(self._currency, _NOTHING)

    def movements(self, records: Sequence[KeptRecord]) -> list[Movement]:
        """Charges, refunds and whatever else, then the payouts; one that the bank sent back moves twice."""
        found: list[Movement] = []
        paid_out: dict[str, list[Mapping[str, Any]]] = {}
        for record in records:
            if not record.book.endswith(_MOVED) or not self._is_of_the_balance(record.payload):
                continue
            transaction, source = record.payload, record.payload["source"]
            if transaction["type"] in _PAYOUTS and source.get("id"):
                paid_out.setdefault(source["id"], []).append(transaction)
                if Decimal(transaction["fee"]):
                    # what an instant payout cost: no payout tells of it
                    found.append(_fee(record.key, transaction, transaction["id"]))
            else:
                found.append(self._money(record.key, transaction, source))
                if _tells_its_fee(transaction):
                    found.append(_fee(record.key, transaction, _fee_id(transaction)))
        for record in records:
            if record.book.endswith(_PAYOUT):
                found += [_payout(record, transaction) for transaction in paid_out.get(record.payload["id"], ())]
        return found

    def _is_of_the_balance(self, transaction: Mapping[str, Any]) -> bool:
        """Whether it moved what Stripe pays out, in the ledgers' currency; what was kept before either was told did."""
        in_currency = (transaction.get("currency") or self._currency).upper() == self._currency
        return in_currency and (transaction.get("balance_type") or _PAID_OUT_OF) == _PAID_OUT_OF

    def _money(self, key: str, transaction: Mapping[str, Any], source: Mapping[str, Any]) -> Movement:
        identity = _identity(transaction)
        fee = _NOTHING if _tells_its_fee(transaction) else Decimal(transaction["fee"])
        ours = _is_ours(transaction)
        return Movement(
            kind="payout" if transaction["type"] in _TOP_UPS else "money",
            id=identity,
            belongs_to=identity if _stands_alone(transaction) else source.get("charge") or identity,
            amount=Decimal(transaction["amount"]) - (_NOTHING if ours else fee),
            fee=fee if ours else _NOTHING,
            theirs=_NOTHING if ours else Decimal(transaction["amount"]) - fee,
            moved_at=datetime.fromtimestamp(transaction["created"], UTC),
            record=f"stripe:{self._hook.account}:{source['object']}:{identity}" if _is_document(transaction) else key,
            foreign=bool(transaction.get("exchange_rate")),
        )


def _is_ours(kept: Mapping[str, Any]) -> bool:
    """Whether it is of the company whose books these are: it is, where no other one shares the account."""
    return kept.get("ours") is not False


def _tells_its_fee(kept: Mapping[str, Any]) -> bool:
    """Whether its fee is a movement of its own: no payout will say it, where the account's are manual."""
    return kept.get("itemised") is False and bool(Decimal(kept["fee"]))


def _fee_id(kept: Mapping[str, Any]) -> str:
    """As the documents made of a fee bear it."""
    return f"{kept['id']} fee"


def _identity(kept: Mapping[str, Any]) -> str:
    """The id by which the documents made of it call it."""
    return str(kept["id"] if _stands_alone(kept) else kept["source"].get("id") or kept["id"])


def _stands_alone(kept: Mapping[str, Any]) -> bool:
    """Whether its own id tells it: money kept back and let go of may name one charge, a top-up and its reversal do."""
    return kept["type"] in HELD | _TOP_UPS


def _is_document(kept: Mapping[str, Any]) -> bool:
    """Whether money was moved by what is read for itself; all else is read as the movement it is."""
    return not _stands_alone(kept) and kept["source"].get("object") in ("charge", "refund")


class _Payouts(PayoutSource):
    """Payouts; what one is made of is asked once, when Stripe has told it."""

    def __init__(self, hook: StripeHook, kept: Looked, book: str) -> None:
        super().__init__(hook)
        self._kept = kept
        self._book = book

    def record(self, item: dict[str, Any]) -> RawRecord:
        """One payout."""
        before = self._kept.record(self._book, f"stripe:{self._hook.account}:{self.name}:{item['id']}")
        return before if before is not None and before.payload["closed"] else super().record(item)


def _moved_names(transaction: Mapping[str, Any]) -> Iterator[str]:
    """What moved the balance, the charge that a refund gives back, and what a payout cost."""
    if transaction["type"] in _PAYOUTS and Decimal(transaction["fee"]):
        yield transaction["id"]
    elif _tells_its_fee(transaction):
        yield _fee_id(transaction)
    yield _identity(transaction)
    if transaction["source"].get("charge"):
        yield transaction["source"]["charge"]


def _payout_names(payout: Mapping[str, Any]) -> Iterator[str]:
    yield payout["id"]


def _moved(transaction: dict[str, Any]) -> dict[str, Any]:
    source = transaction.get("source") or {}
    charge = source.get("charge")
    named = {
        "id": source.get("id"),
        "object": source.get("object"),
        "charge": charge.get("id") if isinstance(charge, dict) else charge,
    }
    fields = ("id", "type", "amount", "currency", "fee", "created", "exchange_rate", "ours", "itemised", "balance_type")
    return {name: transaction.get(name) for name in fields} | {"source": named}


def _paid_out(payout: dict[str, Any]) -> dict[str, Any]:
    if "fees" in payout:
        return payout
    items, amount = payout["items"], Decimal(payout["amount"])
    fees = sum((Decimal(item["fee"]) for item in items or [] if _is_ours(item)), _NOTHING)
    theirs = sum((Decimal(item["net"]) for item in items or [] if not _is_ours(item)), _NOTHING)
    return {
        "id": payout["id"],
        "created": payout["created"],
        "closed": items is not None or not payout["automatic"],
        "fees": str(fees),
        "ours": payout.get("ours"),
        # what nobody itemises is of who is paid
        "theirs": str(theirs if _is_ours(payout) or items is not None else amount),
    }


def _fee(key: str, transaction: Mapping[str, Any], identity: str) -> Movement:
    """A fee that is among no payout's, which is told by itself."""
    fee = Decimal(transaction["fee"])
    return Movement(
        kind="money",
        id=identity,
        belongs_to=identity,
        amount=-fee,
        fee=_NOTHING,
        theirs=_NOTHING if _is_ours(transaction) else -fee,
        moved_at=datetime.fromtimestamp(transaction["created"], UTC),
        record=key,
    )


def _payout(record: KeptRecord, transaction: Mapping[str, Any]) -> Movement:
    payout, amount = record.payload, Decimal(transaction["amount"])
    paid = transaction["type"] == _PAYOUT
    # money that came back is of who was paid: what it owes the others for this payout, it owes still
    theirs = -Decimal(payout.get("theirs", "0")) if paid else _NOTHING if _is_ours(payout) else amount
    return Movement(
        kind="payout",
        id=payout["id"],
        belongs_to=payout["id"],
        amount=amount,
        fee=_NOTHING,
        theirs=theirs,
        moved_at=datetime.fromtimestamp(transaction["created"], UTC),
        record=record.key,
        closed=payout["closed"],
        fees=Decimal(payout["fees"]),
    )
