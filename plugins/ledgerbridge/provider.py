"""What Airflow learns of Ledgerbridge through its provider entry point: connection types and settings."""

from __future__ import annotations

from typing import Any

__all__ = ["get_provider_info"]


def get_provider_info() -> dict[str, Any]:
    """Connection forms and the `[ledgerbridge]` section, as plain data (sources.md Airflow §2)."""
    return {
        "package-name": "ledgerbridge",
        "name": "Ledgerbridge",
        "description": "Xero, Dynamics GP, Shopify and Stripe for accounting flows.",
        "connection-types": [_XERO, _GP, _GP_WEB_SERVICES, _SHOPIFY, _STRIPE, _MAGENTO],
        "config": {"ledgerbridge": {"description": "Settings of Ledgerbridge.", "options": _OPTIONS}},
    }


def _number(label: str, description: str) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": ["integer", "null"], "minimum": 1}}


def _field(label: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": ["string", "null"], **schema}}


_XERO = {
    "connection-type": "xero",
    "hook-class-name": "hooks.xero.hook.XeroHook",
    "hook-name": "Xero",
    "ui-field-behaviour": {
        "hidden-fields": ["port", "schema"],
        "relabeling": {"host": "API address", "login": "Client id", "password": "Client secret"},
        "placeholders": {"host": "https://api.xero.com"},
    },
    "conn-fields": {
        "tenant_id": _field("Tenant id", "Organisation; empty when the app has just one."),
        "identity_url": _field("Identity address", "Where tokens come from; default https://identity.xero.com."),
        "login_url": _field("Login address", "Where people consent; default https://login.xero.com."),
        "scopes": _field("Scopes", "Separated by blanks; apps made since March 2026 need the granular ones."),
        "grant": _field("Grant", "How tokens are got.", enum=["client_credentials", "refresh_token"]),
        "calls_per_minute": _number("Calls a minute", "Xero allows 60 for an organisation."),
        "calls_per_day": _number("Calls a day", "Xero allows 5,000 for an organisation, 1,000 to starter apps."),
        "calls_at_once": _number("Calls at once", "Xero allows 5."),
    },
}
_GP = {
    "connection-type": "gp_econnect",
    "hook-class-name": "hooks.gp.econnect.hook.GPEConnectHook",
    "hook-name": "Dynamics GP (eConnect)",
    "ui-field-behaviour": {
        "hidden-fields": [],
        "relabeling": {"schema": "http or https", "login": "Windows user", "password": "Password"},
        "placeholders": {"schema": "https", "login": "DOMAIN\\user"},
    },
    "conn-fields": {
        "company": _field("Company database", "SQL database of the company (INTERID), for example TWO."),
        "wsdl_path": _field("WSDL path", "Default /Microsoft/Dynamics/GP/eConnect/mex?wsdl."),
        "data_source": _field("SQL Server", "As the eConnect service sees it; default localhost."),
        "max_parallel": _number("Calls at once", "How many documents are written side by side; default 4."),
        "timeout_seconds": _number("Time-out", "Seconds to wait for an answer."),
    },
}
_GP_WEB_SERVICES = {
    "connection-type": "gp_web_services",
    "hook-class-name": "hooks.gp.web_services.hook.GPWebServicesHook",
    "hook-name": "Dynamics GP (Web Services)",
    "ui-field-behaviour": {
        "hidden-fields": [],
        "relabeling": {"schema": "http or https", "login": "Windows user", "password": "Password"},
        "placeholders": {"port": "48620", "login": "DOMAIN\\user"},
    },
    "conn-fields": {
        "company_id": {
            "label": "Company id",
            "description": "Number of the company (SY01500); -1 is the sample company.",
            "schema": {"type": ["integer", "null"]},
        }
    },
}
_MAGENTO = {
    "connection-type": "magento",
    "hook-class-name": "hooks.magento.hook.MagentoHook",
    "hook-name": "Magento",
    "ui-field-behaviour": {
        "hidden-fields": ["port", "schema"],
        "relabeling": {"host": "Address", "login": "Consumer key", "password": "Consumer secret or token"},
        "placeholders": {"host": "https://shop.example.com"},
    },
    "conn-fields": {
        "access_token": _field("Access token", "Of the integration.", format="password"),
        "access_token_secret": _field("Access token secret", "Of the integration.", format="password"),
        "store": _field("Store view", "Default `all`."),
        "signature_method": _field("Signature method", "Default HMAC-SHA256; HMAC-SHA1 for old shops."),
    },
}
_SHOPIFY = {
    "connection-type": "shopify",
    "hook-class-name": "hooks.shopify.hook.ShopifyHook",
    "hook-name": "Shopify",
    "ui-field-behaviour": {
        "hidden-fields": ["port", "schema"],
        "relabeling": {"host": "Shop", "login": "Client id", "password": "Client secret or static token"},
        "placeholders": {"host": "your-shop.myshopify.com"},
    },
    "conn-fields": {
        "shop": _field("myshopify name", "Only where the host is another address."),
        "api_version": _field("API version", "Default 2026-10."),
        "access": _field("Access", "How tokens are got.", enum=["client_credentials", "static_token", "refresh_token"]),
        "refresh_token": _field("Refresh token", "The first one; renewed from then on.", format="password"),
    },
}
_STRIPE = {
    "connection-type": "stripe",
    "hook-class-name": "hooks.stripe.hook.StripeHook",
    "hook-name": "Stripe",
    "ui-field-behaviour": {
        "hidden-fields": ["port", "schema", "login"],
        "relabeling": {"host": "API address", "password": "Restricted or secret key"},
        "placeholders": {"host": "https://api.stripe.com", "password": "rk_live_…"},
    },
    "conn-fields": {
        "account": _field("Account", "acct_…; the scope of its record keys."),
        "api_version": _field("API version", "Default 2026-10-28.endive."),
    },
}


def _option(description: str, example: str) -> dict[str, Any]:
    return {"description": description, "version_added": "0.1.0", "type": "string", "example": example, "default": ""}


_OPTIONS = {
    "anchors_to": _option(
        "Apprise connection that is sent every anchor of the audit chain, such as a mailbox the database's"
        " administrators can't delete from. Blank: nobody.",
        "audit_mailbox",
    ),
    "anchors_url": _option(
        "Folder where the DAG verify_audit keeps the heads of the audit chain, an object each: let it be where the"
        " database's administrators can't write, with retention. Default: audit_anchors/ under staging_url.",
        "s3://bucket/audit_anchors",
    ),
    "circuit_pause_seconds": _option(
        "How long a system that failed three times in a row is left alone at first; doubles with each failed probe"
        " up to four times as long. Default: 15.",
        "60",
    ),
    "company_file": _option("Whose books these are. Default: include/company.yaml.", "/etc/ledgerbridge/company.yaml"),
    "include_folder": _option(
        "Flows, mappings, expectations, lookups. Default: include/ of the checkout.", "/srv/include"
    ),
    "lookups_folder": _option("Lookup tables. Default: lookups/ of the include folder.", "/srv/lookups"),
    "payload_key": {
        **_option(
            "Fernet keys that encrypt payloads at rest, staged batches and the state database; commas between them,"
            " the first encrypts. Blank: not encrypted.",
            "",
        ),
        "sensitive": True,
    },
    "lease_seconds": _option(
        "How long a worker that gives no sign of life keeps others out of what it has taken. Default: 60.", "30"
    ),
    "settle_seconds": _option(
        "How long after a broken call a target may still end what it had begun, before it is asked; at least as long as"
        " the connection lets a call take. Default: 20.",
        "60",
    ),
    "signing_key": {
        **_option(
            "Ed25519 keys that sign the audit's heads, anchors and evidence packs, 64 hexadecimal characters each;"
            " commas between them, the first signs. Blank: nothing is signed. `ledgerbridge audit key --new` makes one."
            " Let it come from a secrets backend (`signing_key_secret`, `signing_key_cmd`), out of reach of whoever"
            " administers the state database.",
            "",
        ),
        "sensitive": True,
    },
    "staging_url": _option("Where batches are staged: any ObjectStoragePath URL.", "s3://bucket/ledgerbridge"),
    "state_folder": _option(
        "Call budgets, and by default the state database and what is staged: production has those elsewhere (the"
        " connection ledgerbridge_db, staging_url). Default: .state/ beside the DAGs.",
        "/var/lib/ledgerbridge",
    ),
    "timestamp_roots": _option(
        "PEM file with the root certificates of the authority at timestamp_url.", "/etc/ledgerbridge/tsa_roots.pem"
    ),
    "timestamp_url": _option(
        "A time-stamping authority (RFC 3161) that stamps every anchor. Blank: none.", "https://tsa.example.com/tsr"
    ),
}
