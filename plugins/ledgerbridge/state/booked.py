"""What the ledgers booked, kept as the reconciliation read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.reconciliation import Booked
from ledgerbridge.state.models import BookedDocument
from ledgerbridge.state.upsert import upsert

__all__ = ["keep_booked"]


def keep_booked(session: Session, ledger: str, books: Sequence[Booked], keys: Sequence[str], run_id: str) -> int:
    """
    Keep what a ledger booked; what is known already stays as it is.

    :param keys: the record key each belongs to, in the order of ``books``.
    :returns: how many were new or had changed.
    """
    rows: dict[str, dict[str, Any]] = {}
    for booked, key in zip(books, keys, strict=True):
        rows[booked.key[:255]] = {
            "ledger": ledger,
            "key": booked.key[:255],
            "record_key": key[:255],
            "kind": booked.kind,
            "number": booked.number,
            "booked_on": booked.booked_on,
            "effects": {account: f"{amount:f}" for account, amount in sorted(booked.effects.items())},
            "run_id": run_id,
        }
    known = {
        row.key: (row.record_key, row.number, row.booked_on, row.effects)
        for row in session.execute(
            select(
                BookedDocument.key,
                BookedDocument.record_key,
                BookedDocument.number,
                BookedDocument.booked_on,
                BookedDocument.effects,
            ).where(BookedDocument.ledger == ledger)
        )
    }
    names = ("record_key", "number", "booked_on", "effects")
    changed = [row for key, row in rows.items() if known.get(key) != tuple(row[name] for name in names)]
    upsert(session, BookedDocument, changed, key=["ledger", "key"])
    return len(changed)
