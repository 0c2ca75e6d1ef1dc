"""Records that come in chunks make what they make all at once: the cut decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerbridge.canonical.checks import check
from ledgerbridge.delivery import documents_of
from ledgerbridge.entities import RawRecord
from ledgerbridge.mapping import Mapped, Mapping, load_mapping, map_canonical, map_chunks
from tests.unit.mapping_runs import NOW, lookups

CONFORM = """
from: shop.order
to: canonical.sales_invoice
header:
  dated: {from: day, convert: {date: {}}}
  having: {order_name: {ne: "gone"}}
  record_key: {from: key, required: true}
  order_name: name
  invoiced_on: {from: day, convert: {date: {}}}
  customer_number: {lookup: {table: customers, key: customer}}
  total: {expr: "coalesce(freight, 0) + net"}
  custom.note: note
lines:
  - each: lines[]
    line_id: id
    kind: {value: product}
    line_number: {position: true}
    net: {from: net, required: true}
  - {where: {freight: {ne: 0}}, line_id: {value: freight}, kind: {value: shipping}, net: freight}
taxes:
  each: lines[].taxes[]
  group: [detail]
  detail: name
  amount: {from: amount, combine: sum}
"""
DOCUMENT = """
from: canonical.sales_invoice
to: erp.invoice
header: {Name: order_name, Customer: customer_number, Total: total, Note: custom.note}
lines:
  each: lines
  Number: line_number
  Net: net
  Tax: {sum: {of: taxes.amount}}
  Unit: {expr: "round(net / $.total, 2)"}
"""
amounts = st.sampled_from(["1.50", "-2", "0", None, "much", "99999999999999.99", True, 3, {"value": "1"}])
lines = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b"]), "net": amounts},
    optional={
        "taxes": st.lists(
            st.fixed_dictionaries({"name": st.sampled_from(["city", "state"]), "amount": st.sampled_from(["1", "2"])}),
            max_size=3,
        )
    },
)
orders = st.fixed_dictionaries(
    {
        "key": st.sampled_from(["k1", "k2", "k3", "k4", "k5", None]),
        "name": st.sampled_from(["#1", "#2", "gone"]),
        "day": st.sampled_from(["2026-01-31", "2026-02-01", "soon"]),
        "net": amounts,
        "customer": st.sampled_from(["known", "unknown"]),
        "lines": st.lists(lines, max_size=3),
    },
    optional={"freight": st.sampled_from(["0", "4.00"]), "note": st.sampled_from(["", "a gift", 7])},
)
batches = st.lists(orders, min_size=1, max_size=12)


def cut(records: list[RawRecord], places: set[int]) -> Iterator[list[RawRecord]]:
    ends = sorted({0, len(records), *(place % len(records) for place in places)})
    return (records[first:end] for first, end in pairwise(ends))


def told(mapped: Mapped) -> tuple[Any, ...]:
    """Everything that comes out, but for the order in which different records' failures are told."""
    failures = sorted(mapped.failures.astype(str).to_numpy().tolist())
    links = mapped.links.to_numpy().tolist()
    rows = {name: frame.astype(object).to_numpy().tolist() for name, frame in mapped.frames.items()}
    return str(rows), links, failures, mapped.earlier


def carried_on(mapped: Mapped, mappings: Mappings) -> tuple[Any, ...]:
    checked = check(mapped.frames)
    made = map_canonical(mappings.document, checked.frames, lookups(mappings.folder))
    return checked.failures, documents_of(made.frames, "erp.invoice"), told(made)[2]


@dataclass(frozen=True)
class Mappings:
    """Both mappings, and the folder of their lookup table."""

    folder: Path
    conform: Mapping
    document: Mapping


@pytest.fixture(scope="module")
def mappings(tmp_path_factory: pytest.TempPathFactory) -> Mappings:
    folder = tmp_path_factory.mktemp("mappings")
    (folder / "customers.csv").write_text("customer,number\nknown,C1\n")
    (folder / "conform.yaml").write_text(CONFORM)
    (folder / "document.yaml").write_text(DOCUMENT)
    return Mappings(folder, load_mapping(folder / "conform.yaml"), load_mapping(folder / "document.yaml"))


@given(payloads=batches, places=st.sets(st.integers(min_value=0, max_value=11)))
@settings(max_examples=40, deadline=None)
def test_any_cut_gives_the_same_records_failures_and_documents_as_one_batch(
    mappings: Mappings, payloads: list[dict[str, Any]], places: set[int]
) -> None:
    records = [RawRecord(f"o{number}", "1", NOW, payload) for number, payload in enumerate(payloads)]
    found, since = lookups(mappings.folder), date(2026, 2, 1)
    whole = map_chunks(mappings.conform, [records], found, since)
    parts = map_chunks(mappings.conform, cut(records, places), found, since)
    assert told(parts) == told(whole)
    assert carried_on(parts, mappings) == carried_on(whole, mappings)


def test_record_whose_lines_add_up_to_more_than_a_field_holds_fails_alone(mappings: Mappings) -> None:
    order = {"name": "#1", "day": "2026-02-01", "net": "5", "customer": "known", "lines": [{"id": "a", "net": "5"}]}
    most = {"id": "a", "net": "99999999999999.99"}
    payloads = [{**order, "key": "fine"}, {**order, "key": "huge", "lines": [most, most]}]
    records = [RawRecord(f"o{number}", "1", NOW, payload) for number, payload in enumerate(payloads)]
    checked = check(map_chunks(mappings.conform, [records], lookups(mappings.folder)).frames)
    assert checked.frames["header"]["record_key"].tolist() == ["fine"]
    assert [(failure["record_key"], failure["code"]) for failure in checked.failures] == [("huge", "LB-CAN-002")]
