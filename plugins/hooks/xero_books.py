"""
What Xero booked, document by document: the entries of accounting.md §2, from the documents themselves.

Journals are for apps of one tier only (facts/xero.md §5); so the documents are read and the trial balance says whether
they are all there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from ledgerbridge.reconciliation import Booked

if TYPE_CHECKING:
    from hooks.xero import XeroHook

__all__ = ["unexplained_balances", "xero_books"]

_BOOKED = {"AUTHORISED", "PAID"}
_CENT = Decimal("0.01")


def xero_books(hook: XeroHook) -> list[Booked]:
    """
    Sales invoices, payments on them, bank transactions and transfers.
    """
    accounts = _Accounts(hook)
    return [
        *_invoices(hook, accounts),
        *_payments(hook, accounts),
        *_bank_transactions(hook, accounts),
        *_bank_transfers(hook, accounts),
    ]


def unexplained_balances(hook: XeroHook, books: list[Booked], on: date) -> dict[str, Decimal]:
    """By account code, what the trial balance holds beyond the documents read."""
    left: dict[str, Decimal] = defaultdict(Decimal)
    for balance in hook.trial_balance(on):
        left[str(balance.code)] += balance.balance
    for booked in books:
        for account, amount in booked.effects.items():
            left[account] -= amount
    return {code: amount for code, amount in left.items() if amount}


class _Accounts:
    """Codes of the accounts Xero books to by itself."""

    def __init__(self, hook: XeroHook) -> None:
        rows = hook.get("Accounts")["Accounts"]
        self.by_id = {row["AccountID"]: str(row.get("Code")) for row in rows}
        self._system = {row["SystemAccount"]: str(row.get("Code")) for row in rows if row.get("SystemAccount")}

    def system(self, name: str) -> str:
        return self._system.get(name, name)

    def code(self, reference: dict[str, Any]) -> str:
        return str(reference.get("Code") or self.by_id.get(reference.get("AccountID", ""), ""))


def _invoices(hook: XeroHook, accounts: _Accounts) -> Iterator[Booked]:
    for invoice in _all(hook, "Invoices", 'Type=="ACCREC"'):
        rate = _rate(invoice)
        effects: dict[str, Decimal] = defaultdict(Decimal)
        effects[accounts.system("DEBTORS")] += _base(invoice["Total"], rate)
        for line in invoice["LineItems"]:
            effects[str(line["AccountCode"])] -= _base(line["LineAmount"], rate)
        effects[accounts.system("GST")] -= _base(invoice["TotalTax"], rate)
        yield Booked(
            key=f"xero:{hook.tenant_id}:invoice:{invoice['InvoiceID']}",
            kind="invoice",
            number=invoice["InvoiceNumber"],
            booked_on=_day(invoice["Date"]),
            effects=_nonzero(effects),
            customer=invoice["Contact"].get("Name", ""),
            ids=(invoice["InvoiceID"],),
        )


def _payments(hook: XeroHook, accounts: _Accounts) -> Iterator[Booked]:
    for payment in _all(hook, "Payments", 'PaymentType=="ACCRECPAYMENT"'):
        amount = Decimal(payment["Amount"])
        yield Booked(
            key=f"xero:{hook.tenant_id}:payment:{payment['PaymentID']}",
            kind="payment",
            number=payment.get("Reference") or payment["PaymentID"],
            booked_on=_day(payment["Date"]),
            effects={accounts.code(payment["Account"]): amount, accounts.system("DEBTORS"): -amount},
            ids=(payment["PaymentID"],),
        )


def _bank_transactions(hook: XeroHook, accounts: _Accounts) -> Iterator[Booked]:
    for transaction in _all(hook, "BankTransactions", 'Type=="SPEND" OR Type=="RECEIVE"'):
        sign = 1 if transaction["Type"] == "SPEND" else -1
        effects: dict[str, Decimal] = defaultdict(Decimal)
        effects[accounts.code(transaction["BankAccount"])] -= sign * Decimal(transaction["Total"])
        for line in transaction["LineItems"]:
            effects[str(line["AccountCode"])] += sign * Decimal(line["LineAmount"])
        effects[accounts.system("GST")] += sign * Decimal(transaction.get("TotalTax") or 0)
        yield Booked(
            key=f"xero:{hook.tenant_id}:bank_transaction:{transaction['BankTransactionID']}",
            kind="bank transaction",
            number=transaction.get("Reference") or transaction["BankTransactionID"],
            booked_on=_day(transaction["Date"]),
            effects=_nonzero(effects),
            ids=(transaction["BankTransactionID"],),
        )


def _bank_transfers(hook: XeroHook, accounts: _Accounts) -> Iterator[Booked]:
    for transfer in hook.get("BankTransfers")["BankTransfers"]:
        amount = Decimal(transfer["Amount"])
        yield Booked(
            key=f"xero:{hook.tenant_id}:bank_transfer:{transfer['BankTransferID']}",
            kind="bank transfer",
            number=transfer.get("Reference") or transfer["BankTransferID"],
            booked_on=_day(transfer["Date"]),
            effects={
                accounts.code(transfer["ToBankAccount"]): amount,
                accounts.code(transfer["FromBankAccount"]): -amount,
            },
            ids=(transfer["BankTransferID"],),
        )


def _all(hook: XeroHook, collection: str, where: str) -> Iterator[dict[str, Any]]:
    for page in hook.pages(collection, {"where": where, "order": "UpdatedDateUTC ASC", "unitdp": 4}):
        yield from (element for element in page if element["Status"] in _BOOKED)


def _rate(element: dict[str, Any]) -> Decimal:
    """Base units for one unit of the document's currency; 1 where Xero leaves it out."""
    return Decimal(element.get("CurrencyRate") or 1)


def _base(amount: str, rate: Decimal) -> Decimal:
    return (Decimal(amount) * rate).quantize(_CENT, ROUND_HALF_UP)


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])


def _nonzero(effects: dict[str, Decimal]) -> dict[str, Decimal]:
    return {account: amount for account, amount in effects.items() if amount}
