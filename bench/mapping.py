"""
Which field goes where: how often the right source field is suggested first, among the first three and five, how far
"sure" and "no match" can be trusted, seconds and memory; beside rapidfuzz, COMA, Similarity Flooding and a sentence
model, each by names alone and in an environment of its own.

Pairs of systems that are held out were looked at by nobody who tuned (docs/explanation/suggested-mappings.md).
"""

from __future__ import annotations

import json
import resource
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz, process

from bench.foreign_clients import Unavailable, python_of
from bench.mapping_gold import Task, tasks
from bench.mapping_rules import CASES, told_rules
from bench.matching import interval

__all__ = ["measure"]

_MATCH = Path(__file__).parent / "clients" / "match_fields.py"
_ENVIRONMENTS = {"coma": "valentine", "similarity_flooding": "valentine", "sentence_model": "sentence_model"}
_BINS = 10
_SEEDS = (1, 2)
_AT = (1, 3, 5)


@dataclass(frozen=True)
class Told:
    """
    What somebody told of one target field.

    :param ranked: paths of source fields, the likeliest first.
    :param confidence: of the first; None where it gives none.
    :param answers: what is right; empty: nothing is.
    """

    ranked: Sequence[str]
    confidence: float | None
    band: str
    none: bool
    answers: frozenset[str]


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """:param everything: also of the pairs that were learned of, and by Similarity Flooding, which takes minutes."""
    held = [each for each in tasks() if each.held_out]
    parts = {"held out": held, "held out, names alone": [each.bare() for each in held]}
    if everything:
        parts["learned of"] = [each for each in tasks() if not each.held_out]
    found = []
    for what, of in parts.items():
        ways: dict[str, Callable[[Sequence[Task]], list[Told]]] = {
            "ledgerbridge": _by_ledgerbridge,
            "rapidfuzz": _by_rapidfuzz,
            **{name: _by(name) for name in _ENVIRONMENTS if everything or name != "similarity_flooding"},
        }
        for name, way in ways.items():
            if name != "ledgerbridge" and what == "held out":
                continue  # others read no descriptions
            try:
                found.append(_judged(what, name, way(of)))
            except Unavailable as error:
                print(f"  {name}: skipped, {error}", flush=True)
                continue
            _tell(found[-1])
    found.append(_rules())
    print(
        "  rules by values: {found} of {rules} found, {wrong} wrong ones, by kind {by_kind}, {seconds} s a pair".format(
            **found[-1]
        ),
        flush=True,
    )
    found.append(_alone(_large))
    print("  50 by 100 fields: {seconds} s, {mib} MiB".format(**found[-1]), flush=True)
    return found


def _by_ledgerbridge(of: Sequence[Task]) -> list[Told]:
    from ledgerbridge.suggest import suggest

    told = []
    for task in of:
        for each in suggest(task.source, task.target, task.known):
            ranked = [one.source.path for one in each.candidates]
            confidence = each.candidates[0].confidence if each.candidates else 0.0
            answers = task.answers.get(each.target.path, frozenset())
            told.append(Told(ranked, confidence, each.band, each.band == "open", answers))
    return told


def _by_rapidfuzz(of: Sequence[Task]) -> list[Told]:
    told = []
    for task in of:
        paths = [each.path for each in task.source.fields]
        for target in task.target.fields:
            ranked = [path for path, _, _ in process.extract(target.path, paths, scorer=fuzz.token_set_ratio, limit=5)]
            told.append(Told(ranked, None, "", False, task.answers.get(target.path, frozenset())))
    return told


def _by(name: str) -> Callable[[Sequence[Task]], list[Told]]:
    """Another matcher, in its own environment."""

    def run(of: Sequence[Task]) -> list[Told]:
        python = str(python_of(_ENVIRONMENTS[name]))
        given = [[[each.path for each in side.fields] for side in (task.source, task.target)] for task in of]
        answer = subprocess.run(
            [python, str(_MATCH), name], input=json.dumps(given), check=True, capture_output=True, text=True
        )
        ranked = json.loads(answer.stdout.splitlines()[-1])
        return [
            Told(ranked[index][row], None, "", False, task.answers.get(target.path, frozenset()))
            for index, task in enumerate(of)
            for row, target in enumerate(task.target.fields)
        ]

    return run


