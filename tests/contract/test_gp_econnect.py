"""The eConnect hook against the sandbox's GP: the way of an order to its books, repeated, changed and refused."""

from __future__ import annotations

import json
import logging
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Event, main_thread
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, select

from hooks.gp.books import GPBooks
from hooks.gp.econnect import targets
from hooks.gp.econnect.hook import GPEConnectHook
from ledgerbridge.audit import Actor
from ledgerbridge.delivery import Delivered, Deliverer
from ledgerbridge.entities import Document, Master, Outcome, RawRecord, Source, Target, Window
from ledgerbridge.errors import ConfigurationError, RecordRejected, RecordWaits, TargetConflict, TransientError
from ledgerbridge.flows import Company
from ledgerbridge.reconciliation import KeptRecord
from ledgerbridge.state import transaction
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import Delivery, DeliveryTry, MasterRow
from ledgerbridge.state.reader import DatabaseReader
from operators.leg import FlowOperator
from operators.systems import live_lookup
from sandbox.gp.app import create_app
from tests.contract.served_app import serve

DAY = date(2026, 3, 2)
COMPANY: dict[str, Any] = {
    "base_currency": "USD",
    "name": "Harbor Light Supply",
    "time_zone": "America/New_York",
    "accounts": [
        {"role": "receivables", "gp": "000-1200-00"},
        {"role": "clearing", "gp": "000-1110-00"},
        {"role": "bank", "gp": "000-1100-00"},
        {"role": "tax_payable", "gp": "000-2300-00"},
        {"role": "sales", "gp": "000-4100-00"},
        {"role": "returns", "gp": "000-4110-00"},
        {"role": "shipping_income", "gp": "000-4200-00"},
        {"role": "goodwill", "gp": "000-4120-00"},
        {"role": "fees", "gp": "000-6100-00"},
        {"role": "fx_gain_loss", "gp": "000-7100-00"},
        {"role": "rounding", "gp": "000-7200-00"},
        {"role": "inventory", "gp": "000-1300-00"},
        {"role": "cost_of_goods_sold", "gp": "000-4500-00"},
    ],
    "tax_details": [{"detail": "MA-STATE", "rate": "0.0625"}, {"detail": "MA-COUNTY", "rate": "0.0150"}],
    "items": [
        {"sku": "LAMP-01", "title": "Desk lamp", "cost": "21.40"},
        {"sku": "MUG-12", "title": "Enamel mug", "cost": "2.15"},
    ],
    "currencies": [{"code": "GBP", "rate": "1.25"}],
}


SETTINGS = {
    "name": "Harbor Light Supply",
    "base_currency": "USD",
    "time_zone": "America/New_York",
    "accounts": [],
    "gateways": [],
}


class Bookkeeper:
    """The people of the sandbox's GP."""

    def __init__(self, url: str) -> None:
        self._url = url

    def set_clock(self, now: datetime) -> None:
        requests.put(f"{self._url}/_sandbox/clock", json={"now": now.isoformat()}, timeout=10).raise_for_status()

    def transfer(self, number: str, lines: list[dict[str, Any]] | None = None) -> str:
        order = {"sopnumbe": number, "lines": lines, "date": DAY.isoformat()}
        return str(self._post("transfer", order)["invoice"])

    def post_all(self) -> None:
        answer = self._post("post", {"batch": None})
        assert not answer.get("errors"), answer

    def remove_paid_transactions(self) -> None:
        assert self._post("paid-transaction-removal", {})["moved"]

    def close_period(self, day: date) -> None:
        period = {"year": day.year, "period": day.month, "closed": True}
        requests.put(f"{self._url}/_sandbox/periods", json=period, timeout=10).raise_for_status()

    def balances(self) -> dict[str, Decimal]:
        accounts = requests.get(f"{self._url}/_sandbox/ledger", timeout=10).json()["accounts"]
        return {number: Decimal(amount) for number, amount in accounts.items() if Decimal(amount)}

    def repeat(self, journal_entry: str, day: str) -> None:
        """What a recurring batch does when it is posted again."""
        self._post("repeat", {"journal_entry": journal_entry, "date": day})

    def delete(self, window: str, number: str) -> None:
        """At a maintenance window."""
        requests.delete(f"{self._url}/_sandbox/{window}/{number}", timeout=10).raise_for_status()

    def order_fault(self, kind: str, procedure: str) -> None:
        """What goes wrong with the next call that has this procedure."""
        self._post("faults", {"kind": kind, "contains": procedure})

    def install_procedure(self, procedure: str, **does: Any) -> None:
        """A site's own Pre procedure."""
        body = {"procedure": procedure, **does}
        requests.put(f"{self._url}/_sandbox/procedures", json=body, timeout=10).raise_for_status()

    def seed(self, company: dict[str, Any]) -> None:
        self._post("seed", {"company": company, "company_id": "HLS", "login": "econnect", "password": "wool-store-7"})

    def _post(self, route: str, body: dict[str, Any]) -> dict[str, Any]:
        response = requests.post(f"{self._url}/_sandbox/{route}", json=body, timeout=30)
        assert response.ok, response.text
        answer: dict[str, Any] = response.json()
        return answer


@pytest.fixture
def gp_sandbox(tmp_path: Path) -> Iterator[str]:
    with serve(create_app(tmp_path)) as url:
        yield url


@pytest.fixture
def bookkeeper(gp_sandbox: str) -> Bookkeeper:
    person = Bookkeeper(gp_sandbox)
    person.seed(COMPANY)
    person.set_clock(datetime(2026, 3, 2, 15, 41, tzinfo=UTC))
    return person


@pytest.fixture
def hook(gp_sandbox: str, bookkeeper: Bookkeeper, monkeypatch: pytest.MonkeyPatch) -> GPEConnectHook:
    return hook_on(monkeypatch, gp_sandbox)


