"""The simulated Shopify Payments: a balance that is the sum of what moved it, shown as the Admin API shows it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sandbox.shopify.app import create_app
from sandbox.shopify.ledger import OrderLedger
from tests.contract import test_sandbox_shopify as shop_tests
from tests.contract.served_app import serve

MOVED = """query($filter: String, $hidden: Boolean = false) { shopifyPaymentsAccount {
  balance { amount currencyCode }
  balanceTransactions(first: 20, query: $filter, hideTransfers: $hidden) { nodes {
    type sourceType sourceId sourceOrderTransactionId adjustmentReason associatedOrder { name }
    amount { amount } fee { amount } net { amount currencyCode } associatedPayout { id status } } }
} }"""
PAYOUTS = """query($filter: String) { shopifyPaymentsAccount { payouts(first: 20, query: $filter) { nodes {
  legacyResourceId issuedAt status transactionType externalTraceId net { amount }
  summary {
    chargesGross { amount } chargesFee { amount } refundsFeeGross { amount } adjustmentsGross { amount } } } } } }"""
TRANSACTIONS = "{ orders(first: 1) { nodes { transactions { id kind paymentId parentTransaction { id } } } } }"
COMPANY = shop_tests.COMPANY
US, UK = COMPANY["shops"]
GATEWAY = {"gateway": "shopify_payments"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[shop_tests.Sandbox]:
    """A shop that takes Shopify Payments, with a mug sold for 7.81 and given back, a label, and two payouts."""
    with serve(create_app(tmp_path_factory.mktemp("shopify"))) as url:
        sandbox = shop_tests.Sandbox(url)
        company = {**COMPANY, "shops": [{**US, "shopify_payments": "USD"}, UK]}
        sandbox.press("POST", "seed", {"company": company, "client_id": "app", "client_secret": "hush"})
        sandbox.press("POST", "orders", shop_tests.order())
        sandbox.act("#1001", "pay", {**shop_tests.pay("7.81"), **GATEWAY})
        label = {"shop": "us", "id": "l.1", "type": "SHIPPING_LABEL", "amount": "-2.00", "at": "2026-03-03T16:00:00Z"}
        sandbox.press("POST", "balance_transactions", label)
        sandbox.press("POST", "payouts", {"id": "T-1", "shop": "us", "arrives": "2026-03-04"})
        sandbox.act("#1001", "refund", {**shop_tests.refund("7.81"), **GATEWAY})
        sandbox.press("POST", "payouts", {"id": "T-2", "shop": "us", "arrives": "2026-03-06", "status": "SCHEDULED"})
        yield sandbox


def moved(sandbox: shop_tests.Sandbox, **variables: Any) -> list[dict[str, Any]]:
    return list(sandbox.data(MOVED, **variables)["shopifyPaymentsAccount"]["balanceTransactions"]["nodes"])


def test_the_balance_is_the_sum_of_what_moved_it(sandbox: shop_tests.Sandbox) -> None:
    held = sandbox.data(MOVED)["shopifyPaymentsAccount"]["balance"]
    assert held == [{"amount": "0.00", "currencyCode": "USD"}]
    assert [(each["type"], each["net"]["amount"]) for each in moved(sandbox)] == [
        ("CHARGE", "7.31"),
        ("SHIPPING_LABEL", "-2.00"),
        ("TRANSFER", "-5.31"),
        ("REFUND", "-7.81"),
        ("TRANSFER", "7.81"),
    ]
    assert all(
        Decimal(each["amount"]["amount"]) - Decimal(each["fee"]["amount"]) == Decimal(each["net"]["amount"])
        for each in moved(sandbox)
    )


def test_a_charge_names_the_order_s_transaction_and_a_refund_bears_the_payment_id_of_its_charge(
    sandbox: shop_tests.Sandbox,
) -> None:
    # as Shopify's own examples of REST show it: 801038806 and its refunds are all c901414060.1
    sale, refund = sandbox.data(TRANSACTIONS)["orders"]["nodes"][0]["transactions"]
    assert (sale["paymentId"], refund["paymentId"]) == ("ch_1", "ch_1")
    assert refund["parentTransaction"] == {"id": sale["id"]}
    charge, _, _, given_back, _ = moved(sandbox)
    assert [each["sourceOrderTransactionId"] for each in (charge, given_back)] == [
        each["id"].rpartition("/")[2] for each in (sale, refund)
    ]
    assert charge["associatedOrder"] == {"name": "#1001"}


def test_a_payout_s_number_finds_what_it_is_made_of(sandbox: shop_tests.Sandbox) -> None:
    first, second = sandbox.data(PAYOUTS)["shopifyPaymentsAccount"]["payouts"]["nodes"]
    assert (first["status"], first["transactionType"], first["net"]["amount"]) == ("PAID", "DEPOSIT", "5.31")
    assert (second["status"], second["transactionType"], second["net"]["amount"]) == ("SCHEDULED", "WITHDRAWAL", "7.81")
    assert first["issuedAt"] == "2026-03-04T00:00:00Z"
    assert {name: each["amount"] for name, each in first["summary"].items()} == {
        "chargesGross": "7.81", "chargesFee": "0.50", "refundsFeeGross": "0.00", "adjustmentsGross": "-2.00",
    }  # fmt: skip
    made_of = moved(sandbox, filter=f"payments_transfer_id:{first['legacyResourceId']}", hidden=True)
    assert [each["type"] for each in made_of] == ["CHARGE", "SHIPPING_LABEL"]
    assert {each["associatedPayout"]["status"] for each in made_of} == {"PAID"}


def test_times_and_types_are_searched_for(sandbox: shop_tests.Sandbox) -> None:
    since = moved(sandbox, filter="processed_at:>='2026-03-05T00:00:00Z' transaction_type:refund")
    assert [each["type"] for each in since] == ["REFUND"]
    paid = sandbox.data(PAYOUTS, filter="issued_at:>='2026-03-05T00:00:00Z'")["shopifyPaymentsAccount"]["payouts"]
    assert [each["externalTraceId"] for each in paid["nodes"]] == ["T-2"]


def test_a_shop_without_an_account_has_none(tmp_path: Path) -> None:
    with serve(create_app(tmp_path)) as url:
        sandbox = shop_tests.Sandbox(url)
        assert sandbox.data(MOVED) == {"shopifyPaymentsAccount": None}
        app = {"client_id": "app", "client_secret": "hush", "scopes": "read_orders"}
        sandbox.press("POST", "seed", {"company": COMPANY, **app})
        [error] = sandbox.post(MOVED).json()["errors"]
        assert error["extensions"]["code"] == "ACCESS_DENIED"


def test_a_refund_gives_back_a_payment_of_its_gateway_that_has_as_much_left() -> None:
    ledger = OrderLedger(1, shop_tests.order(lines=[shop_tests.line(quantity=3, tax="1.38")], total="23.43"))
    for identity, amount in (("gc_1", "9.43"), ("ch_1", "7.00"), ("ch_2", "7.00")):
        ledger.pay({**shop_tests.pay(amount, identity), **(GATEWAY if "ch" in identity else {"gateway": "gift_card"})})
    for _ in range(2):
        ledger.refund({**shop_tests.refund("5.00"), **GATEWAY})
    parents = [each.parent for each in ledger.transactions if each.kind == "REFUND"]
    assert [parent and parent.payment_id for parent in parents] == ["ch_1", "ch_2"]
