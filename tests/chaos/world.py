"""What faults befall: a company in sandboxes, a live Airflow with several workers, a state database."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import psutil
from postgres_cluster import PostgresCluster, postgres_binaries

from demo.airflow_api import AirflowApi
from demo.airflow_home import CHECKOUT, POOLS, USER
from demo.ports import free_port
from demo.stack import Stack, start_sandboxes
from ledgerbridge.state import connect, migrate
from sandbox.places import SYSTEMS
from sandbox.player import Player

__all__ = ["World", "open_world"]

HEARTBEAT_TIMEOUT_SECONDS = 30
SETTINGS = {
    # a machine that died is noticed in half a minute, not in five
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT_TIMEOUT_SECONDS),
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    # longer than the longest call that the simulated systems hold (tests/chaos/faults.py)
    "AIRFLOW__LEDGERBRIDGE__SETTLE_SECONDS": "6",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
}
STAGING_MEGABYTES = 48


class World:
    """
    Everything of one run, and the ways to hurt it.

    :param postgres: clusters of the state database and of Airflow's own, where it runs on PostgreSQL.
    """

    def __init__(
        self, stack: Stack, player: Player, state_url: str, postgres: PostgresCluster | None, kills: Path
    ) -> None:
        self.stack = stack
        self.player = player
        self.state_url = state_url
        self.state = connect(state_url)
        self._postgres = postgres
        self._kills = kills
        self._helpers: list[Thread] = []
        self._client: AirflowApi | None = None

    @property
    def api(self) -> AirflowApi:
        """A client of Airflow."""
        if self._client is None:
            self._client = AirflowApi(self.stack.airflow.url, USER, self.stack.airflow.password)
        return self._client

    # what can be hurt

    def kill_at(self, step: str) -> None:
        """Kill the next worker that reaches a step of a delivery."""
        (self._kills / step.replace(" ", "_")).touch()

    def kills_that_happened(self) -> int:
        """How many workers died at a step."""
        return sum(1 for order in self._kills.iterdir() if order.suffix)

    def forget_kills(self) -> None:
        """Let those steps be passed that nobody has reached."""
        for order in self._kills.iterdir():
            if not order.suffix:
                order.unlink(missing_ok=True)

    def kill_task(self, random: Random) -> bool:
        """``kill -9`` of a process that runs a task; False if none does."""
        return self._kill_one(random, lambda process: self._depth(process) >= 2)

    def kill_worker(self, random: Random) -> bool:
        """
        ``kill -9`` of a worker of the executor with whatever it runs.

        Only one that runs something: an idle one of LocalExecutor holds the lock of the queue all of them read, and
        Airflow 3.3 starts no task any more until the scheduler is started again.
        """
        workers = [process for process in self._scheduler_tree() if self._depth(process) == 1 and _children(process)]
        if not workers:
            return False
        worker = random.choice(workers)
        for process in [*_children(worker), worker]:
            _signal(process, signal.SIGKILL)
        return True

    def kill_scheduler(self) -> bool:
        """``kill -9`` of the scheduler alone; its workers end when they notice. It is started again."""
        self._service("airflow-scheduler").kill()
        self._restart("airflow-scheduler")
        return True

    def kill_machine(self) -> bool:
        """The scheduler's machine dies with all its tasks; another takes over when their heartbeats are missed."""
        for process in [*self._scheduler_tree(), psutil.Process(self._service("airflow-scheduler").pid)]:
            _signal(process, signal.SIGKILL)
        self._restart("airflow-scheduler")
        return True

    def kill_stack(self) -> bool:
        """Everything of Airflow dies at once and is started again."""
        names = [service.name for service in self.stack.airflow.services()]
        for name in names:
            process = psutil.Process(self._service(name).pid)
            for each in [*_children(process), process]:
                _signal(each, signal.SIGKILL)
        for name in names:
            self._restart(name)
        return True

    def freeze_task(self, random: Random) -> bool:
        """A task's processes stand still until Airflow gave them up, then go on as if nothing had been."""
        workers = [process for process in self._scheduler_tree() if self._depth(process) == 1 and _children(process)]
        if not workers:
            return False
        frozen = _children(random.choice(workers))
        for process in frozen:
            _signal(process, signal.SIGSTOP)
        self._later(HEARTBEAT_TIMEOUT_SECONDS + 12, lambda: [_signal(process, signal.SIGCONT) for process in frozen])
        return True

    def stop_sandbox(self, system: str, seconds: float) -> None:
        """A system can't be reached for a while."""
        name = f"sandbox-{system}"
        process = psutil.Process(self._service(name).pid)
        for each in [*_children(process), process]:
            _signal(each, signal.SIGKILL)
        process.wait(10)
        self._later(seconds, lambda: self._restart(name))

    def fill_disk(self, seconds: float) -> bool:
        """No byte more fits where batches are staged, for a while; False where that can't be arranged."""
        folder = self.stack.airflow.state_folder / "staging"
        if not os.path.ismount(folder):
            return False
        filler = folder / "filler"
        with suppress(OSError), filler.open("wb") as file:
            for _ in range(STAGING_MEGABYTES * 2):
                file.write(b"\0" * 1024 * 1024)
        self._later(seconds, lambda: filler.unlink(missing_ok=True))
        return True

    def take_state_away(self, seconds: float) -> None:
        """The state database can't be reached (PostgreSQL) or not be written (SQLite) for a while."""
        if self._postgres is not None:
            self._postgres.halt()
            self._later(seconds, self._postgres.start)
            return
        held = sqlite3.connect(self.state_url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
        held.execute("BEGIN EXCLUSIVE")
        self._later(seconds, held.close)

    def settle(self) -> None:
        """Return when everything taken away is there again and every process of Airflow runs."""
        for helper in self._helpers:
            helper.join()
        self._helpers.clear()
        self.revive()

    def revive(self) -> None:
        """Start again what has died, as a supervisor does."""
        for service in self.stack.airflow.services():
            if self._service(service.name).poll() is not None:
                self._restart(service.name)

    def _later(self, seconds: float, act: Callable[[], Any]) -> None:
        def run() -> None:
            time.sleep(seconds)
            act()

        helper = Thread(target=run)
        helper.start()
        self._helpers.append(helper)

    def _service(self, name: str) -> subprocess.Popen[bytes]:
        return self.stack.services.process(name)

    def _restart(self, name: str) -> None:
        self.stack.services.start_again(name)

    def _kill_one(self, random: Random, wanted: Callable[[psutil.Process], bool]) -> bool:
        found = [process for process in self._scheduler_tree() if wanted(process)]
        return bool(found) and _signal(random.choice(found), signal.SIGKILL)

    def _scheduler_tree(self) -> list[psutil.Process]:
        try:
            return _children(psutil.Process(self._service("airflow-scheduler").pid))
        except psutil.NoSuchProcess:
            return []

    def _depth(self, process: psutil.Process) -> int:
        """1 for a worker of the executor, more for what it runs."""
        scheduler = self._service("airflow-scheduler").pid
        depth = 0
        try:
            while process.pid != scheduler:
                depth += 1
                process = process.parent() or psutil.Process(scheduler)
        except psutil.NoSuchProcess:
            return 0
        return depth


@contextmanager
def open_world(company: Mapping[str, Any], folder: Path, database: str, opening: Any) -> Iterator[World]:
    """A running world; ``database`` is ``sqlite`` or ``postgres``, for Airflow's own and for the state."""
    kills = folder / "kills"
    kills.mkdir(parents=True)
    clusters: list[PostgresCluster] = []
    extra = {
        **SETTINGS,
        "AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER": str(_impatient_include(folder)),
        "CHAOS_KILLS": str(kills),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent / "kill_points"), str(CHECKOUT / "config")]),
    }
    state_url = ""
    if database == "postgres":
        binaries = postgres_binaries()
        assert binaries is not None, "no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql"
        clusters = [PostgresCluster(binaries), PostgresCluster(binaries, port=free_port())]
        state_url = clusters[0].new_database()
        metadata = clusters[1].new_database(over_tcp=True)
        extra["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = metadata
        connection = {"conn_type": "generic", "extra": {"url": state_url}}
        extra["AIRFLOW_CONN_LEDGERBRIDGE_DB"] = json.dumps(connection)
    stack = Stack.describe(
        home=folder / "airflow",
        folder=folder / "demo",
        company=company,
        airflow_port=free_port(),
        sandbox_ports={system: free_port() for system in SYSTEMS},
        extra=extra,
    )
    staging = stack.airflow.state_folder / "staging"
    staging.mkdir()
    mounted = _mount(staging)
    try:
        if clusters:
            migrate(connect(state_url))
            _migrate_airflow(stack.airflow.environment)
        else:
            state_url = stack.airflow.state_url
        with stack.services:
            ports = {system: int(stack.addresses.of(system).rpartition(":")[2]) for system in SYSTEMS}
            start_sandboxes(stack.services, ports, stack.folder / "sandbox")
            with Player(stack.addresses) as player:
                player.seed(company, opening)
                stack.start_airflow()
                stack.wait_for_airflow().close()
                world = World(stack, player, state_url, clusters[0] if clusters else None, kills)
                try:
                    yield world
                finally:
                    world.settle()
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", staging], check=False)
        for cluster in clusters:
            cluster.stop()


def _impatient_include(folder: Path) -> Path:
    """The shipped files; the flow tries again after two seconds, so that a run meets more faults an hour."""
    include = folder / "include"
    shutil.copytree(CHECKOUT / "include", include)
    flow = include / "flows" / "order_to_cash.yaml"
    flow.write_text(flow.read_text() + "retries: 6\nretry_seconds: 2\n")
    return include


def _mount(folder: Path) -> bool:
    """A small disk of its own for staged batches, where this user may mount one."""
    if shutil.which("mount") is None:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={STAGING_MEGABYTES}m", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _migrate_airflow(environment: Mapping[str, str]) -> None:
    airflow = str(Path(sys.executable).parent / "airflow")
    for arguments in (["db", "migrate"], ["pools", "import", str(POOLS)]):
        subprocess.run([airflow, *arguments], env=dict(environment), cwd=CHECKOUT, capture_output=True, check=True)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _signal(process: psutil.Process, number: signal.Signals) -> bool:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return False
    return True
