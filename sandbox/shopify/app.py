"""
The simulated Shopify: the Admin GraphQL API of all shops, the token endpoint, and the admin API for people.

A shop is told apart by its host name (``https://us-acme.myshopify.com/admin/…``) or, where all shops share one
address, by the first part of the path (``http://127.0.0.1:8710/us-acme.myshopify.com/admin/…``).

Source: sources.md Shopify §1–§5.
"""

from __future__ import annotations

import json
import uuid
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Body, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse

from sandbox.admin import BusinessDate, clock_routes
from sandbox.faults import Faults, fault_routes
from sandbox.faulty_line import FaultyLine
from sandbox.shopify.bulk import BulkOperations
from sandbox.shopify.endpoint import Answer, GraphQLEndpoint, refuse_on_demand
from sandbox.shopify.errors import EventRefused, HttpRefusal
from sandbox.shopify.models import Shops, StoredOrder
from sandbox.shopify.rules import authenticate, issue_token, offline_token, served_version
from sandbox.shopify.settings import Settings
from sandbox.webhooks import courier_routes

__all__ = ["create_app"]

Json = dict[str, Any]
Verb = Literal["pay", "capture", "void", "edit", "cancel", "refund", "exchange"]
JsonBody = Annotated[Json, Body()]


def create_app(data_dir: Path) -> FastAPI:
    """The application; its state lies in ``data_dir`` and may be shared by several processes."""
    shops = Shops(data_dir)
    api = _admin_api(shops, GraphQLEndpoint(shops))
    app = FastAPI(title="Shopify sandbox", openapi_url=None)
    faults = Faults(shops.store, partial(refuse_on_demand, shops))
    app.add_middleware(FaultyLine, faults=faults)
    app.add_middleware(BusinessDate, clock=shops.clock)
    app.include_router(fault_routes(faults))
    app.include_router(courier_routes(shops.subscriptions.courier))
    app.include_router(clock_routes(shops.clock))
    app.include_router(_people(shops))
    app.include_router(_exports(shops))
    app.include_router(api, prefix="/admin")
    app.include_router(api, prefix="/{shop}/admin")

    @app.exception_handler(HttpRefusal)
    def refuse(_: Request, error: HttpRefusal) -> JSONResponse:
        return JSONResponse(error.body, error.status)

    @app.exception_handler(EventRefused)
    def refuse_event(_: Request, error: EventRefused) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 409)

    return app


def _admin_api(shops: Shops, endpoint: GraphQLEndpoint) -> APIRouter:
    """What a shop offers to apps, below ``/admin``."""
    routes = APIRouter()

    @routes.post("/oauth/access_token")
    async def access_token(request: Request) -> Json:
        sent = await _body(request)
        return await run_in_threadpool(lambda: issue_token(shops, shops.shop(_domain(request)).domain, sent))

    @routes.post("/api/{version}/graphql.json")
    async def graphql(version: str, request: Request) -> Response:
        served = served_version(version)
        sent = await _body(request)

        def answer() -> Answer:
            shop = shops.shop(_domain(request))
            token = authenticate(shops, shop.domain, request.headers.get("X-Shopify-Access-Token"))
            origin = f"{request.url.scheme}://{request.headers['host']}"
            return endpoint.answer(shop, token, sent, origin, served)

        answered = await run_in_threadpool(answer)
        headers = {"X-Shopify-API-Version": served, "X-Request-Id": str(uuid.uuid4())}
        return Response(orjson.dumps(answered.body), answered.status, headers, "application/json")

    return routes


def _exports(shops: Shops) -> APIRouter:
    """The files of bulk operations, to whoever knows their address."""
    routes = APIRouter()

    @routes.get("/bulk/{file}")
    def export(file: str) -> FileResponse:
        found = BulkOperations(shops).file(file.removesuffix(".jsonl"))
        if found is None:
            raise HttpRefusal(404, {"errors": "Not Found"})
        return FileResponse(found, media_type="application/jsonl")

    return routes


def _people(shops: Shops) -> APIRouter:
    """What customers and merchants do, and what a person may set."""
    routes = APIRouter(prefix="/_sandbox")

    @routes.post("/seed")
    def seed(sent: JsonBody) -> Json:
        return {"shops": shops.seed(sent["company"], {k: v for k, v in sent.items() if k != "company"})}

    @routes.post("/offline_tokens", status_code=201)
    def install(sent: JsonBody) -> Json:
        return offline_token(shops, shops.shop(sent["shop"]).domain, sent["client_id"])

    @routes.delete("/tokens", status_code=204)
    def revoke_tokens(shop: str | None = None) -> None:
        shops.revoke_tokens(shop)

    @routes.post("/orders", status_code=201)
    def place(order: JsonBody) -> Json:
        return _receipt(shops.place(order))

    @routes.get("/orders")
    def names() -> Json:
        return {"names": shops.order_names()}

    @routes.get("/orders/{name}")
    def history(name: str) -> Json:
        order, *events = shops.history(name)
        return {"order": order, "events": events}

    @routes.post("/orders/{name}/{verb}")
    def act(name: str, verb: Verb, event: JsonBody) -> Json:
        return _receipt(shops.act(name, verb, event))

    @routes.post("/payouts", status_code=201)
    def pay_out(payout: JsonBody) -> Json:
        return shops.payments.pay_out(shops.domain(payout["shop"]), payout)

    @routes.post("/payouts/{reference}/{status}")
    def end_payout(reference: str, status: Literal["PAID", "FAILED", "CANCELED"], sent: JsonBody) -> Json:
        return shops.payments.end_payout(shops.domain(sent["shop"]), reference, status)

    @routes.post("/balance_transactions", status_code=201)
    def move(event: JsonBody) -> Json:
        return shops.payments.move(shops.domain(event["shop"]), event)

    @routes.post("/bulk_operations/{number}/{outcome}", status_code=204)
    def end_bulk_operation(number: int, outcome: Literal["finish", "fail"]) -> None:
        BulkOperations(shops).end(number, outcome)

    @routes.get("/settings")
    def settings() -> Settings:
        return Settings.read(shops.store)

    @routes.put("/settings")
    def change_settings(changed: Settings) -> Settings:
        return changed.keep(shops.store)

    return routes


def _receipt(order: StoredOrder) -> Json:
    return {
        "id": order.document["id"],
        "legacyResourceId": order.document["legacyResourceId"],
        "name": order.document["name"],
        "shop": order.shop,
        "updatedAt": order.document["updatedAt"],
    }


def _domain(request: Request) -> str:
    return request.path_params.get("shop") or request.headers["host"].partition(":")[0]


async def _body(request: Request) -> Json:
    """A JSON object or a form."""
    if "form" in request.headers.get("content-type", ""):
        return dict(await request.form())
    try:
        sent = json.loads(await request.body())
    except ValueError:
        sent = None
    if not isinstance(sent, dict):
        raise HttpRefusal(400, {"errors": {"query": "Required parameter missing or invalid"}})
    return sent