def hook_on(
    monkeypatch: pytest.MonkeyPatch, url: str, password: str = "wool-store-7", company: str = "HLS", **extra: Any
) -> GPEConnectHook:
    host, port = url.removeprefix("http://").split(":")
    connection = {
        "conn_type": "gp_econnect",
        "host": host,
        "port": int(port),
        "schema": "http",
        "login": "econnect",
        "password": password,
        "extra": {"company": company, "timeout_seconds": 30, **extra},
    }
    monkeypatch.setenv("AIRFLOW_CONN_GP_TEST", json.dumps(connection))
    return GPEConnectHook("gp_test")


def send(hook: GPEConnectHook, entity: str, *documents: Document) -> list[Outcome]:
    target = hook.entity(entity)
    assert isinstance(target, Target)
    return target.send(documents)


def accepted(hook: GPEConnectHook, entity: str, *documents: Document) -> list[Outcome]:
    outcomes = send(hook, entity, *documents)
    assert [outcome.error for outcome in outcomes] == [None] * len(documents)
    return outcomes


def found(hook: GPEConnectHook, entity: str, document: Document) -> tuple[str, ...] | None:
    """The differences GP's document has, None when there is none."""
    target = hook.entity(entity)
    assert isinstance(target, Target)
    each = target.find([document]).get(document.record_key)
    return each.differences if each else None


def read(hook: GPEConnectHook, entity: str, window: Window | None = None) -> list[RawRecord]:
    source = hook.entity(entity)
    assert isinstance(source, Source)
    return [record for page in source.read(window or Window()) for record in page]


def document(entity: str, number: str, header: dict[str, Any], **parts: list[dict[str, Any]]) -> Document:
    return Document(f"gp:HLS:{entity}:{number}", number, header, parts)


def customer(number: str = "C1", email: str = "ann@example.com") -> Document:
    header = {
        "CUSTNMBR": number,
        "CUSTNAME": "Ann Archer",
        "ADRSCODE": "PRIMARY",
        "ADDRESS1": "12 Harbor Street",
        "CITY": "Salem",
        "STATE": "MA",
        "ZIPCODE": "01970",
        "COUNTRY": "US",
    }
    return document("customer", number, header, internet_addresses=[{"INET1": email}])


def order(number: str, *lines: tuple[int, str, int, str, str], **header: Any) -> Document:
    """An order of lines (LNITMSEQ, item, quantity, net, state tax)."""
    net = sum((Decimal(line[3]) for line in lines), Decimal(0))
    tax = sum((Decimal(line[4]) for line in lines), Decimal(0))
    return document(
        "sales_order",
        number,
        {
            "DOCID": "STDORD",
            "SOPNUMBE": number,
            "DOCDATE": DAY,
            "CUSTNMBR": "C1",
            "BACHNUMB": "LB-ORDERS",
            "CSTPONBR": f"#{number}",
            "SUBTOTAL": net,
            "FREIGHT": Decimal(0),
            "TAXAMNT": tax,
            "DOCAMNT": net + tax,
            **header,
        },
        lines=[
            {
                "LNITMSEQ": position,
                "ITEMNMBR": item,
                "QUANTITY": Decimal(quantity),
                "UNITPRCE": Decimal(price) / quantity,
                "XTNDPRCE": Decimal(price),
                "TAXAMNT": Decimal(line_tax),
            }
            for position, item, quantity, price, line_tax in lines
        ],
        taxes=[
            {"LNITMSEQ": position, "TAXDTLID": "MA-STATE", "SALESAMT": Decimal(price), "STAXAMNT": Decimal(line_tax)}
            for position, _, _, price, line_tax in lines
        ],
    )


LAMP = (16384, "LAMP-01", 1, "49.90", "3.12")
MUGS = (32768, "MUG-12", 2, "19.00", "1.19")


def with_freight() -> Document:
    """An order of a lamp, whose freight is taxed."""
    shipped = order("SHUS1001", LAMP, FREIGHT=Decimal(18), FRTTXAMT=Decimal("1.13"), DOCAMNT=Decimal("72.15"))
    freight_tax = {"LNITMSEQ": 0, "TAXTYPE": 1, "TAXDTLID": "MA-STATE", "FREIGHT": Decimal(18)}
    shipped.parts["taxes"].append({**freight_tax, "FRTTXAMT": Decimal("1.13")})
    return shipped


def receipt(number: str = "LBR1", amount: str = "53.02") -> Document:
    return document(
        "cash_receipt",
        number,
        {
            "CUSTNMBR": "C1",
            "DOCNUMBR": number,
            "DOCDATE": DAY,
            "GLPOSTDT": DAY,
            "ORTRXAMT": Decimal(amount),
            "BACHNUMB": "LB-CASH",
            "CSHRCTYP": 0,
            "CHEKBKID": "STRIPE",
            "CHEKNMBR": number,
            "TRXDSCRN": "ch_1",
        },
    )


def application(invoice: str, credit: str = "LBR1", amount: str = "53.02") -> Document:
    return document(
        "application",
        f"{credit}-{invoice}",
        {
            "APTODCNM": invoice,
            "APFRDCNM": credit,
            "APPTOAMT": Decimal(amount),
            "APFRDCTY": 9,
            "APTODCTY": 1,
            "APPLYDATE": DAY,
            "GLPOSTDT": DAY,
        },
    )


def fee(reference: str = "LBF1") -> Document:
    return document(
        "gl_transaction",
        reference,
        {"BACHNUMB": "LB-FEES", "REFRENCE": reference, "TRXDATE": DAY, "TRXTYPE": 0},
        lines=[
            {"ACTNUMST": "000-6100-00", "DEBITAMT": Decimal("1.84"), "CRDTAMNT": Decimal(0), "SQNCLINE": 16384},
            {"ACTNUMST": "000-1110-00", "DEBITAMT": Decimal(0), "CRDTAMNT": Decimal("1.84"), "SQNCLINE": 32768},
        ],
    )


