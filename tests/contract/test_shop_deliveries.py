"""Webhooks as simulated systems deliver them: we take them for genuine, and read again what they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commands.main import main
from hooks.shopify import webhooks as shopify_webhooks
from hooks.shopify.hook import ShopifyHook
from hooks.shopify.subscriptions import TOPICS, subscribe, subscriptions
from hooks.stripe import webhooks as stripe_webhooks
from hooks.stripe.subscriptions import endpoints
from hooks.stripe.subscriptions import subscribe as subscribe_account
from ledgerbridge.entities import KeyedSource, Window
from sandbox.shopify.app import create_app as create_shop
from sandbox.stripe.app import create_app as create_gateway
from tests.contract.gateway_office import Account
from tests.contract.scripted_api import Reply, serve_script
from tests.contract.served_app import serve
from tests.contract.shop_office import DOMAIN, Shop
from tests.contract.small_company import order

SUBSCRIBE = """mutation Subscribe($topic: WebhookSubscriptionTopic!, $uri: String!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: {uri: $uri}) { userErrors { message } }
}"""


LISTED = "query { webhookSubscriptions(first: 100) { nodes { id } } }"
ENDED = "mutation End($id: ID!) { webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId } }"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with serve(create_shop(tmp_path)) as url:
        yield Shop(url, monkeypatch)


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with serve(create_gateway(tmp_path)) as url:
        yield Account(url, monkeypatch)


def test_a_delivered_webhook_is_genuine_and_names_an_order_we_can_read(shop: Shop) -> None:
    shop.open()
    hook = shop.hook()
    with serve_script() as receiver:
        receiver.will_reply(Reply({}))
        created = hook.graphql(SUBSCRIBE, {"topic": "ORDERS_CREATE", "uri": f"{receiver.url}/shopify"})
        assert created.data["webhookSubscriptionCreate"]["userErrors"] == []
        shop.place(order())

        delivery = receiver.next_arrival()

    body = delivery.body.encode()
    signature = delivery.headers["x-shopify-hmac-sha256"]
    assert shopify_webhooks.is_genuine(body, signature, ["secret-1"])
    assert not shopify_webhooks.is_genuine(body, signature, ["secret-2"])
    event = shopify_webhooks.event_of(delivery.headers, body)
    assert event.topic == "orders/create"
    [[record]] = hook.entity("order").read(Window())
    assert record.key == f"shopify:{DOMAIN}:{event.entity}:{event.record_id}"


def test_a_delivered_event_is_genuine_and_names_a_charge_we_can_read(account: Account) -> None:
    account.open()
    with serve_script() as receiver:
        receiver.will_reply(*[Reply({})] * 5)
        secret = account.announce_to(f"{receiver.url}/stripe")
        account.pay({"do": "pay", "id": "ch_1", "at": "2026-03-02T16:41:30Z", "amount": "7.81", "fee": "0.50"})

        delivery = receiver.next_arrival()

    body, signature, now = delivery.body.encode(), delivery.headers["stripe-signature"], datetime.now(UTC)
    assert stripe_webhooks.is_genuine(body, signature, [secret], now=now)
    assert not stripe_webhooks.is_genuine(body, signature, [secret], now=now + timedelta(minutes=6))
    assert not stripe_webhooks.is_genuine(body + b" ", signature, [secret], now=now)
    event = stripe_webhooks.event_of(body)
    [[record]] = account.hook().entity("charge").read(Window())
    assert record.key.endswith(f":{event.entity}:{event.record_id}")


def test_orders_that_are_named_are_given_as_a_window_gives_them_and_those_that_are_gone_are_left_out(
    shop: Shop,
) -> None:
    shop.open()
    shop.set(search_lag_seconds=0)
    for number in range(1, 4):
        shop.place(order(name=f"#{number}", test=number == 3))
    source = shop.hook().entity("order")
    assert isinstance(source, KeyedSource)
    by_key = {record.key: record for page in source.read(Window()) for record in page}
    keys = [*by_key, f"shopify:{DOMAIN}:order:999999"]
    shop.set(search_lag_seconds=600)
    assert {record.key: record for page in source.read_keys(keys) for record in page} == by_key
    assert len(by_key) == 2


def test_a_shop_is_subscribed_to_once_and_again_to_what_it_has_ended(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.open()
    hook = shop.hook()
    uri = "http://127.0.0.1:9/ledgerbridge/webhooks/shopify_test"
    command = ["--state", "sqlite://", "connect", "shopify", "--connection", "shopify_test", "--webhooks", uri]
    assert main(command) == 0
    assert capsys.readouterr().out.count("added") == len(TOPICS)
    [first, *others] = hook.graphql(LISTED, {}).data["webhookSubscriptions"]["nodes"]
    hook.graphql(ENDED, {"id": first["id"]})
    assert main(command) == 0
    told = capsys.readouterr().out
    assert (told.count("added"), told.count("there")) == (1, len(others))
    assert {each.topic for each in subscriptions(hook)} == set(TOPICS)
    assert "as `webhooks`" in told
    assert main([*command[:-1], ""]) == 2
    assert "LB-SHOPIFY-018" in capsys.readouterr().err


def test_a_shop_that_ended_a_subscription_is_warned_of_until_what_the_warning_says_is_done(shop: Shop) -> None:
    shop.open()
    assert shop.hook().warnings() == []
    uri = "http://127.0.0.1:9/ledgerbridge/webhooks/shopify_test"
    hook = shop.hook(extra={"shop": DOMAIN, "webhooks": uri})
    subscribe(hook, uri)
    assert hook.warnings() == []
    hook.graphql(ENDED, {"id": hook.graphql(LISTED, {}).data["webhookSubscriptions"]["nodes"][0]["id"]})
    [(message, remedy)] = hook.warnings()
    assert [topic for topic in TOPICS if topic in message] == [topic for topic in TOPICS if topic not in left(hook)]
    assert main(["--state", "sqlite://", *remedy.strip("`.").split()[1:]]) == 0
    assert hook.warnings() == []


def left(hook: ShopifyHook) -> set[str]:
    return {each.topic for each in subscriptions(hook)}


def test_a_gateway_whose_endpoint_is_disabled_is_warned_of_until_what_the_warning_says_is_done(
    account: Account,
) -> None:
    account.open()
    assert account.hook().warnings() == []
    uri = "http://127.0.0.1:9/ledgerbridge/webhooks/stripe_test"
    hook = account.hook(webhooks=uri)
    ours, _ = subscribe_account(hook, uri)
    assert hook.warnings() == []
    hook.send(f"/v1/webhook_endpoints/{ours.identity}", {"disabled": "true"})
    [(_, remedy)] = hook.warnings()
    assert main(["--state", "sqlite://", *remedy.strip("`.").split()[1:]]) == 0
    assert hook.warnings() == []


def test_a_gateway_is_subscribed_to_once_and_again_when_its_endpoint_is_disabled_or_told_of_less(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.open()
    hook = account.hook()
    account.announce_to("http://127.0.0.1:9/of_somebody_else")
    with serve_script() as receiver:
        receiver.will_reply(*[Reply({})] * 5)
        uri = f"{receiver.url}/ledgerbridge/webhooks/stripe_test"
        command = ["--state", "sqlite://", "connect", "stripe", "--connection", "stripe_test", "--webhooks", uri]
        assert main(command) == 0
        told = capsys.readouterr().out
        assert (told.count("added"), told.count("there")) == (1, 1)
        [secret] = re.findall(r"whsec_\w+", told)
        [ours] = [each for each in endpoints(hook) if each.url == uri]
        for changed in ({"disabled": "true"}, {"enabled_events[]": ["charge.succeeded"]}):
            hook.send(f"/v1/webhook_endpoints/{ours.identity}", changed)
            assert main(command) == 0
            assert capsys.readouterr().out.count("mended") == 1
            assert ours in endpoints(hook)
        assert main(command) == 0
        assert capsys.readouterr().out.count("there") == 2
        account.pay({"do": "pay", "id": "ch_1", "at": "2026-03-02T16:41:30Z", "amount": "7.81", "fee": "0.50"})
        delivery = receiver.next_arrival()
    signature = delivery.headers["stripe-signature"]
    assert stripe_webhooks.is_genuine(delivery.body.encode(), signature, [secret], now=datetime.now(UTC))
    assert main([*command[:-1], "no address"]) == 2
    assert "LB-STRIPE-010" in capsys.readouterr().err
