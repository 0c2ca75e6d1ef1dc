"""
How soon an order is in GP, from its webhook on, when so many come a second: on a live Airflow, with PostgreSQL.

The clock starts when the receiver keeps the webhook, and stops when GP's answer is kept; both are on this machine.
Where the time went in between is told by Airflow's times of the tasks, and by the audit's of the steps in them.
Beside it Node-RED takes the same orders over the same sandboxes.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from statistics import fmean, quantiles
from typing import Any

from sqlalchemy import Engine, func, select

from bench.foreign_clients import Unavailable
from bench.live import LiveCompany, include_on_events, live_company
from bench.node_red import company_of_node_red, orders_in_gp
from bench.subscribing import SUBSCRIBED, subscribe
from demo.airflow_home import CHECKOUT
from demo.ports import free_port
from demo.postgres_cluster import PostgresCluster, postgres_binaries
from inbox.app import PREFIX
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, Delivery, LoggedChange
from sandbox.orders import make_orders
from sandbox.player import OrderFile, Player

__all__ = ["delivered_of", "measure", "steps_of", "told_of"]

RATE = 5
SECONDS = 20
LONGEST = 120
WARM = 2
PATIENCE_SECONDS = 120
STAGE = "order_to_cash.orders"
FOLDER = CHECKOUT / ".bench" / "latency"
LEGS = ("customer", "order")
TASKS = ("read", *(f"{leg}.{step}" for leg in LEGS for step in ("extract", "transform", "gate", "load")))

_QUEUED, _DELIVERED = "until a run is queued", "then, until GP has it"
_ORDER = [
    _QUEUED,
    *(name for task in TASKS for name in (f"until {task} runs", task, f"{task}, until it ends")),
    _DELIVERED,
]


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    Orders at five a second for twenty seconds.

    :param everything: for two minutes.
    """
    binaries = postgres_binaries()
    if binaries is None:
        print("  skipped: no PostgreSQL in /usr/lib/postgresql", flush=True)
        return []
    seconds = LONGEST if everything else SECONDS
    postgres = PostgresCluster(binaries, port=free_port())
    try:
        found = [_measured(postgres, RATE, seconds)]
    finally:
        postgres.stop()
    try:
        found.append(_by_node_red(RATE, seconds))
    except Unavailable as error:
        print(f"  Node-RED: skipped, {error}", flush=True)
    return found


def _measured(postgres: PostgresCluster, rate: int, seconds: int) -> dict[str, Any]:
    file, cases = _orders(rate * seconds + WARM)
    extra = {"AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER": str(include_on_events(FOLDER))}
    with live_company(FOLDER, file, [STAGE], postgres=postgres, extra=extra) as company:
        subscribe(company.stack.airflow.environment, f"{company.stack.airflow.url}{PREFIX}/{SUBSCRIBED}")
        company.runner.api.unpause(STAGE)
        company.player.play({**file, "cases": cases[:WARM]}, 1)
        _wait_for(company, WARM)
        placing = _place(company.player, file, cases[WARM:], rate)
        _wait_for(company, len(cases))
        return _found(company, rate, len(cases) - WARM, placing)


def _orders(count: int) -> tuple[OrderFile, list[dict[str, Any]]]:
    """A file, and so many of its orders that GP takes."""
    file = make_orders(2 * count)
    return file, [case for case in file["cases"] if case["expect"]["outcome"] != "rejected"][:count]


def _place(player: Player, file: OrderFile, cases: Sequence[dict[str, Any]], rate: int) -> float:
    """Place so many a second; in how many seconds."""
    began = time.monotonic()
    for number, case in enumerate(cases):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        player.play({**file, "cases": [case]}, 1)
    return time.monotonic() - began


def _by_node_red(rate: int, seconds: int) -> dict[str, Any]:
    """The same orders over the same systems, without Airflow and a state database."""
    file, cases = _orders(rate * seconds + WARM)
    with company_of_node_red(FOLDER / "node_red", file) as company:
        company.player.play({**file, "cases": cases[:WARM]}, 1)
        company.answered(WARM)
        placing = _place(company.player, file, cases[WARM:], rate)
        answered = company.answered(len(cases))[WARM:]
        in_gp = orders_in_gp(company.player) - WARM
    took = [(each["answered"] - each["told"]) / 1000 for each in answered]
    cuts = quantiles(took, n=100)
    found: dict[str, Any] = {"peer": "Node-RED", "orders": len(answered), "in_gp": in_gp}
    found |= {f"p{cut}_seconds": round(cuts[cut - 1], 2) for cut in (50, 95, 99)}
    print(
        f"  Node-RED: {len(answered)} orders at {len(answered) / placing:.1f}/s, {in_gp} in GP: p50"
        f" {found['p50_seconds']} s, p95 {found['p95_seconds']} s, p99 {found['p99_seconds']} s; it keeps nothing:"
        " what is under way when it ends, or refused, is gone",
        flush=True,
    )
    return found