def _judged(what: str, by: str, told: Sequence[Told]) -> dict[str, Any]:
    with_one = [each for each in told if each.answers]
    ranks = [next((at for at, path in enumerate(e.ranked, 1) if path in e.answers), 0) for e in with_one]
    found: dict[str, Any] = {"what": what, "by": by, "fields": len(told), "pairs": len(with_one)}
    for at in _AT:
        hits = sum(0 < rank <= at for rank in ranks)
        found[f"hit@{at}"] = [hits / len(ranks), *interval(hits, len(ranks))]
    found["mrr"] = sum(1 / rank for rank in ranks if rank) / len(ranks)
    if by == "ledgerbridge":
        sure = [each for each in told if each.band == "sure"]
        right = sum(each.ranked[0] in each.answers for each in sure)
        covered = sum(bool(each.answers) for each in sure)
        found["sure_precision"] = [right / max(len(sure), 1), *interval(right, len(sure))]
        found["sure_coverage"] = [covered / len(with_one), *interval(covered, len(with_one))]
        without = [each for each in told if not each.answers]
        silent = sum(each.none for each in without)
        found["none_recall"] = [silent / len(without), *interval(silent, len(without))]
        found["ece"] = _calibration(told)
    return found


def _calibration(told: Sequence[Told]) -> float:
    """Expected calibration error: how far confidence and share of right ones are apart, over ten bins of confidence."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for each in told:
        if each.confidence is not None and each.ranked:
            place = min(int(each.confidence * _BINS), _BINS - 1)
            bins.setdefault(place, []).append((each.confidence, each.ranked[0] in each.answers))
    count = sum(len(each) for each in bins.values())
    return sum(abs(sum(c for c, _ in each) - sum(r for _, r in each)) for each in bins.values()) / count


def _rules() -> dict[str, Any]:
    """Of rules that make the values of made records, how many are told; and how many where there is none."""
    started = time.perf_counter()
    told = [each for case in CASES for seed in _SEEDS for each in told_rules(case, seed).values()]
    seconds = (time.perf_counter() - started) / (len(CASES) * len(_SEEDS))
    with_one = [each for each in told if each[0] not in ("none", "same", "confirmed")]
    right = sum(each[2] for each in with_one)
    by_kind = {
        kind: [sum(each[2] for each in told if each[0] == kind), sum(each[0] == kind for each in told)]
        for kind in sorted({each[0] for each in told} - {"none"})
    }
    wrong = sum(bool(each[1]) and not each[2] for each in told)
    return {
        "what": "rules by values", "rules": len(with_one), "found": right, "wrong": wrong, "by_kind": by_kind,
        "seconds": round(seconds, 2),
    }  # fmt: skip


def _alone(work: Any) -> dict[str, Any]:
    """In a process of its own, so that memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found: dict[str, Any] = pool.submit(work).result()
    return found


def _large() -> dict[str, Any]:
    """Fifty target fields and a hundred source fields, with what has to be read for it."""
    from ledgerbridge.suggest import Entity, suggest

    started = time.perf_counter()
    wide = max(tasks(), key=lambda each: len(each.source.fields) * len(each.target.fields))
    reading = time.perf_counter() - started
    sides = Entity(wide.source.name, wide.source.fields[:100]), Entity(wide.target.name, wide.target.fields[:50])
    started = time.perf_counter()
    suggest(*sides)
    seconds = time.perf_counter() - started
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return {"what": "50 by 100 fields", "seconds": round(seconds, 3), "reading": round(reading, 3), "mib": mib}


def _tell(found: Mapping[str, Any]) -> None:
    shares = {
        name: "{:.3f} ({:.3f} to {:.3f})".format(*found[name])
        for name in ("hit@1", "hit@3", "hit@5", "sure_precision", "sure_coverage", "none_recall")
        if name in found
    }
    told = ", ".join(f"{name} {share}" for name, share in shares.items())
    more = f", ECE {found['ece']:.3f}" if "ece" in found else ""
    print(
        f"  {found['what']} by {found['by']}: {found['pairs']} pairs, {found['fields']} fields: {told},"
        f" MRR {found['mrr']:.3f}{more}",
        flush=True,
    )
