"""Which source fields may go into each target field, and how sure that is; one source for one target, where it can."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from ledgerbridge.suggest.described import Entity, Field
from ledgerbridge.suggest.known import Known
from ledgerbridge.suggest.signals import SIGNALS, Matrix, Worded, shared_words, signals, worded
from ledgerbridge.suggest.words import lexicon

__all__ = [
    "NONE_SIGNALS",
    "TRUST",
    "Candidate",
    "Learned",
    "Rule",
    "Suggestion",
    "alternatives",
    "learned",
    "none_signals",
    "others",
    "shares",
    "suggest",
]

Band = Literal["sure", "likely", "open"]
NONE_SIGNALS: Final = (
    "none", "none_best_name", "none_best_meaning", "none_required", "none_told", "none_instruction", "none_role",
    "none_best_role", "none_unknown", "none_flag", "none_choice", "none_best_learned",
)  # fmt: skip
TRUST: Final = (
    "always", "share", "some", "group", "role", "akin", "against", "learned", "name", "required", "rows",
    "elsewhere", "gathered", "row_of_header",
)  # fmt: skip
_AS_SIGNALLED = {"learned", "name", "gathered", "row_of_header"}
_SHOWN = 5
_MOST_NEGATIVE = -1e9
_LEAST, _STRANGE = 1e-9, 0.02
_NEARLY, _LITTLE = 0.5, 1e-3


@dataclass(frozen=True)
class Learned:
    """
    What was learned of pairs that people made (bench/gold): how much each signal speaks for a pair.

    :param weights: by signal; ``share`` is what it counts that a source field fits no other target field as well,
        ``home`` that others of the target's part come from the same list or parent.
    :param trust: what each sign counts that the first of a target's sources is right (``TRUST``).
    :param sure: from which confidence on a suggestion was right in at least 98 of 100 cases.
    :param likely: below it there is no suggestion, only alternatives.
    """

    weights: Mapping[str, float]
    trust: Mapping[str, float]
    sure: float
    likely: float


@dataclass(frozen=True)
class Candidate:
    """A source field that may go into a target field; confidence from 0 to 1, with what speaks for it."""

    source: Field
    confidence: float
    reason: str


@dataclass(frozen=True)
class Rule:
    """
    What makes a target's values of the source's.

    :param kind: ``same``, ``constant``, ``table``, ``template``, ``before``, ``after`` or ``segment``.
    :param form: the rule as YAML; ``{0}``, ``{1}`` stand for the paths of ``sources``.
    :param share: how many of the values it makes are among the target's, from 0 to 1.
    """

    kind: str
    sources: tuple[Field, ...]
    form: str
    share: float

    def written(self, paths: Sequence[str]) -> str:
        """The rule with its sources' paths."""
        return self.form.format(*paths)


@dataclass(frozen=True)
class Suggestion:
    """
    What may go into a target field.

    :param candidates: the best first, at most five.
    :param none: confidence that the source has nothing for it.
    :param rule: what values say that makes the target's, where no field is it as it is.
    """

    target: Field
    candidates: tuple[Candidate, ...]
    none: float
    band: Band
    rule: Rule | None = None

    @property
    def best(self) -> Candidate | None:
        """What is suggested; None: nothing is."""
        return self.candidates[0] if self.band != "open" else None


@cache
def learned() -> Learned:
    """What this package has learned."""
    content = json.loads(Path(__file__).with_name("learned.json").read_text())
    return Learned(content["weights"], content["trust"], content["sure"], content["likely"])


def suggest(
    source: Entity, target: Entity, known: Known | None = None, model: Learned | None = None
) -> list[Suggestion]:
    """
    For each field of the target, in its order, which fields of the source may go into it.

    :param known: what mappings that exist tell of the target, by ``known_names``.
    :param model: default: what this package has learned.
    """
    model = model or learned()
    sources, targets = worded(source, lexicon()), worded(target, lexicon())
    if not sources or not targets:
        return [Suggestion(each.field, (), 1.0, "open") for each in targets]
    elsewhere = alternatives(targets, known or {})
    found = signals(sources, targets, elsewhere)
    sure_of, none = shares(found, none_signals(found, targets, elsewhere), sources, targets, model)
    chosen = _assigned(sure_of, none, targets)
    orders = [_order(sure_of[row], chosen.get(row)) for row in range(len(targets))]
    signs = trust_signs(found, sure_of, none, sources, targets, [each[0] for each in orders])
    trust = 1 / (1 + np.exp(-signs @ np.array([model.trust.get(each, 0.0) for each in TRUST])))
    return [
        _suggestion(each, sources, sure_of[row], float(none[row]), orders[row], float(trust[row]), model)
        for row, each in enumerate(targets)
    ]


