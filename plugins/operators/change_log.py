"""Reading a source into the change log: page by page, so that a backlog of any size is read in bounded memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import Engine

from ledgerbridge.audit.records import record_digest
from ledgerbridge.changes import Begun, Found, SourceId, append, begin_again, begin_reading, end_reading, unknown
from ledgerbridge.changes.announced import answer, told_of
from ledgerbridge.changes.backfills import Backfill, Pace, reached
from ledgerbridge.changes.log import GONE, How, gone, last_number, newest
from ledgerbridge.changes.readings import is_list_due
from ledgerbridge.entities import DELETED, KeyedSource, RawRecord, Source, Window
from ledgerbridge.state import transaction
from operators import settings
from operators.staging import raw_table, remember, write_raw

__all__ = ["Read", "read_again", "read_announced", "read_next_span", "read_source", "read_span"]

_AT_A_TIME = 1_000
"""Records in memory as values, and in one staged file, unless a source's page has more."""
_ANNOUNCED_AT_A_TIME = 250
"""Announcements that are read, and then answered, together: what breaks off after them begins there again."""


@dataclass(frozen=True)
class Read:
    """
    What a reading found: ``rows`` records, of which the log lacked ``new``.

    :param until: how far the source was read by time; None: only what was announced.
    """

    since: datetime | None
    until: datetime | None
    rows: int
    new: int


def read_source(
    engine: Engine,
    source: Source,
    named: SourceId,
    *,
    run_id: str,
    overlap: timedelta,
    beginning: datetime | None,
    new_leg: bool = False,
) -> Read:
    """
    Write into the log what changed in a source since it was read last.

    Broken off, it has written what it got so far, and the next one reads all of it again. Only a list that came to its
    end tells what is gone.

    :param beginning, new_leg: as for ``begin_reading``.
    :raises TransientError, ConfigurationError: as the source raises them.
    """
    at = source.clock()
    with transaction(engine) as session:
        begun = begin_reading(session, named, at=at, overlap=overlap, beginning=beginning, new_leg=new_leg)
        every = _listed_every(source, beginning)
        lists = every is not None and (begun.since is None or is_list_due(session, named, every))
    newest: datetime | None = None
    rows = new = 0
    listed = set[str]()
    for records in _in_portions(source.read(Window(None if lists else begun.since))):
        rows += len(records)
        latest = max(record.changed_at for record in records)
        newest = latest if newest is None else max(newest, latest)
        new += _write(engine, named, begun, records)
        if lists:
            listed.update(record.key for record in records)
    if lists:
        new += _write_gone(engine, named, begun, listed)
    with transaction(engine) as session:
        until = end_reading(
            session, named, begun, newest=newest, beginning=beginning, run_id=run_id, rows=rows, listed=lists
        )
        if not isinstance(source, KeyedSource):
            answer(session, named, begun.after)
    return Read(begun.since, until, rows, new)


def read_announced(engine: Engine, source: KeyedSource, named: SourceId) -> Read:
    """
    Write into the log, as they are now, the records that were announced up to now and not read since.

    The source was read before: of one that was not, announcements stay open.

    Broken off, what it got so far is answered, and the next one reads on.

    :raises TransientError, ConfigurationError: as the source raises them.
    """
    with transaction(engine) as session:
        last = last_number(session, named.company, named.entity)
    rows = new = upto = 0
    while upto < last:
        with transaction(engine) as session:
            told = told_of(session, named, _ANNOUNCED_AT_A_TIME)
            begun = Begun(None, told.last, datetime.now(UTC), "webhook", None)
        upto = told.upto
        keys: Sequence[str] = told.keys
        while keys:
            overtaken: list[str] = []
            for records in _in_portions(source.read_keys(keys)):
                rows += len(records)
                new += _write(engine, named, begun, records)
                overtaken += _overtaken(engine, named, begun, records)
            with transaction(engine) as session:
                begun = replace(begun, after=last_number(session, named.company, named.entity))
            keys = overtaken
        with transaction(engine) as session:
            answer(session, named, upto)
    return Read(None, None, rows, new)


def read_span(
    engine: Engine, source: Source, named: SourceId, since: datetime, until: datetime, *, again: bool = False
) -> Read:
    """
    Write into the log what changed in a source within a time, and what the log lacks of it; no cursor moves.

    :param again: also what it does not lack.
    :raises TransientError, ConfigurationError: as the source raises them.
    """
    at = source.clock()
    how: How = "again" if again else "backfill"
    with transaction(engine) as session:
        begun = Begun(since, last_number(session, named.company, named.entity), at, how, None)
    rows = new = 0
    for records in _in_portions(source.read(Window(since, until))):
        rows += len(records)
        new += _write(engine, named, begun, records)
    return Read(since, until, rows, new)


