"""Where tasks run when only some workers reach a system."""

from __future__ import annotations

import shutil
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state.counted_calls import CAN_WAIT
from operators.builder import BrokenFlow, build_flow
from operators.placement import for_systems

QUEUES = "AIRFLOW__LEDGERBRIDGE__QUEUES"
INCLUDE = Path(__file__).parents[2] / "include"
EDGE = {"queue": "gp", "executor": "EdgeExecutor"}


def test_without_queues_every_worker_may_take_every_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(QUEUES, raising=False)
    assert for_systems(["gp", "xero"]) == {}
    assert {task.queue for dag in build_flow("order_to_cash").values() for task in dag.tasks} == {"default"}


def test_what_asks_gp_and_nothing_else_goes_where_gp_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(QUEUES, "gp=gp@EdgeExecutor")
    dags = build_flow("order_to_cash")
    placed = {
        f"{stage}:{task.task_id}": (task.queue, task.executor)
        for stage in ("orders", "invoices", "reconcile")
        for task in dags[f"order_to_cash.{stage}"].tasks
    }
    at_gp, anywhere = ("gp", "EdgeExecutor"), ("default", None)
    expected = {
        "orders:read": anywhere,  # of the shop alone
        "orders:order.extract": anywhere,
        "orders:order.transform": at_gp,  # it looks up items
        "orders:order.gate": anywhere,
        "orders:order.load": at_gp,
        "invoices:read": at_gp,
        "invoices:invoice.extract": at_gp,
        "invoices:invoice.gate": anywhere,
        "invoices:invoice.load": anywhere,  # into Xero
        "reconcile:reconcile": at_gp,
    }
    assert {name: placed[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("stage", "queues", "read", "extract"),
    [
        pytest.param("schedule: {events: true}", "", "gp", "gp", id="events"),
        pytest.param("at_once: 0", "", "default_pool", "default_pool", id="nothing-at-once"),
        pytest.param('schedule: {cron: "0 * * * *"}', "", "default_pool", "gp", id="by-the-clock"),
        pytest.param("schedule: {events: true}", "gp=gp", "default_pool", "default_pool", id="gp-is-reached-elsewhere"),
    ],
)
def test_what_may_go_at_once_is_counted_in_the_pool_of_the_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, queues: str, read: str, extract: str
) -> None:
    monkeypatch.setenv(QUEUES, queues)
    shutil.copytree(INCLUDE, tmp_path / "include")
    flow = tmp_path / "include" / "flows" / "order_to_cash.yaml"
    flow.write_text(flow.read_text().replace("  orders:\n", f"  orders:\n    {stage}\n", 1))
    dag = build_flow("order_to_cash", tmp_path / "include")["order_to_cash.orders"]
    assert [dag.get_task(name).pool for name in ("read", "order.extract", "order.load")] == [read, extract, "gp"]


def test_a_stage_that_can_wait_comes_after_the_others() -> None:
    dags = build_flow("order_to_cash") | build_flow("master_data")
    weights = {name: {task.priority_weight for task in dag.tasks} for name, dag in dags.items()}
    assert weights["order_to_cash.orders"] == weights["order_to_cash.money"] == {10}
    assert weights["order_to_cash.reconcile"] == weights["master_data.customers"] == {1}


@pytest.mark.parametrize(
    ("flow", "stage", "waits"),
    [
        pytest.param("order_to_cash", "orders", False, id="orders"),
        pytest.param("order_to_cash", "reconcile", True, id="reconcile"),
        pytest.param("master_data", "customers", True, id="master-data"),
    ],
)
def test_tasks_of_a_stage_that_can_wait_leave_a_part_of_the_calls_to_others(flow: str, stage: str, waits: bool) -> None:
    """As Airflow does it: `pre_execute`, then the task's work in a copy of the context that this leaves."""
    tasks = build_flow(flow)[f"{flow}.{stage}"].tasks
    assert tasks

    def is_told(task: Any) -> bool:
        if task._pre_execute_hook is not None:
            task._pre_execute_hook({})
        return copy_context().run(CAN_WAIT.get)

    assert {task.task_id: copy_context().run(is_told, task) for task in tasks} == {
        task.task_id: waits for task in tasks
    }
    assert not CAN_WAIT.get()


def test_two_systems_on_one_queue_may_be_asked_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(QUEUES, "gp=inside, magento=inside")
    assert for_systems(["magento", "gp", "xero"]) == {"queue": "inside"}


@pytest.mark.parametrize(
    ("queues", "told"),
    [
        ("gp", r'"gp" is no queue of a system'),
        ("sap=inside", r'"sap=inside" is no queue of a system.*systems are gp, magento'),
        ("gp=inside,xero=outside", r"needs gp on inside, xero on outside"),
    ],
    ids=["no-queue", "no-system", "two-queues"],
)
def test_queues_that_no_worker_can_serve_are_refused(monkeypatch: pytest.MonkeyPatch, queues: str, told: str) -> None:
    monkeypatch.setenv(QUEUES, queues)
    with pytest.raises(ConfigurationError, match=rf"(?s)LB-CFG-028 .*{told}"):
        for_systems(["gp", "xero"])


def test_a_flow_that_no_worker_can_run_says_so_as_its_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(QUEUES, "gp=inside,xero=outside")
    (dag,) = build_flow("order_to_cash").values()
    assert isinstance(dag, BrokenFlow)
    with pytest.raises(ValueError, match="LB-CFG-028"):
        dag.validate()
