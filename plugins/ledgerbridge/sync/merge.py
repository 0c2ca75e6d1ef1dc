"""
Merging two sides of one thing, field by field, on what they last agreed on (docs/explanation/master-data.md).

Each side has a state of its own that it agreed with: one may hold 64 characters of a name of which the other holds 100,
and the two agree. So a change is what a side holds now against what that side held then, never against the other side.
What we wrote ourselves and read again is no change, for it is what was agreed on; no clock is asked whether it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

__all__ = ["BEFORE", "Merged", "Rules", "Side", "merge", "plain"]

BEFORE = "before"
"""Whose value stands, when it is that of before a change that one side alone can tell of."""

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Side:
    """
    One side of a thing.

    :param name: its system.
    :param held: its canonical fields as they were read last; a field that is absent the side can't tell of.
    :param agreed: the same when the two sides last agreed on each; a field that is absent they never have.
    :param changed_at: when it changed, by its own clock, aware UTC.
    """

    name: str
    held: Fields
    agreed: Fields
    changed_at: datetime


@dataclass(frozen=True)
class Rules:
    """
    Whose change counts where both sides made one.

    :param policy: ``newest``, ``ask``, or ``<side>_wins``; ``policies``: that of single fields.
    :param owner: by field the side whose field it is: what the other makes of it is taken back.
    :param watched: fields of which every change is asked about, also where one side alone holds them.
    :param leader: the side whose fields they all are; None: neither's.
    """

    policy: str = "newest"
    policies: Mapping[str, str] = field(default_factory=dict)
    owner: Mapping[str, str] = field(default_factory=dict)
    watched: Collection[str] = ()
    leader: str | None = None

    def of(self, name: str) -> str:
        """The policy of a field."""
        return self.policies.get(name, self.policy)


@dataclass(frozen=True)
class Merged:
    """
    What follows from the states of two sides.

    :param writes: by side the fields it has to be given, None to clear one.
    :param settled: the fields in which the two hold the same now.
    :param asked: the fields of which a person is to say which value stands, with the values: each side's, or that of
        the one that holds it and the one ``BEFORE``.
    """

    writes: dict[str, dict[str, Any]]
    settled: frozenset[str]
    asked: dict[str, dict[str, Any]]


def merge(first: Side, second: Side, rules: Rules, answers: Mapping[str, str] = MappingProxyType({})) -> Merged:
    """
    What has to be written where; the order of the sides matters only where both changed at one instant.

    :param answers: by field the side of which a person said that its value stands.
    """
    writes: dict[str, dict[str, Any]] = {first.name: {}, second.name: {}}
    settled, asked = set(), dict[str, dict[str, Any]]()
    for name in sorted(first.held.keys() & second.held.keys()):
        if _value(first, name) == _value(second, name):
            settled.add(name)
            continue
        changed = [each for each in (first, second) if _is_changed(each, name)]
        if not changed:
            continue  # each holds it as well as it can
        stands = _stands(first, second, changed, name, rules, answers.get(name))
        if stands is None:
            asked[name] = {each.name: each.held[name] for each in (first, second)}
        else:
            writes[(second if stands is first else first).name][name] = _value(stands, name)
    for side, other in ((first, second), (second, first)):
        for name in sorted({*rules.watched} & side.held.keys() - other.held.keys()):
            answer = answers.get(name)
            if not _is_changed(side, name) or name not in side.agreed or answer == side.name:
                settled.add(name)
            elif answer == BEFORE:
                writes[side.name][name] = plain(side.agreed[name])
            else:
                asked[name] = {side.name: side.held[name], BEFORE: side.agreed[name]}
    return Merged(writes, frozenset(settled), asked)


def _stands(first: Side, second: Side, changed: list[Side], name: str, rules: Rules, answer: str | None) -> Side | None:
    """The side whose value counts; None: a person says."""
    never_agreed = name not in first.agreed or name not in second.agreed
    if never_agreed and None in (_value(first, name), _value(second, name)):
        return second if _value(first, name) is None else first  # who never had it has not cleared it
    if name in rules.watched:
        return {None: None, first.name: first, second.name: second}[answer]
    if owner := rules.leader or rules.owner.get(name):
        return first if owner == first.name else second
    if len(changed) == 1:
        return changed[0]
    match rules.of(name):
        case "ask" if answer is None:
            return None
        case "ask":
            return first if answer == first.name else second
        case "newest":
            return second if second.changed_at > first.changed_at else first
        case wins:
            return first if wins == f"{first.name}_wins" else second


def _is_changed(side: Side, name: str) -> bool:
    return name not in side.agreed or _value(side, name) != plain(side.agreed[name])


def _value(side: Side, name: str) -> Any:
    return plain(side.held[name])


def plain(value: Any) -> Any:
    """An empty text is none: a system that has no empty fields writes one where another leaves the field out."""
    return None if isinstance(value, str) and not value.strip() else value
