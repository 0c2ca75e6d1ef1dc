"""The golden entries, worked out by a second hand and played against both ledgers: to the cent, and nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from tests.flows.dice import SeededDice
from tests.flows.entries import DAY, Entries, open_entries
from tests.flows.expected_entries import expect_balances, expect_entry
from tests.flows.golden_entries import balances_by_role, letters_of, play, read_result, set_up
from tests.flows.random_entries import random_entries
from tests.golden import golden_file

FILE = golden_file("entries.json")
EXPECTED = {case["id"]: case["expect"] for case in FILE["cases"]}


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """The numbers of each case, and when each journal was first there."""
    return {}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, seen: dict[str, Any]) -> Iterator[Entries]:
    """After the whole file."""
    with open_entries(tmp_path_factory.mktemp("golden-entries"), FILE["company"]) as entries:
        set_up(entries, FILE)
        seen["numbers"], seen["first"] = play(entries, FILE)
        yield entries


def test_the_rules_alone_come_to_what_the_file_says() -> None:
    assert {case["id"]: expect_entry(case, FILE) for case in FILE["cases"]} == EXPECTED
    assert expect_balances(EXPECTED.values(), FILE) == FILE["books"]
    assert len(EXPECTED) >= 20


def test_both_ledgers_hold_what_the_file_says(played: Entries, seen: dict[str, Any]) -> None:
    assert read_result(played, FILE, seen["numbers"], seen["first"]) == EXPECTED
    assert {ledger: balances_by_role(played, FILE, ledger) for ledger in ("gp", "xero")} == FILE["books"]


def test_what_was_carried_agrees_and_what_is_a_letter_is_told_with_its_reason(
    played: Entries, seen: dict[str, Any]
) -> None:
    verdict = played.reconciled()
    rejected = {name for name, each in EXPECTED.items() if each["outcome"] == "rejected"}
    assert letters_of(played, seen["numbers"]) == rejected
    # what was edited after it went, what looks like the flow's own; and what is on receivables and payables without a
    # document, a difference within GP, whatever becomes of the letter
    unexplained = [each for each in verdict["differences"] if not each["explained"]]
    assert sorted((each["type"], each["role"], each["value"]) for each in unexplained) == [
        ("amount", "accruals", "1.00"),
        ("amount", "rent", "-1.00"),
        ("missing in gp", "accruals", "18.00"),
        ("missing in gp", "rent", "-18.00"),
        ("open amount", "payables", "13.00"),
        ("open amount", "receivables", "-12.00"),
    ]
    assert {each["type"] for each in verdict["differences"] if each["explained"]} == {
        "missing in gp",
        "missing in xero",
    }


def test_all_tasks_done_again_change_neither_ledger(played: Entries) -> None:
    before: dict[str, Any] = {ledger: played.player.entries(ledger) for ledger in ("gp", "xero")}
    for number in range(1, played.passes + 1):
        played.run_again(number)
    assert played.player.post() == 0
    assert {ledger: played.player.entries(ledger) for ledger in ("gp", "xero")} == before


def test_any_entry_ends_with_equal_books_or_a_letter(played: Entries) -> None:
    file = random_entries(FILE["company"], SeededDice(25), 60, first=1)
    numbers, first_seen = play(played, file)
    found = read_result(played, file, numbers, first_seen)
    assert found == {case["id"]: expect_entry(case, file) for case in file["cases"]}
    assert {each["outcome"] for each in found.values()} == {"delivered", "rejected", "none"}


RENT, ACCRUED = "000-6400-00", "000-2450-00"


@dataclass
class Plants:
    """What people do in one ledger alone, each to an entry of its own; what the comparison is to say of it."""

    entries: Entries
    ids: dict[str, str] = field(default_factory=dict)
    """Of the journals that are keyed in Xero, by name."""

    def prepare(self) -> None:
        """Entries that both ledgers have, posted in both; one is in its batch."""
        for name in ("amount", "account", "sign", "date", "period", "voided"):
            self.entries.key(f"Plant {name}", (RENT, "7.00"), (ACCRUED, "-7.00"))
        for name in ("edited", "taken-back"):
            self.key_in_xero(name)
        assert self.drain() == 8
        for name in ("deleted", "keyed-anew"):
            self.key_in_xero(name)
        assert self.entries.run() == {"journal_keyed_in_xero": 2}
        assert self.entries.run() == {}

    def drain(self) -> int:
        """Post and carry until nothing moves; how many documents went."""
        went = 0
        while True:
            self.entries.player.post()
            went_now = sum(self.entries.run().values())
            went += went_now
            if not went_now and not self.entries.player.post():
                return went

    def key_in_xero(self, name: str) -> None:
        lines = [{"AccountCode": "469", "LineAmount": "7.00"}, {"AccountCode": "829", "LineAmount": "-7.00"}]
        typed = {"Narration": f"Plant {name}", "Date": DAY, "Status": "POSTED", "JournalLines": lines}
        self.ids[name] = self.entries.journal(typed)["ManualJournalID"]

    def change(self, name: str, *lines: tuple[str, str], **fields: Any) -> None:
        """A journal is changed in Xero."""
        journals = self.entries.xero().get("ManualJournals", {"page": 1, "pageSize": 1000})["ManualJournals"]
        (journal,) = [each for each in journals if f"Plant {name}" in each["Narration"]]
        named = {"ManualJournalID": journal["ManualJournalID"], "Narration": journal["Narration"]}
        typed = [{"AccountCode": account, "LineAmount": amount} for account, amount in lines]
        self.entries.journal({**named, **fields, **({"JournalLines": typed} if typed else {})})

    def copy(self) -> None:
        """A journal that the flow made is copied in Xero."""
        lines = [{"AccountCode": "469", "LineAmount": "3.00"}, {"AccountCode": "829", "LineAmount": "-3.00"}]
        typed = {"Narration": "Plant amount (GP entry 1)", "Date": DAY, "Status": "POSTED", "JournalLines": lines}
        self.entries.journal(typed)

    def as_ours(self) -> None:
        """An entry is keyed in GP with a reference like the flow's own."""
        self.entries.key("LB journal ABCDEFGHIJKLMNOPQRS", (RENT, "4.00"), (ACCRUED, "-4.00"), batch="OURS")
        self.entries.player.post("OURS")
        assert self.entries.run() == {}

    def in_batch(self, name: str) -> str:
        """The number of the entry that waits for somebody to post it."""
        with transaction(self.entries.office.state) as session:
            key = select(Delivery.number).where(Delivery.record_key.endswith(self.ids[name]))
            return str(session.scalar(key))

    def delete(self, name: str) -> None:
        """An entry is deleted from its batch in GP."""
        self.entries.call("delete", {"document": self.in_batch(name)})

    def key_anew(self) -> None:
        """An entry is deleted from its batch, and keyed by hand on another day."""
        self.delete("keyed-anew")
        self.entries.key("Plant keyed anew", (RENT, "7.00"), (ACCRUED, "-7.00"), on="2026-03-05", batch="ANEW")
        self.entries.player.post("ANEW")


