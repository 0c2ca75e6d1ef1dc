"""
What Xero booked, document by document: the entries of accounting-rules.md §2, from the documents themselves.

Journals are for apps of one tier only (sources.md Xero §5); so the documents are read and the trial balance says
whether they are all there is. Base amounts are converted per document and account, half-up, the cent left to
rounding; the last part of a document takes what is left of it (accounting-rules.md §2, §7).
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hooks.xero.sources import SOURCES
from ledgerbridge.reconciliation import Booked, KeptRecords, OpenAmount

if TYPE_CHECKING:
    from hooks.xero.hook import XeroHook

__all__ = ["XeroBooks"]

_BOOKED = {"AUTHORISED", "PAID", "POSTED"}
_CENT = Decimal("0.01")
_GAIN = "REALISEDCURRENCYGAIN"
_NOT_BOOKED = {"Contact", "Payments", "CreditNotes", "Overpayments", "Prepayments", "ValidationErrors", "Attachments"}
_OF_A_YEAR = {"REVENUE", "EXPENSE"}


class XeroBooks:
    """
    The books of one organisation.

    :param kept: what earlier runs read.
    :raises TransientError, ConfigurationError: from every method, as ``XeroHook.get``.
    """

    def __init__(self, hook: XeroHook, kept: KeptRecords) -> None:
        self._hook = hook
        self._kept = kept
        self._scope = f"xero:{hook.tenant_id}"
        self._withdrawn: dict[str, str] = {}

    def booked(self) -> list[Booked]:
        """Sales invoices and credit notes, what settled them, bank transactions and transfers, manual journals."""
        documents = self._documents
        return [
            *(_invoiced(document, self._accounts, self._tax_sets, self._scope) for document in documents.values()),
            *_allocated(documents, self._accounts, self._scope),
            *self._paid(),
            *self._bank_transactions(),
            *self._bank_transfers(),
            *self._manual_journals(),
        ]

    @property
    def withdrawn(self) -> dict[str, str]:
        """What became of documents that were booked and no longer are, by id; complete after ``booked``."""
        return self._withdrawn

    def open_amounts(self) -> list[OpenAmount]:
        """What is due on invoices and left of credit notes; to be asked after ``booked``, which settles them."""
        return [
            OpenAmount(document.number, document.sign * document.open_base, _day(document.element))
            for document in self._documents.values()
            if document.open_base
        ]

    def applied_to(self, numbers: Sequence[str]) -> dict[str, str]:
        """Nothing: what settles a document names it."""
        return {}

    @property
    def on_the_way(self) -> dict[str, str]:
        """Nothing: what Xero takes from us it books at once."""
        return {}

    def beyond_documents(self, booked: Iterable[Booked], on: date, since: date | None) -> dict[str, Decimal]:
        """
        By account code, what the trial balance of that day holds beyond these documents.

        :param since: what was there before is left out.
        """
        year = _financial_year(self._hook.organisation, on)
        begins = {
            code: max(filter(None, (since, year)), default=None) if code in self._accounts.of_a_year else since
            for code in self._accounts.codes
        }
        left: dict[str, Decimal] = defaultdict(Decimal)
        for balance in self._hook.trial_balance(on):
            left[str(balance.code)] += balance.balance
        if since is not None:
            for balance in self._hook.trial_balance(since - timedelta(days=1)):
                if str(balance.code) not in self._accounts.of_a_year or since > year:
                    left[str(balance.code)] -= balance.balance
        for each in booked:
            for account, amount in each.effects.items():
                if each.booked_on <= on and each.booked_on >= (begins.get(account) or each.booked_on):
                    left[account] -= amount
        return {code: amount for code, amount in left.items() if amount}

    @cached_property
    def _accounts(self) -> _Accounts:
        return _Accounts(self._hook)

    @cached_property
    def _tax_sets(self) -> dict[str, str]:
        """The names of a tax type's components, sorted and joined, by tax type."""
        rates = self._hook.get("TaxRates")["TaxRates"]
        return {
            rate["TaxType"]: "+".join(sorted(each["Name"] for each in rate.get("TaxComponents") or []))
            for rate in rates
        }

    @cached_property
    def _documents(self) -> dict[str, _Document]:
        invoices, notes = self._all("invoice"), self._all("credit_note")
        documents = [*(_Document(each, 1) for each in invoices), *(_Document(each, -1) for each in notes)]
        return {document.identity: document for document in documents}

    def _paid(self) -> Iterator[Booked]:
        for payment in self._all("payment"):
            paid = payment.get("CreditNote") or payment.get("Invoice") or {}
            document = self._documents.get(str(paid.get("CreditNoteID") or paid.get("InvoiceID")))
            if document is not None:
                yield _payment(payment, document, self._accounts, self._scope)

    def _bank_transactions(self) -> Iterator[Booked]:
        for transaction in self._all("bank_transaction"):
            if transaction["Type"] in ("SPEND", "RECEIVE"):
                yield _bank_transaction(transaction, self._accounts, self._scope)

    def _bank_transfers(self) -> Iterator[Booked]:
        # Xero tells of a transfer when it was created, not when it is deleted: they are read whole
        for transfer in self._hook.get("BankTransfers")["BankTransfers"]:
            if transfer.get("Status", "AUTHORISED") in _BOOKED:
                yield _bank_transfer(transfer, self._accounts, self._scope)

    def _manual_journals(self) -> Iterator[Booked]:
        for journal in self._all("manual_journal"):
            yield _manual_journal(journal, self._accounts, self._scope)

    def _all(self, entity: str) -> Iterator[dict[str, Any]]:
        """The elements that are booked, oldest change first; those that were are remembered."""
        source = SOURCES[entity](self._hook)
        records = self._kept.read(f"{self._scope}-{entity}", source, _without_people)
        for record in sorted(records, key=lambda each: each.changed_at):
            status = str(record.payload["Status"])
            if status in _BOOKED:
                yield record.payload
            elif status in ("VOIDED", "DELETED"):
                self._withdrawn[str(record.payload[source.id_field])] = status


