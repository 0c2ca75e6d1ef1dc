"""
Small batches go through their leg in its `extract`, of runs of events in the stage's `read`; all else has its tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator, Context
from airflow.sdk.exceptions import DownstreamTasksSkipped, TaskDeferred
from memory_system import MemorySource, register
from sqlalchemy import Engine

from ledgerbridge.errors import RecordBusy, TransientError
from ledgerbridge.flows import FlowConfig
from operators.extract import ExtractOperator
from operators.leg import LegOperator
from operators.read import ReadOperator
from triggers.circuit import ConnectionBack

FLOW = "some_flow"
NAMES = {"conform": "c", "map": "m", "gate": "g", "pool": "ledger"}
CONFIG = {
    "description": "Shop to ledger.",
    "owner": "finance",
    "stages": {
        "orders": {
            "schedule": {"events": True},
            "at_once": 2,
            "legs": {
                "customer": {**NAMES, "from": "shop.order", "to": "ledger.customer"},
                "order": {**NAMES, "from": "shop.order", "to": "ledger.order", "after": "customer"},
            },
        }
    },
}
STEPS = ("extract", "transform", "gate", "load")
Step = Callable[[str], Any]


class Worker(LegOperator):
    """A step that notes what it was given, and does what the test says."""

    step = "worker"

    def __init__(self, *, seen: list[str], does: Step, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen, self.does = seen, does

    def execute(self, context: Context) -> Any:
        self.seen.append(f"{self.task_id} {self.batch or ''}".strip())
        return self.does(self.task_id)


@dataclass
class Stage:
    """The stage `orders`, in this process."""

    shop: MemorySource
    seen: list[str] = field(default_factory=list)
    does: Step = "batch of {}".format
    places: dict[str, dict[str, Any]] = field(default_factory=dict)

    def run(self, run_id: str, **context: Any) -> list[str]:
        """Run `read`; the tasks that are left to start."""
        config = FlowConfig.model_validate(CONFIG)
        with DAG(f"{FLOW}.orders", schedule=None) as dag:
            read = ReadOperator(task_id="read", flow=FLOW, config=config, stage="orders", pool="ledger")
            for leg in config.legs:
                before: BaseOperator = read
                for step in STEPS:
                    name = f"{leg}_{step}"
                    task = Worker(
                        task_id=name, flow=FLOW, leg=leg, config=config.legs[leg], seen=self.seen,
                        does=lambda name: self.does(name), **self.places.get(name, {}),
                    )  # fmt: skip
                    before >> task
                    before = task
        told: dict[str, Any] = {"run_id": run_id, "params": {}, "triggering_asset_events": {"an asset": ["an event"]}}
        try:
            read.execute(told | context)
        except DownstreamTasksSkipped as skips:
            return [task for task in dag.task_dict if task not in {*map(str, skips.tasks), "read"}]
        return [task for task in dag.task_dict if task != "read"]


@pytest.fixture
def stage(state_db: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Two orders are new."""
    shop = MemorySource()
    register({"shop": shop}, state_db, tmp_path, monkeypatch)
    for key in ("one", "two"):
        shop.write(key, "v1")
    return Stage(shop)


CUSTOMER = [f"customer_{step}" for step in STEPS]
ORDER = [f"order_{step}" for step in STEPS]


def test_each_step_gets_what_the_one_before_made_and_no_task_is_left(stage: Stage) -> None:
    assert stage.run("run-1") == []
    assert stage.seen == [
        "customer_extract",
        "customer_transform batch of customer_extract",
        "customer_gate batch of customer_transform",
        "customer_load batch of customer_gate",
        "order_extract",
        "order_transform batch of order_extract",
        "order_gate batch of order_transform",
        "order_load batch of order_gate",
    ]


def test_a_leg_that_ends_early_is_done(stage: Stage) -> None:
    def nothing_goes_on(name: str) -> str:
        if name == "customer_transform":
            raise DownstreamTasksSkipped(tasks=["customer_gate", "customer_load"])  # type: ignore[no-untyped-call]
        return name

    stage.does = nothing_goes_on
    assert stage.run("run-1") == []
    assert stage.seen[:3] == ["customer_extract", "customer_transform customer_extract", "order_extract"]


