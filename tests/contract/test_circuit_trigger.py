"""Who waits for a connection goes on when it answers, on a simulated gateway and the state database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from sqlalchemy import Engine, update

from ledgerbridge.audit import Actor
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.circuits import (
    FAILURES_TO_OPEN,
    Pause,
    call_failed,
    call_succeeded,
    pause_of,
    take_probe,
)
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import Circuit
from operators.leg import FlowOperator
from sandbox.stripe.app import create_app
from tests.contract.gateway_office import Account
from tests.contract.served_app import serve
from tests.migrated_state import migrated
from triggers.circuit import ConnectionBack

ACTOR = Actor("order_to_cash", "payment", "run-1", "payment.extract")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    monkeypatch.setenv("AIRFLOW_CONN_LEDGERBRIDGE_DB", json.dumps({"conn_type": "generic", "extra": {"url": url}}))
    return migrated(connect(url, company="main"))


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with serve(create_app(tmp_path / "stripe")) as url:
        account = Account(url, monkeypatch)
        account.open()
        account.hook()
        yield account


def break_circuit(engine: Engine, *, over: bool = True, for_: timedelta = timedelta(minutes=1)) -> None:
    """A connection that failed for so long, and whether its pause is over."""
    with transaction(engine) as session:
        for _ in range(FAILURES_TO_OPEN):
            call_failed(session, ACTOR, "stripe_test", "LB-STRIPE-001 not reached")
        now = database_now(session)
        until = now - timedelta(seconds=1) if over else now + timedelta(minutes=1)
        session.execute(update(Circuit).values(paused_until=until, paused_since=now - for_))


def pause(engine: Engine) -> Pause | None:
    with transaction(engine) as session:
        return pause_of(session, "stripe_test")


def await_it() -> None:
    """What a task does before it calls."""
    context: Any = {"run_id": "run-1"}
    FlowOperator(task_id="task", flow="order_to_cash").await_connections(context, ["stripe_test"])


async def fired(*, within_seconds: float) -> bool:
    async def first() -> None:
        await anext(ConnectionBack("stripe_test").run())

    try:
        await asyncio.wait_for(first(), within_seconds)
    except TimeoutError:
        return False
    return True


def test_who_waits_is_woken_when_the_pause_is_over_and_not_before(state: Engine) -> None:
    break_circuit(state, over=False)
    assert not asyncio.run(fired(within_seconds=2))
    break_circuit(state)
    assert asyncio.run(fired(within_seconds=2))
    with transaction(state) as session:
        call_succeeded(session, ACTOR, "stripe_test")
    assert asyncio.run(fired(within_seconds=2))


def test_a_triggerer_that_does_not_know_the_connection_wakes_all_the_same(
    state: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GP's lies with the Edge worker alone."""
    monkeypatch.delenv("AIRFLOW_CONN_STRIPE_TEST", raising=False)
    break_circuit(state)
    assert asyncio.run(fired(within_seconds=2))


def test_the_task_whose_turn_it_is_finds_a_connection_that_answers_and_lets_all_go_on(
    state: Engine, account: Account
) -> None:
    break_circuit(state)
    await_it()
    assert pause(state) is None


def test_a_connection_that_stays_down_keeps_them_waiting_ever_longer(
    state: Engine, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.hook(password="sk_test_revoked")
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__CIRCUIT_PAUSE_SECONDS", "100")
    break_circuit(state)
    with pytest.raises(TaskDeferred):
        await_it()
    found = pause(state)
    assert found is not None
    assert found.until > datetime.now(UTC) + timedelta(seconds=150), "the second pause is twice the setting"
    assert "LB-STRIPE" in found.reason


def test_nobody_calls_before_the_pause_is_over_nor_while_another_tries(state: Engine, account: Account) -> None:
    break_circuit(state, over=False)
    with pytest.raises(TaskDeferred):
        await_it()
    break_circuit(state)
    with transaction(state) as session:
        assert take_probe(session, "stripe_test")
    with pytest.raises(TaskDeferred):
        await_it()
    assert pause(state) is not None


def test_after_an_hour_the_task_s_own_call_tells_what_a_test_can_t(state: Engine, account: Account) -> None:
    """The test asks for all that flows may read; this key may read what this flow does."""
    account.hook(password="sk_test_revoked")
    break_circuit(state, for_=timedelta(hours=1, minutes=1))
    await_it()
    assert pause(state) is not None, "its call ends it, or the next one's turn comes"


def test_trigger_survives_its_way_through_airflow() -> None:
    path, arguments = ConnectionBack("gp").serialize()
    assert path == f"{ConnectionBack.__module__}.{ConnectionBack.__qualname__}"
    assert ConnectionBack(**arguments).serialize() == (path, arguments)
