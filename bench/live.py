"""A company on a live Airflow with simulated systems, as benches of whole passes need it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from sqlalchemy import Engine

from demo.airflow_home import CHECKOUT
from demo.passes import FlowRunner
from demo.ports import free_port
from demo.postgres_cluster import PostgresCluster
from demo.stack import Stack, start_sandboxes
from ledgerbridge.entities import MAIN
from ledgerbridge.state import connect
from sandbox.places import SYSTEMS
from sandbox.player import OrderFile, Player, opening_of

__all__ = ["LiveCompany", "include_on_events", "live_company"]


@dataclass(frozen=True)
class LiveCompany:
    """All parts of it, running."""

    stack: Stack
    player: Player
    state: Engine
    runner: FlowRunner


@contextmanager
def live_company(
    folder: Path,
    file: OrderFile,
    stages: Sequence[str],
    *,
    postgres: PostgresCluster | None = None,
    extra: Mapping[str, str] | None = None,
) -> Iterator[LiveCompany]:
    """
    Start the company of a file, of whose orders none is placed yet.

    :param folder: takes all of it.
    :param stages: DAGs of a pass.
    :param postgres: listens on a port, and takes Airflow's database and the state; None: SQLite.
    :param extra: more environment.
    """
    ports = {system: free_port() for system in SYSTEMS}
    stack = Stack.describe(
        home=folder / "airflow",
        folder=folder,
        company=file["company"],
        airflow_port=free_port(),
        sandbox_ports=ports,
        extra=extra,
        state_db=None if postgres is None else postgres.new_database(over_tcp=True),
        airflow_db=None if postgres is None else postgres.new_database(over_tcp=True),
    )
    state = connect(stack.airflow.state_url, company=MAIN)
    with stack.services, Player(stack.addresses) as player:
        stack.start_airflow()
        start_sandboxes(stack.services, ports, folder / "sandbox")
        player.seed(file["company"], opening_of(file))
        runner = FlowRunner(stack.wait_for_airflow(), player, state, Console(quiet=True), stages)
        yield LiveCompany(stack, player, state, runner)
        runner.api.close()


def include_on_events(folder: Path) -> Path:
    """The shipped files under a folder, with the orders of order_to_cash on events."""
    include = folder / "include"
    shutil.rmtree(include, ignore_errors=True)
    shutil.copytree(CHECKOUT / "include", include)
    flow = include / "flows" / "order_to_cash.yaml"
    flow.write_text(flow.read_text().replace("  orders:\n", "  orders:\n    schedule: {events: true}\n", 1))
    return include
