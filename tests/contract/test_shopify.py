"""The Shopify hook on the wire, against its schema and answers given to it."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import graphql
import pytest

from hooks.shopify import queries as shopify_queries
from hooks.shopify.errors import QueryTooDear
from hooks.shopify.hook import ShopifyHook
from hooks.shopify_payments import queries as payments_queries
from hooks.shopify_payments.hook import ShopifyPaymentsHook
from hooks.wire import untrusted
from ledgerbridge.entities import KeyedSource, RawRecord, Window
from ledgerbridge.errors import ConfigurationError, TransientError
from tests.contract.query_cost import requested_cost
from tests.contract.scripted_api import Reply, ScriptedApi, serve_script
from tests.reference_data import SHOPIFY_SCHEMA

SHOP = "us-harbor-light-supply.myshopify.com"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVENING = datetime(2026, 3, 2, 18, tzinfo=UTC)
DATE = "Mon, 02 Mar 2026 18:00:00 GMT"
LAST_PAGE = {"hasNextPage": False, "endCursor": None}


def hook_on(monkeypatch: pytest.MonkeyPatch, url: str, waits: list[float] | None = None, **fields: Any) -> ShopifyHook:
    extra = {"shop": SHOP, "api_version": "2026-10"}
    connection = {"conn_type": "shopify", "host": url, "password": "shpat_1", "extra": extra, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_SHOPIFY_TEST", json.dumps(connection))
    return ShopifyHook("shopify_test", sleep=(waits if waits is not None else []).append)


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with serve_script() as script:
        yield script


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def hook(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> ShopifyHook:
    return hook_on(monkeypatch, api.url, waits)


def answer(data: Any, requested: int = 100, **more: Any) -> Reply:
    cost = {"requestedQueryCost": requested, "actualQueryCost": 5, "throttleStatus": bucket(1900)}
    return Reply({"data": data, "extensions": {"cost": cost}, **more}, headers={"Date": DATE})


def bucket(available: int) -> dict[str, Any]:
    return {"maximumAvailable": 2000.0, "currentlyAvailable": available, "restoreRate": 100.0}


def refusal(code: str, status: int = 200, points: dict[str, Any] | None = None, **extensions: Any) -> Reply:
    error = {"message": f"said {code}", "path": ["orders"], "extensions": {"code": code, **extensions}}
    return Reply({"errors": [error], "extensions": {"cost": points} if points else {}}, status)


def installation(*scopes: str) -> Reply:
    return answer(
        {
            "currentAppInstallation": {"accessScopes": [{"handle": scope} for scope in scopes]},
            "publicApiVersions": [{"handle": "2026-10", "supported": True}],
            "shop": {"myshopifyDomain": SHOP, "currencyCode": "USD", "ianaTimezone": "America/New_York"},
        }
    )


def nodes(*items: dict[str, Any], after: str | None = None) -> dict[str, Any]:
    return {"nodes": list(items), "pageInfo": {"hasNextPage": after is not None, "endCursor": after}}


def agreement(*sales: dict[str, Any], identity: int = 1, after: str | None = None) -> dict[str, Any]:
    node = {"__typename": "OrderAgreement", "id": f"agreement/{identity}", "sales": nodes(*sales, after=after)}
    return {"cursor": f"c{identity}", "node": node}


def order(number: int = 1001, updated: str = "2026-03-02T15:41:00Z", **fields: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Order/{number}", "legacyResourceId": str(number), "name": f"#{number}",
        "updatedAt": updated, "test": False, "lineItems": nodes(), "shippingLines": nodes(), "refunds": [],
        "agreements": {"edges": [], "pageInfo": LAST_PAGE},
    } | fields  # fmt: skip


def orders(*items: dict[str, Any], after: str | None = None, requested: int = 100) -> Reply:
    return answer({"orders": nodes(*items, after=after)}, requested)


def count(number: int) -> Reply:
    return answer({"ordersCount": {"count": number}})


def everything(hook: ShopifyHook, window: Window | None = None) -> list[RawRecord]:
    return [record for page in hook.entity("order").read(window or Window(NOON, EVENING)) for record in page]


def clock_and(api: ScriptedApi, *replies: Reply) -> None:
    """A read begins with a look at the shop's clock."""
    api.will_reply(answer({"shop": {"id": "gid://shopify/Shop/1"}}), *replies)


