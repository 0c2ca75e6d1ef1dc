"""The change log: what is appended once, how far a reading got, and what a leg takes, on every database."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text, update

from ledgerbridge.audit import Actor, Change
from ledgerbridge.audit import append as tell
from ledgerbridge.changes import Found, LegId, SourceId, append, begin_reading, end_reading, take, unknown
from ledgerbridge.changes.again import changes_of_record, send_again
from ledgerbridge.changes.idle import idle_legs, unbegun_legs
from ledgerbridge.changes.log import last_number
from ledgerbridge.changes.readings import is_read_by
from ledgerbridge.changes.retention import forget_payloads, old_payloads
from ledgerbridge.changes.taking import Batch, has_position, has_work
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.companies import for_company
from ledgerbridge.state.mending import Person
from ledgerbridge.state.models import AuditEntry, LoggedChange, Position, Reading, SourceRecord
from ledgerbridge.state.source_records import Fate, Seen, register, set_outcomes, still_own

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OVERLAP = timedelta(minutes=10)
US = SourceId("main", "shopify.order", "shopify_us")
ORDER = LegId("main", "order_to_cash", "order", "shopify.order")
CUSTOMER = ORDER._replace(leg="customer")


def found(key: str, version: str = "v1", minutes: int = 0) -> Found:
    return Found(key, version, NOON + timedelta(minutes=minutes), f"hash of {key} {version}")


def log(engine: Engine, changes: Sequence[Found], *, uri: str | None = "file:///1", after: int | None = None) -> int:
    with transaction(engine) as session:
        return append(session, US, changes, how="poll", payload_uri=uri, began_after=after)


def logged(engine: Engine) -> list[tuple[str, str]]:
    with transaction(engine) as session:
        rows = session.scalars(select(LoggedChange).order_by(LoggedChange.number))
        return [(row.source_key, row.version) for row in rows]


def taken(
    engine: Engine, run_id: str, *, leg: LegId = ORDER, limit: int = 100, behind: Sequence[str] = ()
) -> list[tuple[str, str]]:
    return pairs(batch(engine, run_id, leg=leg, limit=limit, behind=behind))


def batch(
    engine: Engine,
    run_id: str,
    *,
    leg: LegId = ORDER,
    limit: int = 100,
    behind: Sequence[str] = (),
    asked: bool = False,
) -> Batch:
    with transaction(engine) as session:
        return take(session, leg, run_id, limit, behind, asked=asked)


def pairs(batch: Batch) -> list[tuple[str, str]]:
    return [(each.key, each.version) for each in batch.records]


def finish(engine: Engine, keys: Iterable[str], outcome: str = "delivered", leg: LegId = ORDER) -> None:
    with transaction(engine) as session:
        set_outcomes(session, leg.flow, leg.leg, {key: Fate(outcome) for key in keys})


def happens(engine: Engine, action: str = "delivered", company: str = "main", **details: int) -> None:
    """Let the audit tell of something."""
    with transaction(for_company(engine, company)) as session:
        tell(session, Actor("other_flow", "other", "run-0", "load"), [Change(action, "gp.order", "x", details=details)])


def pass_time(engine: Engine, minutes: float) -> None:
    """So much time passes for what stands in the work list."""
    by = timedelta(minutes=minutes)
    with transaction(engine) as session:
        for row in session.scalars(select(SourceRecord)):
            assert row.taken_at is not None
            assert row.try_again_at is not None
            row.taken_at, row.try_again_at = row.taken_at - by, row.try_again_at - by


def test_a_version_that_is_read_again_is_not_appended_and_another_one_is(state_db: Engine) -> None:
    assert log(state_db, [found("a"), found("b")]) == 2
    assert log(state_db, [found("a"), found("b", "v2")]) == 1
    assert log(state_db, [found("b", "v1")]) == 1  # it came back to what it was
    assert logged(state_db) == [("a", "v1"), ("b", "v1"), ("b", "v2"), ("b", "v1")]


def test_what_was_only_announced_is_new_when_it_is_read(state_db: Engine) -> None:
    with transaction(state_db) as session:
        append(session, US, [found("a")], how="webhook", payload_uri=None)
    assert taken(state_db, "run-1") == []
    assert log(state_db, [found("a")]) == 1
    assert taken(state_db, "run-2") == [("a", "v1")]


def test_a_slow_reader_does_not_put_an_older_version_over_the_one_another_reader_found_meanwhile(
    state_db: Engine,
) -> None:
    log(state_db, [found("a", "v1")])
    with transaction(state_db) as session:
        began_after = last_number(session, *US[:2])
    log(state_db, [found("a", "v3", minutes=2)])
    assert log(state_db, [found("a", "v2", minutes=1)], after=began_after) == 0
    assert log(state_db, [found("a", "v4", minutes=3)], after=began_after) == 1
    assert logged(state_db) == [("a", "v1"), ("a", "v3"), ("a", "v4")]


def test_a_record_that_was_put_back_to_an_earlier_stamp_is_taken_as_it_is_now(state_db: Engine) -> None:
    log(state_db, [found("a", "v2", minutes=5)])
    with transaction(state_db) as session:
        began_after = last_number(session, *US[:2])
    assert log(state_db, [found("a", "v1")], after=began_after) == 1


def test_a_version_that_a_person_sends_again_is_taken_until_the_source_changes_it_once_more(state_db: Engine) -> None:
    olga = Person("olga", "the edit was a mistake", "ledgerbridge changes send-again")
    log(state_db, [found("a", "v1")])
    log(state_db, [found("a", "v2", minutes=1)])
    assert taken(state_db, "run-1") == [("a", "v2")]
    finish(state_db, ["a"])
    with transaction(state_db) as session:
        first, second = changes_of_record(session, "a")
        with pytest.raises(LedgerbridgeError, match="LB-CHG-002"):
            send_again(session, second.number, olga)
        with pytest.raises(LedgerbridgeError, match="LB-CHG-003"):
            send_again(session, first.number, replace(olga, reason=" "))
        again = send_again(session, first.number, olga)
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "sent-again")).one()
    assert (told.record_key, told.details["by"], told.details["reason"]) == ("a", "olga", "the edit was a mistake")
    assert (told.details["change"], told.details["again"]) == (again, first.number)
    assert log(state_db, [found("a", "v2", minutes=1)]) == 0  # the overlap of the next reading shows it again
    assert taken(state_db, "run-2") == [("a", "v1")]
    later = int((datetime.now(UTC) - NOON).total_seconds() // 60) + 5
    assert log(state_db, [found("a", "v3", minutes=later)]) == 1


def test_another_company_has_a_log_and_positions_of_its_own(state_db: Engine) -> None:
    log(state_db, [found("a")])
    second = for_company(state_db, "second")
    with transaction(second) as session:
        append(session, US._replace(company="second"), [found("a")], how="poll", payload_uri="file:///2")
    assert len(logged(state_db)) == 1
    assert taken(state_db, "run-1") == [("a", "v1")]
    assert taken(second, "run-1", leg=ORDER._replace(company="second")) == [("a", "v1")]


def begun(engine: Engine, *, at: datetime, new_leg: bool = False, beginning: datetime | None = None) -> datetime | None:
    with transaction(engine) as session:
        reading = begin_reading(session, US, at=at, overlap=OVERLAP, beginning=beginning, new_leg=new_leg)
    return reading.since


def read(engine: Engine, *, at: datetime, newest: datetime | None, run_id: str = "run-1") -> datetime:
    with transaction(engine) as session:
        reading = begin_reading(session, US, at=at, overlap=OVERLAP, beginning=None)
        return end_reading(session, US, reading, newest=newest, beginning=None, run_id=run_id, rows=1)


def test_a_reading_begins_where_the_one_before_ended_less_the_overlap(state_db: Engine) -> None:
    assert begun(state_db, at=NOON) is None
    read(state_db, at=NOON, newest=NOON - timedelta(hours=1))
    assert begun(state_db, at=NOON) == NOON - timedelta(hours=1) - OVERLAP


def test_a_reading_ends_when_it_began_however_late_the_newest_stamp_is(state_db: Engine) -> None:
    assert read(state_db, at=NOON, newest=NOON + timedelta(minutes=30)) == NOON
    assert begun(state_db, at=NOON + timedelta(hours=1)) == NOON - OVERLAP


def test_a_reading_that_saw_nothing_ends_where_the_one_before_did(state_db: Engine) -> None:
    assert read(state_db, at=NOON, newest=None) == NOON
    assert read(state_db, at=NOON + timedelta(hours=1), newest=None) == NOON


def test_a_reading_that_another_one_overtook_does_not_move_the_cursor_back(state_db: Engine) -> None:
    late = NOON + timedelta(hours=1)
    with transaction(state_db) as session:
        slow = begin_reading(session, US, at=NOON, overlap=OVERLAP, beginning=None)
    read(state_db, at=late, newest=late, run_id="run-2")
    with transaction(state_db) as session:
        end_reading(session, US, slow, newest=NOON, beginning=None, run_id="run-1", rows=1)
        kept = session.scalars(select(Reading)).one()
    assert kept.until == late


def test_a_cursor_in_the_future_leads_nowhere(state_db: Engine) -> None:
    read(state_db, at=NOON + timedelta(days=365), newest=NOON + timedelta(days=365))
    assert begun(state_db, at=NOON) == NOON - OVERLAP
    assert read(state_db, at=NOON, newest=NOON) == NOON


def test_each_run_reads_a_source_once(state_db: Engine) -> None:
    with transaction(state_db) as session:
        assert not is_read_by(session, US, "run-1")
    read(state_db, at=NOON, newest=NOON, run_id="run-1")
    with transaction(state_db) as session:
        assert is_read_by(session, US, "run-1")
        assert not is_read_by(session, US, "run-2")
        assert not is_read_by(session, US._replace(connection="shopify_uk"), "run-1")


def test_for_a_new_leg_everything_is_read_again_unless_the_log_has_it_all(state_db: Engine) -> None:
    beginning = NOON - timedelta(days=60)
    with transaction(state_db) as session:
        assert not has_position(session, ORDER)
        row = {"since": None, "until": NOON, "rows": 0, "whole": False, "run_id": "", "ended_at": NOON}
        session.add(Reading(**US._asdict(), **row))
    assert begun(state_db, at=NOON, beginning=beginning) == NOON - OVERLAP
    assert begun(state_db, at=NOON, beginning=beginning, new_leg=True) == beginning
    with transaction(state_db) as session:
        reading = begin_reading(session, US, at=NOON, overlap=OVERLAP, beginning=beginning, new_leg=True)
        assert reading.how == "backfill"
        end_reading(session, US, reading, newest=NOON, beginning=beginning, run_id="run-1", rows=1)
    assert begun(state_db, at=NOON, beginning=beginning, new_leg=True) == NOON - OVERLAP


def test_each_leg_takes_every_change_at_its_own_pace(state_db: Engine) -> None:
    log(state_db, [found("a"), found("b")])
    assert taken(state_db, "run-1", leg=CUSTOMER) == [("a", "v1"), ("b", "v1")]
    finish(state_db, "ab", leg=CUSTOMER)
    log(state_db, [found("b", "v2"), found("c")])
    assert taken(state_db, "run-2", leg=CUSTOMER) == [("b", "v2"), ("c", "v1")]
    assert taken(state_db, "run-2") == [("a", "v1"), ("b", "v2"), ("c", "v1")]
    assert taken(state_db, "run-3", leg=ORDER._replace(leg="added")) == [("a", "v1"), ("b", "v2"), ("c", "v1")]


def test_a_finished_version_is_not_taken_again_and_an_unfinished_one_is(state_db: Engine) -> None:
    log(state_db, [found(key) for key in "abc"])
    taken(state_db, "run-1")
    with transaction(state_db) as session:
        set_outcomes(session, *ORDER[1:3], {"a": Fate("delivered"), "b": Fate("waiting", "no invoice yet")})
    happens(state_db)
    assert taken(state_db, "run-2") == [("b", "v1"), ("c", "v1")]
    with transaction(state_db) as session:
        owners = dict(session.execute(select(SourceRecord.source_key, SourceRecord.run_id)).all())
    assert owners == {"a": "run-1", "b": "run-2", "c": "run-2"}


def test_a_version_finished_before_there_was_a_log_is_not_taken_when_it_is_read_again(state_db: Engine) -> None:
    with transaction(state_db) as session:
        register(session, *ORDER[1:3], "old", "shopify.order", [Seen(key, "v1") for key in "ab"], "file:///old")
        set_outcomes(session, *ORDER[1:3], {"a": Fate("delivered")})
    log(state_db, [found("a"), found("b")])
    [left_over] = batch(state_db, "run-1").records
    assert (left_over.key, left_over.uri, left_over.change) == ("b", "file:///old", None)
    log(state_db, [found("a", "v2")])
    assert ("a", "v2") in taken(state_db, "run-2")


def test_a_rerun_takes_what_its_run_had_taken(state_db: Engine) -> None:
    log(state_db, [found("a"), found("b")])
    first = batch(state_db, "run-1")
    finish(state_db, "ab")
    assert batch(state_db, "run-1") == first
    finish(state_db, "ab")
    assert taken(state_db, "run-2") == []


def test_what_a_later_run_has_taken_is_no_longer_the_earlier_ones(state_db: Engine) -> None:
    log(state_db, [found("a"), found("b")])
    changes = {each.key: each.change for each in batch(state_db, "run-1").records}
    finish(state_db, "ab")
    log(state_db, [found("a", "v2")])
    assert taken(state_db, "run-2") == [("a", "v2")]
    with transaction(state_db) as session:
        assert still_own(session, *ORDER[1:3], "run-1", changes) == {"b"}
        set_outcomes(session, *ORDER[1:3], {"a": Fate("rejected"), "b": Fate("unchanged")}, run_id="run-1")
        kept = dict(session.execute(select(SourceRecord.source_key, SourceRecord.outcome)).all())
    assert kept == {"a": "read", "b": "unchanged"}
    finish(state_db, "a")
    assert taken(state_db, "run-1") == [("b", "v1")]


def test_what_the_same_run_took_in_a_newer_version_is_not_its_older_batchs(state_db: Engine) -> None:
    log(state_db, [found("a")])
    [first] = batch(state_db, "run-1").records
    log(state_db, [found("a", "v2")])
    [second] = batch(state_db, "run-1").records
    with transaction(state_db) as session:
        assert still_own(session, *ORDER[1:3], "run-1", {"a": first.change}) == set()
        assert still_own(session, *ORDER[1:3], "run-1", {"a": second.change}) == {"a"}


def test_a_backlog_is_taken_in_batches_in_the_order_it_became_known(state_db: Engine) -> None:
    log(state_db, [found(f"{number:04}") for number in range(2_500)])
    passes = []
    more = True
    while more:
        found_now = batch(state_db, f"run-{len(passes)}", limit=1_000)
        passes.append([each.key for each in found_now.records])
        finish(state_db, passes[-1])
        more = found_now.more
    assert [len(each) for each in passes] == [1_000, 1_000, 500]
    assert [key for each in passes for key in each] == [f"{number:04}" for number in range(2_500)]


def test_what_waits_leaves_half_of_a_batch_to_what_is_new_and_comes_in_turn(state_db: Engine) -> None:
    log(state_db, [found(f"w{number}") for number in range(6)])
    taken(state_db, "run-0")
    finish(state_db, [f"w{number}" for number in range(6)], "waiting")
    log(state_db, [found(f"n{number}") for number in range(4)])
    tried: list[str] = []
    for number in range(1, 4):
        happens(state_db)
        keys = [key for key, _ in taken(state_db, f"run-{number}", limit=4)]
        assert len(keys) == 4
        tried += keys
        finish(state_db, [key for key in keys if key.startswith("w")], "waiting")
        finish(state_db, [key for key in keys if key.startswith("n")])
    assert sorted(tried) == [
        *(f"n{number}" for number in range(4)),
        *sorted([f"w{n}" for n in range(6)] + ["w0", "w1"]),
    ]


@pytest.fixture
def waiting(state_db: Engine) -> Engine:
    """A work list with one record, which was tried and waits."""
    log(state_db, [found("a")])
    taken(state_db, "run-0")
    finish(state_db, "a", "waiting")
    return state_db


@pytest.mark.parametrize(
    ("action", "details", "is_news"),
    [
        *[(action, {}, True) for action in ("delivered", "adopted", "unchanged", "superseded", "waiting")],
        ("dead-letter-discarded", {}, True),
        ("sent-again", {}, True),
        ("window-read", {"rows": 3, "new": 1}, True),
        ("window-read", {"rows": 3, "new": 0}, False),
        ("waits", {}, False),
        ("batch-extract", {}, False),
    ],
)
def test_what_waits_is_tried_again_once_when_something_happened_that_it_may_have_waited_for(
    waiting: Engine, action: str, details: dict[str, int], is_news: bool
) -> None:
    assert has_work_now(waiting) is False
    assert taken(waiting, "run-1") == []
    happens(waiting, action, **details)
    happens(waiting, "batch-load")
    assert has_work_now(waiting) is is_news
    assert taken(waiting, "run-2") == ([("a", "v1")] if is_news else [])
    finish(waiting, "a", "waiting")
    assert has_work_now(waiting) is False


def test_what_happens_in_another_company_lets_nothing_be_tried_again(waiting: Engine) -> None:
    happens(waiting, company="north")
    assert taken(waiting, "run-1") == []


def test_what_happens_while_a_record_is_tried_lets_it_be_tried_once_more(waiting: Engine) -> None:
    happens(waiting)
    taken(waiting, "run-1")
    happens(waiting)  # after its rules looked, before its outcome is written
    finish(waiting, "a", "waiting")
    assert taken(waiting, "run-2") == [("a", "v1")]


def test_a_person_who_asks_for_a_leg_gets_all_that_waits(waiting: Engine) -> None:
    assert has_work_now(waiting, asked=True)
    assert pairs(batch(waiting, "run-1", asked=True)) == [("a", "v1")]


def test_what_its_target_put_off_is_tried_by_each_run(waiting: Engine) -> None:
    for number in (1, 2):
        with transaction(waiting) as session:
            set_outcomes(session, ORDER.flow, ORDER.leg, {"a": Fate("waiting", "is open", by_target=True)})
        assert has_work_now(waiting)
        assert taken(waiting, f"run-{number}") == [("a", "v1")]


def test_a_run_that_is_cleared_tries_again_what_waits_since_it(waiting: Engine) -> None:
    assert taken(waiting, "run-0") == [("a", "v1")]


@pytest.mark.parametrize(("waited", "left"), [(0.0, 1.0), (5.0, 5.0), (45.0, 45.0), (600.0, 60.0)])
def test_without_news_what_waits_is_tried_after_as_long_as_it_has_waited_and_each_hour_at_least(
    waiting: Engine, waited: float, left: float
) -> None:
    pass_time(waiting, waited)
    happens(waiting)
    assert taken(waiting, "run-1") == [("a", "v1")]
    finish(waiting, "a", "waiting")
    pass_time(waiting, left - 1)
    assert taken(waiting, "run-2") == []
    pass_time(waiting, 1.5)
    assert taken(waiting, "run-3") == [("a", "v1")]


def test_a_newer_version_of_what_waits_is_taken_at_once_and_waits_anew(waiting: Engine) -> None:
    pass_time(waiting, 30)
    log(waiting, [found("a", "v2")])
    assert taken(waiting, "run-1") == [("a", "v2")]
    finish(waiting, "a", "waiting")
    pass_time(waiting, 1.5)
    assert taken(waiting, "run-2") == [("a", "v2")]


def has_work_now(engine: Engine, *, asked: bool = False) -> bool:
    with transaction(engine) as session:
        return has_work(session, ORDER, asked=asked)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("log"), st.sampled_from("abc")),
            st.tuples(st.just("news"), st.sampled_from(["delivered", "batch-load"])),
            st.tuples(st.just("minutes"), st.integers(1, 90)),
            st.tuples(st.just("pass"), st.integers(1, 3)),
        ),
        max_size=30,
    )
)
def test_whatever_happens_nothing_waits_for_more_than_an_hour_and_none_that_news_may_concern(
    steps: list[tuple[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('log') / 'state.db'}", company="main")
    migrate(engine)
    untried: dict[str, int] = {}  # minutes since it was tried last
    concerned: set[str] = set()  # news came since
    for number, (what, value) in enumerate(steps):
        with transaction(engine) as session:
            idle = idle_legs(session, [ORDER], "another run")
            assert not idle or not has_work(session, ORDER, asked=True)
        if what == "log":
            log(engine, [found(value, f"v{number}", minutes=number)])
            untried[value] = 0
            concerned.add(value)
        elif what == "news":
            happens(engine, value)
            concerned |= set(untried) if value == "delivered" else set()
        elif what == "minutes":
            pass_time(engine, value)
            untried = {key: minutes + value for key, minutes in untried.items()}
        else:
            due = concerned | {key for key, minutes in untried.items() if minutes >= 60}
            keys: set[str] = set()
            more = True
            while more:
                got = batch(engine, f"run-{number}-{len(keys)}", limit=value)
                more = got.more
                keys |= {each.key for each in got.records}
                finish(engine, [each.key for each in got.records], "waiting")
            assert due <= keys
            untried |= dict.fromkeys(keys, 0)
            concerned = set()


def is_idle(engine: Engine, run_id: str = "another run") -> bool:
    with transaction(engine) as session:
        idle = idle_legs(session, [ORDER, CUSTOMER], run_id)
        assert unbegun_legs(session, [ORDER, CUSTOMER]) >= {CUSTOMER}
    assert CUSTOMER not in idle
    return ORDER in idle


def test_a_leg_is_idle_between_the_end_of_what_it_took_and_the_next_change(state_db: Engine) -> None:
    log(state_db, [found("a")])
    assert not is_idle(state_db)  # it never took anything
    assert taken(state_db, "run-1") == [("a", "v1")]
    assert not is_idle(state_db)  # broken off, as far as anybody knows
    finish(state_db, "a")
    assert is_idle(state_db)
    assert not is_idle(state_db, "run-1")  # cleared
    log(state_db, [found("b")], uri=None)
    assert is_idle(state_db)  # announced only
    log(state_db, [found("a", "v2")])
    assert not is_idle(state_db)
    assert taken(state_db, "run-2") == [("a", "v2")]
    finish(state_db, "a", "waiting")
    assert not is_idle(state_db)


def test_a_leg_goes_no_further_than_the_legs_it_comes_behind(state_db: Engine) -> None:
    log(state_db, [found("a"), found("b")])
    assert taken(state_db, "run-1", behind=["customer"]) == []
    taken(state_db, "run-1", leg=CUSTOMER, limit=1)
    log(state_db, [found("a", "v2")])
    assert taken(state_db, "run-1", behind=["customer"]) == [("a", "v1")]
    taken(state_db, "run-2", leg=CUSTOMER)
    assert taken(state_db, "run-2", behind=["customer"]) == [("b", "v1"), ("a", "v2")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("log"), st.sampled_from("abcd"), st.integers(1, 4)),
            st.tuples(st.just("take"), st.sampled_from(["x", "y"]), st.integers(1, 3)),
            st.tuples(st.just("fail"), st.sampled_from(["x", "y"]), st.integers(1, 3)),
        ),
        max_size=25,
    )
)
def test_whatever_is_taken_when_each_leg_ends_with_the_newest_version_of_every_record(
    steps: list[tuple[str, str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('log') / 'state.db'}", company="main")
    migrate(engine)
    newest: dict[str, str] = {}
    delivered: dict[str, dict[str, str]] = {"x": {}, "y": {}}

    def run(leg: str, run_id: str, limit: int, *, fails: bool = False) -> bool:
        got = batch(engine, run_id, leg=ORDER._replace(leg=leg), limit=limit)
        assert len(got.records) <= limit
        if not fails:
            for each in got.records:
                delivered[leg][each.key] = each.version
            finish(engine, [each.key for each in got.records], leg=ORDER._replace(leg=leg))
        return got.more or fails

    for number, (what, name, count) in enumerate(steps):
        if what == "log":
            newest[name] = f"v{count}"
            log(engine, [found(name, f"v{count}", minutes=number)])
        else:
            run(name, f"run-{number}", count, fails=what == "fail")
    for leg in delivered:
        rounds = 0
        while run(leg, f"last-{leg}-{rounds}", 2):
            rounds += 1
    assert delivered == {"x": newest, "y": newest}


WRITER = """
import sys
from datetime import UTC, datetime
from ledgerbridge.changes import Found, SourceId, append
from ledgerbridge.state import connect, transaction

