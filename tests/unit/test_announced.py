"""What webhooks announce is read by its key, once, and nothing that is announced meanwhile is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import DownstreamTasksSkipped
from memory_system import NOON, MemorySource, register
from sqlalchemy import Engine, select, text

from ledgerbridge.changes import Announced, Found, SourceId, announce, append
from ledgerbridge.changes.announced import answer, is_announced, told_of
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import TransientError
from ledgerbridge.state import migrate, transaction
from ledgerbridge.state.models import AuditEntry, LoggedChange, SourceRecord
from ledgerbridge.state.source_records import Fate, set_outcomes
from operators import change_log
from operators.extract import ExtractOperator

FLOW = "some_flow"
LEG = {"from": "memory.record", "conform": "c", "map": "m", "gate": "g", "to": "memory.record"}
RECORDS = SourceId("main", "memory.record", "memory")


@dataclass
class NamedSource(MemorySource):
    """A source that gives records by their keys too."""

    keys_read: list[str] = field(default_factory=list)
    before_key: Callable[[str], None] = lambda key: None

    def read_keys(self, keys: Sequence[str]) -> Iterator[list[RawRecord]]:
        """These records, one a page."""
        for key in keys:
            self.before_key(key)
            self.keys_read.append(key)
            if key in self.records:
                yield [self.records[key]]


@dataclass
class Leg:
    """One leg of a flow on a source, in this process."""

    engine: Engine
    source: MemorySource

    def run(self, run_id: str, *events: dict[str, Any]) -> list[str]:
        """A run takes and finishes its batch, started by these events of its source or by none; keys and versions."""
        told = {Asset("ledgerbridge://main/memory.record"): [SimpleNamespace(extra=each) for each in events]}
        context: Any = {"run_id": run_id, "params": {"legs": None}, "triggering_asset_events": told if events else {}}
        task = ExtractOperator(task_id="leg.extract", flow=FLOW, leg="leg", config=LEG)
        with suppress(DownstreamTasksSkipped):
            task.execute(context)
        with transaction(self.engine) as session:
            taken = session.scalars(select(SourceRecord).where(SourceRecord.run_id == run_id)).all()
            set_outcomes(session, FLOW, "leg", {row.source_key: Fate("delivered") for row in taken})
            return sorted(f"{row.source_key} {row.version}" for row in taken)

    def tell(self, *keys: str, event: str = "event-1") -> int:
        """A webhook says that these records changed; how many of it were news."""
        with transaction(self.engine) as session:
            return announce(session, RECORDS, [Announced(key, event, NOON) for key in keys])

    @property
    def is_told(self) -> bool:
        with transaction(self.engine) as session:
            return is_announced(session, RECORDS)


BY_WATCHER = {"from_trigger": True, "payload": {}}
LOGGED = {"logged": True}
WRITTEN: dict[str, Any] = {}


@pytest.fixture
def leg(state_db: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Leg:
    """A leg whose source has been read and taken, but for what a test writes."""
    return begun(NamedSource(), state_db, tmp_path, monkeypatch)


def begun(source: MemorySource, state_db: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Leg:
    source.write("old", "v1")
    register({"memory": source}, state_db, folder, monkeypatch)
    leg = Leg(state_db, source)
    leg.run("run-0")
    source.wait(hours=1)
    source.read_since.clear()
    return leg


def test_a_run_that_a_webhook_started_reads_the_record_it_named_and_nothing_by_time(leg: Leg) -> None:
    leg.source.write("named", "v1")
    leg.source.write("not named", "v1")
    leg.tell("named")
    assert leg.run("run-1", BY_WATCHER) == ["named v1"]
    assert leg.source.read_since == []
    assert leg.source.keys_read == ["named"]
    assert not leg.is_told


def test_what_nobody_announced_is_found_by_the_next_run_of_the_schedule(leg: Leg) -> None:
    leg.source.write("named", "v1")
    leg.source.write("not named", "v1")
    leg.tell("named")
    leg.run("run-1", BY_WATCHER)
    assert leg.run("run-2") == ["not named v1"]


def test_a_run_of_the_schedule_reads_what_was_announced_although_a_search_does_not_show_it_yet(leg: Leg) -> None:
    leg.source.write("late", "v1", at=NOON.replace(year=2025))
    leg.tell("late")
    assert leg.run("run-1") == ["late v1"]
    assert not leg.is_told


@pytest.mark.parametrize(
    ("events", "reads"),
    [
        pytest.param([BY_WATCHER], 0, id="the-log-has-work"),
        pytest.param([LOGGED], 0, id="another-stage-read-it"),
        pytest.param([BY_WATCHER, WRITTEN], 1, id="a-stage-wrote-there"),
        pytest.param([], 1, id="the-schedule"),
    ],
)
def test_a_source_is_read_by_time_when_it_was_written_or_the_schedule_says_so(
    leg: Leg, events: list[dict[str, Any]], reads: int
) -> None:
    leg.run("run-1", *events)
    assert len(leg.source.read_since) == reads


def test_an_event_that_comes_twice_is_news_once_and_another_one_of_the_record_is_news_again(leg: Leg) -> None:
    assert leg.tell("a", "a", "b") == 2
    assert leg.tell("a", "b") == 0
    assert leg.tell("a", event="event-2") == 1


def test_a_record_that_several_events_name_is_read_once(leg: Leg) -> None:
    leg.source.write("a", "v3")
    for number in range(3):
        leg.tell("a", event=f"event-{number}")
    assert leg.run("run-1", BY_WATCHER) == ["a v3"]
    assert leg.source.keys_read == ["a"]


def test_what_is_announced_while_its_record_is_read_is_read_again(leg: Leg) -> None:
    assert isinstance(leg.source, NamedSource)
    leg.source.write("a", "v1")
    leg.tell("a")
    leg.source.before_key = lambda key: leg.tell("a", event="event-2") and None
    assert leg.run("run-1", BY_WATCHER) == ["a v1"]
    assert leg.is_told
    leg.source.before_key = lambda key: None
    leg.source.write("a", "v2")
    assert leg.run("run-2", BY_WATCHER) == ["a v2"]


def test_an_older_state_that_another_reader_logs_meanwhile_is_not_the_last_word(leg: Leg) -> None:
    """A backfill read the record before it changed, in the same second, and logs it late."""
    assert isinstance(leg.source, NamedSource)
    leg.source.write("named", "v2", at=NOON)
    leg.tell("named")
    late = [Found("named", "v1", NOON, "hash")]

    def backfill_logs(_: str) -> None:
        with transaction(leg.engine) as session:
            append(session, RECORDS, [late.pop() for _ in range(len(late))], how="backfill", payload_uri="file:///v1")

    leg.source.before_key = backfill_logs
    assert leg.run("run-1", BY_WATCHER) == ["named v2"]
    assert leg.source.keys_read == ["named", "named"]
    assert not leg.is_told


def test_a_reading_that_breaks_off_leaves_open_what_it_has_not_read(leg: Leg, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(key: str) -> None:
        if key == "c":
            raise TransientError("LB-TEST-001", "the line broke", remedy="Wait.")

    assert isinstance(leg.source, NamedSource)
    monkeypatch.setattr(change_log, "_ANNOUNCED_AT_A_TIME", 2)
    for key in "abcd":
        leg.source.write(key, "v1")
        leg.tell(key)
    leg.source.before_key = break_off
    with pytest.raises(TransientError):
        leg.run("run-1", BY_WATCHER)
    leg.source.before_key, leg.source.keys_read = lambda key: None, []
    assert leg.run("run-1", BY_WATCHER) == ["a v1", "b v1", "c v1", "d v1"]
    assert leg.source.keys_read == ["c", "d"]


def test_a_record_that_is_gone_is_read_no_more(leg: Leg) -> None:
    leg.tell("gone")
    assert leg.run("run-1", BY_WATCHER) == []
    assert not leg.is_told


def test_a_source_that_gives_nothing_by_key_is_read_by_time_when_something_was_announced(
    state_db: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leg = begun(MemorySource(), state_db, tmp_path, monkeypatch)
    leg.source.write("a", "v1")
    assert leg.run("run-1", BY_WATCHER) == []
    leg.tell("the invoice it pays")
    assert leg.run("run-2", BY_WATCHER) == ["a v1"]
    assert not leg.is_told


def test_what_is_announced_before_a_source_was_ever_read_waits_for_its_first_reading(
    state_db: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = NamedSource()
    source.write("a", "v1")
    source.write("b", "v1")
    register({"memory": source}, state_db, tmp_path, monkeypatch)
    leg = Leg(state_db, source)
    leg.tell("b")
    assert leg.run("run-1", BY_WATCHER) == ["a v1", "b v1"]
    assert source.keys_read == []


def test_the_audit_tells_how_much_of_what_was_announced_was_read(leg: Leg) -> None:
    leg.source.write("a", "v1")
    leg.tell("a", "gone")
    leg.run("run-1", BY_WATCHER)
    with transaction(leg.engine) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "announced-read")).one()
        changes = session.scalars(select(LoggedChange).where(LoggedChange.source_key == "a")).all()
    assert (entry.details["rows"], entry.details["new"]) == (1, 1)
    assert [(each.how, each.payload_uri is None) for each in changes] == [("webhook", True), ("webhook", False)]


def test_an_upgrade_looks_for_announcements_behind_what_the_log_has(empty_state_db: Engine) -> None:
    migrate(empty_state_db, "0024")
    with empty_state_db.begin() as connection:
        for key in "ab":
            connection.execute(
                text(
                    "INSERT INTO change (company, entity, connection, source_key, version, changed_at, how, known_at)"
                    " VALUES ('main', 'memory.record', 'memory', :key, 'v1', :at, 'poll', :at)"
                ),
                {"key": key, "at": "2026-03-02 12:00:00"},
            )
        for entity in ("memory.record", "memory.other"):
            connection.execute(
                text(
                    'INSERT INTO reading (company, entity, connection, rows, "whole", run_id, ended_at)'
                    " VALUES ('main', :entity, 'memory', 2, :whole, 'run-1', '2026-03-02 12:00:00')"
                ),
                {"entity": entity, "whole": True},
            )
    migrate(empty_state_db)
    with empty_state_db.begin() as connection:
        kept = connection.execute(text("SELECT entity, announced FROM reading ORDER BY entity")).all()
    assert [tuple(row) for row in kept] == [("memory.other", 0), ("memory.record", 2)]


def test_what_came_after_a_look_stays_open_when_the_look_is_answered(leg: Leg) -> None:
    leg.tell("a")
    with transaction(leg.engine) as session:
        told = told_of(session, RECORDS, 10)
    leg.tell("b")
    with transaction(leg.engine) as session:
        answer(session, RECORDS, told.upto)
        left = told_of(session, RECORDS, 10)
    assert (told.keys, left.keys) == (["a"], ["b"])
