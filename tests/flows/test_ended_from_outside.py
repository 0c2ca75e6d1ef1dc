"""What starts processes ends at the first TERM or Ctrl-C, whatever it is at, and leaves none of them behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from demo.marks import ProcessMark
from demo.ports import free_port

ROOT = Path(__file__).parents[2]
STARTS_WITHIN_SECONDS = 300
ENDS_WITHIN_SECONDS = 90


class Started:
    """A target of the Makefile in a session of its own; all its processes, wherever they went, carry a mark."""

    def __init__(self, target: str, folder: Path, **variables: str) -> None:
        self._mark = ProcessMark()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        self.output = folder / "output"
        with self.output.open("wb") as output:
            self.make = subprocess.Popen(
                ["make", "--no-print-directory", target, *(f"{name}={value}" for name, value in variables.items())],
                cwd=ROOT, env={**environment, self._mark.name: "1", "TMPDIR": str(folder)},
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def processes(self) -> list[str]:
        """The command lines of all that runs."""
        found = []
        for process in self._mark.carriers():
            with suppress(psutil.NoSuchProcess):
                found.append(" ".join(process.cmdline()))
        return found

    def wait_for(self, word: str) -> None:
        """Until one of its processes has the word in its command line."""
        self._wait(lambda: any(word in each for each in self.processes()), STARTS_WITHIN_SECONDS)

    def end(self) -> int:
        """Its exit code, once it has ended by itself."""
        self._wait(lambda: self.make.poll() is not None, ENDS_WITHIN_SECONDS, running=False)
        return self.make.returncode

    def kill(self) -> None:
        """So that a test that fails leaves nothing behind either."""
        self._mark.kill_all()
        self.make.wait()

    def _wait(self, done: Callable[[], bool], seconds: float, *, running: bool = True) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert not running or self.make.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, f"{self.processes()}\n{self.output.read_text()}"
            time.sleep(0.1)


def term_to_make(started: Started) -> None:
    """As a supervisor ends it: one process is told."""
    started.make.terminate()


def ctrl_c(started: Started) -> None:
    """As a terminal ends it: the whole group is told."""
    os.killpg(started.make.pid, signal.SIGINT)


def assert_ends(started: Started, at: str, told: Callable[[Started], None]) -> None:
    """At the first word, quietly, and with nothing left behind."""
    try:
        started.wait_for(at)
        told(started)
        assert started.end() != 0
        assert started.processes() == []
        assert "Traceback" not in started.output.read_text()
    finally:
        started.kill()


LIVE_TEST = {"ARGS": "-n 1 tests/flows/test_two_companies.py --state-db=sqlite"}
ONE_ORDER = {"FAULTS": "5", "ARGS": "--orders 1 --database sqlite"}


@pytest.mark.parametrize(
    ("target", "variables", "at", "told"),
    [
        pytest.param("chaos", ONE_ORDER, "tests.chaos", term_to_make, id="chaos-as-it-starts"),
        pytest.param("chaos", ONE_ORDER, "sandbox serve shopify", term_to_make, id="chaos-as-the-systems-start"),
        pytest.param("chaos", ONE_ORDER, "airflow scheduler", ctrl_c, id="chaos-as-airflow-starts"),
        pytest.param("bench", {"ARGS": "xero_calls"}, "sandbox serve xero", term_to_make, id="bench"),
        pytest.param("bench", {"ARGS": "xero_budget"}, "bench.xero_budget", ctrl_c, id="bench-with-workers"),
        pytest.param("test", LIVE_TEST, "multiprocessing.forkserver", term_to_make, id="test"),
        pytest.param("fuzz", {"INPUTS": "10000000"}, "tests.fuzz", term_to_make, id="fuzz"),
    ],
)
def test_it_ends_at_the_first_word_and_leaves_nothing_behind(
    target: str, variables: dict[str, str], at: str, told: Callable[[Started], None], tmp_path: Path
) -> None:
    assert_ends(Started(target, tmp_path, **variables), at, told)


@pytest.mark.parametrize(
    ("at", "told"),
    [
        pytest.param("airflow dag-processor", term_to_make, id="as-airflow-starts"),
        pytest.param("sandbox serve xero", ctrl_c, id="as-the-systems-start"),
    ],
)
def test_the_demo_ends_at_the_first_word_and_leaves_nothing_behind(
    at: str, told: Callable[[Started], None], tmp_path: Path
) -> None:
    ports = {"AIRFLOW_PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
    assert_ends(Started("demo", tmp_path, ORDERS="1", CONSOLE="0", FOLDER=str(tmp_path), **ports), at, told)
