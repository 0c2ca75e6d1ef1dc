"""The simulated Shopify answers as the Admin API is described, to its own Python client among others."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

import graphql
import httpx
import pytest
import shopify

from sandbox.shopify.app import create_app
from tests.contract.served_app import serve
from tests.contract.webhook_receiver import Receiver, receiving
from tests.golden import golden_file
from tests.reference_data import SHOPIFY_SCHEMA

OWN_SCHEMA = Path(__file__).parents[2] / "sandbox" / "shopify" / "schema.graphql"

COMPANY = {
    "name": "Harbor Light Supply",
    "base_currency": "USD",
    "time_zone": "America/New_York",
    "shops": [
        {"shop": "us", "currency": "USD", "taxes_included": False},
        {"shop": "uk", "currency": "GBP", "taxes_included": True},
    ],
}
DOMAIN = "us-harbor-light-supply.myshopify.com"
UK_DOMAIN = "uk-harbor-light-supply.myshopify.com"
ANN = {
    "id": "c1", "email": "ann@example.com", "first_name": "Ann", "last_name": "Archer", "company": None,
    "address": {"line1": "12 Harbor Street", "line2": "", "city": "Salem", "state": "MA", "zip": "01970",
                "country": "US"},
}  # fmt: skip


class Sandbox:
    """The running simulator with a merchant's buttons and an app's token."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=30)
        self.press("POST", "seed", {"company": COMPANY, "client_id": "app", "client_secret": "hush"})
        self.token = self.ask_for_token().json()["access_token"]

    def press(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"/_sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def act(self, name: str, verb: str, event: dict[str, Any]) -> Any:
        return self.press("POST", f"orders/{quote(name, safe='')}/{verb}", event)

    def ask_for_token(self, **changed: str) -> httpx.Response:
        form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "hush"} | changed
        return self.http.post(f"/{DOMAIN}/admin/oauth/access_token", data=form)

    def post(self, text: str, *, version: str = "2026-10", domain: str = DOMAIN, **variables: Any) -> httpx.Response:
        return self.http.post(
            f"/{domain}/admin/api/{version}/graphql.json",
            json={"query": text, "variables": variables},
            headers={"X-Shopify-Access-Token": self.token},
        )

    def data(self, text: str, **variables: Any) -> Any:
        body = self.post(text, **variables).json()
        assert "errors" not in body, body["errors"]
        return body["data"]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with serve(create_app(tmp_path)) as url:
        yield Sandbox(url)


def line(sku: str = "MUG-12", quantity: int = 1, tax: str = "0.46", discount: str = "0.00") -> dict[str, Any]:
    taxes = [{"detail": "MA-STATE", "rate": "0.0625", "amount": tax}]
    return {"sku": sku, "quantity": quantity, "unit_price": "7.35", "discount": discount, "tax": taxes}


def order(name: str = "#1001", placed_at: str = "2026-03-02T15:41:00Z", **changed: Any) -> dict[str, Any]:
    return {
        "name": name, "shop": "us", "placed_at": placed_at, "currency": "USD", "rate": "1", "taxes_included": False,
        "customer": ANN, "lines": [line()], "shipping": None, "total": "7.81",
    } | changed  # fmt: skip


def pay(amount: str, identity: str = "ch_1", at: str = "2026-03-02T16:00:00Z") -> dict[str, Any]:
    return {"id": identity, "at": at, "amount": amount, "fee": "0.50"}


def refund(amount: str, at: str = "2026-03-05T10:00:00Z", **parts: Any) -> dict[str, Any]:
    return {"id": "re_1", "at": at, "amount": amount, **parts}


MONEY = "{ shopMoney { amount } }"
LEDGER = f"""query($named: String) {{ orders(first: 1, query: $named) {{ nodes {{
    totalPriceSet {MONEY} currentTotalPriceSet {MONEY} originalTotalPriceSet {MONEY} subtotalPriceSet {MONEY}
    totalShippingPriceSet {MONEY} totalTaxSet {MONEY} totalOutstandingSet {MONEY} netPaymentSet {MONEY}
    displayFinancialStatus edited taxesIncluded
    lineItems(first: 3) {{ nodes {{ sku quantity currentQuantity taxLines {{ title priceSet {MONEY} }} }} }}
    agreements(first: 3) {{ nodes {{ __typename reason happenedAt sales(first: 4) {{ nodes {{
        lineType actionType quantity totalAmount {MONEY} totalTaxAmount {MONEY} }} }} }} }}
    refunds {{ totalRefundedSet {MONEY}
        refundLineItems(first: 2) {{ nodes {{ quantity restockType subtotalSet {MONEY} totalTaxSet {MONEY} }} }}
        orderAdjustments(first: 1) {{ nodes {{ amountSet {MONEY} reason }} }}
        transactions(first: 2) {{ nodes {{ kind status paymentId parentTransaction {{ id }} }} }} }}
}} }} }}"""


def amount(bag: dict[str, Any]) -> Decimal:
    return Decimal(bag["shopMoney"]["amount"])


def ledger(sandbox: Sandbox, name: str = "#1001", shop: dict[str, str] | None = None) -> Any:
    if shop:
        sandbox.token = shop["access_token"]
    body = sandbox.post(LEDGER, domain=shop["domain"] if shop else DOMAIN, named=f"name:'{name}'").json()
    assert "errors" not in body, body["errors"]
    [found] = body["data"]["orders"]["nodes"]
    return found


def sold(found: Any) -> Decimal:
    return sum(
        (amount(s["totalAmount"]) for a in found["agreements"]["nodes"] for s in a["sales"]["nodes"]), Decimal(0)
    )


# --- the schema


