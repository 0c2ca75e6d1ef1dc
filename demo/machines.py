"""
The topology of several machines, as processes of this one: what docker-compose.yaml starts with its profile `workers`.

PostgreSQL, Redis, Airflow's four processes, two Celery workers, the receiver of webhooks, and an Edge worker that is
the machine in GP's network: it alone has the connection to GP, and no way to Airflow's database.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from demo.airflow_home import CHECKOUT, read_settings
from demo.ending import held
from demo.ports import free_port
from demo.postgres_cluster import PostgresCluster, postgres_binaries
from demo.redis_server import redis_binary, redis_server
from demo.relay import Relay, cut
from demo.services import Service
from demo.stack import Stack

__all__ = [
    "EDGE",
    "NOT_AT_GP",
    "NOT_AT_RECEIVER",
    "RECEIVER",
    "WORKERS",
    "Machines",
    "beside",
    "machines",
    "missing",
    "settings",
]

WORKERS = ("celery-worker-1", "celery-worker-2")
EDGE = "edge-worker"
RECEIVER = "webhooks"
GP_CONNECTION = "AIRFLOW_CONN_GP"
STATE_CONNECTION = "AIRFLOW_CONN_LEDGERBRIDGE_DB"
STATE_URL = "LEDGERBRIDGE_STATE_URL"
NOT_AT_GP = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CELERY__BROKER_URL", "AIRFLOW__CELERY__RESULT_BACKEND")
"""What the machine in GP's network has no way to."""
NOT_AT_RECEIVER = (
    *NOT_AT_GP,
    STATE_CONNECTION,
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW__LEDGERBRIDGE__PAYLOAD_KEY",
    "AIRFLOW__LEDGERBRIDGE__SIGNING_KEY",
    "AIRFLOW__LEDGERBRIDGE__STATE_FOLDER",
    "AIRFLOW__LEDGERBRIDGE__STAGING_URL",
)
"""What the receiver, which strangers may reach, can't give away: all that opens Airflow and what is kept."""


@dataclass(frozen=True)
class Machines:
    """
    All of it, described and not started.

    :param webhooks: where the receiver will answer.
    :param ways_out: all that the machine in GP's network reaches outside of it: Airflow's API and the state database.
    """

    stack: Stack
    postgres: PostgresCluster
    webhooks: str
    ways_out: Sequence[Relay]

    @contextmanager
    def gp_cut_off(self) -> Iterator[None]:
        """For the block, let nothing get into GP's network or out of it."""
        with cut(*self.ways_out):
            yield

    def kill(self, name: str) -> None:
        """Kill a worker with all it runs, as a machine does that loses its power; it is started again as by compose."""
        begun = psutil.Process(self.stack.services.process(name).pid)
        for process in begun.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                process.kill()


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
    redis_port, receiver_port, postgres_port = free_port(), free_port(), free_port()
    with ExitStack() as ending:
        with held():
            postgres = PostgresCluster(binaries, port=postgres_port)
            ending.callback(postgres.stop)
        to_airflow, to_state = (ending.enter_context(Relay(port)) for port in (airflow_port, postgres_port))
        stack = Stack.describe(
            home=home,
            folder=folder,
            company=company,
            airflow_port=airflow_port,
            sandbox_ports=sandbox_ports,
            extra={**settings(redis_port), **(extra or {})},
            state_db=postgres.new_database(over_tcp=True),
            airflow_db=postgres.new_database(over_tcp=True),
        )
        gp = stack.airflow.extra[GP_CONNECTION]
        without = {name: value for name, value in stack.airflow.extra.items() if name != GP_CONNECTION}
        stack.airflow = replace(stack.airflow, extra=without)
        stack.beside = beside(
            stack,
            gp,
            redis=redis_port,
            receiver=receiver_port,
            postgres=postgres_port,
            to_airflow=to_airflow.port,
            to_state=to_state.port,
        )
        ending.enter_context(stack.services)
        yield Machines(stack, postgres, f"http://127.0.0.1:{receiver_port}", [to_airflow, to_state])


def settings(redis: int) -> dict[str, str]:
    """
    What every process of Airflow is told besides config/airflow.env.

    :param redis: its port.
    """
    return {
        **read_settings(CHECKOUT / "config" / "workers.env"),
        "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{redis}/0",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"redis://127.0.0.1:{redis}/1",
    }


def beside(
    stack: Stack, gp: str, *, redis: int, receiver: int, postgres: int, to_airflow: int, to_state: int
) -> list[Service]:
    """
    What is started beside Airflow's four processes, by the names of the compose file; Redis, which they want, first.

    :param gp: the connection to GP, which the Edge worker alone has.
    :param redis, receiver, postgres: their ports.
    :param to_airflow, to_state: the ports that lead to Airflow's API and to the state database from GP's network.
    """
    state = {STATE_CONNECTION: stack.airflow.environment[STATE_CONNECTION], STATE_URL: stack.airflow.state_url}
    through = {name: told.replace(f":{postgres}/", f":{to_state}/") for name, told in state.items()}
    return [
        redis_server(redis),
        *(_celery_worker(stack, name) for name in WORKERS),
        _edge_worker(stack, stack.folder / "gateway", {GP_CONNECTION: gp, **through, **_api(to_airflow)}),
        _receiver(stack, stack.folder / "receiver", receiver),
    ]


def _api(port: int) -> dict[str, str]:
    """Where a worker that is called by nobody finds Airflow."""
    return {
        "AIRFLOW__EDGE__API_URL": f"http://127.0.0.1:{port}/edge_worker/v1/rpcapi",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
    }


def _celery_worker(stack: Stack, name: str) -> Service:
    command = ["airflow", "celery", "worker", "--celery-hostname", name, "--skip-serve-logs", "--without-gossip"]
    return Service(name, _here(command), stack.airflow.environment, again=True)


def _edge_worker(stack: Stack, home: Path, at_gp: Mapping[str, str]) -> Service:
    """
    The machine at GP: a home, settings and logs of its own; what it staged is where the others look.

    :param at_gp: what it alone has of environment.
    """
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        **{name: value for name, value in stack.airflow.environment.items() if name not in NOT_AT_GP},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__LEDGERBRIDGE__STATE_FOLDER": str(home / "ledgerbridge"),
        **at_gp,
    }
    # gone when its machine, or container, has ended: one that is left there names the first process of a container,
    # which the next one is too, and that one would end for it
    pid_file = str(home / "edge-worker.pid")
    command = ["airflow", "edge", "worker", "--queues", "gp", "--edge-hostname", "gateway", "--pid", pid_file]
    return Service(EDGE, _here(command), environment, again=True)


def _receiver(stack: Stack, home: Path, port: int) -> Service:
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        **{name: value for name, value in stack.airflow.environment.items() if name not in NOT_AT_RECEIVER},
        "AIRFLOW_HOME": str(home),
        STATE_URL: stack.airflow.state_url,
    }
    return Service(RECEIVER, _here(["ledgerbridge", "webhooks", "serve", "--port", str(port)]), environment)


def _here(command: list[str]) -> list[str]:
    return [str(Path(sys.executable).parent / command[0]), *command[1:]]
