"""Load: deliver the documents, once each, and close the batch's balance."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context, RetryPolicy
from sqlalchemy import select

from hooks.systems import hook_for
from ledgerbridge.audit import Actor
from ledgerbridge.delivery import LEASED, Delivered, Deliverer, documents_of
from ledgerbridge.entities import Target
from ledgerbridge.errors import RecordBusy
from ledgerbridge.mapping import load_mapping
from ledgerbridge.pipeline.kept import schemas_of
from ledgerbridge.pipeline.posting_days import PostingDays
from ledgerbridge.pipeline.refused import Made
from ledgerbridge.pipeline.settling import Origins, settle_results, to_try_again
from ledgerbridge.state import transaction
from ledgerbridge.state.models import OURS, Delivery
from ledgerbridge.state.source_records import Fate
from operators import settings
from operators.assets import tell_changed
from operators.leg import LegOperator
from operators.lineage import lineage_of
from operators.links import changes_of, mapping_versions, newest_changes, source_keys_of
from operators.page_links import DeadLettersLink, DocumentsLink
from operators.retries import has_tries_left
from operators.staging import read_frames

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

__all__ = ["LoadOperator"]


class LoadOperator(LegOperator):
    """
    Deliver a batch to its target.

    Safe to rerun at any time: what arrived is not sent again, what was interrupted is looked up first, and what another
    run has taken in a newer version since is neither sent nor touched. What can't be written now, for a person has it
    open, is tried again alone; after the last try it waits for the next run. Returns how many source records had which
    outcome.

    :param leaves_unsettled: a record whose call lost its answer waits for a run that can look it up, and this task ends
        well. For a stage that its changes start: all that comes meanwhile would wait for this run.
    """

    step = "load"
    before = "gate"
    operator_extra_links = (DocumentsLink(), DeadLettersLink())

    def __init__(
        self,
        *,
        leaves_unsettled: bool = False,
        retry_policy: RetryPolicy | None = None,  # named, or Airflow would not give it the one of `default_args`
        **kwargs: Any,
    ) -> None:
        super().__init__(retry_policy=retry_policy, **kwargs)
        self.leaves_unsettled = leaves_unsettled

    def get_openlineage_facets_on_complete(self, _: Any) -> OperatorLineage:
        """What OpenLineage's provider asks, where it is installed: source, target, and what is made of what."""
        return lineage_of(self.company.key, [self.config])

    def execute(self, context: Context) -> dict[str, int]:
        """
        Deliver, write the outcomes, close the balance.

        :raises RecordBusy: some records can't be written now, and the task has tries left; the others are settled.
        """
        actor = self.actor(context)
        batch = self.given_batch(context)
        system, _, entity = self.config.target.partition(".")
        connection = self.company.connections_of(system)[0]
        self.await_connections(context, [connection])
        frames = self.own_documents(context, read_frames(batch))
        documents = documents_of(frames, self.config.target, self.company.key)
        canonical = self.canonical_headers(context)
        links = self.staged(context, "links")
        made_by, changes = mapping_versions(links), newest_changes(links)
        with self.calling(context, connection):
            target = hook_for(system, connection).entity(entity)
            days = PostingDays(
                self.engine, actor, self.company.key, self.config.target, target, self.config.closed_periods or "hold"
            )
            as_mapped, documents = documents, days.kept(documents)
            results = self._deliverer(context, actor, target, made_by, changes).deliver(documents, canonical)
            if anew := {each.record_key: each for each in days.moved(as_mapped, results, canonical)}:
                documents = [anew.get(each.record_key, each) for each in documents]
                results = [each for each in results if each.record_key not in anew]
                results += self._deliverer(context, actor, target, made_by, changes).deliver(
                    [*anew.values()], canonical
                )
        made = Made(self.step, {each.record_key: each for each in documents}, canonical, schemas_of(frames), made_by)
        busy = [each for each in results if isinstance(each.error, RecordBusy)]
        soon = [each for each in busy if each.error is not None and each.error.code != LEASED]
        again = soon if has_tries_left(context) else []
        self._settle(context, actor, results, made, again)
        if again:
            raise to_try_again(again, len(results))
        if busy:
            self.log.warning(
                "flow=%s leg=%s %d of %d documents can't be written now and wait for the next run: %s",
                *(self.flow, self.leg, len(busy), len(results), ", ".join(each.record_key for each in busy)),
            )
        balance = self.close_batch(actor, self.superseded_since(context))
        self.note_head()
        if any(each.outcome == "delivered" for each in results) or self._delivered_before(actor):
            tell_changed(self, context, self.company.key, self.config.target)
        return dict(balance)

    def _delivered_before(self, actor: Actor) -> bool:
        """Whether a try of this run that did not end well delivered something: Airflow forgot what that one told."""
        of_leg = (Delivery.flow == self.flow, Delivery.leg == self.leg, Delivery.entity == self.config.target)
        of_run = (Delivery.run_id == actor.run_id, Delivery.state == "delivered")
        with transaction(self.engine) as session:
            return session.scalar(select(Delivery.id).where(*of_leg, *of_run).limit(1)) is not None

    def _deliverer(
        self,
        context: Context,
        actor: Actor,
        target: Target,
        made_by: Mapping[str, str | None],
        changes: Mapping[str, int],
    ) -> Deliverer:
        return Deliverer(
            self.engine,
            actor,
            self.config.target,
            target,
            settle=settings.settle(),
            lease=settings.lease(),
            made_by=made_by,
            changes=changes,
            kind=self._kind(),
            match=self.config.match,
            merged=self.merged(context),
            refused=self.refused(context),
            leaves_unsettled=self.leaves_unsettled,
        )

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
        self, context: Context, actor: Actor, results: list[Delivered], made: Made, again: list[Delivered]
    ) -> None:
        """
        Write what became of the batch's records.

        :param again: what the next try sends: its records are under way as before.
        """
        links = self.staged(context, "links")
        sources, others = source_keys_of(links), self.follow_up(context, results)
        refused = {key for result in results if result.error is not None for key in sources[result.record_key]}
        raw = self.raw_records(context, refused)
        with transaction(self.engine) as session:
            settle_results(
                session,
                actor,
                results,
                made,
                Origins(sources, changes_of(links), raw),
                others=others,
                again={each.record_key for each in again},
            )
