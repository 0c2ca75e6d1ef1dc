"""
A machine of its own for workers that are killed, frozen or told another time: `python machines.py MODULE…`.

Its workers begin as copies of one process that has read the modules, as those of Airflow's LocalExecutor do: reading
them takes longer than most of what a worker does.
"""

from __future__ import annotations

import importlib
import json
import os
import selectors
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["Machine", "Worker"]

ROOT = Path(__file__).parents[1]


class Worker:
    """A call in a process of its own."""

    def __init__(self, machine: Machine, pid: int) -> None:
        self._machine = machine
        self.pid = pid
        """As the machine numbers it."""
        self._ended: dict[str, Any] | None = None

    def has_ended(self) -> bool:
        """Whether it has, as of now."""
        if self._ended is None and self._machine.has_told():
            self._ended = self._machine.hear()
        return self._ended is not None

    def wait(self) -> int:
        """Its exit code once it has ended; that of a signal is negative."""
        if self._ended is None:
            self._ended = self._machine.hear()
        return int(self._ended["code"])

    @property
    def returned(self) -> Any:
        """What the call returned; an error it raised fails the test that asks."""
        assert self.wait() == 0, (self._ended or {}).get("error")
        return (self._ended or {})["returned"]


class Machine:
    """
    Runs one worker at a time.

    :param modules: what its workers begin with.
    :param under: the command that gives it another clock, another process table, another name.
    :param environment: what it starts with; a worker may be given another.
    """

    def __init__(self, *modules: str, under: Sequence[str] = (), environment: Mapping[str, str]) -> None:
        paths = [ROOT / "plugins", ROOT]
        found = environment.get("PYTHONPATH")
        python_path = os.pathsep.join([*([found] if found else []), *map(str, paths)])
        self._process = subprocess.Popen(
            [*under, sys.executable, "-W", "ignore", __file__, *modules],
            env={**environment, "PYTHONPATH": python_path},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # `has_told` asks the pipe
            start_new_session=True,
        )
        self._worker: Worker | None = None

    def start(self, call: str, *arguments: Any, environment: Mapping[str, str]) -> Worker:
        """
        Begin a call.

        :param call: ``module:function``; arguments and what it returns are JSON's.
        """
        assert self._process.stdin is not None
        assert self.is_free(), "its worker goes on, or nobody heard how it ended"
        order = {"call": call, "arguments": arguments, "environment": dict(environment)}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._worker = Worker(self, int(self.hear()["pid"]))
        return self._worker

    def is_free(self) -> bool:
        """Whether none of its workers goes on."""
        return self._process.poll() is None and (self._worker is None or self._worker.has_ended())

    def has_told(self) -> bool:
        """Whether there is something to hear."""
        with selectors.DefaultSelector() as told:
            told.register(self._told(), selectors.EVENT_READ)
            return bool(told.select(0))

    def hear(self) -> dict[str, Any]:
        """The next it tells, waited for."""
        line = self._told().readline()
        assert line, f"the machine has ended: {self._process.poll()}"
        told: dict[str, Any] = json.loads(line)
        return told

    def _told(self) -> Any:
        assert self._process.stdout is not None
        return self._process.stdout

    def switch_off(self) -> None:
        """End it with its worker."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


def serve(modules: Sequence[str]) -> None:
    """Fork a worker for each order of standard input; tell its number, then how it ended."""
    for name in modules:
        importlib.import_module(name)
    for line in sys.stdin.buffer:
        order = json.loads(line)
        answered, answers = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(answered)
            _work(order, answers)
        os.close(answers)
        _tell({"pid": pid})
        with os.fdopen(answered, "rb") as answer:
            told = answer.read()
        _, status = os.waitpid(pid, 0)
        _tell({**json.loads(told or b"{}"), "code": os.waitstatus_to_exitcode(status)})


def _tell(what: Mapping[str, Any]) -> None:
    os.write(_TOLD, json.dumps(what).encode() + b"\n")


def _work(order: Mapping[str, Any], answers: int) -> NoReturn:
    code = 1
    try:
        os.environ.clear()
        os.environ.update(order["environment"])
        module, _, name = order["call"].partition(":")
        returned = getattr(importlib.import_module(module), name)(*order["arguments"])
        os.write(answers, json.dumps({"returned": returned}).encode())
        code = 0
    except BaseException:
        os.write(answers, json.dumps({"error": traceback.format_exc()[-3000:]}).encode())
    finally:
        os._exit(code)


if __name__ == "__main__":
    _TOLD = os.dup(1)
    os.dup2(2, 1)  # what workers print is no answer
    serve(sys.argv[1:])
