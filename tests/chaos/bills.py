"""One round of bills: people key and pay them in Xero while faults befall the flow that carries them to GP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter
from sandbox.by_hand import apply_payments
from sandbox.orders import OPENING, harbor_light_supply
from tests.chaos.faults import ON_BILLS, Faults, Kinds
from tests.chaos.ledgers import Verdict
from tests.chaos.passes import DisturbedFlow
from tests.chaos.world import World, open_world
from tests.flows.bills import PAYMENT, BillDesk
from tests.flows.dice import SeededDice
from tests.flows.expected_bills import expect_bill, expect_books
from tests.flows.golden_bills import balances_by_role, enter_bill, pay_bill
from tests.flows.random_bills import SUPPLIERS, random_bills

__all__ = ["FLOW", "STEPS", "BillsUnderFaults", "letters_of"]

FLOW = "procure_to_pay"
STEPS = (1, 2, 3)
MOST_PASSES = 40


class BillsUnderFaults:
    """
    The bills of a seed on a live Airflow, until all that is keyed and paid stands in GP.

    :param most_faults: no more strike when so many have happened.
    :param a_task: what a task does with a small batch.
    :param tell: takes a line for each run.
    """

    kinds: Kinds = ON_BILLS
    stages: tuple[str, ...] = tuple(f"{FLOW}.{stage}" for stage in ("bills", "payments"))

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
        self._file = self._random_file(seed, count)
        self._most = most_faults
        self.faults_happened = 0
        self.struck: dict[str, int] = {}
        company = self._file["company"]
        with open_world(company, folder, database, OPENING, FLOW, a_task=a_task, beside=["master_data"]) as world:
            self._world = world
            self._desk = BillDesk(world.player)
            self._faults = Faults(world, self.kinds, seed)
            self._flow = DisturbedFlow(world, self._faults, self.stages, at_once=False, tell=tell)
            self._link_suppliers(DisturbedFlow(world, self._faults, ("master_data.vendors",), at_once=False, tell=tell))
            try:
                self._play()
            finally:
                self.faults_happened, self.struck = self._faults.happened, self._faults.by_kind()
            self._flow.calmly(lambda: None)
            self._flow.part = "calm"
            self._drain(disturbed=False)
            self.verdict = self._judge()

    def _random_file(self, seed: int, count: int) -> dict[str, Any]:
        return random_bills(harbor_light_supply(), SeededDice(seed), count, first=seed * 1000 + 1)

    def _link_suppliers(self, masters: DisturbedFlow) -> None:
        masters.part = "suppliers"
        for name in SUPPLIERS:
            self._desk.in_xero(name, AccountNumber=name.upper(), IsSupplier=True)
        masters.run_pass(disturbed=False)

    def _play(self) -> None:
        for step in STEPS:
            for act in self._acts(step):
                self._flow.calmly(act)
            left = max(0, self._most - self._faults.happened)
            self._flow.begin_part(f"step {step}", -(-left // (len(STEPS) - step + 1)))
            self._drain(disturbed=True)

    def _acts(self, step: int) -> Iterator[Callable[[], Any]]:
        """What people do in a step, one after another."""
        for case in self._file["cases"]:
            if step == 1:
                yield partial(enter_bill, self._desk, case)
            for event in case["events"]:
                if event["step"] == step:
                    yield partial(pay_bill, self._desk, case, event)

    def _drain(self, *, disturbed: bool) -> None:
        """Pass after pass, posted and applied in between, until nothing moves."""
        for _ in range(MOST_PASSES):
            runs = self._flow.run_pass(disturbed=disturbed)
            posted = self._flow.calmly(self._world.player.post)
            self._flow.calmly(lambda: apply_payments(self._world.player))
            if not posted and not self._flow.left_to_the_next and not self._flow.sent(runs):
                return
        raise RuntimeError(f"the flow still sends documents after {MOST_PASSES} passes over the same bills")

    def _judge(self) -> Verdict:
        """What GP holds against what the rules say, document by document, and both ledgers' balances by role."""
        expected = {case["id"]: expect_bill(case, self._file) for case in self._file["cases"]}
        wanted = Counter(
            named
            for name, each in expected.items()
            for named in [
                (name, each["gp"]["DOCTYPE"], each["gp"]["DOCAMNT"], each["gp"]["CURTRXAM"]),
                *((name, PAYMENT, paid["DOCAMNT"], paid["CURTRXAM"]) for paid in each["gp"]["payments"]),
            ]
        )
        held = Counter(
            (each["TRXDSCRN"], each["DOCTYPE"], each["DOCAMNT"], each["CURTRXAM"])
            for each in self._world.player.ledger("gp")["payables"]
        )
        books = expect_books(expected.values())
        return Verdict(
            expected=wanted.total(),
            lost=[*letters_of(self._world), *(f"{times} x {named}" for named, times in (wanted - held).items())],
            doubled=[f"{times} x {named}" for named, times in (held - wanted).items()],
            cents_off=sum(self._cents_off(books, system) for system in ("gp", "xero")),
        )

    def _cents_off(self, books: dict[str, str], system: str) -> int:
        found = balances_by_role(self._desk, self._file, system)
        return sum(
            int(abs(Decimal(found.get(role, "0")) - Decimal(books.get(role, "0"))) * 100) for role in {*found, *books}
        )


def letters_of(world: World) -> list[str]:
    """The dead letters that are left."""
    with transaction(world.state) as session:
        return [f"dead letter {each.code} {each.message}" for each in session.query(DeadLetter) if each.state == "open"]
