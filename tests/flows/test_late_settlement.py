"""A charge that Stripe settles days later, and one in another currency than its order: neither is booked at a guess."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from demo.books import read_result
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter
from sandbox.player import Player, opening_of
from tests.flows.expected_books import with_expectations
from tests.flows.golden_orders import fulfil, lamp, line, order_file, sale
from tests.flows.in_process import Office, open_office

POUNDS = {"shop": "uk", "currency": "GBP", "rate": "1.25", "taxes_included": True}
LATE = sale(4801, [line("MUG-12", 10, "12.00", ())], [fulfil()], **POUNDS, total="120.00")
IN_EUROS = sale(4802, [lamp()], [fulfil()])
AT = "2026-03-02T16:30:00Z"


def charged(office: Office, order: dict[str, Any], identity: str, **event: Any) -> None:
    """What the shop's customer paid; the shop has its own amount of it."""
    paid = {"id": identity, "at": AT, "fee": "1.00", **event}
    office.player.call("POST", "stripe", "/_sandbox/charges", {"event": paid, "order": order})


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Both orders shipped and charged, neither settled in the books' currency at its order's amount."""
    file = with_expectations(order_file([LATE, IN_EUROS]))
    with open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.player.set_clock(opening_of(file))
        for step in (1, 3):  # placed, shipped
            office.player.play(file, step)
            office.drain()
        charged(office, LATE["order"], "ch_late", amount="120.00", settled=False)
        euros = {**IN_EUROS["order"], "currency": "EUR", "rate": "1.0973"}
        charged(office, euros, "ch_euros", amount="49.00", rate="1.0973")
        office.drain()
        yield office


def paid(office: Office) -> dict[str, Decimal]:
    """What is due of each order's invoice, and what lies on clearing in GP."""
    result = read_result(office.file, office.player, office.state)
    due = {name: Decimal(each["xero_invoices"][0]["AmountDue"]) for name, each in result["orders"].items()}
    return due | {ledger: Decimal(books.get("clearing", "0")) for ledger, books in result["books"].items()}


def test_a_charge_waits_for_its_balance_transaction_and_is_booked_at_its_rate(office: Office) -> None:
    assert paid(office) == {"#4801": Decimal(120), "#4802": Decimal("53.77"), "gp": 0, "xero": 0}
    settled = {"at": "2026-03-09T10:00:00Z", "fee": "1.00", "rate": "1.31"}
    office.player.call("POST", "stripe", "/_sandbox/charges/ch_late/settle", settled)
    office.drain()
    worth = Decimal("157.20")
    assert paid(office) == {"#4801": 0, "#4802": Decimal("53.77"), "gp": worth, "xero": worth}


def test_a_charge_in_another_currency_than_its_order_is_a_letter_that_says_so(office: Office) -> None:
    with transaction(office.state) as session:
        [letter] = session.scalars(select(DeadLetter)).all()
    assert (letter.code, letter.record_key.rpartition(":")[2]) == ("LB-CAN-004", "ch_euros")
    assert "49.00 EUR" in letter.message
