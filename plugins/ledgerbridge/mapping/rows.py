"""
The rows a mapping reads: nested records as the source gave them, or canonical frames.

Both answer ``column(path)`` with one Arrow array for all rows: no row is visited in Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["FrameRows", "Frames", "NestedRows", "Rows", "as_array", "frame_records", "nested_records"]

Frames = Mapping[str, pd.DataFrame]
Index = npt.NDArray[np.int64]

_STEP = re.compile(r"^(?P<name>[^\[\]]+)(\[(?P<index>\d*)\])?$")


def as_array(column: pa.Array | pa.ChunkedArray | pd.Series) -> pa.Array:
    """One contiguous Arrow array."""
    if isinstance(column, pd.Series):
        column = (
            pa.array(column, from_pandas=True)
            if not hasattr(column.array, "__arrow_array__")
            else column.array.__arrow_array__()
        )
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


@dataclass(frozen=True)
class Rows:
    """Rows of one part; ``record`` says which record each belongs to, ``children`` gives another part's rows."""

    size: int
    record: Index
    column: Callable[[str], pa.Array]
    other: Callable[[str], Rows]

    def take(self, mask: npt.NDArray[np.bool_]) -> Rows:
        """Only the rows where ``mask`` holds."""
        chosen = pa.array(np.flatnonzero(mask))
        return Rows(len(chosen), self.record[mask], lambda path: self.column(path).take(chosen), self.other)

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

    def rows(self, each: str | None) -> Rows:
        """The rows of ``each`` (a path of lists from the record's root), or one row a record."""
        elements, record, parent = self._explode(each)

        def column(path: str) -> pa.Array:
            if path.startswith("@"):
                return {"@key": self.keys, "@changed_at": self.changed_at}[path].take(pa.array(record))
            if path.startswith("$."):
                return _walk(self.payloads, path[2:]).take(pa.array(record))
            if path.startswith("^"):
                return self._enclosing_column(each, parent, path)
            return _walk(elements, path)

        return Rows(len(elements), record, column, self.rows)

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

    def rows(self, each: str | None) -> Rows:
        """The rows of one part, the header's by default."""
        part = each or "header"
        frame, header = self.frames[part], self.frames["header"]
        if part not in self._positions:
            own = pd.Index(header["record_key"].to_numpy(dtype=object))
            self._positions[part] = own.get_indexer(frame["record_key"].to_numpy(dtype=object)).astype(np.int64)
        record = self._positions[part]

        def column(path: str) -> pa.Array:
            if path.startswith("$."):
                return as_array(header[path[2:]]).take(pa.array(record))
            return as_array(frame[path])

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


def _enclosing(each: str | None) -> str | None:
    return f"{each.rpartition('[].')[0]}[]" if each and "[]." in each else None


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _walk(array: pa.Array, path: str) -> pa.Array:
    for step in path.split("."):
        match = _STEP.match(step)
        if match is None:
            raise ValueError(f'path "{path}": "{step}" is no field')
        array = _field(array, match["name"])
        if match["index"]:
            array = _element(array, int(match["index"]))
    return array


def _field(array: pa.Array, name: str) -> pa.Array:
    if not pa.types.is_struct(array.type) or array.type.get_field_index(name) < 0:
        return pa.nulls(len(array))
    return as_array(pc.struct_field(array, name))


def _element(array: pa.Array, position: int) -> pa.Array:
    if not _is_list(array.type):
        return pa.nulls(len(array))
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    starts = array.offsets.to_numpy(zero_copy_only=False)[:-1]
    wanted = pa.array(starts + position, mask=lengths <= position)
    return array.values.take(wanted)
