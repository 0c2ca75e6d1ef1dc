"""Passes of a flow on a live Airflow while faults strike, and what an operator does about them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from demo.airflow_api import TaskRun
from demo.ending import check
from demo.passes import deliveries_sent
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.models import DeadLetter
from sandbox.player import SandboxRefused
from tests.chaos.faults import Faults
from tests.chaos.world import World

__all__ = ["DisturbedFlow", "Run"]

Run = tuple[str, str]
"""A DAG and the id of one of its runs."""
FAULTS_A_PASS = 40
"""Faults that never end would let no task ever end either."""
PATIENCE = timedelta(minutes=20)
"""How long one pass may take under faults; the flow's own waits are far below."""
CLEARED = 0.5
"""Of the runs that fail, the part an operator clears; what the others did not do is left to the next run."""
GIVES_UP_AFTER = 20
"""Clearings of one run; what fails all the same may be what the next run makes good."""
OLD_TASKS = 0.25
"""In how many passes a task of an old run is cleared first."""
AGAIN = (".extract", ".transform", ".load")
"""Tasks an operator may clear alone: what has stored documents comes after them."""
STALLED = timedelta(seconds=90)
"""
So long no task of a pass moves before the scheduler is started again, as one who looks after Airflow would.

A worker of LocalExecutor that is killed while it holds the lock of a queue stops all others (Airflow 3.3).
"""
UNREACHABLE = timedelta(minutes=2)
"""How long a system or Airflow may stay away after the faults; they come back by themselves in seconds."""


class Watch:
    """
    Does what an operator does while a run goes on: clears what failed, and starts a scheduler again that does nothing.

    :param dag_id: the stage that runs.
    :param disturbed: False where nothing may fail any more.
    :param clears: False where what failed is left to the next run.
    """

    def __init__(self, world: World, dag_id: str, run_id: str, *, disturbed: bool, clears: bool) -> None:
        self._world = world
        self._dag_id = dag_id
        self._run_id = run_id
        self._disturbed = disturbed
        self._clears = clears
        self.cleared = 0
        self._seen: list[TaskRun] = []
        self._last_look = self._last_move = time.monotonic()
        self.restarts = 0

    @property
    def clears(self) -> bool:
        """Whether what fails is cleared, still."""
        return self._clears and self.cleared < GIVES_UP_AFTER

    def look(self, state: str) -> None:
        """Look at most every other second: listing the tasks costs those that run."""
        now = time.monotonic()
        if now < self._last_look + 1.5:
            return
        self._last_look = now
        tasks = self._world.api.tasks(self._dag_id, self._run_id)
        if self.clears and any(task.state in ("failed", "upstream_failed") for task in tasks):
            for leg in {task.task_id.partition(".")[0] for task in tasks if self._reads_again(task)}:
                self._world.api.clear_leg(self._dag_id, self._run_id, f"{leg}.extract")
            self._world.api.clear_failed(self._dag_id, self._run_id)
            self.cleared += 1
        elif self._disturbed and (ahead := [task.task_id for task in tasks if self._waits_for_a_wrong_clock(task)]):
            for task_id in ahead:
                self._world.api.clear_leg(self._dag_id, self._run_id, task_id)
            self.cleared += 1
        elif self.clears and state == "failed":
            # on SQLite nothing locks the run: a scheduler that just gave it up overwrites that it was cleared
            self._world.api.queue_again(self._dag_id, self._run_id)
            self.cleared += 1
        if tasks != self._seen:
            self._seen, self._last_move = tasks, now
        elif now > self._last_move + STALLED.total_seconds():
            self._world.kill_machine()
            self._last_move = now
            self.restarts += 1

    @staticmethod
    def _waits_for_a_wrong_clock(task: TaskRun) -> bool:
        """Whether its worker's clock was ahead: Airflow counts the retry's delay from the end that worker told."""
        ahead = datetime.now(UTC) + STALLED
        return task.state == "up_for_retry" and task.end_date is not None and task.end_date > ahead

    def _reads_again(self, task: TaskRun) -> bool:
        """Whether the batch a task was given is not what was staged: its remedy is to clear the leg's extract."""
        if task.state != "failed" or "." not in task.task_id:
            return False
        return "LB-STG-00" in "\n".join(self._world.api.log_tail(self._dag_id, self._run_id, task))


