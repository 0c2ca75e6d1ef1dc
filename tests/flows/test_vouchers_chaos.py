"""Random vouchers keyed in GP stand in Xero once and to the cent, whatever befalls the calls that carry them."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from airflow.sdk.exceptions import TaskDeferred

from ledgerbridge.errors import TransientError
from sandbox.orders import harbor_light_supply
from tests.flows.bills import Bills, open_bills
from tests.flows.dice import SeededDice
from tests.flows.expected_bills import expect_bill, expect_books
from tests.flows.golden_vouchers import play, read_result
from tests.flows.in_process import InProcess
from tests.flows.masters import Masters
from tests.flows.random_bills import SUPPLIERS, random_vouchers

SEED, VOUCHERS = 7, 8
MOST_PASSES = 15
FAULTS: dict[str, list[dict[str, Any]]] = {
    "xero": [
        {"kind": "lost_before_commit", "method": "PUT"},
        {"kind": "lost_after_commit", "method": "PUT"},
        {"kind": "repeated", "method": "PUT"},
        {"kind": "reset", "method": "PUT"},
        {"kind": "malformed"},
        {"kind": "status", "status": 500},
        {"kind": "expired_token"},
    ],
    "gp": [
        {"kind": "lost_after_commit"},
        {"kind": "reset"},
        {"kind": "malformed"},
        {"kind": "status", "status": 500},
        {"kind": "sql_timeout"},
    ],
}


class DisturbedPasses:
    """Passes that faults befall, a few each step, until nothing is under way."""

    def __init__(self, bills: Bills, seed: int) -> None:
        flow = InProcess("procure_to_pay")
        self._flow = Masters(bills.player, bills.office, flow, ["vouchers", "vendor_payments"])
        self._random = Random(seed)
        self.happened = 0

    def drain(self) -> None:
        player = self._flow.player
        for _ in range(2):
            for system, faults in FAULTS.items():
                for fault in self._random.sample(faults, 2):
                    player.order_fault(system, fault)
            self._flow.settle()
        self.happened += sum(each["happened"] for of in player.faults().values() for each in of)
        player.forget_faults()
        for _ in range(MOST_PASSES):
            self._flow.calls_end()
            try:
                if not self._flow.run():
                    return
            except (TransientError, TaskDeferred):
                continue
        raise AssertionError(f"{MOST_PASSES} passes without faults, and something moves still")


def test_chaos_of_vouchers_keyed_in_gp_loses_nothing_doubles_nothing_and_no_cent_is_off(tmp_path: Path) -> None:
    file = random_vouchers(harbor_light_supply(), SeededDice(SEED), VOUCHERS, first=1)
    with open_bills(tmp_path, SUPPLIERS, keyed_in="gp") as bills:
        passes = DisturbedPasses(bills, SEED)
        keyed = play(bills, file, passes.drain)
        found, books = read_result(bills, file, keyed)
        expected = {case["id"]: expect_bill(case, file) for case in file["cases"]}
        lost = [name for name, each in expected.items() if found[name] != _without_effects(each)]
        numbers = Counter(each["number"] for each in _documents(bills))
        paid = Counter(each["Reference"] for each in _payments(bills))
        doubled = [name for counted in (numbers, paid) for name, times in counted.items() if times > 1]
        wanted = expect_books(expected.values())
        off = {ledger: _cents_off(books[ledger], wanted) for ledger in ("gp", "xero")}
        assert (lost, doubled, off) == ([], [], {"gp": 0, "xero": 0})
        assert (bills.letters(), bills.waiting()) == ({}, {})
        assert bills.reconciled()["agree"]
        assert (numbers.total(), paid.total()) == (VOUCHERS, sum(len(case["events"]) for case in file["cases"]))
        assert passes.happened >= VOUCHERS


def _without_effects(expected: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in expected.items() if name != "effects"}


def _documents(bills: Bills) -> list[dict[str, Any]]:
    ledger = bills.player.ledger("xero")
    return [each for name in ("invoices", "credit_notes") for each in ledger[name] if each["Status"] != "VOIDED"]


def _payments(bills: Bills) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bills.xero().get("Payments", {"page": 1})["Payments"]
    return found


def _cents_off(found: dict[str, str], wanted: dict[str, str]) -> int:
    return sum(
        int(abs(Decimal(found.get(role, "0")) - Decimal(wanted.get(role, "0"))) * 100) for role in {*found, *wanted}
    )
