"""
Telephone numbers as they are dialled from anywhere, ``+16175550100 x12``, and as one ledger or another has them typed.

What is no number that is given out stays as it was typed: it goes from ledger to ledger as a text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ledgerbridge.mapping.conversions import PhoneConversion

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

__all__ = ["home_of", "phone_as"]

_NORTH_AMERICA, _TEN = 1, 10
_NO_COUNTRY, _DOUBLED = re.compile(r"^\+( |$)"), re.compile(r"^\+(\+|00)")


def home_of(zone: str) -> str | None:
    """The country a time zone lies in, by its two letters; of ``UTC`` nobody knows it."""
    from babel.core import get_global  # with phonenumbers, nothing that a DAG file needs

    found: str | None = get_global("zone_territories").get(zone)
    return found


def phone_as(options: PhoneConversion, text: str, home: str | None) -> str | None:
    """
    A number, however it was typed, in the form asked for; None where there is none in it.

    :param home: two letters of the country whose numbers are typed without their country's code.
    """
    typed = _as_dialled(text, options.extension)
    number = _parsed(typed, home)
    if number is None:
        return (typed or None) if options.as_ in ("world", "home", "number") else None
    digits, area = _digits(number)
    extension = (number.extension or "").lstrip("0")
    behind = f" x{extension}" if extension else ""
    if options.as_ == "country":
        return str(number.country_code)
    if options.as_ == "area":
        return digits[:area] or None
    if options.as_ == "number":
        return digits[area:] + behind
    if options.as_ == "home" and home is not None and number.country_code == _country_code(home):
        if number.country_code != _NORTH_AMERICA:
            return _at_home(number) + behind
        fits = options.extension is not None and len(extension) <= options.extension
        return digits + (extension.rjust(options.extension or 0, "0") if fits else behind)
    return f"+{number.country_code}{digits}{behind}"


def _as_dialled(text: str, extension: int | None) -> str:
    """The text with one ``+`` where its country is told; the digits of an extension behind ten others set apart."""
    typed = _DOUBLED.sub("+", _NO_COUNTRY.sub("", " ".join(text.split())))
    if extension is None or not typed.isdigit():
        return typed
    if not typed.strip("0"):
        return ""  # the form as nobody filled it in
    behind = typed[_TEN:]
    if len(behind) != extension or typed[0] in "01":
        return typed
    return f"{typed[:_TEN]} x{behind}" if behind.strip("0") else typed[:_TEN]


@lru_cache(maxsize=4096)  # the parts of a number are asked for one after the other
def _parsed(typed: str, home: str | None) -> PhoneNumber | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(typed, home)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _digits(number: PhoneNumber) -> tuple[str, int]:
    """The digits behind the country's code, and how many of them are the area's."""
    import phonenumbers

    return phonenumbers.national_significant_number(number), phonenumbers.length_of_geographical_area_code(number)


def _country_code(home: str) -> int:
    import phonenumbers

    return phonenumbers.country_code_for_region(home)


def _at_home(number: PhoneNumber) -> str:
    """The digits as they are dialled within the country."""
    import phonenumbers

    alone = phonenumbers.PhoneNumber(number.country_code, number.national_number)
    alone.italian_leading_zero, alone.number_of_leading_zeros = (
        number.italian_leading_zero,
        number.number_of_leading_zeros,
    )
    written = phonenumbers.format_number(alone, phonenumbers.PhoneNumberFormat.NATIONAL)
    return phonenumbers.normalize_digits_only(written)
