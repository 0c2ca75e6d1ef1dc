"""Retention: payloads older than a day go, the audit trail and what the books need stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, null, select, update
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.audit.commitments import PURGED, tells_of_a_person
from ledgerbridge.canonical.personal import is_personal
from ledgerbridge.state.models import AuditEntry, DeadLetter, Delivery, LinkEnd, MasterRow, SourceRecord
from ledgerbridge.state.names import TAKEN, forget_names
from ledgerbridge.state.source_records import UNFINISHED
from ledgerbridge.state.work_items import forget_comments

__all__ = ["Purged", "old_batches", "purge_payloads", "tell_purged"]


@dataclass(frozen=True)
class Purged:
    """How many bodies of dead letters were taken away, and how many canonical headers and states of links."""

    letters: int
    headers: int


def old_batches(session: Session, before: datetime) -> list[str]:
    """
    Folders of staged batches, one a leg and run, that were written before and that nothing needs any more.

    What a record waits in, or a run left behind, is still needed whatever its age.
    """
    staged = session.scalars(
        select(AuditEntry).where(AuditEntry.at < before, AuditEntry.action.startswith("batch-")).order_by(AuditEntry.id)
    )
    folders = dict.fromkeys(str(entry.details["uri"]).rpartition("/")[0] for entry in staged)
    needed = {
        uri.rpartition("/")[0]
        for uri in session.scalars(select(SourceRecord.batch_uri).where(SourceRecord.outcome.in_(UNFINISHED)))
    }
    return [folder for folder in folders if folder not in needed]


def purge_payloads(session: Session, before: datetime) -> Purged:
    """
    Take away the bodies of dead letters that are settled, what tells of persons in canonical headers, what each side of
    a link was seen to hold or written, what systems answered of master data, and what people said of what has waited.

    Amounts, keys, hashes and the audit trail stay: later refunds and reconciliations need them.
    """
    letters: Any = session.execute(
        update(DeadLetter)
        .where(
            DeadLetter.state.in_(("closed", "discarded")),
            DeadLetter.closed_at < before,
            DeadLetter.raw.is_not(null()),
        )
        .values(
            raw=null(), canonical=null(), document=null(), document_types=null(), corrections=null(),
            value=None, label=None, message=PURGED,
        )
    )  # fmt: skip
    headers = _strip(session, SourceRecord, before) + _strip(session, Delivery, before) + _forget(session, before)
    forget_comments(session, before)
    session.execute(delete(MasterRow).where(MasterRow.read_at < before))
    return Purged(letters.rowcount, headers)


def tell_purged(session: Session, before: datetime, purged: Purged, batches: Sequence[str], by: str) -> None:
    """Tell the audit what was taken away, and by whom."""
    details = {"letters": purged.letters, "headers": purged.headers, "batches": len(batches), "by": by}
    change = Change("purged", "payloads", f"before {before.isoformat()}", details=details)
    append(session, Actor("", "", "", "ledgerbridge purge"), [change])


def _forget(session: Session, before: datetime) -> int:
    """Which record of a ledger is ours stays known, and by its hash whether it changed since."""
    states: tuple[tuple[Any, Any], ...] = ((LinkEnd.seen, LinkEnd.seen_at), (LinkEnd.written, LinkEnd.written_at))
    forgotten = 0
    for content, at in states:
        old: Any = session.execute(update(LinkEnd).where(content.is_not(null()), at < before).values({content: null()}))
        forgotten += old.rowcount
    return forgotten


def _strip(session: Session, table: Any, before: datetime) -> int:
    stripped: list[int] = []
    goes = _goes_of_a_record if table is SourceRecord else tells_of_a_person
    old = select(table).where(table.updated_at < before, table.canonical.is_not(null()))
    if table is SourceRecord:
        old = old.where(table.outcome.not_in(UNFINISHED))
    for row in session.scalars(old.execution_options(yield_per=500)):
        kept = {name: value for name, value in (row.canonical or {}).items() if not goes(name)}
        if row.canonical is None or len(kept) == len(row.canonical):
            continue
        kept.pop("label", None)  # a customer's label is a name
        row.canonical = kept
        if table is SourceRecord:
            row.label = None
        stripped.append(row.id)
    if table is SourceRecord:
        session.flush()
        forget_names(session, TAKEN, stripped)
    return len(stripped)


def _goes_of_a_record(field: str) -> bool:
    """More than of a delivery, of which the audit's entries commit to all that ``tells_of_a_person`` leaves."""
    return tells_of_a_person(field) or is_personal(field)
