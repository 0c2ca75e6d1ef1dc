"""Plays a file of entries: what people do in the general ledger step by step, the flow between, what is there then."""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from ledgerbridge.audit.trace import trace
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter
from tests.flows.entries import Entries, EntryDesk

__all__ = [
    "balances_by_role",
    "change_journal",
    "happens",
    "key_entry",
    "key_journal",
    "letters_of",
    "play",
    "read_result",
    "read_summaries",
    "set_up",
]

LOCKS = ("PeriodLockDate", "EndOfYearLockDate")
UNIT_ACCOUNT = 2
REGION = "Region"
SUMMARY = re.compile(r"\(GP entry summary [0-9a-f]{16}\)$")
_NUMBER = re.compile(r"\(GP entry (\d+)(-\d+)?\)$")
Json = dict[str, Any]


def set_up(desk: EntryDesk, file: Json) -> None:
    """Accounts that count pieces in GP, the regions that tell accounts apart in Xero, as people set them up."""
    options = [{"Name": each["tracking"]} for each in file["company"]["accounts"] if "tracking" in each]
    desk.player.call("PUT", "xero", f"/_sandbox/tracking/{REGION}", {"Options": options})
    units = {account.replace("-", "") for account in file["units"]}
    for row in desk.player.call("GET", "gp", "/_sandbox/accounts")["accounts"]:
        if "".join(row[f"ACTNUMBR_{place}"] for place in (1, 2, 3)) in units:
            desk.player.call("PUT", "gp", f"/_sandbox/accounts/{row['ACTINDX']}", {"ACCTTYPE": UNIT_ACCOUNT})


def play(entries: Entries, file: Json) -> tuple[dict[str, list[str]], dict[str, int]]:
    """
    Each step: months closed and opened, what people key and do, then passes, posted in between, until nothing moves.

    The numbers that each case has in GP, or the id it has in Xero, and the step in which each journal of Xero, by its
    id, was first there.
    """
    numbers: dict[str, list[str]] = defaultdict(list)
    first_seen: dict[str, int] = {}
    closed: set[str] = set()
    for day in file["calendar"]:
        for month in closed ^ set(day["gp_closed"]):
            year, period = map(int, month.split("-"))
            entries.call("periods", {"year": year, "period": period, "closed": month in day["gp_closed"]}, "PUT")
        closed = set(day["gp_closed"])
        entries.player.call("PUT", "xero", "/_sandbox/organisation", {lock: day[lock] for lock in LOCKS})
        for case in file["cases"]:
            in_xero = case.get("ledger") == "xero"
            if case["entry"]["step"] == day["step"]:
                numbers[case["id"]].append(
                    key_journal(entries, case["entry"]) if in_xero else key_entry(entries, case["entry"])
                )
            for event in case["events"]:
                if event["step"] == day["step"]:
                    (change_journal if in_xero else happens)(entries, case, event, numbers[case["id"]])
        while entries.player.post() or entries.run():
            pass
        for journal in _journals(entries):
            first_seen.setdefault(journal["ManualJournalID"], day["step"])
    return dict(numbers), first_seen


def key_entry(desk: EntryDesk, entry: Json) -> str:
    """A person keys the entry of a case."""
    kept = ("reverses_on", "currency", "rate", "source", "batch")
    lines = [(each["account"], each["amount"], each.get("text", "")) for each in entry["lines"]]
    fields = {name: entry[name] for name in kept if name in entry}
    return str(desk.key(entry["reference"], *lines, on=entry["on"], **fields))


def key_journal(desk: EntryDesk, entry: Json) -> str:
    """A person keys the journal of a case in Xero; its id."""
    lines = [
        {
            "LineAmount": each["amount"],
            "AccountCode": each["account"],
            "Description": each["text"],
            **({"Tracking": [{"Name": REGION, "Option": each["tracking"]}]} if "tracking" in each else {}),
        }
        for each in entry["lines"]
    ]
    typed = {"Narration": entry["reference"], "Date": entry["on"], "Status": entry["status"], "JournalLines": lines}
    return str(desk.journal(typed)["ManualJournalID"])


def read_result(
    entries: Entries, file: Json, numbers: dict[str, list[str]], first_seen: dict[str, int]
) -> dict[str, Json]:
    """What stands of each case in GP by account, what in Xero by line, and the letters, in the form of the file."""
    case_of = {number: name for name, of in numbers.items() for number in of}
    posted: dict[str, dict[tuple[Any, ...], dict[str, Decimal]]] = defaultdict(lambda: defaultdict(_nothing))
    for row in entries.player.entries("gp"):
        # what was keyed in Xero is known by the texts of its lines
        name = case_of.get(str(row["JRNENTRY"])) or row["DSCRIPTN"].partition(" ")[0]
        amounts = posted[name][row["JRNENTRY"], row["RCTRXSEQ"], row["TRXDATE"]]
        if row["ACTNUMST"] not in file["units"]:
            amounts[row["ACTNUMST"]] += Decimal(row["DEBITAMT"]) - Decimal(row["CRDTAMNT"])
    journals = defaultdict(list)
    for journal in _journals(entries):
        identity, text = journal["ManualJournalID"], journal["Narration"]
        name = case_of.get(identity)
        if name is None:
            found = _NUMBER.search(text)
            if found is None or found[1] not in case_of:  # of another file
                continue
            name, text = case_of[found[1]], text.replace(found[0], f"(GP entry #{found[2] or ''})")
        text = re.sub(r"(?<=Journal Entry )\d+", "#", text)
        lines = [
            [
                each["AccountCode"],
                _text(each["LineAmount"]),
                each["Description"],
                "".join(told["Option"] for told in each["Tracking"]),
            ]
            for each in journal["JournalLines"]
        ]
        kept = {"on": journal["Date"][:10], "step": first_seen[identity], "text": text, "lines": lines}
        journals[name].append(kept)
    letters = letters_of(entries, numbers)
    return {
        case["id"]: {
            "outcome": _outcome(case, letters, posted[case["id"]], journals[case["id"]]),
            "gp": sorted(
                (
                    [day, {account: _text(amount) for account, amount in sorted(sums.items()) if amount}]
                    for (_, _, day), sums in posted[case["id"]].items()
                ),
                key=str,
            ),
            "xero": sorted(journals[case["id"]], key=str),
        }
        for case in file["cases"]
    }


