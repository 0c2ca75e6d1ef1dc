"""
Batches of what a leg took: which records, in which version, where each lies, and the hash of the file it lies in.

Their payloads stay where they are. A record that people corrected is the exception: it is in the batch itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import orjson

from ledgerbridge.changes import Taken
from ledgerbridge.entities import RawRecord
from operators.staging import BatchRef, raw_chunks, raw_versions, read_rows, write_frames

__all__ = ["places_of", "taken_changes", "taken_chunks", "taken_records", "taken_versions", "write_taken"]

_AT_A_TIME = 500
"""Records that are in memory as values."""
_TYPES = {
    "key": "string[pyarrow]",
    "version": "string[pyarrow]",
    "change": "int64[pyarrow]",
    "uri": "string[pyarrow]",
    "sha256": "string[pyarrow]",
    "changed_at": "timestamp[us, tz=UTC][pyarrow]",
    "payload": "large_string[pyarrow]",
}


def places_of(taken: Sequence[Taken], kept: Mapping[str, RawRecord]) -> list[str]:
    """The addresses of the staged files that a batch's records lie in; parameters as of ``write_taken``."""
    return list(dict.fromkeys(each.uri for each in taken if _in_place(each, kept) is None))


def write_taken(
    uri: str, taken: Sequence[Taken], kept: Mapping[str, RawRecord], files: Mapping[str, BatchRef]
) -> BatchRef:
    """
    Stage a batch.

    :param kept: records that stand in for those of their key that have their version, by key.
    :param files: what stands at the addresses of ``places_of``.
    """
    import pandas as pd

    frame = pd.DataFrame([_row(each, _in_place(each, kept), files) for each in taken], columns=list(_TYPES))
    return write_frames(uri, {"taken": frame.astype(_TYPES)})


def taken_versions(batch: BatchRef) -> dict[str, str]:
    """The version of each record of a batch by its key, in their order; raises as ``read_parts``."""
    if _is_raw(batch):
        return raw_versions(batch)
    return {row["key"]: row["version"] for row in read_rows(batch, "taken")}


def taken_changes(batch: BatchRef) -> dict[str, int | None]:
    """The number of each record's change by its key; None for one taken before there was a change log."""
    if _is_raw(batch):
        return dict.fromkeys(raw_versions(batch))
    return {row["key"]: row["change"] for row in read_rows(batch, "taken")}


def taken_records(batch: BatchRef, keys: Collection[str] | None = None) -> list[RawRecord]:
    """
    The records of a batch.

    :param keys: only these.
    :raises ConfigurationError: as ``read_parts``, of the batch or of a file its records lie in.
    """
    return [record for chunk in taken_chunks(batch, keys) for record in chunk]


def taken_chunks(batch: BatchRef, keys: Collection[str] | None = None) -> Iterator[list[RawRecord]]:
    """The same, some hundreds at a time, in the order of the batch."""
    if _is_raw(batch):
        yield from raw_chunks(batch, keys)
        return
    rows = [row for row in read_rows(batch, "taken") if keys is None or row["key"] in keys]
    for place, of_place in groupby(rows, key=_place):
        listed = list(of_place)
        for start in range(0, len(listed), _AT_A_TIME):
            some = listed[start : start + _AT_A_TIME]
            yield [_kept(row) for row in some] if place is None else _staged(place, [row["key"] for row in some])


def _is_raw(batch: BatchRef) -> bool:
    """Whether it was staged by an earlier release: its records lie in the batch itself."""
    return "raw" in batch.rows


def _in_place(taken: Taken, kept: Mapping[str, RawRecord]) -> RawRecord | None:
    record = kept.get(taken.key)
    return record if record is not None and record.version == taken.version else None


def _row(taken: Taken, record: RawRecord | None, files: Mapping[str, BatchRef]) -> tuple[Any, ...]:
    named = (taken.key, taken.version, taken.change, taken.uri)
    if record is None:
        return (*named, files[taken.uri].sha256, None, None)
    return (*named, None, record.changed_at, orjson.dumps(record.payload).decode())


def _place(row: Mapping[str, Any]) -> tuple[str, str] | None:
    return None if row["payload"] is not None else (row["uri"], row["sha256"])


def _kept(row: Mapping[str, Any]) -> RawRecord:
    return RawRecord(row["key"], row["version"], row["changed_at"], orjson.loads(row["payload"]))


def _staged(place: tuple[str, str], keys: Sequence[str]) -> list[RawRecord]:
    uri, digest = place
    file = BatchRef(uri, {"raw": len(keys)}, digest)
    found = {record.key: record for chunk in raw_chunks(file, set(keys)) for record in chunk}
    return [found[key] for key in keys]
