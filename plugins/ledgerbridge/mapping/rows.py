"""
The rows a mapping reads: nested records as the source gave them, or canonical frames.

Both answer ``column(path)`` with one Arrow array for all rows: no row is visited in Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CUSTOM",
    "FrameRows",
    "Frames",
    "Index",
    "NestedRows",
    "Rows",
    "as_array",
    "element",
    "frame_records",
    "is_helper",
    "nested_records",
    "numbered",
    "path_steps",
]

CUSTOM = "custom."
"""What the names of fields begin with that a mapping adds to a canonical record."""

Frames: TypeAlias = "Mapping[str, pd.DataFrame]"
Index = npt.NDArray[np.int64]

_STEP = re.compile(r"(?P<name>[^.\[\]]+)(\[(?P<selector>[^\[\]]*)\])?(\.(?=.)|$)")


def as_array(column: pa.Array | pa.ChunkedArray | pd.Series) -> pa.Array:
    """One contiguous Arrow array."""
    if not isinstance(column, pa.Array | pa.ChunkedArray):
        column = (
            pa.array(column, from_pandas=True)
            if not hasattr(column.array, "__arrow_array__")
            else column.array.__arrow_array__()
        )
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def numbered(record: Index) -> Index:
    """Each row's number within its record, from 1."""
    order = np.argsort(record, kind="stable")
    ordered = record[order]
    first = np.searchsorted(ordered, ordered)
    numbers = np.empty(len(record), dtype=np.int64)
    numbers[order] = np.arange(1, len(record) + 1) - first
    return numbers


@dataclass(frozen=True)
class Rows:
    """
    Rows of one part; ``record`` says which record each belongs to, ``other`` gives another part's rows.

    :param memory: what was found out about these rows already, by what tells it: several rules ask the same.
    """

    size: int
    record: Index
    column: Callable[[str], pa.Array]
    other: Callable[[str], Rows]
    memory: dict[Any, Any] = field(default_factory=dict)

    def take(self, mask: npt.NDArray[np.bool_]) -> Rows:
        """Only the rows where ``mask`` holds."""
        if mask.all():
            return self
        chosen = pa.array(np.flatnonzero(mask))
        taken: dict[str, pa.Array] = {}

        def column(path: str) -> pa.Array:
            if path not in taken:
                taken[path] = self.column(path).take(chosen)
            return taken[path]

        return Rows(len(chosen), self.record[mask], column, self.other)

    def spread(self, owners: Index, fields: Mapping[str, pa.Array]) -> Rows:
        """The rows at ``owners``, one after the other, where ``%name`` reads one of ``fields``."""
        chosen = pa.array(owners)

        def column(path: str) -> pa.Array:
            return fields[path[1:]] if path.startswith("%") else self.column(path).take(chosen)

        return Rows(len(owners), self.record[owners], column, self.other)

    def with_fields(self, fields: Mapping[str, pa.Array]) -> Rows:
        """The same rows, where ``=name`` reads a target field that is made already."""

        def column(path: str) -> pa.Array:
            return fields[path[1:]] if path.startswith("=") else self.column(path)

        return Rows(self.size, self.record, column, self.other)


@dataclass
class NestedRows:
    """Raw records, read through paths; lists are exploded with ``a[].b[]``."""

    payloads: pa.StructArray
    keys: pa.Array
    changed_at: pa.Array
    _levels: dict[str, tuple[pa.Array, Index, Index]] = field(default_factory=dict)
    _columns: dict[tuple[str | None, str], pa.Array] = field(default_factory=dict)

    def rows(self, each: str | None) -> Rows:
        """The rows of ``each`` (a path of lists from the record's root), or one row a record."""
        elements, record, _ = self._explode(each)

        def column(path: str) -> pa.Array:
            if (each, path) not in self._columns:  # conditions and rules read the same path many times
                self._columns[each, path] = self._column(each, path)
            return self._columns[each, path]

        return Rows(len(elements), record, column, self.rows)

    def _column(self, each: str | None, path: str) -> pa.Array:
        elements, record, parent = self._explode(each)
        if path.startswith("@"):
            own = {"@key": self.keys, "@changed_at": self.changed_at}[path]
            return own.take(pa.array(record)) if each else own
        if path.startswith("$."):
            return _walk(self.payloads, path[2:]).take(pa.array(record))
        if path.startswith("^"):
            return self._enclosing_column(each, parent, path)
        return _walk(elements, path)

    def _enclosing_column(self, each: str | None, parent: Index, path: str) -> pa.Array:
        level = _enclosing(each)
        while path.startswith("^^"):
            parent = self._explode(level)[2][parent]
            level, path = _enclosing(level), path[1:]
        return _walk(self._explode(level)[0], path[2:]).take(pa.array(parent))

    def _explode(self, each: str | None) -> tuple[pa.Array, Index, Index]:
        if not each:
            own = np.arange(len(self.payloads), dtype=np.int64)
            return self.payloads, own, own
        if each not in self._levels:
            head, _, tail = each.rpartition("[].") if "[]." in each else ("", "", each)
            above, record, _ = self._explode(f"{head}[]" if head else None)
            lists = _walk(above, tail.removesuffix("[]"))
            if not _is_list(lists.type):  # absent in every record
                lists = pa.nulls(len(lists), pa.list_(pa.null()))
            parent = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
            self._levels[each] = (as_array(pc.list_flatten(lists)), record[parent], parent)
        return self._levels[each]


