"""The report of a period: what it counts and foresees, and that the same inputs give the same bytes."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from ledgerbridge.closing.files import FILES, SUMS, files_of, hash_of
from ledgerbridge.closing.proof import carried
from ledgerbridge.closing.report import PeriodReport
from ledgerbridge.closing.under_way import Terms, under_way
from ledgerbridge.reconciliation.areas import area_of, sort_of
from ledgerbridge.reconciliation.control import Control
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery, LoggedChange, Position, SourceRecord

LAST = date(2026, 3, 31)
CLOSES = datetime(2026, 4, 6, tzinfo=UTC)
NOW = datetime(2026, 4, 2, tzinfo=UTC)


def difference(kind: str, role: str, value: str, number: str, reason: str | None = None) -> dict[str, Any]:
    document = {"system": "gp", "kind": "invoice", "number": number, "record": f"gp:TWO:journal:{number}"}
    told = {"type": kind, "role": role, "value": value, "documents": [document], "remedy": "Post it.", "reason": reason}
    return {**told, "explained": reason is not None}


REPORT = PeriodReport(
    "main", "Harbor <Light>", "USD", date(2026, 3, 1), LAST, CLOSES,
    {
        "order_to_cash": {
            "agree": False, "figures": {"stripe balance": "104.33"},
            "roles": {"receivables": {"gp": "257.75", "xero": "150.00"}},
            "differences": [
                difference("missing in xero", "receivables", "107.75", "=1+1"),
                difference("missing in xero", "clearing", "9.00", "INV2", "in batch B"),
                difference("tax", "tax_payable MA-STATE", "-7.75", "INV3"),
                difference("date", "", "5.00", "INV4"),
            ],
        }
    },
    [], console="https://airflow.example/ledgerbridge/console",
)  # fmt: skip


def test_the_same_inputs_give_the_same_bytes_and_another_cent_another_hash() -> None:
    files = files_of(REPORT)
    assert set(files) == set(FILES)
    assert files == files_of(REPORT)
    listed = dict(reversed(line.split("  ")) for line in files[SUMS].decode().splitlines())
    assert listed == {name: sha256(files[name]).hexdigest() for name in FILES if name != SUMS}
    books = {flow: {**found, "figures": {"stripe balance": "104.34"}} for flow, found in REPORT.books.items()}
    assert hash_of(files_of(replace(REPORT, books=books))) != hash_of(files)


def test_the_page_asks_nothing_of_anywhere_and_leads_to_each_document() -> None:
    page = files_of(REPORT)["report.html"].decode()
    assert not re.search(r"<script|\bsrc=|@import|url\(|Harbor <Light>", page)
    assert "3 differences have no reason" in page
    assert 'href="https://airflow.example/ledgerbridge/console/follow?q=gp%3ATWO%3Ajournal%3AINV3"' in page
    assert page.count("<rect") == 14


def test_the_workbook_has_charts_of_its_own_and_no_text_is_a_formula() -> None:
    with ZipFile(BytesIO(files_of(REPORT)["report.xlsx"])) as book:
        names = book.namelist()
        sheets = [book.read(each).decode() for each in names if each.startswith("xl/worksheets/sheet")]
    assert len([each for each in names if each.startswith("xl/charts/chart")]) == 2
    assert not any("<f>" in each for each in sheets)


def test_control_accounts_stand_beside_their_sub_ledgers_and_are_drawn() -> None:
    control = [
        Control("gp", "tax", "tax_payable", Decimal("-8.00"), Decimal("-7.75")),
        Control("xero", "tax", "tax_payable", Decimal("-7.75"), Decimal("-7.75")),
        Control("gp", "inventory", "inventory", Decimal("-30.00"), Decimal("-38.00"), Decimal("8.00")),
    ]
    files = files_of(replace(REPORT, control=control))
    page = files["report.html"].decode()
    row = ["<td>Tax</td><td>tax payable</td><td>gp</td>", *(f"{each}</td>" for each in ("-8.00", "-7.75", "-0.25"))]
    assert all(each in page for each in row)
    assert (page.count('<rect class="booked"'), page.count('<rect class="held"')) == (3, 3)
    assert "Inventory clearing, gp" in page
    with ZipFile(BytesIO(files["report.xlsx"])) as book:
        charts = [each for each in book.namelist() if each.startswith("xl/charts/chart")]
        assert len(charts) == 3
        assert any("'Control accounts'!$B$2:$C$4" in book.read(each).decode() for each in charts)


@pytest.mark.parametrize(
    ("kind", "role", "explained", "area", "sort"),
    [
        ("missing in xero", "receivables", False, "receivables", "missing"),
        ("missing in gp", "payables", True, "payables", "timing"),
        ("double in gp", "paypal_clearing", False, "cash", "double"),
        ("tax", "tax_payable MA-STATE", False, "tax", "tax"),
        ("account", "sales", False, "revenue", "account"),
        ("rate", "inventory", False, "inventory", "rate"),
        ("beyond documents in xero", "fees", False, "general_ledger", "account"),
        ("period", "", False, "receivables", "period"),
        ("date", "", False, "receivables", "timing"),
        ("sub-ledger in gp", "inventory", False, "inventory", "amount"),
        ("missing in xero", "inventory_clearing", False, "inventory", "missing"),
    ],
)
def test_a_difference_is_of_an_area_and_a_sort(kind: str, role: str, explained: bool, area: str, sort: str) -> None:
    assert (area_of(role, ["paypal_clearing"], ["invoice"]), sort_of(kind, explained=explained)) == (area, sort)


def test_a_difference_of_no_role_is_of_the_area_of_the_document_that_says_more_than_an_entry() -> None:
    assert area_of("", kinds=["entry", "bank transaction"]) == "cash"
    assert area_of("", kinds=["entry", "manual journal"]) == "general_ledger"
    assert area_of("", kinds=["voucher", "bill"]) == "payables"


def change(session: Any, key: str, at: datetime) -> int:
    row = LoggedChange(
        entity="shop.order", connection="c", source_key=key, version="1", changed_at=at, known_at=at, how="poll",
        payload_uri="p",
    )  # fmt: skip
    session.add(row)
    session.flush()
    return int(row.number)


def record(session: Any, key: str, outcome: str, at: datetime, **canonical: str) -> None:
    session.add(
        SourceRecord(
            flow="f", leg="order", entity="shop.order", source_key=key, version="1", outcome=outcome, batch_uri="b",
            run_id="r", updated_at=at, change=change(session, key, at), canonical=canonical, reason="its vendor lacks",
        )
    )  # fmt: skip


def test_a_record_that_a_leg_passed_over_is_told_apart_from_one_that_is_to_come(state_db: Engine) -> None:
    with transaction(state_db) as session:
        for key, outcome in (("1", "delivered"), ("2", "unchanged"), ("3", "waiting"), ("4", "rejected")):
            record(session, key, outcome, NOW)
        lost = change(session, "5", NOW)
        change(session, "6", NOW)
        session.add(Position(company="main", flow="f", leg="order", entity="shop.order", change=lost, taken_at=NOW))
        [found] = carried(session, "main", {"f": {"order": ["shop.order"]}})
    assert (found.source, found.arrived, found.waiting, found.rejected, found.to_take) == (6, 2, 1, 1, 1)
    assert found.passed == 1


def test_what_will_miss_the_close_is_told_with_why(state_db: Engine) -> None:
    terms = Terms({"f": ["order"]}, LAST, CLOSES, ZoneInfo("UTC"))
    with transaction(state_db) as session:
        for number in range(10):  # nine of ten take three days
            at = NOW - timedelta(days=10)
            session.add(
                Delivery(
                    flow="f", leg="order", entity="gp.order", record_key=f"d{number}", state="delivered",
                    content_hash="h", idempotency_key="i", canonical={}, run_id="r", updated_at=at + timedelta(days=3),
                    change=change(session, f"d{number}", at),
                )
            )  # fmt: skip
        record(session, "in time", "waiting", NOW - timedelta(days=1), ordered_on="2026-03-30")
        record(session, "too late", "read", CLOSES - timedelta(days=2), ordered_on="2026-03-31")
        record(session, "by hand", "rejected", NOW, ordered_on="2026-03-31")
        record(session, "too long", "waiting", NOW - timedelta(days=9), ordered_on="2026-03-20")
        record(session, "of April", "waiting", NOW - timedelta(days=1), ordered_on="2026-04-01")
        found = {each.record: each.misses for each in under_way(session, terms, NOW)}
    assert found == {
        "in time": None,
        "too late": "expected 2 days after the close",
        "by hand": "a person has to mend it",
        "too long": "waits for longer than its like do: nobody can say when it comes",
    }
