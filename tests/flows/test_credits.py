"""Credits meet open invoices: what no refund takes settles what is due, in both ledgers (accounting-rules.md §2)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from demo.books import read_result, roles_that_differ
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter, SourceRecord
from sandbox.player import Player
from tests.flows.golden_orders import fulfil, lamp, order_file, pay, refund, returned, sale
from tests.flows.in_process import Office, open_office

BACK = [returned(lamp(2), 1)]
# two lamps are 107.54, one of them 53.77
CASES = {
    "returned on account": [fulfil(), refund("re_41", "0.00", lines=BACK)],
    "returned on account, then paid": [
        fulfil(),
        refund("re_42", "0.00", lines=BACK),
        pay("ch_42", "53.77", step=5, at="2026-03-20T16:00:00Z"),
    ],
    "partly paid, returned without money": [pay("ch_43", "40.00"), fulfil(), refund("re_43", "0.00", lines=BACK)],
    "partly paid, what was too much given back": [
        pay("ch_44", "60.00"),
        fulfil(),
        refund("re_44", "6.23", lines=BACK),
    ],
    "paid, returned with its money, then goodwill": [
        pay("ch_45", "107.54"),
        fulfil(),
        refund("re_45a", "53.77", lines=BACK),
        refund("re_45b", "20.00", at="2026-03-13T19:00:00Z", goodwill="20.00"),
    ],
    "returned before it was invoiced": [
        refund("re_46", "0.00", step=2, at="2026-03-02T20:00:00Z", lines=BACK),
        fulfil(),
        pay("ch_46", "53.77", step=4, at="2026-03-10T16:00:00Z"),
    ],
    "paid, its goods back first, their money later": [
        pay("ch_47", "107.54"),
        fulfil(),
        refund("re_47a", "0.00", lines=BACK),
        refund("re_47b", "53.77", step=5, at="2026-03-20T19:00:00Z"),
    ],
}
DUE = {f"#{4101 + number}": "0.00" for number in range(len(CASES))} | {"#4101": "53.77", "#4103": "13.77"}


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The cases, played to their end."""
    file = order_file([sale(4101 + number, [lamp(2)], events) for number, events in enumerate(CASES.values())])
    with open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play()
        yield office


def test_each_invoice_is_open_by_what_nobody_paid_or_credited(office: Office) -> None:
    result = read_result(office.file, office.player, office.state)
    due = {name: order["xero_invoices"][0]["AmountDue"] for name, order in result["orders"].items()}
    assert {name: f"{Decimal(amount):.2f}" for name, amount in due.items()} == DUE


def test_both_ledgers_hold_the_same_open_receivables_by_document(office: Office) -> None:
    assert open_in_gp(office.player) == open_in_xero(office.player)
    assert roles_that_differ(read_result(office.file, office.player, office.state)) == []


def test_nothing_waits_and_no_letter_is_open(office: Office) -> None:
    with transaction(office.state) as session:
        letters = [(each.label, each.leg, each.state) for each in session.scalars(select(DeadLetter))]
        assert letters == [("#4107", "fee_kept", "closed")]  # it was open until the money followed
        waiting = select(SourceRecord.leg, SourceRecord.reason).where(SourceRecord.outcome == "waiting")
        assert session.execute(waiting).all() == []


def test_running_every_task_again_applies_nothing_twice(office: Office) -> None:
    before = {system: office.player.ledger(system) for system in ("gp", "xero")}
    office.do_again()
    assert {system: office.player.ledger(system) for system in ("gp", "xero")} == before


def open_in_gp(player: Player) -> dict[str, Decimal]:
    """What is left of each posted receivable, credits negative."""
    left = {}
    for each in receivables(player):
        amount = Decimal(each["ORCTRXAM"])
        if amount:
            left[each["DOCNUMBR"]] = amount if each["RMDTYPAL"] in (1, 3) else -amount
    return left


def open_in_xero(player: Player) -> dict[str, Decimal]:
    """The same of Xero's documents; a receipt or debit memo is a payment there and never open."""
    ledger = player.ledger("xero")
    invoices = {each["number"]: Decimal(each["AmountDue"]) for each in ledger["invoices"]}
    notes = {each["number"]: -Decimal(each["RemainingCredit"]) for each in ledger["credit_notes"]}
    return {number: amount for number, amount in {**invoices, **notes}.items() if amount}


def receivables(player: Player) -> list[dict[str, Any]]:
    """GP's posted receivables."""
    return [each for each in player.ledger("gp")["documents"] if "RMDTYPAL" in each and each["state"] != "work"]
