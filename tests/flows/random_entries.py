"""Entries and journals that both ledgers can hold, in the form of tests/golden/entries.json, as dice fall."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.flows.dice import Dice

__all__ = ["random_entries"]

ACCOUNTS = {
    "000-6100-00": "404",
    "000-2440-00": "828",
    "000-4120-00": "206",
    "000-5100-00": "310",
    "000-2410-00": "825",
}
"""Accounts of GP, with those of Xero, that journals may be on in both."""
OTHERS = ("000-1200-00", "000-2100-00", "000-1100-00", "000-1300-00")
"""Receivables, payables, bank, inventory: what is on one of them is a letter."""
RATES = ("1.25", "1.2345", "0.8")
DAYS = ("2026-03-02", "2026-02-10", "2026-01-20", "2025-12-31")
Json = dict[str, Any]


def random_entries(company: Json, dice: Dice, count: int, first: int, *, with_letters: bool = True) -> Json:
    """
    So many entries without expectations, numbered from ``first``, keyed in either ledger; no period is closed.

    :param with_letters: some are on accounts that others keep, or are taken back after they went.
    """
    company = {**company, "settings": {"journals_keyed_in": "both"}}
    calendar = [{"step": step, "gp_closed": [], "PeriodLockDate": None, "EndOfYearLockDate": None} for step in (1, 2)]
    cases = [_case(dice, number, with_letters=with_letters) for number in range(first, first + count)]
    return {"version": 1, "company": company, "units": [], "calendar": calendar, "cases": cases}


def _case(dice: Dice, number: int, *, with_letters: bool) -> Json:
    name = f"E-{number}"
    case = {"id": name, "why": "by chance"}
    if dice.chance(30):
        lines = _lines(dice, sorted(ACCOUNTS.values()), name)
        status = "DRAFT" if dice.chance(15) else "POSTED"
        events = [{"step": 2, "do": "void"}] if with_letters and status == "POSTED" and dice.chance(20) else []
        entry = {"reference": name, "on": dice.pick(DAYS), "step": 1, "status": status, "lines": lines}
        return {**case, "ledger": "xero", "entry": entry, "events": events}
    accounts = sorted(ACCOUNTS)
    if with_letters and dice.chance(15):
        accounts.append(dice.pick(OTHERS))
    entry = {"reference": name, "on": dice.pick(DAYS), "step": 1, "lines": _lines(dice, accounts, "")}
    if dice.chance(25):
        entry = _balanced_abroad({**entry, "currency": "GBP", "rate": dice.pick(RATES)})
    if dice.chance(20):
        entry["reverses_on"] = "2026-04-01"
        return {**case, "entry": entry, "events": []}
    return {**case, "entry": entry, "events": _events(dice)}


def _lines(dice: Dice, accounts: list[str], text: str) -> list[Json]:
    """Lines that balance: the last takes what the others come to, on an account of its own or one of theirs."""
    drawn = [(dice.pick(accounts), dice.number(-99_999, 99_999)) for _ in range(dice.number(1, 4))]
    drawn.append((dice.pick(accounts), -sum(amount for _, amount in drawn)))
    return [
        {"account": account, "amount": f"{Decimal(amount) / 100:.2f}", "text": f"{text} {place}".strip()}
        for place, (account, amount) in enumerate(drawn, start=1)
    ]


def _balanced_abroad(entry: Json) -> Json:
    """Two lines of one amount: of more, each converted by itself, GP lets none be posted that miss by a cent."""
    first = entry["lines"][0]
    other = {**entry["lines"][-1], "amount": f"{-Decimal(first['amount']):.2f}"}
    return {**entry, "lines": [first, other]}


def _events(dice: Dice) -> list[Json]:
    if dice.chance(15):
        return [{"step": 2, "do": "back_out"}]
    if dice.chance(15):
        return [{"step": 2, "do": "repeat", "on": "2026-05-02"}]
    return [{"step": 1, "do": "void"}] if dice.chance(10) else []
