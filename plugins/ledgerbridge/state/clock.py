"""
The one clock that leases and waits of several workers are measured by: the state database's, never a worker's own.

PostgreSQL tells its server's time. SQLite has no server: all its workers run on one machine, whose kernel counts the
seconds since it started. That count is the same in every process, whatever its time zone, name space or idea of the
date; setting the machine's clock does not move it. It is tied to a date once for each start of the machine.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from ledgerbridge.state.models import DatabaseClock, DeliveryTry

__all__ = ["database_now", "seconds_since_start"]

_SINCE_START = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the former on Linux alone
_START = Path("/proc/sys/kernel/random/boot_id")
_CLOCK = "ledgerbridge_clock"

# asked before each call: made once, and of a table, since SQLAlchemy's work for objects costs more than theirs
_COLUMNS = DatabaseClock.__table__.c
_COUNTED = select(_COLUMNS.start, _COLUMNS.seconds, _COLUMNS.at).where(_COLUMNS.id == 1)
_TOLD = select(func.clock_timestamp())


def database_now(database: Session | Connection) -> datetime:
    """
    The state database's time now, aware UTC.

    Every call asks anew, also within a transaction. On SQLite it only goes on, and may be some seconds or minutes off
    the wall's time: compare it with what it told before and with nothing else.
    """
    connection = database.connection() if isinstance(database, Session) else database
    if connection.dialect.name == "postgresql":
        told = connection.scalar(_TOLD)
        assert isinstance(told, datetime)
        return told.astimezone(UTC)
    # what a session has read of it is so until the end of its transaction
    kept = database.info if isinstance(database, Session) else {}
    return _counted(connection, kept)


def seconds_since_start() -> float:
    """
    Seconds since this machine started, to measure how long something took.

    Goes on while a process is stopped and, where the kernel tells it, while the machine sleeps.
    """
    return time.clock_gettime(_SINCE_START)


def _counted(connection: Connection, kept: dict[Any, Any]) -> datetime:
    clock = kept.get(_CLOCK) or connection.execute(_COUNTED).first()
    # only now: a process's first statement may take seconds, by which a lease would end early
    seconds, start = seconds_since_start(), _this_start()
    if clock is None or clock.start != start or clock.seconds > seconds:
        clock = _tied_anew(connection, clock, start)
        seconds = clock.seconds
    kept[_CLOCK] = clock
    told: datetime = clock.at + timedelta(seconds=seconds - clock.seconds)
    return told


def _tied_anew(connection: Connection, before: Any, start: str) -> DatabaseClock:
    """The clock from this start of the machine on, written down."""
    with Session(connection, expire_on_commit=False) as session:
        latest = session.scalar(select(func.max(DeliveryTry.heartbeat_at)))
        seconds = seconds_since_start()
        # a machine whose date was set back before it started again must not take old leases for new ones
        at = max(each for each in (datetime.now(UTC), latest, before and before.at) if each is not None)
        clock = session.merge(DatabaseClock(id=1, start=start, seconds=seconds, at=at))
        session.flush()
        session.expunge(clock)
    return clock


@cache
def _this_start() -> str:
    try:
        return _START.read_text().strip()
    except OSError:
        return ""
