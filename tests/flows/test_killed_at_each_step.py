"""`kill -9` at every named step of a delivery, once each, on both databases: nothing lost, nothing twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from demo.books import read_result, roles_that_differ
from demo.stack import Stack
from ledgerbridge.delivery import LEASED
from ledgerbridge.delivery.deliver import STEPS
from ledgerbridge.errors import TransientError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from sandbox.orders import make_orders
from sandbox.player import Player, opening_of
from tests.flows.in_process import Office, open_office
from tests.flows.one_pass import KillingMachine, killing_machine


@pytest.fixture(scope="module")
def file(state_db_kind: str) -> dict[str, Any]:
    """Three orders, one of them rejected for its item; the systems are new for each state database."""
    return make_orders(3, seed=5)


@pytest.fixture(scope="module")
def company(file: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = file["company"]
    return given


@pytest.fixture
def office(
    file: dict[str, Any],
    stack: Stack,
    sandboxes: Player,
    tmp_path: Path,
    state_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Office]:
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__LEASE_SECONDS", "10")
    with open_office(file, stack, sandboxes, tmp_path, state_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillingMachine]:
    with killing_machine(tmp_path_factory.mktemp("kills")) as opened:
        yield opened


def run_as_airflow_repeats_it(office: Office, run_id: str) -> None:
    """Until what the killed worker had called has settled."""
    while (seconds := tried(office, run_id)) is not None:
        time.sleep(seconds)


def tried(office: Office, run_id: str) -> float | None:
    """None when the run is done, else in how many seconds it is to be tried again."""
    try:
        office.flow.run(run_id)
    except TransientError as error:
        if error.code != LEASED:
            raise
        return error.retry_after_seconds
    return None


def test_workers_killed_at_each_step_leave_the_books_as_if_none_had_been(
    office: Office, machine: KillingMachine
) -> None:
    office.player.set_clock(opening_of(office.file))
    killed = []
    for number, (events, step) in enumerate(zip(((1, 2), (3, 4), (), (5,)), STEPS, strict=True)):
        for each in events:
            office.player.play(office.file, each)
        killed.append(machine.killed_pass(f"run-{number}", step))
        run_as_airflow_repeats_it(office, f"run-{number}")
        office.player.post()
    office.drain()
    office.flow.run("closing", close=True)
    assert killed == [-signal.SIGKILL] * len(STEPS)
    verdict = office.verdicts[-1]
    result = read_result(office.file, office.player, office.state)
    assert (verdict["agree"], roles_that_differ(result)) == (True, [])
    assert {order["outcome"] for order in result["orders"].values()} <= {"delivered", "rejected"}
    with transaction(office.state) as session:
        states = set(session.scalars(select(Delivery.state)))
        tries = session.scalars(select(Delivery.attempts)).all()
    assert states <= {"delivered", "rejected"}
    assert max(tries) >= 2
