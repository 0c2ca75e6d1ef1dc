"""Transform: raw to canonical (conform), the canonical rules, canonical to the target's document (map)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Context
from sqlalchemy.orm import Session

from ledgerbridge.audit import append
from ledgerbridge.mapping import Lookups, Mapping, load_mapping
from ledgerbridge.pipeline.kept import with_canonical, with_documents
from ledgerbridge.pipeline.making import conform, make_documents, rule
from ledgerbridge.pipeline.work import Work
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import Letter, close_letters, write_letters
from ledgerbridge.state.reader import DatabaseReader
from ledgerbridge.state.replays import KeptDocument, documents_to_resume
from ledgerbridge.state.source_records import news, set_outcomes, still_own
from ledgerbridge.state.summaries import keep_summarised
from operators import settings
from operators.drift import watched
from operators.leg import LegOperator
from operators.page_links import BatchLink, DeadLettersLink
from operators.staging import BatchRef, remember, write_frames
from operators.taken import taken_changes, taken_chunks, taken_records, taken_versions

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TransformOperator"]


class TransformOperator(LegOperator):
    """
    Make the target's documents of a raw batch; what can't be made becomes dead letters, the rest goes on.

    A record that another run has taken in a newer version since is left alone.
    Both the canonical frames and the documents are kept for the audit.
    """

    step = "transform"
    before = "extract"
    operator_extra_links = (BatchLink(), DeadLettersLink())

    def execute(self, context: Context) -> dict[str, Any]:
        """Conform, check, rule, map, stage; the reference to the documents."""
        actor = self.actor(context)
        given = self.given_batch(context)
        changes, versions = taken_changes(given), taken_versions(given)
        with transaction(self.engine) as session:
            own = still_own(session, self.flow, self.leg, actor.run_id, changes)
        superseded = len(changes) - len(own)
        if not own:
            self.close_batch(actor, superseded)
            raise self.nothing_goes_on("newer versions of all its records are taken")
        reader = DatabaseReader(self.engine, self.flow)
        work = Work(actor, {key: version for key, version in versions.items() if key in own}, changes)
        with transaction(self.engine) as session:
            work.resumed = self._to_resume(session, work)
        lookups = self.lookups(context)
        anew = [key for key in work.source_versions if key not in work.resumed]
        canonical: dict[str, pd.DataFrame] = {}
        documents: dict[str, pd.DataFrame] = {}
        if anew:
            canonical = rule(work, self.config.rules, self._conform(given, anew, lookups, work), reader)
            documents = self._map(canonical, lookups, work)
        if work.resumed:
            kept = work.resume()
            canonical = with_canonical(canonical, self._conform_mapping().target, kept)
            documents = with_documents(documents, kept)
        frames = {"canonical": canonical, "links": {"links": work.links()}, **work.beside}
        beside = [write_frames(self.batch_uri(context, name), parts) for name, parts in frames.items()]
        batch = write_frames(self.batch_uri(context, "documents"), documents)
        letters = work.letters_with(taken_records(given, work.refused())) if work.letters else []
        self._settle(work, letters, set(documents["header"]["record_key"]), batch, beside)
        if documents["header"].empty:
            self.close_batch(actor, superseded)
            raise self.nothing_goes_on("no record of this batch goes on")
        return batch.to_xcom()

    def _to_resume(self, session: Session, work: Work) -> dict[str, list[KeptDocument]]:
        """The documents of replayed dead letters that go on as they are."""
        return documents_to_resume(session, self.flow, self.leg, work.source_versions)

    def _conform_mapping(self) -> Mapping:
        return load_mapping(settings.include_folder() / "mappings" / f"{self.config.conform}.yaml")

    def _conform(self, given: BatchRef, keys: list[str], lookups: Lookups, work: Work) -> dict[str, pd.DataFrame]:
        """What is made of the records of ``keys``; as they were read they are in memory some hundreds at a time."""
        mapping = self._conform_mapping()
        chunks = watched(self.engine, mapping, taken_chunks(given, set(keys)))
        return conform(work, mapping, chunks, keys, lookups, self.company.send_from)

    def _map(self, frames: dict[str, pd.DataFrame], lookups: Lookups, work: Work) -> dict[str, pd.DataFrame]:
        mapping = load_mapping(settings.include_folder() / "mappings" / f"{self.config.map}.yaml")
        return make_documents(work, mapping, frames, lookups)

    def _settle(
        self, work: Work, letters: list[Letter], going_on: set[str], batch: BatchRef, beside: list[BatchRef]
    ) -> None:
        with transaction(self.engine) as session:
            remember(session, batch, *beside)
            keep_summarised(session, self.company.key, work.summarised)
            refusals = write_letters(session, work.actor, letters)
            fates = {key: work.fate(key, refusals.get(key), going_on) for key in work.made}
            settled = [key for key, fate in fates.items() if fate.outcome in ("unchanged", "superseded")]
            close_letters(session, work.actor, settled)
            append(session, work.actor, news(session, work.actor.task, self.config.source, fates))
            self.audit_batch(session, work.actor, self.config.target, batch)
            set_outcomes(session, self.flow, self.leg, fates, run_id=work.actor.run_id)
            stopped = self.too_many_rejected(session, work.actor)
        if stopped is not None:
            raise stopped
