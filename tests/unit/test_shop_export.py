"""An export's lines, joined to whole orders (hooks/shopify/bulk.py)."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hooks.shopify.bulk import assembled

ROOTS, LINES, SALES = 300, 7, 2  # more roots than are joined at once


def order(number: int) -> dict[str, Any]:
    lines = [
        {
            "id": f"line/{number}-{line}",
            "quantity": line,
            "children": [{"amount": f"{number}.{sale:02}", "children": []} for sale in range(1, SALES + 1)],
        }
        for line in range(1, LINES + 1)
    ]
    stamp = f"2026-03-{1 + number % 28:02}T14:{number // 28:02}:00Z"
    return {"id": f"order/{number}", "updatedAt": stamp, "children": lines}


def lines_of(item: dict[str, Any], parent: str | None = None) -> list[bytes]:
    own = {name: value for name, value in item.items() if name != "children"}
    told = own if parent is None else {**own, "__parentId": parent}
    return [json.dumps(told).encode(), *(line for child in item["children"] for line in lines_of(child, item["id"]))]


def test_orders_are_whole_and_the_oldest_change_comes_first_in_whatever_order_their_lines_stand() -> None:
    orders = [order(number) for number in range(ROOTS)]
    lines = [line for each in orders for line in lines_of(each)]
    Random(7).shuffle(lines)
    found = list(assembled(lines))
    for each in found:
        for line in each["children"]:  # they have no ids, by which others are put in order
            line["children"].sort(key=lambda sale: sale["amount"])
    assert found == sorted(orders, key=lambda each: each["updatedAt"])


def test_line_that_an_export_has_twice_has_its_children_both_times() -> None:
    one = order(1)
    first, *rest = lines_of(one)
    assert [len(each["children"]) for each in assembled([first, first, *rest])] == [LINES, LINES]
