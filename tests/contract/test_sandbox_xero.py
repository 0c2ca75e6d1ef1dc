"""The simulated Xero books, refuses and answers as sources.md Xero says; its own OpenAPI file judges every answer."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.xero.app import create_app
from tests.contract.served_app import serve
from tests.contract.xero_office import COMPANY, DAY, Office, credit_note, exact, invoice, line, payment

PLENTY: dict[str, Any] = {"calls_per_minute": 10_000, "calls_at_once": 50}
TOO_MUCH = "Payment amount exceeds the amount outstanding on this document"
PAYMENT_DAY = "/Date(1772496000000+0000)/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("xero")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with serve(create_app(folder)) as address:
        yield address


@pytest.fixture
def office(url: str, request: pytest.FixtureRequest) -> Office:
    """An organisation of the test's own."""
    return Office(url, company=COMPANY | {"name": request.node.name}, **PLENTY)


def test_an_invoice_and_its_payment_move_receivables_sales_tax_and_clearing(office: Office) -> None:
    [created] = office.put("Invoices", invoice("INV-1"))
    assert (created["Total"], created["TotalTax"], created["AmountDue"]) == (*map(Decimal, ("53.77", "3.87", "53.77")),)
    assert office.balances() == {"610": "53.77", "200": "-49.90", "820": "-3.87"}
    [paid] = office.put("Payments", payment("INV-1", 53.77))
    assert (paid["Date"], paid["PaymentType"], paid["Status"]) == (PAYMENT_DAY, "ACCRECPAYMENT", "AUTHORISED")
    assert office.balances() == {"615": "53.77", "200": "-49.90", "820": "-3.87"}
    [read] = office.get("Invoices/INV-1")["Invoices"]
    assert (read["Status"], read["AmountDue"], read["FullyPaidOnDate"]) == ("PAID", Decimal("0.00"), PAYMENT_DAY)


def test_a_fee_and_a_payout_leave_clearing_as_spend_money_and_transfer(office: Office) -> None:
    fee = {
        "Type": "SPEND",
        "Contact": {"Name": "Stripe"},
        "BankAccount": {"Code": "615"},
        "LineItems": [line(Description="Fees", UnitAmount=1.86, AccountCode="404", TaxType="NONE", TaxAmount=0)],
        "Date": DAY,
        "Reference": "po_1 2026-03",
    }
    transfer = {"FromBankAccount": {"Code": "615"}, "ToBankAccount": {"Code": "090"}, "Amount": 51.91, "Date": DAY}
    office.put("BankTransactions", fee)
    office.put("BankTransfers", transfer | {"Reference": "po_1"})
    assert office.balances() == {"404": "1.86", "615": "-53.77", "090": "51.91"}
    [found] = office.get("BankTransfers", where='Reference=="po_1"')["BankTransfers"]
    assert set(found["ToBankAccount"]) == {"AccountID", "Name"}


def test_settling_a_foreign_invoice_at_another_rate_books_the_realised_gain(office: Office) -> None:
    lamps = [line(UnitAmount=97.00, TaxType="TAX003", TaxAmount=17.00)]
    office.put("Invoices", invoice("INV-1", CurrencyCode="GBP", CurrencyRate=0.8, LineItems=lamps))
    assert office.balances() == {"610": "142.50", "200": "-121.25", "820": "-21.25"}
    office.put("Payments", payment("INV-1", 114.00, CurrencyRate=0.78125, BankAmount=145.92))
    assert office.balances() == {"615": "145.92", "200": "-121.25", "820": "-21.25", "499": "-3.42"}