class DisturbedFlow:
    """
    The stages of a flow in a world, pass after pass.

    :param stages: its DAGs, in order.
    :param at_once: the stages of a pass run beside each other.
    :param tell: takes a line for each run.
    """

    def __init__(
        self, world: World, faults: Faults, stages: Sequence[str], *, at_once: bool, tell: Callable[[str], None]
    ) -> None:
        self._world = world
        self._faults = faults
        self._stages = stages
        self._at_once = at_once
        self._tell = tell
        self._budget = 0
        self.part = ""
        self.left_to_the_next = False

    def begin_part(self, name: str, share: int) -> None:
        """A part of the round, which may meet so many faults of its own."""
        self.part, self._budget = name, self._faults.happened + share

    def run_pass(self, *, disturbed: bool, close: bool = False) -> list[str]:
        """A run of each stage; their run ids."""
        before, self.left_to_the_next = self._faults.happened, False
        most = 0
        if disturbed:
            self.until_it_works(self._faults.between_passes)
            most = before + self._faults.share_of(min(self._budget - before, FAULTS_A_PASS))
            if self._faults.by_chance(OLD_TASKS):
                self._run_an_old_task_again(most)
        together = [self._stages] if self._at_once else [[each] for each in self._stages]
        return [run for stages in together for run in self._run(stages, most, disturbed=disturbed, close=close)]

    def sent(self, runs: Sequence[str]) -> int:
        """How many documents these runs delivered."""
        return int(self.until_it_works(lambda: sum(deliveries_sent(self._world.state, run) for run in runs)))

    def calmly(self, act: Callable[[], Any]) -> Any:
        """What people do waits until the systems are there."""
        self._world.settle()
        self.until_it_works(self._faults.end)
        return self.until_it_works(act)

    def until_it_works(self, act: Callable[[], Any]) -> Any:
        """Something that a fault may hinder."""
        deadline = time.monotonic() + UNREACHABLE.total_seconds()
        while True:
            check()
            try:
                return act()
            except (httpx.HTTPError, RuntimeError, SandboxRefused, LedgerbridgeError):
                if time.monotonic() > deadline:
                    raise
                self._world.revive()
                time.sleep(0.5)

    def _run(self, stages: Sequence[str], most: int, *, disturbed: bool, close: bool) -> list[str]:
        """Runs beside each other to their good ends, or where they failed and are left to the next ones."""
        asked = {"close": True} if close else {}
        runs = [
            (dag_id, str(self.until_it_works(lambda dag_id=dag_id: self._world.api.trigger(dag_id, asked))))  # type: ignore[misc]
            for dag_id in stages
        ]
        self._to_their_ends(runs, most, disturbed=disturbed)
        return [run_id for _, run_id in runs]

    def _run_an_old_task_again(self, most: int) -> None:
        """An operator clears a task of a run that was over before newer ones were."""
        api, dag_id = self._world.api, self._faults.one_of(self._stages)
        older = self.until_it_works(lambda: api.runs(dag_id))[:-1]
        if not older:
            return
        run_id = self._faults.one_of(older)
        tasks = self.until_it_works(lambda: api.tasks(dag_id, run_id))
        ended = [task.task_id for task in tasks if task.state == "success" and task.task_id.endswith(AGAIN)]
        if ended:
            task_id = self._faults.one_of(ended)
            self.until_it_works(lambda: api.clear_leg(dag_id, run_id, task_id))
            self._faults.count("an old task runs again")
            self._to_their_ends([(dag_id, run_id)], most, disturbed=True)

    def _to_their_ends(self, runs: Sequence[Run], most: int, *, disturbed: bool) -> None:
        """Strike while runs go on; an operator clears what failed, or in half of the cases leaves it to the next."""
        began, before = time.monotonic(), self._faults.happened
        clears = disturbed and self._faults.by_chance(CLEARED)
        under_way = {run: Watch(self._world, *run, disturbed=disturbed, clears=clears) for run in runs}
        next_fault = began + self._faults.pause_seconds()
        while under_way:
            for run, watch in list(under_way.items()):
                state = self.until_it_works(lambda run=run: self._world.api.state(*run))  # type: ignore[misc]
                if self._is_over(run, state, watch, disturbed=disturbed):
                    del under_way[run]
                    self._say(run, state, watch, time.monotonic() - began, self._faults.happened - before)
                    continue
                if time.monotonic() > began + PATIENCE.total_seconds():
                    raise RuntimeError(f"{run[1]} did not end in {PATIENCE}: {self._explain(*run)}")
                due = disturbed and time.monotonic() >= next_fault and self._world.is_at_work()
                if due and self._faults.happened < most:
                    self._faults.strike()
                    next_fault = time.monotonic() + self._faults.pause_seconds()
                self._world.revive()
                self.until_it_works(lambda watch=watch, state=state: watch.look(state))  # type: ignore[misc]
            time.sleep(0.1)

    def _is_over(self, run: Run, state: str, watch: Watch, *, disturbed: bool) -> bool:
        if state == "failed" and not disturbed:
            raise RuntimeError(f"{run[1]} failed although nothing went wrong now: {self._explain(*run)}")
        if state == "failed" and not watch.clears:
            self.left_to_the_next = True
            return True
        return state == "success"

    def _say(self, run: Run, state: str, watch: Watch, seconds: float, faults: int) -> None:
        self._tell(
            f"{self.part}: {run[0]}, {seconds:.0f} s with {faults} faults, cleared {watch.cleared} times"
            + (", failed and left to the next" if state == "failed" else "")
            + (f", scheduler started again {watch.restarts} times" if watch.restarts else "")
        )

    def _explain(self, dag_id: str, run_id: str) -> str:
        api = self._world.api
        failed = [task for task in api.tasks(dag_id, run_id) if task.state not in ("success", "skipped")]
        logs = [
            f"{task.task_id} {task.state} {api.log_tail(dag_id, run_id, task)}"
            for task in failed[:3]
            if task.try_number
        ]
        with transaction(connect(self._world.state_url)) as session:
            letters = [f"{each.code} {each.message}" for each in session.query(DeadLetter) if each.state == "open"]
        return json.dumps({"tasks": logs, "dead letters": letters}, indent=1)
