"""What moved PayPal's balance, movement by movement (sources.md PayPal §2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from hooks.paypal.hook import PayPalHook
from hooks.paypal.sources import TransactionSource, instant
from ledgerbridge.reconciliation import KeptRecord, KeptSource, Looked, Movement

__all__ = ["PayPalBooks"]

_NOTHING = Decimal(0)
_TO_AND_FROM_THE_BANK = ("T03", "T04")
_OF_A_PAYMENT = ("T1106", "T1107", "T1201", "T1202")
"""Refunds, and what disputes take and give again."""
_SUCCEEDED = ("S", "V")


class PayPalBooks:
    """
    The account's movements.

    :param kept: what earlier passes read.
    :param currency: ISO code of the ledgers' base currency; money of other balances is not theirs (its documents are
        dead letters, for PayPal tells no rate to book it at).
    :raises TransientError, ConfigurationError: from every method, as ``PayPalHook.fetch``.
    """

    def __init__(self, hook: PayPalHook, kept: Looked, currency: str) -> None:
        self._hook = hook
        self._currency = currency
        self._book = f"paypal-{hook.account}-transaction"

    def sources(self) -> list[KeptSource]:
        """Transactions."""
        return [KeptSource(self._book, TransactionSource(self._hook), _moved, _names)]

    def balance(self) -> Decimal:
        """What PayPal holds in the ledgers' currency."""
        return self._hook.balance().get(self._currency, _NOTHING)

    def movements(self, records: Sequence[KeptRecord]) -> list[Movement]:
        """Whatever succeeded, and beside each the fee that PayPal took of it."""
        return [each for record in records for each in self._of(record)]

    def _of(self, record: KeptRecord) -> Iterator[Movement]:
        moved = record.payload
        if moved["status"] not in _SUCCEEDED or moved["currency"] != self._currency:
            return
        is_bank = moved["code"].startswith(_TO_AND_FROM_THE_BANK)
        yield _movement(record, moved["id"], moved["charge"] or moved["id"], moved["amount"], is_payout=is_bank)
        if Decimal(moved["fee"]):
            yield _movement(record, _fee_id(moved), _fee_id(moved), moved["fee"])


def _movement(record: KeptRecord, identity: str, belongs_to: str, amount: str, *, is_payout: bool = False) -> Movement:
    return Movement(
        kind="payout" if is_payout else "money",
        id=identity,
        belongs_to=belongs_to,
        amount=Decimal(amount),
        fee=_NOTHING,
        moved_at=instant(record.payload["at"]),
        record=record.key,
    )


def _fee_id(moved: Mapping[str, Any]) -> str:
    """As the documents made of a fee bear it."""
    return f"{moved['id']} fee"


def _names(moved: Mapping[str, Any]) -> Iterator[str]:
    """What moved, the charge that a refund or dispute takes back, and the fee."""
    yield moved["id"]
    if moved["charge"]:
        yield moved["charge"]
    if Decimal(moved["fee"]):
        yield _fee_id(moved)


def _moved(transaction: dict[str, Any]) -> dict[str, Any]:
    """What the books need of a transaction."""
    if "code" in transaction:
        return transaction
    code = transaction["transaction_event_code"]
    return {
        "id": transaction["transaction_id"],
        "code": code,
        "charge": transaction.get("paypal_reference_id") if code in _OF_A_PAYMENT else None,
        "amount": transaction["transaction_amount"]["value"],
        "currency": transaction["transaction_amount"]["currency_code"],
        "fee": transaction.get("fee_amount", {}).get("value", "0"),
        "status": transaction["transaction_status"],
        "at": transaction["transaction_initiation_date"],
    }
