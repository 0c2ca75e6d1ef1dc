"""Magento's documents as JSON text: amounts are numbers with up to four decimals, times are UTC without a zone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

__all__ = ["SIDES", "amount", "dump", "load", "side_name", "without_own_fields", "zoneless"]

Json = dict[str, Any]

SIDES = ("", "base_")
"""Each amount stands twice: in the order's currency and, after ``base_``, in the website's."""

# a column name has 64 characters at most: one pair is spelt differently
_SHORTENED = {
    "base_shipping_discount_tax_compensation_amount": "base_shipping_discount_tax_compensation_amnt",
}


def side_name(side: str, name: str) -> str:
    """The field of that side."""
    return _SHORTENED.get(side + name, side + name)


def amount(document: Json, name: str) -> Decimal:
    """An amount of a document; 0 when it is not there."""
    return Decimal(document.get(name) or 0)


def zoneless(moment: datetime) -> str:
    """``2026-03-02 15:41:00``, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def dump(document: Json) -> str:
    """JSON text; a ``Decimal`` becomes a number, whole where it is whole, as PHP writes floats."""
    return json.dumps(document, default=_number, separators=(",", ":"))


def load(text: str) -> Json:
    """What ``dump`` wrote; numbers with decimals are ``Decimal``."""
    document: Json = json.loads(text, parse_float=Decimal)
    return document


def _number(value: object) -> int | float:
    if not isinstance(value, Decimal):
        raise TypeError(value)
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    if Decimal(repr(number)) != value:  # its text is what `load` reads again
        raise ValueError(f"{value} has more digits than a number of Magento's JSON")
    return number


def without_own_fields(value: Any) -> Any:
    """A document as clients see it: the simulator's own fields begin with an underscore; null is left out."""
    if isinstance(value, dict):
        return {
            name: without_own_fields(inner)
            for name, inner in value.items()
            if inner is not None and not name.startswith("_")
        }
    if isinstance(value, list):
        return [without_own_fields(inner) for inner in value]
    return value
