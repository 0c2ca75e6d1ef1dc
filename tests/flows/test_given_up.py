"""Pieces refunded before they ship: off the order while GP still can, else invoiced and returned (decision 0018)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from demo.books import read_result
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, DeadLetter, SourceRecord
from sandbox.player import Player
from tests.flows.expected_books import with_expectations
from tests.flows.golden_orders import fulfil, lamp, line, order_file, pay, refund, returned, sale
from tests.flows.in_process import Office, open_office
from tests.golden.check import differences

EARLY = "2026-03-02T17:00:00Z"
LATER = "2026-03-02T20:00:00Z"
CARDS = line("CARD-05", 5, "3.33")
SHIPPING = {"title": "Post", "price": "6.00", "discount": "0.00", "tax": []}
POUNDS = {"shop": "uk", "currency": "GBP", "rate": "1.25", "taxes_included": True, "total": "36.00"}
MUGS = line("MUG-12", 3, "12.00", ())


def given_up(identity: str, amount: str, *lines: dict[str, Any], step: int = 2, **what: Any) -> dict[str, Any]:
    """Pieces that the shop says it had not shipped, with their money."""
    at = EARLY if step == 1 else LATER
    return refund(identity, amount, step=step, at=at, **{"restock": "CANCEL", "lines": list(lines), **what})


ONE, TWO = returned(lamp(3), 1), returned(lamp(3), 2)
# a lamp is 53.77 with its tax, three are 161.31, five cards 17.94
CASES = {
    "before the flow had read the order": sale(
        4501, [lamp(3)], [pay("ch_71", "161.31"), given_up("re_71", "53.77", ONE, step=1), fulfil()]
    ),
    "from the order in GP": sale(4502, [lamp(3)], [pay("ch_72", "161.31"), given_up("re_72", "53.77", ONE), fulfil()]),
    "in pounds, paid back at the rate of the charge": sale(
        4503,
        [MUGS],
        [
            pay("ch_73", "36.00", rate="1.2137"),
            given_up("re_73", "12.00", returned(MUGS, 1), rate="1.2137", restock="NO_RESTOCK"),
            fulfil(),
        ],
        **POUNDS,
    ),
    "a whole line": sale(
        4504, [lamp(3), CARDS], [pay("ch_74", "179.25"), given_up("re_74", "17.94", returned(CARDS, 5)), fulfil()]
    ),
    "all of it, shipping too": sale(
        4505,
        [CARDS],
        [
            pay("ch_75", "23.94"),
            given_up("re_75", "23.94", returned(CARDS, 5), shipping="6.00", shipping_tax=[]),
            fulfil(),
        ],
        shipping=SHIPPING,
        total="23.94",
    ),
    "on account": sale(4506, [lamp(3)], [given_up("re_76", "0.00", ONE), fulfil()]),
    "twice": sale(
        4507,
        [lamp(3)],
        [pay("ch_77", "161.31"), given_up("re_77a", "53.77", ONE, step=1), given_up("re_77b", "53.77", ONE), fulfil()],
    ),
    "then cancelled": sale(
        4508,
        [lamp(3)],
        [
            pay("ch_78", "161.31"),
            given_up("re_78a", "53.77", ONE),
            {"step": 3, "do": "cancel", "at": "2026-03-03T15:00:00Z"},
            refund("re_78b", "107.54"),
        ],
    ),
    "then others returned": sale(
        4509,
        [lamp(3)],
        [
            pay("ch_79", "161.31"),
            given_up("re_79a", "53.77", ONE),
            fulfil(),
            refund("re_79b", "53.77", lines=[ONE]),
        ],
    ),
    "when the warehouse had just transferred the order": sale(
        4510,
        [lamp(3)],
        [pay("ch_80", "161.31"), given_up("re_80", "53.77", ONE), fulfil(step=2, at="2026-03-02T21:00:00Z")],
    ),
    "when the warehouse had just transferred a part": sale(
        4511,
        [lamp(3)],
        [
            pay("ch_81", "161.31"),
            given_up("re_81", "53.77", ONE),
            fulfil([{"sku": "LAMP-01", "quantity": 1}], step=2, at="2026-03-02T21:00:00Z"),
            fulfil(),
        ],
    ),
    "of what nobody has entered": sale(
        4512,
        [lamp(3), line("NO-SUCH-SKU", 1, "10.00", ())],
        [
            pay("ch_82", "171.31"),
            given_up("re_82", "10.00", returned(line("NO-SUCH-SKU", 1, "10.00", ()), 1)),
            fulfil(),
        ],
    ),
}
RETURNED = {"#4509", "#4510", "#4511"}


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The cases, played to their end."""
    file = with_expectations(order_file(list(CASES.values())))
    with open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play()
        yield office


def test_ledgers_hold_what_the_shop_says_once(office: Office) -> None:
    assert differences(office.file, read_result(office.file, office.player, office.state)) == []


def test_only_what_was_on_an_invoice_came_back(office: Office) -> None:
    result = read_result(office.file, office.player, office.state)
    assert {name for name, order in result["orders"].items() if float(order["credited"])} == RETURNED


def test_nothing_waits_and_nothing_is_rejected(office: Office) -> None:
    with transaction(office.state) as session:
        letters = session.scalars(select(DeadLetter).where(DeadLetter.state == "open")).all()
        waiting = select(SourceRecord.label, SourceRecord.leg, SourceRecord.reason).where(
            SourceRecord.outcome == "waiting"
        )
        assert (letters, session.execute(waiting).all()) == ([], [])


def test_the_refund_of_pieces_that_came_off_ends_superseded_and_is_audited(office: Office) -> None:
    with transaction(office.state) as session:
        ends = select(SourceRecord.source_key, SourceRecord.label, SourceRecord.reason).where(
            SourceRecord.leg == "goods_back", SourceRecord.outcome == "superseded"
        )
        reasons = {label: (key, reason) for key, label, reason in session.execute(ends)}
        audited = select(AuditEntry.record_key).where(
            AuditEntry.action == "superseded", AuditEntry.task == "goods_back.transform"
        )
        told = set(session.scalars(audited))
    assert reasons["#4502"][1] == "its pieces came off the order before they were invoiced"
    assert reasons.keys() == {case["order"]["name"] for case in office.file["cases"]} - RETURNED
    assert told >= {key for key, _ in reasons.values()}


def test_running_every_task_again_changes_nothing(office: Office) -> None:
    before = {system: office.player.ledger(system) for system in ("gp", "xero")}
    office.do_again()
    assert {system: office.player.ledger(system) for system in ("gp", "xero")} == before
