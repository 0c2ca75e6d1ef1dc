"""The console tells how everything goes and how the books compare, values by right, over a real state database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from airflow.api_fastapi.common.db.common import _get_session
from airflow.models.base import Base
from playwright.sync_api import expect
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.reconciliation import Difference, Link, Period, Reconciliation
from ledgerbridge.state import transaction
from ledgerbridge.state.circuits import FAILURES_TO_OPEN, call_failed
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.dead_letters import Letter, write_letters
from ledgerbridge.state.models import CountedCall, Delivery, LoggedChange, Position, ReconciliationResult, SourceRecord
from ledgerbridge.state.reconciliations import keep_result
from pages.console.access import Access
from pages.console.app import app
from tests.asked_in_airflow import begin_run
from tests.unit.console_browser import Browser, serve
from tests.unit.console_site import built, console_of

NAME, AMOUNT = "Zebedeo Quisenberry", "4711.08"
ORDER = Actor("order_to_cash", "order", "run-1", "order.map")


@pytest.fixture
def running(state_db: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Three documents and a letter in the last hours, a change nobody took, a pause, half of Xero's day used up."""
    serve(state_db, monkeypatch)
    with transaction(state_db) as session:
        now = database_now(session)
        for number, hours in enumerate((0, 0, 5, 30)):
            session.add(document(str(number), now - timedelta(hours=hours, minutes=1)))
        letter = Letter(
            step="map", source_key="o9", version="v1", record_key="o9", code="LB-MAP-002", field="sku", value=NAME,
            message=NAME, remedy="Create it.", raw={},
        )  # fmt: skip
        write_letters(session, ORDER, [letter])
        for key, minutes in (("taken", 90), ("next", 60), ("last", 30)):
            session.add(change(key, now - timedelta(minutes=minutes)))
            session.flush()
        session.add(
            Position(flow="order_to_cash", leg="order", entity="shopify.order", change=1, taken_at=now, company="main")
        )
        for _ in range(FAILURES_TO_OPEN):
            call_failed(session, ORDER, "gp_main", f"{NAME} is down")
        session.add_all(
            CountedCall(budget="xero_abc", began_at=now - timedelta(hours=2), ended_at=now) for _ in range(2_500)
        )
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    Base.metadata.create_all(engine, [Base.metadata.tables["dag_run"]])
    with Session(engine) as session:
        begin_run(session, "order_to_cash.orders")
        app.dependency_overrides[_get_session] = lambda: session
        yield state_db
    del app.dependency_overrides[_get_session]
    engine.dispose()


def document(key: str, at: datetime) -> Delivery:
    return Delivery(
        flow="order_to_cash", leg="order", entity="gp.sales_order", record_key=key, state="delivered", updated_at=at,
        content_hash="c", idempotency_key=key, canonical={}, run_id="run-1", attempts=1,
    )  # fmt: skip


def change(key: str, at: datetime) -> LoggedChange:
    return LoggedChange(
        entity="shopify.order", connection="c", source_key=key, version="v1", changed_at=at, how="poll", known_at=at
    )


def keep(
    session: Session, run: str, value: str | None, period: Period, at: datetime, *, remedy: str = "Post it."
) -> None:
    """What a run found: a difference of that value, or none."""
    link = Link("gp", "invoice", "INV1", "gp:main:invoice:INV1")
    differences = [Difference("amount", "receivables", Decimal(value), (link,), remedy)] if value else []
    explained = Difference("rounding", "rounding", Decimal("0.01"), (link,), "", f"a cent of {NAME}")
    roles = {"receivables": (Decimal(AMOUNT), Decimal(AMOUNT))}
    found = Reconciliation(("gp", "xero"), roles, [explained, *differences], {"gain": Decimal(AMOUNT)}, period)
    keep_result(session, "main", "order_to_cash", run, found)
    session.get_one(ReconciliationResult, ("main", "order_to_cash", run)).ended_at = at
    session.flush()


def test_a_stage_tells_its_last_pass_its_work_by_hour_and_the_oldest_change_it_has_not_taken(
    running: Engine,
) -> None:
    health = Browser("olga").get("health")
    [orders] = [each for each in health["stages"] if each["dag"] == "order_to_cash.orders"]
    assert (orders["state"], orders["page"]) == ("queued", "/dags/order_to_cash.orders")
    assert (orders["delivered"][-1], orders["delivered"][-6], sum(orders["delivered"])) == (2, 1, 3)
    assert (orders["refused"][-1], sum(orders["refused"])) == (1, 1)
    oldest = datetime.fromisoformat(health["now"]) - datetime.fromisoformat(orders["oldest"])
    assert (orders["waits_for"], round(oldest.total_seconds() / 60)) == ("shopify.order", 60)
    [invoices] = [each for each in health["stages"] if each["dag"] == "order_to_cash.invoices"]
    assert (invoices["state"], sum(invoices["delivered"]), invoices["oldest"]) == (None, 0, None)


