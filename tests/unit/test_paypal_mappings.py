"""What transactions of PayPal become, whose they are, and when a person has to enter them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from mapping_runs import NoState, made

from demo.airflow_home import CHECKOUT
from ledgerbridge.mapping import Lookups, Mapped, load_mapping, nested_records

FOLDER = CHECKOUT / "include"
US, UK = "shopify:us.myshopify.com:order:1", "shopify:uk.myshopify.com:order:2"
MAGENTO = "magento:shop.example.com:order:3"


class Shops(NoState):
    """Two shops of Shopify that both have #5001, and one of Magento."""

    def namesakes(self, entity: str, labels: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """The orders of a name."""
        if entity == "magento.order":
            return {"000000007": [{"record_key": MAGENTO, "currency": "USD", "total": "53.77"}]}
        us = {"record_key": US, "currency": "USD", "total": "53.77"}
        return {"#5001": [us, us | {"record_key": UK, "total": "60.00"}]}


def transaction(code: str, amount: str, **fields: Any) -> dict[str, Any]:
    return {
        "transaction_id": "4J3265475X6749251",
        "transaction_event_code": code,
        "transaction_status": "S",
        "transaction_initiation_date": "2026-03-03T01:27:43+0000",
        "transaction_amount": {"currency_code": "USD", "value": amount},
    } | fields


def mapped(kind: str, *transactions: dict[str, Any]) -> Mapped:
    mapping = load_mapping(FOLDER / "mappings" / f"paypal_transaction_to_{kind}.yaml")
    given = {"company": {"base_currency": {"key": "base_currency", "value": "USD"}}}
    lookups = Lookups(FOLDER / "lookups", given, Shops(), lambda *_: {}, "America/New_York")
    records: Any = list(transactions)
    keys = [f"paypal:A:transaction:{number}" for number in range(len(records))]
    return mapping.run(nested_records(records, keys, [None] * len(records)), lookups)


@pytest.mark.parametrize(
    ("told", "amount", "order"),
    [
        pytest.param({"invoice_id": "5001"}, "53.77", US, id="amount"),
        pytest.param({"invoice_id": "5001"}, "60.00", UK, id="other amount"),
        pytest.param({"invoice_id": "5001"}, "20.00", None, id="neither"),
        pytest.param({"invoice_id": "5001", "custom_field": UK}, "20.00", UK, id="the order's own key"),
        pytest.param({"invoice_id": "000000007", "custom_field": "EC-7"}, "20.00", MAGENTO, id="Magento"),
        pytest.param({}, "53.77", None, id="nothing told"),
    ],
)
def test_a_payment_is_of_the_order_that_its_custom_field_or_its_invoice_id_with_currency_and_amount_names(
    told: dict[str, str], amount: str, order: str | None
) -> None:
    paid = mapped("payment", transaction("T0006", amount, **told))
    assert made(paid, "chain_key") == [order]
    assert made(paid, "amount") == [Decimal(amount)]
    assert [str(day) for day in made(paid, "captured_on")] == ["2026-03-02"]  # a day of the company


def test_a_refund_names_the_payment_that_it_gives_back() -> None:
    refund = transaction("T1107", "-53.77", paypal_reference_id="0UT082612B570000E", invoice_id="000000007")
    back = mapped("refund", refund)
    assert (made(back, "charge_id"), made(back, "amount")) == (["0UT082612B570000E"], [Decimal("53.77")])
    assert made(back, "chain_key") == [MAGENTO]


def test_each_transaction_is_one_document_and_its_fee_another() -> None:
    fee = {"currency_code": "USD", "value": "-2.17"}
    each = [
        transaction("T0006", "53.77", fee_amount=fee),
        transaction("T0006", "-9.00"),  # the account pays somebody
        transaction("T1107", "-53.77", paypal_reference_id="X"),
        transaction("T0400", "-20.00"),
        transaction("T0300", "5.00"),
        transaction("T1201", "-53.77"),
        transaction("T0006", "53.77", transaction_status="P"),
    ]
    kinds = ("payment", "refund", "payout", "gateway_movement", "gateway_fee")
    booked = {kind: mapped(kind, *each) for kind in kinds}
    assert {kind: [f"{amount:.2f}" for amount in made(found, "amount")] for kind, found in booked.items()} == {
        "payment": ["53.77"],
        "refund": ["53.77"],
        "payout": ["20.00", "-5.00"],
        "gateway_movement": ["53.77"],
        "gateway_fee": ["2.17"],
    }
    assert made(booked["gateway_fee"], "role") == ["fees"]
    assert made(booked["gateway_movement"], "role") == ["goodwill"]
    # what the account pays is nobody's role yet
    [remedy] = booked["gateway_movement"].failures["remedy"]
    assert '"T0006", PayPal\'s event code' in remedy


@pytest.mark.parametrize("kind", ["payment", "payout", "gateway_fee", "gateway_movement", "refund"])
def test_money_of_another_balance_is_entered_by_hand(kind: str) -> None:
    pounds = {"currency_code": "GBP", "value": "-10.00"}
    code = {"payment": "T0006", "payout": "T0400", "refund": "T1107"}.get(kind, "T1201")
    amount = pounds if kind != "payment" else pounds | {"value": "10.00"}
    moved = transaction(code, "0", transaction_amount=amount, fee_amount=pounds, paypal_reference_id="X")
    [remedy] = mapped(kind, moved).failures["remedy"]
    assert "by hand" in remedy
