"""Two companies in one installation, one GP and Xero and one gateway's account, with orders of the same numbers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from demo.books import read_result as read_books
from demo.books import roles_that_differ
from demo.company import INTERCOMPANY
from demo.ports import free_port
from ledgerbridge.audit import verify
from ledgerbridge.errors import TransientError
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.models import DeadLetter, Delivery
from sandbox.orders import OPENING, harbor_light_supply
from sandbox.places import SYSTEMS
from sandbox.player import Books, Player
from tests.flows.golden_orders import fulfil, lamp, order_file, pay, sale
from tests.flows.in_process import Office, open_office, open_second_office
from tests.forked_sandboxes import forked_sandboxes

HARBOR = {**harbor_light_supply(), "accounts": [*harbor_light_supply()["accounts"], INTERCOMPANY]}
QUAY = {**HARBOR, "name": "Quay Street Supply"}
HARBOR_SHOP, QUAY_SHOP = "https://harbor.example", "https://quay.example"
# both charges less their fees, to Harbor's bank
PAYOUT = {"id": "po_1", "step": 5, "arrives": "2026-03-20", "covers": ["ch_harbor", "ch_quay"], "amount": "159.31"}


def order_of(lamps: int, amount: str, charge: str, shop: str) -> dict[str, Any]:
    metadata = {"order_id": "#4801", "site_url": shop}
    return sale(4801, [lamp(lamps)], [pay(charge, amount, metadata=metadata), fulfil()])


@pytest.fixture
def two_companies(tmp_path: Path) -> Iterator[tuple[Office, Office]]:
    """
    Harbor sells one lamp and Quay two: the same order number and person, charged by one gateway.

    GP, Xero and gateway are Harbor's, for both.
    """
    ports = {system: free_port() for system in SYSTEMS}
    with (
        forked_sandboxes(ports, tmp_path / "sandbox") as harbors,
        forked_sandboxes({"shopify": free_port()}, tmp_path / "another") as quays,
        Player(harbors, Books(gp_company="HLS")) as harbor_player,
        Player(replace(harbors, shopify=quays.shopify), Books(gp_company="QSS", gp_number=2)) as quay_player,
    ):
        harbor_player.seed(HARBOR, OPENING)
        quay_player.seed(QUAY, OPENING)
        harbor_file = order_file([order_of(1, "53.77", "ch_harbor", HARBOR_SHOP)], [PAYOUT], HARBOR)
        quay_file = order_file([order_of(2, "107.54", "ch_quay", QUAY_SHOP)], company=QUAY)
        with (
            open_office(harbor_file, harbor_player, harbor_player, tmp_path, shared={"with": ["quay"]}) as harbor,
            open_second_office(harbor, "quay", quay_file, quay_player, shared={"only": [QUAY_SHOP]}) as quay,
        ):
            yield harbor, quay


def sold(office: Office) -> tuple[str, str]:
    """What both ledgers of a company hold as sales; its order arrived and nothing is left over."""
    result = read_books(office.file, office.player, office.state)
    [order] = result["orders"].values()
    assert order["outcome"] == "delivered"
    assert order["dead_letters"] == []
    assert roles_that_differ(result) == []
    gp, xero = (result["books"][system]["sales"] for system in ("gp", "xero"))
    return gp, xero


def booked(office: Office) -> dict[str, set[str]]:
    """What each ledger holds on the roles that a payout moves; both hold the same."""
    books = read_books(office.file, office.player, office.state)["books"]
    roles = ("bank", "clearing", "fees", "intercompany")
    return {role: {books[ledger][role] for ledger in ("gp", "xero")} for role in roles}


def customers(office: Office) -> set[str]:
    with transaction(office.state) as session:
        return set(session.scalars(select(Delivery.number).where(Delivery.entity == "gp.customer")))


def test_two_companies_with_the_same_orders_keep_their_own_books_and_one_that_is_down_stops_itself_alone(
    two_companies: tuple[Office, Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    harbor, quay = two_companies
    quay.player.play(quay.file, 1)
    with monkeypatch.context() as down:
        reached = json.loads(os.environ["AIRFLOW_CONN_XERO_QUAY"])
        down.setenv("AIRFLOW_CONN_XERO_QUAY", json.dumps({**reached, "host": f"http://127.0.0.1:{free_port()}"}))
        with pytest.raises(TransientError):
            quay.flow.run("run-1")
        harbor.play()
    assert sold(harbor) == ("-49.90", "-49.90")
    quay.drain()
    quay.player.play(quay.file, 3)
    quay.drain()
    quay.flow.run("closing", close=True)
    assert sold(quay) == ("-99.80", "-99.80")
    assert sold(harbor) == ("-49.90", "-49.90")
    assert booked(harbor) == {"bank": {"159.31"}, "clearing": {"0.00"}, "fees": {"1.00"}, "intercompany": {"-106.54"}}
    assert booked(quay) == {"bank": {"0.00"}, "clearing": {"0.00"}, "fees": {"1.00"}, "intercompany": {"106.54"}}
    for office in (harbor, quay):
        assert (office.verdicts[-1]["agree"], office.verdicts[-1]["differences"]) == (True, [])
    assert not customers(harbor) & customers(quay)
    url = harbor.state.url.render_as_string(hide_password=False)
    with transaction(connect(url)) as session:
        assert session.scalars(select(DeadLetter.id)).all() == []
        assert verify(session).broken is None
