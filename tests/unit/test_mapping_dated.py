"""`dated`: rows of a day before the first are left to people, and whatever is wrong with them too."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.mapping import Mapped, load_mapping, map_raw
from tests.unit.mapping_runs import NOW, lookups, made

FIRST = date(2026, 1, 1)
ORDERS = """\
from: shop.order
to: erp.order
header:
  dated: {from: placed, convert: {date: {zone: company}}}
  TOTAL: {from: total, convert: {decimal: {}}, required: true}
lines:
  each: lines[]
  ITEM: {from: sku, required: true}
"""
FEES = """\
from: shop.payout
to: erp.fee
header:
  each: items[]
  where: {fee: {ne: 0}}
  dated: {from: created, convert: {date: {}}}
  group: [record_key]
  record_key: "@key"
  AMOUNT: {from: fee, combine: sum}
"""


def order(placed: str | None, total: str | None = "1.00", sku: str | None = "A") -> dict[str, Any]:
    return {"placed": placed, "total": total, "lines": [{"sku": sku}]}


def run(folder: Path, text: str, payloads: list[dict[str, Any]], since: date | None = FIRST) -> Mapped:
    (folder / "dated.yaml").write_text(text)
    keys = [f"k{number}" for number in range(len(payloads))]
    return map_raw(load_mapping(folder / "dated.yaml"), payloads, keys, [NOW] * len(keys), lookups(folder), since)


def test_record_of_an_earlier_day_in_the_companys_zone_is_left_out_with_its_lines(tmp_path: Path) -> None:
    mapped = run(tmp_path, ORDERS, [order("2026-01-01T04:59:59Z", sku="OLD"), order("2026-01-01T05:00:00Z")])
    assert mapped.earlier == {0: date(2025, 12, 31)}
    assert (made(mapped, "record_key"), made(mapped, "ITEM", "lines")) == (["k1"], ["A"])
    assert mapped.links["record"].tolist() == [1]


def test_record_without_a_day_goes_on(tmp_path: Path) -> None:
    assert made(run(tmp_path, ORDERS, [order(None), order("2026-02-01T12:00:00Z")]), "record_key") == ["k0", "k1"]


def test_what_is_wrong_with_an_earlier_record_is_no_failure(tmp_path: Path) -> None:
    mapped = run(tmp_path, ORDERS, [order("2025-06-01T12:00:00Z", None, None), order("2026-02-01T12:00:00Z", sku=None)])
    assert mapped.failures["record"].tolist() == [1]
    assert list(mapped.earlier) == [0]


def test_day_that_can_not_be_read_is_a_failure_of_its_record(tmp_path: Path) -> None:
    mapped = run(tmp_path, ORDERS, [order("soon"), order("2026-02-01T12:00:00Z")])
    assert mapped.failures[["record", "field", "value"]].to_numpy().tolist() == [[0, "placed", "soon"]]


def test_rows_of_both_sides_of_the_day_leave_the_later_ones(tmp_path: Path) -> None:
    items = [{"created": "2025-12-31", "fee": 5}, {"created": "2026-01-02", "fee": 7}]
    mapped = run(tmp_path, FEES, [{"items": items}, {"items": items[:1]}, {"items": [{**items[1], "fee": 0}]}])
    assert made(mapped, "AMOUNT") == [7]
    assert mapped.earlier == {1: date(2025, 12, 31)}


def test_record_no_operation_can_work_with_keeps_no_other_from_its_day(tmp_path: Path) -> None:
    odd = {"placed": {"day": "2026-02-01"}, "total": "1.00", "lines": []}
    mapped = run(tmp_path, ORDERS, [odd, order("2026-02-01T12:00:00Z"), order("2025-02-01T12:00:00Z")])
    assert mapped.failures["record"].tolist() == [0]
    assert (made(mapped, "record_key"), list(mapped.earlier)) == (["k1"], [2])


def test_without_a_first_day_everything_is_mapped(tmp_path: Path) -> None:
    mapped = run(tmp_path, ORDERS, [order("2020-01-01T12:00:00Z"), order("soon")], since=None)
    assert (made(mapped, "record_key"), mapped.earlier) == (["k0", "k1"], {})


@pytest.mark.parametrize(
    "text",
    [
        "from: shop.order\nto: erp.order\nheader:\n  A: a\nlines:\n  each: lines[]\n  dated: placed\n  B: b\n",
        "from: canonical.payout\nto: erp.payout\nheader:\n  dated: arrived_on\n  A: amount\n",
    ],
)
def test_only_the_header_of_a_raw_record_is_dated(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="only the header of a raw record is dated"):
        run(tmp_path, text, [])


MASTERS = {
    "gp": [
        "account", "currency", "customer", "customer_class", "item", "segment", "tax_detail", "tax_schedule", "vendor",
        "vendor_class",
    ],
    "xero": [
        "account", "contact", "contact_group", "currency", "item", "supplier", "tax_component", "tax_rate",
        "tracking_option",
    ],
}  # fmt: skip
"""They are kept in step whenever they were made; what is dated are documents."""


def test_every_shipped_mapping_of_a_raw_document_is_dated() -> None:
    folder = Path(__file__).parents[2] / "include" / "mappings"
    mappings = [load_mapping(path) for path in folder.glob("*.yaml")]
    masters = {f"{system}.{name}" for system, names in MASTERS.items() for name in names}
    undated = [
        each.name
        for each in mappings
        if not each.source.startswith("canonical.") and each.source not in masters and not each.parts["header"][0].dated
    ]
    assert len(mappings) > 20
    assert undated == []
