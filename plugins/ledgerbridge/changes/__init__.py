"""The change log: what became known of each source, once for all, and how far each leg has taken from it."""

from ledgerbridge.changes.log import Found, append, unknown
from ledgerbridge.changes.readings import Begun, begin_reading, end_reading, is_read_by
from ledgerbridge.changes.sources import SourceId
from ledgerbridge.changes.taking import Batch, LegId, Taken, has_position, take

__all__ = [
    "Batch",
    "Begun",
    "Found",
    "LegId",
    "SourceId",
    "Taken",
    "append",
    "begin_reading",
    "end_reading",
    "has_position",
    "is_read_by",
    "take",
    "unknown",
]
