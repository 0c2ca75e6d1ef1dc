"""How Xero writes numbers, dates and answers, and what it takes for them in requests (sources.md Xero §3)."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import orjson

__all__ = [
    "CENT",
    "NOBODY",
    "Element",
    "NotOfType",
    "as_id",
    "day_on_wire",
    "instant_of_header",
    "milliseconds",
    "moment_on_wire",
    "money",
    "new_id",
    "parse",
    "read_day",
    "read_decimal",
    "render",
    "rounded",
]

Element: TypeAlias = dict[str, Any]
"""One record as JSON: amounts are ``Decimal`` on our side and JSON numbers on the wire."""

CENT = Decimal("0.01")
NOBODY = "00000000-0000-0000-0000-000000000000"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_XERO_DATE = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/")


class NotOfType(ValueError):
    """A JSON value of the wrong type; Xero answers 400 without looking at anything else."""

    def __init__(self, found: object, expected: str) -> None:
        super().__init__(f"Could not convert {found!r} to {expected}.")


def parse(body: bytes | str) -> Any:
    """JSON with every fractional number as the ``Decimal`` that was written."""
    return json.loads(body, parse_float=Decimal)


def render(value: Any) -> bytes:
    """JSON with every ``Decimal`` as a number with all its digits."""
    return orjson.dumps(value, default=_number)


def _number(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def new_id() -> str:
    """A fresh record id."""
    return str(uuid.uuid4())


def as_id(text: object) -> str:
    """A record's id as it is kept: Xero takes 32 hexadecimal digits too, without the dashes."""
    digits = str(text).lower()
    return str(uuid.UUID(digits)) if re.fullmatch(r"[0-9a-f]{32}", digits) else digits


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970, UTC."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def moment_on_wire(moment: datetime) -> str:
    """An instant as ``/Date(1550899400362+0000)/``."""
    return f"/Date({milliseconds(moment)}+0000)/"


def day_on_wire(day: date) -> str:
    """A day as the midnight that stands for it, whatever the organisation's zone."""
    return moment_on_wire(datetime(day.year, day.month, day.day, tzinfo=UTC))


def read_day(value: object) -> date:
    """
    The day of ``YYYY-MM-DD``, an ISO time or ``/Date(…)/``.

    :raises NotOfType: anything else.
    """
    if isinstance(value, str):
        if match := _XERO_DATE.fullmatch(value):
            return (_EPOCH + timedelta(milliseconds=int(match[1]))).date()
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            pass
    raise NotOfType(value, "a date")


def read_decimal(value: object) -> Decimal:
    """
    The number of a JSON number or a numeric string.

    :raises NotOfType: anything else.
    """
    try:
        if isinstance(value, int | str | Decimal) and not isinstance(value, bool):
            number = Decimal(value)
            if number.is_finite():
                return number
    except InvalidOperation:
        pass
    raise NotOfType(value, "a decimal")


def rounded(number: Decimal, places: int) -> Decimal:
    """Half-up at this many places."""
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def money(value: object) -> Decimal:
    """An amount at two places, half-up."""
    return rounded(read_decimal(value), 2)


def instant_of_header(value: str) -> datetime:
    """
    The instant of an ``If-Modified-Since``: ISO (UTC unless it says otherwise) or an HTTP date.

    :raises NotOfType: neither.
    """
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(value)
        except ValueError:
            continue
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    raise NotOfType(value, "a date and time")
