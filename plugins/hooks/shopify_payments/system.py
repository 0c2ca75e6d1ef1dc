"""Shopify Payments, a shop's own payment gateway: all that is to be known of it (docs/reference/shopify.md)."""

from __future__ import annotations

from ledgerbridge.systems import System

__all__ = ["SYSTEM"]

SYSTEM = System(
    name="shopify_payments",
    hook="hooks.shopify_payments.hook:ShopifyPaymentsHook",
    entities="hooks.shopify_payments.sources:SOURCES",
    gateway_books="hooks.shopify_payments.books:ShopifyPaymentsBooks",
    forms=(),  # it is reached by the shop's own connection
)