@SHOPIFY_SCHEMA.needed
def test_every_type_field_and_argument_of_ours_is_in_the_real_schema_with_the_same_type() -> None:
    ours = graphql.build_schema(OWN_SCHEMA.read_text())
    real = graphql.build_schema(SHOPIFY_SCHEMA.text(), assume_valid=True)
    differences = []
    for name, kind in ours.type_map.items():
        if name.startswith("__") or name in graphql.specified_scalar_types:
            continue
        other: Any = real.type_map.get(name)
        for field_name, field in getattr(kind, "fields", {}).items():
            real_field = getattr(other, "fields", {}).get(field_name)
            if real_field is None or str(real_field.type) != str(field.type):
                differences.append(f"{name}.{field_name}")
                continue
            for argument_name, argument in getattr(field, "args", {}).items():
                real_argument = real_field.args.get(argument_name)
                if real_argument is None or str(real_argument.type) != str(argument.type):
                    differences.append(f"{name}.{field_name}({argument_name})")
        differences += [f"{name}.{value}" for value in getattr(kind, "values", {}) if value not in other.values]
        if other is None:
            differences.append(name)
    assert differences == []


def test_a_field_the_schema_does_not_have_is_refused_with_its_place(sandbox: Sandbox) -> None:
    body = sandbox.post("{ shop { name favouriteColour } }").json()

    assert "data" not in body
    assert body["errors"][0]["message"].startswith("Cannot query field 'favouriteColour' on type 'Shop'")
    assert body["errors"][0]["locations"] == [{"line": 1, "column": 15}]


def test_shopifys_own_client_reads_orders(sandbox: Sandbox) -> None:
    sandbox.press("POST", "orders", order())
    shopify.ShopifyResource.set_site(f"{sandbox.url}/{DOMAIN}/admin/api/2026-10")
    shopify.ShopifyResource.headers = {"X-Shopify-Access-Token": sandbox.token}

    answer = json.loads(shopify.GraphQL().execute("{ orders(first: 1) { nodes { name email } } }"))

    assert answer["data"]["orders"]["nodes"] == [{"name": "#1001", "email": "ann@example.com"}]
    assert answer["extensions"]["cost"]["requestedQueryCost"] == 1


def test_shopifys_own_client_pages_is_throttled_and_hears_that_its_token_ended(sandbox: Sandbox) -> None:
    for number in range(1001, 1004):
        sandbox.press("POST", "orders", order(f"#{number}"))
    shopify.ShopifyResource.set_site(f"{sandbox.url}/{DOMAIN}/admin/api/2026-10")
    shopify.ShopifyResource.headers = {"X-Shopify-Access-Token": sandbox.token}
    page = "query($after: String) { orders(first: 2, after: $after) { nodes { name } pageInfo { endCursor } } }"

    def ask(**variables: Any) -> Any:
        return json.loads(shopify.GraphQL().execute(page, variables=variables))

    first = ask()["data"]["orders"]
    second = ask(after=first["pageInfo"]["endCursor"])["data"]["orders"]
    assert [node["name"] for node in first["nodes"] + second["nodes"]] == ["#1001", "#1002", "#1003"]

    sandbox.press("PUT", "settings", {"maximum_available": 1.0, "restore_rate": 0.0})
    throttled = ask()
    assert throttled["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert throttled["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 1.0

    sandbox.http.delete("/_sandbox/tokens").raise_for_status()
    with pytest.raises(HTTPError, match="401"):
        ask()


# --- access


def test_client_credentials_give_a_token_for_a_day_with_the_granted_scopes(sandbox: Sandbox) -> None:
    answer = sandbox.ask_for_token().json()

    assert answer["expires_in"] == 86399
    assert answer["scope"] == "read_orders,read_customers,read_products,read_shopify_payments"
    scopes = sandbox.data("{ currentAppInstallation { accessScopes { handle } } }")
    assert {"handle": "read_orders"} in scopes["currentAppInstallation"]["accessScopes"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        pytest.param({"client_secret": "guess"}, "invalid_client", id="wrong-secret"),
        pytest.param({"client_id": "nobody"}, "app_not_installed", id="unknown-app"),
        pytest.param({"grant_type": "password"}, "unsupported_grant_type", id="other-grant"),
    ],
)
def test_a_token_is_refused_with_its_oauth_error(sandbox: Sandbox, changed: dict[str, str], error: str) -> None:
    answer = sandbox.ask_for_token(**changed)

    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_token_of_one_shop_opens_no_other(sandbox: Sandbox) -> None:
    answer = sandbox.post("{ shop { name } }", domain=UK_DOMAIN)

    assert answer.status_code == 401
    assert answer.json()["errors"].startswith("[API] Invalid API key or access token")


