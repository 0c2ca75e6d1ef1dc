"""What was recorded and answered before, for trials: newest versions of records, batches, master data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from ledgerbridge.changes.log import newest
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import Company
from ledgerbridge.state import transaction
from ledgerbridge.state.companies import MAIN
from ledgerbridge.state.master_rows import has_master_rows, master_rows_since
from ledgerbridge.state.models import AuditEntry, LoggedChange
from operators.staging import BatchRef, raw_chunks, read_frames, read_rows, standing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["canonical_records", "kept_answers", "recent_canonical", "recent_documents", "recent_raw", "recorded"]

_AT_A_TIME = 1_000
"""Records that are in memory."""
_BATCHES = 20
"""So many of a leg's batches are looked into for its documents."""
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


def recorded(engine: Engine, company: str, entity: str, since: datetime, most: int | None) -> Iterator[list[RawRecord]]:
    """The newest version of each record that became known since, some at a time, in order of their numbers."""
    with transaction(engine) as session:
        known = (
            select(LoggedChange.source_key)
            .where(
                LoggedChange.company == company,
                LoggedChange.entity == entity,
                LoggedChange.known_at >= since,
                LoggedChange.payload_uri.is_not(None),
            )
            .order_by(LoggedChange.number.desc())
        )
        keys = list(dict.fromkeys(session.scalars(known)))[:most]
        latest = sorted(newest(session, company, entity, keys).values(), key=lambda each: each.number)
        places = [(each.source_key, each.payload_uri) for each in latest]
    for start in range(0, len(places), _AT_A_TIME):
        yield _read(engine, places[start : start + _AT_A_TIME])


def _read(engine: Engine, places: Sequence[tuple[str, str]]) -> list[RawRecord]:
    found: dict[str, RawRecord] = {}
    for uri in dict.fromkeys(uri for _, uri in places):
        with transaction(engine) as session:
            file = standing(session, uri)
        wanted = {key for key, place in places if place == uri}
        found.update({record.key: record for chunk in raw_chunks(file, wanted) for record in chunk})
    return [found[key] for key, _ in places]


def recent_raw(engine: Engine, company: str, entity: str, most: int) -> list[dict[str, Any]]:
    """The latest records of an entity as they were read: ``key`` and ``payload``."""
    chunks = recorded(engine, company, entity, _ALWAYS, most)
    return [{"key": each.key, "payload": each.payload} for chunk in chunks for each in chunk]


def recent_canonical(engine: Engine, company: str, flow: str, leg: str, most: int) -> list[dict[str, Any]]:
    """Canonical records that a leg was left with after its rules, of its latest batches: ``key`` and ``payload``."""
    with transaction(engine) as session:
        places = [
            _standing(session, uri.removesuffix("documents") + "canonical")
            for uri in _latest(session, company, flow, leg, most)
        ]
    found: dict[str, dict[str, Any]] = {}
    for place in places:
        if place is not None and len(found) < most:
            found |= {each["key"]: each for each in canonical_records(place) if each["key"] not in found}
    return list(found.values())[:most]


def recent_documents(engine: Engine, company: str, flow: str, leg: str, most: int) -> dict[str, pd.DataFrame]:
    """
    What a leg made in its latest batches, as it came to its gate: a frame a part, each document as it was made last.

    :param most: documents, the newest.
    :raises ConfigurationError: as ``read_frames``.
    """
    import pandas as pd

    with transaction(engine) as session:
        places = [_standing(session, uri) for uri in _latest(session, company, flow, leg, _BATCHES)]
    known: set[str] = set()
    parts: dict[str, list[pd.DataFrame]] = {}
    for place in places:
        if place is not None and len(known) < most:
            frames = read_frames(place)
            fresh = [each for each in frames["header"]["record_key"] if each not in known][: most - len(known)]
            for name, frame in frames.items():
                parts.setdefault(name, []).append(frame[frame["record_key"].isin(fresh)])
            known.update(fresh)
    return {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}


def _latest(session: Session, company: str, flow: str, leg: str, most: int) -> list[str]:
    """Where the documents of a leg's latest batches lie, the newest first."""
    batches = session.scalars(
        select(AuditEntry.details)
        .where(
            AuditEntry.action == "batch-transform",
            func.coalesce(AuditEntry.company, MAIN) == company,
            AuditEntry.details["leg"].as_string() == leg,
            AuditEntry.details["uri"].as_string().contains(f"/{company}/{flow}/", autoescape=True),
        )
        .order_by(AuditEntry.id.desc())
        .limit(most)
    )
    return [str(each["uri"]) for each in batches]


def canonical_records(batch: BatchRef) -> list[dict[str, Any]]:
    """
    The records of staged frames, put together: ``key`` and ``payload`` with ``header`` and the rows of each part.

    :raises ConfigurationError: as ``read_parts``.
    """
    rows: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name in batch.rows:
        if name != "header":
            for row in read_rows(batch, name):
                rows.setdefault(row["record_key"], {}).setdefault(name, []).append(row)
    return [
        {"key": header["record_key"], "payload": {"header": header, **rows.get(header["record_key"], {})}}
        for header in read_rows(batch, "header")
    ]


def _standing(session: Session, uri: str) -> BatchRef | None:
    try:
        return standing(session, uri)
    except ConfigurationError:  # purged
        return None


def kept_answers(company: Company, engine: Engine) -> Callable[[str, Sequence[str]], dict[str, dict[str, Any]] | None]:
    """What the state database holds of master data, of whatever age; None of an entity of which it holds none."""

    def look_up(entity: str, keys: Sequence[str]) -> dict[str, dict[str, Any]] | None:
        connection = company.connections_of(entity.partition(".")[0])[0]
        with transaction(engine) as session:
            if not has_master_rows(session, connection, entity):
                return None
            return master_rows_since(session, connection, entity, keys, _ALWAYS)

    return look_up
