"""Master data as systems answered it, each row with the time it was read: a cache that knows its age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.state.models import MasterRow
from ledgerbridge.state.upsert import in_chunks, upsert

__all__ = ["has_master_rows", "keep_master_rows", "master_rows_since"]

_LONGEST_KEY = 250


def master_rows_since(
    session: Session, connection: str, entity: str, keys: Sequence[str], since: datetime
) -> dict[str, dict[str, Any]]:
    """The rows of these keys that were read at ``since`` or later (aware UTC), by key."""
    found: dict[str, dict[str, Any]] = {}
    for chunk in in_chunks(keys):
        rows = session.scalars(
            select(MasterRow).where(
                MasterRow.connection == connection,
                MasterRow.entity == entity,
                MasterRow.key.in_(chunk),
                MasterRow.read_at >= since,
            )
        )
        found.update({row.key: row.content for row in rows})
    return found


def has_master_rows(session: Session, connection: str, entity: str) -> bool:
    """Whether a system answered anything of an entity."""
    kept = select(MasterRow.key).where(MasterRow.connection == connection, MasterRow.entity == entity).limit(1)
    return session.scalar(kept) is not None


def keep_master_rows(
    session: Session, connection: str, entity: str, rows: Mapping[str, dict[str, Any]], read_at: datetime
) -> None:
    """
    Keep what a system answered; what it has not is never kept, so that a record somebody just made is seen at once.
    """
    values = [
        {"connection": connection, "entity": entity, "key": key, "content": content, "read_at": read_at}
        for key, content in sorted(rows.items())  # two tasks that keep the same ones wait for each other, and not both
        if len(key) <= _LONGEST_KEY
    ]
    upsert(session, MasterRow, values, key=["connection", "entity", "key"])
