"""
Xero's access tokens: fetched or refreshed by one process, kept encrypted for all.

Source: facts/xero.md §1 (30-minute access tokens, rotating refresh tokens, one place per token set).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from airflow.sdk.crypto import FernetProtocol, get_fernet
from airflow.sdk.exceptions import AirflowException
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from cryptography.fernet import InvalidToken
from requests.exceptions import RequestException

from ledgerbridge.errors import ConfigurationError, TransientError
from ledgerbridge.state.tokens import StoredToken, TokenStore

__all__ = ["REFUSALS", "TIMEOUT_SECONDS", "AccessTokens", "App"]

# In a stored token set, beside what Xero gave.
_TENANT = "tenant_id"
_LEASE_SECONDS = 30.0
_PATIENCE_SECONDS = 45.0
_POLL_SECONDS = 0.1
TIMEOUT_SECONDS = 20.0
# A token that ends while a call is under way would be refused: renew it this much earlier.
_MARGIN = timedelta(seconds=60)


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
        session = OAuth2Session(self.client_id, self.client_secret, scope=self.scopes or None, **options)
        session.proxies = dict(self.proxies)
        session.verify = self.verify
        return session

    @property
    def token_url(self) -> str:
        return f"{self.identity_url.rstrip('/')}/connect/token"

    def fetch(self, old: Mapping[str, Any] | None) -> dict[str, Any]:
        """
        A new token set from Xero.

        :param old: the set to refresh; None where client credentials need none.
        :raises ConfigurationError: credentials, scopes or consent are refused; repeating is no use.
        :raises TransientError: the identity service can't answer now. An old refresh token stays good for
            30 minutes when the answer was lost.
        """
        if self.grant == "client_credentials":
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
            return dict(session.fetch_token(self.token_url, timeout=TIMEOUT_SECONDS, **parameters))
        except AuthlibBaseError as error:
            raise self._refusal(error) from error
        except (RequestException, ValueError) as error:
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


class AccessTokens:
    """
    The current access token of one app and organisation, shared by all processes through the token store.

    :param key: under which the token set lies; another app, organisation or set of scopes has another.
    """

    def __init__(self, store: TokenStore, key: str, app: App) -> None:
        self._store = store
        self._key = key
        self._app = app
        self._owner = uuid.uuid4().hex

    def current(self) -> str:
        """
        An access token that is good for at least another minute.

        :raises ConfigurationError, TransientError: as ``App.fetch``.
        """
        return self._good_token(refused=None) or self._renew(refused=None)

    def renew(self, refused: str) -> str:
        """Another access token than the one Xero has just refused."""
        return self._good_token(refused) or self._renew(refused)

    @property
    def tenant_id(self) -> str | None:
        """The organisation that the person who consented chose; None without a consent."""
        found = (self._stored() or {}).get(_TENANT)
        return str(found) if found else None

    def keep(self, token: Mapping[str, Any], tenant_id: str) -> None:
        """Store a token set that a person has just consented to, and the organisation they chose."""
        self._await_lease()
        self._put({**token, _TENANT: tenant_id})

    def _renew(self, refused: str | None) -> str:
        if found := self._await_lease(refused):
            return found
        try:
            # Somebody may have renewed it between our look and our lease.
            if found := self._good_token(refused):
                return found
            old = self._stored() or {}
            token = self._app.fetch(old or None)
            self._put(token | ({_TENANT: old[_TENANT]} if _TENANT in old else {}))
            return str(token["access_token"])
        finally:
            self._store.release(self._key, self._owner)

    def _await_lease(self, refused: str | None = None) -> str | None:
        """None once the lease is ours; the token, if its holder renewed it meanwhile."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._store.lease(self._key, self._owner, _LEASE_SECONDS):
            if time.monotonic() > deadline:
                raise TransientError(
                    "LB-XERO-010",
                    f"another process has been renewing the token for over {_PATIENCE_SECONDS:.0f} s",
                    remedy="Repeat later; if it stays so, check that Xero's identity service answers.",
                )
            time.sleep(_POLL_SECONDS)
            if found := self._good_token(refused):
                return found
        return None

    def _good_token(self, refused: str | None) -> str | None:
        stored = self._store.get(self._key)
        if stored is None or stored.expires_at - _MARGIN < datetime.now(UTC):
            return None
        token = _opened(stored)
        return None if token is None or token["access_token"] == refused else str(token["access_token"])

    def _stored(self) -> dict[str, Any] | None:
        stored = self._store.get(self._key)
        return None if stored is None else _opened(stored)

    def _put(self, token: Mapping[str, Any]) -> None:
        ciphertext = _fernet().encrypt(orjson.dumps(token)).decode()
        expires_at = datetime.fromtimestamp(float(token["expires_at"]), UTC)
        if not self._store.put(self._key, self._owner, StoredToken(ciphertext, expires_at)):
            raise TransientError(
                "LB-XERO-010",
                "the lease on the token ended before it was renewed",
                remedy="Repeat; if it stays so, check that Xero's identity service answers within 30 s.",
            )


def _fernet() -> FernetProtocol:
    try:
        return get_fernet()
    except AirflowException as error:
        raise ConfigurationError(
            "LB-XERO-026",
            f"Xero's tokens can't be encrypted ({error})",
            remedy="Set `[core] fernet_key` in Airflow's configuration, the same on all machines.",
        ) from error


def _opened(stored: StoredToken) -> dict[str, Any] | None:
    try:
        token: dict[str, Any] = orjson.loads(_fernet().decrypt(stored.ciphertext.encode()))
    except InvalidToken:  # Airflow's Fernet key was replaced: as if there were no token
        return None
    return token
