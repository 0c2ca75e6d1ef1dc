"""Allocations: a credit note settles an invoice of the same contact."""

from __future__ import annotations

from sandbox.xero import rules
from sandbox.xero.document_kinds import INVOICE, control_account, kind_of, side
from sandbox.xero.errors import Refused
from sandbox.xero.ledger import Posting, post, reverse, system_account
from sandbox.xero.models import Book, Record
from sandbox.xero.settlement import amount_to_settle, named_document, reopen, settle, shown_invoice
from sandbox.xero.wire import Element, day_on_wire, new_id, read_day

__all__ = ["allocate", "remove_allocation"]


def allocate(book: Book, credit_note: Record, element: Element) -> Element:
    """
    Settle part of an invoice with a credit note; the allocation as Xero answers it.

    :raises Refused: either of them has less open, or they aren't of one contact, side and currency.
    """
    invoice = named_document(book, element)
    _check_match(invoice, credit_note)
    amount = amount_to_settle(element, invoice, "Amount exceeds the amount outstanding on this invoice")
    amount_to_settle(element, credit_note, "Amount exceeds the remaining credit on this credit note")
    day = rules.open_day(book, read_day(element["Date"]) if element.get("Date") else book.now.date())
    allocation_id, date = new_id(), day_on_wire(day)
    allocation = {"AllocationID": allocation_id, "Amount": amount, "Date": date, "Invoice": shown_invoice(invoice)}
    shown_credit = {"CreditNoteID": credit_note.id, "CreditNoteNumber": credit_note.body["CreditNoteNumber"]}
    applied = {"AllocationID": allocation_id, "AppliedAmount": amount, "Date": date, "Total": credit_note.body["Total"]}
    invoice_cents = settle(book, invoice, allocation_id, shown_credit | applied, where="CreditNotes")
    credit_cents = settle(book, credit_note, allocation_id, allocation, where="Allocations")
    control, sign = control_account(book, invoice.body), side(invoice.body)
    post(
        book,
        source_type=credit_note.body["Type"],
        source_id=allocation_id,
        day=day,
        reference=str(credit_note.body["CreditNoteNumber"]),
        postings=[
            Posting(control, -sign * invoice_cents),
            Posting(control, sign * credit_cents),
            Posting(system_account(book, "REALISEDCURRENCYGAIN"), sign * (invoice_cents - credit_cents)),
        ],
    )
    answered = {"InvoiceID": invoice.id, "LineItems": []}
    # without AllocationID and numbers (OAS, example of createCreditNoteAllocation)
    return {"Amount": amount, "Date": date, "Invoice": answered, "CreditNote": {"CreditNoteID": credit_note.id}}


def remove_allocation(book: Book, credit_note: Record, allocation_id: str) -> Element:
    """
    Open invoice and credit note again.

    :raises Refused: the credit note has no such allocation, or its day is locked.
    """
    allocations: list[Element] = credit_note.body["Allocations"]
    allocation = next((one for one in allocations if one["AllocationID"] == allocation_id), None)
    invoice = book.find("Invoices", allocation["Invoice"]["InvoiceID"]) if allocation else None
    if allocation is None or invoice is None:
        raise Refused("Allocation could not be found")
    rules.open_day(book, read_day(allocation["Date"]))
    reverse(book, allocation_id)
    reopen(book, invoice, allocation_id, where="CreditNotes", id_field="AllocationID")
    reopen(book, credit_note, allocation_id, where="Allocations", id_field="AllocationID")
    return allocation | {"IsDeleted": True}


def _check_match(invoice: Record, credit_note: Record) -> None:
    if kind_of(invoice) is not INVOICE:
        raise Refused("Invoice could not be found")
    same = (
        invoice.body["CurrencyCode"] == credit_note.body["CurrencyCode"]
        and invoice.body["Contact"]["ContactID"] == credit_note.body["Contact"]["ContactID"]
        and credit_note.body["Type"] == f"{invoice.body['Type']}CREDIT"
    )
    if not same:
        raise Refused("The credit note and the invoice must be of the same contact, kind and currency.")
    if credit_note.body["Status"] != "AUTHORISED":
        raise Refused("Credit Note not of valid status for allocation")
