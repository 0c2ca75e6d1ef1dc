"""The Xero hook against the simulated Xero, over a socket: create, repeat, lose the answer, refuse, read."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from airflow.sdk.crypto import get_fernet
from cryptography.fernet import Fernet
from sqlalchemy import Engine, select, update

from hooks.xero.books import XeroBooks
from hooks.xero.hook import XeroHook
from hooks.xero.sources import leave_heap_alone
from ledgerbridge.audit import Actor
from ledgerbridge.delivery import Delivered, Deliverer
from ledgerbridge.entities import Document, Master, Outcome, RawRecord, Window
from ledgerbridge.errors import ConfigurationError, RecordRejected, TargetConflict, TransientError
from ledgerbridge.reconciliation import Booked, KeptRecord, Totals
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from ledgerbridge.state.reader import DatabaseReader
from sandbox.xero.app import create_app
from tests.contract.consent_page import decide
from tests.contract.served_app import serve
from tests.contract.xero_connection import FERNET_KEY, hook_on, provide_state, source, target

COMPANY: dict[str, Any] = {
    "name": "Harbor Light Supply",
    "base_currency": "USD",
    "time_zone": "America/New_York",
    "accounts": [
        {"role": role, "xero": code}
        for role, code in {
            "receivables": "610",
            "clearing": "615",
            "bank": "090",
            "tax_payable": "820",
            "sales": "200",
            "returns": "205",
            "shipping_income": "210",
            "fees": "404",
            "fx_gain_loss": "499",
            "rounding": "860",
        }.items()
    ],
    "tax_details": [{"detail": "MA-STATE", "rate": "0.0625"}, {"detail": "MA-COUNTY", "rate": "0.0150"}],
    "xero_tax_rates": [{"tax_type": "TAX001", "name": "MA", "details": ["MA-STATE", "MA-COUNTY"]}],
    "items": [{"sku": "LAMP-01", "title": "Desk lamp", "cost": "21.40"}],
    "currencies": [{"code": "GBP", "rate": "1.25"}],
}
SCOPES = "accounting.transactions accounting.contacts accounting.settings accounting.reports.read"
DAY = date(2026, 3, 3)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with serve(create_app(tmp_path / "xero")) as url:
        yield url


@pytest.fixture
def tenant(address: str) -> str:
    order(address, "PUT", "clock", {"now": "2026-03-03T15:00:00Z"})
    seed = {"company": COMPANY, "client_id": "app", "client_secret": "pa55-phrase"}
    return str(order(address, "POST", "seed", seed)["tenant_id"])


@pytest.fixture
def hook(address: str, tenant: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> XeroHook:
    provide_state(monkeypatch, tmp_path)
    return hook_on(monkeypatch, address, scopes=SCOPES, tenant_id="")


@pytest.fixture
def contact_id(hook: XeroHook) -> str:
    (outcome,) = target(hook, "contact").send([customer()])
    assert outcome.target_id is not None, outcome.error
    return outcome.target_id


def order(address: str, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    response = requests.request(method, f"{address}/_sandbox/{path}", json=body, timeout=30)
    assert response.ok, response.text
    answer: dict[str, Any] = response.json()
    return answer


def order_fault(address: str, entity: str, fault: dict[str, Any]) -> None:
    """What goes wrong with the next document of this entity."""
    order(address, "POST", "faults", {"method": "PUT", "path": f"/api.xro/2.0/{PATHS[entity]}", **fault})


def balances(address: str) -> dict[str, str]:
    accounts: dict[str, str] = order(address, "GET", "ledger")["accounts"]
    return {code: balance for code, balance in accounts.items() if Decimal(balance)}


def customer(number: str = "ANN1", **header: Any) -> Document:
    fields = {"ContactNumber": number, "Name": "Ann Archer", "EmailAddress": f"{number.lower()}@example.com"}
    parts = {"addresses": [{"AddressType": "STREET", "AddressLine1": "12 Harbor Street", "City": "Salem"}]}
    return Document(f"shopify:us:customer:{number}", f"contact {number}", fields | header, parts)


def invoice(contact_id: str, number: str = "STDINV1001", total: str = "53.77", **header: Any) -> Document:
    fields = {
        "Type": "ACCREC",
        "InvoiceNumber": number,
        "Reference": "#1001",
        "Date": DAY,
        "DueDate": DAY,
        "Contact.ContactID": contact_id,
        "CurrencyCode": "USD",
        "CurrencyRate": Decimal(1),
        "LineAmountTypes": "Exclusive",
        "Status": "AUTHORISED",
        "_expected.Total": Decimal(total),
    }
    return Document(f"gp:HLS:sales_invoice:{number}", f"invoice {number}", fields | header, {"lines": [lamp()]})


def lamp(**fields: Any) -> dict[str, Any]:
    line = {
        "Description": "Desk lamp",
        "Quantity": 1,
        "UnitAmount": Decimal("49.90"),
        "LineAmount": Decimal("49.90"),
        "AccountCode": "200",
        "TaxType": "TAX001",
        "TaxAmount": Decimal("3.87"),
    }
    return line | fields


def payment(amount: str = "53.77", reference: str = "ch_1001 STDINV1001", **header: Any) -> Document:
    fields = {
        "Invoice.InvoiceNumber": "STDINV1001",
        "Account.Code": "615",
        "Date": DAY,
        "Amount": Decimal(amount),
        "Reference": reference,
    }
    return Document(f"stripe:acct_1:charge:{reference}", f"payment {reference}", fields | header)


def fee(reference: str = "po_1 2026-03", **header: Any) -> Document:
    fields = {
        "Type": "SPEND",
        "Contact.Name": "Stripe",
        "BankAccount.Code": "615",
        "Date": DAY,
        "Reference": reference,
        "LineAmountTypes": "NoTax",
        "_expected.Total": Decimal("1.86"),
    }
    line = {"Description": "Fees", "Quantity": 1, "UnitAmount": Decimal("1.86"), "AccountCode": "404"}
    return Document(f"stripe:acct_1:fees:{reference}", f"fee {reference}", fields | header, {"lines": [line]})


def transfer(reference: str = "po_1", **header: Any) -> Document:
    fields = {
        "FromBankAccount.Code": "615",
        "ToBankAccount.Code": "090",
        "Date": date(2026, 3, 5),
        "Amount": Decimal("51.91"),
        "Reference": reference,
    }
    return Document(f"stripe:acct_1:payout:{reference}", f"transfer {reference}", fields | header)


def credit_note(contact_id: str, number: str = "RTN1", **header: Any) -> Document:
    fields = {
        "Type": "ACCRECCREDIT",
        "CreditNoteNumber": number,
        "Reference": "#1001",
        "Date": DAY,
        "Contact.ContactID": contact_id,
        "LineAmountTypes": "Exclusive",
        "Status": "AUTHORISED",
        "_expected.Total": Decimal("10.78"),
    }
    line = lamp(
        UnitAmount=Decimal(10), LineAmount=Decimal(10), TaxAmount=Decimal("0.78"), AccountCode="205", Quantity=1
    )
    return Document(f"gp:HLS:sales_return:{number}", f"credit {number}", fields | header, {"lines": [line]})


def journal(narration: str = "Rounding of March, run 7") -> Document:
    header = {"Narration": narration, "Date": DAY, "Status": "POSTED", "LineAmountTypes": "NoTax"}
    amounts = {"404": Decimal("0.01"), "205": Decimal("-0.01")}
    lines = [{"LineAmount": amount, "AccountCode": code, "Description": "Cent"} for code, amount in amounts.items()]
    return Document(f"ledgerbridge:rounding:{narration}", f"journal {narration}", header, {"lines": lines})


def accepted(outcomes: list[Outcome]) -> list[Outcome]:
    assert [str(outcome.error) for outcome in outcomes if outcome.error] == []
    return outcomes


def refused(outcomes: list[Outcome]) -> RecordRejected:
    (outcome,) = outcomes
    assert isinstance(outcome.error, RecordRejected)
    return outcome.error


def read(hook: XeroHook, entity: str, since: datetime | None = None, until: datetime | None = None) -> list[RawRecord]:
    return [record for page in source(hook, entity).read(Window(since, until)) for record in page]


def test_the_connection_finds_its_only_organisation(hook: XeroHook, tenant: str) -> None:
    assert hook.test_connection() == (True, "Organisation Harbor Light Supply, base currency USD.")
    assert hook.tenant_id == tenant
    assert hook.clock() >= datetime.fromisoformat("2026-03-03T15:00:00+00:00")


def test_the_time_is_asked_for_once_and_then_told_by_each_answer(hook: XeroHook, address: str) -> None:
    first = hook.clock()
    left = calls_left(hook)
    assert first <= hook.clock() < first + timedelta(minutes=5)
    assert calls_left(hook) == left - 1  # the one that asked
    order(address, "PUT", "clock", {"now": (first + timedelta(hours=1)).isoformat()})
    calls_left(hook)
    assert hook.clock() >= first + timedelta(hours=1)


def calls_left(hook: XeroHook) -> int:
    hook.get("Organisation")
    calls = hook.calls_left()
    assert calls is not None
    return calls[0]


def test_the_plain_order_leaves_the_books_it_should(hook: XeroHook, address: str, contact_id: str) -> None:
    (sent,) = accepted(target(hook, "invoice").send([invoice(contact_id)]))
    assert (sent.number, sent.content["Total"], sent.content["TotalTax"]) == ("STDINV1001", "53.77", "3.87")
    accepted(target(hook, "payment").send([payment()]))
    accepted(target(hook, "bank_transaction").send([fee()]))
    accepted(target(hook, "bank_transfer").send([transfer()]))
    assert balances(address) == {"090": "51.91", "200": "-49.90", "404": "1.86", "820": "-3.87"}
    (shown,) = order(address, "GET", "ledger")["invoices"]
    assert (shown["number"], shown["Total"], shown["AmountDue"]) == ("STDINV1001", "53.77", "0.00")


ENTITIES = [
    "contact",
    "invoice",
    "payment",
    "bank_transaction",
    "bank_transfer",
    "credit_note",
    "allocation",
    "manual_journal",
]


PATHS = {
    "contact": "Contacts",
    "invoice": "Invoices",
    "payment": "Payments",
    "bank_transaction": "BankTransactions",
    "bank_transfer": "BankTransfers",
    "credit_note": "CreditNotes",
    "allocation": "CreditNotes",
    "manual_journal": "ManualJournals",
}
ENTITIES = list(PATHS)


@pytest.fixture
def document(request: pytest.FixtureRequest, hook: XeroHook, contact_id: str) -> Document:
    entity = request.param
    if entity in ("payment", "allocation"):
        accepted(target(hook, "invoice").send([invoice(contact_id)]))
    if entity == "allocation":
        accepted(target(hook, "credit_note").send([credit_note(contact_id)]))
        fields = {"CreditNote.CreditNoteNumber": "RTN1", "Invoice.InvoiceNumber": "STDINV1001"}
        return Document("gp:HLS:application:1", "allocation", fields | {"Amount": Decimal("10.78"), "Date": DAY})
    made: dict[str, Document] = {
        "contact": customer("BEN1", Name="Ben Okafor"),
        "invoice": invoice(contact_id),
        "payment": payment(),
        "bank_transaction": fee(),
        "bank_transfer": transfer(),
        "credit_note": credit_note(contact_id),
        "manual_journal": journal(),
    }
    return made[entity]


@pytest.mark.parametrize(("document", "entity"), zip(ENTITIES, ENTITIES, strict=True), indirect=["document"])
def test_what_was_sent_is_found_without_differences(hook: XeroHook, document: Document, entity: str) -> None:
    assert target(hook, entity).find([document]) == {}
    (outcome,) = accepted(target(hook, entity).send([document]))
    found = target(hook, entity).find([document])[document.record_key]
    assert (found.target_id, found.differences) == (outcome.target_id, ())


@pytest.mark.parametrize(("document", "entity"), zip(ENTITIES, ENTITIES, strict=True), indirect=["document"])
def test_a_repetition_with_the_same_key_changes_nothing(
    hook: XeroHook, address: str, document: Document, entity: str
) -> None:
    (first,) = accepted(target(hook, entity).send([document]))
    books = balances(address)
    (second,) = accepted(target(hook, entity).send([document]))
    assert (second.target_id, balances(address)) == (first.target_id, books)


@pytest.mark.parametrize(("document", "entity"), zip(ENTITIES, ENTITIES, strict=True), indirect=["document"])
def test_a_document_whose_answer_was_lost_is_found(
    hook: XeroHook, address: str, document: Document, entity: str
) -> None:
    order(
        address,
        "POST",
        "faults",
        {"kind": "lost_after_commit", "method": "PUT", "path": f"/api.xro/2.0/{PATHS[entity]}"},
    )
    with pytest.raises(TransientError) as caught:
        target(hook, entity).send([document])
    assert caught.value.outcome_unknown
    assert target(hook, entity).find([document])[document.record_key].differences == ()


@pytest.mark.parametrize(("document", "entity"), zip(ENTITIES, ENTITIES, strict=True), indirect=["document"])
@pytest.mark.parametrize("fault", [{"kind": "lost_before_commit"}, {"kind": "status", "status": 503}], ids=str)
def test_a_document_that_never_arrived_is_not_found(
    hook: XeroHook, address: str, document: Document, entity: str, fault: dict[str, Any]
) -> None:
    order_fault(address, entity, fault)
    with pytest.raises(TransientError) as caught:
        target(hook, entity).send([document])
    assert caught.value.outcome_unknown
    assert target(hook, entity).find([document]) == {}
    accepted(target(hook, entity).send([document]))


ODD = 'The "Inn", \\ 100%_'
ODD_KEYS = {
    "contact": {"Name": ODD},
    "invoice": {"InvoiceNumber": ODD},
    "payment": {"Reference": ODD},
    "bank_transaction": {"Reference": ODD},
    "bank_transfer": {"Reference": ODD},
    "credit_note": {"CreditNoteNumber": ODD},
    "allocation": {"CreditNote.CreditNoteNumber": ODD},
    "manual_journal": {"Narration": ODD},
}


@pytest.mark.parametrize(("document", "entity"), zip(ENTITIES, ENTITIES, strict=True), indirect=["document"])
def test_a_name_or_number_that_no_filter_can_hold_is_sent_and_found(
    hook: XeroHook, contact_id: str, document: Document, entity: str
) -> None:
    """Xero can't parse a ``where`` with a quotation mark or a backslash in a text; a comma parts a list."""
    if entity == "allocation":
        accepted(target(hook, "credit_note").send([credit_note(contact_id, ODD)]))
    odd = replace(document, header=document.header | ODD_KEYS[entity])
    assert target(hook, entity).find([odd]) == {}
    (outcome,) = accepted(target(hook, entity).send([odd]))
    found = target(hook, entity).find([odd])[odd.record_key]
    assert (found.target_id, found.differences) == (outcome.target_id, ())
    assert target(hook, entity).find([document]) == {}