def test_order_goes_its_way_to_the_books(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "sales_order", order("SHUS1001", LAMP))
    number = bookkeeper.transfer("SHUS1001")
    bookkeeper.post_all()
    (invoice,) = read(hook, "sales_invoice")
    assert invoice.key == f"gp:HLS:sales_invoice:{number}"
    assert {name: invoice.payload[name] for name in ("ORIGNUMB", "CSTPONBR", "DOCAMNT")} == {
        "ORIGNUMB": "SHUS1001",
        "CSTPONBR": "#SHUS1001",
        "DOCAMNT": "53.02000",
    }
    assert [line["ITEMNMBR"] for line in invoice.payload["Line"]] == ["LAMP-01"]
    assert {tax["LNITMSEQ"]: tax["STAXAMNT"] for tax in invoice.payload["Tax"]} == {"0": "3.12000", "16384": "3.12000"}
    accepted(hook, "cash_receipt", receipt())
    bookkeeper.post_all()
    accepted(hook, "application", application(number))
    accepted(hook, "gl_transaction", fee())
    bookkeeper.post_all()
    assert bookkeeper.balances() == {
        "000-1110-00": Decimal("51.18"),
        "000-1300-00": Decimal("-21.40"),
        "000-2300-00": Decimal("-3.12"),
        "000-4100-00": Decimal("-49.90"),
        "000-4500-00": Decimal("21.40"),
        "000-6100-00": Decimal("1.84"),
    }
    (money,) = read(hook, "cash_receipt")
    assert (money.payload["DOCNUMBR"], money.payload["CURTRXAM"]) == ("LBR1", "0.00000")
    fees = [line.payload for line in hook.journal_lines() if line.payload["REFRENCE"] == "LBF1"]
    assert [(line["ACTNUMST"], line["DEBITAMT"], line["CRDTAMNT"]) for line in fees] == [
        ("000-6100-00", "1.84000", "0.00000"),
        ("000-1110-00", "0.00000", "1.84000"),
    ]


def test_every_document_is_found_again_in_work_and_when_posted(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "customer", customer())
    documents = {"sales_order": order("SHUS1001", LAMP), "cash_receipt": receipt(), "gl_transaction": fee()}
    for entity, each in documents.items():
        assert found(hook, entity, each) is None
        accepted(hook, entity, each)
        assert found(hook, entity, each) == ()
    invoice = bookkeeper.transfer("SHUS1001")
    bookkeeper.post_all()
    for entity, each in documents.items():
        assert found(hook, entity, each) == (), entity
    applied = application(invoice)
    assert found(hook, "application", applied) is None
    accepted(hook, "application", applied)
    assert found(hook, "application", applied) == ()
    assert found(hook, "application", application(invoice, amount="53.01")) == (
        "APPTOAMT is 53.02000 in GP, 53.01 was sent",
    )


@pytest.mark.parametrize("entity", ["cash_receipt", "sales_return", "credit_memo"])
def test_document_sent_twice_stands_once_and_is_recognised(hook: GPEConnectHook, entity: str) -> None:
    accepted(hook, "customer", customer())
    each = {"cash_receipt": receipt(), "sales_return": goods_back(), "credit_memo": goodwill()}[entity]
    (first,), (second,) = accepted(hook, entity, each), accepted(hook, entity, each)
    assert (second.target_id, second.content) == (first.target_id, first.content)


def test_number_that_another_document_has_is_a_conflict_that_names_both(hook: GPEConnectHook) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "cash_receipt", receipt())
    (outcome,) = send(hook, "cash_receipt", receipt(amount="53.01"))
    assert isinstance(outcome.error, TargetConflict)
    assert (outcome.error.code, outcome.error.field) == ("LB-GP-015", "ORTRXAMT")
    assert "53.02" in outcome.error.message
    assert "53.01" in outcome.error.message


def test_refused_order_names_the_item_and_keeps_no_other_back(hook: GPEConnectHook) -> None:
    accepted(hook, "customer", customer())
    unknown = (16384, "NO-SUCH-SKU", 1, "10.00", "0.63")
    refused, taken = send(hook, "sales_order", order("SHUS1016", unknown), order("SHUS1017", LAMP))
    assert isinstance(refused.error, RecordRejected)
    assert (refused.error.code, refused.error.field, refused.error.value) == ("LB-GP-011", "ITEMNMBR", "NO-SUCH-SKU")
    assert taken.error is None
    assert found(hook, "sales_order", order("SHUS1016", unknown)) is None


def test_amounts_that_do_not_add_up_are_refused(hook: GPEConnectHook) -> None:
    accepted(hook, "customer", customer())
    (outcome,) = send(hook, "sales_order", order("SHUS1001", LAMP, SUBTOTAL=Decimal("49.91")))
    assert isinstance(outcome.error, RecordRejected)
    assert outcome.error.code == "LB-GP-012"


def test_date_in_a_closed_period_is_named(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "customer", customer())
    bookkeeper.close_period(DAY)
    (outcome,) = send(hook, "cash_receipt", receipt())
    assert isinstance(outcome.error, RecordWaits)
    assert (outcome.error.code, outcome.error.value) == ("LB-GP-029", "2026-03-02")


def test_edited_order_takes_the_new_content(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "sales_order", order("SHUS1001", LAMP, MUGS))
    fewer = order("SHUS1001", (16384, "LAMP-01", 2, "99.80", "6.24"))
    assert found(hook, "sales_order", fewer) is None, "an order that needs an update is no finding"
    (outcome,) = accepted(hook, "sales_order", fewer)
    assert outcome.content["DOCAMNT"] == "106.04000"
    bookkeeper.transfer("SHUS1001")
    bookkeeper.post_all()
    (invoice,) = read(hook, "sales_invoice")
    assert [(line["ITEMNMBR"], line["QUANTITY"]) for line in invoice.payload["Line"]] == [("LAMP-01", "2.00000")]


def test_edited_order_that_loses_its_only_taxed_line_has_no_tax_left(hook: GPEConnectHook) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "sales_order", order("SHUS1001", LAMP, MUGS))
    untaxed = order("SHUS1001", (16384, "MUG-12", 2, "19.00", "0.00"))
    untaxed.parts["taxes"].clear()
    (outcome,) = accepted(hook, "sales_order", untaxed)
    assert outcome.content["DOCAMNT"] == "19.00000"


