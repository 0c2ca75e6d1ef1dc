"""A company in the simulated Xero, and an app that is allowed to reach it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import requests

from tests.contract.xero_description import Conformity

COMPANY: dict[str, Any] = {
    "name": "Harbor Light Supply",
    "base_currency": "USD",
    "time_zone": "America/New_York",
    "accounts": [
        {"role": "receivables", "xero": "610"},
        {"role": "clearing", "xero": "615"},
        {"role": "bank", "xero": "090"},
        {"role": "tax_payable", "xero": "820"},
        {"role": "sales", "xero": "200"},
        {"role": "returns", "xero": "205"},
        {"role": "shipping_income", "xero": "210"},
        {"role": "goodwill", "xero": "206"},
        {"role": "fees", "xero": "404"},
        {"role": "fx_gain_loss", "xero": "499"},
        {"role": "rounding", "xero": "860"},
        {"role": "inventory", "xero": None},
    ],
    "tax_details": [
        {"detail": "MA-STATE", "rate": "0.0625"},
        {"detail": "MA-COUNTY", "rate": "0.0150"},
        {"detail": "UK-VAT20", "rate": "0.20"},
        {"detail": "UK-ZERO", "rate": "0.00"},
    ],
    "xero_tax_rates": [
        {"tax_type": "TAX001", "name": "MA state and county", "details": ["MA-STATE", "MA-COUNTY"]},
        {"tax_type": "TAX003", "name": "UK VAT 20%", "details": ["UK-VAT20"]},
        {"tax_type": "TAX005", "name": "UK zero rated", "details": ["UK-ZERO"]},
    ],
    "items": [{"sku": "LAMP-01", "title": "Desk lamp", "cost": "21.40"}],
    "currencies": [{"code": "GBP", "rate": "1.25"}],
}
CLIENT_ID, CLIENT_SECRET = "SANDBOXXEROCLIENTID0000000000000", "sandbox-xero-secret"
DAY = "2026-03-03"


class Office:
    """One organisation, reached over HTTP; every 200 answer is held against Xero's description."""

    def __init__(self, url: str, *, company: dict[str, Any] = COMPANY, **settings: int | bool) -> None:
        self.url = url
        seed = {"company": company, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "settings": settings}
        self.tenant_id: str = self.admin("POST", "seed", seed)["tenant_id"]
        self.session = requests.Session()
        self.session.hooks["response"].append(Conformity(url).check)
        self.session.headers.update({"xero-tenant-id": self.tenant_id, "Accept": "application/json"})
        self.sign_in()

    def sign_in(self, scope: str = "") -> requests.Response:
        """A token by client credentials, used from now on if it was given."""
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        answer = self.token(form)
        if answer.ok:
            self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer

    def token(self, form: dict[str, str]) -> requests.Response:
        """An answer of the token endpoint to this confidential app."""
        return requests.post(f"{self.url}/identity/connect/token", form, auth=(CLIENT_ID, CLIENT_SECRET), timeout=30)

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the sandbox's admin API; its answer."""
        answer = requests.request(method, f"{self.url}/_sandbox/{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Any call of the Accounting API."""
        return self.session.request(method, f"{self.url}/api.xro/2.0/{path}", json=body, timeout=30, **options)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """A good answer, its numbers exact."""
        answer = self.call("GET", path, params=query)
        assert answer.ok, answer.text
        return exact(answer)

    def put(self, path: str, *elements: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
        """Create elements in one call; Xero's answer to each."""
        name = path.split("/")[-1]
        answer = self.call("PUT", path, {name: elements}, params=query)
        assert answer.ok, answer.text
        created: list[dict[str, Any]] = exact(answer)[name]
        return created

    def refusal(self, method: str, path: str, *elements: dict[str, Any], **query: Any) -> list[str]:
        """The messages with which a call is refused as a whole."""
        answer = self.call(method, path, {path.split("/")[0]: elements}, params=query)
        assert answer.status_code == 400, answer.text
        assert answer.json()["Type"] == "ValidationException"
        return [error["Message"] for element in answer.json()["Elements"] for error in element["ValidationErrors"]]

    def balances(self) -> dict[str, str]:
        """The accounts that are not at nothing, by code."""
        accounts: dict[str, str] = self.admin("GET", f"ledger?tenant_id={self.tenant_id}")["accounts"]
        return {code: balance for code, balance in accounts.items() if Decimal(balance)}


def exact(answer: requests.Response) -> dict[str, Any]:
    """An answer's JSON with exact numbers."""
    content: dict[str, Any] = json.loads(answer.text, parse_float=Decimal)
    return content


def invoice(number: str, **fields: Any) -> dict[str, Any]:
    """A lamp for Ann: 49.90 and 3.87 tax of two details."""
    lamp = {
        "Type": "ACCREC",
        "InvoiceNumber": number,
        "Contact": {"Name": "Ann Archer"},
        "Date": DAY,
        "DueDate": DAY,
        "Reference": "#1001",
        "Status": "AUTHORISED",
        "LineAmountTypes": "Exclusive",
        "LineItems": [line()],
    }
    return lamp | fields


def credit_note(number: str, **fields: Any) -> dict[str, Any]:
    """The lamp comes back."""
    note = invoice("", Type="ACCRECCREDIT", CreditNoteNumber=number, LineItems=[line(AccountCode="205")])
    return {name: value for name, value in (note | fields).items() if name not in {"InvoiceNumber", "DueDate"}}


def line(**fields: Any) -> dict[str, Any]:
    """One lamp."""
    lamp = {
        "Description": "Desk lamp",
        "Quantity": 1,
        "UnitAmount": 49.90,
        "AccountCode": "200",
        "TaxType": "TAX001",
        "TaxAmount": 3.87,
    }
    return lamp | fields


def payment(number: str, amount: float, **fields: Any) -> dict[str, Any]:
    """A payment of an invoice on the clearing account."""
    paid = {"Invoice": {"InvoiceNumber": number}, "Account": {"Code": "615"}, "Amount": amount, "Date": DAY}
    return paid | {"Reference": f"ch_1 {number}"} | fields
