"""Retention of what reconciliations keep: of old documents that agree only keys and sums stay."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import exists, null, select, update
from sqlalchemy.orm import Session

from ledgerbridge.state.models import BooksCase, BooksDocument, BooksName, BooksOpenItem, BooksRecord

__all__ = ["forget_books"]


def forget_books(session: Session, before: datetime) -> int:
    """
    Take away the content of documents booked before a day, and of what they were made of; how many documents.

    What differs, or is open, stays whatever its age. When something concerns a document that was taken away after all,
    the next pass reads everything anew.
    """
    document, record = BooksDocument, BooksRecord
    is_open = exists().where(_of_books(BooksOpenItem, document), BooksOpenItem.number == document.number)
    taken: Any = session.execute(
        update(document)
        .where(document.booked_on < before.date(), document.due.is_(None), document.content.is_not(null()), ~is_open)
        .values(content=null())
    )
    names = select(BooksName.name).where(BooksName.record == record.id).correlate(record)
    kept = exists().where(_same(document, record), document.origin.in_(names), document.content.is_not(null()))
    still_open = exists().where(_same(BooksOpenItem, record), BooksOpenItem.origin.in_(names))
    case_due = exists().where(_same(BooksCase, record), BooksCase.name.in_(names), BooksCase.due.is_not(None))
    session.execute(
        update(record)
        .where(record.changed_at < before, record.due.is_(None), record.payload.is_not(null()))
        .where(~kept, ~still_open, ~case_due)
        .values(payload=null())
    )
    return int(taken.rowcount)


def _of_books(one: Any, other: Any) -> Any:
    return (one.company == other.company) & (one.flow == other.flow)


def _same(one: Any, other: Any) -> Any:
    return _of_books(one, other) & ((one.gateway if one is BooksCase else one.ledger) == other.ledger)
