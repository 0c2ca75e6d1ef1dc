"""What customers pay with beside the card: gift cards, store credit, cash, what nobody tells of, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from demo.books import read_result, roles_that_differ
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import SourceRecord
from sandbox.player import STEPS, Player, opening_of
from tests.flows.golden_orders import fulfil, lamp, order_file, pay, refund, returned, sale
from tests.flows.in_process import Office, open_office

Json = dict[str, Any]
LAMP = "53.77"


def cancel() -> Json:
    """Before anything is shipped."""
    return {"step": 2, "do": "cancel", "at": "2026-03-02T20:00:00Z"}


FILE = order_file(
    [
        sale(5201, [lamp()], [pay("gc_5201", "50.00", gateway="gift_card"), pay("ch_5201", "3.77"), fulfil()]),
        sale(
            5202,
            [lamp()],
            [
                pay("ch_5202", LAMP),
                fulfil(),
                refund("sc_5202", LAMP, lines=[returned(lamp(), 1)], gateway="shopify_store_credit"),
            ],
        ),
        sale(5203, [lamp()], [pay("sc_5203", LAMP, gateway="shopify_store_credit"), fulfil()]),
        sale(5204, [lamp()], [pay("PAYID-5204", LAMP, gateway="paypal"), fulfil()]),
        sale(5205, [lamp()], [pay("cash_5205", LAMP, gateway="cash"), fulfil()]),
        sale(5206, [lamp()], [pay("cash_5206", "53.75", gateway="cash", rounding="-0.02"), fulfil()]),
        sale(5207, [lamp()], [pay("cash_5207", "53.80", gateway="cash", rounding="0.03"), fulfil()]),
        sale(
            5208,
            [lamp()],
            [
                pay("gc_5208", LAMP, gateway="gift_card"),
                cancel(),
                refund("gcr_5208", LAMP, step=2, at="2026-03-02T20:30:00Z", gateway="gift_card"),
            ],
        ),
        sale(
            5209,
            [lamp()],
            [pay("ch_5209", LAMP), cancel(), refund("re_5209", "43.77", step=2, at="2026-03-02T20:30:00Z")],
        ),
        sale(
            5210,
            [lamp()],
            [
                pay("ch_5210", LAMP),
                fulfil(),
                {"step": 4, "do": "cancel", "at": "2026-03-09T20:00:00Z"},
                refund("re_5210", "43.77", at="2026-03-09T20:30:00Z"),
            ],
        ),
    ]
)
KEYED = {"#5205": LAMP, "#5206": "53.75", "#5207": "53.77"}


def enter_cash(player: Player) -> None:
    """A person enters in Xero, on the bank account, what the till took."""
    numbers = {each["Reference"]: each["number"] for each in player.ledger("xero")["invoices"] if each["Total"] == LAMP}
    for order, amount in KEYED.items():
        payment = {
            "number": numbers[order],
            "amount": amount,
            "account": "090",
            "on": "2026-03-09",
            "reference": "till",
        }
        player.call("POST", "xero", "/_sandbox/payments", payment)
    [more] = [each for each in player.ledger("xero")["invoices"] if each["Total"] == "0.03"]
    payment = {"number": more["number"], "amount": "0.03", "account": "090", "on": "2026-03-09", "reference": "till"}
    player.call("POST", "xero", "/_sandbox/payments", payment)


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """All of them played to the end, the cash entered by hand."""
    with open_office(FILE, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        with (office.folder / "companies" / "main.yaml").open("a") as company:
            company.write("settings: {cancellation_fees: kept}\n")
        office.player.set_clock(opening_of(FILE))
        for step in STEPS:
            office.player.play(FILE, step)
            if step == 4:
                enter_cash(office.player)
            office.drain()
        office.flow.run("closing", close=True)
        yield office


@pytest.fixture(scope="module")
def result(office: Office) -> Json:
    """What both ledgers hold of them."""
    return read_result(FILE, office.player, office.state)


def due(result: Json, name: str) -> Decimal:
    return sum((Decimal(each["AmountDue"]) for each in result["orders"][name]["xero_invoices"]), Decimal(0))


def waiting(office: Office, leg: str) -> dict[str | None, str | None]:
    """By order, why money of a leg waits."""
    found = select(SourceRecord.label, SourceRecord.reason).where(
        SourceRecord.leg == leg, SourceRecord.outcome == "waiting"
    )
    with transaction(office.state) as session:
        return {row.label: row.reason for row in session.execute(found)}


def test_both_ledgers_agree_and_no_order_has_a_letter(result: Json) -> None:
    assert {name: order["dead_letters"] for name, order in result["orders"].items() if order["dead_letters"]} == {}
    assert roles_that_differ(result) == []


def test_gift_cards_and_store_credit_are_paid_with_from_what_is_owed_for_them(result: Json) -> None:
    assert [due(result, name) for name in ("#5201", "#5202", "#5203")] == [0, 0, 0]
    for ledger in "gp", "xero":
        books = result["books"][ledger]
        assert Decimal(books["gift_cards"]) == Decimal("50.00")  # spent; sold in another file
        assert Decimal(books["store_credit"]) == 0  # given for one lamp, used on the next


def test_a_way_to_pay_without_a_source_stays_due_and_says_so(office: Office, result: Json) -> None:
    assert due(result, "#5204") == Decimal(LAMP)
    assert waiting(office, "shop_payment") == {
        "#5204": "53.77 USD of #5204 is due, paid by paypal, and nobody tells us: enter it on the document, or give it "
        "a line under `gateways` of the company file"
    }


def test_cash_that_people_entered_is_in_gp_on_the_bank_s_checkbook(result: Json) -> None:
    assert due(result, "#5205") == 0
    for ledger in "gp", "xero":
        assert Decimal(result["books"][ledger]["bank"]) == sum(map(Decimal, KEYED.values())) + Decimal("0.03")


def test_what_cash_was_rounded_by_is_on_rounding_and_nothing_stays_due(result: Json) -> None:
    assert [due(result, name) for name in ("#5206", "#5207")] == [0, 0]
    for ledger in "gp", "xero":
        assert Decimal(result["books"][ledger]["rounding"]) == Decimal("0.02") - Decimal("0.03")


def test_what_is_kept_of_a_cancelled_order_is_income_and_paid_by_its_charge(office: Office, result: Json) -> None:
    for name in "#5209", "#5210":
        assert due(result, name) == 0
    for ledger in "gp", "xero":
        assert Decimal(result["books"][ledger]["cancellation_fees"]) == 2 * Decimal("-10.00")
    assert waiting(office, "payment") == {}
    assert waiting(office, "refund") == {}
    assert waiting(office, "allocation") == {}


def test_an_order_paid_by_gift_card_and_cancelled_leaves_the_card_as_it_was(office: Office, result: Json) -> None:
    assert result["orders"]["#5208"]["outcome"] == "cancelled"
    assert waiting(office, "shop_refund") == {}
