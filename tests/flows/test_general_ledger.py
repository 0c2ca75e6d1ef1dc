"""Entries that people key in GP's general ledger stand in Xero as manual journals, once, on the same accounts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from commands.main import main
from ledgerbridge.audit import Actor
from ledgerbridge.entities import Document
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, Delivery, MergeQuestion
from ledgerbridge.sync import Question, answer
from operators import settings
from operators.questions import PutQuestionsOperator
from operators.systems import hooks_of
from sandbox.orders import harbor_light_supply
from tests.flows.entries import DAY, Entries, open_entries
from tests.flows.in_process import InProcess, include_with
from tests.flows.masters import Masters

RENT, ACCRUED, GOODWILL = "000-6100-00", "000-2440-00", "000-4120-00"
"""Accounts of GP that are 404, 828 and 206 in Xero."""
RECEIVABLES, PAYABLES, BANK, INVENTORY = "000-1200-00", "000-2100-00", "000-1100-00", "000-1300-00"


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entries]:
    more = {"role": "opening_balances", "gp": None, "xero": "840"}
    company = {"accounts": [*harbor_light_supply()["accounts"], more], "send_from": "2026-01-01"}
    with open_entries(tmp_path_factory.mktemp("entries"), company) as opened:
        yield opened


def test_what_a_ledger_held_before_the_flows_begin_is_taken_over_once(
    entries: Entries, capsys: pytest.CaptureFixture[str]
) -> None:
    def taken_over(*more: str, day: str = "2025-12-31") -> int:
        state = entries.office.state.url.render_as_string(hide_password=False)
        return main(["--state", state, "opening-balances", day, "--from", "gp", "--to", "xero", *more])

    entries.key("Before", (RENT, "80.00"), (BANK, "-100.05"), (GOODWILL, "20.05"), on="2025-11-30")
    entries.player.post()
    assert taken_over() == 0
    assert "000-1100-00                          -100.05  not by a journal" in capsys.readouterr().out
    assert entries.journals() == {}
    entries.player.order_fault("xero", {"kind": "lost_after_commit", "method": "PUT"})
    assert taken_over("--send") != 0
    assert taken_over("--send", day="2025-12-30") == 2  # the first may be there
    assert "LB-OPN-001" in capsys.readouterr().err
    entries.player.forget_faults()
    assert taken_over("--send") == 2  # its call may be under way
    assert "LB-DLV-001" in capsys.readouterr().err
    with transaction(entries.office.state) as session:  # as time does
        session.execute(update(Delivery).values(settles_at=Delivery.called_at))
    assert taken_over("--send") == 0
    assert "entered in xero as Opening balances of 2025-12-31 (GP entry 0)" in capsys.readouterr().out
    held = {"Opening balances of 2025-12-31 (GP entry 0) 2025-12-31": {
        "404": Decimal(80), "206": Decimal("20.05"), "840": Decimal("-100.05"),
    }}  # fmt: skip
    assert entries.journals() == held
    assert taken_over("--send") == 2
    assert "LB-OPN-001" in capsys.readouterr().err
    assert taken_over(day="2026-01-01") == 2
    assert "LB-OPN-002" in capsys.readouterr().err
    assert entries.run() == {}  # what is dated before `send_from` is people's
    assert entries.journals() == held
    assert entries.letters() == {}
    assert entries.reconciled()["differences"] == []


def test_a_posted_entry_is_a_journal_on_the_same_accounts_and_nothing_goes_twice(entries: Entries) -> None:
    number = entries.key("Accrue rent", (RENT, "120.55"), (ACCRUED, "-100.00"), (GOODWILL, "-20.55"))
    assert entries.run() == {}  # in its batch it is nobody's books yet
    entries.player.post()
    assert entries.run() == {"journal": 1}
    amounts = {"404": Decimal("120.55"), "828": Decimal("-100.00"), "206": Decimal("-20.55")}
    before = entries.journals()
    assert before[f"Accrue rent (GP entry {number}) {DAY}"] == amounts
    InProcess("general_ledger").run(f"entries-{entries.passes}")  # as somebody clears it
    assert entries.run() == {}
    assert entries.journals() == before
    assert entries.letters() == {}
    assert entries.reconciled()["differences"] == []


def test_an_entry_on_an_account_that_others_keep_is_a_letter_and_no_journal_bears_it(entries: Entries) -> None:
    before = entries.journals()
    numbers = {
        account: str(entries.key("Not ours to book", (RENT, "5.00"), (account, "-5.00")))
        for account in (RECEIVABLES, PAYABLES, BANK, INVENTORY)
    }
    entries.player.post()
    assert entries.run() == {}
    assert entries.journals() == before
    letters = entries.letters()
    assert {account: letters[number][0] for account, number in numbers.items()} == {
        RECEIVABLES: "LB-CAN-008",
        PAYABLES: "LB-CAN-008",
        BANK: "LB-CAN-008",
        INVENTORY: "LB-MAP-001",
    }
    assert "enter it in the other ledger as money spent or received" in letters[numbers[BANK]][1]
    assert "an invoice, credit or receipt of the customer" in letters[numbers[RECEIVABLES]][1]
    assert "a line under `accounts` in the company's file" in letters[numbers[INVENTORY]][1]
    told = entries.reconciled()["differences"]
    # what stands on control accounts and in no sub-ledger is a difference of its own, until a person backs it out
    assert {(each["type"], each["role"], each["explained"]) for each in told} == {
        *(("missing in xero", role, True) for role in ("fees", "receivables", "payables", "bank")),
        *(("open amount", role, False) for role in ("receivables", "payables")),
    }


def test_what_sub_ledgers_and_our_own_flows_booked_is_no_journal(entries: Entries) -> None:
    (hook,) = hooks_of("gp", settings.company()).values()
    ours = {"REFRENCE": "LB fee ABCDEFGHIJKLMNOPQRST", "BACHNUMB": "LBF", "TRXDATE": date(2026, 3, 2), "TRXTYPE": 0}
    sides = {RENT: (Decimal(3), Decimal(0)), ACCRUED: (Decimal(0), Decimal(3))}
    lines = [
        {"SQNCLINE": 16384 * place, "ACTNUMST": account, "DEBITAMT": debit, "CRDTAMNT": credit}
        for place, (account, (debit, credit)) in enumerate(sides.items(), start=1)
    ]
    memo = {"RMDTYPAL": 3, "DOCNUMBR": "MEMO1", "DOCDATE": date(2026, 3, 2), "BACHNUMB": "MEMO", "CUSTNMBR": "GL1"}
    documents = {
        "customer": Document("c", "c", {"CUSTNMBR": "GL1", "CUSTNAME": "Memo"}),
        "debit_memo": Document("m", "m", {**memo, "DOCAMNT": Decimal(9), "SLSAMNT": Decimal(9)}),
        "gl_transaction": Document("e", "e", ours, {"lines": lines}),
    }
    for entity, document in documents.items():
        [outcome] = hook.entity(entity).send([document])
        assert outcome.error is None
    assert entries.player.post() == 2
    before = entries.journals()
    assert entries.run() == {}
    assert entries.journals() == before


def test_each_posting_of_an_entry_is_a_journal_of_its_own(entries: Entries) -> None:
    before = entries.journals()
    reversing = entries.key("Accrued", (RENT, "40.00"), (ACCRUED, "-40.00"), on="2026-03-31", reverses_on="2026-04-01")
    recurring = entries.key("Monthly", (RENT, "8.00"), (ACCRUED, "-8.00"))
    foreign = entries.key("Abroad", (RENT, "10.01"), (GOODWILL, "-10.01"), currency="GBP", rate="1.25")
    entries.player.post()
    assert entries.run() == {"journal": 4}
    for day in ("2026-04-02", "2026-05-02"):
        entries.call("repeat", {"journal_entry": recurring, "date": day})
    backed_out = entries.call("back-out", {"journal_entry": foreign})["journal_entry"]
    entries.player.post()
    assert entries.run() == {"journal": 3}
    made = {key: lines for key, lines in entries.journals().items() if key not in before}
    assert made == {
        f"Accrued (GP entry {reversing}) 2026-03-31": {"404": Decimal(40), "828": Decimal(-40)},
        f"Accrued (GP entry {reversing}) 2026-04-01": {"404": Decimal(-40), "828": Decimal(40)},
        f"Monthly (GP entry {recurring}) {DAY}": {"404": Decimal(8), "828": Decimal(-8)},
        f"Monthly (GP entry {recurring}-1) 2026-04-02": {"404": Decimal(8), "828": Decimal(-8)},
        f"Monthly (GP entry {recurring}-2) 2026-05-02": {"404": Decimal(8), "828": Decimal(-8)},
        f"Abroad (GP entry {foreign}) {DAY}": {"404": Decimal("12.51"), "206": Decimal("-12.51")},
        f"Back Out Journal Entry {foreign} (GP entry {backed_out}) {DAY}": {
            "404": Decimal("-12.51"),
            "206": Decimal("12.51"),
        },
    }
    told = [number for *_, numbers in entries.told() for number in numbers]
    assert not [each for each in told if each.startswith(("Accrued", "Monthly", "Abroad"))]


def test_a_journal_whose_answer_was_lost_stands_once(entries: Entries) -> None:
    flow = Masters(entries.player, entries.office, InProcess("general_ledger"), ["entries"])
    for kind in ("lost_before_commit", "lost_after_commit", "repeated", "concurrent"):
        entries.key(f"L-{kind}", (RENT, "10.00"), (ACCRUED, "-10.00"))
        entries.player.post()
        entries.player.order_fault("xero", {"kind": kind, "contains": "ManualJournals", "times": 1})
        flow.settle()
    kept = [narration.partition(" (")[0] for narration in entries.journals() if narration.startswith("L-")]
    assert sorted(kept) == ["L-concurrent", "L-lost_after_commit", "L-lost_before_commit", "L-repeated"]
    assert [each["happened"] for each in entries.player.faults()["xero"]] == [1] * 4
    entries.player.forget_faults()


def test_a_journal_behind_a_lock_date_of_xero_waits_until_it_is_moved(entries: Entries) -> None:
    entries.player.call("PUT", "xero", "/_sandbox/organisation", {"PeriodLockDate": "2026-01-31"})
    number = entries.key("Late", (RENT, "6.00"), (ACCRUED, "-6.00"), on="2026-01-31")
    entries.player.post()
    assert entries.run() == {}
    assert str(number) not in entries.letters()
    assert not [each for each in entries.told() if "Late" in each[3]]
    entries.player.call("PUT", "xero", "/_sandbox/organisation", {"PeriodLockDate": None})
    assert entries.run() == {"journal": 1}
    assert f"Late (GP entry {number}) 2026-01-31" in entries.journals()


LOCKED, NEXT_OPEN = "2026-01-31", "2026-02-01"


@pytest.fixture
def locked(entries: Entries) -> Iterator[None]:
    """The books of January are locked in Xero."""
    entries.player.call("PUT", "xero", "/_sandbox/organisation", {"PeriodLockDate": LOCKED})
    yield
    entries.player.call("PUT", "xero", "/_sandbox/organisation", {"PeriodLockDate": None})


@pytest.mark.usefixtures("locked")
def test_what_is_to_go_on_the_next_open_day_stands_there_with_its_own_day_and_is_told_as_timing(
    entries: Entries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    include = include_with(tmp_path, "general_ledger", "closed_periods: next_open")
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(include))
    number = entries.key("Moved", (RENT, "6.10"), (ACCRUED, "-6.10"), on="2026-01-20")
    entries.player.post()
    assert entries.run() == {"journal": 1}
    narration = f"Moved (GP entry {number}), dated 2026-01-20"
    assert f"{narration} {NEXT_OPEN}" in entries.journals()
    told = [each for each in entries.reconciled()["differences"] if narration in str(each["documents"])]
    assert [(each["type"], each["value"], each["explained"]) for each in told] == [("timing", "6.10", True)]
    assert f"was closed on 2026-01-20, its own day: it was posted there on {NEXT_OPEN}" in told[0]["reason"]
    entries.player.call("PUT", "xero", "/_sandbox/organisation", {"PeriodLockDate": None})
    InProcess("general_ledger").run(f"entries-{entries.passes}")  # as somebody clears it
    monkeypatch.undo()  # and another policy changes nothing of what went
    assert entries.run() == {}
    assert len([each for each in entries.journals() if each.startswith("Moved")]) == 1
    with transaction(entries.office.state) as session:
        moved = session.scalars(select(AuditEntry).where(AuditEntry.action == "moved")).all()
    told_to_audit = [tuple(each.details[name] for name in ("own_day", "posted_on", "by")) for each in moved]
    assert told_to_audit == [("2026-01-20", NEXT_OPEN, "next_open")]


@pytest.mark.usefixtures("locked")
def test_a_person_says_which_day_and_until_then_the_journal_waits(
    entries: Entries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    include = include_with(tmp_path, "general_ledger", "closed_periods: ask")
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(include))
    numbers = {
        answered: str(entries.key(f"Asked {answered}", (RENT, "6.20"), (ACCRUED, "-6.20"), on="2026-01-21"))
        for answered in ("next open day", "its own day, once that is open", "")
    }
    entries.player.post()
    assert entries.run() == {}
    assert InProcess("general_ledger").flow.asked_of("entries") == ["xero.manual_journal"]
    context = {"run_id": "asks"}
    put = PutQuestionsOperator(task_id="put", flow="general_ledger", kinds=["xero.manual_journal"], synced={})
    questions = {each["question"]["number"]: each for each in put.execute(context)}
    assert questions.keys() == set(numbers.values())
    asked = questions[numbers["next open day"]]
    assert asked["subject"] == f"xero.manual_journal {numbers['next open day']}: which posting day?"
    assert asked["options"] == ["next open day", "its own day, once that is open"]
    assert f"| next open day | {NEXT_OPEN} |" in asked["body"]
    with transaction(entries.office.state) as session:
        for answered, number in numbers.items():
            if answered:
                question = Question(**questions[number]["question"])
                assert answer(session, Actor("general_ledger", "", "asks", "question"), question, answered, "Ada")
    assert entries.run() == {"journal": 1}
    assert put.execute({"run_id": "asks again"}) == []  # the one that is open was put before
    entries.player.call("PUT", "xero", "/_sandbox/organisation", {"PeriodLockDate": None})
    assert entries.run() == {"journal": 2}
    days = sorted(key[-10:] for key in entries.journals() if key.startswith("Asked"))
    assert days == ["2026-01-21", "2026-01-21", NEXT_OPEN]
    with transaction(entries.office.state) as session:
        assert session.scalars(select(MergeQuestion).where(MergeQuestion.kind == "xero.manual_journal")).all() == []


def test_the_reconciliation_names_twelve_things_that_somebody_did_to_journals_and_nothing_else(
    entries: Entries,
) -> None:
    hook = entries.xero()
    planted: dict[str, dict[str, Any]] = {
        "Voided": {"Status": "VOIDED"},
        "Account": {"JournalLines": _lines(7, "404", "206")},
        "Amount": {"JournalLines": _lines(9, "404", "828")},
        "Date": {"Date": "2026-03-03"},
        "Period": {"Date": "2026-04-03"},
        "Sides": {"JournalLines": _lines(7, "828", "404")},
        "Debit": {"JournalLines": _lines(7, "206", "828")},
        "More": {"JournalLines": _lines(70, "404", "828")},
        "Part": {"JournalLines": [*_lines(7, "404", "828"), *_lines(2, "206", "404")]},
        "Both": {"Date": "2026-03-03", "JournalLines": _lines(8, "404", "828")},
        "Untouched": {"Url": "https://gp.example/1"},
        "Twice": {},
    }
    for reference in planted:
        entries.key(reference, (RENT, "7.00"), (ACCRUED, "-7.00"))
    entries.player.post()
    assert entries.run() == {"journal": len(planted)}
    before = entries.told()
    assert not planted.keys() & {number.split()[0] for *_, numbers in before for number in numbers}
    for each in hook.get("ManualJournals", {"page": 1})["ManualJournals"]:
        reference = each["Narration"].split()[0]
        if change := planted.get(reference):
            hook.write("POST", "ManualJournals", {"ManualJournals": [_changed(each, **change)]})
        elif reference == "Twice":
            again = {"JournalLines": _lines(7, "404", "828"), "Date": DAY, "Status": "POSTED"}
            hook.write("PUT", "ManualJournals", {"ManualJournals": [again | {"Narration": each["Narration"]}]})
    anew = {"Narration": "Voided (GP entry 1)", "Date": DAY, "Status": "POSTED", **planted["Amount"]}
    hook.write("PUT", "ManualJournals", {"ManualJournals": [anew]})  # by hand in its place
    told: dict[str, list[tuple[str, ...]]] = {}
    for kind, role, value, numbers in entries.told():
        if (kind, role, value, numbers) not in before:
            told.setdefault(numbers[0].split()[0], []).append((kind, role, value))
    assert told == {
        "Voided": [
            ("missing in gp", "duties", "9.00"),
            ("missing in gp", "fees", "-9.00"),
            ("missing in xero", "duties", "-7.00"),
            ("missing in xero", "fees", "7.00"),
        ],
        "Account": [("account", "duties", "-7.00"), ("account", "goodwill", "7.00")],
        "Amount": [("amount", "duties", "2.00"), ("amount", "fees", "-2.00")],
        "Date": [("date", "", "7.00")],
        "Period": [("period", "", "7.00")],
        "Sides": [("amount", "duties", "-14.00"), ("amount", "fees", "14.00")],
        "Debit": [("account", "fees", "7.00"), ("account", "goodwill", "-7.00")],
        "More": [("amount", "duties", "63.00"), ("amount", "fees", "-63.00")],
        "Part": [("account", "fees", "2.00"), ("account", "goodwill", "-2.00")],
        "Both": [("amount", "duties", "1.00"), ("amount", "fees", "-1.00"), ("date", "", "7.00")],
        "Twice": [("double in xero", "duties", "7.00"), ("double in xero", "fees", "-7.00")],
    }


def _lines(amount: int, debit: str, credit: str) -> list[dict[str, Any]]:
    return [{"LineAmount": amount, "AccountCode": debit}, {"LineAmount": -amount, "AccountCode": credit}]


def _changed(journal: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"ManualJournalID": journal["ManualJournalID"], "Narration": journal["Narration"], **fields}
