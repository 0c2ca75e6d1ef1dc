"""
Who may deliver now: one try at a time, alive by its heartbeats in the state database.

A try has a number that later ones exceed, and a lease on the database's clock that its heartbeats move on; a lease that
has ended never begins again. Neither a host's name nor a process's number nor a worker's clock says anything here.
"""

from __future__ import annotations

import logging
import os
import socket
from datetime import datetime, timedelta
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from sqlalchemy import Engine, Update, bindparam, delete, exists, update
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.database import transaction
from ledgerbridge.state.models import DeliveryTry

__all__ = ["LEASE", "LIVES", "Try"]

LEASE = timedelta(seconds=60)
"""How long a worker that died, or can't reach the database, keeps others out of what it had taken."""
_BEATS_A_LEASE = 6
_REMEMBERED = timedelta(days=1)

# asked before each call: made once
LIVES = exists().where(
    DeliveryTry.__table__.c.number == bindparam("of_number"),
    DeliveryTry.__table__.c.token == bindparam("of_token"),
    DeliveryTry.__table__.c.lease_until > bindparam("at"),
)
"""
Whether the lease of the try that is named goes on (``Try.as_at``): a condition of what it writes.

It is not moved on: calls that leave at once would wait for each other to write the one row of their try.
"""

_log = logging.getLogger(__name__)


class Try:
    """
    One try of a task to deliver; a lease is asked for with the first record it takes.

    Used as a context: heartbeats go on until it ends, then its lease ends too.

    :param lease: how long it lives without a heartbeat.
    """

    def __init__(self, engine: Engine, actor: Actor, lease: timedelta = LEASE) -> None:
        self._engine = engine
        self._actor = actor
        self._lease = lease
        self._number: int | None = None
        self._token = uuid4().hex
        self._over = Event()
        self._thread = Thread(target=self._beat, name="lease", daemon=True)

    @property
    def number(self) -> int:
        """
        Its number, once it has a lease.

        :raises RuntimeError: it has taken nothing yet.
        """
        if self._number is None:
            raise RuntimeError("this try holds no lease")
        return self._number

    def begin(self, session: Session, now: datetime) -> int:
        """Take a lease in the session's transaction, unless it has one already; its number."""
        if self._number is None:
            session.execute(delete(DeliveryTry).where(DeliveryTry.lease_until < now - _REMEMBERED))
            row = DeliveryTry(
                run_id=self._actor.run_id,
                task=self._actor.task,
                token=self._token,
                worker=f"{socket.gethostname()[:100]} {os.getpid()}",
                began_at=now,
                heartbeat_at=now,
                lease_until=now + self._lease,
            )
            session.add(row)
            session.flush()
            self._number = row.number
        return self._number

    def beats(self) -> None:
        """From now on heartbeats keep the lease; called when the transaction that began it is over."""
        if not self._thread.is_alive() and not self._over.is_set():
            self._thread.start()

    def lives(self, session: Session, now: datetime) -> bool:
        """Move the lease on, in the session's transaction; False when it is over, and then it stays so."""
        moved: Any = session.execute(self._living(now).values(heartbeat_at=now, lease_until=now + self._lease))
        return bool(moved.rowcount)

    def as_at(self, now: datetime) -> dict[str, Any]:
        """What ``LIVES`` is to be told to ask for this try."""
        return {"of_number": self._number, "of_token": self._token, "at": now}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._number is not None:
            try:
                with transaction(self._engine) as session:
                    now = database_now(session)
                    session.execute(self._living(now).values(lease_until=now))
            except Exception as problem:  # what ended the block counts; the lease ends by itself
                _log.warning("the lease of try %s could not be ended: %s", self._number, type(problem).__name__)

    def _living(self, now: datetime) -> Update:
        mine = (DeliveryTry.number == self._number, DeliveryTry.token == self._token)
        return update(DeliveryTry).where(*mine, DeliveryTry.lease_until > now)

    def _beat(self) -> None:
        while not self._over.wait(self._lease.total_seconds() / _BEATS_A_LEASE):
            try:
                with transaction(self._engine) as session:
                    if not self.lives(session, database_now(session)):
                        return
            except Exception as problem:  # the state database may be away for a while
                _log.warning("no heartbeat of try %s: %s", self._number, type(problem).__name__)
