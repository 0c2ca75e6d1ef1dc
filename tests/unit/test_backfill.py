"""A source read anew from a date on: in spans, going on where it broke off, with what is left of time and calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from memory_system import MemoryHook, MemorySource, register
from sqlalchemy import Engine, select

from commands.main import main
from ledgerbridge.changes import SourceId
from ledgerbridge.changes.backfills import Backfill, Pace, begin_or_resume, reached, spans
from ledgerbridge.entities import CallsLeft
from ledgerbridge.errors import TransientError
from ledgerbridge.state import transaction
from ledgerbridge.state.counted_calls import CAN_WAIT, Limits, granted_now
from ledgerbridge.state.models import LoggedChange, Reading
from operators.backfill import build_backfill

NAMED = SourceId("main", "shop.order", "shop")
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
MARCH = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def shop(state_db: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemorySource:
    """A shop with an order a day since January."""
    shop = MemorySource(page_size=100)
    register({"shop": shop}, state_db, tmp_path, monkeypatch)
    url = state_db.url.render_as_string(hide_password=False)
    monkeypatch.setenv("LEDGERBRIDGE_STATE_URL", url)
    for day in range(60):
        shop.write(f"order-{day:02}", "v1", at=JANUARY + timedelta(days=day, hours=1))
    return shop


def backfill(*more: str) -> int:
    return main(["backfill", "shop.order", "--from", "2026-01-01", *more])


def logged(engine: Engine) -> list[str]:
    with transaction(engine) as session:
        return list(session.scalars(select(LoggedChange.source_key).order_by(LoggedChange.number)))


def test_all_since_a_day_is_in_the_log_once_and_no_reading_moves(
    shop: MemorySource, state_db: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backfill() == 0
    assert logged(state_db) == [f"order-{day:02}" for day in range(60)]
    told = capsys.readouterr().out.splitlines()
    assert "shop [########################] 100% up to 2026-03-02 12:00: 60 read, 60 new" in told
    assert told[-1] == "shop: 60 records read, 60 of them new in the change log"
    assert len(shop.read_since) > 3, "span by span"
    with transaction(state_db) as session:
        assert session.scalar(select(Reading)) is None
    assert backfill() == 0
    assert "shop: 60 records read, 0 of them new in the change log" in capsys.readouterr().out
    assert len(logged(state_db)) == 60


def test_what_the_log_has_already_is_there_once_more_when_it_is_to_be_taken_again(
    shop: MemorySource, state_db: Engine
) -> None:
    assert backfill() == backfill("--again") == 0
    assert logged(state_db) == 2 * [f"order-{day:02}" for day in range(60)]


def test_one_that_broke_off_goes_on_behind_its_last_span(
    shop: MemorySource, state_db: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks_off(_: int) -> None:
        if len(shop.read_since) == 4:
            raise KeyboardInterrupt

    shop.after_page = breaks_off
    assert backfill() == 130
    done = len(logged(state_db))
    assert 0 < done < 60
    shop.after_page = lambda _: None
    shop.read_since.clear()
    assert backfill() == 0
    assert "shop: goes on behind 2026-01-" in capsys.readouterr().out
    assert shop.read_since[0] > JANUARY + timedelta(days=1)  # type: ignore[operator]  # each has one
    assert len(logged(state_db)) == 60


def test_it_waits_as_long_as_the_system_says(
    shop: MemorySource, state_db: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = [TransientError("LB-SHOP-1", "enough for now", remedy="Wait.", retry_after_seconds=0.01)] * 7

    def refuses(_: int) -> None:
        if refused:
            raise refused.pop()

    shop.after_page = refuses
    assert backfill("--connection", "shop") == 0
    assert len(logged(state_db)) == 60
    assert capsys.readouterr().out.count("enough for now: goes on at") == 7


def test_its_calls_leave_a_budget_s_rest_to_others_and_no_call_after_it_does(shop: MemorySource) -> None:
    waited: list[bool] = []
    shop.after_page = lambda _: waited.append(CAN_WAIT.get())
    assert backfill() == 0
    assert set(waited) == {True}
    assert not CAN_WAIT.get()


def test_a_connection_that_the_company_has_not_is_told_with_those_it_has(
    shop: MemorySource, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backfill("--connection", "shop_uk") == 2
    assert "Use one of shop." in capsys.readouterr().err


def of_days(done: int) -> Backfill:
    return Backfill(NAMED, JANUARY, JANUARY + timedelta(days=100), JANUARY + timedelta(days=done))


@pytest.mark.parametrize(
    ("calls", "granted", "rest"),
    [
        pytest.param(0, None, timedelta(minutes=90), id="without-a-limit"),
        pytest.param(0, CallsLeft(-50, 1000, 60, 0), timedelta(minutes=90), id="what-needs-no-calls"),
        pytest.param(100, CallsLeft(900, 1000, 60, 100), timedelta(minutes=90), id="all-of-it-within-the-day"),
        pytest.param(100, CallsLeft(900, 1000, 5, 100), timedelta(hours=3), id="the-first-minutes-calls-went-quicker"),
        pytest.param(100, CallsLeft(899, 1000, 60, 100), timedelta(days=1), id="one-call-too-many-today"),
        pytest.param(100, CallsLeft(-101, 1000, 60, 100), timedelta(days=2), id="others-have-used-of-ours"),
        pytest.param(1000, CallsLeft(0, 1000, 60, 1000), timedelta(days=9), id="nine-days-of-calls"),
    ],
)
def test_what_is_left_takes_as_long_as_so_far_or_as_its_calls_are_granted(
    calls: int, granted: CallsLeft | None, rest: timedelta
) -> None:
    pace = Pace(of_days(0))
    assert pace.rest(of_days(0), timedelta(minutes=1)) is None
    assert pace.rest(of_days(10), timedelta(minutes=10), calls=calls, granted=granted) == rest


def test_days_that_were_waited_for_are_not_counted_twice() -> None:
    """A day and a half of calls lie behind it, of two and a half: the pace so far has their waits in it."""
    rest = Pace(of_days(0)).rest(
        of_days(60), timedelta(days=1, hours=12), calls=1500, granted=CallsLeft(0, 1000, 60, 1500)
    )
    assert rest == timedelta(days=1)


def test_how_long_the_rest_will_take_is_told_by_what_a_backfill_may_call(
    shop: MemorySource, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page is a call, and a day has one."""
    shop.page_size = 1
    calls = 0

    def counts(_: int) -> None:
        nonlocal calls
        calls += 1

    def calls_left(_: MemoryHook) -> CallsLeft:
        mine = granted_now(Limits(calls_per_minute=5000, calls_per_day=22, calls_at_once=5))
        return CallsLeft(mine.calls_per_day - calls, mine.calls_per_day, mine.calls_per_minute, calls)

    shop.after_page = counts
    monkeypatch.setattr(MemoryHook, "calls_left", calls_left, raising=False)
    assert backfill() == 0
    told = [line.rpartition(", about ")[2] for line in capsys.readouterr().out.splitlines() if ", about " in line]
    assert told == ["3 days, 0:00:00 left"] * 5, "18 of the 60 a day; with all the 22 of a day it would be two"


