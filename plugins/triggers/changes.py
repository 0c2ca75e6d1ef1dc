"""Telling a stage, from the triggerer, that the change log has something for it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError
from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from sqlalchemy.exc import SQLAlchemyError

from hooks.state_database import state_engine
from ledgerbridge.changes.polling import PolledSource, due
from ledgerbridge.changes.waking import Waking, WatchedLeg, Work, last_change, progress_of, work_of
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import snapshot
from ledgerbridge.state.circuits import open_circuits
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.companies import for_company

__all__ = ["StageHasWork"]

_LOOK_EVERY_SECONDS = 0.25
"""Airflow itself hands on once a second what a trigger says."""
_LOOK_SELDOM_SECONDS = 1.0
"""While a long run is under way: each question about it makes Airflow's triggerer go through its own queries."""
_LOOK_CLOSELY_SECONDS = 10.0
"""What opens without a new change, as a connection that answers again, is seen that late at most."""
_AFTER_FAILURE_SECONDS = 10.0
_UNDER_WAY = ["queued", "running"]


class StageHasWork(BaseEventTrigger):
    """
    Fires when the change log has something for a stage, and again as long as that is so and no run is under way; during
    a run of what was announced after it had read.

    Airflow loses what an asset is told while a run of the DAG is active, and while the DAG is paused
    (sources.md Airflow §1): so this looks at the log, not at single events. While a connection makes a pause, its legs
    are no reason to run. It never ends, and a database that is away ends it neither.

    :param dag: the stage's DAG.
    :param company: key of whose books these are; :param flow: its name.
    :param legs: a list in JSON, the fields of a ``WatchedLeg`` each: of an argument with parts of its own Airflow makes
        another hash when it has stored it, and drops the trigger as one that no asset has.
    :param polled: likewise of ``PolledSource``: what is to be read now and then, because no webhook tells of it.
    """

    def __init__(self, dag: str, company: str, flow: str, legs: str, polled: str = "[]") -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.dag = dag
        self.company = company
        self.flow = flow
        self.legs = legs
        self.polled = polled
        self._watched = [WatchedLeg(**leg) for leg in json.loads(legs)]
        self._polled = [PolledSource(**each) for each in json.loads(polled)]
        self._seen = -1
        self._look_closely_at = 0.0

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as Airflow keeps them."""
        arguments = {
            "dag": self.dag, "company": self.company, "flow": self.flow, "legs": self.legs, "polled": self.polled
        }  # fmt: skip
        return "triggers.changes.StageHasWork", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, and tell."""
        waking = Waking()
        while True:
            try:
                work = await asyncio.to_thread(self._work)
                if await asyncio.to_thread(waking.tells, work, time.monotonic(), self._is_under_way):
                    yield TriggerEvent({"dag": self.dag})  # type: ignore[no-untyped-call]  # Airflow's
            except (AirflowException, AirflowRuntimeError, LedgerbridgeError, SQLAlchemyError) as error:
                self.log.warning("dag=%s is not looked after: %s", self.dag, error)
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)
            waits_long = waking.waits_long(time.monotonic())
            await asyncio.sleep(_LOOK_SELDOM_SECONDS if waits_long else _LOOK_EVERY_SECONDS)

    def _work(self) -> Work | None:
        """What the stage has to do; None: nothing."""
        with snapshot(for_company(state_engine(stays=True), self.company)) as session:
            last = last_change(session, self.company, self._watched)
            if last == self._seen and time.monotonic() < self._look_closely_at:
                return None
            now = database_now(session)
            # where a pause is over somebody has to try: a run does
            down = [pause.connection for pause in open_circuits(session) if pause.until > now]
            if (work := work_of(session, self.company, self.flow, self._watched, down)) is not None:
                self._seen = -1
                return replace(work, last=last)
            if due(session, self.company, self._polled, down):
                self._seen = -1
                return Work(progress_of(session, self.company, self.flow, self._watched), last=last)
            self._seen, self._look_closely_at = last, time.monotonic() + _LOOK_CLOSELY_SECONDS
            return None

    def _is_under_way(self) -> bool:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        return RuntimeTaskInstance.get_dr_count(self.dag, states=_UNDER_WAY) > 0
