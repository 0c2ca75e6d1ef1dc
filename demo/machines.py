"""
The topology of several machines, as processes of this one: what docker-compose.yaml starts with its profile `workers`.

PostgreSQL, Redis, Airflow's four processes, two Celery workers, the receiver of webhooks, and an Edge worker that is
the machine in GP's network: it alone has the connection to GP, and no way to Airflow's database.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demo.airflow_home import CHECKOUT, read_settings
from demo.ending import held
from demo.ports import free_port
from demo.postgres_cluster import PostgresCluster, postgres_binaries
from demo.redis_server import redis_binary, redis_server
from demo.services import Service
from demo.stack import Stack

__all__ = [
    "EDGE",
    "EDGE_WORKER",
    "NOT_AT_GP",
    "RECEIVER",
    "WORKERS",
    "Machines",
    "celery_worker",
    "machines",
    "missing",
]

WORKERS = ("celery-worker-1", "celery-worker-2")
EDGE = "edge-worker"
RECEIVER = "webhooks"
EDGE_WORKER = ["airflow", "edge", "worker", "--queues", "gp", "--edge-hostname", "gateway"]
GP_CONNECTION = "AIRFLOW_CONN_GP"
NOT_AT_GP = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CELERY__BROKER_URL", "AIRFLOW__CELERY__RESULT_BACKEND")
"""What the machine in GP's network has no way to."""


@dataclass(frozen=True)
class Machines:
    """
    All of it, described and not started.

    :param webhooks: where the receiver will answer.
    """

    stack: Stack
    postgres: PostgresCluster
    webhooks: str


def celery_worker(name: str) -> list[str]:
    """The command of one."""
    return ["airflow", "celery", "worker", "--celery-hostname", name, "--skip-serve-logs", "--without-gossip"]


def missing() -> str | None:
    """Why the topology can't be had on this machine; None where it can."""
    if postgres_binaries() is None:
        return "no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql"
    return None if redis_binary() else "no redis-server: apt-get install redis-server"


@contextmanager
def machines(
    folder: Path,
    company: Mapping[str, Any],
    *,
    home: Path,
    airflow_port: int,
    sandbox_ports: Mapping[str, int],
    extra: Mapping[str, str] | None = None,
) -> Iterator[Machines]:
    """
    Describe the topology, its PostgreSQL running; whatever is started of it ends with the block.

    :param folder: takes the sandboxes' data, the company file and what lies at GP; :param home: the rest.
    :param extra: more environment of every process of Airflow.
    :raises RuntimeError: PostgreSQL or Redis is not installed.
    """
    binaries = postgres_binaries()
    if binaries is None or missing():
        raise RuntimeError(f"Can't start: {missing()}")
    redis_port, receiver_port = free_port(), free_port()
    with held():
        postgres = PostgresCluster(binaries, port=free_port())
    try:
        stack = Stack.describe(
            home=home,
            folder=folder,
            company=company,
            airflow_port=airflow_port,
            sandbox_ports=sandbox_ports,
            extra={
                **read_settings(CHECKOUT / "config" / "workers.env"),
                "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{redis_port}/0",
                "AIRFLOW__CELERY__RESULT_BACKEND": f"redis://127.0.0.1:{redis_port}/1",
                "AIRFLOW__EDGE__API_URL": f"http://127.0.0.1:{airflow_port}/edge_worker/v1/rpcapi",
                **(extra or {}),
            },
            state_db=postgres.new_database(over_tcp=True),
            airflow_db=postgres.new_database(over_tcp=True),
        )
        gp = stack.airflow.extra[GP_CONNECTION]
        without = {name: value for name, value in stack.airflow.extra.items() if name != GP_CONNECTION}
        stack.airflow = replace(stack.airflow, extra=without)
        stack.beside = [
            redis_server(redis_port),  # before those who want it
            *(_celery_worker(stack, name) for name in WORKERS),
            _edge_worker(stack, folder / "gateway", gp),
            _receiver(stack, receiver_port),
        ]
        with stack.services:
            yield Machines(stack, postgres, f"http://127.0.0.1:{receiver_port}")
    finally:
        postgres.stop()


def _celery_worker(stack: Stack, name: str) -> Service:
    return Service(name, _here(celery_worker(name)), stack.airflow.environment)


def _edge_worker(stack: Stack, home: Path, gp: str) -> Service:
    """The machine at GP: a home, settings and logs of its own; what it staged is where the others look."""
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        **{name: value for name, value in stack.airflow.environment.items() if name not in NOT_AT_GP},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__LEDGERBRIDGE__STATE_FOLDER": str(home / "ledgerbridge"),
        GP_CONNECTION: gp,
    }
    return Service(EDGE, _here(EDGE_WORKER), environment)


def _receiver(stack: Stack, port: int) -> Service:
    environment = {**stack.airflow.environment, "LEDGERBRIDGE_STATE_URL": stack.airflow.state_url}
    return Service(RECEIVER, _here(["ledgerbridge", "webhooks", "serve", "--port", str(port)]), environment)


def _here(command: list[str]) -> list[str]:
    return [str(Path(sys.executable).parent / command[0]), *command[1:]]
