"""The console shows all that waits for a person, over a real state database and Airflow's own tables and answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from airflow.api_fastapi.common.db.common import _get_session
from airflow.models.base import Base
from fastapi import FastAPI
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from ledgerbridge.audit import Actor
from ledgerbridge.links import Read, keep_read
from ledgerbridge.matching.meeting import Agreement, Proposal
from ledgerbridge.state import transaction
from ledgerbridge.state.models import (
    AuditEntry,
    Delivery,
    LoggedChange,
    MatchProposal,
    MergeQuestion,
    Reading,
    SourceRecord,
)
from ledgerbridge.sync import keep_meeting, strangers
from pages.console.app import app
from tests.asked_in_airflow import begin_run, put_question
from tests.unit.console_browser import Browser, serve

NAME = "Zebedeo Quisenberry"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SIDES = ("gp.customer", "xero.contact")
ASKS = "master_data.customers_questions"


@pytest.fixture
def waiting(state_db: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A customer of two cities, one that may be another's contact, a call without an outcome, an order that waits."""
    serve(state_db, monkeypatch)
    with transaction(state_db) as session:
        session.add(
            MergeQuestion(
                kind="customer", record_key="gp:main:customer:A1", field="city", number="A1", asked_at=NOON,
                values={"gp": "Salem", "xero": "Lynn"}, put_in=f"{ASKS} run-1",
            )
        )  # fmt: skip
        pairs(session, "HARB01")
        for key, called in (("o1", NOON), ("o2", None)):
            session.add(
                Delivery(
                    flow="order_to_cash", leg="order", entity="gp.sales_order", record_key=key, state="sending",
                    content_hash="c", idempotency_key=key, canonical={"total": "12.50", "currency": "USD"},
                    run_id="run-1", updated_at=NOON, called_at=called, settles_at=called, attempts=1,
                )
            )  # fmt: skip
        for key, days in (("old", 61), ("new", 59)):
            wait(session, key, days)
        session.add(
            Reading(
                company="main", entity="shopify.order", connection="c", until=NOON, rows=2, whole=True, run_id="r",
                ended_at=NOON,
            )
        )  # fmt: skip
    return state_db


def pairs(session: Session, *numbers: str) -> None:
    """Customers that may be contacts."""
    for side, prefix in zip(SIDES, ("", "id-"), strict=True):
        named = [(f"{prefix}{number}", side.replace(".", ":main:")) for number in numbers]
        read = [Read(key, f"{of}:{key}", key, {"name": NAME}, 1, NOON) for key, of in named]
        keep_read(session, "main", "customer", {side: read})
    met = strangers(session, "main", "customer", SIDES, "customer_number")
    alike = (Agreement("name", "the same", 9.1),)
    asked = [Proposal(number, f"id-{number}", 0.9, "review", True, alike) for number in numbers]
    keep_meeting(session, Actor("master_data", "", "", "test"), "main", "customer", met, asked)


def wait(session: Session, key: str, days: int) -> None:
    """An order that its leg waits with, changed so many days ago."""
    at = NOON - timedelta(days=days)
    change = LoggedChange(
        entity="shopify.order", connection="c", source_key=key, version="v1", changed_at=at, how="poll", known_at=at
    )
    session.add(change)
    session.flush()
    session.add(
        SourceRecord(
            flow="order_to_cash", leg="order", entity="shopify.order", source_key=key, version="v1", label=NAME,
            outcome="waiting", reason=f"{NAME} is not there", batch_uri="b", run_id="run-1", updated_at=NOON,
            change=change.number, canonical={"total": "30.00", "currency": "USD"},
        )
    )  # fmt: skip


@pytest.fixture
def airflow() -> Iterator[Session]:
    """Airflow's database, where a task waits for the answer about the city."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    needed = ("task_instance", "hitl_detail", "dag_run", "rendered_task_instance_fields", "task_instance_note")
    Base.metadata.create_all(engine, [Base.metadata.tables[each] for each in (*needed, "dag_version")])
    with Session(engine) as session:
        begin_run(session, ASKS)
        app.dependency_overrides[_get_session] = lambda: session
        yield session
    del app.dependency_overrides[_get_session]
    engine.dispose()


def test_each_kind_of_waiting_is_counted_beside_the_letters(waiting: Engine) -> None:
    counted = {"letters": 0, "questions": 1, "proposals": 1, "unknown": 1, "overdue": 1}
    assert Browser("olga").get("waiting") == Browser("vera").get("waiting") == counted


def test_a_conflict_shows_both_values_and_where_airflow_takes_the_answer(waiting: Engine, airflow: Session) -> None:
    put_question(airflow, ASKS, "customer A1: whose city stands?")
    [question] = Browser("olga").get("questions")["questions"]
    assert question["values"] == {"gp": "Salem", "xero": "Lynn"}
    assert question["options"] == ["gp", "xero"]
    assert question["task"] == f"dags/{ASKS}/dagRuns/run-1/taskInstances/question/3/hitlDetails"
    assert question["page"].endswith("/runs/run-1/tasks/question/mapped/3/required_actions")


def test_a_question_that_airflow_does_not_ask_yet_can_t_be_answered(waiting: Engine, airflow: Session) -> None:
    put_question(airflow, ASKS, "customer A1: whose name stands?")
    [question] = Browser("olga").get("questions")["questions"]
    assert (question["values"], question["task"], question["options"]) == ({"gp": "Salem", "xero": "Lynn"}, None, [])


def test_two_tasks_of_one_name_are_told_apart_in_airflow_alone(waiting: Engine, airflow: Session) -> None:
    for number in (3, 4):
        put_question(airflow, ASKS, "customer A1: whose city stands?", map_index=number)
    [question] = Browser("olga").get("questions")["questions"]
    assert (question["task"], question["options"]) == (None, [])


def test_an_answer_is_airflow_s_to_take_once_and_of_those_it_asked(
    waiting: Engine, airflow: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_question(airflow, ASKS, "customer A1: whose city stands?", ["olga"])
    [question] = Browser("olga").get("questions")["questions"]
    assert question["answering"] == ["olga"]
    answers = [_answered_in_airflow(airflow, user, question["task"], monkeypatch) for user in ("otto", "olga", "olga")]
    assert answers == [403, 200, 409]
    [question] = Browser("olga").get("questions")["questions"]
    assert (question["answered_by"], question["options"]) == ("olga", [])


def _answered_in_airflow(airflow: Session, user: str, task: str, patch: pytest.MonkeyPatch) -> int:
    """What Airflow's own route says to an answer at the address that the console names."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.routes.public import hitl
    from airflow.api_fastapi.core_api.security import get_user
    from airflow.models.dag import DagModel
    from fastapi.testclient import TestClient

    patch.setattr(DagModel, "get_team_name", lambda *_, **__: None)
    patch.setattr(hitl, "handle_event_submit", lambda *_, **__: None)  # the scheduler's part
    server = FastAPI()
    server.include_router(hitl.task_instances_hitl_router)
    for route in hitl.task_instances_hitl_router.routes:
        for dependency in route.dependencies:  # type: ignore[attr-defined]
            if dependency.dependency.__qualname__.startswith("action_logging"):
                server.dependency_overrides[dependency.dependency] = lambda: None
    server.dependency_overrides[_get_session] = lambda: airflow
    server.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username=user, role="user")
    return TestClient(server).patch(f"/{task}", json={"chosen_options": ["xero"], "params_input": {}}).status_code