def test_a_refund_of_a_credit_note_whose_number_no_filter_can_hold_is_found(hook: XeroHook, contact_id: str) -> None:
    accepted(target(hook, "credit_note").send([credit_note(contact_id, ODD), credit_note(contact_id, f"{ODD}2")]))
    back = payment("10.78", "re_1")
    del back.header["Invoice.InvoiceNumber"]
    back.header["CreditNote.CreditNoteNumber"] = ODD
    other = replace(back, record_key="other", header={**back.header, "CreditNote.CreditNoteNumber": f"{ODD}2"})
    (outcome,) = accepted(target(hook, "payment").send([back]))
    found = target(hook, "payment").find([back])[back.record_key]
    assert (found.target_id, found.differences) == (outcome.target_id, ())
    assert target(hook, "payment").find([other]) == {}


@pytest.mark.parametrize("number", ["INV 7,8", "  INV-7 "], ids=["comma", "outer-blanks"])
def test_an_invoice_is_found_again_whatever_its_number_holds(hook: XeroHook, contact_id: str, number: str) -> None:
    document = invoice(contact_id, number)
    (sent,) = accepted(target(hook, "invoice").send([document]))
    found = target(hook, "invoice").find([document])[document.record_key]
    assert (found.target_id, found.differences) == (sent.target_id, ())
    paid = payment("53.77", " ch_7 ", **{"Invoice.InvoiceNumber": number})
    accepted(target(hook, "payment").send([paid]))
    assert target(hook, "payment").find([paid])[paid.record_key].differences == ()


