"""The four simulated systems and Airflow, started side by side and ready for a run."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from demo.airflow_api import AirflowApi
from demo.airflow_home import CHECKOUT, USER, AirflowHome
from demo.company import connection_environment, write_company_file
from demo.services import Service, Services
from sandbox.places import Addresses

__all__ = ["FLOW", "STAGES", "Stack", "sandbox_services", "start_sandboxes"]

FLOW = "order_to_cash"
STAGES = tuple(f"{FLOW}.{stage}" for stage in ("orders", "invoices", "money", "payouts", "reconcile"))
"""The DAGs of a pass through the flow, in order."""
START_SECONDS = 240.0


def sandbox_services(ports: Mapping[str, int], data: Path) -> list[Service]:
    """
    The simulated systems as processes; what an earlier run left in ``data`` is forgotten.

    :param ports: port by system.
    """
    shutil.rmtree(data, ignore_errors=True)
    command = str(Path(sys.executable).parent / "sandbox")
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return [
        Service(
            f"sandbox-{system}",
            [command, "serve", system, "--port", str(ports[system]), "--data", str(data / system)],
            environment,
        )
        for system in ports
    ]


def start_sandboxes(services: Services, ports: Mapping[str, int], data: Path) -> Addresses:
    """Start the simulated systems that have a port, and return when all of them answer."""
    for service in sandbox_services(ports, data):
        services.start(service)
    addresses = Addresses.on_ports(dict(ports))
    for system in ports:
        address = addresses.of(system)
        services.wait_until(
            lambda address=address: _answers(f"{address}/_sandbox/health"),  # type: ignore[misc]
            what=f"the {system} sandbox at {address}",
            timeout_seconds=START_SECONDS,
        )
    return addresses


@dataclass
class Stack:
    """
    One company in sandboxes and the Airflow that works for it.

    :param folder: takes the sandboxes' data and the company file.
    :param beside: what runs beside Airflow's four processes; the first before them.
    """

    services: Services
    airflow: AirflowHome
    addresses: Addresses
    folder: Path
    beside: Sequence[Service] = ()

    @classmethod
    def describe(
        cls,
        *,
        home: Path,
        folder: Path,
        company: Mapping[str, Any],
        airflow_port: int,
        sandbox_ports: Mapping[str, int],
        dags_folder: Path | None = None,
        extra: Mapping[str, str] | None = None,
        state_db: str | None = None,
        airflow_db: str | None = None,
        ledger_seconds: int | None = None,
    ) -> Stack:
        """
        All parts of a run, nothing started yet; the company file is written.

        :param extra: more environment.
        :param ledger_seconds: how long a call to a ledger may take, see ``connection_environment``.
        """
        addresses = Addresses.on_ports(dict(sandbox_ports))
        write_company_file(folder / "companies" / "main.yaml", company)
        environment = {
            "AIRFLOW__LEDGERBRIDGE__COMPANIES_FOLDER": str(folder / "companies"),
            **connection_environment(company, addresses, ledger_seconds=ledger_seconds),
            **(extra or {}),
        }
        airflow = AirflowHome(
            home, airflow_port, dags_folder=dags_folder, extra=environment, state_db=state_db, airflow_db=airflow_db
        )
        airflow.prepare()
        return cls(Services(airflow.process_logs, CHECKOUT), airflow, addresses, folder)

    def start_airflow(self) -> None:
        """Start its processes and return at once."""
        for service in (*self.beside[:1], *self.airflow.services(), *self.beside[1:]):
            self.services.start(service)

    def wait_for_airflow(self, dag_id: str = STAGES[-1]) -> AirflowApi:
        """
        A client, when all processes are healthy and the flow is loaded.

        :raises ImportFailed: the flow can't be loaded.
        """
        api = AirflowApi(self.airflow.url, USER, self.airflow.password)
        parts = {
            "Airflow": api.is_healthy,
            "Airflow's API for tasks": api.serves_tasks,
            f"the DAG {dag_id}": lambda: api.has_dag(dag_id),
        }
        for what, ready in parts.items():
            self.services.wait_until(ready, what=what, timeout_seconds=START_SECONDS)
        return api


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False
