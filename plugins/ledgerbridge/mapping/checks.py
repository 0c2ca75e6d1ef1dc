"""What can be known to be wrong with a mapping before it runs: fields, paths and parts that are not there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Literal

import pyarrow as pa

from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.mapping.lookups import Lookups
from ledgerbridge.mapping.model import CHILDREN, MappingFile, Part
from ledgerbridge.mapping.reads import Read, lookups_of, nested_rules, reads_of_condition, reads_of_part, reads_of_rule
from ledgerbridge.mapping.rows import CUSTOM, is_helper, path_steps
from ledgerbridge.yaml_files import CheckedFile, Location, nearest

__all__ = [
    "Role",
    "check_entities",
    "check_mapping",
    "check_tables",
    "check_target_fields",
    "part_locations",
    "tables_of",
]

Role = Literal["source", "target", "master"]
"""What can be done with an entity: read by change time, written, looked up."""

_RECORD = ("@key", "@changed_at")
_ROLES: dict[str, Role] = {"live": "master", "cross_reference": "target", "delivery": "target", "label": "source"}


def part_locations(file: MappingFile) -> Iterable[tuple[str, Location, Part]]:
    """Every part of a mapping, with its name and where it stands."""
    yield "header", ("header",), file.header
    for name in CHILDREN:
        for index, part in enumerate(getattr(file, name)):
            yield name, (name, index), part


def check_mapping(checked: CheckedFile[MappingFile]) -> None:
    """Note every field, path and part that is not there."""
    file = checked.content
    assert file is not None
    for key, name in ("from", file.from_), ("to", file.to):
        if name.startswith("canonical.") and name not in CANONICAL:
            checked.complain((key,), f'"{name}" is no canonical record.', _instead(name, CANONICAL))
    source, made = CANONICAL.get(file.from_), CANONICAL.get(file.to)
    for name, location, part in part_locations(file):
        if made is not None:
            _check_targets(checked, location, part, made.get(name, {}))
        if part.dated is not None and (name != "header" or source is not None):
            remedy = "Move it to the header of the mapping that reads the raw record."
            checked.complain((*location, "dated"), "only the header of a raw record is dated.", remedy)
        _PartCheck(checked, part, location, source).run()


def check_tables(checked: CheckedFile[MappingFile], lookups: Lookups) -> None:
    """Note every lookup table and column that is not there."""
    assert checked.content is not None
    for place, table, columns in _tables_in(checked.content):
        _check_table(checked, place, lookups, table, columns)


def tables_of(content: MappingFile) -> set[str]:
    """The lookup tables that a mapping reads."""
    return {table for _, table, _ in _tables_in(content)}


def _tables_in(content: MappingFile) -> Iterator[tuple[Location, str, dict[str, str | None]]]:
    """Where a mapping reads a lookup table, which, and by which columns."""
    for _, location, part in part_locations(content):
        if part.split is not None and part.split.table is not None:
            yield (*location, "split"), part.split.table, {"by": part.split.by, "table": "weight"}
        for target, rule in part.fields.items():
            for place, lookup in lookups_of(rule, (*location, "fields", target)):
                if lookup.table is not None:
                    yield place, lookup.table, {"by": lookup.by, "column": lookup.column}
            for place, each in nested_rules(rule, (*location, "fields", target)):
                kind, aggregate = each.aggregate or ("", None)
                if aggregate is not None and aggregate.table is not None:
                    yield (*place, kind), aggregate.table, {"column": aggregate.column}


def check_entities(checked: CheckedFile[MappingFile], offered: Mapping[str, Collection[Role]]) -> None:
    """
    Note every entity that no system offers, or not in the way the mapping uses it.

    :param offered: entity to what can be done with it.
    """
    file = checked.content
    assert file is not None
    uses: list[tuple[Location, str, Role]] = [(("from",), file.from_, "source"), (("to",), file.to, "target")]
    for _, location, part in part_locations(file):
        for target, rule in part.fields.items():
            for place, lookup in lookups_of(rule, (*location, "fields", target)):
                kind, name = lookup.place
                if kind in _ROLES:
                    uses.append(((*place, kind), name, _ROLES[kind]))
    for place, name, role in uses:
        if not name.startswith("canonical.") and role not in offered.get(name, ()):
            there = [each for each, roles in offered.items() if role in roles]
            checked.complain(place, f'"{name}" is no {role} of any system.', _instead(name, there))


def check_target_fields(checked: CheckedFile[MappingFile], known: Mapping[str, Mapping[str, int]]) -> None:
    """
    Note every field the target does not have, and every text that may be longer than its field.

    :param known: part to field to the length of a text, 0 for other kinds; empty: any field goes.
    """
    assert checked.content is not None
    for name, location, part in part_locations(checked.content) if known else ():
        if name not in known:
            if part.fields:
                checked.complain(location, f'"{name}" is no part of {checked.content.to}.', _instead(name, known))
            continue
        for target, rule in part.fields.items():
            place = (*location, "fields", target)
            if target not in known[name] and not target.startswith("_"):
                message = f'"{target}" is no field of {name} of {checked.content.to}.'
                checked.complain(place, message, _instead(target, known[name]))
            longest = next((each.text.max for each in reversed(rule.convert or ()) if each.text is not None), None)
            if longest and 0 < known[name].get(target, 0) < longest:
                checked.complain(
                    (*place, "convert", "text", "max"),
                    f"{target} takes {known[name][target]} characters, `max` is {longest}.",
                    f"Write `max: {known[name][target]}`.",
                )


def _check_table(
    checked: CheckedFile[MappingFile], place: Location, lookups: Lookups, table: str, columns: dict[str, str | None]
) -> None:
    try:
        there = lookups.columns(table)
    except ConfigurationError as error:
        checked.complain((*place, "table"), error.message, error.remedy)
        return
    for key, column in columns.items():
        if column is not None and there and column not in there:
            message = f'lookup table "{table}" has no column "{column}".'
            checked.complain((*place, key), message, _instead(column, there))


def _check_targets(
    checked: CheckedFile[MappingFile], location: Location, part: Part, known: dict[str, pa.DataType]
) -> None:
    for target in part.fields:
        if target not in known and not target.startswith(("_", CUSTOM)):
            checked.complain(
                (*location, "fields", target),
                f'"{target}" is no field of this record.',
                _instead(target, known, "; a field of your own is `custom.` and a name"),
            )


class _PartCheck:
    """The paths of one part."""

    def __init__(
        self,
        checked: CheckedFile[MappingFile],
        part: Part,
        location: Location,
        source: dict[str, dict[str, pa.DataType]] | None,
    ) -> None:
        self._checked = checked
        self._part = part
        self._location = location
        self._source = source

    def run(self) -> None:
        """Note what is wrong with the part's paths."""
        part, location = self._part, self._location
        if self._source is not None and part.each is not None and part.each not in self._source:
            self._checked.complain(
                (*location, "each"), f'"{part.each}" is no part of this record.', _instead(part.each, self._source)
            )
            return
        for read in reads_of_part(part, location):
            self._check(read, ())
        made: list[str] = []
        for target, rule in part.fields.items():
            for read in reads_of_rule(rule, (*location, "fields", target)):
                self._check(read, made)
            made.append(target)
        for index, name in enumerate(part.group or ()):
            self._check_made((*location, "group", index), name)
        if part.having is not None:
            for read in reads_of_condition(part.having, (*location, "having")):
                self._check_made(read.location, read.path)

    def _check(self, read: Read, made: Iterable[str]) -> None:
        path = read.path
        if path.startswith("="):
            if path[1:] not in made:
                hint = nearest(path[1:], made)
                remedy = f'Did you mean "{hint}"?' if hint else "Move the rule it names above this one."
                self._checked.complain(read.location, f'"{path[1:]}" is no field that a rule above makes.', remedy)
        elif path.startswith("%"):
            if self._part.split is None:
                self._checked.complain(
                    read.location, f"{path} is read, but this part has no `split`.", "Give the part a `split`."
                )
        elif is_helper(path) and read.part is None:
            # read without its sign it would be looked for in the record, and silently be nothing
            hint = nearest(path, made)
            remedy = f'Write "={hint}".' if hint else "Name a field of the record: no rule above makes this helper."
            self._checked.complain(read.location, f'"{path}" names a helper, which is read with "=".', remedy)
        elif self._source is not None:
            self._check_canonical(read)
        elif path.startswith("@"):
            if path not in _RECORD:
                self._checked.complain(read.location, f"{path} is not known of a record.", _instead(path, _RECORD))
        else:
            self._check_syntax(read)

    def _check_made(self, location: Location, name: str) -> None:
        kept = [field for field in self._part.fields if not is_helper(field)]
        if name not in kept and name != "record_key":
            self._checked.complain(location, f'"{name}" is no field that this part keeps.', _instead(name, kept))

    def _check_canonical(self, read: Read) -> None:
        assert self._source is not None
        part = "header" if read.path.startswith("$.") else read.part or self._part.each or "header"
        name = read.path.removeprefix("$.")
        if part not in self._source:
            self._checked.complain(read.location, f'"{part}" is no part of this record.', _instead(part, self._source))
        elif name not in self._source[part] and not name.startswith(CUSTOM):
            self._checked.complain(
                read.location,
                f'"{read.path}" is no field of {part} of this canonical record.',
                _instead(name, self._source[part]),
            )

    def _check_syntax(self, read: Read) -> None:
        try:
            path_steps(read.path.removeprefix("$").lstrip("^").removeprefix("."))
        except ValueError as error:
            self._checked.complain(read.location, f"{error}.", "Write a path as docs/reference/mapping-language says.")


def _instead(word: str, known: Iterable[str], more: str = "") -> str:
    hint = nearest(word, known)
    return f'Did you mean "{hint}"?' if hint else f"There are: {', '.join(known)}{more}."
