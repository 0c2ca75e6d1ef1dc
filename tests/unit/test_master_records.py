"""The records behind the counts of the masters' page, a page at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from ledgerbridge.links import Read, join, keep_read
from ledgerbridge.state import transaction
from ledgerbridge.state.models import SourceRecord
from ledgerbridge.sync import BY_HAND, alone_in, asked_about, different, keep_questions, linked, overview
from ledgerbridge.sync.questions import Asked

SIDES = ("gp.customer", "xero.contact")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def read(side: str, key: str, **fields: Any) -> Read:
    system, _, entity = side.partition(".")
    return Read(key, f"{system}:main:{entity}:{key}", None if system == "xero" else key, fields, 1, NOON)


@pytest.fixture
def ledgers(state_db: Engine) -> Engine:
    """Five customers, of whom the first three are contacts too, and a contact that is nobody's."""
    customers = [read(SIDES[0], f"C{n}", name=f"Name {n}", city="Boston") for n in range(1, 6)]
    contacts = [read(SIDES[1], f"id-{n}", name=f"Name {n}", city="", email="") for n in (1, 2, 3, 9)]
    with transaction(state_db) as session:
        keep_read(session, "main", "customer", {SIDES[0]: customers, SIDES[1]: contacts})
        for n in (1, 2, 3):
            assert join(session, "main", (SIDES[0], f"C{n}"), (SIDES[1], f"id-{n}"))
    return state_db


def test_linked_ones_come_in_pages_with_the_fields_in_which_they_differ(ledgers: Engine) -> None:
    with transaction(ledgers) as session:
        first = linked(session, "main", "customer", SIDES, 0, 2)
        last = linked(session, "main", "customer", SIDES, 2, 2)
    assert (first.total, [each.names for each in first.rows]) == (3, [("C1", "id-1"), ("C2", "id-2")])
    assert [each.names for each in last.rows] == [("C3", "id-3")]
    assert last.rows[0].fields == {"city": ("Boston", "")}


def test_what_one_side_alone_has_is_told_with_all_that_it_holds(ledgers: Engine) -> None:
    with transaction(ledgers) as session:
        in_gp = alone_in(session, "main", "customer", SIDES, SIDES[0], 1, 5)
        in_xero = alone_in(session, "main", "customer", SIDES, SIDES[1], 0, 5)
    assert (in_gp.total, [each.names for each in in_gp.rows]) == (2, [("C5", None)])
    assert [(each.names, each.fields) for each in in_xero.rows] == [((None, "id-9"), {"name": (None, "Name 9")})]


def test_what_differs_is_told_once_with_its_reason_and_both_values_but_not_what_a_person_is_asked(
    ledgers: Engine,
) -> None:
    legs = ("customers_xero", "customers_gp")
    by_hand = f"{BY_HAND}gp.customer C5: its terms are in no line"

    def waits(leg: str, key: str, reason: str) -> SourceRecord:
        named = {"company": "main", "flow": "master_data", "leg": leg, "source_key": key, "reason": reason}
        entity = ".".join(key.split(":")[::2][:2])
        kept = {"version": "1", "outcome": "waiting", "batch_uri": "", "run_id": "run-1", "updated_at": NOON}
        return SourceRecord(**named, **kept, entity=entity)

    with transaction(ledgers) as session:
        session.add_all(
            [
                *(waits(leg, "gp:main:customer:C1", "differs in city") for leg in legs),
                waits(legs[0], "gp:main:customer:C2", "a person is asked whose city stands"),
                waits(legs[0], "gp:main:customer:C4", "it is not there yet"),
                *(
                    waits(leg, key, by_hand)
                    for leg in legs
                    for key in ("gp:main:customer:C5", "xero:main:contact:id-9")
                ),
            ]
        )
    with transaction(ledgers) as session:
        found = different(session, "main", "master_data", SIDES, legs, 0, 5)
        counted = overview(session, "main", "master_data", "customer", SIDES, legs, most=5)
    assert found.total == 3
    assert {*counted.different} == {("differs in city", 1), ("it is not there yet", 1), (by_hand, 1)}
    assert [(each.names, each.reason) for each in found.rows] == [
        (("C1", "id-1"), "differs in city"),
        (("C4", None), "it is not there yet"),
        (("C5", None), by_hand),
    ]
    assert found.rows[0].fields == {"city": ("Boston", "")}


def test_what_a_person_says_is_told_with_both_values_or_the_one_before(ledgers: Engine) -> None:
    asked = {
        "customer:gp:main:customer:C1": Asked("C1", {"city": {"gp": "Boston", "xero": "Salem"}}),
        "customer:gp:main:customer:C2": Asked("C2", {"bank_account": {"xero": "NZ 2", "before": "NZ 1"}}),
    }
    with transaction(ledgers) as session:
        keep_questions(session, "main", "customer", asked, list(asked))
    with transaction(ledgers) as session:
        found = asked_about(session, "main", "customer", SIDES, 0, 5)
    assert [(each.names[0], each.fields) for each in found.rows] == [
        ("C1", {"city": ("Boston", "Salem")}),
        ("C2", {"bank_account": ("NZ 1", "NZ 2")}),
    ]
