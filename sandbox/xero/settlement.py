"""Settling documents: what payments and allocations take from them, to the cent of base currency."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sandbox.xero.document_kinds import CREDIT_NOTE, INVOICE, kind_of
from sandbox.xero.errors import Refused
from sandbox.xero.ledger import base_cents
from sandbox.xero.models import Book, Record
from sandbox.xero.wire import Element, day_on_wire, money, read_day

__all__ = ["SETTLEMENTS", "amount_to_settle", "named_document", "refresh_status", "reopen", "settle", "shown_invoice"]

SETTLEMENTS = ("Payments", "CreditNotes", "Allocations")
"""Where documents list what settled them."""
_COUNTERS = {"Payments": "AmountPaid", "CreditNotes": "AmountCredited"}


def named_document(book: Book, element: Element) -> Record:
    """
    The invoice or credit note an element names by id or number.

    :raises Refused: it names none, or one that doesn't exist.
    """
    for kind, field in ((INVOICE, "Invoice"), (CREDIT_NOTE, "CreditNote")):
        reference = element.get(field) or {}
        number = reference.get(kind.number_field) or element.get(kind.number_field)
        if reference.get(kind.id_field):
            document = book.find(kind.resource, str(reference[kind.id_field]))
        elif number:
            document = book.numbered(kind.resource, str(number))
        elif not reference:
            continue
        else:
            document = None
        if document is None:
            raise Refused(f"{kind.word} could not be found")
        return document
    raise Refused("Payment must be associated with an Invoice or Credit Note")


def amount_to_settle(element: Element, document: Record, too_much: str) -> Decimal:
    """
    An element's Amount, if that much is open of the document.

    :raises Refused: ``too_much`` where it isn't; or the amount or the document's status won't do.
    """
    amount = money(element.get("Amount"))
    if amount <= 0:
        raise Refused("The Amount must be greater than zero.")
    if document.body["Status"] not in {"AUTHORISED", "PAID"}:
        raise Refused("Payments can only be made against Authorised documents")
    if amount > document.body[kind_of(document).open_field]:
        raise Refused(too_much)
    return amount


def settle(book: Book, document: Record, source_id: str, part: Mapping[str, object], *, where: str) -> int:
    """
    Take a part's amount from what is open of a posted document; its base-currency share in cents, as it was booked.

    :param source_id: the payment or allocation that settles.
    :param part: how the document shows it, with ``Amount`` or ``AppliedAmount`` and ``Date``.
    :param where: the document's list that shows it, one of ``SETTLEMENTS``.
    """
    body, open_base = document.body, document.open_base or 0
    amount = _amount_of(part)
    # The last part takes the cents that earlier parts rounded away.
    whole = amount == body[kind_of(document).open_field]
    carried = open_base if whole else base_cents(amount, body["CurrencyRate"])
    document.open_base = open_base - carried
    _move(document, amount, where)
    body[where].append(dict(part))
    book.connection.execute(
        "INSERT INTO settlement VALUES (?, ?, ?, ?)", (book.tenant_id, source_id, document.id, carried)
    )
    refresh_status(book, document)
    return carried


def reopen(book: Book, document: Record, source_id: str, *, where: str, id_field: str) -> None:
    """Give back what a payment or allocation took."""
    [part] = [part for part in document.body[where] if part[id_field] == source_id]
    document.body[where].remove(part)
    row = book.connection.execute(
        "DELETE FROM settlement WHERE tenant_id = ? AND source_id = ? AND document_id = ? RETURNING cents",
        (book.tenant_id, source_id, document.id),
    ).fetchone()
    document.open_base = (document.open_base or 0) + int(row["cents"])
    _move(document, -_amount_of(part), where)
    refresh_status(book, document)


def refresh_status(book: Book, document: Record) -> None:
    """PAID when nothing is open any more, AUTHORISED again when something is; then keep the document."""
    body = document.body
    if body[kind_of(document).open_field]:
        body["Status"] = "AUTHORISED"
        body.pop("FullyPaidOnDate", None)
    else:
        body["Status"] = "PAID"
        days = [read_day(part["Date"]) for name in SETTLEMENTS for part in body.get(name, [])]
        body["FullyPaidOnDate"] = day_on_wire(max(days, default=read_day(body["Date"])))
    book.save(document)


def shown_invoice(document: Record) -> Element:
    """The few fields with which payments and allocations show their document."""
    nothing: dict[str, list[Element]] = {
        name: [] for name in ("Payments", "CreditNotes", "Prepayments", "Overpayments", "LineItems")
    }
    return {
        "Type": document.body["Type"],
        "InvoiceID": document.id,
        "InvoiceNumber": document.body.get(kind_of(document).number_field, ""),
        "Contact": document.body["Contact"],
        "CurrencyCode": document.body["CurrencyCode"],
        **nothing,
        "HasErrors": False,
        "IsDiscounted": False,
    }


def _amount_of(part: Mapping[str, object]) -> Decimal:
    return money(part["AppliedAmount"] if "AppliedAmount" in part else part["Amount"])


def _move(document: Record, amount: Decimal, where: str) -> None:
    kind, body = kind_of(document), document.body
    body[kind.open_field] -= amount
    if kind is INVOICE:
        body[_COUNTERS[where]] += amount
