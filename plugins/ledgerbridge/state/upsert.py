"""Insert-or-update in one statement, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ledgerbridge.state.models import Base

__all__ = ["in_chunks", "upsert"]

# SQLite takes 32,766 parameters a statement
_ROWS_A_STATEMENT = 500


def upsert(
    session: Session, table: type[Base], rows: Sequence[dict[str, Any]], *, key: Sequence[str], keep: Sequence[str] = ()
) -> None:
    """Insert ``rows``; where ``key`` is there already, overwrite all other given columns but those in ``keep``."""
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    for chunk in in_chunks(rows):
        statement = dialect.insert(table).values(chunk)
        changed = {name: statement.excluded[name] for name in chunk[0] if name not in key and name not in keep}
        session.execute(
            statement.on_conflict_do_update(index_elements=list(key), set_=changed)
            if changed
            else statement.on_conflict_do_nothing(index_elements=list(key))
        )


def in_chunks(rows: Sequence[Any], size: int = _ROWS_A_STATEMENT) -> list[Sequence[Any]]:
    """``rows`` in pieces that fit one statement."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]