def test_an_invoice_sent_again_with_another_key_is_adopted(hook: XeroHook, address: str, contact_id: str) -> None:
    (first,) = accepted(target(hook, "invoice").send([invoice(contact_id)]))
    again = replace(invoice(contact_id), idempotency_key="another")
    (second,) = accepted(target(hook, "invoice").send([again]))
    assert second.target_id == first.target_id
    assert len(order(address, "GET", "ledger")["invoices"]) == 1


def test_a_look_up_that_fails_after_invoices_were_sent_leaves_recorded_what_xero_answered(
    hook: XeroHook, address: str, contact_id: str, state_db: Engine
) -> None:
    """The number of one is taken, and Xero can't be asked by whom."""

    def deliver() -> list[str]:
        actor = Actor("order_to_cash", "invoice", "run-1", "load")
        deliverer = Deliverer(state_db, actor, "xero.invoice", target(hook, "invoice"), settle=timedelta(0))
        return [each.outcome for each in deliverer.deliver(documents, {})]

    def states() -> dict[str, str]:
        with transaction(state_db) as session:
            return {row.record_key[-4:]: row.state for row in session.scalars(select(Delivery))}

    accepted(target(hook, "invoice").send([invoice(contact_id)]))
    documents = [replace(invoice(contact_id), idempotency_key="another"), invoice(contact_id, "STDINV1002")]
    down = {"kind": "status", "status": 503, "method": "GET", "path": "/api.xro/2.0/Invoices", "times": None}
    order(address, "POST", "faults", down)
    with pytest.raises(TransientError):
        deliver()
    assert states() == {"1001": "sending", "1002": "delivered"}
    requests.delete(f"{address}/_sandbox/faults", timeout=30).raise_for_status()
    with transaction(state_db) as session:
        session.execute(update(Delivery).values(settles_at=None))  # the time a call may take is over
    assert sorted(deliver()) == ["delivered", "unchanged"]
    assert len(order(address, "GET", "ledger")["invoices"]) == 2


