"""What became of the form of records: told by names, kinds and what is always there."""

from __future__ import annotations

from typing import Any

import pytest

from ledgerbridge.drift import Drift, drifted, shape_of

ORDERS: list[dict[str, Any]] = [
    {"id": "1", "note": None, "lines": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 2}], "address": {"zip": "01970"}},
    {"id": "2", "note": "gift", "lines": [], "address": None},
]


def test_a_form_has_paths_kinds_and_what_is_always_there() -> None:
    assert shape_of(ORDERS) == {
        "address": "object!", "address.zip": "text", "id": "text!", "lines": "list!", "lines[]": "object",
        "lines[].qty": "number!", "lines[].sku": "text!", "note": "text!",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({"id": "3", "note": None, "lines": [], "address": None}, []),  # nothing proves anything
        (
            {"id": 3, "note": "x", "lines": [{"sku": "A", "qty": 1}], "address": {"zip": "1", "city": "Salem"}},
            [Drift("address.city", "appeared", "", "text!"), Drift("id", "changed", "text!", "number!")],
        ),
        ({"note": "x", "lines": [{"qty": 1}]},
         [Drift("address", "went", "object!", ""), Drift("id", "went", "text!", ""),
          Drift("lines[].sku", "went", "text!", "")]),
    ],
)  # fmt: skip
def test_what_is_otherwise_is_told_and_what_may_be_absent_is_not(record: dict[str, Any], found: list[Drift]) -> None:
    assert drifted(shape_of(ORDERS), shape_of([record])) == found
