"""Payloads at rest: encrypted when a key is set, in columns and in staged batches alike."""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import JSON, Null, Text, TypeDecorator
from sqlalchemy.engine import Dialect

from ledgerbridge.errors import ConfigurationError

__all__ = ["SealedJson", "SealedText", "Sealer", "is_encrypted"]

_MARK = b"sealed:"
_PLAIN = b"sealed:plain:"
"""Begins what is kept unencrypted though it begins with the mark itself."""
_TOKEN = re.compile(rb"gAAAA[\w-]{93,}={0,2}", re.ASCII)
"""Fernet's form: version 128, four bytes of time that stay zero for centuries, at least one block of ciphertext."""


class Sealer:
    """
    Encrypts and decrypts payloads (Fernet, as Airflow does with connections).

    What was kept before there was a key, or by a release that marked nothing, is read as what it is: only the mark with
    a Fernet token behind it is taken for encrypted.

    :param keys: Fernet keys with commas between them: the first encrypts, all decrypt; so a key is changed by putting
        a new one before it. Blank: nothing is encrypted, and what is can't be read.
    :raises ConfigurationError: one is no Fernet key; also where nothing stands before or behind a comma.
    """

    def __init__(self, keys: str = "") -> None:
        given = [key.strip() for key in keys.split(",")] if keys.strip() else []
        try:
            known = [Fernet(key) for key in given]
        except ValueError:
            raise ConfigurationError(
                "LB-CFG-020",
                "[ledgerbridge] payload_key has something that is no Fernet key, expected keys with a comma between"
                " each two.",
                remedy="Make one as for Airflow: Fernet.generate_key() of the package cryptography.",
            ) from None
        self._newest = known[0] if known else None
        self._fernet = MultiFernet(known) if known else None
        self._given = [urlsafe_b64decode(key) for key in given]

    @property
    def encrypts(self) -> bool:
        """Whether there is a key."""
        return self._newest is not None

    def seal(self, payload: bytes) -> bytes:
        """The payload as it is kept."""
        if self._newest is not None:
            return _MARK + self._newest.encrypt(payload)
        return _PLAIN + payload if payload.startswith(_MARK) else payload

    def derived(self, purpose: str, salt: bytes) -> list[bytes]:
        """
        Keys for something else than payloads, 32 bytes each: of each payload key one, the newest first, and last the
        one that there is without any, for what was made before.
        """
        return [
            HKDF(algorithm=SHA256(), length=32, salt=salt, info=purpose.encode()).derive(key)
            for key in (*self._given, b"")
        ]

    def is_newest(self, kept: Any) -> bool:
        """Whether what a column or file keeps is encrypted by the first key."""
        known = kept.encode() if isinstance(kept, str) else kept
        if self._newest is None or not isinstance(known, bytes) or not is_encrypted(known):
            return False
        try:
            self._newest.decrypt(known[len(_MARK) :])
        except InvalidToken:
            return False
        return True

    def open(self, kept: bytes) -> bytes:
        """
        The payload again, encrypted or not.

        :raises ConfigurationError: it is encrypted by none of the keys, or was changed since.
        """
        if kept.startswith(_PLAIN):
            return kept[len(_PLAIN) :]
        if not is_encrypted(kept):
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


def is_encrypted(kept: bytes) -> bool:
    """Whether ``kept`` has the form of what a key made, whichever."""
    return kept.startswith(_MARK) and _TOKEN.fullmatch(kept, len(_MARK)) is not None


_UNSEALED = Sealer()


def _sealer(dialect: Dialect) -> Sealer:
    """The engine's own; ``connect`` puts it there."""
    sealer: Sealer = getattr(dialect, "payload_sealer", _UNSEALED)
    return sealer


def _as_plain(value: str) -> str:
    return _PLAIN.decode() + json.dumps(value)


def _opened(kept: str, dialect: Dialect, parse: Callable[[bytes], Any]) -> Any:
    """The value of a text that a column keeps; ``parse`` makes it of what was encrypted."""
    known = kept.encode()
    if known.startswith(_PLAIN):
        try:
            return json.loads(known[len(_PLAIN) :])
        except ValueError:
            return kept  # a release before marked nothing that it did not encrypt
    return parse(_sealer(dialect).open(known)) if is_encrypted(known) else kept


class SealedJson(TypeDecorator[Any]):
    """JSON that is a text of ciphertext when a key is set; ``null()`` is SQL's NULL, as of JSON."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        sealer = _sealer(dialect)
        if value is None or isinstance(value, Null):
            return value
        if sealer.encrypts:
            return sealer.seal(json.dumps(value).encode()).decode()
        return _as_plain(value) if isinstance(value, str) and value.startswith(_MARK.decode()) else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return _opened(value, dialect, json.loads) if isinstance(value, str) else value


class SealedText(TypeDecorator[str]):
    """Text that is ciphertext when a key is set; PostgreSQL takes no NUL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        text, sealer = value.replace("\0", "\N{REPLACEMENT CHARACTER}"), _sealer(dialect)
        if sealer.encrypts:
            return sealer.seal(text.encode()).decode()
        return _as_plain(text) if text.startswith(_MARK.decode()) else text

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        text: str = _opened(value, dialect, bytes.decode)
        return text
