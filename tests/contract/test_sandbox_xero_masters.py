"""Master data of the simulated Xero is made, changed and refused by its own rules; documents refer to it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from sandbox.xero.app import create_app
from tests.contract.served_app import serve
from tests.contract.xero_office import COMPANY, DAY, Office, exact, invoice, line, payment

COUNTY = {"Name": "MA county", "TaxComponents": [{"Name": "MA-COUNTY", "Rate": 1.5}]}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(create_app(tmp_path_factory.mktemp("xero"))) as address:
        yield address


@pytest.fixture
def office(url: str, request: pytest.FixtureRequest) -> Office:
    """An organisation of the test's own."""
    return Office(url, company=COMPANY | {"name": request.node.name}, calls_per_minute=1000)


def test_lines_carry_the_tracking_of_active_categories(office: Office) -> None:
    [region] = office.put("TrackingCategories", {"Name": "Region"})
    office.put(f"TrackingCategories/{region['TrackingCategoryID']}/Options", {"Name": "East"})
    tracked = [line(Tracking=[{"Name": "Region", "Option": "East"}])]
    [created] = office.put("Invoices", invoice("INV-1", LineItems=tracked))
    [entry] = created["LineItems"][0]["Tracking"]
    assert (entry["Option"], entry["TrackingCategoryID"]) == ("East", region["TrackingCategoryID"])
    wrong = [line(Tracking=[{"Name": "Region", "Option": "West"}])]
    assert office.refusal("PUT", "Invoices", invoice("INV-2", LineItems=wrong)) == [
        "The tracking option 'West' does not exist in 'Region'."
    ]


def test_a_third_active_tracking_category_is_refused(office: Office) -> None:
    first, _ = office.put("TrackingCategories", {"Name": "Region"}, {"Name": "Channel"})
    assert office.refusal("PUT", "TrackingCategories", {"Name": "Project"}) == [
        "Maximum number of active tracking categories reached: two."
    ]
    office.call("POST", f"TrackingCategories/{first['TrackingCategoryID']}", {"Status": "ARCHIVED"})
    office.put("TrackingCategories", {"Name": "Project"})


def test_a_new_tax_rate_gets_a_type_and_taxes_lines_until_it_is_deleted(office: Office) -> None:
    [rate] = office.put("TaxRates", COUNTY)
    assert (rate["TaxType"], rate["EffectiveRate"]) == ("TAX002", Decimal("1.5"))
    taxed = [line(TaxType="TAX002", TaxAmount=None)]
    [created] = office.put("Invoices", invoice("INV-1", LineItems=taxed))
    assert created["TotalTax"] == Decimal("0.75")
    office.call("POST", "TaxRates", {"TaxRates": [COUNTY | {"TaxType": "TAX002", "Status": "DELETED"}]})
    [message] = office.refusal("PUT", "Invoices", invoice("INV-2", LineItems=taxed))
    assert message.startswith("The TaxType code 'TAX002' does not exist")


def test_tax_is_taken_out_of_inclusive_amounts(office: Office) -> None:
    taxed = [line(UnitAmount=12.00, TaxType="TAX003", TaxAmount=None)]
    [created] = office.put("Invoices", invoice("INV-1", LineAmountTypes="Inclusive", LineItems=taxed))
    assert [created[name] for name in ("SubTotal", "TotalTax", "Total")] == [*map(Decimal, ("10.00", "2.00", "12.00"))]
    assert office.balances() == {"610": "12.00", "200": "-10.00", "820": "-2.00"}


def test_an_item_gives_its_lines_text_account_and_price(office: Office) -> None:
    sales = {"UnitPrice": 7.35, "AccountCode": "210", "TaxType": "TAX001"}
    office.put("Items", {"Code": "MUG-12", "Name": "Enamel mug", "SalesDetails": sales})
    [created] = office.put("Invoices", invoice("INV-1", LineItems=[{"ItemCode": "MUG-12", "Quantity": 2}]))
    [mugs] = created["LineItems"]
    assert (mugs["Description"], mugs["AccountCode"], mugs["LineAmount"]) == ("Enamel mug", "210", Decimal("14.70"))
    assert office.refusal("PUT", "Items", {"Code": "MUG-12"}) == ["Price List Item with Code 'MUG-12' already exists"]


