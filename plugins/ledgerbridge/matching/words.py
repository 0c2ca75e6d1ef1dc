"""Texts as they are compared: one alphabet, one case, no ornament, and what is often written short written alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from anyascii import anyascii

__all__ = ["but_for_short_words", "code", "digits", "mailbox", "name_words", "street_words", "text_words", "words"]

_APART = re.compile(r"[^0-9a-z]+")
_INSIDE = re.compile(r"['’`.]")
_INCHES = re.compile(r"(\d)\s*[\"″”]")
_NUMBERS = re.compile(r"(\d+)")
_LEGAL = frozenset({
    "ab", "ag", "aps", "as", "bv", "co", "company", "corp", "corporation", "eg", "gmbh", "inc", "incorporated",
    "kg", "limited", "llc", "llp", "lp", "ltd", "nv", "oy", "oyj", "plc", "pllc", "proprietary", "pte", "pty", "sa",
    "sarl", "sas", "sl", "spa", "srl",
})  # fmt: skip
"""Legal forms: one ledger has them, the other does not."""
_FILLING = frozenset({"and", "und", "et", "the", "dba", "ta"})
_SHORT_NAMES = {
    "assoc": "associates", "assocs": "associates", "bros": "brothers", "const": "construction", "ctr": "center",
    "centre": "center", "dist": "distribution", "elec": "electric", "eng": "engineering", "engr": "engineering",
    "equip": "equipment", "grp": "group", "hldgs": "holdings", "ind": "industries", "inds": "industries",
    "intl": "international", "mfg": "manufacturing", "mgmt": "management", "mkt": "market", "natl": "national",
    "svc": "services", "svcs": "services", "service": "services", "sup": "supply", "supplies": "supply",
    "sys": "systems", "tech": "technologies", "technology": "technologies", "univ": "university",
}  # fmt: skip
_SHORT_STREETS = {
    "apt": "apartment", "av": "avenue", "ave": "avenue", "bldg": "building", "blvd": "boulevard", "cl": "close",
    "cres": "crescent", "ct": "court", "dr": "drive", "e": "east", "est": "estate", "expy": "expressway", "fl": "floor",
    "ft": "fort", "gdns": "gardens", "hts": "heights", "hwy": "highway", "jct": "junction", "ln": "lane", "mt": "mount",
    "n": "north", "pde": "parade", "pkwy": "parkway", "pl": "place", "rd": "road", "rte": "route", "s": "south",
    "sq": "square", "st": "street", "ste": "suite", "str": "street", "strasse": "street", "tce": "terrace",
    "ter": "terrace", "trl": "trail", "w": "west", "wy": "way",
}  # fmt: skip


def words(text: str) -> list[str]:
    """The words of a text; ``O'Brien & Söhne`` has ``obrien`` and ``sohne``."""
    return _APART.sub(" ", _INSIDE.sub("", str(anyascii(text)).lower())).split()


def name_words(text: str) -> list[str]:
    """Those of a company's or person's name, without its legal form; of a name that is nothing else, all."""
    found = [_SHORT_NAMES.get(each, each) for each in words(text) if each not in _FILLING]
    return [each for each in found if each not in _LEGAL] or found


def street_words(text: str) -> list[str]:
    """Those of a street or the like."""
    return _written_out(words(text), _SHORT_STREETS)


def text_words(text: str) -> list[str]:
    """Those of a description; ``10mm`` and ``10 mm`` are alike, ``3/4"`` and ``3/4in``."""
    return words(_NUMBERS.sub(r" \1 ", _INCHES.sub(r"\1 in ", text)))


def but_for_short_words(first: Sequence[str], second: Sequence[str]) -> bool:
    """
    Whether two descriptions have the same words, but for some that one of the two writes short: ``blk`` for ``black``.

    At least half of the words are the same as they stand: of nothing but short words anything could be made.
    """
    if len(first) != len(second):
        return False
    only_first, only_second = Counter(first) - Counter(second), Counter(second) - Counter(first)
    if 2 * only_first.total() > len(first):
        return False
    left = list(only_second.elements())
    for word in only_first.elements():
        partner = next((each for each in left if _is_short_for(*sorted((word, each), key=len))), None)
        if partner is None:
            return False
        left.remove(partner)
    return True


def _is_short_for(short: str, long: str) -> bool:
    """Whether its letters are some of the long one's, in their order, and the first one its first."""
    if not 2 <= len(short) < len(long) or short[0] != long[0] or not (short + long).isalpha():
        return False
    letters = iter(long)
    return all(letter in letters for letter in short)


def digits(text: str) -> str:
    """The last nine digits of a telephone number: with or without what is dialled before it from abroad."""
    found = re.sub(r"\D", "", re.split(r"(?i)\b(?:ext|x)\b|[x#]", text)[0])
    return found[-9:] if len(found) >= 6 else ""


def code(text: str) -> str:
    """A number that somebody gives out, without what it is grouped by; one of zeros alone is none."""
    found = _APART.sub("", str(anyascii(text)).lower())
    return "" if not found.strip("0") else found


def mailbox(text: str) -> tuple[str, str]:
    """Name and domain of an e-mail address; of several the first; without a domain none."""
    found = re.split(r"[;, ]", text.strip().lower())[0]
    name, at, domain = found.rpartition("@")
    return (name.partition("+")[0], domain) if at and "." in domain else ("", "")


def _written_out(found: list[str], table: Mapping[str, str]) -> list[str]:
    return [table.get(each, each) for each in found]
