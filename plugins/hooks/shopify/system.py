"""Shopify, a shop: all that is to be known of it (docs/reference/shopify.md)."""

from __future__ import annotations

from ledgerbridge.systems import ConnectionForm, System, addresses, subscribed, text, webhook_secrets

__all__ = ["SYSTEM"]

_HOOK = "hooks.shopify.hook:ShopifyHook"

SYSTEM = System(
    name="shopify",
    hook=_HOOK,
    entities="hooks.shopify.entities:ENTITIES",
    webhooks="hooks.shopify.webhooks:ShopifyWebhooks",
    forms=(
        ConnectionForm(
            type="shopify",
            title="Shopify",
            hook=_HOOK,
            hidden=("port", "schema"),
            labels={"host": "Shop", "login": "Client id", "password": "Client secret or static token"},
            examples={"host": "your-shop.myshopify.com"},
            extra={
                "shop": text("myshopify name", "Only where the host is another address."),
                "api_version": text("API version", "Default 2026-10."),
                "access": text(
                    "Access", "How tokens are got.", enum=["client_credentials", "static_token", "refresh_token"]
                ),
                "refresh_token": text("Refresh token", "The first one; renewed from then on.", format="password"),
                **subscribed(),
                **webhook_secrets("The client secret, where the password is a static token."),
                **addresses("order https://admin.shopify.com/store/your-shop/orders/{id}"),
            },
        ),
    ),
)
