"""Two companies in one installation and one GP and Xero, with orders of the same numbers from the same people."""

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
from demo.ports import free_port
from demo.services import Services
from demo.stack import CHECKOUT, start_sandboxes
from ledgerbridge.audit import verify
from ledgerbridge.errors import TransientError
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.models import DeadLetter, Delivery
from sandbox.orders import OPENING, harbor_light_supply
from sandbox.places import SYSTEMS
from sandbox.player import Books, Player
from tests.flows.golden_orders import fulfil, lamp, order_file, pay, sale
from tests.flows.in_process import Office, open_office, open_second_office

QUAY = {**harbor_light_supply(), "name": "Quay Street Supply"}


def order_of(number: int, lamps: int, amount: str) -> dict[str, Any]:
    return sale(number, [lamp(lamps)], [pay(f"ch_{number}", amount), fulfil()])


@pytest.fixture
def services(tmp_path: Path) -> Iterator[tuple[Services, Services]]:
    """The simulated systems of each company; GP and Xero are the first one's, for both."""
    with Services(tmp_path / "logs", CHECKOUT) as first, Services(tmp_path / "more_logs", CHECKOUT) as second:
        yield first, second


@pytest.fixture
def two_companies(
    services: tuple[Services, Services], tmp_path: Path, state_url: str
) -> Iterator[tuple[Office, Office]]:
    """Harbor sells one lamp and Quay two: the same order number, charge and person."""
    ports = [{system: free_port() for system in systems} for systems in (SYSTEMS, ("shopify", "stripe"))]
    addresses = [
        start_sandboxes(each, of_company, tmp_path / f"sandbox-{number}")
        for number, (each, of_company) in enumerate(zip(services, ports, strict=True))
    ]
    shared = replace(addresses[1], gp=addresses[0].gp, xero=addresses[0].xero)
    with (
        Player(addresses[0], Books(gp_company="HLS")) as harbor_player,
        Player(shared, Books(gp_company="QSS", gp_number=2)) as quay_player,
    ):
        harbor_player.seed(harbor_light_supply(), OPENING)
        quay_player.seed(QUAY, OPENING)
        harbor_file = order_file([order_of(4801, 1, "53.77")])
        quay_file = order_file([order_of(4801, 2, "107.54")], company=QUAY)
        with (
            open_office(harbor_file, harbor_player, harbor_player, tmp_path, state_url) as harbor,
            open_second_office(harbor, "quay", quay_file, quay_player) as quay,
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
    assert not customers(harbor) & customers(quay)
    url = harbor.state.url.render_as_string(hide_password=False)
    with transaction(connect(url)) as session:
        assert session.scalars(select(DeadLetter.id)).all() == []
        assert verify(session).broken is None
