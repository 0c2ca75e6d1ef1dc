"""The form of records that people accepted for a mapping, as the state database keeps it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.companies import MAIN, bound_company
from ledgerbridge.state.models import AcceptedShape

__all__ = ["accept_shape", "accepted_shape"]


def accepted_shape(session: Session, mapping: str) -> AcceptedShape | None:
    """What was accepted last for a mapping, of the session's company."""
    return session.scalars(select(AcceptedShape).where(AcceptedShape.mapping == mapping)).one_or_none()


def accept_shape(
    session: Session,
    mapping: str,
    by: str,
    records: Mapping[str, str],
    source: Mapping[str, str],
    target: Mapping[str, str],
) -> None:
    """
    Keep what is accepted from now on, and tell the audit who did; the caller commits.

    :param records: the form of those read last; empty where there are none, and what was accepted stays.
    """
    now, before = database_now(session), accepted_shape(session, mapping)
    known = before or AcceptedShape(company=bound_company(session) or MAIN, mapping=mapping, records={})
    known.records = dict(records) or known.records
    known.source, known.target, known.by, known.accepted_at = dict(source), dict(target), by, now
    session.add(known)
    session.flush()
    change = Change(
        "shape-accepted", "file", f"mappings/{mapping}.yaml", details={"by": by, "paths": len(known.records)}
    )
    append(session, Actor("", "", "", "console"), [change])
