"""The simulated shop with its buttons, and our hook on it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
import requests

from hooks.shopify.hook import ShopifyHook
from tests.contract.small_company import COMPANY

DOMAIN = "us-harbor-light-supply.myshopify.com"


class Shop:
    """The simulated shop, with the buttons its customers and its merchant have."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._url = url
        self._monkeypatch = monkeypatch

    def open(self, company: dict[str, Any] = COMPANY) -> None:
        self._send("POST", "seed", {"company": company, "client_id": "client-1", "client_secret": "secret-1"})

    def place(self, order: dict[str, Any]) -> None:
        self._send("POST", "orders", order)

    def act(self, name: str, event: dict[str, Any]) -> None:
        self._send("POST", f"orders/{quote(name, safe='')}/{event['do']}", event)

    def set(self, **settings: Any) -> None:
        self._send("PUT", "settings", settings)

    def fail(self, kind: str, **fault: Any) -> None:
        self._send("POST", "faults", {"kind": kind, **fault})

    def install(self) -> dict[str, Any]:
        """The token answer an app gets when the merchant installs it by authorization code."""
        return self._send("POST", "offline_tokens", {"shop": DOMAIN, "client_id": "client-1"})

    def end_tokens(self) -> None:
        self._send("DELETE", "tokens", {})

    def hook(self, shop: str = "us", **fields: Any) -> ShopifyHook:
        domain = f"{shop}-harbor-light-supply.myshopify.com"
        app = {"login": "client-1", "password": "secret-1"}
        connection = {"conn_type": "shopify", "host": f"{self._url}/{domain}", "extra": {"shop": domain}, **app}
        self._monkeypatch.setenv("AIRFLOW_CONN_SHOPIFY_TEST", json.dumps(connection | fields))
        return ShopifyHook("shopify_test")

    def _send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = requests.request(method, f"{self._url}/_sandbox/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        content: dict[str, Any] = answer.json() if answer.content else {}
        return content
