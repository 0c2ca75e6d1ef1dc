"""
What docker-compose.yaml says, done by processes: no Docker engine is needed to see that its commands work together.

Hosts, ports and folders of the containers are those of this machine here; commands, environment and health checks are
the file's own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from demo.airflow_api import AirflowApi
from demo.airflow_home import CHECKOUT, read_settings
from demo.ports import free_port
from demo.postgres_cluster import PostgresCluster, postgres_binaries
from demo.services import Service, Services
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.models import Delivery

COMPOSE: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yaml").read_text())
SANDBOXES = ("sandbox-shopify", "sandbox-stripe", "sandbox-gp", "sandbox-xero")
ORDERS = "order_to_cash.orders"
AIRFLOW = ("scheduler", "api-server", "dag-processor", "triggerer")

pytestmark = pytest.mark.skipif(postgres_binaries() is None, reason="no PostgreSQL in /usr/lib/postgresql")


@dataclass(frozen=True)
class Deployment:
    """The services of the compose file on this machine."""

    variables: dict[str, str]
    places: dict[str, str]
    services: Services
    state_url: str
    api_url: str
    passwords: Path

    def environment(self, name: str) -> dict[str, str]:
        """What a container of this service would be started with."""
        service = COMPOSE["services"][name]
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "SANDBOX"))}
        files: dict[str, str] = {}
        for file in service.get("env_file", []):
            if isinstance(file, str):  # the others are a user's own, and need not be there
                files |= read_settings(CHECKOUT / self._here(file))
        own = {key: self._here(value) for key, value in service["environment"].items()}
        image = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(CHECKOUT / "config"),
            "AIRFLOW_HOME": f"{self.places['/var/lib/ledgerbridge']}/airflow",
        }
        port = {"AIRFLOW__API__PORT": self.places["8080"]} if name == "api-server" else {}
        return {**inherited, **image, **files, **own, **port}

    def command(self, name: str) -> list[str]:
        """Its command, at the places of this machine."""
        return [self._here(word).replace("$$", "$") for word in COMPOSE["services"][name]["command"]]

    def run(self, name: str) -> None:
        """Run a service that ends."""
        done = subprocess.run(
            self.command(name),
            env=self.environment(name),
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stdout[-2000:]}{done.stderr[-3000:]}"

    def start(self, name: str) -> None:
        """Start a service that stays."""
        self.services.start(Service(name, self.command(name), self.environment(name)))

    def is_healthy(self, name: str) -> bool:
        """What its health check says."""
        kind, *words = COMPOSE["services"][name]["healthcheck"]["test"]
        check = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        here = [self._here(word) for word in check]
        return subprocess.run(here, env=self.environment(name), capture_output=True, check=False).returncode == 0

    def _here(self, text: str) -> str:
        filled = re.sub(r"\$\{(\w+):[-?]([^}]*)\}", lambda m: self.variables.get(m[1], m[2]), text)
        places = "|".join(re.escape(place) for place in self.places)
        return re.sub(places, lambda m: self.places[m[0]], filled)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """PostgreSQL runs as its image would leave it; nothing else does yet."""
    folder = tmp_path_factory.mktemp("containers")
    binaries = postgres_binaries()
    assert binaries is not None
    postgres_port, api_port = free_port(), free_port()
    cluster = PostgresCluster(binaries, port=postgres_port)
    places = {
        "postgres:5432": f"127.0.0.1:{postgres_port}",
        "api-server:8080": f"127.0.0.1:{api_port}",
        "localhost:8080": f"127.0.0.1:{api_port}",
        "/var/lib/admin": str(folder / "admin"),
        "/var/lib/anchors": str(folder / "anchors"),
        "/var/lib/ledgerbridge": str(folder / "state"),
        "/var/lib/sandbox": str(folder / "sandbox"),
        "/opt/ledgerbridge": str(CHECKOUT),
        "/tmp/": f"{folder}/",
        "0.0.0.0": "127.0.0.1",
        **{f"{name}:": "127.0.0.1:" for name in SANDBOXES},
        **{port: str(free_port()) for port in ("8710", "8711", "8712", "8713")},
        "8080": str(api_port),
    }
    made = folder / "docker" / "make_env.py"
    made.parent.mkdir()
    made.write_text((CHECKOUT / "docker" / "make_env.py").read_text())
    subprocess.run([sys.executable, str(made)], check=True, capture_output=True)
    settings = read_settings(CHECKOUT / "docker" / "sandbox.env")
    variables = {**read_settings(folder / ".env"), **settings}
    for name in ("admin", "anchors", "sandbox", "state"):
        (folder / name).mkdir()
    by_tcp = f"--host=127.0.0.1 --port={postgres_port} --username=postgres"
    script = CHECKOUT / "docker" / "create-databases.sh"
    subprocess.run([script], env={**os.environ, **variables, "PSQL_ARGUMENTS": by_tcp}, check=True, capture_output=True)
    with Services(folder / "logs", CHECKOUT) as services:
        state_url = f"postgresql+psycopg2://ledgerbridge:any@127.0.0.1:{postgres_port}/ledgerbridge"
        api_url = f"http://127.0.0.1:{api_port}"
        yield Deployment(variables, places, services, state_url, api_url, folder / "admin" / "passwords.json")
    cluster.stop()


def test_every_service_of_the_compose_file_is_played(deployment: Deployment) -> None:
    workers = {name for name, each in COMPOSE["services"].items() if each.get("profiles") == ["workers"]}
    assert set(COMPOSE["services"]) - workers == {"postgres", "prepare", "sandbox-company", *SANDBOXES, *AIRFLOW}


def test_services_get_healthy_in_the_order_of_the_file_and_an_order_reaches_gp(deployment: Deployment) -> None:
    deployment.run("prepare")
    for name in (*SANDBOXES, *AIRFLOW):
        deployment.start(name)
    for name in SANDBOXES:
        deployment.services.wait_until(
            lambda name=name: deployment.is_healthy(name),  # type: ignore[misc]
            what=name,
            timeout_seconds=120,
        )
    deployment.run("sandbox-company")
    for name in AIRFLOW:
        deployment.services.wait_until(
            lambda name=name: deployment.is_healthy(name),  # type: ignore[misc]
            what=name,
            timeout_seconds=240,
        )
    place = ["sandbox", "place", "1"]
    subprocess.run(place, env=deployment.environment("sandbox-company"), check=True, capture_output=True)
    api = AirflowApi(deployment.api_url, "admin", json.loads(deployment.passwords.read_text())["admin"])
    deployment.services.wait_until(lambda: api.has_dag(ORDERS), what="the flow", timeout_seconds=120)
    run_id = api.trigger(ORDERS, {})
    api.unpause(ORDERS)
    deployment.services.wait_until(lambda: api.is_finished(ORDERS, run_id), what="the first pass", timeout_seconds=240)
    failed = [task for task in api.tasks(ORDERS, run_id) if task.state == "failed"]
    assert api.state(ORDERS, run_id) == "success", [api.log_tail(ORDERS, run_id, task) for task in failed]
    api.close()
    with transaction(connect(deployment.state_url)) as session:
        delivered = set(session.scalars(select(Delivery.entity).where(Delivery.state == "delivered")))
    assert {"gp.customer", "gp.sales_order"} <= delivered


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET action = 'x'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "DROP TABLE audit_entry",
        "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "CREATE TABLE audit_entry_2 AS SELECT * FROM audit_entry",
        "ALTER ROLE ledgerbridge SUPERUSER",
    ],
)
def test_what_tasks_work_as_can_add_to_the_audit_and_undo_none_of_it(deployment: Deployment, statement: str) -> None:
    engine = connect(deployment.state_url)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM audit_entry").scalar()
    with (
        pytest.raises(ConfigurationError, match=r"permission denied|must be owner|must be superuser"),
        engine.begin() as connection,
    ):
        connection.exec_driver_sql(statement)


def test_the_admin_s_password_lies_where_no_task_looks() -> None:
    mounting = {name for name, each in COMPOSE["services"].items() if "admin:/var/lib/admin" in each.get("volumes", [])}
    assert mounting == {"api-server"}
