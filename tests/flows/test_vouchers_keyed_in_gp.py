"""Vouchers, suppliers' credits and payments that people key in GP stand in Xero, once, on the same accounts."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.flows.bills import Bills, open_bills

SUPPLIERS = ("Acme", "Dory", "Egret")
PURCHASES, FEES, TAX = "000-5100-00", "000-6100-00", "000-2300-00"
CREDIT_MEMO = 5


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