def _found(company: LiveCompany, rate: int, orders: int, placing: float) -> dict[str, Any]:
    told, delivered = told_of(company.state), delivered_of(company.state)
    times = {run_id: company.runner.api.times(STAGE, run_id) for run_id in {run for _, run in delivered.values()}}
    done = _done_in(company.state, times)
    measured = sorted(delivered, key=lambda key: told[key])[WARM:]
    took = [(delivered[key][0] - told[key]).total_seconds() for key in measured]
    steps = [
        steps_of(told[key], *times[run_id], done[run_id], at) for key in measured for at, run_id in [delivered[key]]
    ]
    cuts = quantiles(took, n=100)
    found: dict[str, Any] = {"rate": rate, "orders": orders, "placing_seconds": round(placing, 1), "runs": len(times)}
    found |= {f"p{cut}_seconds": round(cuts[cut - 1], 2) for cut in (50, 95, 99)}
    names = sorted({name for each in steps for name in each}, key=_ORDER.index)
    found["mean_seconds_of"] = {name: round(fmean(each.get(name, 0.0) for each in steps), 2) for name in names}
    print(
        f"  {orders} orders at {orders / placing:.1f}/s in {len(times)} runs: p50 {found['p50_seconds']} s,"
        f" p95 {found['p95_seconds']} s, p99 {found['p99_seconds']} s from webhook to GP",
        flush=True,
    )
    for name, spent in found["mean_seconds_of"].items():
        print(f"    {name:<33} {spent:>6.2f} s", flush=True)
    return found


def steps_of(
    told: datetime,
    queued: datetime,
    tasks: Mapping[str, tuple[datetime, datetime]],
    done: Mapping[str, datetime],
    delivered: datetime,
) -> dict[str, float]:
    """
    Where the seconds of one order went, in the order they passed; they add up to all of them.

    A step that a task before it did has no task of its own, and is in ``done`` alone.

    :param told: when its webhook was kept; :param queued: when the run that took it was; :param delivered: when GP's
        answer was kept.
    :param tasks: when each task of that run began and ended.
    :param done: when each step of it told the audit last.
    """
    marks = [(queued, _QUEUED)]
    for name in TASKS:
        if name in tasks:
            begun, ended = tasks[name]
            marks += [(begun, f"until {name} runs"), (ended, f"{name}, until it ends")]
        if name in done:
            marks.append((done[name], name))
    marks = sorted((max(at, told), name) for at, name in marks if at <= delivered)
    marks = [(told, ""), *marks, (delivered, _DELIVERED)]
    return {name: (after - before).total_seconds() for (before, _), (after, name) in pairwise(marks)}


def _done_in(state: Engine, runs: Collection[str]) -> dict[str, dict[str, datetime]]:
    """When each step of these runs told the audit last."""
    query = (
        select(AuditEntry.run_id, AuditEntry.task, func.max(AuditEntry.at))
        .where(AuditEntry.run_id.in_(runs), AuditEntry.task.in_(TASKS))
        .group_by(AuditEntry.run_id, AuditEntry.task)
    )
    found: dict[str, dict[str, datetime]] = {run_id: {} for run_id in runs}
    with transaction(state) as session:
        for run_id, task, at in session.execute(query):
            found[run_id][task] = at
    return found


def told_of(state: Engine) -> dict[str, datetime]:
    """When each order's first webhook was kept, by its key."""
    query = (
        select(LoggedChange.source_key, LoggedChange.known_at)
        .where(LoggedChange.entity == "shopify.order", LoggedChange.how == "webhook")
        .order_by(LoggedChange.number.desc())
    )
    with transaction(state) as session:
        return dict(session.execute(query).tuples().all())


def delivered_of(state: Engine) -> dict[str, tuple[datetime, str]]:
    """When GP's answer to each order was kept, and in which run, by the order's key."""
    query = select(Delivery.record_key, Delivery.updated_at, Delivery.run_id).where(
        Delivery.leg == LEGS[-1], Delivery.state == "delivered"
    )
    with transaction(state) as session:
        return {key: (at, run_id) for key, at, run_id in session.execute(query)}


def _wait_for(company: LiveCompany, orders: int) -> None:
    """Until so many were told of and are in GP."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        told, delivered = len(told_of(company.state)), len(delivered_of(company.state))
        if min(told, delivered) >= orders:
            return
        if time.monotonic() > until:
            raise TimeoutError(f"after {PATIENCE_SECONDS} s {told} of {orders} were told of, and {delivered} are in GP")
        time.sleep(0.5)
