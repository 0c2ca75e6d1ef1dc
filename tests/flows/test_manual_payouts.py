"""Payouts the merchant asked for, which Stripe never itemises: booked whole (accounting-rules.md rule 7)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import select

from demo.books import read_result
from demo.passes import deliveries_sent
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from sandbox.places import CREDENTIALS
from sandbox.player import Player
from tests.flows.expected_books import with_expectations
from tests.flows.golden_orders import fulfil, lamp, order_file, pay, sale
from tests.flows.in_process import Office, open_office
from tests.golden.check import differences

# a lamp is 53.77 with its tax; no automatic payout tells of the fees of 1.00
CASES = [sale(4800 + n, [lamp()], [pay(f"ch_{n}", "53.77"), fulfil()]) for n in (94, 95)]
KEPT, SENT_BACK = 4000, 2500


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Two manual payouts, both posted; then one comes back."""
    file = with_expectations(order_file(CASES))
    books = file["books"]
    books["bank"], books["fees"] = "40.00", "2.00"
    books["clearing"] = str(Decimal(books["clearing"]) - Decimal("42.00"))
    with (
        open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office,
        pytest.MonkeyPatch.context() as environment,
    ):
        connection = json.loads(os.environ["AIRFLOW_CONN_STRIPE"])
        connection["extra"]["manual_payouts_since"] = "2026-01-01"
        environment.setenv("AIRFLOW_CONN_STRIPE", json.dumps(connection))
        office.play_steps()
        office.player.set_clock(datetime.fromisoformat("2026-03-20T16:00:00Z"))
        _, payout = (paid_out(office, amount) for amount in (KEPT, SENT_BACK))
        office.drain()
        office.player.call("POST", "stripe", f"/_sandbox/payouts/{payout}/fail", {"at": "2026-03-24T20:00:00Z"})
        office.drain()
        office.flow.run("closing", close=True)
        yield office


def paid_out(office: Office, cents: int) -> str:
    """The id of a new manual payout."""
    answer = httpx.post(
        f"{office.player.addresses.stripe}/v1/payouts",
        data={"amount": cents, "currency": "usd"},
        headers={"Authorization": f"Bearer {CREDENTIALS['stripe']['api_key']}"},
    )
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


def test_both_ledgers_book_what_reached_the_bank_and_each_charge_s_fee(office: Office) -> None:
    result = read_result(office.file, office.player, office.state)
    assert differences(office.file, result) == []
    verdict = office.verdicts[-1]
    assert (verdict["agree"], verdict["differences"]) == (True, [])
    assert verdict["figures"]["stripe balance"] == result["books"]["xero"]["clearing"]


def test_each_is_posted_once_and_further_passes_send_nothing(office: Office) -> None:
    office.flow.run("again")
    assert deliveries_sent(office.state, "again") == 0
    with transaction(office.state) as session:
        query = select(Delivery.entity, Delivery.canonical).where(Delivery.leg.startswith("payout_"))
        sent = sorted((entity, Decimal(made["amount"])) for entity, made in session.execute(query))
    amounts = [Decimal(-25), Decimal(25), Decimal(40)]
    assert sent == [(entity, amount) for entity in ("gp.gl_transaction", "xero.bank_transfer") for amount in amounts]