@pytest.mark.parametrize(
    "raised",
    [
        pytest.param(TransientError("LB-GP-1", "no answer", remedy="Wait."), id="a-system-that-does-not-answer"),
        pytest.param(RecordBusy("LB-GP-2", "locked", remedy="Wait."), id="a-record-that-somebody-has-open"),
        pytest.param(
            TaskDeferred(trigger=ConnectionBack("ledger"), method_name="begin_again"),
            id="a-connection-that-makes-a-pause",
        ),
        pytest.param(ZeroDivisionError(), id="a-fault-of-ours"),
    ],
)
def test_a_leg_that_can_t_end_here_is_left_to_its_own_tasks_and_so_are_those_behind_it(
    stage: Stage, raised: BaseException
) -> None:
    def fails(name: str) -> str:
        if name == "customer_load":
            raise raised
        return name

    stage.does = fails
    assert stage.run("run-1") == CUSTOMER + ORDER


@pytest.mark.parametrize(
    "context",
    [
        pytest.param({"triggering_asset_events": {}}, id="a-run-of-the-schedule"),
        pytest.param({"params": {"legs": ["customer", "order"]}}, id="a-run-of-named-legs"),
    ],
)
def test_other_runs_start_the_tasks_of_their_legs(stage: Stage, context: dict[str, Any]) -> None:
    assert stage.run("run-1", **context) == CUSTOMER + ORDER
    assert stage.seen == []


@dataclass
class Leg:
    """The leg `customer` whose extract does so many records at once, in this process."""

    stage: Stage
    most: int
    places: dict[str, Any] = field(default_factory=dict)
    returned: dict[str, Any] = field(default_factory=dict)

    def run(self, run_id: str) -> list[str]:
        """Run its extract; the tasks that are left to start."""
        with DAG(f"{FLOW}.orders", schedule=None):
            config = FlowConfig.model_validate(CONFIG).legs["customer"]
            extract = ExtractOperator(
                task_id="customer_extract", flow=FLOW, leg="customer", config=config, at_once=self.most, pool="ledger"
            )
            before: BaseOperator = extract
            for step in STEPS[1:]:
                name = f"customer_{step}"
                task = Worker(
                    task_id=name, flow=FLOW, leg="customer", config=config, seen=self.stage.seen,
                    does=self.stage.does, **self.places,
                )  # fmt: skip
                before >> task
                before = task
        context: Any = {"run_id": run_id, "params": {}, "ti": self}
        try:
            self.returned["return_value"] = extract.execute(context)
        except DownstreamTasksSkipped as skips:
            return [task for task in CUSTOMER if task not in {*map(str, skips.tasks), "customer_extract"}]
        return CUSTOMER[1:]

    def xcom_push(self, key: str, value: Any) -> None:
        """As a task instance keeps it."""
        self.returned[key] = value


def test_a_leg_does_a_small_batch_in_its_extract_and_leaves_it_to_who_clears_its_other_tasks(stage: Stage) -> None:
    leg = Leg(stage, most=2)
    assert leg.run("run-1") == []
    batch = leg.returned["return_value"]
    assert batch["rows"] == {"taken": 2}
    assert stage.seen == [
        f"customer_transform {batch}", "customer_gate batch of customer_transform",
        "customer_load batch of customer_gate",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("most", "places"),
    [
        pytest.param(1, {}, id="more-records"),
        pytest.param(2, {"queue": "gp"}, id="another-queue"),
        pytest.param(2, {"pool": "another"}, id="another-pool"),
    ],
)
def test_a_leg_with_more_records_or_another_place_has_a_task_for_each_step(
    stage: Stage, most: int, places: dict[str, Any]
) -> None:
    leg = Leg(stage, most, places)
    assert leg.run("run-1") == CUSTOMER[1:]
    assert leg.returned["return_value"]["rows"] == {"taken": 2}
    assert stage.seen == []


def test_what_fails_in_the_extract_has_its_own_task_with_the_same_batch(stage: Stage) -> None:
    def fails(name: str) -> str:
        if name == "customer_load":
            raise RecordBusy("LB-GP-2", "locked", remedy="Wait.")
        return name

    stage.does = fails
    leg = Leg(stage, most=2)
    assert leg.run("run-1") == CUSTOMER[1:]
    assert leg.returned["return_value"]["rows"] == {"taken": 2}


def test_a_batch_of_more_records_than_the_stage_says_has_tasks_of_its_own(stage: Stage) -> None:
    stage.shop.write("three", "v1")
    assert stage.run("run-1") == CUSTOMER + ORDER
    assert stage.seen == []


@pytest.mark.parametrize(
    "place",
    [
        pytest.param({"queue": "gp"}, id="another-queue"),
        pytest.param({"executor": "EdgeExecutor"}, id="another-executor"),
        pytest.param({"pool": "another"}, id="another-pool"),
    ],
)
def test_a_leg_one_of_whose_steps_has_another_place_has_tasks_of_its_own(stage: Stage, place: dict[str, Any]) -> None:
    stage.places = {"order_load": place}
    assert stage.run("run-1") == ORDER
