"""The first rows of a staged batch."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pyarrow.parquet as pq

from ledgerbridge.delivery import plain
from ledgerbridge.errors import ConfigurationError
from operators.staging import BatchRef, read_parts

__all__ = ["Part", "preview"]

FIRST_ROWS = 20
KEYS = ("key", "record_key", "source_key", "version", "changed_at")
"""Columns that name a record and say nothing of a person."""


@dataclass(frozen=True)
class Part:
    """One part of a batch: how many rows, which fields, the first rows of those that may be shown."""

    name: str
    total: int
    fields: list[tuple[str, str]]
    shown: list[str]
    rows: list[list[Any]]


def preview(batches: list[BatchRef], *, with_values: bool) -> list[Part]:
    """
    The parts of batches, ``documents / header``; none of one that is gone.

    :param with_values: False leaves only the keys in the rows.
    :raises LedgerbridgeError: one is not what was staged, or can't be read.
    """
    return [
        _part(f"{batch.uri.rpartition('/')[2]} / {name}", content, with_values)
        for batch in batches
        for name, content in sorted(_unless_gone(batch).items(), key=lambda part: (part[0] != "header", part[0]))
    ]


def _unless_gone(batch: BatchRef) -> dict[str, bytes]:
    try:
        return read_parts(batch)
    except ConfigurationError as error:
        if error.code == "LB-STG-001":
            return {}
        raise


def _part(name: str, content: bytes, with_values: bool) -> Part:
    file = pq.ParquetFile(BytesIO(content))
    schema = file.schema_arrow
    shown = [each for each in schema.names if with_values or each in KEYS]
    first = next(file.iter_batches(FIRST_ROWS, columns=shown), None)
    rows = [] if first is None else [[plain(value) for value in row.values()] for row in first.to_pylist()]
    return Part(name, file.metadata.num_rows, [(each.name, str(each.type)) for each in schema], shown, rows)
