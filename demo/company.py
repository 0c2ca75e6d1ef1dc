"""
What a run tells the product about its company: the company file and the Airflow connections.

As a command (containers): writes the company file of the seeded sandbox and prints its connections, in the form that
`airflow connections import` reads.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ledgerbridge.entities import MAIN
from sandbox.orders import harbor_light_supply
from sandbox.places import CREDENTIALS, SERVED, Addresses, system_of, systems_of
from sandbox.player import XERO_LIMITS, Books

__all__ = ["INTERCOMPANY", "connection_environment", "connections", "write_company_file"]

READ_FROM_THE_FILE = ("name", "base_currency", "time_zone", "accounts")
"""The rest of the golden company (items, taxes, shops) is in the systems themselves."""
SHOPIFY_PAYMENTS = "shopify_payments"
"""The gateway of shops that have an account of that name; it is reached by the shop's own connection."""
GATEWAYS: list[dict[str, str]] = [
    {"name": "stripe_payments", "role": "clearing", "checkbook": "STRIPE", "contact": "Stripe"},  # as Magento calls it
    {"name": "stripe", "role": "clearing", "checkbook": "STRIPE", "contact": "Stripe"},
    {"name": "shopify_payments", "role": "shopify_clearing", "checkbook": "SHOPIFY", "contact": "Shopify"},
    {"name": "paypal", "role": "paypal_clearing", "checkbook": "PAYPAL", "contact": "PayPal"},
    {"name": "gift_card", "role": "gift_cards", "checkbook": "GIFTCARD", "told_by": "shop"},
    {"name": "shopify_store_credit", "role": "store_credit", "checkbook": "STORECREDIT", "told_by": "shop"},
    {"name": "cash", "role": "bank", "checkbook": "BANK", "told_by": "people"},
]
"""Whose money the sandboxes know of; what the shop takes by another is due until people say otherwise."""
INTERCOMPANY = {"role": "intercompany", "gp": "000-1250-00", "xero": "630"}
"""What companies owe each other that share a gateway; only they have it."""


