"""A dead letter whose cause was mended goes on when the run that rejected it is run again, and its money with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from demo.books import read_result, roles_that_differ
from demo.stack import Stack
from ledgerbridge.entities import Document
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter, SourceRecord
from operators import settings
from operators.systems import hooks_of
from sandbox.orders import make_orders
from sandbox.player import Player
from tests.flows.in_process import Office, open_office

ITEM = {"ITEMNMBR": "NO-SUCH-SKU", "ITEMDESC": "Found after all", "ITEMTYPE": 1, "UOMSCHDL": "EACH"}


@pytest.fixture
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Twenty plain orders, one of an item GP doesn't have, played to the end."""
    with open_office(make_orders(20), stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play()
        yield office


def test_rejected_order_goes_on_when_its_run_is_run_again_after_the_item_was_created(office: Office) -> None:
    with transaction(office.state) as session:
        letter = session.scalars(select(DeadLetter).where(DeadLetter.state == "open")).one()
        run = session.scalars(
            select(SourceRecord.run_id).where(
                SourceRecord.leg == letter.leg, SourceRecord.source_key == letter.source_key
            )
        ).one()
    assert (letter.leg, letter.field, letter.value) == ("order", "sku", "NO-SUCH-SKU")
    _create_item()
    office.flow.run(run)
    with transaction(office.state) as session:
        closed = session.get(DeadLetter, letter.id)
        assert closed is not None
        assert (closed.state, closed.closed_at is not None) == ("closed", True)
    order = _order(office, letter.label)
    assert order["outcome"] == "ordered"
    office.player.fulfil(str(letter.label), on="2026-03-20")
    office.player.post()
    office.drain()
    assert _order(office, letter.label)["outcome"] == "delivered"
    assert roles_that_differ(read_result(office.file, office.player, office.state)) == []
    with transaction(office.state) as session:
        assert session.scalars(select(SourceRecord.outcome).where(SourceRecord.outcome == "waiting")).all() == []


def _create_item() -> None:
    (gp,) = hooks_of("gp", settings.company()).values()
    (outcome,) = gp.entity("item").send([Document("item", "create-item", ITEM)])
    assert outcome.error is None


def _order(office: Office, name: str | None) -> dict[str, Any]:
    order: dict[str, Any] = read_result(office.file, office.player, office.state)["orders"][str(name)]
    return order
