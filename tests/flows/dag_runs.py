"""DAGs run whole by Airflow's own ``airflow dags test``, without processes that stay."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from airflow.__main__ import main as airflow_command

from demo.airflow_home import CHECKOUT, AirflowHome
from ledgerbridge.flows import flow_of
from tests.machines import Machine

__all__ = ["RunningHome", "airflow", "running"]

BEGUN_WITH = (
    __name__,
    "airflow.api_fastapi.execution_api.routes",
    "airflow.cli.commands.dag_command",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "great_expectations",
    "operators.builder",
    "zeep",
)


@dataclass
class RunningHome:
    """An Airflow home, and a machine that has read Airflow's and our modules and runs a DAG at a time."""

    home: AirflowHome
    machine: Machine

    def run_dag(
        self,
        dag_id: str,
        conf: dict[str, Any] | None = None,
        beside: Sequence[str] = (),
        more: Mapping[str, str] | None = None,
        day: str | None = None,
    ) -> tuple[bool, str]:
        """
        Run a DAG to its end by ``airflow dags test``; whether it succeeded, and what its tasks told.

        :param beside: files of the DAGs it starts.
        :param more: environment of this run alone.
        :param day: its logical date.
        """
        for name in (flow_of(dag_id), *beside):  # reading the folder takes longer than the run
            (self.home.path / "dags").mkdir(exist_ok=True)
            shutil.copy(CHECKOUT / "dags" / f"{name}.py", self.home.path / "dags")
        environment = {**self.home.environment, **(more or {})}
        told = self.home.path / "told"
        arguments = ["dags", "test", dag_id, *filter(None, [day]), "--conf", json.dumps(conf or {})]
        worker = self.machine.start(f"{__name__}:airflow", str(told), arguments, environment=environment)
        return worker.wait() == 0, told.read_text()


def airflow(told: str, arguments: list[str]) -> None:
    """The command, in a worker; what it prints is written to ``told``."""
    output = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["airflow", *arguments]
    airflow_command()  # type: ignore[no-untyped-call]


@contextmanager
def running(home: AirflowHome) -> Iterator[RunningHome]:
    """The home, with a machine as long as the context is open."""
    home = replace(home, dags_folder=home.path / "dags")
    machine = Machine(*BEGUN_WITH, environment=home.environment)
    try:
        yield RunningHome(home, machine)
    finally:
        machine.switch_off()
