"""From any of its ids, the whole way of an order: shop, GP, Xero, money, books; and a pack that proves it elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from commands.main import main
from demo.stack import Stack
from ledgerbridge.audit import head, verify
from ledgerbridge.audit.trace import trace
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import BookedDocument, Delivery, SourceRecord
from ledgerbridge.state.signing import Signer
from operators import settings
from operators.anchors import kept_anchors
from sandbox.orders import make_orders
from sandbox.player import Player
from tests.flows.in_process import Office, open_office

ORDER = "#1001"
WAY = ["customer", "contact", "order", "invoice", "payment", "receipt", "application"]


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
        (customer,), (order,) = by_leg["customer"].deliveries, by_leg["order"].deliveries
        assert customer.record_key == (order.canonical or {})["customer_key"]
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


def test_the_loads_noted_the_head_of_the_chain_beside_its_anchors(office: Office) -> None:
    (noted,) = kept_anchors(settings.anchors_url())
    with transaction(office.state) as session:
        verdict = verify(session, [noted])
    assert (verdict.broken, verdict.signed) == (None, True)
    assert noted.number > verdict.head.number / 2


def cli(office: Office, *arguments: Any) -> int:
    return main(["--state", office.state.url.render_as_string(hide_password=False), *map(str, arguments)])


@pytest.fixture(scope="module")
def pack(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of one order, unpacked."""
    folder = tmp_path_factory.mktemp("evidence")
    assert cli(office, "evidence", ORDER, "--out", folder / "pack.zip") == 0
    with zipfile.ZipFile(folder / "pack.zip") as archive:
        archive.extractall(folder / "pack")
    return folder / "pack"


def check(pack: Path, *arguments: object) -> tuple[int, str]:
    """As an auditor does it: a Python with nothing installed, and nothing of ours in reach."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(pack / "verify.py"), *map(str, arguments)],
        cwd=pack.parent, env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_pack_is_verified_by_python_alone(office: Office, pack: Path, tmp_path: Path) -> None:
    code, told = check(pack, "--key", public_key())
    assert (code, told.split(":")[0]) == (0, "holds")
    payloads = list((pack / "payloads").iterdir())
    assert len(payloads) >= len(WAY)
    assert "#1001" in "".join(each.read_text() for each in payloads)
    with transaction(office.state) as session:
        anchors = tmp_path / "anchors.jsonl"
        anchors.write_bytes(head(session).line())
    assert check(pack, "--key", public_key(), "--anchors", anchors)[0] == 0
    assert check(pack, "--key", public_key(), pack.parent / "pack.zip")[0] == 0


def test_a_pack_verified_without_a_key_is_unproven(pack: Path) -> None:
    code, told = check(pack)
    assert (code, told.split(":")[0]) == (3, "UNPROVEN")


def public_key() -> str:
    (key,) = Signer(os.environ["AIRFLOW__LEDGERBRIDGE__SIGNING_KEY"]).public.known
    return key


def test_a_pack_holds_what_was_read_at_each_step_of_the_way(office: Office, pack: Path) -> None:
    records = [json.loads(each.read_text()) for each in (pack / "records").iterdir()]
    with transaction(office.state) as session:
        wanted = {row.source_key for step in trace(session, ORDER).steps for row in step.records}
    assert {record["key"] for record in records} == wanted
    orders = [record["payload"] for record in records if ":order:" in record["key"]]
    assert {order["name"] for order in orders} == {ORDER}
    assert f"{len(records)} records" in check(pack, "--key", public_key())[1]


def test_a_pack_of_what_was_purged_holds_without_it(office: Office, tmp_path: Path) -> None:
    staged = Path(settings.staging_url().removeprefix("file://"))
    away = staged.rename(staged.with_name("away"))
    try:
        assert cli(office, "evidence", ORDER, "--out", tmp_path / "pack.zip") == 0
    finally:
        away.rename(staged)
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        archive.extractall(tmp_path / "pack")
    code, told = check(tmp_path / "pack", "--key", public_key())
    assert (code, " 0 records, 0 payloads," in told) == (0, True)


def test_a_pack_tells_nothing_of_other_orders(pack: Path) -> None:
    for file in pack.rglob("*"):
        if file.is_file() and "payloads" not in file.parts:
            assert "#1002" not in file.read_text(), file


def test_a_period_is_packed_too(office: Office, tmp_path: Path) -> None:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert cli(office, "evidence", f"2026-01-01..{today}", "--out", tmp_path / "pack.zip") == 0
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        archive.extractall(tmp_path / "pack")
    assert check(tmp_path / "pack", "--key", public_key())[0] == 0
    with transaction(office.state) as session:
        told = json.loads((tmp_path / "pack" / "entries.json").read_text())
        assert len(told) == head(session).number
