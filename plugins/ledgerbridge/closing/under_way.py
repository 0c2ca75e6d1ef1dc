"""What of a period is still under way when it is to be closed, and what of that will miss the close, by how long."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.state.models import Delivery, LoggedChange, SourceRecord

__all__ = ["Terms", "UnderWay", "under_way"]

_STANDS = {
    "read": "taken by a run that has not come to its end with it",
    "waiting": "waits",
    "held": "held back with its batch",
    "rejected": "a dead letter",
}
_BY_A_PERSON = {"held", "rejected"}
_LOOKED_AT = 200
"""So many deliveries of a leg, the newest, say how long one usually takes."""
_OF_TEN = 9
"""A record is expected when nine of ten of its leg have arrived."""


@dataclass(frozen=True)
class Terms:
    """
    By what it is told.

    :param legs: by flow, in the order of the process. :param last: of the period.
    :param closes: when the period is to be signed; what comes later misses it. :param zone: whose days count.
    """

    legs: Mapping[str, Collection[str]]
    last: date
    closes: datetime
    zone: ZoneInfo


@dataclass(frozen=True)
class UnderWay:
    """
    A record of the period that is not through a leg.

    :param stands: what it does there. :param day: of the record.
    :param expected: when it arrives if it takes as long as nine of ten do; None: nobody can say, or a person acts.
    :param misses: why the close does without it, if it will.
    """

    flow: str
    leg: str
    record: str
    stands: str
    day: date
    since: datetime
    reason: str | None
    expected: datetime | None
    misses: str | None

    def to_json(self) -> dict[str, Any]:
        """As text."""
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(self).items()}


def under_way(session: Session, terms: Terms, now: datetime) -> list[UnderWay]:
    """What is not through yet, each record in the first leg that has not done with it; what misses the close first."""
    found: dict[str, UnderWay] = {}
    for flow, legs in terms.legs.items():
        order = list(legs)
        rows = session.execute(
            select(SourceRecord, LoggedChange.changed_at)
            .outerjoin(LoggedChange, LoggedChange.number == SourceRecord.change)
            .where(SourceRecord.flow == flow, SourceRecord.leg.in_(order), SourceRecord.outcome.in_(_STANDS))
        ).all()
        takes: dict[str, timedelta | None] = {}
        for record, changed_at in sorted(rows, key=lambda row: (order.index(row[0].leg), row[0].source_key)):
            since = changed_at or record.updated_at
            day = _day_of(record.canonical or {}) or since.astimezone(terms.zone).date()
            if day > terms.last:
                continue
            if record.leg not in takes:
                takes[record.leg] = _usually(session, flow, record.leg)
            found.setdefault(record.source_key, _told(record, day, since, takes[record.leg], terms, now))
    return sorted(found.values(), key=lambda each: (each.misses is None, each.flow, each.leg, each.record))


def _told(
    record: SourceRecord, day: date, since: datetime, takes: timedelta | None, terms: Terms, now: datetime
) -> UnderWay:
    by_itself = record.outcome not in _BY_A_PERSON
    expected = since + takes if takes is not None and by_itself else None
    expected = None if expected is not None and expected < now else expected
    misses = None
    if not by_itself:
        misses = "a person has to mend it"
    elif expected is not None and expected > terms.closes:
        misses = f"expected {(expected - terms.closes).days + 1} days after the close"
    elif expected is None and record.outcome == "waiting":
        misses = "waits for longer than its like do: nobody can say when it comes"
    elif now > terms.closes:
        misses = "the day of the close is over"
    return UnderWay(
        record.flow, record.leg, record.source_key, _STANDS[record.outcome], day, since, record.reason, expected, misses
    )


def _usually(session: Session, flow: str, leg: str) -> timedelta | None:
    """How long nine of ten took from their change to their arrival; None: too few arrived to say."""
    newest = (
        select(Delivery.updated_at, LoggedChange.changed_at)
        .join(LoggedChange, LoggedChange.number == Delivery.change)
        .where(Delivery.flow == flow, Delivery.leg == leg, Delivery.state == "delivered")
        .order_by(Delivery.id.desc())
        .limit(_LOOKED_AT)
    )
    took = sorted(max(arrived - changed, timedelta()) for arrived, changed in session.execute(newest))
    return took[(len(took) - 1) * _OF_TEN // 10] if len(took) >= 10 else None


def _day_of(header: Mapping[str, Any]) -> date | None:
    """The day that a canonical header says the record is of, the latest where it names several; not when it is due."""
    days: Sequence[str] = [
        str(value)[:10] for name, value in header.items() if name.endswith("_on") and name != "due_on" and value
    ]
    found = []
    for each in days:
        try:
            found.append(date.fromisoformat(each))
        except ValueError:
            continue
    return max(found, default=None)
