"""Ours: the shipped mapping files of the flow's leg `invoice`, with the canonical checks between them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from bench.invoices import CHANGED_AT, Batch, lookups
from ledgerbridge.canonical.checks import check
from ledgerbridge.delivery.content import rows_of
from ledgerbridge.mapping import Mapping, frame_records, load_mapping, nested_records

__all__ = ["rows", "run"]

MAPPINGS = Path(__file__).parent.parent / "include" / "mappings"


def run(batch: Batch) -> Any:
    """The documents' frames."""
    given = lookups()
    raw = nested_records(batch.payloads, batch.keys, [CHANGED_AT] * len(batch.keys))
    canonical = _mapping("gp_sales_invoice_to_sales_invoice").run(raw, given)
    checked = check(canonical.frames)
    return _mapping("sales_invoice_to_xero_invoice").run(frame_records(checked.frames), given).frames


def rows(made: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Headers and lines as Python values."""
    return rows_of(made["header"]), rows_of(made["lines"])


@cache
def _mapping(name: str) -> Mapping:
    return load_mapping(MAPPINGS / f"{name}.yaml")
