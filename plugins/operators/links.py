"""Which source records a document was made from, and by which mapping, as transform staged it."""

from __future__ import annotations

from operators.staging import BatchRef, read_rows

__all__ = ["mapping_versions", "source_keys_of"]


def source_keys_of(links: BatchRef) -> dict[str, list[str]]:
    """Source keys by the record key of what was made of them."""
    keys: dict[str, list[str]] = {}
    for row in read_rows(links, "links"):
        keys.setdefault(row["record_key"], []).append(row["source_key"])
    return keys


def mapping_versions(links: BatchRef) -> dict[str, str | None]:
    """The version of the mapping that made a document, by its record key."""
    return {row["record_key"]: row["mapping_version"] for row in read_rows(links, "links")}
