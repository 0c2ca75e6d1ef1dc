"""Orders paid by Shopify Payments or PayPal, from the charge to the bank, with all else that moves their balances."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from demo.books import read_result, roles_that_differ
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter
from sandbox.orders import harbor_light_supply
from sandbox.player import Player, opening_of
from tests.flows.golden_orders import edit, fulfil, lamp, line, order_file, pay, refund, returned, sale
from tests.flows.in_process import Office, open_office

Json = dict[str, Any]
GATEWAY = "shopify_payments"
LAMP = "53.77"
POUNDS = {"shop": "uk", "currency": "GBP", "rate": "1.25", "taxes_included": True, "total": "120.00"}
EUROS = {"presentment": {"currency": "EUR", "rate": "0.9"}}


def charged(identity: str, amount: str, **more: Any) -> Json:
    return pay(identity, amount, gateway=GATEWAY, **more)


def given_back(identity: str, amount: str, **more: Any) -> Json:
    return refund(identity, amount, gateway=GATEWAY, **more)


def pounds(number: int, *events: Json) -> Json:
    """Ten mugs at 12.00 pounds, without tax: 150.00 USD at the rate of their invoice."""
    return sale(number, [line("MUG-12", 10, "12.00", ())], list(events), **POUNDS)


CANCELLED = {"step": 2, "do": "cancel", "at": "2026-03-02T20:00:00Z"}
BEFORE = {"step": 2, "at": "2026-03-02T20:30:00Z"}
CASES = [
    sale(5301, [lamp()], [charged("p.5301", LAMP), fulfil()]),
    # its money is disputed and stays lost
    sale(5302, [lamp()], [charged("p.5302", LAMP), fulfil()]),
    sale(
        5303,
        [lamp(2)],
        [charged("p.5303", "107.54"), fulfil(), given_back("r.5303", LAMP, lines=[returned(lamp(), 1)])],
    ),
    sale(5304, [lamp()], [charged("p.5304", LAMP), CANCELLED, given_back("r.5304", LAMP, **BEFORE)]),
    # disputed, as nothing was shipped: no loss
    sale(5307, [lamp()], [charged("p.5307", LAMP), CANCELLED]),
    # one part by gift card
    sale(5305, [lamp()], [pay("gc_5305", "50.00", gateway="gift_card"), charged("p.5305", "3.77"), fulfil()]),
    # the buyer pays euros: 0.24 less came of the charge, and 0.11 less went back
    sale(
        5306,
        [lamp()],
        [
            charged("p.5306", LAMP, settled="53.53"),
            fulfil(),
            given_back("r.5306", LAMP, settled="53.66", lines=[returned(lamp(), 1)]),
        ],
        **EUROS,
    ),
    # a gain of 120 x 0.06
    pounds(5311, charged("p.5311", "120.00", rate="1.31"), fulfil()),
    # what was on no invoice comes back at another rate: a loss of 36 x 0.05
    pounds(
        5312,
        charged("p.5312", "120.00", rate="1.25"),
        edit([line("MUG-12", 7, "12.00", ())]),
        given_back("r.5312", "36.00", rate="1.30", **BEFORE),
        fulfil(),
    ),
]
BY_PAYPAL = {"gateway": "paypal"}
CASES += [
    # charged back later
    sale(5321, [lamp()], [pay("pp.5321", LAMP, fee="2.17", **BY_PAYPAL), fulfil()]),
    sale(
        5322,
        [lamp(2)],
        [
            pay("pp.5322", "107.54", fee="4.01", **BY_PAYPAL),
            fulfil(),
            refund("pr.5322", LAMP, lines=[returned(lamp(), 1)], **BY_PAYPAL),
        ],
    ),
    # charged back, as nothing was shipped: no loss
    sale(5323, [lamp()], [pay("pp.5323", LAMP, fee="2.17", **BY_PAYPAL), CANCELLED]),
]
TAKEN_BY_PAYPAL = [
    {"id": "pc.5321", "at": "2026-03-12T20:00:00Z", "code": "T1201", "amount": "-53.77", "about": "pp.5321"},
    {"id": "pc.5323", "at": "2026-03-12T20:00:00Z", "code": "T1201", "amount": "-53.77", "about": "pp.5323"},
    {"id": "pc.fee", "at": "2026-03-12T20:00:00Z", "code": "T0106", "amount": "-20.00"},
]
MOVED = [
    {"shop": "us", "at": "2026-03-12T20:00:00Z", **event}
    for event in (
        {"id": "d.1", "type": "DISPUTE_WITHDRAWAL", "about": "p.5302", "amount": "-53.77", "fee": "15.00"},
        {"id": "d.2", "type": "DISPUTE_WITHDRAWAL", "about": "p.5307", "amount": "-53.77"},
        {"id": "l.1", "type": "SHIPPING_LABEL", "amount": "-8.10"},
        {"id": "h.1", "type": "RESERVED_FUNDS", "amount": "-20.00"},
        {"id": "h.2", "type": "RESERVED_FUNDS_WITHDRAWAL", "amount": "5.00"},
        {"id": "x.1", "type": "ANOMALY_CREDIT", "amount": "1.00"},
    )
]
"""What Shopify does itself; the last is of a kind that nobody has said a role of."""


def payout(identity: str, shop: str = "us", **more: Any) -> Json:
    return {"id": identity, "shop": shop, "gateway": GATEWAY, "arrives": "2026-03-13", "step": 5, **more}


PAYOUTS = [
    # 53.77 less the fee of 1.00
    payout("T-whole", covers=["p.5301"], amount="52.77"),
    # the bank sends it back when it was posted
    payout("T-failed", covers=["p.5305"], amount="2.77"),
    # a dispute, a label and a reserve outweigh the rest: the bank pays
    payout("T-negative", covers=["p.5302", "d.1", "l.1", "h.1"], amount="-44.10"),
    payout("T-pounds", "uk"),
    payout("T-waits", covers=["p.5304"], status="SCHEDULED"),
    {"id": "pw.1", "step": 5, "arrives": "2026-03-13", "covers": [], "amount": "20.00", **BY_PAYPAL},
]


@pytest.fixture(scope="module")
def company() -> Json:
    """Two of its shops take Shopify Payments, which pays out in the books' currency; all take PayPal."""
    known = harbor_light_supply()
    return {
        **known,
        "paypal": "USD",
        "shops": [{**shop, GATEWAY: "USD"} if shop["shop"] != "world" else shop for shop in known["shops"]],
    }


