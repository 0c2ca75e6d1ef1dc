"""
Learn what each signal counts, from the gold set without what is held out: `python -m bench.mapping_fit` writes it.

The confidence from which on a suggestion is sure is told by pairs that the weights did not see: each pair of systems is
suggested by what the others taught.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from bench.mapping_gold import Task, tasks
from ledgerbridge.suggest.ranking import NONE_SIGNALS, Learned, alternatives, learned, none_signals, shares, suggest
from ledgerbridge.suggest.signals import SIGNALS, Matrix, Worded, signals, worded
from ledgerbridge.suggest.words import lexicon

__all__ = ["learn"]

NAMES = (*SIGNALS, *NONE_SIGNALS, "share", "home")
_LEARNED = Path(__file__).parents[1] / "plugins/ledgerbridge/suggest/learned.json"
_RIDGE = 0.02
_SURE, _LIKELY = 0.985, 0.5
"""Of what is called sure so many were right where it was not learned; of what is suggested at all, about half."""


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
    weights = _fit([_signalled(each) for each in of], learned().weights)
    told: list[tuple[float, bool]] = []
    for systems in sorted({each.systems for each in of}):
        others = _fit([_signalled(each) for each in of if each.systems != systems], weights)
        for task in of:
            if task.systems == systems:
                told += _judged(task, Learned(others, 1.0, 0.0))
    return Learned(weights, round(_from_where(told, _SURE), 3), _LIKELY)


def _signalled(task: Task) -> _Signalled:
    sources, targets = worded(task.source, lexicon()), worded(task.target, lexicon())
    found = signals(sources, targets, alternatives(targets, task.known))
    right = np.zeros((len(targets), len(sources) + 1))
    for row, target in enumerate(targets):
        answers = task.answers.get(target.field.path, frozenset())
        for column, source in enumerate(sources):
            right[row, column] = source.field.path in answers
        right[row, -1] = not answers
    return _Signalled(sources, targets, found, none_signals(found, targets), right)


def _fit(of: Sequence[_Signalled], begin: Mapping[str, float]) -> dict[str, float]:
    """Where it begins saves time and decides nothing: there is one best place."""
    count = sum(len(each.targets) for each in of)

    def loss(values: np.ndarray) -> float:
        model = Learned(dict(zip(NAMES, values, strict=True)), 1.0, 0.0)
        total = 0.0
        for each in of:
            sure_of, none = shares(each.found, each.of_none, each.sources, each.targets, model)
            whole = np.concatenate([sure_of, none[:, None]], axis=1)
            total -= np.log(np.maximum((whole * each.right).sum(axis=1), 1e-12)).sum()
        return float(total / count + _RIDGE / count * (values**2).sum())

    start = np.array([begin.get(name, 0.0) for name in NAMES])
    best = minimize(loss, start, method="L-BFGS-B", options={"maxiter": 50})
    return {name: round(float(value), 3) for name, value in zip(NAMES, best.x, strict=True)}


def _judged(task: Task, model: Learned) -> list[tuple[float, bool]]:
    """By suggestion its confidence and whether it is right."""
    return [
        (each.best.confidence, each.best.source.path in task.answers.get(each.target.path, frozenset()))
        for each in suggest(task.source, task.target, task.known, model)
        if each.best is not None
    ]


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
    kept = {"weights": model.weights, "sure": model.sure, "likely": model.likely}
    _LEARNED.write_text(json.dumps(kept, indent=1) + "\n")
    print(f"{_LEARNED}: sure from {model.sure}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
