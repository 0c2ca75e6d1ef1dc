"""
Documents delivered per processor second: a pass of `order_to_cash` from what the shop answers to what the ledgers hold.

In this process, without a scheduler, on SQLite; the simulated systems are processes of their own, which are not
counted. A pass before it has read all modules and begun all legs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from sqlalchemy import Engine, func, select

from demo.ports import free_port
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from sandbox.orders import make_orders
from sandbox.places import systems_of
from sandbox.player import Player, opening_of
from tests.flows.in_process import Office, open_office
from tests.forked_sandboxes import forked_sandboxes

__all__ = ["measure"]

SIZES = (300, 1_000)
LARGEST = 5_000
BEFORE = 20
"""Orders of the pass that is not measured."""


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    One pass a size, each of a company of its own.

    :param everything: also 5,000 orders.
    """
    # what a task tells goes to its log, not among these lines
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.disable(logging.WARNING)
    return [_pass(orders) for orders in ((*SIZES, LARGEST) if everything else SIZES)]


def _pass(orders: int) -> dict[str, Any]:
    file = make_orders(BEFORE + orders)
    ports = {system: free_port() for system in systems_of(file["company"])}
    with TemporaryDirectory() as name:
        folder = Path(name)
        with forked_sandboxes(ports, folder / "sandbox") as addresses, Player(addresses) as player:
            player.seed(file["company"], opening_of(file))
            with open_office(file, player, player, folder) as office:
                player.set_clock(opening_of(file))
                _place(office, file["cases"][:BEFORE])
                for run in ("run-1", "run-2"):
                    office.flow.run(run, reconcile=False)
                _place(office, file["cases"][BEFORE:])
                before = _delivered(office.state)
                processor, started = time.process_time(), time.monotonic()
                office.flow.run("run-3", reconcile=False)
                processor, seconds = time.process_time() - processor, time.monotonic() - started
                documents = _delivered(office.state) - before
    found = {
        "orders": orders,
        "documents": documents,
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "documents_per_processor_second": round(documents / processor, 1),
    }
    print(
        f"  {orders:>5} orders: {documents:>6} documents, {processor:6.1f} s of processor, {seconds:6.1f} s,"
        f" {documents / processor:6.1f} documents per processor second",
        flush=True,
    )
    return found


def _place(office: Office, cases: Sequence[dict[str, Any]]) -> None:
    office.player.play({**office.file, "cases": cases, "payouts": []}, 1)


def _delivered(state: Engine) -> int:
    with transaction(state) as session:
        return session.scalar(select(func.count()).where(Delivery.state == "delivered")) or 0
