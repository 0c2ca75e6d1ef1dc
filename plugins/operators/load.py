"""Load: deliver the documents, once each, and close the batch's balance."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow.sdk import Context
from sqlalchemy import select
from sqlalchemy.orm import Session

from hooks.systems import hook_for
from ledgerbridge.audit import Actor
from ledgerbridge.delivery import Delivered, Deliverer, document_text, documents_of, plain
from ledgerbridge.entities import Document, RawRecord
from ledgerbridge.errors import RecordBusy, RecordRejected, RecordWaits
from ledgerbridge.mapping import load_mapping
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import Letter, close_letters, write_letters
from ledgerbridge.state.models import OURS, DeadLetter, SourceRecord
from ledgerbridge.state.source_records import Fate, set_outcomes, still_own
from ledgerbridge.state.upsert import in_chunks
from operators import settings
from operators.assets import tell_changed
from operators.leg import LegOperator
from operators.links import changes_of, mapping_versions, newest_changes, source_keys_of
from operators.page_links import DeadLettersLink, DocumentsLink
from operators.resume import schemas_of
from operators.retries import has_tries_left
from operators.staging import read_frames

__all__ = ["LoadOperator"]


class LoadOperator(LegOperator):
    """
    Deliver a batch to its target.

    Safe to rerun at any time: what arrived is not sent again, what was interrupted is looked up first, and what another
    run has taken in a newer version since is neither sent nor touched. What can't be written now, for a person has it
    open, is tried again alone; after the last try it waits for the next run. Returns how many source records had which
    outcome.
    """

    step = "load"
    before = "gate"
    operator_extra_links = (DocumentsLink(), DeadLettersLink())

    def execute(self, context: Context) -> dict[str, int]:
        """
        Deliver, write the outcomes, close the balance.

        :raises RecordBusy: some records can't be written now, and the task has tries left; the others are settled.
        """
        actor = self.actor(context)
        batch = self.given_batch(context)
        system, _, entity = self.config.target.partition(".")
        connection = self.company.connections_of(system)[0]
        self.await_connections([connection])
        frames = self.own_documents(context, read_frames(batch))
        documents = documents_of(frames, self.config.target, self.company.key)
        canonical = self.canonical_headers(context)
        links = self.staged(context, "links")
        made_by = mapping_versions(links)
        with self.calling(context, connection):
            target = hook_for(system, connection).entity(entity)
            deliverer = Deliverer(
                self.engine,
                actor,
                self.config.target,
                target,
                settle=settings.settle(),
                lease=settings.lease(),
                made_by=made_by,
                changes=newest_changes(links),
                kind=self._kind(),
                match=self.config.match,
                merged=self.merged(context),
                refused=self.refused(context),
            )
            results = deliverer.deliver(documents, canonical)
        loaded = _Loaded({each.record_key: each for each in documents}, canonical, schemas_of(frames), made_by)
        busy = [each for each in results if isinstance(each.error, RecordBusy)]
        again = busy if has_tries_left(context) else []
        self._settle(context, actor, results, loaded, again)
        if again:
            raise _to_try_again(again, len(results))
        if busy:
            self.log.warning(
                "flow=%s leg=%s %d of %d documents can't be written now and wait for the next run: %s",
                *(self.flow, self.leg, len(busy), len(results), ", ".join(each.record_key for each in busy)),
            )
        balance = self.close_batch(actor, self.superseded_since(context))
        self.note_head()
        if any(each.outcome == "delivered" for each in results):
            tell_changed(self, context, self.company.key, self.config.target)
        return dict(balance)

    def merged(self, context: Context) -> Mapping[str, str] | None:
        """What the documents update that were merged with it, as ``Deliverer`` takes it; None: nothing ever is."""
        return None

    def refused(self, context: Context) -> Mapping[str, Collection[str]]:
        """The target's ids that a person said are not the thing of a document, by record key."""
        return {}

    def follow_up(self, context: Context, results: Sequence[Delivered]) -> dict[str, Fate]:
        """Keep what follows from what became of the documents; by record key the fates that are others for it."""
        return {}

    def _kind(self) -> str:
        """What the leg's documents are in life: the canonical entity its source is conformed to."""
        path = settings.include_folder() / "mappings" / f"{self.config.conform}.yaml"
        return load_mapping(path).target.removeprefix(OURS)

    def _settle(
        self, context: Context, actor: Actor, results: list[Delivered], loaded: _Loaded, again: list[Delivered]
    ) -> None:
        """
        Write what became of the batch's records.

        :param again: what the next try sends: its records are under way as before.
        """
        links = self.staged(context, "links")
        sources = source_keys_of(links)
        others = self.follow_up(context, results)
        refused = {key for result in results if result.error is not None for key in sources[result.record_key]}
        raw = self.raw_records(context, refused)
        with transaction(self.engine) as session:
            # what was taken in a newer version meanwhile is another run's to settle, with its letters
            own = still_own(session, self.flow, self.leg, actor.run_id, changes_of(links))
            own -= {key for each in again for key in sources[each.record_key]}
            ends: dict[str, list[Delivered]] = {}
            for result in results:
                for key in own.intersection(sources[result.record_key]):
                    ends.setdefault(key, []).append(result)
            letters = [
                loaded.letter(self.step, raw[key], each)
                for key, seen in ends.items()
                for each in seen
                if each.outcome == "rejected"
            ]
            refusals = write_letters(session, actor, letters)
            reasons = self._waiting(session, actor)
            fates = {key: _fate(seen, refusals.get(key), reasons.get(key)) for key, seen in ends.items()}
            stands = {each.record_key for seen in ends.values() for each in seen if each.outcome in _STANDS}
            close_letters(session, actor, [], sorted(stands))
            fates |= self._stopped_before(session, actor.run_id, [*fates])
            for record_key, fate in others.items():
                fates |= dict.fromkeys(own.intersection(sources[record_key]), fate)
            set_outcomes(session, self.flow, self.leg, fates, run_id=actor.run_id)
            close_letters(session, actor, [key for key, fate in fates.items() if fate.outcome != "rejected"])

    def _waiting(self, session: Session, actor: Actor) -> dict[str, str]:
        """Why records of which a document goes on wait with another part of theirs, by source key."""
        rows = session.execute(
            select(SourceRecord.source_key, SourceRecord.reason).where(
                SourceRecord.flow == self.flow,
                SourceRecord.leg == self.leg,
                SourceRecord.run_id == actor.run_id,
                SourceRecord.reason.is_not(None),
                SourceRecord.outcome.in_(("read", "waiting")),
            )
        )
        return {key: str(reason) for key, reason in rows}

    def _stopped_before(self, session: Session, run_id: str, source_keys: list[str]) -> dict[str, Fate]:
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
                    SourceRecord.flow == self.flow,
                    SourceRecord.leg == self.leg,
                    SourceRecord.outcome == "rejected",
                    SourceRecord.source_key.in_(chunk),
                    DeadLetter.state != "closed",
                    DeadLetter.run_id == run_id,
                    DeadLetter.step != self.step,
                )
            )
            stopped |= {key: Fate("rejected", reason) for key, reason in rows}
        return stopped


