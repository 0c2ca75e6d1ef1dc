"""Xero's own Python client works against the simulated Xero: it authorises, writes, pages and reads refusals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from xero_python.accounting import (
    Account,
    AccountingApi,
    Contact,
    Contacts,
    Invoice,
    Invoices,
    LineItem,
    Payment,
    Payments,
)
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.exceptions import AccountingBadRequestException, RateLimitException

from sandbox.xero.app import create_app
from tests.contract.consent_page import decide
from tests.contract.served_app import serve
from tests.contract.xero_office import CLIENT_ID, CLIENT_SECRET, Office

DAY = date(2026, 3, 3)


class Client:
    """The client and the organisation it reaches."""

    def __init__(self, office: Office) -> None:
        self.office = office
        kept: dict[str, Any] = {}
        oauth = OAuth2Token(client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
        api_client = ApiClient(Configuration(oauth2_token=oauth))
        # By itself the client waits as long as Retry-After says, up to three times.
        api_client.rest_client.pool_manager.connection_pool_kw["retries"] = False
        api_client.oauth2_token_getter(lambda: kept)
        api_client.oauth2_token_saver(kept.update)
        oauth.get_client_credentials_access_token(api_client, app_store_billing=False)
        self.api = AccountingApi(api_client, base_url=f"{office.url}/api.xro/2.0")
        self.tenant_id = office.tenant_id

    def create_lamps(self, count: int, **fields: Any) -> Any:
        """Invoices INV-0, INV-1, … of one lamp for Ann, in one batch."""
        lamp = {"description": "Desk lamp", "quantity": 1, "unit_amount": 49.9, "account_code": "200"}
        line = LineItem(**(lamp | {"tax_type": "TAX001", "tax_amount": 3.87} | fields))
        shared = {"type": "ACCREC", "contact": Contact(name="Ann Archer"), "line_items": [line], "date": DAY}
        shared |= {"due_date": DAY, "status": "AUTHORISED"}
        invoices = [Invoice(invoice_number=f"INV-{number}", **shared) for number in range(count)]
        return self.api.create_invoices(self.tenant_id, Invoices(invoices=invoices), unitdp=4).invoices


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    with serve(create_app(tmp_path)) as url:
        # The client has no setting for its identity service's address.
        monkeypatch.setattr(TokenApi, "client_credentials_token_url", f"{url}/connect/token")
        yield Client(Office(url))


def test_the_client_refreshes_what_a_person_consented_to(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    url, callback = client.office.url, "http://localhost:8914/callback"
    web = {"client_id": "WEB", "client_secret": "hush", "kind": "web", "redirect_uris": [callback]}
    client.office.admin("POST", "apps", web)
    query = {"response_type": "code", "client_id": "WEB", "redirect_uri": callback, "state": "s-1"}
    scopes = {"scope": "offline_access accounting.settings"}
    [code] = parse_qs(urlsplit(decide(f"{url}/identity/connect/authorize?{urlencode(query | scopes)}")).query)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback}
    first = requests.post(f"{url}/connect/token", form, auth=("WEB", "hush"), timeout=10).json()
    monkeypatch.setattr(TokenApi, "refresh_token_url", f"{url}/connect/token")
    kept: dict[str, Any] = {}
    oauth = OAuth2Token(client_id="WEB", client_secret="hush")
    api_client = ApiClient(Configuration(oauth2_token=oauth))
    api_client.oauth2_token_getter(lambda: kept or first)
    api_client.oauth2_token_saver(kept.update)
    oauth.update_token(**first | {"scope": first["scope"].split(), "expires_at": 0})
    assert oauth.refresh_access_token(api_client)
    assert kept["refresh_token"] != first["refresh_token"]
    api = AccountingApi(api_client, base_url=f"{url}/api.xro/2.0")
    assert api.get_organisations(client.tenant_id).organisations[0].base_currency.value == "USD"


def test_invoices_created_in_a_batch_are_paged_with_their_dates(client: Client) -> None:
    created = client.create_lamps(50)
    assert {one.status_attribute_string or one.status for one in created} == {"AUTHORISED"}
    page = client.api.get_invoices(client.tenant_id, page=2, page_size=30, order="InvoiceNumber ASC")
    assert (len(page.invoices), page.pagination.item_count) == (20, 50)
    assert page.invoices[0].date == DAY
    assert page.invoices[0].updated_date_utc.tzinfo is not None


def test_a_payment_leaves_the_invoice_paid(client: Client) -> None:
    [invoice] = client.create_lamps(1)
    payment = Payment(
        invoice=Invoice(invoice_id=invoice.invoice_id), account=Account(code="615"), date=DAY, amount=53.77
    )
    [paid] = client.api.create_payments(client.tenant_id, Payments(payments=[payment])).payments
    [read] = client.api.get_invoice(client.tenant_id, invoice.invoice_id).invoices
    assert (paid.payment_type, read.status, str(read.amount_due)) == ("ACCRECPAYMENT", "PAID", "0.00")
    client.api.delete_payment(client.tenant_id, paid.payment_id, {"Status": "DELETED"})
    [read] = client.api.get_invoice(client.tenant_id, invoice.invoice_id).invoices
    assert read.status == "AUTHORISED"


def test_a_refused_invoice_reads_as_its_validation_errors(client: Client) -> None:
    with pytest.raises(AccountingBadRequestException) as refused:
        client.create_lamps(1, account_code="999")
    assert refused.value.reason == "Account code '999' is not a valid code for this document."


def test_a_used_up_minute_reads_as_a_rate_limit(client: Client) -> None:
    client.office.admin("PUT", "settings", {"calls_per_minute": 0})
    with pytest.raises(RateLimitException) as refused:
        client.api.get_organisations(client.tenant_id)
    assert 1 <= int(refused.value.headers["Retry-After"]) <= 60


def test_master_data_and_contacts_are_read_as_the_client_s_models(client: Client) -> None:
    [organisation] = client.api.get_organisations(client.tenant_id).organisations
    rates = client.api.get_tax_rates(client.tenant_id).tax_rates
    contact = Contact(name="Ann Archer", contact_number="c1", email_address="ann@example.com")
    client.api.create_contacts(client.tenant_id, Contacts(contacts=[contact]))
    where = 'EmailAddress=="ann@example.com"'
    [found] = client.api.get_contacts(client.tenant_id, where=where).contacts
    assert organisation.base_currency.value == "USD"
    assert {rate.tax_type for rate in rates} >= {"NONE", "TAX001"}
    assert (found.contact_number, found.contact_status) == ("c1", "ACTIVE")
