"""The judge of the golden orders finds what it is there to find."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.golden.check import differences

INVOICE = {"SUBTOTAL": "10.00", "DOCAMNT": "10.63", "XTNDPRCE": ["4.00", "6.00"]}
FILE: dict[str, Any] = {
    "cases": [
        {
            "id": "sold",
            "order": {"name": "#1"},
            "expect": {"outcome": "delivered", "credited": "0.00", "gp_invoices": [INVOICE], "xero_invoices": []},
        },
        {
            "id": "unknown-item",
            "order": {"name": "#2"},
            "expect": {"outcome": "rejected", "dead_letter": {"field": "sku", "value": "NONE"}},
        },
    ],
    "books": {"receivables": "10.63"},
}
RESULT: dict[str, Any] = {
    "orders": {
        "#1": {
            "outcome": "delivered",
            "gp_invoices": [{**INVOICE, "number": "SHUS1", "XTNDPRCE": ["6.00000", "4.00000"]}],
        },
        "#2": {"outcome": "rejected", "dead_letters": [{"field": "sku", "value": "NONE", "code": "LB-MAP-002"}]},
    },
    "books": {"gp": {"receivables": "10.63", "inventory": "-5.00"}, "xero": {"receivables": "10.63"}},
}


def test_a_result_as_expected_is_agreement_however_it_is_written() -> None:
    assert differences(FILE, RESULT) == []


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        pytest.param("orders.#1.outcome", "ordered", "sold: outcome ordered, expected delivered", id="outcome"),
        pytest.param("orders.#1.credited", "1.00", "sold: credited 1.00, expected 0.00", id="credited"),
        pytest.param("orders.#1.gp_invoices", [], "sold: gp_invoices: 0, expected 1", id="no-invoice"),
        pytest.param("orders.#2.gp_invoices", [INVOICE], "unknown-item: gp_invoices: 1, expected 0", id="too-many"),
        pytest.param("orders.#2.dead_letters", [], "unknown-item: no dead letter with", id="no-letter"),
        pytest.param("orders.#1", None, "sold: order #1 is missing", id="no-order"),
        pytest.param("books.xero.receivables", "10.62", "books.xero.receivables is 10.62, expected 10.63", id="a-cent"),
        pytest.param("books.gp.fees", "0.01", "books.gp.fees is 0.01, expected 0", id="another-role"),
    ],
)
def test_what_a_run_left_otherwise_is_told(path: str, value: Any, told: str) -> None:
    result = deepcopy(RESULT)
    *way, last = path.split(".")
    place = result
    for word in way:
        place = place[word]
    place[last] = value
    (found,) = differences(FILE, result)
    assert told in found


def test_an_invoice_off_by_a_cent_is_told_with_its_field() -> None:
    result = deepcopy(RESULT)
    result["orders"]["#1"]["gp_invoices"][0]["XTNDPRCE"] = ["6.00", "4.01"]
    assert differences(FILE, result) == ["sold: gp_invoices: XTNDPRCE is ['6.00', '4.01'], expected ['4.00', '6.00']"]
