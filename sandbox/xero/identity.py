"""Xero's OAuth 2.0 server: client credentials, code with PKCE, rotating refresh tokens (sources.md Xero §1)."""

from __future__ import annotations

import base64
import hashlib
import secrets
import sqlite3
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import OctKey

from sandbox.xero.errors import oauth_error, unauthorized
from sandbox.xero.models import State
from sandbox.xero.wire import new_id

__all__ = ["App", "Grant", "connect", "find_app", "granted", "granted_scopes", "identity_routes", "register_app"]


@dataclass(frozen=True)
class Grant:
    """What a good access token allows."""

    client_id: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class App:
    """An app as it was registered."""

    client_id: str
    secret: str | None
    kind: str
    scopes: frozenset[str]
    redirect_uris: tuple[str, ...]


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode()))


_SentForm = Annotated[dict[str, str], Depends(_form)]


def register_app(
    connection: sqlite3.Connection,
    *,
    client_id: str,
    client_secret: str | None,
    kind: str,
    scopes: tuple[str, ...],
    redirect_uris: tuple[str, ...] = (),
) -> None:
    """
    Make an app known, or change it.

    :param kind: ``custom_connection`` (client credentials), ``web`` (code) or ``pkce`` (code, without a secret).
    """
    connection.execute(
        "INSERT OR REPLACE INTO app VALUES (?, ?, ?, ?, ?)",
        (client_id, client_secret, kind, " ".join(scopes), " ".join(redirect_uris)),
    )


def connect(connection: sqlite3.Connection, client_id: str, tenant_id: str, tenant_name: str, at: str) -> None:
    """Let an app reach an organisation, as a person's consent does."""
    connection.execute(
        "INSERT OR IGNORE INTO connection VALUES (?, ?, ?, ?, ?)", (new_id(), client_id, tenant_id, tenant_name, at)
    )


