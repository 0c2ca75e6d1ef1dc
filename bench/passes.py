"""
A pass of `order_to_cash` on a live Airflow: seconds, task starts and processor seconds by how many orders are new, on
much and on little history; and how soon an order is in GP.

A task start is a process; what is skipped without one does not count. The first pass after Airflow's start is not
measured: it warms up.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
from sqlalchemy import Engine, func, select

from bench.history import grow, size
from bench.live import live_company
from demo.airflow_home import CHECKOUT
from demo.passes import FlowRunner
from demo.stack import STAGES, Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from sandbox.orders import OPENING, make_orders
from sandbox.player import opening_of

__all__ = ["measure", "processor_seconds"]

SIZES = (0, 1, 100)
LARGEST = 5_000
HISTORY = (1_000, 1_000_000)
"""Changes known before; each of them is in the work lists of the legs that took it, delivered, linked."""
LIVED = 20
"""Orders that history is made of: they went through all stages."""
LATER = timedelta(days=40)
FOLDER = CHECKOUT / ".bench" / "passes"


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    One pass a size, each over orders that no pass has seen, on a history of 1,000 records.

    :param everything: also 5,000 orders; all of it again on 1,000,000.
    """
    sizes = (*SIZES, LARGEST) if everything else SIZES
    histories = HISTORY if everything else HISTORY[:1]
    # what is under way costs too: each history has a company of its own, and the largest pass comes last
    return [row for history in histories for row in _on_history(history, sizes)]


def _on_history(history: int, sizes: Sequence[int]) -> list[dict[str, Any]]:
    lived = make_orders(LIVED)
    new = make_orders(sum(sizes), seed=2, first_number=1001 + LIVED, opening=OPENING + LATER)
    with live_company(FOLDER, lived, STAGES) as company:
        player, state, runner = company.player, company.state, company.runner
        runner.play(lived)
        player.set_clock(opening_of(new))  # what time alone changes, payouts that have arrived, is over before
        grow(state, history)
        for _ in range(2):  # what the first finds is over with the second
            runner.run_once()
        found, begun = [], 0
        for number in sizes:
            if number:
                player.play({**new, "cases": new["cases"][begun : begun + number], "payouts": []}, 1)
            begun += number
            found.append(_pass(company.stack, runner, state, number))
    return found


def _pass(stack: Stack, runner: FlowRunner, state: Engine, orders: int) -> dict[str, Any]:
    history, processor = size(state), processor_seconds(stack)
    triggered, started = datetime.now(UTC), time.monotonic()
    run_id = runner.run_once()
    seconds = time.monotonic() - started
    processor = processor_seconds(stack) - processor
    starts = {stage: sum(task.starts for task in runner.api.tasks(stage, run_id)) for stage in STAGES}
    in_gp = _in_gp(state, run_id)
    arrived = None if in_gp is None else round((in_gp - triggered).total_seconds(), 1)
    print(
        f"  {history:>9,} known, {orders:>5,} new orders: {seconds:6.1f} s, {processor:6.1f} s of processor, "
        f"{sum(starts.values())} task starts ({', '.join(map(str, starts.values()))})"
        + ("" if arrived is None else f", the first in GP after {arrived} s"),
        flush=True,
    )
    return {
        "history": history,
        "orders": orders,
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "task_starts": starts,
        "first_in_gp_after": arrived,
    }


def _in_gp(state: Engine, run_id: str) -> datetime | None:
    """When the first sales order of a run was known to be in GP."""
    orders = select(func.min(Delivery.updated_at)).where(
        Delivery.run_id == run_id, Delivery.entity == "gp.sales_order", Delivery.state == "delivered"
    )
    with transaction(state) as session:
        return session.scalar(orders)


def processor_seconds(stack: Stack) -> float:
    """What Airflow's processes and all they started used so far."""
    total = 0.0
    for process in stack.services.processes():
        with suppress(psutil.NoSuchProcess):
            if any("airflow" in part for part in process.cmdline()):
                used = process.cpu_times()
                # children that ended are in what their parent waited for
                total += used.user + used.system + used.children_user + used.children_system
    return total
