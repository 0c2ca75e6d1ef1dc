"""What speaks for a source field going into a target field: names, meanings, kinds, lengths, places; from 0 to 1."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from ledgerbridge.suggest.described import HEADER, Entity, Field
from ledgerbridge.suggest.kinds import fits
from ledgerbridge.suggest.words import Lexicon, lexicon

__all__ = ["SIGNALS", "Matrix", "Worded", "shared_words", "signals", "worded"]

Matrix = NDArray[np.float64]
Weights = Mapping[str, float]

_PARENT, _ENTITY = 0.5, 0.3
"""What a word of a parent or a list counts, beside one of the field's own name; and one of the entity's name."""
_ORDINAL = re.compile(r"(\d+)(?:\[\])?$")
_MANY = 9
SIGNALS: Final = (
    "name", "own_name", "same_name", "meaning", "told", "covers_target", "covers_source", "letters", "spelling",
    "learned", "kind", "kind_never", "name_and_kind", "length", "level", "gathered", "setting", "ordinal",
    "ordinal_against", "role", "role_akin", "role_against", "head", "row_of_header", "place", "billed", "both_told",
    "outplaced",
)  # fmt: skip


@dataclass(frozen=True)
class Worded:
    """A field, and the concepts that its name, its parents and its description consist of."""

    field: Field
    own: tuple[str, ...]
    parents: tuple[str, ...]
    entity: tuple[str, ...]
    told: tuple[str, ...]
    spelled: str
    role: str = ""
    party: bool = False

    @property
    def listed(self) -> bool:
        """Whether it is a row's of a list."""
        return self.field.part != HEADER

    @cached_property
    def name(self) -> Weights:
        """Its name's concepts, those of its parents and its entity for less."""
        given = {**dict.fromkeys(self.entity, _ENTITY), **dict.fromkeys(self.parents, _PARENT)}
        return {**given, **dict.fromkeys(self.own, 1.0)}

    @cached_property
    def setting(self) -> Weights:
        """What the field is of: its parents, or the whole."""
        return dict.fromkeys((*self.parents, *self.entity), 1.0)

    @cached_property
    def meaning(self) -> Weights:
        """All that its name and its description say."""
        return {**dict.fromkeys(self.told, 0.7), **self.name}


def worded(entity: Entity, words_of: Lexicon) -> list[Worded]:
    """The fields of an entity, with their words."""
    of = words_of.words(entity.name.rpartition(".")[2])
    title = tuple(words_of.concepts(of))
    found = []
    for each in entity.fields:
        *parents, own = each.path.replace("[]", "").split(".")
        words = words_of.words(own)
        concepts = tuple(words_of.concepts(words))
        belongs = [word for parent in parents for word in words_of.words(parent)]
        around = tuple(words_of.concepts(belongs))
        about = re.findall(r"[a-z]+", each.about.lower())
        told = tuple(words_of.concepts(about))
        found.append(
            Worded(
                field=each,
                own=concepts,
                parents=around,
                # of what has a parent or is a row of a list, the name of the whole tells nothing
                entity=() if parents else title,
                told=told,
                spelled=" ".join(words),
                party="customer" in title or "vendor" in title,
                role=words_of.role(words, belongs, of, about, each.kind),
            )
        )
    return found