def test_contacts_that_were_updated_stay_so_when_xero_takes_no_more_new_ones(
    hook: XeroHook, address: str, contact_id: str
) -> None:
    renamed, new = customer(FirstName="Ann"), customer("BEN1", Name="Ben Bell")
    order_fault(address, "contact", {"kind": "status", "status": 503})
    updated, refused = target(hook, "contact").send([replace(renamed, idempotency_key="renamed"), new])
    assert (updated.target_id, updated.error) == (contact_id, None)
    assert isinstance(refused.error, TransientError)


def test_another_invoice_under_the_number_is_a_conflict(hook: XeroHook, contact_id: str) -> None:
    accepted(target(hook, "invoice").send([invoice(contact_id)]))
    other = replace(invoice(contact_id, Reference="#1002"), idempotency_key="another")
    error = refused(target(hook, "invoice").send([other]))
    assert isinstance(error, TargetConflict)
    assert "Reference is #1001 in Xero, expected #1002" in error.message


def test_one_bad_invoice_does_not_stop_the_others(hook: XeroHook, address: str, contact_id: str) -> None:
    documents = [invoice(contact_id, f"INV-{number}") for number in range(3)]
    documents[1].parts["lines"][0]["AccountCode"] = "999"
    outcomes = target(hook, "invoice").send(documents)
    assert [outcome.number for outcome in outcomes] == ["INV-0", None, "INV-2"]
    error = refused([outcomes[1]])
    assert (error.code, error.field, error.value) == ("LB-XERO-012", "lines[1].AccountCode", "999")
    assert balances(address)["200"] == "-99.80"


@pytest.mark.parametrize(
    ("entity", "change", "code", "field"),
    [
        pytest.param("invoice", {"Date": date(2025, 11, 30)}, "LB-XERO-016", "Date", id="locked-period"),
        pytest.param("invoice", {"CurrencyCode": "CHF"}, "LB-XERO-021", "CurrencyCode", id="unknown-currency"),
        pytest.param("invoice", {"Contact.ContactID": "0" * 8 + "-0000-0000-0000-" + "0" * 12}, "LB-XERO-017",
                     "Contact.ContactID", id="no-such-contact"),
        pytest.param("payment", {"Amount": Decimal("60.00")}, "LB-XERO-015", "Amount", id="too-much"),
        pytest.param("payment", {"Invoice.InvoiceNumber": "NONE"}, "LB-XERO-027", "Invoice.InvoiceNumber",
                     id="no-such-invoice"),
        pytest.param("payment", {"Account.Code": "777"}, "LB-XERO-012", "Account.Code", id="no-such-bank-account"),
        pytest.param("bank_transaction", {"BankAccount.Code": "777"}, "LB-XERO-012", "BankAccount.Code",
                     id="fee-from-no-bank-account"),
    ],
)  # fmt: skip
def test_a_refusal_names_code_and_field(
    hook: XeroHook, address: str, contact_id: str, entity: str, change: dict[str, Any], code: str, field: str
) -> None:
    order(address, "PUT", "organisation", {"EndOfYearLockDate": "/Date(1767139200000+0000)/"})
    if entity == "payment":
        accepted(target(hook, "invoice").send([invoice(contact_id)]))
    documents = {"invoice": invoice(contact_id), "payment": payment(), "bank_transaction": fee()}
    document = documents[entity]
    changed = replace(document, header={**document.header, **change})
    error = refused(target(hook, entity).send([changed]))
    assert (error.code, error.field) == (code, field), error
    assert error.remedy


def test_an_invoice_of_an_archived_contact_names_it(hook: XeroHook, contact_id: str) -> None:
    hook.write("POST", "Contacts", {"Contacts": [{"ContactID": contact_id, "ContactStatus": "ARCHIVED"}]})
    error = refused(target(hook, "invoice").send([invoice(contact_id)]))
    assert (error.code, error.field, error.value) == ("LB-XERO-032", "Contact.ContactID", contact_id)
    assert "Restore" in error.remedy


def test_an_e_mail_address_that_is_none_is_named(hook: XeroHook) -> None:
    error = refused(target(hook, "contact").send([customer(EmailAddress="ann at example.com")]))
    assert (error.code, error.field, error.value) == ("LB-XERO-033", "EmailAddress", "ann at example.com")


def test_a_wrong_tax_type_is_named_with_its_line(hook: XeroHook, contact_id: str) -> None:
    document = invoice(contact_id)
    document.parts["lines"].append(lamp(TaxType="TAX999"))
    error = refused(target(hook, "invoice").send([document]))
    assert (error.code, error.field, error.value) == ("LB-XERO-013", "lines[2].TaxType", "TAX999")


def test_a_refused_invoice_goes_through_once_xero_is_mended(hook: XeroHook, contact_id: str) -> None:
    document = invoice(contact_id)
    document.parts["lines"][0]["AccountCode"] = "299"
    refused(target(hook, "invoice").send([document]))
    hook.write("PUT", "Accounts", {"Code": "299", "Name": "Lamp sales", "Type": "REVENUE"})
    accepted(target(hook, "invoice").send([document]))


def test_an_invoice_with_another_total_leaves_no_trace(hook: XeroHook, address: str, contact_id: str) -> None:
    error = refused(target(hook, "invoice").send([invoice(contact_id, total="53.78")]))
    assert error.code == "LB-XERO-024"
    assert "53.77" in error.message
    assert "53.78" in error.message
    assert balances(address) == {}
    assert target(hook, "invoice").find([invoice(contact_id)]) == {}


