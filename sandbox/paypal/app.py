"""
The simulated PayPal: OAuth and the reports of one business account, and the admin API for people.

Source: sources.md PayPal §1, §2.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from sandbox.admin import BusinessDate, clock_routes
from sandbox.faults import Faults, fault_routes
from sandbox.faulty_line import FaultyLine
from sandbox.paypal.account import SEARCH_SCOPE, Account, Settings, wire
from sandbox.paypal.errors import (
    EventRefused,
    InvalidRequest,
    PayPalRefusal,
    invalid_client,
    refuse_on_demand,
    too_many,
    unauthorized,
)
from sandbox.store import instant

__all__ = ["create_app"]

Json = dict[str, Any]
JsonBody = Annotated[Json, Body()]

_DAYS_AT_ONCE = timedelta(days=31)
_MEMORY = timedelta(days=3 * 365)
_MOMENT = re.compile(r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d([.]\d+)?([Zz]|[+-]\d\d:?\d\d)$")
_FILTERS: dict[str, Callable[[Json], Any]] = {
    "transaction_id": lambda each: each["transaction_id"],
    "transaction_type": lambda each: each["transaction_event_code"],
    "transaction_status": lambda each: each["transaction_status"],
    "transaction_currency": lambda each: each["transaction_amount"]["currency_code"],
}


def create_app(data_dir: Path) -> FastAPI:
    """The application; its state lies in ``data_dir`` and may be shared by several processes."""
    account = Account(data_dir)
    app = FastAPI(title="PayPal sandbox", openapi_url=None)
    faults = Faults(account.store, refuse_on_demand)
    app.add_middleware(FaultyLine, faults=faults)
    app.add_middleware(BusinessDate, clock=account.clock)
    app.include_router(fault_routes(faults))
    app.include_router(clock_routes(account.clock))
    app.include_router(_people(account))
    app.include_router(_api(account))

    @app.exception_handler(EventRefused)
    def refuse_event(_: Request, error: EventRefused) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 409)

    @app.exception_handler(PayPalRefusal)
    def refuse(_: Request, error: PayPalRefusal) -> Response:
        return error.response()

    return app


def _api(account: Account) -> APIRouter:
    """What an app may ask."""
    routes = APIRouter(prefix="/v1")

    @routes.post("/oauth2/token")
    async def token(request: Request) -> Response:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        login, _, secret = base64.b64decode(given if kind == "Basic" else "").decode().partition(":")
        told = account.token(login, secret)
        if told is None:
            return invalid_client()
        if (await request.form()).get("grant_type") != "client_credentials":
            error = {"error": "unsupported_grant_type", "error_description": "Grant Type is not supported"}
            return JSONResponse(error, 400)
        return JSONResponse(told)

    @routes.get("/reporting/transactions")
    def transactions(request: Request) -> Json:
        _authorise(account, request)
        return _search(account, request.query_params)

    @routes.get("/reporting/balances")
    def balances(request: Request) -> Json:
        _authorise(account, request, SEARCH_SCOPE.replace("search", "balances"))
        asked = request.query_params.get("as_of_time")
        at = min(_moment("as_of_time", asked), account.told_until) if asked else account.told_until
        only, own = request.query_params.get("currency_code"), account.profile
        held = {code: amount for code, amount in account.balances(at).items() if only in (None, code)}
        return {
            "balances": [
                {
                    "currency": code,
                    "primary": code == own["currency"],
                    "total_balance": _money(amount, code),
                    "available_balance": _money(amount, code),
                    "withheld_balance": _money(0, code),
                }
                for code, amount in held.items()
            ],
            "account_id": own["id"],
            "as_of_time": wire(at),
            "last_refresh_time": wire(account.told_until),
        }

    return routes


def _search(account: Account, asked: Mapping[str, str]) -> Json:
    start, end = (_moment(name, asked.get(name)) for name in ("start_date", "end_date"))
    if end < start:
        raise InvalidRequest("End date is before start date.", "end_date")
    if end - start > _DAYS_AT_ONCE:
        raise InvalidRequest("Date range is greater than 31 days", "end_date")
    told_until = account.told_until
    if start > told_until or start < account.clock.now() - _MEMORY:
        raise InvalidRequest("Data for the given start date is not available.", "start_date")
    size, page = _number(asked, "page_size", 100, 500), _number(asked, "page", 1, 2147483647)
    affecting = asked.get("balance_affecting_records_only", "Y")
    if affecting not in ("Y", "N"):
        raise InvalidRequest("Invalid value.", "balance_affecting_records_only")
    found = [
        each
        for each in account.transactions(start, end)
        if all(of(each) == asked[name] for name, of in _FILTERS.items() if name in asked)
        and (affecting == "N" or each["transaction_status"] in ("S", "V"))
    ]
    limit = Settings.read(account.store).maximum_items
    if len(found) > limit:
        raise too_many(len(found), limit)
    return {
        "transaction_details": [{"transaction_info": each} for each in found[(page - 1) * size : page * size]],
        "account_number": account.profile["id"],
        "start_date": wire(start),
        "end_date": wire(min(end, told_until)),
        "last_refreshed_datetime": wire(told_until),
        "page": page,
        "total_items": len(found),
        "total_pages": -(-len(found) // size),
        "links": [],
    }


def _authorise(account: Account, request: Request, scope: str = SEARCH_SCOPE) -> None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    scopes = account.scopes(token) if kind == "Bearer" else None
    if scopes is None:
        raise unauthorized()
    if scope not in scopes:
        raise PayPalRefusal(403, "NOT_AUTHORIZED", "Authorization failed due to insufficient permissions.")


def _moment(name: str, text: str | None) -> datetime:
    if not text or not _MOMENT.match(text):
        raise InvalidRequest("Invalid date passed" if text else "Required field is missing.", name)
    return instant(text.upper())


def _number(asked: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = asked.get(name, str(default))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise InvalidRequest(f"Invalid {name}: 1 to {most}.", name)
    return int(text)


def _money(amount: Any, currency: str) -> Json:
    return {"currency_code": currency, "value": f"{amount:.2f}"}


def _people(account: Account) -> APIRouter:
    """What buyers, the shop and PayPal itself do; each answers with the transaction."""
    routes = APIRouter(prefix="/_sandbox")

    @routes.post("/seed")
    def seed(sent: JsonBody) -> Json:
        return account.seed(**sent)

    @routes.post("/payments", status_code=201)
    def pay(sent: JsonBody) -> Json:
        return account.pay(sent["event"], sent["order"])

    @routes.post("/refunds", status_code=201)
    def refund(sent: JsonBody) -> Json:
        return account.refund(sent["event"], sent["order"])

    @routes.post("/payouts", status_code=201)
    def withdraw(event: JsonBody) -> Json:
        return account.withdraw(event)

    @routes.post("/transactions", status_code=201)
    def move(event: JsonBody) -> Json:
        return account.move(event)

    @routes.post("/transactions/{reference}/complete")
    def complete(reference: str, event: JsonBody) -> Json:
        return account.complete(reference, event)

    @routes.get("/settings")
    def settings() -> Settings:
        return Settings.read(account.store)

    @routes.put("/settings")
    def change_settings(changed: Settings) -> Settings:
        return changed.keep(account.store)

    return routes
