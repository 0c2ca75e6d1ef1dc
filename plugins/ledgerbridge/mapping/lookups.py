"""Where mapping rules find values by key; the operator gives the parts that need a database or a system."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.yaml_files import nearest

__all__ = ["LiveLookup", "Lookups", "Row", "StateReader"]

Row = dict[str, Any]
_SENT = ("cross_reference", "delivery")
LiveLookup = Callable[[str, Sequence[str], int | None], dict[str, Row]]
"""``(entity, keys, max_age_minutes)`` to the rows found; without an age the system is asked now."""


class StateReader(Protocol):
    """What rules read of the state database."""

    def cross_references(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, Row]:
        """Cross-references of ``entity`` by key."""

    def deliveries(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, Row]:
        """Deliveries of ``entity`` that arrived, with their canonical header's fields, by key."""

    def on_the_way(self, entity: str, by: str, keys: Sequence[str]) -> set[str]:
        """Those of the keys under which something is to arrive in ``entity`` that has not yet."""

    def labels(self, entity: str, labels: Sequence[str]) -> dict[str, Row]:
        """Source records of ``entity`` by the name people see; an ambiguous name is left out."""

    def namesakes(self, entity: str, labels: Sequence[str]) -> dict[str, list[Row]]:
        """All of them by that name, each with the fields of its canonical headers."""


@dataclass
class Lookups:
    """
    The lookups of one batch.

    :param tables: folder of CSV files (UTF-8, a heading line).
    :param given: tables that come from elsewhere (``accounts``, ``company``), by name.
    :param state: cross-references, deliveries and labels.
    :param live: asks a system for master data: ``live(entity, keys, max_age_minutes)``.
    :param zone: the organisation's time zone.
    :param key_salt: what salted keys are made with; empty where nothing is kept of them, as in a trial.
    :param company_key: what all other keys are made with; empty for the company `main`.
    """

    tables: Path
    given: dict[str, dict[str, Row]]
    state: StateReader
    live: LiveLookup
    zone: str
    key_salt: bytes = b""
    company_key: bytes = b""
    _rows: dict[str, list[Row]] = field(default_factory=dict)
    _headings: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _indexed: dict[tuple[str, str | None], dict[str, list[Row]]] = field(default_factory=dict)

    def find(
        self, place: str, name: str, by: str | None, keys: Sequence[str], *, max_age_minutes: int | None = None
    ) -> dict[str, Row]:
        """
        The row found for each key; a key that isn't there, or that several rows have, is left out.

        :param place: table, cross_reference, delivery, label or live.
        :param by: column that is compared with the keys.
        """
        match place:
            case "table":
                rows = self.rows(name, by)
                return {key: rows[key][0] for key in keys if len(rows.get(key, ())) == 1}
            case "cross_reference":
                return self.state.cross_references(name, by or "record_key", keys)
            case "delivery":
                return self.state.deliveries(name, by or "record_key", keys)
            case "label":
                return self.state.labels(name, keys)
            case _:
                return self.live(name, keys, max_age_minutes)

    def on_the_way(self, place: str, name: str, by: str | None, keys: Sequence[str]) -> set[str]:
        """Those of the keys whose row is still to come: what it is made of goes on, and has not arrived."""
        return self.state.on_the_way(name, by or "record_key", keys) if place in _SENT else set()

    def find_among(
        self, entity: str, wanted: Sequence[tuple[str, ...]], fields: Sequence[str]
    ) -> dict[tuple[str, ...], Row]:
        """
        The source record of each name; of several that have it, the one that also has these values.

        :param wanted: a name, and a value for each of ``fields``: a field counts where those before leave several, and
            one that none of them has says nothing.
        """
        named = self.state.namesakes(entity, sorted({name for name, *_ in wanted}))
        found: dict[tuple[str, ...], Row] = {}
        for key in wanted:
            left = named.get(key[0], [])
            for field_name, value in zip(fields, key[1:], strict=True):
                if len(left) > 1:
                    left = [row for row in left if _same(row.get(field_name), value)] or left
            if len(left) == 1:
                found[key] = left[0]
        return found

    def rows(self, name: str, by: str | None = None) -> dict[str, list[Row]]:
        """
        The rows of a table by a column of theirs, the first by default.

        :raises ConfigurationError: there is no such table or column; names those there are.
        """
        if (name, by) not in self._indexed:
            if by is None and name in self.given:
                indexed = {key: [row] for key, row in self.given[name].items()}
            else:
                indexed = self._index(name, by)
            self._indexed[name, by] = indexed
        return self._indexed[name, by]

    def columns(self, name: str) -> list[str]:
        """
        The columns of a table.

        :raises ConfigurationError: there is no such table; names those there are.
        """
        return list(dict.fromkeys(column for row in self._table(name) for column in row)) or self._headings[name]

    def _index(self, name: str, by: str | None) -> dict[str, list[Row]]:
        table = self._table(name)
        columns = self.columns(name)
        if by is not None and table and by not in columns:
            raise ConfigurationError(
                "LB-MAP-010",
                f'lookup table "{name}" has no column "{by}".',
                remedy=_instead(by, columns, "Give it that column, or use"),
            )
        indexed: dict[str, list[Row]] = {}
        for row in table:
            key = row[columns[0] if by is None else by]
            if key not in (None, ""):
                indexed.setdefault(str(key), []).append(row)
        return indexed

    def _table(self, name: str) -> list[Row]:
        if name in self.given:
            return list(self.given[name].values())
        if name not in self._rows:
            if name not in self._files:
                raise ConfigurationError(
                    "LB-MAP-010",
                    f'lookup table "{name}": no {self.tables / name}.csv.',
                    remedy=_instead(name, [*self.given, *self._files], "Create it, or use"),
                )
            with self._files[name].open(newline="", encoding="utf-8-sig") as file:
                read = csv.DictReader(file)
                self._rows[name], self._headings[name] = [dict(row) for row in read], list(read.fieldnames or ())
        return self._rows[name]

    @cached_property
    def _files(self) -> dict[str, Path]:
        return {path.stem: path for path in sorted(self.tables.glob("*.csv"))}


def _same(one: Any, other: str) -> bool:
    """Whether two values are the same, amounts whatever their digits."""
    try:
        return Decimal(str(one)) == Decimal(other)
    except InvalidOperation:
        return str(one) == other


def _instead(wrong: str, known: Sequence[str], advice: str) -> str:
    hint = nearest(wrong, known)
    return f"{advice} one of {', '.join(known)}" + (f' (did you mean "{hint}"?).' if hint else ".")
