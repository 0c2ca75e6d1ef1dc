"""What became of a batch's source records, of what became of the documents that were sent for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.audit import Actor
from ledgerbridge.delivery import Delivered
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import RecordBusy, RecordWaits
from ledgerbridge.pipeline.refused import Made
from ledgerbridge.state.dead_letters import close_letters, write_letters
from ledgerbridge.state.models import DeadLetter, SourceRecord
from ledgerbridge.state.source_records import Fate, set_outcomes, still_own
from ledgerbridge.state.upsert import in_chunks

__all__ = ["Origins", "settle_results", "to_try_again"]

_STANDS = ("delivered", "unchanged")
"""Outcomes of documents that stand in the target as they are."""


@dataclass(frozen=True)
class Origins:
    """
    What documents were made of.

    :param sources: source keys by record key, :param changes: number of the change by source key.
    :param raw: records as they were read, by source key: those of which a document was refused.
    """

    sources: Mapping[str, Sequence[str]]
    changes: Mapping[str, int | None]
    raw: Mapping[str, RawRecord]


def settle_results(
    session: Session,
    actor: Actor,
    results: Sequence[Delivered],
    made: Made,
    origins: Origins,
    *,
    others: Mapping[str, Fate],
    again: Collection[str],
) -> None:
    """
    Write what became of the records of a run's batch, with their letters; the caller commits.

    What was taken in a newer version meanwhile is another run's to settle, with its letters.

    :param others: fates that are others for what followed, by record key.
    :param again: record keys that the next try sends: their records are under way as before.
    """
    sources = origins.sources
    own = still_own(session, actor.flow, actor.leg, actor.run_id, origins.changes)
    own -= {key for each in again for key in sources[each]}
    ends: dict[str, list[Delivered]] = {}
    for result in results:
        for key in own.intersection(sources[result.record_key]):
            ends.setdefault(key, []).append(result)
    letters = [
        made.refused_by_target(origins.raw[key], each)
        for key, seen in ends.items()
        for each in seen
        if each.outcome == "rejected"
    ]
    refusals = write_letters(session, actor, letters)
    reasons = _waiting(session, actor)
    fates = {key: _fate(seen, refusals.get(key), reasons.get(key)) for key, seen in ends.items()}
    stands = {each.record_key for seen in ends.values() for each in seen if each.outcome in _STANDS}
    close_letters(session, actor, [], sorted(stands))
    fates |= _stopped_before(session, actor, made.step, [*fates])
    for record_key, fate in others.items():
        fates |= dict.fromkeys(own.intersection(sources[record_key]), fate)
    set_outcomes(session, actor.flow, actor.leg, fates, run_id=actor.run_id)
    close_letters(session, actor, [key for key, fate in fates.items() if fate.outcome != "rejected"])


def to_try_again(busy: Sequence[Delivered], documents: int) -> RecordBusy:
    """
    What a load fails with to be tried again.

    :param busy: what can't be written now, :param documents: how many there were in all.
    """
    errors = [each.error for each in busy if isinstance(each.error, RecordBusy)]
    first, asked = errors[0], [error.retry_after_seconds for error in errors if error.retry_after_seconds is not None]
    return RecordBusy(
        "LB-DLV-004",
        f"{len(busy)} of {documents} documents can't be written now, the others are settled. The first,"
        f" {busy[0].record_key}: {first.message} ({first.code}).",
        remedy=f"None: they are tried again, and wait for the next run after this task's last try. {first.remedy}",
        retry_after_seconds=max(asked, default=None),
    )


def _waiting(session: Session, actor: Actor) -> dict[str, str]:
    """Why records of which a document goes on wait with another part of theirs, by source key."""
    rows = session.execute(
        select(SourceRecord.source_key, SourceRecord.reason).where(
            SourceRecord.flow == actor.flow,
            SourceRecord.leg == actor.leg,
            SourceRecord.run_id == actor.run_id,
            SourceRecord.reason.is_not(None),
            SourceRecord.outcome.in_(("read", "waiting")),
        )
    )
    return {key: str(reason) for key, reason in rows}


def _stopped_before(session: Session, actor: Actor, step: str, source_keys: list[str]) -> dict[str, Fate]:
    """Records another document of which did not get as far as this step: they stay rejected."""
    stopped: dict[str, Fate] = {}
    for chunk in in_chunks(source_keys):
        rows = session.execute(
            select(SourceRecord.source_key, SourceRecord.reason)
            .join(
                DeadLetter,
                (DeadLetter.flow == SourceRecord.flow)
                & (DeadLetter.leg == SourceRecord.leg)
                & (DeadLetter.source_key == SourceRecord.source_key),
            )
            .where(
                SourceRecord.flow == actor.flow,
                SourceRecord.leg == actor.leg,
                SourceRecord.outcome == "rejected",
                SourceRecord.source_key.in_(chunk),
                DeadLetter.state != "closed",
                DeadLetter.run_id == actor.run_id,
                DeadLetter.step != step,
            )
        )
        stopped |= {key: Fate("rejected", reason) for key, reason in rows}
    return stopped


def _fate(ends: Sequence[Delivered], refusal: str | None, waiting: str | None) -> Fate:
    """What became of a source record, of what became of its documents."""
    if refusal is not None:
        return Fate("rejected", refusal)
    deferred = [each.error.reason for each in ends if isinstance(each.error, RecordWaits | RecordBusy)]
    if deferred or waiting:
        return Fate("waiting", deferred[-1] if deferred else waiting, by_target=bool(deferred))
    later = [each.later for each in ends if each.outcome == "superseded"]
    if later:
        return Fate("superseded", f"its target has change {later[-1]} already, which is newer")
    return Fate("delivered" if any(each.outcome == "delivered" for each in ends) else "unchanged")
