"""Load: deliver the documents, once each, and close the batch's balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow.sdk import Context
from sqlalchemy import select
from sqlalchemy.orm import Session

from hooks.systems import hook_for
from ledgerbridge.audit import Actor
from ledgerbridge.delivery import Delivered, Deliverer, document_text, documents_of, plain
from ledgerbridge.entities import Document, RawRecord
from ledgerbridge.errors import RecordRejected, RecordWaits
from ledgerbridge.mapping import load_mapping
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import Letter, close_letters, write_letters
from ledgerbridge.state.models import OURS, DeadLetter, SourceRecord
from ledgerbridge.state.source_records import Fate, set_outcomes
from ledgerbridge.state.upsert import in_chunks
from operators import settings
from operators.leg import LegOperator
from operators.links import mapping_versions, source_keys_of
from operators.page_links import DeadLettersLink, DocumentsLink
from operators.resume import schemas_of
from operators.staging import read_frames

__all__ = ["LoadOperator"]


class LoadOperator(LegOperator):
    """
    Deliver a batch to its target.

    Safe to rerun at any time: what arrived is not sent again, what was interrupted is looked up first, and what another
    run has taken in a newer version since is neither sent nor touched. Returns how many source records had which
    outcome.
    """

    step = "load"
    before = "gate"
    operator_extra_links = (DocumentsLink(), DeadLettersLink())

    def execute(self, context: Context) -> dict[str, int]:
        """Deliver, write the outcomes, close the balance."""
        actor = self.actor(context)
        batch = self.given_batch(context)
        system, _, entity = self.config.target.partition(".")
        connection = self.company.connections_of(system)[0]
        self.await_connections([connection])
        frames, superseded = self.own_documents(context, read_frames(batch))
        documents = documents_of(frames, self.config.target, self.company.key)
        canonical = self.canonical_headers(context)
        made_by = mapping_versions(self.staged(context, "links"))
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
                kind=self._kind(),
            )
            results = deliverer.deliver(documents, canonical)
        loaded = _Loaded({each.record_key: each for each in documents}, canonical, schemas_of(frames), made_by)
        self._settle(context, actor, results, loaded)
        balance = self.close_batch(actor, superseded)
        self.note_head()
        return dict(balance)

    def _kind(self) -> str:
        """What the leg's documents are in life: the canonical entity its source is conformed to."""
        path = settings.include_folder() / "mappings" / f"{self.config.conform}.yaml"
        return load_mapping(path).target.removeprefix(OURS)

    def _settle(self, context: Context, actor: Actor, results: list[Delivered], loaded: _Loaded) -> None:
        sources = source_keys_of(self.staged(context, "links"))
        refused = {key for result in results if result.error is not None for key in sources[result.record_key]}
        raw = self.raw_records(context, refused)
        outcomes: dict[str, set[str]] = {}
        letters = []
        deferred: dict[str, str] = {}
        for result in results:
            for key in sources[result.record_key]:
                outcomes.setdefault(key, set()).add(result.outcome)
                if isinstance(result.error, RecordWaits):
                    deferred[key] = result.error.reason
                elif result.error is not None:
                    letters.append(loaded.letter(self.step, raw[key], result))
        with transaction(self.engine) as session:
            refusals = write_letters(session, actor, letters)
            reasons = dict(
                session.execute(
                    select(SourceRecord.source_key, SourceRecord.reason).where(
                        SourceRecord.flow == self.flow,
                        SourceRecord.leg == self.leg,
                        SourceRecord.run_id == actor.run_id,
                        SourceRecord.reason.is_not(None),
                        SourceRecord.outcome.in_(("read", "waiting")),
                    )
                ).all()
            )
            reasons |= deferred
            fates = {key: _fate(seen, refusals.get(key), reasons.get(key)) for key, seen in outcomes.items()}
            close_letters(session, actor, [], [result.record_key for result in results if result.error is None])
            fates |= self._stopped_before(session, actor.run_id, [*fates])
            set_outcomes(session, self.flow, self.leg, fates, run_id=actor.run_id)
            close_letters(session, actor, [key for key, fate in fates.items() if fate.outcome != "rejected"])

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


def _fate(outcomes: set[str], refusal: str | None, waiting: str | None) -> Fate:
    if refusal is not None:
        return Fate("rejected", refusal)
    if waiting:
        return Fate("waiting", waiting)
    return Fate("delivered" if "delivered" in outcomes else "unchanged")


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
