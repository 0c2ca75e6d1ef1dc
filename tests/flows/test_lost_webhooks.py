"""Where the clock and events start a stage: what no event told of is found, and what both tell of is delivered once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo.stack import Stack
from sandbox.player import Player
from tests.flows.told_orders import ToldOrders, told_orders


@pytest.fixture(scope="module")
def orders(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToldOrders]:
    """Four orders to be placed."""
    schedule = '{cron: "*/10 * * * *", events: true}'
    folder = tmp_path_factory.mktemp("office")
    with told_orders(stack, sandboxes, folder, orders=5, schedule=schedule, max_records=100) as orders:
        yield orders


def has_work(orders: ToldOrders) -> bool:
    return orders.trigger._work() is not None


def test_an_order_whose_webhook_was_lost_waits_for_the_clock_and_one_told_of_by_both_is_delivered_once(
    orders: ToldOrders,
) -> None:
    first, lost, told, by_both, last = orders.names
    orders.place(lost)  # nobody is told yet
    assert not has_work(orders), "no event will ever tell of it"
    orders.subscribe()
    orders.place(told)
    orders.wait_until_told(1)
    assert has_work(orders)
    orders.run("run-1", by_event=True)
    assert orders.in_gp == {first: 1, told: 1}
    orders.place(by_both)
    orders.wait_until_told(2)
    assert has_work(orders), "the trigger tells of it as well"
    orders.run("run-2", by_event=False)
    assert orders.in_gp == {first: 1, lost: 1, told: 1, by_both: 1}
    assert not has_work(orders)
    orders.run("run-3", by_event=True)  # Airflow had made it of what the trigger told before the clock's run
    orders.place(last)
    orders.wait_until_told(3)
    orders.run("run-4", by_event=False)
    orders.run("run-5", by_event=True)
    assert orders.in_gp == dict.fromkeys(orders.names, 1)
    assert sorted((each.run_id, each.attempts) for each in orders.delivered) == [
        ("run-0", 1), ("run-1", 1), ("run-2", 1), ("run-2", 1), ("run-4", 1),
    ]  # fmt: skip
