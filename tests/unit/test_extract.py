"""What the legs of a flow take of a source, whichever run or leg read it, and whatever became of that run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped
from memory_system import NOON, MemorySource, register
from sqlalchemy import Engine, select

from ledgerbridge.errors import TransientError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import SourceRecord
from ledgerbridge.state.source_records import Fate, set_outcomes
from operators.extract import ExtractOperator

FLOW = "some_flow"
LEG = {"from": "memory.record", "conform": "c", "map": "m", "gate": "g", "to": "memory.record"}


@dataclass
class Legs:
    """The extracts of a flow's legs, in a process."""

    engine: Engine
    source: MemorySource
    staging: Path

    def run(self, run_id: str, *legs: str, fails_at: str = "", **leg: Any) -> None:
        """A run of legs, each finished with all it took, up to the one at which the run fails."""
        for name in legs:
            self.extract(run_id, name, **leg)
            if name == fails_at:
                return
            self.finish(run_id, name)

    def extract(self, run_id: str, name: str, *, asked: Sequence[str] = (), **leg: Any) -> None:
        """One leg takes its batch, if there is one."""
        task = ExtractOperator(task_id=f"{name}.extract", flow=FLOW, leg=name, config={**LEG, **leg})
        context: Any = {"run_id": run_id, "params": {"legs": asked}}
        try:
            task.execute(context)
        except DownstreamTasksSkipped:
            return

    def finish(self, run_id: str, name: str, outcome: str = "delivered", keys: Sequence[str] | None = None) -> None:
        """What became of a leg's batch, or of these records of it."""
        taken = self.taken(run_id, name)
        with transaction(self.engine) as session:
            set_outcomes(
                session, FLOW, name, {key: Fate(outcome, "why") for key in taken if keys is None or key in keys}
            )

    def taken(self, run_id: str, name: str) -> dict[str, str]:
        """The version of each record that a run has of a leg."""
        return {row.source_key: row.version for row in self._rows(name) if row.run_id == run_id}

    def has(self, name: str) -> dict[str, str]:
        """The version of each record a leg has taken last."""
        return {row.source_key: row.version for row in self._rows(name)}

    def _rows(self, name: str) -> Sequence[SourceRecord]:
        with transaction(self.engine) as session:
            rows = select(SourceRecord).where(SourceRecord.leg == name).order_by(SourceRecord.source_key)
            return session.scalars(rows).all()

    def staged(self) -> set[str]:
        """The files in which payloads lie."""
        return {str(path) for path in self.staging.rglob("raw.*.parquet")}


@pytest.fixture
def legs(state_db: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Legs:
    """Legs of one source that has records of three hours; nothing is read yet."""
    source = MemorySource()
    for number, key in enumerate(("a", "b", "c", "d")):
        source.write(key, "v1", at=NOON - timedelta(hours=3 - number))
    register({"memory": source}, state_db, tmp_path, monkeypatch)
    return Legs(state_db, source, tmp_path / "staging")


ALL = dict.fromkeys("abcd", "v1")


def test_what_a_run_of_one_leg_read_reaches_the_others_in_the_next_run(legs: Legs) -> None:
    legs.run("run-1", "first")
    legs.run("run-2", "first", "second")
    assert legs.taken("run-2", "first") == {}
    assert legs.taken("run-2", "second") == ALL


def test_what_a_run_read_that_failed_at_its_first_leg_reaches_the_others_in_the_next_run(legs: Legs) -> None:
    legs.run("run-1", "first", "second", fails_at="first")
    legs.run("run-2", "first", "second")
    assert legs.taken("run-2", "first") == ALL
    assert legs.taken("run-2", "second") == ALL


def test_a_leg_that_is_added_later_takes_all_that_was_read_before(legs: Legs) -> None:
    legs.run("run-1", "first")
    legs.source.wait(days=1)
    legs.source.write("e", "v1")
    legs.run("run-2", "first")
    legs.run("run-3", "first", "added")
    assert legs.taken("run-3", "added") == {**ALL, "e": "v1"}


def test_a_leg_that_was_left_out_takes_each_record_in_its_newest_version_only(legs: Legs) -> None:
    legs.run("run-1", "first")
    legs.source.wait(hours=1)
    legs.source.write("a", "v2")
    legs.run("run-2", "first")
    legs.run("run-3", "first", "second")
    assert legs.taken("run-3", "second") == {**ALL, "a": "v2"}


def test_what_is_written_behind_the_key_a_reading_has_come_to_is_taken_by_the_next_run(legs: Legs) -> None:
    def write_behind(page: int) -> None:
        if page == 1:
            legs.source.write("aa", "v1")  # it has read up to "b"
            legs.source.wait(minutes=30)  # it takes long
            legs.source.write("z", "v1")  # what it does get to see

    legs.source.after_page = write_behind
    legs.run("run-1", "first")
    assert legs.has("first") == {**ALL, "z": "v1"}
    legs.source.after_page = lambda number: None
    legs.run("run-2", "first")
    assert legs.has("first") == {**ALL, "aa": "v1", "z": "v1"}


def test_a_stamp_from_the_future_hides_nothing_and_is_taken_itself(legs: Legs) -> None:
    legs.source.write("future", "v1", at=NOON + timedelta(days=365))
    legs.run("run-1", "first")
    legs.source.wait(hours=1)
    legs.source.write("e", "v1")
    legs.run("run-2", "first")
    assert legs.has("first") == {**ALL, "e": "v1", "future": "v1"}
    assert legs.taken("run-2", "first") == {"e": "v1"}


def test_a_reading_that_breaks_off_has_logged_its_pages_and_is_read_whole_by_the_next_run(legs: Legs) -> None:
    def break_off(page: int) -> None:
        raise TransientError("LB-TEST-001", "the line broke", remedy="Wait.")

    legs.source.after_page = break_off
    with pytest.raises(TransientError):
        legs.extract("run-1", "first")
    legs.source.after_page = lambda number: None
    legs.run("run-2", "first")
    assert legs.taken("run-2", "first") == ALL
    assert legs.source.read_since == [None, None]


def test_legs_of_a_run_share_one_reading_and_each_run_reads_what_changed_since(legs: Legs) -> None:
    legs.run("run-1", "first", "second", "third")
    legs.run("run-2", "third", "first")
    assert legs.source.read_since == [None, NOON - timedelta(minutes=10)]


def test_a_backlog_is_taken_in_batches_of_max_records(legs: Legs) -> None:
    runs = [f"run-{number}" for number in range(3)]
    for run_id in runs:
        legs.run(run_id, "first", max_records=2)
    assert [list(legs.taken(run_id, "first")) for run_id in runs] == [["a", "b"], ["c", "d"], []]


def test_records_that_wait_are_taken_again_and_staged_by_none_again(legs: Legs) -> None:
    legs.extract("run-1", "first")
    legs.finish("run-1", "first", "waiting")
    staged = legs.staged()
    legs.extract("run-2", "first", asked=["first"])
    assert legs.taken("run-2", "first") == ALL
    assert legs.staged() == staged


def test_records_that_wait_are_left_alone_by_a_run_before_which_nothing_happened(legs: Legs) -> None:
    legs.extract("run-1", "first")
    legs.finish("run-1", "first", "waiting")
    legs.extract("run-2", "first")
    assert legs.taken("run-2", "first") == {}
    legs.source.wait(hours=1)
    legs.source.write("e", "v1")
    legs.extract("run-3", "first")
    assert legs.taken("run-3", "first") == {**ALL, "e": "v1"}
