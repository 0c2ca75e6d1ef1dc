"""PayPal, a payment gateway: all that is to be known of it (docs/reference/paypal.md)."""

from __future__ import annotations

from ledgerbridge.systems import ConnectionForm, System, addresses, text

__all__ = ["SYSTEM"]

_HOOK = "hooks.paypal.hook:PayPalHook"

SYSTEM = System(
    name="paypal",
    hook=_HOOK,
    entities="hooks.paypal.sources:SOURCES",
    gateway_books="hooks.paypal.books:PayPalBooks",
    forms=(
        ConnectionForm(
            type="paypal",
            title="PayPal",
            hook=_HOOK,
            hidden=("port", "schema"),
            labels={"host": "API address", "login": "Client id", "password": "Secret"},
            examples={"host": "https://api-m.paypal.com"},
            extra={
                "account": text("Account", "Merchant id, 13 characters; the scope of its record keys."),
                **addresses("home https://www.paypal.com/mep/dashboard"),
            },
        ),
    ),
)
