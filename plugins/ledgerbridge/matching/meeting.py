"""
Two sides meet: which record of one is which of the other.

Candidates by keys and by nearest texts, a probability for each, and of all ways to give each record at most one partner
the most probable one. Three bands follow: what is linked without a person, what a person says, and what is new.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from ledgerbridge.matching.compared import LEVELS, NEARLY, Compared, Found, compared
from ledgerbridge.matching.grams import Pairs
from ledgerbridge.matching.model import fit, one_to_one, probability
from ledgerbridge.matching.rules import FirstMeeting

__all__ = ["Agreement", "Band", "Proposal", "meet"]

Band = Literal["automatic", "review"]
_AT_RANDOM = 1_000_000
"""Pairs that tell how often two agree that are not one."""
_SIDE = np.int64(1) << 32
_TWICE = 3
"""As many of a side as one thing may be."""
_AGREES_IN = 2
"""In how many things two must agree at least to be linked without a person: by one alone twins meet."""


@dataclass(frozen=True)
class Agreement:
    """How far two agree in one thing, in words, and what that weighs in bits; below 0 it speaks against."""

    name: str
    level: str
    weight: float


@dataclass(frozen=True)
class Proposal:
    """
    Two records that may be one.

    :param left, right: their keys.
    :param score: how probable it is that they are, also in the face of the others that either of them may be.
    :param best: whether they are each other's in the most probable pairing; else one of them has a likelier partner,
        and may be there twice.
    """

    left: str
    right: str
    score: float
    band: Band
    best: bool
    agreements: tuple[Agreement, ...]


def meet(
    left: Mapping[str, Mapping[str, Any]],
    right: Mapping[str, Mapping[str, Any]],
    rules: FirstMeeting,
    refused: Collection[tuple[str, str]] = (),
) -> list[Proposal]:
    """
    The pairs that are linked and those that a person looks at, most probable first; what is in none is new.

    :param left, right: canonical fields by key.
    :param refused: pairs of keys that a person said are not one.
    """
    if not left or not right:
        return []
    sides = (list(left.values()), list(right.values()))
    names = list(rules.compare)
    things = [compared(each, *sides) for each in rules.compare.values()]
    pairs = _without(_candidates(things), refused, (list(left), list(right)))
    if not len(pairs[0]):
        return []
    found = [each.of(pairs) for each in things]
    at_random = _at_random(len(left), len(right))
    size = (len(left), len(right))
    model = fit([each.kind for each in things], pairs, found, [each.of(at_random) for each in things], size)
    weights = model.weights(found)
    bits = model.before + weights.sum(axis=1)
    keyed, sure = _by_key(rules, names, things, pairs, found)
    some = (probability(bits) >= rules.review / 10) | keyed
    pairs = (pairs[0][some], pairs[1][some])
    bits, weights, keyed, sure = bits[some], weights[some], keyed[some], sure[some]
    found = [Found(each.levels[some], each.others[some]) for each in found]
    score = one_to_one(pairs, bits, size)
    best = _assigned(pairs, np.where(sure, np.maximum(bits, 0) + 100, bits), size)
    agreeing = sum((each.levels > 0) & (weights[:, at] > 0) for at, each in enumerate(found))
    needed, enough = _needed(rules, names, things, found), agreeing >= _AGREES_IN
    automatic = best & needed & (sure | ((score >= rules.automatic) & enough))
    likely = probability(bits) >= rules.review
    # who has a likelier partner may be there twice
    shown = automatic | (likely & (best | (needed & enough))) | keyed
    keys = list(left), list(right)
    return [
        Proposal(
            keys[0][pairs[0][row]],
            keys[1][pairs[1][row]],
            round(float(score[row]), 6),
            "automatic" if automatic[row] else "review",
            bool(best[row]),
            tuple(
                Agreement(name, LEVELS[things[at].kind][each.levels[row]], round(float(weights[row, at]), 2))
                for at, (name, each) in enumerate(zip(names, found, strict=True))
                if each.levels[row] >= 0
            ),
        )
        for row in np.lexsort((pairs[1], pairs[0], -bits))
        if shown[row]
    ]


def _candidates(things: Sequence[Compared]) -> Pairs:
    listed = [pairs for each in things for pairs in each.candidates()]
    rows, columns = (np.concatenate([each[side] for each in listed]) for side in (0, 1))
    once = np.unique(np.stack([rows, columns], axis=1), axis=0)
    return once[:, 0], once[:, 1]


def _without(pairs: Pairs, refused: Collection[tuple[str, str]], keys: tuple[list[str], list[str]]) -> Pairs:
    places = [{key: at for at, key in enumerate(side)} for side in keys]
    gone = [places[0][one] * _SIDE + places[1][two] for one, two in refused if one in places[0] and two in places[1]]
    kept = ~np.isin(pairs[0] * _SIDE + pairs[1], np.array(gone, dtype=np.int64))
    return pairs[0][kept], pairs[1][kept]


def _at_random(left: int, right: int) -> Pairs:
    """Pairs picked at random, the same each time; all of them where there are few."""
    if left * right <= _AT_RANDOM:
        every = np.arange(left * right)
        return every // right, every % right
    dice = np.random.default_rng(20_260_302)
    return dice.integers(left, size=_AT_RANDOM), dice.integers(right, size=_AT_RANDOM)


def _by_key(
    rules: FirstMeeting, names: Sequence[str], things: Sequence[Compared], pairs: Pairs, found: Sequence[Found]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """
    Which pairs alone have one key, and which of them agree in something else too and differ in nothing.

    Of a key that is needed a few may have it: one number given twice is one thing there twice.
    """
    number = pairs[0] * _SIDE + pairs[1]
    keyed, sure = np.zeros(len(number), dtype=bool), np.zeros(len(number), dtype=bool)
    for at in (names.index(each) for each in rules.keys):
        alone, few = (np.isin(number, rows * _SIDE + columns) for rows, columns in map(things[at].same, (1, _TWICE)))
        others = [(things[place].kind, each) for place, each in enumerate(found) if place != at]
        agrees = np.any([each.levels >= NEARLY[kind] for kind, each in others], axis=0) if others else False
        differs = np.any([each.levels == 0 for _, each in others], axis=0) if others else False
        keyed |= few if names[at] in rules.needs else alone
        sure |= alone & agrees & ~differs
    return keyed, sure


def _needed(
    rules: FirstMeeting, names: Sequence[str], things: Sequence[Compared], found: Sequence[Found]
) -> NDArray[np.bool_] | bool:
    """Which pairs agree in one of the things that they need to."""
    needs = [names.index(each) for each in rules.needs]
    if not needs:
        return True
    agrees: NDArray[np.bool_] = np.any([found[at].levels >= NEARLY[things[at].kind] for at in needs], axis=0)
    return agrees


def _assigned(pairs: Pairs, bits: NDArray[np.float64], sides: tuple[int, int]) -> NDArray[np.bool_]:
    """The pairs of the most probable pairing of all."""
    gain = np.maximum(bits + 10, 1e-6)  # a likely pair is worth more than none
    rows = np.concatenate([pairs[0], np.arange(sides[0])])
    columns = np.concatenate([pairs[1], sides[1] + np.arange(sides[0])])  # a place of its own for who finds nobody
    worth = np.concatenate([gain, np.full(sides[0], 1e-9)])
    graph = csr_matrix((worth, (rows, columns)), shape=(sides[0], sides[1] + sides[0]))
    chosen = min_weight_full_bipartite_matching(graph, maximize=True)
    partner = np.full(sides[0], -1, dtype=np.int64)
    partner[chosen[0]] = chosen[1]
    assigned: NDArray[np.bool_] = partner[pairs[0]] == pairs[1]
    return assigned
