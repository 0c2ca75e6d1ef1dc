"""The simulated Magento with what its customers and its desk do, our hook on it, and signed calls of our own."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from requests_oauthlib import OAuth1

from hooks.magento.hook import MagentoHook
from sandbox.magento.app import create_app
from tests.contract.small_company import COMPANY

__all__ = ["KEYS", "NOON", "Magento", "create_app", "mug"]

Json = dict[str, Any]
KEYS = {
    "consumer_key": "c" * 32,
    "consumer_secret": "consumer-secret-0000000000000000",
    "access_token": "t" * 32,
    "access_token_secret": "token-secret-0000000000000000000",
}
NOON = "2026-03-02T12:00:00Z"
VAT = [{"code": "VAT", "rate": "20"}]


def mug(**fields: Any) -> Json:
    """Two mugs at 7.35 with 20 % tax."""
    return {"sku": "MUG-12", "quantity": 2, "price": "7.35", "taxes": VAT} | fields


class Magento:
    """The running simulator."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
        self.url = url
        self._monkeypatch = monkeypatch
        self._http = requests.Session()

    def press(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"{self.url}/_sandbox/{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def refused(self, path: str, body: Json) -> str:
        """Why the desk can't do that."""
        answer = self._http.post(f"{self.url}/_sandbox/{path}", json=body, timeout=30)
        assert answer.status_code == 409, answer.text
        return str(answer.json()["error"])

    def open(self, *shops: Json) -> None:
        company = COMPANY | {"shops": shops or [{"shop": "us", "currency": "USD"}]}
        self.press("POST", "seed", {"company": company, **KEYS})

    def set(self, **settings: Any) -> None:
        self.press("PUT", "settings", settings)

    def fail(self, kind: str, **fault: Any) -> None:
        self.press("POST", "faults", {"kind": kind, **fault})

    def place(self, *lines: Json, at: str = NOON, store: str = "us", **fields: Any) -> Json:
        order: Json = self.press(
            "POST", "orders", {"store": store, "at": at, "lines": list(lines) or [mug()], **fields}
        )
        return order

    def act(self, number: str, action: str, at: str = NOON, **fields: Any) -> Json:
        document: Json = self.press("POST", f"orders/{number}/{action}", {"at": at, **fields})
        return document

    def touch(self, *numbers: str, at: str) -> None:
        self.press("POST", "orders/touch", {"event": {"at": at}, "orders": numbers})

    def get(
        self, path: str, query: Any = None, *, store: str = "all", method: str = "HMAC-SHA256", **keys: str
    ) -> requests.Response:
        """A signed call."""
        use = KEYS | keys
        auth = OAuth1(
            use["consumer_key"],
            use["consumer_secret"],
            use["access_token"],
            use["access_token_secret"],
            signature_method=method,
        )
        url = f"{self.url}/rest/{store}/V1/{path}"
        return self._http.get(url, params=query, auth=auth, timeout=30)

    def found(self, path: str, *filters: tuple[str, str, str], **criteria: Any) -> Json:
        """A list whose documents meet all filters (field, condition, value)."""
        query = {f"searchCriteria[{name}]": value for name, value in criteria.items()} or {"searchCriteria": ""}
        for group, (field, condition, value) in enumerate(filters):
            prefix = f"searchCriteria[filter_groups][{group}][filters][0]"
            query |= {f"{prefix}[field]": field, f"{prefix}[condition_type]": condition, f"{prefix}[value]": value}
        answer = self.get(path, query)
        assert answer.ok, answer.text
        content: Json = answer.json()
        return content

    def hook(self, **fields: Any) -> MagentoHook:
        """Our hook as the seeded integration."""
        assert self._monkeypatch is not None
        connection = {
            "conn_type": "magento",
            "host": self.url,
            "login": KEYS["consumer_key"],
            "password": KEYS["consumer_secret"],
            "extra": {name: KEYS[name] for name in ("access_token", "access_token_secret")},
        }
        self._monkeypatch.setenv("AIRFLOW_CONN_MAGENTO_TEST", json.dumps(connection | fields))
        return MagentoHook("magento_test")
