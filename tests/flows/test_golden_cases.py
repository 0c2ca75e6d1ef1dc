"""The golden orders, played against the four systems: the books they must leave, to the cent, and a rerun of it all."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from demo.books import read_result
from demo.company import connection_environment, write_company_file
from demo.passes import deliveries_sent
from demo.stack import Stack
from ledgerbridge.state import connect, migrate
from sandbox.player import Player, opening_of
from tests.flows.in_process import InProcess

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
STEPS = range(1, 6)


@pytest.fixture(scope="module", params=["plain.json", "cases.json"])
def file(request: pytest.FixtureRequest) -> dict[str, Any]:
    path = GOLDEN / request.param
    if not path.exists():
        pytest.skip(f"{path} is not here: the golden orders belong to the workplace, not to the project")
    content: dict[str, Any] = json.loads(path.read_text())
    return content


@pytest.fixture(scope="module")
def company(file: dict[str, Any]) -> dict[str, Any]:
    """The company of the file."""
    given: dict[str, Any] = file["company"]
    return given


@pytest.fixture(scope="module")
def office(
    file: dict[str, Any], stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[InProcess, Any, list[str]]]:
    """The flow, its state and the runs it took, after the whole file was played."""
    folder = tmp_path_factory.mktemp("office")
    url = f"sqlite:///{folder / 'state.db'}"
    write_company_file(folder / "company.yaml", file["company"])
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            **connection_environment(file["company"], stack.addresses),
            "AIRFLOW_CONN_LEDGERBRIDGE_DB": json.dumps({"conn_type": "generic", "extra": {"url": url}}),
            "AIRFLOW__LEDGERBRIDGE__COMPANY_FILE": str(folder / "company.yaml"),
            "AIRFLOW__LEDGERBRIDGE__STATE_FOLDER": str(folder),
            "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
            "GX_ANALYTICS_ENABLED": "false",
        }.items():
            environment.setenv(name, value)
        state = connect(url)
        migrate(state)
        flow = InProcess("order_to_cash")
        runs: list[str] = []
        sandboxes.set_clock(opening_of(file))
        for step in STEPS:
            sandboxes.play(file, step)
            _drain(flow, sandboxes, state, runs)
        flow.run("closing", close=True)
        yield flow, state, runs
        state.dispose()


def _drain(flow: InProcess, player: Player, state: Any, runs: list[str]) -> None:
    while True:
        runs.append(f"run-{len(runs) + 1}")
        flow.run(runs[-1])
        if not deliveries_sent(state, runs[-1]) and not player.post():
            return


def test_books_are_those_the_file_expects(
    office: tuple[InProcess, Any, list[str]], file: dict[str, Any], sandboxes: Player
) -> None:
    spec = importlib.util.spec_from_file_location("golden_check", GOLDEN / "check.py")
    assert spec is not None
    assert spec.loader is not None
    golden = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(golden)
    assert golden.check(file, read_result(file, sandboxes, office[1])) == []


def test_reconciliation_agrees_at_the_end(office: tuple[InProcess, Any, list[str]]) -> None:
    verdict = json.loads(Path(office[0].results["reconcile"]).read_text())
    assert verdict["agree"]
    assert [each["type"] for each in verdict["differences"]] == ["money without document"]


def test_running_every_task_of_every_run_again_changes_neither_ledger(
    office: tuple[InProcess, Any, list[str]], sandboxes: Player
) -> None:
    flow, _, runs = office
    before = {system: sandboxes.ledger(system) for system in ("gp", "xero")}
    for run in runs:
        flow.run(run, reconcile=False)
    sandboxes.post()
    assert {system: sandboxes.ledger(system) for system in ("gp", "xero")} == before
