"""What a reconciliation keeps of a source, and what it reads again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledgerbridge.entities import RawRecord, Source, Window
from ledgerbridge.reconciliation import KeptRecords

FIRST = datetime(2026, 3, 2, tzinfo=UTC)


def record(number: int, amount: str, *, minutes: int = 0) -> RawRecord:
    changed_at = FIRST + timedelta(minutes=minutes)
    return RawRecord(f"xero:t:invoice:{number}", changed_at.isoformat(), changed_at, {"amount": amount, "name": "Ann"})


@dataclass
class Ledger(Source):
    """Records by number; remembers since when it was asked."""

    records: dict[int, RawRecord] = field(default_factory=dict)
    asked: list[datetime | None] = field(default_factory=list)
    now: datetime = FIRST + timedelta(hours=2)

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        self.asked.append(window.since)
        yield [each for each in self.records.values() if window.since is None or each.changed_at >= window.since]

    def clock(self) -> datetime:
        return self.now


def without_name(payload: dict[str, Any]) -> dict[str, Any]:
    return {"amount": payload["amount"]}


@pytest.fixture
def ledger() -> Ledger:
    return Ledger({1: record(1, "10.00"), 2: record(2, "20.00", minutes=60)})


def amounts(kept: KeptRecords, ledger: Ledger) -> list[str]:
    return [each.payload["amount"] for each in kept.read("xero:t-invoice", ledger, without_name)]


def test_the_second_reading_asks_for_changes_only_and_gives_everything(ledger: Ledger, tmp_path: Path) -> None:
    assert amounts(KeptRecords(tmp_path), ledger) == ["10.00", "20.00"]
    ledger.records[1] = record(1, "11.00", minutes=70)
    ledger.records[3] = record(3, "30.00", minutes=80)
    assert amounts(KeptRecords(tmp_path), ledger) == ["11.00", "20.00", "30.00"]
    assert ledger.asked == [None, FIRST + timedelta(minutes=50)]


def test_what_the_books_do_not_need_is_not_kept(ledger: Ledger, tmp_path: Path) -> None:
    amounts(KeptRecords(tmp_path), ledger)
    (path,) = tmp_path.iterdir()
    assert b"Ann" not in path.read_bytes()


def test_everything_is_read_anew_when_asked_and_then_kept(ledger: Ledger, tmp_path: Path) -> None:
    amounts(KeptRecords(tmp_path), ledger)
    del ledger.records[2]
    assert amounts(KeptRecords(tmp_path, anew=True), ledger) == ["10.00"]
    assert amounts(KeptRecords(tmp_path), ledger) == ["10.00"]


@pytest.mark.parametrize("content", [b"", b"{}", b'{"layout": 0, "records": []}', b'{"layout": 2, "records": [{}]}'])
def test_a_file_that_can_not_be_read_is_no_obstacle(ledger: Ledger, tmp_path: Path, content: bytes) -> None:
    amounts(KeptRecords(tmp_path), ledger)
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    assert amounts(KeptRecords(tmp_path), ledger) == ["10.00", "20.00"]
    assert ledger.asked == [None, None]


def test_without_a_folder_nothing_is_kept(ledger: Ledger) -> None:
    assert amounts(KeptRecords(), ledger) == amounts(KeptRecords(), ledger)
    assert ledger.asked == [None, None]


@dataclass
class BusyLedger(Ledger):
    """Somebody writes a record behind what was read, and a later one before it, while it is read."""

    meanwhile: tuple[RawRecord, RawRecord] | None = None

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        yield from super().read(window)
        if self.meanwhile is not None:
            behind, before = self.meanwhile
            self.records |= {0: behind, 9: before}
            self.meanwhile = None
            self.now += timedelta(hours=1)
            yield [before]


def test_what_is_written_behind_a_reading_is_read_by_the_next_one(tmp_path: Path) -> None:
    ledger = BusyLedger({1: record(1, "10.00")}, now=FIRST + timedelta(hours=2))
    ledger.meanwhile = (record(0, "0.50", minutes=121), record(9, "90.00", minutes=179))
    assert amounts(KeptRecords(tmp_path), ledger) == ["10.00", "90.00"]
    assert amounts(KeptRecords(tmp_path), ledger) == ["10.00", "90.00", "0.50"]


def test_a_stamp_from_the_future_hides_nothing(ledger: Ledger, tmp_path: Path) -> None:
    ledger.records[3] = record(3, "30.00", minutes=60 * 24 * 365)
    assert amounts(KeptRecords(tmp_path), ledger) == ["10.00", "20.00", "30.00"]
    ledger.records[4] = record(4, "40.00", minutes=150)
    ledger.now += timedelta(hours=1)
    assert amounts(KeptRecords(tmp_path), ledger) == ["10.00", "20.00", "30.00", "40.00"]
