"""
Orders of real life that once came out wrong: each leaves the right books, or a letter that says what to do.

The files lie beside the checkout, one a kind of trouble. All are played in one office, to the end of what they tell.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from demo.books import read_result
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter, SourceRecord
from sandbox.player import STEPS, Player, opening_of
from tests.flows.golden_orders import US_TAXES, fulfil, lamp, line, order_file, returned
from tests.flows.in_process import Office, open_office
from tests.flows.test_orders_of_real_shops import in_gp
from tests.reference_data import Reference

Json = dict[str, Any]
Money = Mapping[str, str]
CASES = Reference("cases", "files of real troubles, one a kind", "the acceptance of `every way shops sell and pay`")
pytestmark = CASES.needed

SALE: Money = {"sales": "-49.90", "tax_payable": "-3.87"}
"""One lamp of the US shop."""
BACK: Money = {"returns": "49.90", "tax_payable": "3.87"}
LAMP = "53.77"


@dataclass(frozen=True)
class Right:
    """
    How a case must come out.

    :param invoices: what each order's invoices are over, in both ledgers; an order that is not here has none.
    :param due: what stays due of an order.
    :param letters: the codes of the letters of an order, with words of each one's remedy.
    :param books: what the case leaves on each role in both ledgers, before anything is paid out, debit positive.
    """

    invoices: Mapping[str, list[str]] = field(default_factory=dict)
    due: Mapping[str, str] = field(default_factory=dict)
    letters: Mapping[str, dict[str, str]] = field(default_factory=dict)
    books: list[Money] = field(default_factory=list)


DISPUTED = Right({"#8001": [LAMP]}, books=[SALE, {"goodwill": LAMP, "fees": "18.00", "clearing": "-18.00"}])
RIGHT = {
    "cancellation-fee": Right(
        letters={"#2009": {"LB-MAP-002": "include/lookups/cancellation_fees.csv"}},
        books=[{"fees": "1.00", "clearing": "-1.00"}],
    ),
    "cash-on-delivery": Right({"#8003": [LAMP]}, books=[SALE, {"bank": LAMP}]),
    "cash-rounding": Right({"#108": [LAMP]}, books=[SALE, {"bank": "53.75", "rounding": "0.02"}]),
    "channel-liable-tax": Right({"#4005": ["49.90"]}, books=[{"sales": "-49.90", "fees": "1.00", "clearing": "48.90"}]),
    "charge-in-other-currency": Right(
        {"#2014": [LAMP]},
        due={"#2014": LAMP},
        letters={"#2014": {"LB-CAN-004": "by hand on the invoice"}},
        books=[SALE, {"receivables": LAMP, "fees": "1.00", "clearing": "-1.00"}],
    ),
    "dispute-lost": DISPUTED,
    "duties": Right({"#4001": ["61.77"]}, books=[SALE, {"duties": "-8.00", "fees": "1.00", "clearing": "60.77"}]),
    "exchange": Right(
        {"#4003": [LAMP, "139.00"]},
        books=[
            SALE,
            BACK,
            {"sales": "-129.00", "tax_payable": "-10.00", "fees": "2.00", "clearing": "137.00"},
        ],
    ),
    "gift-card": Right(
        {"#1402": ["50.00"], "#1403": [LAMP]},
        books=[SALE, {"gift_cards": "0.00", "fees": "2.00", "clearing": "51.77"}],
    ),
    "late-balance-transaction": Right(
        {"#1101": ["120.00"]},
        books=[{"sales": "-150.00", "fx_gain_loss": "-7.20", "fees": "1.00", "clearing": "156.20"}],
    ),
    "mail-in-other-case": Right(
        {"#1013": [LAMP], "#1014": [LAMP]}, books=[SALE, SALE, {"fees": "2.00", "clearing": "105.54"}]
    ),
    "mail-only-on-order": Right({"#4008": [LAMP]}, books=[SALE, {"fees": "1.00", "clearing": "52.77"}]),
    "other-gateway": Right({"#2007": [LAMP]}, due={"#2007": LAMP}, books=[SALE, {"receivables": LAMP}]),
    "po-number": Right({"#107": [LAMP]}, due={"#107": LAMP}, books=[SALE, {"receivables": LAMP}]),
    "real-tax-titles": Right(
        letters={name: {"LB-MAP-002": "include/lookups/tax_titles.csv"} for name in ("#1025", "#1026")},
        books=[{"fees": "2.00", "clearing": "-2.00"}],
    ),
    "refund-failed-later": Right(
        {"#3005": [LAMP]},
        letters={"#3005": {"LB-CAN-005": "delete the payment"}},
        books=[SALE, BACK, {"fees": "1.00", "clearing": "-1.00"}],
    ),
    "ships-elsewhere": Right({"#4010": [LAMP]}, books=[SALE, {"fees": "1.00", "clearing": "52.77"}]),
    "store-credit": Right(
        {"#2011": [LAMP]},
        books=[SALE, BACK, {"store_credit": "-53.77", "fees": "1.00", "clearing": "52.77"}],
    ),
    "stripe-bill": DISPUTED,
    "tip": Right({"#4014": ["58.77"]}, books=[SALE, {"tips": "-5.00", "fees": "1.00", "clearing": "57.77"}]),
    "two-shipping-lines": Right(
        {"#4006": ["75.33"]},
        books=[SALE, {"shipping_income": "-20.00", "tax_payable": "-1.56", "fees": "1.00", "clearing": "74.33"}],
    ),
    "two-shops-one-number": Right(
        {"#5001": [LAMP, "12.00"]}, books=[SALE, {"sales": "-15.00", "fees": "2.00", "clearing": "66.77"}]
    ),
}
"""By file. Two of them tell of one order."""


def _beside(line_type: str, title: str, price: str) -> Json:
    return {**line("", 1, price, ()), "title": title, "line_type": line_type}


def _duty(case: Json) -> None:
    case["order"]["lines"].append(_beside("DUTY", "Duties", "8.00"))
    case["order"]["total"] = "61.77"


def _exchange(case: Json) -> None:
    """The lamp back for a heater, which the warehouse sends a week later."""
    back = {"step": 4, "do": "exchange", "at": "2026-03-09T18:00:00Z", "lines": [returned(lamp(), 1)]}
    case["events"] += [{**back, "new": [line("HEAT-01", 1, "129.00", US_TAXES)]}]
    case["events"] += [fulfil(step=5, at="2026-03-16T15:00:00Z")]


def _guest(case: Json) -> None:
    case["order"]["customer"]["id"] = None


def _elsewhere(case: Json) -> None:
    address = {**case["order"]["customer"]["address"], "line1": "9 Faraway Road", "city": "Austin", "state": "TX"}
    case["order"]["ship_to"] = {"first_name": "Gift", "last_name": "Receiver", "address": {**address, "zip": "73301"}}


def _remitted(case: Json) -> None:
    for tax in case["order"]["lines"][0]["tax"]:
        tax["channel_liable"] = True


def _second_shipping_line(case: Json) -> None:
    case["order"].update(shipping=[case["order"]["shipping"]] * 2, total="75.33")


def _same_number(case: Json) -> None:
    case["order"]["name"] = "#5001"


SHAPES: dict[str, Callable[[Json], None]] = {
    "#4001": _duty,
    "#4003": _exchange,
    "#4005": _remitted,
    "#4006": _second_shipping_line,
    "#4008": _guest,
    "#4010": _elsewhere,
    "#5001-uk": _same_number,
}
"""What a file says of the shop's answer (`change_of_the_shopify_payload`), as the sandbox has learnt it since."""
MORE: dict[str, Json] = {"cash_108": {"rounding": "-0.02"}, "sc_2011": {"gateway": "shopify_store_credit"}}
"""The same of what people do, by the id of the money."""
TYPED = {"#8003": LAMP, "#108": "53.75"}
"""What people enter in Xero, on the bank account, as what a courier or a till took."""
PAYOUT = {"id": "po_all", "step": 5, "arrives": "2026-03-20"}


