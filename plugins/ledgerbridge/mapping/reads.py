"""Which paths a rule or condition reads, and where each stands in its file: for checks, explanations and lineage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ledgerbridge.mapping.conditions import Condition
from ledgerbridge.mapping.expression import expression_paths
from ledgerbridge.mapping.gathering import part_and_field
from ledgerbridge.mapping.model import Aggregate, Lookup, Match, Part, Rule
from ledgerbridge.mapping.rules import HOLE
from ledgerbridge.yaml_files import Location

__all__ = ["Read", "lookups_of", "nested_rules", "reads_of_condition", "reads_of_part", "reads_of_rule"]


@dataclass(frozen=True)
class Read:
    """
    One path that is read.

    :param location: where it stands in the mapping file.
    :param part: the other part whose rows it is read from; None: the rule's own rows.
    """

    location: Location
    path: str
    part: str | None = None


def reads_of_part(part: Part, location: Location) -> Iterator[Read]:
    """What decides which rows a part has; its rules come by ``reads_of_rule``."""
    if part.where is not None:
        yield from reads_of_condition(part.where, (*location, "where"))
    if part.dated is not None:
        yield from reads_of_rule(part.dated, (*location, "dated"))
    if part.split is not None and part.split.key is not None:
        yield from reads_of_rule(part.split.key, (*location, "split", "key"))


def reads_of_rule(rule: Rule, location: Location) -> Iterator[Read]:
    """Every path a rule reads, those of the rules within it too."""
    for place, each in nested_rules(rule, location):
        yield from _own_reads(each, place)


def reads_of_condition(condition: Condition, location: Location, part: str | None = None) -> Iterator[Read]:
    """Every path a condition reads."""
    for path in condition.tests:
        yield Read((*location, path), path, part)
    for word in ("all", "any"):
        for index, each in enumerate(getattr(condition, word) or ()):
            yield from reads_of_condition(each, (*location, word, index), part)
    if condition.not_ is not None:
        yield from reads_of_condition(condition.not_, (*location, "not"), part)
    if condition.expr is not None:
        yield from (Read((*location, "expr"), path, part) for path in _paths_of(condition.expr))


def nested_rules(rule: Rule, location: Location) -> Iterator[tuple[Location, Rule]]:
    """The rule and every rule within it, each with where it stands."""
    yield location, rule
    inner: list[tuple[Location, Rule | None]] = [
        ((*location, "then"), rule.then),
        ((*location, "else"), rule.else_),
        *(((*location, "first", index), each) for index, each in enumerate(rule.first or ())),
    ]
    if rule.lookup is not None:
        inner.append(((*location, "lookup", "key"), rule.lookup.key))
        inner += [((*location, "lookup", "among", field), each) for field, each in rule.lookup.among.items()]
    if rule.share is not None:
        inner += [((*location, "share", "of"), rule.share.of), ((*location, "share", "weight"), rule.share.weight)]
    if rule.segment is not None:
        inner.append(((*location, "segment", "of"), rule.segment.of))
        inner += [((*location, "segment", "set", str(number)), each) for number, each in _changes(rule)]
    for place, each in inner:
        if each is not None:
            yield from nested_rules(each, place)


def lookups_of(rule: Rule, location: Location) -> Iterator[tuple[Location, Lookup]]:
    """Every lookup of a rule, nested ones too."""
    for place, each in nested_rules(rule, location):
        if each.lookup is not None:
            yield (*place, "lookup"), each.lookup


def _changes(rule: Rule) -> list[tuple[int, Rule]]:
    return list((rule.segment.set or {}).items()) if rule.segment is not None else []


def _own_reads(rule: Rule, location: Location) -> Iterator[Read]:
    if rule.from_ is not None:
        yield Read((*location, "from"), rule.from_)
    if rule.when is not None:
        yield from reads_of_condition(rule.when, (*location, "when"))
    if rule.template is not None:
        yield from (Read((*location, "template"), path) for path in HOLE.findall(rule.template))
    if rule.expr is not None:
        yield from (Read((*location, "expr"), path) for path in _paths_of(rule.expr))
    if rule.hash_ is not None:
        yield from (Read((*location, "hash", "of", index), path) for index, path in enumerate(rule.hash_.of))
    if rule.match is not None:
        yield from _reads_of_match(rule.match, (*location, "match"))
    if rule.aggregate is not None:
        kind, aggregate = rule.aggregate
        yield from _reads_of_aggregate(aggregate, (*location, kind))
    if rule.share is not None:
        if rule.share.over == "row":
            yield Read((*location, "share"), "%row")
        if rule.share.weight is None:
            yield Read((*location, "share"), "%weight")


def _reads_of_match(match: Match, location: Location) -> Iterator[Read]:
    yield Read((*location, "key" if match.key else "on"), match.key or match.on)
    yield Read((*location, "on"), match.on, match.part)
    yield Read((*location, "column"), match.column, match.part)


def _reads_of_aggregate(aggregate: Aggregate, location: Location) -> Iterator[Read]:
    part, field = part_and_field(aggregate.of)
    yield Read((*location, "of"), field, part)
    if aggregate.by:
        yield Read((*location, "key" if aggregate.key else "by"), aggregate.key or aggregate.by)
        yield Read((*location, "by"), aggregate.by, part)
    if aggregate.where is not None:
        yield from reads_of_condition(aggregate.where, (*location, "where"), part)


def _paths_of(expression: str) -> list[str]:
    try:
        return expression_paths(expression)
    except ValueError:  # named when it is compiled
        return []
