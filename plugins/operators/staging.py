"""
Batches between tasks: Parquet under an ObjectStoragePath, passed by reference.

A file's name carries the hash of its batch (``raw.<sha256>.parquet``): another try never writes over what somebody was
told of, and whoever reads compares the bytes with the hash he was handed before anything is parsed.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from airflow.sdk import ObjectStoragePath
from sqlalchemy.orm import Session

from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError, StoreUnavailable
from ledgerbridge.state.batches import batch_of, keep_batch
from ledgerbridge.state.resealing import Resealed
from ledgerbridge.state.sealing import Sealer
from operators import settings

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "STEPS",
    "BatchRef",
    "batch_in",
    "batch_uri",
    "leg_uri",
    "raw_chunks",
    "raw_table",
    "raw_versions",
    "read_frames",
    "read_parts",
    "read_raw",
    "read_rows",
    "read_validations",
    "remember",
    "remove_batches",
    "reseal_batches",
    "standing",
    "validations_uri",
    "write_frames",
    "write_raw",
    "write_validations",
]

STEPS = {"extract": ("extract",), "transform": ("canonical", "documents"), "gate": ("gate",)}
"""Which folders of a leg's batch a step writes."""
_PARQUET = "parquet"
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
    :param sha256: of what all its files contain, in order of their names, before they are encrypted.
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


def leg_uri(company: str, flow: str, run_id: str, leg: str) -> str:
    """Where the batches of a leg of one run lie; runs of two companies may have one id."""
    run = run_id.replace(":", "-").replace("+", "-")
    return f"{settings.staging_url()}/runs/{company}/{flow}/{run}/{leg}"


def batch_uri(company: str, flow: str, run_id: str, leg: str, step: str) -> str:
    """Where the batch of a step of one run lies."""
    return f"{leg_uri(company, flow, run_id, leg)}/{step}"


def validations_uri(company: str, flow: str, run_id: str, leg: str) -> str:
    """Where lies what the gate found in a leg's batch of one run."""
    return f"{batch_uri(company, flow, run_id, leg, 'gate')}/validations"


def remember(session: Session, *batches: BatchRef) -> None:
    """Make these the batches that stand at their addresses, in the transaction that tells what they are for."""
    for each in batches:
        keep_batch(session, each.uri, each.rows, each.sha256)


def standing(session: Session, uri: str) -> BatchRef:
    """
    The batch that stands at an address.

    :raises ConfigurationError: none is known: its task did not end, or an earlier release staged it without a hash.
    """
    found = batch_of(session, uri)
    if found is None:
        raise ConfigurationError(
            "LB-STG-004",
            f"the state database knows no batch at {uri}.",
            remedy=_READ_AGAIN,
        )
    return BatchRef(uri, dict(found.rows), found.sha256)


