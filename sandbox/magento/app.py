"""
The simulated Magento: REST below ``/rest/{store}/V1``, read only, and the admin API for people.

Source: sources.md Magento.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from sandbox.admin import BusinessDate, clock_routes
from sandbox.faults import Faults, fault_routes
from sandbox.faulty_line import FaultyLine
from sandbox.magento.answers import only_fields, shown
from sandbox.magento.carts import StoreView
from sandbox.magento.errors import (
    EventRefused,
    MagentoRefusal,
    NoRoute,
    NoSuchEntity,
    NotAcceptable,
    maintenance,
    refuse_on_demand,
)
from sandbox.magento.models import KINDS, STORES_RIGHT, Shop
from sandbox.magento.oauth import authorize
from sandbox.magento.people import people_routes
from sandbox.magento.search import read_criteria, search
from sandbox.magento.settings import Settings

__all__ = ["create_app"]

Json = dict[str, Any]
Work = Callable[[], Any]

_LISTS = {
    "orders": "order",
    "invoices": "invoice",
    "creditmemos": "creditmemo",
    "shipments": "shipment",
    "transactions": "transaction",
}
_SINGLES = {
    "orders": "order",
    "invoices": "invoice",
    "creditmemo": "creditmemo",
    "shipment": "shipment",
    "transactions": "transaction",
}
_EVERY_STORE = "all"


def create_app(data_dir: Path) -> FastAPI:
    """The application; its state lies in ``data_dir`` and may be shared by several processes."""
    shop = Shop(data_dir)
    app = FastAPI(title="Magento sandbox", openapi_url=None)
    faults = Faults(shop.store, refuse_on_demand)
    app.add_middleware(FaultyLine, faults=faults)
    app.add_middleware(BusinessDate, clock=shop.clock)
    app.include_router(fault_routes(faults, below="/rest/"))
    app.include_router(clock_routes(shop.clock))
    app.include_router(people_routes(shop))
    app.include_router(_api(shop))

    @app.exception_handler(EventRefused)
    def refuse_event(_: Request, error: EventRefused) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 409)

    return app


def _api(shop: Shop) -> APIRouter:
    """REST; every path is looked up here, for Magento words its own 404."""
    routes = APIRouter(prefix="/rest")

    @routes.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    async def call(path: str, request: Request) -> Response:
        return await run_in_threadpool(_answer, shop, path, request)

    return routes


def _answer(shop: Shop, path: str, request: Request) -> Response:
    settings = Settings.read(shop.store)
    if settings.maintenance:
        return maintenance()
    try:
        accept = request.headers.get("Accept", "*/*")
        if not any(kind in accept for kind in ("*/*", "application/json", "application/*")):
            raise NotAcceptable(accept)
        resource, work = _route(shop, path, request, settings)
        authorize(shop, request, resource, settings)
        content = work()
        if fields := request.query_params.get("fields"):
            content = only_fields(content, fields)
    except MagentoRefusal as refusal:
        return JSONResponse(refusal.body(developer_mode=settings.developer_mode), refusal.status)
    return Response(orjson.dumps(content), media_type="application/json; charset=utf-8")


def _route(shop: Shop, path: str, request: Request, settings: Settings) -> tuple[str, Work]:
    """
    The right a call needs, and what it answers.

    The store code must exist and changes nothing: sales documents of all stores are listed whichever is named.
    """
    views = shop.store_views()
    store, _, rest = path.partition("/")
    if store == "V1":
        store, rest = "", path
    known = store in ("", "default", _EVERY_STORE) or any(view.code == store for view in views)
    version, _, resource = rest.partition("/")
    parts = resource.split("/")
    if not known or version != "V1" or request.method != "GET":
        raise NoRoute
    match parts:
        case ["store", "storeViews"]:
            return STORES_RIGHT, lambda: [_view(view) for view in views]
        case ["store", "storeConfigs"]:
            return STORES_RIGHT, lambda: [_config(view, str(request.base_url)) for view in views]
        case [name] if name in _LISTS:
            kind = _LISTS[name]
            return KINDS[kind], partial(_list, shop, kind, request, settings)
        case [name, identity] if name in _SINGLES and identity.isdigit():
            kind = _SINGLES[name]
            return KINDS[kind], partial(_single, shop, kind, int(identity))
    raise NoRoute


def _list(shop: Shop, kind: str, request: Request, settings: Settings) -> Json:
    criteria = read_criteria(request.query_params.multi_items(), settings)
    found = search(shop, kind, criteria, settings)
    return {**found, "items": [shown(kind, document) for document in found["items"]]}


def _single(shop: Shop, kind: str, identity: int) -> Json:
    row = shop.store.connection.execute(
        "SELECT content FROM document WHERE kind = ? AND entity_id = ?", (kind, identity)
    ).fetchone()
    if row is None:
        raise NoSuchEntity
    return shown(kind, orjson.loads(row["content"]))


def _view(view: StoreView) -> Json:
    return {
        "id": view.id,
        "code": view.code,
        "name": view.name,
        "website_id": view.website_id,
        "store_group_id": view.website_id,
        "is_active": 1,
    }


def _config(view: StoreView, base_url: str) -> Json:
    return {
        "id": view.id,
        "code": view.code,
        "website_id": view.website_id,
        "locale": "en_US",
        "base_currency_code": view.base_currency,
        "default_display_currency_code": view.currency,
        "timezone": view.time_zone,
        "weight_unit": "lbs",
        "base_url": base_url,
        "secure_base_url": base_url,
    }
