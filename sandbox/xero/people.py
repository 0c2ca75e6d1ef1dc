"""What a person does at Xero's own windows: enter a payment, void a document, edit a contact or an item."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, ConfigDict

from sandbox.xero.admin import tenant_named_or_first
from sandbox.xero.contacts import checked_terms, mark_role, save_contact
from sandbox.xero.document_kinds import CREDIT_NOTE, INVOICE
from sandbox.xero.documents import save_document
from sandbox.xero.errors import Refused
from sandbox.xero.manual_journals import save_manual_journal
from sandbox.xero.masters import (
    save_account,
    save_contact_group,
    save_currency,
    save_item,
    save_tax_rate,
    save_tracking_category,
)
from sandbox.xero.models import Book, Record, State
from sandbox.xero.payments import save_payment
from sandbox.xero.purchase_orders import save_purchase_order
from sandbox.xero.wire import Element, render

__all__ = ["people_routes"]


class _Payment(BaseModel):
    """What is received for an invoice, or paid back on a credit note, into the account of this code."""

    model_config = ConfigDict(extra="forbid")

    number: str
    amount: Decimal
    account: str
    on: date | None = None
    reference: str = ""
    rate: Decimal | None = None  # units of the document's currency for one of the base currency


class _Document(BaseModel):
    """An invoice or credit note."""

    model_config = ConfigDict(extra="forbid")

    number: str


def people_routes(state: State) -> APIRouter:
    """``/_sandbox/payments``, ``journals``, ``void``, and the masters; 409 with Xero's message where Xero refuses."""
    routes = APIRouter(prefix="/_sandbox")

    @routes.post("/payments", status_code=201)
    def enter_payment(payment: _Payment, tenant_id: str | None = None) -> Response:
        element: Element = {
            "Account": {"Code": payment.account},
            "Amount": payment.amount,
            "Reference": payment.reference,
            "CurrencyRate": payment.rate,
        } | ({"Date": payment.on.isoformat()} if payment.on else {})

        def entered(book: Book) -> Element:
            is_credit = book.numbered(INVOICE.resource, payment.number) is None
            kind = CREDIT_NOTE if is_credit else INVOICE
            return save_payment(book, {**element, kind.number_field: payment.number}, create=True).body

        return _done(state, tenant_id, entered)

    @routes.post("/documents", status_code=201)
    def enter_document(element: dict[str, Any], tenant_id: str | None = None) -> Response:
        """A bill, invoice or credit note as a person types it, or changes it by its id, in the API's words."""
        kind = CREDIT_NOTE if str(element.get("Type")).endswith("CREDIT") else INVOICE
        return _done(
            state,
            tenant_id,
            lambda book: save_document(book, kind, element, create=kind.id_field not in element, unit_places=4).body,
        )

    @routes.post("/purchase_orders", status_code=201)
    def enter_order(element: dict[str, Any], tenant_id: str | None = None) -> Response:
        """A purchase order as a person types it, or changes it by its id, in the API's words."""
        is_new = "PurchaseOrderID" not in element
        return _done(
            state, tenant_id, lambda book: save_purchase_order(book, element, create=is_new, unit_places=4).body
        )

    @routes.post("/journals", status_code=201)
    def enter_journal(element: dict[str, Any], tenant_id: str | None = None) -> Response:
        """A manual journal as a person keys it, or changes it by its id, in the API's words."""
        is_new = "ManualJournalID" not in element
        return _done(state, tenant_id, lambda book: save_manual_journal(book, element, create=is_new).body)

    @routes.post("/void")
    def void(document: _Document, tenant_id: str | None = None) -> Response:
        def voided(book: Book) -> Element:
            for kind in (INVOICE, CREDIT_NOTE):
                found = book.numbered(kind.resource, document.number)
                if found is not None:
                    change = {kind.id_field: found.id, "Status": "VOIDED"}
                    return save_document(book, kind, change, create=False, unit_places=4).body
            raise Refused(f"There is no document {document.number}.")

        return _done(state, tenant_id, voided)

    @routes.get("/contacts")
    def contacts(tenant_id: str | None = None) -> Response:
        return _all(state, tenant_id, "Contacts")

    @routes.put("/contacts/{named}")
    def edit_contact(
        named: str, changes: dict[str, Any], tenant_id: str | None = None, by: str = "A Bookkeeper"
    ) -> Response:
        """
        Change the contact of this id, number or name; a name nobody has makes one. ContactStatus archives it.

        IsCustomer and IsSupplier stand for the first document that people enter for it. Of PaymentTerms a
        kind that is null is emptied, and one that is left out stays.
        """

        def edited(book: Book) -> Element:
            found = _contact(book, named)
            known = {"ContactID": found.id} if found else {"Name": named}
            book.user = by
            terms = changes.pop("PaymentTerms", None)
            contact = save_contact(book, {**known, **changes}, create=found is None)
            if terms is not None:
                typed = {**contact.body.get("PaymentTerms", {}), **terms}
                contact.body["PaymentTerms"] = checked_terms({kind: each for kind, each in typed.items() if each})
                book.save(contact)
            for role in ("IsCustomer", "IsSupplier"):
                if changes.get(role):
                    mark_role(book, contact, role)
            return contact.body

        return _done(state, tenant_id, edited)

    @routes.post("/contacts/{named}/merge")
    def merge_contact(named: str, into: str, tenant_id: str | None = None) -> Response:
        """Merge the contact of this id, number or name into another: it is archived, and tells which one."""

        def merged(book: Book) -> Element:
            contact, survivor = _contact(book, named), _contact(book, into)
            if contact is None or survivor is None:
                raise Refused("The contact could not be found.")
            contact.body |= {"ContactStatus": "ARCHIVED", "MergedToContactID": survivor.id}
            book.save(contact)
            return contact.body

        return _done(state, tenant_id, merged)

    @routes.get("/items")
    def items(tenant_id: str | None = None) -> Response:
        return _all(state, tenant_id, "Items")

    @routes.put("/items/{code}")
    def edit_item(code: str, changes: dict[str, Any], tenant_id: str | None = None) -> Response:
        """Change the item of this code; a code nobody has makes one."""
        return _done(state, tenant_id, lambda book: save_item(book, {"Code": code, **changes}, create=False).body)

    @routes.put("/accounts/{code}")
    def edit_account(code: str, changes: dict[str, Any], tenant_id: str | None = None) -> Response:
        """Change the account of this code; a code nobody has makes one."""

        def edited(book: Book) -> Element:
            found = book.numbered("Accounts", code)
            known = {"AccountID": found.id} if found else {"Code": code}
            return save_account(book, {**known, **changes}, create=found is None).body

        return _done(state, tenant_id, edited)

    @routes.put("/tax_rates/{named}")
    def edit_tax_rate(named: str, changes: dict[str, Any], tenant_id: str | None = None) -> Response:
        """Change the tax rate of this name; a name nobody has makes one."""
        return _done(state, tenant_id, lambda book: save_tax_rate(book, {"Name": named, **changes}, create=False).body)

    @routes.put("/contact_groups/{named}")
    def edit_contact_group(named: str, changes: dict[str, Any], tenant_id: str | None = None) -> Response:
        """Change the contact group of this name; a name nobody has makes one."""

        def edited(book: Book) -> Element:
            found = next(iter(book.named("ContactGroups", named)), None)
            known = {"ContactGroupID": found.id} if found else {"Name": named}
            return save_contact_group(book, {**known, **changes}, create=found is None).body

        return _done(state, tenant_id, edited)

    @routes.put("/currencies/{code}")
    def add_currency(code: str, tenant_id: str | None = None) -> Response:
        """Subscribe the organisation to a currency."""
        return _done(state, tenant_id, lambda book: save_currency(book, {"Code": code}).body)

    @routes.put("/tracking/{named}")
    def add_tracking_category(named: str, changes: dict[str, Any], tenant_id: str | None = None) -> Response:
        """Make a tracking category, with its options."""
        return _done(
            state, tenant_id, lambda book: save_tracking_category(book, {"Name": named, **changes}, create=True).body
        )

    for window, (resource, known_by) in _DELETABLE.items():
        _add_deletion(routes, state, window, resource, known_by)
    return routes


