"""Batches of what a leg took: they say where the records lie, and give them back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledgerbridge.changes import Taken
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import ConfigurationError
from operators.staging import BatchRef, raw_table, remove_batches, write_raw
from operators.taken import taken_changes, taken_chunks, taken_records, taken_versions, write_taken

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def records(first: int, last: int) -> list[RawRecord]:
    return [RawRecord(f"order:{n}", f"v{n}", NOON, {"name": f"#{n}", "tax": "1.50"}) for n in range(first, last)]


def staged(uri: str, listed: list[RawRecord], *, first_number: int = 1) -> tuple[list[Taken], dict[str, BatchRef]]:
    """Records in a file, as they are taken, and the file by its address."""
    file = write_raw(uri, raw_table(listed))
    taken = [Taken(each.key, each.version, number, uri) for number, each in enumerate(listed, first_number)]
    return taken, {uri: file}


def test_records_of_several_files_come_in_the_order_of_the_batch_some_hundreds_at_a_time(tmp_path: Path) -> None:
    one, two = f"file://{tmp_path}/one", f"file://{tmp_path}/two"
    (first, file), (second, other) = staged(one, records(0, 3)), staged(two, records(3, 603), first_number=4)
    batch = write_taken(f"file://{tmp_path}/batch", [*second, *first[:2]], {}, file | other)
    assert batch.rows == {"taken": 602}
    chunks = list(taken_chunks(batch))
    assert [len(chunk) for chunk in chunks] == [500, 100, 2]
    assert [each for chunk in chunks for each in chunk] == [*records(3, 603), *records(0, 2)]
    assert taken_records(batch, {"order:1", "order:602"}) == [*records(602, 603), *records(1, 2)]


def test_a_corrected_record_stands_in_for_the_version_it_was_made_of_only(tmp_path: Path) -> None:
    taken, files = staged(f"file://{tmp_path}/one", records(0, 3))
    mended = RawRecord("order:1", "v1", NOON, {"name": "#1", "tax": "2.00"})
    older = RawRecord("order:2", "v0", NOON, {"name": "#2", "tax": "2.00"})
    batch = write_taken(f"file://{tmp_path}/batch", taken, {"order:1": mended, "order:2": older}, files)
    assert taken_records(batch) == [records(0, 1)[0], mended, records(2, 3)[0]]


def test_versions_and_numbers_are_known_without_the_records(tmp_path: Path) -> None:
    taken = [Taken("a", "v1", None, "file:///nowhere"), Taken("b", "v7", 12, "file:///nowhere")]
    nowhere = {"file:///nowhere": BatchRef("file:///nowhere", {"raw": 2}, "0" * 64)}
    batch = write_taken(f"file://{tmp_path}/batch", taken, {}, nowhere)
    assert taken_versions(batch) == {"a": "v1", "b": "v7"}
    assert taken_changes(batch) == {"a": None, "b": 12}


def test_a_batch_whose_records_were_purged_says_so(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/one"
    taken, files = staged(uri, records(0, 2))
    batch = write_taken(f"file://{tmp_path}/batch", taken, {}, files)
    remove_batches([uri])
    with pytest.raises(
        ConfigurationError, match=r"LB-STG-001 .*/one/raw\.\w+\.parquet is gone.* clear the extract task"
    ):
        taken_records(batch)


def test_a_batch_of_an_earlier_release_that_holds_its_records_itself_is_read_like_any_other(tmp_path: Path) -> None:
    batch = write_raw(f"file://{tmp_path}/extract", raw_table(records(0, 3)))
    assert taken_records(batch, {"order:1"}) == records(1, 2)
    assert taken_versions(batch) == {"order:0": "v0", "order:1": "v1", "order:2": "v2"}
    assert taken_changes(batch) == dict.fromkeys(("order:0", "order:1", "order:2"))


def test_a_file_that_was_replaced_after_its_records_were_taken_is_not_read(tmp_path: Path) -> None:
    taken, files = staged(f"file://{tmp_path}/one", records(0, 2))
    batch = write_taken(f"file://{tmp_path}/batch", taken, {}, files)
    write_raw(f"file://{tmp_path}/other", raw_table(records(5, 7)))
    (file,), (other,) = (list((tmp_path / each).iterdir()) for each in ("one", "other"))
    other.replace(file)
    with pytest.raises(ConfigurationError, match="LB-STG-002"):
        taken_records(batch)
