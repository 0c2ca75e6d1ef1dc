"""The ``ledgerbridge`` command on a state database with one order in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from commands.database import STATE_URL
from commands.main import main
from ledgerbridge.audit import Actor
from ledgerbridge.delivery import Deliverer
from ledgerbridge.entities import Document, Found, Outcome
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.dead_letters import Letter, write_letters

ACTOR = Actor("order_to_cash", "order", "run-1", "order.load")
ORDER = "shopify:us.myshopify.com:order:1"


class Accepting:
    """A target that takes everything."""

    max_batch = 10

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        return {}

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        return [Outcome(document.record_key, "LBO1", "LBO1") for document in documents]


@pytest.fixture
def url(tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path / 'state.db'}"
    engine = connect(address)
    migrate(engine)
    Deliverer(engine, ACTOR, "gp.sales_order", Accepting()).deliver(
        [Document(ORDER, "key", {"SOPNUMBE": "LBO1"})], {ORDER: {"chain_key": ORDER, "label": "#1"}}
    )
    letter = Letter(
        "map", "shopify:x:order:2", "v1", "shopify:x:order:2", "LB-MAP-002", "sku", "NONE",
        '"NONE" is not known', "Create item NONE in GP.", label="#2",
    )  # fmt: skip
    with transaction(engine) as session:
        write_letters(session, ACTOR, [letter])
    engine.dispose()
    return address


def test_dead_letters_are_listed_with_field_and_remedy(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", url, "dead-letters"]) == 0
    shown = capsys.readouterr().out
    assert "LB-MAP-002 order #2" in shown
    assert 'sku: "NONE" is not known' in shown
    assert "remedy: Create item NONE in GP." in shown


@pytest.mark.parametrize("known_as", ["LBO1", ORDER])
def test_trace_finds_the_order_by_any_of_its_ids(url: str, known_as: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", url, "trace", known_as]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "delivered    gp.sales_order" in line
    assert line.endswith("run-1 order.load")


@pytest.mark.parametrize(("asked", "shown"), [("sent and confirmed", 1), ("unknown", 0)])
def test_deliveries_are_shown_by_what_is_known_of_them(
    url: str, asked: str, shown: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--state", url, "deliveries", "--standing", asked, "--entity", "gp.sales_order"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == shown
    assert all("sent and confirmed" in line and "LBO1" in line and ORDER in line for line in lines)


def test_without_a_state_database_it_says_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(STATE_URL, raising=False)
    assert main(["dead-letters"]) == 2
    assert STATE_URL in capsys.readouterr().err
