"""How Xero writes dates, numbers and rates, and how our documents become its JSON. Source: sources.md Xero §3."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import orjson

__all__ = ["decoded", "element", "inverse_rate", "serialized"]

_XERO_DATE = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARTS = {"lines": "LineItems", "addresses": "Addresses", "phones": "Phones"}
_TRACKING = "Tracking."
_REMEMBERED = 2048
"""Days, instants and rates: the documents of a page share most of them."""


def element(header: Mapping[str, Any], parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """
    One document as Xero's JSON object: dots nest, None is left out, keys that begin with ``_`` are not sent, texts lose
    their outer blanks, as they do in Xero.

    ``Tracking.<category>`` in a line becomes an entry of its Tracking list.

    :raises KeyError: a part Xero's documents don't have.
    """
    body = _nested(header)
    for name, rows in parts.items():
        body[_PARTS[name]] = [_line(row) for row in rows]
    return body


def serialized(body: Any) -> bytes:
    """JSON as Xero takes it: decimals are numbers with all their digits, never floats."""
    return orjson.dumps(body, default=_exact_number)


def decoded(content: Any) -> Any:
    """
    An answer of Xero with its dates and rates made ours; it is changed in place, for it may be long.

    ``/Date(…)/`` becomes an ISO instant where the field's name ends in UTC, else the plain day it stands for (never
    shifted by zone); ``CurrencyRate`` becomes base units for one unit of the document's currency
    (accounting-rules.md §7).
    """
    if isinstance(content, dict):
        for name, value in content.items():
            kind = type(value)  # what a parser gives has these very types, and there are very many
            if kind is str:
                if value[:1] == "/" and value.startswith("/Date("):
                    content[name] = _date(name, value)
            elif value and (kind is dict or kind is list):
                decoded(value)
        if "CurrencyRate" in content:
            content["CurrencyRate"] = _our_rate(content["CurrencyRate"])
    elif isinstance(content, list):
        for item in content:
            decoded(item)
    return content


def inverse_rate(rate: Decimal, decimals: int = 6) -> Decimal:
    """Xero's rate from ours and back: one over it, half-up. Xero takes six decimals."""
    return (1 / rate).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def _date(name: str, value: str) -> str:
    if not (match := _XERO_DATE.fullmatch(value)):
        return value
    return _instant(match[1]) if name.upper().endswith("UTC") else _day(match[1])


@lru_cache(_REMEMBERED)
def _instant(milliseconds: str) -> str:
    return (_EPOCH + timedelta(milliseconds=int(milliseconds))).isoformat()


@lru_cache(_REMEMBERED)
def _day(milliseconds: str) -> str:
    return (_EPOCH + timedelta(milliseconds=int(milliseconds))).date().isoformat()


def _our_rate(value: Any) -> str | None:
    """Base units for one foreign; None where Xero tells none, which it writes as nothing, as empty or as 0."""
    try:
        rate = Decimal(str(value or 0))
    except InvalidOperation as error:
        raise ValueError(f"the CurrencyRate {value!r}") from error
    return _inverted(rate) if rate else None


@lru_cache(_REMEMBERED)
def _inverted(rate: Decimal) -> str:
    # More decimals than were sent: the base amounts that follow from Xero's rate are its own to the cent.
    return format(inverse_rate(rate, max(12, 12 + rate.adjusted())).normalize(), "f")


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in row.items() if not name.startswith(_TRACKING)}
    tracking = [
        {"Name": name.removeprefix(_TRACKING), "Option": option}
        for name, option in row.items()
        if name.startswith(_TRACKING) and option is not None
    ]
    return _nested(plain) | ({"Tracking": tracking} if tracking else {})


def _nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for path, value in fields.items():
        if value is None or path.startswith("_"):
            continue
        *parents, name = path.split(".")
        place = body
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = value.strip() if isinstance(value, str) else value
    return body


def _exact_number(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} has no JSON form in a Xero document")
