"""Invoices, bills and credit notes: their life from draft to voided, and what they book."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.xero import rules
from sandbox.xero.contacts import contact_of, contact_summary, mark_role
from sandbox.xero.document_kinds import INVOICE, DocumentKind, control_account, is_sale, kind_of, side
from sandbox.xero.errors import Refused
from sandbox.xero.ledger import Posting, base_cents, post, reverse, system_account
from sandbox.xero.lines import LineRules, build_lines, line_postings, totals
from sandbox.xero.models import Book, Record
from sandbox.xero.settlement import SETTLEMENTS, refresh_status
from sandbox.xero.wire import Element, day_on_wire, read_day

__all__ = ["save_document"]

_TEXTS = {"InvoiceNumber": 255, "CreditNoteNumber": 255, "Reference": 255, "Url": 2000}
_UNCHANGEABLE = ("Contact", "CurrencyCode", "CurrencyRate", "Date", "LineAmountTypes", "LineItems", "Type")


def save_document(book: Book, kind: DocumentKind, element: Element, *, create: bool, unit_places: int) -> Record:
    """
    Create the document, or change the one with this id (or, for sales, number).

    :raises Refused: with Xero's messages, and nothing is changed.
    """
    existing = None if create else _existing(book, kind, element)
    if existing is None:
        return _create(book, kind, element, unit_places)
    return _change(book, kind, existing, element, unit_places)


def _existing(book: Book, kind: DocumentKind, element: Element) -> Record | None:
    if element.get(kind.id_field):
        found = book.find(kind.resource, str(element[kind.id_field]))
        if found is None:
            raise Refused(f"{kind.word} could not be found")
        return found
    if is_sale(str(element.get("Type"))) and element.get(kind.number_field):
        return _holder_of_number(book, kind, str(element[kind.number_field]))
    return None


def _holder_of_number(book: Book, kind: DocumentKind, number: str) -> Record | None:
    for document in book.select(kind.resource, "number = ?", [number]):
        if is_sale(document.body["Type"]) and document.body["Status"] != "DELETED":
            return document
    return None


def _create(book: Book, kind: DocumentKind, element: Element, unit_places: int) -> Record:
    if element.get("Type") not in kind.types:
        raise Refused(f"The Type '{element.get('Type')}' is not one of {', '.join(kind.types)}.")
    texts = rules.checked_texts(element, _TEXTS)
    if is_sale(element["Type"]):
        number = texts.get(kind.number_field) or _free_number(book, kind)
        if _holder_of_number(book, kind, number):
            raise Refused(f"{kind.word} # must be unique.")
        texts[kind.number_field] = number
    status = rules.new_status(kind.word, "", element.get("Status"))
    body = _blank(kind, element["Type"]) | texts | {"Status": status}
    _fill(book, kind, body, element, unit_places)
    document = book.add(kind.resource, kind.id_field, body)
    if status == "AUTHORISED":
        _post(book, document)
    return document


def _change(book: Book, kind: DocumentKind, document: Record, element: Element, unit_places: int) -> Record:
    body = document.body
    old = body["Status"]
    status = rules.new_status(kind.word, old, element.get("Status"))
    settled = any(body.get(name) for name in SETTLEMENTS)
    if settled and (status == "VOIDED" or any(name in element for name in _UNCHANGEABLE)):
        raise Refused(f"{kind.word} not of valid status for modification")
    rules.open_day(book, read_day(body["Date"]))
    texts = rules.checked_texts(element, _TEXTS)
    number = texts.get(kind.number_field)
    renumbered = number and number != body.get(kind.number_field) and is_sale(body["Type"])
    if renumbered and _holder_of_number(book, kind, str(number)):
        raise Refused(f"{kind.word} # must be unique.")
    body |= texts | {"Status": status}
    if status in {"VOIDED", "DELETED"}:
        return _withdraw(book, kind, document)
    if any(name in element for name in _UNCHANGEABLE) or (status == "AUTHORISED" != old):
        _fill(book, kind, body, element, unit_places)
        if old == "AUTHORISED":
            reverse(book, document.id)
        if status == "AUTHORISED":
            _post(book, document)
    book.save(document)
    return document


def _withdraw(book: Book, kind: DocumentKind, document: Record) -> Record:
    reverse(book, document.id)
    document.open_base = None
    document.body[kind.open_field] = Decimal("0.00")
    book.save(document)
    return document


def _fill(book: Book, kind: DocumentKind, body: Element, element: Element, unit_places: int) -> None:
    """Contact, dates, currency, lines and totals; what isn't sent stays as it was."""
    contact = contact_of(book, element.get("Contact") or body.get("Contact"))
    mark_role(book, contact, "IsCustomer" if is_sale(body["Type"]) else "IsSupplier")
    body["Contact"] = contact_summary(contact)
    _fill_dates(book, kind, body, element)
    code, rate = rules.currency(book, body | element)
    body |= {"CurrencyCode": code, "CurrencyRate": rate}
    body["LineAmountTypes"] = LineRules.amount_types_of(element.get("LineAmountTypes") or body.get("LineAmountTypes"))
    how = LineRules(body["LineAmountTypes"], unit_places, final=body["Status"] == "AUTHORISED")
    kept = body["LineItems"]
    body["LineItems"] = build_lines(book, element.get("LineItems") or kept, how, kept)
    body |= totals(body["LineItems"], how.amount_types)
    body[kind.open_field] = body["Total"]
    if body["Total"] < 0:
        raise Refused(f"The {kind.word} total must not be negative; it is {body['Total']}.")


