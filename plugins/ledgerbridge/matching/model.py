"""
Fellegi and Sunter's model: how probable it is that two records are one, by how far they agree in each thing.

At each level of agreement m is how often records that are one agree so far, u how often two others do. Their ratio is
what the level weighs. Both are estimated from the records themselves by expectation maximisation, nobody has to label
any; what too few records tell is made up for by what is usual. Where two agree in a value, u is how many others have
it: a name that hundreds share weighs little, a switchboard's number next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ledgerbridge.matching.compared import Found
from ledgerbridge.matching.grams import Pairs

__all__ = ["Model", "fit", "one_to_one", "probability"]

_USUAL: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "name": ((0.06, 0.04, 0.07, 0.13, 0.70), (0.9939, 0.005, 0.0008, 0.0001, 0.0002)),
    "text": ((0.10, 0.10, 0.15, 0.25, 0.40), (0.9895, 0.009, 0.001, 0.0003, 0.0002)),
    "address": ((0.17, 0.03, 0.05, 0.05, 0.15, 0.55), (0.9878, 0.01, 0.002, 0.0001, 0.00005, 0.00005)),
    "email": ((0.20, 0.10, 0.10, 0.60), (0.9947, 0.005, 0.0002, 0.0001)),
    "phone": ((0.25, 0.05, 0.70), (0.9997, 0.0001, 0.0002)),
    "code": ((0.20, 0.05, 0.75), (0.9997, 0.0002, 0.0001)),
}
"""m and u by level, as they are usual."""
_M_WEIGHT = 20.0
"""As many pairs as what is usual counts for m, and a twentieth of the smaller side if that is more."""
_U_WEIGHT = 2_000.0
_ROUNDS = 30
_STILL = 1e-4
_MOST_BITS = 40
_LEAST_U = 0.25
"""What two records have in common that no other has, more than a quarter of a record has by chance."""


@dataclass(frozen=True)
class Model:
    """
    What was learned.

    :param m, u: by comparison, then by level.
    :param matches: how many pairs are one, about.
    :param pairs: how many there are in all; ``records`` how many there are of both sides.
    """

    m: list[NDArray[np.float64]]
    u: list[NDArray[np.float64]]
    matches: float
    pairs: float
    records: int

    def weights(self, found: Sequence[Found]) -> NDArray[np.float64]:
        """What each comparison weighs, in bits, one column each; 0 where one of the two has no value."""
        columns = []
        for at, each in enumerate(found):
            level = np.maximum(each.levels, 0)
            m, u = self.m[at][level], self.u[at][level]
            known = ~np.isnan(each.others)
            others = np.nan_to_num(each.others)
            rare = (others + _LEAST_U + _M_WEIGHT * u) / (self.records + _M_WEIGHT)
            weight = np.log2(m) - np.log2(np.where(known, rare, u))
            columns.append(np.where(each.levels < 0, 0.0, weight))
        return np.stack(columns, axis=1)

    def bits(self, found: Sequence[Found]) -> NDArray[np.float64]:
        """What speaks for each pair in all, in bits; 0 is even odds."""
        bits: NDArray[np.float64] = self.before + self.weights(found).sum(axis=1)
        return bits

    @property
    def before(self) -> float:
        """Bits against any two being one, before anything is known of them."""
        chance = min(self.matches / self.pairs, 0.5)
        return float(np.log2(chance / (1 - chance)))


def fit(
    kinds: Sequence[str], pairs: Pairs, candidates: Sequence[Found], others: Sequence[Found], sides: tuple[int, int]
) -> Model:
    """
    Learn of the records.

    A record has one partner at most: what is learned of a pair counts as much as the other candidates of its two leave
    of it. Otherwise the sizes of one article, alike in all but a digit, would teach that partners differ in a digit.

    :param pairs, candidates: pairs among which all lie that are one, about, and how far they agree.
    :param others: pairs picked at random.
    :param sides: how many records each side has.
    """
    usual = [(np.array(_USUAL[kind][0]), np.array(_USUAL[kind][1])) for kind in kinds]
    fewer = min(sides)
    model = Model([m for m, _ in usual], [u for _, u in usual], 0.5 * fewer, float(sides[0]) * sides[1], sum(sides))
    m_weight = max(_M_WEIGHT, fewer / 20)
    for _ in range(_ROUNDS):
        same, other = one_to_one(pairs, model.bits(candidates), sides), probability(model.bits(others))
        new = Model(
            [_shares(each.levels, same, usual[at][0] * m_weight) for at, each in enumerate(candidates)],
            [_shares(each.levels, 1 - other, usual[at][1] * _U_WEIGHT) for at, each in enumerate(others)],
            float(min(max(same.sum(), fewer / 20), fewer)),
            model.pairs,
            model.records,
        )
        moved = max(float(np.abs(new.m[at] - model.m[at]).max()) for at in range(len(kinds)))
        model = new
        if moved < _STILL:
            break
    return model


def probability(bits: NDArray[np.float64]) -> NDArray[np.float64]:
    """How probable each pair is for itself."""
    found: NDArray[np.float64] = 1 / (1 + np.exp2(-np.clip(bits, -_MOST_BITS, _MOST_BITS)))
    return found


def one_to_one(pairs: Pairs, bits: NDArray[np.float64], sides: tuple[int, int]) -> NDArray[np.float64]:
    """How probable each pair is when each of its two may also be one with somebody else, or with nobody."""
    odds = np.exp2(np.clip(bits, -_MOST_BITS, _MOST_BITS))
    total = 1 - odds
    for side, rows in enumerate(pairs):
        total = total + np.bincount(rows, weights=odds, minlength=sides[side])[rows]
    found: NDArray[np.float64] = odds / np.maximum(total, odds)
    return found


def _shares(levels: NDArray[np.int8], counts: NDArray[np.float64], usual: NDArray[np.float64]) -> NDArray[np.float64]:
    has = levels >= 0
    found = usual + np.bincount(levels[has], weights=counts[has], minlength=len(usual))
    shares: NDArray[np.float64] = found / found.sum()
    return shares
