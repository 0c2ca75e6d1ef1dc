"""Calls a minute, a day and at once: fixed windows whose start differs by organisation (sources.md Xero §2)."""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.store import Store
from sandbox.xero.calls import Caller
from sandbox.xero.errors import too_many_requests
from sandbox.xero.models import Settings
from sandbox.xero.wire import new_id

__all__ = ["Limits"]

_STALE_SECONDS = 120


@dataclass(frozen=True)
class _Window:
    """One budget of calls in a fixed window."""

    problem: str
    budget: str
    header: str
    allowed: int
    seconds: int

    def at(self, now: float) -> int:
        """The number of the window that ``now`` is in."""
        return int((now + self._offset()) // self.seconds)

    def seconds_left(self, now: float) -> int:
        """Until the next window begins."""
        return math.ceil((self.at(now) + 1) * self.seconds - now - self._offset())

    def _offset(self) -> int:
        return int.from_bytes(hashlib.sha256(self.budget.encode()).digest()[:4]) % self.seconds


class Limits:
    """Counts the calls of every app and organisation, over all processes that share the data folder."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    @contextmanager
    def call(self, caller: Caller) -> Iterator[dict[str, str]]:
        """
        Count one call, in progress for as long as the block runs; the headers that its answer carries.

        :raises ApiError: 429, a limit is reached; the call counts for none.
        """
        values = self._settings.all()
        budget, call_id, now = f"{caller.client_id} {caller.tenant_id}", new_id(), self._settings.wall_clock()
        windows = self._windows(caller, budget, values)
        with self._store.write() as connection:
            spent = {window.problem: _spent(connection, window, now) for window in windows}
            self._check(connection, windows, spent, budget, now, int(values["calls_at_once"]))
            for window in windows:
                connection.execute(
                    "INSERT OR REPLACE INTO spent VALUES (?, ?, ?, ?)",
                    (window.budget, window.problem, window.at(now), spent[window.problem] + 1),
                )
            connection.execute("INSERT INTO in_progress VALUES (?, ?, ?)", (call_id, budget, now))
        try:
            yield _headers(windows, {problem: calls + 1 for problem, calls in spent.items()})
        finally:
            with self._store.write() as connection:
                connection.execute("DELETE FROM in_progress WHERE id = ?", (call_id,))

    @staticmethod
    def _windows(caller: Caller, budget: str, values: Mapping[str, int | bool]) -> tuple[_Window, ...]:
        return (
            _Window("minute", budget, "X-MinLimit-Remaining", int(values["calls_per_minute"]), 60),
            _Window("day", budget, "X-DayLimit-Remaining", int(values["calls_per_day"]), 86_400),
            _Window("appminute", caller.client_id, "X-AppMinLimit-Remaining", int(values["app_calls_per_minute"]), 60),
        )

    @staticmethod
    def _check(
        connection: sqlite3.Connection,
        windows: tuple[_Window, ...],
        spent: Mapping[str, int],
        budget: str,
        now: float,
        at_once: int,
    ) -> None:
        row = connection.execute(
            "SELECT count(*) FROM in_progress WHERE budget = ? AND since > ?", (budget, now - _STALE_SECONDS)
        ).fetchone()
        if row[0] >= at_once:
            error = too_many_requests("concurrent", None)
            error.headers.update(_headers(windows, spent))
            raise error
        for window in windows:
            if spent[window.problem] >= window.allowed:
                error = too_many_requests(window.problem, window.seconds_left(now))
                error.headers.update(_headers(windows, spent))
                raise error


def _spent(connection: sqlite3.Connection, window: _Window, now: float) -> int:
    row = connection.execute(
        "SELECT calls FROM spent WHERE budget = ? AND problem = ? AND window = ?",
        (window.budget, window.problem, window.at(now)),
    ).fetchone()
    return row["calls"] if row else 0


def _headers(windows: tuple[_Window, ...], spent: Mapping[str, int]) -> dict[str, str]:
    return {window.header: str(max(window.allowed - spent[window.problem], 0)) for window in windows}