def test_a_refresh_token_is_good_for_one_use_and_gives_the_next(sandbox: Sandbox) -> None:
    first = sandbox.press("POST", "offline_tokens", {"shop": DOMAIN, "client_id": "app"})

    second = sandbox.ask_for_token(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    again = sandbox.ask_for_token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    third = sandbox.ask_for_token(grant_type="refresh_token", refresh_token=second["refresh_token"])

    assert (second["expires_in"], third.status_code) == (3600, 200)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    sandbox.token = second["access_token"]
    assert sandbox.post("{ shop { name } }").status_code == 200


def test_a_revoked_token_is_refused_and_a_new_one_opens(sandbox: Sandbox) -> None:
    sandbox.http.delete("/_sandbox/tokens", params={"shop": DOMAIN})
    refused = sandbox.post("{ shop { name } }")

    sandbox.token = sandbox.ask_for_token().json()["access_token"]

    assert (refused.status_code, sandbox.post("{ shop { name } }").status_code) == (401, 200)


@pytest.mark.parametrize(
    ("scopes", "found"),
    [
        pytest.param("read_orders", ["#1002"], id="sixty-days"),
        pytest.param("read_orders,read_all_orders", ["#1001", "#1002"], id="read-all-orders"),
    ],
)
def test_orders_older_than_sixty_days_need_a_scope_of_their_own(
    sandbox: Sandbox, scopes: str, found: list[str]
) -> None:
    app = {"company": COMPANY, "client_id": "app", "client_secret": "hush", "scopes": scopes}
    sandbox.press("POST", "seed", app)
    old = sandbox.press("POST", "orders", order("#1001", "2026-03-02T15:41:00Z"))
    sandbox.press("POST", "orders", order("#1002", "2026-05-01T15:42:00Z"))

    assert names(sandbox, "first: 9") == found
    seen = sandbox.data("query($id: ID!) { order(id: $id) { name } }", id=old["id"])["order"]
    assert (seen is not None) == ("#1001" in found)


def test_a_field_beyond_the_scopes_is_null_and_the_rest_answers(sandbox: Sandbox) -> None:
    app = {"company": COMPANY, "client_id": "app", "client_secret": "hush", "scopes": "read_orders"}
    sandbox.press("POST", "seed", app)
    sandbox.press("POST", "orders", order())

    body = sandbox.post("{ orders(first: 1) { nodes { name customer { firstName } } } }").json()

    assert body["data"]["orders"]["nodes"] == [{"name": "#1001", "customer": None}]
    assert body["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    assert body["errors"][0]["path"] == ["orders", "nodes", 0, "customer"]


def test_an_unknown_shop_is_not_found(sandbox: Sandbox) -> None:
    assert sandbox.post("{ shop { name } }", domain="nobody.myshopify.com").status_code == 404


def test_a_shop_is_told_by_its_host_name_too(sandbox: Sandbox) -> None:
    answer = httpx.post(
        f"{sandbox.url}/admin/api/2026-10/graphql.json",
        json={"query": "{ shop { myshopifyDomain } }"},
        headers={"Host": DOMAIN, "X-Shopify-Access-Token": sandbox.token},
    )

    assert answer.json()["data"]["shop"]["myshopifyDomain"] == DOMAIN


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        pytest.param("2026-10", "2026-10", id="newest"),
        pytest.param("2024-01", "2026-01", id="gone-falls-forward"),
    ],
)
def test_the_answer_names_the_version_that_served_it(sandbox: Sandbox, asked: str, served: str) -> None:
    answer = sandbox.post("{ shop { name } }", version=asked)

    assert answer.status_code == 200
    assert answer.headers["X-Shopify-API-Version"] == served


def test_a_path_without_a_version_is_not_found(sandbox: Sandbox) -> None:
    assert sandbox.post("{ shop { name } }", version="newest").status_code == 404


# --- what a query costs


def test_a_connection_costs_its_nodes_and_what_was_not_used_is_given_back(sandbox: Sandbox) -> None:
    sandbox.press("POST", "orders", order())
    sandbox.press("PUT", "settings", {"restore_rate": 0})

    cost = sandbox.post("{ orders(first: 50) { nodes { totalPriceSet { shopMoney { amount } } } } }").json()

    cost = cost["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (150, 3)
    assert cost["throttleStatus"]["maximumAvailable"] == 2000.0
    assert cost["throttleStatus"]["currentlyAvailable"] == 1997.0


def test_a_query_dearer_than_any_plan_allows_is_refused_before_it_runs(sandbox: Sandbox) -> None:
    body = sandbox.post("{ orders(first: 250) { nodes { lineItems(first: 50) { nodes { sku } } } } }").json()

    [error] = body["errors"]
    assert error["extensions"] == {"code": "MAX_COST_EXCEEDED", "cost": 12750, "maxCost": 1000}


@pytest.mark.parametrize("status", [200, 429])
def test_an_empty_bucket_throttles_and_says_what_is_left(sandbox: Sandbox, status: int) -> None:
    sandbox.press("PUT", "settings", {"maximum_available": 20, "restore_rate": 0, "throttled_status": status})
    for _ in range(20):
        assert "data" in sandbox.post("{ shop { name } }").json()

    answer = sandbox.post("{ shop { name } }")

    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["code"] == "THROTTLED"
    cost = answer.json()["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (1, None)
    assert cost["throttleStatus"] == {"maximumAvailable": 20.0, "currentlyAvailable": 0.0, "restoreRate": 0.0}


# --- paging and search


def names(sandbox: Sandbox, arguments: str) -> list[str]:
    return [
        node["name"] for node in sandbox.data(f"{{ orders({arguments}) {{ nodes {{ name }} }} }}")["orders"]["nodes"]
    ]


@pytest.fixture
def three_orders(sandbox: Sandbox) -> Sandbox:
    for number, minute in ((1001, 10), (1002, 20), (1003, 30)):
        sandbox.press("POST", "orders", order(f"#{number}", f"2026-03-02T15:{minute}:00Z"))
    return sandbox


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        pytest.param("first: 2", ["#1001", "#1002"], id="processed-at-first"),
        pytest.param("first: 2, reverse: true", ["#1003", "#1002"], id="reverse"),
        pytest.param("last: 2", ["#1002", "#1003"], id="last"),
        pytest.param('first: 9, query: "updated_at:>\'2026-03-02T15:10:00Z\'"', ["#1002", "#1003"], id="after"),
        pytest.param(
            'first: 9, query: "updated_at:>=\'2026-03-02T10:20:00-05:00\' updated_at:<2026-03-02T15:30:00Z"',
            ["#1002"], id="window-in-another-zone",
        ),
        pytest.param('first: 9, query: "name:#1001 OR name:#1003"', ["#1001", "#1003"], id="or"),
        pytest.param('first: 9, query: "-name:#1002 AND status:open"', ["#1001", "#1003"], id="minus"),
        pytest.param('first: 9, query: "NOT (name:#1001 OR name:#1002)"', ["#1003"], id="parentheses"),
        pytest.param('first: 9, query: "financial_status:pending created_at:2026-03-02"', ["#1001", "#1002", "#1003"],
                     id="whole-day"),
        pytest.param('first: 9, query: "processed_at:<now"', ["#1001", "#1002"], id="now-is-the-business-clock"),
    ],
)  # fmt: skip
def test_orders_are_found_and_sorted(three_orders: Sandbox, arguments: str, found: list[str]) -> None:
    assert names(three_orders, arguments) == found


