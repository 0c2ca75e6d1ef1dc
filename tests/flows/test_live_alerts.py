"""A failed task, and a run that takes too long, reach people from live processes over a connection of Airflow's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.airflow_api import AirflowApi
from demo.airflow_home import CHECKOUT, USER
from demo.stack import Stack
from tests.contract.webhook_receiver import Receiver, receiving

FLOW_FILE = """
description: Customers of a shop that cannot be reached.
owner: finance
retries: {retries}
retry_seconds: 300
alerts: {alerts}
stages:
  customers:
    legs:
      customer:
        from: shopify.order
        conform: shopify_order_to_customer
        map: customer_to_gp_customer
        gate: gp_customer
        to: gp.customer
"""
FLOWS = {
    "failing": FLOW_FILE.format(retries=0, alerts="{to: team}"),
    # its first task waits 150 s at least before it is tried again: longer than the deadline
    "late": FLOW_FILE.format(retries=1, alerts="{to: team, deadline_minutes: 1}"),
}


@pytest.fixture(scope="module")
def dags_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    include = tmp_path_factory.mktemp("site") / "include"
    shutil.copytree(CHECKOUT / "include", include)
    folder = tmp_path_factory.mktemp("dags")
    for name, text in FLOWS.items():
        (include / "flows" / f"{name}.yaml").write_text(text)
        (folder / f"{name}.py").write_text(
            f'"""An Airflow DAG."""\n'
            f"from pathlib import Path\n"
            f"from operators.builder import build_flow\n"
            f"globals().update(build_flow({name!r}, Path({str(include)!r})))\n"
        )
    return folder


@pytest.fixture(scope="module")
def dag_id() -> str:
    return "late.customers"


@pytest.fixture(scope="module")
def team(stack: Stack, live_airflow: AirflowApi) -> Iterator[Receiver]:
    """Who is told: the address lies in Airflow's database, where the triggerer has to ask for it."""
    stack.services.wait_until(
        lambda: live_airflow.has_dag("failing.customers"), what="the flow failing", timeout_seconds=90
    )
    with receiving() as receiver:
        path = receiver.url.replace("http://", "json://")
        extra = json.dumps({"config": {"path": path, "tag": "alerts"}})
        body = {"connection_id": "team", "conn_type": "apprise", "extra": extra}
        with administrator(stack) as browser:
            browser.post("/api/v2/connections", json=body).raise_for_status()
        yield receiver


def administrator(stack: Stack) -> httpx.Client:
    login = {"username": USER, "password": stack.airflow.password}
    token = httpx.post(f"{stack.airflow.url}/auth/token", json=login).raise_for_status().json()["access_token"]
    return httpx.Client(base_url=stack.airflow.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def message(team: Receiver, timeout_seconds: float) -> Any:
    return json.loads(team.next(timeout_seconds).body)


def test_failed_task_is_told_with_its_cause_and_log(team: Receiver, live_airflow: AirflowApi) -> None:
    live_airflow.trigger("failing.customers", {})
    told = message(team, 90)
    assert told["title"] == "failing: TransientError"
    assert "failing customer, TransientError, once since" in told["message"]
    assert "/dags/failing.customers/runs/" in told["message"]


def test_run_past_its_deadline_is_told_while_it_goes_on(team: Receiver, live_airflow: AirflowApi) -> None:
    run_id = live_airflow.trigger("late.customers", {})
    told = message(team, 150)
    assert told["title"] == "late: deadline"
    assert "more than 1 minutes" in told["message"]
    assert live_airflow.state("late.customers", run_id) == "running"
