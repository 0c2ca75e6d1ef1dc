"""Ours: the shipped mapping files of the flow's leg `invoice`, with the canonical checks between them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from bench.invoices import CHANGED_AT, Batch, lookups
from ledgerbridge.canonical.checks import check
from ledgerbridge.delivery.content import rows_of
from ledgerbridge.mapping import Mapping, frame_records, load_mapping, nested_records

__all__ = ["MAPPINGS", "NAMES", "rows", "run"]

NAMES = ("gp_sales_invoice_to_sales_invoice", "sales_invoice_to_xero_invoice")
MAPPINGS = Path(__file__).parent.parent / "include" / "mappings"


def run(batch: Batch) -> Any:
    """The documents' frames."""
    given = lookups()
    raw = nested_records(batch.payloads, batch.keys, [CHANGED_AT] * len(batch.keys))
    to_canonical, to_xero = map(_mapping, NAMES)
    checked = check(to_canonical.run(raw, given).frames)
    return to_xero.run(frame_records(checked.frames), given).frames


def rows(made: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Headers and lines as Python values."""
    return rows_of(made["header"]), rows_of(made["lines"])


@cache
def _mapping(name: str) -> Mapping:
    return load_mapping(MAPPINGS / f"{name}.yaml")
