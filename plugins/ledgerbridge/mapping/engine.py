"""A mapping file, compiled once; running it makes frames of frames, with everything that failed named."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.mapping import convert
from ledgerbridge.mapping.assembling import Piece, assembled
from ledgerbridge.mapping.checks import check_mapping, part_locations
from ledgerbridge.mapping.column import Batch, Column
from ledgerbridge.mapping.conditions import compile_condition
from ledgerbridge.mapping.failures import ColumnError, Failures
from ledgerbridge.mapping.lookups import Lookups
from ledgerbridge.mapping.model import MappingFile, Part, Rule
from ledgerbridge.mapping.reads import lookups_of, reads_of_rule
from ledgerbridge.mapping.rows import FrameRows, NestedRows, Rows, is_helper, numbered
from ledgerbridge.mapping.rules import compile_rule
from ledgerbridge.mapping.sharing import Splitting, splitting
from ledgerbridge.yaml_files import CheckedFile, Location, Problem, check_file, raise_first

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Mapped", "Mapping", "check_mapping_file", "checked_mapping", "load_mapping"]


@dataclass(frozen=True)
class Mapped:
    """
    What a mapping made.

    :param frames: one frame a part, columns with Arrow types; every row has its ``record_key``.
    :param links: ``record`` (position in the batch) and ``record_key`` it became part of.
    :param failures: failed rows (``mapping.failures.FAILURE_COLUMNS``); their records are in no frame.
    :param earlier: position of each record that is dated before the first day asked for, and its day; in no frame.
    :param labels: position of each record with a failure, and the name people know it by, where its mapping got so far.
    :param untold: as ``failures``, of fields that are without value because nothing can be said of them; their records
        are in the frames.
    """

    frames: dict[str, pd.DataFrame]
    links: pd.DataFrame
    failures: pd.DataFrame
    earlier: dict[int, date] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    untold: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class _CompiledPart:
    definition: Part
    columns: dict[str, Column]
    where: Any
    dated: Column | None
    splitting: Splitting | None
    having: Any
    types: dict[str, pa.DataType]


@dataclass(frozen=True)
class Mapping:
    """A compiled mapping; ``version`` is the hash of its file, ``drift`` what becomes of records of another form."""

    name: str
    source: str
    target: str
    version: str
    parts: dict[str, list[_CompiledPart]]
    drift: Literal["ignore", "warn", "hold"] = "warn"

    def columns(self) -> dict[str, set[str]]:
        """The fields it makes, by part; every row has a ``record_key`` besides."""
        made = {
            name: {field for part in parts for field in part.columns if not is_helper(field)}
            for name, parts in self.parts.items()
            if parts
        }
        return {name: fields | {"record_key"} for name, fields in made.items()}

    def made_of(self, part: str, paths: Set[str]) -> set[str]:
        """The fields of a part that are made of nothing but these paths, constants too."""
        return {
            name
            for each in self.parts[part]
            for name, rule in each.definition.fields.items()
            if {read.path for read in reads_of_rule(rule, ())} <= paths
        }

    def asks(self) -> set[str]:
        """The entities that its lookups ask a system for while it runs."""
        return {
            lookup.live
            for parts in self.parts.values()
            for each in parts
            for rule in each.definition.fields.values()
            for _, lookup in lookups_of(rule, ())
            if lookup.live is not None
        }

    def chosen(self, records: NestedRows | FrameRows) -> set[int]:
        """The positions of the records that `each` and `where` of its header leave rows of; it makes none of others."""
        found: set[int] = set()
        for part in self.parts["header"]:
            rows = records.rows(part.definition.each)
            found.update((rows if part.where is None else rows.take(part.where(rows))).record.tolist())
        return found

    def run(self, records: NestedRows | FrameRows, lookups: Lookups, since: date | None = None) -> Mapped:
        """
        Map a batch; a record with a failure in any part is left out of all parts.

        :param since: the first day; rows of a ``dated`` header before it are left out, and what fails in records that
            have no others is nobody's concern.
        """
        batch = Batch(lookups, Failures(), since)
        made = {
            name: [self._part(part, records.rows(part.definition.each), batch) for part in parts]
            for name, parts in self.parts.items()
            if parts
        }
        others = set(made["header"][0].record.tolist()) if batch.earlier else set()
        earlier = {each: day for each, day in batch.earlier.items() if each not in others}
        failures = batch.failures.frame()
        if len(failures) and any(part.where is not None for part in self.parts["header"]):
            # of a record that its header's `where` leaves out nothing is made, whatever its other parts come to
            failures = failures[failures["record"].isin(self.chosen(records))].reset_index(drop=True)
        if earlier:
            failures = failures[~failures["record"].isin(earlier)].reset_index(drop=True)
        labels = _labels(made.get("header", []), set(failures["record"]))
        frames, links = assembled(made, {*failures["record"], *earlier}, CANONICAL.get(self.target, {}))
        untold = batch.untold.frame().to_dict("records") if batch.untold.frames else []
        named = tuple({str(name): value for name, value in each.items()} for each in untold)
        return Mapped(frames, links, failures, earlier, labels, named)

    def _part(self, part: _CompiledPart, rows: Rows, batch: Batch) -> Piece:
        if part.where is not None:
            rows = rows.take(part.where(rows))
        if part.dated is not None and batch.since is not None:
            rows = _since(rows, part.dated, part.definition.dated, batch)
        if part.splitting is not None:
            rows = part.splitting(rows, batch)
        table: dict[str, pa.Array] = {}
        rows = rows.with_fields(table)
        for name, column in part.columns.items():
            try:
                table[name] = _typed(column(rows, batch), name, part, rows, batch)
            except (pa.ArrowException, ArithmeticError, TypeError, ValueError) as error:
                raise ColumnError(name, _read_by(part.definition.fields.get(name), rows), error) from error
        piece = Piece({name: column for name, column in table.items() if not is_helper(name)}, rows.record)
        if part.definition.group is not None:
            piece = _grouped(piece, part.definition)
        if part.having is not None:
            piece = piece.take(part.having(_as_rows(piece)))
        for name, rule in part.definition.fields.items():
            if rule.position and name in piece.columns:
                piece.columns[name] = pa.array(numbered(piece.record))
        return piece


def _labels(header: list[Piece], failed: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for piece in header if failed else []:
        if "label" in piece.columns:
            for record, label in zip(piece.record.tolist(), piece.columns["label"].to_pylist(), strict=True):
                if record in failed and label is not None:
                    found.setdefault(record, str(label))
    return found


def load_mapping(path: Path) -> Mapping:
    """
    Read and compile a mapping file; one that has not changed since is given as it was compiled.

    :raises ConfigurationError: anything wrong with it; names file, line, column and remedy.
    """
    problems, mapping = checked_mapping(path)
    raise_first(problems)
    assert mapping is not None
    return mapping


def checked_mapping(path: Path) -> tuple[tuple[Problem, ...], Mapping | None]:
    """
    What is wrong with a mapping file, and the mapping as far as it compiles; what has not changed is not read again.

    Every flow names dozens, and DAG files of several companies and flows are parsed in one process.
    """
    return _checked(path, path.read_bytes() if path.is_file() else None)


@lru_cache(maxsize=256)
def _checked(path: Path, _content: bytes | None) -> tuple[tuple[Problem, ...], Mapping | None]:
    checked, mapping = check_mapping_file(path)
    return tuple(checked.problems), mapping


def check_mapping_file(path: Path) -> tuple[CheckedFile[MappingFile], Mapping | None]:
    """A mapping file with everything that is wrong with it, and the mapping as far as it compiles."""
    checked = check_file(path, MappingFile, code="LB-CFG-002")
    if checked.content is None:
        return checked, None
    mapping = _compiled_file(checked, checked.content)
    check_mapping(checked)
    return checked, mapping


def _compiled_file(checked: CheckedFile[MappingFile], file: MappingFile) -> Mapping:
    types = CANONICAL.get(file.to, {})
    own_key = "record_key" if file.from_.startswith("canonical.") else "@key"
    parts: dict[str, list[_CompiledPart]] = {}
    for name, location, part in part_locations(file):
        compiled = _compiled(checked, location, part, types.get(name, {}))
        if name == "header" and "record_key" not in compiled.columns:
            key = compile_rule(Rule.model_validate(own_key), "record_key", checked.path.name)
            compiled.columns["record_key"] = key
        parts.setdefault(name, []).append(compiled)
    version = sha256(checked.path.read_bytes()).hexdigest()[:16]
    return Mapping(checked.path.stem, file.from_, file.to, version, parts, file.drift)


def _compiled(
    checked: CheckedFile[MappingFile], location: Location, part: Part, types: dict[str, pa.DataType]
) -> _CompiledPart:
    columns: dict[str, Column] = {}
    for target, rule in part.fields.items():
        place = (*location, "fields", target)
        try:
            columns[target] = compile_rule(rule, target, f"{checked.path.name}:{checked.line(place)} ({target})")
        except ValueError as error:
            checked.complain(place, f"{target}: {error}.", "Mend the rule.")
    dated = None
    if part.dated is not None:
        dated = compile_rule(part.dated, "dated", f"{checked.path.name}:{checked.line((*location, 'dated'))} (dated)")
    split = None
    if part.split is not None:
        where = f"{checked.path.name}:{checked.line((*location, 'split'))} (split)"
        key = compile_rule(part.split.key, "split", where) if part.split.key is not None else None
        split = splitting(part.split, key, where)
    return _CompiledPart(
        part,
        columns,
        compile_condition(part.where) if part.where else None,
        dated,
        split,
        compile_condition(part.having) if part.having else None,
        types,
    )


def _since(rows: Rows, dated: Column, rule: Rule | None, batch: Batch) -> Rows:
    """The rows that are dated on the batch's first day or later, or not at all."""
    try:
        days, _ = convert.coerce(dated(rows, batch), pa.date32(), batch.lookups.zone)
    except (pa.ArrowException, ArithmeticError, TypeError, ValueError) as error:
        raise ColumnError("dated", _read_by(rule, rows), error) from error
    early = convert.mask_of(pc.less(days, pa.scalar(batch.since, pa.date32())))
    for record, day in zip(rows.record[early].tolist(), days.filter(pa.array(early)).to_pylist(), strict=True):
        batch.earlier[record] = max(day, batch.earlier.get(record, day))
    return rows.take(~early)


