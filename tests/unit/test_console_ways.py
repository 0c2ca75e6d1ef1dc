"""The console follows a document over a real state database: in the order of the process, values by right."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from hooks.systems import gateway_fields
from ledgerbridge.audit import Actor, Change, append, verify
from ledgerbridge.audit.evidence import VERIFIER
from ledgerbridge.entities import RawRecord
from ledgerbridge.flows import company_file, load_company
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import Letter, write_letters
from ledgerbridge.state.models import AuditEntry, BookedDocument, Delivery, SourceRecord
from ledgerbridge.state.names import TAKEN, keep_names
from operators import settings
from operators.staging import raw_table, remember, write_raw
from operators.system_pages import Addresses
from tests.unit.console_browser import Browser, serve

ORDER, INVOICE = "shopify:us:order:1", "gp:main:invoice:STDINV1001"
NAME = "Zebedeo Quisenberry"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def chain(state_db: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An order in GP, its invoice in Xero and booked there, taken before it; its payment can't go on."""
    serve(state_db, monkeypatch)
    with transaction(state_db) as session:
        for leg, entity, target, key, number, header in (
            ("invoice", "gp.invoice", "xero.invoice", INVOICE, "STDINV1001", {"invoiced_on": "2026-03-03"}),
            ("order", "shopify.order", "gp.sales_order", ORDER, "LBO1", {"ordered_on": "2026-03-02"}),
        ):
            actor = Actor("order_to_cash", leg, "run-1", f"{leg}.load")
            session.add(taken(leg, entity, key, "delivered", label=f"{NAME} {leg}"))
            canonical = {**header, "name": NAME, "total": "1234.50", "currency": "USD"}
            session.add(
                Delivery(
                    flow=actor.flow, leg=leg, entity=target, record_key=key, chain_key=ORDER, state="delivered",
                    content_hash="c", idempotency_key=key, canonical=canonical, run_id="run-1", updated_at=NOON,
                    number=number, target_id=f"id-{number}", attempts=1, money=123450000, currency="USD",
                )
            )  # fmt: skip
            session.flush()
            append(session, actor, [Change("delivered", target, key, ORDER, details={"number": number})])
        session.add(
            BookedDocument(
                ledger="xero", key="xero:invoice:1", record_key=INVOICE, kind="invoice", number="STDINV1001",
                booked_on=date(2026, 3, 3), effects={"610": "1234.50", "200": "-1234.50"}, run_id="run-2",
            )
        )  # fmt: skip
        session.flush()
        booked = Change("booked", "xero", INVOICE, details={"key": "xero:invoice:1"})
        append(session, Actor("order_to_cash", "", "run-2", "reconcile"), [booked])
        stop(session)
    return state_db


def taken(leg: str, entity: str, key: str, outcome: str, label: str | None = None) -> SourceRecord:
    """A record that a leg took in the order's chain."""
    return SourceRecord(
        flow="order_to_cash", leg=leg, entity=entity, source_key=key, version="v1", label=label, chain_key=ORDER,
        outcome=outcome, batch_uri="batch-1", run_id="run-1", updated_at=NOON,
    )  # fmt: skip


def stop(session: Any) -> None:
    actor, key = Actor("order_to_cash", "payment", "run-1", "payment.map"), "stripe:main:charge:ch_1"
    session.add(taken(actor.leg, "stripe.charge", key, "rejected"))
    letter = Letter(
        step="map", source_key=key, version="v1", record_key=key, code="LB-MAP-002", field="account", value=NAME,
        message=f"{NAME} has no account", remedy="Add it.", raw={"name": NAME},
    )  # fmt: skip
    write_letters(session, actor, [letter])


