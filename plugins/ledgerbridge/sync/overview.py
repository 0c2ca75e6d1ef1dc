"""How far two sides are in step: how many are linked, what differs, what a person says, what one side alone has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from ledgerbridge.state.models import DeadLetter, Link, LinkEnd, MatchProposal, MergeQuestion, SourceRecord
from ledgerbridge.sync.records import PERSON, what_waits

__all__ = ["Overview", "overview"]


@dataclass(frozen=True)
class Overview:
    """
    One kind of master.

    :param linked: how many records of the first side are linked with one of the other.
    :param alone: by side how many records are linked with none.
    :param different: why records wait that differ, with how many, most frequent first, ``most`` at most.
    :param letters: how many dead letters are open; ``questions``, ``proposals`` how many people have not answered.
    """

    linked: int
    alone: dict[str, int]
    different: list[tuple[str, int]]
    letters: int
    questions: int
    proposals: int


def overview(
    session: Session, company: str, flow: str, kind: str, sides: Sequence[str], legs: Sequence[str], *, most: int
) -> Overview:
    """Count, without reading what the records hold; ``legs``: those that keep the sides in step."""

    def count(table: type[MergeQuestion | MatchProposal | DeadLetter], *where: ColumnElement[bool]) -> int:
        return session.scalar(select(func.count()).select_from(table).where(table.company == company, *where)) or 0

    linked, alone = 0, {}
    for entity, other in zip(sides, sides[::-1], strict=True):
        there = aliased(LinkEnd)
        partner = exists().where(there.link_id == LinkEnd.link_id, there.entity == other)
        of_side = (LinkEnd.company == company, LinkEnd.entity == entity, Link.kind == kind)
        counted = select(func.count()).select_from(LinkEnd).join(Link, Link.id == LinkEnd.link_id).where(*of_side)
        alone[entity] = session.scalar(counted.where(~partner)) or 0
        linked = linked or session.scalar(counted.where(partner)) or 0
    why, number = SourceRecord.reason, func.count(what_waits().distinct())
    waiting = (SourceRecord.company == company, SourceRecord.flow == flow, SourceRecord.leg.in_(legs))
    rows = session.execute(
        select(why, number)
        .where(*waiting, SourceRecord.outcome == "waiting", ~why.startswith(PERSON))
        .group_by(why)
        .order_by(number.desc(), why)
        .limit(most)
    )
    return Overview(
        linked,
        alone,
        [(str(reason), found) for reason, found in rows],
        count(DeadLetter, DeadLetter.flow == flow, DeadLetter.leg.in_(legs), DeadLetter.state == "open"),
        count(MergeQuestion, MergeQuestion.kind == kind, MergeQuestion.answer.is_(None)),
        count(MatchProposal, MatchProposal.kind == kind, MatchProposal.answer.is_(None)),
    )
