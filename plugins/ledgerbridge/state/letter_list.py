"""Dead letters as people look at them: page by page, and by cause; never what a letter keeps of its record."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, false, func, or_, select, true, tuple_
from sqlalchemy.orm import Session

from ledgerbridge.state.dead_letters import MONEY_PLACES
from ledgerbridge.state.mending import Wanted, conditions
from ledgerbridge.state.models import DeadLetter

__all__ = ["Cause", "Order", "Place", "amount_of", "causes", "how_many", "letters_of_page", "places"]

Order = Literal["oldest", "newest", "amount"]

_LISTED = (
    *(DeadLetter.id, DeadLetter.state, DeadLetter.company, DeadLetter.flow, DeadLetter.leg, DeadLetter.step),
    *(DeadLetter.code, DeadLetter.field, DeadLetter.label, DeadLetter.record_key, DeadLetter.source_key),
    *(DeadLetter.message, DeadLetter.remedy, DeadLetter.attempt, DeadLetter.created_at, DeadLetter.reason),
    *(DeadLetter.currency, DeadLetter.money, DeadLetter.run_id, DeadLetter.replayed_at, DeadLetter.closed_at),
    DeadLetter.corrections,
)
_BY_TIME: dict[Order, tuple[Any, ...]] = {
    "oldest": (DeadLetter.created_at, DeadLetter.id),
    "newest": (DeadLetter.created_at.desc(), DeadLetter.id.desc()),
}


class Place(NamedTuple):
    """Where letters are written: a leg of a flow of a company."""

    company: str
    flow: str
    leg: str


@dataclass(frozen=True)
class Cause:
    """
    Letters that one thing would mend: the same code at the same field of a leg.

    :param sums: by currency, of those letters whose amount is known; the larger first.
    """

    place: Place
    code: str
    field: str
    count: int
    sums: dict[str, Decimal]


def amount_of(money: int) -> Decimal:
    """What a letter is about, in its currency."""
    return Decimal(money).scaleb(-MONEY_PLACES)


def places(session: Session) -> list[Place]:
    """
    Every place that has letters, in whatever state.

    Each is looked up behind the last one: PostgreSQL would read all letters to tell which places differ.
    """
    columns = (DeadLetter.company, DeadLetter.flow, DeadLetter.leg)
    found: list[Place] = []
    while True:
        behind = true() if not found else tuple_(*columns) > tuple_(*found[-1])
        row = session.execute(select(*columns).where(behind).order_by(*columns).limit(1)).first()
        if row is None:
            return found
        found.append(Place(*row))


def letters_of_page(
    session: Session, wanted: Wanted, among: Collection[Place] | None, order: Order, offset: int, limit: int
) -> tuple[Sequence[Row[Any]], int]:
    """
    Some of the letters in these places, without what they keep of their records, and how many there are.

    A page is found by an index first, so that what lies before it is counted and not read.

    :param among: None: wherever they are.
    """
    where = [*conditions(wanted), _within(among)]
    total = how_many(session, wanted, among)
    if order == "amount":
        found = _by_money(session, where, offset, limit)
    else:
        ids = select(DeadLetter.id).where(*where).order_by(*_BY_TIME[order]).offset(offset).limit(limit)
        found = list(session.scalars(ids))
    listed: Any = select(*_LISTED)
    rows: dict[str, Row[Any]] = {row.id: row for row in session.execute(listed.where(DeadLetter.id.in_(found)))}
    return [rows[each] for each in found if each in rows], total


def _by_money(session: Session, where: Sequence[ColumnElement[bool]], offset: int, limit: int) -> list[str]:
    """
    The most money first, then those of which none is known: one after the other, each in the order of the index.

    PostgreSQL has what is unknown at the other end of its index, and would sort all letters to put it last.
    """
    known, unknown = (*where, DeadLetter.money.is_not(None)), (*where, DeadLetter.money.is_(None))
    most = select(DeadLetter.id).where(*known).order_by(DeadLetter.money.desc(), DeadLetter.id.desc())
    found = list(session.scalars(most.offset(offset).limit(limit)))
    if len(found) < limit:
        before = session.scalar(select(func.count()).select_from(DeadLetter).where(*known)) or 0
        rest = select(DeadLetter.id).where(*unknown).order_by(DeadLetter.id.desc())
        found += session.scalars(rest.offset(max(0, offset - before)).limit(limit - len(found)))
    return found


def how_many(session: Session, wanted: Wanted, among: Collection[Place] | None) -> int:
    """How many letters there are in these places (None: in all)."""
    where = [*conditions(wanted), _within(among)]
    return session.scalar(select(func.count()).select_from(DeadLetter).where(*where)) or 0


def causes(session: Session, wanted: Wanted, among: Collection[Place] | None) -> list[Cause]:
    """The letters in these places (None: in all) by what would mend them, the most first."""
    by = (DeadLetter.company, DeadLetter.flow, DeadLetter.leg, DeadLetter.code, DeadLetter.field)
    counted = (
        select(*by, DeadLetter.currency, func.count(), func.sum(DeadLetter.money))
        .where(*conditions(wanted), _within(among))
        .group_by(*by, DeadLetter.currency)
    )
    found: dict[tuple[str, ...], Cause] = {}
    for *key, currency, count, money in session.execute(counted):
        cause = found.get(tuple(key)) or Cause(Place(*key[:3]), key[3], key[4], 0, {})
        sums = cause.sums if currency is None or money is None else {**cause.sums, currency: amount_of(int(money))}
        largest = dict(sorted(sums.items(), key=lambda each: -abs(each[1])))
        found[tuple(key)] = Cause(cause.place, cause.code, cause.field, cause.count + count, largest)
    return sorted(found.values(), key=lambda each: (-each.count, each.place, each.code, each.field))


def _within(among: Collection[Place] | None) -> ColumnElement[bool]:
    if among is None:
        return true()
    each = (
        and_(DeadLetter.company == place.company, DeadLetter.flow == place.flow, DeadLetter.leg == place.leg)
        for place in among
    )
    return or_(false(), *each)
