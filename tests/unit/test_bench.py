"""What is measured side by side does the same work: every way makes the same documents."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from bench.invoices import batches
from bench.transform import METHODS

Rows = list[dict[str, Any]]


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


def test_batches_hold_as_many_lines_as_asked_for() -> None:
    assert [batch.lines for batch in batches(45_000)] == [20_000, 20_000, 5_000]
