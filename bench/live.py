"""A company on a live Airflow with simulated systems, as benches of whole passes need it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from sqlalchemy import Engine

from demo.passes import COMPANY, FlowRunner
from demo.ports import free_port
from demo.stack import Stack, start_sandboxes
from ledgerbridge.state import connect
from sandbox.places import SYSTEMS
from sandbox.player import OrderFile, Player, opening_of

__all__ = ["LiveCompany", "live_company"]


@dataclass(frozen=True)
class LiveCompany:
    """All parts of it, running."""

    stack: Stack
    player: Player
    state: Engine
    runner: FlowRunner


@contextmanager
def live_company(folder: Path, file: OrderFile, stages: Sequence[str]) -> Iterator[LiveCompany]:
    """
    Start the company of a file, of whose orders none is placed yet.

    :param folder: takes all of it.
    :param stages: DAGs of a pass.
    """
    ports = {system: free_port() for system in SYSTEMS}
    stack = Stack.describe(
        home=folder / "airflow",
        folder=folder,
        company=file["company"],
        airflow_port=free_port(),
        sandbox_ports=ports,
    )
    state = connect(stack.airflow.state_url, company=COMPANY)
    with stack.services, Player(stack.addresses) as player:
        stack.start_airflow()
        start_sandboxes(stack.services, ports, folder / "sandbox")
        player.seed(file["company"], opening_of(file))
        runner = FlowRunner(stack.wait_for_airflow(), player, state, Console(quiet=True), stages)
        yield LiveCompany(stack, player, state, runner)
        runner.api.close()
