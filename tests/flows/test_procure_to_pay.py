"""Bills and suppliers' credits that people key in Xero stand in GP's payables, once, on the same accounts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from ledgerbridge.entities import Document
from operators import settings
from operators.systems import hooks_of
from sandbox.orders import OPENING
from tests.flows.bills import DAY, Bills, carry_files, line, open_bills
from tests.flows.in_process import InProcess, include_with
from tests.flows.masters import Masters

SUPPLIERS = ("Acme", "Dory", "Egret", "Fulmar", "Gannet", "Heron", "Ibis", "Jacana", "Knot", "Lapwing", "Tern")
"""Contacts with a number that are vendors in GP before the first bill."""


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bills]:
    with open_bills(tmp_path_factory.mktemp("bills"), SUPPLIERS) as bills:
        yield bills


PURCHASES, FEES, TAX, PAYABLES, BANK = "000-5100-00", "000-6100-00", "000-2300-00", "000-2100-00", "000-1100-00"


def test_an_approved_bill_is_a_voucher_on_the_same_accounts_and_nothing_goes_twice(bills: Bills) -> None:
    typed = bills.enter("A-100", "Acme", line("100.00", tax_type="TAX001"), line("20.00", account="404"))
    assert bills.run() == {"bill": 1}
    voucher = bills.vouchers()["A-100"]
    assert (voucher["VENDORID"], voucher["DOCTYPE"], voucher["state"]) == ("ACME", 1, "work")
    assert (voucher["DOCDATE"], voucher["DUEDATE"], voucher["DOCAMNT"]) == (DAY, "2026-04-01", "127.75")
    assert (voucher["PRCHAMNT"], voucher["TAXAMNT"], voucher["CURTRXAM"]) == ("120.00", "7.75", "127.75")
    InProcess("procure_to_pay").run(f"bills-{bills.passes}")  # as somebody clears it
    bills.type_in_xero({"Type": "ACCPAY", "InvoiceID": typed["InvoiceID"], "Url": "https://acme.example/A-100"})
    assert bills.run() == {}
    assert bills.player.post() == 1
    assert bills.booked("A-100") == {PURCHASES: 100, FEES: 20, TAX: Decimal("7.75"), PAYABLES: Decimal("-127.75")}
    assert bills.run() == {}
    assert bills.letters() == {}


def test_a_payment_of_a_bill_is_a_payment_in_gp_that_a_person_applies_and_it_pays_the_voucher(bills: Bills) -> None:
    bills.enter("P-1", "Acme", line("80.00"))
    bills.pay_in_xero("P-1", "30.00", reference="half")
    assert bills.run() == {"bill": 1, "bill_payment": 1}
    payment = bills.payments()["P-1"]
    assert (payment["VENDORID"], payment["DOCAMNT"], payment["DOCDATE"]) == ("ACME", "30.00", DAY)
    assert (payment["state"], payment["BACHNUMB"]) == ("work", f"LBP {DAY}")
    in_batch = bills.reconciled()
    assert "in batch LBP" in next(each["reason"] for each in in_batch["differences"] if each["role"] == "bank")
    bills.player.post()
    assert bills.booked(payment["DOCNUMBR"]) == {PAYABLES: 30, BANK: -30}
    beside = bills.reconciled()
    assert [(each["type"], each["value"], each["explained"]) for each in beside["differences"]] == [
        ("not applied", "30.00", True)
    ]
    bills.apply("P-1")
    assert bills.vouchers()["P-1"]["CURTRXAM"] == "50.00"
    assert bills.payments()["P-1"]["state"] == "history"
    assert bills.run() == {}
    applied = bills.reconciled()
    assert (applied["agree"], applied["differences"]) == (True, [])


def test_a_bill_waits_for_its_supplier_to_be_a_vendor_and_then_goes_by_itself(bills: Bills) -> None:
    bills.enter("W-1", "Wharf Supply", line("10.00"))
    assert bills.run() == {}
    assert "its supplier is not linked with a vendor" in bills.waiting()["W-1"]
    bills.link_suppliers()  # its bill has made the contact a supplier
    assert bills.run() == {"bill": 1}
    assert bills.vouchers()["W-1"]["VENDORID"].startswith("VX")


def test_drafts_stay_in_xero_until_they_are_approved(bills: Bills) -> None:
    typed = bills.enter("D-1", "Dory", line("10.00"), Status="DRAFT")
    bills.enter("D-2", "Dory", line("10.00"), Status="SUBMITTED")
    assert bills.run() == {}
    approved = {"Type": "ACCPAY", "InvoiceID": typed["InvoiceID"], "Status": "AUTHORISED"}
    bills.type_in_xero(approved)
    assert bills.run() == {"bill": 1}
    assert not {"D-2"} & bills.vouchers().keys()


def test_one_paper_keyed_twice_is_a_letter_whoever_keyed_it_first(bills: Bills) -> None:
    bills.enter("E-1", "Egret", line("10.00"))
    bills.run()
    bills.enter("E-1", "Egret", line("10.00"))
    assert bills.run() == {}
    code, remedy = bills.letters()["E-1"]
    assert (code, "Compare what GP holds" in remedy) == ("LB-GP-010", True)
    bills.enter("E-1", "Fulmar", line("11.00"))  # another supplier's number
    assert bills.run() == {"bill": 1}


def test_a_number_that_gp_can_not_hold_stays_the_suppliers_own(bills: Bills) -> None:
    long = "2026-03-INV-000123456/A"
    bills.enter(long, "Gannet", line("10.00"))
    bills.enter(long[:-1] + "B", "Gannet", line("11.00"))
    bills.enter("", "Gannet", line("12.00"))
    assert bills.run() == {"bill": 3}
    numbers = {each["DOCAMNT"]: each["DOCNUMBR"] for each in bills.vouchers().values() if each["VENDORID"] == "GANNET"}
    assert all(numbers[amount].startswith("2026-03-INV~") for amount in ("10.00", "11.00"))
    assert len(set(numbers.values())) == 3
    bills.enter(long, "Gannet", line("10.00"))
    assert bills.run() == {}
    assert bills.letters()[long][0] == "LB-GP-010"


def test_a_bill_that_is_voided_or_edited_after_it_went_is_a_letter_and_before_it_is_none(bills: Bills) -> None:
    typed = {number: bills.enter(number, "Heron", line("10.00"))["InvoiceID"] for number in ("H-1", "H-2", "H-3")}
    assert bills.run() == {"bill": 3}
    gone = bills.enter("H-4", "Heron", line("10.00"))["InvoiceID"]
    for each in (typed["H-1"], gone):
        bills.type_in_xero({"Type": "ACCPAY", "InvoiceID": each, "Status": "VOIDED"})
    bills.type_in_xero({"Type": "ACCPAY", "InvoiceID": typed["H-2"], "LineItems": [line("12.00")]})
    assert bills.run() == {}
    letters = bills.letters()
    assert (letters["H-1"][0], letters["H-2"][0]) == ("LB-CAN-006", "LB-DLV-002")
    assert "void it where it was posted" in letters["H-1"][1]
    assert not {"H-3", "H-4"} & letters.keys()
    assert "H-4" not in bills.vouchers()


def test_a_voucher_and_a_payment_whose_answer_was_lost_stand_once(bills: Bills) -> None:
    flow = Masters(bills.player, bills.office, InProcess("procure_to_pay"), ["bills", "payments"])
    for kind in ("lost_before_commit", "lost_after_commit", "repeated", "concurrent"):
        bills.enter(f"L-{kind}", "Acme", line("10.00"))
        bills.pay_in_xero(f"L-{kind}", "10.00")
        for node in ("taPMTransactionInsert", "taPMManualCheck"):
            bills.player.order_fault("gp", {"kind": kind, "contains": node, "times": 1})
        flow.settle()
    for _ in range(2):  # a bill that was locked goes now, and its payment, which meets its own lock, then
        flow.settle()
    payables = bills.player.ledger("gp")["payables"]
    for name in ("DOCNUMBR", "TRXDSCRN"):  # of a bill its number, of a payment what it is for
        kept = [each[name] for each in payables if each[name].startswith("L-")]
        assert sorted(kept) == ["L-concurrent", "L-lost_after_commit", "L-lost_before_commit", "L-repeated"]
    assert [each["happened"] for each in bills.player.faults()["gp"]] == [1] * 8
    assert not {number for number in bills.letters() if number.startswith("L-")}
    bills.player.forget_faults()


def test_bank_details_that_a_contact_a_bill_or_its_file_names_never_reach_gps_vendor(bills: Bills) -> None:
    card, file, text = "DE02120300000000202051", "FR7630006000011234567890189", "GB33BUKB20201555555555"
    for _ in range(2):  # what bills before made of contacts
        bills.link_suppliers()
    before = _vendor(bills, "LAPWING")
    bills.in_xero("Lapwing", BankAccountDetails=card)
    note = {"Description": f"Please pay to {text} from now on"}
    bill = bills.enter(text, "Lapwing", line("10.00") | note, Reference=text, Url=f"https://pay.example/{text}")
    path = f"Invoices/{bill['InvoiceID']}/Attachments/bank.txt"
    bills.xero().write("PUT", path, f"Our new account: {file}".encode(), content_type="text/plain")
    for gone in (card, file, "taUpdateCreateVendorRcd", "taCreateVendorAddress"):
        bills.watch("gp", contains=gone)
    bills.watch("gp", contains="taPMTransactionInsert")
    for method in ("PUT", "POST"):
        bills.watch("xero", method=method, path="Contacts")
    bills.link_suppliers()
    assert bills.run() == {"bill": 1}
    counted = bills.watched()
    assert (counted["gp"], counted["xero"]) == ([0, 0, 0, 0, 1], [0, 0])
    assert _vendor(bills, "LAPWING") == before
    assert _bank_details(bills, "Lapwing") == card  # as somebody typed it there


def test_a_file_of_a_bill_lies_for_gps_people_under_the_vouchers_number_and_nowhere_else(
    bills: Bills, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    content, name = b"%PDF-1.7 scanned " + bytes(range(256)), "..\\scan 1:2.pdf"
    bill = bills.enter("F-1", "Dory", line("10.00"))
    path = f"Invoices/{bill['InvoiceID']}/Attachments/{quote(name, safe='')}"
    with pytest.raises(AirflowSkipException):
        carry_files("files-0", ["bill"])
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__ATTACHMENTS_URL", tmp_path.as_uri())
    assert bills.run() == {"bill": 1}
    bills.xero().write("PUT", path, content, content_type="application/pdf")  # after the bill went
    caplog.set_level(logging.DEBUG)
    assert carry_files("files-1", ["bill"])["laid out"] >= 1
    number = bills.vouchers()["F-1"]["number"]
    (file,) = (tmp_path / "main" / "out" / number).iterdir()
    assert (file.name, file.read_bytes()) == ("_scan 1_2.pdf", content)
    assert carry_files("files-2", ["bill"]) == {}
    database = Path(bills.office.state.url.database or "")
    assert not [path for path in database.parent.glob(f"{database.name}*") if b"scanned" in path.read_bytes()]
    assert "scanned" not in caplog.text
    assert bills.run() == {}


def test_an_account_or_a_tax_that_nobody_has_told_of_is_a_letter_that_names_the_file(bills: Bills) -> None:
    bills.in_xero("429", window="accounts", Name="Sundries", Type="EXPENSE")
    rate = {"TaxType": "TAX006", "TaxComponents": [{"Name": "GST", "Rate": 10}]}
    bills.in_xero("GST on Imports", window="tax_rates", **rate)
    bills.enter("I-1", "Ibis", line("10.00", account="429"))
    bills.enter("I-2", "Ibis", line("10.00", tax_type="TAX006"))
    bills.run()
    letters = bills.letters()
    assert (letters["I-1"][0], letters["I-2"][0]) == ("LB-MAP-002", "LB-MAP-002")
    assert "Give Xero's account 429 a line under `accounts`" in letters["I-1"][1]
    assert "include/lookups/purchase_taxes.csv" in letters["I-2"][1]


def test_a_vendor_with_a_1099_gets_the_net_on_it(bills: Bills) -> None:
    bills.in_gp("JACANA", window="vendors", TEN99TYPE=4)
    bills.enter("J-1", "Jacana", line("10.00", tax_type="TAX003"))
    bills.run()
    vouchers = bills.vouchers()
    assert (vouchers["J-1"]["TEN99AMNT"], vouchers["A-100"]["TEN99AMNT"]) == ("10.00", "0.00")


def test_a_closed_period_keeps_a_bill_back_until_it_is_open(bills: Bills) -> None:
    bills.player.call("PUT", "gp", "/_sandbox/periods", {"year": 2026, "period": 1, "closed": True})
    bills.enter("K-1", "Knot", line("10.00"), Date="2026-01-31")
    assert bills.run() == {}
    assert "period" in bills.waiting()["K-1"]
    bills.player.call("PUT", "gp", "/_sandbox/periods", {"year": 2026, "period": 1, "closed": False})
    assert bills.run() == {"bill": 1}


def test_a_bill_of_a_closed_period_is_posted_on_the_next_open_day_and_keeps_its_own_where_its_flow_says_so(
    bills: Bills, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    include = include_with(tmp_path, "procure_to_pay", "closed_periods: next_open")
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(include))
    for period, series in ((1, [4]), (2, [2, 4]), (3, [2, 3])):  # March is open for purchasing
        closed = {"year": 2026, "period": period, "closed": True, "series": series}
        bills.player.call("PUT", "gp", "/_sandbox/periods", closed)
    bills.enter("K-2", "Knot", line("10.01"), Date="2026-01-31")
    assert bills.run() == {"bill": 1}
    assert bills.vouchers()["K-2"]["DOCDATE"] == "2026-01-31"
    for period in (1, 2, 3):
        bills.player.call("PUT", "gp", "/_sandbox/periods", {"year": 2026, "period": period, "closed": False})
    bills.player.post()
    assert {each["TRXDATE"] for each in bills.player.entries("gp") if each["ORDOCNUM"] == "K-2"} == {"2026-03-01"}
    told = [each for each in bills.reconciled()["differences"] if "K-2" in str(each["documents"])]
    assert [(each["type"], each["value"], each["explained"]) for each in told] == [("timing", "10.01", True)]
    assert bills.run() == {}


def _vendor(bills: Bills, number: str) -> dict[str, Any]:
    return next(each for each in bills.all_gp("vendors") if each["VENDORID"] == number)


def _bank_details(bills: Bills, name: str) -> str:
    return str(next(each["BankAccountDetails"] for each in bills.all_xero() if each["Name"] == name))


EDITED = [("amount", "payables", "2.00"), ("amount", "purchases", "-2.00")]
"""The bill that was edited after it went, by 2.00: a person takes it back."""


def test_the_reconciliation_pairs_every_bill_and_knows_why_one_has_no_counterpart(bills: Bills) -> None:
    bills.enter("R-1", "Acme", line("7.00"))
    bills.run()
    sent = bills.reconciled()
    reasons = {each["type"]: each["reason"] for each in sent["differences"] if "R-1" in str(each["documents"])}
    assert "in batch LBV 2026-03-02" in reasons["missing in gp"]
    bills.player.post()
    left = bills.reconciled()
    assert bills.told(left) == EDITED
    named = {document["number"] for each in left["differences"] for document in each["documents"]}
    assert {each.rpartition(" ")[0] for each in named if not each.startswith("LB")} == {
        "E-1 Egret", "H-2 Heron", "I-1 Ibis", "I-2 Ibis", "K-2 Knot", "2026-03-INV-000123456/A Gannet",
    }  # fmt: skip


def test_a_credit_set_against_a_bill_in_xero_alone_is_told_by_what_is_open(bills: Bills) -> None:
    bill = bills.enter("O-1", "Acme", line("30.00"))
    credit = bills.enter("O-2", "Acme", line("12.00"), Type="ACCPAYCREDIT", CreditNoteNumber="O-2")
    assert bills.run() == {"bill": 1, "supplier_credit": 1}
    bills.player.post()
    assert bills.told(bills.reconciled()) == EDITED
    allocation = {"Amount": 12, "Date": DAY, "Invoice": {"InvoiceID": bill["InvoiceID"]}}
    bills.xero().write("PUT", f"CreditNotes/{credit['CreditNoteID']}/Allocations", {"Allocations": [allocation]})
    applied = [("open amount", "payables", "-12.00"), ("open amount", "payables", "12.00")]
    assert bills.told(bills.reconciled()) == [*EDITED, *applied]


def test_a_payment_waits_for_a_bill_that_can_not_go_on(bills: Bills) -> None:
    bills.pay_in_xero("I-1", "4.00")
    assert bills.run() == {}
    assert bills.waiting()["I-1"].startswith("its bill can't go on, dead letter ")


def test_a_payment_that_is_deleted_after_it_went_is_a_letter_and_before_it_is_none(bills: Bills) -> None:
    def delete(payment: dict[str, Any]) -> None:
        bills.xero().write("POST", f"Payments/{payment['PaymentID']}", {"Status": "DELETED"})

    bills.enter("Q-1", "Heron", line("9.00"))
    bills.enter("Q-2", "Heron", line("9.00"))
    went = bills.pay_in_xero("Q-1", "9.00")
    assert bills.run() == {"bill": 2, "bill_payment": 1}
    early = bills.pay_in_xero("Q-2", "9.00")
    delete(went)
    delete(early)
    assert bills.run() == {}
    code, remedy = bills.letters()["Q-1"]
    assert (code, "Delete the document from its batch" in remedy) == ("LB-CAN-006", True)
    bills.player.call("POST", "gp", "/_sandbox/delete", {"document": bills.payments()["Q-1"]["number"]})
    assert bills.run() == {}
    assert "Q-2" not in bills.payments()


def test_what_somebody_keyed_in_gp_is_told_a_payment_with_the_voucher_it_pays(bills: Bills) -> None:
    voucher = {"VCHNUMWK": "HAND1", "VENDORID": "ACME", "DOCNUMBR": "HAND-1", "DOCDATE": date(2026, 3, 2)}
    amounts = dict.fromkeys(("DOCAMNT", "PRCHAMNT", "CHRGAMNT"), Decimal(5))
    (hook,) = hooks_of("gp", settings.company()).values()
    [outcome] = hook.entity("payables_invoice").send(
        [Document("by hand", "hand", {**voucher, "BACHNUMB": "HAND", **amounts})]
    )
    assert outcome.error is None
    paid = {"PMNTNMBR": "HANDP", "VENDORID": "ACME", "DOCNUMBR": "T-1", "DOCAMNT": Decimal(7), "TRXDSCRN": "R-1"}
    paid |= {"DOCDATE": date(2026, 3, 2), "PYENTTYP": 1, "CHEKBKID": "BANK", "BACHNUMB": "HAND"}
    [outcome] = hook.entity("payables_payment").send([Document("paid by hand", "hand", paid)])
    assert outcome.error is None
    bills.player.post()
    bills.apply("R-1")
    verdict = bills.reconciled()
    assert bills.told(verdict) == [
        *EDITED,
        ("missing in xero", "bank", "-7.00"),
        ("missing in xero", "payables", "-5.00"),
        ("missing in xero", "payables", "7.00"),
        ("missing in xero", "purchases", "5.00"),
        ("open amount", "payables", "-12.00"),
        ("open amount", "payables", "12.00"),
    ]


def test_a_bill_that_waits_for_months_is_told(bills: Bills) -> None:
    bills.enter("Z-1", "Nobody's Vendor", line("10.00"))
    assert bills.run() == {}
    assert "Z-1" in bills.waiting()
    bills.player.set_clock(OPENING + timedelta(days=70))
    bills.enter("Z-2", "Acme", line("1.00"))
    assert bills.run() == {"bill": 1}
    overdue = {
        each["documents"][0]["number"]: each for each in bills.reconciled()["differences"] if each["type"] == "waiting"
    }
    assert "In leg bill for 69 days: its supplier is not linked" in overdue["Z-1"]["remedy"]
