"""What the bench of first meetings says of shares is Wilson's interval, and what it measures is what met."""

from __future__ import annotations

import pytest

from bench.matching import RULES, interval
from ledgerbridge.matching.meeting import meet
from sandbox.messy import make_messy


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        pytest.param(0, 0, 0.0, 1.0, id="of-nothing"),
        pytest.param(10, 10, 0.7225, 1.0, id="all-of-ten"),
        pytest.param(50, 100, 0.4038, 0.5962, id="half"),
    ],
)
def test_interval_is_wilsons(hits: int, of: int, low: float, high: float) -> None:
    assert interval(hits, of) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("entity", list(RULES))
def test_each_kind_meets_by_its_rules_without_a_wrong_link(entity: str) -> None:
    messy = make_messy(200, 1, vendors=200, items=200)
    found = meet(messy.gp[entity], messy.xero[entity], RULES[entity])
    linked = {(each.left, each.right) for each in found if each.band == "automatic"}
    assert len(linked) > 50
    assert linked <= set(messy.truth[entity])


def test_one_seed_makes_one_pair_of_ledgers_and_another_seed_another() -> None:
    assert make_messy(30, 5) == make_messy(30, 5)
    assert make_messy(30, 5) != make_messy(30, 6)