def trust_signs(
    found: Matrix,
    sure_of: Matrix,
    none: Matrix,
    sources: Sequence[Worded],
    targets: Sequence[Worded],
    first: Sequence[int],
) -> Matrix:
    """
    By target and sign, in the order of ``TRUST``, what tells whether its first source is right.

    ``group`` is the share of all that say the same as the first: a source has many a value twice, and each is right.
    """
    rows = np.arange(len(targets))
    alike = np.array([[float(_same(one, sources[at])) for one in sources] for at in first])
    signals_of = {name: found[rows, first, at] for at, name in enumerate(SIGNALS)}
    columns = {
        "always": np.ones(len(targets)),
        "share": _odds(sure_of[rows, first]),
        "some": _odds(1 - none),
        "group": _odds((sure_of * alike).sum(axis=1)),
        "role": signals_of["role"],
        "akin": signals_of["role_akin"],
        "against": signals_of["role_against"],
        "required": np.array([float(each.field.required) for each in targets]),
        "rows": np.array([float(each.listed) for each in targets]),
        "elsewhere": np.array([math.log1p(sum(_rival(one, sources[at]) for one in sources)) for at in first]),
        **{name: signals_of[name] for name in TRUST if name in _AS_SIGNALLED},
    }
    return np.stack([columns[each] for each in TRUST], axis=1)


def _same(one: Worded, other: Worded) -> bool:
    """Whether two sources say the same: for the same, in the same place, or by the same name."""
    there = one.field.part == other.field.part
    return there and (one.role == other.role if one.role else one.own == other.own)


def _rival(one: Worded, other: Worded) -> bool:
    """Whether a source is for the same as another, in another place: which of the two is meant is open."""
    return bool(one.role) and one.role == other.role and _above(one) != _above(other)


def _above(of: Worded) -> str:
    return of.field.path.rpartition(".")[0]


def _odds(shares_of: Matrix) -> Matrix:
    kept = np.clip(shares_of, _LITTLE, 1 - _LITTLE)
    odds: Matrix = np.log(kept / (1 - kept))
    return odds


def alternatives(targets: Sequence[Worded], known: Known) -> list[list[Worded]]:
    """Of each target the names that are known to have gone into it, as fields."""
    return [
        worded(Entity("", tuple(map(Field, sorted(known.get(each.field.path, ()))))), lexicon()) for each in targets
    ]


def none_signals(found: Matrix, targets: Sequence[Worded], elsewhere: Sequence[Sequence[Worded]]) -> Matrix:
    """By target and signal, what speaks for there being nothing for it."""
    best = found.max(axis=1)
    columns = {
        "none": np.ones(len(targets)),
        "none_best_name": best[:, SIGNALS.index("name")],
        "none_best_meaning": best[:, SIGNALS.index("meaning")],
        "none_required": np.array([float(each.field.required) for each in targets]),
        "none_told": np.array([float(bool(each.told)) for each in targets]),
        "none_role": np.array([float(each.role != "") for each in targets]),
        "none_best_role": np.maximum(best[:, SIGNALS.index("role")], best[:, SIGNALS.index("role_akin")] / 2),
        # mappings that exist fill other fields of the target, and this one nowhere
        "none_unknown": np.array([float(any(elsewhere) and not each) for each in elsewhere]),
        "none_flag": np.array([float(each.field.kind == "flag") for each in targets]),
        "none_choice": np.array([float(each.field.kind == "choice") for each in targets]),
        "none_best_learned": best[:, SIGNALS.index("learned")],
        "none_instruction": np.array([float("instruction" in each.told) for each in targets]),
    }
    return np.stack([columns[each] for each in NONE_SIGNALS], axis=1)


def shares(
    found: Matrix, of_none: Matrix, sources: Sequence[Worded], targets: Sequence[Worded], model: Learned
) -> tuple[Matrix, Matrix]:
    """Confidences by target and source, and those that there is nothing; together 1 for each target."""
    scores = found @ np.array([model.weights.get(each, 0.0) for each in SIGNALS])
    none = of_none @ np.array([model.weights.get(each, 0.0) for each in NONE_SIGNALS])
    share, home = others(found, of_none, sources, targets, model)
    return _whole(scores + model.weights.get("home", 0.0) * home + model.weights.get("share", 0.0) * share, none)


def others(
    found: Matrix, of_none: Matrix, sources: Sequence[Worded], targets: Sequence[Worded], model: Learned
) -> tuple[Matrix, Matrix]:
    """What the other fields say of a pair: ``share`` and ``home``."""
    scores = found @ np.array([model.weights.get(each, 0.0) for each in SIGNALS])
    none = of_none @ np.array([model.weights.get(each, 0.0) for each in NONE_SIGNALS])
    home = _at_home(_whole(scores, none)[0], sources, targets)
    return _only_here(scores + model.weights.get("home", 0.0) * home, targets), home


