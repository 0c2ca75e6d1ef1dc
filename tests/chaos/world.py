"""What faults befall: a company in sandboxes, a live Airflow with several workers, a state database."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

import psutil
import yaml

from demo.airflow_api import AirflowApi
from demo.airflow_home import CHECKOUT, POOLS, USER
from demo.ending import held
from demo.ports import free_port
from demo.postgres_cluster import PostgresCluster, postgres_binaries
from demo.stack import Stack, start_sandboxes
from ledgerbridge.state import connect, migrate
from sandbox.places import SYSTEMS
from sandbox.player import Player

__all__ = ["A_TASK", "World", "open_world"]

HEARTBEAT_TIMEOUT_SECONDS = 8
CLOCK = "clock_"
"""How the orders that set a clock begin; the others kill."""
SETTINGS = {
    # a machine that died is noticed in seconds, not in five minutes
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT_TIMEOUT_SECONDS),
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    # longer than the longest call that the simulated systems hold (tests/chaos/faults.py)
    "AIRFLOW__LEDGERBRIDGE__SETTLE_SECONDS": "4",
    "AIRFLOW__LEDGERBRIDGE__LEASE_SECONDS": "4",
    # the default leaves a system that failed three times alone for 15 s to a minute: no fault could befall it meanwhile
    "AIRFLOW__LEDGERBRIDGE__CIRCUIT_PAUSE_SECONDS": "1",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    # no DAG file changes in a round
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "8",
}
LEDGER_SECONDS = 5
"""How long a call to a ledger may take: what is waited for after a lost answer follows from it."""
SETTLED_SECONDS = LEDGER_SECONDS * 2
"""After so long nothing that a broken call began can be under way any more."""
FORGOTTEN_AFTER = "15s"
"""
What the database does away with when so long no word of its transaction came.