@pytest.fixture(scope="module")
def schema() -> graphql.GraphQLSchema:
    return graphql.build_schema(SHOPIFY_SCHEMA.text(), assume_valid=True)


QUERIES = {
    "orders": shopify_queries.ORDERS,
    "refund": shopify_queries.REFUND,
    "count": shopify_queries.COUNT,
    "clock": shopify_queries.CLOCK,
    "installation": shopify_queries.INSTALLATION,
    "payouts": payments_queries.PAYOUTS,
    "balance-transactions": payments_queries.BALANCE_TRANSACTIONS,
    "balance": payments_queries.BALANCE,
    "transactions-of-orders": payments_queries.TRANSACTIONS_OF_ORDERS,
    "bulk-state": shopify_queries.BULK_STATE,
    **shopify_queries.REST,
}


@pytest.mark.parametrize("name", QUERIES)
def test_queries_are_valid_in_the_admin_api(schema: graphql.GraphQLSchema, name: str) -> None:
    assert graphql.validate(schema, graphql.parse(QUERIES[name])) == []


@pytest.mark.parametrize("name", QUERIES)
def test_queries_cost_less_than_any_shop_allows(schema: graphql.GraphQLSchema, name: str) -> None:
    assert requested_cost(schema, QUERIES[name], {"first": 2}) < 1000


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(shopify_queries.BULK_RUN, id="start"),
        pytest.param(shopify_queries.bulk_orders("updated_at:>='2026-01-01T00:00:00Z'"), id="export"),
    ],
)
def test_bulk_documents_are_valid_in_the_admin_api(schema: graphql.GraphQLSchema, document: str) -> None:
    assert graphql.validate(schema, graphql.parse(document)) == []


def test_an_export_has_no_more_connections_and_no_deeper_than_bulk_operations_take() -> None:
    depth, connections = 0, list[int]()
    for word in re.findall(r"\w+|[{}]", shopify_queries.bulk_orders(None)):
        depth += {"{": 1, "}": -1}.get(word, 0)
        if word == "edges":
            connections.append(depth)

    assert len(connections) == 5
    assert len(set(connections)) == 3  # orders, what they contain, and what that contains


def test_an_order_is_whole_and_has_no_floats(api: ScriptedApi, hook: ShopifyHook) -> None:
    taxes = [{"title": "MA-STATE", "rate": 0.0625}, {"title": "UK-ZERO", "rate": 0}]
    clock_and(api, orders(order(lineItems=nodes({"id": "line/1", "quantity": 2, "taxLines": taxes}))))

    [record] = everything(hook)

    assert record.key == f"shopify:{SHOP}:order:1001"
    assert record.changed_at == datetime(2026, 3, 2, 15, 41, tzinfo=UTC)
    assert [tax["rate"] for tax in record.payload["lineItems"][0]["taxLines"]] == ["0.0625", "0"]
    assert record.payload["lineItems"][0]["quantity"] == 2


def test_the_version_moves_with_the_content_not_with_the_time_of_change(api: ScriptedApi, hook: ShopifyHook) -> None:
    tagged = order(updated="2026-03-02T16:00:00Z")
    edited = order(updated="2026-03-02T17:00:00Z", lineItems=nodes({"id": "line/1", "quantity": 1}))
    clock_and(api, orders(order(), tagged, edited))

    before, after_a_tag, after_an_edit = everything(hook)

    assert before.version == after_a_tag.version != after_an_edit.version


