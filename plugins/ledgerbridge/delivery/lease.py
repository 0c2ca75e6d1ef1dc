"""
Who delivers a record now: one worker, for a time that it moves on (docs/explanation/why-it-cannot-double.md).

A conditional UPDATE takes a lease, on SQLite and PostgreSQL alike; no transaction stays open over a network call.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from threading import Event, Thread
from types import TracebackType
from typing import Self
from uuid import uuid4

import psutil

__all__ = ["LEASE", "KeepAlive", "new_holder", "process_is_gone"]

LEASE = timedelta(minutes=5)
"""How long a machine that died keeps others out; as long as Airflow takes to notice it."""
_RENEWED_EVERY_SECONDS = 60.0


def new_holder() -> str:
    """A name for one delivering worker: host, process id, the process's start, and a mark of its own."""
    return f"{socket.gethostname()[:60]} {os.getpid()} {_started(os.getpid()):.2f} {uuid4().hex[:12]}"


def process_is_gone(holder: str) -> bool:
    """Whether the worker of that name surely does not run any more; of another machine nobody here can tell."""
    try:
        host, process, started, _ = holder.rsplit(" ", 3)
        if host != socket.gethostname()[:60]:
            return False
        return f"{psutil.Process(int(process)).create_time():.2f}" != started
    except psutil.NoSuchProcess:
        return True
    except (ValueError, psutil.Error):
        return False


@cache
def _started(process: int) -> float:
    return psutil.Process(process).create_time()


class KeepAlive:
    """
    Renews leases in a thread of its own while a block runs.

    :param renew: moves the leases on; what it raises is told and tried again, since only the end of the lease counts.
    """

    def __init__(self, renew: Callable[[], None], failed: Callable[[Exception], None]) -> None:
        self._renew = renew
        self._failed = failed
        self._over = Event()
        self._thread = Thread(target=self._run, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(_RENEWED_EVERY_SECONDS):
            try:
                self._renew()
            except Exception as error:  # the state database may be away for a while
                self._failed(error)
