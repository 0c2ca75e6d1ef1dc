"""
Readings: from where a source is read, and how far that got.

A reading ends at the newest stamp it saw or at the source's time when it began, whichever is earlier: what is written
while it reads may come to lie behind it, and is read by the next one. A stamp from the future moves nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledgerbridge.changes.log import How, last_number
from ledgerbridge.changes.sources import SourceId
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import Delivery, LoggedChange, Reading
from ledgerbridge.state.upsert import in_chunks, upsert

__all__ = [
    "Begun",
    "begin_again",
    "begin_reading",
    "count_as_read",
    "end_reading",
    "is_list_due",
    "is_read_by",
    "is_written_by",
    "was_read",
]


@dataclass(frozen=True)
class Begun:
    """
    A reading that is under way.

    :param since: None reads from the beginning.
    :param after: the last number of the log when it began.
    :param at: the source's time when it began.
    :param cursor: how far the source had been read when it began.
    """

    since: datetime | None
    after: int
    at: datetime
    how: How
    cursor: datetime | None


def is_read_by(session: Session, source: SourceId, run_id: str) -> bool:
    """Whether this run has read the source, by whichever leg."""
    reading = _reading(session, source)
    return reading is not None and reading.run_id == run_id


def was_read(session: Session, source: SourceId) -> bool:
    """Whether the source was ever read to an end: from there, what was announced since is all that is new."""
    reading = _reading(session, source)
    return reading is not None and reading.until is not None


def count_as_read(session: Session, source: SourceId, run_id: str) -> None:
    """Keep that a run has read of a source what it is to read, though not by time."""
    reading = _reading(session, source)
    if reading is not None:
        reading.run_id = run_id


def is_list_due(session: Session, source: SourceId, every: timedelta) -> bool:
    """Whether a source was not listed whole for so long, or never was; a stamp from the future is only a stamp."""
    reading = _reading(session, source)
    listed_at = None if reading is None else reading.listed_at
    return listed_at is None or not timedelta() <= database_now(session) - listed_at < every


def is_written_by(session: Session, system: str, run_id: str) -> bool:
    """
    Whether a run has delivered to a system: what it read there before may not be all.

    Of any kind: a payment of a credit note, or its allocation, changes the credit note too.
    """
    of_run = (Delivery.run_id == run_id, Delivery.entity.startswith(f"{system}."), Delivery.state == "delivered")
    return session.scalar(select(Delivery.id).where(*of_run).limit(1)) is not None


def begin_reading(
    session: Session,
    source: SourceId,
    *,
    at: datetime,
    overlap: timedelta,
    beginning: datetime | None,
    new_leg: bool = False,
) -> Begun:
    """
    From where to read now.

    :param at: the source's time; a cursor beyond it is of no use.
    :param beginning: where a company without a reading begins; None: with the first record.
    :param new_leg: whether it is read for a leg that has taken nothing yet; that needs all the log lacks.
    """
    reading, after = _reading(session, source), last_number(session, source.company, source.entity)
    if reading is None or reading.until is None or (new_leg and not reading.whole):
        cursor = None if reading is None else reading.until
        return Begun(beginning, after, at, "poll" if reading is None else "backfill", cursor)
    return Begun(min(reading.until, at) - overlap, after, at, "poll", reading.until)


def begin_again(
    session: Session,
    source: SourceId,
    *,
    at: datetime,
    overlap: timedelta,
    beginning: datetime | None,
    lost: Collection[str],
) -> Begun | None:
    """
    From where to read what lay in staged files that can't be read any more; None: nothing of this source did.

    It moves no cursor, and is not ended by ``end_reading``.

    :param at, overlap, beginning: as for ``begin_reading``.
    :param lost: the files; of one that the log does not know, any record of the source may have been there.
    """
    oldest: dict[tuple[str, str], datetime] = {}
    for chunk in in_chunks(list(lost)):
        stamps = session.execute(
            select(LoggedChange.payload_uri, LoggedChange.connection, func.min(LoggedChange.changed_at))
            .where(
                LoggedChange.company == source.company,
                LoggedChange.entity == source.entity,
                LoggedChange.payload_uri.in_(chunk),
            )
            .group_by(LoggedChange.payload_uri, LoggedChange.connection)
        )
        oldest |= {(str(uri), connection): stamp for uri, connection, stamp in stamps}
    after = last_number(session, source.company, source.entity)
    if not {*lost} <= {uri for uri, _ in oldest}:
        return Begun(beginning, after, at, "backfill", None)
    own = [stamp for (_, connection), stamp in oldest.items() if connection == source.connection]
    return Begun(min(own) - overlap, after, at, "backfill", None) if own else None


def end_reading(
    session: Session,
    source: SourceId,
    begun: Begun,
    *,
    newest: datetime | None,
    beginning: datetime | None,
    run_id: str,
    rows: int,
    listed: bool = False,
) -> datetime:
    """
    Keep how far it got; that.

    :param newest: the latest stamp it saw; None when it saw nothing.
    :param beginning: as it was begun with. :param listed: it gave all the source's records.
    """
    reading = _reading(session, source)
    before = None if reading is None else reading.until
    if before is not None and before == begun.cursor and before > begun.at:
        before = None  # the source's clock was put back, or a stamp from the future was once taken for its time
    until = min(newest, begun.at) if newest is not None else before or begun.at
    until = max(until, before or until)
    values = {
        **source._asdict(),
        "since": begun.since,
        "until": until,
        "rows": rows,
        "whole": begun.since == beginning or (reading is not None and reading.whole),
        "run_id": run_id,
        "ended_at": database_now(session),
    }
    if listed:
        values["listed_at"] = values["ended_at"]
    upsert(session, Reading, [values], key=["company", "entity", "connection"])
    return until


def _reading(session: Session, source: SourceId) -> Reading | None:
    return session.scalar(
        select(Reading).where(
            Reading.company == source.company,
            Reading.entity == source.entity,
            Reading.connection == source.connection,
        )
    )
