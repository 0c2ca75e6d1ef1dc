"""Running a mapping that a test writes, on records that it makes up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from ledgerbridge.mapping import Lookups, Mapped, load_mapping, nested_records

NOW = datetime(2026, 3, 2, 15, 41, tzinfo=UTC)


class NoState:
    """A state database that holds nothing."""

    def cross_references(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {}

    deliveries = cross_references

    def on_the_way(self, entity: str, by: str, keys: Sequence[str]) -> set[str]:
        return set()

    def labels(self, entity: str, labels: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {}

    def namesakes(self, entity: str, labels: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """Nothing by any name."""
        return {}


def lookups(tables: Path, live: dict[str, dict[str, Any]] | None = None, key_salt: bytes = b"") -> Lookups:
    """Lookups of the CSV files in ``tables``, and of ``live`` whatever the entity."""
    known = live or {}
    return Lookups(
        tables,
        {},
        NoState(),
        lambda entity, keys, max_age_minutes: {key: known[key] for key in keys if key in known},
        "America/New_York",
        key_salt,
    )


def run(folder: Path, text: str, payloads: list[dict[str, Any]], **live: dict[str, Any]) -> Mapped:
    """Write ``text`` as a mapping and run it; records have the keys k0, k1, …"""
    path = folder / "mapping.yaml"
    path.write_text(text)
    records = nested_records(payloads, [f"k{n}" for n in range(len(payloads))], [NOW] * len(payloads))
    return load_mapping(path).run(records, lookups(folder, live))


def header_rule(folder: Path, rule: str, payloads: list[dict[str, Any]], **live: dict[str, Any]) -> Mapped:
    """Run a mapping whose header has one field, TARGET."""
    return run(folder, f"from: shop.order\nto: erp.order\nheader:\n  TARGET: {rule}\n", payloads, **live)


def made(mapped: Mapped, field: str = "TARGET", part: str = "header") -> list[Any]:
    """The values of one field."""
    return [None if value is pd.NA else value for value in mapped.frames[part][field].tolist()]
