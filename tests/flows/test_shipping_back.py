"""Shipping given back without goods: a credit memo in GP and a credit note in Xero (accounting-rules.md §2)."""

from __future__ import annotations

from pathlib import Path

from demo.books import read_result
from demo.stack import Stack
from sandbox.player import Player
from tests.flows.expected_books import with_expectations
from tests.flows.golden_orders import fulfil, lamp, line, order_file, pay, refund, returned, sale
from tests.flows.in_process import open_office
from tests.golden.check import differences

STATE_AND_COUNTY = [
    {"detail": "MA-STATE", "rate": "0.0625", "amount": "0.38"},
    {"detail": "MA-COUNTY", "rate": "0.0150", "amount": "0.09"},
]
VAT = [{"detail": "UK-VAT20", "rate": "0.20", "amount": "1.00"}]
FIVE_PERCENT = [{"detail": "UK-VAT05", "rate": "0.05", "amount": "0.86"}]
# a lamp is 53.77, with its shipping 60.24; in Britain 49.90, with its shipping 55.89, both with their tax
SHIPPING = {"title": "Courier", "price": "6.00", "discount": "0.00", "tax": STATE_AND_COUNTY}
BRITISH = {"title": "Courier", "price": "5.99", "discount": "0.00", "tax": VAT}
POUNDS = {"shop": "uk", "currency": "GBP", "rate": "1.25", "taxes_included": True, "shipping": BRITISH}
BACK = {"shipping": "6.00", "shipping_tax": STATE_AND_COUNTY}
CASES = [
    sale(
        4301,
        [lamp()],
        [pay("ch_51", "60.24"), fulfil(), refund("re_51", "6.47", **BACK)],
        shipping=SHIPPING,
        total="60.24",
    ),
    sale(
        4302,
        [line("LAMP-01", 1, "49.90", ())],
        [
            pay("ch_52", "55.89", rate="1.2137"),
            fulfil(),
            refund("re_52", "5.99", rate="1.28", shipping="4.99", shipping_tax=VAT),
        ],
        **POUNDS,
        total="55.89",
    ),
    sale(
        4303,
        [lamp(2)],
        [
            pay("ch_53", "113.54"),
            fulfil(),
            refund("re_53a", "53.77", lines=[returned(lamp(2), 1)]),
            refund("re_53b", "6.00", at="2026-03-13T19:00:00Z", shipping="6.00", shipping_tax=[]),
        ],
        shipping=SHIPPING | {"tax": []},
        total="113.54",
    ),
    sale(
        4304,
        [lamp()],
        [fulfil(), refund("re_54", "0.00", at="2026-03-12T21:00:00Z", **BACK)],
        shipping=SHIPPING,
        total="60.24",
    ),
    # 1.25 times 17.14 and 0.86 is a cent more than 1.25 times 18.00
    sale(
        4305,
        [line("LAMP-01", 1, "49.90", ())],
        [
            pay("ch_55", "67.90", rate="1.31"),
            fulfil(),
            refund("re_55", "18.00", rate="0.9876", shipping="17.14", shipping_tax=FIVE_PERCENT),
        ],
        **POUNDS | {"shipping": {"title": "Courier", "price": "18.00", "discount": "0.00", "tax": FIVE_PERCENT}},
        total="67.90",
    ),
]


def test_shipping_given_back_alone_is_credited_with_its_tax_in_both_ledgers(
    stack: Stack, sandboxes: Player, tmp_path: Path
) -> None:
    file = with_expectations(order_file(CASES))
    with open_office(file, stack, sandboxes, tmp_path) as office:
        office.play()
        result = read_result(file, sandboxes, office.state)
    assert differences(file, result) == []
    assert [order["credited"] for order in result["orders"].values()] == ["6.47", "5.99", "59.77", "6.47", "18.00"]
    assert [order["dead_letters"] for order in result["orders"].values()] == [[]] * len(CASES)
