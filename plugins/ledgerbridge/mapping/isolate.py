"""One record whose values no operation can work with must not keep the rest of its batch from being mapped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from ledgerbridge.mapping.engine import Mapped, Mapping
from ledgerbridge.mapping.failures import FAILURE_COLUMNS, ColumnError
from ledgerbridge.mapping.lookups import Lookups
from ledgerbridge.mapping.rows import FrameRows, Frames, NestedRows, frame_records, nested_records

__all__ = ["map_canonical", "map_raw"]

_Records = Callable[[int, int], NestedRows | FrameRows]
"""The records of a batch from the first position to before the second."""


def map_raw(
    mapping: Mapping,
    payloads: Sequence[dict[str, Any]],
    keys: Sequence[str],
    changed_at: Sequence[datetime],
    lookups: Lookups,
    since: date | None = None,
) -> Mapped:
    """
    Map raw records; a text where the mapping calculates, or a field of another form than in the other records, is a
    failure (``LB-MAP-006``) of its record alone.

    :param since: the first day of what is mapped; None: everything is.
    :raises LedgerbridgeError: a lookup can't be made.
    """

    def records(first: int, end: int) -> NestedRows:
        return nested_records(payloads[first:end], keys[first:end], changed_at[first:end])

    return _isolated(mapping, records, 0, len(payloads), lookups, since)


def map_canonical(mapping: Mapping, frames: Frames, lookups: Lookups) -> Mapped:
    """
    Map canonical records; one the mapping can't calculate with, as when a product outgrows every decimal type, is a
    failure (``LB-MAP-006``) of its record alone.

    :raises LedgerbridgeError: a lookup can't be made.
    """
    keys = frames["header"]["record_key"]

    def records(first: int, end: int) -> FrameRows:
        if (first, end) == (0, len(keys)):
            return frame_records(frames)
        wanted = set(keys.iloc[first:end])
        return frame_records(
            {name: frame[frame["record_key"].isin(wanted)].reset_index(drop=True) for name, frame in frames.items()}
        )

    return _isolated(mapping, records, 0, len(keys), lookups)


def _isolated(
    mapping: Mapping, records: _Records, first: int, end: int, lookups: Lookups, since: date | None = None
) -> Mapped:
    """A batch that can't be mapped is halved until the record is found, so it costs time only where there is one."""
    try:
        return mapping.run(records(first, end), lookups, since)
    except (pa.ArrowException, ArithmeticError, TypeError, ValueError) as error:
        if first == end:
            raise
        if end - first == 1:
            return _failed(mapping.run(records(first, first), lookups), error)
    middle = (first + end) // 2
    return _joined(
        _isolated(mapping, records, first, middle, lookups, since),
        _isolated(mapping, records, middle, end, lookups, since),
        middle - first,
    )


def _failed(nothing: Mapped, error: Exception) -> Mapped:
    cause, column = (error.cause, error) if isinstance(error, ColumnError) else (error, None)
    reason = str(cause).partition("\n")[0]
    row = {
        "record": 0,
        "code": "LB-MAP-006",
        "field": column.field if column else "",
        "value": column.value if column else None,
        "message": f"the mapping can't work with a value of this record: {reason}",
        "rule": column.field if column else "",
        "remedy": "Mend the value in the source and replay the record, or convert it in the mapping.",
    }
    return Mapped(nothing.frames, nothing.links, pd.DataFrame([row], columns=FAILURE_COLUMNS))


def _joined(first: Mapped, second: Mapped, offset: int) -> Mapped:
    frames = {name: _concat(frame, second.frames[name]) for name, frame in first.frames.items()}
    frames["header"] = frames["header"].drop_duplicates("record_key", keep="last").reset_index(drop=True)
    links = _concat(first.links, second.links.assign(record=second.links["record"] + offset))
    failures = _concat(first.failures, second.failures.assign(record=second.failures["record"] + offset))
    earlier = first.earlier | {offset + record: day for record, day in second.earlier.items()}
    return Mapped(frames, links, failures, earlier)


def _concat(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Of an empty frame not even its types, which hold nothing."""
    filled = [frame for frame in (first, second) if not frame.empty]
    return pd.concat(filled, ignore_index=True) if filled else first
