"""The Magento hook on the wire, against answers given to it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import pickle
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from hooks.magento import MagentoHook
from ledgerbridge.entities import RawRecord, Window
from ledgerbridge.errors import ConfigurationError, TransientError
from tests.contract.scripted_api import Asked, Reply, ScriptedApi, serve_script

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
INTEGRATION = {
    "login": "consumer-key",
    "password": "consumer-secret",
    "extra": {"access_token": "token-1", "access_token_secret": "token-secret"},
}


def hook_on(monkeypatch: pytest.MonkeyPatch, url: str, **fields: Any) -> MagentoHook:
    connection = {"conn_type": "magento", "host": url, "password": "token-1", **fields}
    monkeypatch.setenv("AIRFLOW_CONN_MAGENTO_TEST", json.dumps(connection))
    return MagentoHook("magento_test")


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with serve_script() as script:
        yield script


@pytest.fixture
def hook(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> MagentoHook:
    return hook_on(monkeypatch, api.url)


def found(*items: dict[str, Any], total: int | None = None) -> Reply:
    return Reply({"items": list(items), "search_criteria": {}, "total_count": len(items) if total is None else total})


def order(identity: int = 1, updated: str = "2026-03-02 12:05:00", **fields: Any) -> dict[str, Any]:
    return {"entity_id": identity, "increment_id": f"{identity:09}", "updated_at": updated, "items": [], **fields}


def everything(hook: MagentoHook, window: Window | None = None, entity: str = "order") -> list[RawRecord]:
    return [record for page in hook.entity(entity).read(window or Window()) for record in page]


def filters(asked: Asked) -> list[tuple[str, str, str]]:
    def value(group: int, name: str) -> str:
        return asked.query[f"searchCriteria[filter_groups][{group}][filters][0][{name}]"][0]

    groups = sum(name.endswith("[condition_type]") for name in asked.query)
    return [(value(group, "field"), value(group, "condition_type"), value(group, "value")) for group in range(groups)]


def test_an_order_has_no_floats_and_its_times_are_utc(api: ScriptedApi, hook: MagentoHook) -> None:
    api.will_reply(found(order(grand_total=53.77, base_to_order_rate=1, items=[{"price": 49.9}])))

    [record] = everything(hook)

    assert record.key == f"magento:{api.url.removeprefix('http://')}:order:1"
    assert record.changed_at == datetime(2026, 3, 2, 12, 5, tzinfo=UTC)
    assert record.payload["grand_total"] == "53.77"
    assert record.payload["items"] == [{"price": "49.9"}]


def test_a_window_asks_by_change_with_a_unique_second_order(api: ScriptedApi, hook: MagentoHook) -> None:
    api.will_reply(found())

    everything(hook, Window(NOON, datetime(2026, 3, 2, 18, tzinfo=UTC)), "credit_memo")

    [asked] = api.asked
    assert asked.path == "/rest/all/V1/creditmemos"
    assert filters(asked) == [
        ("updated_at", "gteq", "2026-03-02 11:50:00"),
        ("updated_at", "lteq", "2026-03-02 18:00:00"),
    ]
    assert asked.query["searchCriteria[sortOrders][1][field]"] == ["entity_id"]


def test_pages_go_on_from_the_last_change_whatever_moved_meanwhile(api: ScriptedApi, hook: MagentoHook) -> None:
    api.will_reply(
        found(order(1), order(2, "2026-03-02 12:06:00"), total=150),
        found(order(2, "2026-03-02 12:06:00"), order(3, "2026-03-02 12:07:00")),
    )

    assert [record.payload["entity_id"] for record in everything(hook)] == [1, 2, 3]
    assert filters(api.asked[1]) == [("updated_at", "gteq", "2026-03-02 12:06:00")]
    assert api.asked[1].query["searchCriteria[currentPage]"] == ["1"]


def test_a_mass_update_of_one_second_is_read_whole(api: ScriptedApi, hook: MagentoHook) -> None:
    api.will_reply(
        found(order(1), order(2), total=300),
        found(order(3), order(4), total=200),
        found(order(5)),
        found(order(6, "2026-03-02 12:07:00")),
    )

    assert [record.payload["entity_id"] for record in everything(hook)] == [1, 2, 3, 4, 5, 6]
    moment = ("updated_at", "eq", "2026-03-02 12:05:00")
    assert filters(api.asked[1]) == [moment, ("entity_id", "gt", "2")]
    assert filters(api.asked[2]) == [moment, ("entity_id", "gt", "4")]
    assert filters(api.asked[3]) == [("updated_at", "gt", "2026-03-02 12:05:00")]


def test_the_version_moves_with_the_content_alone(api: ScriptedApi, hook: MagentoHook) -> None:
    api.will_reply(
        found(order(), order(updated="2026-03-02 13:00:00"), order(updated="2026-03-02 14:00:00", state="x"))
    )

    before, touched, changed = everything(hook)

    assert before.version == touched.version != changed.version


def test_one_store_view_is_a_scope_of_its_own(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = hook_on(monkeypatch, api.url, extra={"store": "uk"})
    api.will_reply(found(order()))

    [record] = everything(hook)

    assert api.asked[0].path == "/rest/uk/V1/orders"
    assert record.key.endswith("/uk:order:1")


def encoded(text: str) -> str:
    return quote(text, safe="-._~")


def expected_signature(asked: Asked, url: str, parameters: dict[str, str]) -> str:
    """The signature of RFC 5849, 3.4, with HMAC-SHA256, worked out from the request as it arrived."""
    query = {name: value for name, [value] in asked.query.items()}
    pairs = sorted((encoded(name), encoded(value)) for name, value in {**query, **parameters}.items())
    normal = "&".join(f"{name}={value}" for name, value in pairs)
    base = "&".join(encoded(part) for part in ("GET", f"{url}{asked.path}", normal))
    digest = hmac.digest(b"consumer-secret&token-secret", base.encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()


def test_an_integration_signs_each_request(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = hook_on(monkeypatch, api.url, **INTEGRATION)
    api.will_reply(found())

    everything(hook, Window(NOON))

    [asked] = api.asked
    sent = dict(re.findall(r'(\w+)="([^"]*)"', asked.headers["authorization"]))
    signature = unquote(sent.pop("oauth_signature"))
    assert sent["oauth_signature_method"] == "HMAC-SHA256"
    assert (sent["oauth_consumer_key"], sent["oauth_token"]) == ("consumer-key", "token-1")
    assert signature == expected_signature(asked, api.url, sent)
    assert "access_token_secret" not in asked.headers


def test_a_token_alone_is_sent_as_it_is(api: ScriptedApi, hook: MagentoHook) -> None:
    api.will_reply(found())

    everything(hook)

    assert api.asked[0].headers["authorization"] == "Bearer token-1"


@pytest.mark.parametrize(
    ("reply", "error", "code", "message"),
    [
        pytest.param(
            Reply({"message": "The consumer isn't authorized to access %resources.",
                   "parameters": {"resources": "Magento_Sales::sales"}}, 401),
            ConfigurationError, "LB-MAGENTO-002", "access Magento_Sales::sales", id="named-placeholder",
        ),
        pytest.param(
            Reply({"message": "Maximum SearchCriteria pageSize is %1", "parameters": [20]}, 400),
            ConfigurationError, "LB-MAGENTO-007", "pageSize is 20", id="numbered-placeholder",
        ),
        pytest.param(
            Reply({"message": "Request does not match any route."}, 404),
            ConfigurationError, "LB-MAGENTO-001", "any route", id="no-such-store",
        ),
        pytest.param(Reply("maintenance", 503), TransientError, "LB-MAGENTO-005", "503", id="maintenance"),
        pytest.param(Reply("<html>", 200), TransientError, "LB-MAGENTO-004", "without valid JSON", id="not-json"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_do_and_keeps_its_fields(
    api: ScriptedApi, hook: MagentoHook, reply: Reply, error: type[Exception], code: str, message: str
) -> None:
    api.will_reply(reply)

    with pytest.raises(error, match=rf"{message}.*Remedy: \w") as refused:
        everything(hook)

    assert pickle.loads(pickle.dumps(refused.value)).code == code


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"password": None}, id="no-password"),
        pytest.param({**INTEGRATION, "extra": {"access_token": "token-1"}}, id="no-access-secret"),
    ],
)
def test_an_incomplete_connection_is_refused(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match="magento_test") as refused:
        everything(hook_on(monkeypatch, api.url, **fields))

    assert refused.value.code == "LB-MAGENTO-001"


def test_the_clock_is_the_shops_own(api: ScriptedApi, hook: MagentoHook) -> None:
    api.will_reply(Reply([], headers={"Date": "Mon, 02 Mar 2026 12:00:00 GMT"}))

    assert hook.entity("order").clock() == NOON


def test_test_connection_reads_what_the_flows_read(api: ScriptedApi, hook: MagentoHook) -> None:
    api.will_reply(found(), found(), found())

    assert hook.test_connection() == (True, f"Shop {api.url.removeprefix('http://')}.")
    assert [asked.path for asked in api.asked] == [
        f"/rest/all/V1/{name}" for name in ("orders", "invoices", "creditmemos")
    ]


def test_the_documented_connection_is_complete(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "magento.md"
    [example] = re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)
    api.will_reply(found(order()))

    assert len(everything(hook_on(monkeypatch, api.url, **json.loads(example) | {"host": api.url}))) == 1
