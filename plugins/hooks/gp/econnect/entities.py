"""What the GP entities have in common: the site they live in, reading by change time, looking up by key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from hooks.gp.econnect.client import EConnectClient
from hooks.gp.econnect.currencies import Currencies
from hooks.gp.econnect.reader import Row, TableReader, all_of, changed_between
from ledgerbridge.entities import RawRecord, Window
from ledgerbridge.errors import ConfigurationError

__all__ = ["ChangedRows", "GPEntity", "MasterRows", "Site", "WholeTable"]


@dataclass(frozen=True)
class Site:
    """
    One GP company as a hook reaches it.

    :param max_parallel: how many documents are sent at the same time.
    """

    client: EConnectClient
    reader: TableReader
    company: str
    currencies: Currencies
    max_parallel: int


class GPEntity:
    """One entity of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def call_seconds(self) -> float:
        """How long one call to the company's service may take."""
        return self._site.client.timeout_seconds


class ChangedRows(GPEntity):
    """
    A source whose tables carry DEX_ROW_TS, which GP keeps in UTC (sources.md GP §2, unverified).

    Pages come table by table in key order, not by time: a window is read whole.
    """

    source_name: ClassVar[str]
    source_doctypes: ClassVar[tuple[str, ...]]
    source_where: ClassVar[str]
    source_key: ClassVar[tuple[str, ...]]

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """Pages of at most 1,000 records; payload by column name, child rows as lists."""
        where = all_of(self.source_where, changed_between(window.since, window.until))
        for doctype in self.source_doctypes:
            for rows in self._site.reader.pages(doctype, where, key=self._sorted_by(doctype)):
                yield [self._record(doctype, row) for row in self._prepared(rows)]

    def clock(self) -> datetime:
        """The GP server's time now, aware UTC."""
        return self._site.client.server_time()

    def _sorted_by(self, doctype: str) -> tuple[str, ...]:
        """The columns a table is read in the order of, unique together."""
        return self.source_key

    def _number(self, row: Row) -> str:
        return "-".join(str(row[column]) for column in self.source_key)

    def _prepared(self, rows: list[Row]) -> list[Row]:
        return rows

    def _record(self, doctype: str, row: Row) -> RawRecord:
        changed = row.get("DEX_ROW_TS")
        if not changed:
            raise ConfigurationError(
                "LB-GP-021",
                f"{doctype} answers without DEX_ROW_TS, so changes can't be told",
                remedy="Add the column DEX_ROW_TS to the DOCTYPE in eConnect_Out_Setup.",
            )
        return RawRecord(
            key=f"gp:{self._site.company}:{self.source_name}:{self._number(row)}",
            version=str(changed),
            changed_at=datetime.fromisoformat(str(changed)).replace(tzinfo=UTC),
            payload=self._site.currencies.row_from_gp(row),
        )


class WholeTable(GPEntity):
    """
    A source whose table has no DEX_ROW_TS (sources.md GP §2): read whole each time, a version is its content.

    Such tables are small: what a company sets up once. When a row changed nobody can tell; it is when it was read.
    """

    listed_every = timedelta()
    source_name: ClassVar[str]
    source_doctype: ClassVar[str]
    source_key: ClassVar[str]

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """Pages of at most 1,000 records, all there are; payload by column name."""
        now = self.clock()
        for rows in self._site.reader.pages(self.source_doctype, "", key=(self.source_key,)):
            yield [self._record(row, now) for row in map(self._prepared, rows)]

    def clock(self) -> datetime:
        """The GP server's time now, aware UTC."""
        return self._site.client.server_time()

    def _prepared(self, row: Row) -> Row:
        return row

    def _record(self, row: Row, now: datetime) -> RawRecord:
        content = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:32]
        key = f"gp:{self._site.company}:{self.source_name}:{row[self.source_key]}"
        return RawRecord(key=key, version=content, changed_at=now, payload=row)


class MasterRows(GPEntity):
    """A master table looked up by one column, equal as GP compares: case aside."""

    master_doctype: ClassVar[str]
    master_column: ClassVar[str]

    def lookup(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The rows found, by the key as asked; a key GP doesn't have is left out."""
        rows = self._site.reader.by_keys(self.master_doctype, self.master_column, keys)
        by_key: Mapping[str, Row] = {str(row[self.master_column]).upper(): row for row in rows}
        return {key: by_key[key.strip().upper()] for key in keys if key.strip().upper() in by_key}
