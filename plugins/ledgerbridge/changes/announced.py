"""
What was only announced: a webhook said that a record changed, and nobody has read it since.

An announcement is a change without a payload. How far a source's are answered stands with its reading: who reads the
records that they name moves that on, once what it read is in the log. So one that comes while a reading is under way,
or whose reading broke off, is still open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from ledgerbridge.changes.log import last_number
from ledgerbridge.changes.sources import SourceId
from ledgerbridge.state.database import serialise
from ledgerbridge.state.models import LoggedChange, Reading
from ledgerbridge.state.upsert import in_chunks

__all__ = ["Announced", "Told", "announce", "answer", "is_announced", "told_of"]


@dataclass(frozen=True)
class Announced:
    """
    One event's word that a record changed.

    :param key: as the source's records have it.
    :param event: what its repetitions are recognised by, of this record; at most 128 characters.
    :param at: by the source's clock, aware.
    """

    key: str
    event: str
    at: datetime


@dataclass(frozen=True)
class Told:
    """
    What of a source is announced and not read.

    :param keys: of the records, each once, in the order they were named.
    :param upto: the number up to which these are all.
    :param last: the last number of the log.
    """

    keys: list[str]
    upto: int
    last: int


def announce(session: Session, source: SourceId, told: Sequence[Announced]) -> int:
    """Write what the log was not told yet; how many that were. The caller commits, and others wait until then."""
    serialise(session, f"change {source.company} {source.entity}")
    fresh = {(each.key, each.event): each for each in told}
    for chunk in in_chunks(sorted({each.key for each in told})):
        known = select(LoggedChange.source_key, LoggedChange.version).where(
            LoggedChange.company == source.company,
            LoggedChange.entity == source.entity,
            LoggedChange.source_key.in_(chunk),
            LoggedChange.how == "webhook",
        )
        for key, event in session.execute(known):
            fresh.pop((key, event), None)
    known_at = datetime.now(UTC)
    rows = [
        {
            **source._asdict(),
            "source_key": each.key,
            "version": each.event,
            "changed_at": each.at,
            "how": "webhook",
            "payload_uri": None,
            "content_hash": None,
            "known_at": known_at,
        }
        for each in fresh.values()
    ]
    if rows:
        session.connection().execute(insert(LoggedChange), rows)
    return len(rows)


def told_of(session: Session, source: SourceId, limit: int) -> Told:
    """What is announced and not read, oldest first; ``limit`` announcements at most."""
    last = last_number(session, source.company, source.entity)  # first: what comes from here on is not among it
    found = session.execute(
        select(LoggedChange.number, LoggedChange.source_key)
        .where(*_open(session, source), LoggedChange.number <= last)
        .order_by(LoggedChange.number)
        .limit(limit)
    ).all()
    keys = list(dict.fromkeys(key for _, key in found))
    # behind the last of them all is no announcement: nobody has to look there again
    return Told(keys, found[-1].number if len(found) == limit else last, last)


def is_announced(session: Session, source: SourceId) -> bool:
    """Whether something is announced and not read."""
    return session.scalar(select(LoggedChange.number).where(*_open(session, source)).limit(1)) is not None


def answer(session: Session, source: SourceId, upto: int) -> None:
    """
    Keep that all announcements up to a number are read.

    Of a source that was never read they stay open: its first reading is of everything.
    """
    reading = (
        Reading.company == source.company,
        Reading.entity == source.entity,
        Reading.connection == source.connection,
    )
    session.execute(update(Reading).where(*reading, Reading.announced < upto).values(announced=upto))


def _open(session: Session, source: SourceId) -> tuple[Any, ...]:
    answered = session.scalar(
        select(Reading.announced).where(
            Reading.company == source.company,
            Reading.entity == source.entity,
            Reading.connection == source.connection,
        )
    )
    return (
        LoggedChange.company == source.company,
        LoggedChange.entity == source.entity,
        LoggedChange.connection == source.connection,
        LoggedChange.number > (answered or 0),
        LoggedChange.how == "webhook",
        LoggedChange.content_hash.is_(None),  # those that have one were read
    )
