"""Batches between tasks: Parquet under an ObjectStoragePath, passed by reference."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from io import BytesIO
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from airflow.sdk import ObjectStoragePath

from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state.sealing import Sealer
from operators import settings

__all__ = [
    "STEPS",
    "BatchRef",
    "batch_uri",
    "leg_uri",
    "raw_chunks",
    "raw_table",
    "read_frames",
    "read_raw",
    "read_raw_batch",
    "read_rows",
    "read_validations",
    "remove_batches",
    "write_frames",
    "write_raw",
    "write_validations",
]

STEPS = {"extract": ("extract",), "transform": ("canonical", "documents"), "gate": ("gate",)}
"""Which folders of a leg's batch a step writes."""
_VALIDATIONS = "validations.json"
_AT_A_TIME = 500
"""Records that are in memory as values."""

RAW_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("version", pa.string()),
        ("changed_at", pa.timestamp("us", "UTC")),
        ("payload", pa.large_string()),  # together they may be beyond the 2 GB that a chunk of strings holds
    ]
)


@dataclass(frozen=True)
class BatchRef:
    """
    Where a batch lies.

    :param rows: rows by part.
    :param sha256: of all its files, in order of their names.
    """

    uri: str
    rows: dict[str, int]
    sha256: str

    def to_xcom(self) -> dict[str, Any]:
        """As Airflow keeps it."""
        return asdict(self)

    @classmethod
    def from_xcom(cls, value: dict[str, Any]) -> BatchRef:
        """Back from Airflow."""
        return cls(value["uri"], dict(value["rows"]), value["sha256"])


def leg_uri(flow: str, run_id: str, leg: str) -> str:
    """Where the batches of a leg of one run lie."""
    run = run_id.replace(":", "-").replace("+", "-")
    return f"{settings.staging_url()}/{flow}/{run}/{leg}"


def batch_uri(flow: str, run_id: str, leg: str, step: str) -> str:
    """Where the batch of a step of one run lies."""
    return f"{leg_uri(flow, run_id, leg)}/{step}"


def write_frames(uri: str, frames: dict[str, pd.DataFrame]) -> BatchRef:
    """Stage frames; writing the same again gives the same reference."""
    tables = {
        name: pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
        for name, frame in frames.items()
    }
    contents = {name: _parquet(table) for name, table in tables.items()}
    return _keep(uri, contents, {name: table.num_rows for name, table in tables.items()})


def read_frames(reference: BatchRef) -> dict[str, pd.DataFrame]:
    """
    The staged frames, columns with Arrow types.

    :raises ConfigurationError: the batch is gone or is not the one referred to.
    """
    return {name: table.to_pandas(types_mapper=pd.ArrowDtype) for name, table in _read(reference).items()}


def raw_table(records: Iterable[RawRecord]) -> pa.Table:
    """Records as they are staged: their payloads are text, which takes a small part of the memory the values take."""
    listed = list(records)
    return pa.table(
        {
            "key": [record.key for record in listed],
            "version": [record.version for record in listed],
            "changed_at": [record.changed_at for record in listed],
            "payload": [orjson.dumps(record.payload).decode() for record in listed],
        },
        schema=RAW_SCHEMA,
    )


def write_raw(uri: str, table: pa.Table) -> BatchRef:
    """Stage records as they were read."""
    buffer = BytesIO()
    pq.write_table(table, buffer, row_group_size=_AT_A_TIME, compression="zstd")
    return _keep(uri, {"raw": buffer.getvalue()}, {"raw": table.num_rows})


def read_raw(uri: str, keys: Collection[str] | None = None) -> list[RawRecord]:
    """
    The staged records.

    :param keys: only these.
    """
    return [record for chunk in raw_chunks(uri, keys) for record in chunk]