def read_summaries(entries: Entries, numbers: dict[str, list[str]], first_seen: dict[str, int]) -> list[Json]:
    """The summaries that hold entries of these cases, in the form of tests/golden/summaries.json."""
    case_of = {number: name for name, of in numbers.items() for number in of}
    found = []
    for journal in _journals(entries):
        if not SUMMARY.search(journal["Narration"]):
            continue
        with transaction(entries.office.state) as session:
            steps = trace(session, journal["ManualJournalID"]).steps
        held = [
            str(record.label).partition("-")[0] for step in steps if step.leg == "journal" for record in step.records
        ]
        if not {*held} <= {*case_of}:  # of another round
            continue
        lines = [
            [each["AccountCode"], "".join(told["Option"] for told in each["Tracking"]), _text(each["LineAmount"])]
            for each in journal["JournalLines"]
        ]
        found.append(
            {
                "on": journal["Date"][:10],
                "step": first_seen[journal["ManualJournalID"]],
                "entries": sorted(case_of[number] for number in held),
                "lines": sorted(lines),
            }
        )
    return sorted(found, key=str)


def letters_of(entries: Entries, numbers: dict[str, list[str]]) -> set[str]:
    """The cases that a letter is open about."""
    with transaction(entries.office.state) as session:
        rows = session.scalars(select(DeadLetter.source_key).where(DeadLetter.state == "open"))
        ids = {key.rpartition(":")[2] for key in rows}
    return {name for name, of in numbers.items() if ids & {*of} or {each.partition("-")[0] for each in ids} & {*of}}


def _outcome(case: Json, letters: set[str], posted: Json, journals: list[Json]) -> str:
    """``delivered``: the other ledger has it, and no letter is open about it."""
    there = posted if case.get("ledger") == "xero" else journals
    return "rejected" if case["id"] in letters else "delivered" if there else "none"


def balances_by_role(desk: EntryDesk, file: Json, ledger: str) -> dict[str, str]:
    """What a ledger's accounts hold by role, debit positive, without those that count pieces."""
    balances = desk.player.ledger(ledger)["accounts"]
    sums: dict[str, Decimal] = defaultdict(Decimal)
    found = {(each["role"], each[ledger]) for each in file["company"]["accounts"] if each["gp"] not in file["units"]}
    for role, account in found:
        sums[role] += Decimal(balances.get(account, "0"))
    return {role: _text(amount) for role, amount in sorted(sums.items()) if amount}


def happens(desk: EntryDesk, case: Json, event: Json, numbers: list[str]) -> None:
    """What a person does with an entry of GP's."""
    match event["do"]:
        case "repeat":
            desk.call("repeat", {"journal_entry": numbers[0], "date": event["on"]})
        case "void":
            desk.call("delete", {"document": str(numbers[0])})
        case "back_out":
            numbers.append(str(desk.call("back-out", {"journal_entry": numbers[0]})["journal_entry"]))
        case "correct":
            entry = {**case["entry"], "reference": f"Correct Journal Entry {numbers[0]}", "lines": event["lines"]}
            numbers.append(key_entry(desk, entry))


def change_journal(desk: EntryDesk, case: Json, event: Json, numbers: list[str]) -> None:
    """What a person does with a journal of Xero's."""
    changes: dict[str, Json] = {
        "void": {"Status": "VOIDED"},
        "post": {"Status": "POSTED"},
        "url": {"Url": "https://ledger.example/1"},
    }
    changed = changes.get(event["do"]) or {
        "JournalLines": [
            {
                "LineAmount": Decimal(event["amount"]).copy_sign(Decimal(each["amount"])),
                "AccountCode": each["account"],
                "Description": each["text"],
            }
            for each in case["entry"]["lines"]
        ]
    }
    element = {"ManualJournalID": numbers[0], "Narration": case["entry"]["reference"], **changed}
    desk.journal(element)


def _journals(entries: Entries) -> list[Json]:
    found: list[Json] = entries.xero().get("ManualJournals", {"page": 1, "pageSize": 1000})["ManualJournals"]
    return [each for each in found if each["Status"] == "POSTED"]


def _nothing() -> defaultdict[str, Decimal]:
    return defaultdict(Decimal)


def _text(amount: Any) -> str:
    return f"{Decimal(str(amount)):.2f}"