def test_unit_amounts_keep_four_decimals(hook: XeroHook, contact_id: str) -> None:
    document = invoice(contact_id, total="53.77")
    document.parts["lines"] = [lamp(Quantity=3, UnitAmount=Decimal("16.6333"), LineAmount=Decimal("49.90"))]
    (outcome,) = accepted(target(hook, "invoice").send([document]))
    assert Decimal(outcome.content["LineItems"][0]["UnitAmount"]) == Decimal("16.6333")


def test_a_foreign_invoice_and_its_settlement_book_our_rates(hook: XeroHook, address: str, contact_id: str) -> None:
    foreign = invoice(contact_id, CurrencyCode="GBP", CurrencyRate=Decimal("1.25"))
    (sent,) = accepted(target(hook, "invoice").send([foreign]))
    assert sent.content["CurrencyRate"] == "1.25"
    accepted(target(hook, "payment").send([payment(CurrencyRate=Decimal("1.28"))]))
    books = balances(address)
    assert books["615"] == "68.83"  # 53.77 × 1.28
    assert books["499"] == "-1.62"  # the gain: 68.83 less 53.77 × 1.25
    (record,) = read(hook, "payment")
    assert record.payload["CurrencyRate"] == "1.28"


def test_money_is_paid_back_on_a_credit_note(hook: XeroHook, address: str, contact_id: str) -> None:
    accepted(target(hook, "credit_note").send([credit_note(contact_id)]))
    back = payment("10.78", "re_1 RTN1")
    del back.header["Invoice.InvoiceNumber"]
    back.header["CreditNote.CreditNoteNumber"] = "RTN1"
    (outcome,) = accepted(target(hook, "payment").send([back]))
    assert balances(address) == {"205": "10.00", "615": "-10.78", "820": "0.78"}
    found = target(hook, "payment").find([back])[back.record_key]
    assert (found.target_id, found.differences) == (outcome.target_id, ())


def delivered(engine: Engine, hook: XeroHook, *documents: Document) -> list[Delivered]:
    """What becomes of contacts that a leg with the policy ``adopt`` delivers."""
    actor = Actor("order_to_cash", "contact", "run-1", "contact.load")
    return Deliverer(engine, actor, "xero.contact", target(hook, "contact"), kind="customer").deliver(documents, {})


def contacts(hook: XeroHook) -> dict[str, str]:
    """Number or name of every contact to its city."""
    listed = hook.get("Contacts", {"page": 1})["Contacts"]
    return {each.get("ContactNumber") or each["Name"]: each["Addresses"][0].get("City", "") for each in listed}


@pytest.mark.parametrize("email", ["ann1@example.com", "Ann1@Example.COM"])
def test_a_customer_known_by_email_is_adopted_and_left_as_it_is(
    hook: XeroHook, contact_id: str, state_db: Engine, email: str
) -> None:
    new = customer("NEW1", EmailAddress=email)
    assert [each.error for each in delivered(state_db, hook, new)] == [None]
    found = DatabaseReader(state_db).cross_references("xero.contact", "record_key", [new.record_key])
    assert found[new.record_key] == {"record_key": new.record_key, "target_id": contact_id, "number": "ANN1"}
    new.parts["addresses"][0]["City"] = "Boston"
    assert [each.outcome for each in delivered(state_db, hook, new)] == ["delivered"]
    assert contacts(hook) == {"ANN1": "Salem"}


def test_contacts_with_one_e_mail_are_named_and_none_is_adopted(hook: XeroHook, state_db: Engine) -> None:
    people = [{"Name": f"Ann {number}", "EmailAddress": "ann@example.com"} for number in range(2)]
    made = hook.write("PUT", "Contacts", {"Contacts": people})["Contacts"]
    [result] = delivered(state_db, hook, customer("NEW1", EmailAddress="Ann@example.com"))
    assert isinstance(result.error, TargetConflict)
    assert (result.error.code, result.error.field, result.error.value) == ("LB-LNK-002", "ContactNumber", "NEW1")
    assert all(each["ContactID"] in result.error.message for each in made)
    hook.write("POST", "Contacts", {"Contacts": [{"ContactID": made[0]["ContactID"], "ContactStatus": "ARCHIVED"}]})
    [merged] = delivered(state_db, hook, customer("NEW1", EmailAddress="Ann@example.com"))
    assert merged.error is None
    found = DatabaseReader(state_db).cross_references("xero.contact", "target_id", [made[1]["ContactID"]])
    assert len(found) == 1


def test_an_archived_contact_is_not_adopted(hook: XeroHook, contact_id: str, state_db: Engine) -> None:
    hook.write("POST", "Contacts", {"Contacts": [{"ContactID": contact_id, "ContactStatus": "ARCHIVED"}]})
    for number, email in (("NEW1", "ann1@example.com"), ("ANN1", "other@example.com")):
        [result] = delivered(state_db, hook, customer(number, EmailAddress=email))
        assert isinstance(result.error, TargetConflict)
        assert "ANN1 (inactive)" in result.error.message


def test_two_customers_of_a_batch_with_one_e_mail_become_one_contact(hook: XeroHook, state_db: Engine) -> None:
    twins = [customer("T1", EmailAddress="tia@example.com"), customer("T2", EmailAddress="Tia@example.com")]
    assert [each.error for each in delivered(state_db, hook, *twins)] == [None, None]
    assert list(contacts(hook)) == ["T1"]


def test_fifty_new_contacts_are_looked_up_in_two_calls(hook: XeroHook, state_db: Engine) -> None:
    before = calls_left(hook)
    new = [customer(f"N{number}", Name=f"Nora {number}") for number in range(50)]
    assert [each.error for each in delivered(state_db, hook, *new)] == [None] * 50
    # the list, what changed while it was read, the write; and the one that asks
    assert before - calls_left(hook) == 4


