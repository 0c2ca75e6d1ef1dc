"""Xero, a ledger: all that is to be known of it (docs/reference/xero.md)."""

from __future__ import annotations

from ledgerbridge.systems import ConnectionForm, System, addresses, number, text, webhook_secrets

__all__ = ["SYSTEM"]

_HOOK = "hooks.xero.hook:XeroHook"

SYSTEM = System(
    name="xero",
    hook=_HOOK,
    entities="hooks.xero.entities:ENTITIES",
    webhooks="hooks.xero.webhooks:XeroWebhooks",
    books="hooks.xero.books:XeroBooks",
    effects="hooks.xero.effects:effect_of",
    gateway_fields={"contact": "Xero contact its fees are paid to."},
    calls_per_day=5_000,
    # of the organisation that the user looked at last; of several, connections say which by its short code
    addresses={
        "home": "https://go.xero.com/",
        "invoice": "https://go.xero.com/AccountsReceivable/View.aspx?InvoiceID={id}",
        "contact": "https://go.xero.com/Contacts/View/{id}",
        "manual_journal": "https://go.xero.com/Journal/View.aspx?invoiceID={id}",
    },
    forms=(
        ConnectionForm(
            type="xero",
            title="Xero",
            hook=_HOOK,
            hidden=("port", "schema"),
            labels={"host": "API address", "login": "Client id", "password": "Client secret"},
            examples={"host": "https://api.xero.com"},
            extra={
                "tenant_id": text("Tenant id", "Organisation; empty when the app has just one."),
                "identity_url": text("Identity address", "Where tokens come from; default https://identity.xero.com."),
                "login_url": text("Login address", "Where people consent; default https://login.xero.com."),
                "scopes": text("Scopes", "Separated by blanks; apps made since March 2026 need the granular ones."),
                "grant": text("Grant", "How tokens are got.", enum=["client_credentials", "refresh_token"]),
                **webhook_secrets("The signing key of the app's webhooks."),
                "calls_per_minute": number("Calls a minute", "Xero allows 60 for an organisation.", minimum=1),
                "calls_per_day": number(
                    "Calls a day", "Xero allows 5,000 for an organisation, 1,000 to starter apps.", minimum=1
                ),
                "calls_at_once": number("Calls at once", "Xero allows 5.", minimum=1),
                **addresses("invoice https://go.xero.com/app/!ShortCode/invoicing/view/{id}"),
            },
        ),
    ),
)
