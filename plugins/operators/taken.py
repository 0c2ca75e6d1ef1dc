"""
Batches of what a leg took: which records, in which version, and where each lies. Their payloads stay where they are.

A record that people corrected is the exception: the corrected one is in the batch itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import orjson
import pandas as pd

from ledgerbridge.changes import Taken
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import ConfigurationError
from operators.staging import BatchRef, raw_chunks, read_rows, write_frames

__all__ = ["taken_changes", "taken_chunks", "taken_records", "taken_versions", "write_taken"]

_AT_A_TIME = 500
"""Records that are in memory as values."""
_TYPES = {
    "key": "string[pyarrow]",
    "version": "string[pyarrow]",
    "change": "int64[pyarrow]",
    "uri": "string[pyarrow]",
    "changed_at": "timestamp[us, tz=UTC][pyarrow]",
    "payload": "large_string[pyarrow]",
}


def write_taken(uri: str, taken: Sequence[Taken], kept: Mapping[str, RawRecord]) -> BatchRef:
    """
    Stage a batch.

    :param kept: records that stand in for those of their key that have their version, by key.
    """
    rows = [(each.key, each.version, each.change, each.uri, *_in_place(each, kept)) for each in taken]
    frame = pd.DataFrame(rows, columns=list(_TYPES)).astype(_TYPES)
    return write_frames(uri, {"taken": frame})


def taken_versions(uri: str) -> dict[str, str]:
    """The version of each record of a batch by its key, in their order."""
    return {row["key"]: row["version"] for row in read_rows(uri, "taken")}


def taken_changes(uri: str) -> dict[str, int | None]:
    """The number of each record's change by its key; None for one taken before there was a change log."""
    return {row["key"]: row["change"] for row in read_rows(uri, "taken")}


def taken_records(uri: str, keys: Collection[str] | None = None) -> list[RawRecord]:
    """
    The records of a batch.

    :param keys: only these.
    :raises ConfigurationError: one lies nowhere any more.
    """
    return [record for chunk in taken_chunks(uri, keys) for record in chunk]


def taken_chunks(uri: str, keys: Collection[str] | None = None) -> Iterator[list[RawRecord]]:
    """The same, some hundreds at a time, in the order of the batch."""
    rows = [row for row in read_rows(uri, "taken") if keys is None or row["key"] in keys]
    for place, of_place in groupby(rows, key=lambda row: None if row["payload"] is not None else row["uri"]):
        listed = list(of_place)
        for start in range(0, len(listed), _AT_A_TIME):
            some = listed[start : start + _AT_A_TIME]
            yield [_kept(row) for row in some] if place is None else _staged(place, [row["key"] for row in some])


def _in_place(taken: Taken, kept: Mapping[str, RawRecord]) -> tuple[Any, Any]:
    record = kept.get(taken.key)
    if record is None or record.version != taken.version:
        return None, None
    return record.changed_at, orjson.dumps(record.payload).decode()


def _kept(row: Mapping[str, Any]) -> RawRecord:
    return RawRecord(row["key"], row["version"], row["changed_at"], orjson.loads(row["payload"]))


def _staged(uri: str, keys: Sequence[str]) -> list[RawRecord]:
    try:
        found = {record.key: record for chunk in raw_chunks(uri, set(keys)) for record in chunk}
        return [found[key] for key in keys]
    except (FileNotFoundError, KeyError) as error:
        raise ConfigurationError(
            "LB-STG-001",
            f"{uri}/raw.parquet is gone, or lacks one of {len(keys)} records: {error}.",
            remedy="Restore the staging folder, or touch the records in their source: they are read again.",
        ) from error
