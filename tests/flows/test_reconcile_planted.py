"""One difference planted in the running ledgers at a time, as a person would make it: it is found, and nothing else."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from airflow.sdk import ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException
from sqlalchemy import select

from demo.stack import Stack
from ledgerbridge.entities import Document
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AlertRow, AuditEntry, SignOff
from ledgerbridge.state.reconciliations import kept_result
from operators import settings
from operators.close import CloseReportOperator, CompareForCloseOperator, SignOffOperator
from operators.reconcile import ReconcileOperator, page_url
from operators.systems import hooks_of
from sandbox.orders import harbor_light_supply
from sandbox.player import Player
from tests.flows.in_process import Office, open_office
from tests.flows.planted_company import (
    ALSO_ON_ACCOUNT,
    FOREIGN_ON_ACCOUNT,
    INVENTORY_CLEARING,
    NOT_PAID_OUT,
    ON_ACCOUNT,
    PAID,
    RETURNED,
    SPARE,
    charge,
    planted_file,
)
from tests.flows.planted_in_areas import AREAS

SALES, CLEARING, FEES, SHIPPING = "000-4100-00", "000-1110-00", "000-6100-00", "210"
EXPLAINED = [("fee not posted", "clearing", "3.42"), ("money without document", "clearing", "107.75")]
Found = list[tuple[str, ...]]


@dataclass
class Desk:
    """A person with rights in all systems of a played company."""

    office: Office
    stack: Stack

    @property
    def gp(self) -> Any:
        (hook,) = hooks_of("gp", settings.company()).values()
        return hook

    @property
    def xero(self) -> Any:
        (hook,) = hooks_of("xero", settings.company()).values()
        return hook

    def run(self) -> None:
        """One pass of the flow."""
        self.office.runs.append(f"run-{len(self.office.runs) + 1}")
        self.office.flow.run(self.office.runs[-1], reconcile=False)

    def verdict(self, **params: Any) -> dict[str, Any]:
        """What the reconciliation says, whether it fails or not."""
        flow = self.office.flow
        task = ReconcileOperator(task_id="reconcile", flow=flow.name, config=flow.flow, stage="reconcile")
        with suppress(LedgerbridgeError):
            assert task.execute({"run_id": "audit", "params": params})  # type: ignore[typeddict-item]
        with transaction(self.office.state) as session:
            verdict = kept_result(session, settings.company().key, flow.name, "audit")
        assert verdict is not None
        return verdict

    def late(self) -> Found | None:
        """Type, ledger, number and value of what changed since the last signature; None: nobody signed."""
        with transaction(self.office.state) as session:
            row = session.scalars(select(SignOff).where(SignOff.state == "signed")).one_or_none()
            names = ("type", "ledger", "number", "value")
            return None if row is None else [tuple(each[name] for name in names) for each in row.changes]

    def ask(self, system: str, method: str, path: str, body: Any = None) -> Any:
        """At a system's own windows."""
        answer = httpx.request(method, f"{self.stack.addresses.of(system)}/_sandbox/{path}", json=body, timeout=60)
        assert answer.is_success, answer.text
        return answer.json()

    def in_xero(self, method: str, path: str, element: dict[str, Any]) -> dict[str, Any]:
        """Written in Xero by hand."""
        collection = path.partition("/")[0]
        saved: dict[str, Any] = self.xero.write(method, collection, {collection: [element]}, unitdp=4)
        return saved

    def invoice(self, order: str) -> dict[str, Any]:
        """An order's invoice as Xero holds it."""
        return self.xero_document("Invoices", f'Reference=="{order}"')

    def xero_document(self, collection: str, where: str) -> dict[str, Any]:
        (page,) = self.xero.pages(collection, {"where": where, "unitdp": 4})
        (found,) = page
        return dict(found)

    def change_invoice(self, order: str, **changes: Any) -> None:
        """Change an invoice in Xero that nothing is paid on; ``line`` changes its line."""
        invoice = self.invoice(order)
        element = {"InvoiceID": invoice["InvoiceID"]}
        if line := changes.pop("line", None):
            kept = {
                k: v for k, v in invoice["LineItems"][0].items() if k not in ("LineItemID", "ItemCode", "AccountID")
            }
            element["LineItems"] = [kept | each for each in ([line] if isinstance(line, dict) else line)]
        self.in_xero("POST", "Invoices", element | changes)

    def journal(self, reference: str, lines: dict[str, str], *, post: bool = True) -> None:
        """An entry in GP's general ledger."""
        header = {"BACHNUMB": "BY HAND", "REFRENCE": reference, "TRXDATE": date(2026, 3, 20), "TRXTYPE": 0}
        rows = [
            {
                "ACTNUMST": account,
                "DEBITAMT": max(Decimal(amount), Decimal(0)),
                "CRDTAMNT": max(-Decimal(amount), Decimal(0)),
            }
            for account, amount in lines.items()
        ]
        (outcome,) = self.gp.entity("gl_transaction").send([Document("by hand", "by-hand", header, {"lines": rows})])
        assert outcome.error is None
        if post:
            assert self.office.player.post("BY HAND") == 1

    def pay_by_hand(self, order: str, account: str = "615") -> dict[str, Any]:
        """A payment that a person enters in Xero, on the clearing account."""
        payment = {
            "Invoice": {"InvoiceID": self.invoice(order)["InvoiceID"]},
            "Account": {"Code": account},
            "Date": "2026-03-20",
            "Amount": Decimal("107.75"),
            "Reference": "by hand",
        }
        return self.in_xero("PUT", "Payments", payment)

    def customer_pays(self, order: str, identity: str, amount: str = "107.75") -> None:
        """The gateway charges a customer for an order."""
        event = {"id": identity, "at": "2026-03-21T12:00:00Z", "amount": amount, "fee": "0.00"}
        self.office.player.set_clock(_instant(event["at"]))
        placed = next(case["order"] for case in self.office.file["cases"] if case["order"]["name"] == order)
        self.ask("stripe", "POST", "charges", {"event": event, "order": placed})

    def tax_type(self, components: str) -> str:
        """Xero's tax type of just these details."""
        return str(self.xero.entity("tax_rate").lookup([components])[components]["TaxType"])

    def instant(self, text: str) -> datetime:
        """A time as files write it."""
        return _instant(text)

    def in_gp_tables(self, statement: str, *values: Any) -> None:
        """What somebody does to GP's tables with SQL."""
        (file,) = (self.stack.folder / "sandbox").rglob(f"{self.gp.site().company}.sqlite")
        with sqlite3.connect(file, timeout=60) as tables:
            assert tables.execute(statement, values).rowcount

    def receipt_in_batch(self) -> str:
        """The number of the only receipt that lies in a batch."""
        (page,) = self.gp.site().reader.pages("Cash_Receipt", "", key=("DOCNUMBR",))
        (receipt,) = page
        return str(receipt["DOCNUMBR"])


