"""A task of an old run that is cleared alone leaves what a newer run has taken in a newer version as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped
from sqlalchemy import select, update

from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, DeadLetter, Delivery, SourceRecord
from operators import settings
from operators.systems import hooks_of
from sandbox.player import Player, opening_of
from tests.flows.golden_orders import edit, lamp, order_file, sale
from tests.flows.in_process import STEPS, Office, open_office

LEG = "order"
AT = "2026-03-02T20:00:00Z"
CASES = [sale(4601, [lamp()], [edit([lamp(5)], at=AT)]), sale(4602, [lamp()], [])]
MOVED = CASES[1]["order"]["customer"] | {"address": CASES[1]["order"]["customer"]["address"] | {"line1": "2 Pier"}}
LATER = [sale(4603, [lamp()], [], customer=MOVED, placed_at=AT)]


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """
    Two orders of one lamp went to GP in a first run. The second run sent what happened then: one was edited to five
    lamps, and the customer of the other bought again and has another address.
    """
    file = order_file(CASES, [])
    with open_office(file, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        sandboxes.set_clock(opening_of(file))
        sandboxes.play(file, 1)
        first = office.flow.run("run-1", reconcile=False)
        assert quantities() == {"#4601": [Decimal(1)], "#4602": [Decimal(1)]}
        sandboxes.play(file, 2)
        sandboxes.play(order_file(LATER), 1)
        office.flow.run("run-2", reconcile=False)
        office.flow.results = first
        yield office


def quantities() -> dict[str, list[Decimal]]:
    """What GP's orders hold, by the shop's name of each."""
    (gp,) = hooks_of("gp", settings.company()).values()
    reader: Any = gp.site().reader  # type: ignore[attr-defined]
    rows = [
        row for page in reader.pages("Sales_Transaction", "SOPTYPE = 2", key=("SOPTYPE", "SOPNUMBE")) for row in page
    ]
    return {row["CSTPONBR"]: [Decimal(line["QUANTITY"]) for line in row["Line"]] for row in rows}


def addresses() -> set[str]:
    """The streets of GP's customers."""
    (gp,) = hooks_of("gp", settings.company()).values()
    reader: Any = gp.site().reader  # type: ignore[attr-defined]
    return {row["ADDRESS1"] for page in reader.pages("Customer", "", key=("CUSTNMBR",)) for row in page}


def standing(office: Office) -> dict[str, tuple[str, str]]:
    """Outcome and run of each order in the work list."""
    with transaction(office.state) as session:
        of_first = SourceRecord.label.in_([case["id"] for case in CASES])
        rows = session.scalars(select(SourceRecord).where(SourceRecord.leg == LEG, of_first)).all()
        return {str(row.label): (row.outcome, row.run_id) for row in rows}


EDITED = {"#4601": [Decimal(5)], "#4602": [Decimal(1)], "#4603": [Decimal(1)]}
STANDS = {"#4601": ("delivered", "run-2"), "#4602": ("unchanged", "run-1")}


def again(office: Office, step: str, leg: str = LEG) -> Any:
    """One task of the first run, cleared alone."""
    return office.flow.task(leg, step).execute(office.flow.context("run-1"))


def test_cleared_load_of_the_first_run_does_not_send_the_order_as_it_was(office: Office) -> None:
    assert quantities() == EDITED
    balance = again(office, "load")
    assert quantities() == EDITED
    assert balance == {"unchanged": 1, "superseded": 1}
    assert standing(office) == STANDS


def test_cleared_load_of_the_first_run_does_not_move_a_customer_back_whom_a_later_order_moved(office: Office) -> None:
    """The order of the first run is its own still; what GP has of its customer was made of another, newer one."""
    assert "2 Pier" in addresses()
    balance = again(office, "load", leg="customer")
    assert "2 Pier" in addresses()
    assert balance == {"superseded": 2}
    with transaction(office.state) as session:
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "superseded")).all()
    assert [(entry.run_id, entry.entity) for entry in told] == [("run-1", "gp.customer")]


def test_first_run_cleared_from_its_transform_makes_the_other_order_only(office: Office) -> None:
    for step in ("transform", "gate", "load"):
        office.flow.results[f"{LEG}.{step}"] = again(office, step)
    assert office.flow.results[f"{LEG}.load"] == {"unchanged": 1, "superseded": 1}
    assert quantities() == EDITED
    assert standing(office) == STANDS


def test_first_run_cleared_from_its_extract_takes_the_other_order_only(office: Office) -> None:
    for step in STEPS:
        office.flow.results[f"{LEG}.{step}"] = again(office, step)
    assert quantities() == EDITED
    assert standing(office) == STANDS


def test_run_whose_every_record_was_taken_in_a_newer_version_ends_with_nothing_to_do(office: Office) -> None:
    other = (SourceRecord.label == "#4602") & (SourceRecord.leg == LEG)
    with transaction(office.state) as session:
        session.execute(update(SourceRecord).where(other).values(run_id="run-3"))
    for step in ("transform", "gate"):
        with pytest.raises(DownstreamTasksSkipped):
            again(office, step)
    assert again(office, "load") == {"superseded": 1}
    with transaction(office.state) as session:
        assert session.execute(select(DeadLetter.code).where(DeadLetter.leg == LEG)).all() == []
        assert Counter(session.scalars(select(Delivery.state))) == Counter({"delivered": 7})
