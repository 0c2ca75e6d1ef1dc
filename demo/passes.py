"""
A run of a file of orders: play a step, then let the flow and the bookkeeper work until nothing moves.

One pass is a run of each stage on the live scheduler, one after the other, under one run id. Documents land in GP
unposted, so that what one pass sent is posted by the bookkeeper before the next pass can take it further.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from sqlalchemy import Engine, func, select

from demo.airflow_api import AirflowApi, TaskRun
from demo.ending import check
from ledgerbridge.entities import MAIN
from ledgerbridge.flows import flow_of
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from ledgerbridge.state.reconciliations import kept_result
from sandbox.player import STEPS, OrderFile, Player, events_of

__all__ = ["FlowRunner", "PassFailed", "deliveries_sent"]

PASSES_PER_STEP = 12
STALLED_SECONDS = 120.0
WAITING_STATES = {"scheduled", "queued", "up_for_retry", "up_for_reschedule", "awaiting_input", "deferred"}
STEP_NAMES = {
    1: "customers place and pay",
    2: "orders are edited and cancelled",
    3: "the warehouse ships",
    4: "later shipments, payments and refunds",
    5: "the gateway pays out",
}


class PassFailed(RuntimeError):
    """A run of the flow did not end well; names the failed tasks with the end of their logs."""

    def __init__(self, dag_id: str, run_id: str, explanation: str) -> None:
        super().__init__(f"{dag_id} {run_id} failed.\n{explanation}")
        self.run_id = run_id


@dataclass
class FlowRunner:
    """
    Triggers the flow, watches it, and knows what each pass sent.

    :param stages: its DAGs, in order. :param company: its company's key.
    """

    api: AirflowApi
    player: Player
    state: Engine
    console: Console
    stages: Sequence[str]
    company: str = MAIN

    def play(self, file: OrderFile) -> str:
        """
        Play all steps of a file and bring everything through to both ledgers.

        :returns: the run id of the last pass, which closed the books.
        :raises PassFailed: a run of the flow failed.
        """
        for step in STEPS:
            if not events_of(file, step):
                continue
            started = time.monotonic()
            with self._progress(f"step {step}: {STEP_NAMES[step]}") as show:
                count = self.player.play(file, step, lambda done: show(f"{done} events"))
            seconds = time.monotonic() - started
            self.console.print(f"[bold]Step {step}[/] {STEP_NAMES[step]}: {count} events in {seconds:.1f} s")
            self.drain()
        self.drain()
        return self.run_once(close=True)

    def drain(self) -> None:
        """Pass after pass, posting in between, until a pass sends nothing and no batch is open."""
        for _ in range(PASSES_PER_STEP):
            run_id = self.run_once()
            sent = deliveries_sent(self.state, run_id)
            posted = self.player.post()
            if posted:
                self.console.print(f"  the bookkeeper posted {posted} documents")
            if not sent and not posted and not self.player.open_batches():
                return
        raise RuntimeError(
            f"The flow still sends documents after {PASSES_PER_STEP} passes over the same orders. "
            "A leg takes the same records again and again: compare its deliveries in the state database."
        )

    def run_once(self, *, close: bool = False) -> str:
        """
        One pass; its run id.

        :param close: reconcile as at the end of a period.
        :raises PassFailed: it failed.
        """
        started = time.monotonic()
        name = "closing pass" if close else "pass"
        run_id = f"pass__{datetime.now(UTC).isoformat()}"
        for dag_id in self.stages:
            self.api.trigger(dag_id, {"close": True} if close else {}, run_id)
            with self._progress(f"{name}, {dag_id}") as show:
                state = self.wait(dag_id, run_id, lambda tasks: show(_summary(tasks)))
            if state != "success":
                raise PassFailed(dag_id, run_id, self._explain(dag_id, run_id))
        sent = deliveries_sent(self.state, run_id)
        self.console.print(f"  {name}: {sent} documents sent in {time.monotonic() - started:.1f} s")
        return run_id

    def reconciliation(self, run_id: str) -> dict[str, Any] | None:
        """What the reconcile task of a pass found; None if it did not come so far."""
        with transaction(self.state) as session:
            return kept_result(session, self.company, flow_of(self.stages[-1]), run_id)

    def wait(self, dag_id: str, run_id: str, on_tasks: Callable[[list[TaskRun]], None] | None = None) -> str:
        """
        Watch a run until it ends; its last state.

        :param on_tasks: called with its tasks whenever it was looked at.
        :raises TimeoutError: nothing ran any more, but it did not end.
        """
        seen: list[TaskRun] = []
        last_change = time.monotonic()
        while not self.api.is_finished(dag_id, run_id):
            check()
            tasks = self.api.tasks(dag_id, run_id)
            if on_tasks:
                on_tasks(tasks)
            if tasks != seen or any(task.state == "running" for task in tasks):
                seen, last_change = tasks, time.monotonic()
            elif time.monotonic() > last_change + STALLED_SECONDS:
                raise TimeoutError(self._why_stalled(dag_id, run_id, tasks))
            time.sleep(0.3)
        return self.api.state(dag_id, run_id)

    def _why_stalled(self, dag_id: str, run_id: str, tasks: list[TaskRun]) -> str:
        waiting = ", ".join(task.task_id for task in tasks if task.state in WAITING_STATES)
        return (
            f"{dag_id} {run_id}: nothing ran for {STALLED_SECONDS:.0f} s, while these wait: {waiting}. "
            "Remedy: look at their pools in Airflow (`airflow pools import config/pools.json`), then at the log of the "
            "scheduler."
        )

    def _explain(self, dag_id: str, run_id: str) -> str:
        failed = [task for task in self.api.tasks(dag_id, run_id) if task.state == "failed"]
        parts = []
        for task in failed:
            tail = "\n".join(f"    {line}" for line in self.api.log_tail(dag_id, run_id, task))
            parts.append(f"  task {task.task_id}, try {task.try_number}:\n{tail}")
        return "\n".join(parts) or "  No task failed: look at the run in Airflow."

    @contextmanager
    def _progress(self, name: str) -> Iterator[Callable[[str], None]]:
        with self.console.status(name) as status:
            yield lambda text: status.update(f"{name}: {text}")


def deliveries_sent(state: Engine, run_id: str) -> int:
    """How many documents a run delivered to a target."""
    query = select(func.count()).where(Delivery.run_id == run_id, Delivery.state == "delivered")
    with transaction(state) as session:
        return session.scalar(query) or 0


def _summary(tasks: list[TaskRun]) -> str:
    finished = sum(task.state in {"success", "skipped", "failed", "upstream_failed"} for task in tasks)
    running = sorted(task.task_id for task in tasks if task.state == "running")
    return f"{finished} of {len(tasks)} tasks" + (f", now {', '.join(running)}" if running else "")
