"""The golden orders, played against the four systems: the books they must leave, to the cent, and a rerun of it all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from demo.books import read_result
from demo.stack import Stack
from sandbox.player import Player
from tests.flows.in_process import Office, open_office
from tests.golden import golden_file
from tests.golden.check import differences


@pytest.fixture(scope="module", params=["plain.json", "cases.json"])
def file(request: pytest.FixtureRequest) -> dict[str, Any]:
    return golden_file(request.param)


@pytest.fixture(scope="module")
def company(file: dict[str, Any]) -> dict[str, Any]:
    """The company of the file."""
    given: dict[str, Any] = file["company"]
    return given


@pytest.fixture(scope="module")
def office(
    file: dict[str, Any], stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """The flow, its state and the runs it took, after the whole file was played, the books compared in every run."""
    with open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.compares_each_pass = True
        office.play()
        yield office


def test_books_are_those_the_file_expects(office: Office, file: dict[str, Any], sandboxes: Player) -> None:
    assert differences(file, read_result(file, sandboxes, office.state)) == []


def test_reconciliation_agrees_at_the_end(office: Office) -> None:
    verdict = office.verdicts[-1]
    assert verdict["agree"]
    assert [each["type"] for each in verdict["differences"]] == ["money without document"]


def test_running_every_task_that_sent_something_again_changes_neither_ledger(office: Office, sandboxes: Player) -> None:
    before = {system: sandboxes.ledger(system) for system in ("gp", "xero")}
    office.do_again()
    assert {system: sandboxes.ledger(system) for system in ("gp", "xero")} == before