def _whole(scores: Matrix, none: Matrix) -> tuple[Matrix, Matrix]:
    """Scores as shares of one."""
    whole = np.concatenate([scores, none[:, None]], axis=1)
    whole = np.exp(whole - whole.max(axis=1, keepdims=True))
    whole /= whole.sum(axis=1, keepdims=True)
    return whole[:, :-1], whole[:, -1]


def _at_home(sure_of: Matrix, sources: Sequence[Worded], targets: Sequence[Worded]) -> Matrix:
    """Logarithm of how many fields of a target's part come from a source's place: its list, or its parent."""
    places = [each.field.path.rpartition(".")[0] for each in sources]
    names = list(dict.fromkeys(places))
    place = np.array([names.index(each) for each in places])
    parts = np.array([each.field.part for each in targets])
    found = np.zeros_like(sure_of)
    for part in dict.fromkeys(parts):
        rows = parts == part
        votes = np.bincount(place, weights=sure_of[rows].sum(axis=0), minlength=len(names))
        found[rows] = np.log(votes / max(votes.sum(), _LEAST) + _STRANGE)[place]
    return found


def _only_here(scores: Matrix, targets: Sequence[Worded]) -> Matrix:
    """Logarithm of the share that a target has in a source, among the targets of its part."""
    found = np.zeros_like(scores)
    parts = np.array([each.field.part for each in targets])
    for part in dict.fromkeys(parts):
        rows = parts == part
        best = scores[rows].max(axis=0, keepdims=True)
        found[rows] = scores[rows] - best - np.log(np.exp(scores[rows] - best).sum(axis=0, keepdims=True))
    return found


def _assigned(sure_of: Matrix, none: Matrix, targets: Sequence[Worded]) -> dict[int, int]:
    """The best pairing within each part of the target: no source twice, nothing that is likelier nothing."""
    found: dict[int, int] = {}
    parts = np.array([each.field.part for each in targets])
    gain = np.log(np.maximum(sure_of, 1e-12)) - np.log(np.maximum(none, 1e-12))[:, None]
    for part in dict.fromkeys(parts):
        (rows,) = np.nonzero(parts == part)
        # a target may go without: each has a column of its own for that, worth nothing
        spare = np.where(np.eye(len(rows), dtype=bool), 0.0, _MOST_NEGATIVE)
        picked = linear_sum_assignment(np.concatenate([gain[rows], spare], axis=1), maximize=True)
        found |= {int(rows[row]): int(column) for row, column in zip(*picked, strict=True) if column < gain.shape[1]}
    return found


def _order(sure_of: Matrix, chosen: int | None) -> list[int]:
    """The likeliest sources; the one that was assigned first, unless another is far likelier all the same."""
    order = [int(each) for each in np.argsort(-sure_of, kind="stable")[:_SHOWN]]
    if chosen is None or sure_of[chosen] < _NEARLY * sure_of[order[0]]:
        return order
    return [chosen, *(each for each in order if each != chosen)][:_SHOWN]


def _suggestion(
    target: Worded,
    sources: Sequence[Worded],
    sure_of: Matrix,
    none: float,
    order: Sequence[int],
    trust: float,
    model: Learned,
) -> Suggestion:
    candidates = tuple(
        Candidate(
            sources[each].field, trust if each == order[0] else float(sure_of[each]), _reason(sources[each], target)
        )
        for each in order
    )
    band: Band = "sure" if trust >= model.sure else "likely" if trust >= model.likely else "open"
    return Suggestion(target.field, candidates, none, band)


def _reason(source: Worded, target: Worded) -> str:
    """What speaks for the pair, in words."""
    told = []
    words = lexicon().words(target.field.name)
    if words and "".join(words) != _squeezed(target.field.name):
        told.append(f"{target.field.name} = {' '.join(words)}")
    if shared := shared_words(source, target)[:4]:
        told.append(f"both say {', '.join(shared)}")
    ours, theirs = source.field, target.field
    told.append(f"{ours.kind}" if ours.kind == theirs.kind else f"{ours.kind} into {theirs.kind}")
    if ours.values:
        told.append(f"one of {', '.join(ours.values[:_SHOWN])}")
    if ours.length and theirs.length:
        told.append(f"{ours.length} into {theirs.length} characters")
    return "; ".join(told)


def _squeezed(name: str) -> str:
    """A name without case and borders, to see whether its words say more."""
    return "".join(each for each in name.lower() if each.isalnum())
