"""Extract: read the source into the change log unless this run has, then take what the leg has not taken."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from airflow.sdk import Context

from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.audit.records import digest_list, record_digest
from ledgerbridge.changes import LegId, SourceId, Taken, take
from ledgerbridge.changes.readings import is_read_by
from ledgerbridge.changes.taking import Batch, has_position, has_taken
from ledgerbridge.entities import RawRecord, Source
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows.config import MAX_RECORDS
from ledgerbridge.state import transaction
from ledgerbridge.state.replays import kept_records
from operators.change_log import Read, read_again, read_source
from operators.leg import LegOperator
from operators.page_links import BatchLink
from operators.staging import BatchRef, read_parts, remember, standing
from operators.systems import hooks_of
from operators.taken import places_of, taken_records, write_taken

__all__ = ["ExtractOperator"]

_DATED_AHEAD = timedelta(days=31)  # in a ledger people may date an invoice weeks after the day they enter it


class ExtractOperator(LegOperator):
    """
    Take a leg's next batch from the change log of its source, of all shops or companies a system has.

    The first leg of a run that comes to a source reads it into the log, for all legs of all flows. A leg takes what it
    has not taken, whichever run or leg it was read by, and what earlier runs left unfinished; a rerun takes what its
    run had taken, and reads anew from the source what can't be read where it lies. An empty batch skips the leg. The
    first reading begins at the company's `send_from`, and a month earlier for what is dated ahead.

    :param overlap_minutes: how far a reading reaches back behind where the one before ended.
    :param max_records: most records of a batch, unless the leg says; what is left the next run takes.
    :param behind: legs of the flow that take the same source and come before: this one goes no further than they have.
    """

    step = "extract"
    operator_extra_links = (BatchLink(),)

    def __init__(
        self, *, overlap_minutes: int = 10, max_records: int = MAX_RECORDS, behind: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.overlap_minutes = overlap_minutes
        self.max_records = max_records
        self.behind = list(behind)

    def execute(self, context: Context) -> dict[str, Any]:
        """Read, take, stage; the reference to the batch."""
        legs = context["params"].get("legs")
        if legs and self.leg not in legs:
            raise self.nothing_goes_on(f"this run concerns {', '.join(legs)} only")
        actor = self.actor(context)
        leg = LegId(self.company.key, self.flow, self.leg, self.config.source)
        with transaction(self.engine) as session:
            again = has_taken(session, leg, actor.run_id)
        self._read(context, actor, leg)
        taken, kept = self._take(leg, actor.run_id)
        if again and (lost := self._lost(taken, kept)):
            self._read_again(context, leg, lost)
            taken, kept = self._take(leg, actor.run_id, lost)
        self.log.info("flow=%s leg=%s taken=%d", self.flow, self.leg, len(taken.records))
        if taken.more:
            self.log.warning(
                "flow=%s leg=%s more than a batch of %d is left: the next run takes it; start one, or wait for the"
                " flow's schedule",
                self.flow,
                self.leg,
                self.config.max_records or self.max_records,
            )
        if not taken.records:
            raise self.nothing_goes_on("nothing new, nothing left over")
        with transaction(self.engine) as session:
            files = {uri: standing(session, uri) for uri in places_of(taken.records, kept)}
        batch = write_taken(self.batch_uri(context, self.step), taken.records, kept, files)
        listed = sha256(digest_list(_digests(batch, taken.records, kept))).hexdigest()
        with transaction(self.engine) as session:
            remember(session, batch)
            self.audit_batch(session, actor, self.config.source, batch, records=listed)
        return batch.to_xcom()

    def _read(self, context: Context, actor: Actor, leg: LegId) -> None:
        """Bring the log up to date, unless another leg of this run has."""
        sources = self._sources(leg)
        with transaction(self.engine) as session:
            unread = [each for each in sources if not is_read_by(session, each, actor.run_id)]
            new_leg = not has_position(session, leg)

        def read(source: Source, named: SourceId) -> Read:
            return read_source(
                self.engine,
                source,
                named,
                run_id=actor.run_id,
                overlap=timedelta(minutes=self.overlap_minutes),
                beginning=self._beginning(),
                new_leg=new_leg,
            )

        self._call(context, unread, read)

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

    def _read_again(self, context: Context, leg: LegId, lost: Collection[str]) -> None:
        """Log once more what lay in these files, as it is in its source now."""

        def read(source: Source, named: SourceId) -> Read | None:
            overlap = timedelta(minutes=self.overlap_minutes)
            return read_again(self.engine, source, named, lost=lost, overlap=overlap, beginning=self._beginning())

        self._call(context, self._sources(leg), read)

    def _sources(self, leg: LegId) -> list[SourceId]:
        connections = self.company.connections_of(leg.entity.partition(".")[0])
        return [SourceId(leg.company, leg.entity, each) for each in connections]

    def _call(
        self, context: Context, sources: Sequence[SourceId], read: Callable[[Source, SourceId], Read | None]
    ) -> None:
        """Read these sources, each over its connection, and tell the audit."""
        if not sources:
            return
        system, _, entity = self.config.source.partition(".")
        by_connection = {each.connection: each for each in sources}
        self.await_connections(list(by_connection))
        for connection, hook in hooks_of(system, self.company).items():
            if connection not in by_connection:
                continue
            with self.calling(context, connection):
                found = read(hook.entity(entity), by_connection[connection])
            if found is None:
                continue
            self.log.info("leg=%s connection=%s read=%d new=%d", self.leg, connection, found.rows, found.new)
            with transaction(self.engine) as session:
                append(session, self.actor(context), [self._told(connection, found)])

    def _beginning(self) -> datetime | None:
        """Where the first run begins: what did not change since is dated earlier, but for documents dated ahead."""
        begins = self.company.sending_begins
        return None if begins is None else begins - _DATED_AHEAD

    def _told(self, connection: str, read: Read) -> Change:
        details = {
            "leg": self.leg,
            "since": read.since and read.since.isoformat(),
            "until": read.until.isoformat(),
            "rows": read.rows,
            "new": read.new,
        }
        return Change("window-read", self.config.source, connection, details=details)

    def _take(self, leg: LegId, run_id: str, lost: Collection[str] = ()) -> tuple[Batch, dict[str, RawRecord]]:
        """The batch, and the records people corrected of it, by key."""
        with transaction(self.engine) as session:
            limit = self.config.max_records or self.max_records
            batch = take(session, leg, run_id, limit, self.behind, lost=lost)
            keys = sorted(each.key for each in batch.records)
            return batch, kept_records(session, self.flow, self.leg, keys)


def _digests(batch: BatchRef, taken: Sequence[Taken], kept: Mapping[str, RawRecord]) -> list[str]:
    """The hash of each record of a batch; only of those that the log does not tell of, the record is looked at."""
    told = {each.key: each.content_hash for each in taken if each.content_hash and each.key not in kept}
    others = [each.key for each in taken if each.key not in told]
    looked_at = taken_records(batch, others) if others else []
    return [*told.values(), *(record_digest(each) for each in looked_at)]
