"""
Legs that make nothing of the few changes that are new to them: they pass over these, and no task is started for it.

Most orders are never returned, exchanged or cancelled, and each leg that waits for those would start two processes for
every order that comes.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Engine

from ledgerbridge.changes import LegId
from ledgerbridge.changes.idle import idle_legs
from ledgerbridge.changes.taking import Beyond, Taken, beyond, has_taken
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import FlowConfig, SideLegConfig
from ledgerbridge.mapping import load_mapping
from ledgerbridge.mapping.rows import nested_records
from ledgerbridge.state import transaction
from operators.staging import raw_chunks, standing

__all__ = ["to_pass_over"]

_FEW = 500
"""Changes that are looked at for this; of more, a leg most often makes something."""


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
        for leg in legs:
            if leg in idle or isinstance(config.legs[leg.leg], SideLegConfig) or has_taken(session, leg, run_id):
                continue
            found = beyond(session, leg, _FEW, config.behind_stages(leg.leg))
            if found is not None:
                new[leg] = found
    records = _records(engine, [each for found in new.values() for each in found.records])
    return {
        leg: found
        for leg, found in new.items()
        if _makes_nothing(mappings / f"{config.legs[leg.leg].conform}.yaml", found.records, records)
    }


def _records(engine: Engine, taken: list[Taken]) -> dict[tuple[str, str], RawRecord]:
    """The records by the file they lie in and key, each file read once; without those of a file that can't be read."""
    wanted: dict[str, set[str]] = {}
    for each in taken:
        wanted.setdefault(each.uri, set()).add(each.key)
    found: dict[tuple[str, str], RawRecord] = {}
    for uri, keys in wanted.items():
        try:
            with transaction(engine) as session:
                file = standing(session, uri)
            found |= {(uri, record.key): record for chunk in raw_chunks(file, keys) for record in chunk}
        except LedgerbridgeError:
            continue  # the leg meets it, and reads anew
    return found


def _makes_nothing(mapping: Path, taken: list[Taken], records: dict[tuple[str, str], RawRecord]) -> bool:
    read = [records.get((each.uri, each.key)) for each in taken]
    payloads = [each.payload for each in read if each is not None]
    if len(payloads) < len(taken):
        return False
    changed_at = [each.changed_at for each in read if each is not None]
    try:
        return not load_mapping(mapping).chosen(nested_records(payloads, [each.key for each in taken], changed_at))
    except (LedgerbridgeError, pa.ArrowException, ArithmeticError, TypeError, ValueError):
        return False  # as above: its transform finds the record that it is, and tells of it