@pytest.mark.parametrize("largest", [1000, 3])
def test_all_pages_are_read_whatever_their_size(hook: XeroHook, address: str, contact_id: str, largest: int) -> None:
    order(address, "PUT", "settings", {"largest_page": largest})
    numbers = [f"INV-{number}" for number in range(7)]
    accepted(target(hook, "invoice").send([invoice(contact_id, number) for number in numbers]))
    assert [record.payload["InvoiceNumber"] for record in read(hook, "invoice")] == numbers
    assert len(target(hook, "invoice").find([invoice(contact_id, number) for number in numbers])) == 7
    order(address, "PUT", "clock", {"now": (hook.clock() + timedelta(hours=1)).isoformat()})
    accepted(target(hook, "invoice").send([invoice(contact_id, "INV-7")]))
    assert len(read(hook, "invoice")) == 8


def test_the_collector_does_not_walk_airflows_heap_while_pages_are_read(hook: XeroHook, contact_id: str) -> None:
    accepted(target(hook, "invoice").send([invoice(contact_id)]))
    gc.unfreeze()
    leave_heap_alone.cache_clear()
    assert len(read(hook, "invoice")) == 1
    assert gc.get_freeze_count() > 100_000
    gc.unfreeze()


@pytest.fixture
def many_contacts(hook: XeroHook, address: str) -> None:
    """An organisation of more contacts than one page holds, which answers efficient lists only."""
    people = [
        {"Name": f"Person {number}", "ContactNumber": f"P{number}", "EmailAddress": f"Person{number}@example.com"}
        for number in range(4001)
    ]
    for start in range(0, len(people), 2000):
        hook.write("PUT", "Contacts", {"Contacts": people[start : start + 2000]}, summarizeErrors="false")
    order(address, "PUT", "settings", {"high_volume_contacts": 1000})


@pytest.mark.usefixtures("many_contacts")
def test_a_large_organisation_is_asked_for_contacts_in_ways_it_answers(hook: XeroHook, state_db: Engine) -> None:
    with pytest.raises(ConfigurationError, match="not filtering Contacts efficiently"):
        hook.get("Contacts", {"where": 'ContactNumber=="P1" OR EmailAddress=="person1@example.com"', "page": 1})
    few = [customer("P7", Name="Person 7", EmailAddress="person7@example.com"), customer("NEW", Name='Person "9"')]
    few[1].header["EmailAddress"] = "PERSON8@example.com"
    assert [each.error for each in delivered(state_db, hook, *few[:1])] == [None]
    assert [each.error for each in delivered(state_db, hook, *few[1:])] == [None]
    found = DatabaseReader(state_db).cross_references("xero.contact", "number", ["P7", "P8"])
    assert [found[number]["record_key"] for number in ("P7", "P8")] == [each.record_key for each in few]
    many = [customer(f"M{number}", EmailAddress=f"person{number}@example.com") for number in range(100, 150)]
    before = calls_left(hook)
    assert {each.error for each in delivered(state_db, hook, *many)} == {None}
    assert before - calls_left(hook) <= 7


def test_a_namesake_gets_the_customer_number(hook: XeroHook, contact_id: str) -> None:
    (outcome,) = accepted(target(hook, "contact").send([customer("ANN2")]))
    assert outcome.target_id != contact_id
    assert outcome.content["Name"] == "Ann Archer (ANN2)"
    assert target(hook, "contact").find([customer("ANN2")])["shopify:us:customer:ANN2"].differences == ()


@pytest.mark.parametrize("many", [100_000, 1], ids=["listed", "searched"])
def test_a_namesake_in_other_case_is_neither_taken_over_nor_overwritten(
    hook: XeroHook, address: str, contact_id: str, many: int
) -> None:
    order(address, "PUT", "settings", {"high_volume_contacts": many})
    other = customer("ann1", Name="ANN ARCHER", EmailAddress="other@example.com")
    (outcome,) = accepted(target(hook, "contact").send([other]))
    assert outcome.target_id != contact_id
    held = {each["ContactID"]: each["Name"] for each in hook.get("Contacts", {"page": 1})["Contacts"]}
    assert held == {contact_id: "Ann Archer", outcome.target_id: "ANN ARCHER (ann1)"}


def test_a_customer_who_moved_is_updated(hook: XeroHook, contact_id: str) -> None:
    moved = customer(LastName="Archer", FirstName="Ann", EmailAddress="new@example.com")
    assert target(hook, "contact").find([moved]) == {}
    (outcome,) = accepted(target(hook, "contact").send([moved]))
    assert outcome.target_id == contact_id
    assert outcome.content["EmailAddress"] == "new@example.com"


def test_payments_are_read_as_they_change(hook: XeroHook, address: str, contact_id: str, tenant: str) -> None:
    accepted(target(hook, "invoice").send([invoice(contact_id)]))
    accepted(target(hook, "payment").send([payment("20.00", "ch_1 STDINV1001")]))
    first = hook.clock()
    later = first + timedelta(hours=1)
    order(address, "PUT", "clock", {"now": later.isoformat()})
    accepted(target(hook, "payment").send([payment("33.77", "ch_2 STDINV1001")]))
    (one, two) = read(hook, "payment")
    assert one.key == f"xero:{tenant}:payment:{one.payload['PaymentID']}"
    assert [record.payload["Reference"] for record in (one, two)] == ["ch_1 STDINV1001", "ch_2 STDINV1001"]
    assert (one.payload["Invoice"]["InvoiceNumber"], one.payload["Account"]["Code"]) == ("STDINV1001", "615")
    assert (Decimal(one.payload["Amount"]), one.payload["Date"]) == (Decimal(20), "2026-03-03")
    assert [record.key for record in read(hook, "payment", since=later)] == [two.key]
    assert [record.key for record in read(hook, "payment", until=first)] == [one.key]


def booked_of(books: XeroBooks) -> list[Booked]:
    """All documents of an organisation."""
    records = [
        KeptRecord(each.book, record.key, record.changed_at, each.keep(record.payload))
        for each in books.sources()
        for page in each.source.read(Window())
        for record in page
    ]
    return [booked for _, booked in books.derive(records).booked]