def test_order_whose_pieces_were_taken_off_in_time_is_accepted_again_when_it_is_transferred(
    hook: GPEConnectHook, bookkeeper: Bookkeeper
) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "sales_order", order("SHUS1001", LAMP, MUGS))
    less = order("SHUS1001", LAMP, TAKENOFF=1)
    accepted(hook, "sales_order", less)
    bookkeeper.transfer("SHUS1001")
    assert found(hook, "sales_order", less) == ()
    accepted(hook, "sales_order", less)


@pytest.mark.parametrize(
    "less", [{"TAKENOFF": 1}, {"TAKENOFF": 1, "VOIDSTTS": 1}, {"VOIDSTTS": 1}], ids=["in part", "whole", "cancelled"]
)
@pytest.mark.parametrize("lines", [None, [{"ITEMNMBR": "MUG-12", "QUANTITY": "1"}]], ids=["transferred", "partly"])
def test_order_whose_pieces_are_taken_off_too_late_waits_as_it_stands(
    hook: GPEConnectHook, bookkeeper: Bookkeeper, lines: list[dict[str, Any]] | None, less: dict[str, int]
) -> None:
    accepted(hook, "customer", customer())
    as_it_stands = order("SHUS1001", LAMP, MUGS)
    accepted(hook, "sales_order", as_it_stands)
    bookkeeper.transfer("SHUS1001", lines)
    late = order("SHUS1001", LAMP, **less)
    assert found(hook, "sales_order", late) is None, "a delivery that was interrupted must wait too"
    (outcome,) = send(hook, "sales_order", late)
    assert isinstance(outcome.error, RecordWaits)
    assert (outcome.error.code, outcome.error.value) == ("LB-GP-030", "SHUS1001")
    accepted(hook, "sales_order", as_it_stands)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"ADDRESS1": "1 New Quay"}, id="address"),
        pytest.param({"DOCDATE": date(2026, 3, 3)}, id="date"),
        pytest.param({"CSTPONBR": "#1001-A"}, id="reference"),
        pytest.param({"CMMTTEXT": "Harbour gate"}, id="comment"),
    ],
)
def test_change_besides_the_amounts_reaches_the_order_too(hook: GPEConnectHook, header: dict[str, Any]) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "sales_order", order("SHUS1001", LAMP, ADDRESS1="12 Harbor Street"))
    changed = order("SHUS1001", LAMP, **{"ADDRESS1": "12 Harbor Street", **header})
    assert found(hook, "sales_order", changed) is None
    (outcome,) = accepted(hook, "sales_order", changed)
    ((name, value),) = header.items()
    (fields,) = outcome.content.get("User_Defined") or [{}]
    assert str({**fields, **outcome.content}[name]).startswith(str(value))
    assert found(hook, "sales_order", changed) == ()


def test_edited_order_can_lose_its_freight_and_the_tax_on_it(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "sales_order", with_freight())
    without = order("SHUS1001", LAMP, FRTTXAMT=Decimal(0))
    accepted(hook, "sales_order", without)
    assert found(hook, "sales_order", without) == ()
    bookkeeper.transfer("SHUS1001")
    bookkeeper.post_all()
    balances = bookkeeper.balances()
    assert (balances["000-1200-00"], balances["000-2300-00"]) == (Decimal("53.02"), Decimal("-3.12"))


def test_tax_on_freight_is_kept_with_its_own_line_and_in_a_sum(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "sales_order", with_freight())
    assert found(hook, "sales_order", with_freight()) == ()
    bookkeeper.transfer("SHUS1001")
    bookkeeper.post_all()
    (invoice,) = (record.payload for record in read(hook, "sales_invoice"))
    taxes = {tax["LNITMSEQ"]: (tax["STAXAMNT"], tax["FRTTXAMT"]) for tax in invoice["Tax"]}
    assert taxes == {
        "0": ("3.12000", "1.13000"),
        "16384": ("3.12000", "0.00000"),
        "2147483646": ("0.00000", "1.13000"),
    }


def test_receipt_moved_to_history_is_read_all_the_same(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "sales_order", order("SHUS1001", LAMP))
    accepted(hook, "cash_receipt", receipt())
    invoice = bookkeeper.transfer("SHUS1001")
    bookkeeper.post_all()
    accepted(hook, "application", application(invoice))
    bookkeeper.remove_paid_transactions()
    assert [record.payload["DOCNUMBR"] for record in read(hook, "cash_receipt")] == ["LBR1"]
    assert found(hook, "cash_receipt", receipt()) == ()
    assert found(hook, "application", application(invoice)) == ()


def test_cancelled_order_is_voided_and_yields_no_invoice(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "sales_order", order("SHUS1001", LAMP))
    accepted(hook, "sales_order", order("SHUS1001", LAMP, VOIDSTTS=1))
    accepted(hook, "sales_order", order("SHUS1001", LAMP, VOIDSTTS=1))
    assert bookkeeper.transfer("SHUS1001") == "None"
    (revived,) = send(hook, "sales_order", order("SHUS1001", LAMP))
    assert isinstance(revived.error, TargetConflict)
    assert "voided" in revived.error.message


def goods_back() -> Document:
    lamp = {
        "LNITMSEQ": 16384,
        "ITEMNMBR": "LAMP-01",
        "QUANTITY": Decimal(1),
        "QTYONHND": Decimal(1),
        "UNITPRCE": Decimal("49.90"),
        "XTNDPRCE": Decimal("49.90"),
        "TAXAMNT": Decimal("3.12"),
    }
    tax = {
        "LNITMSEQ": 16384,
        "TAXDTLID": "MA-STATE",
        "SALESAMT": Decimal("49.90"),
        "STAXAMNT": Decimal("3.12"),
    }
    header = {
        "DOCID": "STDRTN",
        "SOPNUMBE": "LBC1",
        "DOCDATE": DAY,
        "CUSTNMBR": "C1",
        "BACHNUMB": "LB-RETURNS",
        "SUBTOTAL": Decimal("49.90"),
        "TAXAMNT": Decimal("3.12"),
        "DOCAMNT": Decimal("53.02"),
    }
    return document("sales_return", "LBC1", header, lines=[lamp], taxes=[tax])


