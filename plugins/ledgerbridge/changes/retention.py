"""Retention: staged files of the log go when nothing needs them any more; numbers, keys, versions and hashes stay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from ledgerbridge.state.models import LoggedChange, Position, Reading, SourceRecord
from ledgerbridge.state.source_records import UNFINISHED
from ledgerbridge.state.upsert import in_chunks

__all__ = ["forget_payloads", "old_payloads"]


def old_payloads(session: Session, before: datetime) -> list[str]:
    """
    Files of the log that were written before and that nothing needs any more.

    Whatever its age, one is needed that a leg has still to take or has not finished with. A leg that has not run since
    needs none: ``forget_payloads`` makes it begin anew.
    """
    behind = (
        select(Position.company, Position.entity, func.min(Position.change).label("change"))
        .where(Position.taken_at >= before)
        .group_by(Position.company, Position.entity)
        .subquery()
    )
    of_entity = and_(behind.c.company == LoggedChange.company, behind.c.entity == LoggedChange.entity)
    found = session.scalars(
        select(LoggedChange.payload_uri)
        .outerjoin(behind, of_entity)
        .where(LoggedChange.payload_uri.is_not(None))
        .group_by(LoggedChange.payload_uri)
        .having(
            and_(
                func.max(LoggedChange.known_at) < before,
                or_(func.min(behind.c.change).is_(None), func.max(LoggedChange.number) <= func.min(behind.c.change)),
            )
        )
        .order_by(func.min(LoggedChange.number))
    )
    needed = set(session.scalars(select(SourceRecord.batch_uri).where(SourceRecord.outcome.in_(UNFINISHED)).distinct()))
    return [uri for uri in found if uri is not None and uri not in needed]


def forget_payloads(session: Session, uris: Sequence[str], before: datetime) -> None:
    """
    Keep that these files are gone.

    A leg that is added, or that has not run since ``before``, finds the log incomplete and has its source read from the
    beginning.
    """
    for chunk in in_chunks(uris):
        gone = LoggedChange.payload_uri.in_(chunk)
        sources = session.execute(select(LoggedChange.company, LoggedChange.entity).where(gone).distinct()).all()
        session.execute(update(LoggedChange).where(gone).values(payload_uri=None))
        for company, entity in sources:
            of_entity = (Reading.company == company, Reading.entity == entity)
            session.execute(update(Reading).where(*of_entity).values(whole=False))
            idle = (Position.company == company, Position.entity == entity, Position.taken_at < before)
            session.execute(delete(Position).where(*idle))
