"""Where mapping rules find values by key; the operator gives the parts that need a database or a system."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.yaml_files import nearest

__all__ = ["Lookups", "StateReader"]

Row = dict[str, Any]


class StateReader(Protocol):
    """What rules read of the state database."""

    def cross_references(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, Row]:
        """Cross-references of ``entity`` by key."""

    def deliveries(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, Row]:
        """Deliveries of ``entity`` that arrived, with their canonical header's fields, by key."""

    def labels(self, entity: str, labels: Sequence[str]) -> dict[str, Row]:
        """Source records of ``entity`` by the name people see; an ambiguous name is left out."""


@dataclass
class Lookups:
    """
    The lookups of one batch.

    :param tables: folder of CSV files; the first column is the key.
    :param given: tables that come from elsewhere (``accounts``, ``company``), by name.
    :param state: cross-references, deliveries and labels.
    :param live: asks a system for master data: ``live(entity, keys)``.
    :param zone: the organisation's time zone.
    """

    tables: Path
    given: dict[str, dict[str, Row]]
    state: StateReader
    live: Callable[[str, Sequence[str]], dict[str, Row]]
    zone: str
    _loaded: dict[str, dict[str, Row]] = field(default_factory=dict)

    def find(self, place: str, name: str, by: str, keys: Sequence[str]) -> dict[str, Row]:
        """The rows found, by key."""
        match place:
            case "table":
                table = self.table(name)
                return {key: table[key] for key in keys if key in table}
            case "cross_reference":
                return self.state.cross_references(name, by, keys)
            case "delivery":
                return self.state.deliveries(name, by, keys)
            case "label":
                return self.state.labels(name, keys)
            case _:
                return self.live(name, keys)

    def table(self, name: str) -> dict[str, Row]:
        """
        One table by its first column.

        :raises ConfigurationError: there is no such table; names those there are.
        """
        if name in self.given:
            return self.given[name]
        if name not in self._loaded:
            if name not in self._files:
                known = [*self.given, *self._files]
                hint = nearest(name, known)
                raise ConfigurationError(
                    "LB-MAP-010",
                    f'lookup table "{name}": no {self.tables / name}.csv.',
                    remedy=f"Create it, or use one of {', '.join(known)}"
                    + (f' (did you mean "{hint}"?).' if hint else "."),
                )
            with self._files[name].open(newline="", encoding="utf-8") as file:
                rows = csv.DictReader(file)
                first = (rows.fieldnames or [""])[0]
                self._loaded[name] = {row[first]: dict(row) for row in rows}
        return self._loaded[name]

    @cached_property
    def _files(self) -> dict[str, Path]:
        return {path.stem: path for path in sorted(self.tables.glob("*.csv"))}
