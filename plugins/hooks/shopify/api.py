"""What the sources of Shopify know of the hook they are read through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from requests import Response

__all__ = ["Answer", "ShopifyApi"]


@dataclass(frozen=True)
class Answer:
    """
    What one query gave.

    :param data: the ``data`` member, decimal numbers as strings.
    :param requested_cost: points the query was taken for before it ran, 0 where the shop doesn't tell.
    """

    data: dict[str, Any]
    requested_cost: int


class ShopifyApi(Protocol):
    """One shop; ``ShopifyHook`` is it, and says what each method raises."""

    @property
    def shop(self) -> str:
        """The shop's myshopify.com name, the scope of its record keys."""

    @property
    def log(self) -> Any:
        """Where what was left out is told."""

    @property
    def sleep(self) -> Callable[[float], None]:
        """Waits the given seconds."""

    def clock(self) -> datetime:
        """The shop's own time now, aware UTC."""

    def graphql(self, query: str, variables: Mapping[str, Any]) -> Answer:
        """Run one query."""

    def exchange(self, method: str, path: str, **request: Any) -> Response:
        """Send one request to any address."""

    def warn_of_hidden_orders(self, since: datetime | None, now: datetime) -> None:
        """Tell when orders since that time may be invisible."""
