"""
How far two records agree in one thing: a level, and for what they have in common how many others have it.

Levels go from 0, which is another value, to the last, which is the same; -1 where one of the two has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from ledgerbridge.matching.grams import Grams, Pairs
from ledgerbridge.matching.rules import Comparison
from ledgerbridge.matching.words import (
    but_for_short_words,
    code,
    digits,
    mailbox,
    name_words,
    street_words,
    text_words,
)

__all__ = ["LEVELS", "NEARLY", "Compared", "Found", "compared"]

Record = Mapping[str, Any]

LEVELS = {
    "name": ("another", "somewhat alike", "alike", "nearly the same", "the same"),
    "text": ("another", "somewhat alike", "alike", "nearly the same", "the same"),
    "address": ("another", "same town", "same post code", "street alike", "nearly the same", "the same"),
    "email": ("another", "same domain", "nearly the same", "the same"),
    "phone": ("another", "one digit off", "the same"),
    "code": ("another", "one character off", "the same"),
}
"""The levels of each kind, for people."""
NEARLY = {"name": 3, "text": 3, "address": 4, "email": 3, "phone": 2, "code": 2}
"""From which level on two agree for sure; one digit off is a slip as often as the next number."""
_NEAREST = {"name": (12, 0.4), "text": (12, 0.45), "address": (6, 0.6)}
"""How many of the most alike are looked at, and how alike they have to be."""
_SHARED_BY = 30
"""A value that more records than this have is no way to find two that are one: a switchboard, a shared office."""


@dataclass(frozen=True)
class Found:
    """
    Of some pairs of records.

    :param levels: how far each agrees.
    :param others: how many other records have what the two have in common; NaN where that says nothing.
    """

    levels: NDArray[np.int8]
    others: NDArray[np.float64]


class Compared:
    """
    One thing of all records of two sides.

    :param values: the normalised value of each record, an empty one where it has none.
    :param level: the levels of pairs that are not the same.
    :param common: of a level below the last, what two records at it have in common.
    :param block: what two that may be one have in common besides, where few have it.
    """

    def __init__(
        self,
        kind: str,
        values: tuple[list[str], list[str]],
        level: Callable[[Pairs], NDArray[np.int8]],
        *,
        common: Mapping[int, tuple[list[str], list[str]]] | None = None,
        grams: Grams | None = None,
        block: tuple[list[str], list[str]] | None = None,
    ) -> None:
        self.kind = kind
        self.ignores_other = False
        self.top = len(LEVELS[kind]) - 1
        self._level = level
        self._grams = grams
        self._block = _Ids(block) if block else None
        self._ids = {self.top: _Ids(values)}
        self._ids |= {each: _Ids(texts) for each, texts in (common or {}).items()}

    def of(self, pairs: Pairs) -> Found:
        """How far the records of each pair agree."""
        same = self._ids[self.top]
        levels = self._level(pairs)
        is_same = same.left[pairs[0]] == same.right[pairs[1]]
        levels[is_same] = self.top
        missing = ~(same.has_left[pairs[0]] & same.has_right[pairs[1]])
        levels[missing | ((levels == 0) & self.ignores_other)] = -1
        others = np.full(len(levels), np.nan)
        for level, ids in self._ids.items():
            at_level = levels == level
            others[at_level] = ids.count[ids.left[pairs[0][at_level]]] - 2
        return Found(levels, others)

    def candidates(self) -> list[Pairs]:
        """Pairs that may be one by this alone: the same value, and the nearest texts."""
        found = [self._ids[self.top].equal(_SHARED_BY)]
        if self._grams is not None:
            found.append(self._grams.nearest(*_NEAREST[self.kind]))
        if self._block is not None:
            found.append(self._block.equal(_SHARED_BY))
        return found

    def same(self, most: int) -> Pairs:
        """Pairs with one value that at most so many records of each side have."""
        return self._ids[self.top].equal(most)


class _Ids:
    """Texts as numbers; empty ones have the number 0 and are never the same."""

    def __init__(self, texts: tuple[list[str], ...]) -> None:
        known: dict[str, int] = {"": 0}
        sides = [np.array([known.setdefault(text, len(known)) for text in side], dtype=np.int64) for side in texts]
        self.left, self.right = sides
        self.has_left, self.has_right = self.left > 0, self.right > 0
        self._per_side = [np.bincount(side, minlength=len(known)) for side in sides]
        self.count = self._per_side[0] + self._per_side[1]

    def equal(self, most: int) -> Pairs:
        """The pairs with one value that at most so many of each side have."""
        left, right = self._per_side
        wanted = (left > 0) & (right > 0) & (left <= most) & (right <= most)
        wanted[0] = False
        rows, columns = (np.flatnonzero(wanted[side]) for side in (self.left, self.right))
        order = columns[np.argsort(self.right[columns], kind="stable")]
        values = self.right[order]
        begins = np.searchsorted(values, self.left[rows], "left")
        each = right[self.left[rows]]
        repeated = np.repeat(rows, each)
        within = np.arange(len(repeated)) - np.repeat(np.cumsum(each) - each, each)
        return repeated, order[np.repeat(begins, each) + within]


def compared(comparison: Comparison, left: Sequence[Record], right: Sequence[Record]) -> Compared:
    """One thing of the records of both sides."""
    texts = tuple([_texts(comparison, each) for each in side] for side in (left, right))
    made: Compared = _KINDS[comparison.kind](texts)
    made.ignores_other = comparison.ignore_other
    return made


def _texts(comparison: Comparison, record: Record) -> list[str]:
    return ["" if (value := record.get(name)) is None else str(value) for name in comparison.fields]


def _by_words(kind: str, split: Callable[[str], list[str]], *, of_goods: bool) -> Callable[[Any], Compared]:
    """
    :param of_goods: numbers in it are sizes: with others it is another thing, however alike the rest; and any word may
        be written short, as there is no list of those of each trade.
    """

    def made(texts: tuple[list[list[str]], list[list[str]]]) -> Compared:
        split_up = [[split(" ".join(each)) for each in side] for side in texts]
        grams = Grams(*split_up)
        ordered = tuple([" ".join(sorted(each)) for each in side] for side in split_up)
        alike = _alike(grams, ordered)

        sizes = _Ids(tuple([_numbers(each) for each in side] for side in split_up))

        def level(pairs: Pairs) -> NDArray[np.int8]:
            found = np.digitize(alike(pairs), (0.5, 0.7, 0.82)).astype(np.int8)
            if not of_goods:
                return found
            found[_written_short(split_up, pairs, (found > 0) & (found < NEARLY[kind]))] = NEARLY[kind]
            others = sizes.left[pairs[0]] != sizes.right[pairs[1]]
            return np.where(others, np.minimum(found, 1), found).astype(np.int8)

        # of goods whose words are all common ones no piece tells two apart, but how all of them begin does
        first, second = ([_initials(each) for each in side] for side in split_up)
        block = (first, second) if of_goods else None
        return Compared(kind, (ordered[0], ordered[1]), level, grams=grams, block=block)

    return made


def _initials(found: list[str]) -> str:
    """How words begin, and numbers as they are: alike however words are written short, and whichever comes first."""
    return " ".join(sorted(each if each.isdigit() else each[0] for each in found))


def _written_short(split_up: Sequence[list[list[str]]], pairs: Pairs, looked_at: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Which of the pairs that are looked at are the same but for words that one of the two writes short."""
    rows = np.flatnonzero(looked_at)
    first, second = ([split_up[side][row] for row in pairs[side][rows]] for side in (0, 1))
    same = [but_for_short_words(one, other) for one, other in zip(first, second, strict=True)]
    found: NDArray[np.intp] = rows[np.array(same, dtype=bool)]
    return found