engine = connect(sys.argv[1])
for number in range(20):
    with transaction(engine) as session:
        found = [Found(f"{sys.argv[2]}-{number}-{each}", "v1", datetime(2026, 3, 2, tzinfo=UTC)) for each in range(5)]
        append(session, SourceId("main", "shopify.order", "shopify_us"), found, how="poll", payload_uri="file:///1")
"""


def test_a_leg_that_takes_while_two_processes_write_misses_no_change(state_db: Engine) -> None:
    url = state_db.url.render_as_string(hide_password=False)
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, url, name]) for name in ("one", "two")]
    keys: list[str] = []
    passes = 0
    while any(writer.poll() is None for writer in writers) or batch_left(state_db):
        got = [key for key, _ in taken(state_db, f"run-{passes}", limit=7)]
        finish(state_db, got)
        keys += got
        passes += 1
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sorted(keys) == sorted(
        f"{name}-{n}-{each}" for name in ("one", "two") for n in range(20) for each in range(5)
    )


HESITATING = """
import sys
from datetime import UTC, datetime
from ledgerbridge.changes import Found, SourceId, append
from ledgerbridge.state import connect, transaction

key = sys.argv[2]
print("begins", flush=True)
with transaction(connect(sys.argv[1])) as session:
    found = [Found(key, "v1", datetime(2026, 3, 2, tzinfo=UTC))]
    append(session, SourceId("main", "shopify.order", "shopify_us"), found, how="poll", payload_uri="file:///1")
    print("has its number", flush=True)
    sys.stdin.readline()
