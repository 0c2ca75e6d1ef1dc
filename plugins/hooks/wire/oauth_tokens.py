"""
Access tokens that end: fetched or refreshed by one process, kept encrypted for all.

Source: sources.md Xero §1 and sources.md Shopify §1 (rotating refresh tokens, one place per token set).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import orjson
from airflow.sdk.crypto import FernetProtocol, get_fernet
from airflow.sdk.exceptions import AirflowException
from cryptography.fernet import InvalidToken

from ledgerbridge.errors import ConfigurationError, TransientError
from ledgerbridge.state.tokens import StoredToken, TokenStore

__all__ = ["AccessTokens", "TokenCodes", "TokenSource", "token_set"]

# In a stored token set, beside what the system gave.
_TENANT = "tenant_id"
_LEASE_SECONDS = 30.0
_PATIENCE_SECONDS = 45.0
_POLL_SECONDS = 0.1
# A token that ends while a call is under way would be refused: renew it this much earlier.
_MARGIN = timedelta(seconds=60)


@dataclass(frozen=True)
class TokenCodes:
    """
    A system's name and error codes.

    :param busy: another process renews the token and doesn't end.
    :param no_key: Airflow has no key to encrypt with.
    """

    system: str
    busy: str
    no_key: str


def token_set(answer: Mapping[str, Any]) -> dict[str, Any]:
    """
    A token endpoint's answer, made sure that it is one: a broken proxy or an outage page can be JSON too.

    :raises ValueError: it has no ``access_token``, or tells no time at which that ends.
    """
    if not isinstance(answer.get("access_token"), str) or not isinstance(answer.get("expires_at"), int | float):
        raise ValueError(f"no token set: an answer with {sorted(answer) or 'nothing'}")
    return dict(answer)


class TokenSource(Protocol):
    """Gives token sets: ``access_token``, ``expires_at`` (Unix time) and what the next one needs."""

    @property
    def chained(self) -> bool:
        """Whether only the last set leads to the next one: a refresh token that rotates, behind a person's consent."""
        ...

    def fetch(self, old: Mapping[str, Any] | None) -> dict[str, Any]:
        """
        A new token set.

        :param old: the set before; None where there is none.
        :raises ConfigurationError: the system refuses; repeating is no use.
        :raises TransientError: the system can't answer now.
        """
        ...


class AccessTokens:
    """
    The current access token of one app and organisation, shared by all processes through the token store.

    :param key: under which the token set lies; another app, organisation or set of scopes has another.
    :param app: gives new token sets.
    """

    def __init__(self, store: TokenStore, key: str, app: TokenSource, codes: TokenCodes) -> None:
        self._store = store
        self._key = key
        self._app = app
        self._codes = codes
        self._owner = uuid.uuid4().hex

    def current(self) -> str:
        """
        An access token that is good for at least another minute.

        :raises ConfigurationError: as ``TokenSource.fetch``, or the kept set can't be decrypted and is needed.
        :raises TransientError: as ``TokenSource.fetch``.
        """
        return self._good_token(refused=None) or self._renew(refused=None)

    def renew(self, refused: str) -> str:
        """Another access token than the one just refused."""
        return self._good_token(refused) or self._renew(refused)

    @property
    def tenant_id(self) -> str | None:
        """The organisation that the person who consented chose; None without a consent."""
        found = (self._stored() or {}).get(_TENANT)
        return str(found) if found else None

    @property
    def last_renewed_before(self) -> datetime | None:
        """When the access token of the newest set ends: it was fetched a token's life before; None without a set."""
        stored = self._store.get(self._key)
        return None if stored is None else stored.expires_at

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
            old = self._last() or {}
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
                    self._codes.busy,
                    f"another process has been renewing the token for over {_PATIENCE_SECONDS:.0f} s",
                    remedy=f"Repeat later; if it stays so, check that {self._codes.system} still gives tokens.",
                )
            time.sleep(_POLL_SECONDS)
            if found := self._good_token(refused):
                return found
        return None

    def _good_token(self, refused: str | None) -> str | None:
        stored = self._store.get(self._key)
        if stored is None or stored.expires_at - _MARGIN < datetime.now(UTC):
            return None
        token = self._opened(stored)
        return None if token is None or token["access_token"] == refused else str(token["access_token"])

    def _stored(self) -> dict[str, Any] | None:
        stored = self._store.get(self._key)
        return None if stored is None else self._opened(stored)

    def _last(self) -> dict[str, Any] | None:
        """The set that the next one is made of; one that can't be decrypted stays for whoever has its key."""
        stored = self._store.get(self._key)
        opened = None if stored is None else self._opened(stored)
        if stored is not None and opened is None and self._app.chained:
            raise ConfigurationError(
                "LB-CFG-022",
                f"the kept consent to {self._codes.system} can't be decrypted with the present `[core] fernet_key`",
                remedy="Put the key it was encrypted with back: `fernet_key` takes several, the newest first, with"
                " commas between them. If that key is lost, consent anew (Xero: `ledgerbridge connect xero`;"
                " Shopify: install the app again and put its new refresh token into the connection).",
            )
        return opened

    def _put(self, token: Mapping[str, Any]) -> None:
        ciphertext = self._fernet().encrypt(orjson.dumps(token)).decode()
        expires_at = datetime.fromtimestamp(float(token["expires_at"]), UTC)
        if not self._store.put(self._key, self._owner, StoredToken(ciphertext, expires_at)):
            raise TransientError(
                self._codes.busy,
                "the lease on the token ended before it was renewed",
                remedy=f"Repeat; if it stays so, check that {self._codes.system} gives tokens within 30 s.",
            )

    def _fernet(self) -> FernetProtocol:
        try:
            return get_fernet()
        except AirflowException as error:
            raise ConfigurationError(
                self._codes.no_key,
                f"the tokens of {self._codes.system} can't be encrypted ({error})",
                remedy="Set `[core] fernet_key` in Airflow's configuration, the same on all machines.",
            ) from error

    def _opened(self, stored: StoredToken) -> dict[str, Any] | None:
        try:
            token: dict[str, Any] = orjson.loads(self._fernet().decrypt(stored.ciphertext.encode()))
        except InvalidToken:  # Airflow's Fernet key was replaced, see ``_last``
            return None
        return token
