"""Purchase orders: from draft to billed, and nothing of them is booked."""

from __future__ import annotations

from decimal import Decimal

from sandbox.xero import rules
from sandbox.xero.contacts import contact_of, contact_summary
from sandbox.xero.errors import Refused
from sandbox.xero.lines import LineRules, build_lines, totals
from sandbox.xero.models import Book, Record
from sandbox.xero.wire import Element, day_on_wire, read_day

__all__ = ["save_purchase_order"]

_RESOURCE, _ID, _NUMBER = "PurchaseOrders", "PurchaseOrderID", "PurchaseOrderNumber"
# "Unverified": which way back there is from BILLED and DELETED
_LIFE = {
    "": {"DRAFT", "SUBMITTED", "AUTHORISED"},
    "DRAFT": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "SUBMITTED": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "AUTHORISED": {"AUTHORISED", "BILLED", "DELETED"},
    "BILLED": {"BILLED"},
}
_TEXTS = {
    _NUMBER: 255,
    "Reference": 255,
    "DeliveryAddress": 500,
    "DeliveryInstructions": 500,
    "AttentionTo": 255,
    "Telephone": 50,
}
_DAYS = ("Date", "DeliveryDate", "ExpectedArrivalDate")


def save_purchase_order(book: Book, element: Element, *, create: bool, unit_places: int) -> Record:
    """
    Create an order, or change the one with this id or number; lines need no account until somebody bills them.

    :raises Refused: with Xero's messages, and nothing is changed.
    """
    order = None if create else _existing(book, element)
    body: Element = order.body if order else {"LineItems": [], "SentToContact": False, "HasAttachments": False}
    old = body.get("Status", "")
    status = str(element.get("Status") or old or "DRAFT")
    if status not in _LIFE.get(old, set()):
        raise Refused(f"Purchase Order not of valid status for {'modification' if old else 'creation'}")
    texts = rules.checked_texts(element, _TEXTS)
    number = texts.get(_NUMBER) or body.get(_NUMBER) or f"PO-{book.count(_RESOURCE, '1', []) + 1:04}"
    holder = book.numbered(_RESOURCE, number)
    if holder is not None and (order is None or holder.id != order.id) and holder.body["Status"] != "DELETED":
        raise Refused("Purchase Order # must be unique.")
    body |= texts | {_NUMBER: number, "Status": status}
    if status != "DELETED":
        _fill(book, body, element, unit_places)
    if order is None:
        return book.add(_RESOURCE, _ID, body)
    book.save(order)
    return order


def _existing(book: Book, element: Element) -> Record | None:
    if element.get(_ID):
        found = book.find(_RESOURCE, str(element[_ID]))
        if found is None:
            raise Refused("Purchase Order could not be found")
        return found
    found = book.numbered(_RESOURCE, str(element[_NUMBER])) if element.get(_NUMBER) else None
    return None if found is None or found.body["Status"] == "DELETED" else found


def _fill(book: Book, body: Element, element: Element, unit_places: int) -> None:
    body["Contact"] = contact_summary(contact_of(book, element.get("Contact") or body.get("Contact")))
    given = {name: element.get(name) or body.get(name) for name in _DAYS}
    given["Date"] = given["Date"] or book.now.date().isoformat()
    for name, day in given.items():
        if day:
            read = read_day(day)
            body |= {name: day_on_wire(read), f"{name}String": f"{read.isoformat()}T00:00:00"}
    code, rate = rules.currency(book, body | element)
    body |= {"CurrencyCode": code, "CurrencyRate": rate}
    body["LineAmountTypes"] = LineRules.amount_types_of(element.get("LineAmountTypes") or body.get("LineAmountTypes"))
    how = LineRules(body["LineAmountTypes"], unit_places, final=False)
    kept = body["LineItems"]
    body["LineItems"] = build_lines(book, element.get("LineItems") or kept, how, kept)
    body |= totals(body["LineItems"], how.amount_types) | {"TotalDiscount": Decimal("0.00")}
