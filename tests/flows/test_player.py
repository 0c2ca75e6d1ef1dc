"""A file of orders is played through all four systems; what a system refuses is told with its answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from demo.ports import free_port
from sandbox.orders import make_orders
from sandbox.places import Addresses
from sandbox.player import STEPS, Player, SandboxRefused, opening_of


@pytest.fixture(scope="module")
def file(sandboxes: Player) -> dict[str, Any]:
    """Twenty orders, all steps played without a flow in between: GP hears of nothing."""
    file = make_orders(20)
    for step in STEPS:
        sandboxes.play(file, step)
    return file


def test_clocks_stand_at_the_last_event(file: dict[str, Any], sandboxes: Player) -> None:
    last = max(datetime.fromisoformat(event["at"]) for case in file["cases"] for event in case["events"])
    ahead = {system: datetime.fromisoformat(now) - last for system, now in sandboxes.clock().items()}
    # A ledger may stamp records of one moment a second apart.
    assert [system for system, lead in ahead.items() if not timedelta(0) <= lead < timedelta(minutes=1)] == []
    assert opening_of(file) < last


def test_gp_has_nothing_to_invoice_before_the_flow_ran(file: dict[str, Any], sandboxes: Player) -> None:
    assert sandboxes.fulfil(file["cases"][0]["order"]["name"], on="2026-03-03") is None
    assert sandboxes.open_batches() == []
    assert sandboxes.ledger("gp")["documents"] == []
    assert sandboxes.ledger("xero")["invoices"] == []


def test_order_played_twice_is_refused_with_the_shops_answer(file: dict[str, Any], sandboxes: Player) -> None:
    with pytest.raises(SandboxRefused, match=r"shopify sandbox refused POST /_sandbox/orders: 409 .*#1001"):
        sandboxes.play(file, 1)


def test_system_that_does_not_answer_is_named_with_the_command_that_starts_it() -> None:
    nobody_there = Addresses(shopify=f"http://127.0.0.1:{free_port()}")
    with Player(nobody_there) as player, pytest.raises(SandboxRefused, match=r"start it with `sandbox serve shopify`"):
        player.clock()
