"""Processes that are started together and stopped together, with all their children."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from demo.ending import check, held
from demo.marks import ProcessMark

__all__ = ["Service", "ServiceDied", "Services"]


class ServiceDied(RuntimeError):
    """A process ended that should run on; carries the end of its log."""

    def __init__(self, name: str, exit_code: int | None, log: Path) -> None:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""
        super().__init__(f"{name} ended with exit code {exit_code}. The end of {log}:\n{tail}")


_AGAIN = 'trap exit TERM; while :; do "$@"; sleep 1; done'
"""A shell that starts a command again whenever it has ended, and passes an end from outside on by its group."""


@dataclass(frozen=True)
class Service:
    """
    One process to run: ``command`` with exactly ``environment``.

    :param again: whether it is started again when it ends by itself or is killed, as `restart: unless-stopped` of
        compose does.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    again: bool = False

    @property
    def started_as(self) -> list[str]:
        """The command that the process begins with."""
        return ["sh", "-c", _AGAIN, self.name, *self.command] if self.again else list(self.command)


class Services:
    """
    Running services, each in a session of its own.

    A session each, so that Ctrl-C reaches only the one who knows how to stop them. `airflow` leaves children behind
    when it alone is stopped (sources.md Airflow §1), some in sessions of their own: a mark in the environment finds all
    that came of a service, also those whose parents have ended.

    :param logs: folder that takes ``<name>.log`` of each.
    :param patience_seconds: how long a process may take to end when asked, before it is killed.
    """

    def __init__(self, logs: Path, working_directory: Path, *, patience_seconds: float = 6.0) -> None:
        self._logs = logs
        self._working_directory = working_directory
        self._patience_seconds = patience_seconds
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, Service] = {}
        self._mark = ProcessMark()
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Services:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, service: Service) -> None:
        """Start one process; its output goes to the end of its log."""
        self._started[service.name] = service
        with self._log(service.name).open("ab") as log, held():
            self._running[service.name] = subprocess.Popen(
                service.started_as,
                # Airflow's processes give themselves a title, which else is written over the mark (setproctitle)
                env={**service.environment, self._mark.name: "1", "SPT_NOENV": "1"},
                cwd=self._working_directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_again(self, name: str) -> None:
        """Start a process anew that has ended; children it left behind go on."""
        self._running[name].wait()
        self.start(self._started[name])

    def process(self, name: str) -> subprocess.Popen[bytes]:
        """The process that runs a service, or ran it last."""
        return self._running[name]

    def wait_until(self, ready: Callable[[], bool], *, what: str, timeout_seconds: float) -> None:
        """
        Return when ``ready()`` says so.

        :raises ServiceDied: one of the processes ended meanwhile.
        :raises TimeoutError: it took longer; names what was waited for and where the logs are.
        """
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            check()
            self.check_alive()
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{what}: not ready after {timeout_seconds:.0f} s. Look at the logs in {self._logs}."
                )
            time.sleep(0.2)

    def check_alive(self) -> None:
        """
        Do nothing when all processes run.

        :raises ServiceDied: one has ended.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ServiceDied(name, process.returncode, self._log(name))

    def processes(self) -> list[psutil.Process]:
        """All processes now, with their children."""
        return [each for process in list(self._running.values()) for each in _with_children(process.pid)]

    def stop(self) -> None:
        """End all processes and all their children; those that do not listen are killed."""
        with held():
            self._stop()

    def _stop(self) -> None:
        for process in self._running.values():
            _signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + self._patience_seconds
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.0, deadline - time.monotonic()))
        self._mark.kill_all()  # first: a child that ends because its parent has is no carrier any more, and yet there
        for process in self._running.values():
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
        self._mark.kill_all()
        self._running.clear()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def _with_children(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS answers the latter when only zombies are left
        os.killpg(group, number)
