"""The routes of the Accounting API, ``/api.xro/2.0``."""

from __future__ import annotations

from fastapi import APIRouter, Response

from sandbox.xero.allocations import allocate, remove_allocation
from sandbox.xero.attachments import add_attachment_routes
from sandbox.xero.batch import save_batch, sent_elements
from sandbox.xero.calls import Call, ReceivedCall, read, write
from sandbox.xero.contacts import history
from sandbox.xero.document_kinds import CREDIT_NOTE
from sandbox.xero.errors import bad_query, forbidden
from sandbox.xero.masters import add_tracking_option
from sandbox.xero.models import Book, Record
from sandbox.xero.reading import check_volume, found_by_id, listed, shown, unit_places
from sandbox.xero.reports import journals, trial_balance
from sandbox.xero.resources import RESOURCES, Resource
from sandbox.xero.wire import Element, NotOfType, read_day

__all__ = ["accounting_routes"]

_PREFIX = "/api.xro/2.0"


def accounting_routes() -> APIRouter:
    """Every endpoint that is simulated."""
    routes = APIRouter(prefix=_PREFIX)
    add_attachment_routes(routes)
    _add_report_routes(routes)
    _add_allocation_routes(routes)
    _add_tracking_routes(routes)
    _add_history_routes(routes)
    for resource in RESOURCES.values():
        _add_resource_routes(routes, resource, resource.path)
    # pyxero and tap-xero ask for the organisation so
    _add_resource_routes(routes, RESOURCES["Organisation"], "Organisations")
    return routes


def _add_resource_routes(routes: APIRouter, resource: Resource, path: str) -> None:
    @routes.get(f"/{path}")
    def list_records(call: ReceivedCall) -> Response:
        since = call.headers.get("if-modified-since")
        many, most = (call.state.settings.number(name) for name in ("high_volume_contacts", "largest_page"))

        def records(book: Book) -> Element:
            check_volume(book, resource, call.query, since, many)
            return listed(book, resource, call.query, since, call.caller.client_id, most=most)

        return read(call, records)

    @routes.get(f"/{path}/{{key}}")
    def read_record(key: str, call: ReceivedCall) -> Response:
        places = unit_places(call.query)
        return read(call, lambda book: {resource.array: [shown(found_by_id(book, resource, key).body, places)]})

    if "PUT" in resource.methods:

        @routes.put(f"/{path}")
        def create_records(call: ReceivedCall) -> Response:
            return _save(call, resource, create=True)

    if "POST" in resource.methods:

        @routes.post(f"/{path}")
        def save_records(call: ReceivedCall) -> Response:
            return _save(call, resource, create=False)

    if resource.methods:

        @routes.post(f"/{path}/{{key}}")
        def change_record(key: str, call: ReceivedCall) -> Response:
            return _save(call, resource, create=False, key=key)


def _save(call: Call, resource: Resource, *, create: bool, key: str | None = None) -> Response:
    places = unit_places(call.query)
    elements = sent_elements(call.json(), resource.array)

    def work(book: Book) -> Element:
        if key is not None:
            record = found_by_id(book, resource, key)
            elements[:] = [{**elements[0], resource.id_field: record.body[resource.id_field]}]

        def save(element: Element) -> Element:
            return shown(resource.save(book, element, create, places).body, places)

        summarize = call.summarizes_errors()
        saved = save_batch(book, elements, save, id_field=resource.id_field, summarize_errors=summarize)
        return {resource.array: saved}

    return write(call, work)


def _credit_note(book: Book, key: str) -> Record:
    return found_by_id(book, RESOURCES[CREDIT_NOTE.resource], key)


def _add_allocation_routes(routes: APIRouter) -> None:
    @routes.put("/CreditNotes/{key}/Allocations")
    def allocate_credit(key: str, call: ReceivedCall) -> Response:
        elements = sent_elements(call.json(), "Allocations")

        def work(book: Book) -> Element:
            return {
                "Allocations": save_batch(
                    book,
                    elements,
                    lambda element: allocate(book, _credit_note(book, key), element),
                    id_field="AllocationID",
                    summarize_errors=call.summarizes_errors(),
                )
            }

        return write(call, work)

    @routes.delete("/CreditNotes/{key}/Allocations/{allocation_id}")
    def delete_allocation(key: str, allocation_id: str, call: ReceivedCall) -> Response:
        def work(book: Book) -> Element:
            removed = save_batch(
                book,
                [{"AllocationID": allocation_id}],
                lambda element: remove_allocation(book, _credit_note(book, key), element["AllocationID"]),
                id_field="AllocationID",
                summarize_errors=True,
            )
            return removed[0]

        return write(call, work)


def _add_history_routes(routes: APIRouter) -> None:
    @routes.get("/Contacts/{key}/History")
    def contact_history(key: str, call: ReceivedCall) -> Response:
        contacts = RESOURCES["Contacts"]
        return read(call, lambda book: {"HistoryRecords": history(book, found_by_id(book, contacts, key))})


def _add_tracking_routes(routes: APIRouter) -> None:
    @routes.put("/TrackingCategories/{key}/Options")
    def create_options(key: str, call: ReceivedCall) -> Response:
        elements = sent_elements(call.json(), "Options")

        def work(book: Book) -> Element:
            category = found_by_id(book, RESOURCES["TrackingCategories"], key)
            options = save_batch(
                book,
                elements,
                lambda element: add_tracking_option(category, element),
                id_field="TrackingOptionID",
                summarize_errors=True,
            )
            book.save(category)
            return {"Options": options}

        return write(call, work)


def _add_report_routes(routes: APIRouter) -> None:
    @routes.get("/Reports/TrialBalance")
    def report_trial_balance(call: ReceivedCall) -> Response:
        def work(book: Book) -> Element:
            try:
                day = read_day(call.query["date"]) if "date" in call.query else book.now.date()
            except NotOfType as error:
                raise bad_query(str(error)) from error
            return {"Reports": [trial_balance(book, day)]}

        return read(call, work)

    @routes.get("/Journals")
    def list_journals(call: ReceivedCall) -> Response:
        if not call.state.settings.number("advanced_tier"):
            raise forbidden("The Journals endpoint is available to apps of the Advanced tier only.")
        offset = call.query.get("offset", "0")
        if not offset.isdecimal():
            raise bad_query(f"offset must be a whole number, not '{offset}'.")
        return read(call, lambda book: {"Journals": journals(book, int(offset))})
