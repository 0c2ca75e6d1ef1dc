"""Extract: read the source into the change log unless this run has, then take what the leg has not taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context
from airflow.sdk.bases.xcom import BaseXCom

from ledgerbridge.audit import Actor
from ledgerbridge.audit.records import digest_list, record_digest
from ledgerbridge.changes import LegId, Taken, take
from ledgerbridge.changes.readings import is_written_by
from ledgerbridge.changes.taking import Batch, has_position, has_taken
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows.config import MAX_RECORDS
from ledgerbridge.state import transaction
from ledgerbridge.state.replays import kept_records
from operators.assets import tell_changed
from operators.at_once import rest_at_once
from operators.leg import LegOperator
from operators.lineage import lineage_of
from operators.page_links import BatchLink, DataDocsLink, DeadLettersLink, DocumentsLink
from operators.sources import Sources
from operators.staging import BatchRef, read_parts, remember, standing
from operators.taken import places_of, taken_records, write_taken

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

__all__ = ["ExtractOperator"]


class ExtractOperator(LegOperator):
    """
    Take a leg's next batch from the change log of its source, of all shops or companies a system has.

    Who comes to a source first in a run reads it into the log, for all legs of all flows: the stage's `read`, or the
    first leg of a DAG without one; a leg reads it again where one before it has written to its system. A leg takes what
    it has not taken, whichever run or leg it was read by, and what earlier runs left unfinished; a rerun takes what its
    run had taken, and reads anew from the source what can't be read where it lies. An empty batch skips the leg, and a
    small one goes through all its steps here (``at_once``). The first reading begins at the company's `send_from`, and
    a month earlier for what is dated ahead.

    :param overlap_minutes: how far a reading reaches back behind where the one before ended.
    :param max_records: most records of a batch, unless the leg says; what is left the next run takes.
    :param behind: legs of the stage that take the same source and come before: this one goes no further than they have.
    :param done_by: legs of other stages that do: this one goes no further than they have done with.
    """

    step = "extract"
    went = False
    """Whether its batch has gone through all steps here."""
    operator_extra_links = (BatchLink(), DeadLettersLink(), DataDocsLink(), DocumentsLink())

    def __init__(
        self,
        *,
        overlap_minutes: int = 10,
        max_records: int = MAX_RECORDS,
        behind: Sequence[str] = (),
        done_by: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.overlap_minutes = overlap_minutes
        self.max_records = max_records
        self.behind = list(behind)
        self.done_by = list(done_by)

    def get_openlineage_facets_on_complete(self, _: Any) -> OperatorLineage:
        """What OpenLineage's provider asks: the leg's, where its batch went through all steps here; else nothing."""
        return lineage_of(self.company.key, [self.config] if self.went else [])

    def execute(self, context: Context) -> dict[str, Any]:
        """Read, take, stage; the reference to the batch."""
        legs = context["params"].get("legs")
        if legs and self.leg not in legs:
            raise self.nothing_goes_on(f"this run concerns {', '.join(legs)} only")
        actor = self.actor(context)
        named = [LegId(self.company.key, self.flow, self.leg, entity) for entity in self.config.sources]
        with transaction(self.engine) as session:
            again = any(has_taken(session, each, actor.run_id) for each in named)
        whole = list(self.config.sources) if self.config.takes_all else []
        sources = Sources(self, context, self.overlap_minutes, whole=whole)
        for each in named:
            self._read(sources, actor, each)
        taken, kept = self._take(named, actor.run_id, asked=bool(legs))
        if again and (lost := self._lost(taken, kept)):
            for each in named:
                sources.read_again(each.entity, lost)
            taken, kept = self._take(named, actor.run_id, lost, asked=bool(legs))
        self.log.info("flow=%s leg=%s taken=%d", self.flow, self.leg, len(taken.records))
        if taken.more:
            self.log.warning(
                "flow=%s leg=%s more than a batch of %d is left: the next run takes it; start one, or wait for the"
                " stage's schedule",
                self.flow,
                self.leg,
                self.config.max_records or self.max_records,
            )
            tell_changed(self, context, self.company.key, self.config.source, logged=True)
        if not taken.records:
            raise self.nothing_goes_on("nothing new, nothing left over")
        with transaction(self.engine) as session:
            files = {uri: standing(session, uri) for uri in places_of(taken.records, kept)}
        batch = write_taken(self.batch_uri(context, self.step), taken.records, kept, files)
        listed = sha256(digest_list(_digests(batch, taken.records, kept))).hexdigest()
        with transaction(self.engine) as session:
            remember(session, batch)
            self.audit_batch(session, actor, self.config.source, batch, records=listed)
        staged = batch.to_xcom()
        if len(taken.records) <= self.at_once and rest_at_once(self, context, staged):
            self.went = True
            context["ti"].xcom_push(BaseXCom.XCOM_RETURN_KEY, staged)  # for who clears the leg's other tasks
            raise self.nothing_goes_on("its batch is small and has gone through all steps here")
        return staged

    def _read(self, sources: Sources, actor: Actor, leg: LegId) -> None:
        """Bring the log up to date, unless this run has: a leg before this one may have written what it reads."""
        with transaction(self.engine) as session:
            new_leg = not has_position(session, leg)
            written = is_written_by(session, leg.entity.partition(".")[0], actor.run_id)
        sources.read(leg.entity, new_leg=new_leg, once=not written)

    def _lost(self, taken: Batch, kept: Mapping[str, RawRecord]) -> list[str]:
        """The files of a batch that are damaged or gone."""
        lost = []
        for uri in places_of(taken.records, kept):
            try:
                with transaction(self.engine) as session:
                    file = standing(session, uri)
                read_parts(file)
            except ConfigurationError as error:
                self.log.warning("flow=%s leg=%s reads anew: %s", self.flow, self.leg, error)
                lost.append(uri)
        return lost

    def _take(
        self, legs: Sequence[LegId], run_id: str, lost: Collection[str] = (), *, asked: bool
    ) -> tuple[Batch, dict[str, RawRecord]]:
        """The batch of all sources, and the records people corrected of it, by key."""
        room, records, more = self.config.max_records or self.max_records, list[Taken](), False
        with transaction(self.engine) as session:
            for leg in legs:
                batch = take(session, leg, run_id, room, self.behind, done_by=self.done_by, lost=lost, asked=asked)
                room -= len(batch.records)
                records += batch.records
                more = more or batch.more
            keys = sorted(each.key for each in records)
            return Batch(records, more), kept_records(session, self.flow, self.leg, keys)


def _digests(batch: BatchRef, taken: Sequence[Taken], kept: Mapping[str, RawRecord]) -> list[str]:
    """The hash of each record of a batch; only of those that the log does not tell of, the record is looked at."""
    told = {each.key: each.content_hash for each in taken if each.content_hash and each.key not in kept}
    others = [each.key for each in taken if each.key not in told]
    looked_at = taken_records(batch, others) if others else []
    return [*told.values(), *(record_digest(each) for each in looked_at)]