def test_pages_follow_opaque_cursors_to_the_end(three_orders: Sandbox) -> None:
    query = (
        "query($after: String) { orders(first: 2, after: $after, sortKey: UPDATED_AT)"
        " { nodes { name } pageInfo { hasNextPage endCursor } } }"
    )

    first = three_orders.data(query)["orders"]
    second = three_orders.data(query, after=first["pageInfo"]["endCursor"])["orders"]

    assert [node["name"] for node in first["nodes"] + second["nodes"]] == ["#1001", "#1002", "#1003"]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)


def test_an_order_changed_while_paging_moves_to_the_end(three_orders: Sandbox) -> None:
    query = (
        "query($after: String) { orders(first: 2, after: $after, sortKey: UPDATED_AT)"
        " { nodes { name } pageInfo { endCursor } } }"
    )
    first = three_orders.data(query)["orders"]

    three_orders.act("#1001", "pay", pay("7.81"))

    second = three_orders.data(query, after=first["pageInfo"]["endCursor"])["orders"]
    assert [node["name"] for node in second["nodes"]] == ["#1003", "#1001"]


def test_an_unknown_search_field_is_ignored_with_a_warning(three_orders: Sandbox) -> None:
    body = three_orders.post('{ orders(first: 9, query: "colour:red") { nodes { name } } }').json()

    assert len(body["data"]["orders"]["nodes"]) == 3
    assert body["extensions"]["search"][0]["warnings"] == [{"field": "colour", "code": "invalid_field"}]


def test_a_lagging_index_misses_what_is_new_while_the_order_itself_is_there(three_orders: Sandbox) -> None:
    three_orders.press("PUT", "settings", {"search_lag_seconds": 3600})
    placed = three_orders.press("POST", "orders", order("#1004", "2026-03-02T15:40:00Z"))

    assert "#1004" not in names(three_orders, "first: 9")
    found = three_orders.data("query($id: ID!) { order(id: $id) { name } }", id=placed["id"])
    assert found["order"]["name"] == "#1004"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param("", "you must provide one of first or last", id="neither"),
        pytest.param("(first: 251)", "exceeds the maximum of 250", id="too-many"),
        pytest.param('(first: 1, after: "tomorrow")', "is not a valid cursor", id="bad-cursor"),
    ],
)
def test_a_page_that_can_not_be_cut_is_refused(sandbox: Sandbox, arguments: str, message: str) -> None:
    body = sandbox.post(f"{{ orders{arguments} {{ nodes {{ name }} }} }}").json()

    assert message in body["errors"][0]["message"]


# --- the sales ledger


def test_the_parts_of_an_order_add_up_to_its_total(sandbox: Sandbox) -> None:
    shipping = {"title": "Courier", "price": "9.00", "discount": "4.00", "tax": line(tax="0.31")["tax"]}
    lines = [line(quantity=6, discount="4.41", tax="2.48"), line("LAMP-01", tax="0.46")]
    sandbox.press("POST", "orders", order(lines=lines, shipping=shipping, total="55.29"))

    found = ledger(sandbox)

    parts = ("subtotalPriceSet", "totalShippingPriceSet", "totalTaxSet")
    assert [amount(found[part]) for part in parts] == [Decimal("47.04"), Decimal("5.00"), Decimal("3.25")]
    assert amount(found["totalPriceSet"]) == amount(found["totalOutstandingSet"]) == sold(found) == Decimal("55.29")


def test_an_order_whose_figures_do_not_add_up_is_not_placed(sandbox: Sandbox) -> None:
    answer = httpx.post(f"{sandbox.url}/_sandbox/orders", json=order(total="7.80"))

    assert answer.status_code == 409
    assert "add up to 7.81, `total` says 7.80" in answer.json()["error"]


def test_an_edit_appends_an_agreement_over_the_difference_and_keeps_the_original_line(sandbox: Sandbox) -> None:
    sandbox.press("POST", "orders", order(lines=[line(quantity=10, tax="4.59")], total="78.09"))
    edited = [line(quantity=6, tax="2.76"), line("CARD-05", tax="0.46")]

    sandbox.act("#1001", "edit", {"at": "2026-03-02T19:00:00Z", "lines": edited})

    found = ledger(sandbox)
    _, edit = found["agreements"]["nodes"]
    assert (edit["__typename"], edit["reason"]) == ("OrderEditAgreement", "ORDER_EDIT")
    assert [(s["actionType"], s["quantity"], amount(s["totalAmount"])) for s in edit["sales"]["nodes"]] == [
        ("RETURN", -4, Decimal("-31.23")),
        ("ORDER", 1, Decimal("7.81")),
    ]
    mug, card = found["lineItems"]["nodes"]
    assert (mug["quantity"], mug["currentQuantity"], amount(mug["taxLines"][0]["priceSet"])) == (10, 6, Decimal("4.59"))
    assert (card["quantity"], card["currentQuantity"]) == (1, 1)
    assert amount(found["currentTotalPriceSet"]) == sold(found) == Decimal("54.67")
    assert (amount(found["originalTotalPriceSet"]), found["edited"]) == (Decimal("78.09"), True)


def test_a_partial_refund_gives_back_the_stated_net_and_tax(sandbox: Sandbox) -> None:
    sandbox.press("POST", "orders", order(lines=[line(quantity=2, tax="0.92")], total="15.62"))
    sandbox.act("#1001", "pay", pay("15.62"))
    taxes = [{"detail": "MA-STATE", "amount": "0.46"}]
    lines = [{"sku": "MUG-12", "quantity": 1, "net": "7.35", "tax": taxes}]

    sandbox.act("#1001", "refund", refund("7.81", lines=lines))

    found = ledger(sandbox)
    [given_back] = found["refunds"]
    [item] = given_back["refundLineItems"]["nodes"]
    assert (item["quantity"], item["restockType"]) == (1, "RETURN")
    assert (amount(item["subtotalSet"]), amount(item["totalTaxSet"])) == (Decimal("7.35"), Decimal("0.46"))
    assert given_back["orderAdjustments"]["nodes"] == []
    [money] = given_back["transactions"]["nodes"]
    assert (money["kind"], money["status"], money["paymentId"]) == ("REFUND", "SUCCESS", "re_1")
    assert money["parentTransaction"] is not None
    assert (found["displayFinancialStatus"], amount(found["totalOutstandingSet"])) == ("PARTIALLY_REFUNDED", Decimal(0))