def signals(sources: Sequence[Worded], targets: Sequence[Worded], known: Sequence[Sequence[Worded]] = ()) -> Matrix:
    """
    By target, source and signal, in the order of ``SIGNALS``.

    :param known: of each target, names that went into it elsewhere; empty: nothing is known.
    """
    rare = _rarity([*sources, *targets])
    name = _alike([each.name for each in targets], [each.name for each in sources], rare)
    own = _alike([dict.fromkeys(each.own, 1.0) for each in targets], [dict.fromkeys(e.own, 1.0) for e in sources], rare)
    meaning = _alike([each.meaning for each in targets], [each.meaning for each in sources], rare)
    told = np.maximum(
        _alike([each.name for each in targets], [dict.fromkeys(each.told, 1.0) for each in sources], rare),
        _alike([dict.fromkeys(each.told, 1.0) for each in targets], [each.name for each in sources], rare),
    )
    kind = fits([each.field.kind for each in sources], [each.field.kind for each in targets]).T
    ordinal = _ordinals(targets, sources)
    role = _roles(targets, sources)
    found = {
        "name": name,
        "own_name": own,
        "same_name": (own > 1 - 1e-9).astype(float),
        "meaning": meaning,
        "told": told,
        "covers_target": _covered([e.name for e in targets], [e.meaning for e in sources], rare),
        "covers_source": _covered([e.name for e in sources], [e.meaning for e in targets], rare).T,
        "letters": _alike([_letters(e.spelled) for e in targets], [_letters(e.spelled) for e in sources], {}),
        "spelling": _spelling(targets, sources),
        "learned": _learned(known, sources, rare) if known else np.zeros_like(name),
        "kind": kind,
        "kind_never": (kind < 0.15).astype(float),
        "name_and_kind": name * kind,
        "length": _lengths(targets, sources),
        "level": _levels(targets, sources),
        "gathered": _gathered(targets, sources),
        "setting": _alike([each.setting for each in targets], [each.setting for each in sources], {}),
        "ordinal": (ordinal > 0).astype(float),
        "ordinal_against": (ordinal < 0).astype(float),
        "role": (role == 1).astype(float),
        "role_akin": (role == 0.5).astype(float),
        "role_against": (role < 0).astype(float),
        "head": np.array([[float(t.own[-1:] == s.own[-1:] != ()) for s in sources] for t in targets]),
        "row_of_header": _gathered(sources, targets).T,
        "place": _alike([_place(each) for each in targets], [_place(each) for each in sources], {}),
        "billed": _billed(targets, sources),
        "outplaced": _outplaced(role, targets, sources),
        "both_told": _alike(
            [dict.fromkeys(each.told, 1.0) for each in targets],
            [dict.fromkeys(each.told, 1.0) for each in sources],
            rare,
        ),
    }
    return np.stack([found[each] for each in SIGNALS], axis=2)


def _roles(targets: Sequence[Worded], sources: Sequence[Worded]) -> Matrix:
    """1: both are for the same; 0.5: the one may do for the other; -1: it may not; 0: of one nobody can tell."""
    ours, theirs = ([each.role for each in side] for side in (targets, sources))
    pairs = {(one, other): _role_pair(one, other) for one in set(ours) for other in set(theirs)}
    return np.array([[pairs[one, other] for other in theirs] for one in ours])


def _role_pair(one: str, other: str) -> float:
    if not one or not other:
        return 0.0
    return 1.0 if one == other else 0.5 if lexicon().akin(one, other) else -1.0


def _outplaced(role: Matrix, targets: Sequence[Worded], sources: Sequence[Worded]) -> Matrix:
    """Whether one of a pair is of the header and one of a list, and a source on the target's level is for the same."""
    level = _levels(targets, sources)
    same = role == 1
    there = (same & (level > 0)).any(axis=1, keepdims=True)
    found: Matrix = (same & (level == 0) & there).astype(np.float64)
    return found


def _place(of: Worded) -> Weights:
    """The list that a field is a row's of."""
    return dict.fromkeys(of.parents, 1.0) if of.field.part != HEADER else {"": 1.0}


def _billed(targets: Sequence[Worded], sources: Sequence[Worded]) -> Matrix:
    """
    1: a party gets what belongs to billing, or a document what belongs to shipping; -1: it is the other way round.

    A target that says itself which it is goes by its words alone.
    """
    sides = [
        np.array([("shipping" in each.parents) - float("billing" in each.parents) for each in side])
        for side in (targets, sources)
    ]
    of = np.array(
        [
            0.0 if "shipping" in each.own or "billing" in each.own else -1.0 if each.party and not each.listed else 1.0
            for each in targets
        ]
    )
    return np.outer(np.where(sides[0] == 0, of, sides[0]), sides[1])


def shared_words(source: Worded, target: Worded) -> list[str]:
    """The concepts that both have, those of the target's name first."""
    return [each for each in dict.fromkeys((*target.own, *target.parents, *target.told)) if each in source.meaning]


def _rarity(fields: Sequence[Worded]) -> Weights:
    """What a concept is worth: little if most fields have it."""
    seen = Counter(concept for each in fields for concept in each.name)
    return {concept: math.log((len(fields) + 1) / count) for concept, count in seen.items()}


