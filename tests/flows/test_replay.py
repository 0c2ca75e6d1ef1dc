"""Twenty orders played to the end: what a changed file would have made of them, and a dead letter that goes on."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from commands.main import main
from demo.books import KEPT_BY_GP_ALONE, read_result, roles_that_differ
from demo.stack import Stack
from ledgerbridge.entities import Document
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Base, DeadLetter, Delivery, SourceRecord
from ledgerbridge.yaml_edits import YamlText, in_braces
from operators import settings
from operators.systems import hooks_of, live_lookup
from operators.what_if import what_if
from sandbox.orders import make_orders
from sandbox.player import Player
from tests.flows.in_process import Office, open_office

ITEM = {"ITEMNMBR": "NO-SUCH-SKU", "ITEMDESC": "Found after all", "ITEMTYPE": 1, "UOMSCHDL": "EACH"}


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Twenty plain orders, one of an item GP doesn't have, played to the end."""
    with open_office(make_orders(20), stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play()
        yield office


INVOICE = "sales_invoice_to_xero_invoice.yaml"


@pytest.fixture
def changed_invoice(tmp_path: Path) -> Path:
    """The invoice's mapping, with shipping on the account of additional fees."""
    shipped = (settings.include_folder() / "mappings" / INVOICE).read_text()
    place = ("lines", "AccountCode", "lookup", "key", "then", "convert", "enum", "shipping")
    copy = tmp_path / INVOICE
    copy.write_text(YamlText(shipped).put(place, "additional_fees").text)
    return copy


def test_a_planted_change_of_one_account_shows_to_the_cent_and_no_socket_is_opened(
    office: Office, changed_invoice: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    xero = read_result(office.file, office.player, office.state)["books"]["xero"]
    credited = -Decimal(xero["shipping_income"])
    before = everything_in(office)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    for name in ("connect", "connect_ex", "send", "sendall", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    with pytest.raises(Exception, match="a socket was opened"):  # what asks a system would be found out
        live_lookup(settings.company(), office.state, nullcontext)("gp.item", ["NEVER-ASKED"], None)
    url = str(office.state.url)
    assert main(["--state", url, "what-if", str(changed_invoice), "--days", "1", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    told = {each["leg"]: each for each in answer["differences"]}
    moved = {(each["role"], each["field"]): each for each in told["invoice"]["accounts"]}
    assert credited > 0
    for role, sums in (("shipping_income", (credited, 0)), ("additional_fees", (0, credited))):
        amounts = moved[role, "LineAmount"]
        assert (Decimal(amounts["before"]), Decimal(amounts["after"])) == sums
    assert {each["field"] for each in told["invoice"]["changed"][0]["fields"]} == {"AccountCode"}
    assert told["invoice"]["totals"] == []
    assert (told["invoice"]["added"], told["invoice"]["newly_refused"], told["invoice"]["assumed"]) == ([], [], {})
    assert told["rounding_invoice"]["changed"] == []
    sides = ("debit_before", "credit_before", "debit_after", "credit_after", "difference")
    booked = {each["role"]: [Decimal(each[side]) for side in sides] for each in answer["effects"]}
    others = {role: amounts for role, amounts in booked.items() if amounts[:2] != amounts[2:4]}
    assert others == {
        "shipping_income": [0, credited, 0, 0, credited],
        "additional_fees": [0, 0, 0, credited, -credited],
    }
    for role in ("sales", "shipping_income", "tax_payable"):  # what is told before is what Xero booked
        assert booked[role][0] - booked[role][1] == Decimal(xero[role])
    assert sum(amounts[0] - amounts[1] for amounts in booked.values()) == 0
    assert everything_in(office) == before


def test_a_stricter_gate_shows_what_it_would_refuse_and_whom_it_leaves(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "gp_sales_order.yaml"
    text = YamlText((settings.include_folder() / "expectations" / name).read_text())
    limit = {"min_value": 0, "max_value": 100}
    expectation = {"expect": "expect_column_values_to_be_between", "column": "DOCAMNT", "arguments": limit}
    strict = text.put(("expectations", len(text.keys(("expectations",)))), in_braces({**expectation, "remedy": "Ask."}))
    (tmp_path / name).write_text(strict.text)
    assert main(["--state", str(office.state.url), "what-if", str(tmp_path / name), "--days", "1"]) == 1
    told = capsys.readouterr().out
    with transaction(office.state) as session:
        sent = session.scalars(select(Delivery).where(Delivery.entity == "gp.sales_order")).all()
    over = [each for each in sent if Decimal(each.canonical["total"]) > 100]
    assert 0 < len(over) < len(sent)
    assert f"refusals   {len(over)} new, 0 no more" in told
    assert f"documents  {len(sent)} -> {len(sent) - len(over)}: 0 others, 0 more, {len(over)} no more" in told
    assert "LB-GATE-001" in told


def test_what_would_be_booked_of_all_that_was_recorded_is_what_both_ledgers_booked(
    office: Office, tmp_path: Path
) -> None:
    include = settings.include_folder()
    again = Path(shutil.copytree(include, tmp_path / "include"))
    for mapping in (again / "mappings").glob("*.yaml"):
        mapping.write_text(f"{mapping.read_text()}# read anew, and the same\n")
    since = datetime.now(UTC) - timedelta(days=1)
    found = what_if(include, again, settings.company(), office.state, since)
    assert [each for each in found.effects if each.is_another] == []
    told = {(each.ledger, each.role): each.debit_before - each.credit_before for each in found.effects}
    for ledger, books in read_result(office.file, office.player, office.state)["books"].items():
        booked = {role: Decimal(balance) for role, balance in books.items() if role not in KEPT_BY_GP_ALONE}
        assert {role: told.get((ledger, role), Decimal(0)) for role in booked} == booked


def everything_in(office: Office) -> str:
    """All rows of the state database, as a hash."""
    with transaction(office.state) as session:
        rows = {table.name: session.execute(select(table)).all() for table in Base.metadata.sorted_tables}
    return sha256(repr(rows).encode()).hexdigest()


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
