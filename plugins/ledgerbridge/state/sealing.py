"""Payloads at rest: encrypted when a key is set, in columns and in staged batches alike."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import JSON, Text, TypeDecorator
from sqlalchemy.engine import Dialect

from ledgerbridge.errors import ConfigurationError

__all__ = ["SealedJson", "SealedText", "Sealer"]

_MARK = b"sealed:"


class Sealer:
    """
    Encrypts and decrypts payloads (Fernet, as Airflow does with connections).

    :param keys: Fernet keys with commas between them: the first encrypts, all decrypt; so a key is changed by putting
        a new one before it. Blank: nothing is encrypted, and what is can't be read.
    :raises ConfigurationError: one is no Fernet key.
    """

    def __init__(self, keys: str = "") -> None:
        try:
            known = [Fernet(key.strip()) for key in keys.split(",") if key.strip()]
        except ValueError:
            raise ConfigurationError(
                "LB-CFG-020",
                "[ledgerbridge] payload_key has something that is no Fernet key.",
                remedy="Make one as for Airflow: Fernet.generate_key() of the package cryptography.",
            ) from None
        self._fernet = MultiFernet(known) if known else None

    def seal(self, payload: bytes) -> bytes:
        """The payload as it is kept."""
        return payload if self._fernet is None else _MARK + self._fernet.encrypt(payload)

    def open(self, kept: bytes) -> bytes:
        """
        The payload again, encrypted or not.

        :raises ConfigurationError: it is encrypted by none of the keys, or was changed since.
        """
        if not kept.startswith(_MARK):
            return kept
        token = kept[len(_MARK) :]
        try:
            # bits that base64 leaves unused are not covered by Fernet's own signature
            if self._fernet is not None and urlsafe_b64encode(urlsafe_b64decode(token)) == token:
                return self._fernet.decrypt(token)
        except (InvalidToken, binascii.Error):
            pass
        raise ConfigurationError(
            "LB-CFG-021",
            "a payload is encrypted by a key that is not set here.",
            remedy="Set [ledgerbridge] payload_key (for commands LEDGERBRIDGE_PAYLOAD_KEY), older keys after commas.",
        )


_UNSEALED = Sealer()


def _sealer(dialect: Dialect) -> Sealer:
    """The engine's own; ``connect`` puts it there."""
    sealer: Sealer = getattr(dialect, "payload_sealer", _UNSEALED)
    return sealer


class SealedJson(TypeDecorator[Any]):
    """JSON that is a text of ciphertext when a key is set."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None:
            return None
        plain = orjson.dumps(value)
        kept = _sealer(dialect).seal(plain)
        return value if kept is plain else kept.decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if isinstance(value, str) and value.startswith(_MARK.decode()):
            return orjson.loads(_sealer(dialect).open(value.encode()))
        return value


class SealedText(TypeDecorator[str]):
    """Text that is ciphertext when a key is set; PostgreSQL takes no NUL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return _sealer(dialect).seal(value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode()).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else _sealer(dialect).open(value.encode()).decode()
