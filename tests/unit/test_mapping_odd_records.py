"""A record the mapping can't calculate with becomes a failure of its own; the records beside it are mapped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledgerbridge.mapping import Mapped, load_mapping, map_raw
from tests.unit.mapping_runs import NOW, lookups

PAYMENT = {"status": "succeeded", "captured": True, "amount": "12.50", "fee": "0.50", "created": 1772460000}
MAPPING = """
from: shop.charge
to: canonical.payment
header:
  amount: {expr: amount - fee}
  paid_on: {from: created, convert: {date: {zone: company, epoch: true}}}
"""


def mapped(folder: Path, *payloads: dict[str, Any]) -> Mapped:
    path = folder / "mapping.yaml"
    path.write_text(MAPPING)
    keys = [f"k{number}" for number in range(len(payloads))]
    return map_raw(load_mapping(path), payloads, keys, [NOW] * len(keys), lookups(folder))


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        pytest.param({"amount": "REFUND"}, "LB-MAP-006", id="text-for-an-amount"),
        pytest.param({"amount": True}, "LB-MAP-006", id="flag-for-an-amount"),
        pytest.param({"amount": {"value": "12.50"}}, "LB-MAP-006", id="object-for-an-amount"),
        pytest.param({"amount": "99999999999999999999.99"}, "LB-MAP-003", id="more-digits-than-money-has"),
        pytest.param({"created": 10**17}, "LB-MAP-003", id="year-three-billion"),
    ],
)
def test_odd_record_fails_alone_and_the_others_are_mapped(tmp_path: Path, odd: dict[str, Any], code: str) -> None:
    result = mapped(tmp_path, PAYMENT, PAYMENT, PAYMENT | odd, PAYMENT)
    assert result.failures[["record", "code"]].to_numpy().tolist() == [[2, code]]
    assert result.links.to_numpy().tolist() == [[0, "k0"], [1, "k1"], [3, "k3"]]
    assert [str(amount) for amount in result.frames["header"]["amount"]] == ["12.00000"] * 3
