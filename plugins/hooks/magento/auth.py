"""
The two ways an integration proves itself to Magento.

Source: sources.md Magento (OAuth 1.0a signed with HMAC-SHA256, formerly SHA1; bearer tokens where a shop allows them).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, ClassVar

from authlib.integrations.requests_client import OAuth1Auth
from authlib.oauth1.rfc5849.signature import generate_signature_base_string, sign_hmac_sha1
from authlib.oauth1.rfc5849.util import escape
from requests import PreparedRequest
from requests.auth import AuthBase

__all__ = ["BearerAuth", "SignedAuth"]


class BearerAuth(AuthBase):
    """The access token alone."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _signature(client: Any, request: Any) -> str:
    key = f"{escape(client.client_secret)}&{escape(client.token_secret)}"
    signed = hmac.digest(key.encode(), generate_signature_base_string(request).encode(), hashlib.sha256)
    return base64.b64encode(signed).decode()


class SignedAuth(OAuth1Auth):  # type: ignore[misc]  # authlib is untyped
    """
    Every request signed with the integration's consumer and access secrets.

    :param method: one of ``SIGNATURE_METHODS``.
    """

    SIGNATURE_METHODS: ClassVar[dict[str, Any]] = {"HMAC-SHA256": _signature, "HMAC-SHA1": sign_hmac_sha1}

    def __init__(self, consumer_key: str, consumer_secret: str, token: str, token_secret: str, method: str) -> None:
        super().__init__(consumer_key, consumer_secret, token, token_secret, signature_method=method)
