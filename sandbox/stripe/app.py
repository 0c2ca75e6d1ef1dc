"""
The simulated Stripe: REST v1 of one account, and the admin API for people.

Source: sources.md Stripe §1, §2.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from sandbox.admin import BusinessDate, clock_routes
from sandbox.faults import Faults, fault_routes
from sandbox.faulty_line import FaultyLine
from sandbox.stripe.books import Books
from sandbox.stripe.endpoint import Endpoint, Work
from sandbox.stripe.errors import EventRefused, InvalidRequest, refuse_on_demand
from sandbox.stripe.events import EVENT_LIFETIME_SECONDS
from sandbox.stripe.merchant import Merchant
from sandbox.stripe.models import Account
from sandbox.stripe.people import people_routes
from sandbox.stripe.rules import read_listing
from sandbox.webhooks import courier_routes

__all__ = ["create_app"]

Json = dict[str, Any]

_LISTS = {
    "charges": ("charge", ("payment_intent", "transfer_group", "customer"), ()),
    "refunds": ("refund", ("charge", "payment_intent"), ()),
    "balance_transactions": ("balance_transaction", ("type", "currency", "source"), ()),
    "payouts": ("payout", ("status", "destination"), ("arrival_date",)),
    "payment_intents": ("payment_intent", ("customer",), ()),
    "disputes": ("dispute", ("charge", "payment_intent"), ()),
    "events": ("event", ("type",), ()),
    "webhook_endpoints": ("webhook_endpoint", (), ()),
}
"""By path: kind of object, its exact filters, its time filters besides ``created``."""


def create_app(data_dir: Path) -> FastAPI:
    """The application; its state lies in ``data_dir`` and may be shared by several processes."""
    account = Account(data_dir)
    books = Books(account)
    app = FastAPI(title="Stripe sandbox", openapi_url=None)
    faults = Faults(account.store, refuse_on_demand)
    app.add_middleware(FaultyLine, faults=faults)
    app.add_middleware(BusinessDate, clock=account.clock)
    app.include_router(fault_routes(faults))
    app.include_router(courier_routes(books.webhooks.courier))
    app.include_router(clock_routes(account.clock))
    app.include_router(people_routes(books))
    app.include_router(_api(books))

    @app.exception_handler(EventRefused)
    def refuse_event(_: Request, error: EventRefused) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 409)

    return app


def _api(books: Books) -> APIRouter:
    """The REST API below ``/v1``."""
    account, merchant, endpoint = books.account, Merchant(books), Endpoint(books.account)
    writes = {
        "charges": merchant.create_charge,
        "refunds": merchant.create_refund,
        "payouts": merchant.create_payout,
        "webhook_endpoints": books.webhooks.create,
    }
    routes = APIRouter(prefix="/v1")

    @routes.get("/balance")
    async def balance(request: Request) -> Response:
        return await endpoint.answer(request, "balance", lambda _: books.balance())

    @routes.get("/account")
    async def own_account(request: Request) -> Response:
        return await endpoint.answer(request, "account", lambda _: _profile(account))

    @routes.get("/{resource}")
    async def list_objects(resource: str, request: Request) -> Response:
        work = partial(_list, account, resource) if resource in _LISTS else _unknown_url(request)
        return await endpoint.answer(request, resource, work)

    @routes.post("/{resource}")
    async def create(resource: str, request: Request) -> Response:
        return await endpoint.answer(request, resource, writes.get(resource) or _unknown_url(request))

    @routes.get("/{resource}/{identity}")
    async def retrieve(resource: str, identity: str, request: Request) -> Response:
        if resource not in _LISTS:
            return await endpoint.answer(request, resource, _unknown_url(request))
        kind = _LISTS[resource][0]
        return await endpoint.answer(request, resource, lambda _: account.get(kind, identity))

    @routes.post("/charges/{identity}")
    async def update_charge(identity: str, request: Request) -> Response:
        return await endpoint.answer(request, "charges", partial(merchant.update_charge, identity))

    @routes.post("/webhook_endpoints/{identity}")
    async def update_webhook_endpoint(identity: str, request: Request) -> Response:
        return await endpoint.answer(request, "webhook_endpoints", partial(books.webhooks.update, identity))

    @routes.delete("/webhook_endpoints/{identity}")
    async def delete_webhook_endpoint(identity: str, request: Request) -> Response:
        return await endpoint.answer(request, "webhook_endpoints", lambda _: books.webhooks.delete(identity))

    @routes.api_route("/{path:path}", methods=["GET", "POST", "DELETE"])
    async def nothing_there(path: str, request: Request) -> Response:
        return await endpoint.answer(request, path, _unknown_url(request))

    return routes


def _list(account: Account, resource: str, query: Json) -> Json:
    kind, fields, times = _LISTS[resource]
    listing = read_listing(kind, query, fields, times)
    if kind == "event":
        oldest = account.now() - EVENT_LIFETIME_SECONDS
        listing = replace(listing, created={"gte": oldest, **(listing.created or {})})
    if kind == "balance_transaction" and listing.payout:
        _check_itemised(account.get("payout", listing.payout, "payout"))
    data, has_more = account.page(listing)
    return {"object": "list", "data": data, "has_more": has_more, "url": f"/v1/{resource}"}


def _check_itemised(payout: Json) -> None:
    if not payout["automatic"]:
        raise InvalidRequest(
            "Balance transaction history can only be filtered on automatic transfers, not manual.", param="payout"
        )


def _profile(account: Account) -> Json:
    profile = account.profile
    return {
        "id": profile["id"],
        "object": "account",
        "business_profile": {"name": profile["name"]},
        "charges_enabled": True,
        "country": "US",
        "default_currency": profile["currency"],
        "payouts_enabled": True,
        "type": "standard",
    }


def _unknown_url(request: Request) -> Work:
    def refuse(_: Json) -> Json:
        raise InvalidRequest(f"Unrecognized request URL ({request.method}: {request.url.path}).", status=404)

    return refuse
