"""
What the simulated Shopify refuses or bends: versions, tokens.

Source: sources.md Shopify §1 (access, versions).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.shopify.errors import TokenRefused, Unauthorised, UnknownShop
from sandbox.shopify.models import Shops, Token

__all__ = ["API_VERSIONS", "TOKEN_LIFETIME_SECONDS", "authenticate", "issue_token", "offline_token", "served_version"]

API_VERSIONS = {"2026-01": True, "2026-04": True, "2026-07": True, "2026-10": True, "2027-01": False, "unstable": False}
"""Handles that answer, and whether they are supported for at least a year."""
TOKEN_LIFETIME_SECONDS = 86_399
OFFLINE_LIFETIME_SECONDS = 3600


def served_version(asked: str) -> str:
    """
    The version that answers: a version that is gone is served by the oldest supported one.

    :raises UnknownShop: the path names no version.
    """
    if asked in API_VERSIONS:
        return asked
    oldest = min(handle for handle, supported in API_VERSIONS.items() if supported)
    if re.fullmatch(r"\d{4}-(01|04|07|10)", asked) and asked < oldest:
        return oldest
    raise UnknownShop


def authenticate(shops: Shops, shop: str, header: str | None) -> Token:
    """
    Who calls with this ``X-Shopify-Access-Token``.

    :raises Unauthorised: nobody.
    """
    token = shops.token(header or "", shop)
    if token is None:
        raise Unauthorised
    return token


def issue_token(shops: Shops, shop: str, form: Mapping[str, Any]) -> dict[str, Any]:
    """
    A token by client credentials (for a day), or by a refresh token (for an hour, with the next refresh token).

    :raises TokenRefused: another grant, or id, secret or refresh token are not right.
    """
    app = shops.app(str(form.get("client_id")))
    if app is None:
        raise TokenRefused("app_not_installed", "Oauth error app_not_installed: the app isn't installed on this shop.")
    if app["client_secret"] != form.get("client_secret"):
        raise TokenRefused("invalid_client", "Oauth error invalid_client: the client secret is wrong.")
    match form.get("grant_type"):
        case "client_credentials":
            token = shops.grant(shop, app["client_id"], TOKEN_LIFETIME_SECONDS)
            return {"access_token": token, "scope": app["scopes"], "expires_in": TOKEN_LIFETIME_SECONDS}
        case "refresh_token":
            if not shops.spend_refresh(str(form.get("refresh_token")), shop, app["client_id"]):
                raise TokenRefused("invalid_grant", "Oauth error invalid_grant: this refresh token is unknown or used.")
            return offline_token(shops, shop, app["client_id"])
        case other:
            raise TokenRefused("unsupported_grant_type", f"grant_type {other!r} is not supported")


def offline_token(shops: Shops, shop: str, client_id: str) -> dict[str, Any]:
    """
    What an app gets when a merchant has installed it: an expiring offline token with its refresh token.

    :raises TokenRefused: there is no such app.
    """
    app = shops.app(client_id)
    if app is None:
        raise TokenRefused("app_not_installed", "Oauth error app_not_installed: the app isn't installed on this shop.")
    return {
        "access_token": shops.grant(shop, client_id, OFFLINE_LIFETIME_SECONDS),
        "scope": app["scopes"],
        "expires_in": OFFLINE_LIFETIME_SECONDS,
        "refresh_token": shops.grant_refresh(shop, client_id),
    }
