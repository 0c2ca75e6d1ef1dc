"""The Xero hook on the wire, against answers given to it: what no simulator can be made to say on demand."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from hooks.xero.hook import XeroHook
from hooks.xero.refusals import refusal
from hooks.xero.wire import decoded, element, inverse_rate, serialized
from ledgerbridge.entities import Document, Master, Matched, Outcome, RawRecord, Window
from ledgerbridge.errors import ConfigurationError, RecordRejected, RecordWaits, TargetConflict, TransientError
from tests.contract.scripted_api import Reply, ScriptedApi, serve_script
from tests.contract.xero_connection import hook_on, provide_state, source, target

TOKEN = Reply({"access_token": "token-1", "expires_in": 1800, "token_type": "Bearer"})
NEXT_TOKEN = Reply({"access_token": "token-2", "expires_in": 1800, "token_type": "Bearer"})
UNAUTHORIZED = Reply({"Title": "Unauthorized", "Detail": "TokenExpired: token expired", "Status": 401}, 401)


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with serve_script() as script:
        yield script


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    provide_state(monkeypatch, tmp_path)


@pytest.fixture
def hook(api: ScriptedApi, state: None, monkeypatch: pytest.MonkeyPatch) -> XeroHook:
    return hook_on(monkeypatch, api.url)


def invoice(number: str = "INV-1", /, **header: Any) -> Document:
    fields = {"Type": "ACCREC", "InvoiceNumber": number, "Contact.ContactID": "c-1", "Date": date(2026, 3, 3)}
    lines = [{"Description": "Lamp", "Quantity": 1, "UnitAmount": Decimal("49.9000"), "AccountCode": "200"}]
    return Document(f"gp:HLS:invoice:{number}", f"key-{number}", fields | header, {"lines": lines})


def saved(number: str = "INV-1", **fields: Any) -> dict[str, Any]:
    return {"InvoiceID": f"id-{number}", "InvoiceNumber": number, "StatusAttributeString": "OK", "Total": 49.9} | fields


def rejected(outcome: Outcome) -> RecordRejected:
    assert isinstance(outcome.error, RecordRejected)
    return outcome.error


def test_an_element_nests_dots_and_leaves_out_what_is_not_sent() -> None:
    header = {"Contact.ContactID": "c", "Contact.Name": "Ann", "Reference": None, "_expected.Total": Decimal(1)}
    line = {"UnitAmount": Decimal("16.6333"), "Tracking.Region": "East", "Tracking.Project": None}
    assert element(header, {"lines": [line]}) == {
        "Contact": {"ContactID": "c", "Name": "Ann"},
        "LineItems": [{"UnitAmount": Decimal("16.6333"), "Tracking": [{"Name": "Region", "Option": "East"}]}],
    }


def test_decimals_are_sent_as_numbers_with_all_their_digits() -> None:
    body = {"Amount": Decimal("12345678901234.5678"), "Small": Decimal("1E-7"), "Date": date(2026, 3, 2)}
    assert serialized(body) == b'{"Amount":12345678901234.5678,"Small":0.0000001,"Date":"2026-03-02"}'


@pytest.mark.parametrize(
    ("field", "wire", "ours"),
    [
        pytest.param("Date", "/Date(1772409600000+0000)/", "2026-03-02", id="day"),
        pytest.param("Date", "/Date(1772409600000)/", "2026-03-02", id="day-without-offset"),
        pytest.param("Date", "/Date(1772409600000+1300)/", "2026-03-02", id="day-never-shifted"),
        pytest.param("UpdatedDateUTC", "/Date(1772466060123+0000)/", "2026-03-02T15:41:00.123000+00:00", id="instant"),
        pytest.param("CurrencyRate", "0.800000", "1.25", id="rate"),
        pytest.param("CurrencyRate", "4000000", "0.00000025", id="rate-of-millions"),
        pytest.param("CurrencyRate", "3999999", "0.0000002500000625", id="rate-of-millions-in-full"),
        pytest.param("CurrencyRate", "0.000000", None, id="rate-of-nothing"),
        pytest.param("CurrencyRate", "", None, id="rate-left-empty"),
        pytest.param("Reference", "/Date of birth/", "/Date of birth/", id="text"),
    ],
)
def test_an_answer_has_plain_dates_and_our_rates(field: str, wire: str, ours: str | None) -> None:
    assert decoded({"Invoices": [{field: wire}]}) == {"Invoices": [{field: ours}]}


@pytest.mark.parametrize(("rate", "inverse"), [("1.25", "0.800000"), ("0.800000", "1.250000"), ("1.2734", "0.785299")])
def test_a_rate_is_turned_both_ways(rate: str, inverse: str) -> None:
    assert inverse_rate(Decimal(rate)) == Decimal(inverse)


def test_two_hooks_fetch_one_token_between_them(api: ScriptedApi, hook: XeroHook) -> None:
    organisation = Reply({"Organisations": [{"Name": "Harbor", "BaseCurrency": "USD"}]})
    api.will_reply(TOKEN, organisation, organisation)
    assert hook.test_connection() == (True, "Organisation Harbor, base currency USD.")
    assert XeroHook("xero_test").test_connection()[0]
    assert [asked.path for asked in api.asked].count("/identity/connect/token") == 1
    call = api.asked[-1]
    assert (call.headers["authorization"], call.headers["xero-tenant-id"]) == ("Bearer token-1", "t-1")
    assert "identity_url" not in call.headers


def test_the_token_lies_encrypted_in_the_state_database(api: ScriptedApi, hook: XeroHook, tmp_path: Path) -> None:
    api.will_reply(TOKEN, Reply({"Organisations": [{"Name": "Harbor", "BaseCurrency": "USD"}]}))
    hook.test_connection()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
    assert b"xero:app:t-1" in stored
    assert b"token-1" not in stored


def test_a_refused_token_is_renewed_once(api: ScriptedApi, hook: XeroHook) -> None:
    api.will_reply(TOKEN, UNAUTHORIZED, NEXT_TOKEN, Reply({"Accounts": []}))
    assert hook.get("Accounts") == {"Accounts": []}
    assert api.asked[-1].headers["authorization"] == "Bearer token-2"


def test_a_second_refusal_asks_for_a_person(api: ScriptedApi, hook: XeroHook) -> None:
    api.will_reply(TOKEN, UNAUTHORIZED, NEXT_TOKEN, UNAUTHORIZED)
    with pytest.raises(ConfigurationError, match="TokenExpired") as caught:
        hook.get("Accounts")
    assert caught.value.code == "LB-XERO-006"


@pytest.mark.parametrize(
    ("error", "code"),
    [("invalid_client", "LB-XERO-002"), ("invalid_scope", "LB-XERO-003"), ("invalid_grant", "LB-XERO-004")],
)
def test_a_refused_token_request_names_its_cause(api: ScriptedApi, hook: XeroHook, error: str, code: str) -> None:
    api.will_reply(Reply({"error": error}, 400))
    with pytest.raises(ConfigurationError, match="scopes asked: accounting") as caught:
        hook.get("Accounts")
    assert caught.value.code == code
    assert "pa55-phrase" not in str(caught.value)


def test_a_denied_tenant_is_named(api: ScriptedApi, hook: XeroHook) -> None:
    api.will_reply(TOKEN, Reply({"Title": "Forbidden", "Detail": "AuthenticationUnsuccessful", "Status": 403}, 403))
    with pytest.raises(ConfigurationError, match=r"tenant t-1 .*accounting\.transactions") as caught:
        hook.get("Accounts")
    assert caught.value.code == "LB-XERO-007"


def test_without_a_tenant_several_connections_are_refused(
    api: ScriptedApi, state: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = [{"tenantId": "t-1", "tenantName": "Harbor"}, {"tenantId": "t-2", "tenantName": "Quay"}]
    api.will_reply(TOKEN, Reply(tenants))
    with pytest.raises(ConfigurationError, match=r"Harbor \(t-1\), Quay \(t-2\)") as caught:
        hook_on(monkeypatch, api.url, tenant_id="").get("Accounts")
    assert caught.value.code == "LB-XERO-005"


def test_a_short_limit_is_waited_for(api: ScriptedApi, hook: XeroHook) -> None:
    limited = Reply("", 429, {"Retry-After": "0", "X-Rate-Limit-Problem": "minute"})
    api.will_reply(TOKEN, limited, limited, Reply({"Accounts": []}))
    assert hook.get("Accounts") == {"Accounts": []}


def test_a_daily_limit_is_left_to_airflow(api: ScriptedApi, hook: XeroHook) -> None:
    api.will_reply(TOKEN, Reply("", 429, {"Retry-After": "66975", "X-Rate-Limit-Problem": "day"}))
    with pytest.raises(TransientError) as caught:
        target(hook).send([invoice()])
    assert (caught.value.code, caught.value.retry_after_seconds) == ("LB-XERO-008", 66975)
    assert not caught.value.outcome_unknown
    with pytest.raises(TransientError, match="used up"):  # nobody else calls meanwhile
        XeroHook("xero_test").get("Accounts")
    assert len(api.asked) == 2


def test_our_own_minute_is_kept(api: ScriptedApi, state: None, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = hook_on(monkeypatch, api.url, calls_per_day="2")
    api.will_reply(TOKEN, *[Reply({"Accounts": []})] * 2)
    hook.get("Accounts")
    XeroHook("xero_test").get("Accounts")
    with pytest.raises(TransientError) as caught:
        hook.get("Accounts")
    assert caught.value.retry_after_seconds == pytest.approx(86400, abs=60)


@pytest.mark.parametrize("answer", [Reply("", 500), Reply("<html>", 200), Reply("", 503)], ids=["500", "html", "503"])
def test_a_lost_answer_to_a_write_leaves_the_outcome_unknown(api: ScriptedApi, hook: XeroHook, answer: Reply) -> None:
    api.will_reply(TOKEN, answer)
    with pytest.raises(TransientError) as caught:
        target(hook).send([invoice()])
    assert caught.value.outcome_unknown
    assert pickle.loads(pickle.dumps(caught.value)).outcome_unknown


def test_a_refused_connection_means_nothing_was_written(state: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_script() as identity:
        identity.will_reply(TOKEN)
        hook = hook_on(monkeypatch, "http://127.0.0.1:9", identity_url=identity.url)
        with pytest.raises(TransientError) as caught:
            target(hook).send([invoice()])
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    "answer",
    ["<html>", {}, {"message": "Not found"}, {"access_token": "t"}, {"access_token": None, "expires_in": 9}],
    ids=["html", "empty", "error", "endless", "null"],
)
def test_an_answer_that_is_no_token_set_is_an_outage_of_the_identity_service(
    api: ScriptedApi, hook: XeroHook, answer: str | dict[str, Any]
) -> None:
    api.will_reply(Reply(answer))
    with pytest.raises(TransientError) as caught:
        hook.get("Accounts")
    assert caught.value.code == "LB-XERO-009"


def test_one_refused_invoice_leaves_the_others(api: ScriptedApi, hook: XeroHook) -> None:
    messages = [{"Message": "Account code '999' is not a valid code for this document."}]
    bad = {"StatusAttributeString": "ERROR", "ValidationErrors": messages}
    api.will_reply(TOKEN, Reply({"Invoices": [saved("INV-1"), bad, saved("INV-3")]}), Reply({"Invoices": [bad]}))
    second = invoice("INV-2")
    second.parts["lines"].append({"AccountCode": "999"})
    outcomes = target(hook).send([invoice("INV-1"), second, invoice("INV-3")])
    assert [outcome.target_id for outcome in outcomes] == ["id-INV-1", None, "id-INV-3"]
    error = rejected(outcomes[1])
    assert (error.code, error.field, error.value) == ("LB-XERO-012", "lines[2].AccountCode", "999")
    assert "chart of accounts" in error.remedy
    sent, again = api.asked[-2:]
    assert [item["InvoiceNumber"] for item in again.json["Invoices"]] == ["INV-2"]
    assert (sent.method, sent.path) == ("PUT", "/api.xro/2.0/Invoices")
    assert sent.query == {"summarizeErrors": ["false"], "unitdp": ["4"]}
    assert len(sent.headers["idempotency-key"]) <= 128


def test_the_idempotency_key_follows_the_documents(api: ScriptedApi, hook: XeroHook) -> None:
    api.will_reply(TOKEN, *[Reply({"Invoices": [saved("INV-1"), saved("INV-2")]})] * 2, Reply({"Invoices": [saved()]}))
    invoices = target(hook)
    for numbers in (["INV-1", "INV-2"], ["INV-1", "INV-2"], ["INV-1"]):
        invoices.send([invoice(number) for number in numbers])
    first, second, third = (asked.headers["idempotency-key"] for asked in api.asked[1:])
    assert first == second != third


def test_a_request_refused_as_a_whole_is_halved(api: ScriptedApi, hook: XeroHook) -> None:
    refused = Reply({"ErrorNumber": 14, "Message": "Invalid Json"}, 400)
    api.will_reply(TOKEN, refused, Reply({"Invoices": [saved("INV-1")]}), refused, refused)
    outcomes = target(hook).send([invoice("INV-1"), invoice("INV-2")])
    assert outcomes[0].error is None
    assert rejected(outcomes[1]).message == "Invalid Json"


def test_a_batch_that_fails_halfway_keeps_what_is_known(api: ScriptedApi, hook: XeroHook) -> None:
    refused = Reply({"Message": "Invalid Json"}, 400)
    api.will_reply(TOKEN, refused, Reply({"Invoices": [saved("INV-1")]}), Reply("", 500))
    outcomes = target(hook).send([invoice("INV-1"), invoice("INV-2")])
    assert outcomes[0].target_id == "id-INV-1"
    assert isinstance(outcomes[1].error, TransientError)
    assert outcomes[1].error.outcome_unknown


def test_an_invoice_with_another_total_is_voided_and_both_figures_named(api: ScriptedApi, hook: XeroHook) -> None:
    api.will_reply(TOKEN, Reply({"Invoices": [saved(Total=53.76)]}), Reply({"Invoices": [saved(Status="VOIDED")]}))
    (outcome,) = target(hook).send([invoice(**{"_expected.Total": Decimal("53.77")})])
    error = rejected(outcome)
    assert error.code == "LB-XERO-024"
    assert "Total is 53.76 in Xero, expected 53.77; it was withdrawn" in error.message
    assert api.asked[-1].json == {"Invoices": [{"InvoiceID": "id-INV-1", "Status": "VOIDED"}]}
    assert "_expected" not in api.asked[-2].body


@pytest.mark.parametrize(
    ("currency", "rate", "sent"),
    [
        pytest.param("GBP", "1.25", Decimal("0.800000"), id="foreign"),
        pytest.param("GBP", "1", Decimal("1.000000"), id="foreign-at-par"),
        pytest.param("USD", "1", None, id="base"),
    ],
)
def test_the_rate_is_sent_as_xero_has_it(
    api: ScriptedApi, hook: XeroHook, currency: str, rate: str, sent: Decimal | None
) -> None:
    organisation = [Reply({"Organisations": [{"BaseCurrency": "USD"}]})] if rate == "1" else []
    api.will_reply(TOKEN, *organisation, Reply({"Invoices": [saved()]}))
    document = invoice(CurrencyCode=currency, CurrencyRate=Decimal(rate))
    target(hook).send([document])
    body = json.loads(api.asked[-1].body, parse_float=Decimal)["Invoices"][0]
    assert body.get("CurrencyRate") == sent


def test_a_rate_that_xero_can_not_hold_stops_its_own_document_alone(api: ScriptedApi, hook: XeroHook) -> None:
    api.will_reply(TOKEN, Reply({"Invoices": [saved()]}))
    rates = {"INV-1": Decimal("1.25"), "INV-2": Decimal(0), "INV-3": Decimal(4_000_000), "INV-4": "", "INV-5": -1}
    documents = [invoice(number, CurrencyCode="GBP", CurrencyRate=rate) for number, rate in rates.items()]
    first, *others = target(hook).send(documents)
    assert first.target_id == "id-INV-1"
    assert [(rejected(each).code, rejected(each).field) for each in others] == [("LB-XERO-021", "CurrencyRate")] * 4
    assert [each["InvoiceNumber"] for each in api.asked[-1].json["Invoices"]] == ["INV-1"]


def test_a_taken_number_is_ours_if_the_content_is(api: ScriptedApi, hook: XeroHook) -> None:
    taken = {"StatusAttributeString": "ERROR", "ValidationErrors": [{"Message": "Invoice # must be unique."}]}
    held = saved(Type="ACCREC", Status="AUTHORISED", Contact={"ContactID": "c-1"}, Date="/Date(1772496000000+0000)/")
    api.will_reply(TOKEN, *[Reply({"Invoices": [taken]})] * 2, Reply({"Invoices": [held]}))
    (outcome,) = target(hook).send([invoice()])
    assert (outcome.target_id, outcome.error) == ("id-INV-1", None)
    assert api.asked[-1].query["InvoiceNumbers"] == ["INV-1"]


def test_a_number_taken_by_somebody_else_is_a_conflict(api: ScriptedApi, hook: XeroHook) -> None:
    taken = {"StatusAttributeString": "ERROR", "ValidationErrors": [{"Message": "Invoice # must be unique."}]}
    held = saved(Type="ACCREC", Contact={"ContactID": "c-9"}, Date="/Date(1772496000000+0000)/", Total=10)
    api.will_reply(TOKEN, *[Reply({"Invoices": [taken]})] * 2, Reply({"Invoices": [held]}))
    (outcome,) = target(hook).send([invoice(**{"_expected.Total": Decimal("49.90")})])
    assert isinstance(outcome.error, TargetConflict)
    assert "Contact.ContactID is c-9 in Xero, expected c-1; Total is 10 in Xero, expected 49.90" in str(outcome.error)


def test_find_passes_over_voided_invoices_and_bills(api: ScriptedApi, hook: XeroHook) -> None:
    held = [saved("INV-1", Type="ACCREC", Status="VOIDED"), saved("INV-2", Type="ACCPAY", Status="AUTHORISED")]
    api.will_reply(TOKEN, Reply({"Invoices": held}))
    assert target(hook).find([invoice("INV-1"), invoice("INV-2")]) == {}


def test_pages_begin_where_the_one_before_ended_by_time(api: ScriptedApi, hook: XeroHook) -> None:
    def payment(number: int, kind: str = "ACCRECPAYMENT") -> dict[str, Any]:
        milliseconds = 1772466060000 + number * 1000
        changed, account = f"/Date({milliseconds}+0000)/", {"Code": "615"}
        return {"PaymentID": f"p{number}", "UpdatedDateUTC": changed, "PaymentType": kind, "Account": account}

    api.will_reply(TOKEN, Reply({"Payments": [payment(n) for n in range(1000)]}))
    api.will_reply(Reply({"Payments": [payment(999), payment(1000), payment(1000, "ACCPAYPAYMENT"), payment(1001)]}))
    window = Window(datetime(2026, 3, 2, 15, 41, tzinfo=UTC), datetime(2026, 3, 2, 15, 57, 40, tzinfo=UTC))
    pages: list[list[RawRecord]] = list(source(hook, "payment").read(window))
    assert [len(page) for page in pages] == [1000, 1]
    assert pages[1][0].key == "xero:t-1:payment:p1000"
    first, second = api.asked[1:]
    assert first.headers["if-modified-since"] == "2026-03-02T15:41:00"
    assert second.headers["if-modified-since"] == "2026-03-02T15:57:39"
    assert second.query["page"] == ["1"]


def test_the_trial_balance_joins_accounts_by_id(api: ScriptedApi, hook: XeroHook) -> None:
    def row(account: str, *values: str) -> dict[str, Any]:
        attributes = [{"Id": "account", "Value": account}]
        return {"RowType": "Row", "Cells": [{"Value": value, "Attributes": attributes} for value in values]}

    accounts = [{"AccountID": "a1", "Code": "615"}, {"AccountID": "a2", "Code": "610", "SystemAccount": "DEBTORS"}]
    rows = [row("a1", "Clearing (615)", "1.00", "", "51.91", ""), row("a2", "Debtors (610)", "", "", "", "3.00")]
    report = {"Rows": [{"RowType": "Header", "Cells": []}, {"RowType": "Section", "Rows": rows}]}
    api.will_reply(TOKEN, Reply({"Accounts": accounts}), Reply({"Reports": [report]}))
    clearing, debtors = hook.trial_balance(date(2026, 3, 31))
    assert (clearing.code, clearing.balance) == ("615", Decimal("51.91"))
    assert (debtors.system_account, debtors.balance) == ("DEBTORS", Decimal("-3.00"))
    assert api.asked[-1].query == {"date": ["2026-03-31"]}


def test_a_tax_rate_is_found_by_its_components(api: ScriptedApi, hook: XeroHook) -> None:
    def rate(tax_type: str, *names: str, compound: bool = False) -> dict[str, Any]:
        components = [{"Name": name, "IsCompound": compound} for name in names]
        return {"TaxType": tax_type, "Status": "ACTIVE", "TaxComponents": components}

    rates = [rate("TAX001", "MA-STATE", "MA-COUNTY"), rate("TAX002", "MA-STATE"), rate("TAX009", "GST", compound=True)]
    api.will_reply(TOKEN, Reply({"TaxRates": [*rates, rate("A", "TWICE"), rate("B", "TWICE")]}))
    master = hook.entity("tax_rate")
    assert isinstance(master, Master)
    found = master.lookup(["MA-COUNTY+MA-STATE", "MA-STATE", "GST", "TWICE"])
    assert {key: value["TaxType"] for key, value in found.items()} == {
        "MA-COUNTY+MA-STATE": "TAX001",
        "MA-STATE": "TAX002",
    }


@pytest.mark.parametrize(
    ("message", "code", "field", "value"),
    [
        ("Invoice # must be unique.", "LB-XERO-014", "InvoiceNumber", "INV-1"),
        ("The document date cannot be before the end of year lock date", "LB-XERO-016", "Date", date(2026, 3, 3)),
        ("A Contact must be specified for this type of transaction", "LB-XERO-017", "Contact.ContactID", "c-1"),
        ("Something nobody has seen", "LB-XERO-011", "", None),
    ],
)
def test_a_refusal_names_code_field_and_value(message: str, code: str, field: str, value: object) -> None:
    error = refusal(invoice(), [message])
    assert (error.code, error.field, error.value, error.message) == (code, field, value, message)
    assert isinstance(error, RecordWaits) == (code == "LB-XERO-016")
    assert error.remedy


def test_an_unknown_entity_lists_the_known_ones(hook: XeroHook) -> None:
    with pytest.raises(ConfigurationError, match="allocation") as caught:
        hook.entity("invoices")
    assert caught.value.code == "LB-XERO-023"


def customer(number: str = "C-1", /, **header: Any) -> Document:
    fields = {"ContactNumber": number, "Name": "Ann Archer", "EmailAddress": f"{number}@example.com"}
    return Document(f"shopify:us:customer:{number}", f"key-{number}", fields | header)


def held(identity: str, **fields: Any) -> dict[str, Any]:
    return {"ContactID": identity, "ContactStatus": "ACTIVE", "Name": f"Name of {identity}"} | fields


def listed(contacts: list[dict[str, Any]]) -> Reply:
    return Reply({"Contacts": contacts}, headers={"Date": "Tue, 03 Mar 2026 15:00:00 GMT"})


def kept(identity: str, **fields: Any) -> Reply:
    return listed([held(identity, StatusAttributeString="OK", **fields)])


def test_contacts_with_the_email_are_reported_archived_ones_too(api: ScriptedApi, hook: XeroHook) -> None:
    twins = [
        held("x-1", EmailAddress="C-1@example.com", ContactStatus="ARCHIVED"),
        held("x-2", EmailAddress="c-1@EXAMPLE.com", ContactNumber="ANN"),
    ]
    api.will_reply(TOKEN, listed(twins))
    contacts = target(hook, "contact")
    assert isinstance(contacts, Matched)
    [found] = contacts.matches([customer()]).values()
    assert [(each.found.target_id, each.found.number, each.own, each.active) for each in found] == [
        ("x-2", "ANN", False, True),
        ("x-1", "", False, False),
    ]
    assert [asked.method for asked in api.asked] == ["POST", "GET"]


def test_a_contact_of_ours_is_updated_by_its_id(api: ScriptedApi, hook: XeroHook) -> None:
    own = held("x-1", ContactNumber="C-1", Name="Ann Archer", EmailAddress="old@example.com")
    api.will_reply(TOKEN, listed([own]), kept("x-1"))
    (outcome,) = target(hook, "contact").send([customer()])
    assert outcome.target_id == "x-1"
    sent = api.asked[-1]
    assert (sent.method, sent.json["Contacts"][0]["ContactID"]) == ("POST", "x-1")


def test_a_name_somebody_has_gets_the_customer_number(api: ScriptedApi, hook: XeroHook) -> None:
    api.will_reply(TOKEN, listed([held("x-9", Name="ANN ARCHER")]), kept("x-1"))
    target(hook, "contact").send([customer()])
    assert api.asked[-1].json["Contacts"][0]["Name"] == "Ann Archer (C-1)"


def test_two_customers_of_one_name_in_a_batch_are_told_apart(api: ScriptedApi, hook: XeroHook) -> None:
    answers = [held(identity, StatusAttributeString="OK") for identity in ("x-1", "x-2")]
    api.will_reply(TOKEN, listed([]), Reply({"Contacts": answers}))
    target(hook, "contact").send([customer("C-1"), customer("C-2")])
    assert [contact["Name"] for contact in api.asked[-1].json["Contacts"]] == ["Ann Archer", "Ann Archer (C-2)"]


def test_a_name_clash_that_xero_alone_saw_is_sent_again(api: ScriptedApi, hook: XeroHook) -> None:
    clash = "The contact name Ann Archer is already assigned to another contact. The contact name must be unique."
    refused = Reply({"Contacts": [{"StatusAttributeString": "ERROR", "ValidationErrors": [{"Message": clash}]}]})
    api.will_reply(TOKEN, listed([]), refused, refused, kept("x-1"))
    (outcome,) = target(hook, "contact").send([customer()])
    assert outcome.target_id == "x-1"
    first, second = api.asked[-2:]
    assert second.json["Contacts"][0]["Name"] == "Ann Archer (C-1)"
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]


def test_neither_keys_nor_persons_reach_the_log(
    api: ScriptedApi, hook: XeroHook, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api.will_reply(TOKEN, listed([]), kept("x-1"), Reply("", 500))
    target(hook, "contact").send([customer(Name="Planted Person", EmailAddress="planted@example.com")])
    with pytest.raises(TransientError):
        target(hook, "contact").find([customer(EmailAddress="planted@example.com")])
    logged = (caplog.text + "".join(capfd.readouterr())).lower()
    assert "/api.xro/2.0/contacts" in logged
    for secret in ("planted", "token-1", "pa55-phrase"):
        assert secret not in logged


def test_find_leaves_a_changed_contact_to_be_sent(api: ScriptedApi, hook: XeroHook) -> None:
    own = held("x-1", ContactNumber="C-1", Name="Ann Archer", EmailAddress="old@example.com")
    same = held("x-2", ContactNumber="C-2", Name="Ann Archer (C-2)", EmailAddress="C-2@example.com")
    api.will_reply(TOKEN, listed([own, same]))
    found = target(hook, "contact").find([customer("C-1"), customer("C-2")])
    assert {key: match.target_id for key, match in found.items()} == {"shopify:us:customer:C-2": "x-2"}


def payment(reference: str = "ch_1 INV-1", /, **header: Any) -> Document:
    fields = {"Invoice.InvoiceNumber": "INV-1", "Account.Code": "615", "Reference": reference}
    money = {"Date": date(2026, 3, 3), "Amount": Decimal("53.77")}
    return Document(f"stripe:acct:charge:{reference}", f"key-{reference}", fields | money | header)


def test_a_payment_is_found_among_those_of_its_invoice(api: ScriptedApi, hook: XeroHook) -> None:
    paid = {"PaymentID": "p-1", "Reference": "ch_1 INV-1", "Date": "/Date(1772496000000+0000)/", "Amount": 53.77}
    api.will_reply(TOKEN, Reply({"Invoices": [{"InvoiceID": "i-1", "Payments": [paid]}]}))
    found = target(hook, "payment").find([payment("ch_1 INV-1"), payment("ch_2 INV-1")])
    assert [(key, match.target_id, match.differences) for key, match in found.items()] == [
        ("stripe:acct:charge:ch_1 INV-1", "p-1", ())
    ]


def test_a_payment_of_another_amount_is_a_difference(api: ScriptedApi, hook: XeroHook) -> None:
    paid = {"PaymentID": "p-1", "Reference": "ch_1 INV-1", "Date": "/Date(1772496000000+0000)/", "Amount": 50.0}
    api.will_reply(TOKEN, Reply({"Invoices": [{"InvoiceID": "i-1", "Payments": [paid]}]}))
    (match,) = target(hook, "payment").find([payment()]).values()
    assert match.differences == ("Amount is 50.0 in Xero, expected 53.77",)


def test_a_transfer_is_sent_alone_and_found_by_reference_and_accounts(api: ScriptedApi, hook: XeroHook) -> None:
    fields = {"FromBankAccount.Code": "615", "ToBankAccount.Code": "090", "Reference": "po_1", "Amount": Decimal(50)}
    document = Document("stripe:acct:payout:po_1", "key-po_1", fields)
    accounts = {"FromBankAccount": {"Code": "615"}, "ToBankAccount": {"Code": "090"}}
    content = {"BankTransferID": "b-1", "Reference": "po_1", "Amount": 50.0, "Status": "AUTHORISED"} | accounts
    api.will_reply(TOKEN, *[Reply({"BankTransfers": [content]})] * 2)
    (outcome,) = target(hook, "bank_transfer").send([document])
    assert (outcome.target_id, outcome.number) == ("b-1", "po_1")
    assert "summarizeErrors" not in api.asked[-1].query
    (match,) = target(hook, "bank_transfer").find([document]).values()
    assert (match.target_id, match.differences) == ("b-1", ())
    assert api.asked[-1].query["where"] == ['Reference=="po_1"']


def test_an_allocation_goes_to_its_credit_note(api: ScriptedApi, hook: XeroHook) -> None:
    fields = {"CreditNote.CreditNoteNumber": "CN-1", "Invoice.InvoiceID": "i-1", "Amount": Decimal("5.00")}
    document = Document("gp:HLS:return:CN-1", "key-cn", fields)
    note = {"CreditNoteID": "n-1", "CreditNoteNumber": "CN-1", "Allocations": []}
    allocation = {"AllocationID": "a-1", "Amount": 5.0, "Invoice": {"InvoiceID": "i-1", "InvoiceNumber": "INV-1"}}
    api.will_reply(TOKEN, Reply({"CreditNotes": [note]}), Reply({"Allocations": [allocation]}))
    (outcome,) = target(hook, "allocation").send([document])
    assert (outcome.target_id, outcome.number) == ("a-1", "CN-1 INV-1")
    sent = api.asked[-1]
    assert (sent.method, sent.path) == ("PUT", "/api.xro/2.0/CreditNotes/n-1/Allocations")
    assert sent.json == {"Allocations": [{"Amount": 5.00, "Invoice": {"InvoiceID": "i-1"}}]}
    found_note = note | {"Allocations": [allocation]}
    api.will_reply(Reply({"Invoices": [{"InvoiceID": "i-1"}]}), Reply({"CreditNotes": [found_note]}))
    (match,) = target(hook, "allocation").find([document]).values()
    assert (match.target_id, match.differences) == ("a-1", ())


def test_an_allocation_that_xero_gives_no_id_is_known_by_its_note_and_invoice(api: ScriptedApi, hook: XeroHook) -> None:
    fields = {"CreditNote.CreditNoteNumber": "CN-1", "Invoice.InvoiceNumber": "INV-1", "Amount": Decimal("5.00")}
    document = Document("gp:HLS:return:CN-1", "key-cn", fields)
    note = {"CreditNoteID": "n-1", "CreditNoteNumber": "CN-1"}
    allocation = {"Amount": 5.0, "Invoice": {"InvoiceID": "i-1"}}
    api.will_reply(TOKEN, Reply({"CreditNotes": [note]}), Reply({"Allocations": [allocation]}))
    (outcome,) = target(hook, "allocation").send([document])
    invoice_found = Reply({"Invoices": [{"InvoiceID": "i-1", "InvoiceNumber": "INV-1"}]})
    api.will_reply(invoice_found, Reply({"CreditNotes": [note | {"Allocations": [allocation]}]}))
    (match,) = target(hook, "allocation").find([document]).values()
    assert (outcome.target_id, outcome.number) == (match.target_id, match.number) == ("n-1 i-1", "CN-1 INV-1")


def test_a_transfer_whose_accounts_xero_shows_without_code_is_found(api: ScriptedApi, hook: XeroHook) -> None:
    fields = {"FromBankAccount.Code": "615", "ToBankAccount.Code": "090", "Reference": "po_1", "Amount": Decimal(50)}
    accounts = {"FromBankAccount": {"AccountID": "a"}, "ToBankAccount": {"AccountID": "b", "Name": "Bank"}}
    content = {"BankTransferID": "b-1", "Reference": "po_1", "Amount": 50.0, **accounts}
    codes = Reply({"Accounts": [{"AccountID": "a", "Code": "615"}, {"AccountID": "b", "Code": "090"}]})
    api.will_reply(TOKEN, Reply({"BankTransfers": [content]}), codes)
    (match,) = target(hook, "bank_transfer").find([Document("po_1", "key-po_1", fields)]).values()
    assert (match.target_id, match.differences) == ("b-1", ())


def test_many_processes_renew_a_token_once(api: ScriptedApi, hook: XeroHook) -> None:
    hooks = [hook, *(XeroHook("xero_test") for _ in range(7))]
    api.will_reply(TOKEN, *[Reply({"Accounts": []})] * len(hooks))
    with ThreadPoolExecutor(len(hooks)) as pool:
        answers = list(pool.map(lambda one: one.get("Accounts"), hooks))
    assert answers == [{"Accounts": []}] * len(hooks)
    assert [asked.path for asked in api.asked].count("/identity/connect/token") == 1


def test_a_consent_gives_rotating_tokens(api: ScriptedApi, state: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def tokens(number: int) -> Reply:
        content = {"access_token": f"token-{number}", "refresh_token": f"refresh-{number}", "expires_in": 1800}
        return Reply(content | {"token_type": "Bearer"})

    hook = hook_on(monkeypatch, api.url, grant="refresh_token", scopes="offline_access accounting.transactions")
    with pytest.raises(ConfigurationError, match="consented") as caught:
        hook.get("Accounts")
    assert caught.value.code == "LB-XERO-004"
    consent = hook.consent("https://here.example/callback")
    asked = parse_qs(urlsplit(consent.url).query)
    assert asked["code_challenge_method"] == ["S256"]
    connections = Reply([{"tenantId": "t-1", "tenantName": "Harbor", "tenantType": "ORGANISATION"}])
    api.will_reply(tokens(1), connections, UNAUTHORIZED, tokens(2), Reply({"Accounts": []}))
    hook.complete_consent(consent, f"https://here.example/callback?code=c-1&state={asked['state'][0]}")
    XeroHook("xero_test").get("Accounts")
    exchange, _, refused, refresh, call = api.asked
    assert parse_qs(exchange.body)["code"] == ["c-1"]
    assert len(parse_qs(exchange.body)["code_verifier"][0]) >= 43
    assert refused.headers["authorization"] == "Bearer token-1"
    assert parse_qs(refresh.body)["refresh_token"] == ["refresh-1"]
    assert call.headers["authorization"] == "Bearer token-2"


def test_a_consent_of_another_session_is_refused(
    api: ScriptedApi, state: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = hook_on(monkeypatch, api.url, grant="refresh_token", scopes="offline_access accounting.transactions")
    consent = hook.consent("https://here.example/callback")
    with pytest.raises(ConfigurationError, match="another consent"):
        hook.complete_consent(consent, "https://here.example/callback?code=c-1&state=forged")
    assert api.asked == []
