"""Batches between tasks: what is staged comes back, whole or in part."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from ledgerbridge.entities import RawRecord
from operators.staging import RAW_SCHEMA, raw_table, read_raw, write_raw

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RECORDS = [RawRecord(f"order:{n}", f"v{n}", NOON, {"name": f"#{n}", "tax": "1.50", "gift": None}) for n in range(4)]


def test_staged_records_come_back_as_they_were_read(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/read"
    write_raw(uri, raw_table(RECORDS))
    assert read_raw(uri) == RECORDS


def test_of_staged_records_only_those_asked_for_come_back(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/read"
    write_raw(uri, raw_table(RECORDS))
    assert read_raw(uri, {"order:3", "order:1", "order:9"}) == [RECORDS[1], RECORDS[3]]


def test_more_records_than_are_written_at_a_time_come_back_in_their_order(tmp_path: Path) -> None:
    many = [RawRecord(f"order:{n}", f"v{n}", NOON, {"name": f"#{n}"}) for n in range(1_203)]
    uri = f"file://{tmp_path}/read"
    staged = write_raw(uri, raw_table(many))
    assert staged.rows == {"raw": 1_203}
    assert read_raw(uri) == many
    assert read_raw(uri, {"order:1202", "order:2"}) == [many[2], many[1_202]]
    assert write_raw(uri, raw_table(many)) == staged


def test_records_staged_before_payloads_could_be_longer_come_back_too(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/read"
    shorter = pa.schema([field.with_type(pa.string()) if field.name == "payload" else field for field in RAW_SCHEMA])
    write_raw(uri, raw_table(RECORDS).cast(shorter))
    assert read_raw(uri, {"order:1", "order:3"}) == [RECORDS[1], RECORDS[3]]


def test_a_batch_without_records_comes_back_empty(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/read"
    write_raw(uri, raw_table([]))
    assert (read_raw(uri), read_raw(uri, {"order:1"})) == ([], [])