@pytest.fixture(scope="module")
def office(
    company: Json, stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """All of it played to the end."""
    file = order_file(CASES, PAYOUTS, company)
    with open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.player.set_clock(opening_of(file))
        for steps in ((1, 2), (3,), (4, 5)):
            for step in steps:
                if step == 5:
                    for event in MOVED:
                        office.player.call("POST", "shopify", "/_sandbox/balance_transactions", event)
                    for event in TAKEN_BY_PAYPAL:
                        office.player.call("POST", "paypal", "/_sandbox/transactions", event)
                office.player.play(file, step)
            office.drain()
        office.player.call("POST", "shopify", "/_sandbox/payouts/T-failed/FAILED", {"shop": "us"})
        office.drain()
        yield office


@pytest.fixture(scope="module")
def result(office: Office) -> Json:
    """What both ledgers hold of them."""
    return read_result(office.file, office.player, office.state)


def test_both_ledgers_agree_and_no_order_has_a_letter(result: Json) -> None:
    assert {name: order["dead_letters"] for name, order in result["orders"].items() if order["dead_letters"]} == {}
    assert roles_that_differ(result) == []


def test_what_moved_the_gateways_balances_is_on_its_roles_to_the_cent(result: Json) -> None:
    right = {
        "bank": "287.07",  # 52.77 + 258.40 of the shop in pounds, less the 44.10 that the bank paid; 20.00 of PayPal
        "shopify_clearing": "61.41",
        "paypal_clearing": "5.42",
        "clearing": "0.00",
        "fees": "56.45",  # five of charges, 15.00 of a dispute, the label's 8.10; 2.17 twice, 4.01 and 20.00 of PayPal
        "goodwill": "107.54",
        "gateway_reserve": "15.00",
        "gateway_exchange": "1.93",  # 0.24 - 0.11 of euros, 1.80 of pounds that were on no invoice
        "fx_gain_loss": "-7.20",
        "receivables": "0.00",
        "returns": "149.70",
        "gift_cards": "50.00",
    }
    for books in result["books"].values():
        assert {role: books[role] for role in right} == right


def test_the_reconciliation_has_every_movement_of_all_accounts(office: Office) -> None:
    verdict = office.verdicts[-1]
    assert verdict["agree"]
    assert verdict["figures"]["shopify_payments balance"] == "5.64"
    assert verdict["figures"]["paypal balance"] == "5.42"
    found = {(each["type"], each["value"]): each["reason"] for each in verdict["differences"]}
    assert found.pop(("money without document", "1.00")) in {f"dead letter {each.id}" for each in letters(office)}
    assert found == {
        ("fee not posted", "4.00"): "the fees of payouts that are not closed",
        ("payout not posted", "52.77"): "the payout is not closed",
    }


def test_a_movement_of_a_kind_without_a_role_is_a_letter_that_names_the_table(office: Office) -> None:
    assert {(each.code, each.value) for each in letters(office)} == {("LB-MAP-002", "ANOMALY_CREDIT")}


def letters(office: Office) -> list[DeadLetter]:
    with transaction(office.state) as session:
        found = list(session.scalars(select(DeadLetter).order_by(DeadLetter.leg)))
        session.expunge_all()
        return found
