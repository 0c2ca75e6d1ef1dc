"""What balance transactions of Shopify Payments become, and when a person has to enter them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from mapping_runs import NoState, made

from demo.airflow_home import CHECKOUT
from ledgerbridge.mapping import Lookups, Mapped, load_mapping, nested_records

FOLDER = CHECKOUT / "include"
SHOP = "us-harbor-light-supply.myshopify.com"


def money(amount: str, currency: str = "USD") -> dict[str, str]:
    return {"amount": amount, "currencyCode": currency}


def moved(kind: str, amount: str = "53.77", currency: str = "USD", **fields: Any) -> dict[str, Any]:
    """A balance transaction of an order that was paid 53.77 USD."""
    return {
        "id": "gid://shopify/ShopifyPaymentsBalanceTransaction/5",
        "type": kind,
        "sourceId": "72",
        "sourceOrderTransactionId": "72",
        "transactionDate": "2026-03-02T16:00:00Z",
        "amount": money(amount, currency),
        "fee": money("1.00", currency),
        "associatedOrder": {"id": "gid://shopify/Order/9", "name": "#9"},
        "shop": SHOP,
        "transaction": {
            "id": "gid://shopify/OrderTransaction/72",
            "amountSet": {"shopMoney": money("53.77"), "presentmentMoney": money("53.77")},
            "parentTransaction": {"id": "gid://shopify/OrderTransaction/71"},
        },
    } | fields


def paid(amount: str, currency: str, shown: tuple[str, str] | None = None) -> dict[str, Any]:
    """The order's transaction, in the shop's currency and, where another, in the buyer's."""
    of_order = {"shopMoney": money(amount, currency), "presentmentMoney": money(*(shown or (amount, currency)))}
    parent = {"id": "gid://shopify/OrderTransaction/71"}
    return {"id": "gid://shopify/OrderTransaction/72", "amountSet": of_order, "parentTransaction": parent}


def mapped(kind: str, transaction: dict[str, Any]) -> Mapped:
    mapping = load_mapping(FOLDER / "mappings" / f"shopify_payments_balance_transaction_to_{kind}.yaml")
    given = {"company": {"base_currency": {"key": "base_currency", "value": "USD"}}}
    lookups = Lookups(FOLDER / "lookups", given, NoState(), lambda *_: {}, "America/New_York")
    records: Any = [transaction]
    return mapping.run(nested_records(records, ["k0"], [None]), lookups)


def test_a_charge_is_of_the_order_that_shopify_names() -> None:
    charge = mapped("payment", moved("CHARGE"))
    assert made(charge, "chain_key") == [f"shopify:{SHOP}:order:9"]
    assert (made(charge, "payment_id"), made(charge, "amount")) == (["72"], [Decimal("53.77")])
    assert (made(charge, "rate"), made(charge, "settled")) == ([None], [None])


def test_a_charge_in_pounds_is_worth_what_it_was_settled_at() -> None:
    charge = mapped("payment", moved("CHARGE", "157.20", transaction=paid("120.00", "GBP")))
    assert (made(charge, "currency"), made(charge, "amount")) == (["GBP"], [Decimal(120)])
    assert (made(charge, "rate"), made(charge, "settled")) == ([Decimal("1.31")], [Decimal("157.20")])


def test_a_refund_names_the_payment_it_gives_back() -> None:
    refund = mapped("refund", moved("REFUND", "-53.77"))
    assert (made(refund, "payment_id"), made(refund, "charge_id")) == (["72"], ["71"])
    assert made(refund, "amount") == [Decimal("53.77")]


@pytest.mark.parametrize(
    ("kind", "transaction", "remedy"),
    [
        pytest.param("payment", moved("CHARGE", transaction=None), "read_all_orders", id="hidden-order"),
        pytest.param("payment", moved("CHARGE", currency="EUR"), "enter the payment by hand", id="other-currency"),
        pytest.param(
            "payment", moved("CHARGE", sourceOrderTransactionId=None), "Shopify names no order's payment", id="no-order"
        ),
        pytest.param("refund", moved("REFUND", "-53.77", "EUR"), "enter the refund by hand", id="refund-elsewhere"),
        pytest.param("gateway_movement", moved("ANOMALY_DEBIT"), "gateway_movements.csv", id="no-role"),
        pytest.param("gateway_movement", moved("REFUND_FAILURE"), "gateway_movements.csv", id="refund-that-failed"),
    ],
)
def test_what_nobody_can_book_is_a_letter_that_says_what_to_do(
    kind: str, transaction: dict[str, Any], remedy: str
) -> None:
    failures = mapped(kind, transaction).failures
    assert any(remedy in each for each in failures["remedy"])


@pytest.mark.parametrize(
    ("transaction", "amount"),
    [
        pytest.param(moved("CHARGE", "53.53", transaction=paid("53.77", "USD", ("48.39", "EUR"))), "0.24", id="charge"),
        pytest.param(
            moved("REFUND", "-53.66", transaction=paid("53.77", "USD", ("48.39", "EUR"))), "-0.11", id="refund"
        ),
    ],
)
def test_what_a_buyer_s_currency_brought_less_is_an_exchange_difference(
    transaction: dict[str, Any], amount: str
) -> None:
    difference = mapped("gateway_movement", transaction)
    assert (made(difference, "role"), made(difference, "payment_id")) == (["gateway_exchange"], ["72"])
    assert made(difference, "amount") == [Decimal(amount)]


@pytest.mark.parametrize("amount", ["53.77", "53.53"])
def test_a_charge_in_the_shop_s_currency_has_no_exchange_difference(amount: str) -> None:
    """What Shopify settled otherwise without a reason the reconciliation is to show."""
    assert made(mapped("gateway_movement", moved("CHARGE", amount)), "amount") == []


def test_a_payout_that_failed_comes_back_from_the_bank() -> None:
    back = mapped("payout_back", moved("TRANSFER_FAILURE", "52.77", sourceId="7"))
    assert made(back, "takes_back") == [f"shopify_payments:{SHOP}:payout:7"]
    assert made(back, "amount") == [Decimal("-52.77")]
