"""Entries summed up by day, batch and period as the golden file says: to the cent, traceable, and never twice."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from demo.company import write_company_file
from ledgerbridge.audit.trace import trace
from ledgerbridge.errors import TransientError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from tests.flows.entries import Entries, open_entries
from tests.flows.expected_entries import expect_summaries
from tests.flows.golden_entries import letters_of, play, read_result, read_summaries, set_up
from tests.golden import golden_file

FILE = golden_file("summaries.json")
ROUNDS = {each["carried_as"]: each for each in FILE["rounds"]}
RENT, ACCRUED = "000-6400-00", "000-2450-00"


def carry_as(entries: Entries, carried_as: str, **more: Any) -> None:
    """The company changes its setting."""
    company = entries.office.file["company"] | more
    company["settings"] = {**company["settings"], "journals_carried_as": carried_as}
    write_company_file(entries.office.folder / "companies" / "main.yaml", company, None)


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """By round the numbers of its cases, and when each journal was first there."""
    return {}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, seen: dict[str, Any]) -> Iterator[Entries]:
    """After all rounds, one after the other."""
    with open_entries(tmp_path_factory.mktemp("golden-summaries"), FILE["company"]) as entries:
        set_up(entries, FILE)
        entries.stages = ("entries",)
        for carried_as, of in ROUNDS.items():
            carry_as(entries, carried_as)
            seen[carried_as] = play(entries, {**FILE, **of})
        yield entries


def test_the_rules_alone_come_to_what_the_file_says() -> None:
    assert {name: expect_summaries(of, FILE) for name, of in ROUNDS.items()} == {
        name: of["expect"] for name, of in ROUNDS.items()
    }
    assert sum(len(of["cases"]) for of in ROUNDS.values()) >= 20


def test_xero_holds_the_summaries_of_the_file_each_traceable_to_its_entries(
    played: Entries, seen: dict[str, Any]
) -> None:
    for name, of in ROUNDS.items():
        assert read_summaries(played, *seen[name]) == of["expect"]["summaries"], name
        in_gp = read_result(played, {**FILE, **of}, *seen[name])
        assert {case: each["gp"] for case, each in in_gp.items()} == of["expect"]["gp"]
        assert letters_of(played, seen[name][0]) == {*of["expect"]["letters"]}
        assert not any(each["xero"] for each in in_gp.values())  # none by itself


def test_entries_and_summaries_agree_but_for_the_letter(played: Entries) -> None:
    told = played.reconciled()["differences"]
    assert [(each["type"], each["role"], each["value"]) for each in told if not each["explained"]] == [
        ("open amount", "receivables", "-12.00")  # nobody's document, whatever becomes of the letter
    ]
    assert {(each["type"], each["role"]) for each in told if each["explained"]} == {
        ("missing in xero", "receivables"),
        ("missing in xero", "rent"),
    }


def test_an_entry_leads_to_its_summary(played: Entries, seen: dict[str, Any]) -> None:
    (number,) = seen["day"][0]["D-03"]
    with transaction(played.office.state) as session:
        steps = trace(session, number).steps
    (delivery,) = [each for step in steps for each in step.deliveries]
    assert delivery.canonical["reference"] == f"1 entry: {number}"


def test_the_tasks_of_each_rounds_first_passes_done_again_change_neither_ledger(played: Entries) -> None:
    before: dict[str, Any] = {ledger: played.player.entries(ledger) for ledger in ("gp", "xero")}
    for number in (1, 3, 5):
        played.run_again(number)
    assert played.player.post() == 0
    assert {ledger: played.player.entries(ledger) for ledger in ("gp", "xero")} == before


def test_a_lost_answer_is_looked_up_and_what_came_meanwhile_goes_by_itself(played: Entries) -> None:
    carry_as(played, "day")
    before = played.journals()
    day = "2026-06-01"
    numbers = [played.key("Lost", (RENT, "10.00"), (ACCRUED, "-10.00"), on=day) for _ in range(2)]
    played.player.post()
    played.player.order_fault("xero", {"kind": "lost_after_commit", "method": "PUT"})
    with pytest.raises(TransientError):
        played.run()
    played.player.forget_faults()
    numbers.append(played.key("Later", (RENT, "0.07"), (ACCRUED, "-0.07"), on=day))
    played.player.post()
    with transaction(played.office.state) as session:  # as time does
        session.execute(update(Delivery).values(settles_at=Delivery.called_at))
    while played.run():
        pass
    made = {each: lines for each, lines in played.journals().items() if each not in before}
    assert sorted((each.partition(" (")[0], lines["469"]) for each, lines in made.items()) == [
        (f"1 entry: {numbers[2]}", Decimal("0.07")),
        (f"2 entries: {numbers[0]}, {numbers[1]}", Decimal(20)),
    ]


def test_what_went_by_itself_stays_so_when_the_setting_changes(played: Entries) -> None:
    carry_as(played, "entry")
    played.key("By itself", (RENT, "3.00"), (ACCRUED, "-3.00"), on="2026-06-02")
    played.player.post()
    assert played.run() == {"journal": 1}
    carry_as(played, "day")
    later = played.key("With others", (RENT, "4.00"), (ACCRUED, "-4.00"), on="2026-06-02")
    played.player.post()
    assert played.run() == {"journal": 1}
    made = sorted(each.partition(" (")[0] for each in played.journals() if each.endswith("2026-06-02"))
    assert made == [f"1 entry: {later}", "By itself"]
