"""One round: a seeded file of orders, played undisturbed in this process, then on a live Airflow under faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo.books import read_result
from demo.stack import FLOW, STAGES
from sandbox.orders import harbor_light_supply
from sandbox.player import STEPS, events_of, opening_of
from tests.chaos.faults import ON_ORDERS, Faults
from tests.chaos.ledgers import Books, Verdict, compare, read_books
from tests.chaos.passes import DisturbedFlow
from tests.chaos.world import open_world
from tests.flows.dice import SeededDice
from tests.flows.random_orders import RandomOrders

__all__ = ["ChaosRun", "orders_of"]


def orders_of(seed: int, count: int) -> dict[str, Any]:
    """The round's file of orders."""
    return RandomOrders(harbor_light_supply(), SeededDice(seed), first_number=seed * 1000 + 1).write(count)


class ChaosRun:
    """
    The orders of a seed on a live Airflow under faults.

    :param most_faults: no more strike when so many have happened.
    :param a_task: what a task does with a small batch.
    :param tell: takes a line for each pass.
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
        self._file = orders_of(seed, count)
        self._most = most_faults
        self.faults_happened = 0
        self.struck: dict[str, int] = {}
        with open_world(self._file["company"], folder, database, opening_of(self._file), FLOW, a_task=a_task) as world:
            self._world = world
            self._faults = Faults(world, ON_ORDERS, seed)
            self._flow = DisturbedFlow(world, self._faults, STAGES, at_once=False, tell=tell)
            try:
                self._play()
            finally:
                self.faults_happened, self.struck = self._faults.happened, self._faults.by_kind()
            self._books = self._calm_end()

    def compare(self, undisturbed: Books) -> Verdict:
        """What the faults changed in the books."""
        return compare(self._books, undisturbed)

    def _play(self) -> None:
        steps = [step for step in STEPS if events_of(self._file, step)]
        for position, step in enumerate(steps):
            self._flow.calmly(lambda step=step: self._world.player.play(self._file, step))  # type: ignore[misc]
            # each step its share of those left: orders and invoices are to meet faults as refunds and payouts do
            left = max(0, self._most - self._faults.happened)
            self._flow.begin_part(f"step {step}", -(-left // (len(steps) - position)))
            self._drain(disturbed=True)

    def _calm_end(self) -> Books:
        self._flow.calmly(lambda: None)
        self._flow.part = "calm"
        self._drain(disturbed=False)
        self._flow.run_pass(disturbed=False, close=True)
        return read_books(self._world.player, read_result(self._file, self._world.player, self._world.state))

    def _drain(self, *, disturbed: bool) -> None:
        """Pass after pass, posting in between, until nothing moves."""
        for _ in range(40):
            runs = self._flow.run_pass(disturbed=disturbed)
            posted = self._flow.calmly(self._world.player.post)
            if not posted and not self._flow.left_to_the_next and not self._under_way(runs):
                return
        raise RuntimeError("the flow still sends documents after forty passes over the same orders")

    def _under_way(self, runs: list[str]) -> bool:
        return bool(self._flow.sent(runs) or self._flow.calmly(self._world.player.open_batches))