def test_how_long_documents_took_and_what_waits_of_each_connection_is_told(running: Engine) -> None:
    with transaction(running) as session:
        now = database_now(session)
        for key, seconds in (("fast", 10), ("slow", 600), ("usual", 30)):
            known = change(key, now - timedelta(seconds=seconds))
            known.entity = "shopify.customer"
            session.add(known)
            session.flush()
            arrived = document(f"took-{key}", now)
            arrived.change = known.number
            session.add(arrived)
        waits = change("waits", now - timedelta(days=2))
        waits.entity, waits.connection = "stripe.charge", "stripe_main"
        session.add(waits)
        session.flush()
        session.add(
            SourceRecord(
                flow="order_to_cash", leg="payment", entity="stripe.charge", source_key="waits", version="v1",
                outcome="waiting", batch_uri="b", run_id="run-1", updated_at=now, change=waits.number,
            )
        )  # fmt: skip
    health = Browser("olga").get("health")
    [orders] = [each for each in health["stages"] if each["dag"] == "order_to_cash.orders"]
    latency = orders["latency"]
    assert (round(latency["median"]), round(latency["most"]), latency["documents"]) == (30, 600, 3)
    assert [(each["connection"], each["untaken"], each["waiting"]) for each in health["queues"]] == [
        ("c", 2, 0),
        ("stripe_main", 0, 1),
    ]
    ages = [datetime.fromisoformat(health["now"]) - datetime.fromisoformat(at) for at in (
        health["queues"][0]["oldest"], health["queues"][1]["waiting_since"],
    )]  # fmt: skip
    assert [round(age / timedelta(minutes=1)) for age in ages] == [60, 2880]


def test_the_refused_are_told_day_by_day(running: Engine) -> None:
    [orders] = [each for each in Browser("olga").get("health")["stages"] if each["dag"] == "order_to_cash.orders"]
    assert (orders["delivered_by_day"][-2:], sum(orders["delivered_by_day"])) == ([1, 3], 4)
    assert (orders["refused_by_day"][-1], len(orders["refused_by_day"])) == (1, 14)


def test_pauses_and_what_is_left_of_the_calls_of_a_day_are_told(running: Engine) -> None:
    health = Browser("olga").get("health")
    assert [(each["connection"], each["reason"]) for each in health["circuits"]] == [("gp_main", f"{NAME} is down")]
    [budget] = health["budgets"]
    assert (budget["system"], budget["limit"], budget["left"], budget["ends_in_hours"]) == ("xero", 5000, 2500, None)


def use_up_calls(state: Engine) -> None:
    """Of 5,000 calls 2,500 were left; 500 went in the last hour, and those of two hours ago leave in 22 only."""
    with transaction(state) as session:
        now = database_now(session)
        session.add_all(
            CountedCall(budget="xero_abc", began_at=now - timedelta(minutes=30), ended_at=now) for _ in range(500)
        )


def test_a_day_s_calls_that_end_as_it_goes_are_told_with_when(running: Engine) -> None:
    use_up_calls(running)
    [budget] = Browser("olga").get("health")["budgets"]
    assert (budget["left"], budget["ends_in_hours"]) == (2000, 4.0)


@built
def test_the_page_says_when_a_day_s_calls_end_as_it_goes(running: Engine) -> None:
    use_up_calls(running)
    with console_of("olga") as olga:
        calls = olga.open_console("health").get_by_text("Calls left to Xero")
        expect(calls).to_contain_text("2,000")
        expect(calls).to_contain_text("of 5,000 in 24 h; end in 4.0 h as it goes")
        assert olga.complaints == []


def test_the_books_of_a_period_differ_since_the_first_run_that_said_so_after_the_last_that_agreed(
    running: Engine,
) -> None:
    march, began = Period(datetime(2026, 3, 1).date(), datetime(2026, 3, 31).date()), datetime(2026, 4, 1, tzinfo=UTC)
    with transaction(running) as session:
        for hour, (run, value, period) in enumerate(
            [("1", "1", march), ("2", None, march), ("3", AMOUNT, march), ("4", None, Period()), ("5", AMOUNT, march)]
        ):
            keep(session, run, value, period, began + timedelta(hours=hour))
    of_march, of_all = Browser("olga").get("verdicts")
    assert (of_march["run_id"], of_march["agree"], of_march["open"], of_march["explained"]) == ("5", False, 1, 1)
    assert datetime.fromisoformat(of_march["open_since"]) == began + timedelta(hours=2)
    assert (of_all["run_id"], of_all["agree"], of_all["open_since"], of_all["period_from"]) == ("4", True, None, None)


