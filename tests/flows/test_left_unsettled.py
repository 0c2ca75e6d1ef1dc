"""A stage that its changes start does not keep what comes meanwhile waiting for one call that lost its answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from demo.stack import Stack
from ledgerbridge.changes.waking import WatchedLeg, open_legs
from ledgerbridge.errors import TransientError
from ledgerbridge.state import transaction
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import Delivery
from operators.load import LoadOperator
from sandbox.player import Player
from tests.flows.in_process import Office, open_office, placed_orders

ORDER = WatchedLeg("order", {"shopify.order": ["shopify"]}, ["gp"], [])


@pytest.fixture
def office(stack: Stack, sandboxes: Player, tmp_path: Path) -> Iterator[Office]:
    """GP books three orders and the answer to one of them is lost."""
    with open_office(placed_orders(sandboxes, 3), stack, sandboxes, tmp_path) as office:
        sandboxes.order_fault("gp", {"kind": "lost_after_commit", "contains": "taSopHdrIvcInsert"})
        with pytest.raises(TransientError, match="LB-GP-005"):
            office.flow.run("run-1", reconcile=False)
        yield office


def load(office: Office, run_id: str) -> dict[str, int]:
    """The orders' load as Airflow tries it again, in a stage that the change log starts."""
    config = office.flow.flow.legs["order"]
    given = {"flow": office.flow.name, "leg": "order", "config": config, "leaves_unsettled": True}
    return LoadOperator(task_id="order.load", **given).execute(office.flow.context(run_id))


def settle(office: Office, ago: timedelta) -> None:
    """The call is over since then."""
    called = (Delivery.leg == "order", Delivery.state == "sending")
    with transaction(office.state) as session:
        over = database_now(session) - ago
        session.execute(update(Delivery).where(*called).values(settles_at=over))


def is_told(office: Office) -> bool:
    with transaction(office.state) as session:
        return open_legs(session, "main", office.flow.name, [ORDER]) != []


def test_the_run_ends_without_it_and_the_log_starts_one_that_looks_it_up(office: Office) -> None:
    assert load(office, "run-1") == {"unchanged": 2, "waiting": 1}
    assert not is_told(office)
    settle(office, timedelta(hours=2))
    assert not is_told(office)  # no run took it: it waits for something else
    settle(office, timedelta(seconds=1))
    assert is_told(office)
    office.flow.run("run-2", reconcile=False)
    assert not is_told(office)
    booked = Counter(str(each["CSTPONBR"]).strip() for each in office.player.ledger("gp")["documents"])
    assert sorted(booked.values()) == [1, 1, 1]
    with transaction(office.state) as session:
        assert set(session.scalars(select(Delivery.state).where(Delivery.leg == "order"))) == {"delivered"}
