"""Writing audit entries; the hash of each covers its content and the hash before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ledgerbridge.state.database import serialise
from ledgerbridge.state.models import AuditEntry

__all__ = ["Actor", "Change", "append"]

GENESIS = "0" * 64
_CONTENT = (
    "at",
    "run_id",
    "task",
    "action",
    "entity",
    "record_key",
    "chain_key",
    "content_hash",
    "details",
    "previous_hash",
)
"""What the hash of an entry covers."""


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
    rows = []
    for change in changes:
        entry = {
            "at": datetime.now(UTC),
            "run_id": actor.run_id,
            "task": actor.task,
            "action": change.action,
            "entity": change.entity,
            "record_key": change.record_key,
            "chain_key": change.chain_key,
            "content_hash": change.content_hash,
            "details": change.details,
            "previous_hash": previous,
        }
        previous = _hash(entry)
        rows.append({**entry, "hash": previous})
    if rows:
        session.connection().execute(insert(AuditEntry), rows)


def digest(entry: AuditEntry) -> str:
    """The hash of an entry's content and its predecessor's hash."""
    return _hash({name: getattr(entry, name) for name in _CONTENT})


def _hash(content: Mapping[str, Any]) -> str:
    text = orjson.dumps({**content, "at": content["at"].isoformat()}, option=orjson.OPT_SORT_KEYS)
    return sha256(text).hexdigest()
