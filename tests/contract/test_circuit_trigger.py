"""Who waits for a connection goes on when it answers, on a simulated gateway and the state database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from ledgerbridge.audit import Actor
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.circuits import FAILURES_TO_OPEN, call_failed, pause_of
from ledgerbridge.state.models import Circuit
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


def break_circuit(engine: Engine) -> None:
    """The pause of a connection that failed, about to be over."""
    with transaction(engine) as session:
        for _ in range(FAILURES_TO_OPEN):
            call_failed(session, ACTOR, "stripe_test", "LB-STRIPE-001 not reached")
        session.execute(update(Circuit).values(paused_until=datetime.now(UTC)))


async def fired(since: datetime, *, within_seconds: float) -> bool:
    async def first() -> None:
        await anext(ConnectionBack("stripe_test", since.isoformat()).run())

    try:
        await asyncio.wait_for(first(), within_seconds)
    except TimeoutError:
        return False
    return True


def test_a_connection_that_answers_again_lets_all_go_on(state: Engine, account: Account) -> None:
    break_circuit(state)
    assert asyncio.run(fired(datetime.now(UTC), within_seconds=20))
    with transaction(state) as session:
        assert pause_of(session, "stripe_test") is None


def test_a_connection_that_stays_down_keeps_them_waiting(
    state: Engine, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.hook(password="sk_test_revoked")
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__CIRCUIT_PAUSE_SECONDS", "100")
    break_circuit(state)
    assert not asyncio.run(fired(datetime.now(UTC), within_seconds=3))
    with transaction(state) as session:
        pause = pause_of(session, "stripe_test")
    assert pause is not None
    assert pause.until > datetime.now(UTC) + timedelta(seconds=150), "the second pause is twice the setting"
    assert "LB-STRIPE" in pause.reason


def test_nobody_waits_for_ever(state: Engine, account: Account) -> None:
    account.hook(password="sk_test_revoked")
    break_circuit(state)
    assert asyncio.run(fired(datetime.now(UTC) - timedelta(hours=2), within_seconds=5))


def test_trigger_survives_its_way_through_airflow() -> None:
    path, arguments = ConnectionBack("gp", "2026-03-02T09:00:00+00:00").serialize()
    assert path == f"{ConnectionBack.__module__}.{ConnectionBack.__qualname__}"
    assert ConnectionBack(**arguments).serialize() == (path, arguments)