def _typed(column: pa.Array, name: str, part: _CompiledPart, rows: Rows, batch: Batch) -> pa.Array:
    kind = part.types.get(name)
    if kind is None:
        return column
    values, failed = convert.coerce(column, kind, batch.lookups.zone)
    batch.failures.add(
        rows.record,
        failed,
        code="LB-MAP-003",
        field_name=name,
        values=column,
        message=f'"{{value}}" is not {_words(kind)}',
        rule=name,
        remedy="Mend the value in the source, or convert it in the mapping.",
    )
    return values


def _read_by(rule: Rule | None, rows: Rows) -> str | None:
    """What a rule reads in the first row of a single record: ``path=value``, for its failure."""
    if rule is None or len(np.unique(rows.record)) != 1:
        return None
    paths = dict.fromkeys(read.path for read in reads_of_rule(rule, ()) if read.part is None and read.path[0] != "%")
    return ", ".join(f"{path}={rows.column(path)[0].as_py()}" for path in paths) or None


def _words(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return "a decimal number"
    return "a date" if pa.types.is_date(kind) else f"a {kind}"


def _grouped(piece: Piece, part: Part) -> Piece:
    table, record = piece.columns, piece.record
    keys = ["__record", *(part.group or [])]
    others = {name: part.fields[name].combine if name in part.fields else "first" for name in table if name not in keys}
    # a hash table's groups come in any order; documents keep that of their source, whatever else is in the batch
    # Arrow knows no first and last of decimal numbers
    as_text = {
        name for name, how in others.items() if how in ("first", "last") and pa.types.is_decimal(table[name].type)
    }
    values = {name: pc.cast(column, pa.string()) if name in as_text else column for name, column in table.items()}
    gathered = (
        pa.table({"__record": pa.array(record), "__row": pa.array(np.arange(len(record))), **values})
        .group_by(keys, use_threads=False)
        .aggregate([*others.items(), ("__row", "min")])
        .sort_by("__row_min")
    )
    result = {name: gathered[name].combine_chunks() for name in part.group or []}
    for name, how in others.items():
        column = gathered[f"{name}_{how}"].combine_chunks()
        whole = name in as_text or (how == "sum" and pa.types.is_decimal(column.type))
        result[name] = pc.cast(column, table[name].type) if whole else column
    return Piece({name: result[name] for name in table}, gathered["__record"].to_numpy().astype(np.int64))


def _as_rows(piece: Piece) -> Rows:
    def none(part: str) -> Rows:
        raise ConfigurationError(
            "LB-CFG-002",
            f'"having" can\'t read another part ("{part}").',
            remedy="Give this part a column of its own that reads it, and name that in the condition.",
        )

    return Rows(len(piece.record), piece.record, lambda path: piece.columns[path], none)
