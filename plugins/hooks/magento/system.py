"""Magento, a shop: all that is to be known of it (docs/reference/magento.md)."""

from __future__ import annotations

from ledgerbridge.systems import ConnectionForm, System, addresses, text

__all__ = ["SYSTEM"]

_HOOK = "hooks.magento.hook:MagentoHook"

SYSTEM = System(
    name="magento",
    hook=_HOOK,
    entities="hooks.magento.sources:SOURCES",
    forms=(
        ConnectionForm(
            type="magento",
            title="Magento",
            hook=_HOOK,
            hidden=("port", "schema"),
            labels={"host": "Address", "login": "Consumer key", "password": "Consumer secret or token"},
            examples={"host": "https://shop.example.com"},
            extra={
                "access_token": text("Access token", "Of the integration.", format="password"),
                "access_token_secret": text("Access token secret", "Of the integration.", format="password"),
                "store": text("Store view", "Default `all`."),
                "signature_method": text("Signature method", "Default HMAC-SHA256; HMAC-SHA1 for old shops."),
                **addresses("order https://magento.example.com/admin/sales/order/view/order_id/{id}"),
            },
        ),
    ),
)
