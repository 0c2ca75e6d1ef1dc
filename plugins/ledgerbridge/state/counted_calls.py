"""
What a system grants its callers a minute, a day and at once, counted over all machines, by the database's clock.

Windows slide: never more calls than the limit in any minute, wherever the system's own windows begin. A call counts
from when it is made until a minute after its answer: only the system knows when between the two it arrived.
"""

from __future__ import annotations

from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from ledgerbridge.state.clock import database_now
from ledgerbridge.state.database import serialise
from ledgerbridge.state.models import CallPause, CountedCall
from ledgerbridge.state.upsert import upsert

__all__ = [
    "CAN_WAIT",
    "Allowance",
    "Limits",
    "allowance",
    "begin_call",
    "budgets",
    "end_call",
    "granted_now",
    "pause_calls",
]

_MINUTE = timedelta(seconds=60.1)
"""The system's minute by our clock may be longer, while that is being set right."""
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_LOST_AFTER = timedelta(seconds=30)
"""A call whose end nobody told holds its place so long: whoever made it was killed, or the system is very slow."""
_LOOK_AGAIN = timedelta(seconds=0.05)
_TIDY_EVERY = 100
"""After so many calls those of days past are forgotten."""
_LEFT_TO_OTHERS = 5
"""One in so many calls of a minute and of a day is kept for those that can't wait."""

CAN_WAIT: ContextVar[bool] = ContextVar("can_wait", default=False)
"""Whether who calls now leaves a part of what is granted to others."""


@dataclass(frozen=True)
class Limits:
    """What a system grants."""

    calls_per_minute: int
    calls_per_day: int
    calls_at_once: int

    @property
    def a_day_counts(self) -> bool:
        """Whether the minute's limit lets anybody reach the day's."""
        return self.calls_per_minute * 24 * 60 > self.calls_per_day

    def for_those_who_wait(self) -> Limits:
        """What is left of it to callers that can wait."""
        return Limits(_most(self.calls_per_minute), _most(self.calls_per_day), self.calls_at_once)


@dataclass(frozen=True)
class Allowance:
    """
    What is left of the last 24 hours' calls.

    :param ends_in: when it will be used up if calls go on as in the last hour; None: not within a day.
    """

    limit: int
    left: int
    ends_in: timedelta | None


def granted_now(limits: Limits) -> Limits:
    """What who calls now may use of it: all, or what is left to those who can wait."""
    return limits.for_those_who_wait() if CAN_WAIT.get() else limits


def begin_call(
    session: Session, budget: str, limits: Limits, *, now: datetime | None = None
) -> tuple[int | None, timedelta]:
    """
    Count a call that goes out now; its number, or how long to wait before asking again.

    Others who ask wait until the caller commits.

    :param budget: what the limits are for, at most 64 characters.
    """
    serialise(session, f"calls {budget}")
    now = now or database_now(session)
    if (pause := session.get(CallPause, budget)) is not None and pause.until > now:
        return None, pause.until - now
    limits = granted_now(limits)
    wait = max(_wait_of_the_minute(session, budget, limits, now), _wait_of_the_day(session, budget, limits, now))
    if wait > timedelta():
        return None, wait
    call = CountedCall(budget=budget, began_at=now, ended_at=None)
    session.add(call)
    session.flush()
    if call.id % _TIDY_EVERY == 0:
        session.execute(delete(CountedCall).where(CountedCall.budget == budget, CountedCall.began_at <= now - _DAY))
    return call.id, timedelta()


def end_call(session: Session, call: int, *, now: datetime | None = None) -> None:
    """A call was answered, or broke off."""
    ended = update(CountedCall).where(CountedCall.id == call).values(ended_at=now or database_now(session))
    session.execute(ended)


def pause_calls(session: Session, budget: str, pause: timedelta, *, now: datetime | None = None) -> None:
    """Let nobody call for so long: the system said so."""
    values = {"budget": budget, "until": (now or database_now(session)) + pause}
    upsert(session, CallPause, [values], key=["budget"])


def budgets(session: Session) -> list[str]:
    """What calls were counted for in the last days."""
    return list(session.scalars(select(CountedCall.budget).distinct().order_by(CountedCall.budget)))


def allowance(session: Session, budget: str, limits: Limits, *, now: datetime | None = None) -> Allowance | None:
    """What is left of the day, and when nothing will be; None where the minute's limit lets nobody use it up."""
    if not limits.a_day_counts:
        return None
    now = now or database_now(session)
    made = session.scalars(select(CountedCall.began_at).where(*_since(budget, now - _DAY))).all()
    of_last_hour = sum(each > now - _HOUR for each in made)
    # in so many hours the calls of an hour have left the window of 24
    leaving = Counter(int((each - (now - _DAY)) / _HOUR) for each in made)
    used, ends_in = len(made), None
    for hour in range(24):
        room, net = limits.calls_per_day - used, of_last_hour - leaving[hour]
        if net >= room:
            ends_in = (hour + max(room, 0) / max(net, 1)) * _HOUR
            break
        used += net
    return Allowance(limits.calls_per_day, limits.calls_per_day - len(made), ends_in)


def _wait_of_the_minute(session: Session, budget: str, limits: Limits, now: datetime) -> timedelta:
    """Of the minute, and of those in progress."""
    recent = or_(CountedCall.ended_at.is_(None), CountedCall.ended_at > now - _MINUTE)
    rows = session.execute(
        select(CountedCall.began_at, CountedCall.ended_at).where(
            *_since(budget, now - _MINUTE - _LOST_AFTER - _HOUR), recent
        )
    ).all()
    ends = sorted(end for end in (_end(began, ended, now) for began, ended in rows) if end > now - _MINUTE)
    in_progress = sum(ended is None and now - began < _LOST_AFTER for began, ended in rows)
    wait = _LOOK_AGAIN if in_progress >= limits.calls_at_once else timedelta()
    if len(ends) >= limits.calls_per_minute:
        wait = max(wait, ends[len(ends) - limits.calls_per_minute] + _MINUTE - now)
    return wait


def _wait_of_the_day(session: Session, budget: str, limits: Limits, now: datetime) -> timedelta:
    if not limits.a_day_counts:
        return timedelta()
    today = _since(budget, now - _DAY)
    over = (session.scalar(select(func.count()).where(*today)) or 0) - limits.calls_per_day
    if over < 0:
        return timedelta()
    first = select(CountedCall.began_at).where(*today).order_by(CountedCall.began_at).offset(over).limit(1)
    began = session.scalar(first)
    return timedelta() if began is None else began + _DAY - now


def _since(budget: str, at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (CountedCall.budget == budget, CountedCall.began_at > at)


def _end(began: datetime, ended: datetime | None, now: datetime) -> datetime:
    return ended or min(began + _LOST_AFTER, now)


def _most(limit: int) -> int:
    return max(1, limit - limit // _LEFT_TO_OTHERS)