def test_spans_grow_where_little_is_found_and_shrink_where_much_is() -> None:
    pace = Pace(of_days(0))

    def days() -> float:
        return (pace.next_end(of_days(0)) - JANUARY) / timedelta(days=1)

    assert days() == 1
    pace.found(10)
    assert days() == 2
    pace.found(2_000)
    assert days() == 2
    for _ in range(3):
        pace.found(9_000)
    assert days() == 0.25
    for _ in range(20):
        pace.found(0)
    assert days() == 92


def test_a_day_is_cut_into_as_many_spans_as_the_day_before_lets_expect(state_db: Engine) -> None:
    day = timedelta(days=1)
    with transaction(state_db) as session:
        assert spans(session, NAMED, JANUARY, JANUARY + day) == [(JANUARY, JANUARY + day)]
        for half in (0, 1):
            since = JANUARY + half * day / 2
            begun = begin_or_resume(session, NAMED, since, since + day / 2)
            reached(session, begun, begun.until, 6_000, 0)
        cut = spans(session, NAMED, JANUARY + day, JANUARY + 2 * day)
        other = spans(session, NAMED._replace(connection="shop_uk"), JANUARY + day, JANUARY + 2 * day)
    assert cut == [(JANUARY + day + third * day / 3, JANUARY + day + (third + 1) * day / 3) for third in range(3)]
    assert len(other) == 1


def test_airflow_makes_a_run_a_day_of_its_backfill_and_lets_none_begin_before_the_one_before_it() -> None:
    dag = DagSerialization.from_dict(DagSerialization.to_dict(build_backfill()))
    runs = dag.iter_dagrun_infos_between(JANUARY, JANUARY + timedelta(days=2))
    assert [run.data_interval.start for run in runs] == [JANUARY + timedelta(days=day) for day in range(3)]
    assert dag.timetable.periodic
    plan = dag.get_task("plan")
    assert plan.depends_on_past
    assert plan.wait_for_downstream
    assert dag.get_task("read").max_active_tis_per_dagrun == 1


def test_what_only_some_workers_reach_is_planned_and_read_by_tasks_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__QUEUES", "gp=gateway@EdgeExecutor")
    dag = build_backfill()
    assert sorted(dag.task_ids) == ["plan", "plan_gateway", "read", "read_gateway"]
    assert dag.get_task("read_gateway").partial_kwargs["queue"] == "gateway"
    assert dag.get_task("plan_gateway").place == "gateway"
