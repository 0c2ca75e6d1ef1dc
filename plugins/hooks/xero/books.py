"""
What Xero booked, document by document: the entries of accounting-rules.md §2, from the documents themselves.

Journals are for apps of one tier only (sources.md Xero §5); so the documents are read and the trial balance says
whether they are all there is. The last part of a document takes what is left of it (accounting-rules.md §2, §7).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property, partial
from typing import Any

from hooks.xero.entries import (
    GAIN,
    KINDS,
    balanced,
    bank_transaction_entry,
    bank_transfer_entry,
    base_amount,
    document_entry,
    manual_journal_entry,
    payment_entry,
    rate_of,
)
from hooks.xero.hook import XeroHook
from hooks.xero.sources import SOURCES, WITH_PURCHASES, BankTransferSource
from ledgerbridge.entities import Source
from ledgerbridge.reconciliation import Booked, Derived, KeptRecord, KeptSource, OpenAmount, Totals

__all__ = ["XeroBooks"]

_BOOKED = {"AUTHORISED", "PAID", "POSTED"}
_NOT_BOOKED = {"Contact", "Payments", "CreditNotes", "Overpayments", "Prepayments", "ValidationErrors", "Attachments"}
_MADE_OF_ENTRY = re.compile(r"\(\w+ entry [\d-]+\)(, dated [\d-]+)?\s*$")
_OF_A_YEAR = {"REVENUE", "EXPENSE"}


class XeroBooks:
    """
    The books of one organisation.

    :param roles: account roles that it has an account for; with `payables` bills are among the books.
    :param _settings: of the company; nothing here goes by them.
    :raises TransientError, ConfigurationError: from every method, as ``XeroHook.get``.
    """

    def __init__(self, hook: XeroHook, roles: Collection[str] = (), _settings: Mapping[str, str] | None = None) -> None:
        self._hook = hook
        self._scope = f"xero:{hook.tenant_id}"
        self._sources = WITH_PURCHASES if "payables" in roles else SOURCES

    def sources(self) -> list[KeptSource]:
        """Invoices, credit notes, what settled them, bank transactions and transfers, manual journals."""
        changed = [self._source(entity, source(self._hook)) for entity, source in self._sources.items()]
        # Xero tells of a transfer when it was created, not when it is deleted
        return [*changed, self._source("bank_transfer", BankTransferSource(self._hook), whole=True)]

    def terms(self) -> dict[str, Any]:
        """Accounts by id, those Xero books to by itself, and the components of the tax types."""
        return {
            **self._accounts.terms(),
            **{f"tax type {name}": components for name, components in self._tax_sets.items()},
        }

    def derive(self, records: Sequence[KeptRecord]) -> Derived:
        """Documents by their own id; what settled one by that one's, an allocation by its credit note's."""
        booked: dict[str, list[dict[str, Any]]] = defaultdict(list)
        withdrawn: dict[str, str] = {}
        for record in sorted(records, key=lambda each: (each.changed_at, each.key)):
            entity = record.book.rpartition("-")[2]
            status = str(record.payload.get("Status", "AUTHORISED"))
            if status in _BOOKED:
                booked[entity].append(dict(record.payload))
            elif status in ("VOIDED", "DELETED"):
                withdrawn[str(record.payload[_ID_FIELDS[entity]])] = status
        documents = {
            each.identity: each for name in ("invoice", "credit_note") for each in map(_Document, booked[name])
        }
        found = [
            *(
                (each.identity, _invoiced(each, self._accounts, self._tax_sets, self._scope))
                for each in documents.values()
            ),
            *_allocated(documents, self._accounts, self._scope),
            *self._paid(documents, booked["payment"]),
            *self._in_bank(booked),
        ]
        opened = [
            (each.identity, OpenAmount(each.number, each.sign * each.open_base, _day(each.element)))
            for each in documents.values()
            if each.open_base
        ]
        return Derived(found, opened, withdrawn)

    def applied_to(self, numbers: Sequence[str]) -> dict[str, str]:
        """Nothing: what settles a document names it."""
        return {}

    @property
    def on_the_way(self) -> dict[str, str]:
        """Nothing: what Xero takes from us it books at once."""
        return {}

    def beyond_documents(self, totals: Totals, on: date, since: date | None) -> dict[str, Decimal]:
        """
        By account code, what the trial balance of that day holds beyond these documents.

        :param since: what was there before is left out.
        """
        year = _financial_year(self._hook.organisation, on)
        left: dict[str, Decimal] = defaultdict(Decimal)
        for balance in self._hook.trial_balance(on):
            left[str(balance.code)] += balance.balance
        if since is not None:
            for balance in self._hook.trial_balance(since - timedelta(days=1)):
                if str(balance.code) not in self._accounts.of_a_year or since > year:
                    left[str(balance.code)] -= balance.balance
        for account, amount in totals(since, on).items():
            if account not in self._accounts.of_a_year:
                left[account] -= amount
        for account, amount in totals(max(filter(None, (since, year))), on).items():
            if account in self._accounts.of_a_year:
                left[account] -= amount
        left.pop(self._accounts.system("RETAINEDEARNINGS"), None)  # the results of years, which Xero moves there itself
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

    def _source(self, entity: str, source: Source, *, whole: bool = False) -> KeptSource:
        return KeptSource(f"{self._scope}-{entity}", source, _without_people, partial(_names, entity), whole)

    def _paid(
        self, documents: Mapping[str, _Document], payments: Iterable[Mapping[str, Any]]
    ) -> Iterator[tuple[str, Booked]]:
        for payment in payments:
            document = documents.get(_paid_document(payment))
            if document is not None:
                yield document.identity, _payment(payment, document, self._accounts, self._scope)

    def _in_bank(self, booked: Mapping[str, list[dict[str, Any]]]) -> Iterator[tuple[str, Booked]]:
        for transaction in booked["bank_transaction"]:
            if transaction["Type"] in ("SPEND", "RECEIVE"):
                yield transaction["BankTransactionID"], _bank_transaction(transaction, self._accounts, self._scope)
        for transfer in booked["bank_transfer"]:
            yield transfer["BankTransferID"], _bank_transfer(transfer, self._accounts, self._scope)
        for journal in booked["manual_journal"]:
            yield journal["ManualJournalID"], _manual_journal(journal, self._accounts, self._scope)


_ID_FIELDS = {entity: source.id_field for entity, source in SOURCES.items()} | {"bank_transfer": "BankTransferID"}


def _names(entity: str, element: Mapping[str, Any]) -> Iterator[str]:
    """Its own id; of a payment that of what it pays, of a credit note those of what it is set against too."""
    yield element[_ID_FIELDS[entity]]
    if entity == "payment" and (paid := _paid_document(element)):
        yield paid
    if entity == "credit_note":
        yield from (allocation["Invoice"]["InvoiceID"] for allocation in element.get("Allocations") or [])


def _paid_document(payment: Mapping[str, Any]) -> str:
    paid = payment.get("CreditNote") or payment.get("Invoice") or {}
    return str(paid.get("CreditNoteID") or paid.get("InvoiceID") or "")


class _Accounts:
    """Codes and currencies of Xero's accounts, and of those it books to by itself."""

    def __init__(self, hook: XeroHook) -> None:
        rows = hook.get("Accounts")["Accounts"]
        self._base_currency = str(hook.organisation["BaseCurrency"])
        self._by_id = {row["AccountID"]: row for row in rows}
        self._by_code = {row["Code"]: row for row in rows if row.get("Code")}
        self._system = {row["SystemAccount"]: str(row.get("Code")) for row in rows if row.get("SystemAccount")}
        self.of_a_year = {str(row.get("Code")) for row in rows if row.get("Class") in _OF_A_YEAR}

    def terms(self) -> dict[str, Any]:
        currencies = {row["AccountID"]: row.get("CurrencyCode") or self._base_currency for row in self._by_id.values()}
        return {
            **{f"account {each}": [row.get("Code"), currencies[each]] for each, row in self._by_id.items()},
            **{f"system account {name}": code for name, code in self._system.items()},
        }

    def system(self, name: str) -> str:
        return self._system.get(name, name)

    def code(self, reference: Mapping[str, Any]) -> str:
        return str(reference.get("Code") or self._by_id[reference["AccountID"]].get("Code"))

    def in_base_currency(self, reference: Mapping[str, Any]) -> bool:
        row = self._by_code.get(self.code(reference), {})
        return row.get("CurrencyCode") in (None, "", self._base_currency)