def test_goodwill_is_an_adjustment_without_items(sandbox: Sandbox) -> None:
    sandbox.press("POST", "orders", order())
    sandbox.act("#1001", "pay", pay("7.81"))

    sandbox.act("#1001", "refund", refund("2.00", goodwill="2.00"))

    found = ledger(sandbox)
    [adjustment] = found["refunds"][0]["orderAdjustments"]["nodes"]
    assert (amount(adjustment["amountSet"]), adjustment["reason"]) == (Decimal("-2.00"), "REFUND_DISCREPANCY")
    [sale] = found["agreements"]["nodes"][-1]["sales"]["nodes"]
    assert (sale["lineType"], amount(sale["totalAmount"])) == ("ADJUSTMENT", Decimal("-2.00"))
    assert amount(found["currentTotalPriceSet"]) == amount(found["netPaymentSet"]) == Decimal("5.81")


def test_a_cancelled_orders_money_goes_back_without_an_adjustment(sandbox: Sandbox) -> None:
    sandbox.press("POST", "orders", order())
    sandbox.act("#1001", "pay", pay("7.81"))
    sandbox.act("#1001", "cancel", {"at": "2026-03-02T20:00:00Z"})

    sandbox.act("#1001", "refund", refund("7.81"))

    found = ledger(sandbox)
    restock, money = found["refunds"]
    assert [item["restockType"] for item in restock["refundLineItems"]["nodes"]] == ["CANCEL"]
    assert (amount(restock["totalRefundedSet"]), amount(money["totalRefundedSet"])) == (Decimal(0), Decimal("7.81"))
    assert money["orderAdjustments"]["nodes"] == money["refundLineItems"]["nodes"] == []
    assert (found["displayFinancialStatus"], amount(found["currentTotalPriceSet"])) == ("REFUNDED", Decimal(0))


def test_a_gift_card_and_a_tip_are_sales_of_their_own(sandbox: Sandbox) -> None:
    lines = [
        line(),
        {"sku": "GIFT", "line_type": "GIFT_CARD", "quantity": 1, "unit_price": "25.00", "discount": "0.00", "tax": []},
        {"sku": None, "title": "Tip", "line_type": "TIP", "quantity": 1, "unit_price": "2.00", "discount": "0.00",
         "tax": []},
    ]  # fmt: skip
    sandbox.press("POST", "orders", order(lines=lines, total="34.81"))

    found = ledger(sandbox)

    types = [sale["lineType"] for sale in found["agreements"]["nodes"][0]["sales"]["nodes"]]
    assert types == ["PRODUCT", "GIFT_CARD", "TIP"]
    assert amount(found["subtotalPriceSet"]) == Decimal("32.35")
    assert amount(found["totalPriceSet"]) == sold(found) == Decimal("34.81")


TRANSACTIONS = """{ orders(first: 1) { nodes { displayFinancialStatus paymentGatewayNames
    totalReceivedSet { shopMoney { amount } } totalCapturableSet { shopMoney { amount } }
    transactions { kind status gateway amountSet { shopMoney { amount } } parentTransaction { kind } } } } }"""


def test_held_money_is_received_when_captured_and_what_is_voided_never(sandbox: Sandbox) -> None:
    sandbox.press("POST", "orders", order())
    sandbox.act("#1001", "pay", pay("7.81", "ch_held") | {"kind": "AUTHORIZATION"})
    [held] = sandbox.data(TRANSACTIONS)["orders"]["nodes"]
    sandbox.act("#1001", "capture", {"id": "ch_1", "at": "2026-03-02T17:00:00Z", "amount": "5.00", "parent": "ch_held"})
    [part] = sandbox.data(TRANSACTIONS)["orders"]["nodes"]
    sandbox.act("#1001", "void", {"id": "void_1", "at": "2026-03-02T18:00:00Z", "parent": "ch_held"})
    [voided] = sandbox.data(TRANSACTIONS)["orders"]["nodes"]

    def figures(found: Any) -> tuple[Any, ...]:
        received, capturable = amount(found["totalReceivedSet"]), amount(found["totalCapturableSet"])
        return found["displayFinancialStatus"], str(received), str(capturable)

    assert figures(held) == ("AUTHORIZED", "0.00", "7.81")
    assert figures(part) == ("PARTIALLY_PAID", "5.00", "2.81")
    assert figures(voided) == ("PARTIALLY_PAID", "5.00", "0.00")
    assert [(t["kind"], t["parentTransaction"]) for t in voided["transactions"]] == [
        ("AUTHORIZATION", None),
        ("CAPTURE", {"kind": "AUTHORIZATION"}),
        ("VOID", {"kind": "AUTHORIZATION"}),
    ]


def test_a_split_tender_and_a_failed_payment_show_their_gateways(sandbox: Sandbox) -> None:
    sandbox.press("POST", "orders", order())
    sandbox.act("#1001", "pay", pay("7.81", "ch_0") | {"status": "FAILURE"})
    sandbox.act("#1001", "pay", pay("2.81", "gc_1") | {"gateway": "gift_card"})
    sandbox.act("#1001", "pay", pay("5.00", "ch_1"))

    [found] = sandbox.data(TRANSACTIONS)["orders"]["nodes"]

    assert (found["displayFinancialStatus"], found["paymentGatewayNames"]) == ("PAID", ["stripe", "gift_card"])
    assert [(t["gateway"], t["status"]) for t in found["transactions"]] == [
        ("stripe", "FAILURE"),
        ("gift_card", "SUCCESS"),
        ("stripe", "SUCCESS"),
    ]