def _numbers(found: list[str]) -> str:
    return " ".join(sorted(each for each in found if any(letter.isdigit() for letter in each)))


def _alike(grams: Grams, texts: tuple[list[str], ...]) -> Callable[[Pairs], NDArray[np.float64]]:
    """The mean of how alike pieces are, rare ones counting more, and how alike letters are: typing errors spoil one."""

    def alike(pairs: Pairs) -> NDArray[np.float64]:
        return (grams.alike(pairs) + _by_letters(fuzz.ratio, texts, pairs) / 100) / 2

    return alike


def _by_letters(scorer: Any, texts: tuple[list[str], ...], pairs: Pairs, dtype: Any = np.float32) -> NDArray[Any]:
    first, second = ([texts[side][row] for row in pairs[side]] for side in (0, 1))
    found: NDArray[Any] = process.cpdist(first, second, scorer=scorer, dtype=dtype, workers=-1)
    return found


def _code(texts: tuple[list[list[str]], list[list[str]]]) -> Compared:
    return _with_slips("code", tuple([code("".join(each)) for each in side] for side in texts))


def _phone(texts: tuple[list[list[str]], list[list[str]]]) -> Compared:
    return _with_slips("phone", tuple([digits("".join(each)) for each in side] for side in texts))


def _with_slips(kind: str, values: tuple[list[str], ...]) -> Compared:
    """Of something that was copied by hand: one character left out, added, changed or swapped is a slip."""

    def level(pairs: Pairs) -> NDArray[np.int8]:
        long = np.array([len(text) >= 5 for text in values[0]], dtype=bool)
        slips: NDArray[np.int8] = (_by_letters(OSA.distance, values, pairs, np.int32) <= 1).astype(np.int8)
        slips[~long[pairs[0]]] = 0
        return slips

    return Compared(kind, (values[0], values[1]), level)


