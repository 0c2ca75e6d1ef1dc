"""
Unusual documents before they are sent: of a thousand good ones how many are told, and how many planted errors are
found; of real purchases (CDNOW) and of a trading company that was made up. Then what the comparison adds to a pass.

No threshold was chosen by these figures but by the false alarms of the company's first seed.
"""

from __future__ import annotations

import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.foreign_clients import Unavailable, python_of
from bench.matching import interval
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.companies import MAIN, for_company
from ledgerbridge.state.seen_documents import latest_seen, remember_seen, seen_of_parties
from ledgerbridge.unusual import Hint, Seen, Unusual, hints

__all__ = ["company", "measure", "planted", "told"]

_BY = Unusual(party="party", amount="amount", date="day", account="account")
_A_PASS = 100
_CENT = Decimal("0.01")
_ACCOUNTS = ("4000", "4010", "4020", "4100", "4110", "4200", "4300", "4400")
_OF_PACKAGE = "import importlib.util as u; print(u.find_spec('lifetimes').submodule_search_locations[0])"

Plant = Callable[[Seen, random.Random], Seen | None]


def _times(factor: str) -> Plant:
    def plant(of: Seen, _: random.Random) -> Seen | None:
        return replace(of, amount=(of.amount * Decimal(factor)).quantize(_CENT)) if of.amount >= 1 else None

    return plant


def _swapped(of: Seen, dice: random.Random) -> Seen | None:
    digits = f"{of.amount:.2f}".replace(".", "")
    ways = [at for at in range(len(digits) - 1) if digits[at] != digits[at + 1]]
    if not ways:
        return None
    at = dice.choice(ways)
    return replace(of, amount=Decimal(digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]) * _CENT)


def _year(of: Seen, dice: random.Random) -> Seen:
    return replace(of, day=of.day + timedelta(days=365 * dice.choice((-10, -1, 1))))


def _month_for_day(of: Seen, _: random.Random) -> Seen | None:
    return replace(of, day=of.day.replace(month=of.day.day, day=of.day.month)) if of.day.day <= 12 else None


def _again(of: Seen, dice: random.Random) -> Seen:
    return replace(of, record_key=f"{of.record_key}:again", day=of.day + timedelta(days=dice.randrange(3)))


def _account(of: Seen, dice: random.Random) -> Seen | None:
    others = [each for each in _ACCOUNTS if each not in of.accounts]
    return replace(of, accounts=(dice.choice(others),)) if of.accounts else None


PLANTS: dict[str, Plant] = {
    "amount times 10": _times("10"),
    "amount times 100": _times("100"),
    "amount through 100": _times("0.01"),
    "two digits swapped": _swapped,
    "wrong year": _year,
    "month for day": _month_for_day,
    "entered twice": _again,
    "wrong account": _account,
}


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """:param everything: also all 69,659 purchases; else those of the customers whose number ends in 0."""
    sets = {"a trading company": company(10_000, seed=2)}
    try:
        sets["CDNOW"] = _purchases(everything=everything)
    except Unavailable as error:
        print(f"  CDNOW: skipped, {error}", flush=True)
    found: list[dict[str, Any]] = []
    for name, documents in sets.items():
        good, seconds = told(documents)
        alarms = Counter[str](each.of for each in good)
        alarms["any"] = len({each.record_key for each in good})
        a_thousand = {kind: round(1000 * count / len(documents), 2) for kind, count in alarms.items()}
        found.append(
            {"what": name, "documents": len(documents), "a_thousand": a_thousand, "seconds": round(seconds, 4)}
        )
        print(
            "  {what}: {documents} good ones, told of 1,000: {a_thousand}; {seconds} processor seconds a pass".format(
                **found[-1]
            )
        )
        for kind, (hit, of) in planted(documents, seed=1).items():
            found.append({"what": name, "planted": kind, "found": [hit / of, *interval(hit, of)], "of": of})
            print("    {}: {:.2f} ({:.2f} to {:.2f}) of {}".format(kind, *found[-1]["found"], of), flush=True)
    return found