def test_a_comparison_shows_balances_side_by_side_and_each_difference_with_what_to_do(running: Engine) -> None:
    with transaction(running) as session:
        keep(session, "run-7", AMOUNT, Period(), datetime(2026, 4, 1, tzinfo=UTC))
    whole = Browser("olga").get("close", company="main", flow="order_to_cash", run_id="run-7")
    assert whole["roles"] == [{"role": "receivables", "balances": {"gp": AMOUNT, "xero": AMOUNT}}]
    differing, explained = whole["differences"]
    assert (differing["value"], differing["told"], differing["documents"][0]["number"]) == (AMOUNT, "Post it.", "INV1")
    assert (explained["explained"], explained["told"]) == (True, f"a cent of {NAME}")
    missing = Browser("olga").ask("GET", "close", params={"company": "main", "flow": "order_to_cash", "run_id": "x"})
    assert (missing.status_code, missing.json()["code"]) == (404, "LB-REC-003")


def test_a_comparison_is_taken_as_a_workbook_in_which_no_text_is_a_formula(running: Engine) -> None:
    march = Period(datetime(2026, 3, 1).date(), datetime(2026, 3, 31).date())
    with transaction(running) as session:
        keep(session, "run-7", AMOUNT, march, datetime(2026, 4, 1, tzinfo=UTC), remedy="=1+1")
    asked = {"company": "main", "flow": "order_to_cash", "run_id": "run-7"}
    answer = Browser("olga").ask("GET", "close/workbook", params=asked)
    assert answer.headers["content-disposition"] == 'attachment; filename="books-main-2026-03-01-2026-03-31.xlsx"'
    with ZipFile(BytesIO(answer.content)) as book:
        sheets = [book.read(each).decode() for each in book.namelist() if each.startswith("xl/worksheets/sheet")]
        texts = book.read("xl/sharedStrings.xml").decode()
        assert any(each.startswith("xl/charts/") for each in book.namelist())
    assert [f"<v>{AMOUNT}</v>" in each for each in sheets] == [False, True, True, True]
    assert ("<t>=1+1</t>" in texts, any("<f>" in each for each in sheets)) == (True, False)
    assert Browser("vera").ask("GET", "close/workbook", params=asked).status_code == 403


def test_who_may_not_edit_the_dag_sees_how_it_goes_and_no_value(running: Engine) -> None:
    with transaction(running) as session:
        keep(session, "run-7", AMOUNT, Period(), datetime(2026, 4, 1, tzinfo=UTC))
    vera = Browser("vera")
    seen: list[Any] = [vera.get("health"), vera.get("close", company="main", flow="order_to_cash", run_id="run-7")]
    assert [each for each in (NAME, AMOUNT, "0.01") if each in json.dumps(seen)] == []
    assert [each["told"] for each in seen[1]["differences"]] == ["Post it.", None]
    assert (len(seen[0]["circuits"]), seen[0]["verdicts"][0]["open"]) == (1, 1)


def test_the_audit_tells_who_did_what_page_by_page_and_of_one_person_record_or_time(running: Engine) -> None:
    olga, otto = Browser("olga"), Browser("otto")
    for browser, number in ((olga, "1"), (otto, "2"), (olga, "3")):
        with transaction(running) as session:
            person = Change(
                "dead-letter-discarded", "shopify.order", f"o{number}", details={"by": browser.user, "reason": NAME}
            )
            append(session, replace(ORDER, task="console"), [person])
    first = olga.get("audit", limit=2)
    assert [(each["by"], each["record_key"]) for each in first["entries"]] == [("olga", "o3"), ("otto", "o2")]
    assert [each["by"] for each in olga.get("audit", before=first["before"])["entries"]] == ["olga"]
    assert [each["record_key"] for each in olga.get("audit", by="otto")["entries"]] == ["o2"]
    by_itself = olga.get("audit", people=False, record="o9")["entries"]
    assert [(each["action"], each["by"]) for each in by_itself] == [("dead-lettered", None)]
    assert NAME not in json.dumps(olga.get("audit", people=False))
    second = first["entries"][1]["at"]
    assert [each["record_key"] for each in olga.get("audit", since=second)["entries"]] == ["o3", "o2"]
    assert [each["record_key"] for each in olga.get("audit", until=second)["entries"]] == ["o1"]
    assert olga.ask("GET", "audit", params={"since": "2026-03-01T00:00:00"}).status_code == 422  # of which zone?


def test_the_chain_is_walked_on_request_and_what_is_at_fault_is_told(
    state_db: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(state_db, monkeypatch)
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__ANCHORS_URL", tmp_path.as_uri())
    with transaction(state_db) as session:
        append(session, ORDER, [Change("answered", "canonical.customer", "A1", details={"by": "olga"})])
    vera = Browser("vera")
    holds = vera.post("audit/verifications", {}).json()
    assert (holds["broken"], holds["entries"], holds["anchors"]) == (None, 1, 0)
    with transaction(state_db) as session:
        session.add(document("forged", datetime(2026, 4, 1, tzinfo=UTC)))
    assert "forged was invented" in vera.post("audit/verifications", {}).json()["broken"]


def test_who_may_not_read_the_audit_log_of_airflow_reads_no_audit(
    running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Access, "may_read_audit", lambda _: False)
    olga = Browser("olga")
    assert olga.ask("GET", "audit").status_code == olga.post("audit/verifications", {}).status_code == 403
