"""
Signatures by which the audit proves its author: Ed25519, by a key that is not in the state database.

Whoever can write every table can hash a chain anew; they can't sign it. A signature says what it is of (``purpose``),
so that one of a chain's head is none of a pack.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy.orm import Session

from ledgerbridge.errors import ConfigurationError

__all__ = ["ANCHOR", "BUNDLE", "ENTRY", "HEAD", "PACK", "PublicKeys", "Signer", "new_key", "signed_text", "signer_of"]

ENTRY = "entry"
HEAD = "head"
"""Of the last entry of an append; the others are signed as ``ENTRY``: a chain that was cut between them ends in one."""
ANCHOR = "anchor"
PACK = "pack"
BUNDLE = "bundle"
_HEX = 64
"""Characters of a key, private or public: 32 bytes in hexadecimal."""


def new_key() -> str:
    """A new private key as `[ledgerbridge] signing_key` takes it."""
    return Ed25519PrivateKey.generate().private_bytes_raw().hex()


def signed_text(purpose: str, content: bytes) -> bytes:
    """What is really signed; ``evidence_verify.py`` puts the same together."""
    return f"ledgerbridge {purpose} 1\n".encode() + content


class PublicKeys:
    """
    Keys to verify with; a signature of any of them counts.

    :param keys: each 64 hexadecimal characters.
    :raises ConfigurationError: one is none.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self.known = [key.strip().lower() for key in keys if key.strip()]
        self._keys = [Ed25519PublicKey.from_public_bytes(_bytes(key, "public")) for key in self.known]

    def __bool__(self) -> bool:
        return bool(self._keys)

    def verify(self, purpose: str, content: bytes, signature: str | None) -> bool:
        """Whether one of the keys made this signature."""
        try:
            raw = bytes.fromhex(signature or "")
        except ValueError:
            return False
        return any(_verified(key, raw, signed_text(purpose, content)) for key in self._keys)


class Signer:
    """
    Signs, and verifies what was signed before.

    :param keys: private keys with commas between them: the first signs, all verify; so a key is changed by putting a
        new one before it. Blank: nothing is signed.
    :raises ConfigurationError: one is no key.
    """

    def __init__(self, keys: str = "") -> None:
        private = [
            Ed25519PrivateKey.from_private_bytes(_bytes(key.strip(), "signing"))
            for key in keys.split(",")
            if key.strip()
        ]
        self._key = private[0] if private else None
        self.public = PublicKeys(key.public_key().public_bytes_raw().hex() for key in private)

    def __bool__(self) -> bool:
        return self._key is not None

    def sign(self, purpose: str, content: bytes) -> str | None:
        """The signature, 128 hexadecimal characters; None without a key."""
        return None if self._key is None else self._key.sign(signed_text(purpose, content)).hex()


def signer_of(session: Session) -> Signer:
    """The state database's; ``connect`` puts it there."""
    dialect: Any = session.get_bind().dialect
    signer: Signer = getattr(dialect, "audit_signer", _UNSIGNED)
    return signer


def _bytes(key: str, kind: str) -> bytes:
    try:
        raw = bytes.fromhex(key)
    except ValueError:
        raw = b""
    if len(key) != _HEX or len(raw) * 2 != _HEX:
        # the key itself is in no message: it may be the private one
        raise ConfigurationError(
            "LB-AUD-006",
            f"a {kind} key of {len(key)} characters was found, expected were {_HEX} hexadecimal ones.",
            remedy="Make one by `ledgerbridge audit key --new`, and set [ledgerbridge] signing_key to it.",
        )
    return raw


def _verified(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True


_UNSIGNED = Signer()
