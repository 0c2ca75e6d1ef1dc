"""
The Shopify hook: GraphQL Admin API only, paced by the shop's own throttle status.

Source: sources.md Shopify; Admin API 2026-10.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow.sdk import Connection
from requests import Response

from hooks.shopify.access import TOKEN_CODES, Access, ShopApp, access_of
from hooks.shopify.api import Answer, ShopifyApi
from hooks.shopify.entities import ENTITIES
from hooks.shopify.errors import error_of_answer, error_of_status, throttled_seconds
from hooks.shopify.queries import CLOCK, INSTALLATION
from hooks.shopify.subscriptions import missing_topics
from hooks.state_database import state_engine
from hooks.wire.oauth_tokens import AccessTokens
from hooks.wire.web_api import WebApiHook
from ledgerbridge.entities import Source
from ledgerbridge.errors import ConfigurationError, TransientError
from ledgerbridge.state.tokens import TokenStore

__all__ = ["ShopifyHook"]

_NEEDED_SCOPES = ("read_orders", "read_customers", "read_products")
_ALL_ORDERS = "read_all_orders"
_VISIBLE_WITHOUT_ALL_ORDERS = timedelta(days=60)
# A full bucket refills within 20 s on any plan (sources.md Shopify §2): who is throttled longer shares it with others.
_LONGEST_WAIT_SECONDS = 30.0
_WAITS = 5


class ShopifyHook(WebApiHook):
    """
    Read one shop.

    Connection (type ``shopify``): host (``us-harbor.myshopify.com``, or a base URL), login and password = client id
    and secret of the app, or password alone = static token; extra ``{"access": "client_credentials" |
    "static_token" | "refresh_token", "refresh_token": "…", "api_version": "2026-10", "shop": "….myshopify.com" where
    the host is another, "webhooks": "https://…"}``. A rotating token lies encrypted in the state database, shared by
    all processes.

    .. code-block:: python

        hook = ShopifyHook("shopify_us")
        for page in hook.entity("order").read(Window(since=yesterday)):
            ...

    :param sleep: waits the given seconds; the shop's throttle decides how many.
    """

    conn_name_attr = "shopify_conn_id"
    default_conn_name = "shopify_default"
    conn_type = "shopify"
    hook_name = "Shopify"
    system: ClassVar[str] = "shopify"
    entities: ClassVar[Mapping[str, Callable[[ShopifyApi], Source]]] = ENTITIES
    incomplete_code: ClassVar[str] = "LB-SHOPIFY-001"
    unreachable_code: ClassVar[str] = "LB-SHOPIFY-004"

    def __init__(
        self, shopify_conn_id: str = default_conn_name, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__(method="POST", http_conn_id=shopify_conn_id)
        self.sleep = sleep
        self._token: str | None = None
        self._served_version: str | None = None

    @cached_property
    def shop(self) -> str:
        """
        The shop's myshopify.com name, the scope of its record keys.

        :raises ConfigurationError: the connection names no such shop.
        """
        host = self.connection.host or ""
        name = self.connection.extra_dejson.get("shop") or urlsplit(host if "//" in host else f"//{host}").hostname
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*\.myshopify\.com", name or ""):
            raise ConfigurationError(
                "LB-SHOPIFY-001",
                f"connection {self.http_conn_id!r} names the shop {name!r}, expected `….myshopify.com`",
                remedy="Set the host, or `shop` in the extra, to the shop's myshopify.com name, not its own domain.",
            )
        return str(name)

    @property
    def api_version(self) -> str:
        """The version asked for, ``YYYY-MM``."""
        return self.setting("api_version", "2026-10")

    def entity(self, name: str) -> Source:
        """
        The source of that name.

        :raises ConfigurationError: there is no such entity.
        """
        if name not in self.entities:
            raise ConfigurationError(
                "LB-SHOPIFY-008",
                f"there is no entity `{self.system}.{name}`",
                remedy=f"Use one of {', '.join(sorted(self.entities))}.",
            )
        return self.entities[name](self)

    def clock(self) -> datetime:
        """The shop's own time now, aware UTC."""
        return self.date(self._post(CLOCK, {}))

    def warnings(self) -> list[tuple[str, str]]:
        """
        That the shop tells the receiver less than it should: it ends what was not taken eight times.

        :raises TransientError, ConfigurationError: as ``graphql``.

        Source: sources.md Shopify §6.
        """
        address = self.webhooks
        if address is None or not (missing := missing_topics(self, address)):
            return []
        told = f"shop {self.shop} does not tell {address} of {', '.join(missing)}: it is read by the schedule alone"
        return [(told, f"`ledgerbridge connect shopify --connection {self.http_conn_id} --webhooks {address}`.")]

    def graphql(self, query: str, variables: Mapping[str, Any]) -> Answer:
        """
        Run one query, waiting while the shop throttles.

        :raises TransientError: throttled for long, internal error, or no answer.
        :raises QueryTooDear: the query may never run; nothing was taken.
        :raises ConfigurationError: token, scope, shop or query is wrong.

        Source: sources.md Shopify §2, §5.
        """
        for _ in range(_WAITS):
            response = self._post(query, variables)
            answer = self.content(response)
            wait_seconds = throttled_seconds(response, answer)
            if wait_seconds is None:
                return self._checked(answer)
            if wait_seconds > _LONGEST_WAIT_SECONDS:
                break
            self.log.info("shop %s throttles, waiting %.1f s", self.shop, wait_seconds)
            self.sleep(wait_seconds)
        raise TransientError(
            "LB-SHOPIFY-006",
            f"shop {self.shop} throttles: its bucket stays empty",
            remedy="Repeat later, or run fewer tasks and other apps' calls on this shop at a time.",
            retry_after_seconds=wait_seconds,
        )

    def scopes(self) -> frozenset[str]:
        """The scopes the shop granted to this app."""
        installation = self.graphql(INSTALLATION, {}).data["currentAppInstallation"]
        return frozenset(scope["handle"] for scope in installation["accessScopes"])

    def warn_of_hidden_orders(self, since: datetime | None, now: datetime) -> None:
        """Log a warning when orders since that time may be invisible for want of ``read_all_orders``."""
        oldest = now - _VISIBLE_WITHOUT_ALL_ORDERS
        if (since is None or since < oldest) and _ALL_ORDERS not in self.scopes():
            self.log.warning(
                "shop %s shows no orders created before %s: the app lacks the scope %s",
                self.shop, oldest.date(), _ALL_ORDERS,
            )  # fmt: skip

    def test_connection(self) -> tuple[bool, str]:
        """Whether the shop answers, in the version asked for, to an app with the scopes the flows need."""
        try:
            data = self.graphql(INSTALLATION, {}).data
        except (ConfigurationError, TransientError) as error:
            return False, str(error)
        granted = {scope["handle"] for scope in data["currentAppInstallation"]["accessScopes"]}
        supported = {version["handle"] for version in data["publicApiVersions"] if version["supported"]}
        missing = [scope for scope in _NEEDED_SCOPES if scope not in granted]
        if missing:
            return False, f"The app lacks the scopes {', '.join(missing)}: add them and install it again."
        if self.api_version not in supported:
            return (
                False,
                f"Version {self.api_version} is no longer supported: use one of {', '.join(sorted(supported))}.",
            )
        note = "" if _ALL_ORDERS in granted else f" Without {_ALL_ORDERS} only the last 60 days of orders are visible."
        return True, f"Shop {self.shop}, {data['shop']['currencyCode']}, {data['shop']['ianaTimezone']}.{note}"

    def _checked(self, answer: Mapping[str, Any]) -> Answer:
        error = error_of_answer(answer, self.shop)
        if error is not None:
            raise error
        cost = answer.get("extensions", {}).get("cost", {})
        return Answer(answer["data"], int(cost.get("requestedQueryCost") or 0))

    def _post(self, query: str, variables: Mapping[str, Any]) -> Response:
        response = self._send(query, variables)
        if response.status_code == 401 and self._access != "static_token":
            self._token = self._fresh_token(refused=self._token)
            response = self._send(query, variables)
        if response.status_code not in (200, 429):
            raise error_of_status(response)
        self._notice_version(response)
        return response

    def _send(self, query: str, variables: Mapping[str, Any]) -> Response:
        if self._token is None:
            self._token = self._fresh_token()
        return self.exchange(
            "POST",
            f"/admin/api/{self.api_version}/graphql.json",
            json={"query": query, "variables": dict(variables)},
            headers={"X-Shopify-Access-Token": self._token},
            allow_redirects=False,  # the token must not follow to another host
        )

    def _fresh_token(self, refused: str | None = None) -> str:
        """A token, another one than Shopify has just refused."""
        if self._access == "static_token":
            return str(self.connection.password)
        if self._access == "refresh_token":
            return self._tokens.current() if refused is None else self._tokens.renew(refused)
        return str(self._app.fetch(None)["access_token"])

    @cached_property
    def _access(self) -> Access:
        _ = self.shop  # no token goes to what is no shop
        return access_of(self.connection)

    @cached_property
    def _app(self) -> ShopApp:
        extra = self.connection.extra_dejson
        return ShopApp(
            shop=self.shop,
            client_id=str(self.connection.login),
            client_secret=str(self.connection.password),
            token_url=self.url_from_endpoint("/admin/oauth/access_token"),
            refresh_token=extra.get("refresh_token") if self._access == "refresh_token" else None,
            session=self.session,
        )

    @cached_property
    def _tokens(self) -> AccessTokens:
        """The rotating token set of this installation, shared with all processes."""
        installation = hashlib.sha256(str(self._app.refresh_token).encode()).hexdigest()[:8]
        key = f"shopify:{self.shop}:{self._app.client_id}:{installation}"
        return AccessTokens(TokenStore(state_engine()), key, self._app, TOKEN_CODES)

    def _extract_auth(self, connection: Connection) -> None:
        """None: the token travels in a header of its own."""

    def _notice_version(self, response: Response) -> None:
        served = response.headers.get("X-Shopify-API-Version")
        if served and served != self.api_version and served != self._served_version:
            self._served_version = served
            self.log.warning(
                "shop %s answers in version %s, asked was %s: set `api_version` of connection %s to a supported one",
                self.shop, served, self.api_version, self.http_conn_id,
            )  # fmt: skip
