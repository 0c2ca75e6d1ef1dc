"""
The Stripe hook: reads charges, refunds, payouts and balance transactions, never computes a fee.

Source: sources.md Stripe; Stripe API 2026-10-28.endive.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from random import uniform
from typing import Any, ClassVar

from airflow.sdk import Connection
from requests import Response
from requests.auth import HTTPBasicAuth

from hooks.stripe.amounts import major, with_decimals
from hooks.stripe.sources import SOURCES
from hooks.stripe.subscriptions import endpoints
from hooks.wire.untrusted import parse_json
from hooks.wire.web_api import WebApiHook, address, retry_after_seconds
from ledgerbridge.entities import Share, Source
from ledgerbridge.errors import ConfigurationError, TransientError

__all__ = ["StripeHook"]

_LIST_LIMIT = 100
# Limits are per second (sources.md Stripe §1): who is limited for longer than these waits competes with somebody.
_WAITS_SECONDS = (0.5, 1.0, 2.0, 4.0)


class StripeHook(WebApiHook):
    """
    Read a Stripe account.

    Connection (type ``stripe``): host (``https://api.stripe.com``), password = secret or restricted key (with read
    rights on charges, payment intents, refunds, disputes, payouts, balance and its transactions), extra
    ``{"account": "acct_…", "api_version": "…", "manual_payouts_since": "…", "webhooks": "https://…"}``.

    .. code-block:: python

        hook = StripeHook("stripe_us")
        for page in hook.entity("charge").read(Window(since=yesterday)):
            ...

    Amounts in payloads are decimal strings in major units (``"53.77"``), currencies as Stripe writes them
    (``usd``), times Unix seconds.

    Where several companies share the account, ``share`` says which part is one's: every record then has ``ours``, and
    so has every item of a payout.

    :param sleep: waits the given seconds when Stripe limits the requests.
    """

    conn_name_attr = "stripe_conn_id"
    default_conn_name = "stripe_default"
    conn_type = "stripe"
    hook_name = "Stripe"
    default_host = "https://api.stripe.com"
    incomplete_code: ClassVar[str] = "LB-STRIPE-001"
    unreachable_code: ClassVar[str] = "LB-STRIPE-004"

    def __init__(self, stripe_conn_id: str = default_conn_name, *, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(method="GET", http_conn_id=stripe_conn_id)
        self.sleep = sleep
        self.share: Share | None = None
        self._livemode: bool | None = None

    @property
    def account(self) -> str:
        """The account's id, the scope of its record keys."""
        return self.setting("account")

    @property
    def manual_since(self) -> datetime | None:
        """
        From which day on the account's payouts are manual, of which Stripe never says what they are made of; None: they
        are automatic.

        :raises ConfigurationError: ``manual_payouts_since`` is no day.

        Source: sources.md Stripe §2, "Payouts".
        """
        day = self.connection.extra_dejson.get("manual_payouts_since")
        if not day:
            return None
        try:
            return datetime.combine(date.fromisoformat(str(day)), datetime.min.time(), UTC)
        except ValueError as error:
            raise ConfigurationError(
                self.incomplete_code,
                f"connection {self.http_conn_id!r} has {day!r} as `manual_payouts_since`",
                remedy="Give the day after the newest movement that an automatic payout told of, such as 2026-12-01.",
            ) from error

    def entity(self, name: str) -> Source:
        """
        The source ``charge``, ``refund``, ``dispute``, ``payout`` or ``balance_transaction``.

        :raises ConfigurationError: there is no such entity.
        """
        if name not in SOURCES:
            raise ConfigurationError(
                "LB-STRIPE-008",
                f"there is no entity `stripe.{name}`",
                remedy=f"Use one of {', '.join(sorted(SOURCES))}.",
            )
        return SOURCES[name](self)

    def balance(self) -> dict[str, Decimal]:
        """
        What Stripe holds for the account, by currency code in upper case: available + pending.

        :raises TransientError, ConfigurationError: as ``fetch``.

        Source: GET /v1/balance; sources.md Stripe §2, "Books".
        """
        held: dict[str, Decimal] = {}
        answer = self.fetch("/v1/balance")
        self.check_livemode(answer)
        for share in [*answer["available"], *answer["pending"]]:
            currency = share["currency"].upper()
            held[currency] = held.get(currency, Decimal(0)) + Decimal(major(share["amount"], currency))
        return held

    def warnings(self) -> list[tuple[str, str]]:
        """
        That Stripe tells the receiver less than it should: it disables an endpoint that failed for days.

        :raises TransientError, ConfigurationError: as ``fetch``; the key may not read endpoints.

        Source: sources.md Stripe §4.
        """
        address = self.webhooks
        if address is None or any(each.url == address and each.enabled and each.tells_all for each in endpoints(self)):
            return []
        told = f"Stripe does not tell {address} of all that happens in {self.account}: it is read by the schedule alone"
        return [(told, f"`ledgerbridge connect stripe --connection {self.http_conn_id} --webhooks {address}`.")]

    def fetch(self, path: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """
        GET one object or one page of a list, amounts as Stripe sends them (minor units).

        :raises TransientError: 409, 429, 5xx or whatever Stripe asks to repeat.
        :raises ConfigurationError: key, right or request is wrong.
        """
        response = self.answer(path, parameters)
        content: dict[str, Any] = self.content(response)
        return content

    def answer(self, path: str, parameters: Mapping[str, Any] | None = None) -> Response:
        """As ``fetch``, but the whole response, already checked for errors; waits a little where Stripe limits."""
        return self._checked("GET", path, params=dict(parameters or {}))

    def send(self, path: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """
        POST a form: no money, only how Stripe tells us of it is ever written.

        :raises TransientError: as ``fetch``; whether it was done is unknown where no answer came.
        :raises ConfigurationError: as ``fetch``.
        """
        content: dict[str, Any] = self.content(self._checked("POST", path, data=dict(form)))
        return content

    def pages(self, path: str, parameters: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """All pages of a list, newest first, 100 objects each, amounts as decimal strings."""
        query = {**parameters, "limit": _LIST_LIMIT}
        while True:
            page = self.fetch(path, query)
            for item in page["data"]:
                self.check_livemode(item)
            yield [with_decimals(item) for item in page["data"]]
            if not page["has_more"]:
                return
            query["starting_after"] = page["data"][-1]["id"]

    def test_connection(self) -> tuple[bool, str]:
        """Whether the key may read all that the flows need; the second part names what is missing."""
        try:
            for source in SOURCES.values():
                self.fetch(source.path, {"limit": 1, **source.expansion()})
            currencies = ", ".join(sorted(self.balance())) or "none yet"
            return True, f"Account {self.account}, currencies {currencies}."
        except (ConfigurationError, TransientError) as error:
            return False, str(error)

    def check_livemode(self, item: Mapping[str, Any]) -> None:
        """
        Refuse an object of the other mode than the key's, or than the first object's where the key doesn't tell.

        :raises ConfigurationError: test and live objects would mix in the books.
        """
        found = item.get("livemode")
        if found is None:
            return
        if self._livemode is None:
            self._livemode = _mode_of(self.connection.password or "", found)
        if found != self._livemode:
            raise ConfigurationError(
                "LB-STRIPE-009",
                f"{item.get('object')} {item.get('id', '')} is of {_mode_name(found)}, the connection of "
                f"{_mode_name(self._livemode)}",
                remedy=f"Use one connection per mode; check the key and the host of {self.http_conn_id!r}.",
            )

    def _checked(self, method: str, path: str, **request: Any) -> Response:
        for wait_seconds in (*_WAITS_SECONDS, None):
            version = self.setting("api_version", "2026-10-28.endive")
            response = self.exchange(method, path, headers={"Stripe-Version": version}, **request)
            if response.status_code != 429 or wait_seconds is None:
                break
            # apart from each other: tasks limited together must not come again together
            self.sleep(retry_after_seconds(response) or wait_seconds * uniform(1, 1.5))
        if response.status_code >= 400:
            raise self._error(response)
        return response

    def _extract_auth(self, connection: Connection) -> HTTPBasicAuth:
        if not connection.password:
            raise ConfigurationError(
                "LB-STRIPE-001",
                f"connection {self.http_conn_id!r} has no password",
                remedy="Put a restricted key with read rights (rk_…) into the connection's password.",
            )
        return HTTPBasicAuth(connection.password.encode(), b"")

    def _error(self, response: Response) -> ConfigurationError | TransientError:
        status = response.status_code
        found = f"{address(response.url)} answered {status}: {_message(response)}" + _request_id(response)
        if _may_be_repeated(response):
            code, remedy = _TRANSIENT.get(status, ("LB-STRIPE-005", "Repeat later; see status.stripe.com."))
            return TransientError(code, found, remedy=remedy, retry_after_seconds=retry_after_seconds(response))
        code, remedy = _FINAL.get(status, ("LB-STRIPE-007", "Report it with the request id."))
        return ConfigurationError(code, found, remedy=remedy)


_TRANSIENT = {
    409: ("LB-STRIPE-005", "Repeat: another request held the object."),
    429: ("LB-STRIPE-006", "Repeat later, or run fewer tasks on this account at a time."),
}
_FINAL = {
    401: ("LB-STRIPE-002", "Put a valid key into the connection's password."),
    403: ("LB-STRIPE-003", "Give the restricted key the right that the message names."),
}


def _may_be_repeated(response: Response) -> bool:
    advice = response.headers.get("Stripe-Should-Retry")
    if advice in ("true", "false"):
        return advice == "true"
    return response.status_code in (409, 429) or response.status_code >= 500


def _message(response: Response) -> str:
    try:
        error = parse_json(response.content)["error"]
        return str(error.get("message") or error["type"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return response.reason or "no reason given"


def _request_id(response: Response) -> str:
    found = response.headers.get("Request-Id")
    return f" (request {found})" if found else ""


def _mode_of(key: str, otherwise: bool) -> bool:
    if "_live_" in key:
        return True
    return False if "_test_" in key else otherwise


def _mode_name(livemode: bool) -> str:
    return "live mode" if livemode else "test mode"
