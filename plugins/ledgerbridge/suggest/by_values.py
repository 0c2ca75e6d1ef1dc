"""Rules told by values: what records of the source would have to become, to be what records of the target hold."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any, Final

from ledgerbridge.suggest.described import HEADER, Entity, Field
from ledgerbridge.suggest.ranking import Rule, Suggestion

__all__ = ["Table", "read_tables", "with_rules"]

Row = Mapping[str, str]

_ENOUGH: Final = 20
"""So many rows and so many values are needed to tell anything; a table's values are few."""
_DISTINCT, _DISTINCT_OF_SEGMENT, _DISTINCT_OF_TABLE = 8, 3, 2
_SHARE: Final = 0.3
"""So many of the made values have to be among the target's: records of two systems are not all the same."""
_BETTER = 0.25
"""So much more than the values as they are."""
_CONFIRMS = 0.4
"""A field that was suggested and has so many of its values in the target, and none other that has, is sure."""
_ROWS = 300
_JOINTS = (" ", ", ", "-")


@dataclass(frozen=True)
class Table:
    """A look-up table: its name, the column a key is looked for in, and the one that answers."""

    name: str
    column: str
    answers: Mapping[str, str]


def read_tables(folder: Path) -> list[Table]:
    """The tables of `include/lookups`, by their first column, an entry a further column."""
    found = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8-sig") as file:
            head, *rows = [*csv.reader(file)] or [[]]
        for at, column in enumerate(head[1:], start=1):
            answers = {row[0]: row[at] for row in rows if len(row) > at}
            if answers:
                found.append(Table(path.stem, column, answers))
    return found


def with_rules(
    suggestions: Sequence[Suggestion],
    source: Entity,
    given: Iterable[Mapping[str, Any]],
    made: Iterable[Mapping[str, Any]],
    tables: Sequence[Table] = (),
) -> list[Suggestion]:
    """
    The suggestions, those that a rule explains better than a field with that rule, those that values confirm as sure.

    :param given: records of the source.
    :param made: records of the target, as its system or a mapping has them; they need not be of the same things.
    """
    rows, theirs = _rows(given), _rows(made)
    fields = {(each.part, each.name): each for each in source.fields}
    columns = {
        place: [row[place[1]] for row in rows[place[0]] if place[1] in row] for place in fields if place[0] in rows
    }
    derived = [*_derived(rows, fields)]
    found = []
    for each in suggestions:
        values = _values_of(each.target, theirs)
        if len(values) < _ENOUGH:
            found.append(each)
        elif rule := _rule(each, values, columns, derived, tables):
            found.append(replace(each, rule=rule))
        else:
            found.append(_confirmed(each, set(values), columns))
    return found


def _confirmed(of: Suggestion, there: set[str], columns: Mapping[tuple[str, str], Sequence[str]]) -> Suggestion:
    """What is suggested is sure if its values are the target's, and those of no other field are, nearly as many."""
    if of.best is None or of.band == "sure":
        return of
    first, *others = of.candidates
    place = (first.source.part, first.source.name)
    column = columns.get(place, ())
    share = _share(column, there)
    rivals = [_share(each, there) for one, each in columns.items() if one != place]
    if len(set(column)) < _DISTINCT or share < _CONFIRMS or max(rivals, default=0.0) > share - _BETTER:
        return of
    told = replace(first, reason=f"{share:.0%} of its values are the target's; {first.reason}")
    return replace(of, candidates=(told, *others), band="sure")


def _rule(
    of: Suggestion,
    values: Sequence[str],
    columns: Mapping[tuple[str, str], Sequence[str]],
    derived: Sequence[tuple[Rule, Sequence[str]]],
    tables: Sequence[Table],
) -> Rule | None:
    there = set(values)
    asked = [each.source for each in of.candidates]
    shares = [_share(columns.get((each.part, each.name), ()), there) for each in asked]
    as_they_are = max(shares, default=0.0)
    if len(there) == 1 and of.band != "sure" and as_they_are < 1 - _BETTER:
        return Rule("constant", (), f"{{{{value: {_quoted(values[0])}}}}}", 1.0)
    least = max(_SHARE, as_they_are + _BETTER)
    # another field as it is has to be better than the one that is suggested, not than all that might be
    least_same = max(_SHARE, (shares[0] if of.best else 0.0) + _BETTER)
    made = [
        replace(rule, share=share)
        for rule, column in derived
        if (rule.sources[0].part == HEADER) >= (of.target.part == HEADER)
        and len(set(column)) >= (_DISTINCT_OF_SEGMENT if rule.kind == "segment" else _DISTINCT)
        and (share := _share(column, there)) >= (least_same if rule.kind == "same" else least)
    ]
    for field in asked:
        column = columns.get((field.part, field.name), ())
        for table in tables:
            answers = [table.answers[each] for each in column if each in table.answers]
            share = _share(answers, there) * len(answers) / max(len(column), 1)
            if len(answers) >= _ENOUGH and len(set(answers)) >= _DISTINCT_OF_TABLE and share >= least:
                form = f"{{{{lookup: {{{{table: {table.name}, key: {{0}}, column: {table.column}}}}}}}}}"
                made.append(Rule("table", (field,), form, share))
    # among rules that do as well, what the names speak for
    places = {each: -at for at, each in enumerate(asked)}

    def order(rule: Rule) -> tuple[float, float, float]:
        named = sum(places.get(each, -len(asked)) for each in rule.sources) / len(rule.sources)
        return round(rule.share, 1), named, rule.share

    return max(made, key=order, default=None)


