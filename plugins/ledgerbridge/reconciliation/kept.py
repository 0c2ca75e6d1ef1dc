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
from typing import Any

import orjson

from ledgerbridge.entities import RawRecord, Source, Window

__all__ = ["KeptRecords"]

Keep = Callable[[dict[str, Any]], dict[str, Any]]
"""What of a payload the books need."""

# Whoever changes what is kept of a payload counts on.
_LAYOUT = 1
# A source may show a change later than one that was made after it.
_OVERLAP = timedelta(minutes=10)


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

        :param name: what distinguishes the source from all others of the flow, its scope included.
        """
        kept = self.kept(name)
        newest = max((record.changed_at for record in kept.values()), default=None)
        changed = dict(_read(source, newest - _OVERLAP if newest else None, keep))
        if self._anew or any(kept.get(key) != each for key, each in changed.items()):
            kept |= changed
            self._write(name, kept)
        return list(kept.values())

    def kept(self, name: str) -> dict[str, RawRecord]:
        """What an earlier run kept, by key; nothing where all is to be read anew."""
        if self._folder is None or self._anew:
            return {}
        with suppress(OSError, ValueError, KeyError, TypeError):
            content = orjson.loads(self._path(name).read_bytes())
            if content["layout"] == _LAYOUT:
                records = [
                    RawRecord(**{**row, "changed_at": datetime.fromisoformat(row["changed_at"])})
                    for row in content["records"]
                ]
                return {record.key: record for record in records}
        return {}

    def _write(self, name: str, records: dict[str, RawRecord]) -> None:
        if self._folder is None:
            return
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        rows = [asdict(record) for record in records.values()]
        new.write_bytes(orjson.dumps({"layout": _LAYOUT, "records": rows}))
        new.replace(path)

    def _path(self, name: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '-', name)}.json"


def _read(source: Source, since: datetime | None, keep: Keep) -> Iterator[tuple[str, RawRecord]]:
    for page in source.read(Window(since)):
        for record in page:
            yield record.key, RawRecord(record.key, record.version, record.changed_at, keep(record.payload))
