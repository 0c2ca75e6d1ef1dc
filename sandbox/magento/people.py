"""The admin API for people: customers, the shop's desk, and what may be set."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, Response

from sandbox.magento.answers import shown
from sandbox.magento.events import CreditEvent, Event, PlacedOrder, StatusEvent
from sandbox.magento.models import Shop
from sandbox.magento.office import Office
from sandbox.magento.settings import Settings
from sandbox.magento.wire import dump

__all__ = ["people_routes"]

Json = dict[str, Any]
JsonBody = Annotated[Json, Body()]


def people_routes(shop: Shop) -> APIRouter:
    """``/_sandbox/…``; each answers with the document as REST shows it."""
    office = Office(shop)
    routes = APIRouter(prefix="/_sandbox")

    @routes.post("/seed")
    def seed(sent: JsonBody) -> Json:
        return shop.seed(sent["company"], {name: value for name, value in sent.items() if name != "company"})

    @routes.post("/integrations", status_code=201)
    def add_integration(sent: JsonBody) -> Json:
        return {**shop.add_integration(sent, sent["rights"])}

    @routes.delete("/integrations/{consumer_key}", status_code=204)
    def deactivate(consumer_key: str) -> None:
        shop.deactivate(consumer_key)

    @routes.post("/orders", status_code=201)
    def place(placed: PlacedOrder) -> Response:
        return _answer("order", office.place(placed))

    @routes.post("/orders/touch")
    def touch(event: Event, orders: list[str]) -> Json:
        return {"touched": len(office.touch(orders, event))}

    @routes.post("/orders/{number}/credit", status_code=201)
    def credit(number: str, event: CreditEvent) -> Response:
        return _answer("creditmemo", office.credit(number, event))

    @routes.post("/orders/{number}/status")
    def rename(number: str, event: StatusEvent) -> Response:
        return _answer("order", office.rename(number, event))

    @routes.post("/orders/{number}/break")
    def break_lists(number: str) -> Response:
        return _answer("order", office.breaks(number, broken=True))

    @routes.post("/orders/{number}/heal")
    def heal_lists(number: str) -> Response:
        return _answer("order", office.breaks(number, broken=False))

    @routes.post("/invoices/{number}/pay")
    def pay(number: str, event: Event) -> Response:
        return _answer("invoice", office.pay(number, event))

    actions = {
        "invoice": ("invoice", office.invoice),
        "ship": ("shipment", office.ship),
        "cancel": ("order", office.cancel),
        "hold": ("order", office.hold),
        "unhold": ("order", office.unhold),
        "accept": ("order", office.accept),
    }

    @routes.post("/orders/{number}/{action}", status_code=201)
    def act(number: str, action: str, event: Event) -> Response:
        if action not in actions:
            return Response(f"None of {', '.join(actions)}, credit, status, break, heal.", 404)
        kind, do = actions[action]
        return _answer(kind, do(number, event))

    @routes.get("/settings")
    def settings() -> Settings:
        return Settings.read(shop.store)

    @routes.put("/settings")
    def change_settings(changed: Settings) -> Settings:
        return changed.keep(shop.store)

    return routes


def _answer(kind: str, document: Json) -> Response:
    return Response(orjson.dumps(shown(kind, orjson.loads(dump(document)))), 200, media_type="application/json")
