"""Random orders of the sandbox add up, come out the same for the same seed, and hold every plain kind."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sandbox.orders import make_orders
from sandbox.player import events_of


@pytest.fixture(scope="module")
def file() -> dict[str, Any]:
    return make_orders(40, seed=3)


def test_same_seed_makes_the_same_orders(file: dict[str, Any]) -> None:
    assert make_orders(40, seed=3) == file
    assert make_orders(40, seed=4) != file


def test_books_of_the_file_balance_once_rejected_money_is_left_out(file: dict[str, Any]) -> None:
    assert sum(Decimal(amount) for amount in file["books"].values()) == 0
    assert Decimal(file["books"]["bank"]) == sum(Decimal(payout["amount"]) for payout in file["payouts"])


def test_of_both_shops_each_gateway_pays_out_what_it_took() -> None:
    file = make_orders(40, shops="both")
    taken = {"stripe", "shopify_payments", "paypal"}
    events = [event for case in file["cases"] for event in case["events"] if event["do"] == "pay"]
    assert {event.get("gateway", "stripe") for event in events} == taken
    assert {payout.get("gateway", "stripe") for payout in file["payouts"]} == taken
    gateways = {event["id"]: event.get("gateway", "stripe") for event in events}
    assert all({gateways[each] for each in p["covers"]} == {p.get("gateway", "stripe")} for p in file["payouts"])
    assert Decimal(file["books"]["bank"]) == sum(Decimal(payout["amount"]) for payout in file["payouts"])


def test_total_is_what_the_expected_documents_show(file: dict[str, Any]) -> None:
    for case in file["cases"]:
        for invoice in case["expect"].get("gp_invoices", []):
            parts = [invoice[name] for name in ("SUBTOTAL", "FREIGHT", "TAXAMNT", "FRTTXAMT")]
            assert sum(Decimal(part) for part in parts) == Decimal(case["order"]["total"]), case["id"]
            assert Decimal(invoice["SUBTOTAL"]) == sum(Decimal(net) for net in invoice["XTNDPRCE"])


def test_every_plain_kind_is_there(file: dict[str, Any]) -> None:
    orders = [case["order"] for case in file["cases"]]
    kinds = {
        "several lines": any(len(order["lines"]) > 1 for order in orders),
        "taxed shipping": any(order["shipping"] and order["shipping"]["tax"] for order in orders),
        "one tax detail": any(len(line["tax"]) == 1 for order in orders for line in order["lines"]),
        "returning customer": len({order["customer"]["id"] for order in orders}) < len(orders),
        "on account": any(len(case["events"]) == 1 for case in file["cases"]),
        "unknown item": any(case["expect"]["outcome"] == "rejected" for case in file["cases"]),
    }
    assert [kind for kind, present in kinds.items() if not present] == []


def test_events_come_in_order_of_time_with_the_payout_last(file: dict[str, Any]) -> None:
    placed_and_paid = events_of(file, 1)
    assert [event.at for event in placed_and_paid] == sorted(event.at for event in placed_and_paid)
    assert {event.kind for event in placed_and_paid} == {"place", "pay"}
    assert [event.kind for event in events_of(file, 5)] == ["payout"] * len(file["payouts"])
    assert events_of(file, 5)[0].at >= events_of(file, 3)[-1].at
