"""
The entries that Xero makes of a document (accounting-rules.md §2), by account in base currency, debit positive.

Base amounts are converted per document and account, half-up, the cent left to rounding (accounting-rules.md §2, §7).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Protocol

__all__ = [
    "GAIN",
    "KINDS",
    "Accounts",
    "Kind",
    "balanced",
    "bank_transaction_entry",
    "bank_transfer_entry",
    "base_amount",
    "document_entry",
    "manual_journal_entry",
    "payment_entry",
    "rate_of",
]

GAIN = "REALISEDCURRENCYGAIN"
_CENT = Decimal("0.01")


class Accounts(Protocol):
    """Codes of Xero's accounts."""

    def system(self, name: str) -> str:
        """The code of one that Xero books to by itself."""

    def code(self, reference: Mapping[str, Any]) -> str:
        """The code of one that a document names."""

    def in_base_currency(self, reference: Mapping[str, Any]) -> bool:
        """Whether a bank account is kept in base currency."""


@dataclass(frozen=True)
class Kind:
    """
    What a type of document is.

    :param sign: 1 where it debits the control account.
    """

    name: str
    entity: str
    sign: int
    control: str
    is_sale: bool = True


KINDS = {
    "ACCREC": Kind("invoice", "invoice", 1, "DEBTORS"),
    "ACCRECCREDIT": Kind("credit note", "credit_note", -1, "DEBTORS"),
    "ACCPAY": Kind("bill", "bill", -1, "CREDITORS", is_sale=False),
    "ACCPAYCREDIT": Kind("supplier's credit", "supplier_credit", 1, "CREDITORS", is_sale=False),
}


def document_entry(element: Mapping[str, Any], accounts: Accounts) -> dict[str, Decimal]:
    """An invoice, bill or credit note: the control account against its lines' accounts and the tax."""
    kind, rate = KINDS[element["Type"]], rate_of(element)
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for line in element["LineItems"]:
        included = Decimal(line["TaxAmount"]) if element["LineAmountTypes"] == "Inclusive" else Decimal(0)
        amounts[str(line["AccountCode"])] += Decimal(line["LineAmount"]) - included
    amounts[accounts.system("GST")] += Decimal(element["TotalTax"])
    effects = {account: -kind.sign * base_amount(amount, rate) for account, amount in amounts.items()}
    owed = {accounts.system(kind.control): kind.sign * base_amount(Decimal(element["Total"]), rate)}
    return balanced(owed, effects, accounts.system("ROUNDING"))


def payment_entry(
    payment: Mapping[str, Any], kind: Kind, accounts: Accounts, settled: Decimal | None = None
) -> dict[str, Decimal]:
    """
    A payment on a document: its bank account against the control account.

    :param kind: of the document.
    :param settled: what it settles of the document at that one's rate, the difference a realised gain; None: at the
        payment's own.
    """
    in_bank = payment.get("BankAmount")
    if in_bank is not None and accounts.in_base_currency(payment["Account"]):
        received = Decimal(in_bank)
    else:
        received = base_amount(Decimal(payment["Amount"]), rate_of(payment))
    return balanced(
        {accounts.code(payment["Account"]): kind.sign * received},
        {accounts.system(kind.control): -kind.sign * (received if settled is None else settled)},
        accounts.system(GAIN),
    )


def bank_transaction_entry(transaction: Mapping[str, Any], accounts: Accounts) -> dict[str, Decimal]:
    """Money spent or received: the bank account against its lines' accounts and the tax."""
    sign, rate = (1 if transaction["Type"] == "SPEND" else -1), rate_of(transaction)
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for line in transaction["LineItems"]:
        included = line.get("TaxAmount") or 0 if transaction["LineAmountTypes"] == "Inclusive" else 0
        amounts[str(line["AccountCode"])] += Decimal(line["LineAmount"]) - Decimal(included)
    amounts[accounts.system("GST")] += Decimal(transaction.get("TotalTax") or 0)
    effects = {account: sign * base_amount(amount, rate) for account, amount in amounts.items()}
    spent = {accounts.code(transaction["BankAccount"]): -sign * base_amount(Decimal(transaction["Total"]), rate)}
    return balanced(spent, effects, accounts.system("ROUNDING"))


def bank_transfer_entry(transfer: Mapping[str, Any], accounts: Accounts) -> dict[str, Decimal]:
    """One bank account against the other."""
    amount = Decimal(transfer["Amount"])
    return {accounts.code(transfer["ToBankAccount"]): amount, accounts.code(transfer["FromBankAccount"]): -amount}


def manual_journal_entry(journal: Mapping[str, Any], accounts: Accounts) -> dict[str, Decimal]:
    """Lines carry their amount without tax, whatever tax they bear goes to the tax account (sources.md Xero §5)."""
    effects: dict[str, Decimal] = defaultdict(Decimal)
    for line in journal["JournalLines"]:
        tax = Decimal(line.get("TaxAmount") or 0)
        included = tax if journal.get("LineAmountTypes") == "Inclusive" else Decimal(0)
        effects[str(line["AccountCode"])] += Decimal(line["LineAmount"]) - included
        effects[accounts.system("GST")] += tax
    return {account: amount for account, amount in effects.items() if amount}


def balanced(one: Mapping[str, Decimal], other: Mapping[str, Decimal], rest: str) -> dict[str, Decimal]:
    """Both sides of an entry, with what they differ by on the account for the rest."""
    effects: dict[str, Decimal] = defaultdict(Decimal)
    for account, amount in (*one.items(), *other.items()):
        effects[account] += amount
    effects[rest] -= sum(effects.values(), Decimal(0))
    return {account: amount for account, amount in effects.items() if amount}


def rate_of(element: Mapping[str, Any]) -> Decimal:
    """Base units for one unit of the document's currency; 1 where Xero leaves it out."""
    return Decimal(element.get("CurrencyRate") or 1)


def base_amount(amount: Decimal, rate: Decimal) -> Decimal:
    """An amount in base currency, to the cent."""
    return (amount * rate).quantize(_CENT, ROUND_HALF_UP)
