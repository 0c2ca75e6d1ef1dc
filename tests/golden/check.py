"""``python -m tests.golden.check CASES.json RESULT.json``: what a run left against what the cases expect."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

__all__ = ["differences"]

Json = Mapping[str, Any]
KEPT_BY_GP_ALONE = {"inventory", "cost_of_goods_sold"}
TOTALS = {"gp_invoices": "DOCAMNT", "xero_invoices": "Total"}
"""The kinds of invoices compared, and the field by which two lists of them are brought into one order first."""


def differences(file: Json, result: Json) -> list[str]:
    """
    What a run left otherwise than the file expects, a sentence each.

    A case without expectations is not compared, nor are the books then.

    :param result: as ``demo.books.read_result`` makes it and .demo/result.json holds it.
    """
    found: list[str] = []
    for case in file["cases"]:
        found += _of_case(case, result["orders"].get(case["order"]["name"]))
    if all(case["expect"] for case in file["cases"]):
        for ledger in ("gp", "xero"):
            found += _of_books(ledger, result["books"][ledger], file["books"])
    return found


def _of_case(case: Json, order: Json | None) -> Iterator[str]:
    name, expected = case["id"], case["expect"]
    if order is None:
        yield f"{name}: order {case['order']['name']} is missing from the result"
        return
    if not expected:
        return
    if order["outcome"] != expected["outcome"]:
        yield f"{name}: outcome {order['outcome']}, expected {expected['outcome']}"
    letter = expected.get("dead_letter")
    if letter and not any(_holds(each, letter) for each in order.get("dead_letters", [])):
        yield f"{name}: no dead letter with {letter}"
    if "credited" in expected and not _same(order.get("credited", "0"), expected["credited"]):
        yield f"{name}: credited {order.get('credited')}, expected {expected['credited']}"
    for kind, total in TOTALS.items():
        yield from _of_invoices(f"{name}: {kind}", total, order.get(kind, []), expected.get(kind, []))


def _of_invoices(what: str, total: str, found: list[Json], expected: list[Json]) -> Iterator[str]:
    if len(found) != len(expected):
        yield f"{what}: {len(found)}, expected {len(expected)}"
        return

    def place(invoice: Json) -> tuple[Decimal, list[Decimal]]:
        amounts = [Decimal(str(invoice[field])) for field, each in expected[0].items() if not isinstance(each, list)]
        return Decimal(str(invoice[total])), sorted(amounts)

    for one, other in zip(sorted(found, key=place), sorted(expected, key=place), strict=True):
        for field, amount in other.items():
            if not _same(one.get(field), amount):
                yield f"{what}: {field} is {one.get(field)}, expected {amount}"


def _of_books(ledger: str, found: Json, expected: Json) -> Iterator[str]:
    for role in sorted({*found, *expected} - KEPT_BY_GP_ALONE):
        if not _same(found.get(role, "0"), expected.get(role, "0")):
            yield f"books.{ledger}.{role} is {found.get(role, '0')}, expected {expected.get(role, '0')}"


def _holds(letter: Json, fields: Json) -> bool:
    return all(str(letter.get(field)) == value for field, value in fields.items())


def _same(found: Any, expected: Any) -> bool:
    """Whether two amounts, or two lists of them in any order, are worth the same; what is no amount is none."""
    try:
        return _amounts(found) == _amounts(expected)
    except InvalidOperation:
        return False


def _amounts(value: Any) -> list[Decimal]:
    return sorted(Decimal(str(each)) for each in (value if isinstance(value, list) else [value]))


if __name__ == "__main__":
    orders, outcome = (json.loads(Path(path).read_text()) for path in sys.argv[1:3])
    told = differences(orders, outcome)
    print("\n".join([*told, f"{len(orders['cases'])} cases, {len(told)} differences"]))
    sys.exit(1 if told else 0)
