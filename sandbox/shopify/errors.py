"""
What the simulated Shopify answers when it refuses, worded and coded as Shopify does.

Source: sources.md Shopify §1, §2, §5.
"""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError

__all__ = [
    "AccessDenied",
    "EventRefused",
    "HttpRefusal",
    "MaxCostExceeded",
    "TokenRefused",
    "Unauthorised",
    "UnknownShop",
]


class EventRefused(ValueError):
    """An admin call contradicts what the shop holds; HTTP 409 with the sentence."""


class HttpRefusal(Exception):
    """A request that never reaches GraphQL: status and JSON body."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class Unauthorised(HttpRefusal):
    """No token, or one that is unknown or over."""

    def __init__(self) -> None:
        super().__init__(
            401, {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}
        )


class UnknownShop(HttpRefusal):
    """No such shop, or no such path in it."""

    def __init__(self) -> None:
        super().__init__(404, {"errors": "Not Found"})


class TokenRefused(HttpRefusal):
    """The token endpoint's refusal, an OAuth error."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(400, {"error": error, "error_description": description})


class AccessDenied(GraphQLError):
    """One field needs a scope the token lacks; the field is null, the rest answers."""

    def __init__(self, field: str, scope: str) -> None:
        super().__init__(
            f"Access denied for {field} field. Required access: `{scope}` access scope.",
            extensions={"code": "ACCESS_DENIED", "requiredAccess": f"`{scope}` access scope."},
        )


class MaxCostExceeded(GraphQLError):
    """A single query asks for more points than any plan allows."""

    def __init__(self, cost: int, max_cost: int) -> None:
        super().__init__(
            f"Query cost is {cost}, which exceeds the single query max cost limit ({max_cost}).",
            extensions={"code": "MAX_COST_EXCEEDED", "cost": cost, "maxCost": max_cost},
        )
