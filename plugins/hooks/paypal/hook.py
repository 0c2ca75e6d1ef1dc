"""
The PayPal hook: reads what moved an account's balance, and never computes a fee.

Source: sources.md PayPal; Transaction Search API 1.9.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from airflow.sdk import Connection
from requests import Response

from hooks.paypal.api import TooManyAtOnce
from hooks.paypal.sources import SOURCES
from hooks.wire.untrusted import parse_json
from hooks.wire.web_api import WebApiHook, address, retry_after_seconds
from ledgerbridge.entities import Source
from ledgerbridge.errors import ConfigurationError, TransientError

__all__ = ["PayPalHook"]

_BALANCES = "/v1/reporting/balances"


class PayPalHook(WebApiHook):
    """
    Read a PayPal business account.

    Connection (type ``paypal``): host (``https://api-m.paypal.com``), login and password = client id and secret of a
    REST app that may search transactions, extra ``{"account": "…"}``, the merchant id.

    .. code-block:: python

        hook = PayPalHook("paypal")
        for page in hook.entity("transaction").read(Window(since=yesterday)):
            ...
    """

    conn_name_attr = "paypal_conn_id"
    default_conn_name = "paypal_default"
    conn_type = "paypal"
    hook_name = "PayPal"
    default_host = "https://api-m.paypal.com"
    incomplete_code: ClassVar[str] = "LB-PAYPAL-001"
    unreachable_code: ClassVar[str] = "LB-PAYPAL-004"

    def __init__(self, paypal_conn_id: str = default_conn_name) -> None:
        super().__init__(method="GET", http_conn_id=paypal_conn_id)
        self._token: str | None = None

    @property
    def account(self) -> str:
        """The merchant id, the scope of its record keys."""
        return self.setting("account")

    def entity(self, name: str) -> Source:
        """
        The source ``transaction``.

        :raises ConfigurationError: there is no such entity.
        """
        if name not in SOURCES:
            raise ConfigurationError(
                "LB-PAYPAL-007",
                f"there is no entity `paypal.{name}`",
                remedy=f"Use one of {', '.join(sorted(SOURCES))}.",
            )
        return SOURCES[name](self)

    def clock(self) -> datetime:
        """PayPal's own time now, aware UTC; what it tells of the account is up to three hours older."""
        return self.date(self._answer(_BALANCES, {}))

    def balance(self) -> dict[str, Decimal]:
        """
        What PayPal holds for the account, by currency code, what it withholds included.

        :raises TransientError, ConfigurationError: as ``fetch``.
        """
        held = self.fetch(_BALANCES, {})["balances"]
        return {each["currency"]: Decimal(each["total_balance"]["value"]) for each in held}

    def fetch(self, path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """
        GET one page of a report.

        :raises TransientError: 429, 5xx, or no answer.
        :raises TooManyAtOnce: the days asked for hold more than PayPal gives.
        :raises ConfigurationError: credentials, right or request are wrong, or the report is another account's.
        """
        content: dict[str, Any] = self.content(self._answer(path, parameters))
        found = content.get("account_number") or content.get("account_id")
        if found and found != self.account:
            raise ConfigurationError(
                "LB-PAYPAL-008",
                f"connection {self.http_conn_id!r} is of account {self.account}, PayPal answers for {found}",
                remedy="Put the merchant id into `account` of the connection, or the keys of an app of that account.",
            )
        return content

    def test_connection(self) -> tuple[bool, str]:
        """Whether the app may read all that the flows need; the second part names what is missing."""
        try:
            currencies = ", ".join(sorted(self.balance())) or "none yet"
            for source in SOURCES.values():
                source(self).check()
        except (ConfigurationError, TransientError) as error:
            return False, str(error)
        return True, f"Account {self.account}, currencies {currencies}."

    def _answer(self, path: str, parameters: Mapping[str, Any]) -> Response:
        response = self._send(path, parameters)
        if response.status_code == 401:  # a token lives nine hours, and PayPal may end it sooner
            self._token = None
            response = self._send(path, parameters)
        if response.status_code != 200:
            raise _error(response)
        return response

    def _send(self, path: str, parameters: Mapping[str, Any]) -> Response:
        self._token = self._token or self._fresh_token()
        headers = {"Authorization": f"Bearer {self._token}"}
        # the token must not follow to another host
        return self.exchange("GET", path, params=dict(parameters), headers=headers, allow_redirects=False)

    def _fresh_token(self) -> str:
        connection = self.connection
        if not connection.login or not connection.password:
            raise ConfigurationError(
                self.incomplete_code,
                f"connection {self.http_conn_id!r} has no login or no password",
                remedy="Put the app's client id into the login and its secret into the password.",
            )
        response = self.exchange(
            "POST",
            "/v1/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(connection.login, connection.password),
            allow_redirects=False,
        )
        if response.status_code != 200:
            raise _error(response)
        return str(self.content(response)["access_token"])

    def _extract_auth(self, connection: Connection) -> None:
        """None: the token travels in a header of its own."""


def _error(response: Response) -> ConfigurationError | TransientError:
    status, (name, message) = response.status_code, _told(response)
    debug_id = response.headers.get("Paypal-Debug-Id")
    found = f"{address(response.url)} answered {status}: {message}" + (f" (debug id {debug_id})" if debug_id else "")
    if status == 429 or status >= 500:
        remedy = "Repeat later; see www.paypal-status.com."
        return TransientError("LB-PAYPAL-005", found, remedy=remedy, retry_after_seconds=retry_after_seconds(response))
    if name == "RESULTSET_TOO_LARGE":
        return TooManyAtOnce("LB-PAYPAL-006", found, remedy="Ask for fewer days at once.")
    code, remedy = _FINAL.get(status, ("LB-PAYPAL-006", "Report it with the debug id."))
    return ConfigurationError(code, found, remedy=remedy)


_FINAL = {
    401: (
        "LB-PAYPAL-002",
        "Put client id and secret of a live REST app into login and password; sandbox ones are others.",
    ),
    403: (
        "LB-PAYPAL-003",
        "Give the app the option Transaction Search in PayPal's developer dashboard; one that was used before may take"
        " nine hours to have it.",
    ),
}


def _told(response: Response) -> tuple[str, str]:
    """The name of an error and its message; OAuth has names of its own for both."""
    try:
        told = parse_json(response.content)
        name = str(told.get("name") or told["error"])
        issues = [str(each.get("issue") or each.get("description")) for each in told.get("details") or []]
        return name, ": ".join([name, str(told.get("message") or told.get("error_description")), *issues])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", response.reason or "no reason given"
