"""A Magento shop beside Shopify in one company: what it sells, is paid for and gives back is right in both ledgers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from demo.books import read_result, roles_that_differ
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter, SourceRecord
from sandbox.orders import MAGENTO_SHOPS, harbor_light_supply
from sandbox.player import Player
from tests.flows.golden_orders import fulfil, lamp, line, order_file, pay, refund, returned, sale
from tests.flows.in_process import Office, open_office

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/add-a-second-shop.md").read_text()
[CONNECTIONS] = (yaml.safe_load(dedent(block)) for block in re.findall(r" {4}```yaml\n(.+?) {4}```", PAGE, re.S))
COMPANY = harbor_light_supply()
COMPANY["shops"] += MAGENTO_SHOPS
MUGS = line("MUG-12", 2, "7.35")
BUNDLE = {"sku": "SET", "type": "bundle", "dynamic": True, "children": [lamp(), MUGS]}
BUNDLE |= {"quantity": 1, "unit_price": "0.00", "discount": "0.00", "tax": []}
BUNDLE_BACK = {"sku": "SET", "quantity": 1, "net": "64.60", "tax": [{"detail": "MA-STATE", "amount": "5.01"}]}
COURIER = {"title": "Courier", "price": "10.00", "discount": "0.00"}
COURIER["tax"] = [  # type: ignore[assignment]
    {"detail": "MA-STATE", "rate": "0.0625", "amount": "0.63"},
    {"detail": "MA-COUNTY", "rate": "0.0150", "amount": "0.15"},
]
VAT = {"detail": "UK-VAT20", "rate": "0.20"}
DEAR_MUGS = {
    "sku": "MUG-12",
    "quantity": 3,
    "unit_price": "12.00",
    "discount": "6.00",
    "tax": [{**VAT, "amount": "5.00"}],
}
ROYAL_MAIL = {"title": "Royal Mail", "price": "6.00", "discount": "1.00", "tax": [{**VAT, "amount": "0.83"}]}
POUNDS = {"shop": "outlet_uk", "currency": "GBP", "rate": "1.25", "taxes_included": True, "shipping": ROYAL_MAIL}
ALL_BACK = {
    "lines": [{"sku": "MUG-12", "quantity": 3, "net": "25.00", "tax": [{"detail": "UK-VAT20", "amount": "5.00"}]}],
    "shipping": "4.17",
    "shipping_tax": [{"detail": "UK-VAT20", "amount": "0.83"}],
}


def magento(number: int, lines: list[Json], total: str, events: list[Json], **order: Any) -> Json:
    """A case of the Magento shop, paid at once unless it is cancelled."""
    paid = [] if any(event["do"] == "cancel" for event in events) else [pay(f"ch_{number}", total)]
    placed = {"name": f"{number:09}", "shop": "outlet", "total": total} | order
    if "method" in order:
        paid = [pay(f"ch_{number}", total, gateway=order["method"])]
    return sale(number, lines, [*paid, *events], **placed)


CASES = {
    "configurable, shipped": magento(
        1,
        [lamp(), {**MUGS, "type": "configurable", "child_sku": "MUG-12"}],
        "80.39",
        [fulfil(), refund("re_1", "7.92", lines=[returned(MUGS, 1)])],
        shipping=COURIER,
    ),
    "bundle priced by its children": magento(
        2, [BUNDLE], "69.61", [fulfil(), refund("re_2", "69.61", lines=[BUNDLE_BACK])]
    ),
    "pounds, prices with tax and a discount": magento(
        3, [DEAR_MUGS], "35.00", [fulfil(), refund("re_3", "35.00", rate="1.28", **ALL_BACK)], **POUNDS
    ),
    "cancelled": magento(4, [lamp()], "53.77", [{"step": 2, "do": "cancel", "at": "2026-03-02T20:00:00Z"}]),
    "given up before it is shipped": magento(
        5,
        [lamp(), MUGS],
        "69.61",
        [refund("re_5", "15.84", step=2, at="2026-03-02T20:00:00Z", lines=[returned(MUGS, 2)]), fulfil()],
    ),
    "something extra": magento(6, [lamp()], "53.77", [fulfil(), refund("re_6", "5.00")]),
    "a fee kept": magento(7, [lamp()], "53.77", [fulfil(), refund("re_7", "43.77", lines=[returned(lamp(), 1)])]),
    "nobody tells us": magento(10, [lamp()], "53.77", [fulfil()], method="paypal_express"),
    "shipping alone": magento(
        8,
        [lamp()],
        "64.55",
        [
            fulfil(),
            refund("re_8", "10.78", shipping="10.00", shipping_tax=[{"detail": "MA-STATE", "amount": "0.78"}]),
        ],
        shipping=COURIER,
    ),
}
FILE = order_file([sale(6101, [lamp()], [pay("ch_6101", "53.77"), fulfil()]), *CASES.values()], company=COMPANY)
INVOICED_AND_CREDITED = {
    "configurable, shipped": ("80.39", "7.92"),
    "bundle priced by its children": ("69.61", "69.61"),
    "pounds, prices with tax and a discount": ("35.00", "35.00"),
    "given up before it is shipped": ("53.77", "0.00"),
    "something extra": ("53.77", "5.00"),
    "shipping alone": ("64.55", "10.78"),
}


@pytest.fixture(scope="module")
def company() -> Json:
    return COMPANY


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """All that happens in both shops has happened, and the books are closed."""
    with open_office(FILE, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play()
        yield office


@pytest.fixture(scope="module")
def result(office: Office) -> Json:
    """What both ledgers hold of the orders of both shops."""
    return read_result(FILE, office.player, office.state)


def test_the_page_names_the_connection_that_the_company_has(office: Office) -> None:
    company = yaml.safe_load((office.folder / "companies" / "main.yaml").read_text())
    assert company["connections"]["magento"] == CONNECTIONS["connections"]["magento"]


def test_no_order_of_either_shop_has_a_letter_and_the_ledgers_agree(office: Office, result: Json) -> None:
    with transaction(office.state) as session:
        assert [(each.code, each.message) for each in session.scalars(select(DeadLetter))] == []
    assert roles_that_differ(result) == []
    assert office.verdicts[-1]["agree"]
    assert {each["type"] for each in office.verdicts[-1]["differences"]} == {"fee not posted"}


@pytest.mark.parametrize("what", list(INVOICED_AND_CREDITED))
def test_what_is_sold_and_what_is_given_back_is_in_both_ledgers_to_the_cent(what: str, result: Json) -> None:
    invoiced, credited = INVOICED_AND_CREDITED[what]
    order = result["orders"][CASES[what]["order"]["name"]]
    [in_gp], [in_xero] = order["gp_invoices"], order["xero_invoices"]
    assert Decimal(in_gp["DOCAMNT"]) == Decimal(in_xero["Total"]) == Decimal(invoiced)
    assert (Decimal(in_xero["AmountDue"]), order["credited"]) == (0, credited)


def test_what_is_paid_by_what_nobody_tells_of_is_due_and_says_so(office: Office, result: Json) -> None:
    order = result["orders"][CASES["nobody tells us"]["order"]["name"]]
    assert [Decimal(each["AmountDue"]) for each in order["xero_invoices"]] == [Decimal("53.77")]
    with transaction(office.state) as session:
        waiting = session.scalars(select(SourceRecord.reason).where(SourceRecord.leg == "magento_payment"))
        [reason] = [each for each in waiting if each and each.startswith("53.77 USD")]
    assert reason.startswith("53.77 USD of 000000010 is due, paid by paypal_express, and nobody tells us")


def test_an_order_that_is_cancelled_is_no_sale(result: Json) -> None:
    order = result["orders"][CASES["cancelled"]["order"]["name"]]
    assert (order["gp_invoices"], order["xero_invoices"]) == ([], [])


def test_what_is_kept_of_a_refund_is_a_fee_that_the_credit_pays(result: Json) -> None:
    order = result["orders"][CASES["a fee kept"]["order"]["name"]]
    assert sorted((each["Total"], Decimal(each["AmountDue"])) for each in order["xero_invoices"]) == [
        ("10.00", 0),
        ("53.77", 0),
    ]
    assert order["credited"] == "53.77"


def test_both_shops_are_on_the_same_roles(result: Json) -> None:
    lamps, mugs = Decimal("49.90"), Decimal("14.70")
    sold = {"sales": -(8 * lamps + 2 * mugs + Decimal("1.25") * 25), "returns": mugs / 2 + lamps + mugs + lamps}
    sold["returns"] += Decimal("1.25") * 25
    right = {**sold, "goodwill": Decimal(5), "cancellation_fees": -Decimal(10), "receivables": Decimal("53.77")}
    right["shipping_income"] = -Decimal(10)  # the others gave it back
    for ledger in "gp", "xero":
        assert {role: Decimal(result["books"][ledger][role]) for role in right} == right, ledger


def test_a_company_whose_only_shop_is_magento_goes_on_without_the_other(office: Office) -> None:
    """No leg asks for a shop that it says it is without; what it had of that one stays in the books."""
    path = office.folder / "companies" / "main.yaml"
    company = yaml.safe_load(path.read_text())
    del company["connections"]["shopify"]
    path.write_text(yaml.safe_dump({**company, "without": ["shopify", *company["without"]]}))
    later = magento(9, [lamp()], "53.77", [fulfil(at="2026-04-02T15:00:00Z")], placed_at="2026-04-01T15:00:00Z")
    later["events"][0]["at"] = "2026-04-01T16:00:00Z"
    file = {**FILE, "cases": [later]}
    for step in 1, 3:
        office.player.play(file, step)
        office.drain()
    [order] = read_result(file, office.player, office.state)["orders"].values()
    assert [(each["Total"], Decimal(each["AmountDue"])) for each in order["xero_invoices"]] == [("53.77", Decimal(0))]
    assert office.verdicts[-1]["agree"]
