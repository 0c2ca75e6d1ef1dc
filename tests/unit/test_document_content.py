"""A document as text: equal content has equal text, and by that one hash, whatever its values were made of."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.delivery.content import content_hash, plain, seen_hash


class City(StrEnum):
    WANAKA = "Wānaka"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(codec="utf-8"))
    | st.dates()
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("10.00"), "10"),
        (Decimal("-0.00"), "0"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2, 4, tzinfo=UTC), "2026-03-02T04:00:00+00:00"),
        (City.WANAKA, "Wānaka"),
        ("10.00", "10.00"),
        (1.5, 1.5),
        (True, True),
        ({"a": None, "b": {"c": None, "d": [None, {"e": None}, [Decimal("2.50")]]}}, {"b": {"d": [None, {}, ["2.5"]]}}),
    ],
)
def test_a_value_as_text_has_nothing_superfluous(value: Any, text: Any) -> None:
    assert plain(value) == text


def test_the_hash_of_a_document_stays_what_it_was() -> None:
    """It stands in the audit, and decides whether a document is sent again."""
    header = {"SENT": True, "AMOUNT": Decimal("10.00"), "DOCDATE": date(2026, 3, 2), "CITY": "Wānaka", "NOTE": None}
    lines: list[dict[str, Any]] = [{"QUANTITY": 1, "ITEM": "A"}, {"ITEM": "B", "QUANTITY": None}]
    assert content_hash(header, {"lines": lines}) == "dc6ec9107df603ce897d63eca6385879f00b3a9b545b2e0078fb50f57c8be32f"


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), VALUES))
def test_what_a_target_answered_has_the_hash_it_has_as_a_header(content: dict[str, Any]) -> None:
    assert seen_hash(plain(content)) == content_hash(content, {})
