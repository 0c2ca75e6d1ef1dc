"""Encrypted OAuth token sets, and the lease that lets one process at a time renew one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, or_, select, update
from sqlalchemy.exc import IntegrityError

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.database import transaction
from ledgerbridge.state.models import OAuthToken

__all__ = ["StoredToken", "TokenStore"]


@dataclass(frozen=True)
class StoredToken:
    """
    One token set as it lies in the database.

    :param ciphertext: encrypted by whoever put it; this module never sees the token.
    :param expires_at: when its access token ends, aware UTC.
    """

    ciphertext: str
    expires_at: datetime


class TokenStore:
    """
    Token sets by key, shared by all processes on one state database.

    Only the holder of a key's lease may ``put``: several holders of one rotating refresh token would invalidate
    each other (sources.md Xero §1). A lease ends by ``put``, by ``release`` or by itself, so a killed process blocks
    nobody for long.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, key: str) -> StoredToken | None:
        """The token set under this key, expired or not; None if there is none yet."""
        with transaction(self._engine) as session:
            row = session.get(OAuthToken, key)
            if row is None or row.ciphertext is None or row.expires_at is None:
                return None
            return StoredToken(row.ciphertext, row.expires_at)

    def lease(self, key: str, owner: str, seconds: float) -> bool:
        """Whether ``owner`` may renew the token set for so many seconds; False while somebody else may."""
        self._ensure_row(key)
        with transaction(self._engine) as session:
            now = database_now(session)  # the owners' own clocks may differ, or be set back
            free = or_(OAuthToken.lease_until.is_(None), OAuthToken.lease_until < now)
            taken = (
                update(OAuthToken)
                .where(OAuthToken.key == key, free)
                .values(lease_owner=owner, lease_until=now + timedelta(seconds=seconds))
                .returning(OAuthToken.key)
            )
            return session.execute(taken).first() is not None

    def put(self, key: str, owner: str, token: StoredToken) -> bool:
        """Keep a renewed token set and end the lease; False if the lease has passed to somebody else meanwhile."""
        values = {"ciphertext": token.ciphertext, "expires_at": token.expires_at}
        renewed = Change("token-renewed", "oauth_token", key, details={"expires_at": token.expires_at.isoformat()})
        return self._end_lease(key, owner, values, renewed)

    def release(self, key: str, owner: str) -> None:
        """End the lease without a new token set."""
        self._end_lease(key, owner)

    def _end_lease(
        self, key: str, owner: str, values: Mapping[str, object] | None = None, change: Change | None = None
    ) -> bool:
        ended = (
            update(OAuthToken)
            .where(OAuthToken.key == key, OAuthToken.lease_owner == owner)
            .values(lease_owner=None, lease_until=None, **(values or {}))
            .returning(OAuthToken.key)
        )
        with transaction(self._engine) as session:
            done = session.execute(ended).first() is not None
            if done and change is not None:
                append(session, Actor("", "", "", owner[:250]), [change])
            return done

    def _ensure_row(self, key: str) -> None:
        with transaction(self._engine) as session:
            if session.scalar(select(OAuthToken.key).where(OAuthToken.key == key)) is not None:
                return
        try:
            with transaction(self._engine) as session:
                session.add(OAuthToken(key=key))
        except IntegrityError:
            pass  # another process wrote the same row between the two transactions
