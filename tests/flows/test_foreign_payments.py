"""Invoices in foreign money paid at other rates: each charge realises its own gain (accounting-rules.md §2, §7)."""

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
from sandbox.orders import harbor_light_supply
from sandbox.player import Player
from tests.flows.expected_books import with_expectations
from tests.flows.golden_orders import fulfil, line, order_file, pay, sale
from tests.flows.in_process import Office, open_office
from tests.golden.check import differences

POUNDS = {"shop": "uk", "currency": "GBP", "rate": "1.25", "taxes_included": True}
YEN = {"shop": "jp", "currency": "JPY", "rate": "0.0066", "taxes_included": True}
DINAR = {"shop": "kw", "currency": "KWD", "rate": "3.25", "taxes_included": True}
LATER = "2026-03-02T17:00:00Z"


def mugs(quantity: int) -> dict[str, Any]:
    """At 12.00 pounds each, without tax."""
    return line("MUG-12", quantity, "12.00", ())


def sold(number: int, *events: dict[str, Any]) -> dict[str, Any]:
    """Ten mugs: 120.00 GBP, 150.00 USD at the rate of their invoice."""
    return sale(number, [mugs(10)], list(events), **POUNDS, total="120.00")


IN_POUNDS = [
    # a loss of 40 x 0.01 and a gain of 80 x 0.03
    sold(4501, pay("ch_71a", "40.00", rate="1.24"), pay("ch_71b", "80.00", rate="1.28", at=LATER), fulfil()),
    # 41.625 and 108.375 USD: both rounded are a cent more than the invoice, so the last part is 108.37
    sold(4502, pay("ch_72b", "33.30", rate="1.2137"), pay("ch_72a", "86.70", rate="1.2411", at=LATER), fulfil()),
    sold(4503, pay("ch_73a", "86.70", rate="1.2411"), pay("ch_73b", "33.30", rate="1.2137", at=LATER), fulfil()),
    # the second is put on two invoices, of one of which the first charge had paid a part
    sold(
        4504,
        pay("ch_74a", "30.02", rate="1.2345"),
        pay("ch_74b", "89.98", rate="1.2678", at=LATER),
        fulfil([{"sku": "MUG-12", "quantity": 5}], at="2026-03-03T15:00:00Z"),
        fulfil([{"sku": "MUG-12", "quantity": 5}], at="2026-03-03T16:00:00Z"),
    ),
]
CASES = [
    *IN_POUNDS,
    # a currency without decimals, whose pieces have no whole price, and one with three
    sale(
        4505,
        [{**line("LAMP-01", 3, "1999", ()), "tax": [{"detail": "UK-VAT20", "rate": "0.20", "amount": "1000"}]}],
        [pay("ch_75a", "1997", rate="0.0065"), pay("ch_75b", "4000", rate="0.0067", at=LATER), fulfil()],
        **YEN,
        total="5997",
    ),
    sale(
        4506,
        [line("MUG-12", 10, "1.250", ())],
        [pay("ch_76a", "12.500", rate="3.27"), fulfil()],
        **DINAR,
        total="12.500",
    ),
]
# what each charge is worth at its own rate, half-up
SETTLED = {"ch_71a": "49.60", "ch_71b": "102.40", "ch_72b": "40.42", "ch_72a": "107.60"}
SETTLED |= {"ch_73a": "107.60", "ch_73b": "40.42", "ch_74a": "37.06", "ch_74b": "114.08"}
SETTLED |= {"ch_75a": "12.98", "ch_75b": "26.80", "ch_76a": "40.88"}
RECEIVABLE = Decimal("600.00") + Decimal("39.58") + Decimal("40.63")


@pytest.fixture(scope="module")
def company() -> dict[str, Any]:
    """It sells in yen and in dinar as well."""
    known = harbor_light_supply()
    more = [{name: each[name] for name in ("shop", "currency", "taxes_included")} for each in (YEN, DINAR)]
    rates = [{"code": each["currency"], "rate": each["rate"]} for each in (YEN, DINAR)]
    return {**known, "shops": [*known["shops"], *more], "currencies": [*known["currencies"], *rates]}


@pytest.fixture(scope="module")
def office(
    stack: Stack, sandboxes: Player, company: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """The cases, played to their end."""
    file = with_expectations(order_file(CASES, company=company))
    with open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play()
        yield office


def test_every_charge_reaches_clearing_at_its_own_rate_and_the_rest_is_realised(office: Office) -> None:
    result = read_result(office.file, office.player, office.state)
    assert differences(office.file, result) == []
    settled = sum(map(Decimal, SETTLED.values()))
    for books in result["books"].values():
        found = {role: Decimal(books[role]) for role in ("clearing", "receivables", "fx_gain_loss")}
        assert found == {"clearing": settled, "receivables": 0, "fx_gain_loss": RECEIVABLE - settled}


def test_every_invoice_is_paid(office: Office) -> None:
    orders = read_result(office.file, office.player, office.state)["orders"]
    due = [Decimal(invoice["AmountDue"]) for order in orders.values() for invoice in order["xero_invoices"]]
    assert due == [0, 0, 0, 0, 0, 0, 0]


def test_no_gain_is_sent_that_gp_has_booked(office: Office) -> None:
    with transaction(office.state) as session:
        assert session.scalars(select(Delivery.record_key).where(Delivery.leg == "realised_gain")).all() == []
