"""
Which field of a document is made of which fields of the source, over both of a leg's mappings: names, never values.

How is said in the words of OpenLineage's column lineage (openlineage.io, spec/facets/ColumnLineageDatasetFacet).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ledgerbridge.mapping.engine import Mapping as CompiledMapping
from ledgerbridge.mapping.model import Part, Rule
from ledgerbridge.mapping.reads import Read, nested_rules, reads_of_part, reads_of_rule
from ledgerbridge.mapping.rows import is_helper
from ledgerbridge.yaml_files import Location

__all__ = ["FILTERED", "How", "Origins", "composed", "filters_of", "origins_of", "sources_of"]

_SELECTED = re.compile(r"\[[^\[\]]+\]")


@dataclass(frozen=True, order=True)
class How:
    """
    What becomes of a field on its way into another one.

    :param direct: its value goes there; else it only decides what does, or by what something is looked up.
    :param kind: ``IDENTITY``, ``TRANSFORMATION``, ``AGGREGATION``; ``CONDITIONAL``, ``JOIN``, ``FILTER``.
    :param masking: it can't be told any more what the value was.
    """

    direct: bool
    kind: str
    masking: bool = False

    def then(self, after: How) -> How:
        """What both do, one after the other."""
        masking = self.masking or after.masking
        if not (self.direct and after.direct):
            return How(False, (after if self.direct else self).kind, masking)
        for kind in ("AGGREGATION", "TRANSFORMATION"):
            if kind in (self.kind, after.kind):
                return How(True, kind, masking)
        return How(True, "IDENTITY", masking)


_SAME = How(True, "IDENTITY")
FILTERED = How(False, "FILTER")
"""Of what decides whether there is a row at all."""

Origins = Mapping[str, Mapping[str, frozenset[How]]]
"""By field, those of parts as ``lines.net``, what it is made of, and how."""


def origins_of(mapping: CompiledMapping) -> Origins:
    """What each field that a mapping makes is made of, as the file says; constants are of nothing."""
    found: dict[str, dict[str, set[How]]] = {"record_key": {_own_key(mapping): {_SAME}}}
    for name, parts in mapping.parts.items():
        for part in (each.definition for each in parts):
            for target in part.fields:
                if not is_helper(target):
                    made = found.setdefault(_field(name, target), {})
                    for path, how in _made_of(part, target, ()):
                        made.setdefault(path, set()).add(how)
    return _frozen(found)


def filters_of(mapping: CompiledMapping) -> frozenset[str]:
    """What decides which rows a mapping makes."""
    return frozenset(
        path
        for parts in mapping.parts.values()
        for part in (each.definition for each in parts)
        for read in reads_of_part(part, ())
        for path, _ in _resolved(part, read, FILTERED, ())
    )


def sources_of(part: Part, target: str) -> dict[str, bool]:
    """The paths of the record that one field of a part is made of; False: it only decides what becomes of others."""
    found: dict[str, bool] = {}
    for path, how in _made_of(part, target, ()):
        found[path] = found.get(path, False) or how.direct
    return found


def composed(first: Origins, then: Origins) -> Origins:
    """What the second mapping's fields are made of, in fields that the first one reads; what a rule made is of none."""
    found: dict[str, dict[str, set[How]]] = {}
    for target, made in then.items():
        ways = found.setdefault(target, {})
        for path, after in made.items():
            for origin, before in first.get(path, {}).items():
                ways.setdefault(origin, set()).update(one.then(other) for one in before for other in after)
    return _frozen(found)


def _made_of(part: Part, target: str, seen: tuple[str, ...]) -> Iterator[tuple[str, How]]:
    rule = part.fields[target]
    rules = dict(nested_rules(rule, ()))
    for read in reads_of_rule(rule, ()):
        yield from _resolved(part, read, _how(read, rules), (*seen, target))


def _resolved(part: Part, read: Read, how: How, seen: tuple[str, ...]) -> Iterator[tuple[str, How]]:
    """A path as the source has it; of a field made above it in the part, what that one is made of."""
    path = read.path.removeprefix("=")
    if read.part is None and path in part.fields and (path != read.path or is_helper(path)):
        if path not in seen:
            for origin, before in _made_of(part, path, seen):
                yield origin, before.then(how)
    elif not read.path.startswith(("%", "=")):
        yield _absolute(read.part or part.each, read.path), how


def _how(read: Read, rules: Mapping[Location, Rule]) -> How:
    place = read.location
    for word, kind in (("when", "CONDITIONAL"), ("where", "FILTER"), ("lookup", "JOIN"), ("match", "JOIN")):
        if word in place and place[-1] != "column":
            return How(False, kind)
    rule = next(rules[place[:end]] for end in range(len(place), -1, -1) if place[:end] in rules)
    if rule.aggregate is not None:
        return How(True, "AGGREGATION") if place[-1] == "of" else How(False, "JOIN")
    masking = rule.hash_ is not None and rule.hash_.salted
    as_it_is = rule.from_ is not None and not any(each.convert for each in rules.values())
    return _SAME if as_it_is else How(True, "TRANSFORMATION", masking)


def _absolute(each: str | None, path: str) -> str:
    if path.startswith("$."):
        each, path = None, path[2:]
    if each == "header":
        each = None
    while path.startswith("^"):
        each = f"{each.rpartition('[].')[0]}[]" if each and "[]." in each else None
        path = path[1:].removeprefix(".")
    # which element of a list is named by what one of its fields holds
    path = _SELECTED.sub("[]", path)
    return path if not each or path.startswith("@") else f"{each}.{path}"


def _field(part: str, name: str) -> str:
    return name if part == "header" else f"{part}.{name}"


def _own_key(mapping: CompiledMapping) -> str:
    return "record_key" if mapping.source.startswith("canonical.") else "@key"


def _frozen(found: Mapping[str, Mapping[str, Iterable[Any]]]) -> Origins:
    return {name: {path: frozenset(hows) for path, hows in made.items()} for name, made in found.items()}
