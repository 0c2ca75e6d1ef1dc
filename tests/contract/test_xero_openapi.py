"""All the Xero hook sends is in Xero's own description of its API, which is read where it lies and never copied."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from hooks.xero.hook import XeroHook
from ledgerbridge.entities import Document, Window
from tests.contract.scripted_api import Asked, Reply, ScriptedApi, serve_script
from tests.contract.xero_connection import hook_on, provide_state, source, target
from tests.reference_data import XERO_API

pytestmark = XERO_API.needed

LINE = {
    "Description": "Desk lamp",
    "Quantity": 1,
    "UnitAmount": Decimal("49.9000"),
    "LineAmount": Decimal("49.90"),
    "AccountCode": "200",
    "TaxType": "TAX001",
    "TaxAmount": Decimal("3.87"),
    "ItemCode": "LAMP-01",
    "Tracking.Region": "East",
}
DATED = {"Date": date(2026, 3, 3), "Reference": "#1001", "CurrencyCode": "GBP", "CurrencyRate": Decimal("1.25")}
DOCUMENTS: dict[str, tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]] = {
    "contact": (
        {"ContactNumber": "ANN1", "Name": "Ann", "FirstName": "Ann", "LastName": "A", "EmailAddress": "a@example.com"},
        {"addresses": [{"AddressType": "STREET", "AddressLine1": "12 Harbor St", "City": "Salem", "Region": "MA"}]},
    ),
    "invoice": (
        {"Type": "ACCREC", "InvoiceNumber": "INV-1", "Contact.ContactID": "c", "LineAmountTypes": "Exclusive"}
        | {"DueDate": date(2026, 3, 3), "Status": "AUTHORISED", "_expected.Total": Decimal("53.77"), **DATED},
        {"lines": [LINE]},
    ),
    "credit_note": (
        {"Type": "ACCRECCREDIT", "CreditNoteNumber": "CN-1", "Contact.ContactID": "c", "Status": "AUTHORISED", **DATED},
        {"lines": [LINE]},
    ),
    "payment": (
        {"Invoice.InvoiceNumber": "INV-1", "Account.Code": "615", "Amount": Decimal("53.77"), "Reference": "ch_1 INV-1"}
        | {"Date": date(2026, 3, 3), "CurrencyRate": Decimal("1.25")},
        {},
    ),
    "bank_transaction": (
        {"Type": "SPEND", "Contact.Name": "Stripe", "BankAccount.Code": "615", "LineAmountTypes": "NoTax", **DATED},
        {"lines": [LINE]},
    ),
    "bank_transfer": (
        {"FromBankAccount.Code": "615", "ToBankAccount.Code": "090", "Amount": Decimal("51.91"), "Reference": "po_1"}
        | {"Date": date(2026, 3, 5)},
        {},
    ),
    "manual_journal": (
        {"Narration": "Rounding of March", "Date": date(2026, 3, 31), "Status": "POSTED", "LineAmountTypes": "NoTax"},
        {"lines": [{"LineAmount": Decimal("-0.01"), "AccountCode": "860", "Description": "Cent"}]},
    ),
    "allocation": (
        {"CreditNote.CreditNoteNumber": "CN-1", "Invoice.InvoiceID": "i", "Amount": Decimal("5.00")}
        | {"Date": date(2026, 3, 3)},
        {},
    ),
}


PARTIES = {
    "ContactID": "x",
    "ContactStatus": "ARCHIVED",
    "InvoiceID": "i",
    "ManualJournalID": "m",
    "Narration": "-",
    "Date": "2026-03-31",
    "BankAccount": {"Code": "1"},
    "FromBankAccount": {"Code": "1"},
    "ToBankAccount": {"Code": "2"},
}
TOKEN = Reply({"access_token": "token-1", "expires_in": 1800, "token_type": "Bearer"})


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with serve_script() as script:
        yield script


@pytest.fixture
def hook(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> XeroHook:
    provide_state(monkeypatch, tmp_path)
    return hook_on(monkeypatch, api.url)


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(XERO_API.text(), yaml.CSafeLoader)
    return loaded


def resolved(description: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = description
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        node = found
    return node


def unknown(description: dict[str, Any], asked: Asked) -> Iterator[str]:
    path = asked.path.removeprefix("/api.xro/2.0")
    template = next(known for known in description["paths"] if re.fullmatch(re.sub(r"{\w+}", "[^/]+", known), path))
    operation = description["paths"][template].get(asked.method.lower())
    if operation is None:
        yield f"{asked.method} {template}"
        return
    parameters = [resolved(description, parameter) for parameter in operation.get("parameters", [])]
    names = {parameter["name"] for parameter in parameters}
    yield from (f"{asked.method} {template}?{name}" for name in asked.query if name not in names)
    if asked.body:
        schema = next(iter(operation["requestBody"]["content"].values()))["schema"]
        yield from unknown_fields(description, schema, asked.json, template)


def unknown_fields(description: dict[str, Any], schema: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    schema = resolved(description, schema)
    if isinstance(value, list):
        for item in value:
            yield from unknown_fields(description, schema["items"], item, path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in schema["properties"]:
                yield f"{path}.{name}"
            else:
                yield from unknown_fields(description, schema["properties"][name], inner, f"{path}.{name}")


@pytest.mark.parametrize("entity", DOCUMENTS)
def test_what_a_target_asks_and_sends_is_described(
    api: ScriptedApi, hook: XeroHook, description: dict[str, Any], entity: str
) -> None:
    header, parts = DOCUMENTS[entity]
    everything = {
        "Organisations": [{"BaseCurrency": "USD"}],
        "CreditNotes": [{"CreditNoteID": "n", "CreditNoteNumber": "CN-1", "Type": "ACCRECCREDIT"}],
        "Allocations": [{"AllocationID": "a", "Amount": 5.0, "Invoice": {"InvoiceID": "i"}}],
    }
    for name in ("Contacts", "Invoices", "Payments", "BankTransactions", "BankTransfers", "ManualJournals"):
        everything[name] = [{"StatusAttributeString": "ERROR", "Type": "-", "Status": "DELETED", "Name": "", **PARTIES}]
    api.will_reply(TOKEN, *[Reply(everything)] * 6)
    document = Document("key", "idempotency", header, parts)
    target(hook, entity).send([document])
    target(hook, entity).find([document])
    calls = [asked for asked in api.asked if asked.path.startswith("/api.xro")]
    assert {asked.method for asked in calls} >= {"GET", "PUT"}
    assert [problem for asked in calls for problem in unknown(description, asked)] == []
    written = json.loads(next(asked.body for asked in calls if asked.method == "PUT"))
    (elements,) = written.values()
    assert len(elements) == 1


@pytest.mark.parametrize(
    "entity", ["payment", "invoice", "credit_note", "bank_transaction", "bank_transfer", "contact", "item", "account"]
)
def test_what_a_source_asks_is_described(
    api: ScriptedApi, hook: XeroHook, description: dict[str, Any], entity: str
) -> None:
    collections = ("BankTransactions", "Contacts", "CreditNotes", "Invoices", "Payments")
    unpaged = ("BankTransfers", "Items", "Accounts")
    api.will_reply(TOKEN, Reply({name: [] for name in (*collections, *unpaged)}))
    assert list(source(hook, entity).read(Window(datetime(2026, 3, 2, tzinfo=UTC)))) == []
    assert list(unknown(description, api.asked[-1])) == []
