"""
What goes wrong on Shopify's wire, translated into what should be done about it.

Source: sources.md Shopify §2 (throttling), §5 (errors).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from requests import Response

from hooks.wire.web_api import retry_after_seconds
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError, TransientError

__all__ = ["QueryTooDear", "error_of_answer", "error_of_status", "throttled_seconds"]

_REPORT = ("LB-SHOPIFY-007", "Report it with the request id.")
_SCOPE = ("LB-SHOPIFY-003", "Give the app the scope, or the protected customer data, it lacks and install it again.")
_LATER = "Repeat later; see shopifystatus.com."

_BY_STATUS = {
    401: ("LB-SHOPIFY-002", "Put a valid token, or client id and secret of the installed app, into the connection."),
    402: ("LB-SHOPIFY-010", "The shop is frozen for an unpaid bill: its owner must pay it."),
    403: _SCOPE,
    404: ("LB-SHOPIFY-001", "Check the shop's name and `api_version` in the connection."),
    423: ("LB-SHOPIFY-010", "The shop is locked: its owner must ask Shopify's support."),
    430: ("LB-SHOPIFY-010", "Shopify takes the requests for an attack: check what else calls from this address."),
}
_BY_CODE = {
    "ACCESS_DENIED": _SCOPE,
    "SHOP_INACTIVE": ("LB-SHOPIFY-010", "The shop is closed or frozen: its owner must open it."),
}


class QueryTooDear(ConfigurationError):
    """
    One query asks for more points than any may (MAX_COST_EXCEEDED); who pages asks for fewer objects.

    :param cost: what it would have cost.
    :param allowed: the most a query may cost.
    """

    def __init__(self, cost: int, allowed: int) -> None:
        super().__init__(
            "LB-SHOPIFY-009",
            f"a query costs {cost} points, {allowed} are allowed, and its page can't be smaller",
            remedy="Report it: the hook's nested pages are too large for this API version.",
        )
        self.cost = cost
        self.allowed = allowed


def error_of_status(response: Response) -> LedgerbridgeError:
    """The error that an HTTP status other than 200 and 429 means."""
    request = response.headers.get("X-Request-Id")
    found = f"{response.url} answered {response.status_code} {response.reason}" + (
        f" (request {request})" * bool(request)
    )
    if response.is_redirect:
        return ConfigurationError("LB-SHOPIFY-001", found, remedy="Set the host to the shop's myshopify.com name.")
    if response.status_code >= 500:
        wait = retry_after_seconds(response)
        return TransientError("LB-SHOPIFY-005", found, remedy=_LATER, retry_after_seconds=wait)
    code, remedy = _BY_STATUS.get(response.status_code, _REPORT)
    return ConfigurationError(code, found, remedy=remedy)


def error_of_answer(answer: Mapping[str, Any], shop: str) -> LedgerbridgeError | None:
    """The first error in an answer's ``errors``; partial data beside it isn't used: a null there is no fact."""
    for error in answer.get("errors", ()):
        extensions = error.get("extensions", {})
        kind = extensions.get("code")
        if kind == "MAX_COST_EXCEEDED":
            return QueryTooDear(int(extensions["cost"]), int(extensions["maxCost"]))
        where = ".".join(str(step) for step in error.get("path") or ())
        found = " ".join(filter(None, [f"shop {shop} refuses", where, f"({kind or 'no code'}): {error['message']}"]))
        if kind == "INTERNAL_SERVER_ERROR":
            return TransientError("LB-SHOPIFY-005", found, remedy=_LATER)
        code, remedy = _BY_CODE.get(kind, _REPORT)
        return ConfigurationError(code, found, remedy=remedy)
    return None


def throttled_seconds(response: Response, answer: Mapping[str, Any]) -> float | None:
    """
    How long to wait before the same query fits into the shop's bucket, None if it was not throttled.

    Throttling comes with status 200 or 429; the bucket's state tells the wait, ``Retry-After`` where there is none.
    """
    codes = {error.get("extensions", {}).get("code") for error in _errors(answer)}
    if response.status_code != 429 and "THROTTLED" not in codes:
        return None
    cost = answer.get("extensions", {}).get("cost", {})
    status = cost.get("throttleStatus")
    if not status:
        return retry_after_seconds(response) or 1.0
    lacking = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
    return max(lacking, 1.0) / float(status["restoreRate"])


def _errors(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    # a refusal before GraphQL has a plain text under `errors`
    errors = answer.get("errors", [])
    return errors if isinstance(errors, list) else []