def test_an_account_takes_payments_once_they_are_enabled(office: Office) -> None:
    [account] = office.put("Accounts", {"Code": "620", "Name": "Gift cards", "Type": "CURRLIAB"})
    office.put("Invoices", invoice("INV-1"))
    on_cards = payment("INV-1", 10.00, Account={"Code": "620"})
    assert len(office.refusal("PUT", "Payments", on_cards)) == 1
    office.call("POST", f"Accounts/{account['AccountID']}", {"EnablePaymentsToAccount": True})
    office.put("Payments", on_cards)
    assert office.balances()["620"] == "10.00"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"Code": "200"}, "Please enter a unique Code.", id="code-taken"),
        pytest.param(
            {"Code": "12345678901"}, "The length of Code must be 10 characters or less; it has 11.", id="long"
        ),
        pytest.param({"Type": "SHOP"}, "Account Type 'SHOP' is not valid.", id="type"),
    ],
)
def test_an_account_with_a_fault_is_refused(office: Office, fields: dict[str, Any], message: str) -> None:
    account = {"Code": "621", "Name": "Gift cards", "Type": "CURRLIAB"}
    assert office.refusal("PUT", "Accounts", account | fields) == [message]


def test_a_document_in_a_new_currency_takes_the_rate_it_brings(office: Office) -> None:
    office.put("Currencies", {"Code": "EUR"})
    lamp = [line(TaxType="NONE", TaxAmount=0, UnitAmount=10.00)]
    office.put("Invoices", invoice("INV-1", CurrencyCode="EUR", CurrencyRate=0.9, LineItems=lamp))
    assert office.balances() == {"610": "11.11", "200": "-11.11"}


def test_a_bill_is_owed_until_it_is_paid(office: Office) -> None:
    bill = invoice("SUP-7", Type="ACCPAY", LineItems=[line(AccountCode="404", TaxType="NONE", TaxAmount=0)])
    first, second = office.put("Invoices", bill, bill)  # suppliers' numbers may repeat
    assert office.balances() == {"800": "-99.80", "404": "99.80"}
    office.put("Payments", payment("", 49.90, Invoice={"InvoiceID": first["InvoiceID"]}))
    assert office.balances() == {"800": "-49.90", "404": "99.80", "615": "-49.90"}
    assert second["InvoiceNumber"] == "SUP-7"


def test_a_bank_transaction_is_changed_and_deleted_by_its_id(office: Office) -> None:
    fee = {"Type": "SPEND", "Contact": {"Name": "Stripe"}, "BankAccount": {"Code": "615"}, "Date": DAY}
    lines = [line(Description="Fee", UnitAmount=1.86, AccountCode="404", TaxType="NONE", TaxAmount=0)]
    [created] = office.put("BankTransactions", fee | {"LineItems": lines})
    path = f"BankTransactions/{created['BankTransactionID']}"
    changed = exact(office.call("POST", path, {"LineItems": [lines[0] | {"UnitAmount": 2.00}]}))
    assert changed["BankTransactions"][0]["Total"] == Decimal("2.00")
    assert office.balances() == {"404": "2.00", "615": "-2.00"}
    office.call("POST", path, {"Status": "DELETED"})
    assert office.balances() == {}
    assert office.refusal("POST", path, {"Reference": "x"}) == ["Bank transaction not of valid status for modification"]


def test_a_voided_manual_journal_leaves_the_ledger(office: Office) -> None:
    lines = [{"LineAmount": 5, "AccountCode": "404"}, {"LineAmount": -5, "AccountCode": "206"}]
    journal = {"Narration": "accrual", "Date": DAY, "Status": "POSTED", "JournalLines": lines}
    [created] = office.put("ManualJournals", journal)
    office.call("POST", f"ManualJournals/{created['ManualJournalID']}", {"Status": "VOIDED"})
    assert office.balances() == {}
