"""The first rows of a staged batch."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pyarrow.parquet as pq
from airflow.sdk import ObjectStoragePath

from ledgerbridge.delivery import plain
from operators.staging import opened

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


def preview(uri: str, folders: tuple[str, ...], *, with_values: bool) -> list[Part]:
    """
    The parts of a batch, ``documents / header``; none when it was not written or is gone.

    :param uri: the folder of the leg's batches.
    :param folders: those in it that belong to the step.
    :param with_values: False leaves only the keys in the rows.
    :raises ConfigurationError: it is encrypted by a key that is not set here.
    """
    found = [ObjectStoragePath(f"{uri}/{name}") for name in folders]
    return [
        _part(f"{folder.name} / {file.stem}", opened(file), with_values)
        for folder in found
        if folder.exists()
        for file in sorted(folder.iterdir(), key=lambda file: (file.stem != "header", file.stem))
        if file.suffix == ".parquet"
    ]


def _part(name: str, content: bytes, with_values: bool) -> Part:
    file = pq.ParquetFile(BytesIO(content))
    schema = file.schema_arrow
    shown = [each for each in schema.names if with_values or each in KEYS]
    first = next(file.iter_batches(FIRST_ROWS, columns=shown), None)
    rows = [] if first is None else [[plain(value) for value in row.values()] for row in first.to_pylist()]
    return Part(name, file.metadata.num_rows, [(each.name, str(each.type)) for each in schema], shown, rows)
