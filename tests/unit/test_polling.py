"""A source that no webhook tells of is read soon while something comes, ever later while nothing does."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, Asset
from airflow.sdk.exceptions import DownstreamTasksSkipped
from memory_system import MemorySource, register
from sqlalchemy import Engine, func, select, update

from ledgerbridge.changes import SourceId, readings
from ledgerbridge.changes.polling import PolledSource, due, is_due
from ledgerbridge.flows import FlowConfig
from ledgerbridge.state import transaction
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import Circuit, LoggedChange, Position, Reading
from operators import settings
from operators.read import ReadOperator
from operators.sources import polled_sources
from triggers.changes import StageHasWork

FLOW = "some_flow"
NAMES = {"conform": "c", "map": "m", "gate": "g"}
CONFIG = FlowConfig.model_validate(
    {
        "description": "Shop and ledger to a bank.",
        "owner": "finance",
        "stages": {
            "money": {
                "schedule": {"events": True, "poll": {"ledger": {"least_seconds": 30, "most_seconds": 600}}},
                "legs": {
                    "order": {**NAMES, "from": "shop.order", "to": "bank.order"},
                    "receipt": {**NAMES, "from": "ledger.receipt", "to": "bank.payment"},
                },
            }
        },
    }
)
RECEIPTS = SourceId("main", "ledger.receipt", "ledger")
POLLED = PolledSource("ledger.receipt", ["ledger"], 30, 600)
NOW = datetime.now(UTC)


@pytest.fixture
def ledger(state_db: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemorySource:
    """A ledger that sends no webhooks beside a shop that does; all that it gave is taken."""
    sources = {"shop": MemorySource(), "ledger": MemorySource(), "bank": MemorySource()}
    register(sources, state_db, tmp_path, monkeypatch)
    sources["ledger"].write("old", "v1")
    run("run-0", by_event=False)
    with transaction(state_db) as session:
        last = session.scalar(select(func.max(LoggedChange.number)))
        session.add(
            Position(company="main", flow=FLOW, leg="receipt", entity="ledger.receipt", change=last, taken_at=NOW)
        )
    for each in sources.values():
        each.read_since.clear()
    return sources["ledger"]


def run(run_id: str, *, by_event: bool = True) -> None:
    """The stage's first task, started by its watcher or by a person."""
    told = {Asset("ledgerbridge://main/work/some_flow.money"): [SimpleNamespace(extra={"from_trigger": True})]}
    context: Any = {"run_id": run_id, "params": {"legs": None}, "triggering_asset_events": told if by_event else {}}
    with DAG(f"{FLOW}.money", schedule=None):
        read = ReadOperator(task_id="read", flow=FLOW, config=CONFIG, stage="money")
    with suppress(DownstreamTasksSkipped):
        read.execute(context)


def kept(state: Engine, *, read_ago: float, new_ago: float) -> None:
    """The ledger was read so many seconds ago, and gave something new so many ago."""
    with transaction(state) as session:
        session.execute(update(Reading).values(ended_at=datetime.now(UTC) - timedelta(seconds=read_ago)))
        session.execute(update(LoggedChange).values(known_at=datetime.now(UTC) - timedelta(seconds=new_ago)))


@pytest.mark.parametrize(
    ("read_ago", "new_ago", "expected"),
    [
        pytest.param(28, 28, False, id="just-read"),
        pytest.param(31, 31, True, id="after-something-new"),
        pytest.param(31, 91, True, id="quiet-for-a-minute"),
        pytest.param(31, 131, False, id="quiet-for-longer-than-twice-the-least"),
        pytest.param(97, 297, False, id="half-of-what-was-quiet-is-not-over"),
        pytest.param(101, 301, True, id="half-of-what-was-quiet-is-over"),
        pytest.param(597, 86_000, False, id="quiet-for-a-day"),
        pytest.param(601, 86_000, True, id="never-later-than-the-most"),
        pytest.param(-60, -60, True, id="read-by-a-clock-ahead"),
    ],
)
@pytest.mark.usefixtures("ledger")
def test_a_source_is_due_after_half_of_how_long_it_had_been_quiet(
    state_db: Engine, read_ago: float, new_ago: float, expected: bool
) -> None:
    with transaction(state_db) as session:
        now = database_now(session)
        session.execute(update(Reading).values(ended_at=now - timedelta(seconds=read_ago)))
        session.execute(update(LoggedChange).values(known_at=now - timedelta(seconds=new_ago)))
        assert is_due(session, RECEIPTS, POLLED) is expected


