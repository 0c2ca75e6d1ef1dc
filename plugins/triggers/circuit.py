"""Waiting, without a worker slot, until a connection that was down can be called again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from hooks.state_database import state_engine
from ledgerbridge.state import transaction
from ledgerbridge.state.circuits import Pause, pause_of
from ledgerbridge.state.clock import database_now

__all__ = ["ConnectionBack"]

_LOOK_EVERY_SECONDS = 5.0


class ConnectionBack(BaseTrigger):
    """
    Fires when a connection makes no pause any more, or its pause is over and somebody has to try it.

    It calls no system itself: a triggerer may reach none, as GP where an Edge worker alone does.

    :param connection: Airflow connection id.
    """

    def __init__(self, connection: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.connection = connection

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as Airflow keeps them."""
        return "triggers.circuit.ConnectionBack", {"connection": self.connection}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the connection may be called, or tried."""
        while True:
            pause, now = await asyncio.to_thread(self._pause)
            if pause is None or pause.until <= now:
                break
            ahead = (pause.until - now).total_seconds()
            await asyncio.sleep(max(0.5, min(ahead, _LOOK_EVERY_SECONDS)))
        yield TriggerEvent({"connection": self.connection})  # type: ignore[no-untyped-call]  # Airflow's

    def _pause(self) -> tuple[Pause | None, datetime]:
        """The connection's pause, and the time by the clock that measures it."""
        with transaction(state_engine(stays=True)) as session:
            return pause_of(session, self.connection), database_now(session)
