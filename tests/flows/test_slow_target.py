"""Orders that come faster than GP takes them: batches stay small, no run is for nothing, each arrives once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select

from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import SourceRecord
from sandbox.player import Player
from tests.flows.told_orders import ToldOrders, told_orders
from triggers.changes import StageHasWork

MOST = 3
ORDERS = 15
PLACED_EVERY_SECONDS = 0.2
SLOW = {"kind": "slow", "seconds": 0.15, "times": None}
PATIENCE_SECONDS = 180


@pytest.fixture
def orders(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToldOrders]:
    """Fourteen orders to be placed in a shop that tells of them, and a GP that takes its time for each call."""
    folder = tmp_path_factory.mktemp("office")
    with told_orders(stack, sandboxes, folder, orders=ORDERS, schedule="{events: true}", max_records=MOST) as orders:
        orders.subscribe()
        sandboxes.order_fault("gp", SLOW)
        yield orders
        sandboxes.forget_faults()


@dataclass
class Runs:
    """What Airflow makes of what a trigger tells where `max_active_runs` is 1: one run at a time, and one queued."""

    orders: ToldOrders
    ids: list[str] = field(default_factory=list)
    is_queued: bool = False
    is_running: bool = False

    @property
    def is_under_way(self) -> bool:
        return self.is_queued or self.is_running

    async def listen(self) -> None:
        async for _ in self.orders.trigger.run():
            self.is_queued = True  # told while one is queued, Airflow makes no other

    async def work(self) -> None:
        while True:
            if self.is_queued:
                self.is_running = True
                self.is_queued = False
                self.ids.append(f"run-{len(self.ids) + 1}")
                await asyncio.to_thread(self.orders.run, self.ids[-1], by_event=True)
                self.is_running = False
            await asyncio.sleep(0.02)


async def place_all(orders: ToldOrders, runs: Runs) -> int:
    """Place the orders, and let the stage work until all are in GP; how many were under way when the last came."""
    for name in orders.names[1:]:
        await asyncio.to_thread(orders.place, name)
        await asyncio.sleep(PLACED_EVERY_SECONDS)
    backlog = ORDERS - len(orders.delivered)
    while len(orders.delivered) < ORDERS or runs.is_under_way:
        await asyncio.sleep(0.1)
    return backlog


async def live(orders: ToldOrders, runs: Runs) -> int:
    working = [asyncio.create_task(each) for each in (runs.listen(), runs.work())]
    placing = asyncio.create_task(place_all(orders, runs))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.wait([*working, placing], return_when=asyncio.FIRST_COMPLETED)
        for each in working:
            if each.done():
                each.result()
        return placing.result()
    finally:
        for each in (*working, placing):
            each.cancel()


def taken(orders: ToldOrders, leg: str) -> Counter[str]:
    """How many records of a leg each run has."""
    with transaction(orders.office.state) as session:
        return Counter(session.scalars(select(SourceRecord.run_id).where(SourceRecord.leg == leg)))


def test_a_backlog_before_a_slow_target_is_worked_off_batch_by_batch_and_everything_arrives_once(
    orders: ToldOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Runs(orders)
    monkeypatch.setattr(StageHasWork, "_is_under_way", lambda _: runs.is_under_way)
    backlog = asyncio.run(live(orders, runs))
    assert backlog > MOST, "orders came faster than they went"
    assert max([*taken(orders, "customer").values(), *taken(orders, "order").values()]) <= MOST
    assert set(taken(orders, "order")) == {"run-0", *runs.ids}, "no run was told of for work that another had done"
    assert orders.in_gp == dict.fromkeys(orders.names, 1)
    assert {each.attempts for each in orders.delivered} == {1}
    assert orders.trigger._work() is None