def test_partial_payments_of_a_foreign_invoice_leave_no_cent_on_receivables(office: Office) -> None:
    lamps = [line(UnitAmount=10.00, TaxType="TAX005", TaxAmount=0)]
    office.put("Invoices", invoice("INV-1", CurrencyCode="GBP", CurrencyRate=0.813008, LineItems=lamps))
    for part in (3.33, 3.33, 3.34):
        office.put("Payments", payment("INV-1", part, CurrencyRate=0.813008))
    assert "610" not in office.balances()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"Contact": {}}, "A Contact must be specified for this type of transaction", id="no-contact"),
        pytest.param({"DueDate": None}, "The document DueDate field must be specified.", id="no-due-date"),
        pytest.param({"LineItems": []}, "One or more line items must be specified", id="no-lines"),
        pytest.param({"Type": "SALE"}, "The Type 'SALE' is not one of ACCREC, ACCPAY.", id="type"),
        pytest.param({"Status": "PAID"}, "Invoice not of valid status for creation", id="status"),
        pytest.param({"CurrencyCode": "EUR"}, "Organisation is not subscribed to currency EUR", id="currency"),
        pytest.param(
            {"LineItems": [line(AccountCode="999")]},
            "Account code '999' is not a valid code for this document.",
            id="account",
        ),
        pytest.param(
            {"LineItems": [line(TaxType="TAX999")]},
            "The TaxType code 'TAX999' does not exist or cannot be used for this type of transaction.",
            id="tax-type",
        ),
        pytest.param(
            {"LineItems": [line(Quantity=3, UnitAmount=5.2633, LineAmount=15.79)]},
            "The line total 15.79 does not match the expected line total 15.78",
            id="line-amount-at-two-decimals",
        ),
        pytest.param({"LineItems": [line(ItemCode="NO-SUCH")]}, "Item code 'NO-SUCH' is not valid", id="item"),
        pytest.param(
            {"LineItems": [line(TaxType="NONE", TaxAmount=1)]},
            "The tax amount must be zero for the tax rate 'NONE'; it is 1.00.",
            id="tax-where-there-is-none",
        ),
        pytest.param(
            {"LineItems": [line(Tracking=[{"Name": "Region", "Option": "East"}])]},
            "The tracking category 'Region' does not exist.",
            id="tracking",
        ),
    ],
)
def test_an_invoice_with_a_fault_is_refused_and_leaves_nothing(
    office: Office, fields: dict[str, Any], message: str
) -> None:
    assert office.refusal("PUT", "Invoices", invoice("INV-1", **fields)) == [message]
    assert office.get("Invoices")["Invoices"] == []
    assert office.balances() == {}


def test_four_decimals_of_the_unit_amount_are_kept_when_asked_for(office: Office) -> None:
    thirds = [line(Quantity=3, UnitAmount=5.2633, LineAmount=15.79)]
    office.put("Invoices", invoice("INV-1", LineItems=thirds), unitdp=4)
    [full] = office.get("Invoices/INV-1", unitdp=4)["Invoices"]
    [short] = office.get("Invoices/INV-1")["Invoices"]
    assert full["LineItems"][0]["UnitAmount"] == Decimal("5.2633")
    assert short["LineItems"][0]["UnitAmount"] == Decimal("5.26")
    assert full["LineItems"][0]["LineAmount"] == short["LineItems"][0]["LineAmount"] == Decimal("15.79")


def test_one_bad_invoice_of_a_batch_spoils_it_unless_errors_are_not_summarised(office: Office) -> None:
    batch = [invoice("INV-1"), invoice("INV-2", LineItems=[line(AccountCode="999")]), invoice("INV-3")]
    assert len(office.refusal("PUT", "Invoices", *batch)) == 1
    assert office.get("Invoices")["Invoices"] == []
    answers = office.put("Invoices", *batch, summarizeErrors="false")
    assert [answer["StatusAttributeString"] for answer in answers] == ["OK", "ERROR", "OK"]
    assert answers[1]["ValidationErrors"] == [{"Message": "Account code '999' is not a valid code for this document."}]
    assert [one["InvoiceNumber"] for one in office.get("Invoices")["Invoices"]] == ["INV-1", "INV-3"]


def test_an_invoice_number_is_taken_until_its_draft_is_deleted(office: Office) -> None:
    office.put("Invoices", invoice("INV-1", Status="DRAFT"))
    assert office.refusal("PUT", "Invoices", invoice("INV-1")) == ["Invoice # must be unique."]
    office.call("POST", "Invoices/INV-1", {"Status": "DELETED"})
    office.put("Invoices", invoice("INV-1"))


def test_post_updates_the_invoice_of_that_number_and_replaces_its_lines(office: Office) -> None:
    [first] = office.put("Invoices", invoice("INV-1"))
    answer = office.call(
        "POST", "Invoices", {"Invoices": [invoice("INV-1", LineItems=[line(Quantity=2, TaxAmount=7.74)])]}
    )
    [second] = exact(answer)["Invoices"]
    assert second["InvoiceID"] == first["InvoiceID"]
    assert second["LineItems"][0]["LineItemID"] != first["LineItems"][0]["LineItemID"]
    assert office.balances() == {"610": "107.54", "200": "-99.80", "820": "-7.74"}


