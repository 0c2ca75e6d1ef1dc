"""Batches between tasks: what is staged comes back, whole or in part."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import Engine

from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import transaction
from operators.staging import RAW_SCHEMA, raw_table, raw_versions, read_raw, remember, standing, write_raw

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RECORDS = [RawRecord(f"order:{n}", f"v{n}", NOON, {"name": f"#{n}", "tax": "1.50", "gift": None}) for n in range(4)]


def test_staged_records_come_back_as_they_were_read(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/read"
    batch = write_raw(uri, raw_table(RECORDS))
    assert read_raw(batch) == RECORDS


def test_of_staged_records_only_those_asked_for_come_back(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/read"
    batch = write_raw(uri, raw_table(RECORDS))
    assert read_raw(batch, {"order:3", "order:1", "order:9"}) == [RECORDS[1], RECORDS[3]]


def test_the_versions_of_staged_records_are_known_without_their_content(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/read"
    batch = write_raw(uri, raw_table(RECORDS))
    assert raw_versions(batch) == {"order:0": "v0", "order:1": "v1", "order:2": "v2", "order:3": "v3"}


def test_more_records_than_are_written_at_a_time_come_back_in_their_order(tmp_path: Path) -> None:
    many = [RawRecord(f"order:{n}", f"v{n}", NOON, {"name": f"#{n}"}) for n in range(1_203)]
    uri = f"file://{tmp_path}/read"
    batch = write_raw(uri, raw_table(many))
    assert batch.rows == {"raw": 1_203}
    assert read_raw(batch) == many
    assert read_raw(batch, {"order:1202", "order:2"}) == [many[2], many[1_202]]
    assert write_raw(uri, raw_table(many)) == batch


def test_records_staged_before_payloads_could_be_longer_come_back_too(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/read"
    shorter = pa.schema([field.with_type(pa.string()) if field.name == "payload" else field for field in RAW_SCHEMA])
    batch = write_raw(uri, raw_table(RECORDS).cast(shorter))
    assert read_raw(batch, {"order:1", "order:3"}) == [RECORDS[1], RECORDS[3]]


def test_a_batch_of_an_earlier_release_is_found_under_its_name_and_checked_all_the_same(tmp_path: Path) -> None:
    batch = write_raw(f"file://{tmp_path}/read", raw_table(RECORDS))
    (file,) = (tmp_path / "read").iterdir()
    file = file.rename(tmp_path / "read" / "raw.parquet")
    assert read_raw(batch) == RECORDS
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(ConfigurationError, match="LB-STG-002"):
        read_raw(batch)


def test_the_batch_that_stands_at_an_address_is_the_last_one_told_of(state_db: Engine, tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/read"
    with pytest.raises(ConfigurationError, match="LB-STG-004"), transaction(state_db) as session:
        standing(session, uri)
    for records in (RECORDS[:1], RECORDS):
        with transaction(state_db) as session:
            remember(session, write_raw(uri, raw_table(records)))
    write_raw(uri, raw_table(RECORDS[:2]))  # and killed before it told of it
    with transaction(state_db) as session:
        assert read_raw(standing(session, uri)) == RECORDS


def test_a_batch_without_records_comes_back_empty(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/read"
    batch = write_raw(uri, raw_table([]))
    assert (read_raw(batch), read_raw(batch, {"order:1"}), raw_versions(batch)) == ([], [], {})
