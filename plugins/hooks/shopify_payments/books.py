"""What moved the balance of Shopify Payments, movement by movement, from its balance transactions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from hooks.shopify.search import instant
from hooks.shopify_payments.hook import ShopifyPaymentsHook
from hooks.shopify_payments.sources import BalanceTransactionSource, PayoutSource
from ledgerbridge.entities import RawRecord
from ledgerbridge.reconciliation import KeptRecord, KeptSource, Looked, Movement

__all__ = ["ShopifyPaymentsBooks"]

_OF_ORDERS = ("CHARGE", "REFUND")
_OF_DISPUTES = ("DISPUTE_WITHDRAWAL", "DISPUTE_REVERSAL", "CHARGEBACK_HOLD", "CHARGEBACK_HOLD_RELEASE")
_SENT, _BACK = "TRANSFER", ("TRANSFER_FAILURE", "TRANSFER_CANCEL", "TRANSFER_REFUND")


class ShopifyPaymentsBooks:
    """
    The movements of a shop's account.

    :param kept: what earlier passes read.
    :param currency: ISO code of the ledgers' base currency; money of other balances is not theirs (its documents are
        dead letters, for Shopify tells no rate to book them at).
    :raises TransientError, ConfigurationError: from every method, as ``ShopifyHook.graphql``.
    """

    def __init__(self, hook: ShopifyPaymentsHook, kept: Looked, currency: str) -> None:
        self._hook = hook
        self._currency = currency
        self._moved_book = f"shopify-payments-{hook.shop}-balance_transaction"
        self._payout_book = f"shopify-payments-{hook.shop}-payout"
        self._kept = kept

    def sources(self) -> list[KeptSource]:
        """Balance transactions; payouts, for what each is made of."""
        payouts = _Payouts(self._hook, self._kept, self._payout_book)
        return [
            KeptSource(self._moved_book, BalanceTransactionSource(self._hook), _moved, _moved_names),
            KeptSource(self._payout_book, payouts, _paid_out, _payout_names),
        ]

    def balance(self) -> Decimal:
        """What the account holds in the ledgers' currency."""
        return self._hook.balance().get(self._currency, Decimal(0))

    def movements(self, records: Sequence[KeptRecord]) -> list[Movement]:
        """Charges, refunds and whatever else, then the payouts; one that the bank sent back moves twice."""
        mine = [record for record in records if record.book == self._moved_book]
        payouts = {record.payload["id"]: record for record in records if record.book == self._payout_book}
        found = []
        for record in mine:
            moved = record.payload
            if moved["currency"] != self._currency:
                continue
            if not moved["payout"]:
                found.append(_money(record.key, moved))
            elif moved["payout"] in payouts:
                found.append(_payout(payouts[moved["payout"]], moved))
        return found


class _Payouts(PayoutSource):
    """Payouts; what one is made of is asked once, when it was sent."""

    def __init__(self, hook: ShopifyPaymentsHook, kept: Looked, book: str) -> None:
        super().__init__(hook)
        self._kept = kept
        self._book = book

    def record(self, payout: dict[str, Any]) -> RawRecord:
        """One payout."""
        before = self._kept.record(self._book, self._key(payout["legacyResourceId"]))
        return before if before is not None and before.payload["closed"] else super().record(payout)


def _money(key: str, moved: Mapping[str, Any]) -> Movement:
    return Movement(
        kind="money",
        id=moved["id"],
        belongs_to=moved["charge"] or moved["id"],
        amount=Decimal(moved["amount"]),
        fee=Decimal(moved["fee"]),
        moved_at=instant(moved["at"]),
        record=key,
        foreign=moved["foreign"],
    )


def _payout(payout: KeptRecord, moved: Mapping[str, Any]) -> Movement:
    return Movement(
        kind="payout",
        id=moved["payout"],
        belongs_to=moved["payout"],
        amount=Decimal(moved["amount"]),
        fee=Decimal(0),
        moved_at=instant(moved["at"]),
        record=payout.key,
        closed=payout.payload["closed"],
        fees=Decimal(payout.payload["fees"]),
    )


def _moved_names(moved: Mapping[str, Any]) -> Iterator[str]:
    """The payout that it is the transfer of; else what moved the balance, and the charge that it gives back."""
    yield moved["payout"] or moved["id"]
    if moved["charge"]:
        yield moved["charge"]


def _payout_names(payout: Mapping[str, Any]) -> Iterator[str]:
    yield payout["id"]


def _moved(item: dict[str, Any]) -> dict[str, Any]:
    """What the books need of a balance transaction; its id is the one that its documents bear."""
    if "at" in item:
        return item
    transaction = item["transaction"] or {}
    parent = transaction.get("parentTransaction") or {}
    amounts = transaction.get("amountSet", {}).get("shopMoney", {})
    is_of_order = item["type"] in _OF_ORDERS and item["sourceOrderTransactionId"]
    return {
        "id": str(item["sourceOrderTransactionId"]) if is_of_order else _number(item["id"]),
        "type": item["type"],
        "charge": _charge_of(item, parent),
        "payout": _payout_of(item),
        "amount": item["amount"]["amount"],
        "fee": item["fee"]["amount"],
        "currency": item["amount"]["currencyCode"],
        "at": item["transactionDate"],
        "foreign": bool(amounts) and amounts["currencyCode"] != item["amount"]["currencyCode"],
    }


def _charge_of(item: Mapping[str, Any], parent: Mapping[str, Any]) -> str | None:
    """The charge that it takes of, or gives back to: a refund that failed gives back what the refund took."""
    if item["type"] in _OF_DISPUTES:
        return str(item["sourceOrderTransactionId"]) if item["sourceOrderTransactionId"] else None
    return _number(parent["id"]) if parent and item["type"] in ("REFUND", "REFUND_FAILURE") else None


def _payout_of(item: Mapping[str, Any]) -> str | None:
    """The payout whose own transaction it is; the next one may take what came back, so that tells its source alone."""
    if item["type"] == _SENT and item["associatedPayout"]["id"]:
        return _number(item["associatedPayout"]["id"])
    return str(item["sourceId"]) if item["type"] in (_SENT, *_BACK) else None


def _paid_out(payout: dict[str, Any]) -> dict[str, Any]:
    if "fees" in payout:
        return payout
    items = payout["items"]
    fees = sum((Decimal(item["fee"]["amount"]) for item in items or []), Decimal(0))
    return {"id": payout["legacyResourceId"], "closed": items is not None, "fees": str(fees)}


def _number(gid: str) -> str:
    return gid.rpartition("/")[2]
