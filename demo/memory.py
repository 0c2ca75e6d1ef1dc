"""How much memory a run takes at most: of all its processes together, and of the largest task."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType

import psutil

__all__ = ["MemoryWatch", "Peak"]

EVERY_SECONDS = 1.0
MEBIBYTE = 1 << 20
TASK_TITLE = "airflow worker -- "
"""What Airflow calls the process of a task, followed by the task instance's id."""


@dataclass(frozen=True)
class Peak:
    """
    Bytes.

    :param together: all processes at one moment; what forks share counts once where the system can tell (Linux).
    :param task: the largest process of a task, with what it shares with its parent; 0 where none was seen.
    """

    together: int = 0
    task: int = 0

    def __str__(self) -> str:
        task = f", of the largest task {self.task / MEBIBYTE:,.0f} MiB" if self.task else ""
        return f"{self.together / MEBIBYTE:,.0f} MiB of all processes together{task}"


class MemoryWatch:
    """
    Looks at processes from time to time while its block runs.

    :param processes: those that run now; called anew each time.
    :param every: seconds in between; to ask the system for what thirty processes share takes a fifth of a second of it.
    """

    def __init__(self, processes: Callable[[], Iterable[psutil.Process]], every: float = EVERY_SECONDS) -> None:
        self.peak = Peak()
        self._processes = processes
        self._every = every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def look(self) -> None:
        """Look once."""
        together = 0
        for process in self._processes():
            with suppress(psutil.Error):  # it may end at any moment
                together += _own_share(process)
                if any(part.startswith(TASK_TITLE) for part in process.cmdline()[:1]):
                    self.peak = replace(self.peak, task=max(self.peak.task, process.memory_info().rss))
        self.peak = replace(self.peak, together=max(self.peak.together, together))

    def _watch(self) -> None:
        while not self._ended.wait(self._every):
            self.look()


def _own_share(process: psutil.Process) -> int:
    """A process's memory, what it shares divided among those who share it."""
    try:
        return int(process.memory_full_info().pss)
    except (AttributeError, psutil.AccessDenied):  # only Linux tells
        return int(process.memory_info().rss)
