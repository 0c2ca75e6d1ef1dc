"""
Xero calls per 1,000 invoices, by Xero's own count, from the first look-up to the last answer.

The fewest are 20: Xero advises at most 50 documents a request.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from bench.xero_office import XeroOffice, open_xero
from ledgerbridge.audit import Actor
from ledgerbridge.delivery import Deliverer
from ledgerbridge.entities import Document, Target
from operators import settings

__all__ = ["measure"]

INVOICES = 1_000
FEWEST = 20


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """Deliver a thousand invoices as the task `load` does, then once more, when nothing is new."""
    found = []
    with open_xero(calls_per_minute=600) as office:
        hook = office.hook()
        [contact] = hook.write("PUT", "Contacts", {"Contacts": [{"Name": "Ann Archer"}]})["Contacts"]
        documents = [_invoice(number, contact["ContactID"]) for number in range(INVOICES)]
        for what in ("new", "delivered before"):
            before = office.spent()
            outcomes = {each.outcome for each in _deliverer(office).deliver(documents, {})}
            calls = office.spent() - before - 1  # the count itself was one
            found.append({"invoices": what, "outcomes": sorted(outcomes), "calls": calls, "fewest": FEWEST})
            print(f"  {INVOICES:,} invoices, {what}: {calls} calls ({', '.join(sorted(outcomes))})", flush=True)
    return found


def _deliverer(office: XeroOffice) -> Deliverer:
    target = office.hook().entity("invoice")
    assert isinstance(target, Target)
    actor = Actor("bench", "invoice", "run", "invoice.load")
    return Deliverer(settings.state_engine(), actor, "xero.invoice", target)


def _invoice(number: int, contact: str) -> Document:
    header = {
        "Type": "ACCREC",
        "InvoiceNumber": f"STDINV{number:09}",
        "Contact.ContactID": contact,
        "Date": date(2026, 3, 2),
        "DueDate": date(2026, 3, 2),
        "LineAmountTypes": "Exclusive",
        "Status": "AUTHORISED",
        "CurrencyCode": "USD",
        "_expected.Total": Decimal("99.80"),
    }
    line = {
        "Description": "Desk lamp",
        "Quantity": Decimal(2),
        "UnitAmount": Decimal("49.90"),
        "LineAmount": Decimal("99.80"),
        "AccountCode": "200",
        "TaxType": "NONE",
        "TaxAmount": Decimal(0),
    }
    return Document(f"bench:invoice:{number}", f"bench-{number}", header, {"lines": [line]})
