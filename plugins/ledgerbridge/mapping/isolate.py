"""One record whose values no operation can work with must not keep the rest of its batch from being mapped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ledgerbridge.entities import RawRecord
from ledgerbridge.mapping.assembling import together
from ledgerbridge.mapping.engine import Mapped, Mapping
from ledgerbridge.mapping.failures import FAILURE_COLUMNS, ColumnError
from ledgerbridge.mapping.lookups import Lookups
from ledgerbridge.mapping.rows import FrameRows, Frames, NestedRows, frame_records, nested_records

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["map_canonical", "map_chunks", "map_raw"]

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


def map_chunks(
    mapping: Mapping, chunks: Iterable[Sequence[RawRecord]], lookups: Lookups, since: date | None = None
) -> Mapped:
    """
    Map raw records that come in chunks, of which one at a time is in memory: what comes out is what ``map_raw`` makes
    of all of them at once, however they are cut.

    :param chunks: one or more.
    """
    pieces: list[tuple[int, Mapped]] = []
    first = 0
    for chunk in chunks:
        payloads, keys = [record.payload for record in chunk], [record.key for record in chunk]
        changed_at = [record.changed_at for record in chunk]
        pieces.append((first, map_raw(mapping, payloads, keys, changed_at, lookups, since)))
        first += len(chunk)
    return _joined(pieces)


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
    halves = [
        (0, _isolated(mapping, records, first, middle, lookups, since)),
        (middle - first, _isolated(mapping, records, middle, end, lookups, since)),
    ]
    return _joined(halves)


def _failed(nothing: Mapped, error: Exception) -> Mapped:
    import pandas as pd

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


def _joined(pieces: Sequence[tuple[int, Mapped]]) -> Mapped:
    """Pieces of a batch, each with the position of its first record."""
    return Mapped(
        together([mapped.frames for _, mapped in pieces]),
        _stacked([mapped.links.assign(record=mapped.links["record"] + first) for first, mapped in pieces]),
        _stacked([mapped.failures.assign(record=mapped.failures["record"] + first) for first, mapped in pieces]),
        {first + record: day for first, mapped in pieces for record, day in mapped.earlier.items()},
        {first + record: label for first, mapped in pieces for record, label in mapped.labels.items()},
        tuple({**each, "record": first + each["record"]} for first, mapped in pieces for each in mapped.untold),
    )


def _stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Of an empty frame not even its types, which hold nothing."""
    import pandas as pd

    filled = [frame for frame in frames if not frame.empty]
    return pd.concat(filled, ignore_index=True) if filled else frames[0]
