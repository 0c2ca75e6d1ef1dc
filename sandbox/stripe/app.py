"""
The simulated Stripe: REST v1 of one account, and the admin API for people.

Source: facts/shops.md B1, B2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl

import orjson
from fastapi import APIRouter, Body, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from sandbox.admin import BusinessDate, clock_routes
from sandbox.stripe.errors import EventRefused, InvalidRequest, StripeRefusal
from sandbox.stripe.events import EVENT_LIFETIME_SECONDS
from sandbox.stripe.gateway import Gateway
from sandbox.stripe.models import Account, make_id
from sandbox.stripe.rules import authenticate, count_request, expand, read_form, read_listing, served_version
from sandbox.stripe.settings import Settings, read_settings, write_settings

__all__ = ["create_app"]

Json = dict[str, Any]
JsonBody = Annotated[Json, Body()]

_LISTS = {
    "charges": ("charge", ("payment_intent", "transfer_group", "customer"), ()),
    "refunds": ("refund", ("charge", "payment_intent"), ()),
    "balance_transactions": ("balance_transaction", ("type", "currency", "source"), ()),
    "payouts": ("payout", ("status", "destination"), ("arrival_date",)),
    "payment_intents": ("payment_intent", ("customer",), ()),
    "disputes": ("dispute", ("charge", "payment_intent"), ()),
    "events": ("event", ("type",), ()),
}
"""By path: kind of object, its exact filters, its time filters besides ``created``."""


def create_app(data_dir: Path) -> FastAPI:
    """The application; its state lies in ``data_dir`` and may be shared by several processes."""
    account = Account(data_dir)
    gateway = Gateway(account)
    app = FastAPI(title="Stripe sandbox", openapi_url=None)
    app.add_middleware(BusinessDate, clock=account.clock)
    app.include_router(clock_routes(account.clock))
    app.include_router(_people(account, gateway))
    app.include_router(_api(account, gateway))

    @app.exception_handler(EventRefused)
    def refuse_event(_: Request, error: EventRefused) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 409)

    return app


def _api(account: Account, gateway: Gateway) -> APIRouter:
    """The REST API below ``/v1``."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/balance")
    async def balance(request: Request) -> Response:
        return await _answer(account, request, "balance", lambda _: gateway.balance())

    @routes.get("/account")
    async def own_account(request: Request) -> Response:
        return await _answer(account, request, "account", lambda _: _profile(account))

    @routes.get("/{resource}")
    async def list_objects(resource: str, request: Request) -> Response:
        work = partial(_list, account, resource) if resource in _LISTS else _unknown_url(request)
        return await _answer(account, request, resource, work)

    @routes.get("/{resource}/{identity}")
    async def retrieve(resource: str, identity: str, request: Request) -> Response:
        if resource not in _LISTS:
            return await _answer(account, request, resource, _unknown_url(request))
        kind = _LISTS[resource][0]
        return await _answer(account, request, resource, lambda _: account.get(kind, identity))

    return routes


async def _answer(account: Account, request: Request, resource: str, work: Callable[[Json], Json]) -> Response:
    """Let the request in, do its work on its parameters, and answer with Stripe's headers, refused or not."""
    headers = {"Request-Id": f"req_{make_id('event', id(request), request.url)[4:18]}"}
    query = read_form(parse_qsl(request.url.query, keep_blank_values=True))

    def serve() -> Json:
        headers["Stripe-Version"] = served_version(request.headers.get("Stripe-Version"))
        authenticate(account, request.headers.get("Authorization"), f"{resource}_read")
        count_request(account, f"{request.method} {resource}")
        return expand(account, work(query), query.get("expand", []))

    try:
        document = await run_in_threadpool(serve)
    except StripeRefusal as error:
        return JSONResponse(error.body, error.status, {**headers, **error.headers})
    return Response(orjson.dumps(document), 200, headers, "application/json")


def _list(account: Account, resource: str, query: Json) -> Json:
    kind, fields, times = _LISTS[resource]
    listing = read_listing(kind, query, fields, times)
    if kind == "event":
        oldest = account.now() - EVENT_LIFETIME_SECONDS
        listing = replace(listing, created={"gte": oldest, **(listing.created or {})})
    data, has_more = account.page(listing)
    return {"object": "list", "data": data, "has_more": has_more, "url": f"/v1/{resource}"}


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


def _unknown_url(request: Request) -> Callable[[Json], Json]:
    def refuse(_: Json) -> Json:
        raise InvalidRequest(f"Unrecognized request URL ({request.method}: {request.url.path}).", status=404)

    return refuse


def _people(account: Account, gateway: Gateway) -> APIRouter:
    """What the cards and the bank do, and what a person may set."""
    routes = APIRouter(prefix="/_sandbox")

    @routes.post("/seed")
    def seed(sent: JsonBody) -> Json:
        return {"account": account.seed(sent["company"], sent["api_key"])}

    @routes.post("/charges", status_code=201)
    def charge(sent: JsonBody) -> Json:
        return gateway.charge(sent["event"], sent["order"])

    @routes.post("/refunds", status_code=201)
    def refund(sent: JsonBody) -> Json:
        return gateway.refund(sent["event"], sent["order"])

    @routes.post("/payouts", status_code=201)
    def pay_out(payout: JsonBody) -> Json:
        return gateway.pay_out(payout)

    @routes.get("/settings")
    def settings() -> Settings:
        return read_settings(account.store)

    @routes.put("/settings")
    def change_settings(changed: Settings) -> Settings:
        return write_settings(account.store, changed)

    return routes
