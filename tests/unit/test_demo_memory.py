"""The memory a run takes is that of its processes, and the largest task is found by its title."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from demo.memory import MEBIBYTE, MemoryWatch

HOLDS = "import sys; held = bytearray(int(sys.argv[1]) << 20); print(len(held), flush=True); input()"
TITLED = "import setproctitle; setproctitle.setproctitle('airflow worker -- 0198'); " + HOLDS


def test_processes_are_added_up_and_only_the_task_is_the_largest_task() -> None:
    with _running(TITLED, 60) as task, _running(HOLDS, 120) as other:
        watch = MemoryWatch(lambda: [task, other])
        watch.look()
    assert watch.peak.together >= 180 * MEBIBYTE
    assert 60 * MEBIBYTE <= watch.peak.task < 120 * MEBIBYTE
    assert "of the largest task" in str(watch.peak)


def test_the_peak_stays_when_a_process_has_ended() -> None:
    own = psutil.Process(os.getpid())
    with _running(HOLDS, 120) as process:
        watch = MemoryWatch(lambda: [own, process])
        watch.look()
        highest = watch.peak.together
    watch.look()
    assert watch.peak.together == highest


def test_a_run_without_tasks_names_none() -> None:
    watch = MemoryWatch(lambda: [psutil.Process(os.getpid())])
    watch.look()
    assert "task" not in str(watch.peak)


@contextmanager
def _running(code: str, mebibytes: int) -> Iterator[psutil.Process]:
    command = [sys.executable, "-c", code, str(mebibytes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield psutil.Process(process.pid)
        process.kill()