def test_a_voided_invoice_leaves_the_ledger_and_can_not_be_changed(office: Office) -> None:
    office.put("Invoices", invoice("INV-1"))
    assert office.call("POST", "Invoices/INV-1", {"Status": "VOIDED"}).ok
    assert office.balances() == {}
    assert office.refusal("POST", "Invoices/INV-1", {"Reference": "x"}) == [
        "Invoice not of valid status for modification"
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"Amount": 53.78}, TOO_MUCH, id="too-much"),
        pytest.param({"Amount": 0}, "The Amount must be greater than zero.", id="nothing"),
        pytest.param({"Account": {"Code": "999"}}, "Account could not be found", id="no-account"),
        pytest.param({"Invoice": {"InvoiceNumber": "INV-9"}}, "Invoice could not be found", id="no-invoice"),
        pytest.param(
            {"Account": {"Code": "200"}},
            "Account type is invalid for payments: use a bank account or enable payments to the account.",
            id="account-without-payments",
        ),
    ],
)
def test_a_payment_with_a_fault_is_refused(office: Office, fields: dict[str, Any], message: str) -> None:
    office.put("Invoices", invoice("INV-1"))
    assert office.refusal("PUT", "Payments", payment("INV-1", 53.77) | fields) == [message]
    assert office.balances()["610"] == "53.77"


def test_a_deleted_payment_opens_its_invoice_again(office: Office) -> None:
    office.put("Invoices", invoice("INV-1"))
    [paid] = office.put("Payments", payment("INV-1", 53.77))
    [deleted] = exact(office.call("POST", f"Payments/{paid['PaymentID']}", {"Status": "DELETED"}))["Payments"]
    [read] = office.get("Invoices/INV-1")["Invoices"]
    assert (deleted["Status"], read["Status"], read["AmountDue"]) == ("DELETED", "AUTHORISED", Decimal("53.77"))
    assert office.balances() == {"610": "53.77", "200": "-49.90", "820": "-3.87"}


def test_payments_are_found_by_their_invoice_and_reference(office: Office) -> None:
    first, _ = office.put("Invoices", invoice("INV-1"), invoice("INV-2"))
    office.put("Payments", payment("INV-1", 53.77), payment("INV-2", 53.77))
    where = f'Invoice.InvoiceID==guid("{first["InvoiceID"]}") AND Reference=="ch_1 INV-1"'
    [found] = office.get("Payments", where=where)["Payments"]
    assert found["Invoice"]["InvoiceNumber"] == "INV-1"
    assert found["Account"].keys() == {"AccountID", "Name"}


def test_a_credit_note_is_allocated_and_its_rest_paid_back(office: Office) -> None:
    office.put("Invoices", invoice("INV-1"))
    office.put("Payments", payment("INV-1", 40.00))
    [note] = office.put("CreditNotes", credit_note("CN-1"))
    target = {"Invoice": {"InvoiceNumber": "INV-1"}, "Amount": 13.77, "Date": DAY}
    [allocation] = office.put(f"CreditNotes/{note['CreditNoteID']}/Allocations", target)
    assert allocation["Amount"] == Decimal("13.77")
    back = {"CreditNote": {"CreditNoteNumber": "CN-1"}, "Account": {"Code": "615"}, "Amount": 40.00, "Date": DAY}
    [refund] = office.put("Payments", back)
    assert refund["PaymentType"] == "ARCREDITPAYMENT"
    [read] = office.get("CreditNotes/CN-1")["CreditNotes"]
    [settled] = office.get("Invoices/INV-1")["Invoices"]
    assert (read["Status"], read["RemainingCredit"]) == ("PAID", Decimal("0.00"))
    assert (settled["Status"], settled["AmountCredited"]) == ("PAID", Decimal("13.77"))
    assert office.balances() == {"200": "-49.90", "205": "49.90"}


def test_a_deleted_allocation_opens_both_documents_again(office: Office) -> None:
    office.put("Invoices", invoice("INV-1"))
    [note] = office.put("CreditNotes", credit_note("CN-1"))
    path = f"CreditNotes/{note['CreditNoteID']}/Allocations"
    [answer] = office.put(path, {"Invoice": {"InvoiceNumber": "INV-1"}, "Amount": 53.77, "Date": DAY})
    [listed] = office.get("CreditNotes", page=1)["CreditNotes"]
    assert "AllocationID" not in answer
    assert "AllocationID" not in listed["Allocations"][0]
    [allocation] = office.get(f"CreditNotes/{note['CreditNoteID']}")["CreditNotes"][0]["Allocations"]
    assert office.call("DELETE", f"{path}/{allocation['AllocationID']}").json()["IsDeleted"] is True
    [read] = office.get("Invoices/INV-1")["Invoices"]
    assert (read["Status"], read["AmountDue"]) == ("AUTHORISED", Decimal("53.77"))


