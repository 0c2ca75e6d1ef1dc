"""
Any order the shop can hold, with any events, ends with equal books or a dead letter.

``make property ORDERS=3000`` plays as many, other ones each time. A file that fails is made as small as it goes and is
left as failing-orders.json in the working directory: ``make demo CASES=failing-orders.json`` plays it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from demo.airflow_home import CHECKOUT
from demo.books import read_result, roles_that_differ
from demo.ports import free_port
from demo.services import Services
from demo.stack import start_sandboxes
from ledgerbridge.errors import LedgerbridgeError
from sandbox.orders import OPENING, harbor_light_supply
from sandbox.places import SYSTEMS, Addresses
from sandbox.player import Player
from tests.flows.expected_books import differences, with_expectations
from tests.flows.in_process import open_office
from tests.flows.random_orders import RandomOrders

FAILING = Path("failing-orders.json")
ORDERS_A_FILE = 60
ORDERS_IN_THE_SUITE = 16
OUTCOMES = {"delivered", "ordered", "cancelled", "rejected"}

Choice = TypeVar("Choice")


class DrawnDice:
    """Throws what hypothesis draws, so that it can look for the simplest orders that fail."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def pick(self, options: Sequence[Choice]) -> Choice:
        """One of them."""
        return self._draw(st.sampled_from(list(options)))

    def number(self, low: int, high: int) -> int:
        """Both included."""
        return self._draw(st.integers(low, high))

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred."""
        return self._draw(st.integers(0, 99)) >= 100 - percent


@st.composite
def order_files(draw: st.DrawFn, count: int) -> dict[str, Any]:
    """Files of nearly ``count`` orders, with what is expected of those the accounting rules settle."""
    orders = RandomOrders(harbor_light_supply(), DrawnDice(draw), anything=True)
    numbers = [number for number in range(1001, 1001 + count) if draw(st.integers(0, 19))]
    assume(numbers)
    return with_expectations(orders.file([orders.case(number) for number in numbers]), where_specified=True)


@dataclass
class Systems:
    """Where four simulated systems are."""

    addresses: Addresses


@contextmanager
def new_systems(folder: Path, company: dict[str, Any]) -> Iterator[tuple[Systems, Player]]:
    """Four systems with nothing in them but the company, and who plays the people around them."""
    ports = {system: free_port() for system in SYSTEMS}
    with Services(folder / "logs", CHECKOUT) as services:
        start_sandboxes(services, ports, folder / "sandbox")
        systems = Systems(Addresses.on_ports(ports))
        with Player(systems.addresses) as player:
            player.seed(company, OPENING)
            yield systems, player


def troubles(file: dict[str, Any]) -> list[str]:
    """Play a file; what must not be: books that differ without a reason, orders that are not as the rules say."""
    with TemporaryDirectory() as name, new_systems(Path(name), file["company"]) as (systems, player):
        folder = Path(name) / "office"
        folder.mkdir()
        with open_office(file, systems, player, folder) as office:
            try:
                office.play()
            except LedgerbridgeError as error:
                return [str(error)]
            result = read_result(file, player, office.state)
    found = differences(file, result)
    lost = {name: order["outcome"] for name, order in result["orders"].items() if order["outcome"] not in OUTCOMES}
    found += [f"order {name} is {outcome}" for name, outcome in lost.items()]
    if (roles := roles_that_differ(result)) and not any(order["dead_letters"] for order in result["orders"].values()):
        found.append(f"the ledgers differ in {', '.join(roles)}, and no dead letter says why")
    return found


def test_any_orders_end_with_equal_books_or_a_dead_letter(request: pytest.FixtureRequest) -> None:
    asked = request.config.getoption("--orders")
    size = min(asked, ORDERS_A_FILE) if asked else ORDERS_IN_THE_SUITE
    started, played = time.monotonic(), 0

    @settings(
        max_examples=-(-asked // size) if asked else 1,
        derandomize=not asked,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(order_files(size))
    def any_orders(file: dict[str, Any]) -> None:
        nonlocal played
        found = troubles(file)
        played += len(file["cases"])
        if asked:
            print(
                f"{played} orders in {time.monotonic() - started:.0f} s: {'; '.join(found) or 'equal books'}",
                flush=True,
            )
        if found:
            FAILING.write_text(json.dumps(file, indent=1, ensure_ascii=False))
        assert found == []

    any_orders()
