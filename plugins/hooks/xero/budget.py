"""
One tenant's call limits, shared by all processes of a machine.

Source: sources.md Xero §2. Workers on several machines each keep their own count; what they exceed together Xero
answers with 429, which ``pause`` passes on.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from filelock import FileLock, Timeout
from pyrate_limiter import Duration, Rate, RateItem, SQLiteBucket

from ledgerbridge.errors import TransientError

__all__ = ["CallBudget", "Limits"]

_SLOT_POLL_SECONDS = 0.05
_RESERVE_MS = 100
"""Xero's minute by our clock may be longer, while that is being set right."""
_SET_BACK_SECONDS = 10
"""What lies further ahead was written before the machine's clock was set back."""


@dataclass(frozen=True)
class Limits:
    """What Xero grants an app per tenant; tiers differ and change."""

    calls_per_minute: int = 60
    calls_per_day: int = 5000
    calls_at_once: int = 5


class CallBudget:
    """
    The right to call Xero, taken before each call.

    Counts over sliding windows: never more calls than the limit in any minute, wherever Xero's fixed windows begin. A
    call counts from when it is made until a minute after its answer: only Xero knows when between the two it arrived. A
    call that waits holds no place of those in progress.

    :param folder: where the counts lie; the same for all processes that share the budget.
    :param patience_seconds: how long a call waits for its turn; longer waits belong to Airflow's retry, which frees
        the worker's slot. The default is a full minute window and some.
    """

    def __init__(self, folder: Path, tenant: str, limits: Limits, *, patience_seconds: float = 90.0) -> None:
        self._patience_seconds = patience_seconds
        folder.mkdir(parents=True, exist_ok=True)
        name = f"xero_{hashlib.sha256(tenant.encode()).hexdigest()[:16]}"
        self._bucket = SQLiteBucket.init_from_file(
            _rates(limits), table=name, db_path=str(folder / f"{name}.calls"), use_file_lock=True
        )
        # Locks of the operating system: a killed process gives its place back.
        self._slots = [FileLock(folder / f"{name}.slot{number}") for number in range(limits.calls_at_once)]
        self._pause_file = folder / f"{name}.pause"

    @contextmanager
    def call(self) -> Iterator[None]:
        """
        Hold one of the places for calls in progress, counted in the minute and the day.

        :raises TransientError: no place within the patience; ``retry_after_seconds`` says when there is one.
        """
        deadline = time.monotonic() + self._patience_seconds
        name = uuid.uuid4().hex
        slot = self._enter(name, deadline)
        try:
            yield
        finally:
            self._count_from_now(name)
            slot.release()

    @property
    def left_today(self) -> int | None:
        """Calls left of the last 24 hours' allowance; None where the minute's limit can never use it up."""
        day = max(self._bucket.rates, key=lambda rate: rate.interval)
        if day.interval < int(Duration.DAY):
            return None
        self._bucket.leak(time.time_ns() // 1_000_000)
        return int(day.limit) - self._bucket.count()

    def pause(self, seconds: float) -> None:
        """
        Keep all processes from calling for so long: Xero said so (``Retry-After``).

        :raises TransientError: longer than the patience.
        """
        self._write_pause(seconds)
        if seconds > self._patience_seconds:
            raise _used_up(seconds)

    def _write_pause(self, seconds: float) -> None:
        written, now = self._pause_file.with_suffix(f".{os.getpid()}"), time.time()
        written.write_text(f"{now + seconds} {now}")
        written.replace(self._pause_file)

    def _enter(self, name: str, deadline: float) -> FileLock:
        """A place, once the call may go out at that very moment: counted earlier, it could arrive in a later minute."""
        while True:
            slot = self._take_slot(deadline)
            try:
                seconds = self._pause_left() or self._take_permit(name)
            except BaseException:
                slot.release()
                raise
            if not seconds:
                return slot
            slot.release()
            _wait(seconds, deadline)

    def _take_slot(self, deadline: float) -> FileLock:
        while time.monotonic() < deadline:
            for slot in self._slots:
                try:
                    slot.acquire(blocking=False)
                except Timeout:
                    continue
                return slot
            time.sleep(_SLOT_POLL_SECONDS)
        raise _used_up(self._patience_seconds)

    def _pause_left(self) -> float:
        """Seconds until Xero may be called again, 0 without a pause."""
        if not self._pause_file.exists():
            return 0.0
        until, _, begun = self._pause_file.read_text().partition(" ")
        left = float(until) - time.time()
        if begun and float(begun) > time.time() + _SET_BACK_SECONDS:
            left = float(until) - float(begun)
            self._write_pause(left)
        return max(left, 0.0)

    def _take_permit(self, name: str) -> float:
        """0 when the call was counted, else the seconds until one can be."""
        now = time.time_ns() // 1_000_000
        newest = self._bucket.peek(0)
        if newest is not None and newest.timestamp > now + 1000 * _SET_BACK_SECONDS:
            self._bucket.flush()  # or all would wait for the old time to come again; Xero has its own count
        self._bucket.leak(now)
        item = RateItem(name, now)
        if self._bucket.put(item):
            return 0.0
        return max(cast(int, self._bucket.waiting(item)), 1) / 1000

    def _count_from_now(self, name: str) -> None:
        bucket, now = self._bucket, time.time_ns() // 1_000_000
        # what was answered stays answered; such a call counts from when it was made
        with suppress(OSError, sqlite3.Error), bucket.lock:
            bucket.conn.execute(f'UPDATE "{bucket.table}" SET item_timestamp = ? WHERE name = ?', (now, name))  # noqa: S608 - ours
            bucket.conn.commit()


def _rates(limits: Limits) -> list[Rate]:
    """The limits that can ever be reached; the bucket refuses one that another makes pointless."""
    minute = Rate(limits.calls_per_minute, Duration.MINUTE + _RESERVE_MS)
    day = Rate(limits.calls_per_day, Duration.DAY)
    if limits.calls_per_minute * 24 * 60 <= limits.calls_per_day:
        return [minute]
    if limits.calls_per_day <= limits.calls_per_minute:
        return [day]
    return [minute, day]


def _wait(seconds: float, deadline: float) -> None:
    if seconds > deadline - time.monotonic():
        raise _used_up(seconds)
    time.sleep(max(0.0, seconds))


def _used_up(seconds: float) -> TransientError:
    return TransientError(
        "LB-XERO-008",
        f"the tenant's call limit is used up for another {seconds:.0f} s",
        remedy="Let Airflow repeat the task then; fewer tasks at a time, or a higher Xero tier, avoid it.",
        retry_after_seconds=seconds,
    )