_DELETABLE = {
    "items": ("Items", "Code"),
    "accounts": ("Accounts", "Code"),
    "contact_groups": ("ContactGroups", "Name"),
    "tax_rates": ("TaxRates", "Name"),
}
"""By window what people may delete there, and what they know it by; that nothing uses it is theirs to see to."""


def _add_deletion(routes: APIRouter, state: State, window: str, resource: str, known_by: str) -> None:
    def delete(named: str, tenant_id: str | None = None) -> Response:
        """Delete what is known by this."""

        def deleted(book: Book) -> Element:
            found = next((each for each in book.select(resource) if each.body.get(known_by) == named), None)
            if found is None:
                raise Refused(f"There is no {named}.")
            book.delete(found)
            return found.body

        return _done(state, tenant_id, deleted)

    routes.add_api_route(f"/{window}/{{named}}", delete, methods=["DELETE"])


def _contact(book: Book, named: str) -> Record | None:
    """The contact of this id, number or name."""
    found = book.find("Contacts", named) or book.numbered("Contacts", named)
    return found or next(iter(book.named("Contacts", named)), None)


def _all(state: State, tenant_id: str | None, resource: str) -> Response:
    book = state.read(tenant_named_or_first(state, tenant_id))
    bodies = [record.body for record in book.select(resource, "1", [])]
    return Response(render({resource.lower(): bodies}), media_type="application/json")


def _done(state: State, tenant_id: str | None, work: Callable[[Book], Element]) -> Response:
    try:
        with state.write(tenant_named_or_first(state, tenant_id), app="") as book:
            return Response(render(work(book)), media_type="application/json")
    except Refused as refused:
        raise HTTPException(409, " ".join(refused.messages)) from refused