PLANTED: dict[str, tuple[Callable[[Plants], None], list[tuple[str, str, str]]]] = {
    "keyed in GP as if it were ours": (
        Plants.as_ours,
        [("missing in xero", "accruals", "-4.00"), ("missing in xero", "rent", "4.00")],
    ),
    "amount": (
        lambda desk: desk.change("amount", ("469", "9.00"), ("829", "-9.00")),
        [("amount", "accruals", "2.00"), ("amount", "rent", "-2.00")],
    ),
    "account": (
        lambda desk: desk.change("account", ("469", "7.00"), ("825", "-7.00")),
        [("account", "accruals", "-7.00"), ("account", "tips", "7.00")],
    ),
    "debit and credit exchanged": (
        lambda desk: desk.change("sign", ("469", "-7.00"), ("829", "7.00")),
        [("amount", "accruals", "-14.00"), ("amount", "rent", "14.00")],
    ),
    "date": (lambda desk: desk.change("date", Date="2026-03-03"), [("date", "", "7.00")]),
    "period": (lambda desk: desk.change("period", Date="2026-04-03"), [("period", "", "7.00")]),
    "voided in Xero": (
        lambda desk: desk.change("voided", Status="VOIDED"),
        [("missing in xero", "accruals", "-7.00"), ("missing in xero", "rent", "7.00")],
    ),
    "copied in Xero": (Plants.copy, [("missing in gp", "accruals", "3.00"), ("missing in gp", "rent", "-3.00")]),
    "edited in Xero after it went to GP": (
        lambda desk: desk.change("edited", ("469", "8.00"), ("829", "-8.00")),
        [("amount", "accruals", "1.00"), ("amount", "rent", "-1.00")],
    ),
    "taken back in Xero after it went to GP": (
        lambda desk: desk.change("taken-back", Status="VOIDED"),
        [("missing in xero", "accruals", "-7.00"), ("missing in xero", "rent", "7.00")],
    ),
    "deleted from its batch in GP": (
        lambda desk: desk.delete("deleted"),
        [("missing in gp", "accruals", "7.00"), ("missing in gp", "rent", "-7.00")],
    ),
    # the new one is on its way to Xero as an entry of GP's own
    "deleted from its batch, and keyed anew": (
        Plants.key_anew,
        [("missing in gp", "accruals", "7.00"), ("missing in gp", "rent", "-7.00")],
    ),
}


def test_what_people_do_in_one_ledger_alone_is_found_and_nothing_else(played: Entries) -> None:
    desk = Plants(played)
    desk.prepare()
    before = Counter((each[:3]) for each in played.told())
    for plant, _ in PLANTED.values():
        plant(desk)
    found = Counter((each[:3]) for each in played.told()) - before
    assert sorted(found.elements()) == sorted(each for _, expected in PLANTED.values() for each in expected)
    assert len(PLANTED) >= 12