def read_next_span(engine: Engine, source: Source, backfill: Backfill, pace: Pace, *, again: bool = False) -> Backfill:
    """
    ``read_span`` of what comes next in a backfill; how far it is then, which is kept.

    :raises TransientError, ConfigurationError: as the source raises them; what was done before stays done.
    """
    end = pace.next_end(backfill)
    found = read_span(engine, source, backfill.source, backfill.done, end, again=again)
    with transaction(engine) as session:
        further = reached(session, backfill, end, found.rows, found.new)
    pace.found(found.rows)
    return further


def read_again(
    engine: Engine,
    source: Source,
    named: SourceId,
    *,
    lost: Collection[str],
    overlap: timedelta,
    beginning: datetime | None,
) -> Read | None:
    """
    Write into the log once more what lies in staged files that can't be read; None: nothing of this source does.

    :param lost: their addresses. :param beginning: as for ``begin_reading``.
    :raises TransientError, ConfigurationError: as the source raises them.
    """
    at = source.clock()
    with transaction(engine) as session:
        begun = begin_again(session, named, at=at, overlap=overlap, beginning=beginning, lost=lost)
    if begun is None:
        return None
    lists = _listed_every(source, beginning) is not None
    rows = new = 0
    listed = set[str]()
    for records in _in_portions(source.read(Window(None if lists else begun.since))):
        rows += len(records)
        new += _write(engine, named, begun, records, lost)
        if lists:
            listed.update(record.key for record in records)
    if lists:
        new += _write_gone(engine, named, begun, listed, lost)
    return Read(begun.since, at, rows, new)


def _listed_every(source: Source, beginning: datetime | None) -> timedelta | None:
    """How often all of a source is to be read; None: never, or what is older than the beginning is none of ours."""
    return None if beginning is not None else getattr(source, "listed_every", None)


def _write_gone(
    engine: Engine, named: SourceId, begun: Begun, listed: Collection[str], lost: Collection[str] = ()
) -> int:
    """Log that what a whole list has no more is gone."""
    with transaction(engine) as session:
        keys = gone(session, named, listed, upto=begun.after, lost=lost)
    found = [RawRecord(key, GONE, begun.at, {DELETED: True}) for key in keys]
    return sum(
        _write(engine, named, begun, found[start : start + _AT_A_TIME], lost)
        for start in range(0, len(found), _AT_A_TIME)
    )


def _overtaken(engine: Engine, named: SourceId, begun: Begun, records: list[RawRecord]) -> list[str]:
    """
    The keys of what another reader logged meanwhile as another version: it may be older, and was announced once only.

    A reading by time begins earlier than the one before; nobody reads again what was read by its key.
    """
    with transaction(engine) as session:
        known = newest(session, named.company, named.entity, [each.key for each in records])
    return [
        each.key for each in records if known[each.key].version != each.version and known[each.key].number > begun.after
    ]


def _in_portions(pages: Iterator[list[RawRecord]]) -> Iterator[list[RawRecord]]:
    """Some pages together, oldest change first; of a record that is there twice the one changed last."""
    portion: dict[str, RawRecord] = {}
    for page in pages:
        for record in page:
            if record.key not in portion or record.changed_at >= portion[record.key].changed_at:
                portion[record.key] = record
        if len(portion) >= _AT_A_TIME:
            yield _by_age(portion)
            portion = {}
    if portion:
        yield _by_age(portion)


def _by_age(portion: dict[str, RawRecord]) -> list[RawRecord]:
    return sorted(portion.values(), key=lambda record: (record.changed_at, record.key))


def _write(
    engine: Engine,
    named: SourceId,
    begun: Begun,
    records: list[RawRecord],
    lost: Collection[str] = (),
) -> int:
    """Stage what the log lacks, then log it: a file that nothing refers to does no harm, the reverse would."""
    with transaction(engine) as session:
        fresh = unknown(session, named, records, began_after=begun.after, lost=lost, again=begun.how == "again")
    if not fresh:
        return 0
    found = [Found(each.key, each.version, each.changed_at, record_digest(each)) for each in fresh]
    # named by what it holds: another try writes the same file
    name = sha256("".join(str(each.content_hash) for each in found).encode()).hexdigest()
    uri = f"{settings.staging_url()}/changes/{named.company}/{named.entity}/{name}"
    file = write_raw(uri, raw_table(fresh))
    with transaction(engine) as session:
        new = append(session, named, found, how=begun.how, payload_uri=uri, began_after=begun.after, lost=lost)
        remember(session, file)
    return new
