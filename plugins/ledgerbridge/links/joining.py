"""Making one thing of two: of records that each side has for itself, and of one that is there twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session, aliased

from ledgerbridge.links.ends import READ, ends_of
from ledgerbridge.state.database import serialise
from ledgerbridge.state.models import OURS, Link, LinkEnd

__all__ = ["End", "alone", "join"]

End = tuple[str, str]
"""An entity and the id of a record of it."""


def alone(session: Session, company: str, kind: str, sides: Sequence[str], *, fresh: bool = False) -> list[LinkEnd]:
    """
    The records of both sides that are linked with none of the other, and were read.

    :param sides: their entities.
    :param fresh: only those that were compared with nothing yet.
    """
    found: list[LinkEnd] = []
    for entity, other in zip(sides, sides[::-1], strict=True):
        there = aliased(LinkEnd)
        linked = exists().where(there.link_id == LinkEnd.link_id, there.entity == other)
        query = (
            select(LinkEnd)
            .join(Link, Link.id == LinkEnd.link_id)
            .where(LinkEnd.company == company, LinkEnd.entity == entity, Link.kind == kind, ~linked)
            .where(LinkEnd.held_change.is_not(None))
            .order_by(LinkEnd.id)
        )
        found += session.scalars(query.where(LinkEnd.compared_at.is_(None)) if fresh else query)
    return found


def join(session: Session, company: str, one: End, other: End) -> bool:
    """
    Make one thing of two; False: both are linked with something else already, and stay as they are.

    The record that was read alone joins the thing of the other. Where that one has a record of its entity already,
    this one is its double: it is linked, and not kept in step.
    """
    serialise(session, f"links {company}")
    rows = [ends_of(session, company, entity, [key]).get(key) for entity, key in (one, other)]
    if None in rows:
        return False
    links = [row.link_id for row in rows if row is not None]
    if links[0] == links[1]:
        return True
    for mover, stays in ((links[1], links[0]), (links[0], links[1])):
        theirs = session.scalars(
            select(LinkEnd).where(LinkEnd.link_id == mover, ~LinkEnd.entity.startswith(OURS, autoescape=True))
        ).all()
        if len(theirs) != 1 or theirs[0].matched_by != READ:
            continue
        # who comes later is not the one that is kept in step, nor gives the thing its key
        moved = {"link_id": stays, "linked_at": datetime.now(UTC)}
        session.execute(update(LinkEnd).where(LinkEnd.link_id == mover).values(moved))
        session.execute(delete(Link).where(Link.id == mover))
        session.expire_all()
        return True
    return False
