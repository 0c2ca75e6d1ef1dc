"""The GP server over HTTP: the eConnect service with Basic authentication, and the people's routes."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from sandbox.admin import BusinessDate, clock_routes
from sandbox.faults import Fault, Faults, NoSuchFault, answer_in, fault_routes
from sandbox.faulty_line import FaultyLine
from sandbox.gp.admin import admin_routes
from sandbox.gp.errors import EConnectRefused, SqlError
from sandbox.gp.service import call_operation
from sandbox.gp.site import NoCompany, Site
from sandbox.gp.soap import CALL_PATH, WSDL_PATH, BadCall, read_call, write_answer, write_fault, wsdl
from sandbox.gp.web_services.endpoint import CALL_PATH as WEB_SERVICES
from sandbox.gp.web_services.endpoint import web_service_routes

_XML = "text/xml; charset=utf-8"


def create_app(data_dir: Path) -> FastAPI:
    """The application over the databases in ``data_dir``, which several processes may share."""
    site = Site(data_dir)
    faults = Faults(site.store, _refuse_on_demand)
    app = FastAPI(title="Sandbox: Dynamics GP", openapi_url=None)
    app.include_router(clock_routes(site.clock))
    app.include_router(admin_routes(site))
    app.include_router(fault_routes(faults))
    app.include_router(web_service_routes(site, data_dir, faults))
    app.add_middleware(FaultyLine, faults=faults, spares=WEB_SERVICES)
    app.add_middleware(BusinessDate, clock=site.clock)

    @app.exception_handler(NoCompany)
    def no_company(_: Request, error: NoCompany) -> Response:
        return JSONResponse({"detail": str(error)}, 404)

    @app.get(WSDL_PATH)
    def describe(request: Request) -> Response:
        return Response(wsdl(str(request.base_url)), media_type=_XML)

    @app.post(CALL_PATH)
    async def call(request: Request) -> Response:
        body = await request.body()
        authorization = request.headers.get("Authorization", "")
        return await run_in_threadpool(_answer, site, authorization, body)

    return app


def _answer(site: Site, authorization: str, body: bytes) -> Response:
    user = _user(site, authorization)
    if not user:
        return _unknown_caller()
    try:
        call = read_call(body)
        answer = write_answer(call.operation, call_operation(site, user, call))
    except (EConnectRefused, SqlError, BadCall) as error:
        return _fault(error)
    return Response(answer, media_type=_XML)


def _refuse_on_demand(fault: Fault) -> Response:
    """
    The answer of a fault that is one.

    :raises NoSuchFault: neither IIS nor SQL Server has such an answer.
    """
    match fault.kind:
        case "status":
            return answer_in(fault, f"{fault.status} Service Unavailable")
        case "expired_token":
            return _unknown_caller()
        case "concurrent":
            return _fault(SqlError.deadlock())
        case "sql_timeout":
            return _fault(SqlError.timeout())
        case kind:
            raise NoSuchFault(f"GP has no answer of kind {kind}.")


def _unknown_caller() -> Response:
    return Response(status_code=401, headers={"WWW-Authenticate": 'Basic realm=""'})


def _fault(error: Exception) -> Response:
    return Response(write_fault(error), status_code=500, media_type=_XML)


def _user(site: Site, authorization: str) -> str:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        login, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return site.user(login, password)
