"""
On which day a document is posted whose own lies in a closed period (accounting-rules.md rule 26).

Only what the target refused for its day is moved, and nothing that it ever took: the day it is given is kept, and every
later version of the document bears it, so that it is found again and its content stays the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Engine, select

from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.delivery import Delivered
from ledgerbridge.entities import Dated, Document, Target
from ledgerbridge.errors import PeriodClosed
from ledgerbridge.flows import ClosedPeriods
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery, PostingDay
from ledgerbridge.state.upsert import in_chunks, upsert
from ledgerbridge.sync import answers_of, keep_questions
from ledgerbridge.sync.questions import Asked

__all__ = ["POSTING_DAY", "PostingDays"]

POSTING_DAY = "posting day"
"""What is asked of a document, as people read it."""
_NEXT, _OWN = "next open day", "its own day, once that is open"


@dataclass(frozen=True)
class PostingDays:
    """
    The days of one entity's documents.

    :param entity: target entity, ``system.name``.
    :param policy: what becomes of a document whose day is closed.
    """

    engine: Engine
    actor: Actor
    company: str
    entity: str
    target: Target
    policy: ClosedPeriods

    def kept(self, documents: Sequence[Document]) -> list[Document]:
        """The documents, those that were moved before on the day they were moved to."""
        if not isinstance(self.target, Dated):
            return list(documents)
        rows = self._rows([each.record_key for each in documents])
        return [self._on_its_day(each, self.target, rows) for each in documents]

    def moved(
        self, documents: Sequence[Document], results: Sequence[Delivered], canonical: Mapping[str, Mapping[str, Any]]
    ) -> list[Document]:
        """
        What may be sent once more, on another day: of the documents those that were refused because theirs is closed.

        :param documents: as they were mapped, each on its own day. :param canonical: each one's canonical header.
        """
        closed = {each.record_key for each in results if isinstance(each.error, PeriodClosed)}
        if self.policy == "ask":
            self._drop_questions({each.record_key for each in documents} - closed)
        if self.policy == "hold" or not closed or not isinstance(self.target, Dated):
            return []
        free = closed - self._known_to_target(closed)
        known = self._rows(free)
        opens: dict[date, date | None] = {}
        days: dict[str, tuple[date, date]] = {}
        for each in (each for each in documents if each.record_key in free):
            own, row = self.target.day_of(each), known.get(each.record_key)
            if own is None:
                continue
            day = row.day if row is not None and row.own == own else own
            if day not in opens:
                opens[day] = self.target.opens_on(each, day)
            first = opens[day]
            if first is not None and first > day:
                days[each.record_key] = (own, first)
        if self.policy == "ask":
            days = self._agreed(documents, days, canonical)
        self._keep(days)
        return [self.target.on_day(each, days[each.record_key][1]) for each in documents if each.record_key in days]

    def _on_its_day(self, document: Document, target: Dated, rows: Mapping[str, PostingDay]) -> Document:
        row = rows.get(document.record_key)
        # one that was dated anew in its source is on that day, or is asked about anew
        if row is None or target.day_of(document) != row.own:
            return document
        return target.on_day(document, row.day)

    def _agreed(
        self,
        documents: Sequence[Document],
        days: Mapping[str, tuple[date, date]],
        canonical: Mapping[str, Mapping[str, Any]],
    ) -> dict[str, tuple[date, date]]:
        """Of these days those that people agreed to; the others are asked about."""
        asked = {
            each.record_key: Asked(
                _called(each, canonical),
                {POSTING_DAY: {_NEXT: opens.isoformat(), _OWN: own.isoformat()}},
            )
            for each in documents
            if each.record_key in days
            for own, opens in [days[each.record_key]]
        }
        with transaction(self.engine) as session:
            answers = answers_of(session, self.company, self.entity, asked)
            agreed = {
                key
                for key, of in answers.items()
                if of.get(POSTING_DAY) == (dict(asked[key].fields[POSTING_DAY]), _NEXT)
            }
            open_still = {key: each for key, each in asked.items() if key not in agreed}
            keep_questions(session, self.company, self.entity, open_still, asked)
        return {key: each for key, each in days.items() if key in agreed}

    def _drop_questions(self, keys: Collection[str]) -> None:
        """Nothing is asked any more of what is not refused for its day."""
        with transaction(self.engine) as session:
            keep_questions(session, self.company, self.entity, {}, keys)

    def _keep(self, days: Mapping[str, tuple[date, date]]) -> None:
        by = "people" if self.policy == "ask" else self.policy
        rows = [
            {
                "company": self.company,
                "entity": self.entity,
                "record_key": key,
                "own": own,
                "day": day,
                "by": by,
                "moved_at": datetime.now(UTC),
            }
            for key, (own, day) in days.items()
        ]
        changes = [
            Change(
                "moved", self.entity, key, details={"own_day": own.isoformat(), "posted_on": day.isoformat(), "by": by}
            )
            for key, (own, day) in days.items()
        ]
        if rows:
            with transaction(self.engine) as session:
                upsert(session, PostingDay, rows, key=["company", "entity", "record_key"])
                append(session, self.actor, changes)

    def _rows(self, keys: Collection[str]) -> dict[str, PostingDay]:
        with transaction(self.engine) as session:
            return {
                row.record_key: row
                for chunk in in_chunks(sorted(keys))
                for row in session.scalars(
                    select(PostingDay).where(
                        PostingDay.company == self.company,
                        PostingDay.entity == self.entity,
                        PostingDay.record_key.in_(chunk),
                    )
                )
            }

    def _known_to_target(self, keys: Collection[str]) -> set[str]:
        """What the target took before: an update of it keeps its day."""
        with transaction(self.engine) as session:
            return {
                key
                for chunk in in_chunks(sorted(keys))
                for key in session.scalars(
                    select(Delivery.record_key).where(
                        Delivery.entity == self.entity,
                        Delivery.record_key.in_(chunk),
                        Delivery.target_id.is_not(None),
                    )
                )
            }


def _called(document: Document, canonical: Mapping[str, Mapping[str, Any]]) -> str:
    """What people call it."""
    label = canonical.get(document.record_key, {}).get("label")
    return str(label or document.record_key.rpartition(":")[2])[:255]
