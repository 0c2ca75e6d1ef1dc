"""What waits longer than the flow allows: books that agree tell nothing of money that waits for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledgerbridge.reconciliation.model import NOTHING, Difference, Link
from ledgerbridge.state.models import LoggedChange, Reading, SourceRecord

__all__ = ["Overdue", "money_of", "overdue", "waiting_too_long"]

_AMOUNTS = ("amount", "total")
"""What a canonical header calls the money it is about."""


@dataclass(frozen=True)
class Overdue:
    """A record that waits longer than it may, with the days it has waited."""

    record: SourceRecord
    days: int


def overdue(session: Session, company: str, flow: str, patience: Mapping[str, int]) -> list[Difference]:
    """The same as ``waiting_too_long``, as differences of the books."""
    return [_difference(each.record, each.days) for each in waiting_too_long(session, company, flow, patience)]


def waiting_too_long(session: Session, company: str, flow: str, patience: Mapping[str, int]) -> list[Overdue]:
    """
    The records that wait, each in the first leg that it waits in for too long.

    A record is as old as its source says, and today is when the source was read last: a clock of ours has no say.

    :param patience: days by leg, in the order of the process; a leg that is not there may wait for ever.
    """
    read_until = {
        entity: until
        for entity, until in session.execute(
            select(Reading.entity, func.max(Reading.until)).where(Reading.company == company).group_by(Reading.entity)
        )
        if until is not None
    }
    if not read_until or not patience:
        return []
    # what waits shorter than anything may is not looked at: there is much of it, and it is sealed
    since = max(read_until.values()) - timedelta(days=min(patience.values()))
    rows = session.execute(
        select(SourceRecord, LoggedChange.changed_at)
        .join(LoggedChange, LoggedChange.number == SourceRecord.change)
        .where(SourceRecord.flow == flow, SourceRecord.leg.in_(patience), SourceRecord.outcome == "waiting")
        .where(LoggedChange.changed_at < since)
    ).all()
    found: dict[str, Overdue] = {}
    legs = list(patience)
    for record, changed_at in sorted(rows, key=lambda row: (legs.index(row[0].leg), row[0].source_key)):
        waited = read_until.get(record.entity, changed_at) - changed_at
        if waited > timedelta(days=patience[record.leg]):
            found.setdefault(record.source_key, Overdue(record, waited.days))
    return list(found.values())


def _difference(record: SourceRecord, days: int) -> Difference:
    system, _, kind = record.entity.partition(".")
    link = Link(system, kind, record.label or record.source_key, record.source_key)
    remedy = (
        f"In leg {record.leg} for {days} days: {record.reason}. Let what it waits for come; if it may wait longer, "
        f"say so under `waits` of the flow's file."
    )
    return Difference("waiting", "", _amount(record.canonical or {}), (link,), remedy)


def money_of(header: Mapping[str, Any]) -> Decimal | None:
    """What a canonical header is about, in its currency."""
    amount = next((header[name] for name in _AMOUNTS if header.get(name) is not None), None)
    return None if amount is None else Decimal(amount)


def _amount(header: Mapping[str, Any]) -> Decimal:
    """In base currency, as far as its rate is known."""
    return (money_of(header) or NOTHING) * Decimal(header.get("rate") or 1)
