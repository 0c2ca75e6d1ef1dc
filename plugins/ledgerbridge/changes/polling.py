"""
When a source whose system sends no webhooks is read again: soon while something comes, ever later while nothing does.

The pause is half of how long nothing new had been found when it was read last, so that each is half as long again as
the one before; it needs nothing but what is kept of readings and changes anyway, whoever read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.changes.sources import SourceId
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import LoggedChange, Reading

__all__ = ["PolledSource", "due", "is_due"]


@dataclass(frozen=True)
class PolledSource:
    """
    An entity that is read now and then, of these connections.

    :param least_seconds: the pause after something new; :param most_seconds: the longest.
    """

    entity: str
    connections: Sequence[str]
    least_seconds: float
    most_seconds: float


def due(session: Session, company: str, polled: Sequence[PolledSource], down: Collection[str] = ()) -> list[SourceId]:
    """
    The sources that are to be read.

    :param down: connections that nobody calls now.
    """
    return [
        source
        for each in polled
        for source in (SourceId(company, each.entity, connection) for connection in each.connections)
        if source.connection not in down and is_due(session, source, each)
    ]


def is_due(session: Session, source: SourceId, polled: PolledSource) -> bool:
    """Whether a source was not read for its pause, or never; by the database's clock, for who asks may be anywhere."""
    ended_at = session.scalar(
        select(Reading.ended_at).where(
            Reading.company == source.company,
            Reading.entity == source.entity,
            Reading.connection == source.connection,
        )
    )
    if ended_at is None:
        return True
    pause = timedelta(seconds=polled.most_seconds)
    if (newest := _newest(session, source)) is not None:
        pause = min(pause, max(timedelta(seconds=polled.least_seconds), (ended_at - newest) / 2))
    # one that ended later than now was kept by another clock than this
    return not timedelta() <= database_now(session) - ended_at < pause


def _newest(session: Session, source: SourceId) -> datetime | None:
    """When the last change of the entity became known, of whichever connection; None: there is none."""
    of_entity = (LoggedChange.company == source.company, LoggedChange.entity == source.entity)
    last: datetime | None = session.scalar(
        select(LoggedChange.known_at).where(*of_entity).order_by(LoggedChange.number.desc()).limit(1)
    )
    return last
