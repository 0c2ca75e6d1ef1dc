"""What is measured side by side does the same work: every way makes the same documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from bench import by_mapping, by_rows
from bench.foreign_clients import Unavailable
from bench.invoices import CHANGED_AT, Batch, batches, lookups
from bench.transform import METHODS, compared
from bench.xero_extract import read_by_each
from ledgerbridge.canonical.checks import check
from ledgerbridge.mapping import load_mapping, map_canonical, map_raw

Rows = list[dict[str, Any]]
Change = Callable[[dict[str, Any]], Any]


def made_by(module: str) -> tuple[Rows, Rows]:
    way = import_module(f"bench.{module}")
    headers, lines = way.rows(way.run(next(batches(1200))))
    return headers, sorted(lines, key=lambda line: (line["record_key"], line["Description"], line["LineAmount"]))


@pytest.mark.parametrize("method", [name for name in METHODS if name != "ledgerbridge"])
def test_every_way_makes_the_documents_the_mapping_files_make(method: str) -> None:
    headers, lines = made_by(METHODS[method])
    expected_headers, expected_lines = made_by(METHODS["ledgerbridge"])
    assert len(headers) == len(expected_headers) == 300
    assert len(lines) == len(expected_lines) == 1200
    assert lines == expected_lines
    assert [{**row, "CurrencyRate": None} for row in headers] == expected_headers


BROKEN: dict[str, tuple[Change, set[str]]] = {
    "no-number": (lambda invoice: invoice.pop("SOPNUMBE"), {"SOPNUMBE"}),
    "no-customer": (lambda invoice: invoice.pop("CUSTNMBR"), {"CUSTNMBR"}),
    "no-date": (lambda invoice: invoice.update(DOCDATE=None), {"DOCDATE"}),
    "no-day": (lambda invoice: invoice.update(DOCDATE="2026-02-30"), {"DOCDATE"}),
    "number-that-is-none": (lambda invoice: invoice["Line"][1].update(QUANTITY="a few"), {"QUANTITY"}),
    "not-a-number": (lambda invoice: invoice.update(XCHGRATE="NaN"), {"XCHGRATE"}),
    "more-than-money-holds": (lambda invoice: invoice["Line"][0].update(OXTNDPRC="1" + 14 * "0"), {"OXTNDPRC"}),
    "line-without-number": (lambda invoice: invoice["Line"][0].update(LNITMSEQ=None), {"LNITMSEQ"}),
    "detail-without-name": (lambda invoice: invoice["Tax"][0].update(TAXDTLID=None), {"TAXDTLID"}),
    "customer-without-contact": (lambda invoice: invoice.update(CUSTNMBR="NOBODY"), {"customer_number"}),
    "role-without-account": (lambda invoice: invoice["Line"][0].update(NONINVEN=1, ITEMNMBR="TIP"), {"AccountCode"}),
    "tax-that-xero-lacks": (lambda invoice: invoice["Tax"][0].update(TAXDTLID="OREGON"), {"TaxType"}),
    "total-of-other-parts": (lambda invoice: invoice.update(ORDOCAMT="1.00000"), {"total"}),
    "no-lines": (lambda invoice: invoice.update(Line=[], ORFRTAMT="0.00000", ORFRTTAX="0.00000"), {"lines", "total"}),
    "two-at-once": (lambda invoice: invoice.update(SOPNUMBE=None, XCHGRATE="?"), {"SOPNUMBE", "XCHGRATE"}),
}

CANONICAL_NAMES = {"QUANTITY": "quantity", "XCHGRATE": "rate", "OXTNDPRC": "net"}
"""What the mapping calls a value that it can't read into a canonical field."""


@pytest.mark.parametrize("case", BROKEN)
def test_rows_by_hand_refuse_what_the_mapping_files_refuse_and_name_the_same_field(case: str) -> None:
    change, fields = BROKEN[case]
    batch = next(batches(80))
    broken = next(number for number, invoice in enumerate(batch.payloads) if invoice["Tax"])
    change(batch.payloads[broken])
    by_hand = by_rows.run(batch)
    assert {(each.record, each.field) for each in by_hand.failures} == {(broken, field) for field in fields}
    assert all(each.message and each.remedy for each in by_hand.failures)
    assert failed_by_mapping(batch) == {(broken, CANONICAL_NAMES.get(field, field)) for field in fields}
    headers, _ = by_mapping.rows(by_mapping.run(batch))
    others = [key for number, key in enumerate(batch.keys) if number != broken]
    assert [row["record_key"] for row in by_hand.headers] == [row["record_key"] for row in headers] == others


def failed_by_mapping(batch: Batch) -> set[tuple[int, str]]:
    given = lookups()
    first, second = (load_mapping(by_mapping.MAPPINGS / f"{name}.yaml") for name in by_mapping.NAMES)
    made = map_raw(first, batch.payloads, batch.keys, [CHANGED_AT] * len(batch.keys), given)
    checked = check(made.frames)
    mapped = map_canonical(second, checked.frames, given)
    keys = list(checked.frames["header"]["record_key"])
    return {
        *((int(each["record"]), each["field"]) for each in made.failures.to_dict("records")),
        *((batch.keys.index(each["record_key"]), each["field"]) for each in checked.failures),
        *((batch.keys.index(keys[each["record"]]), each["field"]) for each in mapped.failures.to_dict("records")),
    }


def test_batches_hold_as_many_lines_as_asked_for() -> None:
    assert [batch.lines for batch in batches(45_000)] == [20_000, 20_000, 5_000]


def test_what_can_not_be_fetched_is_skipped_with_its_reason_and_the_others_are_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    times = Counter[str]()

    def read_by(client: str) -> dict[str, Any]:
        times[client] += 1
        if client == "theirs":
            raise Unavailable("Failed to fetch: `theirs`")
        return {"client": client, "seconds": times[client]}

    found = read_by_each(["ours", "theirs", "another"], read_by)
    # of each its second reading
    assert found == [{"client": "ours", "seconds": 2}, {"client": "another", "seconds": 2}]
    assert capsys.readouterr().out == "  theirs: skipped, Failed to fetch: `theirs`\n"


def test_what_ours_takes_of_another_is_told_and_of_itself_nothing() -> None:
    ours = {"method": "ledgerbridge", "lines_per_cpu_second": 200_000, "peak_mib": 240}
    theirs = {"method": "petl", "lines_per_cpu_second": 16_000, "peak_mib": 160}
    assert compared(ours, theirs) == "  ours takes 0.08 of its processor, 1.50 of its memory"
    assert compared(ours, ours) == ""