The workers of a killed scheduler have its connection too, and keep it open: the rows it held would be held for ever.
"""
STAGING_MEGABYTES = 48
OF_EVENTS = '''
"""The Airflow DAGs of {flow}, whose runs do legs in their first task though no event starts them."""
from operators import builder, read

legs_at_once = read.legs_at_once


def as_of_events(task, context, *rest):
    context["triggering_asset_events"] = {{"an asset": ["an event"]}}
    return legs_at_once(task, context, *rest)


read.legs_at_once = as_of_events
builder.timetable = lambda *_: None

for dag_id, dag in builder.build_flow("{flow}").items():
    dag.is_paused_upon_creation = False
    globals()[dag_id] = dag
'''
"""Reading by time as runs of a schedule do: what people do in GP is no event (docs/decisions/0046)."""
A_TASK = ("leg", "step", "stage")
"""
What a task of a round's DAGs does with a small batch: all steps of its leg, as shipped; its step alone, as with a large
one; or all legs of a stage, as in runs that events start.
"""
MOST_SECONDS_AWAY = 120.0
"""No fault takes anything away for longer; starting it again included."""


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
        self._failures: list[BaseException] = []
        self._hurry = Event()
        self._away: set[str] = set()
        self._client: AirflowApi | None = None

    @property
    def api(self) -> AirflowApi:
        """A client of Airflow."""
        if self._client is None:
            self._client = AirflowApi(self.stack.airflow.url, USER, self.stack.airflow.password)
        return self._client

    # what can be hurt

    def is_at_work(self) -> bool:
        """Whether a task runs: nobody else can be hurt."""
        return any(_children(process) for process in self._scheduler_tree() if self._depth(process) == 1)

    def kill_at(self, step: str) -> None:
        """Kill the next worker that reaches a step of a delivery."""
        (self._kills / step.replace(" ", "_")).touch()

    def kills_that_happened(self) -> int:
        """How many workers died at a step."""
        return sum(1 for order in self._kills.iterdir() if order.suffix and not order.name.startswith(CLOCK))

    def step_clock_at(self, step: str, seconds: int) -> None:
        """Set the clock of the next worker that reaches a step of a delivery, for the rest of its life."""
        (self._kills / f"{CLOCK}{step.replace(' ', '_')}").write_text(str(seconds))

    def clocks_that_stepped(self) -> int:
        """How many workers had their clock set."""
        return sum(1 for order in self._kills.iterdir() if order.suffix and order.name.startswith(CLOCK))

    def flip_bit(self, random: Random) -> bool:
        """One bit of a staged batch is another one from now on."""
        found = sorted((self.stack.airflow.state_folder / "staging").rglob("*.parquet"))
        if not found:
            return False
        file = random.choice(found)
        with suppress(OSError):
            content = bytearray(file.read_bytes())
            bit = random.randrange(len(content) * 8)
            content[bit // 8] ^= 1 << bit % 8
            file.write_bytes(content)
            return True
        return False

    def back_up_state(self) -> None:
        """Keep the state database as it is; nothing runs."""
        if self._postgres is None:
            with closing(sqlite3.connect(self._state_file())) as state, closing(sqlite3.connect(self._backup)) as kept:
                state.backup(kept)
        else:
            self._postgres.dump(self.state_url, self._backup)

    def restore_state(self) -> bool:
        """
        Put the backup in the place of the state database; False when there is none.

        Whoever restores waits as long as a call may take.
        """
        if not self._backup.exists():
            return False
        self._hurry.wait(SETTLED_SECONDS)
        if self._postgres is None:
            with closing(sqlite3.connect(self._backup)) as kept, closing(sqlite3.connect(self._state_file())) as state:
                kept.backup(state)
        else:
            self._postgres.restore(self.state_url, self._backup)
        return True

    def forget_backup(self) -> None:
        """Nothing is restored until another backup was made."""
        self._backup.unlink(missing_ok=True)

    @property
    def _backup(self) -> Path:
        return self._kills.parent / "state.backup"

    def _state_file(self) -> str:
        return self.state_url.removeprefix("sqlite:///")

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
        """``kill -9`` of the scheduler alone; its tasks run on, its idle workers wait for ever. It is started again."""
        self._service("airflow-scheduler").kill()
        self.revive()
        return True

    def kill_machine(self) -> bool:
        """The scheduler's machine dies with all its tasks; another takes over when their heartbeats are missed."""
        _kill_with_children(self._service("airflow-scheduler"))
        self.revive()
        return True

    def kill_stack(self) -> bool:
        """Everything of Airflow dies at once and is started again."""
        for service in self.stack.airflow.services():
            _kill_with_children(self._service(service.name))
        self.revive()
        return True

    def freeze_task(self, random: Random) -> bool:
        """A task's processes stand still until Airflow gave them up, then go on as if nothing had been."""
        workers = [process for process in self._scheduler_tree() if self._depth(process) == 1 and _children(process)]
        if not workers:
            return False
        frozen = _children(random.choice(workers))
        if not frozen:
            return False
        for process in frozen:
            _signal(process, signal.SIGSTOP)
        self._take_away(
            f"task {frozen[0].pid}",
            HEARTBEAT_TIMEOUT_SECONDS + 6,
            lambda: [_signal(process, signal.SIGCONT) for process in frozen],
        )
        return True

    def stop_sandbox(self, system: str, seconds: float) -> bool:
        """A system can't be reached for a while; False where it is away already."""
        name = f"sandbox-{system}"
        if name in self._away:
            return False
        _kill_with_children(self._service(name))
        self._take_away(name, seconds, lambda: self._restart(name))
        return True

    def fill_disk(self, seconds: float) -> bool:
        """No byte more fits where batches are staged, for a while; False where that can't be arranged."""
        folder = self.stack.airflow.state_folder / "staging"
        if not os.path.ismount(folder) or "disk" in self._away:
            return False
        filler = folder / "filler"
        with suppress(OSError), filler.open("wb") as file:
            for _ in range(STAGING_MEGABYTES * 2):
                file.write(b"\0" * 1024 * 1024)
        self._take_away("disk", seconds, lambda: filler.unlink(missing_ok=True))
        return True

    def take_state_away(self, seconds: float) -> bool:
        """
        The state database can't be reached (PostgreSQL) or not be written (SQLite) for a while.

        False where it is away already, or somebody writes so much that it can't be had.
        """
        if "state" in self._away:
            return False
        if self._postgres is not None:
            self._postgres.halt()
            self._take_away("state", seconds, self._postgres.start)
            return True
        held = sqlite3.connect(self.state_url.removeprefix("sqlite:///"), timeout=2, check_same_thread=False)
        try:
            held.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            held.close()
            return False
        self._take_away("state", seconds, held.close)
        return True

    def settle(self, *, hurry: bool = False) -> None:
        """
        Return when everything taken away is there again and every process of Airflow runs.

        :param hurry: give back at once what was taken away, and start nothing again.
        :raises TimeoutError: something did not come back; names what.
        """
        if hurry:
            self._hurry.set()
        for helper in self._helpers:
            helper.join(MOST_SECONDS_AWAY)
            if helper.is_alive():
                raise TimeoutError(f"{helper.name} did not come back within {MOST_SECONDS_AWAY:.0f} s")
        self._helpers.clear()
        if not hurry:
            if self._failures:
                raise RuntimeError("what was taken away could not be given back") from self._failures[0]
            self.revive()

    def revive(self) -> None:
        """Start again what has died, as a supervisor does."""
        for service in self.stack.airflow.services():
            if self._service(service.name).poll() is not None:
                self._restart(service.name)

    def give_up(self) -> None:
        """Give back what was taken away."""
        with held():
            self.settle(hurry=True)

    def _take_away(self, what: str, seconds: float, give_back: Callable[[], Any]) -> None:
        def run() -> None:
            self._hurry.wait(seconds)
            try:
                give_back()
            except Exception as error:  # told where the run waits for it
                self._failures.append(error)
            finally:
                self._away.discard(what)

        self._away.add(what)
        helper = Thread(target=run, name=what)
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
def open_world(
    company: Mapping[str, Any],
    folder: Path,
    database: str,
    opening: datetime,
    flow: str,
    *,
    a_task: str,
    beside: Sequence[str] = (),
) -> Iterator[World]:
    """
    A running world.

    :param database: ``sqlite`` or ``postgres``, for Airflow's own and for the state.
    :param flow: the one that runs in it.
    :param a_task: what its tasks do with small batches, of ``A_TASK``.
    :param beside: other flows whose DAGs are there, as shipped.
    """
    kills = folder / "kills"
    kills.mkdir(parents=True)
    extra = {
        **SETTINGS,
        "AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER": str(_impatient_include(folder, flow, a_task)),
        "CHAOS_KILLS": str(kills),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent / "kill_points"), str(CHECKOUT / "config")]),
    }
    with ExitStack() as undone:
        postgres = _own_cluster(undone) if database == "postgres" else None
        if postgres is not None:
            metadata = _own_cluster(undone, port=free_port())
            metadata.execute(f"ALTER ROLE postgres SET idle_in_transaction_session_timeout = '{FORGOTTEN_AFTER}'")
            extra["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = metadata.new_database(over_tcp=True)
            connection = {"conn_type": "generic", "extra": {"url": postgres.new_database()}}
            extra["AIRFLOW_CONN_LEDGERBRIDGE_DB"] = json.dumps(connection)
        stack = Stack.describe(
            home=folder / "airflow",
            folder=folder / "demo",
            company=company,
            airflow_port=free_port(),
            sandbox_ports={system: free_port() for system in SYSTEMS},
            dags_folder=_dags_of_events(folder, flow, beside) if a_task == "stage" else None,
            extra=extra,
            ledger_seconds=LEDGER_SECONDS,
        )
        _mount(stack.airflow.state_folder / "staging", undone)
        state_url = stack.airflow.state_url
        if postgres is not None:
            state_url = connection["extra"]["url"]
            migrate(connect(state_url))
            _migrate_airflow(stack.airflow.environment)
        undone.enter_context(stack.services)
        ports = {system: int(stack.addresses.of(system).rpartition(":")[2]) for system in SYSTEMS}
        start_sandboxes(stack.services, ports, stack.folder / "sandbox")
        player = undone.enter_context(Player(stack.addresses))
        player.seed(company, opening)
        stack.start_airflow()
        stack.wait_for_airflow().close()
        world = World(stack, player, state_url, postgres, kills)
        undone.callback(world.give_up)
        yield world


def _own_cluster(undone: ExitStack, *, port: int | None = None) -> PostgresCluster:
    binaries = postgres_binaries()
    assert binaries is not None, "no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql"
    with held():
        cluster = PostgresCluster(binaries, port=port)
        undone.callback(cluster.stop)
    return cluster


def _dags_of_events(folder: Path, flow: str, beside: Sequence[str]) -> Path:
    dags = folder / "dags"
    dags.mkdir()
    for name in beside:
        shutil.copy(CHECKOUT / "dags" / f"{name}.py", dags)
    (dags / f"{flow}.py").write_text(OF_EVENTS.format(flow=flow))
    return dags


def _impatient_include(folder: Path, name: str, a_task: str) -> Path:
    """The shipped files; the flow tries again after a second, so that a run meets more faults an hour."""
    include = folder / "include"
    shutil.copytree(CHECKOUT / "include", include)
    flow = include / "flows" / f"{name}.yaml"
    written = yaml.safe_load(flow.read_text()) | {"retries": 3, "retry_seconds": 1}
    for stage in written["stages"].values():
        if a_task == "stage" and "legs" in stage:
            stage["schedule"] = {"events": True}
        elif a_task == "step":
            stage["at_once"] = 0
    flow.write_text(yaml.safe_dump(written, sort_keys=False))
    return include


def _mount(folder: Path, undone: ExitStack) -> None:
    """A small disk of its own for staged batches, where this user may mount one."""
    folder.mkdir()
    if shutil.which("mount") is None:
        return
    command = ["mount", "-t", "tmpfs", "-o", f"size={STAGING_MEGABYTES}m", "tmpfs", str(folder)]
    with held():
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            undone.callback(subprocess.run, ["umount", "--lazy", folder], check=False)


def _migrate_airflow(environment: Mapping[str, str]) -> None:
    airflow = str(Path(sys.executable).parent / "airflow")
    for arguments in (["db", "migrate"], ["pools", "import", str(POOLS)]):
        subprocess.run([airflow, *arguments], env=dict(environment), cwd=CHECKOUT, capture_output=True, check=True)


def _kill_with_children(service: subprocess.Popen[bytes]) -> None:
    """``kill -9``, and wait until it is gone."""
    with suppress(psutil.NoSuchProcess):  # dead already
        process = psutil.Process(service.pid)
        for each in [*_children(process), process]:
            _signal(each, signal.SIGKILL)
    service.wait(10)


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
