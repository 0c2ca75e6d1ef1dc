"""
Exactly once: what became of each record that a flow has to carry, leg by leg.

Counted is all that the change log holds, whatever its month: a record that was lost is of no month that anybody would
look at. What a leg makes nothing of leaves no trace in its work list; so that a document is nowhere, or twice, the
comparison of the ledgers tells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from ledgerbridge.state.models import LoggedChange, Position, SourceRecord

__all__ = ["Carried", "carried"]

_ARRIVED = ("delivered", "unchanged")
_EXPLAINED = ("waiting", "rejected", "held", "superseded", "read")


@dataclass(frozen=True)
class Carried:
    """
    What became of the records of a leg.

    :param source: how many there are. :param arrived: that stand in the target as they are.
    :param waiting, rejected: that can't go on, each with its reason. :param superseded: that are to stand nowhere.
    :param to_take: that the next run takes.
    """

    flow: str
    leg: str
    source: int
    arrived: int
    waiting: int
    rejected: int
    superseded: int
    to_take: int

    @property
    def passed(self) -> int:
        """What the leg looked at and makes nothing of, by what its mapping says of such records (`where`)."""
        return self.source - self.arrived - self.waiting - self.rejected - self.superseded - self.to_take

    def to_json(self) -> dict[str, Any]:
        """As numbers."""
        return {**asdict(self), "passed": self.passed}


def carried(session: Session, company: str, legs: Mapping[str, Mapping[str, Sequence[str]]]) -> list[Carried]:
    """
    By leg, in the order of the process.

    :param legs: by flow and leg the entities that it reads.
    """
    return [
        _of_leg(session, company, flow, leg, list(entities))
        for flow, of_flow in legs.items()
        for leg, entities in of_flow.items()
    ]


def _of_leg(session: Session, company: str, flow: str, leg: str, entities: Sequence[str]) -> Carried:
    of_leg = (SourceRecord.company == company, SourceRecord.flow == flow, SourceRecord.leg == leg)
    counted = select(SourceRecord.outcome, func.count()).where(*of_leg).group_by(SourceRecord.outcome)
    outcomes: Counter[str] = Counter({row[0]: row[1] for row in session.execute(counted)})
    known = select(SourceRecord.source_key).where(*of_leg)
    beyond = passed = 0
    for entity in entities:
        # what was only announced, without a payload, may bear the key of another entity's record
        untaken = (
            LoggedChange.company == company,
            LoggedChange.entity == entity,
            LoggedChange.payload_uri.is_not(None),
            LoggedChange.source_key.not_in(known),
        )
        first = func.min(LoggedChange.number).label("number")
        unknown = select(first).where(*untaken).group_by(LoggedChange.source_key).subquery()
        position = session.scalar(
            select(Position.change).where(
                Position.company == company, Position.flow == flow, Position.leg == leg, Position.entity == entity
            )
        )
        taken = case((unknown.c.number <= (position or 0), 1), else_=0)
        all_, behind = session.execute(select(func.count(), func.sum(taken)).select_from(unknown)).one()
        passed += behind or 0
        beyond += all_ - (behind or 0)
    return Carried(
        flow, leg,
        source=sum(outcomes[each] for each in (*_ARRIVED, *_EXPLAINED)) + beyond + passed,
        arrived=sum(outcomes[each] for each in _ARRIVED),
        waiting=outcomes["waiting"],
        rejected=outcomes["rejected"] + outcomes["held"],
        superseded=outcomes["superseded"],
        to_take=beyond + outcomes["read"],
    )  # fmt: skip