def memo(entity: str, number: str, debit: str, credit: str, kinds: tuple[int, int]) -> Document:
    header = {
        "DOCNUMBR": number,
        "DOCDATE": DAY,
        "CUSTNMBR": "C1",
        "BACHNUMB": "LB-MEMOS",
        "DOCAMNT": Decimal("53.02"),
        "SLSAMNT": Decimal("53.02"),
    }
    return document(
        entity,
        number,
        header,
        distributions=[
            {"DISTTYPE": kinds[0], "ACTNUMST": debit, "DEBITAMT": Decimal("53.02")},
            {"DISTTYPE": kinds[1], "ACTNUMST": credit, "CRDTAMNT": Decimal("53.02")},
        ],
    )


def goodwill() -> Document:
    return memo("credit_memo", "LBG1", "000-4120-00", "000-1200-00", (19, 3))


def test_goods_and_their_money_go_back(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "sales_return", goods_back())
    money_back = memo("debit_memo", "LBD1", "000-1200-00", "000-1110-00", (3, 18))
    accepted(hook, "debit_memo", money_back)
    bookkeeper.post_all()
    (back,) = read(hook, "sales_return")
    assert back.payload["SOPNUMBE"] == "LBC1"
    settled = application("LBD1", credit="LBC1")
    settled.header.update(APFRDCTY=8, APTODCTY=3)
    accepted(hook, "application", settled)
    open_amounts = {r.payload["DOCNUMBR"]: r.payload["CURTRXAM"] for r in read(hook, "receivables_document")}
    assert open_amounts == {"LBC1": "0.00000", "LBD1": "0.00000"}
    balances = bookkeeper.balances()
    assert (balances["000-4110-00"], balances["000-1110-00"]) == (Decimal("49.90"), Decimal("-53.02"))
    assert "000-1200-00" not in balances


def test_posted_receipt_that_was_never_applied_is_voided_once(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "cash_receipt", receipt())
    header = {"RMDTYPAL": 9, "DOCNUMBR": "LBR1", "VOIDDATE": DAY, "GLPOSTDT": DAY}
    void = document("receivables_void", "LBR1", header)
    (unposted,) = send(hook, "receivables_void", void)
    assert isinstance(unposted.error, RecordRejected)
    bookkeeper.post_all()
    assert bookkeeper.balances() != {}
    assert found(hook, "receivables_void", void) is None
    accepted(hook, "receivables_void", void)
    assert bookkeeper.balances() == {}
    assert found(hook, "receivables_void", void) == ()
    (again,) = send(hook, "receivables_void", void)
    assert isinstance(again.error, RecordRejected)
    assert bookkeeper.balances() == {}


def test_a_memo_in_work_has_its_total_under_another_name_than_a_posted_one(
    hook: GPEConnectHook, bookkeeper: Bookkeeper
) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "credit_memo", goodwill())
    assert found(hook, "credit_memo", goodwill()) == ()
    other = goodwill()
    other.header["DOCAMNT"] = Decimal("54.02")
    assert found(hook, "credit_memo", other) == ("ORTRXAMT is 53.02000 in GP, 54.02 was sent",)
    bookkeeper.post_all()
    assert found(hook, "credit_memo", goodwill()) == ()


def test_goodwill_is_booked_once_though_gp_would_add_distributions(
    hook: GPEConnectHook, bookkeeper: Bookkeeper
) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "credit_memo", goodwill())
    bookkeeper.post_all()
    assert bookkeeper.balances() == {"000-4120-00": Decimal("53.02"), "000-1200-00": Decimal("-53.02")}


def test_document_of_another_currency_keeps_both_amounts(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "customer", customer())
    foreign = {"CURNCYID": "GBP", "XCHGRATE": Decimal("1.25")}
    accepted(hook, "sales_order", order("SHUK1", LAMP, **foreign))
    invoice = bookkeeper.transfer("SHUK1")
    bookkeeper.post_all()
    (record,) = read(hook, "sales_invoice")
    assert (record.payload["CURNCYID"], Decimal(record.payload["XCHGRATE"])) == ("GBP", Decimal("1.25"))
    assert (record.payload["ORDOCAMT"], record.payload["DOCAMNT"]) == ("53.02000", "66.28000")
    money = receipt()
    money.header.update(CURNCYID="GBP", XCHGRATE=Decimal("1.28"))
    accepted(hook, "cash_receipt", money)
    bookkeeper.post_all()
    accepted(hook, "application", application(invoice))


def delivered(engine: Engine, hook: GPEConnectHook, *documents: Document) -> list[Delivered]:
    """What becomes of customers that a leg with the policy ``adopt`` delivers."""
    actor = Actor("order_to_cash", "customer", "run-1", "customer.load")
    deliverer = Deliverer(engine, actor, "gp.customer", hook.entity("customer"), kind="customer")
    return deliverer.deliver(documents, {})


