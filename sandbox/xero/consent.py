"""The pages on which a person lets an app reach organisations: they allow or cancel, and go back to the app."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from sandbox.xero.errors import ApiError, oauth_error
from sandbox.xero.identity import App, connect, find_app, granted_scopes
from sandbox.xero.models import State

__all__ = ["consent_routes"]

_CODE_SECONDS = 300
_PATH = "/identity/connect/authorize"
_ERROR_PAGE = "<h1>Sorry, something went wrong</h1><p>Error: {error}</p>"
_PAGE = """<h1>{app} wants access to</h1>
<form method="post" action="?{query}">
{organisations}
<p>{scopes}</p>
<button name="decision" value="allow">Allow access</button>
<button name="decision" value="cancel">Cancel</button>
</form>"""


def consent_routes(state: State) -> APIRouter:
    """
    Authorise: GET shows the page, POST is the person's decision.

    What is wrong with the app's request is told on a page, not to the app: it may be anybody's.
    """
    routes = APIRouter()

    @routes.get(_PATH)
    def ask(request: Request) -> Response:
        try:
            app, scopes = _checked(state.store.connection, request.query_params)
        except ApiError as error:
            return _error_page(error)
        return HTMLResponse(
            _PAGE.format(
                app=escape(app.client_id),
                query=escape(request.url.query),
                scopes=escape(scopes),
                organisations="\n".join(_choice(tenant, name) for tenant, name in _organisations(state)),
            )
        )

    @routes.post(_PATH)
    async def decide(request: Request) -> Response:
        sent = parse_qs((await request.body()).decode())
        query = request.query_params
        try:
            app, scopes = _checked(state.store.connection, query)
        except ApiError as error:
            return _error_page(error)
        if sent.get("decision") == ["allow"]:
            answer = {"code": _allow(state, app, scopes, query, sent.get("organisation", [])), "scope": scopes}
        else:
            answer = {"error": "access_denied"}
        back = urlencode(answer | {"state": query.get("state", "")})
        return RedirectResponse(f"{query['redirect_uri']}?{back}", status_code=302)

    return routes


def _checked(connection: sqlite3.Connection, query: Mapping[str, str]) -> tuple[App, str]:
    app = find_app(connection, query.get("client_id", ""))
    if app.kind == "custom_connection":
        raise oauth_error("unauthorized_client")
    if query.get("redirect_uri") not in app.redirect_uris:
        raise oauth_error("invalid_request : Invalid redirect_uri")
    if query.get("response_type") != "code" or (app.kind == "pkce" and query.get("code_challenge_method") != "S256"):
        raise oauth_error("invalid_request")
    return app, granted_scopes(app, query.get("scope", ""))


def _error_page(error: ApiError) -> Response:
    return HTMLResponse(_ERROR_PAGE.format(error=escape(error.body["error"])), error.status)


def _choice(tenant_id: str, name: str) -> str:
    return (
        f'<label><input type="checkbox" name="organisation" value="{escape(tenant_id)}" checked> {escape(name)}</label>'
    )


def _organisations(state: State) -> list[tuple[str, str]]:
    rows = state.store.connection.execute(
        "SELECT tenant_id, json_extract(body, '$.Name') AS name FROM record WHERE resource = 'Organisation'"
        " ORDER BY position"
    )
    return [(row["tenant_id"], row["name"]) for row in rows]


def _allow(state: State, app: App, scopes: str, query: Mapping[str, str], chosen: Sequence[str]) -> str:
    """The code that the app redeems; it reaches the chosen organisations from now on."""
    names = dict(_organisations(state))
    code, at = secrets.token_urlsafe(32), state.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f0")
    expires = state.settings.wall_clock() + _CODE_SECONDS
    with state.store.write() as connection:
        connection.execute(
            "INSERT INTO authorization_code VALUES (?, ?, ?, ?, ?, ?)",
            (code, app.client_id, scopes, query["redirect_uri"], query.get("code_challenge"), expires),
        )
        for tenant_id in chosen:
            if tenant_id in names:
                connect(connection, app.client_id, tenant_id, names[tenant_id], at)
    return code
