"""The DAGs of a flow as Airflow has them: a stage each, in the order of the process, and none may hang."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import DAG, AssetAny
from airflow.serialization.serialized_objects import DagSerialization

from ledgerbridge.flows import flow_of, load_flow, stage_of
from operators.builder import build_flow
from operators.extract import ExtractOperator
from operators.leg import LegOperator
from operators.retries import ByErrorClass

INCLUDE = Path(__file__).parents[2] / "include"
WITHOUT = ["magento", "shopify_payments", "paypal"]
"""What the shipped company does not have."""


def stages(include: Path) -> dict[str, DAG]:
    """The DAGs of the shipped flow by stage."""
    return {stage_of(name): dag for name, dag in build_flow("order_to_cash", include).items()}


def test_each_stage_is_a_dag_that_begins_with_read_and_has_a_task_group_of_four_tasks_a_leg(include: Path) -> None:
    flow = load_flow(include / "flows" / "order_to_cash.yaml", include).for_company(WITHOUT)
    dags = stages(include)
    assert list(dags) == ["orders", "invoices", "money", "payouts", "reconcile"]
    for stage, dag in dags.items():
        legs = flow.of_stage(stage)
        tasks = {f"{leg}.{step}" for leg in legs for step in ("extract", "transform", "gate", "load")}
        assert set(dag.task_ids) == tasks | ({"read", "end"} if legs else {"reconcile"})
        assert all("read" in dag.get_task(name).get_flat_relative_ids(upstream=True) for name in tasks)
        assert dag.max_active_runs == 1


def test_airflow_shows_the_legs_of_a_stage_in_the_order_of_the_process(include: Path) -> None:
    flow = load_flow(include / "flows" / "order_to_cash.yaml", include).for_company(WITHOUT)
    for stage, dag in stages(include).items():
        shown = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))  # as the pages know it
        nodes = list(shown.task_group.topological_sort())
        legs = flow.in_order(stage)
        written = list(dict.fromkeys(flow.branch_of.get(leg, (leg, 0))[0] for leg in legs))
        assert [each.label for each in nodes] == (["read", *written, "end"] if legs else ["reconcile"])
        of_targets = [
            one.label for each in nodes if each.label not in legs for one in getattr(each, "children", {}).values()
        ]
        assert of_targets == [leg for leg in legs if leg in flow.branch_of]


def test_the_order_that_airflow_shows_lets_no_leg_wait_for_another(include: Path) -> None:
    flow = load_flow(include / "flows" / "order_to_cash.yaml", include).for_company(WITHOUT)
    for stage, dag in stages(include).items():
        legs = flow.of_stage(stage)
        for leg, config in legs.items():
            before = {f"{each}.load" for each in config.after if each in legs}
            assert dag.get_task(f"{leg}.extract").upstream_task_ids == (before or {"read"})


def test_each_task_of_a_leg_is_tried_again_as_soon_as_the_flow_says(include: Path) -> None:
    path = include / "flows" / "order_to_cash.yaml"
    path.write_text(path.read_text() + "retries: 6\nretry_seconds: 2\n")
    for task in (task for dag in stages(include).values() for task in dag.tasks):
        assert isinstance(task.retry_policy, ByErrorClass)
        assert task.retry_policy.first_seconds == 2
        assert (task.retries, task.retry_delay) == (6, timedelta(seconds=2))


def test_a_try_of_each_step_ends_when_the_flow_says(include: Path) -> None:
    path = include / "flows" / "order_to_cash.yaml"
    path.write_text(path.read_text() + "most_minutes: {extract: 3000, load: 90}\n")
    tasks = [task for dag in stages(include).values() for task in dag.tasks if not isinstance(task, EmptyOperator)]
    found = {(task.task_id.rpartition(".")[2], task.execution_timeout) for task in tasks}
    minutes = {"read": 3000, "extract": 3000, "transform": 240, "gate": 60, "load": 90, "reconcile": 240}
    assert found == {(step, timedelta(minutes=most)) for step, most in minutes.items()}


@pytest.mark.parametrize("path", sorted((INCLUDE.parent / "dags").glob("*.py")), ids=lambda path: path.stem)
def test_no_task_of_a_shipped_dag_may_hang_for_ever(path: Path) -> None:
    dags = [each for each in runpy.run_path(str(path)).values() if isinstance(each, DAG)]
    assert dags
    # a question waits for a person as long as they take, and holds no worker; the scheduler alone does an empty task
    runs = [task for dag in dags for task in dag.tasks if not isinstance(task, EmptyOperator)]
    tasks = [task for task in runs if task.task_id != "question" and not isinstance(task, HITLOperator)]
    assert all(getattr(task, "execution_timeout", None) for task in tasks)


def test_a_step_with_nothing_to_hand_on_skips_the_rest_of_its_leg_and_no_other(include: Path) -> None:
    task = stages(include)["orders"].get_task("customer.extract")
    assert isinstance(task, LegOperator)
    assert task.nothing_goes_on("nothing new").tasks == ["customer.gate", "customer.load", "customer.transform"]


@pytest.mark.parametrize(
    ("schedule", "cron", "events"),
    [
        pytest.param('{cron: "*/10 * * * *"}', "*/10 * * * *", False, id="cron"),
        pytest.param("{events: true}", None, True, id="events"),
        pytest.param('{cron: "*/10 * * * *", events: true}', "*/10 * * * *", True, id="both"),
    ],
)
def test_a_stage_runs_by_the_clock_by_changes_of_what_it_reads_or_by_both(
    include: Path, schedule: str, cron: str | None, events: bool
) -> None:
    path = include / "flows" / "order_to_cash.yaml"
    path.write_text(path.read_text().replace("  money:\n", f"  money:\n    schedule: {schedule}\n"))
    dag = stages(include)["money"]
    told = DagSerialization.serialize_dag(dag)
    assert cron is None or cron in str(told["timetable"])
    awaited = {asset.uri for asset in dag.timetable.asset_condition.objects} if events else set()
    money = load_flow(path, include).for_company(WITHOUT).stages["money"]
    sources = {leg.source for leg in money.legs.values()}
    # goods come back when their order is done with: that writes a customer or an order; payments wait for an invoice
    wakers = {*sources, "gp.customer", "gp.sales_order", "xero.invoice"} if events else set()
    work = {"ledgerbridge://main/work/order_to_cash.money"} if events else set()
    assert awaited == {f"ledgerbridge://main/{entity}" for entity in wakers} | work
    assert not events or isinstance(dag.timetable.asset_condition, AssetAny)  # any one of them starts it
    assert dag.is_paused_upon_creation
    assert not stages(include)["orders"].is_paused_upon_creation


def test_a_leg_of_another_stage_is_waited_for_by_what_it_has_done_with_and_not_by_an_arrow(include: Path) -> None:
    flow = load_flow(include / "flows" / "order_to_cash.yaml", include).for_company(WITHOUT)
    assert flow.legs["goods_back"].after == ["order"]
    assert (flow.behind("goods_back"), flow.behind_stages("goods_back")) == ([], ["customer", "order"])
    extract = stages(include)["money"].get_task("goods_back.extract")
    assert isinstance(extract, ExtractOperator)
    assert (extract.behind, extract.done_by) == ([], ["customer", "order"])
    assert extract.upstream_task_ids == {"read"}


@pytest.mark.parametrize(
    ("flow", "dag"),
    [("order_to_cash", "order_to_cash.money"), ("master_data", "master_data.vendors_questions")],
)
def test_who_parses_a_file_to_run_a_task_gets_the_dag_of_that_task_as_it_is(
    include: Path, monkeypatch: pytest.MonkeyPatch, flow: str, dag: str
) -> None:
    whole = build_flow(flow, include)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag)  # as Airflow tells it, airflow.sdk.get_parsing_context
    alone = build_flow(flow, include)
    assert dag in alone
    assert len(alone) <= 2 < len(whole)
    assert DagSerialization.to_dict(alone[dag]) == DagSerialization.to_dict(whole[dag])
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "of_another_file")
    assert list(build_flow(flow, include)) == list(whole)


def test_broken_flow_is_one_import_error_and_takes_no_other_dag_down(
    include: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flows = include / "flows"
    shutil.copy(flows / "order_to_cash.yaml", flows / "other.yaml")
    broken = (flows / "order_to_cash.yaml").read_text().replace("gate: gp_customer", "gates: gp_customer", 1)
    (flows / "order_to_cash.yaml").write_text(broken)
    for name in ("order_to_cash", "other"):
        text = (
            f'"""An Airflow dag."""\nfrom operators.builder import build_flow\nglobals().update(build_flow("{name}"))\n'
        )
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(include))
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    bag = DagBag(dag_folder=tmp_path)
    assert set(bag.dags) == {f"other.{stage}" for stage in ("orders", "invoices", "money", "payouts", "reconcile")}
    ((file, message),) = bag.import_errors.items()
    assert file == str(tmp_path / "order_to_cash.py")
    assert message.startswith("ValueError: LB-CFG-003 ")
    assert 'order_to_cash.yaml:13:9: unknown key "gates". Remedy: Remove it, or did you mean "gate"?' in message


def test_every_dag_file_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    folder = Path(__file__).parents[2] / "dags"
    bag = DagBag(dag_folder=folder)
    assert bag.import_errors == {}
    assert {flow_of(name) for name in bag.dags} == {path.stem for path in folder.glob("*.py")}


PARSED = "import sys; from airflow.dag_processing.dagbag import DagBag; DagBag(sys.argv[1]); print(*sys.modules)"
FOR_TASKS = {"great_expectations", "pandas", "zeep"}


def test_parsing_the_dag_files_imports_nothing_that_only_their_tasks_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", PARSED, str(root / "dags")]
    environment = os.environ | {"PYTHONPATH": str(root / "plugins")}
    parsed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    modules = set(parsed.stdout.splitlines()[-1].split())
    assert "operators.transform" in modules
    assert modules & FOR_TASKS == set()
