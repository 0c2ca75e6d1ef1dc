"""The legacy endpoint of Web Services over HTTP: WSDL, NTLM, SOAP 1.1."""

from __future__ import annotations

from html import escape
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from sandbox.faults import Faults
from sandbox.faulty_line import FaultyAnswer
from sandbox.gp.site import Site
from sandbox.gp.web_services.description import build_wsdl
from sandbox.gp.web_services.errors import NotAuthorized, Undeserializable
from sandbox.gp.web_services.ntlm import NtlmGate
from sandbox.gp.web_services.operations import ENVELOPE, LoggedFault, call_operation

CALL_PATH = "/DynamicsGPWebServices/DynamicsGPService.asmx"
WSDL_PATH = "/Metadata/Legacy/Full/DynamicsGP.wsdl"
_XML = "text/xml; charset=utf-8"


def web_service_routes(site: Site, data_dir: Path, faults: Faults) -> APIRouter:
    """Both addresses of the WSDL, and the service; a call meets its fault once its caller is known."""
    routes = APIRouter()
    gate = NtlmGate(data_dir / "ntlm-credentials")

    @routes.get(WSDL_PATH)
    @routes.get(CALL_PATH)
    def describe(request: Request) -> Response:
        return Response(build_wsdl(f"{str(request.base_url).rstrip('/')}{CALL_PATH}"), media_type=_XML)

    @routes.post(CALL_PATH)
    async def call(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(answer, request, body)

    def answer(request: Request, body: bytes) -> Response:
        user, challenge = _caller(site, gate, request)
        if not user:
            return Response(status_code=401, headers={"WWW-Authenticate": challenge})
        fault = faults.meet("POST", CALL_PATH, body.decode(errors="replace")) if faults.waiting() else None
        if fault is None:
            return _answer(site, user, body)
        if fault.kind == "expired_token":
            return Response(status_code=401, headers={"WWW-Authenticate": "NTLM"})
        return FaultyAnswer(fault, faults, lambda: _answer(site, user, body))

    return routes


def _caller(site: Site, gate: NtlmGate, request: Request) -> tuple[str, str]:
    peer = (request.client.host, request.client.port) if request.client else ("", 0)
    return gate.accept(peer, request.headers.get("Authorization", ""), site.logins())


def _answer(site: Site, user: str, body: bytes) -> Response:
    try:
        return Response(call_operation(site, body, user), media_type=_XML)
    except LoggedFault as fault:
        return _fault("s:Server", str(fault), f"<detail>{fault.log_id}</detail>")
    except NotAuthorized as error:
        return _fault("s:Client", str(error), "")
    except Undeserializable as error:
        return _fault("s:Client", str(error), "")


def _fault(code: str, sentence: str, detail: str) -> Response:
    envelope = (
        f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body><s:Fault><faultcode>{code}</faultcode>'
        f"<faultstring>{escape(sentence, quote=False)}</faultstring>{detail}</s:Fault></s:Body></s:Envelope>"
    )
    return Response(envelope, 500, media_type=_XML)
