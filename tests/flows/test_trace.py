"""From any of its ids, the whole way of an order: shop, GP, Xero, money, books; and a pack that proves it elsewhere."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
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
from operators import settings
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
    code, told = check(pack)
    assert (code, told.split(":")[0]) == (0, "holds")
    payloads = list((pack / "payloads").iterdir())
    assert len(payloads) >= len(WAY)
    assert "#1001" in "".join(each.read_text() for each in payloads)
    with transaction(office.state) as session:
        anchors = tmp_path / "anchors.jsonl"
        anchors.write_bytes(head(session).line())
    assert check(pack, "--anchors", anchors)[0] == 0
    assert check(pack.parent / "pack", pack.parent / "pack.zip")[0] == 0


def test_a_pack_holds_what_was_read_at_each_step_of_the_way(office: Office, pack: Path) -> None:
    records = [json.loads(each.read_text()) for each in (pack / "records").iterdir()]
    with transaction(office.state) as session:
        wanted = {row.source_key for step in trace(session, ORDER).steps for row in step.records}
    assert {record["key"] for record in records} == wanted
    orders = [record["payload"] for record in records if ":order:" in record["key"]]
    assert {order["name"] for order in orders} == {ORDER}
    assert f"{len(records)} records" in check(pack)[1]


def test_a_pack_of_what_was_purged_holds_without_it(office: Office, tmp_path: Path) -> None:
    staged = Path(settings.staging_url().removeprefix("file://"))
    away = staged.rename(staged.with_name("away"))
    try:
        assert cli(office, "evidence", ORDER, "--out", tmp_path / "pack.zip") == 0
    finally:
        away.rename(staged)
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        archive.extractall(tmp_path / "pack")
    code, told = check(tmp_path / "pack")
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
    assert check(tmp_path / "pack")[0] == 0
    with transaction(office.state) as session:
        told = json.loads((tmp_path / "pack" / "entries.json").read_text())
        assert len(told) == head(session).number


def forge_payload(pack: Path) -> None:
    (payload, *_) = sorted((pack / "payloads").iterdir())
    payload.write_bytes(payload.read_bytes().replace(b"#1001", b"#6666") + b" ")


def forge_payload_and_its_name(pack: Path) -> None:
    (payload, *_) = sorted((pack / "payloads").iterdir())
    content = payload.read_bytes() + b" "
    payload.unlink()
    (pack / "payloads" / f"{hashlib.sha256(content).hexdigest()}.json").write_bytes(content)
    list_anew(pack)


def forge_record(pack: Path) -> None:
    change_a_record(pack).unlink()
    list_anew(pack)


def forge_record_and_its_batch(pack: Path) -> None:
    """The list then has another hash than its entry names."""
    record = change_a_record(pack)
    new = next(each.stem for each in (pack / "records").iterdir() if b"#6666" in each.read_bytes())
    for batch in [each for each in (pack / "batches").iterdir() if record.stem in each.read_text()]:
        content = batch.read_text().replace(record.stem, new).encode()
        batch.unlink()
        (pack / "batches" / f"{hashlib.sha256(content).hexdigest()}.txt").write_bytes(content)
    record.unlink()
    list_anew(pack)


def change_a_record(pack: Path) -> Path:
    """Writes a forged one beside it, named by its own hash; the true one."""
    record = next(each for each in (pack / "records").iterdir() if b"#1001" in each.read_bytes())
    content = record.read_bytes().replace(b"#1001", b"#6666")
    (pack / "records" / f"{hashlib.sha256(content).hexdigest()}.json").write_bytes(content)
    return record


def leave_a_batch_out(pack: Path) -> None:
    next((pack / "batches").iterdir()).unlink()
    list_anew(pack)


def forge_an_entry(pack: Path) -> None:
    chain = pack / "chain.jsonl"
    chain.write_text(chain.read_text().replace("order.load", "other.load", 1))
    list_anew(pack)


def leave_an_entry_out(pack: Path) -> None:
    chain = pack / "chain.jsonl"
    lines = chain.read_text().splitlines(keepends=True)
    chain.write_text("".join(lines[:3] + lines[4:]))
    list_anew(pack)


def cut_the_end(pack: Path) -> None:
    chain = pack / "chain.jsonl"
    chain.write_text("".join(chain.read_text().splitlines(keepends=True)[:-1]))
    list_anew(pack)


def forge_a_number(pack: Path) -> None:
    deliveries = json.loads((pack / "deliveries.json").read_text())
    delivered = next(row for row in deliveries if row["state"] == "delivered")
    delivered["number"] = "INV-FORGED"
    (pack / "deliveries.json").write_text(json.dumps(deliveries))
    list_anew(pack)


def list_anew(pack: Path) -> None:
    """What a forger does who knows that files are listed by their hash."""
    manifest = json.loads((pack / "manifest.json").read_text())
    manifest["files"] = {
        str(file.relative_to(pack)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in pack.rglob("*")
        if file.is_file() and file.name != "manifest.json"
    }
    (pack / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "forge",
    [
        forge_payload,
        forge_payload_and_its_name,
        forge_record,
        forge_record_and_its_batch,
        leave_a_batch_out,
        forge_an_entry,
        leave_an_entry_out,
        cut_the_end,
        forge_a_number,
    ],
)
def test_a_forged_pack_is_found(pack: Path, tmp_path: Path, forge: Callable[[Path], None]) -> None:
    copy = tmp_path / "pack"
    shutil.copytree(pack, copy)
    forge(copy)
    code, told = check(copy)
    assert (code, told.split(":")[0]) == (1, "BROKEN")


def test_a_pack_written_anew_is_found_by_an_anchor(pack: Path, tmp_path: Path) -> None:
    copy = tmp_path / "pack"
    shutil.copytree(pack, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    previous, lines = manifest["previous_hash"], []
    for line in (copy / "chain.jsonl").read_text().splitlines():
        link = json.loads(line)
        if "content" in link:
            link["content"] = link["content"].replace("run-1", "run-X")
            link["digest"] = hashlib.sha256(link["content"].encode()).hexdigest()
        previous = link["hash"] = hashlib.sha256((previous + link["digest"]).encode()).hexdigest()
        lines.append(json.dumps(link))
    known = manifest["head"]["hash"]
    manifest["head"]["hash"] = previous
    (copy / "chain.jsonl").write_text("\n".join(lines))
    (copy / "manifest.json").write_text(json.dumps(manifest))
    list_anew(copy)
    assert check(copy)[0] == 0
    code, told = check(copy, "--head", known)
    assert (code, "not in the chain" in told) == (1, True)