@dataclass
class _Document:
    """An invoice, bill or credit note, and how much of it is open in base currency."""

    element: dict[str, Any]

    def __post_init__(self) -> None:
        self.kind = KINDS[self.element["Type"]]
        self.sign = self.kind.sign
        self.rate = rate_of(self.element)
        named = "Invoice" if "InvoiceID" in self.element else "CreditNote"
        self.identity: str = self.element[f"{named}ID"]
        self.number: str = self.element.get(f"{named}Number") or ""
        if not self.kind.is_sale:  # suppliers' numbers are their own, and Xero takes one twice
            self.number = f"{self.number} {self.element['Contact'].get('Name') or ''} {self.identity[:8]}".strip()
        self.base = base_amount(Decimal(self.element["Total"]), self.rate)
        self._open = Decimal(self.element["Total"])
        self.open_base = self.base

    def control(self, accounts: _Accounts) -> str:
        """Code of the account that it is open on."""
        return accounts.system(self.kind.control)

    def settled(self, amount: Decimal) -> Decimal:
        """The base amount that a part of it carries: converted at its own rate, the last part takes what is left."""
        carried = self.open_base if amount == self._open else base_amount(amount, self.rate)
        self._open -= amount
        self.open_base -= carried
        return carried


def _invoiced(document: _Document, accounts: _Accounts, tax_sets: Mapping[str, str], scope: str) -> Booked:
    element, sign = document.element, document.sign
    taxes: dict[str, Decimal] = defaultdict(Decimal)
    for line in element["LineItems"]:
        taxes[tax_sets.get(str(line.get("TaxType")), "")] -= sign * Decimal(line.get("TaxAmount") or 0)
    return Booked(
        key=f"{scope}:{document.kind.entity}:{document.identity}",
        kind=document.kind.name,
        number=document.number,
        booked_on=_day(element),
        effects=document_entry(element, accounts),
        customer=element["Contact"].get("Name", ""),
        ids=(document.identity,),
        taxes={details: amount for details, amount in taxes.items() if amount},
        rate=document.rate,
        changed_at=_changed(element),
        source="" if document.kind.is_sale else f"xero.{document.kind.entity}",
    )


