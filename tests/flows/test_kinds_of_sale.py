"""What an order has beside goods and shipping, each kind on the account of its role; and goods exchanged for others."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from demo.books import read_result, roles_that_differ
from demo.stack import Stack
from sandbox.player import Player
from tests.flows.golden_orders import edit, fulfil, lamp, line, order_file, pay, refund, returned, sale
from tests.flows.in_process import Office, open_office

Json = dict[str, Any]


def beside(line_type: str, title: str, price: str, taxes: tuple[tuple[str, str], ...] = ()) -> Json:
    """A line that is no goods."""
    return {**line("", 1, price, taxes), "title": title, "line_type": line_type}


TIP = beside("TIP", "Tip", "5.00")
CARD = beside("GIFT_CARD", "Gift card", "50.00")
DUTIES = beside("DUTY", "Duties", "8.00", (("MA-STATE", "0.0625"),))
FEES = beside("ADDITIONAL_FEE", "Import fee", "4.00")
HEATER = line("HEAT-01", 1, "129.00")  # with tax 139.00


def exchanged(back: Json, new: Json) -> Json:
    """Goods back for others, after they were shipped."""
    return {
        "step": 4,
        "do": "exchange",
        "at": "2026-03-09T18:00:00Z",
        "lines": [returned(back, 1)],
        "new": [new],
    }


HALF = {"line_type": "DUTY", "sku": "", "quantity": 1, "net": "4.00", "tax": [{"detail": "MA-STATE", "amount": "0.25"}]}
BOOKS, CARDS = line("BOOK-01", 3, "14.95", ()), line("CARD-05", 2, "8.99", ())
EARLY = {"step": 2, "at": "2026-03-02T20:30:00Z"}
CANCELLED = {"step": 2, "do": "cancel", "at": "2026-03-02T20:00:00Z"}
SENT_LATER = fulfil(step=5, at="2026-03-11T15:00:00Z")
FILE = order_file(
    [
        sale(5101, [lamp(), TIP], [pay("ch_5101", "58.77"), fulfil()]),
        sale(5102, [CARD], [pay("ch_5102", "50.00"), fulfil()]),
        sale(5103, [lamp(), DUTIES, FEES], [pay("ch_5103", "66.27"), fulfil()]),
        sale(
            5104,
            [lamp(), TIP],
            [
                pay("ch_5104", "58.77"),
                fulfil(),
                refund("re_5104", "58.77", lines=[returned(lamp(), 1), returned(TIP, 1)]),
            ],
        ),
        sale(
            5105,
            [lamp()],
            [
                pay("ch_5105", "53.77"),
                fulfil(),
                exchanged(lamp(), HEATER),
                pay("ch_5105b", "85.23", step=4, at="2026-03-09T18:05:00Z"),
                SENT_LATER,
            ],
        ),
        sale(
            5106,
            [HEATER],
            [
                pay("ch_5106", "139.00"),
                fulfil(),
                exchanged(HEATER, lamp()),
                refund("re_5106", "85.23", at="2026-03-09T18:05:00Z"),
                SENT_LATER,
            ],
        ),
        # what goes out instead has duties of its own
        sale(
            5108,
            [lamp(), DUTIES],
            [
                pay("ch_5108", "62.27"),
                fulfil(),
                {**exchanged(lamp(), HEATER), "new": [HEATER, beside("DUTY", "Duties", "11.00")]},
                pay("ch_5108b", "96.23", step=4, at="2026-03-09T18:05:00Z"),
                SENT_LATER,
            ],
        ),
        # half of the duties and the whole fee are given back, no goods
        sale(
            5109,
            [lamp(), DUTIES, FEES],
            [
                pay("ch_5109", "66.27"),
                fulfil(),
                refund("re_5109", "8.25", lines=[HALF, {**returned(FEES, 1), "line_type": "ADDITIONAL_FEE"}]),
            ],
        ),
        # an edit takes the duties off before it ships; a cancelled order has none either
        sale(
            5110,
            [lamp(), DUTIES],
            [pay("ch_5110", "62.27"), edit([lamp()]), refund("re_5110", "8.50", **EARLY), fulfil()],
        ),
        sale(5111, [lamp(), DUTIES, FEES], [pay("ch_5111", "66.27"), CANCELLED, refund("re_5111", "66.27", **EARLY)]),
        # 44.85 GBP come back: 26.87 are given back, 17.98 set against the second invoice; in USD a cent is over
        sale(
            5107,
            [BOOKS],
            [
                pay("ch_5107", "44.85", rate="1.25"),
                fulfil(),
                {**exchanged(BOOKS, CARDS), "lines": [returned(BOOKS, 3)]},
                refund("re_5107", "26.87", at="2026-03-09T18:05:00Z", rate="1.25"),
                SENT_LATER,
            ],
            shop="uk",
            currency="GBP",
            rate="1.25",
        ),
    ]
)


CLEARING = (
    "58.77",
    "50.00",
    "66.27",
    "53.77",
    "85.23",
    "139.00",
    "-85.23",
    "22.47",
    "62.27",
    "96.23",
    "58.02",
    "53.77",
)


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """All of them placed, paid, shipped, and one returned."""
    with open_office(FILE, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play()
        yield office


@pytest.fixture(scope="module")
def result(office: Office) -> Json:
    """What both ledgers hold of them."""
    return read_result(FILE, office.player, office.state)


def test_each_kind_is_on_its_role_in_both_ledgers_with_nothing_due(result: Json) -> None:
    assert [order["dead_letters"] for order in result["orders"].values()] == [[]] * len(FILE["cases"])
    due = [Decimal(each["AmountDue"]) for order in result["orders"].values() for each in order["xero_invoices"]]
    assert due == [0] * (len(FILE["cases"]) + 4 - 1)  # an exchange has two invoices, what was cancelled none
    assert roles_that_differ(result) == []
    roles = ("tips", "gift_cards", "duties", "additional_fees", "sales", "returns", "tax_payable", "receivables")
    assert {role: Decimal(result["books"]["gp"][role]) for role in roles} == {
        "tips": Decimal("-5.00"),
        "gift_cards": Decimal("-50.00"),
        "duties": Decimal("-8.00") - Decimal("19.00") - Decimal("4.00"),
        "additional_fees": Decimal("-4.00"),
        "sales": 8 * Decimal("-49.90") - 3 * Decimal("129.00") - Decimal("56.06") - Decimal("22.48"),
        "returns": 3 * Decimal("49.90") + Decimal("129.00") + Decimal("56.06"),
        "tax_payable": 5 * Decimal("-3.87") - 2 * Decimal("0.50") - Decimal("0.25") - 2 * Decimal("10.00"),
        "receivables": 0,
    }


def test_an_exchange_is_a_return_and_a_sale_whose_difference_is_paid_or_given_back(result: Json) -> None:
    for name, sold, came_back in ("#5105", ["53.77", "139.00"], "53.77"), ("#5106", ["139.00", "53.77"], "139.00"):
        order = result["orders"][name]
        assert [Decimal(each["DOCAMNT"]) for each in order["gp_invoices"]] == [Decimal(each) for each in sold]
        assert Decimal(order["credited"]) == Decimal(came_back)
    assert {ledger: Decimal(books["clearing"]) for ledger, books in result["books"].items()} == dict.fromkeys(
        ("gp", "xero"),
        sum(map(Decimal, CLEARING)),
    )