def test_lines_refund_lines_and_sales_beyond_the_first_page_are_not_lost(api: ScriptedApi, hook: ShopifyHook) -> None:
    refund = {"id": "refund/1", **{name: nodes() for name in ("refundShippingLines", "orderAdjustments")}}
    refund |= {"refundLineItems": nodes({"id": "r1"}, after="r"), "transactions": nodes()}
    agreements = {"edges": [agreement({"id": "s1"})], "pageInfo": {"hasNextPage": True, "endCursor": "c1"}}
    long = order(lineItems=nodes({"id": "l1"}, after="l"), refunds=[refund], agreements=agreements)
    second = agreement({"id": "s2"}, identity=2, after="s")
    clock_and(
        api,
        orders(long),
        answer({"owner": {"connection": nodes({"id": "l2"}, after="m")}}),
        answer({"owner": {"connection": nodes({"id": "l3"})}}),
        answer({"owner": {"connection": nodes({"id": "r2"})}}),
        answer({"owner": {"connection": {"edges": [second], "pageInfo": LAST_PAGE}}}),
        answer({"owner": {"agreements": {"nodes": [{"connection": nodes({"id": "s3"})}]}}}),
    )

    [record] = everything(hook)

    assert [line["id"] for line in record.payload["lineItems"]] == ["l1", "l2", "l3"]
    assert [line["id"] for line in record.payload["refunds"][0]["refundLineItems"]] == ["r1", "r2"]
    sales = [[sale["id"] for sale in part["sales"]] for part in record.payload["agreements"]]
    assert sales == [["s1"], ["s2", "s3"]]
    assert api.asked[3].json["variables"] == {"id": long["id"], "after": "m"}
    assert api.asked[-1].json["variables"] == {"id": long["id"], "after": "s", "agreement": "c1"}


def test_a_window_asks_by_change_and_begins_earlier_by_the_lag_of_the_index(
    api: ScriptedApi, hook: ShopifyHook
) -> None:
    clock_and(api, orders())

    everything(hook)

    asked = api.asked[1]
    assert asked.path == "/admin/api/2026-10/graphql.json"
    assert asked.headers["x-shopify-access-token"] == "shpat_1"
    assert asked.json["variables"]["filter"] == (
        "updated_at:>='2026-03-02T11:58:00Z' updated_at:<='2026-03-02T18:00:00Z'"
    )


def test_an_order_seen_twice_while_paging_comes_once(api: ScriptedApi, hook: ShopifyHook) -> None:
    clock_and(api, orders(order(), after="p1"), orders(order(), order(1002)))

    assert [record.payload["name"] for record in everything(hook)] == ["#1001", "#1002"]


def test_an_order_changed_after_the_window_is_left_to_the_next(api: ScriptedApi, hook: ShopifyHook) -> None:
    clock_and(api, orders(order(updated="2026-03-02T18:00:01Z")))

    assert everything(hook) == []


def test_test_orders_are_left_out_and_named(
    api: ScriptedApi, hook: ShopifyHook, capfd: pytest.CaptureFixture[str]
) -> None:
    clock_and(api, orders(order(test=True)))

    assert everything(hook) == []

    assert "test order #1001 left out" in capfd.readouterr().out


def test_a_filter_the_shop_ignores_is_noticed(api: ScriptedApi, hook: ShopifyHook) -> None:
    clock_and(api, orders(order(updated="2020-01-01T00:00:00Z")))

    with pytest.raises(ConfigurationError, match="ignores the filter") as refused:
        everything(hook)

    assert refused.value.code == "LB-SHOPIFY-011"


@pytest.mark.parametrize("status", [200, 429])
def test_a_throttled_query_waits_until_it_fits(
    api: ScriptedApi, hook: ShopifyHook, waits: list[float], status: int
) -> None:
    cost = {"requestedQueryCost": 650, "actualQueryCost": None, "throttleStatus": bucket(50)}
    api.will_reply(refusal("THROTTLED", status, cost), answer({"shop": {"id": "1"}}))

    assert hook.graphql(shopify_queries.CLOCK, {}).data == {"shop": {"id": "1"}}
    assert waits == [6.0]


def test_a_429_without_a_bucket_waits_as_long_as_it_says(
    api: ScriptedApi, hook: ShopifyHook, waits: list[float]
) -> None:
    api.will_reply(Reply({"errors": "Too many requests"}, 429, {"Retry-After": "2.0"}), answer({}))

    hook.graphql(shopify_queries.CLOCK, {})

    assert waits == [2.0]


