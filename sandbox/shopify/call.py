"""One request to the Admin API, as its resolvers see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias

from graphql import GraphQLResolveInfo

from sandbox.shopify.errors import AccessDenied
from sandbox.shopify.models import Shop, Shops, Token
from sandbox.store import wire_instant

__all__ = ["Call", "Export", "Info", "call_of"]

Json = dict[str, Any]
Info: TypeAlias = "GraphQLResolveInfo[Call]"
RECENT_DAYS = 60


@dataclass
class Export:
    """Where a bulk operation stands: the root's next page, None after its last."""

    cursor: str | None = None


@dataclass
class Call:
    """
    One request: whose it is, where it looks, and what the answer should warn of.

    :param origin: scheme, host and port the client called.
    :param version: of the API, the one that answers.
    :param export: of a bulk operation: connections give everything, the root one page after another.
    """

    shops: Shops
    shop: Shop
    token: Token
    origin: str
    version: str
    search_lag_seconds: float = 0.0
    export: Export | None = None
    warnings: list[Json] = field(default_factory=list)

    @property
    def oldest_visible(self) -> str | None:
        """When the oldest order was placed that the app may see; None sees all."""
        if "read_all_orders" in self.token.scopes:
            return None
        return wire_instant(self.shops.clock.now() - timedelta(days=RECENT_DAYS))

    def require(self, scope: str, field_name: str) -> None:
        """
        Let the call see a field that needs ``scope``.

        :raises AccessDenied: the token lacks it.
        """
        if scope not in self.token.scopes:
            raise AccessDenied(field_name, scope)


def call_of(info: Info) -> Call:
    """The request a resolver works for."""
    call: Call = info.context
    return call
