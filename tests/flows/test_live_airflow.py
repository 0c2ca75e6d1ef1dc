"""A pass runs on the live scheduler, its failure is told with task and cause, and nothing is left behind."""

from __future__ import annotations

import io
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from demo.airflow_api import AirflowApi, ImportFailed
from demo.passes import FlowRunner, PassFailed
from demo.stack import Stack
from ledgerbridge.state import connect
from sandbox.player import Player

DAG_FILE = """
from airflow.sdk import dag, get_current_context, task

@dag(schedule=None, params={"close": False})
def small_flow():
    @task
    def read():
        return 20

    @task
    def check(count):
        if get_current_context()["params"]["close"]:
            raise ValueError(f"{count} differences: receivables 190.08 in GP, 190.07 in Xero")

    check(read())

small_flow()
"""
BROKEN_DAG_FILE = """
from airflow.sdk import dag
raise ValueError("include/flows/broken_flow.yaml:3:9 leg `invoice`: unknown key `gates`")
"""


@pytest.fixture(scope="module")
def dags_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dags")
    (folder / "small_flow.py").write_text(DAG_FILE)
    (folder / "broken_flow.py").write_text(BROKEN_DAG_FILE)
    return folder


@pytest.fixture(scope="module")
def dag_id() -> str:
    return "small_flow"


@pytest.fixture
def runner(stack: Stack, live_airflow: AirflowApi) -> FlowRunner:
    console = Console(file=io.StringIO())
    return FlowRunner(live_airflow, Player(stack.addresses), connect(stack.airflow.state_url), console, "small_flow")


def test_pass_runs_to_its_end_on_the_live_scheduler(runner: FlowRunner, live_airflow: AirflowApi) -> None:
    run_id = runner.run_once()
    assert live_airflow.state("small_flow", run_id) == "success"
    assert {task.state for task in live_airflow.tasks("small_flow", run_id)} == {"success"}


def test_cleared_run_does_every_task_again(runner: FlowRunner, live_airflow: AirflowApi) -> None:
    run_id = runner.run_once()
    live_airflow.clear("small_flow", run_id)
    assert runner.wait(run_id) == "success"
    assert {task.try_number for task in live_airflow.tasks("small_flow", run_id)} == {2}
    assert live_airflow.runs("small_flow")[-1] == run_id


def test_failed_pass_names_the_task_and_its_last_lines(runner: FlowRunner) -> None:
    with pytest.raises(PassFailed, match=r"task check, try 1:(.|\n)*ValueError: 20 differences: receivables 190.08"):
        runner.run_once(close=True)


def test_scheduler_has_the_heavy_libraries_before_a_task_needs_them(stack: Stack, live_airflow: AirflowApi) -> None:
    """The import of Great Expectations would take 5 s in each task."""
    assert live_airflow.is_healthy()
    loaded = {Path(m.path).name for process in _scheduler(stack) for m in process.memory_maps()}
    assert any(name.startswith("libarrow") for name in loaded)


def test_broken_dag_file_is_told_with_its_message(stack: Stack, live_airflow: AirflowApi) -> None:
    with pytest.raises(ImportFailed, match="unknown key `gates`"):
        stack.services.wait_until(lambda: live_airflow.has_dag("broken_flow"), what="the error", timeout_seconds=90)


def test_stopping_leaves_no_process_behind(stack: Stack, live_airflow: AirflowApi) -> None:
    before = _processes_of(stack)
    assert len(before) >= 4
    stack.services.stop()
    assert _processes_of(stack) == []
    assert not live_airflow.is_healthy()


def _processes_of(stack: Stack) -> list[psutil.Process]:
    home = str(stack.airflow.path)
    return [process for process in psutil.process_iter() if _environment(process).get("AIRFLOW_HOME") == home]


def _scheduler(stack: Stack) -> list[psutil.Process]:
    return [process for process in _processes_of(stack) if "scheduler" in " ".join(process.cmdline())]


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}
