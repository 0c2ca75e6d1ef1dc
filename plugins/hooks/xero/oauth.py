"""
Xero's identity service: token sets fetched and refreshed, its refusals made ours.

Source: sources.md Xero §1 (30-minute access tokens, rotating refresh tokens).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from requests.exceptions import RequestException

from hooks.wire.limited_answers import limit_answers
from hooks.wire.oauth_tokens import TokenCodes, token_set
from ledgerbridge.errors import ConfigurationError, TransientError

__all__ = ["REFUSALS", "TIMEOUT_SECONDS", "TOKEN_CODES", "App"]

TIMEOUT_SECONDS = 20.0
TOKEN_CODES = TokenCodes("Xero", busy="LB-XERO-010", no_key="LB-XERO-026")


@dataclass(frozen=True)
class App:
    """
    The app registered at Xero, and what it asks for.

    :param grant: ``client_credentials`` (a Custom Connection: one organisation, no consent to renew) or
        ``refresh_token`` (a web app a person has consented to, see ``xero_consent``).
    :param client_secret: None for a public client (PKCE alone).
    :param proxies, verify: as for ``requests``.
    """

    client_id: str
    client_secret: str | None
    scopes: str
    grant: str
    identity_url: str
    login_url: str
    proxies: Mapping[str, str]
    verify: bool | str

    def session(self, **options: Any) -> OAuth2Session:
        """A client of Xero's identity service for this app."""
        session = limit_answers(OAuth2Session(self.client_id, self.client_secret, scope=self.scopes or None, **options))
        session.proxies = dict(self.proxies)
        session.verify = self.verify
        return session

    @property
    def token_url(self) -> str:
        return f"{self.identity_url.rstrip('/')}/connect/token"

    @property
    def chained(self) -> bool:
        """Whether a person's consent is behind the tokens."""
        return self.grant != "client_credentials"

    def fetch(self, old: Mapping[str, Any] | None) -> dict[str, Any]:
        """
        A new token set from Xero.

        :param old: the set to refresh; None where client credentials need none.
        :raises ConfigurationError: credentials, scopes or consent are refused; repeating is no use.
        :raises TransientError: the identity service can't answer now. An old refresh token stays good for
            30 minutes when the answer was lost.
        """
        if not self.chained:
            return self.ask(self.session(), grant_type="client_credentials")
        if old is None:
            raise ConfigurationError(
                "LB-XERO-004",
                "nobody has consented yet to the app's access to the organisation",
                remedy="Run `ledgerbridge connect xero` and let a person consent (docs/reference/xero.md, Consent).",
            )
        session = self.session(token=dict(old))
        return self.ask(session, grant_type="refresh_token", refresh_token=old["refresh_token"])

    def ask(self, session: OAuth2Session, **parameters: Any) -> dict[str, Any]:
        """One call to the token endpoint, its errors made ours."""
        try:
            return token_set(session.fetch_token(self.token_url, timeout=TIMEOUT_SECONDS, **parameters))
        except AuthlibBaseError as error:
            raise self._refusal(error) from error
        except (RequestException, TypeError, ValueError) as error:
            raise TransientError(
                "LB-XERO-009",
                f"{self.token_url} gave no usable answer ({type(error).__name__})",
                remedy="Repeat later; if it stays so, check the connection's `identity_url` and the network.",
            ) from error

    def _refusal(self, error: AuthlibBaseError) -> ConfigurationError:
        return self.refusal(error.error, f"{error.error}{': ' + error.description if error.description else ''}")

    def refusal(self, name: str, reason: str) -> ConfigurationError:
        """The identity service's refusal as ours; ``name`` as in ``REFUSALS``."""
        code, remedy = REFUSALS.get(name, ("LB-XERO-002", "Check client id and secret in the connection."))
        return ConfigurationError(
            code,
            f"Xero refuses a token to client {self.client_id} ({reason}); scopes asked: {self.scopes}",
            remedy=remedy,
        )


# By OAuth's name of the error, or the parameter it is about.
REFUSALS = {
    "invalid_scope": (
        "LB-XERO-003",
        "Set `scopes` in the connection's extra to what the app may ask for: apps made since 2026-03-02 have granular "
        "scopes, older ones accounting.transactions and the like.",
    ),
    "redirect_uri": (
        "LB-XERO-029",
        "Register this very redirect address with the app at developer.xero.com (My Apps, Configuration), or give the "
        "one that is registered there.",
    ),
    "access_denied": ("LB-XERO-004", "Begin the consent anew, and choose to allow access."),
    "mismatching_state": ("LB-XERO-004", "Begin the consent anew, and finish it in the same browser."),
    "invalid_grant": (
        "LB-XERO-004",
        "The consent has ended, or its token was used elsewhere: run `ledgerbridge connect xero` and let a person "
        "consent anew (docs/reference/xero.md, Consent).",
    ),
}
