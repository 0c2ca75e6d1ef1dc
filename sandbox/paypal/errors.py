"""
What the simulated PayPal answers when it refuses, with PayPal's names.

Source: sources.md PayPal §1.
"""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse, Response

from sandbox.faults import Fault, NoSuchFault, answer_in

__all__ = [
    "EventRefused",
    "InvalidRequest",
    "PayPalRefusal",
    "invalid_client",
    "refuse_on_demand",
    "too_many",
    "unauthorized",
]


class EventRefused(ValueError):
    """An admin call contradicts what the account holds; HTTP 409 with the sentence."""


class PayPalRefusal(Exception):
    """An error object with its HTTP status."""

    def __init__(self, status: int, name: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"name": name, "message": message, "debug_id": DEBUG_ID, "links": [], **more}

    def response(self) -> Response:
        """As it goes over the wire."""
        return JSONResponse(self.body, self.status, {"Paypal-Debug-Id": DEBUG_ID})


class InvalidRequest(PayPalRefusal):
    """A parameter is missing or wrong."""

    def __init__(self, issue: str, field: str | None = None) -> None:
        details = [{"issue": issue, "location": "query", **({"field": field} if field else {})}]
        super().__init__(400, "INVALID_REQUEST", issue, details=details)


DEBUG_ID = "90957fca61718"


def invalid_client() -> Response:
    """OAuth's own form of an error."""
    told = {"error": "invalid_client", "error_description": "Client Authentication failed"}
    return JSONResponse(told, 401, {"Paypal-Debug-Id": DEBUG_ID})


def too_many(found: int, allowed: int) -> PayPalRefusal:
    """More lies in the days asked for than one search gives."""
    message = "Result set size is greater than the maximum limit. Change the filter criteria and try again."
    return PayPalRefusal(400, "RESULTSET_TOO_LARGE", message, total_items=found, maximum_items=allowed)


def refuse_on_demand(fault: Fault) -> Response:
    """
    The answer of a fault that is one.

    :raises NoSuchFault: PayPal has no such answer.
    """
    match fault.kind:
        case "status":
            message = "An internal server error occurred."
            return answer_in(fault, PayPalRefusal(fault.status, "INTERNAL_SERVER_ERROR", message).body)
        case "throttled":
            return PayPalRefusal(
                429, "RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."
            ).response()
        case "expired_token":
            return unauthorized().response()
        case kind:
            raise NoSuchFault(f"PayPal has no answer of kind {kind}.")


def unauthorized() -> PayPalRefusal:
    """No token, or one of nobody."""
    message = "Authentication failed due to missing authorization header, or invalid authentication credentials."
    return PayPalRefusal(401, "AUTHENTICATION_FAILURE", message)
