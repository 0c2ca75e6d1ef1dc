"""The oldest change of each source that no leg has taken yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.state.models import LoggedChange, Position

__all__ = ["OpenChange", "open_changes"]


@dataclass(frozen=True)
class OpenChange:
    """The first change behind a leg's position: when it became known, of which entity."""

    flow: str
    leg: str
    entity: str
    known_at: datetime


def open_changes(session: Session, company: str) -> list[OpenChange]:
    """Of each leg that has something to take the oldest of it, the oldest first."""
    found = []
    for row in session.scalars(select(Position).where(Position.company == company)):
        of_entity = (LoggedChange.company == company, LoggedChange.entity == row.entity)
        behind = select(LoggedChange.known_at).where(*of_entity, LoggedChange.number > row.change)
        known_at = session.scalar(behind.order_by(LoggedChange.number).limit(1))
        if known_at is not None:
            found.append(OpenChange(row.flow, row.leg, row.entity, known_at))
    return sorted(found, key=lambda each: each.known_at)
