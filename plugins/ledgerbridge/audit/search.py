"""
Documents and records by a part of their name or number, by an amount, or by what people in them are called; ``trace``
needs to know one exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from ledgerbridge.state.dead_letters import money_of
from ledgerbridge.state.letter_list import Place, amount_of
from ledgerbridge.state.models import DeadLetter, Delivery, LinkEnd, SourceRecord
from ledgerbridge.state.names import HELD, TAKEN, called
from ledgerbridge.state.upsert import in_chunks

__all__ = ["Hit", "search"]

_AMOUNT = re.compile(r"(?:[A-Za-z]{3}|[$\u20ac\u00a3])?\s*(-?[\d,]*\.?\d+)\s*(?:[A-Za-z]{3})?")


@dataclass(frozen=True)
class Hit:
    """
    Something that may be meant.

    :param wanted: what ``trace`` knows it by; :param name: what people call it, None where the name is a value of it.
    :param by_value: whether it was found by what only those see who see values: its name or somebody's, its amount.
    """

    place: Place
    entity: str
    wanted: str
    number: str | None
    label: str | None
    state: str
    money: tuple[Decimal, str] | None
    at: datetime
    by_value: bool


def search(session: Session, text: str, most: int) -> list[Hit]:
    """
    What bears the text in its name, begins with it in its number, is about the amount, or tells of whom it names; the
    newest first.

    :param text: a part of a name, whatever its case; the beginning of a number; ``1,234.50`` or ``USD 1234.5``; whole
        words of what a person or company is called, in any order, or an e-mail address.
    :param most: of each way to find something.
    """
    found: dict[tuple[str, str], Hit] = {}
    for way in (_by_number, _by_amount, _by_name, _by_person):
        for hit in way(session, text, most):
            found.setdefault((hit.place.company, hit.wanted), hit)
    return sorted(found.values(), key=lambda hit: hit.at, reverse=True)


def _by_number(session: Session, text: str, most: int) -> Iterator[Hit]:
    numbered = select(Delivery).where(Delivery.number.startswith(text, autoescape=True))
    for row in session.scalars(numbered.order_by(Delivery.id.desc()).limit(most)):
        yield _document(row, by_value=False)


def _by_amount(session: Session, text: str, most: int) -> Iterator[Hit]:
    amount = _amount(text)
    if amount is None:
        return
    for row in session.scalars(
        select(Delivery).where(Delivery.money.in_((amount, -amount))).order_by(Delivery.id.desc()).limit(most)
    ):
        yield _document(row, by_value=True)
    stopped = select(DeadLetter).where(DeadLetter.money.in_((amount, -amount)), DeadLetter.state == "open")
    for letter in session.scalars(stopped.order_by(DeadLetter.created_at.desc()).limit(most)):
        known = None if letter.money is None else (amount_of(letter.money), str(letter.currency))
        place = Place(letter.company, letter.flow, letter.leg)
        yield Hit(
            place, "", letter.source_key, None, letter.label, letter.state, known, letter.created_at, by_value=True
        )


def _by_name(session: Session, text: str, most: int) -> Iterator[Hit]:
    bears = or_(func.lower(SourceRecord.label).contains(text.lower(), autoescape=True), SourceRecord.source_key == text)
    for row in session.scalars(select(SourceRecord).where(bears).order_by(SourceRecord.id.desc()).limit(most)):
        yield _record(row)


def _by_person(session: Session, text: str, most: int) -> Iterator[Hit]:
    for chunk in in_chunks(called(session, TAKEN, text, most)):
        rows = session.scalars(select(SourceRecord).where(SourceRecord.id.in_(chunk)))
        # an order by its own name rather than by its customer's number
        for row in sorted(rows, key=lambda row: (row.chain_key is None, -row.id)):
            yield _record(row)
    for chunk in in_chunks(called(session, HELD, text, most)):
        for end in session.scalars(select(LinkEnd).where(LinkEnd.id.in_(chunk))):
            taken = session.scalars(_taken_as(end)).first()
            if taken is not None:
                yield _record(taken)


def _taken_as(end: LinkEnd) -> Select[SourceRecord]:
    """The record that told what an end holds, as its legs took it: by its number, or its id where it has none."""
    of_entity = (SourceRecord.company == end.company, SourceRecord.entity == end.entity)
    named = SourceRecord.label.in_([each for each in (end.number, end.key) if each])
    same = SourceRecord.source_key.endswith(f":{end.key}", autoescape=True)
    return select(SourceRecord).where(*of_entity, named, same).order_by(SourceRecord.id.desc()).limit(1)


def _record(row: SourceRecord) -> Hit:
    place, known = Place(row.company, row.flow, row.leg), _money(row.canonical or {})
    return Hit(place, row.entity, row.source_key, None, row.label, row.outcome, known, row.updated_at, by_value=True)


def _document(row: Delivery, *, by_value: bool) -> Hit:
    place, known = Place(row.company, row.flow, row.leg), _money(row.canonical or {})
    return Hit(place, row.entity, row.record_key, row.number, None, row.state, known, row.updated_at, by_value)


def _money(header: dict[str, Any]) -> tuple[Decimal, str] | None:
    known = money_of(header)
    return None if known["money"] is None else (amount_of(known["money"]), known["currency"])


def _amount(text: str) -> int | None:
    """In hundred-thousandths; None where the text is no amount."""
    match = _AMOUNT.fullmatch(text.strip())
    try:
        amount = Decimal(match[1].replace(",", "")) if match else None
    except InvalidOperation:
        return None
    known: int | None = None if amount is None else money_of({"total": amount, "currency": ""})["money"]
    return known
