"""Stripe, a payment gateway: all that is to be known of it (docs/reference/stripe.md)."""

from __future__ import annotations

from ledgerbridge.systems import ConnectionForm, System, addresses, subscribed, text, webhook_secrets

__all__ = ["SYSTEM"]

_HOOK = "hooks.stripe.hook:StripeHook"

SYSTEM = System(
    name="stripe",
    hook=_HOOK,
    entities="hooks.stripe.sources:SOURCES",
    webhooks="hooks.stripe.webhooks:StripeWebhooks",
    gateway_books="hooks.stripe.books:StripeBooks",
    forms=(
        ConnectionForm(
            type="stripe",
            title="Stripe",
            hook=_HOOK,
            hidden=("port", "schema", "login"),
            labels={"host": "API address", "password": "Restricted or secret key"},
            examples={"host": "https://api.stripe.com", "password": "rk_live_…"},
            extra={
                "account": text("Account", "acct_…; the scope of its record keys."),
                "api_version": text("API version", "Default 2026-10-28.endive."),
                "manual_payouts_since": text("Manual payouts since", "A day; blank: Stripe makes the payouts."),
                **subscribed(),
                **webhook_secrets("whsec_… of the endpoint that tells us."),
                **addresses("charge https://dashboard.stripe.com/payments/{id}"),
            },
        ),
    ),
)
