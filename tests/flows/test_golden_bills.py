"""The golden bills, worked out by a second hand and played against both ledgers: to the cent, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.flows.bills import Bills, open_bills
from tests.flows.expected_bills import expect_bill, expect_books
from tests.flows.golden_bills import play, read_result
from tests.flows.in_process import InProcess
from tests.golden import golden_file

FILE = golden_file("bills.json")
SUPPLIERS = sorted({case["bill"]["supplier"] for case in FILE["cases"]} - {"Wharf Supply"})
EXPECTED = {case["id"]: case["expect"] for case in FILE["cases"]}


@pytest.fixture(scope="module")
def entered() -> dict[str, Any]:
    """What stands in Xero, by case."""
    return {}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, entered: dict[str, Any]) -> Iterator[Bills]:
    """After the whole file."""
    with open_bills(tmp_path_factory.mktemp("golden-bills"), SUPPLIERS) as bills:
        entered.update(play(bills, FILE))
        yield bills


def test_the_rules_alone_come_to_what_the_file_says() -> None:
    assert {case["id"]: expect_bill(case, FILE) for case in FILE["cases"]} == EXPECTED
    assert expect_books(EXPECTED.values()) == FILE["books"]
    assert len(EXPECTED) >= 20


def test_both_ledgers_hold_what_the_file_says_and_agree(played: Bills, entered: dict[str, Any]) -> None:
    found, books = read_result(played, FILE, entered)
    wanted = {name: {key: value for key, value in each.items() if key != "effects"} for name, each in EXPECTED.items()}
    assert found == wanted
    assert books == {"gp": FILE["books"], "xero": FILE["books"]}
    assert played.letters() == {}
    verdict = played.reconciled()
    assert (verdict["agree"], verdict["differences"]) == (True, [])


def test_all_tasks_done_again_change_neither_ledger(played: Bills) -> None:
    before: dict[str, Any] = {system: played.player.ledger(system) for system in ("gp", "xero")}
    for number in range(1, played.passes + 1):
        InProcess("procure_to_pay").run(f"bills-{number}")
    assert played.player.post() == 0
    assert {system: played.player.ledger(system) for system in ("gp", "xero")} == before
