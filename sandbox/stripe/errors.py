"""
What the simulated Stripe answers when it refuses: Stripe's error objects with its types and codes.

Source: sources.md Stripe §1 (errors, limits, idempotency).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fastapi.responses import JSONResponse, Response

from sandbox.faults import Fault, NoSuchFault, answer_in

__all__ = [
    "EventRefused",
    "IdempotencyMismatch",
    "InvalidKey",
    "InvalidRequest",
    "KeyInUse",
    "MissingPermission",
    "NoSuchObject",
    "RateLimited",
    "StripeFailure",
    "StripeRefusal",
    "refuse_on_demand",
]


class EventRefused(ValueError):
    """An admin call contradicts what the account holds; HTTP 409 with the sentence."""


class StripeRefusal(Exception):
    """An error object with its HTTP status and headers."""

    status = 400
    type = "invalid_request_error"
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status or self.status
        self.body: dict[str, Any] = {"error": {"type": self.type, "message": message}}
        if code:
            page = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
            self.body["error"] |= {"code": code, "doc_url": page}
        if param:
            self.body["error"]["param"] = param


class StripeFailure(StripeRefusal):
    """Stripe's own fault; whether anything was done is unknown."""

    status = 500
    type = "api_error"

    def __init__(self) -> None:
        super().__init__("An unknown error occurred.")


class InvalidRequest(StripeRefusal):
    """A parameter is unknown, missing or wrong."""


class NoSuchObject(StripeRefusal):
    """There is no object of that id."""

    status = 404

    def __init__(self, kind: str, identity: str, param: str = "id") -> None:
        super().__init__(f"No such {kind}: '{identity}'", code="resource_missing", param=param)


class InvalidKey(StripeRefusal):
    """No API key, or one of nobody."""

    status = 401
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="Stripe"'})

    def __init__(self, key: str) -> None:
        masked = f"{key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:]}"
        super().__init__(
            f"Invalid API Key provided: {masked}" if key else "You did not provide an API key. Use Basic or Bearer."
        )


class MissingPermission(StripeRefusal):
    """A restricted key without the right this endpoint needs."""

    status = 403

    def __init__(self, permission: str) -> None:
        super().__init__(f"The provided key does not have the required permissions for this endpoint ({permission}).")


class RateLimited(StripeRefusal):
    """More requests in a second than the account may send."""

    status = 429

    def __init__(self, reason: str) -> None:
        super().__init__("Request rate limit exceeded.", code="rate_limit")
        self.headers = {"Stripe-Should-Retry": "true", "Stripe-Rate-Limited-Reason": reason}


class IdempotencyMismatch(StripeRefusal):
    """An idempotency key came again with other parameters."""

    type = "idempotency_error"

    def __init__(self, key: str) -> None:
        super().__init__(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
            f"using a key other than '{key}' if you meant to execute a different request."
        )


class KeyInUse(StripeRefusal):
    """The first request of an idempotency key isn't answered yet."""

    status = 409
    type = "idempotency_error"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"There is currently another in-progress request using this Idempotent Key '{key}'.",
            code="idempotency_key_in_use",
        )
        self.headers = {"Stripe-Should-Retry": "true"}


def refuse_on_demand(fault: Fault) -> Response:
    """
    The answer of a fault that is one.

    :raises NoSuchFault: Stripe has no such answer.
    """
    match fault.kind:
        case "status":
            return answer_in(fault, StripeFailure().body)
        case "throttled":
            refusal: StripeRefusal = RateLimited("global-rate")
        case "expired_token":
            refusal = InvalidKey("sk_test_expired0000")
        case "concurrent":
            refusal = KeyInUse("of another request")
        case kind:
            raise NoSuchFault(f"Stripe has no answer of kind {kind}.")
    return JSONResponse(refusal.body, refusal.status, dict(refusal.headers))
