"""Parts that run: an Airflow home, a live Airflow, the simulated systems of a company."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from demo.airflow_api import AirflowApi
from demo.airflow_home import USER, AirflowHome
from demo.ports import free_port
from demo.stack import STAGES, Stack
from sandbox.orders import OPENING, harbor_light_supply
from sandbox.places import systems_of
from sandbox.player import Player
from tests.forked_sandboxes import forked_sandboxes

VIEWER = "vera"
"""May read everything in Airflow and change nothing."""


@pytest.fixture
def airflow_home(tmp_path: Path) -> AirflowHome:
    """A home of its own with empty, migrated databases; nothing runs in it."""
    home = AirflowHome(tmp_path / "airflow", free_port())
    home.prepare()
    return home


@pytest.fixture(scope="module")
def company() -> dict[str, Any]:
    """The company the sandboxes are seeded with; a module may give its own."""
    return harbor_light_supply()


@pytest.fixture(scope="module")
def dags_folder() -> Path | None:
    """Where the live Airflow takes its DAGs from: the checkout's, unless a module gives its own."""
    return None


@pytest.fixture(scope="module")
def dag_id() -> str:
    """The DAG that must be loaded before a module's tests start."""
    return STAGES[-1]


@pytest.fixture(scope="module")
def airflow_db() -> str | None:
    """URL of the PostgreSQL database that takes Airflow's own; SQLite, unless a module gives one."""
    return None


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    company: dict[str, Any],
    dags_folder: Path | None,
    airflow_db: str | None,
) -> Iterator[Stack]:
    """A company and its Airflow on free ports; whatever a test starts of it is stopped with it."""
    folder = tmp_path_factory.mktemp("run")
    stack = Stack.describe(
        home=folder / "airflow",
        folder=folder / "demo",
        company=company,
        airflow_port=free_port(),
        sandbox_ports={system: free_port() for system in systems_of(company)},
        dags_folder=dags_folder,
        airflow_db=airflow_db,
    )
    signers = [f"{each}:op" for each in company.get("close", {}).get("signers", ())]
    users = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join([f"{USER}:admin", f"{VIEWER}:viewer", *signers])}
    stack.airflow = replace(stack.airflow, extra={**stack.airflow.extra, **users})
    with stack.services:
        yield stack


@pytest.fixture(scope="module")
def sandboxes(stack: Stack, company: dict[str, Any]) -> Iterator[Player]:
    """Who plays customer, warehouse and bookkeeper at the running, seeded systems."""
    ports = {system: int(stack.addresses.of(system).rpartition(":")[2]) for system in systems_of(company)}
    with forked_sandboxes(ports, stack.folder / "sandbox"), Player(stack.addresses) as player:
        player.seed(company, OPENING)
        yield player


@pytest.fixture(scope="module")
def live_airflow(stack: Stack, dag_id: str) -> Iterator[AirflowApi]:
    """A healthy Airflow with its live scheduler."""
    stack.start_airflow()
    api = stack.wait_for_airflow(dag_id)
    yield api
    api.close()
