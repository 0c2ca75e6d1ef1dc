"""
The Magento hook: orders, invoices and credit memos over REST, Magento Open Source and Adobe Commerce alike.

Source: sources.md Magento.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from airflow.sdk import Connection
from requests import Response
from requests.auth import AuthBase

from hooks.magento.auth import BearerAuth, SignedAuth
from hooks.magento.sources import INTERNAL_ERROR, SOURCES
from hooks.wire.untrusted import parse_json
from hooks.wire.web_api import WebApiHook, address, retry_after_seconds
from ledgerbridge.entities import Source
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError, TransientError

__all__ = ["MagentoHook"]


class MagentoHook(WebApiHook):
    """
    Read a Magento shop as an integration.

    Connection (type ``magento``): host (``https://shop.example.com``), login and password = the integration's
    consumer key and secret, extra ``{"access_token": …, "access_token_secret": …, "store": "all",
    "signature_method": "HMAC-SHA256"}``. Without a login, password = an access token sent as it is, which a shop must
    have been told to allow.

    .. code-block:: python

        hook = MagentoHook("magento_shop")
        for page in hook.entity("order").read(Window(since=yesterday)):
            ...
    """

    conn_name_attr = "magento_conn_id"
    default_conn_name = "magento_default"
    conn_type = "magento"
    hook_name = "Magento"
    incomplete_code: ClassVar[str] = "LB-MAGENTO-001"
    unreachable_code: ClassVar[str] = "LB-MAGENTO-004"

    def __init__(self, magento_conn_id: str = default_conn_name) -> None:
        super().__init__(method="GET", http_conn_id=magento_conn_id)

    @property
    def store(self) -> str:
        """The store code asked, ``all`` for every store view; it is part of the record keys' scope."""
        return self.setting("store", "all")

    @property
    def scope(self) -> str:
        """The scope of the record keys: the shop's host and, unless all are read, the store."""
        _ = self.session
        host = re.sub(r"^\w+://", "", self.base_url).rstrip("/")
        return host if self.store == "all" else f"{host}/{self.store}"

    def entity(self, name: str) -> Source:
        """
        The source ``order``, ``invoice`` or ``credit_memo``.

        :raises ConfigurationError: there is no such entity.
        """
        if name not in SOURCES:
            raise ConfigurationError(
                "LB-MAGENTO-008",
                f"there is no entity `magento.{name}`",
                remedy=f"Use one of {', '.join(sorted(SOURCES))}.",
            )
        return SOURCES[name](self)

    @cached_property
    def store_id(self) -> int | None:
        """
        The number of the store view asked, None for all: lists hold every store's documents whatever the path names.

        :raises ConfigurationError: the shop has no such store view.
        """
        if self.store == "all":
            return None
        views = {view["code"]: int(view["id"]) for view in self.content(self._answer("store/storeViews", {}))}
        if self.store not in views:
            raise ConfigurationError(
                "LB-MAGENTO-001",
                f"the shop has no store view `{self.store}`, it has {', '.join(sorted(views))}",
                remedy="Correct `store` in the connection's extra.",
            )
        return views[self.store]

    def clock(self) -> datetime:
        """The shop's own time now, aware UTC."""
        return self.date(self._answer("store/storeViews", {}))

    def fetch(self, path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """
        GET one resource below ``/rest/{store}/V1``; decimal numbers as strings.

        :raises TransientError: 429, 5xx, or no answer.
        :raises ConfigurationError: keys, rights or the request are wrong.
        """
        content: dict[str, Any] = self.content(self._answer(path, parameters))
        return content

    def test_connection(self) -> tuple[bool, str]:
        """Whether the integration may read all that the flows need; the second part names what is missing."""
        try:
            self.clock()
            for source in SOURCES.values():
                self.fetch(source.path, {"searchCriteria[pageSize]": 1})
        except (ConfigurationError, TransientError) as error:
            return False, str(error)
        return True, f"Shop {self.scope}."

    def _answer(self, path: str, parameters: Mapping[str, Any]) -> Response:
        response = self.exchange("GET", f"/rest/{self.store}/V1/{path}", params=dict(parameters))
        if response.status_code != 200:
            raise self._error(response)
        return response

    def _extract_auth(self, connection: Connection) -> AuthBase:
        if not connection.password:
            raise ConfigurationError(
                self.incomplete_code,
                f"connection {self.http_conn_id!r} has no password",
                remedy="Put the integration's consumer secret, or an access token alone, into the password.",
            )
        if not connection.login:
            return BearerAuth(connection.password)
        return SignedAuth(
            connection.login,
            connection.password,
            self.setting("access_token"),
            self.setting("access_token_secret"),
            self._signature_method(),
        )

    def _signature_method(self) -> str:
        method = self.setting("signature_method", "HMAC-SHA256")
        if method not in SignedAuth.SIGNATURE_METHODS:
            raise ConfigurationError(
                self.incomplete_code,
                f"connection {self.http_conn_id!r} has the signature_method {method!r}",
                remedy=f"Use one of {', '.join(SignedAuth.SIGNATURE_METHODS)}.",
            )
        return method

    def _error(self, response: Response) -> LedgerbridgeError:
        status = response.status_code
        found = f"{address(response.url)} answered {status}: {_message(response)}"
        if status == 500:
            return TransientError(INTERNAL_ERROR, found, remedy="Repeat later; if it stays so, see the shop's own log.")
        if status == 429 or status > 500:
            return TransientError(
                "LB-MAGENTO-005",
                found,
                remedy="Repeat later; a 503 is often Magento's maintenance mode.",
                retry_after_seconds=retry_after_seconds(response),
            )
        code, remedy = _FINAL.get(status, ("LB-MAGENTO-007", "Report it with the message."))
        return ConfigurationError(code, found, remedy=remedy)


# A missing right shows as 401 too, with the resource in the message.
_RIGHTS = "Check the four keys, and that the integration is active and may read what the message names."
_FINAL = {
    400: (
        "LB-MAGENTO-007",
        "Of an old shop that takes no such signature, set `signature_method` of the connection to HMAC-SHA1; "
        "anything else report with the message.",
    ),
    401: ("LB-MAGENTO-002", _RIGHTS),
    403: ("LB-MAGENTO-002", _RIGHTS),
    404: ("LB-MAGENTO-001", "Check the host and the store code of the connection."),
}


def _message(response: Response) -> str:
    """Magento's message with its placeholders filled: ``%1`` by a list, ``%name`` by names."""
    try:
        content = parse_json(response.content)
        text, parameters = str(content["message"]), content.get("parameters") or {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return response.reason or "no reason given"
    named = dict(enumerate(parameters, start=1)) if isinstance(parameters, list) else parameters
    filled = {str(name): str(value) for name, value in named.items()}
    return re.sub(r"%(\w+)", lambda placeholder: filled.get(placeholder[1], placeholder[0]), text)
