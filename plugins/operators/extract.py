"""Extract: what changed in the source since the last run, and what earlier runs left unfinished."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from airflow.sdk import Context

from ledgerbridge.audit import Change, append
from ledgerbridge.audit.records import record_list
from ledgerbridge.entities import RawRecord, Source, Window
from ledgerbridge.state import transaction
from ledgerbridge.state.replays import in_letter, kept_records
from ledgerbridge.state.source_records import Seen, carried_over, known_versions, register
from ledgerbridge.state.windows import next_since, record_window, window_of_run
from operators import settings
from operators.leg import LegOperator
from operators.page_links import BatchLink
from operators.staging import raw_versions, read_raw, write_raw
from operators.systems import hooks_of

__all__ = ["ExtractOperator"]

_DATED_AHEAD = timedelta(days=31)  # in a ledger people may date an invoice weeks after the day they enter it


class ExtractOperator(LegOperator):
    """
    Stage the records of a leg's source as they are.

    A rerun reads its own window again. Legs of one run that read the same source share one reading. A record whose
    version another run has finished with is left out; an empty batch skips the leg. The first run begins at the
    company's `send_from`, and a month earlier for what is dated ahead.

    :param overlap_minutes: how far a new window reaches back.
    """

    step = "extract"
    operator_extra_links = (BatchLink(),)

    def __init__(self, *, overlap_minutes: int = 10, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.overlap_minutes = overlap_minutes

    def execute(self, context: Context) -> dict[str, Any]:
        """Read, choose, stage; the reference to the batch."""
        legs = context["params"].get("legs")
        if legs and self.leg not in legs:
            raise self.nothing_goes_on(f"this run concerns {', '.join(legs)} only")
        actor = self.actor(context)
        records = self._chosen(self._read(context, actor.run_id), actor.run_id)
        if not records:
            raise self.nothing_goes_on("nothing new, nothing left over")
        uri = self.batch_uri(context, self.step)
        batch = write_raw(uri, records)
        listed = sha256(record_list(records)).hexdigest()
        with transaction(self.engine) as session:
            seen = [Seen(record.key, record.version) for record in records]
            register(session, self.flow, self.leg, actor.run_id, self.config.source, seen, uri)
            self.audit_batch(session, actor, self.config.source, batch, records=listed)
        self.log.info("flow=%s leg=%s taken=%d", self.flow, self.leg, len(records))
        return batch.to_xcom()

    def _read(self, context: Context, run_id: str) -> list[RawRecord]:
        """What is in the window and not finished with."""
        system, _, entity = self.config.source.partition(".")
        hooks = hooks_of(system, settings.company())
        self.await_connections(list(hooks))
        records = []
        for connection, hook in hooks.items():
            with self.calling(context, connection):
                records += self._read_connection(context, run_id, connection, hook.entity(entity))
        return records

    def _read_connection(self, context: Context, run_id: str, connection: str, source: Source) -> list[RawRecord]:
        with transaction(self.engine) as session:
            earlier = window_of_run(session, self.flow, self.config.source, connection, run_id)
            overlap = timedelta(minutes=self.overlap_minutes)
            since = next_since(session, self.flow, self.config.source, connection, overlap) or self._beginning()
        if earlier is not None and earlier.leg != self.leg:
            new = self._new(raw_versions(earlier.batch_uri), run_id)
            return read_raw(earlier.batch_uri, new) if new else []
        window = Window(earlier.since, earlier.until) if earlier is not None else Window(since)
        records = _newest({}, [record for page in source.read(window) for record in page])
        uri = f"{self.batch_uri(context, 'read')}/{connection}"
        write_raw(uri, records)
        newest = max((record.changed_at for record in records), default=None) or source.clock()
        until = earlier.until if earlier is not None else newest
        with transaction(self.engine) as session:
            record_window(
                session, self.flow, self.config.source, connection, run_id,
                leg=self.leg, since=window.since, until=until, rows=len(records), batch_uri=uri,
            )  # fmt: skip
            append(session, self.actor(context), [self._window(connection, window.since, until, len(records))])
        new = self._new({record.key: record.version for record in records}, run_id)
        return [record for record in records if record.key in new]

    def _beginning(self) -> datetime | None:
        """Where the first run begins: what did not change since is dated earlier, but for documents dated ahead."""
        begins = settings.company().sending_begins
        return None if begins is None else begins - _DATED_AHEAD

    def _new(self, versions: Mapping[str, str], run_id: str) -> set[str]:
        """The keys of the records that no other run has finished with in this version."""
        with transaction(self.engine) as session:
            known = known_versions(session, self.flow, self.leg, run_id, list(versions))
        self.log.info("flow=%s leg=%s read=%d known=%d", self.flow, self.leg, len(versions), len(known))
        return {key for key, version in versions.items() if known.get(key) != version}

    def _window(self, connection: str, since: datetime | None, until: datetime, rows: int) -> Change:
        details = {"leg": self.leg, "since": since and since.isoformat(), "until": until.isoformat(), "rows": rows}
        return Change("window-read", self.config.source, connection, details=details)

    def _chosen(self, fresh: list[RawRecord], run_id: str) -> list[RawRecord]:
        """What is new, and what is carried over from earlier runs, a dead letter's replay or an earlier try of this."""
        with transaction(self.engine) as session:
            batches = carried_over(session, self.flow, self.leg, run_id)
            keys = {*(record.key for record in fresh), *(key for keys in batches.values() for key in keys)}
            kept = kept_records(session, self.flow, self.leg, sorted(keys))
        carried = {
            record.key: record
            for uri, keys in batches.items()
            for record in ([kept[key] for key in keys] if in_letter(uri) else read_raw(uri, keys))
        }
        return [_kept_instead(record, kept) for record in _newest(carried, fresh)]


def _kept_instead(record: RawRecord, kept: dict[str, RawRecord]) -> RawRecord:
    """The kept record where one stands for this version: people may have corrected it."""
    stand_in = kept.get(record.key)
    return stand_in if stand_in is not None and stand_in.version == record.version else record


def _newest(known: dict[str, RawRecord], records: list[RawRecord]) -> list[RawRecord]:
    """One record a key, the newest; a source may give a record twice while it is being read."""
    newest = dict(known)
    for record in records:
        if record.key not in newest or record.changed_at >= newest[record.key].changed_at:
            newest[record.key] = record
    return sorted(newest.values(), key=lambda record: (record.changed_at, record.key))