def granted(state: State, authorization: str) -> Grant:
    """
    What the bearer token of an ``Authorization`` header allows.

    :raises ApiError: 401, it is missing, unknown or expired.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthorized("AuthenticationUnsuccessful")
    row = state.store.connection.execute("SELECT * FROM access_token WHERE token = ?", (token,)).fetchone()
    if row is None:
        raise unauthorized("AuthenticationUnsuccessful")
    if row["expires"] <= state.settings.wall_clock():
        raise unauthorized(f"TokenExpired: token expired at {row['expires']:.0f}")
    return Grant(row["client_id"], frozenset(row["scopes"].split()))


def identity_routes(state: State) -> APIRouter:
    """Token, revocation and connections endpoints."""
    routes = APIRouter()

    @routes.post("/identity/connect/token")
    @routes.post("/connect/token")
    def token(request: Request, form: _SentForm) -> Response:
        with state.store.write() as connection:
            answer = _token(state, connection, request.headers.get("authorization", ""), form)
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    @routes.post("/identity/connect/revocation")
    @routes.post("/connect/revocation")
    def revoke(request: Request, form: _SentForm) -> Response:
        """A person's consent ends: its refresh token and the app's connections go."""
        with state.store.write() as connection:
            app = _authenticated(connection, request.headers.get("authorization", ""), form)
            for table in ("refresh_token", "access_token", "connection"):
                connection.execute(f"DELETE FROM {table} WHERE client_id = ?", (app.client_id,))  # noqa: S608 - ours
        return Response(status_code=200)

    @routes.get("/connections")
    @routes.get("/Connections")
    def connections(request: Request) -> Response:
        grant = granted(state, request.headers.get("authorization", ""))
        rows = state.store.connection.execute(
            "SELECT * FROM connection WHERE client_id = ? ORDER BY rowid", (grant.client_id,)
        )
        return JSONResponse([_connection(row) for row in rows])

    @routes.delete("/connections/{connection_id}")
    def disconnect(connection_id: str, request: Request) -> Response:
        grant = granted(state, request.headers.get("authorization", ""))
        with state.store.write() as connection:
            gone = connection.execute(
                "DELETE FROM connection WHERE id = ? AND client_id = ?", (connection_id, grant.client_id)
            )
        return Response(status_code=204 if gone.rowcount else 404)

    return routes


def _connection(row: sqlite3.Row) -> dict[str, str]:
    return {
        "id": row["id"],
        "authEventId": row["id"],
        "tenantId": row["tenant_id"],
        "tenantType": "ORGANISATION",
        "tenantName": row["tenant_name"],
        "createdDateUtc": row["connected_at"],
        "updatedDateUtc": row["connected_at"],
    }


def find_app(connection: sqlite3.Connection, client_id: str) -> App:
    """
    The app of this id.

    :raises ApiError: 400 ``invalid_client``.
    """
    row = connection.execute("SELECT * FROM app WHERE client_id = ?", (client_id,)).fetchone()
    if row is None:
        raise oauth_error("invalid_client")
    return App(
        row["client_id"],
        row["client_secret"],
        row["kind"],
        frozenset(row["scopes"].split()),
        tuple(row["redirect_uris"].split()),
    )


def _authenticated(connection: sqlite3.Connection, authorization: str, form: Mapping[str, str]) -> App:
    client_id, secret = form.get("client_id", ""), form.get("client_secret")
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(credentials).decode().partition(":")
        except (NotBase64, UnicodeDecodeError) as error:
            raise oauth_error("invalid_client") from error
    app = find_app(connection, client_id)
    if app.secret is not None and not secrets.compare_digest(app.secret.encode(), (secret or "").encode()):
        raise oauth_error("invalid_client")
    return app


def granted_scopes(app: App, asked: str) -> str:
    """
    The scopes asked for.

    :raises ApiError: 400 ``invalid_scope``; an app is refused all if it may not have one.
    """
    wanted = asked.split() or sorted(app.scopes - {"offline_access"})
    if not app.scopes.issuperset(wanted):
        raise oauth_error("invalid_scope")
    return " ".join(wanted)


def _token(state: State, connection: sqlite3.Connection, authorization: str, form: Mapping[str, str]) -> dict[str, Any]:
    app = _authenticated(connection, authorization, form)
    grant_type = form.get("grant_type")
    if grant_type == "client_credentials" and app.kind == "custom_connection":
        return _issue(state, connection, app, granted_scopes(app, form.get("scope", "")), refreshable=False)
    if grant_type == "authorization_code" and app.kind != "custom_connection":
        return _issue(state, connection, app, _redeemed(state, connection, app, form), refreshable=True)
    if grant_type == "refresh_token":
        return _issue(state, connection, app, _rotated(state, connection, app, form), refreshable=True)
    raise oauth_error("unauthorized_client" if grant_type in _GRANT_TYPES else "unsupported_grant_type")


_GRANT_TYPES = {"client_credentials", "authorization_code"}


def _redeemed(state: State, connection: sqlite3.Connection, app: App, form: Mapping[str, str]) -> str:
    row = connection.execute(
        "DELETE FROM authorization_code WHERE code = ? AND client_id = ? RETURNING *",
        (form.get("code"), app.client_id),
    ).fetchone()
    if row is None or row["expires"] <= state.settings.wall_clock():
        raise oauth_error("invalid_grant")
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    answer = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    if row["redirect_uri"] != form.get("redirect_uri") or row["challenge"] not in {None, answer}:
        raise oauth_error("invalid_grant")
    return str(row["scopes"])


def _rotated(state: State, connection: sqlite3.Connection, app: App, form: Mapping[str, str]) -> str:
    """A replaced refresh token is good for another 30 minutes, for a client that lost the answer."""
    now, token = state.settings.wall_clock(), form.get("refresh_token", "")
    row = connection.execute(
        "SELECT * FROM refresh_token WHERE token = ? AND client_id = ?", (token, app.client_id)
    ).fetchone()
    if row is None or row["expires"] <= now:
        raise oauth_error("invalid_grant")
    grace = state.settings.number("refresh_grace_seconds")
    if row["replaced_at"] is not None and row["replaced_at"] + grace <= now:
        raise oauth_error("invalid_grant")
    connection.execute("UPDATE refresh_token SET replaced_at = coalesce(replaced_at, ?) WHERE token = ?", (now, token))
    return str(row["scopes"])


def _access_token(app: App, scopes: str, now: float, seconds: float) -> str:
    """A JSON Web Token with the claims of Xero's; only this sandbox looks it up, by its whole text."""
    claims: dict[str, Any] = {
        "nbf": int(now),
        "exp": int(now + seconds),
        "iss": "https://identity.xero.com",
        "aud": "https://identity.xero.com/resources",
        "client_id": app.client_id,
        "jti": secrets.token_hex(16),
        "scope": scopes.split(),
    }
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(secrets.token_bytes(32)))


def _issue(state: State, connection: sqlite3.Connection, app: App, scopes: str, *, refreshable: bool) -> dict[str, Any]:
    now = state.settings.wall_clock()
    seconds = state.settings.number("access_token_seconds")
    token = _access_token(app, scopes, now, seconds)
    connection.execute("INSERT INTO access_token VALUES (?, ?, ?, ?)", (token, app.client_id, scopes, now + seconds))
    answer = {"access_token": token, "expires_in": seconds, "token_type": "Bearer", "scope": scopes}
    if refreshable and "offline_access" in scopes.split():
        refresh_token = secrets.token_urlsafe(32)
        lasts = now + state.settings.number("refresh_token_seconds")
        connection.execute(
            "INSERT INTO refresh_token VALUES (?, ?, ?, ?, NULL)", (refresh_token, app.client_id, scopes, lasts)
        )
        answer["refresh_token"] = refresh_token
    return answer
