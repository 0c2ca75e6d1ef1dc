"""
When a stage is to run because the change log has something for it.

What a run could do nothing about last time is no reason to run again at once: it is told again after a while, which
doubles as long as no run gets any further.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledgerbridge.changes.announced import is_announced
from ledgerbridge.changes.sources import SourceId
from ledgerbridge.changes.taking import LegId, has_new
from ledgerbridge.state.models import LoggedChange, Position, Reading

__all__ = ["Progress", "Waking", "WatchedLeg", "last_change", "open_legs", "progress_of"]

Progress = tuple[int, ...]
"""How far a stage's legs have taken, and how far what was announced to them is read."""
_FIRST_SECONDS = 5.0
"""Longer than Airflow takes to make a run of what it is told."""
_LONGEST_SECONDS = 300.0


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
        self._pause = _FIRST_SECONDS
        self._not_before = 0.0

    def is_due(self, progress: Progress | None, now: float) -> bool:
        """
        Whether to tell, if no run is under way.

        :param progress: of a stage that has work; None: it has none.
        """
        if progress is None or progress != self._told:
            self._told = None
            self._pause = _FIRST_SECONDS
            return progress is not None
        return now >= self._not_before

    def told(self, progress: Progress, now: float) -> None:
        """It was told."""
        if progress == self._told:
            self._pause = min(self._pause * 2, _LONGEST_SECONDS)
        self._told, self._not_before = progress, now + self._pause


def open_legs(
    session: Session, company: str, flow: str, legs: Sequence[WatchedLeg], down: Collection[str] = ()
) -> list[str]:
    """
    The legs that have something to take, or of a source of which something is announced.

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
    return (session.scalar(taken) or 0, session.scalar(read) or 0)


def last_change(session: Session, company: str, legs: Sequence[WatchedLeg]) -> int:
    """The last number of all that these legs take."""
    entities = {entity for leg in legs for entity in leg.sources}
    latest = select(func.max(LoggedChange.number)).where(
        LoggedChange.company == company, LoggedChange.entity.in_(entities)
    )
    return session.scalar(latest) or 0


def _is_open(session: Session, company: str, flow: str, leg: WatchedLeg) -> bool:
    for entity, connections in leg.sources.items():
        if any(is_announced(session, SourceId(company, entity, each)) for each in connections):
            return True
        if has_new(session, LegId(company, flow, leg.leg, entity), leg.done_by):
            return True
    return False
