"""One round: a seeded file of orders, played undisturbed in this process, then on a live Airflow under faults."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from demo.airflow_api import TaskRun
from demo.books import read_result
from demo.ending import check
from demo.passes import deliveries_sent
from demo.stack import STAGES
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.models import DeadLetter
from sandbox.orders import harbor_light_supply
from sandbox.player import STEPS, SandboxRefused, events_of, opening_of
from tests.chaos.faults import Faults
from tests.chaos.ledgers import Books, Verdict, compare, read_books
from tests.chaos.world import World, open_world
from tests.flows.dice import SeededDice
from tests.flows.random_orders import RandomOrders

__all__ = ["ChaosRun", "orders_of"]

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


def orders_of(seed: int, count: int) -> dict[str, Any]:
    """The round's file of orders."""
    return RandomOrders(harbor_light_supply(), SeededDice(seed), first_number=seed * 1000 + 1).write(count)


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


class ChaosRun:
    """
    The orders of a seed on a live Airflow under faults.

    :param most_faults: no more strike when so many have happened.
    :param tell: takes a line for each pass.
    """

    def __init__(
        self, seed: int, count: int, database: str, folder: Path, *, most_faults: int, tell: Callable[[str], None]
    ) -> None:
        self._file = orders_of(seed, count)
        self._most = most_faults
        self._tell = tell
        self._step = 0
        self._budget = 0
        self._left_to_the_next = False
        self.faults_happened = 0
        self.struck: dict[str, int] = {}
        with open_world(self._file["company"], folder, database, opening_of(self._file)) as world:
            self._world = world
            self._faults = Faults(world, seed)
            try:
                self._play()
            finally:
                self._count()
            self._books = self._calm_end()

    def compare(self, undisturbed: Books) -> Verdict:
        """What the faults changed in the books."""
        return compare(self._books, undisturbed)

    def _play(self) -> None:
        steps = [step for step in STEPS if events_of(self._file, step)]
        for position, step in enumerate(steps):
            self._step = step
            self._calmly(lambda step=step: self._world.player.play(self._file, step))  # type: ignore[misc]
            # each step its share of those left: orders and invoices are to meet faults as refunds and payouts do
            happened = self._faults.happened
            self._budget = happened - (-max(0, self._most - happened) // (len(steps) - position))
            self._drain(disturbed=True)

    def _calm_end(self) -> Books:
        self._calmly(lambda: None)
        self._drain(disturbed=False)
        self._pass(disturbed=False, close=True)
        return read_books(self._world.player, read_result(self._file, self._world.player, self._world.state))

    def _drain(self, *, disturbed: bool) -> None:
        """Pass after pass, posting in between, until nothing moves."""
        for _ in range(40):
            runs = self._pass(disturbed=disturbed)
            posted = self._calmly(self._world.player.post)
            if not posted and not self._left_to_the_next and not self._under_way(runs):
                return
        raise RuntimeError("the flow still sends documents after forty passes over the same orders")

    def _under_way(self, runs: list[str]) -> bool:
        sent = int(self._until_it_works(lambda: sum(deliveries_sent(self._world.state, run_id) for run_id in runs)))
        return bool(sent or self._calmly(self._world.player.open_batches))

    def _pass(self, *, disturbed: bool, close: bool = False) -> list[str]:
        """A run of each stage; their run ids."""
        before, self._left_to_the_next = self._faults.happened, False
        most = 0
        if disturbed:
            self._until_it_works(self._faults.between_passes)
            most = before + self._faults.share_of(min(self._budget - before, FAULTS_A_PASS))
            if self._faults.by_chance(OLD_TASKS):
                self._run_an_old_task_again(most)
        return [self._run(stage, most, disturbed=disturbed, close=close) for stage in STAGES]

    def _run(self, dag_id: str, most: int, *, disturbed: bool, close: bool) -> str:
        """One run to its good end, or where it failed and is left to the next one."""
        asked = {"close": True} if close else {}
        run_id = str(self._until_it_works(lambda: self._world.api.trigger(dag_id, asked)))
        self._to_its_end(dag_id, run_id, most, disturbed=disturbed)
        return run_id

    def _run_an_old_task_again(self, most: int) -> None:
        """An operator clears a task of a run that was over before newer ones were."""
        api, dag_id = self._world.api, self._faults.one_of(STAGES)
        older = self._until_it_works(lambda: api.runs(dag_id))[:-1]
        if not older:
            return
        run_id = self._faults.one_of(older)
        tasks = self._until_it_works(lambda: api.tasks(dag_id, run_id))
        ended = [task.task_id for task in tasks if task.state == "success" and task.task_id.endswith(AGAIN)]
        if ended:
            task_id = self._faults.one_of(ended)
            self._until_it_works(lambda: api.clear_leg(dag_id, run_id, task_id))
            self._faults.count("an old task runs again")
            self._to_its_end(dag_id, run_id, most, disturbed=True)

    def _to_its_end(self, dag_id: str, run_id: str, most: int, *, disturbed: bool) -> None:
        """Strike while a run goes on; an operator clears what failed, or in half of the runs leaves it to the next."""
        api = self._world.api
        began, before = time.monotonic(), self._faults.happened
        clears = disturbed and self._faults.by_chance(CLEARED)
        watch = Watch(self._world, dag_id, run_id, disturbed=disturbed, clears=clears)
        next_fault = began + self._faults.pause_seconds()
        while (state := self._until_it_works(lambda: api.state(dag_id, run_id))) != "success":
            if time.monotonic() > began + PATIENCE.total_seconds():
                raise RuntimeError(f"{run_id} did not end in {PATIENCE}: {self._explain(dag_id, run_id)}")
            if state == "failed" and not disturbed:
                raise RuntimeError(f"{run_id} failed although nothing went wrong now: {self._explain(dag_id, run_id)}")
            if state == "failed" and not watch.clears:
                self._left_to_the_next = True
                break
            due = disturbed and time.monotonic() >= next_fault and self._world.is_at_work()
            if due and self._faults.happened < most:
                self._faults.strike()
                next_fault = time.monotonic() + self._faults.pause_seconds()
            self._world.revive()
            self._until_it_works(lambda state=state: watch.look(state))  # type: ignore[misc]
            time.sleep(0.1)
        self._tell(
            f"step {self._step}{'' if disturbed else ', calm'}: {dag_id}, {time.monotonic() - began:.0f} s with "
            f"{self._faults.happened - before} faults, cleared {watch.cleared} times"
            + (", failed and left to the next" if state == "failed" else "")
            + (f", scheduler started again {watch.restarts} times" if watch.restarts else "")
        )

    def _calmly(self, act: Callable[[], Any]) -> Any:
        """What people do waits until the systems are there."""
        self._world.settle()
        self._until_it_works(self._faults.end)
        return self._until_it_works(act)

    def _until_it_works(self, act: Callable[[], Any]) -> Any:
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

    def _count(self) -> None:
        self.faults_happened = self._faults.happened
        self.struck = self._faults.by_kind()