def totals_of(documents: list[Booked]) -> Totals:
    def totals(first: date | None, last: date) -> dict[str, Decimal]:
        found: dict[str, Decimal] = defaultdict(Decimal)
        for booked in documents:
            if booked.booked_on <= last and (first is None or booked.booked_on >= first):
                for account, amount in booked.effects.items():
                    found[account] += amount
        return found

    return totals


def test_what_arrived_at_the_bank_decides_the_rate(hook: XeroHook, address: str, contact_id: str) -> None:
    foreign = invoice(contact_id, CurrencyCode="GBP", CurrencyRate=Decimal("1.25"))
    accepted(target(hook, "invoice").send([foreign]))
    accepted(target(hook, "payment").send([payment(BankAmount=Decimal("68.80"))]))
    assert balances(address)["615"] == "68.80"
    books = XeroBooks(hook)
    assert books.beyond_documents(totals_of(booked_of(books)), DAY, None) == {}


@pytest.mark.parametrize(("entity", "name"), [("contact", "Ann Archer"), ("item", "Desk lamp"), ("account", "090")])
def test_masters_are_read_by_change(hook: XeroHook, contact_id: str, entity: str, name: str) -> None:
    records = read(hook, entity)
    assert name in {record.payload.get("Name") for record in records} | {r.payload.get("Code") for r in records}
    assert read(hook, entity, since=hook.clock() + timedelta(hours=1)) == []


@pytest.mark.parametrize("entity", ["invoice", "credit_note", "bank_transaction", "bank_transfer"])
def test_documents_are_read_with_their_numbers(hook: XeroHook, contact_id: str, entity: str) -> None:
    documents = {
        "invoice": invoice(contact_id),
        "credit_note": credit_note(contact_id),
        "bank_transaction": fee(),
        "bank_transfer": transfer(),
    }
    (sent,) = accepted(target(hook, entity).send([documents[entity]]))
    (record,) = read(hook, entity)
    assert record.key == f"xero:{hook.tenant_id}:{entity}:{sent.target_id}"
    assert not [value for value in record.payload.values() if isinstance(value, float)]


def test_masters_are_looked_up_by_what_mappings_know(hook: XeroHook) -> None:
    def looked_up(name: str, *keys: str) -> dict[str, dict[str, Any]]:
        master = hook.entity(name)
        assert isinstance(master, Master)
        return master.lookup(keys)

    assert looked_up("account", "200", "999").keys() == {"200"}
    assert looked_up("system_account", "DEBTORS")["DEBTORS"]["Code"] == "610"
    assert looked_up("tax_rate", "MA-COUNTY+MA-STATE", "MA-STATE").keys() == {"MA-COUNTY+MA-STATE"}
    assert looked_up("item", "LAMP-01")["LAMP-01"]["Name"] == "Desk lamp"
    hook.write("PUT", "TrackingCategories", {"Name": "Project"})
    category = hook.get("TrackingCategories")["TrackingCategories"][0]["TrackingCategoryID"]
    hook.write("PUT", f"TrackingCategories/{category}/Options", {"Name": "Project A"})
    option = looked_up("tracking_option", "Project/Project A", "Project/Project B")
    assert {key: found["TrackingCategoryID"] for key, found in option.items()} == {"Project/Project A": category}


def test_a_file_is_attached_once_and_comes_back_as_it_was(
    address: str, tenant: str, hook: XeroHook, contact_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError) as denied:
        hook.attachments("contact").of(contact_id)
    assert denied.value.code == "LB-XERO-007"
    may = hook_on(monkeypatch, address, scopes=f"{SCOPES} accounting.attachments", tenant_id=tenant)
    files = may.attachments("contact")
    name, content = "packing slip #1.pdf", b"%PDF-1.7 \x00\xff"
    for _ in range(2):
        files.attach(contact_id, name, content, "application/pdf")
    assert [(one.file_name, one.size_bytes) for one in files.of(contact_id)] == [(name, len(content))]
    files.attach(contact_id, name, b"another", "application/pdf")
    assert files.content(contact_id, name) == b"another"
    with pytest.raises(ConfigurationError, match="no attachments of"):
        may.attachments("payment")


def test_the_trial_balance_agrees_with_the_ledger(hook: XeroHook, address: str, contact_id: str) -> None:
    accepted(target(hook, "invoice").send([invoice(contact_id)]))
    rows = {row.code: str(row.balance) for row in hook.trial_balance(date(2026, 3, 31)) if row.balance}
    assert rows == balances(address) == {"200": "-49.90", "610": "53.77", "820": "-3.87"}


def test_the_documents_explain_the_trial_balance_to_the_cent(hook: XeroHook, contact_id: str) -> None:
    foreign: dict[str, Any] = {"CurrencyCode": "GBP", "CurrencyRate": Decimal("1.2734")}
    invoices = [invoice(contact_id, "INV-1", **foreign), invoice(contact_id, "INV-2")]
    notes = [credit_note(contact_id, "RTN1", **foreign), credit_note(contact_id, "RTN2")]
    accepted(target(hook, "invoice").send(invoices))
    accepted(target(hook, "credit_note").send(notes))
    allocation = {"CreditNote.CreditNoteNumber": "RTN1", "Invoice.InvoiceNumber": "INV-1", "Date": DAY}
    accepted(target(hook, "allocation").send([Document("a", "a", allocation | {"Amount": Decimal("3.33")})]))
    parts = [
        payment("17.77", "ch_1 INV-1", **{"Invoice.InvoiceNumber": "INV-1"}, CurrencyRate=Decimal("1.28")),
        payment("32.67", "ch_2 INV-1", **{"Invoice.InvoiceNumber": "INV-1"}, CurrencyRate=Decimal("1.2611")),
        payment("53.77", "ch_3 INV-2", **{"Invoice.InvoiceNumber": "INV-2"}),
        payment("5.01", "re_1 RTN1", **{"CreditNote.CreditNoteNumber": "RTN1"}, CurrencyRate=Decimal("1.29")),
        payment("10.78", "re_2 RTN2", **{"CreditNote.CreditNoteNumber": "RTN2"}),
    ]
    for part in parts:
        if "CreditNote.CreditNoteNumber" in part.header:
            del part.header["Invoice.InvoiceNumber"]
    accepted(target(hook, "payment").send(parts))
    accepted(target(hook, "bank_transaction").send([fee()]))
    accepted(target(hook, "bank_transfer").send([transfer()]))

    books = XeroBooks(hook)
    documents = booked_of(books)

    assert {booked.kind for booked in documents} == {
        "invoice", "credit note", "allocation", "payment", "bank transaction", "bank transfer"
    }  # fmt: skip
    assert books.beyond_documents(totals_of(documents), date(2026, 3, 31), None) == {}
    assert [booked.number for booked in documents if sum(booked.effects.values())] == []


