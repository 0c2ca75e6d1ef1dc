"""
Legs that make nothing of the changes that are new to them: they pass over these, and no task is started for it.

Most orders are never returned, exchanged or cancelled, and each leg that waits for those would start two processes for
every order that comes, and write down of each that it made nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Engine

from ledgerbridge.changes import LegId
from ledgerbridge.changes.idle import idle_legs
from ledgerbridge.changes.taking import Beyond, Stretches, has_taken
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import FlowConfig, SideLegConfig
from ledgerbridge.mapping import load_mapping
from ledgerbridge.mapping.rows import NestedRows, nested_records
from ledgerbridge.state import transaction
from operators.staging import raw_chunks, standing

__all__ = ["to_pass_over"]

_AT_MOST = 10_000
"""Changes that are looked at for this; a leg that is further behind goes on by its tasks."""


def to_pass_over(
    engine: Engine, config: FlowConfig, legs: Collection[LegId], run_id: str, mappings: Path
) -> dict[LegId, Beyond]:
    """
    What each of these legs may pass over: it has nothing else to do, and the header of its mapping chooses none of it.

    A leg of which that can't be told, for a record can't be read or its mapping is wrong, is not among them.

    :param mappings: the folder of the mapping files.
    """
    new: dict[LegId, Beyond] = {}
    with transaction(engine) as session:
        idle = idle_legs(session, legs, run_id)
        stretches = Stretches(session, legs, _AT_MOST)
        for leg in legs:
            if leg in idle or isinstance(config.legs[leg.leg], SideLegConfig) or has_taken(session, leg, run_id):
                continue
            found = stretches.beyond(leg, config.behind_stages(leg.leg))
            if found is not None:
                new[leg] = found
    left = {leg: {(each.uri, each.key) for each in found.records} for leg, found in new.items()}
    for uri, records in _chunks(engine, left.values()):
        chosen = _choosing(records)
        for leg, wanted in list(left.items()):
            places = {place for place, record in enumerate(records) if (uri, record.key) in wanted}
            if not places:
                continue
            made = chosen(mappings / f"{config.legs[leg.leg].conform}.yaml")
            if made is None or made & places:
                del left[leg]
            else:
                wanted -= {(uri, records[place].key) for place in places}
        if not left:
            break
    return {leg: new[leg] for leg, wanted in left.items() if not wanted}


def _chunks(engine: Engine, wanted: Iterable[Collection[tuple[str, str]]]) -> Iterator[tuple[str, Sequence[RawRecord]]]:
    """The records by the file they lie in, some hundreds at a time; none of a file that can't be read."""
    keys: dict[str, set[str]] = defaultdict(set)
    for each in wanted:
        for uri, key in each:
            keys[uri].add(key)
    for uri, of_file in keys.items():
        try:
            with transaction(engine) as session:
                file = standing(session, uri)
            for chunk in raw_chunks(file, of_file):
                yield uri, chunk
        except LedgerbridgeError:
            continue  # the leg meets it, and reads anew


def _choosing(records: Sequence[RawRecord]) -> Callable[[Path], set[int] | None]:
    """
    Tells of which of these records a mapping makes something, by their places, each mapping asked once.

    None: that can't be told; the transform of a leg finds the record that it is, and tells of it.
    """
    columns = [record.payload for record in records], [record.key for record in records]
    rows: list[NestedRows] = []  # of all mappings

    @cache
    def chosen(mapping: Path) -> set[int] | None:
        try:
            if not rows:
                rows.append(nested_records(*columns, [record.changed_at for record in records]))
            return load_mapping(mapping).chosen(rows[0])
        except (LedgerbridgeError, pa.ArrowException, ArithmeticError, TypeError, ValueError):
            return None

    return chosen
