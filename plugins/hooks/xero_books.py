"""
What Xero booked, document by document: the entries of accounting.md §2, from the documents themselves.

Journals are for apps of one tier only (facts/xero.md §5); so the documents are read and the trial balance says whether
they are all there is. Base amounts are converted per document and account, half-up, the cent left to rounding; the
last part of a document takes what is left of it (accounting.md §2, §7).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from ledgerbridge.reconciliation import Booked

if TYPE_CHECKING:
    from hooks.xero import XeroHook

__all__ = ["unexplained_balances", "xero_books"]

_BOOKED = {"AUTHORISED", "PAID"}
_CENT = Decimal("0.01")
_GAIN = "REALISEDCURRENCYGAIN"


def xero_books(hook: XeroHook) -> list[Booked]:
    """
    Sales invoices and credit notes, what settled them, bank transactions and transfers.

    :raises TransientError, ConfigurationError: as ``XeroHook.get``.
    """
    accounts = _Accounts(hook)
    invoices = [_Document(element, 1) for element in _all(hook, "Invoices", 'Type=="ACCREC"')]
    notes = [_Document(element, -1) for element in _all(hook, "CreditNotes", 'Type=="ACCRECCREDIT"')]
    documents = {document.identity: document for document in (*invoices, *notes)}
    scope = f"xero:{hook.tenant_id}"
    return [
        *(_invoiced(document, accounts, scope) for document in documents.values()),
        *_allocated(notes, documents, accounts, scope),
        *_paid(hook, documents, accounts, scope),
        *_bank_transactions(hook, accounts, scope),
        *_bank_transfers(hook, accounts, scope),
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
    """Codes and currencies of Xero's accounts, and of those it books to by itself."""

    def __init__(self, hook: XeroHook) -> None:
        rows = hook.get("Accounts")["Accounts"]
        self._base_currency = str(hook.organisation["BaseCurrency"])
        self._by_id = {row["AccountID"]: row for row in rows}
        self._by_code = {row["Code"]: row for row in rows if row.get("Code")}
        self._system = {row["SystemAccount"]: str(row.get("Code")) for row in rows if row.get("SystemAccount")}

    def system(self, name: str) -> str:
        return self._system.get(name, name)

    def code(self, reference: Mapping[str, Any]) -> str:
        return str(reference.get("Code") or self._by_id[reference["AccountID"]].get("Code"))

    def in_base_currency(self, reference: Mapping[str, Any]) -> bool:
        row = self._by_code.get(self.code(reference), {})
        return row.get("CurrencyCode") in (None, "", self._base_currency)


@dataclass
class _Document:
    """
    An invoice or a credit note, and how much of it is open in base currency.

    :param sign: 1 where it debits the receivables.
    """

    element: dict[str, Any]
    sign: int

    def __post_init__(self) -> None:
        self.rate = _rate(self.element)
        self.identity: str = self.element["InvoiceID" if self.sign == 1 else "CreditNoteID"]
        self.number: str = self.element["InvoiceNumber" if self.sign == 1 else "CreditNoteNumber"]
        self.base = _base(Decimal(self.element["Total"]), self.rate)
        self._open = Decimal(self.element["Total"])
        self._open_base = self.base

    def settled(self, amount: Decimal) -> Decimal:
        """The base amount that a part of it carries: converted at its own rate, the last part takes what is left."""
        carried = self._open_base if amount == self._open else _base(amount, self.rate)
        self._open -= amount
        self._open_base -= carried
        return carried


def _invoiced(document: _Document, accounts: _Accounts, scope: str) -> Booked:
    element, sign = document.element, document.sign
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for line in element["LineItems"]:
        included = Decimal(line["TaxAmount"]) if element["LineAmountTypes"] == "Inclusive" else Decimal(0)
        amounts[str(line["AccountCode"])] += Decimal(line["LineAmount"]) - included
    amounts[accounts.system("GST")] += Decimal(element["TotalTax"])
    effects = {account: -sign * _base(amount, document.rate) for account, amount in amounts.items()}
    kind, entity = ("invoice", "invoice") if sign == 1 else ("credit note", "credit_note")
    return Booked(
        key=f"{scope}:{entity}:{document.identity}",
        kind=kind,
        number=document.number,
        booked_on=_day(element),
        effects=_balanced({accounts.system("DEBTORS"): sign * document.base}, effects, accounts.system("ROUNDING")),
        customer=element["Contact"].get("Name", ""),
        ids=(document.identity,),
    )


def _allocated(
    notes: list[_Document], documents: Mapping[str, _Document], accounts: _Accounts, scope: str
) -> Iterator[Booked]:
    for note in notes:
        for allocation in note.element.get("Allocations") or []:
            amount = Decimal(allocation["Amount"])
            difference = note.settled(amount) - documents[allocation["Invoice"]["InvoiceID"]].settled(amount)
            number = f"{note.number} {allocation['Invoice'].get('InvoiceNumber', '')}"
            yield Booked(
                key=f"{scope}:allocation:{allocation.get('AllocationID', number)}",
                kind="allocation",
                number=number,
                booked_on=_day(allocation),
                effects=_balanced({accounts.system("DEBTORS"): difference}, {}, accounts.system(_GAIN)),
                ids=(str(allocation.get("AllocationID", number)),),
            )


