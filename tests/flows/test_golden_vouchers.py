"""The golden vouchers, worked out by a second hand and played against both ledgers: to the cent, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.flows.bills import Bills, open_bills
from tests.flows.expected_bills import expect_bill, expect_books
from tests.flows.golden_vouchers import play, read_result
from tests.flows.in_process import InProcess
from tests.golden import golden_file

FILE = golden_file("vouchers.json")
SUPPLIERS = sorted({case["bill"]["supplier"] for case in FILE["cases"]} - {"Wharf Supply"})
EXPECTED = {case["id"]: case["expect"] for case in FILE["cases"]}


@pytest.fixture(scope="module")
def keyed() -> dict[str, str]:
    """Numbers of the vouchers, by case."""
    return {}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, keyed: dict[str, str]) -> Iterator[Bills]:
    """After the whole file."""
    with open_bills(tmp_path_factory.mktemp("golden-vouchers"), SUPPLIERS, keyed_in="gp") as bills:
        keyed.update(play(bills, FILE))
        yield bills


def test_the_rules_alone_come_to_what_the_file_says() -> None:
    assert {case["id"]: expect_bill(case, FILE) for case in FILE["cases"]} == EXPECTED
    assert expect_books(EXPECTED.values()) == FILE["books"]
    assert len(EXPECTED) >= 20


def test_both_ledgers_hold_what_the_file_says_and_agree(played: Bills, keyed: dict[str, str]) -> None:
    found, books = read_result(played, FILE, keyed)
    assert (played.letters(), played.waiting()) == ({}, {})
    assert found == {
        name: {key: value for key, value in each.items() if key != "effects"} for name, each in EXPECTED.items()
    }
    assert books == {"gp": FILE["books"], "xero": FILE["books"]}
    verdict = played.reconciled()
    assert (verdict["agree"], verdict["differences"]) == (True, [])


def test_all_tasks_done_again_change_neither_ledger_and_nothing_goes_back(played: Bills) -> None:
    before: dict[str, Any] = {system: played.player.ledger(system) for system in ("gp", "xero")}
    for number in range(1, played.passes + 1):
        InProcess("procure_to_pay").run(f"bills-{number}")
    assert played.player.post() == 0
    assert {system: played.player.ledger(system) for system in ("gp", "xero")} == before
