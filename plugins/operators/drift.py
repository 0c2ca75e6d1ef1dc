"""Records of another form than people accepted for their mapping: held, where the mapping says so."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Engine

from ledgerbridge.drift import held
from ledgerbridge.entities import RawRecord
from ledgerbridge.mapping import Mapping
from ledgerbridge.state import transaction
from ledgerbridge.state.shapes import accepted_shape

__all__ = ["watched"]


def watched(engine: Engine, mapping: Mapping, chunks: Iterable[list[RawRecord]]) -> Iterable[list[RawRecord]]:
    """
    The records as they come; reading them raises where one has another form and the mapping holds such.

    Before anything was accepted there is nothing to compare with, and all go on.
    """
    if mapping.drift != "hold":
        return chunks
    with transaction(engine) as session:
        known = accepted_shape(session, mapping.name)
        accepted = None if known is None else known.records
    return held(chunks, mapping, accepted) if accepted else chunks