def batch_in(uri: str) -> BatchRef | None:
    """The batch that was staged last in a folder, as its files name themselves; for trials, it proves no origin."""
    folder = ObjectStoragePath(uri)
    files = [file for file in folder.iterdir() if file.suffix == f".{_PARQUET}"] if folder.is_dir() else []
    named = {file.stem: file.stat().st_mtime for file in files if "." in file.stem}
    if not named:
        return None
    digest = max(named, key=lambda stem: named[stem]).rpartition(".")[2]
    parts = [stem.rpartition(".")[0] for stem in named if stem.endswith(f".{digest}")]
    reference = BatchRef(uri, dict.fromkeys(sorted(parts), 0), digest)
    rows = {name: pq.read_metadata(BytesIO(content)).num_rows for name, content in read_parts(reference).items()}
    return BatchRef(uri, rows, digest)


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

    :raises ConfigurationError: as ``read_parts``.
    """
    import pandas as pd

    return {
        name: pq.read_table(BytesIO(content)).to_pandas(types_mapper=pd.ArrowDtype)
        for name, content in read_parts(reference).items()
    }


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


def read_raw(reference: BatchRef, keys: Collection[str] | None = None) -> list[RawRecord]:
    """
    The staged records.

    :param keys: only these.
    :raises ConfigurationError: as ``read_parts``.
    """
    return [record for chunk in raw_chunks(reference, keys) for record in chunk]


def raw_chunks(reference: BatchRef, keys: Collection[str] | None = None) -> Iterator[list[RawRecord]]:
    """The same, some hundreds at a time; a chunk of which none is wanted is left out."""
    wanted = None if keys is None else pa.array(keys, pa.string())
    for rows in pq.ParquetFile(_part(reference, "raw")).iter_batches(batch_size=_AT_A_TIME):
        chosen = rows if wanted is None else rows.filter(pc.is_in(rows["key"], wanted))
        if chosen.num_rows:
            yield _raw_records(chosen)


def _raw_records(rows: pa.RecordBatch | pa.Table) -> list[RawRecord]:
    return [
        RawRecord(row["key"], row["version"], row["changed_at"], orjson.loads(row["payload"]))
        for row in rows.to_pylist()
    ]


def raw_versions(reference: BatchRef) -> dict[str, str]:
    """The version of each staged record by its key, without reading what it contains; raises as ``read_parts``."""
    table = pq.read_table(_part(reference, "raw"), columns=["key", "version"])
    return dict(zip(table["key"].to_pylist(), table["version"].to_pylist(), strict=True))


def read_rows(reference: BatchRef, name: str) -> list[dict[str, Any]]:
    """The rows of one staged part, as Python values; raises as ``read_parts``."""
    rows: list[dict[str, Any]] = pq.read_table(_part(reference, name)).to_pylist()
    return rows


def write_validations(uri: str, validations: list[dict[str, Any]]) -> BatchRef:
    """Keep what a gate found, see ``validations_uri``."""
    content = orjson.dumps(validations, option=orjson.OPT_NON_STR_KEYS)
    return _keep(uri, {"validations": content}, {"validations": len(validations)}, "json")


def read_validations(reference: BatchRef) -> list[dict[str, Any]]:
    """What a gate found; raises as ``read_parts``."""
    validations: list[dict[str, Any]] = orjson.loads(read_parts(reference, "json")["validations"])
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


def read_parts(reference: BatchRef, suffix: str = _PARQUET) -> dict[str, bytes]:
    """
    What the files of a batch contain, by part, compared with the hash of the reference.

    :raises ConfigurationError: a file is gone, is not what was written, or can't be decrypted here.
    :raises StoreUnavailable: the storage can't be read now.
    """
    whole = sha256()
    contents = {}
    for name in sorted(reference.rows):
        contents[name] = _opened(_file(reference.uri, name, reference.sha256, suffix))
        whole.update(contents[name])
    if whole.hexdigest() != reference.sha256:
        sizes = ", ".join(f"{name} {len(content)} bytes" for name, content in contents.items())
        raise ConfigurationError(
            "LB-STG-002",
            f"{reference.uri} is not the batch that was staged there: the hash of {sizes or 'no file'} is"
            f" {whole.hexdigest()[:12]}…, not {reference.sha256[:12]}….",
            remedy=_READ_AGAIN,
        )
    return contents


_READ_AGAIN = (
    "Put the file back from a backup of the staging folder, or clear the extract task of the leg that can't go on, with"
    " all after it: what can't be read any more it reads from its source again."
)


def _part(reference: BatchRef, name: str) -> BytesIO:
    return BytesIO(read_parts(reference)[name])


def _file(uri: str, name: str, digest: str, suffix: str) -> ObjectStoragePath:
    folder = ObjectStoragePath(uri)
    file, of_earlier_releases = folder / f"{name}.{digest}.{suffix}", folder / f"{name}.{suffix}"
    return of_earlier_releases if not file.exists() and of_earlier_releases.exists() else file


def _opened(file: ObjectStoragePath) -> bytes:
    with _reached(file, "read"):
        kept = file.read_bytes()
    try:
        return Sealer(settings.payload_key()).open(kept)
    except ConfigurationError as error:
        raise ConfigurationError(
            "LB-STG-003",
            f"{file} is encrypted by a key that is not set here, or was changed after it was written.",
            remedy=f"Set [ledgerbridge] payload_key, older keys after commas. If it is set: {_READ_AGAIN}",
        ) from error


def reseal_batches() -> Iterator[Resealed]:
    """Encrypt every staged file by the newest key, whole or not at all; those that are already stay as they are."""
    sealer = Sealer(settings.payload_key())
    files = _staged_files(ObjectStoragePath(settings.staging_url()))
    while group := list(islice(files, _AT_A_TIME)):
        renewed, unreadable = 0, []
        for file in group:
            try:
                renewed += _reseal(file, sealer)
            except FileNotFoundError:
                continue  # purged meanwhile
            except ConfigurationError:
                unreadable.append(str(file))
        yield Resealed("staged batches", len(group), renewed, tuple(unreadable))


def _staged_files(root: ObjectStoragePath) -> Iterator[ObjectStoragePath]:
    anchors = str(ObjectStoragePath(settings.anchors_url()))  # by default below the same root, and readable by all
    if root.exists():
        for folder, _, names in root.walk():
            if str(folder) == anchors:
                continue
            yield from (folder / name for name in names if name.endswith((".parquet", ".json")))


def _reseal(file: ObjectStoragePath, sealer: Sealer) -> bool:
    """Encrypt one file by the newest key, unless it is; whether it was anew."""
    kept = file.read_bytes()
    if sealer.is_newest(kept):
        return False
    content = sealer.seal(sealer.open(kept))
    if file.protocol != "file":
        file.write_bytes(content)  # an object store puts it whole
        return True
    # a worker may read it now, or this may be broken off
    beside = file.with_name(f"{file.name}.resealed")
    beside.write_bytes(content)
    if file.read_bytes() != kept:  # written meanwhile, and by the newest key
        beside.unlink()
        return False
    beside.replace(file)
    return True


def _parquet(table: pa.Table) -> bytes:
    buffer = BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _keep(uri: str, contents: dict[str, bytes], rows: dict[str, int], suffix: str = _PARQUET) -> BatchRef:
    whole = sha256()
    for name in sorted(contents):
        whole.update(contents[name])
    reference = BatchRef(uri, rows, whole.hexdigest())
    if _lies_there(reference, suffix):
        return reference  # somebody may have been told of it: a kill while it is written anew would take it from them
    folder = ObjectStoragePath(uri)
    with _reached(folder, "written"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            # encrypted when a key is set; a batch's hash is of what it contains, so that it can be encrypted anew
            sealed = Sealer(settings.payload_key()).seal(content)
            (folder / f"{name}.{reference.sha256}.{suffix}").write_bytes(sealed)
    return reference


def _lies_there(reference: BatchRef, suffix: str) -> bool:
    try:
        read_parts(reference, suffix)
    except LedgerbridgeError:
        return False
    return True


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def _reached(place: ObjectStoragePath, done: str) -> Iterator[None]:
    """Tell what the storage answered in words of ours."""
    try:
        yield
    except FileNotFoundError:
        raise ConfigurationError("LB-STG-001", f"{place} is gone.", remedy=_READ_AGAIN) from None
    except OSError as error:
        _tell(place, done, error)


def _tell(place: ObjectStoragePath, done: str, error: OSError) -> NoReturn:
    if error.errno in _FULL:
        raise StoreUnavailable(
            "LB-STG-005",
            f"{place} can't be {done}: no space is left there ({error.strerror}).",
            remedy="Make room, or let [ledgerbridge] staging_url name a larger place; `ledgerbridge purge` takes old"
            " batches away. The task is tried again by itself.",
        ) from error
    raise StoreUnavailable(
        "LB-STG-006",
        f"{place} can't be {done}: {error.strerror or error}.",
        remedy="See that the storage of [ledgerbridge] staging_url is there and may be used. The task is tried again by"
        " itself.",
    ) from error
