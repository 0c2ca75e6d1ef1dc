"""Orders of the simulated shop, read by the hook: whole, balanced, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from airflow.sdk.crypto import get_fernet
from cryptography.fernet import Fernet

from hooks.shopify.hook import ShopifyHook
from ledgerbridge.entities import RawRecord, Window
from ledgerbridge.errors import ConfigurationError, TransientError
from sandbox.shopify.app import create_app
from tests.contract.served_app import serve
from tests.contract.shop_office import DOMAIN, Shop
from tests.contract.small_company import line, order
from tests.contract.xero_connection import FERNET_KEY, provide_state
from tests.golden import golden_file

PLACED = datetime(2026, 3, 2, 15, 41, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with serve(create_app(tmp_path)) as url:
        yield Shop(url, monkeypatch)


def numbered(number: int, minutes: int = 0) -> dict[str, Any]:
    """An order placed so many minutes after the first."""
    placed = PLACED + timedelta(minutes=minutes)
    return order(name=f"#{number}", placed_at=placed.strftime("%Y-%m-%dT%H:%M:%SZ"))


def everything(hook: ShopifyHook, window: Window | None = None) -> list[RawRecord]:
    return [record for page in hook.entity("order").read(window or Window()) for record in page]


def amount(bag: dict[str, Any]) -> Decimal:
    return Decimal(bag["shopMoney"]["amount"])


def sold(payload: dict[str, Any]) -> Decimal:
    return sum((amount(sale["totalAmount"]) for part in payload["agreements"] for sale in part["sales"]), Decimal(0))


def test_an_order_of_many_lines_keeps_all_its_lines_and_sales(shop: Shop) -> None:
    shop.open()
    shop.place(order(lines=[line()] * 61, total="476.41"))

    [record] = everything(shop.hook())

    assert len(record.payload["lineItems"]) == 61
    assert len({entry["id"] for entry in record.payload["lineItems"]}) == 61
    assert len(record.payload["agreements"][0]["sales"]) == 61
    assert sold(record.payload) == amount(record.payload["totalPriceSet"]) == Decimal("476.41")


def test_a_refund_of_many_lines_keeps_all_its_lines(shop: Shop) -> None:
    shop.open()
    shop.set(maximum_available=20_000.0, restore_rate=20_000.0)
    skus = [f"MUG-{number}" for number in range(60)]
    shop.place(order(lines=[line() | {"sku": sku} for sku in skus], total="468.60"))
    taxes = [{"detail": "MA-STATE", "amount": "0.46"}]
    given_back = [{"sku": sku, "quantity": 1, "net": "7.35", "tax": taxes} for sku in skus]
    at = "2026-03-11T19:00:00Z"
    shop.act("#1001", {"do": "pay", "id": "ch_1", "at": "2026-03-02T16:41:30Z", "amount": "468.60", "fee": "1.00"})
    shop.act("#1001", {"do": "refund", "id": "re_1", "at": at, "lines": given_back, "amount": "468.60"})

    [record] = everything(shop.hook())

    [refund] = record.payload["refunds"]
    assert len({entry["lineItem"]["id"] for entry in refund["refundLineItems"]}) == 60
    assert sold(record.payload) == amount(record.payload["currentTotalPriceSet"]) == 0


def test_many_orders_come_once_each_oldest_change_first(shop: Shop) -> None:
    shop.open()
    for number in range(1001, 1013):
        shop.place(numbered(number, minutes=number - 1001))

    names = [record.payload["name"] for record in everything(shop.hook())]

    assert names == [f"#{number}" for number in range(1001, 1013)]


def test_a_window_has_what_changed_in_it_and_the_lag_of_the_index(shop: Shop) -> None:
    shop.open()
    for number, minutes in [(1001, 0), (1002, 29), (1003, 40), (1004, 60)]:
        shop.place(numbered(number, minutes))

    window = Window(PLACED + timedelta(minutes=30), PLACED + timedelta(minutes=50))
    names = [record.payload["name"] for record in everything(shop.hook(), window)]

    assert names == ["#1002", "#1003"]


def test_an_edited_order_comes_again_with_another_version(shop: Shop) -> None:
    shop.open()
    shop.place(order(lines=[line("4.59", 10)], total="78.09"))
    [placed] = everything(shop.hook())
    shop.act("#1001", {"do": "edit", "at": "2026-03-02T19:00:00Z", "lines": [line("2.76", 6)]})

    [edited] = everything(shop.hook(), Window(since=PLACED + timedelta(hours=1)))

    assert (placed.key, placed.changed_at) == (edited.key, PLACED)
    assert placed.version != edited.version
    assert edited.changed_at == datetime(2026, 3, 2, 19, tzinfo=UTC)
    assert edited.payload["lineItems"][0]["quantity"] == 10
    assert edited.payload["lineItems"][0]["currentQuantity"] == 6
    assert sold(edited.payload) == amount(edited.payload["currentTotalPriceSet"]) == Decimal("46.86")


def test_an_export_gives_the_same_records_as_pages(shop: Shop) -> None:
    shop.open()
    shop.set(maximum_available=20_000.0, restore_rate=20_000.0)
    for number in range(1001, 1102):
        shop.place(numbered(number, minutes=number - 1001))
    shop.act("#1001", {"do": "pay", "id": "ch_1", "at": "2026-03-02T18:00:00Z", "amount": "7.81", "fee": "0.50"})
    shop.act(
        "#1001", {"do": "refund", "id": "re_1", "at": "2026-03-02T19:00:00Z", "goodwill": "1.00", "amount": "1.00"}
    )
    shop.act("#1002", {"do": "edit", "at": "2026-03-02T20:00:00Z", "lines": [line("0.92", 2)]})

    exported = everything(shop.hook())
    paged = everything(shop.hook(), Window(PLACED))

    assert len(exported) == 101
    assert {record.key: record for record in exported} == {record.key: record for record in paged}


@pytest.mark.parametrize("status", [200, 429])
def test_a_throttled_read_waits_and_goes_on(shop: Shop, status: int) -> None:
    shop.open()
    for number in range(1001, 1009):
        shop.place(numbered(number))
    shop.set(maximum_available=1000.0, restore_rate=5000.0, throttled_status=status)

    assert len(everything(shop.hook())) == 8


def test_a_shop_that_allows_less_per_query_gives_smaller_pages(shop: Shop) -> None:
    shop.open()
    for number in range(1001, 1004):
        shop.place(numbered(number))
    shop.set(max_cost=400)

    assert len(everything(shop.hook())) == 3


def test_a_token_that_ends_in_mid_read_is_replaced(shop: Shop) -> None:
    shop.open()
    for number in range(1001, 1008):
        shop.place(numbered(number, minutes=number - 1001))
    pages = shop.hook().entity("order").read(Window())
    names = [record.payload["name"] for record in next(pages)]

    shop.end_tokens()
    names += [record.payload["name"] for page in pages for record in page]

    assert names == [f"#{number}" for number in range(1001, 1008)]


@pytest.fixture
def installed(shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], ShopifyHook]:
    """Hooks of an app that a merchant installed, with the refresh token it got then."""
    provide_state(monkeypatch, tmp_path)
    shop.open()
    first = shop.install()
    extra = {"shop": DOMAIN, "access": "refresh_token", "refresh_token": first["refresh_token"]}
    return lambda: shop.hook(extra=extra)


def test_a_refresh_token_is_good_for_one_use_and_all_processes_follow_it(
    shop: Shop, installed: Callable[[], ShopifyHook]
) -> None:
    shop.place(order())
    assert len(everything(installed())) == 1
    shop.end_tokens()
    slow = installed()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda hook: len(everything(hook)), [installed() for _ in range(4)])) == [1] * 4
    assert len(everything(slow)) == 1


def test_a_lost_fernet_key_is_told_before_a_refresh_token_is_asked_for_in_vain(
    shop: Shop, installed: Callable[[], ShopifyHook], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.place(order())
    assert len(everything(installed())) == 1
    for keys in (Fernet.generate_key().decode(), FERNET_KEY):
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", keys)
        get_fernet.cache_clear()  # a process reads its key once
        shop.end_tokens()
        if keys == FERNET_KEY:
            assert len(everything(installed())) == 1
            continue
        with pytest.raises(ConfigurationError, match="can't be decrypted with the present") as caught:
            everything(installed())
        assert caught.value.code == "LB-CFG-022"


def test_a_refresh_token_somebody_else_used_asks_for_a_new_installation(
    shop: Shop, installed: Callable[[], ShopifyHook]
) -> None:
    hook = installed()
    token = hook.connection.extra_dejson["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "client-1", "client_secret": "secret-1"}
    requests.post(hook.url_from_endpoint("/admin/oauth/access_token"), form, timeout=10).raise_for_status()
    with pytest.raises(ConfigurationError, match="Install the app in the shop again") as refused:
        everything(hook)
    assert refused.value.code == "LB-SHOPIFY-002"
    assert token not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "fault", "code"),
    [
        pytest.param("malformed", {}, "LB-SHOPIFY-004", id="malformed"),
        pytest.param("lost_after_commit", {}, "LB-SHOPIFY-004", id="lost-answer"),
        pytest.param("status", {"status": 502}, "LB-SHOPIFY-005", id="bad-gateway"),
    ],
)
def test_a_fault_of_the_line_is_worth_a_repeat_which_then_reads_all(
    shop: Shop, kind: str, fault: dict[str, Any], code: str
) -> None:
    shop.open()
    shop.place(order())
    shop.fail(kind, contains="query Orders", times=1, **fault)
    hook = shop.hook()

    with pytest.raises(TransientError) as failed:
        everything(hook)

    assert failed.value.code == code
    assert len(everything(hook)) == 1


def test_the_clock_is_the_shops_business_clock(shop: Shop) -> None:
    shop.open()
    shop.place(order())

    assert shop.hook().entity("order").clock() == PLACED


def test_a_wrong_secret_is_refused(shop: Shop) -> None:
    shop.open()

    with pytest.raises(ConfigurationError, match="grants no token: invalid_client") as refused:
        everything(shop.hook(password="secret-2"))

    assert refused.value.code == "LB-SHOPIFY-002"


def test_a_version_of_long_ago_is_answered_by_another(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    shop.open()
    hook = shop.hook(extra={"shop": "us-harbor-light-supply.myshopify.com", "api_version": "2024-01"})

    good, message = hook.test_connection()

    assert not good
    assert message.startswith("Version 2024-01 is no longer supported: use one of 2026-01")
    assert "answers in version 2026-01, asked was 2024-01" in capfd.readouterr().out


@pytest.fixture
def golden() -> dict[str, Any]:
    return golden_file("cases.json")


@pytest.fixture
def golden_orders(shop: Shop, golden: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All orders of the golden cases after all that happened to them, by name."""
    shop.open(golden["company"])
    events = []
    for case in golden["cases"]:
        shop.place(case["order"])
        events += [(event["step"], event["at"], case["order"]["name"], event) for event in case["events"]]
    for _, _, name, event in sorted(events, key=lambda entry: entry[:3]):
        if event["do"] != "fulfil":
            shop.act(name, event)
    shops = [entry["shop"] for entry in golden["company"]["shops"]]
    return {record.payload["name"]: record.payload for name in shops for record in everything(shop.hook(name))}


