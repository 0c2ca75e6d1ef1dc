"""Read: the first task of a stage brings its sources up to date, and starts only the legs that have something to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context
from airflow.sdk.exceptions import DownstreamTasksSkipped

from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.changes import LegId
from ledgerbridge.changes.idle import idle_legs, unbegun_legs
from ledgerbridge.changes.taking import has_taken, has_work, pass_over
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import FlowConfig
from ledgerbridge.state import transaction
from ledgerbridge.state.circuits import pause_of
from operators import settings
from operators.at_once import legs_at_once
from operators.leg import FlowOperator
from operators.lineage import lineage_of
from operators.passing import to_pass_over
from operators.sources import Sources, polled_sources

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

__all__ = ["ReadOperator"]


class ReadOperator(FlowOperator):
    """
    Read the sources of a stage once for all its legs; legs with nothing to take are skipped without being started.

    A leg has something to do when the change log or its work list holds something for it, when a leg that comes before
    it in this run may write to the system it reads, and when it had something in this run before it was cleared. What
    waits counts when it is due, when the run is of named legs, and behind a leg that may bring what it waits for. New
    changes of which its mapping makes nothing a leg passes over. A source that can't be read holds only the legs that
    take from it: their own extract meets the fault, and waits or fails for it. Small batches of a run of events go
    through their legs here, and start no other task.

    :param config: the flow; :param stage: which of its stages.
    """

    def __init__(self, *, config: FlowConfig, stage: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.stage = stage
        self.did: list[str] = []

    def get_openlineage_facets_on_complete(self, _: Any) -> OperatorLineage:
        """What OpenLineage's provider asks: that of the legs which went through all their steps here."""
        return lineage_of(self.company.key, [self.config.legs[leg] for leg in self.did])

    def execute(self, context: Context) -> list[str]:
        """Do or start what has something to do; the names of the legs that are started."""
        open_legs = self.legs_with_work(context)
        self.did = done = legs_at_once(self, context, self.config, self.stage, open_legs)
        started = open_legs[len(done) :]
        told = (",".join(each) or "nothing" for each in (done, started))
        self.log.info("flow=%s stage=%s did=%s starts=%s", self.flow, self.stage, *told)
        others = {leg for leg in self.config.of_stage(self.stage) if leg not in started}
        if others:
            raise self._only(others)
        return started

    def legs_with_work(self, context: Context) -> list[str]:
        """Read, and look which legs have something to do, in the order of the process."""
        asked = context["params"].get("legs")
        legs = [leg for leg in self.config.in_order(self.stage) if not asked or leg in asked]
        unread = self._read(context, legs)
        if not asked:
            self._pass_over(self.actor(context), legs)
        return self._with_work(legs, unread, str(context["run_id"]), asked=bool(asked))

    def _read(self, context: Context, legs: list[str]) -> set[str]:
        """Bring the sources of these legs up to date; the entities that could not be read."""
        whole = {each for leg in self.config.legs.values() if leg.takes_all for each in leg.sources}
        polled = polled_sources(self.config, self.stage, self.company)
        sources = Sources(self, context, self.config.overlap_minutes, whole=whole, polled=polled)
        unread = set()
        named = self._named(legs)
        with transaction(self.engine) as session:
            begin_now = {leg.entity for leg in unbegun_legs(session, named)}
        for entity in dict.fromkeys(leg.entity for leg in named):
            with transaction(self.engine) as session:
                connections = self.company.connections_of(entity.partition(".")[0])
                is_down = any(pause_of(session, each) is not None for each in connections)
            if is_down:
                unread.add(entity)
                continue
            try:
                sources.read(entity, new_leg=entity in begin_now)
            except LedgerbridgeError as error:
                self.log.warning(
                    "flow=%s stage=%s entity=%s is left to its legs: %s", self.flow, self.stage, entity, error
                )
                unread.add(entity)
        return unread

    def _pass_over(self, actor: Actor, legs: list[str]) -> None:
        mappings = settings.include_folder() / "mappings"
        for leg, found in to_pass_over(self.engine, self.config, self._named(legs), actor.run_id, mappings).items():
            with transaction(self.engine) as session:
                if pass_over(session, leg, found):
                    told = {"leg": leg.leg, "records": len(found.records), "upto": found.upto}
                    append(session, actor, [Change("passed-over", leg.entity, leg.leg, details=told)])
            self.log.info("flow=%s leg=%s makes nothing of %d records", self.flow, leg.leg, len(found.records))

    def _with_work(self, legs: list[str], unread: set[str], run_id: str, *, asked: bool) -> list[str]:
        started: list[str] = []
        written: set[str] = set()  # systems: who writes one document changes others, as an allocation does its credit
        with transaction(self.engine) as session:
            idle = idle_legs(session, self._named(legs), run_id)
            for leg in legs:
                config = self.config.legs[leg]
                done_by = self.config.behind_stages(leg)
                for named in self._named([leg]):
                    may_get = named.entity.partition(".")[0] in written or named.entity in unread
                    if not may_get and named not in idle:
                        is_asked = asked or bool(started)
                        may_get = has_taken(session, named, run_id) or has_work(session, named, done_by, asked=is_asked)
                    if may_get:
                        started.append(leg)
                        written.add(config.target.partition(".")[0])
                        break
        return started

    def _named(self, legs: Iterable[str]) -> list[LegId]:
        """These legs by each entity that they take."""
        company = self.company.key
        return [LegId(company, self.flow, leg, entity) for leg in legs for entity in self.config.legs[leg].sources]

    def _only(self, others: set[str]) -> DownstreamTasksSkipped:
        """Raise it to end this task well and to skip all tasks of these legs at once."""
        tasks: Mapping[str, Any] = {} if self.get_dag() is None else self.dag.task_dict
        skipped = sorted(name for name, task in tasks.items() if getattr(task, "leg", "") in others)
        return DownstreamTasksSkipped(tasks=skipped)  # type: ignore[no-untyped-call]  # Airflow gives it no types
