"""When a stage is told that the change log has something for it, and when it is left alone."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from airflow.models.trigger import Trigger
from airflow.serialization.encoders import encode_trigger
from airflow.triggers.base import BaseEventTrigger
from sqlalchemy import Engine

from ledgerbridge.changes import Announced, Found, LegId, SourceId, announce, append, begin_reading, end_reading, take
from ledgerbridge.changes.announced import answer, told_of
from ledgerbridge.changes.waking import Progress, Waking, WatchedLeg, Work, last_change, open_legs, progress_of, work_of
from ledgerbridge.state import transaction
from ledgerbridge.state.source_records import Fate, set_outcomes
from triggers.changes import StageHasWork

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
US = SourceId("main", "shop.order", "shop_us")
CUSTOMER = WatchedLeg("customer", {"shop.order": ["shop_us", "shop_uk"]}, ["gp"], [])
RETURN = WatchedLeg("goods_back", {"shop.order": ["shop_us", "shop_uk"]}, ["gp"], ["customer"])
PAYMENT = WatchedLeg("payment", {"gateway.charge": ["stripe"]}, ["xero"], [])
LEGS = [CUSTOMER, RETURN, PAYMENT]


def open_now(engine: Engine, down: Collection[str] = ()) -> list[str]:
    with transaction(engine) as session:
        return open_legs(session, "main", "some_flow", LEGS, down)


def progress(engine: Engine) -> tuple[int, ...]:
    with transaction(engine) as session:
        return progress_of(session, "main", "some_flow", LEGS)


def read(engine: Engine, key: str = "a") -> None:
    """A record is read into the log."""
    with transaction(engine) as session:
        begun = begin_reading(session, US, at=NOON, overlap=NOON - NOON, beginning=None)
        append(session, US, [Found(key, "v1", NOON, "hash")], how="poll", payload_uri=f"file:///{key}")
        end_reading(session, US, begun, newest=NOON, beginning=None, run_id="run-1", rows=1)


def tell(engine: Engine) -> None:
    with transaction(engine) as session:
        announce(session, US, [Announced("a", "event-1", NOON)])


def is_announced(engine: Engine, down: Collection[str] = ()) -> bool:
    with transaction(engine) as session:
        found = work_of(session, "main", "some_flow", LEGS, down)
    return found is not None and found.announced


def finish(engine: Engine, leg: str, *, taken_only: bool = False) -> None:
    """A leg takes all there is, and is done with it unless it only takes it."""
    with transaction(engine) as session:
        batch = take(session, LegId("main", "some_flow", leg, "shop.order"), "run-1", 100)
        if not taken_only:
            set_outcomes(session, "some_flow", leg, {each.key: Fate("delivered") for each in batch.records})


def test_nothing_is_open_where_nothing_is_known(state_db: Engine) -> None:
    assert open_now(state_db) == []


def test_what_is_announced_opens_all_legs_of_its_source_until_it_is_read(state_db: Engine) -> None:
    read(state_db)
    for leg in ("customer", "goods_back"):
        finish(state_db, leg)
    assert not is_announced(state_db)
    tell(state_db)
    assert is_announced(state_db)
    assert not is_announced(state_db, ["gp"]), "nobody can take it now"
    assert open_now(state_db) == ["customer", "goods_back"]
    with transaction(state_db) as session:
        answer(session, US, told_of(session, US, 10).upto)
    assert open_now(state_db) == []


def test_a_leg_is_open_behind_one_of_another_stage_when_that_is_done_with_it_and_not_before(state_db: Engine) -> None:
    read(state_db)
    assert open_now(state_db) == ["customer"]
    finish(state_db, "customer", taken_only=True)
    assert open_now(state_db) == []
    finish(state_db, "customer")
    assert open_now(state_db) == ["goods_back"]
    finish(state_db, "goods_back")
    assert open_now(state_db) == []


@pytest.mark.parametrize(
    ("down", "legs"),
    [
        pytest.param(["xero", "stripe"], ["customer", "goods_back"], id="others"),
        pytest.param(["gp"], [], id="the-target"),
        pytest.param(["shop_uk"], [], id="one-of-the-shops"),
    ],
)
def test_a_leg_whose_connection_makes_a_pause_is_no_reason_to_run(
    state_db: Engine, down: list[str], legs: list[str]
) -> None:
    tell(state_db)
    assert open_now(state_db, down) == legs


def test_progress_moves_when_a_leg_takes_and_when_what_is_announced_is_read(state_db: Engine) -> None:
    read(state_db)
    before = progress(state_db)
    finish(state_db, "customer")
    taken = progress(state_db)
    tell(state_db)
    assert progress(state_db) == taken != before
    with transaction(state_db) as session:
        answer(session, US, told_of(session, US, 10).upto)
        last = last_change(session, "main", LEGS)
    assert progress(state_db) != taken
    assert last == 2


def no_run() -> bool:
    return False


def a_run() -> bool:
    return True


def work(taken: int, read: int = 0, *, announced: bool = False, last: int = 0) -> Work:
    return Work(Progress(taken, read), announced, last)


def test_a_stage_is_told_at_once_and_then_only_when_a_run_got_further_or_after_a_pause() -> None:
    waking = Waking()
    assert not waking.tells(None, 0, no_run)
    assert waking.tells(work(1), 0, no_run)
    assert not waking.tells(work(1), 4.9, no_run)
    assert waking.tells(work(1), 5, no_run)
    assert waking.tells(work(2), 5.5, no_run)
    assert not waking.tells(work(2), 6, no_run)


def test_a_stage_whose_runs_get_no_further_is_told_ever_less_often() -> None:
    waking, now, told = Waking(), 0.0, []
    while now < 1800:
        if waking.tells(work(1), now, no_run):
            told.append(now)
        now += 0.5
    pauses = [later - earlier for earlier, later in pairwise(told)]
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300, 300]
    assert waking.tells(work(1, 1), now, no_run), "until one gets further"


def test_what_is_new_does_not_wait_for_the_long_pause_of_what_runs_can_do_nothing_about() -> None:
    """A source refuses to be read, or a leg's target is wrong; an order that comes meanwhile may well go through."""
    waking, now, told = Waking(), 0.0, []
    while now < 600:
        if waking.tells(work(1, announced=True, last=5), now, no_run):
            told.append(now)
        now += 0.5
    assert 600 - told[-1] > 60
    assert waking.tells(work(1, announced=True, last=6), now, no_run)
    again = [now + step for step in range(1, 16) if waking.tells(work(1, announced=True, last=7), now + step, no_run)]
    assert again == [now + 15]
    assert not waking.tells(work(1, announced=True, last=7), now + 60, no_run), "nor is it told again at once"
    assert waking.tells(work(2, announced=True, last=7), now + 61, no_run)