def test_a_task_that_is_stopped_begins_no_more_calls_and_frees_what_it_had_taken(
    hook: GPEConnectHook, state_db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody clears it in Airflow, which sends SIGTERM, and SIGKILL five seconds later."""
    task, called, write = FlowOperator(task_id="customer.load", flow="order_to_cash"), Event(), targets._outcome

    def outcome(*arguments: Any) -> Outcome:
        if not called.is_set():
            called.set()
            signal.pthread_kill(main_thread().ident or 0, signal.SIGALRM)
        return write(*arguments)

    monkeypatch.setattr(targets, "_outcome", outcome)
    before = signal.signal(signal.SIGALRM, lambda *_: task.on_kill())
    try:
        with pytest.raises(SystemExit):
            delivered(state_db, hook, *[customer(f"C{number}") for number in range(100)])
    finally:
        signal.signal(signal.SIGALRM, before)
    with transaction(state_db) as session:
        states = Counter(session.scalars(select(Delivery.state)))
        lease_until, now = session.scalars(select(DeliveryTry.lease_until)).one(), database_now(session)
    assert states["not_sent"] > 80
    assert set(states) <= {"not_sent", "sending"}, "what was called may be in GP, and is looked up"
    assert lease_until <= now


def test_a_foreign_credit_comes_with_the_rate_and_amounts_kept_apart_from_it(
    hook: GPEConnectHook, bookkeeper: Bookkeeper
) -> None:
    accepted(hook, "customer", customer())
    for number, currency in (("LBR1", None), ("LBR2", "GBP")):
        paid = receipt(number, amount="100.00")
        paid.header["CURNCYID"] = currency
        paid.header["XCHGRATE"] = Decimal("1.30") if currency else None
        accepted(hook, "cash_receipt", paid)
    bookkeeper.post_all()
    (credit,) = (record.payload for record in read(hook, "applied_credit"))
    columns = ("DOCNUMBR", "ORTRXAMT", "XCHGRATE", "ORORGTRX", "ORCTRXAM")
    assert [credit[column] for column in columns] == ["LBR2", "130.00000", "1.3000000", "100.00000", "100.00000"]
    assert credit["Applications"] == []


def test_the_lines_of_an_entry_in_work_are_compared_though_its_header_comes_without(hook: GPEConnectHook) -> None:
    accepted(hook, "gl_transaction", fee())
    assert found(hook, "gl_transaction", fee()) == ()
    dearer = fee()
    for line in dearer.parts["lines"]:
        line.update({column: value * 2 for column, value in line.items() if column in ("DEBITAMT", "CRDTAMNT")})
    assert found(hook, "gl_transaction", dearer) == ("DEBITAMT in sum is 1.84000 in GP, 3.68 was sent",)


def test_customer_is_one_person_under_any_number(hook: GPEConnectHook, state_db: Engine) -> None:
    people = [customer("C1"), customer("C2", "Ann@Example.com"), customer("C3", "ben@example.com")]
    assert [each.error for each in delivered(state_db, hook, *people)] == [None] * 3
    assert [each.error for each in delivered(state_db, hook, customer("C4"))] == [None]
    assert [record.payload["CUSTNMBR"] for record in read(hook, "customer")] == ["C1", "C3"]
    known = DatabaseReader(state_db).cross_references("gp.customer", "target_id", ["C1", "C3"])
    assert (known["C1"]["record_key"], known["C3"]["record_key"]) == ("gp:HLS:customer:C4", "gp:HLS:customer:C3")


def test_customers_with_one_e_mail_are_named_and_none_is_adopted(hook: GPEConnectHook, state_db: Engine) -> None:
    accepted(hook, "customer", customer("ANN01"), customer("ANN02"))
    [result] = delivered(state_db, hook, customer("LB1"))
    assert isinstance(result.error, TargetConflict)
    assert (result.error.code, result.error.field, result.error.value) == ("LB-LNK-002", "CUSTNMBR", "LB1")
    assert "gp holds 2 by the same INET1: ANN01, ANN02; one active one is expected" in result.error.message
    assert len(read(hook, "customer")) == 2


def test_an_inactive_customer_is_not_adopted_and_stands_aside_for_an_active_one(
    hook: GPEConnectHook, state_db: Engine
) -> None:
    inactive = customer("ANN01")
    inactive.header["INACTIVE"] = 1
    accepted(hook, "customer", inactive)
    [alone] = delivered(state_db, hook, customer("LB1"))
    assert isinstance(alone.error, TargetConflict)
    assert "ANN01 (inactive)" in alone.error.message
    accepted(hook, "customer", customer("ANN02"))
    [both] = delivered(state_db, hook, customer("LB1"))
    assert both.error is None
    found = DatabaseReader(state_db).cross_references("gp.customer", "record_key", ["gp:HLS:customer:LB1"])
    assert found["gp:HLS:customer:LB1"]["target_id"] == "ANN02"


def test_customer_that_was_adopted_is_left_as_it_is(hook: GPEConnectHook, state_db: Engine) -> None:
    accepted(hook, "customer", customer("ANN01"))
    moved = customer("LB1")
    for city in ("Boston", "Chicago"):
        moved.header["CITY"] = city
        [result] = delivered(state_db, hook, moved)
        assert result.outcome == "delivered"
    (record,) = read(hook, "customer")
    assert (record.payload["CUSTNMBR"], record.payload["CITY"]) == ("ANN01", "Salem")


@pytest.mark.parametrize(
    ("field", "column", "value"), [("CITY", "CITY", "Café Zürich"), ("ZIPCODE", "ZIP", "02210")], ids=["city", "zip"]
)
def test_customer_sent_again_is_brought_up_to_date(hook: GPEConnectHook, field: str, column: str, value: str) -> None:
    accepted(hook, "customer", customer())
    moved = customer()
    moved.header[field] = value
    assert found(hook, "customer", moved) is None, "an interrupted update is not taken for done"
    accepted(hook, "customer", moved)
    (record,) = read(hook, "customer")
    assert (record.payload[column], record.payload["STATE"]) == (value, "MA")


def test_a_field_that_became_empty_is_cleared(hook: GPEConnectHook) -> None:
    accepted(hook, "customer", customer())
    without = customer()
    without.header["STATE"] = ""
    assert found(hook, "customer", without) is None, "GP still has the old value"
    accepted(hook, "customer", without)
    assert [record.payload["STATE"] for record in read(hook, "customer")] == [""]
    assert found(hook, "customer", without) == ()


def test_window_gives_what_changed_in_it_and_again_the_same(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "customer", customer())
    orders = [order("SHUS1", LAMP), order("SHUS2", LAMP), order("SHUS3", LAMP)]
    accepted(hook, "sales_order", *orders)
    moments = [datetime(2026, 3, 2 + day, 12, tzinfo=UTC) for day in (1, 2, 3)]
    for moment, each in zip(moments, orders, strict=True):
        bookkeeper.set_clock(moment)
        bookkeeper.transfer(str(each.header["SOPNUMBE"]))
        bookkeeper.post_all()
    one_minute = timedelta(minutes=1)
    window = Window(moments[1] - one_minute, moments[1] + one_minute)
    middle = read(hook, "sales_invoice", window)
    assert [record.payload["ORIGNUMB"] for record in middle] == ["SHUS2"]
    assert [(record.key, record.version) for record in read(hook, "sales_invoice", window)] == [
        (record.key, record.version) for record in middle
    ]
    assert middle[0].changed_at.date() == moments[1].date()
    exact = Window(middle[0].changed_at, middle[0].changed_at)
    assert [record.key for record in read(hook, "sales_invoice", exact)] == [middle[0].key]


def test_a_recurring_entry_is_told_apart_from_itself(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "gl_transaction", fee())
    bookkeeper.post_all()
    number = read(hook, "journal")[0].payload["JRNENTRY"]
    for day in ("2026-04-02", "2027-04-02"):
        bookkeeper.repeat(number, day)
    lines = read(hook, "journal")
    assert [line.key.rpartition(":")[2] for line in lines] == [
        f"{number}-16384",
        f"{number}-32768",
        f"{number}-16384-1-2026",
        f"{number}-32768-1-2026",
        f"{number}-16384-2-2027",
        f"{number}-32768-2-2027",
    ]
    journal, *_ = GPBooks(hook).sources()
    kept = [KeptRecord(journal.book, line.key, line.changed_at, journal.keep(line.payload)) for line in lines]
    booked = [each.booked_on.isoformat() for _, each in GPBooks(hook).derive(kept).booked]
    assert booked == ["2026-03-02", "2026-04-02", "2027-04-02"]


def test_more_lines_than_a_page_holds_are_read_once_each(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    entries = [fee(f"LBF{number}") for number in range(8)]
    for entry in entries:
        debit, credit = entry.parts["lines"]
        debits = [{**debit, "DEBITAMT": Decimal("0.01"), "SQNCLINE": 16384 * number} for number in range(1, 141)]
        entry.parts["lines"] = [*debits, {**credit, "CRDTAMNT": Decimal("1.40"), "SQNCLINE": 16384 * 141}]
    accepted(hook, "gl_transaction", *entries)
    bookkeeper.post_all()
    keys = [line.key for line in hook.journal_lines()]
    assert len(keys) == len(set(keys)) == 8 * 141
    assert [found(hook, "gl_transaction", entry) for entry in entries] == [()] * 8


@pytest.mark.parametrize(
    ("entity", "key", "column", "value"),
    [
        ("item", "lamp-01", "ITEMDESC", "Desk lamp"),
        ("tax_detail", "MA-STATE", "TXDTLPCT", "6.25000"),
        ("account", "000-1200-00", "ACTDESCR", "Receivables"),
        ("account_index", "1", "ACTNUMST", "000-1200-00"),
    ],
)
def test_master_data_is_looked_up_and_what_is_missing_left_out(
    hook: GPEConnectHook, entity: str, key: str, column: str, value: str
) -> None:
    master = hook.entity(entity)
    assert isinstance(master, Master)
    result = master.lookup([key, "987654"])
    assert list(result) == [key]
    assert result[key][column] == value


def test_clock_is_the_business_clock_of_the_server(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    bookkeeper.set_clock(datetime(2026, 3, 9, 8, 30, tzinfo=UTC))
    assert abs(hook.clock() - datetime(2026, 3, 9, 8, 30, tzinfo=UTC)) < timedelta(minutes=1)


def test_connection_test_tells_what_is_wrong(
    hook: GPEConnectHook, gp_sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hook.test_connection() == (True, "eConnect answers and opens the company")
    well, message = hook_on(monkeypatch, gp_sandbox, password="wrong").test_connection()
    assert (well, message.split()[0]) == (False, "LB-GP-001")
    well, message = hook_on(monkeypatch, gp_sandbox, company="XXX").test_connection()
    assert (well, message.split()[0]) == (False, "LB-GP-002")


def test_unknown_company_stops_the_batch(
    bookkeeper: Bookkeeper, gp_sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = hook_on(monkeypatch, gp_sandbox, company="XXX")
    with pytest.raises(ConfigurationError, match="XXX"):
        send(hook, "cash_receipt", receipt())


ORDER_FAULTS = [
    pytest.param("lost_after_commit", "LB-GP-005", True, True, id="answer-lost-after-the-commit"),
    pytest.param("lost_before_commit", "LB-GP-005", True, False, id="answer-lost-before-the-commit"),
    pytest.param("malformed", "LB-GP-016", True, None, id="answer-malformed"),
    pytest.param("status", "LB-GP-006", True, False, id="service-unavailable"),
    pytest.param("concurrent", "LB-GP-006", False, False, id="deadlock"),
    pytest.param("sql_timeout", "LB-GP-006", True, False, id="sql-time-out"),
]


@pytest.mark.parametrize(("kind", "code", "unknown", "written"), ORDER_FAULTS)
def test_receipt_whose_answer_failed_is_there_once_after_look_up_and_retry(
    hook: GPEConnectHook, bookkeeper: Bookkeeper, kind: str, code: str, unknown: bool, written: bool | None
) -> None:
    accepted(hook, "customer", customer())
    bookkeeper.order_fault(kind, "taRMCashReceiptInsert")
    (outcome,) = send(hook, "cash_receipt", receipt())
    assert isinstance(outcome.error, TransientError)
    assert (outcome.error.code, outcome.error.outcome_unknown) == (code, unknown)
    differences = found(hook, "cash_receipt", receipt())
    if written is not None:
        assert (differences == ()) is written
    if differences is None:
        accepted(hook, "cash_receipt", receipt())
    bookkeeper.post_all()
    assert [record.payload["ORTRXAMT"] for record in read(hook, "cash_receipt")] == ["53.02000"]


def test_application_whose_answer_was_lost_is_applied_once(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "customer", customer())
    accepted(hook, "sales_order", order("SHUS1001", LAMP))
    accepted(hook, "cash_receipt", receipt())
    invoice = bookkeeper.transfer("SHUS1001")
    bookkeeper.post_all()
    part = application(invoice, amount="20.00")
    bookkeeper.order_fault("lost_after_commit", "taRMApply")
    (outcome,) = send(hook, "application", part)
    assert isinstance(outcome.error, TransientError)
    assert found(hook, "application", part) == ()
    (money,) = read(hook, "cash_receipt")
    assert money.payload["CURTRXAM"] == "33.02000"


def test_procedure_of_the_site_that_changes_the_amount_makes_a_conflict(
    hook: GPEConnectHook, bookkeeper: Bookkeeper
) -> None:
    accepted(hook, "customer", customer())
    bookkeeper.install_procedure("taRMCashReceiptInsert", set={"ORTRXAMT": "50.00"})
    (outcome,) = send(hook, "cash_receipt", receipt())
    assert isinstance(outcome.error, TargetConflict)
    assert "ORTRXAMT is 50.00000 in GP, 53.02 was sent" in outcome.error.message
    assert outcome.number == "LBR1"


def test_error_code_of_the_site_reaches_the_dead_letter(hook: GPEConnectHook, bookkeeper: Bookkeeper) -> None:
    accepted(hook, "customer", customer())
    error = {"number": 50123, "text": "Web orders need a salesperson"}
    bookkeeper.install_procedure("taSopHdrIvcInsert", error=error)
    (outcome,) = send(hook, "sales_order", order("SHUS1001", LAMP))
    assert isinstance(outcome.error, RecordRejected)
    assert outcome.error.code == "LB-GP-014"
    assert "50123 taSopHdrIvcInsert: Web orders need a salesperson" in outcome.error.message


@pytest.mark.parametrize("form", ["unnamed", "unsigned", "free text"])
def test_a_refusal_in_the_words_of_a_site_is_the_records_and_no_trouble_of_the_service(
    hook: GPEConnectHook, bookkeeper: Bookkeeper, form: str
) -> None:
    accepted(hook, "customer", customer())
    error = {"number": 50123, "text": "Web orders need a salesperson", "form": form}
    bookkeeper.install_procedure("taSopHdrIvcInsert", error=error)
    outcomes = send(hook, "sales_order", order("SHUS1001", LAMP), order("SHUS1002", LAMP))
    assert [type(outcome.error) for outcome in outcomes] == [RecordRejected, RecordRejected]
    assert all("Web orders need a salesperson" in str(outcome.error) for outcome in outcomes)


def test_a_doctype_the_reader_refuses_is_named_to_who_sets_it_up(
    hook: GPEConnectHook, gp_sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = hook_on(monkeypatch, gp_sandbox, doctypes={"Cash_Receipt": "Money_In"})
    with pytest.raises(ConfigurationError, match="Money_In") as refused:
        found(other, "cash_receipt", receipt())
    assert refused.value.code == "LB-GP-017"


def test_nothing_of_a_record_or_a_login_is_logged_at_any_level(
    hook: GPEConnectHook, bookkeeper: Bookkeeper, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    accepted(hook, "customer", customer(email="planted@example.com"))
    bookkeeper.order_fault("lost_before_commit", "taSopHdrIvcInsert")
    send(hook, "sales_order", order("SHUS1001", LAMP, ADDRESS1="Planted Street"))
    planted = ("wool-store-7", "Ann Archer", "planted@example.com", "Planted Street")
    ours = [record for record in caplog.records if not record.name.startswith(("sandbox", "uvicorn"))]
    assert ours, "nothing was logged at all, so nothing is proved"
    text = "\n".join(record.getMessage() for record in ours)
    assert [word for word in planted if word in text] == []
    assert "wool-store-7" not in repr(hook.get_conn())


def test_a_live_lookup_takes_a_kept_answer_that_is_young_enough_and_asks_again_for_what_was_not_there(
    hook: GPEConnectHook, state_db: Engine
) -> None:
    def described(title: str, number: str = "LAMP-01") -> Document:
        return document("item", number, {"ITEMNMBR": number, "ITEMDESC": title})

    def look_up(max_age_minutes: int | None) -> dict[str, str]:
        company = Company.model_validate({**SETTINGS, "connections": {"gp": "gp_test"}})
        rows = live_lookup(company, state_db, nullcontext)("gp.item", ["LAMP-01", "NEW-1"], max_age_minutes)
        return {key: row["ITEMDESC"] for key, row in rows.items()}

    assert look_up(60) == {"LAMP-01": "Desk lamp"}
    accepted(hook, "item", described("Desk lamp, brass"), described("New", "NEW-1"))
    assert look_up(60) == {"LAMP-01": "Desk lamp", "NEW-1": "New"}
    assert look_up(None) == {"LAMP-01": "Desk lamp, brass", "NEW-1": "New"}
    with transaction(state_db) as session:
        for row in session.scalars(select(MasterRow)):
            row.read_at -= timedelta(minutes=61)
    assert look_up(60) == {"LAMP-01": "Desk lamp, brass", "NEW-1": "New"}


def test_fields_of_a_site_go_with_an_order_change_with_it_and_come_back_on_its_invoice(
    hook: GPEConnectHook, bookkeeper: Bookkeeper
) -> None:
    def of_project(project: str) -> Document:
        plain = order("SO-9", (16384, "LAMP-01", 1, "40.00", "2.50"))
        return replace(plain, parts={**plain.parts, "user_defined": [{"USERDEF1": project, "USRTAB01": "Web"}]})

    accepted(hook, "customer", customer())
    accepted(hook, "sales_order", of_project("Project A"))
    assert found(hook, "sales_order", of_project("Project A")) == ()
    assert found(hook, "sales_order", of_project("Project B")) is None
    accepted(hook, "sales_order", of_project("Project B"))
    bookkeeper.transfer("SO-9")
    bookkeeper.post_all()
    ((fields),) = read(hook, "sales_invoice")[0].payload["User_Defined"]
    assert (fields["USERDEF1"], fields["USRTAB01"]) == ("Project B", "Web")
