"""What the ledgers booked, kept as the reconciliation read it, each booking with its audit entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.audit.commitments import row_digest
from ledgerbridge.reconciliation.model import Booked
from ledgerbridge.state.companies import bound_company
from ledgerbridge.state.models import AuditEntry, BookedDocument
from ledgerbridge.state.upsert import in_chunks, upsert

__all__ = ["keep_booked"]


def keep_booked(session: Session, actor: Actor, ledger: str, books: Sequence[Booked], keys: Sequence[str]) -> int:
    """
    Keep what a ledger booked, and tell the audit; what it was told already stays as it is.

    :param keys: the record key each belongs to, in the order of ``books``.
    :returns: how many were new or had changed.
    """
    company = actor.company or bound_company(session)
    rows: dict[str, dict[str, Any]] = {}
    for booked, key in zip(books, keys, strict=True):
        rows[booked.key[:255]] = {
            "company": company,
            "ledger": ledger,
            "key": booked.key[:255],
            "record_key": key[:255],
            "kind": booked.kind,
            "number": booked.number,
            "booked_on": booked.booked_on,
            "effects": {account: f"{amount:f}" for account, amount in sorted(booked.effects.items())},
            "run_id": actor.run_id,
        }
    told = _told(session, ledger, rows)
    changed = [row for key, row in rows.items() if told.get(key) != row_digest(BookedDocument, SimpleNamespace(**row))]
    upsert(session, BookedDocument, changed, key=["ledger", "key"])
    news = [Change("booked", ledger, row["record_key"], details={"key": row["key"]}) for row in changed]
    append(session, actor, news)
    return len(changed)


def _told(session: Session, ledger: str, rows: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """
    The hash of each booking as the audit was told last, by its key.

    What was kept before bookings were told has none and is told now. A row that differs from its entry stays, for the
    audit's verification to find.
    """
    record_keys = {str(row["record_key"]) for row in rows.values()}
    for chunk in in_chunks(sorted(rows)):  # a booking may have been told of under another record
        kept = select(BookedDocument.record_key).where(BookedDocument.ledger == ledger, BookedDocument.key.in_(chunk))
        record_keys.update(session.scalars(kept))
    told: dict[int, tuple[str, str]] = {}
    for chunk in in_chunks(sorted(record_keys)):
        entries = select(AuditEntry.id, AuditEntry.details).where(
            AuditEntry.record_key.in_(chunk), AuditEntry.entity == ledger, AuditEntry.action == "booked"
        )
        told |= {number: (each["key"], each["row"]) for number, each in session.execute(entries)}
    return dict(told[number] for number in sorted(told))
