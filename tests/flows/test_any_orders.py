"""
Any order the shop can hold, with any events, ends with equal books or a dead letter.

``make property ORDERS=3000`` plays as many, other ones each time. A file that fails is cut to few of its cases that
still fail and left as failing-orders.json in the working directory: ``make demo CASES=failing-orders.json`` plays it.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from demo.books import read_result, roles_that_differ
from demo.ports import free_port
from demo.postgres_cluster import postgres_binaries
from ledgerbridge.errors import LedgerbridgeError
from sandbox.orders import MAGENTO_SHOPS, OPENING, harbor_light_supply
from sandbox.places import Addresses, systems_of
from sandbox.player import Player
from tests.flows.dice import SeededDice
from tests.flows.expected_books import CARDS, expect_gateways, with_expectations
from tests.flows.in_process import open_office
from tests.flows.random_orders import RandomOrders
from tests.forked_sandboxes import forked_sandboxes
from tests.golden.check import differences

FAILING = Path("failing-orders.json")
ORDERS_A_FILE = 500
"""A pass costs seconds before its first order, so that few orders a file take ten times as long each."""
ORDERS_IN_THE_SUITE = 20
CUTS = 12
EXPLANATIONS = (
    r"dead letter \w+",
    r"the fees of payouts that are not closed",
    r"parts of a charge, each at its rate: .*",
    r"the parts of \S+ make up the same: the ledgers took another one last",
    r"[\d.]+ [A-Z]{3} waits: (its order can't go on, )?dead letter \w+",
    r"[\d.]+ [A-Z]{3} waits: order \S+ has no invoice yet",
    r"[\d.]+ [A-Z]{3} waits: the invoices of order \S+ are paid",
    r"[\d.]+ [A-Z]{3} waits: [\d.]+ [A-Z]{3} come back, -?[\d.]+ of them are invoiced: the rest is not shipped yet",
    r"[\d.]+ of \S+ waits: its bank gave it back, and its order is cancelled; give it back to the customer",
    r"[\d.]+ of \S+ waits: it is on no invoice of its order yet; where nothing is shipped, cancel .*",
)
"""What may explain a difference in the end: a letter, or money that waits for what people do."""
OUTCOMES = {"delivered", "ordered", "cancelled", "rejected"}

Json = dict[str, Any]


def order_file(count: int, seed: int, *, gateways: bool) -> Json:
    """
    A file of ``count`` orders, with what is expected of those the accounting rules settle.

    :param gateways: two shops take cards by Shopify Payments too, and all take PayPal; the legs of these cost each pass
        some seconds, and have a test of their own in the suite.
    """
    company = harbor_light_supply()
    if gateways:
        company["paypal"] = company["base_currency"]
        for shop in company["shops"][::2]:
            shop["shopify_payments"] = company["base_currency"]
    company["shops"] += MAGENTO_SHOPS
    return with_expectations(RandomOrders(company, SeededDice(seed), anything=True).write(count), where_specified=True)


@dataclass
class Systems:
    """Where the simulated systems are."""

    addresses: Addresses


@contextmanager
def new_systems(folder: Path, company: dict[str, Any]) -> Iterator[tuple[Systems, Player]]:
    """Systems with nothing in them but the company, and who plays the people around them."""
    ports = {system: free_port() for system in systems_of(company)}
    with forked_sandboxes(ports, folder / "sandbox") as addresses, Player(addresses) as player:
        player.seed(company, OPENING)
        yield Systems(addresses), player


def troubles(file: Json, state_url: str | None = None) -> list[str]:
    """
    Play a file; what must not be: books that differ without a reason, orders that are not as the rules say.

    :param state_url: an empty state database; None: a new one of SQLite.
    """
    with TemporaryDirectory() as name, new_systems(Path(name), file["company"]) as (systems, player):
        folder = Path(name) / "office"
        folder.mkdir()
        with open_office(file, systems, player, folder, state_url) as office:
            office.compares_each_pass = True
            try:
                office.play()
            except LedgerbridgeError as error:
                return [str(error)]
            result, verdict = read_result(file, player, office.state), office.verdicts[-1]
    found = [*differences(file, result), *_of_gateways(file, result), *_unexplained(verdict, result)]
    lost = {name: order["outcome"] for name, order in result["orders"].items() if order["outcome"] not in OUTCOMES}
    found += [f"order {name} is {outcome}" for name, outcome in lost.items()]
    if (roles := roles_that_differ(result)) and not any(order["dead_letters"] for order in result["orders"].values()):
        found.append(f"the ledgers differ in {', '.join(roles)}, and no dead letter says why")
    return found


def _of_gateways(file: Json, result: Json) -> Iterator[str]:
    """What gateways take and give by themselves is booked whatever becomes of the orders."""
    for role, amount in expect_gateways(file).items():
        for ledger, books in result["books"].items():
            if Decimal(books.get(role, "0")) != Decimal(amount):
                yield f"books.{ledger}.{role} is {books.get(role, '0')}, the gateways moved {amount}"


def _unexplained(verdict: Json, result: Json) -> Iterator[str]:
    """A green run with money unexplained: a reason that explains nothing, or less than the books lack."""
    left = {
        role: Decimal(verdict["figures"][f"{gateway} balance"]) - Decimal(result["books"]["gp"].get(role, "0"))
        for gateway, role in CARDS.items()
        if f"{gateway} balance" in verdict["figures"]
    }
    for each in verdict["differences"]:
        if not any(re.fullmatch(reason, each["reason"]) for reason in EXPLANATIONS):
            yield f"{each['type']} of {each['value']} on {each['role']} is explained as: {each['reason']}"
        if each["role"] in left:
            is_out = each["type"] in ("fee not posted", "payout not posted")
            left[each["role"]] -= Decimal(each["value"]) * (-1 if is_out else 1)
    for role, amount in left.items():
        if amount:
            yield f"{amount} on {role} is in no difference of the reconciliation"


def cut(file: Json, fails: Callable[[Json], object], tries: int = CUTS) -> Json:
    """As few of the file's cases as still fail, found in so many tries: halves, quarters and so on of what is left."""
    parts = 2
    while tries and len(file["cases"]) > 1:
        cases = file["cases"]
        size = -(-len(cases) // min(parts, len(cases)))
        for start in range(0, len(cases), size):
            if not tries:
                break
            tries -= 1
            smaller = only(file, cases[start : start + size])
            if fails(smaller):
                file, parts = smaller, 2
                break
        else:
            if size == 1:
                break
            parts *= 2
    return file


def only(file: Json, cases: list[Json]) -> Json:
    """A file of some of its cases, what the gateways do by themselves, and the payouts over their money alone."""
    money = {event["id"] for case in cases for event in case["events"] if "id" in event}
    money |= {each["id"] for each in file["movements"]}
    payouts = [payout for payout in file["payouts"] if money.issuperset(payout["covers"])]
    return with_expectations({**file, "cases": cases, "payouts": payouts}, where_specified=True)


def on_postgres(request: pytest.FixtureRequest) -> str | None:
    """A database of PostgreSQL where there is one: the golden orders are played on SQLite."""
    if request.config.getoption("--state-db") == "sqlite" or postgres_binaries() is None:
        return None
    return str(request.getfixturevalue("postgres_cluster").new_database())


def test_any_orders_end_with_equal_books_or_a_dead_letter(request: pytest.FixtureRequest) -> None:
    asked = request.config.getoption("--orders")
    size = min(asked, ORDERS_A_FILE) if asked else ORDERS_IN_THE_SUITE
    first = secrets.randbits(32) if asked else 0  # what hypothesis tries first is always the same
    started, played = time.monotonic(), 0

    @settings(
        max_examples=-(-asked // size) if asked else 1,
        derandomize=not asked,
        database=None,
        deadline=None,
        phases=[Phase.generate],  # hypothesis would take hours to make one smaller: `cut` does
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32 - 1))
    def any_orders(drawn: int) -> None:
        nonlocal played
        seed = first + drawn
        file = order_file(size, seed, gateways=bool(asked))
        found = troubles(file, None if asked else on_postgres(request))
        played += len(file["cases"])
        if asked:
            print(
                f"seed {seed}: {played} orders in {time.monotonic() - started:.0f} s: "
                f"{'; '.join(found) or 'equal books'}",
                flush=True,
            )
        if found:
            FAILING.write_text(json.dumps(cut(file, troubles), indent=1, ensure_ascii=False))
        assert found == []

    any_orders()
