"""Entries that people key in GP's general ledger stand in Xero as manual journals, once, on the same accounts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from demo.ports import free_port
from ledgerbridge.entities import Document
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter
from operators import settings
from operators.systems import hooks_of
from sandbox.orders import OPENING, harbor_light_supply
from sandbox.places import SYSTEMS
from sandbox.player import Player
from tests.flows.golden_orders import order_file
from tests.flows.in_process import InProcess, Office, open_office
from tests.flows.masters import Masters
from tests.forked_sandboxes import forked_sandboxes

DAY = "2026-03-02"
RENT, ACCRUED, GOODWILL = "000-6100-00", "000-2440-00", "000-4120-00"
"""Accounts of GP that are 404, 828 and 206 in Xero."""
RECEIVABLES, PAYABLES, BANK, INVENTORY = "000-1200-00", "000-2100-00", "000-1100-00", "000-1300-00"


@dataclass
class Entries:
    """The general ledgers of both, and the flow between them."""

    player: Player
    office: Office
    passes: int = 0

    def key(self, reference: str, *lines: tuple[str, str], on: str = DAY, **fields: Any) -> int:
        """An entry as a person keys it in GP: accounts with amounts, debits positive; its number."""
        typed = [
            {"account": account, "debit": max(Decimal(amount), Decimal(0)), "credit": max(-Decimal(amount), Decimal(0))}
            for account, amount in lines
        ]
        entry = {"reference": reference, "date": on, "lines": typed, **fields}
        return int(self.call("general-entries", entry)["journal_entry"])

    def call(self, route: str, body: dict[str, Any], method: str = "POST") -> Any:
        return self.player.call(method, "gp", f"/_sandbox/{route}", _texts(body))

    def run(self) -> dict[str, int]:
        """A pass; how many documents each leg delivered."""
        self.passes += 1
        flow = InProcess("general_ledger")
        results = flow.run(f"entries-{self.passes}")
        return {leg: found for leg in flow.flow.legs if (found := results.get(f"{leg}.load", {}).get("delivered"))}

    def xero(self) -> Any:
        """What calls Xero as the flow does."""
        (hook,) = hooks_of("xero", settings.company()).values()
        return hook

    def journals(self) -> dict[str, dict[str, Decimal]]:
        """The posted journals of Xero: day and amounts by account, by narration and day; none is there twice."""
        hook = self.xero()
        found: dict[str, dict[str, Decimal]] = {}
        for each in hook.get("ManualJournals", {"page": 1})["ManualJournals"]:
            key = f"{each['Narration']} {each['Date'][:10]}"
            assert each["Status"] == "POSTED"
            assert key not in found
            lines = {line["AccountCode"]: Decimal(str(line["LineAmount"])) for line in each["JournalLines"]}
            found[key] = lines
        return found

    def letters(self) -> dict[str, tuple[str, str]]:
        """Code and remedy of each open letter, by the name people see."""
        with transaction(self.office.state) as session:
            rows = session.scalars(select(DeadLetter).where(DeadLetter.state == "open"))
            return {str(each.label): (each.code, each.remedy) for each in rows}

    def reconciled(self) -> dict[str, Any]:
        """What the comparison of the two ledgers says, whether it fails or not."""
        self.passes += 1
        with suppress(LedgerbridgeError):
            InProcess("order_to_cash").run_stage("reconcile", f"reconcile-{self.passes}")
        return self.office.verdicts[-1]

    def told(self) -> list[tuple[str, str, str, tuple[str, ...]]]:
        """Type, role, value and documents of what nobody can explain."""
        return sorted(
            (each["type"], each["role"], each["value"], tuple(document["number"] for document in each["documents"]))
            for each in self.reconciled()["differences"]
            if not each["explained"]
        )


def _texts(body: Any) -> Any:
    if isinstance(body, dict):
        return {name: _texts(value) for name, value in body.items()}
    if isinstance(body, list):
        return [_texts(value) for value in body]
    return str(body) if isinstance(body, Decimal) else body


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entries]:
    folder = tmp_path_factory.mktemp("entries")
    ports = {system: free_port() for system in SYSTEMS}
    with forked_sandboxes(ports, folder / "sandbox") as addresses, Player(addresses) as player:
        player.seed(harbor_light_supply(), OPENING)
        with open_office(order_file([]), player, player, folder) as office:
            yield Entries(player, office)


def test_a_posted_entry_is_a_journal_on_the_same_accounts_and_nothing_goes_twice(entries: Entries) -> None:
    number = entries.key("Accrue rent", (RENT, "120.55"), (ACCRUED, "-100.00"), (GOODWILL, "-20.55"))
    assert entries.run() == {}  # in its batch it is nobody's books yet
    entries.player.post()
    assert entries.run() == {"journal": 1}
    amounts = {"404": Decimal("120.55"), "828": Decimal("-100.00"), "206": Decimal("-20.55")}
    assert entries.journals() == {f"Accrue rent (GP entry {number}) {DAY}": amounts}
    InProcess("general_ledger").run(f"entries-{entries.passes}")  # as somebody clears it
    assert entries.run() == {}
    assert len(entries.journals()) == 1
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
    assert not {"Accrued", "Monthly", "Abroad"} & {number for *_, numbers in entries.told() for number in numbers}


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


def test_the_reconciliation_names_what_somebody_did_to_journals_in_xero_and_nothing_else(entries: Entries) -> None:
    hook = entries.xero()
    planted: dict[str, dict[str, Any]] = {
        "Voided": {"Status": "VOIDED"},
        "Account": {
            "JournalLines": [{"LineAmount": 7, "AccountCode": "404"}, {"LineAmount": -7, "AccountCode": "206"}]
        },
        "Amount": {"JournalLines": [{"LineAmount": 9, "AccountCode": "404"}, {"LineAmount": -9, "AccountCode": "828"}]},
        "Date": {"Date": "2026-03-03"},
        "Period": {"Date": "2026-04-03"},
        "Untouched": {"Url": "https://gp.example/1"},
    }
    for reference in planted:
        entries.key(reference, (RENT, "7.00"), (ACCRUED, "-7.00"))
    entries.player.post()
    assert entries.run() == {"journal": len(planted)}
    before = entries.told()
    assert not planted.keys() & {number.split()[0] for *_, numbers in before for number in numbers}
    for each in hook.get("ManualJournals", {"page": 1})["ManualJournals"]:
        if change := planted.get(each["Narration"].split()[0]):
            hook.write("POST", "ManualJournals", {"ManualJournals": [_changed(each, **change)]})
    again = {"Narration": "Voided (GP entry 1)", "Date": DAY, "Status": "POSTED", **planted["Amount"]}
    hook.write("PUT", "ManualJournals", {"ManualJournals": [again]})  # by hand in its place
    told = [each for each in entries.told() if each not in before]
    assert [each[:3] for each in told] == [
        ("account", "duties", "-7.00"),
        ("account", "goodwill", "7.00"),
        ("amount", "duties", "2.00"),
        ("amount", "fees", "-2.00"),
        ("date", "", "7.00"),
        ("missing in gp", "duties", "9.00"),
        ("missing in gp", "fees", "-9.00"),
        ("missing in xero", "duties", "-7.00"),
        ("missing in xero", "fees", "7.00"),
        ("period", "", "7.00"),
    ]
    assert {each[3][0] for each in told} == {*planted, "Voided (GP entry 1)"} - {"Untouched"}


def _lines(amount: int, debit: str, credit: str) -> list[dict[str, Any]]:
    return [{"LineAmount": amount, "AccountCode": debit}, {"LineAmount": -amount, "AccountCode": credit}]


def _changed(journal: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"ManualJournalID": journal["ManualJournalID"], "Narration": journal["Narration"], **fields}