def test_a_bucket_that_stays_empty_is_worth_a_later_repeat(
    api: ScriptedApi, hook: ShopifyHook, waits: list[float]
) -> None:
    cost = {"requestedQueryCost": 650, "throttleStatus": bucket(50)}
    api.will_reply(*[refusal("THROTTLED", points=cost)] * 5)

    with pytest.raises(TransientError, match="throttles") as refused:
        hook.graphql(shopify_queries.CLOCK, {})

    assert refused.value.code == "LB-SHOPIFY-006"
    assert refused.value.retry_after_seconds == 6.0
    assert len(waits) == 5


def test_a_page_too_dear_is_asked_for_smaller(api: ScriptedApi, hook: ShopifyHook) -> None:
    clock_and(api, refusal("MAX_COST_EXCEEDED", cost=1600, maxCost=1000), orders(order()))

    assert len(everything(hook)) == 1
    assert [asked.json["variables"].get("first") for asked in api.asked[1:]] == [2, 1]


def test_a_page_that_cannot_be_smaller_is_refused(api: ScriptedApi, hook: ShopifyHook) -> None:
    too_dear = refusal("MAX_COST_EXCEEDED", cost=2600, maxCost=1000)
    clock_and(api, too_dear, too_dear)

    with pytest.raises(QueryTooDear, match="costs 2600 points, 1000 are allowed"):
        everything(hook)


def test_orders_that_are_named_are_asked_for_fewer_at_a_time_where_that_is_too_dear(
    hook: ShopifyHook, api: ScriptedApi
) -> None:
    refused = refusal("MAX_COST_EXCEEDED", cost=2400, maxCost=1000)
    gone = Reply({"data": {"nodes": [None]}, "extensions": {}})
    api.will_reply(refused, *[gone] * 3)
    source = hook.entity("order")
    assert isinstance(source, KeyedSource)
    assert list(source.read_keys([f"shopify:{SHOP}:order:{number}" for number in range(10)])) == []
    asked = [len(each.json["variables"]["ids"]) for each in api.asked]
    assert asked == [10, 4, 4, 2]


def test_pages_grow_to_what_their_cost_allows(api: ScriptedApi, hook: ShopifyHook) -> None:
    clock_and(api, orders(order(), after="p1", requested=200), orders(order(1002)))

    everything(hook)

    assert [asked.json["variables"]["first"] for asked in api.asked[1:]] == [2, 9]


@pytest.fixture
def payments(hook: ShopifyHook) -> ShopifyPaymentsHook:
    """Shopify Payments, on the shop's connection."""
    return ShopifyPaymentsHook("shopify_test")


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "USD"}


def account(connection: dict[str, Any]) -> Reply:
    return answer({"shopifyPaymentsAccount": {"connection": connection}})


def payout(**fields: Any) -> dict[str, Any]:
    return {
        "id": "gid://shopify/ShopifyPaymentsPayout/7", "legacyResourceId": "7", "issuedAt": "2026-03-01T00:00:00Z",
        "status": "PAID", "transactionType": "DEPOSIT", "externalTraceId": "T1", "net": usd("51.91"),
    } | fields  # fmt: skip


def moved(number: int, net: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/ShopifyPaymentsBalanceTransaction/{number}", "type": "CHARGE", "test": False,
        "transactionDate": "2026-03-01T00:00:00Z", "amount": usd("53.77"), "fee": usd("1.86"), "net": usd(net),
        "sourceOrderTransactionId": None, "associatedOrder": None,
    } | fields  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "net", "unexplained"),
    [
        pytest.param({}, "51.91", "0.00", id="whole"),
        pytest.param({}, "51.90", "0.01", id="a-cent-missing"),
        pytest.param({"transactionType": "WITHDRAWAL"}, "-51.91", "0.00", id="taken-from-the-bank"),
    ],
)
def test_a_payout_lists_what_it_is_made_of(
    api: ScriptedApi, payments: ShopifyPaymentsHook, fields: dict[str, Any], net: str, unexplained: str
) -> None:
    api.will_reply(account(nodes(payout(**fields))), account(nodes(moved(1, net))))

    [page] = payments.entity("payout").read(Window(NOON))

    assert page[0].key == f"shopify_payments:{SHOP}:payout:7"
    assert [item["net"] for item in page[0].payload["items"]] == [usd(net)]
    assert page[0].payload["unexplained"] == unexplained
    assert api.asked[0].json["variables"]["filter"] == "issued_at:>='2026-01-31T12:00:00Z'"
    assert api.asked[1].json["variables"]["filter"] == "payments_transfer_id:7"


