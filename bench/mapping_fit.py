"""
Learn what each signal counts, from the gold set without what is held out: `python -m bench.mapping_fit` writes it.

The confidence from which on a suggestion is sure is told by pairs that were not seen: those that read one system are
suggested by what the others taught.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bench.mapping_gold import Task, tasks
from ledgerbridge.suggest.ranking import (
    NONE_SIGNALS,
    TRUST,
    Learned,
    alternatives,
    learned,
    none_signals,
    others,
    shares,
    suggest,
    trust_signs,
)
from ledgerbridge.suggest.signals import SIGNALS, Matrix, Worded, signals, worded
from ledgerbridge.suggest.words import lexicon

__all__ = ["learn"]

NAMES = (*SIGNALS, *NONE_SIGNALS, "share", "home")
_LEARNED = Path(__file__).parents[1] / "plugins/ledgerbridge/suggest/learned.json"
_RIDGE = 0.02
_ROUNDS = 4
_SURE, _LIKELY = 0.975, 0.5
"""
Of what is called sure so many were right where it was not learned; of what is suggested at all, about half. With 0.975
from the systems of all but one, 0.986 were right in the one, and that was half of 700 pairs (0.97: 0.981, 0.98: 0.991).
"""


@dataclass(frozen=True)
class _Signalled:
    """A task with its signals, and which sources are right for each target: the last column is none."""

    sources: list[Worded]
    targets: list[Worded]
    found: Matrix
    of_none: Matrix
    right: Matrix


def learn(of: Sequence[Task]) -> Learned:
    """The weights under which the right answers are likeliest, and the confidences that bands begin at."""
    signalled = {id(each): _signalled(each) for each in of}
    weights = _fit(list(signalled.values()), learned().weights)
    signs: list[Matrix] = []
    right: list[float] = []
    whose: list[str] = []
    for system in sorted({_system(each) for each in of}):
        unseen = Learned(_fit([signalled[id(each)] for each in of if _system(each) != system], weights), {}, 1.0, 0.0)
        for task in of:
            if _system(task) == system:
                told, hits = _signs(signalled[id(task)], task, unseen)
                signs.append(told)
                right += hits
                whose += [system] * len(hits)
    trust = fit_trust(np.concatenate(signs), np.array(right))
    return Learned(
        weights, trust, round(sure_from(np.concatenate(signs), np.array(right), np.array(whose)), 3), _LIKELY
    )


def sure_from(signs: Matrix, right: Matrix, whose: NDArray[np.str_]) -> float:
    """
    The confidence from which on suggestions are sure: of systems that neither weights nor trust had seen.

    :param whose: of each suggestion the system that is read.
    """
    told: list[tuple[float, bool]] = []
    for system in sorted(set(whose)):
        unseen = whose == system
        trust = fit_trust(signs[~unseen], right[~unseen])
        odds = signs[unseen] @ np.array([trust[each] for each in TRUST])
        told += zip((1 / (1 + np.exp(-odds))).tolist(), map(bool, right[unseen]), strict=True)
    return _from_where(told, _SURE)


def _system(task: Task) -> str:
    return task.source.name.partition(".")[0]


def _signs(given: _Signalled, task: Task, model: Learned) -> tuple[Matrix, list[float]]:
    """What tells whether the first source of each target is right, and whether it is."""
    paths = [each.field.path for each in given.sources]
    first = [
        paths.index(each.candidates[0].source.path) for each in suggest(task.source, task.target, task.known, model)
    ]
    sure_of, none = shares(given.found, given.of_none, given.sources, given.targets, model)
    signs = trust_signs(given.found, sure_of, none, given.sources, given.targets, first)
    return signs, [float(given.right[row, at]) for row, at in enumerate(first)]


def fit_trust(signs: Matrix, right: Matrix) -> dict[str, float]:
    """What each sign counts, by logistic regression."""

    def loss(values: Matrix) -> tuple[float, Matrix]:
        odds = signs @ values
        total = float(np.logaddexp(0, odds).sum() - right @ odds + values @ values)
        return total, signs.T @ (1 / (1 + np.exp(-odds)) - right) + 2 * values

    best = minimize(loss, np.zeros(len(TRUST)), method="L-BFGS-B", jac=True)
    return {name: round(float(value), 3) for name, value in zip(TRUST, best.x, strict=True)}


def _signalled(task: Task) -> _Signalled:
    sources, targets = worded(task.source, lexicon()), worded(task.target, lexicon())
    known = alternatives(targets, task.known)
    found = signals(sources, targets, known)
    right = np.zeros((len(targets), len(sources) + 1))
    for row, target in enumerate(targets):
        answers = task.answers.get(target.field.path, frozenset())
        for column, source in enumerate(sources):
            right[row, column] = source.field.path in answers
        right[row, -1] = not answers
    return _Signalled(sources, targets, found, none_signals(found, targets, known), right)


def _fit(of: Sequence[_Signalled], begin: Mapping[str, float]) -> dict[str, float]:
    """
    The weights, in rounds: what a field's neighbours and rivals say follows from the weights of the round before.

    Where it begins saves time and decides next to nothing.
    """
    weights = {name: begin.get(name, 0.0) for name in NAMES}
    for _ in range(_ROUNDS):
        features = [_features(each, weights) for each in of]
        start = np.array([weights[name] for name in NAMES])
        best = minimize(_loss, start, (features, of), method="L-BFGS-B", jac=True, options={"maxiter": 200})
        weights = {name: float(value) for name, value in zip(NAMES, best.x, strict=True)}
    return {name: round(value, 3) for name, value in weights.items()}


def _features(each: _Signalled, weights: Mapping[str, float]) -> Matrix:
    """By target, source (the last is none) and name of a weight, what it is multiplied with."""
    rows, columns = each.right.shape
    found = np.zeros((rows, columns, len(NAMES)))
    found[:, :-1, : len(SIGNALS)] = each.found
    found[:, -1, len(SIGNALS) : -2] = each.of_none
    model = Learned(weights, {}, 1.0, 0.0)
    share, home = others(each.found, each.of_none, each.sources, each.targets, model)
    found[:, :-1, -2], found[:, :-1, -1] = share, home
    return found


def _loss(values: Matrix, features: Sequence[Matrix], of: Sequence[_Signalled]) -> tuple[float, Matrix]:
    """How unlikely the right answers are, and its gradient."""
    count = sum(len(each.targets) for each in of)
    total, slope = _RIDGE * float(values @ values), 2 * _RIDGE * values
    for given, each in zip(features, of, strict=True):
        scores = given @ values
        whole = np.exp(scores - scores.max(axis=1, keepdims=True))
        whole /= whole.sum(axis=1, keepdims=True)
        hit = np.maximum((whole * each.right).sum(axis=1, keepdims=True), 1e-12)
        total -= float(np.log(hit).sum())
        slope = slope - np.einsum("ts,tsn->n", whole * each.right / hit - whole, given)
    return total / count, slope / count


def _from_where(told: Sequence[tuple[float, bool]], precision: float) -> float:
    """The least confidence from which on so many are right."""
    right, least = 0, 1.0
    for count, (confidence, is_right) in enumerate(sorted(told, reverse=True), start=1):
        right += is_right
        if right / count >= precision:
            least = confidence
    return least


def main() -> int:
    """Learn of all that is not held out, and keep it."""
    open_ = [each for each in tasks() if not each.held_out]
    # not everybody describes what they have: it learns of names alone as well
    model = learn([*open_, *(each.bare() for each in open_)])
    kept = {"weights": model.weights, "trust": model.trust, "sure": model.sure, "likely": model.likely}
    _LEARNED.write_text(json.dumps(kept, indent=1) + "\n")
    print(f"{_LEARNED}: sure from {model.sure}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
