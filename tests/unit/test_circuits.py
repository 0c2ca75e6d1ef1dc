"""A connection that is down is left alone by everybody and probed by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from ledgerbridge.audit import Actor, verify
from ledgerbridge.state import transaction
from ledgerbridge.state.circuits import (
    FAILURES_TO_OPEN,
    Pause,
    call_failed,
    call_succeeded,
    open_circuits,
    pause_of,
    take_probe,
)
from ledgerbridge.state.models import AuditEntry

ACTOR = Actor("order_to_cash", "order", "run-1", "order.load")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def fail(engine: Engine, times: int = 1, *, retry_after: timedelta | None = None) -> Pause | None:
    with transaction(engine) as session:
        for _ in range(times):
            call_failed(session, ACTOR, "gp", "LB-GP-001 GP was not reached", retry_after=retry_after, now=NOW)
    with transaction(engine) as session:
        return pause_of(session, "gp")


def test_few_failures_make_no_pause(state_db: Engine) -> None:
    assert fail(state_db, FAILURES_TO_OPEN - 1) is None


def test_failures_in_a_row_make_a_pause_that_names_its_reason(state_db: Engine) -> None:
    expected = Pause("gp", NOW + timedelta(seconds=15), NOW, "LB-GP-001 GP was not reached")
    assert fail(state_db, FAILURES_TO_OPEN) == expected
    with transaction(state_db) as session:
        assert open_circuits(session) == [expected]
        assert pause_of(session, "xero") is None


def test_each_failed_probe_doubles_the_pause_up_to_a_minute(state_db: Engine) -> None:
    fail(state_db, FAILURES_TO_OPEN - 1)
    pauses = [pause.until - NOW for _ in range(7) if (pause := fail(state_db)) is not None]
    assert [pause.total_seconds() for pause in pauses] == [15, 30, 60, 60, 60, 60, 60]


def test_a_first_pause_of_ones_own_doubles_up_to_four_times_as_long(state_db: Engine) -> None:
    pauses = []
    for _ in range(FAILURES_TO_OPEN + 3):
        with transaction(state_db) as session:
            call_failed(session, ACTOR, "gp", "not reached", first_pause=timedelta(seconds=2), now=NOW)
            pause = pause_of(session, "gp")
        pauses += [(pause.until - NOW).total_seconds()] if pause else []
    assert pauses == [2, 4, 8, 8]


def test_a_pause_is_never_shorter_than_the_system_asked_for(state_db: Engine) -> None:
    pause = fail(state_db, FAILURES_TO_OPEN, retry_after=timedelta(hours=2))
    assert pause is not None
    assert pause.until == NOW + timedelta(hours=2)


def test_a_call_that_succeeds_ends_the_count(state_db: Engine) -> None:
    fail(state_db, FAILURES_TO_OPEN - 1)
    with transaction(state_db) as session:
        call_succeeded(session, ACTOR, "gp")
    assert fail(state_db, FAILURES_TO_OPEN - 1) is None


def test_a_probe_that_succeeds_ends_the_pause_for_all(state_db: Engine) -> None:
    fail(state_db, FAILURES_TO_OPEN)
    with transaction(state_db) as session:
        call_succeeded(session, ACTOR, "gp")
    with transaction(state_db) as session:
        assert open_circuits(session) == []


@pytest.mark.parametrize(("seconds", "probes"), [pytest.param(14, 0, id="too-early"), pytest.param(15, 1, id="due")])
def test_of_all_who_wait_one_probes_when_the_pause_is_over(state_db: Engine, seconds: int, probes: int) -> None:
    fail(state_db, FAILURES_TO_OPEN)

    def probe(_: int) -> bool:
        with transaction(state_db) as session:
            return take_probe(session, "gp", now=NOW + timedelta(seconds=seconds))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(probe, range(8))) == probes


def test_the_audit_tells_when_a_pause_begins_and_ends_and_not_each_failure(state_db: Engine) -> None:
    fail(state_db, FAILURES_TO_OPEN + 2)
    for _ in range(2):
        with transaction(state_db) as session:
            call_succeeded(session, ACTOR, "gp")
    fail(state_db, FAILURES_TO_OPEN - 1)
    with transaction(state_db) as session:
        entries = list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
        assert verify(session).broken is None
    opened, closed = entries
    assert {(each.entity, each.record_key, each.run_id, each.task) for each in entries} == {
        ("connection", "gp", "run-1", "order.load")
    }
    assert (opened.action, opened.details) == (
        "circuit-opened", {"reason": "LB-GP-001 GP was not reached", "failures": FAILURES_TO_OPEN},
    )  # fmt: skip
    assert (closed.action, closed.details) == (
        "circuit-closed", {"since": NOW.isoformat(), "failures": FAILURES_TO_OPEN + 2},
    )  # fmt: skip


def test_of_workers_that_get_through_together_one_tells_that_the_pause_is_over(state_db: Engine) -> None:
    fail(state_db, FAILURES_TO_OPEN)

    def succeed(_: int) -> None:
        with transaction(state_db) as session:
            call_succeeded(session, ACTOR, "gp")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(succeed, range(8)))
    with transaction(state_db) as session:
        actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions == ["circuit-opened", "circuit-closed"]
