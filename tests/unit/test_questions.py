"""Which of two values stands: asked once, answered once, and another question as soon as a value is another."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine, select

from ledgerbridge.audit import Actor
from ledgerbridge.links import KeptSide, Thing
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry
from ledgerbridge.sync import (
    Plan,
    Question,
    Rules,
    answer,
    answers_of,
    has_unput,
    is_open,
    keep_questions,
    plan,
    put_questions,
)

GP, XERO = "gp.customer", "xero.contact"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACTOR = Actor("master_data", "", "run", "question")
KEY = "customer:gp:TWO:customer:ANNA"


def planned(engine: Engine, gp_city: str, xero_city: str, target: str = XERO) -> Plan:
    """What is planned for Anna, of whom both sides changed the city from Kiel; her questions are kept."""
    agreed = {"city": "Kiel", "name": "Anna"}
    sides = {
        entity: KeptSide(entity, key, "ANNA", {"city": city, "name": "Anna"}, 1, NOON, agreed)
        for entity, key, city in ((GP, "ANNA", gp_city), (XERO, "guid", xero_city))
    }
    with transaction(engine) as session:
        answers = answers_of(session, "main", "customer", [KEY])
        found = plan([Thing(KEY, sides)], [GP, XERO], target, Rules("ask"), answers)
        keep_questions(session, "main", "customer", found.asked, [KEY])
    return found


def put(engine: Engine, run_id: str) -> list[Question]:
    with transaction(engine) as session:
        return put_questions(session, "main", "customer", run_id)


def stands(engine: Engine, question: Question) -> bool:
    with transaction(engine) as session:
        return is_open(session, question)


def answered(engine: Engine, question: Question, system: str) -> bool:
    with transaction(engine) as session:
        return answer(session, ACTOR, question, system, "vera")


def test_a_question_is_put_once_and_its_answer_carried_out_by_the_leg_of_the_other_side(state_db: Engine) -> None:
    found = planned(state_db, "Bonn", "Berlin")
    assert not found.changes
    assert found.waiting == {KEY: "a person is asked whose city stands"}
    [question] = put(state_db, "run-1")
    assert (question.field, question.values) == ("city", {"gp": "Bonn", "xero": "Berlin"})
    planned(state_db, "Bonn", "Berlin", GP)
    assert put(state_db, "run-2") == []
    assert put(state_db, "run-1") == [question]  # its task is tried again
    assert stands(state_db, question)
    assert answered(state_db, question, "gp")
    assert not stands(state_db, question)
    assert planned(state_db, "Bonn", "Berlin").changes[KEY].wanted == {"city": "Bonn", "name": "Anna"}
    assert not planned(state_db, "Bonn", "Berlin", GP).changes
    assert not planned(state_db, "Bonn", "Bonn").asked
    with transaction(state_db) as session:
        assert not has_unput(session, "main", "customer")
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "answered")).one()
        assert told.details == {"field": "city", "stands": "gp", "by": "vera"}


def test_an_answer_about_a_value_that_changed_since_is_none_and_the_new_one_is_asked_about(state_db: Engine) -> None:
    planned(state_db, "Bonn", "Berlin")
    [question] = put(state_db, "run-1")
    planned(state_db, "Bonn", "Ulm")
    assert not stands(state_db, question)
    assert not answered(state_db, question, "gp")
    [anew] = put(state_db, "run-2")
    assert anew.values == {"gp": "Bonn", "xero": "Ulm"}
    assert answered(state_db, anew, "xero")
    assert not answered(state_db, anew, "gp")  # the first answer stands
    found = planned(state_db, "Lahn", "Ulm", GP)
    assert not found.changes
    assert put(state_db, "run-3")[0].values == {"gp": "Lahn", "xero": "Ulm"}


def test_a_question_whose_values_came_to_be_the_same_is_none_any_more(state_db: Engine) -> None:
    planned(state_db, "Bonn", "Berlin")
    planned(state_db, "Berlin", "Berlin")
    assert put(state_db, "run-1") == []
