"""What comes over the wire, parsed within limits: whatever it is, it is read or refused with a ``ValueError``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["MAX_BYTES", "limited", "parse_json", "parse_xml", "plain_digits", "unexpected_shape"]

MAX_BYTES = 256 * 1024 * 1024
_MAX_DIGITS = 60  # the longest number of any system has 24: numeric(19,5) of GP
_SAFE_DIGITS = 18  # fits the 64 bits that staged payloads keep integers in


def parse_json(body: bytes) -> Any:
    """
    JSON without floats: a number with a decimal point, or too long for 64 bits, is a string of plain digits.

    :raises ValueError: it is no JSON as RFC 8259 has it (NaN, broken text), or beyond the limits: 256 MB, 254 levels,
        numbers of 60 digits.
    """
    limited(body)
    try:
        # msgspec reads what orjson does, and keeps a number's digits; longer integers and deeper levels are not its own
        content = _DECODER.decode(body)
        orjson.dumps(content, option=orjson.OPT_STRICT_INTEGER)
    except (msgspec.MsgspecError, RecursionError, TypeError, ValueError):
        return _with_long_numbers(body)
    return content


def parse_xml(text: str) -> _Element:
    """
    The root element; no document type, no entities of its own, nothing fetched from elsewhere.

    :raises ValueError: it is not well-formed, declares a document type, or has more than 256 MB or 2,048 levels.
    """
    from lxml import etree

    content = limited(text.encode("utf-8", "surrogatepass"))
    # a page of a thousand documents is beyond libxml2's default limit of 10 MB; 2,048 levels are its limit then
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from error
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # lxml-stubs: every tree has a docinfo
        raise ValueError("it declares a document type")
    return root


def limited(body: bytes, limit: int = MAX_BYTES) -> bytes:
    """
    The body, if it may be parsed.

    :raises ValueError: it is larger than the limit.
    """
    if len(body) > limit:
        raise ValueError(f"{len(body)} bytes, more than {limit}")
    return body


def plain_digits(text: str) -> str:
    """
    A JSON number with a decimal point as text without exponent.

    :raises ValueError: it has more than 60 digits, as ``1e999999999`` would.
    """
    if len(text) <= _MAX_DIGITS and "e" not in text and "E" not in text:
        return text  # as nearly all are written
    number = Decimal(text)
    if len(text) > _MAX_DIGITS or abs(number.adjusted()) > _MAX_DIGITS:
        raise ValueError(f"a number of more than {_MAX_DIGITS} digits")
    return format(number, "f")


_DECODER = msgspec.json.Decoder(float_hook=plain_digits)


def _with_long_numbers(body: bytes) -> Any:
    """As ``parse_json``, also where an integer is beyond 53 bits; at half the speed."""
    try:
        # refuses what a staged payload could not be written with: NaN, half characters, deeper levels
        orjson.dumps(orjson.loads(body))
        return json.loads(body, parse_float=plain_digits, parse_int=_integer)
    except (RecursionError, TypeError) as error:
        raise ValueError("more than 254 levels") from error


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _SAFE_DIGITS else plain_digits(text)


@contextmanager
def unexpected_shape() -> Iterator[None]:
    """Inside, content that has another shape than expected is a ``ValueError``."""
    try:
        yield
    except (AttributeError, LookupError, OSError, OverflowError, TypeError) as error:
        raise ValueError(f"not the shape expected: {type(error).__name__}") from error
