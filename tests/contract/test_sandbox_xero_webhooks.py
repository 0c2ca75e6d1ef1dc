"""The simulated Xero announces changes as sources.md Xero §6 says: signed, repeated and out of order on demand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response

from sandbox.xero.app import create_app
from tests.contract.served_app import serve
from tests.contract.xero_office import Office, credit_note, invoice, payment

KEY = "webhook-key"
SECONDS = 20


class Receiver:
    """An endpoint that checks signatures and keeps what it takes; ``status`` is its answer to the well signed."""

    def __init__(self) -> None:
        self.status = 200
        self.notices: Queue[dict[str, Any]] = Queue()
        self.app = FastAPI()
        self.app.post("/hook")(self._receive)

    async def _receive(self, request: Request) -> Response:
        body = await request.body()
        expected = base64.b64encode(hmac.new(KEY.encode(), body, hashlib.sha256).digest()).decode()
        if request.headers["x-xero-signature"] != expected:
            return Response(status_code=401)
        if (notice := json.loads(body))["events"]:
            self.notices.put(notice)
        return Response(status_code=self.status)

    def events(self) -> list[dict[str, Any]]:
        """The next notice's events."""
        events: list[dict[str, Any]] = self.notices.get(timeout=SECONDS)["events"]
        return events


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, str]]:
    endpoint = Receiver()
    with serve(endpoint.app) as url:
        yield endpoint, f"{url}/hook"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with serve(create_app(tmp_path)) as url:
        yield Office(url)


def test_changes_are_announced_and_a_payment_as_its_invoice_s(office: Office, receiver: tuple[Receiver, str]) -> None:
    endpoint, url = receiver
    assert office.admin("POST", "webhooks", {"url": url, "key": KEY}) == {"intent_to_receive": True}
    [created] = office.put("Invoices", invoice("INV-1"))
    events = {event["eventCategory"]: event for event in endpoint.events()}
    assert events["CONTACT"]["eventType"] == "UPDATE"  # the invoice made it a customer
    assert events["INVOICE"]["resourceUrl"].endswith(f"/Invoices/{created['InvoiceID']}")
    assert events["INVOICE"]["tenantId"] == office.tenant_id
    office.put("Payments", payment("INV-1", 53.77))
    [paid] = endpoint.events()
    assert (paid["eventCategory"], paid["eventType"], paid["resourceId"]) == ("INVOICE", "UPDATE", created["InvoiceID"])
    office.put("CreditNotes", credit_note("CN-1"))
    assert {"Type": "ACCRECCREDIT", "Status": "AUTHORISED"} in [event.get("data") for event in endpoint.events()]


def test_an_endpoint_that_takes_wrong_signatures_is_not_subscribed(office: Office) -> None:
    careless = FastAPI()
    careless.post("/hook")(lambda: Response(status_code=200))
    with serve(careless) as url:
        answer = office.admin("POST", "webhooks", {"url": f"{url}/hook", "key": KEY})
    assert answer == {"intent_to_receive": False}


def test_what_was_not_taken_is_sent_again_doubled_and_in_disorder(
    office: Office, receiver: tuple[Receiver, str]
) -> None:
    endpoint, url = receiver
    office.admin("POST", "webhooks", {"url": url, "key": KEY})
    endpoint.status = 500
    office.put("Contacts", *[{"Name": f"Customer {number}"} for number in range(3)])
    missed = endpoint.events()
    endpoint.status = 200
    assert office.admin("POST", "webhooks/deliver", {"duplicates": 1, "shuffled": True}) == {"taken": 3}
    again = [endpoint.events() for _ in range(6)]
    assert {len(events) for events in again} == {1}
    assert sorted(event["resourceId"] for [event] in again) == sorted(2 * [event["resourceId"] for event in missed])