def _derived(
    rows: Mapping[str, Sequence[Row]], fields: Mapping[tuple[str, str], Field]
) -> Iterator[tuple[Rule, list[str]]]:
    """What could be made of a source's texts, with the values that it makes."""
    for part, of_part in rows.items():
        texts = [
            each
            for (place, name), each in fields.items()
            if place == part
            and each.kind in ("text", "id", "choice")
            and len({row[name] for row in of_part if name in row}) >= _DISTINCT_OF_SEGMENT
        ]
        for each in texts:
            column = [row[each.name] for row in of_part if each.name in row]
            yield Rule("same", (each,), "{0}", 0.0), column
            for joint in (" ", "-"):
                if sum(joint in value for value in column) * 2 < len(column):
                    continue
                yield _of_one("before", each, joint), [value.partition(joint)[0] for value in column]
                yield _of_one("after", each, joint), [value.rpartition(joint)[2] for value in column]
            pieces = Counter(value.count("-") for value in column)
            if column and pieces.most_common(1)[0][0] > 1:
                for at in range(1, pieces.most_common(1)[0][0]):
                    form = f"{{{{segment: {{{{of: {{0}}, take: {at + 1}}}}}}}}}"
                    taken = [value.split("-")[at] for value in column if value.count("-") >= at]
                    yield Rule("segment", (each,), form, 0.0), taken
        for one, other in permutations(texts, 2):
            if one.name.rpartition(".")[0] != other.name.rpartition(".")[0]:
                continue
            both = [(row[one.name], row[other.name]) for row in of_part if one.name in row and other.name in row]
            for joint in _JOINTS:
                form = f'{{{{template: "{{{{{{0}}}}}}{joint}{{{{{{1}}}}}}"}}}}'
                yield Rule("template", (one, other), form, 0.0), [joint.join(pair) for pair in both]


def _of_one(kind: str, field: Field, joint: str) -> Rule:
    return Rule(kind, (field,), f'{{{{from: {{0}}, convert: {{{{text: {{{{{kind}: "{joint}"}}}}}}}}}}}}', 0.0)


def _share(column: Sequence[str], there: set[str]) -> float:
    return sum(each in there for each in column) / len(column) if column else 0.0


def _rows(records: Iterable[Mapping[str, Any]]) -> dict[str, list[Row]]:
    """Values as text, by the list they are rows of; a row's own and nobody else's."""
    found: dict[str, list[Row]] = {}
    for at, record in enumerate(records):
        if at == _ROWS:
            break
        _add_row(found, HEADER, record)
    return found


def _add_row(found: dict[str, list[Row]], part: str, row: Mapping[str, Any]) -> None:
    flat: dict[str, str] = {}
    found.setdefault(part, []).append(flat)
    _flatten(found, part, "", row, flat)


def _flatten(
    found: dict[str, list[Row]], part: str, above: str, value: Mapping[str, Any], flat: dict[str, str]
) -> None:
    for key, each in value.items():
        name = f"{above}.{key}" if above else str(key)
        if isinstance(each, Mapping):
            _flatten(found, part, name, each, flat)
        elif isinstance(each, list):
            for row in each:
                if isinstance(row, Mapping):
                    _add_row(found, f"{name}[]" if part == HEADER else f"{part}.{name}[]", row)
        elif each is not None and str(each) != "":
            flat[name] = str(each)


def _values_of(target: Field, theirs: Mapping[str, Sequence[Row]]) -> list[str]:
    """
    What a target's field holds in its records: documents have it in their part, records of a system in some list.

    A document's header may lie under a name of its own.
    """
    header = target.part == HEADER
    names = (target.name, f"{HEADER}.{target.name}") if header else (target.name,)
    return [
        row[name]
        for part, rows in theirs.items()
        if (part == HEADER) == header
        for row in rows
        for name in names
        if name in row
    ]


def _quoted(value: str) -> str:
    return value if value.isalnum() and not value.isdigit() else f'"{value}"'
