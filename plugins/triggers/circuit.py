"""Waiting, without a worker slot, until a connection that was down can be called again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from airflow.configuration import conf
from airflow.sdk import BaseHook
from airflow.triggers.base import BaseTrigger, TriggerEvent

from hooks.state_database import state_engine
from ledgerbridge.audit import Actor
from ledgerbridge.state import transaction
from ledgerbridge.state.circuits import FIRST_PAUSE, Pause, call_failed, call_succeeded, pause_of, take_probe
from ledgerbridge.state.clock import database_now

__all__ = ["ConnectionBack", "first_pause"]

_LOOK_EVERY_SECONDS = 5.0
_LONGEST_WAIT = timedelta(hours=1)
_PROBE = Actor("", "", "", "ConnectionBack")
"""Of no run: one probes for all tasks that wait."""


def first_pause() -> timedelta:
    """How long a connection is left alone at first, `[ledgerbridge] circuit_pause_seconds`."""
    seconds = conf.get("ledgerbridge", "circuit_pause_seconds", fallback="")
    return timedelta(seconds=float(seconds)) if seconds else FIRST_PAUSE


class ConnectionBack(BaseTrigger):
    """
    Fires when a connection's pause is over: one of those who wait calls the system, all others follow.

    After an hour it fires all the same, so that the task's own error tells what a test of the connection can't.

    :param connection: Airflow connection id.
    :param since: when the wait began, ISO 8601 with zone.
    """

    def __init__(self, connection: str, since: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.connection = connection
        self.since = since

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as Airflow keeps them."""
        return "triggers.circuit.ConnectionBack", {"connection": self.connection, "since": self.since}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, and probe when it is this one's turn, until the connection may be called."""
        latest = datetime.fromisoformat(self.since) + _LONGEST_WAIT
        while True:
            pause, now = await asyncio.to_thread(self._pause)
            if pause is None or now >= latest:
                break
            ahead = (pause.until - now).total_seconds()
            if ahead <= 0 and await asyncio.to_thread(self._probe):
                break
            await asyncio.sleep(max(0.5, min(ahead, _LOOK_EVERY_SECONDS)))
        yield TriggerEvent({"connection": self.connection})  # type: ignore[no-untyped-call]  # Airflow's

    def _pause(self) -> tuple[Pause | None, datetime]:
        """The connection's pause, and the time by the clock that measures it."""
        with transaction(state_engine(stays=True)) as session:
            return pause_of(session, self.connection), database_now(session)

    def _probe(self) -> bool:
        """Call the system if nobody else does; whether it answered."""
        engine = state_engine(stays=True)
        with transaction(engine) as session:
            if not take_probe(session, self.connection):
                return False
        answers, message = BaseHook.get_hook(self.connection).test_connection()
        with transaction(engine) as session:
            if answers:
                call_succeeded(session, _PROBE, self.connection)
            else:
                call_failed(session, _PROBE, self.connection, message, first_pause=first_pause())
        self.log.info("connection=%s answers=%s", self.connection, answers)
        return bool(answers)
