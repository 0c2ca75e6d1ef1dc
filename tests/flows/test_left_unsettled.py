"""A stage that its changes start does not keep what comes meanwhile waiting for one call that lost its answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from demo.stack import Stack
from ledgerbridge.changes.waking import WatchedLeg, open_legs
from ledgerbridge.errors import TransientError
from ledgerbridge.state import transaction
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import DeadLetter, Delivery, SourceRecord
from operators.load import LoadOperator
from sandbox.orders import OPENING
from sandbox.places import systems_of
from sandbox.player import Player
from tests.flows.in_process import Office, open_office, placed_orders
from tests.forked_sandboxes import forked_sandboxes

ORDER = WatchedLeg("order", {"shopify.order": ["shopify"]}, ["gp"], [])


@pytest.fixture
def sandboxes(stack: Stack, company: dict[str, Any], tmp_path: Path) -> Iterator[Player]:
    """Systems of a test's own: each begins with the same orders."""
    ports = {system: int(stack.addresses.of(system).rpartition(":")[2]) for system in systems_of(company)}
    with forked_sandboxes(ports, tmp_path / "sandbox"), Player(stack.addresses) as player:
        player.seed(company, OPENING)
        yield player


@pytest.fixture
def office(stack: Stack, sandboxes: Player, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Office]:
    """Of three orders GP books all, and the answer to the first call of a node is lost."""
    with open_office(placed_orders(sandboxes, 3), stack, sandboxes, tmp_path) as office:
        sandboxes.order_fault("gp", {"kind": "lost_after_commit", "contains": request.param})
        with pytest.raises(TransientError, match="LB-GP-005"):
            office.flow.run("run-1", reconcile=False)
        yield office


def load(office: Office, run_id: str, leg: str = "order") -> dict[str, int]:
    """The leg's load as Airflow tries it again, in a stage that the change log starts."""
    given = {"flow": office.flow.name, "leg": leg, "config": office.flow.flow.legs[leg], "leaves_unsettled": True}
    return LoadOperator(task_id=f"{leg}.load", **given).execute(office.flow.context(run_id))


def settle(office: Office, ago: timedelta, leg: str = "order") -> None:
    """The call is over since then."""
    called = (Delivery.leg == leg, Delivery.state == "sending")
    with transaction(office.state) as session:
        over = database_now(session) - ago
        session.execute(update(Delivery).where(*called).values(settles_at=over))


def is_told(office: Office) -> bool:
    with transaction(office.state) as session:
        return open_legs(session, "main", office.flow.name, [ORDER]) != []


@pytest.mark.parametrize("office", ["taSopHdrIvcInsert"], indirect=True)
def test_the_run_ends_without_it_and_the_log_starts_one_that_looks_it_up(office: Office) -> None:
    assert load(office, "run-1") == {"unchanged": 2, "waiting": 1}
    assert not is_told(office)
    settle(office, timedelta(days=2))
    assert not is_told(office)  # no run took it: it waits for something else
    settle(office, timedelta(hours=2))
    assert is_told(office), "GP may have been away"
    settle(office, timedelta(seconds=1))
    assert is_told(office)
    office.flow.run("run-2", reconcile=False)
    assert not is_told(office)
    booked = Counter(str(each["CSTPONBR"]).strip() for each in office.player.ledger("gp")["documents"])
    assert sorted(booked.values()) == [1, 1, 1]
    with transaction(office.state) as session:
        assert set(session.scalars(select(Delivery.state).where(Delivery.leg == "order"))) == {"delivered"}


@pytest.mark.parametrize("office", ["taUpdateCreateCustomerRcd"], indirect=True)
def test_an_order_waits_for_its_customer_whose_answer_was_lost(office: Office) -> None:
    assert load(office, "run-1", "customer") == {"unchanged": 2, "waiting": 1}
    office.flow.run_stage("orders", "run-2", legs=["order"])
    assert states(office, "order") == {"delivered": 2}
    with transaction(office.state) as session:
        assert session.scalars(select(DeadLetter)).all() == []
        waits = select(SourceRecord.reason).where(SourceRecord.leg == "order", SourceRecord.outcome == "waiting")
        [reason] = session.scalars(waits)
    assert "is on its way, and has not arrived as gp.customer yet" in str(reason)
    settle(office, timedelta(seconds=1), "customer")
    office.flow.run_stage("orders", "run-3")
    assert (states(office, "customer"), states(office, "order")) == ({"delivered": 3}, {"delivered": 3})


def states(office: Office, leg: str) -> Counter[str]:
    """How many deliveries of a leg are how far."""
    with transaction(office.state) as session:
        return Counter(session.scalars(select(Delivery.state).where(Delivery.leg == leg)))
