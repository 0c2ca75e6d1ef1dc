"""Load: deliver the documents, once each, and close the batch's balance."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context
from sqlalchemy import select

from ledgerbridge.audit import Actor
from ledgerbridge.delivery import Delivered, Deliverer, documents_of, plain
from ledgerbridge.entities import Document, RawRecord
from ledgerbridge.errors import RecordRejected, RecordWaits
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import Letter, close_letters, write_letters
from ledgerbridge.state.models import SourceRecord
from ledgerbridge.state.source_records import Fate, set_outcomes
from operators import settings
from operators.leg import LegOperator
from operators.links import source_keys_of
from operators.staging import read_frames, read_raw
from operators.systems import hook_for

__all__ = ["LoadOperator"]


class LoadOperator(LegOperator):
    """
    Deliver a batch to its target.

    Safe to rerun at any time: what arrived is not sent again, what was interrupted is looked up first. Returns how many
    source records had which outcome.
    """

    step = "load"

    def execute(self, context: Context) -> dict[str, int]:
        """Deliver, write the outcomes, close the balance."""
        actor = self.actor(context)
        batch = self.batch_of(context, "gate")
        documents = documents_of(read_frames(batch), self.config.target)
        canonical = self.canonical_headers(context)
        system, _, entity = self.config.target.partition(".")
        hook = hook_for(system, settings.company().connections_of(system)[0])
        target = hook.entity(entity)
        deliverer = Deliverer(self.engine, actor, self.config.target, target, settle=settings.settle())
        results = deliverer.deliver(documents, canonical)
        self._settle(context, actor, results, {each.record_key: each for each in documents}, canonical)
        return dict(self.close_batch(actor))

    def _settle(
        self,
        context: Context,
        actor: Actor,
        results: list[Delivered],
        documents: dict[str, Document],
        canonical: dict[str, dict[str, Any]],
    ) -> None:
        sources = source_keys_of(self.batch_uri(context, "links"))
        raw = {record.key: record for record in read_raw(self.batch_of(context, "extract").uri)}
        outcomes: dict[str, set[str]] = {}
        letters = []
        deferred: dict[str, str] = {}
        for result in results:
            for key in sources[result.record_key]:
                outcomes.setdefault(key, set()).add(result.outcome)
                if isinstance(result.error, RecordWaits):
                    deferred[key] = result.error.reason
                elif result.error is not None:
                    letters.append(_letter(self.step, raw[key], result, documents, canonical))
        with transaction(self.engine) as session:
            ids = write_letters(session, actor, letters)
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
            fates = {key: _fate(seen, ids.get(key), reasons.get(key)) for key, seen in outcomes.items()}
            set_outcomes(session, self.flow, self.leg, fates)
            close_letters(session, actor, [key for key, fate in fates.items() if fate.outcome != "rejected"])


def _fate(outcomes: set[str], letter: str | None, waiting: str | None) -> Fate:
    if letter is not None:
        return Fate("rejected", f"dead letter {letter}")
    if waiting:
        return Fate("waiting", waiting)
    return Fate("delivered" if "delivered" in outcomes else "unchanged")


def _letter(
    step: str,
    record: RawRecord,
    result: Delivered,
    documents: dict[str, Document],
    canonical: dict[str, dict[str, Any]],
) -> Letter:
    error = result.error
    assert error is not None
    document = documents[result.record_key]
    refused = error if isinstance(error, RecordRejected) else None
    header = canonical.get(result.record_key, {})
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
        document=plain({"header": document.header, **document.parts}),
    )
