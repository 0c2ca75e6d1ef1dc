"""
How an app gets the shop's access token: it has one, it asks for one, or it renews the one it was installed with.

Source: sources.md Shopify §1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from airflow.sdk import Connection
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from requests import Session
from requests.exceptions import RequestException

from hooks.wire.limited_answers import limit_answers
from hooks.wire.oauth_tokens import TokenCodes, token_set
from ledgerbridge.errors import ConfigurationError, TransientError

__all__ = ["TOKEN_CODES", "Access", "ShopApp", "access_of"]

Access = Literal["client_credentials", "static_token", "refresh_token"]
TOKEN_CODES = TokenCodes("Shopify", busy="LB-SHOPIFY-016", no_key="LB-SHOPIFY-017")
_TIMEOUT_SECONDS = 20.0


def access_of(connection: Connection) -> Access:
    """
    Which of the three ways a connection takes.

    :raises ConfigurationError: it names another, or lacks what its way needs.
    """
    access: Access = connection.extra_dejson.get("access") or (
        "client_credentials" if connection.login else "static_token"
    )
    if access not in get_args(Access):
        raise ConfigurationError(
            "LB-SHOPIFY-001",
            f"connection {connection.conn_id!r} has the access {access!r}",
            remedy=f"Set `access` in its extra to one of {', '.join(get_args(Access))}.",
        )
    needed = {"password": connection.password}
    if access != "static_token":
        needed["login"] = connection.login
    if access == "refresh_token":
        needed["refresh_token"] = connection.extra_dejson.get("refresh_token")
    if missing := [name for name, value in needed.items() if not value]:
        raise ConfigurationError(
            "LB-SHOPIFY-001",
            f"connection {connection.conn_id!r} lacks its {' and its '.join(missing)}",
            remedy="Set login and password to the app's client id and secret, or password to its static token; with "
            "`access` = `refresh_token` also `refresh_token` in the extra, as the app got it when it was installed.",
        )
    return access


@dataclass(frozen=True)
class ShopApp:
    """
    The app's side of a shop's token endpoint.

    :param token_url: ``https://{shop}/admin/oauth/access_token``.
    :param refresh_token: the first one, of the installation; None with client credentials.
    :param session: whose proxies and certificates are used.
    """

    shop: str
    client_id: str
    client_secret: str
    token_url: str
    refresh_token: str | None
    session: Session

    @property
    def chained(self) -> bool:
        """Whether each refresh token ends with its use."""
        return self.refresh_token is not None

    def fetch(self, old: Mapping[str, Any] | None) -> dict[str, Any]:
        """
        A new token: by the refresh token that came last, which ends with it, or by client credentials.

        :raises ConfigurationError: the shop refuses; repeating is no use.
        :raises TransientError: the shop can't answer now.
        """
        if self.refresh_token is None:
            return self._ask(grant_type="client_credentials")
        last = (old or {}).get("refresh_token") or self.refresh_token
        return self._ask(grant_type="refresh_token", refresh_token=last)

    def _ask(self, **parameters: str) -> dict[str, Any]:
        client = limit_answers(
            OAuth2Session(self.client_id, self.client_secret, token_endpoint_auth_method="client_secret_post")
        )
        client.verify, client.proxies, client.cert = self.session.verify, self.session.proxies, self.session.cert
        try:
            token = client.fetch_token(
                self.token_url,
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
                **parameters,
            )
            if "access_token" in token:
                return token_set(token)
        except OAuthError as error:
            raise ConfigurationError(
                "LB-SHOPIFY-002",
                f"shop {self.shop} grants no token: {error.error} {error.description or ''}".rstrip(),
                remedy="Check client id and secret, and that the app is installed in this shop of your organisation."
                if self.refresh_token is None
                else "Install the app in the shop again, and put its new refresh token into the connection.",
            ) from error
        except (RequestException, ValueError) as error:  # no JSON, as authlib tells it
            raise TransientError(
                "LB-SHOPIFY-004",
                f"shop {self.shop} gave no token ({type(error).__name__})",
                remedy="Repeat; if it stays so, check the connection's host and the network.",
            ) from error
        raise ConfigurationError(
            "LB-SHOPIFY-002",
            f"shop {self.shop} answered the request for a token without one",
            remedy="Check the connection's host: it must be the shop's myshopify.com name.",
        )