_instant = datetime.fromisoformat


@pytest.fixture(scope="module")
def company() -> dict[str, Any]:
    """With an account on which goods wait for their bill."""
    found = harbor_light_supply()
    return {**found, "accounts": [*found["accounts"], INVENTORY_CLEARING]}


@pytest.fixture(scope="module")
def played(
    stack: Stack, sandboxes: Player, company: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """The company after the whole file, played once for all tests of this module."""
    with open_office(planted_file(company), stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play()
        yield Desk(office, stack)


@pytest.fixture(scope="module")
def kept(played: Desk, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """Copies of all databases of the played company."""
    folder = tmp_path_factory.mktemp("kept")
    databases = [*(played.stack.folder / "sandbox").rglob("*.sqlite"), Path(played.office.state.url.database or "")]
    copies = {database: folder / f"{position}.db" for position, database in enumerate(databases)}
    for database, copy in copies.items():
        _copy(database, copy)
    return copies


@pytest.fixture
def desk(played: Desk, kept: dict[Path, Path]) -> Iterator[Desk]:
    """The played company; what a test does to it is undone."""
    runs = list(played.office.runs)
    yield played
    played.office.runs[:] = runs
    for database, copy in kept.items():
        _copy(copy, database)


def _copy(source: Path, target: Path) -> None:
    """One database over another, also while others have it open."""
    with sqlite3.connect(source) as taken, sqlite3.connect(target, timeout=60) as written:
        taken.backup(written)


def found(verdict: dict[str, Any], *, explained: bool = False) -> Found:
    """Type, role and value of the differences that are (not) explained."""
    differences = (each for each in verdict["differences"] if each["explained"] is explained)
    return sorted((each["type"], each["role"], each["value"]) for each in differences)


def test_an_untouched_company_has_no_difference(desk: Desk) -> None:
    for params in ({}, {"close": True}):
        verdict = desk.verdict(**params)
        assert found(verdict) == []
        assert found(verdict, explained=True) == EXPLAINED
    assert verdict["figures"] == {"stripe balance": "104.33", "customer money not invoiced": "107.75"}


def _void_invoice(desk: Desk) -> None:
    desk.change_invoice(ON_ACCOUNT, Status="VOIDED")


def _invoice_by_hand(desk: Desk) -> None:
    contact = desk.invoice(ON_ACCOUNT)["Contact"]["ContactID"]
    line = {"Description": "By hand", "Quantity": 1, "UnitAmount": 50, "AccountCode": "200", "TaxType": "NONE"}
    desk.in_xero("PUT", "Invoices", {
        "Type": "ACCREC", "Contact": {"ContactID": contact}, "Status": "AUTHORISED", "Date": "2026-03-20",
        "DueDate": "2026-03-20", "LineItems": [line],
    })  # fmt: skip


def _delete_payment(desk: Desk) -> None:
    payment = desk.xero_document("Payments", f'Reference.StartsWith("{charge(PAID)} ")')
    desk.in_xero("POST", "Payments", {"PaymentID": payment["PaymentID"], "Status": "DELETED"})


def _fees_in_xero(desk: Desk) -> dict[str, Any]:
    return desk.xero_document("BankTransactions", 'Type=="SPEND"')


def _delete_fees(desk: Desk) -> None:
    identity = _fees_in_xero(desk)["BankTransactionID"]
    desk.in_xero("POST", "BankTransactions", {"BankTransactionID": identity, "Status": "DELETED"})


def _enter_fees_again(desk: Desk) -> None:
    fees = _fees_in_xero(desk)
    line = {"Description": "Fees", "Quantity": 1, "UnitAmount": "18.14", "AccountCode": "404", "TaxType": "NONE"}
    desk.in_xero("PUT", "BankTransactions", {
        "Type": "SPEND", "Contact": {"ContactID": fees["Contact"]["ContactID"]}, "Date": fees["Date"],
        "BankAccount": {"Code": "615"}, "Reference": fees["Reference"], "LineItems": [line], "LineAmountTypes": "NoTax",
    })  # fmt: skip


def _manual_journal(desk: Desk) -> None:
    lines = [{"LineAmount": 12, "AccountCode": "404"}, {"LineAmount": -12, "AccountCode": "200"}]
    journal = {"Narration": "By hand", "Status": "POSTED", "Date": "2026-03-20", "JournalLines": lines}
    desk.in_xero("PUT", "ManualJournals", journal)


def _bill_on_fees(desk: Desk) -> None:
    contact = desk.invoice(ON_ACCOUNT)["Contact"]["ContactID"]
    line = {"Description": "By hand", "Quantity": 1, "UnitAmount": 20, "AccountCode": "404", "TaxType": "NONE"}
    desk.in_xero("PUT", "Invoices", {
        "Type": "ACCPAY", "Contact": {"ContactID": contact}, "Status": "AUTHORISED", "Date": "2026-03-20",
        "DueDate": "2026-03-20", "InvoiceNumber": "BILL", "LineItems": [line],
    })  # fmt: skip


def _enter_gp_fees_again(desk: Desk) -> None:
    (page,) = desk.gp.site().reader.pages("GL_Open_Trans", "SOURCDOC = 'GJ'", key=("JRNENTRY", "SEQNUMBR"))
    reference = next(row["REFRENCE"] for row in page if row["REFRENCE"].startswith("LB fee"))
    desk.journal(reference, {FEES: "18.14", CLEARING: "-18.14"})


WHOLE_INVOICE = [("receivables", "107.75"), ("sales", "-100.00"), ("tax_payable", "-7.75")]

PLANTED: dict[str, tuple[Callable[[Desk], object], Found]] = {
    "invoice-voided-in-xero": (_void_invoice, [("missing in xero", *each) for each in WHOLE_INVOICE]),
    "invoice-by-hand-in-xero": (
        _invoice_by_hand, [("missing in gp", "receivables", "-50.00"), ("missing in gp", "sales", "50.00")]
    ),
    "payment-deleted-in-xero": (
        _delete_payment,
        [("missing in xero", "clearing", "107.75"), ("missing in xero", "receivables", "-107.75")],
    ),
    "fees-deleted-in-xero": (
        _delete_fees, [("missing in xero", "clearing", "-18.14"), ("missing in xero", "fees", "18.14")]
    ),
    "fees-twice-in-xero": (
        _enter_fees_again, [("double in xero", "clearing", "18.14"), ("double in xero", "fees", "-18.14")]
    ),
    "fees-twice-in-gp": (
        _enter_gp_fees_again, [("double in gp", "clearing", "-18.14"), ("double in gp", "fees", "18.14")]
    ),
    "entry-by-hand-in-gp": (
        lambda desk: desk.journal("by hand", {FEES: "9.00", SALES: "-9.00"}),
        [("missing in xero", "fees", "9.00"), ("missing in xero", "sales", "-9.00")],
    ),
    "entry-by-hand-on-gp-clearing": (
        lambda desk: desk.journal("by hand", {CLEARING: "9.00", SALES: "-9.00"}),
        [("missing in xero", "clearing", "9.00"), ("missing in xero", "sales", "-9.00")],
    ),
    "manual-journal-in-xero": (
        _manual_journal, [("missing in gp", "fees", "-12.00"), ("missing in gp", "sales", "12.00")]
    ),
    "bill-that-gp-has-not": (
        _bill_on_fees, [("missing in gp", "fees", "-20.00"), ("missing in gp", "payables", "20.00")]
    ),
    "amount": (
        lambda desk: desk.change_invoice(ON_ACCOUNT, line={"UnitAmount": "100.01", "LineAmount": "100.01"}),
        [("amount", "receivables", "-0.01"), ("amount", "sales", "0.01")],
    ),
    "tax-amount": (
        lambda desk: desk.change_invoice(ON_ACCOUNT, line={"TaxAmount": "7.74"}),
        [("amount", "receivables", "0.01"), ("tax", "tax_payable", "-0.01")],
    ),
    "tax-type": (
        lambda desk: desk.change_invoice(ON_ACCOUNT, line={"TaxType": desk.tax_type("UK-VAT20")}),
        [("tax", "tax_payable MA-COUNTY+MA-STATE", "-7.75"), ("tax", "tax_payable UK-VAT20", "7.75")],
    ),
    "account": (
        lambda desk: desk.change_invoice(ON_ACCOUNT, line={"AccountCode": SHIPPING}),
        [("account", "sales", "-100.00"), ("account", "shipping_income", "100.00")],
    ),
    "date": (lambda desk: desk.change_invoice(ON_ACCOUNT, Date="2026-03-04"), [("date", "", "107.75")]),
    "period": (lambda desk: desk.change_invoice(ON_ACCOUNT, Date="2026-02-27"), [("period", "", "107.75")]),
    "rate": (
        lambda desk: desk.change_invoice(FOREIGN_ON_ACCOUNT, CurrencyRate="0.769231"),
        [("rate", "receivables", "-6.00"), ("rate", "sales", "5.00"), ("rate", "tax_payable", "1.00")],
    ),
    "rounding": (
        lambda desk: desk.change_invoice(ON_ACCOUNT, line=[{}, {
            "Description": "Cent", "AccountCode": "860", "UnitAmount": "0.01", "LineAmount": "0.01", "Quantity": 1,
            "TaxType": "NONE", "TaxAmount": "0.00",
        }]),
        [("rounding", "receivables", "-0.01"), ("rounding", "rounding", "0.01")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_difference_is_found_and_nothing_else(desk: Desk, name: str) -> None:
    plant, expected = PLANTED[name]
    plant(desk)
    verdict = desk.verdict()
    assert found(verdict) == expected
    assert found(verdict, explained=True) == EXPLAINED
    assert not verdict["agree"]
    for each in verdict["differences"]:
        assert each["remedy"]
        assert [link["record"].split(":")[0] for link in each["documents"]] == [
            link["system"] for link in each["documents"]
        ]


@pytest.mark.parametrize("area", AREAS)
def test_twelve_differences_of_an_area_are_found_at_once_and_nothing_else(desk: Desk, area: str) -> None:
    planted = AREAS[area]
    assert len(planted) == 12
    for plant, _ in planted.values():
        plant(desk)
    verdict = desk.verdict(close=True)
    assert found(verdict) == sorted(each for _, told in planted.values() for each in told)
    for each in verdict["differences"]:
        assert each["remedy"]
        assert each["documents"]


def test_an_entry_on_stock_alone_is_valued_at_the_close(desk: Desk) -> None:
    plant, told = AREAS["inventory"]["stock-entered-by-hand"]
    plant(desk)
    assert found(desk.verdict()) == [("missing in xero", "", "0.00")]
    assert found(desk.verdict(close=True)) == told


def test_the_report_has_the_control_accounts_of_every_area_and_what_they_differ_by(desk: Desk) -> None:
    desk.journal("by hand", {FEES: "9.00", SALES: "-9.00"})
    for name in ("cost-that-the-entry-has-not", "stock-entered-by-hand"):
        AREAS["inventory"][name][0](desk)
    close = Close(desk, "close-1")
    close.report()
    told = json.loads((close.folder() / "report.json").read_bytes())
    control = {(each["role"], each["ledger"]): each for each in told["control_accounts"]}
    assert {each["area"] for each in control.values()} >= {"receivables", "cash", "tax", "revenue", "inventory"}
    # twelve lamps at 21.40 and two mugs at 2.15 were shipped, one lamp came back: 239.70
    assert control["inventory", "gp"] == {
        "ledger": "gp", "area": "inventory", "role": "inventory", "booked": "-231.70", "held": "-240.70",
        "entries": "8.00", "difference": "1.00",
    }  # fmt: skip
    assert control["cost_of_goods_sold", "gp"]["difference"] == "-1.00"
    assert [control["sales", each]["entries"] for each in ("gp", "xero")] == ["-9.00", "0.00"]
    others = {key: each["difference"] for key, each in control.items() if each["area"] != "inventory"}
    assert others == dict.fromkeys(others, "0.00")


def test_what_became_of_a_missing_document_is_told(desk: Desk) -> None:
    _void_invoice(desk)
    number = desk.invoice(ON_ACCOUNT)["InvoiceNumber"]
    (remedy,) = {each["remedy"] for each in desk.verdict()["differences"] if not each["explained"]}
    assert f"sent to xero as {number} and voided there" in remedy


def test_a_receipt_in_a_batch_is_explained_until_somebody_deletes_it(desk: Desk) -> None:
    desk.customer_pays(ON_ACCOUNT, "ch_late")
    desk.run()
    missing = [("missing in gp", "clearing", "-107.75"), ("missing in gp", "receivables", "107.75")]
    verdict = desk.verdict(close=True)
    assert found(verdict) == []
    assert found(verdict, explained=True) == sorted([*EXPLAINED, *missing])
    (reason,) = {each["reason"] for each in verdict["differences"] if each["type"] == "missing in gp"}
    assert reason.startswith("sent to gp, there still in batch ")

    receipt = desk.receipt_in_batch()
    desk.ask("gp", "POST", "delete", {"document": receipt})

    verdict = desk.verdict()
    assert found(verdict) == missing
    (remedy,) = {each["remedy"] for each in verdict["differences"] if each["type"] == "missing in gp"}
    assert f"sent to gp as {receipt}, and is neither posted there nor in a batch" in remedy


def test_a_payment_that_the_gateway_does_not_know_is_found_when_both_ledgers_have_it(desk: Desk) -> None:
    desk.pay_by_hand(ON_ACCOUNT)
    explained = {each["reason"] for each in desk.verdict()["differences"] if each["type"] == "missing in gp"}
    assert explained == {"booked after this run read it"}
    desk.run()
    desk.office.player.post()
    verdict = desk.verdict()
    assert found(verdict) == [("document without money", "clearing", "107.75")]
    (difference,) = [each for each in verdict["differences"] if not each["explained"]]
    assert [(link["system"], link["kind"]) for link in difference["documents"]] == [
        ("gp", "payment"),
        ("xero", "payment"),
    ]


def test_money_applied_to_another_invoice_is_an_open_amount(desk: Desk) -> None:
    desk.customer_pays(ON_ACCOUNT, "ch_late")
    desk.run()
    receipt = desk.receipt_in_batch()
    desk.office.player.post()
    invoice = desk.invoice(ALSO_ON_ACCOUNT)["InvoiceNumber"]
    header = {"APTODCNM": invoice, "APTODCTY": 1, "APFRDCNM": receipt, "APFRDCTY": 9, "APPTOAMT": Decimal("107.75")}
    (outcome,) = desk.gp.entity("application").send([Document("by hand", "by-hand", header)])
    assert outcome.error is None
    verdict = desk.verdict()
    assert found(verdict) == [("open amount", "receivables", "-107.75"), ("open amount", "receivables", "107.75")]


def test_money_that_came_after_the_reading_is_explained_until_the_books_are_closed(desk: Desk) -> None:
    desk.customer_pays(ON_ACCOUNT, "ch_late")
    came = ("money without document", "clearing", "107.75")
    verdict = desk.verdict()
    assert found(verdict) == []
    assert found(verdict, explained=True) == sorted([*EXPLAINED, came])
    assert found(desk.verdict(close=True)) == [came]


def test_a_payout_that_no_entry_stands_for_is_found(desk: Desk) -> None:
    desk.office.player.set_clock(_instant("2026-03-23T12:00:00Z"))
    payout = {"id": "po_2", "arrives": "2026-03-25", "covers": [charge(NOT_PAID_OUT)], "amount": "104.33"}
    desk.ask("stripe", "POST", "payouts", payout)
    assert found(desk.verdict()) == []
    assert found(desk.verdict(close=True)) == [("payout not posted", "clearing", "104.33")]


def test_money_given_back_at_the_gateway_alone_waits_for_the_shop(desk: Desk) -> None:
    order = next(case["order"] for case in desk.office.file["cases"] if case["order"]["name"] == RETURNED)
    event = {"id": "re_outside", "charge": charge(RETURNED), "at": "2026-03-22T12:00:00Z", "amount": "10.00"}
    desk.office.player.set_clock(_instant(event["at"]))
    desk.ask("stripe", "POST", "refunds", {"event": event, "order": order})
    desk.run()
    verdict = desk.verdict(close=True)
    assert found(verdict) == []
    (difference,) = [each for each in verdict["differences"] if each["value"] == "-10.00"]
    assert difference["type"] == "money without document"
    assert "the shop has not recorded refund re_outside" in difference["reason"]


def test_a_period_is_compared_by_itself(desk: Desk) -> None:
    assert found(desk.verdict(**{"from": "2026-03-01", "to": "2026-03-10"}, close=True)) == []
    desk.change_invoice(ON_ACCOUNT, Date="2026-02-27")
    assert found(desk.verdict(**{"from": "2026-03-05"})) == []
    for params in ({"from": "2026-03-01"}, {"to": "2026-02-28"}):
        assert found(desk.verdict(**params)) == [("period", "", "107.75")]


def test_what_changed_since_the_last_run_is_seen_with_what_that_run_read(desk: Desk) -> None:
    assert found(desk.verdict()) == []
    _void_invoice(desk)
    desk.journal("by hand", {FEES: "9.00", SALES: "-9.00"})
    by_hand = [("missing in xero", "fees", "9.00"), ("missing in xero", "sales", "-9.00")]
    expected = sorted([*(("missing in xero", *each) for each in WHOLE_INVOICE), *by_hand])
    for params in ({}, {"close": True}):
        assert found(desk.verdict(**params)) == expected


def test_the_verdict_is_kept_as_a_page(desk: Desk) -> None:
    _void_invoice(desk)
    desk.verdict()
    page = ObjectStoragePath(page_url(settings.company(), desk.office.flow.name, "audit")).read_text()
    assert "**The books differ in 3 ways.**" in page
    assert "| missing in xero | receivables | 107.75 | gp invoice " in page


class Close:
    """People who close March by the close's own tasks."""

    def __init__(self, desk: Desk, run_id: str) -> None:
        self.desk, self.results = desk, {}
        params = {"from": "2026-03-01", "to": "2026-03-31"}
        self.context: Any = {"run_id": run_id, "params": params, "ti": self}

    def xcom_pull(self, task_ids: str) -> Any:
        """As a task instance gives it."""
        return self.results[task_ids]

    def report(self) -> dict[str, Any]:
        """What the tasks before the signatures do; what people are asked."""
        name, flow = self.desk.office.flow.name, self.desk.office.flow.flow
        task = CompareForCloseOperator(task_id="compare", flow=name, config=flow, stage="reconcile")
        task.execute(self.context)
        report = CloseReportOperator(task_id="report", flows={name: flow})
        self.results["report"] = report.execute(self.context)
        return self.results["report"]

    def folder(self) -> ObjectStoragePath:
        """Where the files of the report lie, which its hash names."""
        signed = self.results["report"]["body"].partition("`")[2]
        return ObjectStoragePath(settings.staging_url()) / "close" / "main" / "2026-03" / signed[:16]

    def answer(self, user: str, chosen: str = "Sign", note: str | None = None, **signing: Any) -> None:
        """Somebody's answer in Airflow's required actions."""
        task = SignOffOperator(task_id="sign_1", report="report", **{"needed": 1, **signing})
        assert list(task.params) == ["note"], "the form has it"
        event = {
            "chosen_options": [chosen], "params_input": {"note": note}, "responded_at": datetime.now(UTC),
            "responded_by_user": {"id": user, "name": user.title()},
        }  # fmt: skip
        task.execute_complete(self.context, event)


def test_a_month_is_closed_with_a_signature_and_one_late_entry_is_an_alert(desk: Desk) -> None:
    close = Close(desk, "close-1")
    asked = close.report()
    assert asked["subject"] == "Harbor Light Supply: close 2026-03? the books agree"
    files = close.folder()
    sums = (files / "SHA256SUMS").read_bytes()
    assert sha256(sums).hexdigest() in asked["body"]
    for line in sums.decode().splitlines():
        hashed, name = line.split("  ")
        assert sha256((files / name).read_bytes()).hexdigest() == hashed
    told = json.loads((files / "report.json").read_bytes())
    control = {(each["ledger"], each["role"]): each for each in told["control_accounts"]}
    assert {name: each["difference"] for name, each in control.items()} == dict.fromkeys(control, "0.00")
    assert control["gp", "receivables"]["booked"] == control["xero", "receivables"]["booked"] != "0.00"
    carried = {each["leg"]: each for each in told["exactly_once"] if each["source"]}
    assert [carried["order"][name] for name in ("source", "arrived", "passed")] == [8 + len(SPARE)] * 2 + [0]
    close.answer("anna")
    signed = SignOffOperator(task_id="sign_1", report="report", needed=1)
    assert signed.execute(close.context) is None  # as after a try that was taken for dead: nobody is asked again
    assert desk.late() == []
    desk.journal("by hand", {FEES: "9.00", SALES: "-9.00"})
    desk.verdict()
    assert desk.late() == [("late entry", "gp", "by hand", "9.00")]
    with transaction(desk.office.state) as session:
        alert = session.scalars(select(AlertRow).where(AlertRow.kind == "signed period")).one()
        assert (alert.leg, alert.times) == ("2026-03", 1)
        assert "late entry 9.00: gp entry by hand of 2026-03-20" in alert.message


def test_the_same_books_make_the_same_report_to_the_byte(desk: Desk) -> None:
    assert Close(desk, "close-1").report()["body"] == Close(desk, "close-2").report()["body"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param({"user": "eve", "assigned_users": [{"id": "anna", "name": "Anna"}]}, "LB-CLS-006", id="stranger"),
        pytest.param({"user": "anna", "chosen": "Do not sign", "note": "rent lacks"}, "LB-CLS-007", id="refused"),
        pytest.param({"user": "anna"}, "LB-CLS-008", id="differences-without-a-note"),
    ],
)
def test_an_answer_that_is_no_signature_is_kept_as_such(desk: Desk, answer: dict[str, Any], code: str) -> None:
    desk.change_invoice(ON_ACCOUNT, Date="2026-03-04")
    close = Close(desk, "close-1")
    assert "1 differences have no reason" in close.report()["subject"]
    with pytest.raises(AirflowFailException, match=code):  # no other try asks the same again
        close.answer(**answer)
    with transaction(desk.office.state) as session:
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "period-refused")).one()
        assert (told.details["by"], told.details["refused"]) == (answer["user"].title(), code)
    assert desk.late() is None
    close.answer("anna", note="one day off, told to the auditor")
    assert desk.late() == []
