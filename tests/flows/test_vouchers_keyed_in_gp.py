"""Vouchers, suppliers' credits and payments that people key in GP stand in Xero, once, on the same accounts."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry
from tests.flows.bills import Bills, carry_files, line, open_bills

SUPPLIERS = ("Acme", "Dory", "Egret", "Fulmar")
PURCHASES, FEES = "000-5100-00", "000-6100-00"


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bills]:
    with open_bills(tmp_path_factory.mktemp("vouchers"), SUPPLIERS, keyed_in="gp") as bills:
        yield bills


def test_a_posted_voucher_is_a_bill_on_the_same_accounts_and_nothing_goes_twice_or_back(bills: Bills) -> None:
    voucher = bills.key(
        "G-1", "ACME", (PURCHASES, "100.00", "Lamps"), (FEES, "20.00"), taxes=_both_details("100.00"), due="2026-04-01"
    )
    assert bills.run() == {}  # nobody has posted it
    bills.player.post()
    ran = bills.run()
    assert (ran, bills.letters(), bills.waiting()) == ({"voucher": 1}, {}, {})
    bill = _bill(bills, "G-1")
    assert (bill["Type"], bill["Status"], bill["Contact"]["Name"]) == ("ACCPAY", "AUTHORISED", "Acme")
    assert (bill["Date"][:10], bill["DueDate"][:10]) == ("2026-03-02", "2026-04-01")
    assert [_told(line) for line in bill["LineItems"]] == [
        (f"Lamps (GP voucher {voucher})", "310", "100.00", "TAX001", "7.75"),
        ("G-1", "404", "20.00", "NONE", "0.00"),
    ]
    bills.pay("CHK-1", "ACME", "27.75")
    bills.player.post()
    assert bills.run() == {}
    assert _not_applied(bills.reconciled()) == [("bank", "-27.75"), ("payables", "27.75")]
    bills.set_against("CHK-1", voucher)
    assert bills.run() == {"vendor_payment": 1}
    paid = _bill(bills, "G-1")
    assert (paid["AmountDue"], paid["AmountPaid"]) == ("100.00", "27.75")
    bills.pay("CHK-2", "ACME", "100.00")
    bills.player.post()
    bills.set_against("CHK-2", voucher)
    assert bills.run() == {"vendor_payment": 1}
    assert bills.run() == {}
    assert bills.letters() == {}
    verdict = bills.reconciled()
    assert (verdict["agree"], verdict["differences"]) == (True, [])


def test_one_payment_of_several_vouchers_is_one_on_each_bill_and_waits_to_be_applied(bills: Bills) -> None:
    numbers = [bills.key(f"M-{n}", "DORY", (PURCHASES, f"{n}0.00")) for n in (1, 2)]
    bills.pay("CHK-3", "DORY", "35.00")
    bills.player.post()
    assert bills.run() == {"voucher": 2}
    for number in numbers:
        bills.set_against("CHK-3", number)
    assert bills.run() == {"vendor_payment": 1}  # one payment of GP's
    assert [_bill(bills, f"M-{n}")["AmountDue"] for n in (1, 2)] == ["0.00", "0.00"]
    # what is left of it, 5.00, nobody has applied yet: it has a reason, but for the last run of a period
    verdict = bills.reconciled()
    assert (verdict["agree"], _not_applied(verdict)) == (True, [("bank", "-5.00"), ("payables", "5.00")])
    closed = bills.reconciled(close=True)
    left = [("not applied", "bank", "-5.00"), ("not applied", "payables", "5.00")]
    assert [each for each in bills.told(closed) if each[0] == "not applied"] == left
    last = bills.key("M-3", "DORY", (PURCHASES, "5.00"))
    bills.player.post()
    bills.set_against("CHK-3", last)
    assert bills.run() == {"voucher": 1, "vendor_payment": 1}
    assert bills.told(bills.reconciled()) == []


def test_a_voucher_voided_after_it_went_is_a_letter_until_the_bill_is_void_too(bills: Bills) -> None:
    number = bills.key("V-1", "EGRET", (PURCHASES, "9.00"))
    bills.player.post()
    assert bills.run() == {"voucher": 1}
    voided = {"document": number, "DOCTYPE": 1, "date": "2026-03-03"}
    bills.player.call("POST", "gp", "/_sandbox/void-payables", voided)
    assert bills.run() == {}
    assert bills.letters()["V-1"][0] == "LB-CAN-006"
    bills.type_in_xero({"Type": "ACCPAY", "InvoiceID": _bill(bills, "V-1")["InvoiceID"], "Status": "VOIDED"})
    assert bills.told(bills.reconciled()) == []


def test_a_file_that_people_lay_under_a_vouchers_number_is_attached_to_its_bill_once(
    bills: Bills, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__ATTACHMENTS_URL", tmp_path.as_uri())
    number = bills.key("F-1", "EGRET", (PURCHASES, "9.00"))
    lying, done = (tmp_path / "main" / name / number for name in ("in", "done"))
    lying.mkdir(parents=True)
    (lying / "scan.pdf").write_bytes(b"%PDF-1.7 scanned")
    (lying / "film.mov").write_bytes(bytes(10 * 1024 * 1024 + 1))
    assert carry_files("files-1", ["voucher"]) == {}  # there is no bill yet
    bills.player.post()
    assert bills.run() == {"voucher": 1}
    (lying / "folder").mkdir()
    assert carry_files("files-1", ["voucher"]) == {"being written": 2}  # one is not copied to its end yet
    _settle(lying)
    assert carry_files("files-2", ["voucher", "vendor_credit"]) == {"attached": 1, "left": 1}
    files = bills.xero().attachments("bill")
    bill = _bill(bills, "F-1")["InvoiceID"]
    assert [(each.file_name, files.content(bill, each.file_name)) for each in files.of(bill)] == [
        ("scan.pdf", b"%PDF-1.7 scanned")
    ]
    assert (sorted(each.name for each in lying.iterdir()), (done / "scan.pdf").exists()) == (
        ["film.mov", "folder"],
        True,
    )
    (lying / "scan.pdf").write_bytes(b"%PDF-1.7 scanned")  # as if the run had died before it was moved
    _settle(lying)
    assert carry_files("files-3", ["voucher"]) == {"attached": 1, "left": 1}
    assert len(files.of(bill)) == 1
    with transaction(bills.office.state) as session:
        told = session.scalars(select(AuditEntry.details).where(AuditEntry.action == "file-attached")).all()
    digest = sha256(b"%PDF-1.7 scanned").hexdigest()
    assert [(each["number"], each["sha256"]) for each in told] == [(number, digest)] * 2
    assert bills.run() == {}


def _settle(folder: Path) -> None:
    """Nobody has written to its files for two minutes."""
    then = time.time() - 120
    for each in folder.iterdir():
        os.utime(each, (then, then))


def test_the_same_paper_keyed_in_xero_too_is_that_bill_and_another_one_of_its_number_is_a_letter(bills: Bills) -> None:
    for number, amount in (("S-1", "12.00"), ("S-2", "13.00")):
        bills.enter(number, "Egret", line(amount))
        bills.key(number, "EGRET", (PURCHASES, "12.00"))
    bills.player.post()
    assert bills.run() == {"voucher": 1}
    assert "S-1" not in bills.letters()
    assert bills.letters()["S-2"][0] == "LB-DLV-003"


def test_details_that_the_table_does_not_have_are_a_letter_that_names_it(bills: Bills) -> None:
    taxes = [{"detail": "MA-COUNTY", "amount": "1.50", "taxed": "100.00"}]
    bills.key("D-1", "EGRET", (PURCHASES, "100.00"), taxes=taxes)
    bills.player.post()
    assert bills.run() == {}
    code, remedy = bills.letters()["D-1"]
    assert (code, "include/lookups/purchase_tax_types.csv" in remedy) == ("LB-MAP-002", True)


def test_bank_details_that_a_vendor_or_a_voucher_names_never_reach_xeros_contact(bills: Bills) -> None:
    theirs, noted, text = "NZ 111", "DE02120300000000202051", "GB33BUKB20201555555555"
    bills.in_xero("Fulmar", BankAccountDetails=theirs)
    for _ in range(2):
        bills.link_suppliers()
    bills.in_gp("FULMAR", window="vendors", COMMENT1=noted, COMMENT2=f"IBAN {text}", ACNMVNDR=noted[:20])
    bills.key("B-1", "FULMAR", (PURCHASES, "9.00", f"Pay to {text}"), description=f"IBAN {text}")
    bills.player.post()
    bills.watch("xero", contains=noted)
    bills.watch("xero", contains="BankAccountDetails")
    for method in ("PUT", "POST"):
        bills.watch("xero", method=method, path="Contacts")
    bills.watch("xero", method="PUT", path="Invoices")
    bills.link_suppliers()
    assert bills.run() == {"voucher": 1}
    assert bills.watched()["xero"] == [0, 0, 0, 0, 1]
    assert {each["Name"]: each["BankAccountDetails"] for each in bills.all_xero()}["Fulmar"] == theirs


def _not_applied(verdict: dict[str, Any]) -> list[tuple[str, str]]:
    """Role and value of each; all say what a person does."""
    found = [each for each in verdict["differences"] if each["type"] == "not applied"]
    assert all("Transactions > Purchasing > Apply Payables Documents" in each["reason"] for each in found)
    assert {each["type"] for each in verdict["differences"]} <= {"not applied"}
    return sorted((each["role"], each["value"]) for each in found)


def _both_details(taxed: str) -> list[dict[str, str]]:
    return [
        {"detail": "MA-STATE", "amount": "6.25", "taxed": taxed},
        {"detail": "MA-COUNTY", "amount": "1.50", "taxed": taxed},
    ]


def _bill(bills: Bills, number: str) -> dict[str, Any]:
    (found,) = bills.xero().get("Invoices", {"InvoiceNumbers": number, "page": 1})["Invoices"]
    return dict(found)


def _told(line: dict[str, Any]) -> tuple[str, ...]:
    amounts = (f"{Decimal(str(line[name])):.2f}" for name in ("LineAmount", "TaxAmount"))
    net, tax = amounts
    return line["Description"], line["AccountCode"], net, line["TaxType"], tax
