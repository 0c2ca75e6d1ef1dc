"""A document of a closed period waits, in either ledger, and goes on by itself, once, when the period is open again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from demo.books import read_result, roles_that_differ
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter, SourceRecord
from sandbox.player import Player
from tests.flows.golden_orders import fulfil, lamp, order_file, pay, refund, returned, sale
from tests.flows.in_process import Office, open_office


@pytest.fixture
def office(stack: Stack, sandboxes: Player, tmp_path: Path) -> Iterator[Office]:
    """Two lamps sold, one of them taken back, all paid out."""
    goods = {"lines": [returned(lamp(2), 1)]}
    events = [pay("ch_31", "107.54"), fulfil(), refund("re_31", "53.77", **goods)]
    payout = {"id": "po_31", "step": 5, "arrives": "2026-03-16", "covers": ["ch_31", "re_31"], "amount": "52.77"}
    with open_office(order_file([sale(3101, [lamp(2)], events)], [payout]), stack, sandboxes, tmp_path) as office:
        yield office


def test_documents_wait_for_their_period_in_each_ledger_and_are_booked_once_when_it_opens(office: Office) -> None:
    office.player.play(office.file, 1)
    office.drain()
    office.player.play(office.file, 3)
    lock_xero(office, "2026-03-31")
    assert waiting(office) == {
        "invoice": "Date 2026-03-03 waits: The document date cannot be before the period lock date, currently set at "
        "31-Mar-2026 (LB-XERO-016). Move the lock date in Xero (Accounting > Advanced > Financial settings); "
        "every run tries it again.",
        "payment": "107.54 USD waits: order #3101 has no invoice yet",
        "rounding_credit": "its invoice is not in the other ledger yet",
        "rounding_debit": "its invoice is not in the other ledger yet",
    }
    assert documents(office)["xero"] == []

    lock_xero(office, None)
    close_gp(office, closed=True)
    reasons = waiting(office)
    assert set(reasons) == {"receipt"}
    assert reasons["receipt"].startswith("GLPOSTDT 2026-03-03 waits: GP refused it")
    assert "(LB-GP-029). Open the fiscal period in Dynamics GP" in reasons["receipt"]

    office.player.play(office.file, 4)
    office.player.play(office.file, 5)
    assert set(waiting(office)) == {"receipt", "goods_back", "refund", "fee_gp", "payout_gp"}

    close_gp(office, closed=False)
    lock_xero(office, "2026-03-31")
    assert {"credit_note", "refund"} <= set(waiting(office))

    lock_xero(office, None)
    assert waiting(office) == {}
    office.flow.run("closing", close=True)
    verdict = office.verdicts[-1]
    assert verdict["differences"] == []
    result = read_result(office.file, office.player, office.state)
    assert roles_that_differ(result) == []
    balances = {role: amount for role, amount in result["books"]["xero"].items() if amount != "0.00"}
    assert balances == {"bank": "52.77", "fees": "1.00", "returns": "49.90", "sales": "-99.80", "tax_payable": "-3.87"}
    assert result["orders"]["#3101"]["credited"] == "53.77"
    assert documents(office) == {
        "gp": ["RM1", "RM3", "RM8", "RM9", "SOP2", "SOP3", "SOP4"],
        "xero": ["invoices", "credit_notes"],
    }
    with transaction(office.state) as session:
        assert session.scalars(select(DeadLetter)).all() == []


def waiting(office: Office) -> dict[str, str]:
    """Why records wait when nothing moves any more, by leg; every pass was reconciled."""
    office.drain()
    with transaction(office.state) as session:
        rows = session.execute(select(SourceRecord.leg, SourceRecord.reason).where(SourceRecord.outcome == "waiting"))
        return {leg: str(reason) for leg, reason in rows}


def lock_xero(office: Office, day: str | None) -> None:
    url = f"{office.player.addresses.of('xero')}/_sandbox/organisation"
    httpx.put(url, json={"PeriodLockDate": day}, timeout=10).raise_for_status()


def close_gp(office: Office, *, closed: bool) -> None:
    url = f"{office.player.addresses.of('gp')}/_sandbox/periods"
    httpx.put(url, json={"year": 2026, "period": 3, "closed": closed}, timeout=10).raise_for_status()


def documents(office: Office) -> dict[str, list[str]]:
    """What each ledger holds, one word a document: doubled ones show."""
    gp, xero = office.player.ledger("gp"), office.player.ledger("xero")
    sales = [f"SOP{each['SOPTYPE']}" for each in gp["documents"] if "SOPTYPE" in each]
    receivables = [f"RM{each['RMDTYPAL']}" for each in gp["documents"] if "RMDTYPAL" in each]
    return {
        "gp": sorted(sales + receivables),
        "xero": [kind for kind in ("invoices", "credit_notes") for _ in xero[kind]],
    }
