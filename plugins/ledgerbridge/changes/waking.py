"""
When a stage is to run because the change log has something for it.

What a run could do nothing about last time is no reason to run again at once: it is told again after a while, which
doubles as long as no run gets any further. What was announced after the run under way had read is told at once: Airflow
makes the next run of it the moment that one ends.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from ledgerbridge.changes.announced import is_announced
from ledgerbridge.changes.sources import SourceId
from ledgerbridge.changes.taking import LegId, has_new
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import Delivery, DeliveryTry, LoggedChange, Position, Reading

__all__ = ["Progress", "Waking", "WatchedLeg", "Work", "last_change", "open_legs", "progress_of", "work_of"]

_FIRST_SECONDS = 5.0
"""Longer than Airflow takes to make a run of what it is told."""
_LONGEST_SECONDS = 300.0
_NEXT_RUN_SECONDS = 2.0
"""How long after a run's end the one that was told of during it may take to be seen."""
_SHORT_RUN_SECONDS = 3.0
"""A run that is longer is not waited for closely: what it is behind it takes when it ends, and has been told of."""
_NEWS_SECONDS = 15.0
"""What is new waits no longer where runs get no further: it may be something else that keeps them."""
_LOOKED_UP_WITHIN = timedelta(days=1)
"""What no run has looked up by then waits for another reason than time."""


class Progress(NamedTuple):
    """How far a stage's legs have taken, and how far what was announced to them is read; sums of numbers."""

    taken: int
    read: int


@dataclass(frozen=True)
class Work:
    """
    What a stage has to do.

    :param announced: whether there is something among it that nobody has read yet.
    :param last: the last number of all that its legs take.
    """

    progress: Progress
    announced: bool = False
    last: int = 0


@dataclass(frozen=True)
class WatchedLeg:
    """
    A leg that may get work.

    :param sources: the connections of each entity that it takes.
    :param target: the connections that it writes to.
    :param done_by: as for ``take``.
    """

    leg: str
    sources: Mapping[str, Sequence[str]]
    target: Sequence[str]
    done_by: Sequence[str]

    @property
    def connections(self) -> set[str]:
        """All that have to answer for it to do anything."""
        return {*self.target, *(each for connections in self.sources.values() for each in connections)}


class Waking:
    """Decides whether a stage is told now; times are of one monotonic clock."""

    def __init__(self) -> None:
        self._told: Progress | None = None
        self._told_at = 0.0
        self._last = 0
        self._pause = _FIRST_SECONDS
        self._not_before = 0.0
        self._ahead_since: float | None = None
        self._idle_since: float | None = None

    def waits_long(self, now: float) -> bool:
        """Whether the next run is told of, and the one under way takes its time: nothing is told before it ends."""
        return self._ahead_since is not None and now - self._ahead_since >= _SHORT_RUN_SECONDS

    def tells(self, work: Work | None, now: float, under_way: Callable[[], bool]) -> bool:
        """
        Whether to tell now, which is then taken for done.

        :param work: what the stage has to do; None: nothing.
        :param under_way: whether a run of it is queued or running; asked only where that matters.
        """
        if work is None:
            self._told, self._ahead_since = None, None
            return False
        progress = work.progress
        was_read = self._told is None or progress.read != self._told.read
        if self._ahead_since is not None and not was_read:
            return self._next_run_is_missing(now, under_way) and self._tell(work, now, ahead=False)
        self._ahead_since = None
        has_news = work.announced and was_read
        again_at = self._not_before if work.last <= self._last else min(self._not_before, self._told_at + _NEWS_SECONDS)
        if not has_news and progress == self._told and now < again_at:
            return False
        if under_way():
            return has_news and self._tell(work, now, ahead=True)
        return self._tell(work, now, ahead=False)

    def _next_run_is_missing(self, now: float, under_way: Callable[[], bool]) -> bool:
        if under_way():
            self._idle_since = None
            return False
        self._idle_since = now if self._idle_since is None else self._idle_since
        return now - self._idle_since >= _NEXT_RUN_SECONDS

    def _tell(self, work: Work, now: float, *, ahead: bool) -> bool:
        self._pause = min(self._pause * 2, _LONGEST_SECONDS) if work.progress == self._told else _FIRST_SECONDS
        self._told, self._told_at, self._last = work.progress, now, work.last
        self._not_before = now + self._pause
        self._ahead_since, self._idle_since = now if ahead else None, None
        return True


def work_of(
    session: Session, company: str, flow: str, legs: Sequence[WatchedLeg], down: Collection[str] = ()
) -> Work | None:
    """What a stage of these legs has to do, None where that is nothing; parameters as for ``open_legs``."""
    if not open_legs(session, company, flow, legs, down):
        return None
    up = [leg for leg in legs if leg.connections.isdisjoint(down)]
    announced = any(_is_announced(session, company, leg) for leg in up)
    return Work(progress_of(session, company, flow, legs), announced)


def open_legs(
    session: Session, company: str, flow: str, legs: Sequence[WatchedLeg], down: Collection[str] = ()
) -> list[str]:
    """
    The legs that have something to take, of a source of which something is announced, or with a call to look up.

    :param down: connections that nobody calls now: a leg that needs one has to wait.
    """
    found = []
    for leg in legs:
        if leg.connections.isdisjoint(down) and _is_open(session, company, flow, leg):
            found.append(leg.leg)
    return found


def progress_of(session: Session, company: str, flow: str, legs: Sequence[WatchedLeg]) -> Progress:
    """How far these legs, and those who read for them, have come."""
    taken = select(func.sum(Position.change)).where(
        Position.company == company, Position.flow == flow, Position.leg.in_([each.leg for each in legs])
    )
    entities = {entity for leg in legs for entity in leg.sources}
    read = select(func.sum(Reading.announced)).where(Reading.company == company, Reading.entity.in_(entities))
    return Progress(session.scalar(taken) or 0, session.scalar(read) or 0)


def last_change(session: Session, company: str, legs: Sequence[WatchedLeg]) -> int:
    """The last number of all that these legs take."""
    entities = sorted({entity for leg in legs for entity in leg.sources})
    # each by itself: of several at once a database looks at all there ever were, four times a second
    latest = [
        select(func.max(LoggedChange.number))
        .where(LoggedChange.company == company, LoggedChange.entity == entity)
        .scalar_subquery()
        for entity in entities
    ]
    return max((number or 0 for number in session.execute(select(*latest)).one()), default=0) if latest else 0


def _is_open(session: Session, company: str, flow: str, leg: WatchedLeg) -> bool:
    return (
        _is_announced(session, company, leg)
        or any(has_new(session, LegId(company, flow, leg.leg, entity), leg.done_by) for entity in leg.sources)
        or _is_settled(session, company, flow, leg.leg)
    )


def _is_settled(session: Session, company: str, flow: str, leg: str) -> bool:
    """Whether a call of the leg lost its answer, and can't be under way any more: a run is to look its record up."""
    now = database_now(session)
    lives = exists().where(DeliveryTry.number == Delivery.fence, DeliveryTry.lease_until > now)
    of_leg = (Delivery.company == company, Delivery.flow == flow, Delivery.leg == leg, Delivery.state == "sending")
    settled = (Delivery.called_at.is_not(None), Delivery.settles_at.between(now - _LOOKED_UP_WITHIN, now), ~lives)
    return session.scalar(select(Delivery.id).where(*of_leg, *settled).limit(1)) is not None


def _is_announced(session: Session, company: str, leg: WatchedLeg) -> bool:
    return any(
        is_announced(session, SourceId(company, entity, connection))
        for entity, connections in leg.sources.items()
        for connection in connections
    )