def _email(texts: tuple[list[list[str]], list[list[str]]]) -> Compared:
    boxes = [[mailbox(" ".join(each)) for each in side] for side in texts]
    whole = tuple([f"{name}@{domain}" if domain else "" for name, domain in side] for side in boxes)
    domains = _Ids(tuple([domain for _, domain in side] for side in boxes))
    names = _Ids(tuple([name if len(name) > 5 else "" for name, _ in side] for side in boxes))

    def level(pairs: Pairs) -> NDArray[np.int8]:
        same_domain = (domains.left[pairs[0]] == domains.right[pairs[1]]) & domains.has_left[pairs[0]]
        same_name = (names.left[pairs[0]] == names.right[pairs[1]]) & names.has_left[pairs[0]]
        near = _by_letters(OSA.distance, whole, pairs, np.int32) <= 2
        found: NDArray[np.int8] = np.where(near | same_name, 2, same_domain).astype(np.int8)
        return found

    listed = ([domain for _, domain in boxes[0]], [domain for _, domain in boxes[1]])
    return Compared("email", (whole[0], whole[1]), level, common={1: listed})


def _address(texts: tuple[list[list[str]], list[list[str]]]) -> Compared:
    split_up = [[street_words(" ".join(each[:-2])) for each in side] for side in texts]
    streets = tuple([" ".join(sorted(each)) for each in side] for side in split_up)
    zips = tuple([code(each[-2])[:5] for each in side] for side in texts)
    towns = tuple([" ".join(street_words(each[-1])) for each in side] for side in texts)
    of_zip, of_town = _Ids((zips[0], zips[1])), _Ids((towns[0], towns[1]))
    with_place = [
        [[*street, *([f"0{zip_}"] if zip_ else []), *town.split()] for street, zip_, town in zip(*side, strict=True)]
        for side in zip(split_up, zips, towns, strict=True)
    ]
    grams = Grams(*split_up)

    def level(pairs: Pairs) -> NDArray[np.int8]:
        same_zip = (of_zip.left[pairs[0]] == of_zip.right[pairs[1]]) & of_zip.has_left[pairs[0]]
        same_town = (of_town.left[pairs[0]] == of_town.right[pairs[1]]) & of_town.has_left[pairs[0]]
        alike = (grams.alike(pairs) + _by_letters(fuzz.ratio, streets, pairs) / 100) / 2
        at_place = same_zip | same_town
        found = np.where(same_zip, 2, same_town.astype(np.int8))
        found = np.where((alike >= 0.6) & at_place, 3, found)
        found = np.where(((alike >= 0.8) & at_place) | (alike >= 0.92), 4, found)
        return found.astype(np.int8)

    whole = tuple(
        [f"{street} {zip_ or town}" if street else "" for street, zip_, town in zip(*side, strict=True)]
        for side in zip(streets, zips, towns, strict=True)
    )
    common = {1: (towns[0], towns[1]), 2: (zips[0], zips[1])}
    return Compared("address", (whole[0], whole[1]), level, common=common, grams=Grams(*with_place))


_KINDS: dict[str, Callable[[Any], Compared]] = {
    "name": _by_words("name", name_words, of_goods=False),
    "text": _by_words("text", text_words, of_goods=True),
    "address": _address,
    "email": _email,
    "phone": _phone,
    "code": _code,
}