def test_an_allocation_above_the_remaining_credit_is_refused(office: Office) -> None:
    office.put("Invoices", invoice("INV-1", LineItems=[line(Quantity=2, TaxAmount=7.74)]))
    [note] = office.put("CreditNotes", credit_note("CN-1"))
    element = {"Invoice": {"InvoiceNumber": "INV-1"}, "Amount": 60, "Date": DAY}
    answer = office.call("PUT", f"CreditNotes/{note['CreditNoteID']}/Allocations", {"Allocations": [element]})
    [refused] = answer.json()["Elements"]
    assert refused["ValidationErrors"] == [{"Message": "Amount exceeds the remaining credit on this credit note"}]


def test_nothing_is_booked_on_or_before_a_lock_date(office: Office) -> None:
    [paid] = office.put("Invoices", invoice("INV-1"))
    office.admin("PUT", f"organisation?tenant_id={office.tenant_id}", {"PeriodLockDate": DAY})
    locked = ["The document date cannot be before the period lock date, currently set at 03-Mar-2026"]
    assert office.refusal("PUT", "Invoices", invoice("INV-2")) == locked
    assert office.refusal("POST", f"Invoices/{paid['InvoiceID']}", {"Status": "VOIDED"}) == locked
    office.put("Invoices", invoice("INV-2", Date="2026-03-04", DueDate="2026-03-04"))


def test_a_manual_journal_has_to_balance_and_to_keep_off_control_accounts(office: Office) -> None:
    def journal(debit: float, account: str = "404") -> dict[str, Any]:
        lines = [{"LineAmount": debit, "AccountCode": account}, {"LineAmount": -5.00, "AccountCode": "206"}]
        return {"Narration": "accrual", "Date": DAY, "Status": "POSTED", "JournalLines": lines}

    assert office.refusal("PUT", "ManualJournals", journal(6.00)) == [
        "The total debits (6.00) must equal total credits (5.00)"
    ]
    for kept in ("615", "960"):  # a bank account, retained earnings
        assert "can't be used in a Manual Journal" in office.refusal("PUT", "ManualJournals", journal(5.00, kept))[0]
    office.put("ManualJournals", journal(5.00))
    assert office.balances() == {"404": "5.00", "206": "-5.00"}


def test_a_contact_s_name_is_unique_among_active_ones(office: Office) -> None:
    [ann] = office.put("Contacts", {"Name": "Ann Archer", "ContactNumber": "c1", "EmailAddress": "ann@example.com"})
    [message] = office.refusal("PUT", "Contacts", {"Name": "ann archer", "ContactNumber": "c2"})
    assert message.startswith("The contact name ann archer is already assigned to another contact.")
    office.call("POST", f"Contacts/{ann['ContactID']}", {"ContactStatus": "ARCHIVED"})
    [other] = office.put("Contacts", {"Name": "Ann Archer", "ContactNumber": "c2"})
    assert other["ContactID"] != ann["ContactID"]


@pytest.mark.parametrize(
    "where",
    [
        pytest.param('ContactNumber=="c1"', id="number"),
        pytest.param('EmailAddress=="ann@example.com"', id="e-mail"),
        pytest.param('Name.ToLower()=="ann archer" AND ContactStatus!="ARCHIVED"', id="two-conditions"),
        pytest.param('(Name=="Nobody" OR Name.StartsWith("Ann")) && IsCustomer==false', id="parentheses"),
        pytest.param("EmailAddress!=null AND UpdatedDateUTC>=DateTime(2020, 01, 01)", id="null-and-date"),
        pytest.param('Name.contains("Arch") AND Name.toLower()=="ann archer"', id="methods-in-lower-case"),
    ],
)
def test_contacts_are_found_by_where(office: Office, where: str) -> None:
    office.put("Contacts", {"Name": "Ann Archer", "ContactNumber": "c1", "EmailAddress": "ann@example.com"})
    office.put("Contacts", {"Name": "Ben Boyd", "ContactNumber": "c2", "EmailAddress": None})
    found = office.get("Contacts", where=where)["Contacts"]
    assert "Ann Archer" in [contact["Name"] for contact in found]