@pytest.mark.parametrize("wanted", ["LBO1", "STDINV1001", "id-STDINV1001", "ch_1", ORDER])
def test_any_number_or_id_leads_to_the_whole_way_in_the_order_of_the_process(chain: Engine, wanted: str) -> None:
    (way,) = Browser("olga").get("ways", q=wanted)
    assert (way["company"], way["title"]) == ("main", f"{NAME} order")
    assert [(step["stage"], step["leg"]) for step in way["steps"]] == [
        ("orders", "order"), ("invoices", "invoice"), ("money", "payment"),
    ]  # fmt: skip
    order, invoice, payment = way["steps"]
    (document,) = order["documents"]
    shown = ("entity", "number", "target_id", "state", "what", "day", "money")
    assert [document[name] for name in shown] == [
        "gp.sales_order", "LBO1", "id-LBO1", "delivered", "ordered", "2026-03-02",
        {"amount": "1234.50", "currency": "USD"},
    ]  # fmt: skip
    assert document["run_page"].endswith("/dags/order_to_cash.orders/runs/run-1/legs/order/documents")
    assert [each["effects"] for each in invoice["booked"]] == [{"610": "1234.50", "200": "-1234.50"}]
    assert [(each["code"], each["state"]) for each in payment["letters"]] == [("LB-MAP-002", "open")]
    assert [each["action"] for each in invoice["events"]] == ["delivered"]


def test_who_may_not_edit_the_dags_sees_numbers_and_states_on_the_way_and_no_value(chain: Engine) -> None:
    (way,) = Browser("vera").get("ways", q="STDINV1001")
    told = json.dumps(way)
    assert [each for each in (NAME, "1234.5") if each in told] == []
    assert [document["number"] for step in way["steps"] for document in step["documents"]] == ["LBO1", "STDINV1001"]
    assert way["title"] == "STDINV1001"


@pytest.mark.parametrize(("wanted", "status"), [("4711", 404), ("", 422), ("  ", 422), ("LB\0", 422)])
def test_what_nobody_knows_is_told_and_what_no_name_is_refused(chain: Engine, wanted: str, status: int) -> None:
    answer = Browser("olga").ask("GET", "ways", params={"q": wanted})
    assert answer.status_code == status
    assert (answer.json()["code"] == "LB-AUD-003") == (status == 404)


def test_a_pack_of_evidence_holds_elsewhere_and_the_audit_notes_who_took_it(chain: Engine, tmp_path: Path) -> None:
    answer = Browser("olga").post("evidence", {"company": "main", "wanted": "STDINV1001"})
    assert answer.status_code == 200, answer.text
    assert 'filename="evidence-STDINV1001.zip"' in answer.headers["content-disposition"]
    (tmp_path / "evidence.zip").write_bytes(answer.content)
    checked = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), str(tmp_path / "evidence.zip")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.stdout.startswith("UNPROVEN: consistent"), checked
    with transaction(chain) as session:
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert last is not None
        assert (last.action, last.record_key, last.details["by"]) == ("evidence-given", "STDINV1001", "olga")
        assert verify(session).broken is None


def test_who_may_not_see_values_gets_a_pack_without_any_that_holds_elsewhere(chain: Engine, tmp_path: Path) -> None:
    vera = Browser("vera")
    given = vera.post("evidence", {"company": "main", "wanted": "STDINV1001"})
    assert given.status_code == 200, given.text
    assert 'filename="evidence-STDINV1001-without-values.zip"' in given.headers["content-disposition"]
    (tmp_path / "evidence.zip").write_bytes(given.content)
    with zipfile.ZipFile(tmp_path / "evidence.zip") as pack:
        told = {name: pack.read(name).decode() for name in pack.namelist() if name != "verify.py"}
    assert [name for name, text in told.items() if NAME in text or "1234.5" in text] == []
    assert {row["number"] for row in json.loads(told["deliveries.json"])} == {"LBO1", "STDINV1001"}
    code = [sys.executable, "-I", str(VERIFIER), str(tmp_path / "evidence.zip")]
    checked = subprocess.run(code, capture_output=True, text=True, check=False)
    assert checked.stdout.startswith("UNPROVEN: consistent"), checked
    with transaction(chain) as session:
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert last is not None
        assert (last.details["by"], last.details["with_values"]) == ("vera", False)
    assert vera.post("evidence", {"company": "quay", "wanted": "STDINV1001"}).status_code == 404
    unasked = vera.ask("POST", "evidence", json={"company": "main", "wanted": "STDINV1001"})
    assert "page of yours" in unasked.json()["detail"]


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("quisenb", [f"{NAME} invoice", f"{NAME} order"]),
        ("1,234.50 USD", ["LBO1", "STDINV1001"]),
        ("-1234.5", ["LBO1", "STDINV1001"]),
        ("STDINV", ["STDINV1001"]),
        ("1234.51", []),
        ("50%", []),
    ],
    ids=["name", "amount", "amount-out", "number", "another-amount", "wildcard"],
)
def test_a_part_of_a_name_an_amount_or_the_beginning_of_a_number_finds_what_may_be_meant(
    chain: Engine, text: str, titles: list[str]
) -> None:
    olga = Browser("olga")
    hits = olga.get("search", q=text)
    assert sorted(each["title"] for each in hits) == titles
    assert all(olga.get("ways", q=each["wanted"])[0]["title"] == f"{NAME} order" for each in hits)


