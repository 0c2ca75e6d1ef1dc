"""What two sides' meeting leaves in the state: links, questions for people, and what they said, for good."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from commands.main import main
from ledgerbridge.audit import Actor
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.links import Read, Thing, keep_read, sides_of
from ledgerbridge.matching.meeting import meet
from ledgerbridge.matching.rules import Comparison, FirstMeeting
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, MatchProposal
from ledgerbridge.sync import answer_proposals, is_due, keep_meeting, open_proposals, strangers, why_apart

GP, XERO = SIDES = ("gp.customer", "xero.contact")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACTOR = Actor("master_data", "customers_gp", "run", "transform")
RULES = FirstMeeting(
    compare={
        "name": Comparison(kind="name", fields=["name"]),
        "email": Comparison(kind="email", fields=["email"]),
    },
    keys=["email"],
    needs=["name"],
)
HARBOR = {"name": "Harbor Light", "email": "info@harbor.com"}
BLUE = {"name": "Blue Heron Dental", "email": "clients@books.com"}
ATLAS = {"name": "Atlas Optical", "email": "clients@books.com"}


def hold(engine: Engine, gp: dict[str, dict[str, Any]], xero: dict[str, dict[str, Any]]) -> dict[str, Thing]:
    """What is read of both, by key."""
    sides = {
        entity: [
            Read(key, f"{entity.replace('.', ':two:')}:{key}", key, fields, 1, NOON) for key, fields in rows.items()
        ]
        for entity, rows in ((GP, gp), (XERO, xero))
    }
    with transaction(engine) as session:
        return keep_read(session, "main", "customer", sides)


def met(engine: Engine) -> int:
    """Let them meet; how many were linked."""
    with transaction(engine) as session:
        alone = strangers(session, "main", "customer", SIDES, "customer_number")
    proposals = meet(*alone.fields, RULES, alone.refused)
    with transaction(engine) as session:
        return keep_meeting(session, ACTOR, "main", "customer", alone, proposals)


def asked(engine: Engine) -> list[int]:
    with transaction(engine) as session:
        return [each.id for each in open_proposals(session, "main", "customer")]


def reasons(engine: Engine, things: dict[str, Thing]) -> dict[str, str]:
    """Why things of one side are not made on the other, by the id of the record."""
    keys = [each.record_key for each in things.values()]
    with transaction(engine) as session:
        now = sides_of(session, "main", "customer", SIDES, keys)
        found = why_apart(session, "main", "customer", now.values(), met="not compared")
    return {key.rpartition(":")[2]: why for key, why in found.items()}


def say(engine: Engine, number: int, *, accepted: bool) -> None:
    with transaction(engine) as session:
        answer_proposals(session, ACTOR, {number: accepted}, "vera")


def test_sure_ones_are_linked_and_likely_ones_wait_with_a_reason(state_db: Engine) -> None:
    things = hold(state_db, {"HARB": HARBOR, "BLUE": BLUE, "NEW": {"name": "Vista"}}, {"h": HARBOR, "a": ATLAS})
    assert reasons(state_db, things) == dict.fromkeys(("HARB", "BLUE", "NEW", "h", "a"), "not compared")
    assert met(state_db) == 1
    [number] = asked(state_db)
    waits = "a person says whether it is {} (proposal {})"
    assert reasons(state_db, things) == {"BLUE": waits.format("a", number), "a": waits.format("BLUE", number)}
    with transaction(state_db) as session:
        assert not is_due(session, "main", "customer", SIDES)
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "matched")).one()
        assert (told.details["left"], told.details["right"]) == ("gp.customer HARB", "xero.contact h")


def test_a_pair_that_was_refused_stays_refused_whatever_meets_later(state_db: Engine) -> None:
    things = hold(state_db, {"BLUE": BLUE}, {"a": ATLAS})
    met(state_db)
    [number] = asked(state_db)
    say(state_db, number, accepted=False)
    assert reasons(state_db, things) == {}
    hold(state_db, {"NEW": {"name": "Vista"}}, {})
    assert met(state_db) == 0
    assert asked(state_db) == []
    with transaction(state_db) as session:
        row = session.scalars(select(MatchProposal)).one()
        assert (row.answer, row.answered_by, row.shown) == ("refused", "vera", None)


def test_a_pair_that_was_accepted_is_one_thing(state_db: Engine) -> None:
    things = hold(state_db, {"BLUE": BLUE}, {"a": ATLAS})
    met(state_db)
    say(state_db, asked(state_db)[0], accepted=True)
    assert reasons(state_db, things) == {}
    again = hold(state_db, {"BLUE": BLUE}, {"a": ATLAS})
    assert {frozenset(each.sides) for each in again.values()} == {frozenset(SIDES)}


def test_an_answer_given_twice_or_to_nothing_is_refused_and_carries_out_nothing(state_db: Engine) -> None:
    hold(state_db, {"BLUE": BLUE}, {"a": ATLAS})
    met(state_db)
    [number] = asked(state_db)
    with (
        pytest.raises(LedgerbridgeError, match=r"LB-MAT-001.*there is none"),
        transaction(state_db) as session,
    ):
        answer_proposals(session, ACTOR, {number: True, 999: True}, "vera")
    assert asked(state_db) == [number]
    say(state_db, number, accepted=False)
    with pytest.raises(LedgerbridgeError, match=r"LB-MAT-001.*vera refused it already"):
        say(state_db, number, accepted=True)


def test_two_that_each_found_another_partner_meanwhile_can_not_be_made_one(state_db: Engine) -> None:
    hold(state_db, {"P": {"name": "Vista"}, "Q": {"name": "Granite"}}, {"p": {"name": "Atlas"}, "q": {"name": "Metro"}})
    with transaction(state_db) as session:
        pairs = [_pair("P", "p"), _pair("Q", "q"), _pair("P", "q")]
        session.add_all(pairs)
        session.flush()
        first, second, third = (each.id for each in pairs)
    say(state_db, first, accepted=True)
    say(state_db, second, accepted=True)
    with pytest.raises(LedgerbridgeError, match=r"LB-MAT-002.*are each linked"):
        say(state_db, third, accepted=True)
    assert asked(state_db) == [third]


def _pair(left: str, right: str) -> MatchProposal:
    return MatchProposal(
        company="main", kind="customer", sides=list(SIDES), left_key=left, right_key=right, score=0.5, best=False,
        agreements=[], compared_at=NOON,
    )  # fmt: skip


def test_the_command_shows_who_would_meet_changes_nothing_and_carries_out_what_a_file_says(
    state_db: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    things = hold(state_db, {"HARB": HARBOR, "BLUE": {**BLUE, "name": "=BLUE()"}}, {"h": HARBOR, "a": ATLAS})

    def run(*more: str) -> int:
        url = state_db.url.render_as_string(hide_password=False)
        return main(["--state", url, "match", "master_data", "customer", *more])

    assert run() == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [(row["band"], row["proposal"]) for row in rows] == [("automatic", ""), ("review", "")]
    assert rows[1]["gp.customer name"] == "'=BLUE()"
    assert "email the same +" in rows[1]["why"]
    assert set(reasons(state_db, things).values()) == {"not compared"}

    met(state_db)
    assert run() == 0
    [row] = csv.DictReader(capsys.readouterr().out.splitlines())
    file = tmp_path / "answers.csv"
    file.write_text(f"proposal,answer\n{row['proposal']},perhaps\n")
    assert run("--answers", str(file)) == 2
    assert "LB-MAT-003" in capsys.readouterr().err
    file.write_text(f"proposal,answer\n{row['proposal']},accept\n")
    assert run("--answers", str(file), "--by", "vera") == 0
    assert capsys.readouterr().out == "1 accepted, 0 refused: the next pass goes by it\n"
    assert asked(state_db) == []


def test_the_command_says_which_entities_meet_when_it_is_asked_for_another(
    state_db: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    url = state_db.url.render_as_string(hide_password=False)
    assert main(["--state", url, "match", "master_data", "ship"]) == 2
    told = capsys.readouterr().err
    assert "LB-MAT-004" in told
    assert "customer" in told
