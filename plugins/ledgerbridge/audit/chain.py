"""
Writing audit entries: numbered without gaps, the hash of each covers its content and the hash before it.

``hash = sha256(previous_hash + sha256(content))``, both in hexadecimal: whoever has only the inner hash of an entry can
still follow the chain over it. Payloads are in no entry, their hashes are: they can be purged and the chain holds.
"""

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

__all__ = ["GENESIS", "Actor", "Change", "append", "chained", "content_digest", "content_text", "digest"]

GENESIS = "0" * 64
"""The hash before the first entry."""
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
)
"""What the hash of an entry covers, with its number and the hash before it."""


@dataclass(frozen=True)
class Actor:
    """Who changes something: the flow, its leg, the run and the task."""

    flow: str
    leg: str
    run_id: str
    task: str


@dataclass(frozen=True)
class Change:
    """
    One state change of one record.

    :param content_hash: of the record or document as it is after the change; ``details`` may hold the one before.
    """

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
    wanted = list(changes)
    if not wanted:
        return
    serialise(session, "audit")
    last = session.execute(select(AuditEntry.id, AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)).first()
    so_far, previous = last or (0, GENESIS)
    rows = []
    for number, change in enumerate(wanted, so_far + 1):
        row = {
            "id": number,
            "at": datetime.now(UTC),
            "run_id": actor.run_id,
            "task": actor.task,
            "action": change.action,
            "entity": change.entity,
            "record_key": change.record_key,
            "chain_key": change.chain_key,
            "content_hash": change.content_hash,
            "details": {name: value for name, value in change.details.items() if value is not None},
        }
        previous, before = chained(previous, sha256(_text(number, row)).hexdigest()), previous
        rows.append({**row, "previous_hash": before, "hash": previous})
    session.connection().execute(insert(AuditEntry), rows)


def content_text(entry: AuditEntry, *, number: int | None = None) -> bytes:
    """
    An entry's content as it is hashed: JSON, names sorted, no blanks.

    :param number: as if it stood there.
    """
    return _text(entry.id if number is None else number, {name: getattr(entry, name) for name in _CONTENT})


def _text(number: int, content: Mapping[str, Any]) -> bytes:
    hashed = {**{name: content[name] for name in _CONTENT}, "at": content["at"].isoformat(), "number": number}
    return orjson.dumps(hashed, option=orjson.OPT_SORT_KEYS)


def content_digest(entry: AuditEntry, *, number: int | None = None) -> str:
    """The hash of an entry's content alone."""
    return sha256(content_text(entry, number=number)).hexdigest()


def chained(previous_hash: str, inner: str) -> str:
    """The hash of an entry, of the one before and its content's."""
    return sha256(f"{previous_hash}{inner}".encode()).hexdigest()


def digest(entry: AuditEntry, *, number: int | None = None) -> str:
    """The hash an entry must have."""
    return chained(entry.previous_hash, content_digest(entry, number=number))
