"""A record the mapping can't calculate with becomes a failure of its own; the records beside it are mapped."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerbridge.mapping import Mapped, load_mapping, map_canonical, map_raw
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


MONEY = pa.decimal128(19, 5)
DOCUMENT = """
from: canonical.payment
to: erp.receipt
header:
  ReceiptKey: record_key
  Amount: {expr: amount * rate}
"""


@given(amounts=st.lists(st.sampled_from(["1.50", "99999999999999.00"]), min_size=1, max_size=9))
@settings(max_examples=25, deadline=None)
def test_canonical_record_whose_product_outgrows_decimals_fails_alone(amounts: list[str]) -> None:
    keys = [f"k{number}" for number in range(len(amounts))]
    money = pa.array([Decimal(amount) for amount in amounts], MONEY)
    header = pd.DataFrame({"record_key": pd.Series(keys, dtype="string[pyarrow]")})
    header["amount"] = header["rate"] = pd.Series(money, dtype=pd.ArrowDtype(MONEY))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mapping.yaml"
        path.write_text(DOCUMENT)
        result = map_canonical(load_mapping(path), {"header": header}, lookups(Path(folder)))
    fit = [key for key, amount in zip(keys, amounts, strict=True) if amount == "1.50"]
    made = result.frames["header"]
    assert list(zip(made["record_key"], made["Amount"], strict=True)) == [(key, Decimal("2.25")) for key in fit]
    assert list(result.links["record_key"]) == fit
    assert [keys[position] for position in result.failures["record"]] == [key for key in keys if key not in fit]
    for failure in result.failures.to_dict("records"):
        assert (failure["code"], failure["field"]) == ("LB-MAP-006", "Amount")
        assert sorted(failure["value"].split(", ")) == ["amount=99999999999999.00000", "rate=99999999999999.00000"]
        assert failure["remedy"].startswith("Mend the value in the source")