def test_a_buyer_sees_another_currency_than_the_shop(sandbox: Sandbox) -> None:
    sandbox.press("POST", "orders", order(presentment={"currency": "JPY", "rate": "151.5"}))

    [found] = sandbox.data(
        "{ orders(first: 1) { nodes { presentmentCurrencyCode totalPriceSet"
        " { shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } } } } }"
    )["orders"]["nodes"]

    assert found["presentmentCurrencyCode"] == "JPY"
    assert found["totalPriceSet"] == {
        "shopMoney": {"amount": "7.81", "currencyCode": "USD"},
        "presentmentMoney": {"amount": "1183", "currencyCode": "JPY"},
    }


@pytest.mark.parametrize(
    ("verb", "event", "reason"),
    [
        pytest.param("refund", refund("8.00"), "the customer has paid 7.81", id="more-than-paid"),
        pytest.param("capture", {"id": "c", "at": "2026-03-02T17:00:00Z", "parent": "ch_1"},
                     "no money held as ch_1", id="nothing-held"),
        pytest.param("refund", refund("1.00", lines=[{"sku": "MUG-12", "quantity": 2, "net": "1.00", "tax": []}]),
                     "2 of MUG-12 can't come back, 1 are left", id="more-than-sold"),
    ],
)  # fmt: skip
def test_an_event_that_contradicts_the_order_changes_nothing(
    sandbox: Sandbox, verb: str, event: dict[str, Any], reason: str
) -> None:
    sandbox.press("POST", "orders", order())
    sandbox.act("#1001", "pay", pay("7.81"))

    answer = httpx.post(f"{sandbox.url}/_sandbox/orders/%231001/{verb}", json=event)

    assert answer.status_code == 409
    assert reason in answer.json()["error"]
    assert ledger(sandbox)["refunds"] == []


def test_every_golden_order_balances_at_each_of_its_events(sandbox: Sandbox) -> None:
    file = golden_file("cases.json")
    seeded = sandbox.press("POST", "seed", {"company": file["company"], "client_id": "app", "client_secret": "hush"})
    shops = {shop["shop"]: shop for shop in seeded["shops"]}
    sandbox.press("PUT", "settings", {"maximum_available": 1_000_000})
    for case in file["cases"]:
        placed = case["order"]
        sandbox.press("POST", "orders", placed)
        for event in [None, *(e for e in case["events"] if e["do"] != "fulfil")]:
            if event:
                sandbox.act(placed["name"], event["do"], event)
            found = ledger(sandbox, placed["name"], shops[placed["shop"]])
            owed = amount(found["subtotalPriceSet"]) + amount(found["totalShippingPriceSet"])
            tax = Decimal(0) if found["taxesIncluded"] else amount(found["totalTaxSet"])
            assert owed + tax == amount(found["totalPriceSet"]), placed["name"]
            assert sold(found) == amount(found["currentTotalPriceSet"]), placed["name"]
            paid = amount(found["netPaymentSet"])
            assert amount(found["totalOutstandingSet"]) == amount(found["currentTotalPriceSet"]) - paid, placed["name"]


# --- one state, several processes


def test_ids_stay_and_two_servers_over_one_folder_see_the_same(tmp_path: Path) -> None:
    with serve(create_app(tmp_path)) as one, serve(create_app(tmp_path)) as other:
        first, second = Sandbox(one), Sandbox(other)
        with ThreadPoolExecutor(8) as pool:
            placed = list(
                pool.map(lambda n: (first, second)[n % 2].press("POST", "orders", order(f"#{n}")), range(2001, 2041))
            )
        ids = {receipt["name"]: receipt["id"] for receipt in placed}
        query = "{ orders(first: 50) { nodes { id name } } }"

        assert {node["name"]: node["id"] for node in first.data(query)["orders"]["nodes"]} == ids
        assert {node["name"]: node["id"] for node in second.data(query)["orders"]["nodes"]} == ids
        assert len(set(ids.values())) == 40


def test_the_date_header_and_the_update_time_follow_the_business_clock(sandbox: Sandbox) -> None:
    sandbox.press("PUT", "clock", {"now": "2026-03-02T16:00:00Z"})
    receipt = sandbox.press("POST", "orders", order())

    answer = sandbox.post("{ orders(first: 1) { nodes { processedAt updatedAt } } }")

    assert answer.headers.get_list("Date") == ["Mon, 02 Mar 2026 16:00:00 GMT"]
    assert receipt["updatedAt"] == "2026-03-02T16:00:00Z"
    [found] = answer.json()["data"]["orders"]["nodes"]
    assert found == {"processedAt": "2026-03-02T15:41:00Z", "updatedAt": "2026-03-02T16:00:00Z"}
    backwards = httpx.put(f"{sandbox.url}/_sandbox/clock", json={"now": "2026-03-02T15:00:00Z"})
    assert (backwards.status_code, "only moves forward" in backwards.json()["detail"]) == (409, True)


# --- faults


@pytest.mark.parametrize(
    ("kind", "is_served"),
    [
        pytest.param("lost_before_commit", False, id="request-lost"),
        pytest.param("lost_after_commit", True, id="answer-lost"),
    ],
)
def test_a_lost_answer_breaks_the_connection_once(sandbox: Sandbox, kind: str, is_served: bool) -> None:
    sandbox.press("PUT", "settings", {"restore_rate": 0})
    sandbox.press("POST", "faults", {"kind": kind, "contains": "shop"})

    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.post("{ shop { name } }")

    left = sandbox.post("{ shop { name } }").json()["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"]
    assert left == (1998.0 if is_served else 1999.0)


def test_a_fault_meets_only_the_calls_it_was_ordered_for(sandbox: Sandbox) -> None:
    sandbox.press(
        "POST", "faults", {"kind": "status", "status": 423, "headers": {"Retry-After": "7"}, "contains": "orders("}
    )

    spared, met = sandbox.post("{ shop { name } }"), sandbox.post("{ orders(first: 1) { nodes { name } } }")

    assert (spared.status_code, met.status_code, met.headers["Retry-After"]) == (200, 423, "7")
    assert sandbox.post("{ orders(first: 1) { nodes { name } } }").status_code == 200