def test_a_stage_that_had_nothing_for_a_moment_is_told_at_once_again() -> None:
    waking = Waking()
    for second in range(2):
        assert waking.tells(work(1), second, no_run)
        assert not waking.tells(None, second, no_run)


def test_a_run_under_way_is_no_reason_to_tell_of_what_it_will_read_or_is_working_off() -> None:
    waking = Waking()
    assert waking.tells(work(1, announced=True), 0, no_run)
    assert not waking.tells(work(1, announced=True), 6, a_run), "it has not read yet"
    assert not waking.tells(work(1, 7), 7, a_run), "it has read, and takes"
    assert not waking.tells(work(8, 7), 8, a_run)


def test_what_comes_after_a_run_has_read_is_told_while_it_works_and_not_again_before_the_next_has_read() -> None:
    waking = Waking()
    assert waking.tells(work(1, announced=True), 0, no_run)
    assert waking.tells(work(1, 7, announced=True), 1, a_run)
    assert not waking.tells(work(8, 7, announced=True), 2, a_run)
    assert not waking.tells(work(8, 7, announced=True), 3, no_run), "the next one is about to begin"
    assert not waking.tells(work(8, 7, announced=True), 4, a_run)
    assert waking.tells(work(8, 9, announced=True), 5, a_run), "it has read, and more has come"


def test_a_long_run_is_watched_less_closely_once_the_next_one_is_told_of() -> None:
    waking = Waking()
    assert waking.tells(work(1, 1, announced=True), 0, no_run)
    assert not waking.waits_long(10), "what comes now is told at once"
    assert waking.tells(work(1, 2, announced=True), 10, a_run)
    assert [waking.waits_long(now) for now in (10, 12.9, 13, 60)] == [False, False, True, True]
    assert waking.tells(work(1, 3, announced=True), 61, a_run), "the next one has read"
    assert not waking.waits_long(61)


def test_a_stage_is_told_again_where_no_run_comes_of_what_it_was_told_during_one() -> None:
    waking = Waking()
    assert waking.tells(work(1, announced=True), 0, no_run)
    assert waking.tells(work(1, 7, announced=True), 1, a_run)
    told = [now for now in (3.0, 3.5, 4.0, 4.5, 5.0, 5.5) if waking.tells(work(8, 7, announced=True), now, no_run)]
    assert told == [5.0]


def test_the_trigger_survives_its_way_through_airflow() -> None:
    legs = json.dumps([{"leg": "customer", "sources": {"shop.order": ["shop_us"]}, "target": ["gp"], "done_by": []}])
    path, arguments = StageHasWork("some_flow.orders", "main", "some_flow", legs).serialize()
    assert path == f"{StageHasWork.__module__}.{StageHasWork.__qualname__}"
    assert StageHasWork(**arguments).serialize() == (path, arguments)
    # as Airflow compares what a DAG says with what it has stored: with another hash it would drop the trigger
    stored = Trigger(classpath=path, kwargs=encode_trigger({"classpath": path, "kwargs": arguments})["kwargs"])
    assert BaseEventTrigger.hash(path, arguments) == BaseEventTrigger.hash(stored.classpath, stored.kwargs)
