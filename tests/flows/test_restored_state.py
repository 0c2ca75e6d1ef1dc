"""A state database restored from a backup, and legs that run before those whose documents they speak of are known."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from demo.books import read_result
from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter, SourceRecord
from sandbox.player import Player, opening_of
from tests.flows.golden_orders import fulfil, lamp, order_file, pay, refund, returned, sale
from tests.flows.in_process import Office, open_office

LATER = (4, 5)
FILE = order_file(
    [
        sale(
            4601, [lamp(2)], [pay("ch_61", "107.54"), fulfil(), refund("re_61", "53.77", lines=[returned(lamp(2), 1)])]
        ),
        sale(4602, [lamp(2)], [fulfil(), pay("ch_62", "107.54", step=5, at="2026-03-20T16:00:00Z")]),
        sale(
            4603,
            [lamp(2)],
            [
                pay("ch_63", "107.54"),
                fulfil(),
                refund("re_63", "20.00", step=3, at="2026-03-04T19:00:00Z", goodwill="20.00"),
            ],
        ),
    ]
)


def copied(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """
    The state as it was before the first order, put back once all was shipped.

    Then somebody runs every leg that reads a ledger or the gateway alone, before the shop's orders are known again.
    """
    folder = tmp_path_factory.mktemp("office")
    with open_office(FILE, stack, sandboxes, folder) as office:
        copied(folder / "state.db", folder / "backup.db")
        sandboxes.set_clock(opening_of(FILE))
        for step in (1, 2, 3):
            sandboxes.play(FILE, step)
            office.drain()
        copied(folder / "backup.db", folder / "state.db")
        legs = office.flow.flow.legs
        for name in (name for name, leg in legs.items() if not leg.source.startswith("shopify.")):
            office.flow.run(f"alone-{name}", legs=[name], reconcile=False)
        yield office


def test_what_speaks_of_a_document_of_ours_waits_until_that_is_known_again(office: Office) -> None:
    with transaction(office.state) as session:
        kept = session.execute(select(SourceRecord.leg, SourceRecord.outcome, SourceRecord.reason)).all()
        letters = session.scalars(select(DeadLetter.code)).all()
    assert letters == []
    waiting = {
        (leg, reason.partition('" ')[2]) for leg, outcome, reason in kept if outcome == "waiting" and '"' in reason
    }
    assert waiting >= {
        ("invoice", "was made by us, and no delivery of gp.sales_order is known for it yet"),
        ("application", "was made by us, and no delivery of gp.cash_receipt is known for it yet"),
        ("goodwill_note", "was made by us, and no delivery of gp.credit_memo is known for it yet"),
        ("allocation", "was made by us, and no delivery of xero.credit_note is known for it yet"),
    }


def test_all_goes_on_once_the_orders_are_known_and_nothing_stands_twice(office: Office, sandboxes: Player) -> None:
    before = {system: sandboxes.ledger(system) for system in ("gp", "xero")}
    office.drain()
    assert {system: sandboxes.ledger(system) for system in ("gp", "xero")} == before
    for step in LATER:
        sandboxes.play(FILE, step)
        office.drain()
    office.flow.run("closing", close=True)
    result = read_result(FILE, sandboxes, office.state)
    due = {name: order["xero_invoices"][0]["AmountDue"] for name, order in result["orders"].items()}
    assert due == dict.fromkeys(("#4601", "#4602", "#4603"), "0.00")
    assert office.verdicts[-1]["agree"]
    assert [each["type"] for each in office.verdicts[-1]["differences"]] == ["fee not posted"]  # no payout tells of it
    with transaction(office.state) as session:
        stuck = session.scalars(select(SourceRecord.reason).where(SourceRecord.outcome.in_(["waiting", "read"]))).all()
    assert stuck == []
