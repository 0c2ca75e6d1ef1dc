"""Batches of what a leg took: they say where the records lie, and give them back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledgerbridge.changes import Taken
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import ConfigurationError
from operators.staging import raw_table, remove_batches, write_raw
from operators.taken import taken_changes, taken_chunks, taken_records, taken_versions, write_taken

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def records(first: int, last: int) -> list[RawRecord]:
    return [RawRecord(f"order:{n}", f"v{n}", NOON, {"name": f"#{n}", "tax": "1.50"}) for n in range(first, last)]


def staged(uri: str, listed: list[RawRecord], *, first_number: int = 1) -> list[Taken]:
    write_raw(uri, raw_table(listed))
    return [Taken(each.key, each.version, number, uri) for number, each in enumerate(listed, first_number)]


def test_records_of_several_files_come_in_the_order_of_the_batch_some_hundreds_at_a_time(tmp_path: Path) -> None:
    one, two = f"file://{tmp_path}/one", f"file://{tmp_path}/two"
    taken = [*staged(one, records(0, 3)), *staged(two, records(3, 603), first_number=4)]
    batch = write_taken(f"file://{tmp_path}/batch", [*taken[3:], *taken[:2]], {})
    assert batch.rows == {"taken": 602}
    chunks = list(taken_chunks(batch.uri))
    assert [len(chunk) for chunk in chunks] == [500, 100, 2]
    assert [each for chunk in chunks for each in chunk] == [*records(3, 603), *records(0, 2)]
    assert taken_records(batch.uri, {"order:1", "order:602"}) == [*records(602, 603), *records(1, 2)]


def test_a_corrected_record_stands_in_for_the_version_it_was_made_of_only(tmp_path: Path) -> None:
    taken = staged(f"file://{tmp_path}/one", records(0, 3))
    mended = RawRecord("order:1", "v1", NOON, {"name": "#1", "tax": "2.00"})
    older = RawRecord("order:2", "v0", NOON, {"name": "#2", "tax": "2.00"})
    batch = write_taken(f"file://{tmp_path}/batch", taken, {"order:1": mended, "order:2": older})
    assert taken_records(batch.uri) == [records(0, 1)[0], mended, records(2, 3)[0]]


def test_versions_and_numbers_are_known_without_the_records(tmp_path: Path) -> None:
    taken = [Taken("a", "v1", None, "file:///nowhere"), Taken("b", "v7", 12, "file:///nowhere")]
    batch = write_taken(f"file://{tmp_path}/batch", taken, {})
    assert taken_versions(batch.uri) == {"a": "v1", "b": "v7"}
    assert taken_changes(batch.uri) == {"a": None, "b": 12}


def test_a_batch_whose_records_were_purged_says_so(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/one"
    batch = write_taken(f"file://{tmp_path}/batch", staged(uri, records(0, 2)), {})
    remove_batches([uri])
    with pytest.raises(ConfigurationError, match=r"LB-STG-001 .*/one/raw\.parquet is gone.* touch the records"):
        taken_records(batch.uri)