def test_who_sees_no_values_finds_nothing_by_one(chain: Engine) -> None:
    with transaction(chain) as session:
        order = session.scalars(select(SourceRecord.id).where(SourceRecord.source_key == ORDER)).one()
        keep_names(session, "main", TAKEN, {order: {"email": "kira.dunn@example.com", "name": "Kira Dunn"}})
    vera, olga = Browser("vera"), Browser("olga")
    for asked, shown in {"quisenb": 2, "1234.50": 2, "dunn kira": 1, "kira.dunn@example.com": 1}.items():
        assert (vera.get("search", q=asked), len(olga.get("search", q=asked))) == ([], shown), asked
    assert [(each["title"], each["money"]) for each in vera.get("search", q="STDINV")] == [("STDINV1001", None)]


def test_what_was_read_and_sent_is_shown_to_those_who_see_values_and_the_audit_notes_who_looked(
    chain: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(chain, tmp_path, monkeypatch)
    asked = {"company": "main", "wanted": "LBO1", "flow": "order_to_cash", "leg": "order"}
    shown = Browser("olga").post("payloads", asked).json()
    assert [(each["what"], each["key"], each["content"]) for each in shown] == [("read", ORDER, {"name": NAME})]
    with transaction(chain) as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert (entry.action, entry.details["by"], entry.details["shown"]) == ("values-shown", "olga", 1)
        assert NAME not in json.dumps(entry.details)
        told = entry.id
    refused = Browser("vera").post("payloads", asked)
    assert (refused.status_code, NAME in refused.text) == (403, False)
    unknown = Browser("olga").post("payloads", {**asked, "leg": "customer"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "LB-AUD-003")
    with transaction(chain) as session:
        assert session.scalars(select(AuditEntry.id).order_by(AuditEntry.id.desc())).first() == told


def stage(state: Engine, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """The order's batch, as its leg staged it."""
    patch.setenv("AIRFLOW__LEDGERBRIDGE__STAGING_URL", folder.as_uri())
    uri = f"{folder.as_uri()}/runs/main/order_to_cash/run-1/order/extract"
    raw = write_raw(uri, raw_table([RawRecord(ORDER, "v1", NOON, {"name": NAME})]))
    with transaction(state) as session:
        remember(session, raw)
        actor = Actor("order_to_cash", "order", "run-1", "order.extract")
        append(session, actor, [Change("batch-extract", "batch", uri, details={"uri": uri, "rows": raw.rows})])


def test_a_document_leads_to_its_run_in_airflow_and_to_its_page_in_its_own_system(
    chain: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (way,) = Browser("olga").get("ways", q="LBO1")
    pages = {each["entity"]: each for step in way["steps"] for each in step["documents"]}
    assert pages["xero.invoice"]["page"] == "https://go.xero.com/AccountsReceivable/View.aspx?InvoiceID=id-STDINV1001"
    assert pages["gp.sales_order"]["page"] is None
    assert pages["gp.sales_order"]["run"] == "/dags/order_to_cash.orders/runs/run-1"
    company = load_company(company_file(settings.companies_folder(), "main"), gateway_fields())
    told = "sales_order dgpp://x/{number}\ninvoice javascript:alert(1)"
    connection = json.dumps({"conn_type": "gp_econnect", "extra": {"addresses": told}})
    monkeypatch.setenv(f"AIRFLOW_CONN_{company.connections_of('gp')[0].upper()}", connection)
    addresses = Addresses(company)
    assert addresses.of("gp.sales_order", "7", "A/1") == "dgpp://x/A%2F1"
    assert addresses.of("gp.invoice", "7", "A/1") is addresses.of("gp.sales_order", None, None) is None
