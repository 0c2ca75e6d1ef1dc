"""Money in pounds that was on no invoice goes back at another rate: both ledgers book what was lost by it, once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from demo.books import read_result
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from sandbox.player import Player
from tests.flows.expected_books import with_expectations
from tests.flows.golden_orders import edit, fulfil, line, order_file, pay, refund, sale
from tests.flows.in_process import Office, open_office
from tests.golden.check import differences

POUNDS = {"shop": "uk", "currency": "GBP", "rate": "1.25", "taxes_included": True, "total": "120.00"}
BEFORE = {"step": 2, "at": "2026-03-02T20:00:00Z"}


def sold(number: int, *events: dict[str, Any]) -> dict[str, Any]:
    """Ten mugs at 12.00 pounds each, without tax."""
    return sale(number, [line("MUG-12", 10, "12.00", ())], list(events), **POUNDS)


CASES = [
    # 5.00 too much: in at 1.24, out at 1.30
    sold(4601, pay("ch_81", "125.00", rate="1.24"), fulfil(), refund("re_81", "5.00", rate="1.30")),
    # all of it, before there was an invoice: a gain
    sold(
        4602,
        pay("ch_82", "120.00", rate="1.28"),
        {"step": 2, "do": "cancel", "at": "2026-03-02T19:00:00Z"},
        refund("re_82", "120.00", rate="1.21", **BEFORE),
    ),
    # given back before the rest pays its invoice, which realises its own difference alone
    sold(
        4603,
        pay("ch_83", "120.00", rate="1.2345"),
        edit([line("MUG-12", 7, "12.00", ())]),
        refund("re_83", "36.00", rate="1.2678", **BEFORE),
        fulfil(),
    ),
    # at the rate it came at: nothing is lost
    sold(4604, pay("ch_84", "125.00", rate="1.24"), fulfil(), refund("re_84", "5.00", rate="1.24")),
]
LOST = {"re_81": Decimal("0.30"), "re_82": Decimal("-8.40"), "re_83": Decimal("1.20")}


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The cases, played to their end."""
    file = with_expectations(order_file(CASES))
    with open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play()
        yield office


def test_both_ledgers_book_what_was_lost_and_clearing_is_the_gateways_balance(office: Office) -> None:
    result = read_result(office.file, office.player, office.state)
    assert differences(office.file, result) == []
    for books in result["books"].values():
        assert Decimal(books["gateway_exchange"]) == sum(LOST.values())
    verdict = office.verdicts[-1]
    assert verdict["agree"]
    assert [each["type"] for each in verdict["differences"]] == ["fee not posted"]  # no payout is closed


def test_each_entry_is_made_once_and_names_its_refund(office: Office) -> None:
    with transaction(office.state) as session:
        sent = session.execute(select(Delivery.entity, Delivery.canonical).where(Delivery.leg.startswith("exchange_")))
        lost = {(entity, made["payment_id"]): Decimal(made["amount"]) for entity, made in sent}
    entities = ("gp.gl_transaction", "xero.bank_transaction")
    assert lost == {(entity, refund): amount for entity in entities for refund, amount in LOST.items()}
