"""Invoices, bills and credit notes: how they differ on the wire and in the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.xero.ledger import system_account
from sandbox.xero.models import Book, Record
from sandbox.xero.wire import Element

__all__ = ["CREDIT_NOTE", "INVOICE", "DocumentKind", "control_account", "is_sale", "kind_of", "side"]


@dataclass(frozen=True)
class DocumentKind:
    """How invoices and credit notes differ on the wire."""

    resource: str
    word: str
    id_field: str
    number_field: str
    prefix: str
    types: tuple[str, ...]
    open_field: str
    """What is left to pay, allocate or refund."""


INVOICE = DocumentKind("Invoices", "Invoice", "InvoiceID", "InvoiceNumber", "INV-", ("ACCREC", "ACCPAY"), "AmountDue")
CREDIT_NOTE = DocumentKind(
    "CreditNotes",
    "Credit Note",
    "CreditNoteID",
    "CreditNoteNumber",
    "CN-",
    ("ACCRECCREDIT", "ACCPAYCREDIT"),
    "RemainingCredit",
)
_SALES = {"ACCREC", "ACCRECCREDIT"}
_DEBITS = {"ACCREC", "ACCPAYCREDIT"}


def kind_of(document: Record) -> DocumentKind:
    """Whether a document is an invoice or a credit note."""
    return INVOICE if document.resource == "Invoices" else CREDIT_NOTE


def side(document: Element) -> int:
    """1 where the document debits receivables or payables, -1 where it credits them."""
    return 1 if document["Type"] in _DEBITS else -1


def control_account(book: Book, document: Element) -> str:
    """The id of the account the document is open on: receivables or payables."""
    return system_account(book, "DEBTORS" if is_sale(document["Type"]) else "CREDITORS")


def is_sale(document_type: str) -> bool:
    """Whether documents of this type are sales, open on receivables, or purchases, open on payables."""
    return document_type in _SALES
