"""Clients that know only the real Xero read from the simulated one: all pages, with amounts, days and lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bench.foreign_clients import CLIENTS, CONSENTED, Access, Unavailable, python_of, read
from bench.xero_office import consented
from sandbox.xero.app import create_app
from tests.contract.served_app import serve
from tests.contract.xero_office import CLIENT_ID, CLIENT_SECRET, DAY, Office, invoice, payment

COUNT = 105  # more than tap-xero's page, which is Xero's smallest
PAID = 101
SCOPES = ("offline_access", "accounting.transactions", "accounting.contacts", "accounting.settings")
Reads = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with serve(create_app(tmp_path_factory.mktemp("xero"))) as url:
        office = Office(url, calls_per_minute=1000, calls_at_once=50)
        numbers = [f"INV-{number:03}" for number in range(COUNT)]
        office.put("Contacts", {"Name": "Ann Archer", "EmailAddress": "ann@example.com", "ContactNumber": "c1"})
        for first in range(0, COUNT, 35):
            office.put("Invoices", *(invoice(number) for number in numbers[first : first + 35]))
        office.put("Payments", *(payment(number, 53.77) for number in numbers[:PAID]))
        yield office


@pytest.fixture(params=CLIENTS)
def reads(request: pytest.FixtureRequest, office: Office) -> Reads:
    """What a client makes of a collection; the environment it needs is made when it is not there yet."""
    client = request.param
    try:
        python_of(client)
    except Unavailable as error:
        pytest.skip(f"{client} can't be fetched: {error}")
    app = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    if client in CONSENTED:
        app = consented(office.url, office.tenant_id, SCOPES)

    def records(collection: str) -> list[dict[str, Any]]:
        place = {"url": office.url, "token_url": f"{office.url}/connect/token", "tenant_id": office.tenant_id}
        found = read(client, Access(**place, **app, collection=collection, scopes=SCOPES, page_size=100, keep=True))
        kept: list[dict[str, Any]] = found["kept"]
        assert len(kept) == found["records"]
        return kept

    return records


def test_a_client_reads_invoices_of_all_pages_with_their_lines(reads: Reads) -> None:
    found = {each["InvoiceNumber"]: each for each in reads("Invoices")}
    assert sorted(found) == [f"INV-{number:03}" for number in range(COUNT)]
    paid, due = found["INV-000"], found["INV-104"]
    assert [_exact(paid[name]) for name in ("Total", "AmountPaid", "AmountDue")] == ["53.77", "53.77", "0.00"]
    assert (paid["Status"], due["Status"], _exact(due["AmountDue"])) == ("PAID", "AUTHORISED", "53.77")
    assert (_day(due["Date"]), due["Contact"]["Name"], due["Reference"]) == (DAY, "Ann Archer", "#1001")
    [line] = due["LineItems"]
    assert (line["Description"], line["AccountCode"], line["TaxType"]) == ("Desk lamp", "200", "TAX001")
    assert [_exact(line[name]) for name in ("Quantity", "UnitAmount", "TaxAmount")] == ["1.00", "49.90", "3.87"]


def test_a_client_reads_contacts(reads: Reads) -> None:
    [contact] = reads("Contacts")
    fields = ("Name", "EmailAddress", "ContactNumber", "ContactStatus", "IsCustomer")
    assert [contact[name] for name in fields] == ["Ann Archer", "ann@example.com", "c1", "ACTIVE", True]


def test_a_client_reads_payments_of_all_pages_with_their_invoices(reads: Reads) -> None:
    found = {each["Invoice"]["InvoiceNumber"]: each for each in reads("Payments")}
    assert sorted(found) == [f"INV-{number:03}" for number in range(PAID)]
    payment = found["INV-100"]
    assert (payment["PaymentType"], payment["Status"], _day(payment["Date"])) == ("ACCRECPAYMENT", "AUTHORISED", DAY)
    assert (_exact(payment["Amount"]), payment["Reference"]) == ("53.77", "ch_1 INV-100")


def _exact(number: Any) -> str:
    return f"{Decimal(str(number)):.2f}"


def _day(told: str) -> str:
    """A day as Xero, or as the client, tells it."""
    if milliseconds := re.match(r"/Date\((\d+)", told):
        return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(milliseconds[1]))).date().isoformat()
    return told[:10]
