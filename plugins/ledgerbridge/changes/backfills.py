"""
Backfills: a source read anew from a date on, span by span, oldest first; one that breaks off goes on behind its last.

A span is short enough for what lies in it to be some thousands of records: it grows and shrinks with what is found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from ledgerbridge.changes.sources import SourceId
from ledgerbridge.entities import CallsLeft
from ledgerbridge.state.models import BackfillRow
from ledgerbridge.state.upsert import upsert

__all__ = ["Backfill", "Pace", "begin_or_resume", "reached", "spans"]

_FIRST_SPAN = timedelta(days=1)
_LONGEST_SPAN = timedelta(days=92)
_SHORTEST_SPAN = timedelta(minutes=15)
_FEW, _MANY = 500, 5_000
"""Records of a span that make the next one longer, and shorter."""


@dataclass(frozen=True)
class Backfill:
    """
    A source's records that changed from ``since`` up to ``until``, of which those up to ``done`` are in the log.

    :param rows: how many records were read; :param new: of how many the log did not hold this version.
    """

    source: SourceId
    since: datetime
    until: datetime
    done: datetime
    rows: int = 0
    new: int = 0

    @property
    def is_done(self) -> bool:
        """Whether all of it is in the log."""
        return self.done >= self.until

    @property
    def share(self) -> float:
        """How much of its time is done, from 0 to 1."""
        whole = self.until - self.since
        return 1.0 if whole <= timedelta() else min(1.0, (self.done - self.since) / whole)


class Pace:
    """
    How long a span is next, and how long the rest will take.

    :param begun: the backfill as it was when this process began with it.
    """

    def __init__(self, begun: Backfill) -> None:
        self._begun = begun
        self._span = _FIRST_SPAN

    def next_end(self, backfill: Backfill) -> datetime:
        """Where the next span ends."""
        return min(backfill.done + self._span, backfill.until)

    def found(self, rows: int) -> None:
        """So many records lay in the last span."""
        if rows < _FEW:
            self._span = min(self._span * 2, _LONGEST_SPAN)
        elif rows > _MANY:
            self._span = max(self._span / 2, _SHORTEST_SPAN)

    def rest(
        self, backfill: Backfill, took: timedelta, *, calls: int = 0, granted: CallsLeft | None = None
    ) -> timedelta | None:
        """
        How long what is not done will take; None: nothing is done yet.

        At the pace so far, but no faster than the calls it needs are granted: what is left of a minute's goes quicker
        than all that come after it, and who has used up a day's waits for the next.

        :param took: how long this process has worked on it, waits counted.
        :param calls: how many calls it has made meanwhile of those that the system counts.
        :param granted: what it may call still; None: nothing limits that.
        """
        done = backfill.share - self._begun.share
        if done <= 0:
            return None
        times = (1 - backfill.share) / done
        if granted is None:
            return took * times
        needed = round(calls * times)
        minutes = needed / max(granted.a_minute, 1)
        beyond_today = needed - granted.left if needed else 0
        days = max(0, -(-beyond_today // max(granted.a_day, 1)))
        return max(took * times, timedelta(minutes=minutes), timedelta(days=days))


def spans(session: Session, source: SourceId, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """
    A time cut into equal spans of some thousands of records, if as many lie in it as in as long a time before.

    A span that has more is read in portions all the same; it is only longer until its task is done.
    """
    whole = until - since
    lying = select(func.sum(BackfillRow.rows)).where(
        *_of(source), BackfillRow.since >= since - whole, BackfillRow.until <= since
    )
    before = session.scalar(lying) or 0
    count = max(1, min(-(-before // _MANY), whole // _SHORTEST_SPAN))
    ends = [since + whole * number / count for number in range(count)] + [until]
    return list(pairwise(ends))


def begin_or_resume(session: Session, source: SourceId, since: datetime, until: datetime) -> Backfill:
    """
    A backfill from then on, or the one that broke off; the caller commits.

    :param until: where one that begins now ends; what changes later the flow's own readings find.
    """
    row = session.scalar(select(BackfillRow).where(*_of(source), BackfillRow.since == since))
    if row is not None and row.done < row.until:
        return Backfill(source, row.since, row.until, row.done, row.rows, row.new)
    return reached(session, Backfill(source, since, until, since), since, 0, 0)


def reached(session: Session, backfill: Backfill, done: datetime, rows: int, new: int) -> Backfill:
    """Keep that so many records more, up to a time, are in the log; the caller commits."""
    further = replace(backfill, done=done, rows=backfill.rows + rows, new=backfill.new + new)
    values = {
        **further.source._asdict(),
        "since": further.since,
        "until": further.until,
        "done": further.done,
        "rows": further.rows,
        "new": further.new,
        "updated_at": datetime.now(UTC),
    }
    upsert(session, BackfillRow, [values], key=["company", "entity", "connection", "since"])
    return further


def _of(source: SourceId) -> tuple[ColumnElement[bool], ...]:
    return (
        BackfillRow.company == source.company,
        BackfillRow.entity == source.entity,
        BackfillRow.connection == source.connection,
    )
