"""
What a reconciliation read of the ledgers, kept for the next one: a run reads only what changed since.

A cache and no more: without its file, or with one that can't be read, everything is read again; the last run of a
period always does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ledgerbridge.entities import RawRecord, Source, Window

__all__ = ["KeptRecords"]

Keep = Callable[[dict[str, Any]], dict[str, Any]]
"""What of a payload the books need."""

# Whoever changes what is kept of a payload counts on.
_LAYOUT = 2
# A source may show a change later than one that was made after it.
_OVERLAP = timedelta(minutes=10)


class _Kept(NamedTuple):
    """Records by key, and up to when the source was read, by its own clock."""

    records: dict[str, RawRecord]
    until: datetime | None


class KeptRecords:
    """
    Records by source, on a folder of one flow.

    :param folder: None keeps nothing.
    :param anew: read everything, whatever is kept.
    """

    def __init__(self, folder: Path | None = None, *, anew: bool = False) -> None:
        self._folder = folder
        self._anew = anew

    def read(self, name: str, source: Source, keep: Keep) -> list[RawRecord]:
        """
        All records of a source, those that changed since the last reading read now; payloads as ``keep`` leaves them.

        What is written while it reads, behind what it has read, is read by the next one: as for the change log, a
        reading ends at the newest stamp or at the source's time when it began, whichever is earlier.

        :param name: what distinguishes the source from all others of the flow, its scope included.
        """
        kept = self._read_before(name)
        records, began = kept.records, source.clock()
        changed = dict(_read(source, min(kept.until, began) - _OVERLAP if kept.until else None, keep))
        newest = max((record.changed_at for record in changed.values()), default=None)
        until = kept.until if newest is None else min(newest, began)
        if kept.until is not None and kept.until <= began:
            until = max(until or kept.until, kept.until)
        if self._anew or until != kept.until or any(records.get(key) != each for key, each in changed.items()):
            records |= changed
            self._write(name, _Kept(records, until))
        return list(records.values())

    def kept(self, name: str) -> dict[str, RawRecord]:
        """What an earlier run kept, by key; nothing where all is to be read anew."""
        return self._read_before(name).records

    def _read_before(self, name: str) -> _Kept:
        if self._folder is None or self._anew:
            return _Kept({}, None)
        with suppress(OSError, ValueError, KeyError, TypeError):
            content = orjson.loads(self._path(name).read_bytes())
            if content["layout"] == _LAYOUT:
                records = [
                    RawRecord(**{**row, "changed_at": datetime.fromisoformat(row["changed_at"])})
                    for row in content["records"]
                ]
                until = datetime.fromisoformat(content["until"]) if content["until"] else None
                return _Kept({record.key: record for record in records}, until)
        return _Kept({}, None)

    def _write(self, name: str, kept: _Kept) -> None:
        if self._folder is None:
            return
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        rows = [asdict(record) for record in kept.records.values()]
        new.write_bytes(orjson.dumps({"layout": _LAYOUT, "until": kept.until, "records": rows}))
        new.replace(path)

    def _path(self, name: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '-', name)}.json"


def _read(source: Source, since: datetime | None, keep: Keep) -> Iterator[tuple[str, RawRecord]]:
    for page in source.read(Window(since)):
        for record in page:
            yield record.key, RawRecord(record.key, record.version, record.changed_at, keep(record.payload))
