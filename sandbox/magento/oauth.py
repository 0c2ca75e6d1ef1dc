"""
Who calls: an integration that signs each request by OAuth 1.0a, or shows its access token alone where that is allowed.

Source: sources.md Magento; RFC 5849. The signature is checked by oauthlib, which no client of ours uses.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from fastapi import Request as HttpRequest
from oauthlib.common import Request
from oauthlib.oauth1.rfc5849 import signature

from sandbox.magento.errors import InputRefused, MagentoRefusal, NotAuthorized, OAuthRefused

if TYPE_CHECKING:
    from sandbox.magento.models import Integration, Shop
    from sandbox.magento.settings import Settings

__all__ = ["KEY_LENGTH", "authorize"]

KEY_LENGTH = 32
_CLOCK_DEVIATION_SECONDS = 600
_REQUIRED = (
    "oauth_consumer_key",
    "oauth_signature",
    "oauth_signature_method",
    "oauth_nonce",
    "oauth_timestamp",
    "oauth_token",
)
_CHECKS = {
    "HMAC-SHA256": signature.verify_hmac_sha256,
    "HMAC-SHA1": signature.verify_hmac_sha1,
}


@dataclass(frozen=True)
class _Signed:
    """A signed request in the pieces that are checked."""

    header: str
    uri: str
    method: str
    given: dict[str, str]


def authorize(shop: Shop, request: HttpRequest, resource: str, settings: Settings) -> None:
    """
    Let the request pass when its integration may read ``resource``.

    :raises MagentoRefusal: keys, signature, nonce or time are wrong, or the right is missing.
    """
    header = request.headers.get("Authorization", "")
    scheme, _, rest = header.partition(" ")
    caller: Integration | None = None
    match scheme.lower():
        case "oauth":
            given = _parts(rest)
            caller = _check(shop, _Signed(header, str(request.url), request.method, given), settings)
        case "bearer" if settings.bearer_tokens:
            caller = shop.integration_of_token(rest.strip())
    # a token alone where that is off is as good as none
    if caller is None or not caller.may_read(resource):
        raise NotAuthorized(resource)


def _parts(text: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in text.split(","))
    return {name: unquote(value.strip('"')) for name, _, value in pairs if name != "realm"}


def _check(shop: Shop, signed: _Signed, settings: Settings) -> Integration:
    given = signed.given
    if given.get("oauth_version", "1.0") != "1.0":
        raise InputRefused('The "%1" Oauth version isn\'t supported.', [given["oauth_version"]])
    missing = [name for name in _REQUIRED if not given.get(name)]
    if missing:
        raise InputRefused('"%fieldName" is required. Enter and try again.', {"fieldName": missing[0]})
    if len(given["oauth_token"]) != KEY_LENGTH:
        raise InputRefused("The token length is invalid. Check the length and try again.")
    if given["oauth_signature_method"] not in settings.signature_methods:
        raise InputRefused("Signature method %1 is not supported", [given["oauth_signature_method"]])
    integration = _consumer(shop, given["oauth_consumer_key"])
    _check_nonce(shop, integration, given)
    if (refusal := _wrong_token(integration, given["oauth_token"])) is not None:
        raise refusal
    if not _CHECKS[given["oauth_signature_method"]](
        _as_oauthlib(signed), integration.consumer_secret, integration.access_token_secret
    ):
        raise OAuthRefused("The signature is invalid. Verify and try again.")
    return integration


def _as_oauthlib(signed: _Signed) -> Request:
    """The request as oauthlib wants it: the parameters of query and header, and the signature to compare."""
    request = Request(signed.uri, signed.method, headers={"Authorization": signed.header})
    request.params = signature.collect_parameters(uri_query=request.uri_query, headers=request.headers)
    request.signature = signed.given["oauth_signature"]
    return request


def _consumer(shop: Shop, key: str) -> Integration:
    if len(key) != KEY_LENGTH:
        raise OAuthRefused("Consumer key is not the correct length")
    integration = shop.integration_of_consumer(key)
    if integration is None:
        raise OAuthRefused("A consumer having the specified key does not exist")
    return integration


def _check_nonce(shop: Shop, integration: Integration, given: dict[str, str]) -> None:
    stamp = given["oauth_timestamp"]
    # real time, as tokens and limits of all systems here
    if not stamp.isdigit() or not 0 < int(stamp) <= time.time() + _CLOCK_DEVIATION_SECONDS:
        raise OAuthRefused("The timestamp value in the oauth_timestamp parameter is invalid")
    if not shop.use_nonce(integration, given["oauth_nonce"]):
        raise OAuthRefused("The nonce is already being used by the consumer with ID %1", [integration.id])


def _wrong_token(integration: Integration, token: str) -> MagentoRefusal | None:
    if token != integration.access_token:
        return OAuthRefused("Specified token does not exist")
    if not integration.active:
        return OAuthRefused("Access token has been revoked")
    return None