class _Accounts:
    """Codes and currencies of Xero's accounts, and of those it books to by itself."""

    def __init__(self, hook: XeroHook) -> None:
        rows = hook.get("Accounts")["Accounts"]
        self._base_currency = str(hook.organisation["BaseCurrency"])
        self._by_id = {row["AccountID"]: row for row in rows}
        self._by_code = {row["Code"]: row for row in rows if row.get("Code")}
        self._system = {row["SystemAccount"]: str(row.get("Code")) for row in rows if row.get("SystemAccount")}
        self.codes = {str(row.get("Code")) for row in rows}
        self.of_a_year = {str(row.get("Code")) for row in rows if row.get("Class") in _OF_A_YEAR}

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
        self.open_base = self.base

    def settled(self, amount: Decimal) -> Decimal:
        """The base amount that a part of it carries: converted at its own rate, the last part takes what is left."""
        carried = self.open_base if amount == self._open else _base(amount, self.rate)
        self._open -= amount
        self.open_base -= carried
        return carried


def _invoiced(document: _Document, accounts: _Accounts, tax_sets: Mapping[str, str], scope: str) -> Booked:
    element, sign = document.element, document.sign
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    taxes: dict[str, Decimal] = defaultdict(Decimal)
    for line in element["LineItems"]:
        included = Decimal(line["TaxAmount"]) if element["LineAmountTypes"] == "Inclusive" else Decimal(0)
        amounts[str(line["AccountCode"])] += Decimal(line["LineAmount"]) - included
        taxes[tax_sets.get(str(line.get("TaxType")), "")] -= sign * Decimal(line.get("TaxAmount") or 0)
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
        taxes={details: amount for details, amount in taxes.items() if amount},
        rate=document.rate,
        changed_at=_changed(element),
    )


def _allocated(documents: Mapping[str, _Document], accounts: _Accounts, scope: str) -> Iterator[Booked]:
    for note in [document for document in documents.values() if document.sign == -1]:
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
                settles=note.number,
                against=allocation["Invoice"].get("InvoiceNumber", ""),
                changed_at=_changed(note.element),
                source="xero.credit_note",
            )


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
        settles=document.number,
        changed_at=_changed(payment),
        source="xero.payment",
    )


def _bank_transaction(transaction: Mapping[str, Any], accounts: _Accounts, scope: str) -> Booked:
    sign, rate = (1 if transaction["Type"] == "SPEND" else -1), _rate(transaction)
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for line in transaction["LineItems"]:
        included = line.get("TaxAmount") or 0 if transaction["LineAmountTypes"] == "Inclusive" else 0
        amounts[str(line["AccountCode"])] += Decimal(line["LineAmount"]) - Decimal(included)
    amounts[accounts.system("GST")] += Decimal(transaction.get("TotalTax") or 0)
    effects = {account: sign * _base(amount, rate) for account, amount in amounts.items()}
    spent = {accounts.code(transaction["BankAccount"]): -sign * _base(Decimal(transaction["Total"]), rate)}
    return Booked(
        key=f"{scope}:bank_transaction:{transaction['BankTransactionID']}",
        kind="bank transaction",
        number=transaction.get("Reference") or transaction["BankTransactionID"],
        booked_on=_day(transaction),
        effects=_balanced(spent, effects, accounts.system("ROUNDING")),
        ids=(transaction["BankTransactionID"],),
    )


def _bank_transfer(transfer: Mapping[str, Any], accounts: _Accounts, scope: str) -> Booked:
    amount = Decimal(transfer["Amount"])
    return Booked(
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


def _manual_journal(journal: Mapping[str, Any], accounts: _Accounts, scope: str) -> Booked:
    """Lines carry their amount without tax, whatever tax they bear goes to the tax account (sources.md Xero §5)."""
    effects: dict[str, Decimal] = defaultdict(Decimal)
    for line in journal["JournalLines"]:
        tax = Decimal(line.get("TaxAmount") or 0)
        included = tax if journal.get("LineAmountTypes") == "Inclusive" else Decimal(0)
        effects[str(line["AccountCode"])] += Decimal(line["LineAmount"]) - included
        effects[accounts.system("GST")] += tax
    return Booked(
        key=f"{scope}:manual_journal:{journal['ManualJournalID']}",
        kind="manual journal",
        number=str(journal["Narration"]),
        booked_on=_day(journal),
        effects={account: amount for account, amount in effects.items() if amount},
        ids=(journal["ManualJournalID"],),
    )


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


def _changed(element: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(element["UpdatedDateUTC"])


def _financial_year(organisation: Mapping[str, Any], day: date) -> date:
    """The first day of the financial year that the day lies in."""
    month, last = int(organisation["FinancialYearEndMonth"]), int(organisation["FinancialYearEndDay"])
    for year in (day.year, day.year - 1):
        ended = date(year, month, min(last, monthrange(year, month)[1]))
        if ended < day:
            return ended + timedelta(days=1)
    return date(day.year - 1, 1, 1)


def _without_people(element: Mapping[str, Any]) -> dict[str, Any]:
    """An element without addresses and the like, and without what nothing is booked from."""
    contact = {"Name": (element.get("Contact") or {}).get("Name")}
    return {name: value for name, value in element.items() if name not in _NOT_BOOKED} | {"Contact": contact}
