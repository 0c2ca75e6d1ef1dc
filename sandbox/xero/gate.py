"""What every call of the Accounting API passes first: token, organisation, scope and limits."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fastapi.responses import PlainTextResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.faults import Fault, NoSuchFault, answer_in
from sandbox.xero.calls import Caller
from sandbox.xero.errors import ApiError, forbidden, too_many_requests, unauthorized
from sandbox.xero.identity import granted
from sandbox.xero.limits import Limits
from sandbox.xero.models import State
from sandbox.xero.scopes import covers, needs_scope
from sandbox.xero.wire import as_id, render

__all__ = ["Gate", "error_response", "refuse_on_demand"]

_API = "/api.xro/2.0/"
_FAILURE = {"ErrorNumber": 500, "Type": "InternalException", "Message": "An error occurred in Xero."}


def error_response(error: ApiError) -> Response:
    """An error as Xero answers it: JSON, or plain text where the body is a sentence."""
    if isinstance(error.body, str):
        return PlainTextResponse(error.body, error.status, error.headers)
    return Response(render(error.body), error.status, error.headers, "application/json")


class Gate:
    """ASGI middleware around the Accounting API's routes; other addresses pass."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state
        self._limits = Limits(state.limits, state.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the call if it may pass."""
        if scope["type"] != "http" or not scope["path"].startswith(_API):
            await self._app(scope, receive, send)
            return
        try:
            caller = self._caller(scope)
            with self._limits.call(caller) as headers:
                scope["xero"] = caller
                await self._app(scope, receive, _adding(send, headers))
        except ApiError as error:
            await error_response(error)(scope, receive, send)

    def _caller(self, scope: Scope) -> Caller:
        headers = Headers(scope=scope)
        grant = granted(self._state, headers.get("authorization", ""))
        tenant_id = as_id(headers.get("xero-tenant-id", ""))
        connected = self._state.store.connection.execute(
            "SELECT 1 FROM connection WHERE client_id = ? AND tenant_id = ?", (grant.client_id, tenant_id)
        ).fetchone()
        if connected is None:
            raise forbidden("AuthenticationUnsuccessful")
        path = scope["path"].removeprefix(_API)
        if needs_scope(path) and not covers(grant.scopes, scope["method"], path):
            raise forbidden("AuthorizationUnsuccessful: the token's scopes do not cover this endpoint")
        return Caller(grant.client_id, tenant_id)


def _adding(send: Send, headers: Mapping[str, str]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return send_with_headers


def refuse_on_demand(fault: Fault) -> Response:
    """
    The answer of a fault that is one.

    :raises NoSuchFault: Xero has no such answer.
    """
    match fault.kind:
        case "status":
            return answer_in(fault, _FAILURE)
        case "throttled":
            return error_response(too_many_requests("minute", math.ceil(fault.seconds)))
        case "concurrent":
            return error_response(too_many_requests("concurrent", None))
        case "expired_token":
            return error_response(unauthorized("TokenExpired: token expired at 0"))
        case kind:
            raise NoSuchFault(f"Xero has no answer of kind {kind}.")
