"""The simulated Xero as one ASGI app: identity, Accounting API, and the admin API of the sandbox."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request, Response

from sandbox.admin import BusinessDate, clock_routes
from sandbox.faults import Faults, fault_routes
from sandbox.faulty_line import FaultyLine
from sandbox.xero.accounting import accounting_routes
from sandbox.xero.admin import admin_routes
from sandbox.xero.consent import consent_routes
from sandbox.xero.errors import ApiError, not_found
from sandbox.xero.gate import Gate, error_response, refuse_on_demand
from sandbox.xero.identity import identity_routes
from sandbox.xero.models import State
from sandbox.xero.people import people_routes
from sandbox.xero.webhooks import Announcer, Webhooks, webhook_routes

__all__ = ["create_app"]


def create_app(data_dir: Path) -> FastAPI:
    """The app over the state in ``data_dir``, which several processes may share."""
    state = State(data_dir)
    webhooks = Webhooks(state.store)
    app = FastAPI(title="Simulated Xero", openapi_url=None)
    app.state.xero = state
    app.include_router(clock_routes(state.clock))
    app.include_router(admin_routes(state))
    app.include_router(people_routes(state))
    faults = Faults(state.limits, refuse_on_demand)
    app.include_router(fault_routes(faults, below="/api.xro/2.0/"))
    app.include_router(webhook_routes(webhooks))
    app.include_router(consent_routes(state))
    app.include_router(identity_routes(state))
    app.include_router(accounting_routes())
    app.add_exception_handler(ApiError, _answer_error)
    app.add_exception_handler(404, _answer_not_found)
    app.add_middleware(FaultyLine, faults=faults)
    app.add_middleware(Gate, state=state)
    app.add_middleware(Announcer, webhooks=webhooks)
    app.add_middleware(BusinessDate, clock=state.clock)
    return app


def _answer_error(_request: Request, error: Exception) -> Response:
    return error_response(error) if isinstance(error, ApiError) else Response(status_code=500)


def _answer_not_found(request: Request, error: Exception) -> Response:
    detail = getattr(error, "detail", "")
    return error_response(not_found() if request.url.path.startswith("/api.xro") else ApiError(404, {"detail": detail}))