def test_a_source_that_was_never_read_is_due_unless_its_connection_makes_a_pause(state_db: Engine) -> None:
    with transaction(state_db) as session:
        assert due(session, "main", [POLLED]) == [RECEIPTS]
        assert due(session, "main", [POLLED], down=["ledger"]) == []


def test_a_run_of_events_reads_what_is_due_and_nothing_else_by_time(ledger: MemorySource, state_db: Engine) -> None:
    kept(state_db, read_ago=20, new_ago=20)
    ledger.write("new", "v1")
    run("run-1")
    assert ledger.read_since == []
    kept(state_db, read_ago=40, new_ago=40)
    run("run-2")
    assert len(ledger.read_since) == 1
    with transaction(state_db) as session:
        of_ledger = select(func.count()).where(
            LoggedChange.entity == "ledger.receipt", LoggedChange.source_key == "new"
        )
        assert session.scalar(of_ledger) == 1
        assert not is_due(session, RECEIPTS, POLLED)


class Idle(StageHasWork):
    """The watcher of a stage of which no run is under way, as Airflow would tell it."""

    def _is_under_way(self) -> bool:
        return False


def fires(seconds: float = 3) -> bool:
    """Whether the watcher tells the stage within so long."""
    polled = [asdict(each) for each in polled_sources(CONFIG, "money", settings.company("main"))]
    legs = [{"leg": "receipt", "sources": {"ledger.receipt": ["ledger"]}, "target": ["bank"], "done_by": []}]

    async def told() -> bool:
        watcher = Idle("some_flow.money", "main", FLOW, json.dumps(legs), json.dumps(polled)).run()
        try:
            await asyncio.wait_for(anext(watcher), seconds)
        except TimeoutError:
            return False
        return True

    return asyncio.run(told())


@pytest.mark.usefixtures("ledger")
def test_the_stage_is_told_when_a_source_is_due_and_not_while_its_connection_makes_a_pause(state_db: Engine) -> None:
    kept(state_db, read_ago=1, new_ago=1)
    assert not fires()
    kept(state_db, read_ago=700, new_ago=86_400)
    assert fires()
    with transaction(state_db) as session:
        until = datetime.now(UTC) + timedelta(minutes=5)
        session.add(
            Circuit(
                connection="ledger", failures=3, paused_until=until, paused_since=NOW, reason="away", updated_at=NOW
            )
        )
    assert not fires()
    with transaction(state_db) as session:
        session.execute(update(Circuit).values(paused_until=datetime.now(UTC) - timedelta(seconds=1)))
    assert fires(), "somebody has to try it"


def test_readers_whose_clocks_differ_agree_on_what_is_due(
    ledger: MemorySource, state_db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An Edge worker three minutes behind reads; the triggerer asks by its own clock, a minute ahead."""
    kept(state_db, read_ago=40, new_ago=40)
    with monkeypatch.context() as worker:
        worker.setattr(readings, "datetime", clock(-180))
        run("run-1")
    assert len(ledger.read_since) == 1
    with transaction(state_db) as session:
        assert not is_due(session, RECEIPTS, POLLED)


def clock(seconds: float) -> type[datetime]:
    """What a machine takes for now."""

    class Now(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=seconds)

    return Now