@dataclass
class FrameRows:
    """Canonical frames: a part's rows join the header by ``record_key``; ``$.`` reads the header's field."""

    frames: Frames
    _positions: dict[str, Index] = field(default_factory=dict)
    _columns: dict[tuple[str, str], pa.Array] = field(default_factory=dict)

    def rows(self, each: str | None) -> Rows:
        """The rows of one part, the header's by default."""
        part = each or "header"
        frame, header = self.frames[part], self.frames["header"]
        if part not in self._positions:
            places = pc.index_in(_keys(frame), _keys(header))
            self._positions[part] = np.asarray(pc.fill_null(places, -1)).astype(np.int64)
        record = self._positions[part]

        def column(path: str) -> pa.Array:
            if (part, path) not in self._columns:
                of_header = path.startswith("$.")
                found = _frame_column(header, path[2:]) if of_header else _frame_column(frame, path)
                self._columns[part, path] = found.take(pa.array(record)) if of_header else found
            return self._columns[part, path]

        return Rows(len(frame), record, column, self.rows)


def nested_records(
    payloads: Sequence[dict[str, Any]], keys: Sequence[str], changed_at: Sequence[datetime]
) -> NestedRows:
    """Records as the source gave them; a field may be missing in some of them."""
    return NestedRows(
        pa.array(payloads, type=None if payloads else pa.struct([])),
        pa.array(keys, pa.string()),
        pa.array(changed_at, pa.timestamp("us", "UTC")),
    )


def frame_records(frames: Frames) -> FrameRows:
    """Canonical records."""
    return FrameRows(frames)


def _keys(frame: pd.DataFrame) -> pa.Array:
    return pc.cast(as_array(frame["record_key"]), pa.string())  # an empty frame's may have no type


def _frame_column(frame: pd.DataFrame, name: str) -> pa.Array:
    if name.startswith(CUSTOM) and name not in frame:  # no record of this kind has it
        return pa.nulls(len(frame), pa.string())
    return as_array(frame[name])


def _enclosing(each: str | None) -> str | None:
    return f"{each.rpartition('[].')[0]}[]" if each and "[]." in each else None


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def is_helper(name: str) -> bool:
    """Whether a target field is there for later rules only, and is not written."""
    return name.startswith("_") and "." not in name


@cache
def path_steps(path: str) -> tuple[tuple[str, str | None], ...]:
    """
    The steps of a path within a record: each field's name, and what stands in brackets behind it.

    ``a[0].b`` takes an element by position, ``a[key=gift].b`` the first one whose field ``key`` is ``gift``; several
    such tests are separated by commas.

    :raises ValueError: the path can't be read.
    """
    steps, position = [], 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise ValueError(f'path "{path}": "{path[position:]}" is no field')
        selector = match["selector"]
        if selector and not selector.isdigit() and not all("=" in test for test in selector.split(",")):
            raise ValueError(f'path "{path}": write [{selector}] as a position, or as [field=value]')
        steps.append((match["name"], selector))
        position = match.end()
    return tuple(steps)


def _walk(array: pa.Array, path: str) -> pa.Array:
    for name, selector in path_steps(path):
        array = _field(array, name)
        if selector:
            array = element(array, int(selector)) if selector.isdigit() else _selected(array, selector)
    return array


def _field(array: pa.Array, name: str) -> pa.Array:
    if not pa.types.is_struct(array.type) or array.type.get_field_index(name) < 0:
        return pa.nulls(len(array))
    return as_array(pc.struct_field(array, name))


def element(array: pa.Array, position: int) -> pa.Array:
    """The element of each list at ``position``; null where a list is shorter."""
    if not _is_list(array.type):
        return pa.nulls(len(array))
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    starts = array.offsets.to_numpy(zero_copy_only=False)[:-1]
    wanted = pa.array(starts + position, mask=lengths <= position)
    return array.values.take(wanted)


def _selected(array: pa.Array, selector: str) -> pa.Array:
    if not _is_list(array.type):
        return pa.nulls(len(array))
    elements = as_array(pc.list_flatten(array))
    owners = pc.list_parent_indices(array).to_numpy(zero_copy_only=False)
    chosen = np.ones(len(elements), dtype=bool)
    for test in selector.split(","):
        name, _, wanted = test.partition("=")
        found = pc.equal(pc.cast(_field(elements, name), pa.string()), wanted)
        chosen &= np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False), dtype=bool)
    hits = np.flatnonzero(chosen)
    first_owners, first = np.unique(owners[hits], return_index=True)
    positions = np.full(len(array), -1, dtype=np.int64)
    positions[first_owners] = hits[first]
    return elements.take(pa.array(positions, mask=positions < 0))
