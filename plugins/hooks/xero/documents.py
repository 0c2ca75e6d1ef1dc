"""The documents Xero takes: invoices, credit notes, payments, allocations, bank entries, manual journals."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Any

from hooks.xero.masters import AccountCodes, Accounts
from hooks.xero.refusals import RequestRefused
from hooks.xero.targets import DocumentTarget, each_answered, holding, kept_text
from ledgerbridge.entities import Document, Found

__all__ = [
    "Allocations",
    "BankTransactions",
    "BankTransfers",
    "Bills",
    "CreditNotes",
    "Invoices",
    "ManualJournals",
    "Payments",
    "SupplierCredits",
]


_DATED, _DAY = ", dated ", re.compile(r"\d{4}-\d{2}-\d{2}")
"""What a journal says of its own day that was posted on another."""


class Invoices(DocumentTarget):
    """Sales invoices. Key: InvoiceNumber."""

    collection = "Invoices"
    id_field = "InvoiceID"
    compared: tuple[str, ...] = ("Type", "Contact.ContactID", "CurrencyCode", "Date", "Reference")
    type_: str = "ACCREC"

    def candidates(self, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
        numbers = [kept_text(document.header["InvoiceNumber"]) for document in documents]
        for content in _numbered_invoices(self, numbers, unitdp=4):
            if content.get("Type") == self.type_:  # invoices and bills may carry the same number
                yield content

    def natural_key(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        return (kept_text(content.get("InvoiceNumber")),)

    def withdraw(self, contents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return _set_status(self, contents, "VOIDED")


class Bills(Invoices):
    """Bills. Key: InvoiceNumber, the supplier's own, and the contact."""

    adopts = True  # Xero itself takes a supplier's number twice
    per_request = 1
    type_ = "ACCPAY"
    compared = ("CurrencyCode", "Date")

    def natural_key(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        return (*super().natural_key(content), _contact(content))

    def number(self, content: Mapping[str, Any]) -> str:
        return kept_text(content.get("InvoiceNumber"))


class CreditNotes(DocumentTarget):
    """Sales credit notes. Key: CreditNoteNumber."""

    collection = "CreditNotes"
    id_field = "CreditNoteID"
    compared: tuple[str, ...] = ("Type", "Contact.ContactID", "CurrencyCode", "Date", "Reference")
    type_: str = "ACCRECCREDIT"

    def candidates(self, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
        clauses = [holding("CreditNoteNumber", str(document.header["CreditNoteNumber"])) for document in documents]
        for content in self.hook.any_of("CreditNotes", clauses, unitdp=4):
            if content.get("Type") == self.type_:
                yield content

    def natural_key(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        return (kept_text(content.get("CreditNoteNumber")),)

    def withdraw(self, contents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return _set_status(self, contents, "VOIDED")


class SupplierCredits(CreditNotes):
    """Suppliers' credit notes. Key: CreditNoteNumber, the supplier's own, and the contact."""

    adopts = True  # Xero itself takes a supplier's number twice
    per_request = 1
    type_ = "ACCPAYCREDIT"
    compared = ("CurrencyCode", "Date")

    def natural_key(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        return (*super().natural_key(content), _contact(content))

    def number(self, content: Mapping[str, Any]) -> str:
        return kept_text(content.get("CreditNoteNumber"))


class Payments(DocumentTarget):
    """
    Payments on invoices, bills and credit notes, named by number or id. Key: Reference, on that document.

    Found among the payments of their document, since Xero is slow to search all payments by reference.
    """

    adopts = True  # Xero itself takes a Reference twice
    collection = "Payments"
    id_field = "PaymentID"
    options = MappingProxyType({"summarizeErrors": "false"})
    compared = ("Amount", "Date")

    def candidates(self, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
        for paid in [*_named_invoices(self, documents), *_named_credit_notes(self, documents)]:
            yield from paid.get("Payments") or []

    def natural_key(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        return (kept_text(content.get("Reference")),)


class Allocations(DocumentTarget):
    """
    Parts of sales credit notes set against invoices, both named by number or id. Key: credit note and invoice.

    Xero gives an allocation no number of its own; people see the two it joins.
    """

    adopts = True
    per_request = 1
    collection = "Allocations"
    id_field = "AllocationID"
    compared = ("Amount",)

    def candidates(self, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
        invoices = {invoice["InvoiceID"]: invoice for invoice in _named_invoices(self, documents)}
        for note in _named_credit_notes(self, documents):
            for allocation in note.get("Allocations") or []:
                invoice = allocation["Invoice"]
                known = invoices.get(invoice["InvoiceID"], invoice)
                yield {**allocation, "CreditNote": note, "Invoice": known}

    def identity(self, content: Mapping[str, Any]) -> str:
        """Xero's id, else those of the two it joins: not all of Xero's answers give an allocation's."""
        note, invoice = content["CreditNote"], content["Invoice"]
        return str(content.get("AllocationID") or f"{note['CreditNoteID']} {invoice['InvoiceID']}")

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        """What Xero holds between the same two documents, by record key."""
        contents = list(self.candidates(documents))
        found = {}
        for document in documents:
            joined = [content for content in contents if _names_both(document.header, content)]
            if joined:
                found[document.record_key] = self._found(document, joined)
        return found

    def number(self, content: Mapping[str, Any]) -> str:
        note, invoice = content.get("CreditNote", {}), content.get("Invoice", {})
        return " ".join(filter(None, [note.get("CreditNoteNumber"), invoice.get("InvoiceNumber")]))

    def save(self, documents: Sequence[Document]) -> list[dict[str, Any]]:
        (document,) = documents
        body = self.element(document)
        named, invoice = body.pop("CreditNote"), body["Invoice"]
        note = next(_named_credit_notes(self, documents), None)
        if note is None:
            raise RequestRefused(404, {"Message": f"Xero has no sales credit note {' '.join(named.values())}"})
        path = f"CreditNotes/{note['CreditNoteID']}/Allocations"
        answer = self.write("PUT", path, documents, {"Allocations": [body]}, summarizeErrors="false")
        joined = {name: note[name] for name in ("CreditNoteID", "CreditNoteNumber")}
        return [
            {**content, "CreditNote": joined, "Invoice": {**invoice, **content["Invoice"]}}
            for content in answer["Allocations"]
        ]


class BankTransactions(DocumentTarget):
    """Money received or spent on a bank account. Key: Reference and the account's code."""

    adopts = True  # Xero itself takes a Reference twice
    per_request = 1
    collection = "BankTransactions"
    id_field = "BankTransactionID"
    compared = ("Type", "Date", "CurrencyCode")

    def candidates(self, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
        for content in self.hook.any_of("BankTransactions", _references(documents), unitdp=4):
            yield {**content, "BankAccount": self._codes.added_to(content["BankAccount"])}

    def natural_key(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        return (kept_text(content.get("Reference")), str(content["BankAccount"]["Code"]))

    def number(self, content: Mapping[str, Any]) -> str:
        return kept_text(content.get("Reference"))

    def withdraw(self, contents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return _set_status(self, contents, "DELETED")

    @cached_property
    def _codes(self) -> AccountCodes:
        return AccountCodes(self.hook)


class BankTransfers(DocumentTarget):
    """Money moved between two bank accounts. Key: Reference and both accounts' codes."""

    adopts = True  # Xero itself takes a Reference twice
    per_request = 1
    collection = "BankTransfers"
    id_field = "BankTransferID"
    compared = ("Amount", "Date")

    def candidates(self, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
        for content in self.hook.any_of("BankTransfers", _references(documents), paged=False):
            sides = ("FromBankAccount", "ToBankAccount")
            yield {**content, **{side: self._codes.added_to(content[side]) for side in sides}}

    def natural_key(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        accounts = (content["FromBankAccount"], content["ToBankAccount"])
        return (kept_text(content.get("Reference")), *(str(account["Code"]) for account in accounts))

    def number(self, content: Mapping[str, Any]) -> str:
        return kept_text(content.get("Reference"))

    def save(self, documents: Sequence[Document]) -> list[dict[str, Any]]:
        body = {"BankTransfers": [self.element(document) for document in documents]}
        answer = self.write("PUT", "BankTransfers", documents, body)
        transfers: list[dict[str, Any]] = answer["BankTransfers"]
        return transfers

    @cached_property
    def _codes(self) -> AccountCodes:
        return AccountCodes(self.hook)


class ManualJournals(DocumentTarget):
    """
    Entries between accounts that are neither receivables, payables nor bank. Key: Narration and Date.

    One that was moved to another day tells its own in the narration, and has the key it would have on that.

    Part ``lines``: LineAmount (debit positive), AccountCode, Description, TaxType.
    """

    adopts = True  # Xero itself takes a Narration twice
    per_request = 1
    collection = "ManualJournals"
    id_field = "ManualJournalID"
    options = MappingProxyType({"summarizeErrors": "false"})
    compared = ()

    def element(self, document: Document) -> dict[str, Any]:
        body = super().element(document)
        body["JournalLines"] = body.pop("LineItems", [])
        return body

    def on_day(self, document: Document, day: date) -> Document:
        """Its own day is told in the narration, which is how it is found again with the new one."""
        moved = super().on_day(document, day)
        narration, own = self.natural_key(document.header)
        return replace(moved, header={**moved.header, "Narration": f"{narration}{_DATED}{own}"})

    def candidates(self, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
        keys = [self.natural_key(document.header) for document in documents]
        forms = [form for narration, own in keys for form in (narration, f"{narration}{_DATED}{own}")]
        yield from self.hook.any_of("ManualJournals", [holding("Narration", each) for each in forms])

    def natural_key(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        narration, dated, own = kept_text(content["Narration"]).rpartition(_DATED)
        return (
            (narration, own)
            if dated and _DAY.fullmatch(own)
            else (kept_text(content["Narration"]), str(content["Date"])[:10])
        )

    def number(self, content: Mapping[str, Any]) -> str:
        return kept_text(content["Narration"])

    def withdraw(self, contents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return _set_status(self, contents, "VOIDED")

    def kept_accounts(self, accounts: Sequence[str]) -> set[str]:
        """Banks, and those that Xero books to by itself (sources.md Xero §5)."""
        found = Accounts(self.hook).lookup(accounts)
        return {code for code, row in found.items() if row["Type"] == "BANK" or row.get("SystemAccount") in _KEPT}


def _contact(content: Mapping[str, Any]) -> str:
    return str((content.get("Contact") or {}).get("ContactID") or "")


_KEPT = {"DEBTORS", "CREDITORS", "RETAINEDEARNINGS", "REALISEDCURRENCYGAIN", "UNREALISEDCURRENCYGAIN"}


def _references(documents: Sequence[Document]) -> list[str]:
    return [holding("Reference", str(document.header["Reference"])) for document in documents]


def _named_invoices(target: DocumentTarget, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
    yield from _numbered_invoices(target, _named(documents, "Invoice.InvoiceNumber"))
    yield from target.hook.listed("Invoices", "IDs", _named(documents, "Invoice.InvoiceID"))


def _numbered_invoices(target: DocumentTarget, numbers: Collection[str], **params: Any) -> Iterator[dict[str, Any]]:
    listed = [number for number in numbers if "," not in number]  # a comma would part it in two
    clauses = [holding("InvoiceNumber", number) for number in numbers if "," in number]
    yield from target.hook.listed("Invoices", "InvoiceNumbers", listed, **params)
    for invoice in target.hook.any_of("Invoices", clauses, **params):
        if kept_text(invoice.get("InvoiceNumber")) in numbers:
            yield invoice


def _named_credit_notes(target: DocumentTarget, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
    numbers, ids = _named(documents, "CreditNote.CreditNoteNumber"), _named(documents, "CreditNote.CreditNoteID")
    clauses = [holding("CreditNoteNumber", number) for number in numbers]
    clauses += [f'CreditNoteID==guid("{identity}")' for identity in ids]
    for note in target.hook.any_of("CreditNotes", clauses):
        if kept_text(note.get("CreditNoteNumber")) in numbers or note["CreditNoteID"] in ids:
            yield note


def _named(documents: Sequence[Document], field: str) -> set[str]:
    """What the documents' headers name in this field."""
    return {kept_text(document.header[field]) for document in documents if document.header.get(field)}


def _names_both(header: Mapping[str, Any], content: Mapping[str, Any]) -> bool:
    named = {path: value for path, value in header.items() if path.split(".")[0] in ("CreditNote", "Invoice")}
    return all(
        kept_text(content[side].get(field)) == kept_text(value)
        for (side, field), value in ((path.split("."), value) for path, value in named.items())
    )


def _set_status(target: DocumentTarget, contents: Sequence[Mapping[str, Any]], status: str) -> list[dict[str, Any]]:
    body = {target.collection: [{target.id_field: content[target.id_field], "Status": status} for content in contents]}
    answer = target.hook.write("POST", target.collection, body, summarizeErrors="false")
    return each_answered(target.collection, answer[target.collection], len(contents))
