"""Payouts that the bank sent back: both ledgers take back those they had posted, once (accounting-rules.md rule 7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from demo.books import read_result
from demo.passes import deliveries_sent
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery, SourceRecord
from sandbox.player import Player
from tests.flows.expected_books import with_expectations
from tests.flows.golden_orders import fulfil, lamp, order_file, pay, sale
from tests.flows.in_process import Office, open_office
from tests.golden.check import differences

# a lamp is 53.77 with its tax, 52.77 after the fee
CASES = [sale(4700 + n, [lamp()], [pay(f"ch_{n}", "53.77"), fulfil()]) for n in (91, 92, 93)]
PAYOUTS = [
    {"id": "po_posted", "step": 5, "arrives": "2026-03-20", "covers": ["ch_91"], "amount": "52.77"},
    {"id": "po_kept", "step": 5, "arrives": "2026-03-20", "covers": ["ch_92"], "amount": "52.77"},
    {
        "id": "po_early",
        "step": 5,
        "arrives": "2026-03-20",
        "covers": ["ch_93"],
        "amount": "52.77",
        "reconciliation_status": "in_progress",
    },
]
SENT_BACK = ("po_posted", "po_early")
BACK = "stripe:%:payout:%:back"


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """All payouts made, those itemised posted; then two come back, one of them unposted and itemised afterwards."""
    file = with_expectations(order_file(CASES, PAYOUTS))
    books = file["books"]
    back = sum(Decimal(each["amount"]) for each in PAYOUTS if each["id"] in SENT_BACK)
    books["bank"] = str(Decimal(books["bank"]) - back)
    books["clearing"] = str(Decimal(books.get("clearing", "0")) + back)
    with open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play_steps()
        for payout in SENT_BACK:
            office.player.call("POST", "stripe", f"/_sandbox/payouts/{payout}/fail", {"at": "2026-03-24T20:00:00Z"})
        office.player.call("POST", "stripe", "/_sandbox/payouts/po_early/reconcile", {"at": "2026-03-24T21:00:00Z"})
        office.drain()
        office.flow.run("closing", close=True)
        yield office


def test_bank_has_what_it_kept_and_clearing_is_the_gateways_balance(office: Office) -> None:
    result = read_result(office.file, office.player, office.state)
    assert differences(office.file, result) == []
    assert {books["bank"] for books in result["books"].values()} == {"52.77"}
    verdict = office.verdicts[-1]
    assert (verdict["agree"], verdict["differences"]) == (True, [])
    assert Decimal(verdict["figures"]["stripe balance"]) == Decimal(result["books"]["xero"]["clearing"])


def test_each_ledger_takes_back_what_it_posted_on_the_day_it_failed(office: Office) -> None:
    assert taken_back(office) == {
        (entity, "po_posted failed"): ("-52.77", date(2026, 3, 24).isoformat())
        for entity in ("gp.gl_transaction", "xero.bank_transfer")
    }
    with transaction(office.state) as session:
        ends = session.execute(
            select(SourceRecord.label, SourceRecord.outcome, SourceRecord.reason).where(
                SourceRecord.leg.startswith("payout_back_"), SourceRecord.label == "po_early failed"
            )
        )
        found = {(label, outcome, reason) for label, outcome, reason in ends}
    assert found == {("po_early failed", "superseded", "the money came back before its payout was posted")}


def test_further_passes_send_nothing(office: Office) -> None:
    before = taken_back(office)
    for run in ("again", "and-again"):
        office.flow.run(run)
        assert deliveries_sent(office.state, run) == 0
    assert taken_back(office) == before


def taken_back(office: Office) -> dict[tuple[str, str], tuple[Any, Any]]:
    """Amount and day of each reversal, by entity and label; one a key."""
    with transaction(office.state) as session:
        sent = session.execute(select(Delivery.entity, Delivery.canonical).where(Delivery.record_key.like(BACK)))
        rows = [((entity, made["label"]), (made["amount"], made["arrived_on"])) for entity, made in sent]
    assert len(rows) == len(dict(rows))
    return dict(rows)
