"""The simulated gateway account with what cards and the bank do, and our hook on it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from hooks.stripe.hook import StripeHook
from tests.contract.small_company import COMPANY
from tests.contract.small_company import order as one_mug

KEY = "sk_test_harbor"


class Account:
    """The simulated account, with what cards and the bank do."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._url = url
        self._monkeypatch = monkeypatch
        self._id = ""

    def open(self, company: dict[str, Any] = COMPANY) -> None:
        self._id = self._send("POST", "seed", {"company": company, "api_key": KEY})["account"]

    def announce_to(self, address: str) -> str:
        """Send webhooks to that address; the secret they are signed with."""
        form = {"url": address, "enabled_events[]": "*"}
        answer = requests.post(f"{self._url}/v1/webhook_endpoints", data=form, auth=(KEY, ""), timeout=10)
        return str(answer.json()["secret"])

    def pay(self, event: dict[str, Any], order: dict[str, Any] | None = None) -> None:
        self._send("POST", "charges", {"event": event, "order": order or one_mug()})

    def refund(self, event: dict[str, Any], order: dict[str, Any] | None = None) -> None:
        self._send("POST", "refunds", {"event": event, "order": order or one_mug()})

    def act(self, path: str, **body: Any) -> dict[str, Any]:
        return self._send("POST", path, body)

    def pay_out(self, payout: dict[str, Any]) -> None:
        self._send("POST", "payouts", payout)

    def set(self, **settings: Any) -> None:
        self._send("PUT", "settings", settings)

    def hook(self, password: str = KEY, **extra: str) -> StripeHook:
        extra = {"account": self._id, **extra}
        connection = {"conn_type": "stripe", "host": self._url, "password": password, "extra": extra}
        self._monkeypatch.setenv("AIRFLOW_CONN_STRIPE_TEST", json.dumps(connection))
        return StripeHook("stripe_test")

    def _send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = requests.request(method, f"{self._url}/_sandbox/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        content: dict[str, Any] = answer.json()
        return content