def read_cases() -> tuple[Json, dict[int, list[Json]]]:
    """One file of all orders, and what people do after which step, each once."""
    cases: dict[str, Json] = {}
    people: dict[int, list[Json]] = defaultdict(list)
    for name in RIGHT:
        told = json.loads((CASES.path / f"{name}.json").read_text())
        for case in told["CASES"]["cases"]:
            if case["id"] not in cases:
                SHAPES.get(case["id"], lambda _: None)(case)
                cases[case["id"]] = case
        for action in told.get("people_do", []):
            if "path" in action and action["body"].get("id") != PAYOUT["id"] and action not in people[action["step"]]:
                people[action["step"]].append(action)
    return order_file(list(cases.values())), people


def enter_cash(player: Player) -> None:
    numbers = {each["Reference"]: each["number"] for each in player.ledger("xero")["invoices"]}
    for name, amount in TYPED.items():
        payment = {"number": numbers[name], "amount": amount, "account": "090", "on": "2026-03-09", "reference": "COD"}
        player.call("POST", "xero", "/_sandbox/payments", payment)


@dataclass(frozen=True)
class Played:
    """What all of them left behind, and how much was paid out."""

    office: Office
    result: Json
    paid_out: Decimal


@pytest.fixture(scope="module")
def played(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """All files, step by step; after the last the gateway pays out what it holds."""
    file, people = read_cases()
    with open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        player = office.player
        player.set_clock(opening_of(file))
        for step in STEPS:
            player.play(file, step)
            for action in people[step]:
                body = {**action["body"], **MORE.get(action["body"].get("id", ""), {})}
                player.call(action["method"], action["system"], action["path"], body)
            if step == 3:
                player.fulfil("#5001", on="2026-03-03")  # the other shop's
                player.post()
            if step == 4:
                enter_cash(player)
            if step == STEPS[-1]:
                paid = player.call("POST", "stripe", "/_sandbox/payouts", PAYOUT)
            office.drain()
        office.flow.run("closing", close=True)
        yield Played(office, read_result(file, player, office.state), Decimal(paid["amount"]) / 100)


def letters_of(office: Office, name: str) -> dict[str, str]:
    """The open letters of an order and of its money, by code, with their remedies."""
    money = select(SourceRecord.source_key).where(SourceRecord.label.like(f"%\\_{name.strip('#')}%", escape="\\"))
    with transaction(office.state) as session:
        ours = set(session.scalars(money))
        found = session.scalars(select(DeadLetter).where(DeadLetter.state == "open"))
        return {each.code: each.remedy for each in found if each.label == name or each.source_key in ours}


def test_every_file_has_its_right_books() -> None:
    assert sorted(path.stem for path in CASES.path.glob("*.json")) == sorted(RIGHT)


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_a_case_leaves_the_right_documents_or_a_letter_that_says_what_to_do(name: str, played: Played) -> None:
    right = RIGHT[name]
    for order in {*right.invoices, *right.letters}:
        found = played.result["orders"][order]
        in_gp = sorted(Decimal(each["DOCAMNT"]) for each in found["gp_invoices"])
        in_xero = sorted(Decimal(each["Total"]) for each in found["xero_invoices"])
        assert in_gp == in_xero == sorted(map(Decimal, right.invoices.get(order, [])))
        due = sum(Decimal(each["AmountDue"]) for each in found["xero_invoices"])
        assert due == Decimal(right.due.get(order, 0))
        letters, expected = letters_of(played.office, order), right.letters.get(order, {})
        assert letters.keys() == expected.keys()
        assert all(words in letters[code] for code, words in expected.items()), letters


def test_both_ledgers_hold_what_all_of_them_must_leave_to_the_cent(played: Played) -> None:
    right: dict[str, Decimal] = defaultdict(Decimal)
    for file in {id(each): each for each in RIGHT.values()}.values():
        for booked in file.books:
            for role, amount in booked.items():
                right[role] += Decimal(amount)
    right["bank"] += played.paid_out
    right["clearing"] -= played.paid_out
    for ledger in "gp", "xero":
        books = {role: Decimal(played.result["books"][ledger][role]) for role in right}
        assert books == right, ledger


def test_no_run_is_green_with_money_unexplained(played: Played) -> None:
    verdict = played.office.verdicts[-1]
    assert [each for each in verdict["differences"] if not each["reason"]] == []


def test_people_addresses_and_numbers_are_those_of_the_order(played: Played) -> None:
    """In GP, of which Xero's contacts follow; what the amounts don't show."""
    invoices = in_gp("Sales_History_Transaction", "CSTPONBR")
    assert invoices["#1013"]["CUSTNMBR"] == invoices["#1014"]["CUSTNMBR"]
    assert in_gp("Customer", "CUSTNMBR")[invoices["#4008"]["CUSTNMBR"]]["CUSTNAME"] == "Pat Number 4008"
    assert [each["USERDEF1"] for each in invoices["#107"]["User_Defined"]] == ["PO-2026-778"]
    assert (invoices["#4010"]["ShipToName"], invoices["#4010"]["ADDRESS1"]) == ("Gift Receiver", "9 Faraway Road")
    [freight] = played.result["orders"]["#4006"]["gp_invoices"]
    assert (Decimal(freight["FREIGHT"]), Decimal(freight["FRTTXAMT"])) == (Decimal(20), Decimal("1.56"))


def test_money_that_nobody_tells_of_waits_under_its_order_with_the_reason(played: Played) -> None:
    with transaction(played.office.state) as session:
        waiting = select(SourceRecord.label, SourceRecord.reason).where(
            SourceRecord.outcome == "waiting", SourceRecord.label == "#2007"
        )
        [(_, reason)] = session.execute(waiting)
    assert "paid by paypal, and nobody tells us" in (reason or "")