def _paid(hook: XeroHook, documents: Mapping[str, _Document], accounts: _Accounts, scope: str) -> Iterator[Booked]:
    for page in hook.pages("Payments", {"order": "UpdatedDateUTC ASC"}):
        for payment in page:
            paid = payment.get("Invoice") or payment.get("CreditNote") or {}
            document = documents.get(str(paid.get("InvoiceID") or paid.get("CreditNoteID")))
            if payment["Status"] in _BOOKED and document is not None:
                yield _payment(payment, document, accounts, scope)


def _payment(payment: Mapping[str, Any], document: _Document, accounts: _Accounts, scope: str) -> Booked:
    amount = Decimal(payment["Amount"])
    in_bank = payment.get("BankAmount")
    if in_bank is not None and accounts.in_base_currency(payment["Account"]):
        received = Decimal(in_bank)
    else:
        received = _base(amount, _rate(payment))
    return Booked(
        key=f"{scope}:payment:{payment['PaymentID']}",
        kind="payment",
        number=payment.get("Reference") or payment["PaymentID"],
        booked_on=_day(payment),
        effects=_balanced(
            {accounts.code(payment["Account"]): document.sign * received},
            {accounts.system("DEBTORS"): -document.sign * document.settled(amount)},
            accounts.system(_GAIN),
        ),
        ids=(payment["PaymentID"],),
    )


def _bank_transactions(hook: XeroHook, accounts: _Accounts, scope: str) -> Iterator[Booked]:
    for transaction in _all(hook, "BankTransactions", 'Type=="SPEND" OR Type=="RECEIVE"'):
        sign, rate = (1 if transaction["Type"] == "SPEND" else -1), _rate(transaction)
        amounts: dict[str, Decimal] = defaultdict(Decimal)
        for line in transaction["LineItems"]:
            included = line.get("TaxAmount") or 0 if transaction["LineAmountTypes"] == "Inclusive" else 0
            amounts[str(line["AccountCode"])] += Decimal(line["LineAmount"]) - Decimal(included)
        amounts[accounts.system("GST")] += Decimal(transaction.get("TotalTax") or 0)
        effects = {account: sign * _base(amount, rate) for account, amount in amounts.items()}
        spent = {accounts.code(transaction["BankAccount"]): -sign * _base(Decimal(transaction["Total"]), rate)}
        yield Booked(
            key=f"{scope}:bank_transaction:{transaction['BankTransactionID']}",
            kind="bank transaction",
            number=transaction.get("Reference") or transaction["BankTransactionID"],
            booked_on=_day(transaction),
            effects=_balanced(spent, effects, accounts.system("ROUNDING")),
            ids=(transaction["BankTransactionID"],),
        )


def _bank_transfers(hook: XeroHook, accounts: _Accounts, scope: str) -> Iterator[Booked]:
    for transfer in hook.get("BankTransfers")["BankTransfers"]:
        amount = Decimal(transfer["Amount"])
        yield Booked(
            key=f"{scope}:bank_transfer:{transfer['BankTransferID']}",
            kind="bank transfer",
            number=transfer.get("Reference") or transfer["BankTransferID"],
            booked_on=_day(transfer),
            effects={
                accounts.code(transfer["ToBankAccount"]): amount,
                accounts.code(transfer["FromBankAccount"]): -amount,
            },
            ids=(transfer["BankTransferID"],),
        )


def _all(hook: XeroHook, collection: str, where: str) -> Iterator[dict[str, Any]]:
    for page in hook.pages(collection, {"where": where, "order": "UpdatedDateUTC ASC", "unitdp": 4}):
        yield from (element for element in page if element["Status"] in _BOOKED)


def _balanced(one: Mapping[str, Decimal], other: Mapping[str, Decimal], rest: str) -> dict[str, Decimal]:
    """Both sides of an entry, with what they differ by on the account for the rest."""
    effects: dict[str, Decimal] = defaultdict(Decimal)
    for account, amount in (*one.items(), *other.items()):
        effects[account] += amount
    effects[rest] -= sum(effects.values(), Decimal(0))
    return {account: amount for account, amount in effects.items() if amount}


def _rate(element: Mapping[str, Any]) -> Decimal:
    """Base units for one unit of the document's currency; 1 where Xero leaves it out."""
    return Decimal(element.get("CurrencyRate") or 1)


def _base(amount: Decimal, rate: Decimal) -> Decimal:
    return (amount * rate).quantize(_CENT, ROUND_HALF_UP)


def _day(element: Mapping[str, Any]) -> date:
    return date.fromisoformat(element["Date"][:10])