def test_a_scheduled_payout_has_no_items_yet(api: ScriptedApi, payments: ShopifyPaymentsHook) -> None:
    api.will_reply(account(nodes(payout(status="SCHEDULED"))))

    [page] = payments.entity("payout").read(Window(NOON))

    assert (page[0].payload["items"], page[0].payload["unexplained"]) == (None, None)


def test_balance_transactions_are_read_to_the_last_page_without_test_ones(
    api: ScriptedApi, payments: ShopifyPaymentsHook
) -> None:
    api.will_reply(account(nodes(moved(1, "51.91"), after="p")), account(nodes(moved(2, "1.00", test=True))))

    pages = payments.entity("balance_transaction").read(Window())

    assert [record.key for page in pages for record in page] == [f"shopify_payments:{SHOP}:balance_transaction:1"]


def test_a_balance_transaction_has_the_payment_of_its_order(api: ScriptedApi, payments: ShopifyPaymentsHook) -> None:
    of_order = {"associatedOrder": {"id": "gid://shopify/Order/9", "name": "#9"}}
    given_back = moved(2, "-53.77", type="REFUND", sourceOrderTransactionId="72", **of_order)
    label = moved(3, "-8.10", type="SHIPPING_LABEL")
    parent = {"id": "gid://shopify/OrderTransaction/71"}
    transactions = [
        {"id": f"gid://shopify/OrderTransaction/{number}", "parentTransaction": parent} for number in (71, 72)
    ]
    order = {"id": "gid://shopify/Order/9", "transactions": transactions}
    api.will_reply(account(nodes(given_back, label)), answer({"nodes": [order]}))

    [[refunded, other]] = payments.entity("balance_transaction").read(Window())

    assert refunded.payload["transaction"] == transactions[1]
    assert (other.payload["transaction"], other.payload["shop"]) == (None, SHOP)
    assert api.asked[1].json["variables"] == {"ids": ["gid://shopify/Order/9"]}


def test_the_payment_of_an_order_that_the_shop_hides_is_left_out(
    api: ScriptedApi, payments: ShopifyPaymentsHook
) -> None:
    charge = moved(
        1, "51.91", sourceOrderTransactionId="71", associatedOrder={"id": "gid://shopify/Order/9", "name": "#9"}
    )
    api.will_reply(account(nodes(charge)), answer({"nodes": [None]}))

    [[record]] = payments.entity("balance_transaction").read(Window())

    assert record.payload["transaction"] is None


def test_the_balance_of_shopify_payments_is_by_currency(api: ScriptedApi, payments: ShopifyPaymentsHook) -> None:
    api.will_reply(answer({"shopifyPaymentsAccount": {"balance": [usd("51.91")]}}))

    assert payments.balance() == {"USD": Decimal("51.91")}


def test_a_shop_without_shopify_payments_says_so(api: ScriptedApi, payments: ShopifyPaymentsHook) -> None:
    api.will_reply(answer({"shopifyPaymentsAccount": None}))

    with pytest.raises(ConfigurationError, match="no Shopify Payments account") as refused:
        payments.balance()

    assert refused.value.code == "LB-SHOPIFY-015"


PLACED = "2026-03-02T15:41:00Z"
BACKFILL = Window(datetime(2026, 2, 1, tzinfo=UTC), EVENING)


def started(*errors: dict[str, str]) -> Reply:
    return answer({"bulkOperationRunQuery": {"bulkOperation": {"id": "bulk/1"}, "userErrors": list(errors)}})


def export_state(status: str, url: str | None = None, error: str | None = None) -> Reply:
    state = {"id": "bulk/1", "status": status, "errorCode": error, "objectCount": "7", "url": url}
    return answer({"bulkOperation": state})


