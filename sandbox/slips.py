"""
Slips of people who key what they read or hear: which letters, and how often, after what is published on such errors.

One wrong character in most words that have any, more often in the middle than at the ends; the operations of the record
generators that linkage is usually tried on (FEBRL, GeCo): insert, delete, substitute, transpose, a neighbouring key,
letters that look or sound alike, a blank too much or too few.
"""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["slip"]

_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_LOOKS = {
    "0": "O",
    "1": "l",
    "5": "S",
    "8": "B",
    "O": "0",
    "l": "1",
    "S": "5",
    "B": "8",
    "rn": "m",
    "m": "rn",
    "cl": "d",
}
_SOUNDS = {
    "ph": "f", "f": "ph", "ck": "k", "k": "c", "c": "k", "ie": "ei", "ei": "ie", "ee": "ea", "y": "ie", "ll": "l",
    "tt": "t", "nn": "n", "ss": "s", "z": "s", "ou": "oo", "mac": "mc", "x": "ks", "gh": "g", "ai": "ay", "oe": "o",
}  # fmt: skip
_KINDS = ("substitute", "delete", "insert", "transpose", "neighbour", "looks", "sounds", "blank")
_SHARES = (14, 22, 14, 16, 14, 5, 10, 5)


def slip(text: str, dice: random.Random) -> str:
    """A text with one slip in it, in one of twelve with two."""
    for _ in range(2 if dice.random() < 1 / 12 else 1):
        (kind,) = dice.choices(_KINDS, _SHARES)
        text = _HOW[kind](text, dice) if len(text) > 1 else text
    return text


def _place(text: str, dice: random.Random) -> int:
    return min(max(round(dice.gauss(len(text) / 2, len(text) / 4)), 0), len(text) - 1)


def _substitute(text: str, dice: random.Random) -> str:
    at = _place(text, dice)
    return text[:at] + _like(dice.choice("abcdefghijklmnopqrstuvwxyz"), text[at], dice) + text[at + 1 :]


def _delete(text: str, dice: random.Random) -> str:
    at = _place(text, dice)
    return text[:at] + text[at + 1 :]


def _insert(text: str, dice: random.Random) -> str:
    at = _place(text, dice)
    new = text[at] if dice.random() < 0.4 else _like(dice.choice("abcdefghijklmnopqrstuvwxyz"), text[at], dice)
    return text[:at] + new + text[at:]


def _transpose(text: str, dice: random.Random) -> str:
    at = min(_place(text, dice), len(text) - 2)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _neighbour(text: str, dice: random.Random) -> str:
    at = _place(text, dice)
    row = next((each for each in _ROWS if text[at].lower() in each), None)
    if row is None:
        return text
    key = row.index(text[at].lower()) + dice.choice((-1, 1))
    return text[:at] + _like(row[key % len(row)], text[at], dice) + text[at + 1 :]


def _of_table(table: dict[str, str]) -> Callable[[str, random.Random], str]:
    def changed(text: str, dice: random.Random) -> str:
        there = [part for part in table if part in text]
        if not there:
            return _substitute(text, dice)
        part = dice.choice(there)
        return text.replace(part, table[part], 1)

    return changed


def _blank(text: str, dice: random.Random) -> str:
    if " " in text and dice.random() < 0.6:
        at = dice.choice([place for place, letter in enumerate(text) if letter == " "])
        return text[:at] + text[at + 1 :]
    at = _place(text, dice)
    return f"{text[:at]} {text[at:]}"


def _like(new: str, old: str, dice: random.Random) -> str:
    """Of the same kind: a digit for a digit, a capital for a capital."""
    if old.isdigit():
        return new if new.isdigit() else dice.choice("0123456789")
    return new.upper() if old.isupper() else new


_HOW = {
    "substitute": _substitute,
    "delete": _delete,
    "insert": _insert,
    "transpose": _transpose,
    "neighbour": _neighbour,
    "looks": _of_table(_LOOKS),
    "sounds": _of_table(_SOUNDS),
    "blank": _blank,
}