@pytest.mark.parametrize(
    "where",
    ['Nothing=="x"', 'Name=="x', "Name==", 'Name.Drop("x")', r'Name=="The \"Inn\""', 'Name=="a""b"', r'Name=="C:\\x"'],
)
def test_a_where_that_xero_can_not_parse_is_answered_400(office: Office, where: str) -> None:
    answer = office.call("GET", "Contacts", params={"where": where})
    assert (answer.status_code, answer.json()["Type"]) == (400, "QueryParseException")


def test_payment_terms_have_a_day_that_may_be_0_and_a_type_and_replace_those_there_were(office: Office) -> None:
    """XeroAPI/Xero-Net#199."""
    both = "Both Day and Type must be supplied when adding or updating payment terms"
    for half in ({"Day": 0}, {"Type": "OFCURRENTMONTH"}, {}):
        assert office.refusal("PUT", "Contacts", {"Name": "Ann", "PaymentTerms": {"Sales": half}}) == [both]
    [wrong] = office.refusal(
        "PUT", "Contacts", {"Name": "A", "PaymentTerms": {"Bills": {"Day": 32, "Type": "OFCURRENTMONTH"}}}
    )
    assert "32 OFCURRENTMONTH" in wrong
    sales, bills = ({"Day": day, "Type": "DAYSAFTERBILLDATE"} for day in (0, 14))
    office.put("Contacts", {"Name": "Ann", "PaymentTerms": {"Sales": sales}})
    [held] = office.call("POST", "Contacts", {"Name": "Ann", "PaymentTerms": {"Bills": bills}}).json()["Contacts"]
    assert held["PaymentTerms"] == {"Bills": bills}


@pytest.mark.parametrize("email", ["ann", "ann@", "ann@example", "an n@example.com"])
def test_an_e_mail_address_that_is_none_is_refused(office: Office, email: str) -> None:
    assert office.refusal("PUT", "Contacts", {"Name": "Ann", "EmailAddress": email}) == ["Email address must be valid."]


def test_a_discount_of_more_than_all_is_refused(office: Office) -> None:
    [message] = office.refusal("PUT", "Invoices", invoice("INV-1", LineItems=[line(DiscountRate=100.01)]))
    assert message.startswith("Discount must be between 0 and 100")


def test_pages_hold_line_items_and_say_how_many_there_are(office: Office) -> None:
    office.put("Invoices", *[invoice(f"INV-{number}") for number in range(5)])
    page = office.get("Invoices", page=2, pageSize=2, order="InvoiceNumber DESC")
    assert [one["InvoiceNumber"] for one in page["Invoices"]] == ["INV-2", "INV-1"]
    assert page["pagination"] == {"page": 2, "pageSize": 2, "pageCount": 3, "itemCount": 5}
    assert page["Invoices"][0]["LineItems"]
    assert "LineItems" not in office.get("Invoices")["Invoices"][0]
    found = office.get("Invoices", InvoiceNumbers="INV-1,INV-3")["Invoices"]
    assert [one["InvoiceNumber"] for one in found] == ["INV-1", "INV-3"]


def test_only_what_changed_since_is_read_and_the_clock_is_never_behind_it(office: Office) -> None:
    office.admin("PUT", "clock", {"now": "2027-03-02T15:00:00Z"})
    office.put("Invoices", invoice("INV-1"))
    office.admin("PUT", "clock", {"now": "2027-03-02T16:00:00Z"})
    office.put("Invoices", invoice("INV-2"))
    office.put("Payments", payment("INV-1", 53.77))
    since = {"If-Modified-Since": "2027-03-02T16:00:00"}
    answer = office.call("GET", "Invoices", headers=since)
    assert [one["InvoiceNumber"] for one in answer.json()["Invoices"]] == ["INV-1", "INV-2"]
    assert answer.headers["Date"] == "Tue, 02 Mar 2027 16:00:01 GMT"
    assert office.call("GET", "Invoices", headers={"If-Modified-Since": "2027-03-02T16:00:01"}).json()["Invoices"] == []