def test_a_long_window_is_exported_and_joined_whatever_the_order_of_lines(
    api: ScriptedApi, hook: ShopifyHook, waits: list[float]
) -> None:
    plain = order(1002, "2026-03-01T00:00:00Z", agreements=None, refunds=[])
    refunded = order(1001, agreements=None, refunds=[{"id": "refund/1"}])
    for exported in (plain, refunded):
        for connection in ("lineItems", "shippingLines", "agreements"):
            del exported[connection]
    lines = [
        {"id": "s2", "__typename": "ShippingLineSale", "__parentId": "a1"},
        {"id": "l1", "__typename": "LineItem", "rate": 0.2, "__parentId": refunded["id"]},
        refunded,
        {"id": "a1", "__typename": "OrderAgreement", "happenedAt": PLACED, "__parentId": refunded["id"]},
        plain,
        {"id": "h1", "__typename": "ShippingLine", "__parentId": refunded["id"]},
        {"id": "s1", "__typename": "ProductSale", "__parentId": "a1"},
    ]
    refund = {"id": "refund/1", "refundLineItems": nodes({"id": "r1"}), "refundShippingLines": nodes()}
    refund |= {"orderAdjustments": nodes(), "transactions": nodes()}
    clock_and(
        api,
        count(101),
        started(),
        export_state("RUNNING"),
        export_state("COMPLETED", f"{api.url}/export"),
        Reply("\n".join(json.dumps(line) for line in lines)),
        answer({"owner": refund}),
    )

    first, second = everything(hook, BACKFILL)

    assert (first.payload["name"], second.payload["name"]) == ("#1002", "#1001")
    assert second.payload["lineItems"] == [{"id": "l1", "rate": "0.2"}]
    assert second.payload["shippingLines"] == [{"id": "h1"}]
    assert [sale["id"] for sale in second.payload["agreements"][0]["sales"]] == ["s1", "s2"]
    assert second.payload["refunds"][0]["refundLineItems"] == [{"id": "r1"}]
    assert waits == [1.0]
    assert "x-shopify-access-token" not in api.asked[-2].headers


def test_a_long_window_with_few_orders_is_paged(api: ScriptedApi, hook: ShopifyHook) -> None:
    clock_and(api, count(100), orders(order()))

    assert len(everything(hook, BACKFILL)) == 1


def test_the_signature_in_an_exports_address_stays_out_of_messages(api: ScriptedApi, hook: ShopifyHook) -> None:
    with serve_script() as storage:
        address = f"{storage.url}/export?signature=planted-secret"
    clock_and(api, count(101), started(), export_state("COMPLETED", address))

    with pytest.raises(TransientError, match="/export got no answer") as refused:
        everything(hook, BACKFILL)

    assert "planted-secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("result", "cause"),
    [
        pytest.param(Reply('{"id": "gid://shopify/Order/1"}\n' * 2, cut=True), "ChunkedEncodingError", id="cut off"),
        pytest.param(Reply(f"{json.dumps({'id': 'x' * 200_000})}\n"), "AnswerTooLarge", id="one line without end"),
    ],
)
def test_an_export_that_breaks_off_is_worth_a_repeat(
    api: ScriptedApi, hook: ShopifyHook, monkeypatch: pytest.MonkeyPatch, result: Reply, cause: str
) -> None:
    monkeypatch.setattr(untrusted, "MAX_BYTES", 100_000)
    clock_and(api, count(101), started(), export_state("COMPLETED", f"{api.url}/export"), result)

    with pytest.raises(TransientError, match=f"LB-SHOPIFY-014 .* broke off: {cause}"):
        everything(hook, BACKFILL)


def test_an_export_without_result_is_no_error(api: ScriptedApi, hook: ShopifyHook) -> None:
    clock_and(api, count(101), started(), export_state("COMPLETED"))

    assert everything(hook, BACKFILL) == []


