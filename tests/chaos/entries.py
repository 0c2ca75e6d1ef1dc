"""One round of entries: people key them in either ledger while faults befall the flow that carries them over."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter
from sandbox.orders import OPENING, harbor_light_supply
from tests.chaos.faults import ON_ENTRIES, Faults
from tests.chaos.ledgers import Verdict
from tests.chaos.passes import DisturbedFlow
from tests.chaos.world import open_world
from tests.flows.dice import SeededDice
from tests.flows.entries import EntryDesk, day_of
from tests.flows.expected_entries import expect_balances, expect_entry
from tests.flows.golden_entries import balances_by_role, change_journal, happens, key_entry, key_journal
from tests.flows.random_entries import random_entries

__all__ = ["FLOW", "EntriesUnderFaults"]

FLOW = "general_ledger"
STAGES = tuple(f"{FLOW}.{stage}" for stage in ("entries", "journals"))
MOST_PASSES = 40

Held = Counter[tuple[str, str, tuple[tuple[str, str], ...]]]
"""How often each posting stands in a ledger: ledger, day, amounts by account."""


class EntriesUnderFaults:
    """
    The entries of a seed on a live Airflow, until all that is keyed stands in both ledgers.

    :param most_faults: no more strike when so many have happened.
    :param a_task: what a task does with a small batch.
    :param tell: takes a line for each run.
    """

    def __init__(
        self,
        seed: int,
        count: int,
        database: str,
        folder: Path,
        *,
        most_faults: int,
        a_task: str,
        tell: Callable[[str], None],
    ) -> None:
        dice, first = SeededDice(seed), seed * 1000 + 1
        self._file = random_entries(harbor_light_supply(), dice, count, first, with_letters=False)
        self._most = most_faults
        self.faults_happened = 0
        self.struck: dict[str, int] = {}
        self._numbers: dict[str, list[str]] = defaultdict(list)
        with open_world(self._file["company"], folder, database, OPENING, FLOW, a_task=a_task) as world:
            self._world = world
            self._desk = EntryDesk(world.player)
            self._faults = Faults(world, ON_ENTRIES, seed)
            self._flow = DisturbedFlow(world, self._faults, STAGES, at_once=False, tell=tell)
            try:
                self._play()
            finally:
                self.faults_happened, self.struck = self._faults.happened, self._faults.by_kind()
            self._flow.calmly(lambda: None)
            self._flow.part = "calm"
            self._drain(disturbed=False)
            self.verdict = self._judge()

    def _play(self) -> None:
        steps = [each["step"] for each in self._file["calendar"]]
        for step in steps:
            for act in self._acts(step):
                self._flow.calmly(act)
            left = max(0, self._most - self._faults.happened)
            self._flow.begin_part(f"step {step}", -(-left // (len(steps) - step + 1)))
            self._drain(disturbed=True)

    def _acts(self, step: int) -> Iterator[Callable[[], Any]]:
        """What people do in a step, one after another."""
        for case in self._file["cases"]:
            in_xero, numbers = case.get("ledger") == "xero", self._numbers[case["id"]]
            if case["entry"]["step"] == step:
                key = key_journal if in_xero else key_entry
                yield partial(self._keyed, numbers, partial(key, self._desk, case["entry"]))
            for event in case["events"]:
                if event["step"] == step:
                    yield partial(change_journal if in_xero else happens, self._desk, case, event, numbers)

    def _keyed(self, numbers: list[str], key: Callable[[], str]) -> None:
        numbers.append(key())

    def _drain(self, *, disturbed: bool) -> None:
        """Pass after pass, posted in between, until nothing moves."""
        for _ in range(MOST_PASSES):
            runs = self._flow.run_pass(disturbed=disturbed)
            posted = self._flow.calmly(self._world.player.post)
            if not posted and not self._flow.left_to_the_next and not self._flow.sent(runs):
                return
        raise RuntimeError(f"the flow still sends documents after {MOST_PASSES} passes over the same entries")

    def _judge(self) -> Verdict:
        """What both ledgers hold against what the rules say, posting by posting, and their balances by role."""
        expected = [expect_entry(case, self._file) for case in self._file["cases"]]
        wanted: Held = Counter()
        for each in expected:
            wanted.update(("gp", day, tuple(sorted(amounts.items()))) for day, amounts in each["gp"])
            wanted.update(("xero", journal["on"], _by_account(journal["lines"])) for journal in each["xero"])
        held = self._held()
        books = expect_balances(expected, self._file)
        with transaction(self._world.state) as session:
            letters = [
                f"dead letter {each.code} {each.message}" for each in session.query(DeadLetter) if each.state == "open"
            ]
        return Verdict(
            expected=wanted.total(),
            lost=[*letters, *(f"{times} x {named}" for named, times in (wanted - held).items())],
            doubled=[f"{times} x {named}" for named, times in (held - wanted).items()],
            cents_off=sum(self._cents_off(books[ledger], ledger) for ledger in books),
        )

    def _held(self) -> Held:
        player = self._world.player
        posted: dict[tuple[Any, ...], list[tuple[str, Decimal]]] = defaultdict(list)
        for row in player.entries("gp"):
            amount = Decimal(row["DEBITAMT"]) - Decimal(row["CRDTAMNT"])
            posted[row["JRNENTRY"], row["RCTRXSEQ"], row["TRXDATE"]].append((row["ACTNUMST"], amount))
        found: Held = Counter(("gp", day, _by_account(lines)) for (_, _, day), lines in posted.items())
        for journal in player.entries("xero"):
            lines = [(line["AccountCode"], Decimal(line["NetAmount"])) for line in journal["JournalLines"]]
            found["xero", day_of(journal["JournalDate"]), _by_account(lines)] += 1
        return found

    def _cents_off(self, books: dict[str, str], ledger: str) -> int:
        found = balances_by_role(self._desk, self._file, ledger)
        return sum(
            int(abs(Decimal(found.get(role, "0")) - Decimal(books.get(role, "0"))) * 100) for role in {*found, *books}
        )


def _by_account(lines: Any) -> tuple[tuple[str, str], ...]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for account, amount, *_ in lines:
        sums[account] += Decimal(amount)
    return tuple((account, f"{amount:.2f}") for account, amount in sorted(sums.items()) if amount)