def test_records_that_may_be_one_are_shown_field_by_field_and_one_answer_is_carried_out(waiting: Engine) -> None:
    olga = Browser("olga")
    [proposal] = olga.get("proposals")["proposals"]
    assert proposal["numbers"] == ["HARB01", "id-HARB01"]
    assert {"name": "name", "values": {"gp.customer": NAME, "xero.contact": NAME}} in proposal["fields"]
    said = {"company": "main", "kind": "customer", "answers": {str(proposal["id"]): "accept"}}
    assert olga.post("proposals/answers", said).json() == {"proposals": [proposal["id"]]}
    with transaction(waiting) as session:
        row = session.get_one(MatchProposal, proposal["id"])
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert (row.answer, row.answered_by, entry.task, entry.action) == ("accepted", "olga", "console", "answered")
    late = Browser("otto").post("proposals/answers", said)
    assert (late.status_code, late.json()["code"], "olga accepted it" in late.json()["detail"]) == (
        409,
        "LB-MAT-001",
        True,
    )


def test_of_several_pairs_all_are_answered_or_none(waiting: Engine) -> None:
    olga = Browser("olga")
    with transaction(waiting) as session:
        pairs(session, "HARB01", "GRAN01")
    first, second = (each["id"] for each in olga.get("proposals")["proposals"])
    for answers in ({first: "accept", 999: "refuse"}, {first: "accept", second: "refuse"}):
        olga.post("proposals/answers", {"company": "main", "kind": "customer", "answers": answers})
        with transaction(waiting) as session:
            said = [session.get_one(MatchProposal, each).answer for each in (first, second)]
        assert said == ([None, None] if 999 in answers else ["accepted", "refused"])


def test_a_document_that_was_called_out_and_one_that_waits_too_long_are_told_with_their_days(waiting: Engine) -> None:
    olga = Browser("olga")
    [document] = olga.get("unknown")["documents"]
    assert (document["record_key"], document["money"]) == ("o1", {"amount": "12.50", "currency": "USD"})
    [record] = olga.get("overdue")["records"]
    assert (record["source_key"], record["days"], record["allowed"]) == ("old", 61, 60)
    assert (record["title"], record["money"]) == (NAME, {"amount": "30.00", "currency": "USD"})


def test_who_may_not_edit_the_dag_sees_what_waits_and_no_value_and_answers_nothing(
    waiting: Engine, airflow: Session
) -> None:
    put_question(airflow, ASKS, "customer A1: whose city stands?")
    vera = Browser("vera")
    lists = {each: vera.get(each) for each in ("questions", "proposals", "unknown", "overdue")}
    assert [each["total"] for each in lists.values()] == [1, 1, 1, 1]
    told = json.dumps(lists)
    assert [each for each in (NAME, "Salem", "Lynn", "12.50", "30.00") if each in told] == []
    [proposal] = lists["proposals"]["proposals"]
    said = {"company": "main", "kind": "customer", "answers": {str(proposal["id"]): "accept"}}
    refused = vera.post("proposals/answers", said)
    assert (refused.status_code, "master_data.customers" in refused.json()["detail"]) == (403, True)


def test_the_audit_tells_whose_values_were_shown_as_conflicts_and_pairs(waiting: Engine, airflow: Session) -> None:
    for user in ("vera", "olga", "olga"):
        for page in ("questions", "proposals"):
            Browser(user).get(page)
    with transaction(waiting) as session:
        looked = session.scalars(select(AuditEntry).where(AuditEntry.action == "values-shown")).all()
        wanted = [each.record_key for each in session.scalars(select(MergeQuestion))]
        for pair in session.scalars(select(MatchProposal)):
            wanted += [pair.left_key, pair.right_key]
    assert sorted(each.record_key for each in looked) == sorted(set(wanted))
    assert {each.details["by"] for each in looked} == {"olga"}