"""


def writer(engine: Engine, key: str) -> subprocess.Popen[str]:
    url = engine.url.render_as_string(hide_password=False)
    pipes: dict[str, int] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", HESITATING, url, key], text=True, **pipes)
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("now\n", timeout=60)
    assert process.returncode == 0


def waits_for_a_lock(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def test_a_number_that_is_given_first_is_not_seen_after_a_later_one(state_db: Engine) -> None:
    first = writer(state_db, "first")
    assert first.stdout is not None
    assert first.stdout.readline() == "has its number\n"
    second = writer(state_db, "second")
    assert second.stdin is not None
    second.stdin.write("now\n")
    second.stdin.flush()
    if state_db.dialect.name == "postgresql":  # on SQLite nobody can take while somebody writes
        while second.poll() is None and not waits_for_a_lock(state_db):
            pass
        assert taken(state_db, "run-1") == []
    end(first)
    end(second)
    assert taken(state_db, "run-2") == [("first", "v1"), ("second", "v1")]


def batch_left(engine: Engine) -> bool:
    with transaction(engine) as session:
        reached = session.scalars(select(Position.change)).first() or 0
        return last_number(session, "main", "shopify.order") > reached


def test_of_what_is_read_only_the_new_needs_to_be_staged(state_db: Engine) -> None:
    log(state_db, [found("a"), found("b")])
    with transaction(state_db) as session:
        assert unknown(session, US, [found("a"), found("b", "v2"), found("c")]) == [found("b", "v2"), found("c")]


def old(engine: Engine, before: datetime) -> list[str]:
    with transaction(engine) as session:
        return old_payloads(session, before)


def test_a_payload_is_kept_until_every_leg_that_runs_has_taken_and_finished_it(state_db: Engine) -> None:
    log(state_db, [found("a")], uri="file:///1")
    log(state_db, [found("b")], uri="file:///2")
    yesterday, tomorrow = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
    assert taken(state_db, "run-1", leg=CUSTOMER) == [("a", "v1"), ("b", "v1")]
    taken(state_db, "run-1", limit=1)
    finish(state_db, "ab", leg=CUSTOMER)
    assert old(state_db, tomorrow) == ["file:///2"]  # no leg has run since; the order has not ended
    finish(state_db, "a")
    assert old(state_db, tomorrow) == ["file:///1", "file:///2"]
    with transaction(state_db) as session:
        session.execute(update(LoggedChange).values(known_at=yesterday - timedelta(days=1)))
    assert old(state_db, yesterday) == ["file:///1"]
    taken(state_db, "run-2")
    finish(state_db, "b")
    assert old(state_db, yesterday) == ["file:///1", "file:///2"]


def test_after_a_purge_the_legs_that_run_take_nothing_twice_and_others_begin_anew(state_db: Engine) -> None:
    log(state_db, [found("a"), found("b")], uri="file:///1")
    read(state_db, at=NOON, newest=NOON)
    for leg in (CUSTOMER, ORDER):
        taken(state_db, "run-1", leg=leg)
        finish(state_db, "ab", leg=leg)
    idle_since = datetime.now(UTC)
    with transaction(state_db) as session:
        session.execute(update(Position).where(Position.leg == "order").values(taken_at=idle_since - timedelta(days=9)))
        forget_payloads(session, ["file:///1"], idle_since - timedelta(days=1))
    with transaction(state_db) as session:
        assert [has_position(session, leg) for leg in (CUSTOMER, ORDER)] == [True, False]
    assert begun(state_db, at=NOON, new_leg=True) is None
    assert log(state_db, [found("a"), found("b", "v2")], uri="file:///2") == 2
    assert taken(state_db, "run-2", leg=CUSTOMER) == [("b", "v2")]
    assert taken(state_db, "run-2", leg=ORDER) == [("b", "v2")]
    assert taken(state_db, "run-2", leg=ORDER._replace(leg="added")) == [("a", "v1"), ("b", "v2")]
    with transaction(state_db) as session:
        hashes = session.scalars(select(LoggedChange.content_hash).where(LoggedChange.payload_uri.is_(None))).all()
    assert set(hashes) == {"hash of a v1", "hash of b v1"}
