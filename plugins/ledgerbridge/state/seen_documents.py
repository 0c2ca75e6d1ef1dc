"""What is remembered of documents that passed their gates, to tell what is usual."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from ledgerbridge.state.models import SeenDocument
from ledgerbridge.state.upsert import in_chunks, upsert
from ledgerbridge.unusual import LATEST, OF_A_PARTY, Seen

__all__ = ["latest_seen", "remember_seen", "seen_of_parties"]

_PLACES: Final = 5


def seen_of_parties(session: Session, entity: str, parties: Iterable[str]) -> list[Seen]:
    """The newest ``OF_A_PARTY`` documents of each party, the newest last."""
    found: list[Seen] = []
    for chunk in in_chunks(sorted(set(parties))):
        nth = func.row_number().over(partition_by=SeenDocument.party, order_by=SeenDocument.id.desc()).label("nth")
        ranked = (
            select(SeenDocument, nth).where(SeenDocument.entity == entity, SeenDocument.party.in_(chunk)).subquery()
        )
        newest = aliased(SeenDocument, ranked)
        found += map(_seen, session.scalars(select(newest).where(ranked.c.nth <= OF_A_PARTY).order_by(newest.id)))
    return found


def latest_seen(session: Session, entity: str) -> list[Seen]:
    """The newest ``LATEST`` documents of all parties, in the order they came."""
    rows = session.scalars(
        select(SeenDocument).where(SeenDocument.entity == entity).order_by(SeenDocument.id.desc()).limit(LATEST)
    )
    return [_seen(each) for each in rows][::-1]


def remember_seen(session: Session, entity: str, documents: Sequence[Seen]) -> None:
    """Remember documents; one that is known already is as it is now."""
    rows = [
        {
            "entity": entity,
            "record_key": each.record_key,
            "party": each.party,
            "currency": each.currency,
            "amount": int(each.amount.scaleb(_PLACES)),
            "day": each.day,
            "accounts": list(each.accounts),
        }
        for each in documents
    ]
    upsert(session, SeenDocument, rows, key=["entity", "record_key"])


def _seen(row: SeenDocument) -> Seen:
    amount = Decimal(row.amount).scaleb(-_PLACES)
    return Seen(row.record_key, row.party, row.currency, amount, row.day, tuple(row.accounts))
