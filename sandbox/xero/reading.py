"""Lists of records: filters, order, pages, and how much of each record an answer shows (sources.md Xero §3)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from sandbox.xero.errors import bad_query, high_volume, not_found
from sandbox.xero.models import Book, Record
from sandbox.xero.query import NotUnderstood, compile_order, compile_where, literal
from sandbox.xero.resources import Resource
from sandbox.xero.wire import Element, NotOfType, as_id, instant_of_header, milliseconds, rounded

__all__ = ["check_volume", "found_by_id", "listed", "shown", "unit_places"]

_PAGE_SIZE = 100
_LARGEST_PAGE = 1000
_FULL_UNIT_PLACES = 4
_FAST_WHERE = r'((Name|EmailAddress|AccountNumber)==?"[^"\\]*")?'
_FAST_ORDER = {"ContactID", "UpdatedDateUTC", "Name"}
_PRICES = {"SalesDetails", "PurchaseDetails"}
_LIGHT_WITHOUT = {
    "Invoices": ("LineItems", "Payments", "CreditNotes", "Prepayments", "Overpayments"),
    "Contacts": ("Addresses", "Phones", "ContactPersons", "ContactGroups"),
}


def listed(
    book: Book, resource: Resource, query: Mapping[str, str], modified_since: str | None, app: str, *, most: int
) -> Element:
    """
    What a GET of the resource answers: the array under its name and, if paged, ``pagination``.

    :param most: a page holds no more, whatever was asked for.
    :raises ApiError: 400, an expression or number that can't be understood.
    """
    try:
        conditions, parameters = _conditions(resource, query, modified_since, app)
        order = compile_order(query["order"], resource.fields) if query.get("order") else "position"
    except (NotUnderstood, NotOfType) as error:
        raise bad_query(str(error)) from error
    where = " AND ".join(conditions) or "1"
    tail, answer = f"ORDER BY {order}", {}
    page = _whole(query, "page", None)
    if resource.paged and (page is not None or "pageSize" in query):
        page, size = page or 1, _whole(query, "pageSize", _PAGE_SIZE) or _PAGE_SIZE
        if size > _LARGEST_PAGE:
            raise bad_query(f"pageSize {size} is more than {_LARGEST_PAGE}.")
        size = min(size, most)
        tail += f" LIMIT {size} OFFSET {(page - 1) * size}"
        count = book.count(resource.path, where, parameters)
        pages = math.ceil(count / size)
        answer = {"pagination": {"page": page, "pageSize": size, "pageCount": pages, "itemCount": count}}
    left_out = _left_out(resource, query, paged=bool(answer))
    places = unit_places(query)
    records = book.select(resource.path, where, parameters, tail)
    return {**answer, resource.array: [_in_list(shown(record.body, places, left_out)) for record in records]}


def check_volume(
    book: Book, resource: Resource, query: Mapping[str, str], modified_since: str | None, many: int
) -> None:
    """
    Where an organisation has very many contacts, they are listed by page, without a filter or by one that is fast.

    :raises ApiError: 400, another filter or order, or all at once.
    """
    if resource.path != "Contacts" or modified_since or "IDs" in query or book.count("Contacts", "1", []) < many:
        return
    one_field = re.fullmatch(_FAST_WHERE, query.get("where", ""))
    order = query.get("order", "ContactID").partition(" ")[0]
    if not ("page" in query or "pageSize" in query) or not one_field or order not in _FAST_ORDER:
        raise high_volume("Contacts")


def found_by_id(book: Book, resource: Resource, key: str) -> Record:
    """
    The record of an address: by id or, where the resource has one, by number.

    :raises ApiError: 404.
    """
    record = book.find(resource.path, key)
    if record is None and resource.number_field:
        record = book.numbered(resource.path, key)
    if record is None:
        raise not_found()
    return record


def unit_places(query: Mapping[str, str]) -> int:
    """Decimals of unit amounts that a call asked for: 2, or 4 with ``unitdp=4``."""
    return _FULL_UNIT_PLACES if query.get("unitdp") == "4" else 2


def shown(body: Element, places: int, left_out: tuple[str, ...] = ()) -> Element:
    """A record as an answer shows it."""
    content = {name: value for name, value in body.items() if name not in left_out}
    if places < _FULL_UNIT_PLACES:
        if "LineItems" in content:
            content["LineItems"] = [_at_places(line, "UnitAmount", places) for line in content["LineItems"]]
        for part in _PRICES & content.keys():
            content[part] = _at_places(content[part], "UnitPrice", places)
    return content


def _in_list(content: Element) -> Element:
    """A list shows allocations without their ids; the record alone shows them."""
    if "Allocations" not in content:
        return content
    allocations = [
        {name: value for name, value in each.items() if name != "AllocationID"} for each in content["Allocations"]
    ]
    return content | {"Allocations": allocations}


def _at_places(part: Element, name: str, places: int) -> Element:
    return part | {name: rounded(part[name], places)} if name in part else part


def _conditions(
    resource: Resource, query: Mapping[str, str], modified_since: str | None, app: str
) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    parameters: list[Any] = []

    def add(condition: str, *values: Any) -> None:
        conditions.append(f"({condition})")
        parameters.extend(values)

    if query.get("where"):
        where = compile_where(query["where"], resource.fields)
        add(where.sql, *where.parameters)
    if modified_since:
        add("updated >= ?", milliseconds(instant_of_header(modified_since)))
    for name, column in (
        ("IDs", "id"),
        ("InvoiceNumbers", "number"),
        ("ContactIDs", "json_extract(body, '$.Contact.ContactID')"),
        ("Statuses", "json_extract(body, '$.Status')"),
    ):
        if query.get(name):
            values = [value.strip() for value in query[name].split(",")]
            values = [as_id(value) for value in values] if name.endswith("IDs") else values
            add(f"{column} IN ({', '.join('?' * len(values))})", *values)
    if query.get("createdByMyApp", "").lower() == "true":
        add("app = ?", app)
    if resource.path == "Contacts" and query.get("includeArchived", "").lower() != "true" and "IDs" not in query:
        add("json_extract(body, '$.ContactStatus') = 'ACTIVE'")
    if query.get("searchTerm"):
        fields = [f"json_extract(body, '$.{name}') LIKE ? ESCAPE '~'" for name in resource.searched]
        add(" OR ".join(fields) or "0", *[f"%{literal(query['searchTerm'])}%"] * len(fields))
    return conditions, parameters


def _whole(query: Mapping[str, str], name: str, default: int | None) -> int | None:
    if name not in query:
        return default
    try:
        number = int(query[name])
    except ValueError:
        number = 0
    if number < 1:
        raise bad_query(f"{name} must be a whole number from 1, not '{query[name]}'.")
    return number


def _left_out(resource: Resource, query: Mapping[str, str], *, paged: bool) -> tuple[str, ...]:
    if query.get("summaryOnly", "").lower() == "true" and resource.path in _LIGHT_WITHOUT:
        return _LIGHT_WITHOUT[resource.path]
    return () if paged else resource.summary_without
