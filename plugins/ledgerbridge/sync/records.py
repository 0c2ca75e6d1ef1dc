"""The records behind the counts of an overview, a page at a time: linked, different, waiting for a person, alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, exists, func, select
from sqlalchemy.orm import Session, aliased

from ledgerbridge.state.models import Link, LinkEnd, MergeQuestion, SourceRecord
from ledgerbridge.sync.merge import plain

__all__ = ["BY_HAND", "PERSON", "Page", "Shown", "alone_in", "asked_about", "different", "linked", "what_waits"]

BY_HAND = "people see to it: "
"""What the reason of a record begins with of which people have to mend something; its entity follows."""
PERSON = "a person "
"""What the reason of a record begins with that waits for an answer (sync.plan, sync.meetings)."""


class Page(NamedTuple):
    """Some of the rows, and how many there are."""

    rows: list[Shown]
    total: int


@dataclass(frozen=True)
class Shown:
    """
    A record, or two that are one thing.

    :param names: by side the number people know it by, or its id; None where that side has none.
    :param fields: by field what each side holds, of the fields in which they differ; of one alone all that it holds.
    :param reason: why it waits.
    """

    names: tuple[str | None, str | None]
    fields: dict[str, tuple[Any, Any]]
    reason: str | None = None


def linked(session: Session, company: str, kind: str, sides: Sequence[str], offset: int, limit: int) -> Page:
    """Those of the first side that are linked with one of the other, by their ids."""
    query = _of_side(company, kind, sides[0], sides[1], linked=True)
    ends = session.scalars(query.order_by(LinkEnd.key).offset(offset).limit(limit)).all()
    others = _first_of_links(session, company, sides[1], [each.link_id for each in ends])
    return Page([_shown(each, others.get(each.link_id)) for each in ends], _total(session, query))


def alone_in(
    session: Session, company: str, kind: str, sides: Sequence[str], side: str, offset: int, limit: int
) -> Page:
    """Those of one of the sides that are linked with none of the other, by their ids."""
    (other,) = (each for each in sides if each != side)
    query = _of_side(company, kind, side, other, linked=False)
    ends = session.scalars(query.order_by(LinkEnd.key).offset(offset).limit(limit)).all()
    return Page([_placed(each, sides) for each in ends], _total(session, query))


def different(
    session: Session, company: str, flow: str, sides: Sequence[str], legs: Sequence[str], offset: int, limit: int
) -> Page:
    """Those that wait because the two differ, or the other does not have them yet, with the reason."""
    query = (
        select(func.min(SourceRecord.source_key).label("source_key"), func.min(SourceRecord.reason))
        .where(SourceRecord.company == company, SourceRecord.flow == flow, SourceRecord.leg.in_(legs))
        .where(SourceRecord.outcome == "waiting", ~SourceRecord.reason.startswith(PERSON))
        .group_by(what_waits())
    )
    rows = session.execute(query.order_by("source_key").offset(offset).limit(limit)).all()
    shown = []
    for source_key, reason in rows:
        system, _, name, key = source_key.split(":", 3)
        end = session.scalar(
            select(LinkEnd).where(LinkEnd.company == company, LinkEnd.entity == f"{system}.{name}", LinkEnd.key == key)
        )
        shown.append(_pair_of(session, company, sides, end, key, reason))
    return Page(shown, _total(session, query))


def what_waits() -> ColumnElement[str]:
    """What is one of the waiting: a source record; of what people see to, the records of both sides are one."""
    why = SourceRecord.reason
    return case((why.startswith(BY_HAND), why), else_=SourceRecord.source_key)


def asked_about(session: Session, company: str, kind: str, sides: Sequence[str], offset: int, limit: int) -> Page:
    """The fields of which nobody has said yet whose value stands, with what each side holds, or held before."""
    query = select(MergeQuestion).where(
        MergeQuestion.company == company, MergeQuestion.kind == kind, MergeQuestion.answer.is_(None)
    )
    rows = session.scalars(query.order_by(MergeQuestion.asked_at, MergeQuestion.id).offset(offset).limit(limit)).all()
    return Page([_asked(each, sides) for each in rows], _total(session, query))


def _of_side(company: str, kind: str, side: str, other: str, *, linked: bool) -> Select[LinkEnd]:
    there = aliased(LinkEnd)
    partner: ColumnElement[bool] = exists().where(there.link_id == LinkEnd.link_id, there.entity == other)
    return (
        select(LinkEnd)
        .join(Link, Link.id == LinkEnd.link_id)
        .where(LinkEnd.company == company, LinkEnd.entity == side, Link.kind == kind, partner if linked else ~partner)
    )


def _first_of_links(session: Session, company: str, entity: str, links: Sequence[int]) -> dict[int, LinkEnd]:
    """By link its record of an entity that is kept in step: the first that was linked."""
    of_links = (LinkEnd.company == company, LinkEnd.entity == entity, LinkEnd.link_id.in_(links))
    found: dict[int, LinkEnd] = {}
    for end in session.scalars(select(LinkEnd).where(*of_links).order_by(LinkEnd.linked_at, LinkEnd.id)):
        found.setdefault(end.link_id, end)
    return found


def _pair_of(
    session: Session, company: str, sides: Sequence[str], end: LinkEnd | None, key: str, reason: str | None
) -> Shown:
    if end is None:
        return Shown((key, None), {}, reason)
    (other,) = (each for each in sides if each != end.entity)
    partner = _first_of_links(session, company, other, [end.link_id]).get(end.link_id)
    if partner is None:
        return _placed(end, sides, reason)
    first, second = (end, partner) if end.entity == sides[0] else (partner, end)
    return _shown(first, second, reason)


def _shown(first: LinkEnd, second: LinkEnd | None, reason: str | None = None) -> Shown:
    left, right = first.held or {}, (None if second is None else second.held) or {}
    both = {name: (left[name], right[name]) for name in left if name in right}
    differing = {name: pair for name, pair in both.items() if plain(pair[0]) != plain(pair[1])}
    return Shown((_name(first), None if second is None else _name(second)), differing, reason)


def _placed(end: LinkEnd, sides: Sequence[str], reason: str | None = None) -> Shown:
    """A record that one side alone has, in its column."""
    held: Mapping[str, Any] = {name: value for name, value in (end.held or {}).items() if plain(value) is not None}
    if end.entity == sides[0]:
        return Shown((_name(end), None), {name: (value, None) for name, value in held.items()}, reason)
    return Shown((None, _name(end)), {name: (None, value) for name, value in held.items()}, reason)


def _asked(row: MergeQuestion, sides: Sequence[str]) -> Shown:
    values = row.values or {}
    left, right = (values.get(each.partition(".")[0], values.get("before")) for each in sides)
    return Shown((row.number, row.number), {row.field: (left, right)}, "asked" if row.put_in else "to be asked")


def _name(end: LinkEnd) -> str:
    return end.number or end.key


def _total(session: Session, query: Select[*tuple[Any, ...]]) -> int:
    return session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
