"""Writing audit entries; the hash of each covers its content and the hash before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.state.database import serialise
from ledgerbridge.state.models import AuditEntry

__all__ = ["Actor", "Change", "append"]

GENESIS = "0" * 64


@dataclass(frozen=True)
class Actor:
    """Who changes something: the flow, its leg, the run and the task."""

    flow: str
    leg: str
    run_id: str
    task: str


@dataclass(frozen=True)
class Change:
    """One state change of one record."""

    action: str
    entity: str
    record_key: str
    chain_key: str | None = None
    content_hash: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def append(session: Session, actor: Actor, changes: Iterable[Change]) -> None:
    """
    Append entries in the session's transaction; the caller commits.

    Others wait from here to its end: two entries after the same one would break the chain.
    """
    serialise(session, "audit")
    previous = session.scalar(select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)) or GENESIS
    for change in changes:
        entry = AuditEntry(
            at=datetime.now(UTC),
            run_id=actor.run_id,
            task=actor.task,
            action=change.action,
            entity=change.entity,
            record_key=change.record_key,
            chain_key=change.chain_key,
            content_hash=change.content_hash,
            details=change.details,
            previous_hash=previous,
        )
        entry.hash = previous = digest(entry)
        session.add(entry)
        session.flush()


def digest(entry: AuditEntry) -> str:
    """The hash of an entry's content and its predecessor's hash."""
    content = {
        "at": entry.at.isoformat(),
        "run_id": entry.run_id,
        "task": entry.task,
        "action": entry.action,
        "entity": entry.entity,
        "record_key": entry.record_key,
        "chain_key": entry.chain_key,
        "content_hash": entry.content_hash,
        "details": entry.details,
        "previous_hash": entry.previous_hash,
    }
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
