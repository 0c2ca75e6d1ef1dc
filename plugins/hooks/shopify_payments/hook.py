"""
Shopify Payments through the connection of its shop.

Source: sources.md Shopify §4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import ClassVar

from hooks.shopify.api import ShopifyApi
from hooks.shopify.hook import ShopifyHook
from hooks.shopify_payments.sources import SOURCES, balance
from ledgerbridge.entities import Source

__all__ = ["ShopifyPaymentsHook"]


class ShopifyPaymentsHook(ShopifyHook):
    """
    Read the Shopify Payments account of one shop.

    Connection: the shop's own (``ShopifyHook``), whose app has the scope ``read_shopify_payments`` too.

    .. code-block:: python

        hook = ShopifyPaymentsHook("shopify_us")
        for page in hook.entity("payout").read(Window(since=yesterday)):
            ...
    """

    system: ClassVar[str] = "shopify_payments"
    entities: ClassVar[Mapping[str, Callable[[ShopifyApi], Source]]] = SOURCES

    def balance(self) -> dict[str, Decimal]:
        """
        What it holds for the shop, by currency code.

        :raises TransientError, ConfigurationError: as ``ShopifyHook.graphql``; ConfigurationError also when the shop
            has no Shopify Payments.
        """
        return balance(self)
