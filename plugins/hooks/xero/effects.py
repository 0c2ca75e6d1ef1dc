"""What Xero will book of a document that is sent to it (accounting-rules.md §2), by the company's roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hooks.xero.entries import (
    GAIN,
    KINDS,
    Accounts,
    bank_transaction_entry,
    bank_transfer_entry,
    document_entry,
    manual_journal_entry,
    payment_entry,
)
from hooks.xero.wire import element
from ledgerbridge.entities import Document
from ledgerbridge.reconciliation import Effect, LedgerAccounts

__all__ = ["effect_of"]

_CENT = Decimal("0.01")
_ROLES = {
    "DEBTORS": "receivables", "CREDITORS": "payables", "GST": "tax_payable", "ROUNDING": "rounding",
    GAIN: "fx_gain_loss",
}  # fmt: skip
"""The accounts that Xero books to by itself, by the role a company's file has them under (accounting-rules.md §1)."""
_NOT_BOOKED = {"DRAFT", "SUBMITTED", "VOIDED", "DELETED"}
_DRAFTED = {"invoice", "bill", "credit_note", "supplier_credit", "manual_journal"}
"""What is a draft where nothing is said of its status (sources.md Xero §5)."""


def effect_of(name: str, accounts: LedgerAccounts, document: Document) -> Effect | None:
    """
    What Xero books of a document by itself; None of an entity that it books nothing of.

    Not in it: what is realised by rates, for that takes the rate of the document that is settled; and what Xero reckons
    as tax of lines that give none.
    """
    if name not in _ENTRIES:
        return None
    told = _told(document)
    if told.get("Status", "DRAFT" if name in _DRAFTED else "") in _NOT_BOOKED:
        return Effect({})
    return Effect(_ENTRIES[name](told, _ByRole(accounts)))


class _ByRole:
    """Xero's accounts as the company's file has them, without asking Xero."""

    def __init__(self, accounts: LedgerAccounts) -> None:
        self._accounts = accounts

    def system(self, name: str) -> str:
        return self._accounts.of_role(_ROLES[name])

    def code(self, reference: Mapping[str, Any]) -> str:
        return str(reference.get("Code") or reference.get("AccountID"))

    def in_base_currency(self, reference: Mapping[str, Any]) -> bool:
        return True  # whoever gives the bank's amount knows it in base currency


def _told(document: Document) -> dict[str, Any]:
    """The document as Xero answers it, with the sums that Xero adds up."""
    told = element(document.header, document.parts)
    lines = [_line(each) for each in told.get("LineItems", ())]
    net = sum((Decimal(each["LineAmount"]) for each in lines), Decimal(0))
    tax = sum((Decimal(each["TaxAmount"]) for each in lines), Decimal(0))
    kind = told.get("LineAmountTypes", "Exclusive")
    if kind == "NoTax":
        lines, tax = [{**each, "TaxAmount": Decimal(0)} for each in lines], Decimal(0)
    total = net if kind == "Inclusive" else net + tax
    return {**told, "LineAmountTypes": kind, "LineItems": lines, "TotalTax": tax, "Total": total}


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    amount = line.get("LineAmount")
    if amount is None:
        quantity = Decimal(line.get("Quantity") or 1)
        amount = (quantity * Decimal(line.get("UnitAmount") or 0)).quantize(_CENT, ROUND_HALF_UP)
    return {**line, "LineAmount": amount, "TaxAmount": line.get("TaxAmount") or Decimal(0)}


def _journal(journal: Mapping[str, Any], accounts: Accounts) -> dict[str, Decimal]:
    return manual_journal_entry({**journal, "JournalLines": journal["LineItems"]}, accounts)


def _sale_paid(payment: Mapping[str, Any], accounts: Accounts) -> dict[str, Decimal]:
    return payment_entry(payment, KINDS["ACCRECCREDIT" if "CreditNote" in payment else "ACCREC"], accounts)


def _bill_paid(payment: Mapping[str, Any], accounts: Accounts) -> dict[str, Decimal]:
    return payment_entry(payment, KINDS["ACCPAYCREDIT" if "CreditNote" in payment else "ACCPAY"], accounts)


def _nothing(_: Mapping[str, Any], __: Accounts) -> dict[str, Decimal]:
    return {}


_ENTRIES: Mapping[str, Callable[[Mapping[str, Any], Accounts], dict[str, Decimal]]] = {
    **dict.fromkeys(("invoice", "bill", "credit_note", "supplier_credit"), document_entry),
    "payment": _sale_paid,
    "bill_payment": _bill_paid,
    "allocation": _nothing,
    "bank_transaction": bank_transaction_entry,
    "bank_transfer": bank_transfer_entry,
    "manual_journal": _journal,
}