@pytest.mark.parametrize(
    ("replies", "error", "code"),
    [
        pytest.param(
            [started({"code": "OPERATION_IN_PROGRESS", "message": "busy"})],
            TransientError,
            "LB-SHOPIFY-013",
            id="others-run",
        ),
        pytest.param(
            [started({"code": "INVALID", "message": "no"})], ConfigurationError, "LB-SHOPIFY-007", id="refused"
        ),
        pytest.param(
            [started(), export_state("FAILED", error="ACCESS_DENIED")], ConfigurationError, "LB-SHOPIFY-003", id="scope"
        ),
        pytest.param([started(), export_state("FAILED", error="TIMEOUT")], TransientError, "LB-SHOPIFY-014", id="slow"),
        pytest.param([started(), export_state("CANCELED")], TransientError, "LB-SHOPIFY-014", id="cancelled"),
    ],
)
def test_an_export_that_fails_says_what_to_do(
    api: ScriptedApi, hook: ShopifyHook, replies: list[Reply], error: type[Exception], code: str
) -> None:
    clock_and(api, count(101), *replies)

    with pytest.raises(error, match=r"Remedy: \w") as refused:
        everything(hook, BACKFILL)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("reply", "error", "code"),
    [
        pytest.param(refusal("ACCESS_DENIED"), ConfigurationError, "LB-SHOPIFY-003", id="access-denied"),
        pytest.param(refusal("SHOP_INACTIVE"), ConfigurationError, "LB-SHOPIFY-010", id="shop-inactive"),
        pytest.param(refusal("INTERNAL_SERVER_ERROR"), TransientError, "LB-SHOPIFY-005", id="internal"),
        pytest.param(refusal("undefinedField"), ConfigurationError, "LB-SHOPIFY-007", id="query"),
        pytest.param(
            Reply("", 301, {"Location": "https://shop.example.com/"}),
            ConfigurationError,
            "LB-SHOPIFY-001",
            id="moved",
        ),
        pytest.param(Reply({"errors": "[API] Invalid API key"}, 401), ConfigurationError, "LB-SHOPIFY-002", id="401"),
        pytest.param(Reply({"errors": "Unavailable Shop"}, 402), ConfigurationError, "LB-SHOPIFY-010", id="402"),
        pytest.param(Reply({"errors": "scope"}, 403), ConfigurationError, "LB-SHOPIFY-003", id="403"),
        pytest.param(Reply({"errors": "Not Found"}, 404), ConfigurationError, "LB-SHOPIFY-001", id="404"),
        pytest.param(Reply("", 423), ConfigurationError, "LB-SHOPIFY-010", id="423"),
        pytest.param(Reply("", 430), ConfigurationError, "LB-SHOPIFY-010", id="430"),
        pytest.param(Reply("<html>", 502), TransientError, "LB-SHOPIFY-005", id="502"),
        pytest.param(Reply("<html>", 200), TransientError, "LB-SHOPIFY-004", id="not-json"),
    ],
)
def test_a_refusal_says_what_to_do_and_keeps_its_fields(
    api: ScriptedApi, hook: ShopifyHook, reply: Reply, error: type[Exception], code: str
) -> None:
    api.will_reply(reply)

    with pytest.raises(error, match=r"Remedy: \w") as refused:
        hook.graphql(shopify_queries.CLOCK, {})

    assert pickle.loads(pickle.dumps(refused.value)).code == code


def test_one_field_denied_beside_data_is_refused_not_read_as_empty(api: ScriptedApi, hook: ShopifyHook) -> None:
    denied = {"message": "no", "path": ["orders", "nodes", 0, "customer"], "extensions": {"code": "ACCESS_DENIED"}}
    clock_and(api, answer({"orders": nodes(order(customer=None))}, errors=[denied]))

    with pytest.raises(ConfigurationError, match=r"orders\.nodes\.0\.customer \(ACCESS_DENIED\)"):
        everything(hook)


