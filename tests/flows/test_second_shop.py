"""A Magento shop beside Shopify in one company, by the YAML of docs/how-to/add-a-second-shop.md and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from demo.books import read_result, roles_that_differ
from demo.ports import free_port
from demo.stack import Stack, start_sandboxes
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter
from sandbox.orders import OPENING
from sandbox.places import CREDENTIALS
from sandbox.player import Player
from tests.flows.golden_orders import fulfil, lamp, order_file, pay, sale
from tests.flows.in_process import Office, open_office

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/add-a-second-shop.md").read_text()
[CONNECTIONS] = (yaml.safe_load(dedent(block)) for block in re.findall(r" {4}```yaml\n(.+?) {4}```", PAGE, re.S))
TAXES = [{"code": "MA-STATE", "rate": "6.25"}, {"code": "MA-COUNTY", "rate": "1.5"}]
VAT = [{"code": "UK-VAT20", "rate": "20"}]
ADDRESS = {"street": ["1 Quay"], "city": "Salem", "region_code": "MA", "postcode": "01970", "country_id": "US"}
LAMP = {"sku": "LAMP-01", "price": "49.90", "taxes": TAXES}
MUGS = {"sku": "MUG-12", "quantity": 2, "price": "7.35", "taxes": TAXES}
PLACED: dict[str, Json] = {
    "configurable, shipped": {
        "lines": [LAMP, {**MUGS, "sku": "MUG", "type": "configurable", "child_sku": "MUG-12"}],
        "shipping": {"price": "10.00", "taxes": TAXES},
    },
    "bundle priced by its children": {
        "lines": [{"sku": "SET", "type": "bundle", "dynamic": True, "children": [LAMP, MUGS]}],
    },
    "pounds, prices with tax and a discount": {
        "store": "uk",
        "lines": [{"sku": "MUG-12", "quantity": 3, "price": "12.00", "discount": "6.00", "taxes": VAT}],
        "shipping": {"price": "6.00", "discount": "1.00", "taxes": VAT},
    },
    "cancelled": {"lines": [LAMP]},
}
TOTALS = {
    "configurable, shipped": "80.39",
    "bundle priced by its children": "69.61",
    "pounds, prices with tax and a discount": "28.00",
    "cancelled": "53.77",
}
FILE = order_file([sale(6101, [lamp()], [pay("ch_6101", "53.77"), fulfil()])])


def place(player: Player, what: str) -> Json:
    """A Magento order of these lines, paid by card unless it is cancelled; as Magento shows it."""
    customer = {"email": "Ann@example.com", "firstname": "Ann", "lastname": "Archer"}
    placed = {"store": "us", "at": "2026-03-02T15:00:00Z", "customer": customer, "address": ADDRESS, **PLACED[what]}
    order: Json = player.call("POST", "magento", "/_sandbox/orders", placed, accept=201)
    number = order["increment_id"]
    if what == "cancelled":
        player.call("POST", "magento", f"/_sandbox/orders/{number}/cancel", {"at": "2026-03-02T20:00:00Z"}, accept=201)
        return order
    event = {"id": f"ch_{number}", "at": "2026-03-02T16:00:00Z", "amount": TOTALS[what], "fee": "1.00"}
    currency = order["order_currency_code"]
    sold = {"name": number, "currency": currency, "rate": "1.25" if currency == "GBP" else "1"}
    player.call("POST", "stripe", "/_sandbox/charges", {"event": event, "order": {**FILE["cases"][0]["order"], **sold}})
    return order


@pytest.fixture(scope="module")
def shops(
    stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Office, dict[str, str]]]:
    """Orders of both shops placed, paid, shipped, the books closed; the number of each Magento order."""
    folder = tmp_path_factory.mktemp("office")
    found = start_sandboxes(stack.services, {"magento": free_port()}, folder / "sandbox")
    address, keys = found.magento, CREDENTIALS["magento"]
    connection = {"conn_type": "magento", "host": address, "login": keys["consumer_key"]}
    connection |= {"password": keys["consumer_secret"], "extra": {n: keys[n] for n in keys if "access" in n}}
    with (
        Player(replace(stack.addresses, magento=address)) as player,
        open_office(FILE, stack, player, folder) as office,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("AIRFLOW_CONN_MAGENTO", json.dumps(connection))
        path = folder / "companies" / "main.yaml"
        company = yaml.safe_load(path.read_text())
        company["connections"] |= CONNECTIONS["connections"]
        company["without"].remove("magento")
        path.write_text(yaml.safe_dump(company))
        player.call("POST", "magento", "/_sandbox/seed", {"company": FILE["company"], **keys})
        player.set_clock(OPENING)
        numbers = {what: place(player, what)["increment_id"] for what in PLACED}
        player.play(FILE, 1)
        office.drain()
        player.play(FILE, 3)
        for number in numbers.values():
            player.fulfil(number, on="2026-03-03")
        player.post()
        office.drain()
        office.flow.run("closing", close=True)
        yield office, numbers


@pytest.fixture(scope="module")
def result(shops: tuple[Office, dict[str, str]]) -> Json:
    """What both ledgers hold of the orders of both shops."""
    office, numbers = shops
    magento = [sale(0, [], [], name=number) for number in numbers.values()]
    return read_result({**FILE, "cases": [*FILE["cases"], *magento]}, office.player, office.state)


def test_no_order_of_either_shop_has_a_letter_and_the_ledgers_agree(
    shops: tuple[Office, dict[str, str]], result: Json
) -> None:
    with transaction(shops[0].state) as session:
        assert [(each.code, each.message) for each in session.scalars(select(DeadLetter))] == []
    assert roles_that_differ(result) == []
    assert shops[0].verdicts[-1]["agree"]


@pytest.mark.parametrize("what", [what for what in PLACED if what != "cancelled"])
def test_an_order_is_invoiced_and_paid_to_the_cent(
    what: str, shops: tuple[Office, dict[str, str]], result: Json
) -> None:
    order = result["orders"][shops[1][what]]
    [in_gp], [in_xero] = order["gp_invoices"], order["xero_invoices"]
    assert Decimal(in_gp["DOCAMNT"]) == Decimal(in_xero["Total"]) == Decimal(TOTALS[what])
    assert Decimal(in_xero["AmountDue"]) == 0


def test_an_order_that_is_cancelled_reaches_no_ledger(shops: tuple[Office, dict[str, str]], result: Json) -> None:
    order = result["orders"][shops[1]["cancelled"]]
    assert (order["gp_invoices"], order["xero_invoices"]) == ([], [])


def test_both_shops_are_on_the_same_roles(result: Json) -> None:
    pounds = Decimal("1.25")
    right = {
        "sales": -(3 * Decimal("49.90") + 2 * Decimal("14.70") + pounds * Decimal("20.00")),
        "shipping_income": -(Decimal("10.00") + Decimal("4.16")),  # 3.33 pounds
        "receivables": Decimal(0),
        "clearing": Decimal("53.77") + Decimal("80.39") + Decimal("69.61") + pounds * Decimal("28.00"),
    }
    for ledger in "gp", "xero":
        assert {role: Decimal(result["books"][ledger][role]) for role in right} == right, ledger


def test_a_company_whose_only_shop_is_magento_goes_on_without_the_other(shops: tuple[Office, dict[str, str]]) -> None:
    """No leg asks for a shop that it says it is without; what it had of that one stays in the books."""
    office, _ = shops
    path = office.folder / "companies" / "main.yaml"
    company = yaml.safe_load(path.read_text())
    del company["connections"]["shopify"]
    path.write_text(yaml.safe_dump({**company, "without": ["shopify"]}))
    number = place(office.player, "configurable, shipped")["increment_id"]
    office.drain()
    office.player.fulfil(number, on="2026-03-04")
    office.player.post()
    office.drain()
    [order] = read_result({**FILE, "cases": [sale(0, [], [], name=number)]}, office.player, office.state)[
        "orders"
    ].values()
    assert [(each["Total"], Decimal(each["AmountDue"])) for each in order["xero_invoices"]] == [("80.39", Decimal(0))]
    assert office.verdicts[-1]["agree"]
