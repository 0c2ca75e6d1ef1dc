"""What a gateway takes and gives by itself: disputes, bills, reserves, top-ups, a refund that fails (rules 5, 7)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from demo.books import read_result
from demo.passes import deliveries_sent
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter, Delivery, SourceRecord
from sandbox.player import Player
from tests.flows.golden_orders import fulfil, lamp, order_file, pay, refund, returned, sale
from tests.flows.in_process import Office, open_office

Json = dict[str, Any]
# a lamp is 53.77 with its tax, 52.77 after the fee
FILE = order_file(
    [
        *(sale(4930 + n, [lamp()], [pay(f"ch_{n}", "53.77"), fulfil()]) for n in (1, 2)),
        sale(
            4933,
            [lamp()],
            [pay("ch_3", "53.77"), fulfil(), refund("re_3", "53.77", lines=[returned(lamp(), 1)])],
        ),
        sale(4934, [lamp()], [pay("ch_4", "53.77"), {"step": 2, "do": "cancel", "at": "2026-03-02T20:00:00Z"}]),
    ]
)
LOST, BILL = Decimal("53.77"), Decimal("2.00")
DISPUTE_FEE, MINIMUM = Decimal("15.00"), Decimal("12.00")


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """
    Charges of two lamps that were shipped and of one that was cancelled are disputed, the second one is won;
    Stripe bills 2.00, and keeps 20.00 as security. The bank sends 30.00 more.

    All that is left is paid out, but for a minimum of 12.00.
    """
    with open_office(FILE, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play_steps()
        for number in (1, 2, 4):
            event = {"id": f"du_{number}", "charge": f"ch_{number}", "at": "2026-03-13T10:00:00Z", "fee": "15.00"}
            tell(office, "disputes", event)
        office.drain()
        tell(office, "disputes/du_1/lose", {"at": "2026-03-14T10:00:00Z"})
        tell(office, "disputes/du_4/lose", {"at": "2026-03-14T10:00:00Z"})
        tell(office, "disputes/du_2/win", {"at": "2026-03-14T10:00:00Z"})
        tell(office, "fees", {"at": "2026-03-14T11:00:00Z", "amount": "2.00", "description": "Radar"})
        for number, amount in enumerate(("30.00", "20.00"), 1):
            tell(office, "topups", {"id": f"tu_{number}", "at": f"2026-03-14T12:0{number}:00Z", "amount": amount})
        tell(office, "topups/tu_2/reverse", {"at": "2026-03-15T12:00:00Z"})
        tell(office, "reserves", {"id": "rs_1", "at": "2026-03-15T13:00:00Z", "amount": "-25.00"})
        tell(office, "reserves", {"id": "rs_2", "at": "2026-03-16T13:00:00Z", "amount": "10.00"})
        tell(
            office,
            "reserves",
            {"id": "rs_3", "at": "2026-03-16T14:00:00Z", "amount": "-5.00", "type": "reserved_funds"},
        )
        office.drain()
        tell(office, "payouts", {"id": "po_all", "step": 5, "arrives": "2026-03-20", "minimum_balance": "12.00"})
        office.drain()
        office.flow.run("closing", close=True)
        yield office


def tell(office: Office, path: str, event: Json) -> None:
    """Something happens at Stripe."""
    office.player.call("POST", "stripe", f"/_sandbox/{path}", event)


def test_what_a_cancelled_order_s_dispute_took_is_no_loss_and_nothing_of_it_waits(office: Office) -> None:
    entity = ("stripe.charge", "stripe.balance_transaction")
    with transaction(office.state) as session:
        found = session.execute(
            select(SourceRecord.leg, SourceRecord.outcome).where(
                SourceRecord.entity.in_(entity),
                SourceRecord.chain_key.is_not(None),
                SourceRecord.outcome != "delivered",
            )
        )
        assert {row.leg: row.outcome for row in found} == dict.fromkeys(
            ("payment", "movement_gp", "movement_xero"), "superseded"
        )


def test_lost_money_and_bills_are_on_their_roles_in_both_ledgers(office: Office) -> None:
    books = read_result(FILE, office.player, office.state)["books"]
    for ledger in ("gp", "xero"):
        right = {
            "goodwill": LOST,
            "fees": 4 * Decimal("1.00") + 3 * DISPUTE_FEE + BILL,
            "gateway_reserve": Decimal("20.00"),
            "clearing": MINIMUM,
            "bank": 2 * LOST - 4 * Decimal("1.00") - 3 * DISPUTE_FEE - BILL - LOST - Decimal("20.00") - MINIMUM,
            "receivables": Decimal(0),
        }
        assert {role: Decimal(books[ledger][role]) for role in right} == right


def test_the_reconciliation_explains_every_movement(office: Office) -> None:
    verdict = office.verdicts[-1]
    assert (verdict["agree"], verdict["differences"]) == (True, [])
    assert Decimal(verdict["figures"]["stripe balance"]) == MINIMUM


def test_each_movement_is_one_entry_a_ledger_and_further_passes_send_nothing(office: Office) -> None:
    office.flow.run("again")
    assert deliveries_sent(office.state, "again") == 0
    with transaction(office.state) as session:
        sent = session.execute(
            select(Delivery.entity, Delivery.canonical).where(
                Delivery.record_key.like("stripe:%:balance_transaction:%")
            )
        )
        # of most the id is the transaction's own
        found = sorted((entity, made["label"].partition(" ")[2], Decimal(made["amount"])) for entity, made in sent)
    taken = [("dispute", "53.77"), ("dispute", "53.77"), ("dispute_reversal", "-53.77"), ("fee", "2.00")]
    held = [
        ("reserve_hold", "25.00"),
        ("reserve_release", "-10.00"),
        ("reserved_funds", "5.00"),
        ("payout_minimum_balance_hold", "12.00"),
        ("payout_minimum_balance_release", "-12.00"),
    ]
    from_the_bank = [("topup", "-30.00"), ("topup", "-20.00"), ("topup_reversal", "20.00")]
    assert found == sorted(
        (entity, label, Decimal(amount))
        for entities, moved in (
            (("gp.gl_transaction", "xero.bank_transaction"), taken + held),
            (("gp.gl_transaction", "xero.bank_transfer"), from_the_bank),
        )
        for entity in entities
        for label, amount in moved
    )


def test_a_refund_that_fails_after_it_was_booked_is_a_letter_that_the_reconciliation_knows(office: Office) -> None:
    tell(office, "refunds/re_3/fail", {"at": "2026-03-21T10:00:00Z"})
    office.drain()
    office.flow.run("after the failure", close=True)
    with transaction(office.state) as session:
        [letter] = session.scalars(select(DeadLetter).where(DeadLetter.state == "open"))
        assert (letter.code, letter.source_key.rpartition(":")[2]) == ("LB-CAN-005", "re_3")
        known = f"dead letter {letter.id}"
    verdict = office.verdicts[-1]
    assert verdict["agree"]
    [difference] = verdict["differences"]
    assert (difference["type"], difference["role"], difference["value"]) == (
        "money without document",
        "clearing",
        "53.77",
    )
    assert difference["reason"] == known
