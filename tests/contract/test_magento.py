"""The Magento hook on the wire, against the simulated Magento."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hooks.magento.hook import MagentoHook
from ledgerbridge.entities import RawRecord, Window
from ledgerbridge.errors import ConfigurationError, TransientError
from sandbox.magento.events import Event, PlacedOrder
from sandbox.magento.models import Shop
from sandbox.magento.office import Office
from tests.contract.magento_shop import KEYS, VAT, Json, Magento, create_app, mug
from tests.contract.served_app import serve

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TOKENS = {name: KEYS[name] for name in ("access_token", "access_token_secret")}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Magento]:
    with serve(create_app(tmp_path)) as url:
        magento = Magento(url, monkeypatch)
        magento.open({"shop": "us", "currency": "USD"}, {"shop": "uk", "currency": "GBP", "taxes_included": True})
        yield magento


@pytest.fixture
def hook(shop: Magento) -> MagentoHook:
    return shop.hook()


@pytest.fixture
def many(shop: Magento, tmp_path: Path) -> list[str]:
    """250 orders of one second; their numbers."""
    office = Office(Shop(tmp_path))
    return [
        office.place(PlacedOrder(store="us", at=NOON, lines=[{"sku": "MUG-12", "price": "7.35"}]))["increment_id"]
        for _ in range(250)
    ]


def everything(hook: MagentoHook, window: Window | None = None, entity: str = "order") -> list[RawRecord]:
    return [record for page in hook.entity(entity).read(window or Window()) for record in page]


def ids(records: list[RawRecord]) -> list[int]:
    return [int(record.payload["entity_id"]) for record in records]


def test_an_order_has_no_floats_and_its_times_are_utc(shop: Magento, hook: MagentoHook) -> None:
    shop.place(at="2026-03-02T07:05:00-05:00")

    [record] = everything(hook)

    assert record.key == f"magento:{shop.url.removeprefix('http://')}:order:1"
    assert record.changed_at == datetime(2026, 3, 2, 12, 5, tzinfo=UTC)
    assert (record.payload["grand_total"], record.payload["base_to_order_rate"]) == ("17.64", "1")
    assert [item["price"] for item in record.payload["items"]] == ["7.35"]


def test_both_currencies_of_an_order_arrive(shop: Magento, hook: MagentoHook) -> None:
    shop.place({"sku": "LAMP", "quantity": 2, "price": "75.00", "discount": "15.00", "taxes": VAT}, store="uk")

    [record] = everything(hook)

    names = ("subtotal", "discount_amount", "discount_tax_compensation_amount", "tax_amount", "grand_total")
    assert [record.payload[name] for name in names] == ["100", "-12", "2", "18", "108"]
    assert [record.payload[f"base_{name}"] for name in names] == ["125", "-15", "2.5", "22.5", "135"]


def test_rows_without_a_parent_have_a_configurable_products_money_once(shop: Magento, hook: MagentoHook) -> None:
    shop.set(child_rows="repeat")
    shop.place(mug(type="configurable", child_sku="MUG-BLUE"), mug())

    [record] = everything(hook)

    posted = [item["row_total"] for item in record.payload["items"] if item.get("parent_item_id") is None]
    assert (posted, record.payload["subtotal"]) == (["14.7", "14.7"], "29.4")


def test_a_window_reads_what_changed_in_it_begun_ten_minutes_earlier(shop: Magento, hook: MagentoHook) -> None:
    times = ["11:49:59", "11:50:00", "12:30:00", "18:00:00", "18:00:01"]
    for time in times:
        number = shop.place(payment="capture", at=f"2026-03-02T{time}Z")["increment_id"]
        shop.act(number, "credit", at=f"2026-03-02T{time}Z")

    found = everything(hook, Window(NOON, datetime(2026, 3, 2, 18, tzinfo=UTC)), "credit_memo")

    assert [record.payload["updated_at"][-8:] for record in found] == times[1:4]


def test_pages_go_on_from_the_last_change_whatever_moved_meanwhile(
    shop: Magento, hook: MagentoHook, tmp_path: Path
) -> None:
    office = Office(Shop(tmp_path))
    for number in range(150):
        lines = [{"sku": "MUG-12", "price": "7.35"}]
        office.place(PlacedOrder(store="us", at=NOON + number * MINUTE, lines=lines))
    pages = hook.entity("order").read(Window())
    read = ids(next(pages))

    # numbered pages would now leave out the 101st to 110th
    office.touch([f"{number:09}" for number in range(1, 11)], Event(at=NOON + 200 * MINUTE))
    read += ids([record for page in pages for record in page])

    assert read == [*range(1, 151), *range(1, 11)]


def test_a_mass_update_of_one_second_is_read_whole(shop: Magento, hook: MagentoHook, many: list[str]) -> None:
    later = shop.place(at="2026-03-02T12:05:00Z")

    assert ids(everything(hook)) == [*range(1, len(many) + 1), later["entity_id"]]


def test_the_version_moves_with_the_content_alone(shop: Magento, hook: MagentoHook) -> None:
    number = shop.place()["increment_id"]
    versions = [everything(hook)[0].version]

    shop.touch(number, at="2026-03-02T13:00:00Z")
    versions += [everything(hook)[0].version]
    shop.act(number, "hold", at="2026-03-02T14:00:00Z")
    versions += [everything(hook)[0].version]

    assert versions[0] == versions[1] != versions[2]


def test_one_store_view_is_a_scope_of_its_own_with_its_documents_alone(shop: Magento) -> None:
    for store in ("us", "uk", "uk"):
        shop.place(store=store)

    found = everything(shop.hook(extra={**TOKENS, "store": "uk"}))

    assert [record.payload["increment_id"] for record in found] == ["2000000001", "2000000002"]
    assert {record.key.rpartition(":order")[0] for record in found} == {
        f"magento:{shop.url.removeprefix('http://')}/uk"
    }


@pytest.mark.parametrize("broken", [[1], [150], [250], [100, 101]], ids=str)
def test_an_order_that_fails_each_list_is_read_alone(
    shop: Magento, hook: MagentoHook, many: list[str], broken: list[int]
) -> None:
    for number in broken:
        shop.press("POST", f"orders/{number:09}/break")

    assert sorted(ids(everything(hook, Window(NOON)))) == [*range(1, 251)]


def test_a_shop_that_is_down_is_not_searched_for_broken_orders(shop: Magento, hook: MagentoHook) -> None:
    shop.fail("status", path="all/V1/orders", times=None)

    with pytest.raises(TransientError) as refused:
        everything(hook)

    [fault] = shop.press("GET", "faults")["faults"]
    assert (refused.value.code, fault["happened"]) == ("LB-MAGENTO-006", 2)


def test_a_token_alone_counts_where_the_shop_allows_it(shop: Magento) -> None:
    shop.place()
    alone: dict[str, Any] = {"login": None, "password": KEYS["access_token"], "extra": {}}

    with pytest.raises(ConfigurationError, match="Magento_Sales::actions_view") as refused:
        everything(shop.hook(**alone))
    shop.set(bearer_tokens=True)

    assert refused.value.code == "LB-MAGENTO-002"
    assert ids(everything(shop.hook(**alone))) == [1]


def no_rights(shop: Magento) -> None:
    shop.press("POST", "integrations", {**KEYS, "rights": []})


def small_pages(shop: Magento) -> None:
    shop.set(input_limits=True, maximum_page_size=20)


def maintenance(shop: Magento) -> None:
    shop.set(maintenance=True)


def cut_answer(shop: Magento) -> None:
    shop.fail("malformed")


def lost_answer(shop: Magento) -> None:
    shop.fail("lost_after_commit")


def switched_off(shop: Magento) -> None:
    shop.press("DELETE", f"integrations/{KEYS['consumer_key']}")


def firewall(shop: Magento) -> None:
    shop.fail("status", status=429, headers={"Retry-After": "30"}, body="slow down")


@pytest.mark.parametrize(
    ("happening", "error", "code", "message"),
    [
        pytest.param(no_rights, ConfigurationError, "LB-MAGENTO-002", "access Magento_Sales", id="missing-right"),
        pytest.param(switched_off, ConfigurationError, "LB-MAGENTO-002", "has been revoked", id="switched-off"),
        pytest.param(small_pages, ConfigurationError, "LB-MAGENTO-007", "pageSize is 20", id="input-limits"),
        pytest.param(maintenance, TransientError, "LB-MAGENTO-005", "503", id="maintenance"),
        pytest.param(firewall, TransientError, "LB-MAGENTO-005", "429", id="too-many-calls"),
        pytest.param(cut_answer, TransientError, "LB-MAGENTO-004", "without valid JSON", id="not-json"),
        pytest.param(lost_answer, TransientError, "LB-MAGENTO-004", "got no answer", id="lost-answer"),
    ],
)
def test_a_refusal_says_what_to_do_and_keeps_its_fields(
    shop: Magento, hook: MagentoHook, happening: Any, error: type[Exception], code: str, message: str
) -> None:
    happening(shop)

    with pytest.raises(error, match=rf"{message}.*Remedy: \w") as refused:
        everything(hook)

    assert pickle.loads(pickle.dumps(refused.value)).code == code


def test_an_old_shop_is_signed_for_by_sha1(shop: Magento) -> None:
    shop.place()
    shop.set(signature_methods=["HMAC-SHA1"])

    with pytest.raises(ConfigurationError, match=r"Signature method HMAC-SHA256 is not supported.*to HMAC-SHA1"):
        everything(shop.hook())

    assert ids(everything(shop.hook(extra={**TOKENS, "signature_method": "HMAC-SHA1"}))) == [1]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"password": None}, id="no-password"),
        pytest.param({"extra": {"access_token": KEYS["access_token"]}}, id="no-access-secret"),
        pytest.param(
            {"extra": TOKENS | {"store": "de"}},
            id="no-such-store",
        ),
        pytest.param(
            {
                "extra": {name: KEYS[name] for name in ("access_token", "access_token_secret")}
                | {"signature_method": "MD5"}
            },
            id="no-such-signature",
        ),
    ],
)
def test_an_incomplete_or_wrong_connection_is_refused(shop: Magento, fields: Json) -> None:
    with pytest.raises(ConfigurationError, match=r"(magento_test|store view `de`|match any route).*Remedy") as refused:
        everything(shop.hook(**fields))

    assert refused.value.code == "LB-MAGENTO-001"


def test_the_clock_is_the_shops_own(shop: Magento, hook: MagentoHook) -> None:
    shop.press("PUT", "clock", {"now": "2026-03-02T12:00:00Z"})

    assert hook.entity("order").clock() == NOON


@pytest.mark.parametrize(
    ("rights", "found"),
    [
        pytest.param(None, (True, "Shop 127.0.0.1"), id="all"),
        pytest.param(
            ["Magento_Backend::store", "Magento_Sales::actions_view"],
            (False, "Magento_Sales::sales_invoice"),
            id="no-invoices",
        ),
        pytest.param(["Magento_Sales::actions_view"], (False, "Magento_Backend::store"), id="no-clock"),
    ],
)
def test_test_connection_tries_what_the_flows_read(
    shop: Magento, hook: MagentoHook, rights: list[str] | None, found: tuple[bool, str]
) -> None:
    if rights:
        shop.press("POST", "integrations", {**KEYS, "rights": rights})

    works, message = hook.test_connection()

    assert works == found[0]
    assert found[1] in message


def test_the_documented_connection_is_complete(shop: Magento) -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "magento.md"
    [example] = re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)
    connection = json.loads(example)
    shop.place()

    assert set(connection) == {"conn_type", "host", "login", "password", "extra"}
    ours = {name: KEYS[name] for name in connection["extra"]}
    assert ids(everything(shop.hook(extra=ours))) == [1]
