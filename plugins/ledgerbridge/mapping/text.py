"""
Text for fields that hold one code page of a fixed length, as those of some ledgers do (sources.md GP §4,
accounting-rules.md rule 13).

Pure functions; the canonical record keeps the value as it was.
"""

from __future__ import annotations

import re
import unicodedata

from anyascii import anyascii

__all__ = ["cut_at_word", "fits", "fits_cp1252", "to_cp1252", "to_page"]

# some services fail on control characters with a bare system exception: sources.md GP §5
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BLANKS = re.compile(r" {2,}")


def fits(text: str, page: str) -> bool:
    """Whether a code page holds every character: no control characters but tab and line ends."""
    try:
        text.encode(page)
    except UnicodeEncodeError:
        return False
    return _CONTROL.search(text) is None


def fits_cp1252(text: str) -> bool:
    """Whether Windows-1252 has every character."""
    return fits(text, "cp1252")


def to_page(text: str, page: str) -> str:
    """
    The text with everything the code page holds kept (in CP-1252 é, ü, €) and the rest transliterated (ł to l, 東 to
    Dong).

    Control characters become blanks. A text that already fits comes back as it is.
    """
    if fits(text, page):
        return text
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(character if fits(character, page) else _substitute(character) for character in composed)
    return _BLANKS.sub(" ", kept).strip()


def to_cp1252(text: str) -> str:
    """The text as a field of Windows-1252 can hold it."""
    return to_page(text, "cp1252")


def cut_at_word(text: str, length: int) -> str:
    """
    At most ``length`` characters of the text, ended at a word where there is one to end at.

    >>> cut_at_word("Building 7, Old Wool Store", 16)
    'Building 7, Old'
    >>> cut_at_word("Donaudampfschifffahrt", 8)
    'Donaudam'
    """
    if len(text) <= length:
        return text
    head = text[:length]
    if not text[length].isspace() and " " in head.strip():
        head = head[: head.rindex(" ")]
    return head.rstrip(" ,;-")


def _substitute(character: str) -> str:
    return " " if _CONTROL.match(character) else str(anyascii(character))