def write_company_file(path: Path, company: Mapping[str, Any], shared: Mapping[str, Any] | None = None) -> None:
    """
    The company as the product reads it: whose books, which account has which role, which connection is whose.

    :param path: its name is the company's key, which the names of its connections end in unless it is `main`.
    :param shared: which part of the payment gateway's account is its own; None: all of it.
    """
    key = path.stem
    shops = {shop["shop"]: _connection(f"shopify_{shop['shop']}", key) for shop in _shops_of(company, "shopify")}
    paid_by_shopify = [shops[shop["shop"]] for shop in company["shops"] if shop.get("shopify_payments")]
    found = {
        **{system: [_connection(system, key)] for system in systems_of(company) if system != "shopify"},
        **({"shopify": list(shops.values())} if shops else {}),
        **({SHOPIFY_PAYMENTS: paid_by_shopify} if paid_by_shopify else {}),
    }
    content = {
        **{name: company[name] for name in READ_FROM_THE_FILE},
        **{name: company[name] for name in ("settings", "send_from", "close") if name in company},
        "connections": found,
        "without": [system for system in (*SERVED, SHOPIFY_PAYMENTS) if system not in found],
        "gateways": [
            {**each, "shared": dict(shared)} if shared and each["name"] == "stripe" else each
            for each in GATEWAYS
            if each["name"] not in (SHOPIFY_PAYMENTS, "paypal") or each["name"] in found
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def connection_environment(
    company: Mapping[str, Any],
    addresses: Addresses,
    *,
    ledger_seconds: int | None = None,
    key: str = MAIN,
    books: Books | None = None,
) -> dict[str, str]:
    """
    The connections to the simulated systems, as ``AIRFLOW_CONN_*`` variables.

    :param ledger_seconds: how long a call to GP or Xero may take at most; by default as long as with the real ones.
    :param key, books: as for ``connections``.
    """
    found = connections(company, addresses, key=key, books=books)
    if ledger_seconds is not None:
        found[_connection("gp", key)]["extra"]["timeout_seconds"] = ledger_seconds
        found[_connection("xero", key)]["extra"]["timeout"] = ledger_seconds
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(connection) for name, connection in found.items()}


def connections(
    company: Mapping[str, Any], addresses: Addresses, *, key: str = MAIN, books: Books | None = None
) -> dict[str, dict[str, Any]]:
    """
    The connections to the simulated systems by id.

    :param key: the company's, as in ``write_company_file``.
    :param books: which books are its own, where GP and Xero keep several companies'.
    """
    books = books or Books()
    shopify, stripe, gp, xero = (CREDENTIALS[system] for system in ("shopify", "stripe", "gp", "xero"))
    found: dict[str, dict[str, Any]] = {
        _connection("stripe", key): {
            "conn_type": "stripe",
            "host": addresses.stripe,
            "password": stripe["api_key"],
            "extra": {"account": "acct_1SandboxLedger"},
        },
        _connection("gp", key): {
            "conn_type": "gp_econnect",
            **_host_and_port(addresses.gp),
            "login": gp["login"],
            "password": gp["password"],
            "extra": {"company": books.gp_company or gp["company_id"], "doctypes": {"Changes": "Changes"}},
        },
        _connection("xero", key): {
            "conn_type": "xero",
            "host": addresses.xero,
            "login": xero["client_id"],
            "password": xero["client_secret"],
            "extra": {"identity_url": f"{addresses.xero}/identity", **_tenant(books), **XERO_LIMITS},
        },
    }
    if "magento" in systems_of(company):
        keys = CREDENTIALS["magento"]
        found[_connection("magento", key)] = {
            "conn_type": "magento",
            "host": addresses.magento,
            "login": keys["consumer_key"],
            "password": keys["consumer_secret"],
            "extra": {name: keys[name] for name in ("access_token", "access_token_secret")},
        }
    if "paypal" in systems_of(company):
        keys = CREDENTIALS["paypal"]
        found[_connection("paypal", key)] = {
            "conn_type": "paypal",
            "host": addresses.paypal,
            "login": keys["client_id"],
            "password": keys["client_secret"],
            "extra": {"account": keys["account"]},
        }
    for shop in _shops_of(company, "shopify"):
        domain = f"{shop['shop']}-{_slug(company['name'])}.myshopify.com"
        found[_connection(f"shopify_{shop['shop']}", key)] = {
            "conn_type": "shopify",
            "host": f"{addresses.shopify}/{domain}",
            "login": shopify["client_id"],
            "password": shopify["client_secret"],
            "extra": {"shop": domain, "access": "client_credentials"},
        }
    return found


def _shops_of(company: Mapping[str, Any], system: str) -> list[Mapping[str, Any]]:
    return [shop for shop in company["shops"] if system_of(shop) == system]


def _connection(name: str, key: str) -> str:
    return name if key == MAIN else f"{name}_{key}"


def _tenant(books: Books) -> dict[str, str]:
    """Named where an app reaches several organisations."""
    return {} if books.xero_tenant is None else {"tenant_id": books.xero_tenant}


def _host_and_port(address: str) -> dict[str, Any]:
    schema, _, rest = address.partition("://")
    host, _, port = rest.partition(":")
    return {"schema": schema, "host": host, "port": int(port)}


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def main() -> None:
    """Write the company file named by the first argument, print the connections; addresses from ``SANDBOX_*``."""
    company = harbor_light_supply()
    given = {system: os.environ.get(f"SANDBOX_{system.upper()}") for system in SERVED}
    addresses = Addresses(**{system: address for system, address in given.items() if address})
    write_company_file(Path(sys.argv[1]), company)
    print(json.dumps(connections(company, addresses)))


if __name__ == "__main__":
    main()
