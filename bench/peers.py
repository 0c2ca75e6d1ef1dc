"""
The whole way of orders beside Node-RED, reading Xero beside dlt, pyxero, tap-xero and xero-python, mapping beside
pandas, petl and rows in Python: what ours takes of theirs.

Node-RED brings the orders into GP, with their customers, and nothing else; so is ours measured. It keeps no state, so
that an order it has been told of twice is refused by GP, and one that was under way when it ended is lost.
"""

from __future__ import annotations

import time
from typing import Any

from bench import transform, xero_extract
from bench.foreign_clients import Unavailable
from bench.live import live_company
from bench.node_red import company_of_node_red, orders_in_gp
from bench.passes import processor_seconds
from demo.airflow_home import CHECKOUT
from sandbox.orders import make_orders

__all__ = ["measure"]

ORDERS, MOST = 500, 10_000
STAGE = "order_to_cash.orders"
FOLDER = CHECKOUT / ".bench" / "peers"


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    One row a peer and work: Node-RED and Xero's clients each in an environment of its own, pandas and petl in ours.

    A peer that can't be fetched is skipped, and the reason printed.

    :param everything: 10,000 orders instead of 500, and the largest sizes of the others.
    """
    orders = MOST if everything else ORDERS
    ours = _ours(orders)
    found = [ours]
    try:
        peer = _by_node_red(orders)
    except Unavailable as error:
        print(f"  Node-RED: skipped, {error}", flush=True)
    else:
        found.append(peer)
        seconds, cpu = (ours[name] / peer[name] for name in ("seconds", "processor_seconds"))
        print(
            f"  orders into GP: ours takes {seconds:.2f} of Node-RED's seconds, {cpu:.2f} of its processor", flush=True
        )
    return [*found, *xero_extract.measure(everything=everything), *transform.measure(everything=everything)]


def _ours(orders: int) -> dict[str, Any]:
    """Runs of the stage until GP has them all, the orders lying in the shop before the first."""
    file = _orders(orders)
    with live_company(FOLDER / "ours", file, [STAGE]) as company:
        company.runner.run_once()  # the first after Airflow's start warms up
        company.player.play(file, 1)
        used, started = processor_seconds(company.stack), time.monotonic()
        runs = 0
        while (in_gp := orders_in_gp(company.player)) < orders:
            company.runner.run_once()
            runs += 1
            if in_gp == orders_in_gp(company.player):
                raise RuntimeError(f"{in_gp} of {orders} orders are in GP, and a run brought none")
        row = _row("ledgerbridge", orders, time.monotonic() - started, processor_seconds(company.stack) - used)
    return row | {"runs": runs}


def _by_node_red(orders: int) -> dict[str, Any]:
    """From the first webhook to the last answer of GP, the shop telling as fast as orders are placed."""
    file = _orders(orders)
    with company_of_node_red(FOLDER / "node_red", file) as company:
        before = sum(company.process.cpu_times()[:2])
        company.player.play(file, 1)
        answered = company.answered(orders)
        seconds = (max(each["answered"] for each in answered) - min(each["told"] for each in answered)) / 1000
        row = _row("Node-RED", orders, seconds, sum(company.process.cpu_times()[:2]) - before)
        in_gp = orders_in_gp(company.player)
    print(f"    of {orders:,} orders {in_gp:,} are in GP", flush=True)
    return row | {"in_gp": in_gp}


def _orders(count: int) -> dict[str, Any]:
    file = make_orders(2 * count)
    good = [case for case in file["cases"] if case["expect"]["outcome"] != "rejected"]
    return {**file, "cases": good[:count], "payouts": []}


def _row(peer: str, orders: int, seconds: float, processor: float) -> dict[str, Any]:
    print(
        f"  {peer:13} {orders:>6,} orders into GP in {seconds:7.1f} s, {processor:7.1f} s of processor",
        flush=True,
    )
    return {"peer": peer, "orders": orders, "seconds": round(seconds, 1), "processor_seconds": round(processor, 1)}