@pytest.fixture
def client_hook(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> ShopifyHook:
    return hook_on(monkeypatch, api.url, login="client-1", password="secret-1")


def test_client_credentials_become_a_token(api: ScriptedApi, client_hook: ShopifyHook) -> None:
    api.will_reply(Reply({"access_token": "shpca_1", "scope": "read_orders", "expires_in": 86399}), answer({}))

    client_hook.graphql(shopify_queries.CLOCK, {})

    granted, asked = api.asked
    assert granted.path == "/admin/oauth/access_token"
    assert sorted(granted.body.split("&")) == [
        "client_id=client-1",
        "client_secret=secret-1",
        "grant_type=client_credentials",
    ]
    assert asked.headers["x-shopify-access-token"] == "shpca_1"
    assert "authorization" not in asked.headers


def test_an_expired_token_is_replaced_once(api: ScriptedApi, client_hook: ShopifyHook) -> None:
    expired = Reply({"errors": "[API] Invalid API key or access token"}, 401)
    api.will_reply(
        Reply({"access_token": "old", "expires_in": 86399}),
        expired,
        Reply({"access_token": "new", "expires_in": 86399}),
        answer({}),
    )

    client_hook.graphql(shopify_queries.CLOCK, {})

    assert api.asked[-1].headers["x-shopify-access-token"] == "new"


def test_an_app_that_is_not_installed_is_refused(api: ScriptedApi, client_hook: ShopifyHook) -> None:
    api.will_reply(Reply({"error": "app_not_installed", "error_description": "install it"}, 400))

    with pytest.raises(ConfigurationError, match="grants no token: app_not_installed") as refused:
        client_hook.graphql(shopify_queries.CLOCK, {})

    assert refused.value.code == "LB-SHOPIFY-002"
    assert "secret-1" not in str(refused.value)


def test_a_version_that_fell_forward_is_noticed_once(
    api: ScriptedApi, hook: ShopifyHook, capfd: pytest.CaptureFixture[str]
) -> None:
    served = Reply({"data": {}}, headers={"X-Shopify-API-Version": "2027-01"})
    api.will_reply(served, served)

    hook.graphql(shopify_queries.CLOCK, {})
    hook.graphql(shopify_queries.CLOCK, {})

    assert capfd.readouterr().out.count("answers in version 2027-01, asked was 2026-10") == 1


@pytest.mark.parametrize(
    ("scopes", "warned"),
    [pytest.param((), True, id="without-the-scope"), pytest.param(("read_all_orders",), False, id="with-it")],
)
def test_a_read_of_old_orders_notices_the_missing_scope(
    api: ScriptedApi, hook: ShopifyHook, capfd: pytest.CaptureFixture[str], scopes: tuple[str, ...], warned: bool
) -> None:
    clock_and(api, installation(*scopes), count(0), orders())

    everything(hook, Window())

    assert ("no orders created before 2026-01-01" in capfd.readouterr().out) == warned


def test_test_connection_names_the_missing_scopes(api: ScriptedApi, hook: ShopifyHook) -> None:
    api.will_reply(installation("read_orders"))

    assert hook.test_connection() == (
        False,
        "The app lacks the scopes read_customers, read_products: add them and install it again.",
    )


def test_test_connection_tells_shop_currency_and_zone(api: ScriptedApi, hook: ShopifyHook) -> None:
    api.will_reply(installation("read_orders", "read_customers", "read_products"))

    good, message = hook.test_connection()

    assert good
    assert message.startswith(f"Shop {SHOP}, USD, America/New_York. Without read_all_orders")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"host": "shop.example.com", "extra": {}}, id="own-domain"),
        pytest.param({"host": f"https://{SHOP}", "password": None}, id="no-token"),
        pytest.param({"host": f"https://{SHOP}", "extra": {"access": "magic"}}, id="unknown-access"),
    ],
)
def test_an_incomplete_connection_is_refused(monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]) -> None:
    hook = hook_on(monkeypatch, "", **fields)

    with pytest.raises(ConfigurationError, match="shopify_test") as refused:
        everything(hook)

    assert refused.value.code == "LB-SHOPIFY-001"


def test_a_host_without_scheme_is_spoken_to_by_https(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = hook_on(monkeypatch, SHOP, extra={})

    assert hook.session is not None
    assert (hook.base_url, hook.shop) == (f"https://{SHOP}", SHOP)


def test_the_documented_connection_is_complete(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "shopify.md"
    [example] = re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)
    documented = json.loads(example)
    hook = hook_on(monkeypatch, api.url, **documented | {"host": api.url, "extra": {"shop": documented["host"]}})
    api.will_reply(
        Reply({"access_token": "shpca_1", "expires_in": 86399}),
        installation("read_orders", "read_customers", "read_products"),
    )

    assert hook.test_connection()[0]
    assert hook.shop == "your-shop.myshopify.com"
