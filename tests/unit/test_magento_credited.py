"""What a credit memo of Magento gives back of each tax."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from hooks.magento.credited import with_credit_memos

Json = dict[str, Any]
STATE_AND_COUNTY = [{"code": "MA-STATE", "amount": "3.12"}, {"code": "MA-COUNTY", "amount": "0.75"}]


def order(*taxes: Json, shipping: list[Json] | None = None) -> Json:
    applied = [{"type": "product", "item_id": 7, "applied_taxes": list(taxes)}]
    applied += [{"type": "shipping", "applied_taxes": shipping}] if shipping else []
    return {"entity_id": 1, "items": [], "extension_attributes": {"item_applied_taxes": applied}}


def memo(tax: str, **fields: Any) -> Json:
    return {"items": [{"order_item_id": 7, "tax_amount": tax}], **fields}


def shares(memos: list[Json]) -> list[list[tuple[str, str]]]:
    return [[(tax["code"], tax["amount"]) for tax in each["items"][0]["applied_taxes"]] for each in memos]


def test_a_row_given_back_whole_gives_back_each_tax_as_it_was_charged() -> None:
    whole = with_credit_memos(order(*STATE_AND_COUNTY), [memo("3.87")])
    assert shares(whole["credit_memos"]) == [[("MA-STATE", "3.12"), ("MA-COUNTY", "0.75")]]


@pytest.mark.parametrize("parts", [["1.29", "1.29", "1.29"], ["0.01", "3.85", "0.01"], ["0.02"] * 193 + ["0.01"]])
def test_what_comes_back_in_parts_is_each_tax_to_the_cent(parts: list[str]) -> None:
    given = shares(with_credit_memos(order(*STATE_AND_COUNTY), [memo(part) for part in parts])["credit_memos"])
    assert [sum(Decimal(amount) for _, amount in one) for one in given] == [Decimal(part) for part in parts]
    for position, tax in enumerate(STATE_AND_COUNTY):
        assert sum(Decimal(one[position][1]) for one in given) == Decimal(tax["amount"])
        assert min(Decimal(one[position][1]) for one in given) >= 0


def test_a_tax_of_nothing_is_named() -> None:
    whole = with_credit_memos(order({"code": "UK-ZERO", "amount": "0"}), [memo("0")])
    assert shares(whole["credit_memos"]) == [[("UK-ZERO", "0")]]


def test_shipping_has_its_own_taxes_only_where_it_is_given_back() -> None:
    charged = order(*STATE_AND_COUNTY, shipping=[{"code": "MA-STATE", "amount": "0.60"}])
    memos = [memo("3.87", shipping_amount="0"), memo("0", shipping_amount="9.60", shipping_tax_amount="0.60")]
    assert [each["shipping_applied_taxes"] for each in with_credit_memos(charged, memos)["credit_memos"]] == [
        [],
        [{"code": "MA-STATE", "amount": "0.60"}],
    ]
