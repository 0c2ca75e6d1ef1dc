"""Which source records a document was made from, in which version and by which mapping, as transform staged it."""

from __future__ import annotations

from operators.staging import BatchRef, read_rows

__all__ = ["changes_of", "mapping_versions", "newest_changes", "source_keys_of"]


def source_keys_of(links: BatchRef) -> dict[str, list[str]]:
    """Source keys by the record key of what was made of them."""
    keys: dict[str, list[str]] = {}
    for row in read_rows(links, "links"):
        keys.setdefault(row["record_key"], []).append(row["source_key"])
    return keys


def mapping_versions(links: BatchRef) -> dict[str, str | None]:
    """The version of the mapping that made a document, by its record key."""
    return {row["record_key"]: row["mapping_version"] for row in read_rows(links, "links")}


def changes_of(links: BatchRef) -> dict[str, int | None]:
    """The number of the change that a document was made of, by source key; None from before there was a change log."""
    return {row["source_key"]: row.get("change") for row in read_rows(links, "links")}


def newest_changes(links: BatchRef) -> dict[str, int]:
    """The highest number of the changes that a document was made of, by its record key; nothing where none has one."""
    numbers: dict[str, int] = {}
    for row in read_rows(links, "links"):
        if (number := row.get("change")) is not None:
            numbers[row["record_key"]] = max(number, numbers.get(row["record_key"], number))
    return numbers
