"""The sources that a task reads into the change log, of all connections a system has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from airflow.sdk import Context
from sqlalchemy.orm import Session

from ledgerbridge.audit import Change, append
from ledgerbridge.changes import SourceId
from ledgerbridge.changes.announced import answer, is_announced
from ledgerbridge.changes.log import last_number
from ledgerbridge.changes.polling import PolledSource, is_due
from ledgerbridge.changes.readings import count_as_read, is_read_by, was_read
from ledgerbridge.entities import KeyedSource, Source
from ledgerbridge.flows import Company, FlowConfig
from ledgerbridge.state import transaction
from operators.assets import is_to_be_read, tell_changed
from operators.change_log import Read, read_again, read_announced, read_source
from operators.leg import FlowOperator
from operators.systems import hooks_of

__all__ = ["Sources", "polled_sources"]

_DATED_AHEAD = timedelta(days=31)  # in a ledger people may date an invoice weeks after the day they enter it


def polled_sources(flow: FlowConfig, stage: str, company: Company) -> list[PolledSource]:
    """What of a stage's sources is read now and then in a company, because its system tells nothing by itself."""
    schedule = flow.stages[stage].schedule
    entities = dict.fromkeys(source for leg in flow.of_stage(stage).values() for source in leg.sources)
    polls = {} if schedule is None else schedule.poll
    return [
        PolledSource(entity, list(company.connections.get(system, [])), poll.least_seconds, poll.most_seconds)
        for entity in entities
        if (poll := polls.get(system := entity.partition(".")[0])) is not None
    ]


class Sources:
    """
    Brings the change log up to date for a task.

    :param task: who reads; its connections' circuits and its audit are used.
    :param overlap_minutes: how far a reading reaches back behind where the one before ended.
    :param whole: entities that are read from their beginning, whatever the company's `send_from` is.
    :param polled: what a run that events started reads by time too, where it is due.
    """

    def __init__(
        self,
        task: FlowOperator,
        context: Context,
        overlap_minutes: int,
        whole: Collection[str] = (),
        polled: Sequence[PolledSource] = (),
    ) -> None:
        self._task = task
        self._context = context
        self._overlap = timedelta(minutes=overlap_minutes)
        self._whole = whole
        self._polled = {each.entity: each for each in polled}
        self._run_id = f"{task.dag_id} {context['run_id']}"[:250]  # stages that begin together have the same run id

    def read(self, entity: str, *, new_leg: bool, once: bool = True) -> None:
        """
        Write into the log what changed in a source since it was read last, and what was announced.

        A run that events started reads by time only what they say was written elsewhere, and what is polled and due:
        all else that is new was announced, or is found by the runs of the schedule.

        :param new_leg: whether it is read for a leg that has taken nothing yet.
        :param once: only what this run has not read yet.
        :raises TransientError, ConfigurationError: as the source raises them.
        """
        sources = self._of(entity)
        company = self._task.company.key
        by_time = sources
        if once:
            only_announced = not new_leg and not is_to_be_read(self._context, company, entity)
            with transaction(self._task.engine) as session:
                sources = [each for each in sources if not is_read_by(session, each, self._run_id)]
                by_time = [each for each in sources if not only_announced or self._is_due(session, each)]
                sources = [each for each in sources if each in by_time or not self._passes_over(session, each)]

        def read(source: Source, named: SourceId) -> Read:
            if isinstance(source, KeyedSource) and self._was_read(named):
                found = read_announced(self._task.engine, source, named)
                if named not in by_time:
                    self._count_as_read(named)
                    return found
                if found.rows:
                    self._tell(entity, named.connection, found)
            return read_source(
                self._task.engine,
                source,
                named,
                run_id=self._run_id,
                overlap=self._overlap,
                beginning=self._beginning(entity),
                new_leg=new_leg,
            )

        self._call(entity, sources, read)

    def read_again(self, entity: str, lost: Collection[str]) -> None:
        """Log once more what lay in these staged files, as it is in its source now; raises as ``read``."""

        def read(source: Source, named: SourceId) -> Read | None:
            return read_again(
                self._task.engine, source, named, lost=lost, overlap=self._overlap, beginning=self._beginning(entity)
            )

        self._call(entity, self._of(entity), read)

    def _of(self, entity: str) -> list[SourceId]:
        company = self._task.company
        return [SourceId(company.key, entity, each) for each in company.connections_of(entity.partition(".")[0])]

    def _call(self, entity: str, sources: Sequence[SourceId], read: Callable[[Source, SourceId], Read | None]) -> None:
        """Read these sources, each over its connection, and tell the audit."""
        if not sources:
            return
        task, (system, _, name) = self._task, entity.partition(".")
        by_connection = {each.connection: each for each in sources}
        task.await_connections(self._context, list(by_connection))
        for connection, hook in hooks_of(system, task.company).items():
            if connection not in by_connection:
                continue
            with task.calling(self._context, connection):
                found = read(hook.entity(name), by_connection[connection])
            if found is None:
                continue
            self._tell(entity, connection, found)

    def _passes_over(self, session: Session, source: SourceId) -> bool:
        """Whether nothing was announced of a source that was read before: then this run has nothing to read there."""
        last = last_number(session, source.company, source.entity)
        if not was_read(session, source) or is_announced(session, source):
            return False
        answer(session, source, last)  # nobody has to look up to there again
        count_as_read(session, source, self._run_id)
        return True

    def _is_due(self, session: Session, source: SourceId) -> bool:
        polled = self._polled.get(source.entity)
        return polled is not None and is_due(session, source, polled)

    def _was_read(self, source: SourceId) -> bool:
        with transaction(self._task.engine) as session:
            return was_read(session, source)

    def _count_as_read(self, source: SourceId) -> None:
        with transaction(self._task.engine) as session:
            count_as_read(session, source, self._run_id)

    def _tell(self, entity: str, connection: str, found: Read) -> None:
        """Tell the log of the task, the audit, and the stages that wait for it."""
        task = self._task
        task.log.info("entity=%s connection=%s read=%d new=%d", entity, connection, found.rows, found.new)
        with transaction(task.engine) as session:
            append(session, task.actor(self._context), [self._told(entity, connection, found)])
        if found.new:
            tell_changed(task, self._context, task.company.key, entity, logged=True)

    def _beginning(self, entity: str) -> datetime | None:
        """Where the first run begins: what did not change since is dated earlier, but for documents dated ahead."""
        begins = None if entity in self._whole else self._task.company.sending_begins
        return None if begins is None else begins - _DATED_AHEAD

    def _told(self, entity: str, connection: str, read: Read) -> Change:
        counted = {"leg": self._task.leg, "rows": read.rows, "new": read.new}
        if read.until is None:
            return Change("announced-read", entity, connection, details=counted)
        window = {"since": read.since and read.since.isoformat(), "until": read.until.isoformat()}
        return Change("window-read", entity, connection, details=counted | window)
