"""GP computes partly transferred lines anew: its cents go to rounding in both ledgers (accounting-rules.md rule 10)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from demo.books import read_result, roles_that_differ
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter, SourceRecord
from sandbox.player import Player
from tests.flows.golden_orders import fulfil, order_file, pay, sale
from tests.flows.in_process import Office, open_office


def cards(quantity: int, *taxes: tuple[str, str, str]) -> dict[str, Any]:
    """Sets of cards at 3.33, with the taxes the shop charged."""
    tax = [{"detail": detail, "rate": rate, "amount": amount} for detail, rate, amount in taxes]
    return {"sku": "CARD-05", "quantity": quantity, "unit_price": "3.33", "discount": "0.00", "tax": tax}


def shipped_apart(*quantities: int) -> list[dict[str, Any]]:
    """A shipment a quantity, on days of their own."""
    days = ((3, "2026-03-03T15:00:00Z"), (4, "2026-03-06T15:00:00Z"))
    return [
        fulfil([{"sku": "CARD-05", "quantity": quantity}], step=step, at=at)
        for quantity, (step, at) in zip(quantities, days, strict=True)
    ]


# 6.25 % of 3.33 is 0.21, of 6.66 it is 0.42, of 9.99 it is 0.62; 1.5 % of them is 0.05, 0.10 and 0.15
CASES = [
    sale(5101, [cards(3, ("MA-STATE", "0.0625", "0.62"))], [pay("ch_51", "10.61"), *shipped_apart(1, 2)]),
    sale(5102, [cards(3, ("MA-STATE", "0.0625", "0.64"))], [pay("ch_52", "10.63"), *shipped_apart(1, 2)]),
    sale(5103, [cards(3, ("MA-STATE", "0.0625", "0.90"))], [pay("ch_53", "10.89"), *shipped_apart(1, 2)]),
    sale(5104, [cards(3, ("MA-STATE", "0.0625", "0.62"))], [pay("ch_54", "10.61"), fulfil()]),
]


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The cases, played to their end in a GP that computes anew."""
    url = f"{sandboxes.addresses.of('gp')}/_sandbox/settings"
    httpx.put(url, json={"transfer_arithmetic": "recomputed"}, timeout=10).raise_for_status()
    covers = ["ch_51", "ch_52", "ch_53", "ch_54"]
    payout = {"id": "po_51", "step": 5, "arrives": "2026-03-16", "covers": covers, "amount": "38.74"}
    with open_office(order_file(CASES, [payout]), stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play()
        yield office


def test_gp_posted_a_cent_more_or_less_than_the_customers_were_charged(office: Office) -> None:
    orders = read_result(office.file, office.player, office.state)["orders"]
    totals = {name: sum(Decimal(i["DOCAMNT"]) for i in order["gp_invoices"]) for name, order in orders.items()}
    assert {name: f"{total:.2f}" for name, total in totals.items()} == {
        "#5101": "10.62",
        "#5102": "10.62",
        "#5103": "10.62",
        "#5104": "10.61",
    }


def test_the_cents_are_on_rounding_in_both_ledgers_and_no_invoice_stays_open(office: Office) -> None:
    result = read_result(office.file, office.player, office.state)
    assert roles_that_differ(result) == []
    # a cent too much and a cent too little: what is left of clearing is #5103's money, charged above its invoices
    books = {role: amount for role, amount in result["books"]["gp"].items() if Decimal(amount)}
    assert (books.get("rounding", "0.00"), books.get("receivables", "0.00")) == ("0.00", "0.00")
    assert rounded(office, "gp") == rounded(office, "xero") == ["-0.01", "0.01"]


def test_more_than_the_tolerance_is_a_dead_letter_with_both_figures_and_its_money_waits(office: Office) -> None:
    with transaction(office.state) as session:
        (letter,) = session.scalars(select(DeadLetter)).all()
        waiting = select(SourceRecord.leg, SourceRecord.reason).where(SourceRecord.outcome == "waiting")
        assert session.execute(waiting).all() == [("payment", "0.27 USD waits: the invoices of order #5103 are paid")]
    assert (letter.code, letter.label, letter.leg) == ("LB-CAN-003", "#5103", "rounding_debit")
    assert "10.62 USD, the customer was charged 10.89" in letter.message
    verdict = office.verdicts[-1]
    assert verdict["agree"]
    assert [(each["type"], each["value"]) for each in verdict["differences"]] == [("money without document", "0.27")]


def rounded(office: Office, system: str) -> list[str]:
    """What each document put on the rounding account."""
    account = next(each[system] for each in office.file["company"]["accounts"] if each["role"] == "rounding")
    entries = httpx.get(f"{office.player.addresses.of(system)}/_sandbox/entries", timeout=10).json()["entries"]
    if system == "gp":
        amounts = [Decimal(e["DEBITAMT"]) - Decimal(e["CRDTAMNT"]) for e in entries if e["ACTNUMST"] == account]
    else:
        lines = [line for entry in entries for line in entry["JournalLines"]]
        amounts = [Decimal(line["NetAmount"]) for line in lines if line["AccountCode"] == account]
    return sorted(f"{amount:.2f}" for amount in amounts if amount)
