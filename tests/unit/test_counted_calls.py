"""What a system grants a minute, a day and at once is counted over all who call it, wherever they run."""

from __future__ import annotations

from collections import Counter
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.pool import ThreadPool

import pytest
from sqlalchemy import Engine, func, select

from hooks.xero.budget import GRANTED, CallBudget
from ledgerbridge.entities import CallsLeft
from ledgerbridge.errors import TransientError
from ledgerbridge.state import counted_calls, transaction
from ledgerbridge.state.counted_calls import CAN_WAIT, Allowance, Limits, allowance, begin_call, end_call, pause_calls
from ledgerbridge.state.models import CountedCall

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TWO = replace(GRANTED, calls_per_minute=2)
ONE_AT_ONCE = replace(GRANTED, calls_at_once=1)
A_DAY = replace(GRANTED, calls_per_minute=60, calls_per_day=100)


def begin(engine: Engine, limits: Limits, seconds: float, budget: str = "t-1") -> tuple[int | None, float]:
    with transaction(engine) as session:
        number, wait = begin_call(session, budget, limits, now=at(seconds))
    return number, wait.total_seconds()


def end(engine: Engine, number: int | None, seconds: float) -> None:
    assert number is not None
    with transaction(engine) as session:
        end_call(session, number, now=at(seconds))


def call(engine: Engine, limits: Limits, seconds: float, took: float = 0.0) -> bool:
    """Make a call that is answered; whether it could go out."""
    number, _ = begin(engine, limits, seconds)
    if number is not None:
        end(engine, number, seconds + took)
    return number is not None


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def left(engine: Engine, hours: float) -> Allowance | None:
    with transaction(engine) as session:
        return allowance(session, "t-1", A_DAY, now=at(3600 * hours))


def test_a_place_is_held_until_the_call_ends(state_db: Engine) -> None:
    first, _ = begin(state_db, ONE_AT_ONCE, 0)
    assert begin(state_db, ONE_AT_ONCE, 20) == (None, 0.05)
    end(state_db, first, 20)
    assert begin(state_db, ONE_AT_ONCE, 20)[0] is not None


def test_the_place_of_a_killed_worker_is_free_again_after_half_a_minute(state_db: Engine) -> None:
    begin(state_db, ONE_AT_ONCE, 0)
    assert begin(state_db, ONE_AT_ONCE, 29)[0] is None
    assert begin(state_db, ONE_AT_ONCE, 30)[0] is not None


def test_a_minute_says_when_it_goes_on(state_db: Engine) -> None:
    assert call(state_db, TWO, 0)
    assert call(state_db, TWO, 10)
    assert begin(state_db, TWO, 20)[1] == pytest.approx(40.1)
    assert call(state_db, TWO, 60.1)


def test_a_slow_call_counts_for_a_minute_after_its_answer(state_db: Engine) -> None:
    """Xero's minute begins at 4 s: a call made at 0 s arrives in it at 5 s, so that a third one at 61 s is too many."""
    assert call(state_db, TWO, 0, took=5.4)
    assert call(state_db, TWO, 5.4)
    assert begin(state_db, TWO, 61)[1] == pytest.approx(4.5)
    assert call(state_db, TWO, 65.5)


def test_budgets_are_apart(state_db: Engine) -> None:
    assert begin(state_db, replace(GRANTED, calls_per_minute=1), 0)[0] is not None
    assert begin(state_db, replace(GRANTED, calls_per_minute=1), 0, "t-2")[0] is not None


def test_a_pause_holds_everybody(state_db: Engine) -> None:
    with transaction(state_db) as session:
        pause_calls(session, "t-1", timedelta(seconds=30), now=at(0))
    assert begin(state_db, TWO, 10)[1] == pytest.approx(20)
    assert begin(state_db, TWO, 30)[0] is not None


def test_a_day_says_when_it_goes_on_and_forgets_what_is_older(
    state_db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counted_calls, "_TIDY_EVERY", 1)
    limits = replace(GRANTED, calls_per_minute=60, calls_per_day=2)
    assert call(state_db, limits, 0)
    assert call(state_db, limits, 3600)
    assert begin(state_db, limits, 7200)[1] == pytest.approx(22 * 3600)
    assert call(state_db, limits, 24 * 3600)
    with transaction(state_db) as session:
        assert session.scalar(select(func.count()).select_from(CountedCall)) == 2


def test_those_who_can_wait_leave_a_fifth_to_the_others(state_db: Engine) -> None:
    limits = replace(GRANTED, calls_per_minute=10)

    def waits() -> list[bool]:
        CAN_WAIT.set(True)
        return [call(state_db, limits, 0) for _ in range(9)]

    assert copy_context().run(waits) == [True] * 8 + [False]
    assert [call(state_db, limits, 0) for _ in range(3)] == [True, True, False]


def test_who_can_wait_is_told_what_is_left_to_them(state_db: Engine) -> None:
    budget = CallBudget(lambda: state_db, "tenant", A_DAY)
    with budget.call():
        pass

    def waits() -> CallsLeft | None:
        CAN_WAIT.set(True)
        return budget.left_to_caller()

    assert budget.left_to_caller() == CallsLeft(99, 100, 60, made=1)
    assert copy_context().run(waits) == CallsLeft(79, 80, 48, made=1)


def test_the_day_s_end_is_foretold_from_the_last_hour(state_db: Engine) -> None:
    for number in range(20):
        assert call(state_db, A_DAY, 60 * number)
    assert left(state_db, 0.5) == Allowance(100, 80, timedelta(hours=4))
    assert left(state_db, 2) == Allowance(100, 80, None), "nobody calls any more"


def test_calls_that_leave_the_window_as_others_come_let_a_day_last(state_db: Engine) -> None:
    for hour in range(24):
        for number in range(4):
            assert call(state_db, A_DAY, 3600 * hour + 60 * number)
    assert left(state_db, 23.5) == Allowance(100, 4, None)


def test_no_day_is_foretold_where_the_minute_s_limit_never_uses_it_up(state_db: Engine) -> None:
    with transaction(state_db) as session:
        assert allowance(session, "t-1", replace(GRANTED, calls_per_minute=1, calls_per_day=5000)) is None


def test_ten_who_call_at_once_stay_within_what_is_granted(state_db: Engine) -> None:
    limits = replace(GRANTED, calls_per_minute=7, calls_at_once=100)

    def try_to_call(_: int) -> str:
        try:
            with CallBudget(lambda: state_db, "tenant", limits, patience_seconds=0.2).call():
                return "called"
        except TransientError as error:
            return f"{error.code}, in a minute: {50 < (error.retry_after_seconds or 0) < 61}"

    with ThreadPool(5) as pool:
        found = Counter(pool.map(try_to_call, range(10)))
    assert found == {"called": 7, "LB-XERO-008, in a minute: True": 3}


def test_a_pause_that_is_longer_than_the_patience_belongs_to_the_retry(state_db: Engine) -> None:
    budget = CallBudget(lambda: state_db, "tenant", TWO, patience_seconds=0.2)
    with pytest.raises(TransientError) as told:
        budget.pause(30)
    assert told.value.retry_after_seconds == 30
    with pytest.raises(TransientError) as caught, budget.call():
        pass
    assert caught.value.retry_after_seconds == pytest.approx(30, abs=5)
