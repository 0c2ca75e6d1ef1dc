"""Bits that flip, files that are cut, emptied, replaced or gone: whatever happens to a batch, its reader is told."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cryptography.fernet import Fernet

from ledgerbridge.changes import Taken
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError
from operators.staging import (
    BatchRef,
    raw_chunks,
    raw_table,
    raw_versions,
    read_frames,
    read_raw,
    read_rows,
    read_validations,
    write_frames,
    write_raw,
    write_validations,
)
from operators.taken import taken_changes, write_taken
from pages.batches import preview

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FLIPS = 400


@dataclass(frozen=True)
class Kind:
    """How one kind of batch is staged from a number, and read."""

    write: Callable[[str, int], BatchRef]
    read: Callable[[BatchRef], Any]


def _raw(uri: str, number: int) -> BatchRef:
    orders = range(number, number + 40)
    return write_raw(
        uri,
        raw_table(RawRecord(f"order:{n}", f"v{n}", NOON + timedelta(n), {"total": f"{n}.10"}) for n in orders),
    )


def _frames(uri: str, number: int) -> BatchRef:
    header = pd.DataFrame({"record_key": ["a", "b"], "total": [Decimal(number), Decimal("2.50")]})
    lines = pd.DataFrame({"record_key": ["a", "a", "b"], "sku": ["x", "y", "z"]})
    return write_frames(uri, {"header": header, "lines": lines})


def _taken(uri: str, number: int) -> BatchRef:
    taken = [Taken(f"order:{n}", f"v{n}", n, f"{uri}/{number}") for n in range(1, 41)]
    return write_taken(uri, taken, {}, {f"{uri}/{number}": BatchRef(f"{uri}/{number}", {"raw": 40}, "0" * 64)})


KINDS = {
    "raw": Kind(_raw, read_raw),
    "raw by key": Kind(_raw, lambda batch: read_raw(batch, {"order:3"})),
    "raw in chunks": Kind(_raw, lambda batch: list(raw_chunks(batch, {"order:3"}))),
    "versions": Kind(_raw, raw_versions),
    "taken": Kind(_taken, taken_changes),
    "frames": Kind(_frames, read_frames),
    "header": Kind(_frames, lambda batch: read_rows(batch, "header")),
    "validations": Kind(
        lambda uri, number: write_validations(uri, [{"success": True, "rows": number}]), read_validations
    ),
}


@pytest.fixture(params=["plain", "encrypted"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where batches lie, as they are or encrypted."""
    key = Fernet.generate_key().decode() if request.param == "encrypted" else ""
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__PAYLOAD_KEY", key)
    return tmp_path


@pytest.mark.parametrize("name", KINDS)
def test_every_flipped_bit_is_found_before_anything_is_parsed(folder: Path, name: str) -> None:
    kind, dice = KINDS[name], random.Random(16)
    batch = kind.write(f"file://{folder}/batch", 1)
    files = sorted((folder / "batch").iterdir())
    for _ in range(FLIPS):
        file = dice.choice(files)
        whole = file.read_bytes()
        place, bit = dice.randrange(len(whole)), dice.randrange(8)
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        with pytest.raises(ConfigurationError, match=r"LB-STG-00[23]"):
            kind.read(batch)
        file.write_bytes(whole)
    kind.read(batch)


@pytest.mark.parametrize("name", KINDS)
def test_a_cut_or_empty_file_is_told_from_what_was_staged(folder: Path, name: str) -> None:
    kind, dice = KINDS[name], random.Random(16)
    batch = kind.write(f"file://{folder}/batch", 1)
    for file in sorted((folder / "batch").iterdir()):
        whole = file.read_bytes()
        for length in {0, 1, len(whole) - 1, *(dice.randrange(len(whole)) for _ in range(20))}:
            file.write_bytes(whole[:length])
            with pytest.raises(ConfigurationError, match=r"LB-STG-00[23]"):
                kind.read(batch)
        file.write_bytes(whole)


@pytest.mark.parametrize("name", KINDS)
def test_another_batch_in_the_place_of_the_staged_one_is_refused(folder: Path, name: str) -> None:
    kind = KINDS[name]
    batch, other = (kind.write(f"file://{folder}/{number}", number) for number in (1, 2))
    for file, replacement in zip(*(sorted((folder / each).iterdir()) for each in "12"), strict=True):
        file.write_bytes(replacement.read_bytes())
    with pytest.raises(ConfigurationError, match="LB-STG-002") as caught:
        kind.read(batch)
    assert "backup" in caught.value.remedy
    kind.read(other)


@pytest.mark.parametrize("name", KINDS)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    kind = KINDS[name]
    batch = kind.write(f"file://{folder}/batch", 1)
    file = sorted((folder / "batch").iterdir())[0]
    file.unlink()
    with pytest.raises(ConfigurationError, match="LB-STG-001") as caught:
        kind.read(batch)
    assert file.name in str(caught.value)


@pytest.mark.parametrize("name", KINDS)
def test_what_another_try_stages_leaves_what_was_staged_before_readable(folder: Path, name: str) -> None:
    kind, uri = KINDS[name], f"file://{folder}/batch"
    first = kind.write(uri, 1)
    before = str(kind.read(first))
    second = kind.write(uri, 2)
    assert first.sha256 != second.sha256
    assert str(kind.read(first)) == before
    kind.read(second)


@pytest.mark.parametrize("name", KINDS)
def test_staging_a_damaged_batch_again_mends_it(folder: Path, name: str) -> None:
    kind, uri = KINDS[name], f"file://{folder}/batch"
    batch = kind.write(uri, 1)
    for file in (folder / "batch").iterdir():
        file.write_bytes(b"")
    assert kind.write(uri, 1) == batch
    kind.read(batch)


def test_staging_a_whole_batch_again_does_not_touch_its_files(folder: Path) -> None:
    batch = _raw(f"file://{folder}/batch", 1)
    (file,) = (folder / "batch").iterdir()
    file.chmod(0o400)
    before = (file.stat().st_mtime_ns, file.stat().st_ino)
    assert _raw(f"file://{folder}/batch", 1) == batch
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before


def test_a_file_on_a_storage_that_does_not_answer_is_an_error_of_ours(folder: Path) -> None:
    batch = _raw(f"file://{folder}/batch", 1)
    (file,) = (folder / "batch").iterdir()
    file.unlink()
    file.mkdir()  # read by nobody, root included
    with pytest.raises(LedgerbridgeError, match="LB-STG-006"):
        read_raw(batch)


def test_a_page_shows_a_whole_batch_and_nothing_of_a_damaged_one(folder: Path) -> None:
    batch = _frames(f"file://{folder}/documents", 1)
    assert [(part.name, part.total) for part in preview([batch], with_values=True)] == [
        ("documents / header", 2),
        ("documents / lines", 3),
    ]
    (header, lines) = sorted((folder / "documents").iterdir())
    header.write_bytes(lines.read_bytes())
    with pytest.raises(ConfigurationError, match="LB-STG-002"):
        preview([batch], with_values=True)
    header.unlink()
    assert preview([batch], with_values=True) == []
