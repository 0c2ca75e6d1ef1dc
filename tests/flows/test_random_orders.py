"""Orders with anything that can happen to them: both ledgers hold what the accounting rules say, to the cent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from demo.books import read_result
from demo.postgres_cluster import postgres_binaries
from demo.stack import Stack
from sandbox.orders import harbor_light_supply
from sandbox.player import Player
from tests.flows.dice import SeededDice
from tests.flows.in_process import open_office
from tests.flows.random_orders import RandomOrders
from tests.golden.check import differences


@pytest.fixture
def state_url(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """On PostgreSQL where there is one: the golden orders and those of hypothesis are played on SQLite."""
    if request.config.getoption("--state-db") == "sqlite" or postgres_binaries() is None:
        return f"sqlite:///{tmp_path / 'state.db'}"
    return str(request.getfixturevalue("postgres_cluster").new_database())


@pytest.fixture(scope="module")
def file() -> dict[str, Any]:
    """Twenty orders of three shops, in two currencies."""
    return RandomOrders(harbor_light_supply(), SeededDice(22)).write(20)


@pytest.fixture(scope="module")
def company(file: dict[str, Any]) -> dict[str, Any]:
    """The company of the file."""
    given: dict[str, Any] = file["company"]
    return given


def test_ledgers_hold_what_the_rules_say_and_agree_in_every_run(
    file: dict[str, Any], stack: Stack, sandboxes: Player, tmp_path: Path, state_url: str
) -> None:
    with open_office(file, stack, sandboxes, tmp_path, state_url) as office:
        office.play()
        verdict = office.verdicts[-1]
        result = read_result(file, sandboxes, office.state)
    assert differences(file, result) == []
    assert verdict["agree"]
