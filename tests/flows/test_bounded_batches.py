"""
A backlog beyond `max_records` is worked off pass by pass, no order before its customer, and the books agree.

Between the first pass and the second records have another form than people accepted, and their mapping holds such.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from demo.stack import Stack
from ledgerbridge.drift import shape_of
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter, Delivery, SourceRecord
from ledgerbridge.state.shapes import accept_shape
from operators import settings
from operators.recorded import recent_raw
from sandbox.orders import make_orders
from sandbox.player import Player, opening_of
from tests.flows.in_process import Office, open_office

MOST = 3
ORDERS = 10


@pytest.fixture
def office(stack: Stack, sandboxes: Player, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Ten orders placed in the shop before the first run of a flow that takes three at a time."""
    include = Path(shutil.copytree(settings.include_folder(), tmp_path / "include"))
    flow = include / "flows" / "order_to_cash.yaml"
    flow.write_text(flow.read_text().replace("stages:\n", f"max_records: {MOST}\nstages:\n", 1))
    conforming = include / "mappings" / "shopify_order_to_customer.yaml"
    conforming.write_text(conforming.read_text() + "drift: hold\n")
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(include))
    file = make_orders(ORDERS)
    with open_office(file, stack, sandboxes, tmp_path) as office:
        sandboxes.set_clock(opening_of(file))
        sandboxes.play(file, 1)
        yield office


def taken(office: Office, leg: str) -> Counter[str]:
    """How many records of a leg each run has."""
    with transaction(office.state) as session:
        return Counter(session.scalars(select(SourceRecord.run_id).where(SourceRecord.leg == leg)))


def is_held(office: Office, run_id: str) -> None:
    """Nothing of the run goes on, or is lost, until somebody accepts what the records look like."""
    mapping = "shopify_order_to_customer"
    form = shape_of(each["payload"] for each in recent_raw(office.state, "main", "shopify.order", 200))
    with transaction(office.state) as session:
        # what is a text by now was a number when somebody looked
        accept_shape(session, mapping, "olga", {**form, "customer.firstName": "number!"}, {}, {})
        before = set(session.scalars(select(Delivery.id)))
    with pytest.raises(ConfigurationError, match=r"customer\.firstName is text, and was number") as refused:
        office.flow.run(run_id, reconcile=False)
    assert refused.value.code == "LB-MAP-015"
    with transaction(office.state) as session:
        assert set(session.scalars(select(Delivery.id))) == before
        accept_shape(session, mapping, "olga", form, {}, {})


def test_each_pass_takes_as_many_as_it_may_and_no_order_comes_before_its_customer(office: Office) -> None:
    runs = [f"run-{number}" for number in range(1, 6)]
    for run_id in runs:
        if run_id == "run-2":
            is_held(office, run_id)
        office.flow.run(run_id, reconcile=False)
        orders, customers = taken(office, "order"), taken(office, "customer")
        assert sum(orders.values()) <= sum(customers.values())
        assert max([*orders.values(), *customers.values()]) <= MOST
    assert taken(office, "customer") == {"run-1": 3, "run-2": 3, "run-3": 3, "run-4": 1}
    assert sum(taken(office, "order").values()) == ORDERS
    with transaction(office.state) as session:
        codes = set(session.scalars(select(DeadLetter.field).where(DeadLetter.leg == "order")))
    assert "CUSTNMBR" not in codes
