"""The one clock that leases, waits and pauses of several workers are measured by: never a worker's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

__all__ = ["database_now"]


def database_now(session: Session) -> datetime:
    """The state database's time now, aware UTC; each call asks anew. SQLite has its machine's kernel's."""
    if session.get_bind().dialect.name == "postgresql":
        told = session.scalar(select(func.clock_timestamp()))
        assert isinstance(told, datetime)
        return told.astimezone(UTC)
    lines = Path("/proc/stat").read_text().splitlines()
    started = int(next(line for line in lines if line.startswith("btime")).split()[1])
    return datetime.fromtimestamp(started, UTC) + timedelta(seconds=float(Path("/proc/uptime").read_text().split()[0]))
