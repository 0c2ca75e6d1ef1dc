"""Trying a mapping on a few records: nothing is asked of any system, and what comes out stands beside what went in."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.mapping.convert import coerce
from ledgerbridge.mapping.engine import Mapping
from ledgerbridge.mapping.lookups import Lookups, Row
from ledgerbridge.mapping.rows import FrameRows, NestedRows, frame_records, nested_records

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Trial", "canonical_frames", "given_lookups", "try_mapping"]

_PLACES = ("table", "cross_reference", "delivery", "label", "live")


@dataclass(frozen=True)
class Trial:
    """
    One record tried.

    :param after: rows by part; empty where the mapping made nothing of the record.
    :param errors: ``code``, ``field``, ``value``, ``message``, ``rule``, ``remedy``; of ``untold`` fields too, whose
        record is made all the same.
    """

    key: str
    before: dict[str, Any]
    after: dict[str, list[dict[str, Any]]]
    errors: list[dict[str, Any]]


def try_mapping(mapping: Mapping, records: Sequence[dict[str, Any]], lookups: Lookups) -> list[Trial]:
    """
    Run a mapping on records, one answer a record in their order.

    :param records: raw records as the source gives them, or canonical ones as ``{header: {…}, lines: [{…}]}``; both
        may be ``{key, payload}``.
    :raises ConfigurationError: a canonical record has another form than the mapping reads.
    """
    payloads = [record.get("payload", record) for record in records]
    keys = [str(record.get("key") or f"record {number}") for number, record in enumerate(records, 1)]
    given: NestedRows | FrameRows
    if mapping.source in CANONICAL:
        given = frame_records(canonical_frames(mapping.source, payloads, keys, lookups.zone))
    else:
        given = nested_records(payloads, keys, [datetime.now(UTC)] * len(payloads))
    mapped = mapping.run(given, lookups)
    made: dict[int, set[str]] = {}
    for position, key in zip(mapped.links["record"], mapped.links["record_key"], strict=True):
        made.setdefault(int(position), set()).add(str(key))
    errors: dict[int, list[dict[str, Any]]] = {}
    for error in (*_plain(mapped.failures), *mapped.untold):
        told = {name: value for name, value in error.items() if name != "record"}
        errors.setdefault(error["record"], []).append(told)
    rows = {name: _plain(frame) for name, frame in mapped.frames.items()}
    return [
        Trial(
            key,
            payloads[position],
            _rows_of(rows, made.get(position, set())),
            errors.get(position, []),
        )
        for position, key in enumerate(keys)
    ]


def canonical_frames(
    name: str, records: Sequence[Dict[str, Any]], keys: Sequence[str], zone: str
) -> dict[str, pd.DataFrame]:
    """
    Canonical records as frames, in the declared types.

    :raises ConfigurationError: a record has no header, or a value of another type.
    """
    import pandas as pd

    frames = {}
    for part, fields in CANONICAL[name].items():
        rows: list[dict[str, Any]] = []
        for key, record in zip(keys, records, strict=True):
            own = _part_of(record, part, key)
            header = record.get("header") or {}
            rows += [{"record_key": header.get("record_key") or key, **row} for row in own]
        names = dict.fromkeys([*fields, *(field for row in rows for field in row)])
        columns = {}
        for field in names:
            kind = fields.get(field, pa.string())
            columns[field] = _column([row.get(field) for row in rows], kind, f"{part}.{field}", zone)
        frames[part] = pd.DataFrame(columns)
    return frames


def given_lookups(tables: Path, content: Dict[str, Any], company: dict[str, dict[str, Row]], zone: str) -> Lookups:
    """
    Lookups answered from what is given, and from the CSV files in ``tables``.

    :param content: place (``live``, ``cross_reference``, ``delivery``, ``label``, ``table``) to name to the rows by
        key; a list of keys is short for rows without fields.
    :param company: the tables of the company file.
    :raises ConfigurationError: ``content`` has another form.
    """
    for place in content:
        if place not in _PLACES:
            raise ConfigurationError(
                "LB-MAP-012",
                f'lookups: "{place}" is no place values are found in.',
                remedy=f"Use {', '.join(_PLACES)}, each with its names and their rows by key.",
            )
    answers = {place: {name: _by_key(rows) for name, rows in names.items()} for place, names in content.items()}
    state = _GivenState(answers)
    return Lookups(
        tables,
        {**company, **answers.get("table", {})},
        state,
        lambda entity, keys, max_age_minutes: state.found("live", entity, keys),
        zone,
    )


class _GivenState:
    """A state database that holds what it was given."""

    def __init__(self, answers: dict[str, dict[str, dict[str, Row]]]) -> None:
        self._answers = answers

    def found(self, place: str, name: str, keys: Sequence[str]) -> dict[str, Row]:
        """The rows given for ``name``, by key."""
        rows = self._answers.get(place, {}).get(name, {})
        return {key: rows[key] for key in keys if key in rows}

    def cross_references(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, Row]:
        """As given, whatever they are looked up by."""
        return self.found("cross_reference", entity, keys)

    def deliveries(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, Row]:
        """As given, whatever they are looked up by."""
        return self.found("delivery", entity, keys)

    def on_the_way(self, entity: str, by: str, keys: Sequence[str]) -> set[str]:
        """Nothing: what is given is all there will be."""
        return set()

    def labels(self, entity: str, labels: Sequence[str]) -> dict[str, Row]:
        """As given."""
        return self.found("label", entity, labels)

    def namesakes(self, entity: str, labels: Sequence[str]) -> dict[str, list[Row]]:
        """As given: one by each name."""
        return {label: [row] for label, row in self.labels(entity, labels).items()}


def _by_key(rows: Any) -> dict[str, Row]:
    if isinstance(rows, list):
        return {str(key): {} for key in rows}
    return {str(key): dict(row) for key, row in rows.items()}


def _part_of(record: Dict[str, Any], part: str, key: str) -> list[dict[str, Any]]:
    content = record.get(part)
    if part == "header":
        if not isinstance(content, dict):
            raise ConfigurationError(
                "LB-MAP-012",
                f"{key}: a canonical record has a `header` with its fields, and a list of rows per other part.",
                remedy='Write it as {"header": {…}, "lines": [{…}]}.',
            )
        return [content]
    return list(content or [])


def _column(values: list[Any], kind: pa.DataType, name: str, zone: str) -> pd.Series:
    import pandas as pd

    texts = [value if value is None or isinstance(value, bool) else str(value) for value in values]
    column = pa.array(texts if not any(isinstance(value, bool) for value in texts) else [_word(each) for each in texts])
    converted, failed = coerce(column, kind, zone)
    if failed.any():
        value = values[int(np.flatnonzero(failed)[0])]
        raise ConfigurationError(
            "LB-MAP-012",
            f'{name} "{value}" is no {kind}.',
            remedy="Mend the sample record: it must be a canonical one.",
        )
    return pd.Series(converted, dtype=pd.ArrowDtype(converted.type))


def _word(value: Any) -> str | None:
    return str(value).lower() if isinstance(value, bool) else value


def _rows_of(parts: dict[str, list[dict[str, Any]]], keys: set[str]) -> dict[str, list[dict[str, Any]]]:
    rows = {name: [row for row in listed if row["record_key"] in keys] for name, listed in parts.items()}
    return {name: listed for name, listed in rows.items() if listed}


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    import pandas as pd

    return [
        {str(field): None if value is pd.NA else value for field, value in row.items()}
        for row in frame.to_dict("records")
    ]