def test_a_malformed_answer_ends_in_the_middle(sandbox: Sandbox) -> None:
    sandbox.press("POST", "faults", {"kind": "malformed", "path": f"/{DOMAIN}/admin/api"})

    with pytest.raises(json.JSONDecodeError):
        sandbox.post("{ shop { name } }").json()


# --- bulk operations

RUN = """mutation($query: String!, $grouped: Boolean!) {
    bulkOperationRunQuery(query: $query, groupObjects: $grouped) {
        bulkOperation { id status } userErrors { code message }
    }
}"""
STATE = """query($id: ID!) {
    bulkOperation(id: $id) { status errorCode objectCount rootObjectCount fileSize url partialDataUrl }
}"""
WHOLE_ORDERS = """{ orders { edges { node { id name refunds { id }
    lineItems { edges { node { id sku } } }
    agreements { edges { node { id sales { edges { node { id lineType } } } } } } } } } }"""


def run_in_bulk(sandbox: Sandbox, query: str, grouped: bool = False) -> str:
    answer = sandbox.data(RUN, query=query, grouped=grouped)["bulkOperationRunQuery"]
    assert answer["userErrors"] == []
    return str(answer["bulkOperation"]["id"])


def ended(sandbox: Sandbox, identity: str) -> Any:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        state = sandbox.data(STATE, id=identity)["bulkOperation"]
        if state["status"] not in ("CREATED", "RUNNING"):
            return state
    raise AssertionError(f"{identity} does not end: {state}")


@pytest.mark.parametrize("grouped", [False, True])
def test_a_bulk_operation_exports_children_as_lines_of_their_own(three_orders: Sandbox, grouped: bool) -> None:
    state = ended(three_orders, run_in_bulk(three_orders, WHOLE_ORDERS, grouped))

    lines = [json.loads(line) for line in httpx.get(state["url"]).text.splitlines()]
    assert (state["status"], state["rootObjectCount"], state["objectCount"]) == ("COMPLETED", "3", "12")
    roots = [line for line in lines if "__parentId" not in line]
    assert [root["name"] for root in roots] == ["#1001", "#1002", "#1003"]
    assert roots[0] == {"id": roots[0]["id"], "name": "#1001", "refunds": []}
    parents = {line["id"]: line.get("__parentId") for line in lines}
    sale = next(line for line in lines if "lineType" in line)
    assert parents[parents[sale["id"]]] in {root["id"] for root in roots}
    assert (lines[1].get("__parentId") == roots[0]["id"]) == grouped
    assert int(state["fileSize"]) == sum(len(json.dumps(line, separators=(",", ":"))) + 1 for line in lines)


def test_a_bulk_operation_that_finds_nothing_has_no_address(sandbox: Sandbox) -> None:
    state = ended(sandbox, run_in_bulk(sandbox, '{ orders(query: "name:#9") { edges { node { id } } } }'))

    assert (state["status"], state["objectCount"], state["url"]) == ("COMPLETED", "0", None)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        pytest.param("{ shop { name } }", "at least one connection", id="no-connection"),
        pytest.param("{ orders { nodes { colour } } }", "Cannot query field 'colour'", id="unknown-field"),
        pytest.param("{ orders { nodes { refunds { refundLineItems { nodes { id } } } } } }", "within a list field",
                     id="connection-in-a-list"),
        pytest.param("{ orders { nodes { id } } shop { name } }", "exactly one operation", id="two-fields"),
        pytest.param(
            "{ orders { nodes { " + " ".join(f"{name}: lineItems {{ nodes {{ id }} }}" for name in "abcde") + " } } }",
            "more than 5 connections, this has 6", id="six-connections"),
    ],
)  # fmt: skip
def test_a_query_unfit_for_bulk_is_refused(sandbox: Sandbox, query: str, reason: str) -> None:
    answer = sandbox.data(RUN, query=query, grouped=False)["bulkOperationRunQuery"]

    assert answer["bulkOperation"] is None
    [error] = answer["userErrors"]
    assert error["code"] == "INVALID"
    assert reason in error["message"]


def test_a_sixth_bulk_operation_has_to_wait_for_one_to_end(sandbox: Sandbox) -> None:
    sandbox.press("PUT", "settings", {"bulk_held": True})
    first, *_ = [run_in_bulk(sandbox, WHOLE_ORDERS) for _ in range(5)]
    refused = sandbox.data(RUN, query=WHOLE_ORDERS, grouped=False)["bulkOperationRunQuery"]

    sandbox.http.post(f"/_sandbox/bulk_operations/{first.rpartition('/')[2]}/fail")

    assert refused["userErrors"][0]["code"] == "LIMIT_REACHED"
    state = ended(sandbox, first)
    assert (state["status"], state["errorCode"], state["url"]) == ("FAILED", "INTERNAL_SERVER_ERROR", None)
    assert run_in_bulk(sandbox, WHOLE_ORDERS)


def test_a_held_bulk_operation_can_be_canceled_once(sandbox: Sandbox) -> None:
    sandbox.press("PUT", "settings", {"bulk_held": True})
    identity = run_in_bulk(sandbox, WHOLE_ORDERS)
    cancel = "mutation($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { status } userErrors { message } } }"

    first, again = (sandbox.data(cancel, id=identity)["bulkOperationCancel"] for _ in range(2))

    assert (first["bulkOperation"]["status"], first["userErrors"]) == ("CANCELED", [])
    assert "cannot be canceled" in again["userErrors"][0]["message"]


def test_a_bulk_operation_beyond_the_scopes_fails(sandbox: Sandbox) -> None:
    app = {"company": COMPANY, "client_id": "app", "client_secret": "hush", "scopes": "read_products"}
    sandbox.press("POST", "seed", app)

    state = ended(sandbox, run_in_bulk(sandbox, WHOLE_ORDERS))

    assert (state["status"], state["errorCode"]) == ("FAILED", "ACCESS_DENIED")


