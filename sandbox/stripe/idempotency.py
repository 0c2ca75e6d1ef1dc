"""
Idempotency keys: the first answer of a POST is given again for a day, in real time.

Source: sources.md Stripe §1.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from sandbox.store import Store
from sandbox.stripe.errors import IdempotencyMismatch, InvalidRequest, KeyInUse

__all__ = ["IdempotencyKeys", "StoredAnswer"]

KEY_LIFETIME_SECONDS = 24 * 3600
MAX_KEY_LENGTH = 255


@dataclass(frozen=True)
class StoredAnswer:
    """Status and body of the first request."""

    status: int
    body: bytes


class IdempotencyKeys:
    """The keys in use, shared by all processes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def claim(self, key: str, request: str) -> StoredAnswer | None:
        """
        Reserve ``key`` for a request, or give the answer it already has.

        :raises InvalidRequest: the key is too long.
        :raises IdempotencyMismatch: it stands for another request.
        :raises KeyInUse: its request is not answered yet.
        """
        if len(key) > MAX_KEY_LENGTH:
            raise InvalidRequest(f"Idempotency keys have at most {MAX_KEY_LENGTH} characters, this has {len(key)}.")
        fingerprint = hashlib.sha256(request.encode()).hexdigest()
        now = time.time()
        with self._store.write() as connection:
            connection.execute("DELETE FROM idempotency WHERE at < ?", (now - KEY_LIFETIME_SECONDS,))
            row = connection.execute("SELECT * FROM idempotency WHERE key = ?", (key,)).fetchone()
            if row is None:
                connection.execute("INSERT INTO idempotency VALUES (?, ?, NULL, NULL, ?)", (key, fingerprint, now))
                return None
        if row["fingerprint"] != fingerprint:
            raise IdempotencyMismatch(key)
        if row["status"] is None:
            raise KeyInUse(key)
        return StoredAnswer(row["status"], row["body"])

    def keep(self, key: str, answer: StoredAnswer) -> None:
        """The request of ``key`` has this answer, whatever it is."""
        with self._store.write() as connection:
            connection.execute(
                "UPDATE idempotency SET status = ?, body = ? WHERE key = ?", (answer.status, answer.body, key)
            )

    def release(self, key: str) -> None:
        """The request never began: the key is free again."""
        with self._store.write() as connection:
            connection.execute("DELETE FROM idempotency WHERE key = ?", (key,))
