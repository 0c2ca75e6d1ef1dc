"""
What becomes of the entries of tests/golden/entries.json by accounting-rules.md §10 alone: a second calculation.

It imports nothing of the product and nothing of the sandbox. GP turns each line into base currency by itself, half up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

__all__ = ["expect_balances", "expect_entry", "expect_summaries"]

CENT = Decimal("0.01")
NOTHING = Decimal(0)
LOCKS = ("PeriodLockDate", "EndOfYearLockDate")
KEPT_BY_OTHERS = ("receivables", "payables", "bank", "retained_earnings")
OF_YEAR_END = ("BBF", "P/L")
Json = dict[str, Any]


@dataclass(frozen=True)
class _Posting:
    """One time that an entry is posted: in which step, on which day, under which narration, what by line."""

    step: int
    on: str
    text: str
    lines: list[tuple[str, Decimal, str]]


def expect_entry(case: Json, file: Json) -> Json:
    """What becomes of a case: outcome, what GP posts of it by account, and the journals of Xero with their lines."""
    if case.get("ledger") == "xero":
        return _keyed_in_xero(case, file)
    if any(event["do"] == "void" for event in case["events"]):
        return {"outcome": "none", "gp": [], "xero": []}
    accounts = {
        each["gp"]: {**each, "units": each["gp"] in file["units"]} for each in file["company"]["accounts"] if each["gp"]
    }
    posted = [_in_gp(each, file) for each in _postings(case["entry"], case["events"])]
    outcomes = {_outcome(case["entry"], each, accounts) for each in posted}
    (outcome,) = outcomes
    journals = [_journal(each, accounts, file) for each in posted] if outcome == "delivered" else []
    return {
        "outcome": outcome,
        "gp": sorted(([each.on, _sums(each, accounts)] for each in posted), key=str),
        "xero": sorted(journals, key=str),
    }


def expect_balances(expected: Iterable[Mapping[str, Any]], file: Json) -> dict[str, dict[str, str]]:
    """The sum over all cases by role, of each ledger: what is a letter stands in GP alone; pieces are no money."""
    role_in = {
        ledger: {each[ledger]: each["role"] for each in file["company"]["accounts"] if each["gp"] not in file["units"]}
        for ledger in ("gp", "xero")
    }
    sums: dict[str, dict[str, Decimal]] = {ledger: defaultdict(Decimal) for ledger in role_in}
    for each in expected:
        for _, amounts in each["gp"]:
            for account, amount in amounts.items():
                sums["gp"][role_in["gp"][account]] += Decimal(amount)
        for journal in each["xero"]:
            for account, amount, *_ in journal["lines"]:
                sums["xero"][role_in["xero"][account]] += Decimal(amount)
    return {ledger: {role: _text(value) for role, value in sorted(of.items()) if value} for ledger, of in sums.items()}


def expect_summaries(of: Json, file: Json) -> Json:
    """
    What becomes of the entries of a round, whose ``carried_as`` is day, batch or period (rule 29).

    ``summaries``: the journals of Xero, each with the cases it holds; ``gp``: what GP posts by case; ``letters``.
    """
    file = {**file, "calendar": of["calendar"]}
    accounts = {
        each["gp"]: {**each, "units": each["gp"] in file["units"]} for each in file["company"]["accounts"] if each["gp"]
    }
    groups: dict[tuple[int, str], list[tuple[str, _Posting]]] = defaultdict(list)
    letters, in_gp = set(), {}
    for case in of["cases"]:
        posted = [_in_gp(each, file) for each in _postings(case["entry"], case["events"])]
        in_gp[case["id"]] = sorted(([each.on, _sums(each, accounts)] for each in posted), key=str)
        for each in posted:
            match _outcome(case["entry"], each, accounts):
                case "rejected":
                    letters.add(case["id"])
                case "delivered":
                    groups[each.step, _group(case["entry"], each, of["carried_as"])].append((case["id"], each))
    summaries = [_summary(step, held, accounts, file) for (step, _), held in groups.items()]
    return {
        "summaries": sorted((each for each in summaries if each["lines"]), key=str),
        "gp": in_gp,
        "letters": sorted(letters),
    }


def _group(entry: Json, posting: _Posting, carried_as: str) -> str:
    match carried_as:
        case "day":
            return posting.on
        case "batch":
            return f"{entry['batch']} {entry.get('source', 'GJ')} {posting.on}"
    return posting.on[:7]


def _summary(step: int, held: list[tuple[str, _Posting]], accounts: Mapping[str, Json], file: Json) -> Json:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for _, posting in held:
        for account, amount, _ in posting.lines:
            if not accounts[account]["units"]:
                sums[accounts[account]["xero"], accounts[account].get("tracking", "")] += amount
    on = max(posting.on for _, posting in held)
    return {
        "on": on,
        "step": _open_in_xero(on, step, file),
        "entries": sorted(case for case, _ in held),
        "lines": [[code, told, _text(amount)] for (code, told), amount in sorted(sums.items()) if amount],
    }


def _open_in_xero(on: str, step: int, file: Json) -> int:
    """The first step from this one in which Xero is open on a day."""
    return next(
        int(each["step"])
        for each in file["calendar"]
        if each["step"] >= step and all((each[lock] or "") < on for lock in LOCKS)
    )


def _keyed_in_xero(case: Json, file: Json) -> Json:
    """A journal stands in Xero as its last event left it, in GP as it was when it went, if it could go."""
    entry = case["entry"]
    status, posted_in = entry["status"], entry["step"]
    lines = [
        (each["account"], Decimal(each["amount"]), each["text"], each.get("tracking", "")) for each in entry["lines"]
    ]
    as_it_went, taken_back = lines, False
    for event in case["events"]:
        match event["do"]:
            case "post":
                status, posted_in = "POSTED", event["step"]
            case "void":
                status, taken_back = "VOIDED", event["step"] > posted_in
            case "amount":
                lines, taken_back = [(each[0], _signed(event["amount"], each[1]), *each[2:]) for each in lines], True
    journal = {
        "on": entry["on"],
        "step": posted_in,
        "text": entry["reference"],
        "lines": [[account, _text(amount), text, told] for account, amount, text, told in lines],
    }
    in_xero = [journal] if status == "POSTED" else []
    if entry["reference"].endswith(")") or (status != "POSTED" and not taken_back):
        return {"outcome": "none", "gp": [], "xero": in_xero}
    found: dict[str, Decimal] = defaultdict(Decimal)
    for account, amount, _, told in as_it_went:
        fitting = [
            each["gp"]
            for each in file["company"]["accounts"]
            if each["xero"] == account and each.get("tracking", "") == told
        ]
        if len(fitting) != 1 or fitting[0] is None:
            return {"outcome": "rejected", "gp": [], "xero": in_xero}
        found[fitting[0]] += amount
    in_gp = [[entry["on"], {account: _text(amount) for account, amount in sorted(found.items()) if amount}]]
    return {"outcome": "rejected" if taken_back else "delivered", "gp": in_gp, "xero": in_xero}


def _signed(amount: str, like: Decimal) -> Decimal:
    return Decimal(amount).copy_sign(like)


def _postings(entry: Json, events: list[Json]) -> Iterator[_Posting]:
    rate = Decimal(entry.get("rate", 1))
    lines = [_base_line(line, rate) for line in entry["lines"]]
    other_way = [(account, -amount, text) for account, amount, text in lines]
    text = f"{entry['reference']} (GP entry #)".strip()
    yield _Posting(entry["step"], entry["on"], text, lines)
    if "reverses_on" in entry:
        yield _Posting(entry["step"], entry["reverses_on"], text, other_way)
    times = 0
    for event in events:
        match event["do"]:
            case "repeat":
                times += 1
                yield _Posting(event["step"], event["on"], text.replace("#", f"#-{times}"), lines)
            case "back_out":
                # GP's own entry, with a reference that names the first and no texts of lines
                taken_back = [(account, amount, "") for account, amount, _ in other_way]
                yield _Posting(event["step"], entry["on"], "Back Out Journal Entry # (GP entry #)", taken_back)
            case "correct":
                corrected = [_base_line(line, rate) for line in event["lines"]]
                yield _Posting(event["step"], entry["on"], "Correct Journal Entry # (GP entry #)", corrected)


def _base_line(line: Json, rate: Decimal) -> tuple[str, Decimal, str]:
    return line["account"], (Decimal(line["amount"]) * rate).quantize(CENT, ROUND_HALF_UP), line.get("text", "")


def _in_gp(posting: _Posting, file: Json) -> _Posting:
    """It is posted in the first step in which its month is open."""
    step = next(
        each["step"]
        for each in file["calendar"]
        if each["step"] >= posting.step and posting.on[:7] not in each["gp_closed"]
    )
    return _Posting(step, posting.on, posting.text, posting.lines)


def _outcome(entry: Json, posting: _Posting, accounts: Mapping[str, Json]) -> str:
    money = [account for account, amount, _ in posting.lines if amount and not accounts[account]["units"]]
    if entry.get("source") in OF_YEAR_END or not money:
        return "none"
    if any(accounts[each]["role"] in KEPT_BY_OTHERS or accounts[each]["xero"] is None for each in money):
        return "rejected"
    return "delivered"


def _sums(posting: _Posting, accounts: Mapping[str, Json]) -> dict[str, str]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for account, amount, _ in posting.lines:
        if not accounts[account]["units"]:
            sums[account] += amount
    return {account: _text(amount) for account, amount in sorted(sums.items()) if amount}


def _journal(posting: _Posting, accounts: Mapping[str, Json], file: Json) -> Json:
    """A journal goes in the first step in which Xero is open on its day."""
    step = _open_in_xero(posting.on, posting.step, file)
    lines = [
        [accounts[account]["xero"], _text(amount), text, accounts[account].get("tracking", "")]
        for account, amount, text in posting.lines
        if amount and not accounts[account]["units"]
    ]
    return {"on": posting.on, "step": step, "text": posting.text, "lines": lines}


def _text(amount: Decimal) -> str:
    return f"{amount:.2f}"