def _vectors(left: Sequence[Weights], right: Sequence[Weights], rare: Weights) -> tuple[Matrix, Matrix]:
    place = {concept: index for index, concept in enumerate(dict.fromkeys(c for each in (*left, *right) for c in each))}
    most = max(rare.values(), default=1.0)
    sides = []
    for side in left, right:
        matrix = np.zeros((len(side), max(len(place), 1)))
        for row, weights in enumerate(side):
            for concept, weight in weights.items():
                matrix[row, place[concept]] = weight * rare.get(concept, most)
        sides.append(matrix)
    return sides[0], sides[1]


def _alike(left: Sequence[Weights], right: Sequence[Weights], rare: Weights) -> Matrix:
    """Cosine of what each says."""
    ours, theirs = _vectors(left, right, rare)
    lengths = np.outer(np.linalg.norm(ours, axis=1), np.linalg.norm(theirs, axis=1))
    found: Matrix = np.divide(ours @ theirs.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return found


def _learned(known: Sequence[Sequence[Worded]], sources: Sequence[Worded], rare: Weights) -> Matrix:
    """How alike a source is to what went into a target elsewhere, the most alike of it."""
    found = np.zeros((len(known), len(sources)))
    names = [each.name for each in sources]
    for row, of in enumerate(known):
        if of:
            found[row] = _alike([each.name for each in of], names, rare).max(axis=0)
    return found


def _covered(asked: Sequence[Weights], by: Sequence[Weights], rare: Weights) -> Matrix:
    """Which share of what one says the other says as well."""
    ours, theirs = _vectors(asked, by, rare)
    total = ours.sum(axis=1, keepdims=True)
    found: Matrix = np.divide(ours @ (theirs > 0).T, total, out=np.zeros((len(ours), len(theirs))), where=total > 0)
    return found


def _letters(text: str) -> Weights:
    padded = f" {text} "
    return Counter(padded[at : at + 3] for at in range(len(padded) - 2))


def _spelling(targets: Sequence[Worded], sources: Sequence[Worded]) -> Matrix:
    """How alike the names are as they are written, case aside."""
    found: Matrix = process.cdist(
        [each.field.name.lower() for each in targets],
        [each.field.name.lower() for each in sources],
        scorer=fuzz.ratio,
        dtype=np.float64,
    )
    return found / 100


def _lengths(targets: Sequence[Worded], sources: Sequence[Worded]) -> Matrix:
    """How near the lengths of texts are; a half where one isn't known."""
    sides = [np.array([each.field.length for each in side], dtype=float) for side in (targets, sources)]
    least = np.minimum.outer(*sides)
    found: Matrix = np.divide(least, np.maximum.outer(*sides), out=np.full_like(least, 0.5), where=least > 0)
    return found


def _levels(targets: Sequence[Worded], sources: Sequence[Worded]) -> Matrix:
    """Whether both are of the header, or both of a list."""
    sides = [np.array([each.field.part == HEADER for each in side]) for side in (targets, sources)]
    found: Matrix = np.equal.outer(*sides).astype(np.float64)
    return found


def _gathered(targets: Sequence[Worded], sources: Sequence[Worded]) -> Matrix:
    """Whether rows of a list would have to become one value of the header."""
    lists = np.array([each.field.part != HEADER for each in sources])
    found: Matrix = np.outer([each.field.part == HEADER for each in targets], lists).astype(np.float64)
    return found


def _ordinals(targets: Sequence[Worded], sources: Sequence[Worded]) -> Matrix:
    """1: both are the second line of something, say; -1: they are different ones; 0: they aren't numbered."""
    sides = [np.array([_ordinal(each.field.name) for each in side]) for side in (targets, sources)]
    numbered = np.outer(*(side > 0 for side in sides))
    # what isn't numbered is the first of what is
    first = np.equal.outer(*(np.where(side == 0, 1, side) for side in sides))
    agree = np.where(numbered & first, 1, 0)
    one = np.add.outer(*((side > 0).astype(int) for side in sides)) > 0
    # a row of a list is any of them
    rows = np.array([each.field.path.find("[]") >= 0 for each in sources]) & (sides[1] == 0)
    return np.where(one & ~first & ~rows[None, :], -1, agree).astype(float)


def _ordinal(name: str) -> int:
    found = _ORDINAL.search(name)
    number = int(found[1]) if found else 0
    return number if number <= _MANY else 0
