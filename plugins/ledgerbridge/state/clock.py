"""
The one clock that leases and waits of several workers are measured by: the state database's, never a worker's own.

PostgreSQL tells its server's time. SQLite has no server: all its workers run on one machine, whose kernel counts the
seconds since it started. That count is the same in every process, whatever its time zone, name space or idea of the
date; setting the machine's clock does not move it. It is tied to a date once for each start of the machine.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledgerbridge.state.models import DatabaseClock, DeliveryTry

__all__ = ["database_now", "seconds_since_start"]

_SINCE_START = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the former on Linux alone
_START = Path("/proc/sys/kernel/random/boot_id")
_CLOCK = "ledgerbridge_clock"


def database_now(session: Session) -> datetime:
    """
    The state database's time now, aware UTC.

    Every call asks anew, also within a transaction. On SQLite it only goes on, and may be some seconds or minutes off
    the wall's time: compare it with what it told before and with nothing else.
    """
    if session.get_bind().dialect.name == "postgresql":
        told = session.scalar(select(func.clock_timestamp()))
        assert isinstance(told, datetime)
        return told.astimezone(UTC)
    return _counted(session)


def seconds_since_start() -> float:
    """
    Seconds since this machine started, to measure how long something took.

    Goes on while a process is stopped and, where the kernel tells it, while the machine sleeps.
    """
    return time.clock_gettime(_SINCE_START)


def _counted(session: Session) -> datetime:
    # what a transaction has read of it is so until its end; kept, for a session forgets what nobody holds
    clock = session.get(DatabaseClock, 1)
    session.info[_CLOCK] = clock
    # only now: a process's first statement may take seconds, by which a lease would end early
    seconds, start = seconds_since_start(), _this_start()
    if clock is not None and clock.start == start and clock.seconds <= seconds:
        return clock.at + timedelta(seconds=seconds - clock.seconds)
    latest = session.scalar(select(func.max(DeliveryTry.heartbeat_at)))
    seconds = seconds_since_start()
    # a machine whose date was set back before it started again must not take old leases for new ones
    before = None if clock is None else clock.at
    at = max(each for each in (datetime.now(UTC), latest, before) if each is not None)
    session.info[_CLOCK] = session.merge(DatabaseClock(id=1, start=start, seconds=seconds, at=at))
    session.flush()
    return at


def _this_start() -> str:
    try:
        return _START.read_text().strip()
    except OSError:
        return ""