# --- webhooks

SUBSCRIBE = """mutation($topic: WebhookSubscriptionTopic!, $uri: String!, $fields: [String!]) {
    webhookSubscriptionCreate(topic: $topic, webhookSubscription: {uri: $uri, includeFields: $fields}) {
        webhookSubscription { id topic } userErrors { message } } }"""
SUBSCRIPTIONS = "{ webhookSubscriptions(first: 9) { nodes { id topic uri } } }"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def subscribe(sandbox: Sandbox, topic: str, receiver: Receiver, fields: list[str] | None = None) -> Any:
    variables = {"topic": topic, "uri": receiver.url, "fields": fields}
    return sandbox.data(SUBSCRIBE, **variables)["webhookSubscriptionCreate"]


def test_a_webhook_is_signed_with_the_apps_secret_and_rest_shaped(sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(sandbox, "ORDERS_CREATE", receiver)

    placed = sandbox.press("POST", "orders", order())

    received = receiver.next()
    body = json.loads(received.body)
    assert (body["id"], body["admin_graphql_api_id"]) == (int(placed["legacyResourceId"]), placed["id"])
    assert (body["total_price"], body["created_at"]) == ("7.81", "2026-03-02T10:41:00-05:00")
    headers = received.headers
    assert (headers["x-shopify-topic"], headers["x-shopify-shop-domain"]) == ("orders/create", DOMAIN)
    assert headers["x-shopify-triggered-at"] == "2026-03-02T15:41:00Z"
    signature = base64.b64encode(hmac.digest(b"hush", received.body, hashlib.sha256)).decode()
    assert headers["x-shopify-hmac-sha256"] == signature


def test_one_event_has_one_id_over_several_subscriptions(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.press("POST", "orders", order())
    with receiving() as other:
        subscribe(sandbox, "ORDERS_PAID", receiver)
        subscribe(sandbox, "ORDERS_PAID", other)
        subscribe(sandbox, "ORDERS_EDITED", other)

        sandbox.act("#1001", "pay", pay("7.81"))

        one, same = receiver.next().headers, other.next().headers
    assert one["x-shopify-event-id"] == same["x-shopify-event-id"]
    assert one["x-shopify-webhook-id"] != same["x-shopify-webhook-id"]


def test_a_refund_is_announced_with_its_order_cut_to_the_fields_asked_for(sandbox: Sandbox, receiver: Receiver) -> None:
    placed = sandbox.press("POST", "orders", order())
    sandbox.act("#1001", "pay", pay("7.81"))
    subscribe(sandbox, "REFUNDS_CREATE", receiver, ["id", "order_id"])

    sandbox.act("#1001", "refund", refund("2.00"))

    body = json.loads(receiver.next().body)
    assert set(body) == {"id", "order_id"}
    assert body["order_id"] == int(placed["legacyResourceId"])


def test_a_webhook_nobody_takes_is_tried_nine_times_then_its_subscription_is_deleted(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    receiver.status = 503
    subscribe(sandbox, "ORDERS_CREATE", receiver)
    sandbox.press("POST", "orders", order())
    ids = {receiver.next().headers["x-shopify-webhook-id"]}
    for _ in range(8):
        wait_for(lambda: not delivery(sandbox)["is_on_its_way"])
        sandbox.http.post("/_sandbox/deliveries/retry")
        ids.add(receiver.next().headers["x-shopify-webhook-id"])

    wait_for(lambda: delivery(sandbox)["state"] == "given_up")
    assert sandbox.data(SUBSCRIPTIONS)["webhookSubscriptions"]["nodes"] == []
    assert (len(ids), receiver.is_empty) == (1, True)
    assert (delivery(sandbox)["attempts"], delivery(sandbox)["answer"]) == (9, "503")


def delivery(sandbox: Sandbox) -> Any:
    [found] = sandbox.press("GET", "deliveries")["deliveries"]
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline


def test_deliveries_can_be_repeated_in_the_wrong_order(sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(sandbox, "ORDERS_CREATE", receiver)
    sandbox.press("POST", "orders", order("#1001"))
    sandbox.press("POST", "orders", order("#1002"))
    first, second = receiver.next(), receiver.next()

    sandbox.http.post("/_sandbox/deliveries/repeat", params={"last": 2})

    again = [receiver.next(), receiver.next()]
    assert [json.loads(received.body)["name"] for received in (first, second, *again)] == [
        "#1001", "#1002", "#1002", "#1001",
    ]  # fmt: skip
    assert again[0].headers["x-shopify-webhook-id"] == second.headers["x-shopify-webhook-id"]


def test_a_subscription_is_unique_listed_and_deleted(sandbox: Sandbox, receiver: Receiver) -> None:
    created = subscribe(sandbox, "ORDERS_UPDATED", receiver)["webhookSubscription"]
    twice = subscribe(sandbox, "ORDERS_UPDATED", receiver)
    listed = sandbox.data(SUBSCRIPTIONS)["webhookSubscriptions"]["nodes"]

    delete = "mutation($id: ID!) { webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId } }"
    deleted = sandbox.data(delete, id=created["id"])["webhookSubscriptionDelete"]

    assert twice["userErrors"] == [{"message": "Address for this topic has already been taken"}]
    assert listed == [{"id": created["id"], "topic": "ORDERS_UPDATED", "uri": receiver.url}]
    assert deleted == {"deletedWebhookSubscriptionId": created["id"]}
    assert sandbox.data(SUBSCRIPTIONS)["webhookSubscriptions"]["nodes"] == []


def test_the_end_of_a_bulk_operation_is_announced(sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(sandbox, "BULK_OPERATIONS_FINISH", receiver)

    identity = run_in_bulk(sandbox, WHOLE_ORDERS)

    body = json.loads(receiver.next().body)
    assert (body["admin_graphql_api_id"], body["status"]) == (identity, "completed")
