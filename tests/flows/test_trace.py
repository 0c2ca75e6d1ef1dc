"""From any of its ids, the whole way of an order: shop, GP, Xero, money, books; and a pack that proves it elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from commands.main import main
from demo.stack import Stack
from ledgerbridge.audit import verify
from ledgerbridge.audit.trace import trace
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import BookedDocument, Delivery, SourceRecord
from sandbox.orders import make_orders
from sandbox.player import Player
from tests.flows.in_process import Office, open_office

ORDER = "#1001"
WAY = ["order", "invoice", "payment", "receipt", "application"]


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Three orders, played to the end."""
    with open_office(make_orders(3), stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play()
        yield office


@pytest.fixture(scope="module")
def ids(office: Office) -> dict[str, str]:
    """What people in each system call parts of one order."""
    with transaction(office.state) as session:
        order = session.scalars(
            select(SourceRecord).where(SourceRecord.leg == "order", SourceRecord.label == ORDER)
        ).one()
        chain = order.chain_key or order.source_key
        made = {row.leg: row for row in session.scalars(select(Delivery).where(Delivery.chain_key == chain))}
        charge = session.scalars(
            select(SourceRecord).where(SourceRecord.leg == "payment", SourceRecord.chain_key == chain)
        ).one()
        journal = session.scalars(
            select(BookedDocument).where(
                BookedDocument.ledger == "gp", BookedDocument.record_key == made["invoice"].record_key
            )
        ).first()
        return {
            "order name": ORDER,
            "shopify id": order.source_key.rpartition(":")[2],
            "record key": order.source_key,
            "GP order": str(made["order"].number),
            "GP invoice": made["invoice"].record_key.rpartition(":")[2],
            "Xero InvoiceNumber": str(made["invoice"].number),
            "Xero InvoiceID": str(made["invoice"].target_id),
            "Xero PaymentID": str(made["payment"].target_id),
            "GP cash receipt": str(made["receipt"].number),
            "Stripe charge": charge.source_key.rpartition(":")[2],
            "GP journal entry": "" if journal is None else journal.key,
        }


@pytest.mark.parametrize(
    "known_as",
    ["order name", "shopify id", "record key", "GP order", "GP invoice", "Xero InvoiceNumber", "Xero InvoiceID",
     "Xero PaymentID", "GP cash receipt", "Stripe charge", "GP journal entry"],
)  # fmt: skip
def test_the_whole_way_is_found_by_any_id(office: Office, ids: dict[str, str], known_as: str) -> None:
    with transaction(office.state) as session:
        found = trace(session, ids[known_as])
        by_leg = {step.leg: step for step in found.steps}
        assert [leg for leg in WAY if leg in by_leg] == WAY
        for leg in WAY:
            step = by_leg[leg]
            assert [row.state for row in step.deliveries] == ["delivered"], leg
            assert {"sending", "delivered"} <= {entry.action for entry in step.entries}, leg
            assert set(step.payloads) == {"raw", "documents"}, leg
        ledgers = {booked.ledger for step in found.steps for booked in step.booked}
        assert ledgers == {"gp", "xero"}
        for booked in (each for step in found.steps for each in step.booked):
            assert booked.effects


def test_a_trace_is_told_as_a_tree_and_as_json(
    office: Office, ids: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli(office, "trace", ORDER) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{ORDER} shopify:")
    for number in (ids["GP order"], ids["Xero InvoiceNumber"], ids["GP cash receipt"]):
        assert number in shown
    assert cli(office, "trace", ORDER, "--json") == 0
    steps = {step["leg"]: step for step in json.loads(capsys.readouterr().out)["steps"]}
    assert steps["payment"]["deliveries"][0]["target_id"] == ids["Xero PaymentID"]


def test_a_payout_is_traced_to_its_entries(office: Office) -> None:
    with transaction(office.state) as session:
        payout = session.scalars(select(SourceRecord.source_key).where(SourceRecord.leg == "payout_gp")).first()
        assert payout is not None
        legs = {step.leg for step in trace(session, payout.rpartition(":")[2]).steps if step.deliveries}
    assert legs == {"fee_gp", "fee_xero", "payout_gp", "payout_xero"}


def test_an_unknown_id_is_told(office: Office) -> None:
    with transaction(office.state) as session, pytest.raises(LedgerbridgeError, match="LB-AUD-003"):
        trace(session, "#9999")


def test_every_state_change_of_the_company_is_in_one_whole_chain(office: Office) -> None:
    with transaction(office.state) as session:
        assert verify(session).broken is None


def cli(office: Office, *arguments: Any) -> int:
    return main(["--state", office.state.url.render_as_string(hide_password=False), *map(str, arguments)])