def _fill_dates(book: Book, kind: DocumentKind, body: Element, element: Element) -> None:
    given = element.get("Date") or body.get("Date")
    day = rules.open_day(book, read_day(given) if given else book.now.date())
    body |= {"Date": day_on_wire(day), "DateString": f"{day.isoformat()}T00:00:00"}
    due = element.get("DueDate") or body.get("DueDate")
    if due:
        due_day = read_day(due)
        body |= {"DueDate": day_on_wire(due_day), "DueDateString": f"{due_day.isoformat()}T00:00:00"}
    elif kind is INVOICE and body["Status"] == "AUTHORISED":
        raise Refused("The document DueDate field must be specified.")


def _post(book: Book, document: Record) -> None:
    body = document.body
    sign, rate = side(body), body["CurrencyRate"]
    control = Posting(control_account(book, body), sign * base_cents(body["Total"], rate))
    postings = [control, *line_postings(book, body, -sign, rate)]
    left = sum(posting.cents for posting in postings)
    postings.append(Posting(system_account(book, "ROUNDING"), -left, "Currency conversion rounding"))
    kind = kind_of(document)
    post(
        book,
        source_type=body["Type"],
        source_id=document.id,
        day=read_day(body["Date"]),
        reference=str(body.get(kind.number_field, "")),
        postings=postings,
    )
    document.open_base = abs(control.cents)
    refresh_status(book, document)


def _free_number(book: Book, kind: DocumentKind) -> str:
    taken = book.count(kind.resource, "1", [])
    while _holder_of_number(book, kind, f"{kind.prefix}{taken + 1:04}"):
        taken += 1
    return f"{kind.prefix}{taken + 1:04}"


def _blank(kind: DocumentKind, document_type: str) -> Element:
    nothing = Decimal("0.00")
    body: dict[str, Any] = {
        "Type": document_type,
        "Reference": "",
        "Payments": [],
        "LineItems": [],
        "SentToContact": False,
        "HasAttachments": False,
        "HasErrors": False,
    }
    if kind is INVOICE:
        lists: dict[str, Any] = {"CreditNotes": [], "Prepayments": [], "Overpayments": []}
        return body | lists | {"AmountPaid": nothing, "AmountCredited": nothing, "IsDiscounted": False}
    return body | {"Allocations": []}
