"""An order that a person has open at a window of GP stops itself alone: the others arrive, no circuit counts it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from airflow.sdk.execution_time.context import OutletEventAccessors
from sqlalchemy import select

from demo.stack import Stack
from ledgerbridge.errors import RecordBusy, TransientError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Circuit, DeadLetter, Delivery, SourceRecord
from operators import settings
from operators.assets import outlet
from operators.systems import hooks_of
from sandbox.player import Player, opening_of
from tests.flows.golden_orders import edit, lamp, order_file, sale
from tests.flows.in_process import Office, open_office

AT = "2026-03-02T20:00:00Z"
CASES = [sale(number, [lamp()], [edit([lamp(5)], at=AT)]) for number in (4701, 4702, 4703)]
ORDERS = ["customer", "order"]


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Three orders of one lamp are in GP, each was edited to five, and somebody in GP has the second one open."""
    file = order_file(CASES)
    with open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        sandboxes.set_clock(opening_of(file))
        sandboxes.play(file, 1)
        office.flow.run("run-1", reconcile=False, legs=ORDERS)
        sandboxes.play(file, 2)
        set_screen(office, is_open=True)
        yield office


def set_screen(office: Office, *, is_open: bool) -> None:
    with transaction(office.state) as session:
        label = select(SourceRecord.source_key).where(SourceRecord.leg == "order", SourceRecord.label == "#4702")
        number = session.scalar(
            select(Delivery.number).where(Delivery.entity == "gp.sales_order", Delivery.record_key.in_(label))
        )
    office.player.call("PUT", "gp", "/_sandbox/screens", {"document": number, "open": is_open})


def quantities() -> dict[str, Decimal]:
    """Lamps by order, as GP has them."""
    (gp,) = hooks_of("gp", settings.company()).values()
    reader: Any = gp.site().reader  # type: ignore[attr-defined]
    pages = reader.pages("Sales_Transaction", "SOPTYPE = 2", key=("SOPTYPE", "SOPNUMBE"))
    return {row["CSTPONBR"]: Decimal(row["Line"][0]["QUANTITY"]) for page in pages for row in page}


def standing(office: Office) -> dict[str, str]:
    with transaction(office.state) as session:
        rows = session.execute(select(SourceRecord.label, SourceRecord.outcome).where(SourceRecord.leg == "order"))
        return {str(label): outcome for label, outcome in rows}


def test_others_arrive_in_the_first_try_and_the_next_try_is_for_the_open_one_alone(office: Office) -> None:
    office.flow.max_tries = 1
    with pytest.raises(RecordBusy) as busy:
        office.flow.run("run-2", reconcile=False, legs=ORDERS)
    assert busy.value.code == "LB-DLV-004"
    assert "1 of 3 documents can't be written now" in busy.value.message
    assert "Document is being edited by another user" in busy.value.message
    assert quantities() == {"#4701": Decimal(5), "#4702": Decimal(1), "#4703": Decimal(5)}
    assert standing(office) == {"#4701": "delivered", "#4702": "read", "#4703": "delivered"}


def test_after_the_last_try_it_waits_for_the_next_run_and_the_task_ends_well(office: Office) -> None:
    office.flow.try_number = 2
    load, told = office.flow.task("order", "load"), OutletEventAccessors()
    load.outlets = [outlet("main")]
    balance = load.execute(office.flow.context("run-2") | {"outlet_events": told})
    assert balance == {"unchanged": 2, "waiting": 1}
    (event,) = told[outlet("main")].asset_alias_events
    assert event.dest_asset_key.uri == "ledgerbridge://main/gp.sales_order", "Airflow forgot what the first try told"
    with transaction(office.state) as session:
        reason = session.scalar(select(SourceRecord.reason).where(SourceRecord.outcome == "waiting"))
        assert session.scalars(select(DeadLetter)).all() == []
        assert set(session.scalars(select(Circuit.failures))) <= {0}
    assert reason is not None
    assert "being edited by another user" in reason


def test_the_next_run_sends_it_once_it_is_closed(office: Office) -> None:
    set_screen(office, is_open=False)
    office.flow.try_number, office.flow.max_tries = 1, 0
    results = office.flow.run("run-3", reconcile=False, legs=ORDERS)
    assert results["order.load"] == {"delivered": 1}
    assert set(quantities().values()) == {Decimal(5)}
    assert standing(office)["#4702"] == "delivered"


def test_outage_of_xero_while_orders_for_gp_are_mapped_counts_against_xero_alone(office: Office) -> None:
    """The tax of a GP order is looked up among Xero's rates."""
    office.player.play(order_file([sale(4704, [lamp()], [], placed_at=AT)]), 1)
    office.player.order_fault("xero", {"kind": "status", "status": 503, "path": "/api.xro/2.0/TaxRates", "times": None})
    try:
        with pytest.raises(TransientError, match="TaxRates"):
            office.flow.run("run-4", reconcile=False, legs=ORDERS)
        with transaction(office.state) as session:
            failures = dict(session.execute(select(Circuit.connection, Circuit.failures)).all())
    finally:
        office.player.forget_faults()
    assert (failures["xero"], failures.get("gp", 0)) == (1, 0)
    assert office.flow.run("run-5", reconcile=False, legs=ORDERS)["order.load"] == {"delivered": 1}