def raw_chunks(uri: str, keys: Collection[str] | None = None) -> Iterator[list[RawRecord]]:
    """The same, some hundreds at a time; a chunk of which none is wanted is left out."""
    wanted = None if keys is None else pa.array(keys, pa.string())
    for rows in pq.ParquetFile(_raw_file(uri)).iter_batches(batch_size=_AT_A_TIME):
        chosen = rows if wanted is None else rows.filter(pc.is_in(rows["key"], wanted))
        if chosen.num_rows:
            yield _raw_records(chosen)


def read_raw_batch(reference: BatchRef) -> list[RawRecord]:
    """
    The staged records of the batch referred to.

    :raises ConfigurationError: the batch is gone or is not the one referred to.
    """
    return _raw_records(_read(reference)["raw"])


def _raw_records(rows: pa.RecordBatch | pa.Table) -> list[RawRecord]:
    return [
        RawRecord(row["key"], row["version"], row["changed_at"], orjson.loads(row["payload"]))
        for row in rows.to_pylist()
    ]


def _raw_file(uri: str) -> BytesIO:
    return BytesIO(_opened(ObjectStoragePath(uri) / "raw.parquet"))


def read_rows(uri: str, name: str) -> list[dict[str, Any]]:
    """The rows of one staged part, as Python values."""
    table = pq.read_table(BytesIO(_opened(ObjectStoragePath(uri) / f"{name}.parquet")))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def write_validations(uri: str, validations: list[dict[str, Any]]) -> None:
    """Keep what a gate found beside what it let pass."""
    folder = ObjectStoragePath(uri)
    folder.mkdir(parents=True, exist_ok=True)
    _seal(folder / _VALIDATIONS, orjson.dumps(validations, option=orjson.OPT_NON_STR_KEYS))


def read_validations(uri: str) -> list[dict[str, Any]]:
    """
    What a gate found.

    :raises FileNotFoundError: it kept nothing.
    """
    validations: list[dict[str, Any]] = orjson.loads(_opened(ObjectStoragePath(uri) / _VALIDATIONS))
    return validations


def remove_batches(folders: Iterable[str]) -> list[str]:
    """Delete folders of staged batches; those that were there."""
    removed = []
    for uri in folders:
        folder = ObjectStoragePath(uri)
        if folder.exists():
            folder.rmdir(recursive=True)
            removed.append(uri)
    return removed


def _seal(file: ObjectStoragePath, content: bytes) -> None:
    """Write a file as it may lie there: encrypted when a key is set; a batch's hash is of what it contains."""
    file.write_bytes(Sealer(settings.payload_key()).seal(content))


def _opened(file: ObjectStoragePath) -> bytes:
    return Sealer(settings.payload_key()).open(file.read_bytes())


def _parquet(table: pa.Table) -> bytes:
    buffer = BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _keep(uri: str, contents: dict[str, bytes], rows: dict[str, int]) -> BatchRef:
    folder = ObjectStoragePath(uri)
    folder.mkdir(parents=True, exist_ok=True)
    whole = sha256()
    for name in sorted(contents):
        whole.update(contents[name])
        _seal(folder / f"{name}.parquet", contents[name])
    return BatchRef(uri, rows, whole.hexdigest())


def _read(reference: BatchRef) -> dict[str, pa.Table]:
    folder = ObjectStoragePath(reference.uri)
    whole = sha256()
    tables = {}
    for name in sorted(reference.rows):
        try:
            content = _opened(folder / f"{name}.parquet")
        except FileNotFoundError:
            raise ConfigurationError(
                "LB-STG-001",
                f"{folder}/{name}.parquet is gone.",
                remedy="Clear the leg's extract task: it reads again.",
            ) from None
        whole.update(content)
        tables[name] = pq.read_table(BytesIO(content))
    if whole.hexdigest() != reference.sha256:
        raise ConfigurationError(
            "LB-STG-002",
            f"{folder} is not the batch the task before wrote.",
            remedy="Clear the leg's extract task: it reads again.",
        )
    return tables
