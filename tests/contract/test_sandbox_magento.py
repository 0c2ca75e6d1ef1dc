"""The simulated Magento answers and refuses as Magento does, and every order in it balances in both currencies."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests_oauthlib import OAuth1

from sandbox.cli import main
from sandbox.magento.settings import Settings
from sandbox.places import CREDENTIALS
from tests.contract.magento_shop import KEYS, NOON, Json, Magento, create_app, mug
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


def test_a_nonce_serves_once_and_its_time_is_not_ahead(shop: Magento) -> None:
    url = f"{shop.url}/rest/all/V1/orders?searchCriteria="
    late = OAuth1(*KEYS.values(), signature_method="HMAC-SHA256", timestamp=str(int(time.time()) + 3600))
    fixed = OAuth1(*KEYS.values(), signature_method="HMAC-SHA256", nonce="once")

    answers = [requests.get(url, auth=auth, timeout=10) for auth in (fixed, fixed, late)]

    assert [answer.status_code for answer in answers] == [200, 401, 401]
    assert answers[1].json() == {
        "message": "The nonce is already being used by the consumer with ID %1",
        "parameters": [1],
    }
    assert "oauth_timestamp" in answers[2].json()["message"]


def test_an_integration_reads_what_it_was_given_until_it_is_switched_off(shop: Magento) -> None:
    keys = {**KEYS, "consumer_key": "d" * 32, "access_token": "u" * 32}
    shop.press("POST", "integrations", {**keys, "rights": ["Magento_Sales::actions_view"]})

    def ask(path: str) -> requests.Response:
        return shop.get(path, {"searchCriteria": ""}, **keys)

    assert ask("orders").status_code == 200
    assert ask("invoices").json()["parameters"] == {"resources": "Magento_Sales::sales_invoice"}
    shop.press("DELETE", f"integrations/{keys['consumer_key']}")
    assert (ask("orders").status_code, ask("orders").json()["message"]) == (401, "Access token has been revoked")


# --- searchCriteria


@pytest.fixture
def orders(shop: Magento) -> Magento:
    """Five orders, placed a minute apart, of 1 to 5 pieces."""
    for number in range(5):
        shop.place(mug(quantity=number + 1), at=f"2026-03-02T12:0{number}:00Z", coupon_code="SPRING" * (number == 2))
    return shop


def ids(found: Json) -> list[int]:
    return [item["entity_id"] for item in found["items"]]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param([("entity_id", "eq", "2")], [2], id="eq"),
        pytest.param([("entity_id", "neq", "2")], [1, 3, 4, 5], id="neq"),
        pytest.param([("entity_id", "gt", "3")], [4, 5], id="gt"),
        pytest.param([("entity_id", "in", "1,5,9")], [1, 5], id="in"),
        pytest.param([("entity_id", "nin", "1,5,9")], [2, 3, 4], id="nin"),
        pytest.param([("increment_id", "eq", "000000004")], [4], id="a-number-that-is-text"),
        pytest.param([("grand_total", "lteq", "17.64")], [1, 2], id="an-amount"),
        pytest.param([("customer_email", "like", "ANN@%")], [1, 2, 3, 4, 5], id="like-in-any-case"),
        pytest.param([("customer_email", "nlike", "%example%")], [], id="nlike"),
        pytest.param([("coupon_code", "null", "1")], [1, 2, 4, 5], id="null"),
        pytest.param([("coupon_code", "notnull", "1")], [3], id="notnull"),
        pytest.param([("coupon_code", "finset", "spring")], [3], id="finset"),
        pytest.param([("coupon_code", "neq", "SPRING")], [], id="null-differs-from-nothing"),
        pytest.param([("created_at", "from", "2026-03-02 12:01:00"), ("created_at", "to", "2026-03-02 12:02:00")],
                     [2, 3], id="from-to"),
        pytest.param([("updated_at", "gteq", "2026-03-02")], [1, 2, 3, 4, 5], id="a-day-is-its-midnight"),
        pytest.param([("updated_at", "lt", "2026-03-02 12:02:00"), ("entity_id", "moreq", "2")], [2], id="and"),
    ],
)  # fmt: skip
def test_filters_find(orders: Magento, filters: list[tuple[str, str, str]], expected: list[int]) -> None:
    found = orders.found("orders", *filters)

    assert (ids(found), found["total_count"]) == (expected, len(expected))


def test_filters_of_one_group_are_alternatives_in_either_spelling(orders: Magento) -> None:
    query = {
        "searchCriteria[filterGroups][0][filters][0][field]": "entity_id",
        "searchCriteria[filterGroups][0][filters][0][value]": "1",
        "searchCriteria[filter_groups][0][filters][1][field]": "entity_id",
        "searchCriteria[filter_groups][0][filters][1][value]": "4",
        "searchCriteria[filter_groups][0][filters][1][conditionType]": "gteq",
        "searchCriteria[sortOrders][0][field]": "entity_id",
        "searchCriteria[sortOrders][0][direction]": "desc",
    }

    found = orders.get("orders", query).json()

    assert ids(found) == [5, 4, 1]
    assert found["search_criteria"] == {
        "filter_groups": [
            {
                "filters": [
                    {"field": "entity_id", "value": "1", "condition_type": "eq"},
                    {"field": "entity_id", "value": "4", "condition_type": "gteq"},
                ]
            }
        ],
        "sort_orders": [{"field": "entity_id", "direction": "DESC"}],
    }


@pytest.mark.parametrize(("past_end", "expected"), [("repeat", [5]), ("empty", [])])
def test_a_page_past_the_end_repeats_the_last_or_is_empty(orders: Magento, past_end: str, expected: list[int]) -> None:
    orders.set(page_past_end=past_end)

    pages = [orders.found("orders", pageSize=2, currentPage=page) for page in (1, 2, 3, 9)]

    assert [ids(page) for page in pages] == [[1, 2], [3, 4], [5], expected]
    assert {page["total_count"] for page in pages} == {5}


def test_numbered_pages_drift_when_an_order_changes(orders: Magento) -> None:
    by_change = {"sortOrders][0][field": "updated_at", "sortOrders][0][direction": "ASC", "pageSize": 2}
    first = orders.found("orders", **by_change, currentPage=1)

    orders.touch("000000001", at="2026-03-02T13:00:00Z")

    assert ids(first) == [1, 2]
    assert ids(orders.found("orders", **by_change, currentPage=2)) == [4, 5]  # 3 moved to the first page


def test_without_a_unique_order_rows_of_one_time_come_twice_or_never(orders: Magento) -> None:
    orders.touch(*(f"00000000{number}" for number in range(1, 6)), at="2026-03-02T13:00:00Z")
    by_change = {"sortOrders][0][field": "updated_at", "sortOrders][0][direction": "ASC", "pageSize": 2}
    by_id = {"sortOrders][1][field": "entity_id", "sortOrders][1][direction": "ASC"}

    def pages(**criteria: Any) -> list[int]:
        return [
            identity for page in (1, 2, 3) for identity in ids(orders.found("orders", **criteria, currentPage=page))
        ]

    assert sorted(pages(**by_change)) != [1, 2, 3, 4, 5]
    assert pages(**by_change, **by_id) == [1, 2, 3, 4, 5]


def test_fields_must_name_items_at_the_top(orders: Magento) -> None:
    def ask(fields: str) -> Any:
        return orders.get("orders", {"searchCriteria[pageSize]": 1, "fields": fields}).json()

    assert ask("items[increment_id,items[sku]],total_count") == {
        "items": [{"increment_id": "000000001", "items": [{"sku": "MUG-12"}]}],
        "total_count": 5,
    }
    assert ask("increment_id,grand_total") == []


def test_input_limits_refuse_and_fill_in_only_where_they_are_on(orders: Magento) -> None:
    size = {"searchCriteria[pageSize]": 301}
    assert orders.get("orders", size).status_code == 200
    orders.set(input_limits=True, default_page_size=3)

    refused = orders.get("orders", size)

    assert refused.status_code == 400
    assert refused.json() == {"message": "Maximum SearchCriteria pageSize is %max", "parameters": {"max": 300}}
    assert ids(orders.found("orders")) == [1, 2, 3]


@pytest.mark.parametrize(
    ("path", "query", "status", "body"),
    [
        pytest.param("orders", {}, 400,
                     {"message": '"%fieldName" is required. Enter and try again.',
                      "parameters": {"fieldName": "searchCriteria"}}, id="no-criteria"),
        pytest.param("orders", {"searchCriteria[pageSize]": "ten"}, 400,
                     {"message": 'The "%value" value\'s type is invalid. The "%type" type was expected. '
                                 "Verify and try again.",
                      "parameters": {"value": "ten", "type": "int"}}, id="page-size-is-no-number"),
        pytest.param("orders/99", {}, 404,
                     {"message": "The entity that was requested doesn't exist. Verify the entity and try again."},
                     id="no-such-order"),
        pytest.param("orderz", {}, 404, {"message": "Request does not match any route."}, id="no-such-route"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_refused(shop: Magento, path: str, query: Json, status: int, body: Json) -> None:
    answer = shop.get(path, query)

    assert (answer.status_code, answer.json()) == (status, body)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        pytest.param([("colour", "eq", "1")], "Unknown column 'colour'", id="unknown-field"),
        pytest.param([("entity_id", "about", "1")], "Unknown condition about", id="unknown-condition"),
    ],
)
def test_only_developers_see_what_the_database_says(
    shop: Magento, filters: list[tuple[str, str, str]], message: str
) -> None:
    def ask() -> Json:
        [(field, condition, value)] = filters
        prefix = "searchCriteria[filter_groups][0][filters][0]"
        query = {f"{prefix}[field]": field, f"{prefix}[condition_type]": condition, f"{prefix}[value]": value}
        answer = shop.get("orders", query)
        assert answer.status_code == 500
        body: Json = answer.json()
        return body

    masked = ask()
    shop.set(developer_mode=True)

    assert masked["message"].startswith("Internal Error. Details are available in Magento log file. Report ID: webapi-")
    assert message in ask()["message"]
    assert "trace" in ask()


def test_one_broken_order_fails_each_list_that_holds_it(orders: Magento) -> None:
    orders.press("POST", "orders/000000003/break")
    orders.set(developer_mode=True)

    whole = orders.get("orders", {"searchCriteria[pageSize]": 5})

    assert whole.status_code == 500
    assert 'with the same ID "3" already exists.' in whole.json()["message"]
    assert ids(orders.found("orders", pageSize=2, currentPage=1)) == [1, 2]
    assert orders.get("orders/3").status_code == 200
    orders.press("POST", "orders/000000003/heal")
    assert len(ids(orders.found("orders"))) == 5


def test_maintenance_answers_every_call_with_a_page(shop: Magento) -> None:
    shop.set(maintenance=True)

    answer = shop.get("orders", {"searchCriteria": ""})

    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (503, "text/html")


def test_a_client_that_takes_no_json_is_refused(shop: Magento) -> None:
    answer = requests.get(f"{shop.url}/rest/all/V1/orders", headers={"Accept": "text/html"}, timeout=10)

    assert (answer.status_code, answer.json()["parameters"]) == (406, ['"text/html"'])


@pytest.mark.parametrize(
    ("fault", "status"),
    [({"kind": "status", "status": 502}, 502), ({"kind": "expired_token"}, 401)],
    ids=["status", "expired-token"],
)
def test_faults_befall_calls_to_rest(shop: Magento, fault: Json, status: int) -> None:
    shop.fail(**fault, path="all/V1/orders")

    assert shop.get("store/storeViews").status_code == 200
    assert shop.get("orders", {"searchCriteria": ""}).status_code == status
    assert shop.get("orders", {"searchCriteria": ""}).status_code == 200


# --- store views


def test_store_views_have_numbers_and_zones_of_their_own_and_one_list(shop: Magento) -> None:
    shop.open({"shop": "us", "currency": "USD"}, {"shop": "uk", "currency": "GBP", "time_zone": "Europe/London"})
    numbers = [shop.place(store=store)["increment_id"] for store in ("us", "uk", "us")]

    configs = shop.get("store/storeConfigs").json()
    listed = shop.get("orders", {"searchCriteria": ""}, store="uk").json()["items"]

    assert numbers == ["000000001", "2000000001", "000000002"]
    assert [(config["code"], config["timezone"], config["default_display_currency_code"]) for config in configs] == [
        ("us", "America/New_York", "USD"),
        ("uk", "Europe/London", "GBP"),
    ]
    # the store code in the path changes nothing: magento/devdocs#9405
    assert [order["store_id"] for order in listed] == [1, 2, 1]
    assert shop.get("orders", {"searchCriteria": ""}, store="de").status_code == 404


def test_a_status_is_a_free_name_of_its_state(shop: Magento) -> None:
    shop.set(status_of_state={"processing": "in_the_works"}, statuses={"packed": "processing"})
    number = shop.place()["increment_id"]
    shop.act(number, "invoice")
    before = shop.found("orders", ("status", "eq", "in_the_works"))["items"]

    renamed = shop.act(number, "status", status="packed")

    assert [order["state"] for order in before] == ["processing"]
    assert (renamed["state"], renamed["status"]) == ("processing", "packed")
    assert "is none of state" in shop.refused(f"orders/{number}/status", {"at": NOON, "status": "complete"})


@pytest.mark.parametrize("path", ["invoices", "creditmemos", "shipments"])
def test_each_kind_of_document_is_listed_and_read(shop: Magento, path: str) -> None:
    order = shop.place()
    for action in ("invoice", "ship", "credit"):
        shop.act(order["increment_id"], action)

    [document] = shop.found(path, ("order_id", "eq", str(order["entity_id"])))["items"]

    single = {"invoices": "invoices/1", "creditmemos": "creditmemo/1", "shipments": "shipment/1"}[path]
    assert shop.get(single).json() == document
    assert not [name for name in document if name.startswith("_")]


def test_the_clock_dates_answers_and_documents(shop: Magento) -> None:
    shop.place(at="2026-07-01T08:30:00+02:00")

    answer = shop.get("orders", {"searchCriteria": ""})

    assert answer.headers["Date"] == "Wed, 01 Jul 2026 06:30:00 GMT"
    assert answer.json()["items"][0]["created_at"] == "2026-07-01 06:30:00"


def test_a_person_seeds_and_orders_by_command(shop: Magento, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> Json:
        assert main(["magento", *arguments, f"--magento={shop.url}"]) == 0
        answer: Json = json.loads(capsys.readouterr().out)
        return answer

    keys = run("seed")
    order = run("order", "--line", "MUG-12=3", "--at", NOON)
    invoice = run("invoice", order["increment_id"], "--line", "MUG-12=2")

    assert {name: keys[name] for name in CREDENTIALS["magento"]} == CREDENTIALS["magento"]
    assert (order["grand_total"], invoice["grand_total"], invoice["created_at"]) == (
        26.46,
        17.64,
        "2026-03-02 12:00:00",
    )
    assert main(["magento", "invoice", order["increment_id"], "--line", "MUG-12=2", f"--magento={shop.url}"]) == 1
    assert "no row MUG-12 with 2 left" in capsys.readouterr().err


def test_the_readme_names_every_setting() -> None:
    readme = (Path(__file__).parents[2] / "sandbox" / "magento" / "README.md").read_text()

    assert [name for name in Settings.model_fields if f"`{name}`" not in readme] == []
