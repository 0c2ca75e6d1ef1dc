"""
A person's consent to a web app, and which of their organisations it is for.

Source: sources.md Xero §1 (authorization code with PKCE, rotating refresh tokens, connections).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from requests.exceptions import RequestException

from hooks.xero.oauth import REFUSALS, TIMEOUT_SECONDS, App
from ledgerbridge.errors import ConfigurationError, TransientError

__all__ = ["Choose", "Consent", "Tenant", "pick", "tenants_in"]


@dataclass(frozen=True)
class Tenant:
    """An organisation the app is connected to."""

    tenant_id: str
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.tenant_id})"


Choose = Callable[[Sequence[Tenant]], Tenant]
"""Picks one of several organisations."""


def tenants_in(content: Sequence[dict[str, Any]]) -> list[Tenant]:
    """The organisations in an answer of ``/connections``; practices (Xero HQ) have no accounts."""
    return [Tenant(one["tenantId"], one["tenantName"]) for one in content if one.get("tenantType") != "PRACTICE"]


def pick(tenants: Sequence[Tenant], wanted: str | None, choose: Choose | None = None) -> Tenant:
    """
    The organisation that a connection means.

    :param wanted: the connection's ``tenant_id``, if it names one.
    :param choose: asked when it doesn't.
    :raises ConfigurationError: it is not among them; there is none; there are several and nobody to choose.
    """
    found = ", ".join(map(str, tenants)) or "none"
    if wanted:
        tenants = [tenant for tenant in tenants if tenant.tenant_id == wanted]
    elif tenants and choose:
        return choose(tenants)
    if len(tenants) != 1:
        raise ConfigurationError(
            "LB-XERO-005",
            f"the app is connected to {found}, expected {f'the tenant {wanted}' if wanted else 'one organisation'}",
            remedy="Connect the app to the organisation in Xero, or put its `tenant_id` into the connection.",
        )
    return tenants[0]


class Consent:
    """
    A person's consent to a web app: authorization code with PKCE, then a rotating refresh token.

    :param redirect_uri: as registered with the app; Xero sends the person's browser there with the code.
    :raises ConfigurationError: the app's tokens need no consent, or would end with the first.
    """

    def __init__(self, app: App, redirect_uri: str) -> None:
        if app.grant != "refresh_token":
            raise ConfigurationError(
                "LB-XERO-001",
                f"the connection has the grant {app.grant!r}, a person consents to `refresh_token`",
                remedy="Put `grant` = `refresh_token` into its extra; a Custom Connection needs no consent.",
            )
        if "offline_access" not in app.scopes.split():
            raise ConfigurationError(
                "LB-XERO-003",
                f"the connection asks for {app.scopes!r}, expected `offline_access` among them",
                remedy="Add `offline_access` to `scopes`: without it the consent ends after 30 minutes.",
            )
        self._app = app
        self._redirect_uri = redirect_uri
        self._verifier = uuid.uuid4().hex + uuid.uuid4().hex
        self._session = app.session(redirect_uri=redirect_uri, code_challenge_method="S256")
        self.url, self._state = self._session.create_authorization_url(
            f"{app.login_url.rstrip('/')}/identity/connect/authorize", code_verifier=self._verifier
        )

    def check(self) -> None:
        """
        Ask for the consent page before a person does; Xero tells on it, and not to us, what is wrong with the app.

        :raises ConfigurationError: Xero refuses client id, redirect address or scopes.
        :raises TransientError: Xero's login can't be reached.
        """
        with self._app.session() as session:
            try:
                page = session.request("GET", self.url, withhold_token=True, timeout=TIMEOUT_SECONDS)
            except RequestException as error:
                raise TransientError(
                    "LB-XERO-009",
                    f"{self._app.login_url} gave no usable answer ({type(error).__name__})",
                    remedy="Repeat later; if it stays so, check the connection's `login_url` and the network.",
                ) from error
        # How Xero's page shows an error is not published: a status, or a page of that name.
        if page.status_code >= 400 or "/error" in urlsplit(page.url).path:
            text = page.text.lower()
            name = next((known for known in (*REFUSALS, "client") if known in text), "client")
            raise self._app.refusal(name, f"its consent page says {name!r}, redirect address {self._redirect_uri}")

    def complete(self, redirected_to: str) -> dict[str, Any]:
        """
        The first token set, from the address Xero sent the browser to.

        :raises ConfigurationError: the person refused, or the address belongs to another consent.
        """
        answer = dict(parse_qsl(urlsplit(redirected_to).query))
        if answer.get("state") != self._state:
            raise self._app.refusal("mismatching_state", "the address the browser came back to is of another consent")
        if "code" not in answer:
            raise self._app.refusal(answer.get("error", "invalid_grant"), answer.get("error", "no code came back"))
        return self._app.ask(
            self._session,
            grant_type="authorization_code",
            code=answer["code"],
            code_verifier=self._verifier,
        )