def told(documents: Sequence[Seen]) -> tuple[list[Hint], float]:
    """What is told of documents that come in passes of a hundred, and the processor seconds that this takes a pass."""
    found: list[Hint] = []
    passes = [documents[at : at + _A_PASS] for at in range(0, len(documents), _A_PASS)]
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{folder}/state.db")
        migrate(engine)
        of_company = for_company(engine, MAIN)
        started = time.process_time()
        for batch in passes:
            with transaction(of_company) as session:
                of_parties = seen_of_parties(session, "gp.sales_order", (each.party for each in batch))
                found += hints(batch, of_parties, latest_seen(session, "gp.sales_order"), _BY)
                remember_seen(session, "gp.sales_order", batch)
        seconds = (time.process_time() - started) / len(passes)
        engine.dispose()
    return found, seconds


def planted(documents: Sequence[Seen], seed: int) -> dict[str, tuple[int, int]]:
    """By kind how many errors were found of how many: one in every twenty documents, each told or not as it comes."""
    dice = random.Random(seed)
    wrong: dict[str, str] = {}
    mixed: list[Seen] = []
    for number, each in enumerate(documents):
        mixed.append(each)
        if number < len(documents) // 5 or number % 20:
            continue  # nothing is usual before there is a history
        kind = dice.choice(list(PLANTS))
        made = PLANTS[kind](each, dice)
        if made is None or (made.amount, made.day, made.accounts, made.record_key) == (
            *(each.amount, each.day, each.accounts),
            each.record_key,
        ):
            continue
        if made.record_key == each.record_key:
            mixed[-1] = made
        else:
            mixed.append(made)
        wrong[made.record_key] = kind
    hit = {each.record_key for each in told(mixed)[0]}
    of, found = Counter(wrong.values()), Counter(kind for key, kind in wrong.items() if key in hit)
    return {kind: (found[kind], of[kind]) for kind in PLANTS if of[kind]}


def company(count: int, seed: int) -> list[Seen]:
    """
    Documents of a company that sells to businesses and to people, in the order they come.

    Eight in a hundred parties are subscribers, some have the same thing twice in days, one document in a hundred is
    entered weeks late, one in fifty has an account that its party never had.
    """
    dice = random.Random(seed)
    businesses = [
        (dice.gauss(2.9, 0.5), dice.uniform(0.1, 0.5), dice.sample(_ACCOUNTS, dice.randint(1, 3))) for _ in range(150)
    ]
    subscribers = [Decimal(dice.choice((19, 29, 49, 99, 199))) for _ in range(80)]
    found, turn = [], 0
    begin = date(2025, 1, 6)
    for number in range(count):
        day = begin + timedelta(days=number * 500 // count)
        if dice.random() < 0.01:
            day -= timedelta(days=dice.randint(10, 60))
        sort = dice.random()
        if sort < 0.45:
            at = min(int(dice.paretovariate(0.8)) - 1, len(businesses) - 1)
            middle, spread, accounts = businesses[at]
            used = tuple(sorted(set(dice.choices(accounts, k=2))))
            amount = _money(10 ** dice.gauss(middle, spread))
            party = f"B{at}"
        elif sort < 0.6:
            at = turn = (turn + 1) % len(subscribers)
            if dice.random() < 0.02:
                subscribers[at] = Decimal(dice.choice((19, 29, 49, 99, 199)))
            amount, party, used = subscribers[at], f"S{at}", ("4400",)
        else:
            party, used = f"P{int(count * dice.random() ** 2)}", (dice.choice(_ACCOUNTS[:3]),)
            amount = _money(10 ** dice.gauss(1.8, 0.35))
        if dice.random() < 0.02:
            used = (dice.choice(_ACCOUNTS),)
        found.append(Seen(f"r{number}", party, "", amount, day, used))
        if dice.random() < 0.003:
            found.append(replace(found[-1], record_key=f"r{number}:more", day=day + timedelta(days=1)))
    return found


def _money(value: float) -> Decimal:
    return Decimal(str(round(value, 2))).quantize(_CENT)


def _purchases(*, everything: bool) -> list[Seen]:
    """CDNOW's customers' purchases by day, as lifetimes ships them: customer, day, units, dollars."""
    package = subprocess.run(
        [str(python_of("cdnow")), "-c", _OF_PACKAGE], check=True, capture_output=True, text=True
    ).stdout.strip()
    _, *lines = Path(package, "datasets", "CDNOW_master.txt").read_text().splitlines()
    kept = [row for row in map(str.split, lines) if everything or row[0].endswith("0")]
    kept.sort(key=lambda row: row[1])
    return [
        Seen(f"r{number}", customer, "USD", Decimal(dollars), date.fromisoformat(day))
        for number, (customer, day, _, dollars) in enumerate(kept)
    ]
