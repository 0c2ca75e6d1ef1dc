"""Extract: what changed in the source since the last run, and what earlier runs left unfinished."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from airflow.sdk import Context

from ledgerbridge.audit import Change, append
from ledgerbridge.audit.records import record_list
from ledgerbridge.entities import RawRecord, Source, Window
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import transaction
from ledgerbridge.state.replays import in_letter, kept_records
from ledgerbridge.state.source_records import Seen, carried_over, known_versions, register
from ledgerbridge.state.windows import next_since, record_window, window_of_run
from operators import settings
from operators.leg import LegOperator
from operators.page_links import BatchLink
from operators.staging import (
    newest,
    raw_records,
    raw_table,
    raw_versions,
    read_raw_table,
    remember,
    standing,
    write_raw,
)
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
        if not records.num_rows:
            raise self.nothing_goes_on("nothing new, nothing left over")
        uri = self.batch_uri(context, self.step)
        batch = write_raw(uri, records)
        listed = sha256(record_list(raw_records(records))).hexdigest()
        with transaction(self.engine) as session:
            seen = [Seen(key, version) for key, version in _versions(records).items()]
            remember(session, batch)
            register(session, self.flow, self.leg, actor.run_id, self.config.source, seen, uri)
            self.audit_batch(session, actor, self.config.source, batch, records=listed)
        self.log.info("flow=%s leg=%s taken=%d", self.flow, self.leg, records.num_rows)
        return batch.to_xcom()

    def _read(self, context: Context, run_id: str) -> pa.Table:
        """What is in the window and not finished with."""
        system, _, entity = self.config.source.partition(".")
        hooks = hooks_of(system, settings.company())
        self.await_connections(list(hooks))
        tables = [raw_table([])]
        for connection, hook in hooks.items():
            with self.calling(context, connection):
                tables.append(self._read_connection(context, run_id, connection, hook.entity(entity)))
        return pa.concat_tables(tables)

    def _read_connection(self, context: Context, run_id: str, connection: str, source: Source) -> pa.Table:
        with transaction(self.engine) as session:
            earlier = window_of_run(session, self.flow, self.config.source, connection, run_id)
            overlap = timedelta(minutes=self.overlap_minutes)
            since = next_since(session, self.flow, self.config.source, connection, overlap) or self._beginning()
        if earlier is not None and earlier.leg != self.leg:
            with transaction(self.engine) as session:
                read = standing(session, earlier.batch_uri)
            new = self._new(raw_versions(read), run_id)
            return read_raw_table(read, new) if new else raw_table([])
        window = Window(earlier.since, earlier.until) if earlier is not None else Window(since)
        records = newest([raw_table(page) for page in source.read(window)])
        uri = f"{self.batch_uri(context, 'read')}/{connection}"
        read = write_raw(uri, records)
        latest = pc.max(records["changed_at"]).as_py() or source.clock()
        until = earlier.until if earlier is not None else latest
        with transaction(self.engine) as session:
            remember(session, read)
            record_window(
                session, self.flow, self.config.source, connection, run_id,
                leg=self.leg, since=window.since, until=until, rows=records.num_rows, batch_uri=uri,
            )  # fmt: skip
            append(session, self.actor(context), [self._window(connection, window.since, until, records.num_rows)])
        return _of_keys(records, self._new(_versions(records), run_id))

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

    def _chosen(self, fresh: pa.Table, run_id: str) -> pa.Table:
        """What is new, and what is carried over from earlier runs, a dead letter's replay or an earlier try of this."""
        with transaction(self.engine) as session:
            batches = carried_over(session, self.flow, self.leg, run_id)
            keys = {*_versions(fresh), *(key for keys in batches.values() for key in keys)}
            kept = kept_records(session, self.flow, self.leg, sorted(keys))
        carried = [
            raw_table(kept[key] for key in keys) if in_letter(uri) else self._carried(uri, keys, fresh)
            for uri, keys in batches.items()
        ]
        return _with_kept(newest([*carried, fresh]), kept)

    def _carried(self, uri: str, keys: Collection[str], fresh: pa.Table) -> pa.Table:
        """The records of an earlier batch; one that is damaged does no harm where they were all read anew."""
        try:
            with transaction(self.engine) as session:
                batch = standing(session, uri)
            return read_raw_table(batch, keys)
        except ConfigurationError as error:
            if not _versions(fresh).keys() >= set(keys):
                raise
            self.log.warning("flow=%s leg=%s read anew: %s", self.flow, self.leg, error)
            return raw_table([])


def _versions(records: pa.Table) -> dict[str, str]:
    return dict(zip(records["key"].to_pylist(), records["version"].to_pylist(), strict=True))


def _of_keys(records: pa.Table, keys: Collection[str]) -> pa.Table:
    return records.filter(pc.is_in(records["key"], pa.array(keys, pa.string())))


def _with_kept(records: pa.Table, kept: Mapping[str, RawRecord]) -> pa.Table:
    """The kept record where one stands for this version: people may have corrected it."""
    stand_ins = [
        kept[key] if key in kept and kept[key].version == version else None
        for key, version in zip(records["key"].to_pylist(), records["version"].to_pylist(), strict=True)
    ]
    if not any(stand_ins):
        return records
    texts = raw_table(each for each in stand_ins if each is not None)
    mask = pa.array([each is not None for each in stand_ins])
    for name in ("changed_at", "payload"):
        column = pc.replace_with_mask(records[name].combine_chunks(), mask, texts[name].combine_chunks())
        records = records.set_column(records.schema.get_field_index(name), name, column)
    return records
