"""One round of masters: people edit them in both ledgers while faults befall the flow that keeps them in step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter
from sandbox.orders import OPENING, harbor_light_supply
from tests.chaos.faults import ON_MASTERS, Faults
from tests.chaos.passes import DisturbedFlow
from tests.chaos.world import SETTLED_SECONDS, open_world
from tests.flows.dice import SeededDice
from tests.flows.edited_masters import (
    Windows,
    all_items_are_due,
    left_of_deleted,
    lost_edits,
    made_in_both,
    make_leaving,
    make_things,
    make_two_one,
    name_like_no_other,
    people_delete,
    people_edit,
)
from tests.flows.edited_masters import people_make as somebody_makes_one

__all__ = ["FLOW", "MasterVerdict", "MastersUnderFaults"]

FLOW = "master_data"
STAGES = tuple(f"{FLOW}.{stage}" for stage in ("customers", "vendors", "items"))
MADE = 40
"""In how many of a hundred passes people make a new customer before."""
MOST_PASSES = 12
"""Passes until nothing is written any more; one that is a customer and a vendor takes two."""


@dataclass(frozen=True)
class MasterVerdict:
    """
    What became of what people did.

    :param expected: fields that were edited and masters that were made.
    :param quiet_writes: documents of passes that had nothing to write.
    """

    expected: int
    lost: list[str]
    doubled: list[str]
    quiet_writes: int

    def counts(self) -> dict[str, int]:
        """The numbers of a line."""
        return {
            "expected": self.expected,
            "lost": len(self.lost),
            "doubled": len(self.doubled),
            "quiet_writes": self.quiet_writes,
        }

    def told(self) -> list[str]:
        """What is wrong, a line each."""
        return [*(f"lost: {each}" for each in self.lost), *(f"doubled: {each}" for each in self.doubled)]


class MastersUnderFaults:
    """
    A live Airflow that keeps masters in step which people edit, until so many faults have happened.

    :param most_faults: no more strike when so many have happened.
    :param a_task: what a task does with a small batch.
    :param tell: takes a line for each run.
    """

    def __init__(
        self, seed: int, database: str, folder: Path, *, most_faults: int, a_task: str, tell: Callable[[str], None]
    ) -> None:
        self._most = most_faults
        self._tell = tell
        self._dice = SeededDice(seed)
        self.faults_happened = 0
        self.struck: dict[str, int] = {}
        self._expected, self._quiet_writes = 0, 0
        self._lost: list[str] = []
        self._doubled: list[str] = []
        with open_world(harbor_light_supply(), folder, database, OPENING, FLOW, a_task=a_task) as world:
            self._world = world
            self._faults = Faults(world, ON_MASTERS, seed)
            self._flow = DisturbedFlow(world, self._faults, STAGES, at_once=True, tell=tell)
            self._windows = Windows(world.player)
            try:
                self._play()
            finally:
                self.faults_happened, self.struck = self._faults.happened, self._faults.by_kind()

    @property
    def verdict(self) -> MasterVerdict:
        """What the round found."""
        return MasterVerdict(self._expected, self._lost, self._doubled, self._quiet_writes)

    def _play(self) -> None:
        self._things = make_things(self._windows)
        self._leaving = name_like_no_other(self._dice)
        make_leaving(self._windows, self._leaving)
        self._come_to_rest("calm")
        make_two_one(self._windows)
        self._come_to_rest("calm")
        turn = 0
        while self._faults.happened < self._most:
            turn += 1
            self._turn(turn)
        self._quiet_writes += self._flow.sent(self._flow.run_pass(disturbed=False))

    def _turn(self, turn: int) -> None:
        """People edit, passes fail, and what they edited has to be the same everywhere in the end."""
        dice, made = self._dice, list[str]()
        for thing in self._things:
            thing.begin_round(self._windows)
        self._flow.begin_part(f"turn {turn}", self._most - self._faults.happened)
        leaving, coming = self._leaving, name_like_no_other(dice)
        self._flow.calmly(lambda: make_leaving(self._windows, coming))
        parts = dice.number(1, 3)
        deleted_in = dice.number(0, parts - 1)
        for part in range(parts):
            if part == deleted_in:
                self._flow.calmly(lambda: people_delete(self._windows, leaving))
            if dice.chance(MADE):
                made.append(self._flow.calmly(lambda: somebody_makes_one(self._windows, dice)))
            for edit in range(dice.number(2, 6)):
                word = f"{turn}.{part}.{edit}.{dice.number(0, 10**6)}"
                thing = dice.pick(self._things)
                self._flow.calmly(lambda thing=thing, word=word: people_edit(self._windows, dice, thing, word))  # type: ignore[misc]
            self._flow.run_pass(disturbed=True)
        self._flow.calmly(lambda: None)
        # a call that was broken off is under way still, for all anybody knows, and waits
        time.sleep(SETTLED_SECONDS)
        all_items_are_due(self._world.state)
        self._come_to_rest(f"turn {turn}, calm")
        # of an edit that had arrived in both ledgers before, an older state would know nothing
        self._world.forget_backup()
        self._judge(turn, made)
        self._expected += 2
        self._lost += [f"turn {turn}, deleted {leaving}: {each}" for each in left_of_deleted(self._windows, leaving)]
        self._leaving = coming

    def _come_to_rest(self, part: str) -> None:
        """Passes until one writes nothing; one more has nothing to write then."""
        self._flow.part = part
        for _ in range(MOST_PASSES):
            if not self._flow.sent(self._flow.run_pass(disturbed=False)):
                break
        else:
            raise RuntimeError(f"the flow still writes after {MOST_PASSES} passes in which nobody edited anything")
        self._quiet_writes += self._flow.sent(self._flow.run_pass(disturbed=False))

    def _judge(self, turn: int, made: list[str]) -> None:
        for thing in self._things:
            self._expected += len(thing.edits)
            self._lost += [f"turn {turn}, {each}" for each in lost_edits(thing, thing.held(self._windows))]
        for name in made:
            self._expected += 1
            customers, contacts = self._windows.named(name)
            if not (customers and contacts):
                self._lost.append(f"turn {turn}, {name}: {len(customers)} customers, {len(contacts)} contacts")
            elif len(customers) > 1 or len(contacts) > 1:
                self._doubled.append(f"turn {turn}, {name}: {len(customers)} customers, {len(contacts)} contacts")
            else:
                self._things.append(made_in_both(customers[0], contacts[0]))
        with transaction(self._world.state) as session:
            letters = [f"{each.code} {each.message}" for each in session.query(DeadLetter) if each.state == "open"]
        self._lost += [f"turn {turn}, dead letter {each}" for each in letters]
