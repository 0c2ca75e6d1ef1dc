"""What came of a process, wherever it went: told by a mark that all of them carry in their environment."""

from __future__ import annotations

import time
from contextlib import suppress
from uuid import uuid4

import psutil

__all__ = ["ProcessMark"]


class ProcessMark:
    """
    A variable of an environment that no other has.

    A tree of processes forgets a child whose parent has ended, a group one that has a session of its own. Who starts
    processes that give themselves titles by setproctitle sets ``SPT_NOENV``, or the title is written over the mark.
    """

    def __init__(self) -> None:
        self.name = f"STARTED_BY_{uuid4().hex}"

    def carriers(self) -> list[psutil.Process]:
        """The processes that were started with it and live."""
        return [process for process in psutil.process_iter() if self._is_on(process)]

    def kill_all(self) -> None:
        """Return when none of them is left."""
        killed: set[psutil.Process] = set()
        while left := {*self.carriers(), *filter(_lives, killed)}:
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            killed |= left  # one that is about to end lives on for a moment without an environment
            time.sleep(0.02)

    def _is_on(self, process: psutil.Process) -> bool:
        try:
            return self.name in process.environ() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:  # it has ended, or belongs to somebody else
            return False


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
