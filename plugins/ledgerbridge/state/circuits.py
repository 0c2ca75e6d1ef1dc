"""
Circuit breakers: after several calls in a row to a connection failed, nobody calls it until one probe got through.

Kept in the state database and timed by its clock, so that all workers pause together and one of them probes. The audit
tells when a pause begins (``circuit-opened``) and when it is over (``circuit-closed``), not each failure in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.database import serialise
from ledgerbridge.state.models import Circuit
from ledgerbridge.state.upsert import upsert

__all__ = [
    "FAILURES_TO_OPEN",
    "FIRST_PAUSE",
    "Pause",
    "call_failed",
    "call_succeeded",
    "open_circuits",
    "pause_of",
    "take_probe",
]

FAILURES_TO_OPEN = 3
"""Tasks in a row that failed; fewer than a task has tries, so that none uses them up on a system that is down."""
FIRST_PAUSE = timedelta(seconds=15)
_LONGEST_IN_FIRST = 4
"""The longest pause, in first ones."""
_PROBE_TAKES = timedelta(minutes=2)


@dataclass(frozen=True)
class Pause:
    """A connection nobody calls now: until when, since when, and why."""

    connection: str
    until: datetime
    since: datetime
    reason: str


def pause_of(session: Session, connection: str) -> Pause | None:
    """The pause a connection makes; None: it may be called."""
    row = session.get(Circuit, connection)
    if row is None or row.paused_until is None or row.paused_since is None:
        return None
    return Pause(connection, row.paused_until, row.paused_since, row.reason or "")


def open_circuits(session: Session) -> list[Pause]:
    """All connections that make a pause."""
    names = session.scalars(select(Circuit.connection).order_by(Circuit.connection)).all()
    return [pause for name in names if (pause := pause_of(session, name)) is not None]


def call_failed(
    session: Session,
    actor: Actor,
    connection: str,
    reason: str,
    *,
    retry_after: timedelta | None = None,
    first_pause: timedelta = FIRST_PAUSE,
    now: datetime | None = None,
) -> None:
    """
    Count a failed call; enough of them in a row, or a failed probe, begin a pause that doubles each time.

    :param retry_after: how long the system asked to be left alone.
    :param first_pause: no pause is longer than four of it unless the system asked.
    """
    now = now or database_now(session)
    serialise(session, f"circuit {connection}")
    row = session.get(Circuit, connection)
    failures = (row.failures if row else 0) + 1
    values: dict[str, Any] = {"connection": connection, "failures": failures, "reason": reason, "updated_at": now}
    if failures >= FAILURES_TO_OPEN:
        pause = max(_pause_after(failures, first_pause), retry_after or timedelta())
        values["paused_until"] = now + pause
        values["paused_since"] = (row.paused_since if row else None) or now
        if row is None or row.paused_since is None:
            append(session, actor, [_change("opened", connection, reason=reason, failures=failures)])
    upsert(session, Circuit, [values], key=["connection"])


def call_succeeded(session: Session, actor: Actor, connection: str) -> None:
    """Forget the failures: whoever waits may call again."""
    row = session.get(Circuit, connection)
    if row is None or not row.failures:
        return
    serialise(session, f"circuit {connection}")
    session.refresh(row)
    if row.paused_since is not None:
        since = row.paused_since.isoformat()
        append(session, actor, [_change("closed", connection, since=since, failures=row.failures)])
    session.execute(
        update(Circuit)
        .where(Circuit.connection == connection, Circuit.failures > 0)
        .values(failures=0, paused_until=None, paused_since=None, reason=None, updated_at=database_now(session))
    )


def take_probe(session: Session, connection: str, *, now: datetime | None = None) -> bool:
    """Whether the caller is the one who tries the connection now that its pause is over; others wait for the answer."""
    now = now or database_now(session)
    taken: Any = session.execute(
        update(Circuit)
        .where(Circuit.connection == connection, Circuit.paused_until <= now)
        .values(paused_until=now + _PROBE_TAKES)
        .execution_options(synchronize_session=False)
    )
    return bool(taken.rowcount)


def _change(what: str, connection: str, **details: Any) -> Change:
    return Change(f"circuit-{what}", "connection", connection, details=details)


def _pause_after(failures: int, first: timedelta) -> timedelta:
    doublings = min(failures - FAILURES_TO_OPEN, 10)
    return first * min(int(2**doublings), _LONGEST_IN_FIRST)