def test_golden_orders_balance(golden_orders: dict[str, dict[str, Any]], golden: dict[str, Any]) -> None:
    def unbalanced(case: dict[str, Any]) -> list[tuple[str, Decimal, Decimal]]:
        payload = golden_orders[case["order"]["name"]]
        pairs = {
            "total": (Decimal(case["order"]["total"]), amount(payload["totalPriceSet"])),
            "current total": (sold(payload), amount(payload["currentTotalPriceSet"])),
            "refunded": (refunded(payload), amount(payload["totalRefundedSet"])),
        }
        return [(name, *pair) for name, pair in pairs.items() if pair[0] != pair[1]]

    def refunded(payload: dict[str, Any]) -> Decimal:
        money = [part["amountSet"] for refund in payload["refunds"] for part in refund["transactions"]]
        return sum(map(amount, money), Decimal(0))

    differences = {case["id"]: unbalanced(case) for case in golden["cases"]}

    assert {case: found for case, found in differences.items() if found} == {}


def test_golden_payments_name_their_charges(golden_orders: dict[str, dict[str, Any]], golden: dict[str, Any]) -> None:
    paid = {
        transaction["paymentId"]: payload["name"]
        for payload in golden_orders.values()
        for transaction in payload["transactions"]
        if transaction["status"] == "SUCCESS"
    }

    expected = {
        event["id"]: case["order"]["name"] for case in golden["cases"] for event in case["events"] if "amount" in event
    }
    assert paid == expected
