"""Which entries are summed up in which document, as it was settled before that was sent first."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.canonical.sent import Summarised
from ledgerbridge.errors import TransientError
from ledgerbridge.state.models import SummarisedEntry
from ledgerbridge.state.upsert import in_chunks, upsert

__all__ = ["entries_of_summaries", "keep_summarised", "summaries_of"]


def keep_summarised(session: Session, company: str, entries: Sequence[Summarised]) -> None:
    """
    Keep what entries of a company, by its key, put in their summaries; the caller commits.

    :raises TransientError: another run has put one of them in another summary meanwhile; tried again, this one sees it.
    """
    rows = [{"company": company, **vars(each)} for each in entries]
    upsert(session, SummarisedEntry, rows, key=["company", "entity", "record_key"], keep=["summary"])
    for entity in {each.entity for each in entries}:
        wanted = {each.record_key: each.summary for each in entries if each.entity == entity}
        taken = summaries_of(session, entity, wanted)
        if elsewhere := sorted(key for key, summary in taken.items() if wanted[key] != summary):
            raise TransientError(
                "LB-STA-009",
                f"another run has summed up {elsewhere[0]} in {taken[elsewhere[0]]} meanwhile.",
                remedy="Nothing to do: the try after this one goes by that.",
            )


def summaries_of(session: Session, entity: str | None, record_keys: Collection[str]) -> dict[str, str]:
    """
    The record key of the summary that each of these entries is in, if it is in one.

    :param entity: of the summaries; None: of any.
    """
    of_entity = () if entity is None else (SummarisedEntry.entity == entity,)
    return {
        key: summary
        for chunk in in_chunks(sorted(record_keys))
        for key, summary in session.execute(
            select(SummarisedEntry.record_key, SummarisedEntry.summary).where(
                SummarisedEntry.record_key.in_(chunk), *of_entity
            )
        )
    }


def entries_of_summaries(session: Session, summaries: Collection[str]) -> list[Summarised]:
    """All entries of these summaries."""
    return [
        Summarised(row.entity, row.record_key, row.summary, row.label, row.posted_on, row.lines)
        for chunk in in_chunks(sorted(summaries))
        for row in session.scalars(
            select(SummarisedEntry).where(SummarisedEntry.summary.in_(chunk)).order_by(SummarisedEntry.record_key)
        )
    ]