def _allocated(documents: Mapping[str, _Document], accounts: _Accounts, scope: str) -> Iterator[tuple[str, Booked]]:
    for note in [document for document in documents.values() if "CreditNoteID" in document.element]:
        for place, allocation in enumerate(note.element.get("Allocations") or []):
            amount = Decimal(allocation["Amount"])
            invoice_id = allocation["Invoice"]["InvoiceID"]
            difference = -note.sign * (note.settled(amount) - documents[invoice_id].settled(amount))
            if not (note.kind.is_sale or difference):
                continue  # without an entry, and no flow sets suppliers' credits against bills
            against, joined = documents[invoice_id].number, f"{note.identity} {invoice_id}"
            identity = allocation.get("AllocationID")  # not all of Xero's answers have it
            yield (
                note.identity,
                Booked(
                    key=f"{scope}:allocation:{identity or f'{joined} {place}'}",
                    kind="allocation",
                    number=f"{note.number} {against}",
                    booked_on=_day(allocation),
                    effects=balanced({note.control(accounts): difference}, {}, accounts.system(GAIN)),
                    ids=tuple(filter(None, (identity, joined))),
                    settles=note.number,
                    against=against,
                    changed_at=_changed(note.element),
                    source=f"xero.{note.kind.entity}",
                    part_of=f"{scope}:{note.kind.entity}:{note.identity}",
                ),
            )


def _payment(payment: Mapping[str, Any], document: _Document, accounts: _Accounts, scope: str) -> Booked:
    entity = "payment" if document.kind.is_sale else "bill_payment"
    return Booked(
        key=f"{scope}:{entity}:{payment['PaymentID']}",
        kind="payment",
        number=payment.get("Reference") or payment["PaymentID"],
        booked_on=_day(payment),
        effects=payment_entry(payment, document.kind, accounts, document.settled(Decimal(payment["Amount"]))),
        ids=(payment["PaymentID"],),
        settles=document.number,
        changed_at=_changed(payment),
        source=f"xero.{entity}",
    )


def _bank_transaction(transaction: Mapping[str, Any], accounts: _Accounts, scope: str) -> Booked:
    return Booked(
        key=f"{scope}:bank_transaction:{transaction['BankTransactionID']}",
        kind="bank transaction",
        number=transaction.get("Reference") or transaction["BankTransactionID"],
        booked_on=_day(transaction),
        effects=bank_transaction_entry(transaction, accounts),
        ids=(transaction["BankTransactionID"],),
    )


def _bank_transfer(transfer: Mapping[str, Any], accounts: _Accounts, scope: str) -> Booked:
    return Booked(
        key=f"{scope}:bank_transfer:{transfer['BankTransferID']}",
        kind="bank transfer",
        number=transfer.get("Reference") or transfer["BankTransferID"],
        booked_on=_day(transfer),
        effects=bank_transfer_entry(transfer, accounts),
        ids=(transfer["BankTransferID"],),
    )


def _manual_journal(journal: Mapping[str, Any], accounts: _Accounts, scope: str) -> Booked:
    return Booked(
        key=f"{scope}:manual_journal:{journal['ManualJournalID']}",
        kind="manual journal",
        number=str(journal["Narration"]),
        booked_on=_day(journal),
        effects=manual_journal_entry(journal, accounts),
        ids=(journal["ManualJournalID"],),
        changed_at=_changed(journal),
        # one that a flow made is nobody's to take: it comes of an entry of the other ledger
        source="" if _MADE_OF_ENTRY.search(str(journal["Narration"])) else "xero.manual_journal",
        by_entry=True,
    )


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