def test_a_key_gives_the_first_answer_again_and_refuses_another_body(office: Office) -> None:
    key = {"Idempotency-Key": "delivery-1"}
    first = office.call("PUT", "Invoices", {"Invoices": [invoice("INV-1")]}, headers=key)
    again = office.call("PUT", "Invoices", {"Invoices": [invoice("INV-1")]}, headers=key)
    other = office.call("PUT", "Invoices", {"Invoices": [invoice("INV-2")]}, headers=key)
    assert again.content == first.content
    assert other.status_code == 400
    assert len(office.get("Invoices")["Invoices"]) == 1


def test_the_trial_balance_balances_and_agrees_with_the_ledger(office: Office) -> None:
    office.put("Invoices", invoice("INV-0", Date="2025-12-30", DueDate="2025-12-30"), invoice("INV-1"))
    office.put("Payments", payment("INV-1", 53.77))
    [report] = office.get("Reports/TrialBalance", date="2026-03-31")["Reports"]
    rows = {
        row["Cells"][0]["Value"]: [cell["Value"] for cell in row["Cells"][1:]]
        for section in report["Rows"][1:]
        for row in section["Rows"]
    }
    assert rows["Sales (200)"] == ["", "49.90", "", "49.90"]
    assert rows["Receivables (610)"] == ["0.00", "", "53.77", ""]
    assert rows["Retained Earnings (960)"] == ["0.00", "", "", "49.90"]
    assert rows["Total"][2] == rows["Total"][3]


def test_master_data_comes_from_the_company_file(office: Office) -> None:
    accounts = {one["Code"]: one for one in office.get("Accounts")["Accounts"]}
    assert accounts["610"]["SystemAccount"] == "DEBTORS"
    assert accounts["499"]["SystemAccount"] == "REALISEDCURRENCYGAIN"
    assert accounts["615"]["Type"] == accounts["090"]["Type"] == "BANK"
    [rate] = office.get("TaxRates", where='TaxType=="TAX001"')["TaxRates"]
    assert rate["EffectiveRate"] == Decimal("7.75")
    assert [(part["Name"], part["Rate"]) for part in rate["TaxComponents"]] == [
        ("MA-STATE", Decimal("6.25")),
        ("MA-COUNTY", Decimal("1.5")),
    ]
    [organisation] = office.get("Organisation")["Organisations"]
    assert organisation["BaseCurrency"] == "USD"
    assert [item["Code"] for item in office.get("Items")["Items"]] == ["LAMP-01"]


def test_writers_at_two_servers_over_one_folder_book_each_invoice_once(office: Office, folder: Path) -> None:
    def write(batch: int) -> requests.Response:
        invoices = [invoice(f"INV-{batch}-{number}") for number in range(10)]
        url = f"{office.url if batch % 2 else other}/api.xro/2.0/Invoices"
        return requests.put(url, json={"Invoices": invoices}, headers=dict(office.session.headers), timeout=60)

    with serve(create_app(folder)) as other, ThreadPoolExecutor(8) as pool:
        assert {answer.status_code for answer in pool.map(write, range(12))} == {200}
    assert office.balances() == {"610": "6452.40", "200": "-5988.00", "820": "-464.40"}
    assert len(office.get("Contacts")["Contacts"]) == 1


def test_two_organisations_keep_their_books_apart(office: Office) -> None:
    other = Office(office.url, company=COMPANY | {"name": "Tide Mill"})
    other.put("Invoices", invoice("INV-1"))
    office.put("Invoices", invoice("INV-1"), invoice("INV-2"))
    assert (other.balances()["610"], office.balances()["610"]) == ("53.77", "107.54")


def test_a_bookkeeper_enters_a_payment_and_voids_what_is_unpaid(office: Office) -> None:
    office.put("Invoices", invoice("INV-1"), invoice("INV-2"))
    ours = f"tenant_id={office.tenant_id}"
    paid = office.admin("POST", f"payments?{ours}", {"number": "INV-1", "amount": "53.77", "account": "615", "on": DAY})
    assert (paid["PaymentType"], office.get("Invoices/INV-1")["Invoices"][0]["Status"]) == (
        "ACCRECPAYMENT",
        "PAID",
    )
    assert office.admin("POST", f"void?{ours}", {"number": "INV-2"})["Status"] == "VOIDED"
    for route, body in (
        ("void", {"number": "INV-1"}),
        ("payments", {"number": "INV-2", "amount": "1", "account": "615"}),
    ):
        refused = requests.post(f"{office.url}/_sandbox/{route}?{ours}", json=body, timeout=10)
        assert refused.status_code == 409, refused.text
