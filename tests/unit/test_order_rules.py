"""Orders that were cancelled: voided where they may have arrived, else not sent at all (accounting-rules.md rule 8)."""

from __future__ import annotations

from typing import Any

import pytest
from sent_documents import ORDER, SentInMemory

from ledgerbridge.canonical.allocation import frame_of
from ledgerbridge.canonical.rules import RULES, Ruled

ORDERS = "gp.sales_order"
OTHER = "shopify:us:order:2"


def ruled(sent: SentInMemory, *, cancelled: bool) -> Ruled:
    """The rule on an order, with one beside it that stands."""
    rows: list[dict[str, Any]] = [
        {"record_key": ORDER, "chain_key": ORDER, "cancelled": cancelled},
        {"record_key": OTHER, "chain_key": OTHER, "cancelled": False},
    ]
    frames = {part: frame_of(rows, "canonical.sales_order") for part in ("header", "lines")}
    return RULES["unless_cancelled"](frames, sent, orders=ORDERS)


def test_an_order_cancelled_before_it_was_sent_is_superseded_with_all_its_parts() -> None:
    result = ruled(SentInMemory(), cancelled=True)
    assert {name: list(frame["record_key"]) for name, frame in result.frames.items()} == {
        "header": [OTHER],
        "lines": [OTHER],
    }
    assert result.superseded == {ORDER: "it was cancelled before it was sent"}
    assert (result.waiting, result.failures) == ({}, [])


@pytest.mark.parametrize("state", ["delivered", "sending"])
def test_a_cancelled_order_that_may_have_arrived_goes_on_to_be_voided(state: str) -> None:
    sent = SentInMemory()
    sent.add(ORDERS, record_key=ORDER, state=state)
    result = ruled(sent, cancelled=True)
    assert list(result.frames["header"]["record_key"]) == [ORDER, OTHER]
    assert result.superseded == {}


def test_an_order_that_stands_goes_on() -> None:
    result = ruled(SentInMemory(), cancelled=False)
    assert list(result.frames["header"]["record_key"]) == [ORDER, OTHER]
    assert result.superseded == {}
