"""The simulated Magento answers and refuses as Magento does, and every order in it balances in both currencies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.contract.magento_shop import KEYS, Magento, create_app
from tests.contract.served_app import serve


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Magento]:
    with serve(create_app(tmp_path)) as url:
        magento = Magento(url)
        magento.open()
        yield magento


@pytest.mark.parametrize("method", ["HMAC-SHA256", "HMAC-SHA1"])
def test_a_signed_call_lists_an_order(shop: Magento, method: str) -> None:
    placed = shop.place()

    answer = shop.get("orders", {"searchCriteria[pageSize]": 1}, method=method)

    assert answer.status_code == 200, answer.text
    assert answer.json()["items"] == [placed]
    assert answer.json()["total_count"] == 1
    assert (placed["grand_total"], placed["created_at"]) == (17.64, "2026-03-02 12:00:00")


@pytest.mark.parametrize(
    ("keys", "status", "message"),
    [
        pytest.param({"access_token_secret": "x" * 32}, 401, "The signature is invalid", id="wrong-token-secret"),
        pytest.param({"consumer_secret": "x" * 32}, 401, "The signature is invalid", id="wrong-consumer-secret"),
        pytest.param({"consumer_key": "x" * 32}, 401, "A consumer having the specified key", id="unknown-consumer"),
        pytest.param({"access_token": "x" * 32}, 401, "Specified token does not exist", id="unknown-token"),
        pytest.param({"access_token": "short"}, 400, "The token length is invalid", id="short-token"),
    ],
)
def test_wrong_keys_are_refused(shop: Magento, keys: dict[str, str], status: int, message: str) -> None:
    answer = shop.get("orders", {"searchCriteria": ""}, **keys)

    assert answer.status_code == status
    assert answer.json()["message"].startswith(message)


def test_a_token_alone_counts_only_where_it_is_switched_on(shop: Magento) -> None:
    def ask() -> requests.Response:
        header = {"Authorization": f"Bearer {KEYS['access_token']}"}
        return requests.get(f"{shop.url}/rest/all/V1/orders?searchCriteria", headers=header, timeout=10)

    refused = ask()
    shop.set(bearer_tokens=True)

    assert refused.status_code == 401
    assert refused.json() == {
        "message": "The consumer isn't authorized to access %resources.",
        "parameters": {"resources": "Magento_Sales::actions_view"},
    }
    assert ask().status_code == 200