_STANDS = ("delivered", "unchanged")
"""Outcomes of documents that stand in the target as they are."""


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


def _to_try_again(busy: Sequence[Delivered], documents: int) -> RecordBusy:
    errors = [each.error for each in busy if isinstance(each.error, RecordBusy)]
    first, asked = errors[0], [error.retry_after_seconds for error in errors if error.retry_after_seconds is not None]
    return RecordBusy(
        "LB-DLV-004",
        f"{len(busy)} of {documents} documents can't be written now, the others are settled. The first,"
        f" {busy[0].record_key}: {first.message} ({first.code}).",
        remedy=f"None: they are tried again, and wait for the next run after this task's last try. {first.remedy}",
        retry_after_seconds=max(asked, default=None),
    )


@dataclass(frozen=True)
class _Loaded:
    """A batch as it was delivered, by record key; ``types`` by part."""

    documents: dict[str, Document]
    canonical: dict[str, dict[str, Any]]
    types: dict[str, str]
    versions: dict[str, str | None]

    def letter(self, step: str, record: RawRecord, result: Delivered) -> Letter:
        """Why one document was refused, with all that was made of its source record."""
        error = result.error
        assert error is not None
        refused = error if isinstance(error, RecordRejected) else None
        header = self.canonical.get(result.record_key, {})
        return Letter(
            step=step,
            source_key=record.key,
            version=record.version,
            record_key=result.record_key,
            code=error.code,
            field=refused.field if refused else "",
            value=None if refused is None or refused.value is None else str(refused.value),
            message=error.message,
            remedy=error.remedy,
            label=header.get("label"),
            raw=record.payload,
            canonical=plain(header),
            document=document_text(self.documents[result.record_key]),
            document_types=self.types,
            mapping_version=self.versions.get(result.record_key),
            changed_at=record.changed_at,
            error_class=type(error).__name__,
        )