def test_what_suppliers_are_owed_follows_from_the_documents_where_the_company_has_payables_and_is_beyond_them_else(
    hook: XeroHook, address: str, contact_id: str
) -> None:
    line = {"Description": "Shades", "Quantity": 1, "AccountCode": "404", "TaxType": "TAX001"}
    owed = {"Status": "AUTHORISED", "Contact": {"ContactID": contact_id}, "Date": "2026-03-02", "DueDate": "2026-04-01"}
    foreign = {"CurrencyCode": "GBP", "CurrencyRate": "0.8"}
    bill, *_, credit = [
        order(address, "POST", "documents", {**owed, **each, "LineItems": [{**line, "UnitAmount": amount}]})
        for each, amount in (
            ({"Type": "ACCPAY", "InvoiceNumber": "A-1", "LineAmountTypes": "Inclusive"}, "33.33"),
            ({"Type": "ACCPAY", "InvoiceNumber": "A-2", **foreign}, "10.01"),
            ({"Type": "ACCPAY"}, "0.05"),
            ({"Type": "ACCPAYCREDIT", "CreditNoteNumber": "C-1"}, "20.00"),
        )
    ]
    allocation = {"Amount": 10, "Date": "2026-03-03", "Invoice": {"InvoiceID": bill["InvoiceID"]}}
    hook.write("PUT", f"CreditNotes/{credit['CreditNoteID']}/Allocations", {"Allocations": [allocation]})
    for number, amount in (("A-1", "23.33"), ("A-2", "10.79"), ("C-1", "11.55")):
        order(address, "POST", "payments", {"number": number, "amount": amount, "account": "090", "on": "2026-03-04"})
    books = XeroBooks(hook, {"payables"})
    documents = booked_of(books)
    assert sorted(each.kind for each in documents) == [*["bill"] * 3, *["payment"] * 3, "supplier's credit"]
    assert books.beyond_documents(totals_of(documents), date(2026, 3, 31), None) == {}
    without = XeroBooks(hook)
    assert booked_of(without) == []
    assert without.beyond_documents(totals_of([]), date(2026, 3, 31), None)["404"] == Decimal("23.49")


def test_a_token_that_xero_holds_for_expired_is_renewed(hook: XeroHook, address: str, contact_id: str) -> None:
    order(address, "PUT", "settings", {"wall_clock_ahead_seconds": 3600})
    accepted(target(hook, "invoice").send([invoice(contact_id)]))


@pytest.fixture
def consented(address: str, tenant: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> XeroHook:
    provide_state(monkeypatch, tmp_path)
    callback = "https://airflow.example.com/xero"
    app = {"client_id": "app", "client_secret": "pa55-phrase", "kind": "web", "redirect_uris": [callback]}
    order(address, "POST", "apps", app)
    hook = hook_on(
        monkeypatch,
        address,
        scopes=f"offline_access {SCOPES}",
        grant="refresh_token",
        login_url=address,
        tenant_id=tenant,
    )
    consent = hook.consent(callback)
    consent.check()
    hook.complete_consent(consent, decide(consent.url))
    return hook


def test_a_consent_serves_all_hooks_and_is_renewed(consented: XeroHook, address: str) -> None:
    assert consented.test_connection()[0]
    first = consented.tokens.current()
    second = XeroHook("xero_test").tokens.renew(first)
    assert second != first
    assert consented.tokens.current() == second
    third = consented.tokens.renew(second)  # by the rotated refresh token
    assert third not in (first, second)
    assert consented.get("Organisation")["Organisations"]


def test_a_consent_that_has_ended_asks_for_a_person(consented: XeroHook, address: str) -> None:
    order(address, "PUT", "settings", {"wall_clock_ahead_seconds": 61 * 86400})
    with pytest.raises(ConfigurationError, match="invalid_grant") as caught:
        consented.get("Organisation")
    assert caught.value.code == "LB-XERO-004"


def test_a_consent_outlives_a_lost_fernet_key_and_goes_on_once_it_is_back(
    consented: XeroHook, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def use(*keys: str) -> XeroHook:
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", ",".join(keys))
        get_fernet.cache_clear()  # a process reads its key once
        return XeroHook("xero_test")

    new = Fernet.generate_key().decode()
    with pytest.raises(ConfigurationError, match="can't be decrypted with the present") as caught:
        use(new).get("Organisation")
    assert caught.value.code == "LB-CFG-022"
    assert "newest first" in caught.value.remedy
    works, why = use(new).test_connection()
    assert (works, "LB-CFG-022" in why) == (False, True)
    assert use(new, FERNET_KEY).get("Organisation")["Organisations"]


def test_a_scope_that_is_missing_is_named(address: str, hook: XeroHook, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = hook_on(monkeypatch, address, scopes="accounting.settings", tenant_id=hook.tenant_id)
    with pytest.raises(ConfigurationError, match=r"accounting\.settings") as caught:
        read(narrow, "payment")
    assert caught.value.code == "LB-XERO-007"


def test_a_scope_the_app_may_not_ask_for_is_named(
    address: str, hook: XeroHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="everything") as caught:
        hook_on(monkeypatch, address, scopes="everything", tenant_id="t").get("Accounts")
    assert caught.value.code == "LB-XERO-003"
