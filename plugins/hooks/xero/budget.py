"""
One tenant's call limits, shared by all processes of all machines that have the state database.

Source: sources.md Xero §2. What other apps of the organisation call counts for Xero's limits a minute and a day too: it
answers 429 then, which ``pause`` passes on.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ledgerbridge.entities import CallsLeft
from ledgerbridge.errors import LedgerbridgeError, TransientError
from ledgerbridge.state import transaction
from ledgerbridge.state.counted_calls import (
    Allowance,
    Limits,
    allowance,
    begin_call,
    end_call,
    granted_now,
    pause_calls,
)

__all__ = ["GRANTED", "CallBudget"]

GRANTED = Limits(calls_per_minute=60, calls_per_day=5000, calls_at_once=5)
"""What Xero grants most apps per tenant; tiers differ and change."""


class CallBudget:
    """
    The right to call Xero, taken before each call.

    :param engine: gives the state database.
    :param patience_seconds: how long a call waits for its turn; longer waits belong to Airflow's retry, which frees
        the worker's slot. The default is a full minute window and some.
    """

    def __init__(
        self, engine: Callable[[], Engine], tenant: str, limits: Limits, *, patience_seconds: float = 90.0
    ) -> None:
        self._engine = engine
        self._name = f"xero_{hashlib.sha256(tenant.encode()).hexdigest()[:32]}"
        self._limits = limits
        self._patience_seconds = patience_seconds
        self._made = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """
        Hold one of the places for calls in progress, counted in the minute and the day.

        A call that waits holds none. It is counted at the very moment it goes out: counted earlier, it could arrive in
        a later minute.

        :raises TransientError: no place within the patience; ``retry_after_seconds`` says when there is one.
        """
        number = self._enter(time.monotonic() + self._patience_seconds)
        self._made += 1
        try:
            yield
        finally:
            # what was answered stays answered; a call of which no end is known counts a while longer
            with suppress(SQLAlchemyError, LedgerbridgeError), transaction(self._engine()) as session:
                end_call(session, number)

    def left(self) -> Allowance | None:
        """What is left of the last 24 hours' calls; None where the minute's limit can never use them up."""
        with transaction(self._engine()) as session:
            return allowance(session, self._name, self._limits)

    def left_to_caller(self) -> CallsLeft | None:
        """Of it what who asks may use, where they can wait without what is left to others; None as ``left``."""
        of_all, mine = self.left(), granted_now(self._limits)
        if of_all is None:
            return None
        kept = self._limits.calls_per_day - mine.calls_per_day
        return CallsLeft(of_all.left - kept, mine.calls_per_day, mine.calls_per_minute, self._made)

    def pause(self, seconds: float) -> None:
        """
        Keep all processes from calling for so long: Xero said so (``Retry-After``).

        :raises TransientError: longer than the patience.
        """
        with transaction(self._engine()) as session:
            pause_calls(session, self._name, timedelta(seconds=seconds))
        if seconds > self._patience_seconds:
            raise _used_up(seconds)

    def _enter(self, deadline: float) -> int:
        while True:
            with transaction(self._engine()) as session:
                number, wait = begin_call(session, self._name, self._limits)
            if number is not None:
                return number
            seconds = wait.total_seconds()
            if seconds > deadline - time.monotonic():
                raise _used_up(seconds)
            time.sleep(seconds)


def _used_up(seconds: float) -> TransientError:
    return TransientError(
        "LB-XERO-008",
        f"the tenant's call limit is used up for another {seconds:.0f} s",
        remedy="Let Airflow repeat the task then; fewer tasks at a time, or a higher Xero tier, avoid it.",
        retry_after_seconds=seconds,
    )
