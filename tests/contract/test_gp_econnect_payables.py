"""The eConnect hook against the sandbox's GP: vendors, their bills and items."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hooks.gp.econnect.hook import GPEConnectHook
from ledgerbridge.entities import Document, Window
from ledgerbridge.errors import RecordRejected
from sandbox.gp.app import create_app
from tests.contract.served_app import serve
from tests.contract.test_gp_econnect import COMPANY, Bookkeeper, accepted, document, found, hook_on, read, send

DAY = date(2026, 3, 2)
BUYING_COMPANY = COMPANY | {
    "accounts": [
        *COMPANY["accounts"],
        {"role": "payables", "gp": "000-2100-00"},
        {"role": "purchases", "gp": "000-5100-00"},
    ]
}


@pytest.fixture
def gp_sandbox(tmp_path: Path) -> Iterator[str]:
    with serve(create_app(tmp_path)) as url:
        yield url


@pytest.fixture
def bookkeeper(gp_sandbox: str) -> Bookkeeper:
    person = Bookkeeper(gp_sandbox)
    person.seed(BUYING_COMPANY)
    return person


@pytest.fixture
def hook(gp_sandbox: str, bookkeeper: Bookkeeper, monkeypatch: pytest.MonkeyPatch) -> GPEConnectHook:
    return hook_on(monkeypatch, gp_sandbox)


def vendor(**header: Any) -> Document:
    return document("vendor", "ACME", {"VENDORID": "ACME", "VENDNAME": "Acme Ltd", "VADDCDPR": "MAIN", **header})


def bill(entity: str = "payables_invoice", number: str = "LBV1", **header: Any) -> Document:
    fields = {
        "VCHNUMWK": number,
        "VENDORID": "ACME",
        "DOCNUMBR": f"INV-{number}",
        "DOCDATE": DAY,
        "BACHNUMB": "LB-BILLS",
        "DOCAMNT": Decimal("106.25"),
        "PRCHAMNT": Decimal(100),
        "TAXAMNT": Decimal("6.25"),
        "CHRGAMNT": Decimal("106.25"),
    }
    tax = {"TAXDTLID": "MA-STATE", "TAXAMNT": Decimal("6.25"), "TDTTXPUR": Decimal(100)}
    return document(entity, number, fields | header, taxes=[tax])


def test_vendors_bill_goes_its_way_to_the_books_and_is_found_again(
    hook: GPEConnectHook, bookkeeper: Bookkeeper
) -> None:
    accepted(hook, "vendor", vendor())
    bills = [bill(), bill("payables_credit_memo", "LBV2")]
    for each, entity in zip(bills, ("payables_invoice", "payables_credit_memo"), strict=True):
        assert found(hook, entity, each) is None
        accepted(hook, entity, each)
        assert found(hook, entity, each) == ()
    bookkeeper.post_all()
    assert found(hook, "payables_invoice", bills[0]) == ()
    posted = {r.payload["VCHRNMBR"]: r.payload["DOCAMNT"] for r in read(hook, "payables_document")}
    assert posted == {"LBV1": "106.25000", "LBV2": "106.25000"}
    assert bookkeeper.balances() == {}, "the credit memo takes back what the bill booked"


def test_bill_with_its_own_distributions_is_booked_once(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "vendor", vendor())
    own = bill()
    own.parts["distributions"] = [
        {"DISTTYPE": 6, "ACTNUMST": "000-6100-00", "DEBITAMT": Decimal("106.25")},
        {"DISTTYPE": 2, "ACTNUMST": "000-2100-00", "CRDTAMNT": Decimal("106.25")},
    ]
    accepted(hook, "payables_invoice", own)
    bookkeeper.post_all()
    assert bookkeeper.balances() == {"000-6100-00": Decimal("106.25"), "000-2100-00": Decimal("-106.25")}


def test_bill_of_an_unknown_vendor_is_refused(hook: GPEConnectHook) -> None:
    (outcome,) = send(hook, "payables_invoice", bill(VENDORID="NOBODY"))
    assert isinstance(outcome.error, RecordRejected)
    assert (outcome.error.code, outcome.error.value) == ("LB-GP-011", "NOBODY")


def test_vendor_sent_again_is_brought_up_to_date(hook: GPEConnectHook) -> None:
    accepted(hook, "vendor", vendor(CITY="Leeds"))
    moved = vendor(CITY="York")
    assert found(hook, "vendor", moved) is None
    accepted(hook, "vendor", moved)
    (record,) = read(hook, "vendor")
    assert (record.payload["VENDNAME"], record.payload["CITY"]) == ("Acme Ltd", "York")


def test_a_site_that_offers_no_table_of_deletions_is_read_without_them(
    hook: GPEConnectHook, bookkeeper: Bookkeeper
) -> None:
    accepted(hook, "vendor", vendor())
    bookkeeper.delete("vendors", "ACME")
    assert read(hook, "vendor") == []


def test_one_that_people_delete_is_read_as_deleted_whatever_the_servers_clock_until_it_is_made_again(
    gp_sandbox: str, bookkeeper: Bookkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = hook_on(monkeypatch, gp_sandbox, doctypes={"Changes": "Changes"})
    accepted(hook, "vendor", vendor())
    bookkeeper.delete("vendors", "ACME")
    clock = hook.clock()
    [record] = read(hook, "vendor", Window(since=clock - timedelta(minutes=10)))
    assert (record.key, record.is_deleted, record.payload["VENDORID"]) == ("gp:HLS:vendor:ACME", True, "ACME")
    assert record.changed_at <= hook.clock()
    assert [each.version for each in read(hook, "vendor", Window(since=clock))] == [record.version]
    accepted(hook, "vendor", vendor())
    assert [each.is_deleted for each in read(hook, "vendor")] == [False]


def test_item_is_created_and_read(hook: GPEConnectHook) -> None:
    header = {"ITEMNMBR": "SHADE-01", "ITEMDESC": "Lamp shade", "ITEMTYPE": 1, "UOMSCHDL": "EACH"}
    (outcome,) = accepted(hook, "item", document("item", "SHADE-01", header))
    assert outcome.target_id == "SHADE-01"
    assert "SHADE-01" in {record.payload["ITEMNMBR"] for record in read(hook, "item")}
