"""
Time stamps of anchors (RFC 3161): an authority's word that an anchor was there at a time.

They tell what no key of ours can: that nobody, not even who has the key, made the chain later.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ledgerbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["TimeStamps", "kept_answer", "request_for"]

_APART = timedelta(hours=1)
"""How far an anchor's own time may be from the authority's: clocks that differ, an answer that came late."""


def request_for(text: bytes) -> bytes:
    """The request (DER) to be posted as `application/timestamp-query`."""
    from rfc3161_client import TimestampRequestBuilder  # a command that verifies no stamps starts without it

    return TimestampRequestBuilder().data(text).cert_request(cert_request=True).build().as_bytes()


def kept_answer(answer: bytes) -> str:
    """An authority's answer as an anchor keeps it."""
    return base64.b64encode(answer).decode()


class TimeStamps:
    """
    Verifies the time stamps of one authority.

    :param roots: certificates that its own leads to; intermediate ones come with the stamps.
    """

    def __init__(self, roots: list[Certificate]) -> None:
        self._roots = roots

    @classmethod
    def of_file(cls, path: str) -> TimeStamps:
        """
        By the certificates of a PEM file.

        :raises ConfigurationError: it is not there, or has none.
        """
        from cryptography.x509 import load_pem_x509_certificates

        try:
            return cls(load_pem_x509_certificates(Path(path).read_bytes()))
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                "LB-AUD-009",
                f'time stamps can\'t be verified: "{path}" gives no root certificate.',
                remedy="Let [ledgerbridge] timestamp_roots name the PEM file of the authority's roots.",
            ) from error

    def fault(self, text: bytes, kept: str, at: str | None) -> str | None:
        """
        What is wrong with a stamp, if anything.

        :param text: what it is of, :param kept: as ``kept_answer`` gave it.
        :param at: when the text says it was made, ISO 8601.
        """
        from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

        try:
            answer = decode_timestamp_response(base64.b64decode(kept, validate=True))
            VerifierBuilder(roots=list(self._roots)).build().verify_message(answer, text)
        except (VerificationError, ValueError, binascii.Error) as error:
            return str(error)
        if at is not None and abs(answer.tst_info.gen_time - datetime.fromisoformat(at)) > _APART:
            return f"the authority saw it at {answer.tst_info.gen_time:%Y-%m-%d %H:%M} UTC, it says {at}"
        return None
