"""The audit as people read it: who did what, and whether the chain holds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, select

from ledgerbridge.audit import verify
from ledgerbridge.state import snapshot
from ledgerbridge.state.companies import MAIN
from ledgerbridge.state.models import AuditEntry
from operators import settings
from operators.anchors import kept_anchors
from pages.console.access import Access
from pages.console.models import AuditEntryView, AuditPage, ChainView

__all__ = ["chain_of", "entries_of"]


def entries_of(
    access: Access,
    *,
    people: bool,
    by: str | None,
    record: str | None,
    since: datetime | None,
    until: datetime | None,
    before: int | None,
    limit: int,
) -> AuditPage:
    """
    Entries, the newest first.

    :param people: only what persons did; :param by: only what this one did; :param record: only of this record.
    :param since: only from then on; :param until: only before then; :param before: only those with a lower number.
    :raises PermissionError: the user may not read the audit.
    """
    _allow(access)
    where: list[ColumnElement[bool]] = []
    name = AuditEntry.details["by"].as_string()
    if by is not None:
        where.append(name == by)
    elif people:
        where.append(name.is_not(None))
    if record is not None:
        where.append(AuditEntry.record_key == record)
    if since is not None:
        where.append(AuditEntry.at >= since)
    if until is not None:
        where.append(AuditEntry.at < until)
    if before is not None:
        where.append(AuditEntry.id < before)
    with snapshot(settings.state_engine(stays=True)) as opened:
        newest = select(AuditEntry).where(*where).order_by(AuditEntry.id.desc()).limit(limit + 1)
        rows = opened.scalars(newest).all()
    more = rows[limit - 1].id if len(rows) > limit else None
    return AuditPage(entries=[_entry(each) for each in rows[:limit]], before=more)


def chain_of(access: Access) -> ChainView:
    """
    Walk the whole chain, and compare it with the anchors that are kept and the tables with it.

    :raises PermissionError: the user may not read the audit.
    """
    _allow(access)
    anchors = kept_anchors(settings.anchors_url())  # before the snapshot: a head noted since would be none of its
    with snapshot(settings.state_engine(stays=True)) as opened:
        verdict = verify(opened, anchors, stamps=settings.time_stamps(), complete=True)
    return ChainView(
        entries=verdict.head.number, hash=verdict.head.hash, signed=verdict.signed, anchors=len(anchors),
        broken=None if verdict.broken is None else str(verdict.broken),
    )  # fmt: skip


def _allow(access: Access) -> None:
    if not access.may_read_audit():
        raise PermissionError("Those may read the audit who may read the audit log of all DAGs in Airflow.")


def _entry(row: AuditEntry) -> AuditEntryView:
    by = row.details.get("by")
    return AuditEntryView(
        number=row.id, at=row.at, by=None if by is None else str(by), action=row.action, entity=row.entity,
        record_key=row.record_key, company=row.company or MAIN, task=row.task, run_id=row.run_id or None, hash=row.hash,
    )  # fmt: skip
