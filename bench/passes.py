"""
Seconds and task starts of a pass of `order_to_cash` on a live Airflow, by how many orders are new.

A task start is a process; what is skipped without one does not count. The first pass after Airflow's start is not
measured: it warms up.
"""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console

from demo.airflow_home import CHECKOUT
from demo.passes import FlowRunner
from demo.ports import free_port
from demo.stack import STAGES, Stack, start_sandboxes
from ledgerbridge.state import connect
from sandbox.orders import make_orders
from sandbox.places import SYSTEMS
from sandbox.player import Player, opening_of

__all__ = ["measure"]

SIZES = (0, 1, 100)
LARGEST = 5_000
FOLDER = CHECKOUT / ".bench" / "passes"


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    One pass a size, each over orders that no pass has seen.

    :param everything: also 5,000 orders.
    """
    sizes = (*SIZES, LARGEST) if everything else SIZES
    file = make_orders(sum(sizes))
    ports = {system: free_port() for system in SYSTEMS}
    stack = Stack.describe(
        home=FOLDER / "airflow",
        folder=FOLDER,
        company=file["company"],
        airflow_port=free_port(),
        sandbox_ports=ports,
    )
    with stack.services, Player(stack.addresses) as player:
        stack.start_airflow()
        start_sandboxes(stack.services, ports, FOLDER / "sandbox")
        player.seed(file["company"], opening_of(file))
        api = stack.wait_for_airflow()
        runner = FlowRunner(api, player, connect(stack.airflow.state_url), Console(quiet=True), STAGES)
        runner.run_once()
        found = []
        begun = 0
        for size in sizes:
            cases = file["cases"][begun : begun + size]
            begun += size
            if cases:
                player.play({**file, "cases": cases, "payouts": []}, 1)
            found.append(_pass(runner, size))
        api.close()
    return found


def _pass(runner: FlowRunner, orders: int) -> dict[str, Any]:
    started = time.monotonic()
    run_id = runner.run_once()
    seconds = time.monotonic() - started
    tasks = [task for stage in STAGES for task in runner.api.tasks(stage, run_id)]
    starts = sum(task.try_number for task in tasks)
    print(f"  {orders:>5,} new orders: {seconds:6.1f} s, {starts} task starts of {len(tasks)} tasks", flush=True)
    return {"orders": orders, "seconds": round(seconds, 1), "task_starts": starts, "tasks": len(tasks)}
