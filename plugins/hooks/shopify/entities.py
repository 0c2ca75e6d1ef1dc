"""Which class reads which entity of Shopify."""

from __future__ import annotations

from collections.abc import Callable

from hooks.shopify.api import ShopifyApi
from hooks.shopify.orders import OrderSource
from ledgerbridge.entities import Source

__all__ = ["ENTITIES"]

ENTITIES: dict[str, Callable[[ShopifyApi], Source]] = {
    "order": OrderSource,
}
