"""
Legs that have nothing to do, told by a few statements for all of them: in a quiet pass that is nearly each of them.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from ledgerbridge.changes.taking import LegId
from ledgerbridge.state.models import LoggedChange, Position, SourceRecord
from ledgerbridge.state.source_records import UNFINISHED

__all__ = ["idle_legs", "unbegun_legs"]


def idle_legs(session: Session, legs: Collection[LegId], run_id: str) -> set[LegId]:
    """
    Of these legs of one flow those that ``has_work``, ``has_taken`` and ``beyond`` need not be asked about.

    They have taken from their source before; nothing of them is the run's, broken off or waiting; and the log holds
    nothing beyond their positions.
    """
    positions = _positions(session, legs)
    begun = positions.keys() - _with_open_records(session, legs, run_id)
    idle = set()
    for entity, group in groupby(sorted(begun, key=_entity), key=_entity):
        of_entity = list(group)
        last = _last_beyond(session, of_entity[0].company, entity, min(positions[leg] for leg in of_entity))
        idle |= {leg for leg in of_entity if last is None or last <= positions[leg]}
    return idle


def unbegun_legs(session: Session, legs: Collection[LegId]) -> set[LegId]:
    """Of these legs of one flow those that have taken nothing yet, as ``has_position`` tells of one."""
    return {*legs} - _positions(session, legs).keys()


def _positions(session: Session, legs: Collection[LegId]) -> dict[LegId, int]:
    flows = {leg.flow for leg in legs}
    rows = session.execute(
        select(Position.company, Position.flow, Position.leg, Position.entity, Position.change).where(
            Position.flow.in_(flows), Position.leg.in_({leg.leg for leg in legs})
        )
    )
    found = {LegId(*row[:4]): row[4] for row in rows}
    return {leg: found[leg] for leg in legs if leg in found}


def _with_open_records(session: Session, legs: Collection[LegId], run_id: str) -> set[LegId]:
    is_open = or_(SourceRecord.run_id == run_id, SourceRecord.outcome.in_(UNFINISHED))
    rows = session.execute(
        select(SourceRecord.company, SourceRecord.flow, SourceRecord.leg, SourceRecord.entity)
        .where(
            SourceRecord.flow.in_({leg.flow for leg in legs}), SourceRecord.leg.in_({leg.leg for leg in legs}), is_open
        )
        .distinct()
    )
    return {LegId(*row) for row in rows}


def _last_beyond(session: Session, company: str, entity: str, position: int) -> int | None:
    return session.scalar(
        select(LoggedChange.number)
        .where(
            LoggedChange.company == company,
            LoggedChange.entity == entity,
            LoggedChange.number > position,
            LoggedChange.payload_uri.is_not(None),
        )
        .order_by(LoggedChange.number.desc())
        .limit(1)
    )


def _entity(leg: LegId) -> str:
    return leg.entity
