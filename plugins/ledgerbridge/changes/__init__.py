"""The change log: what became known of each source, once for all, and how far each leg has taken from it."""

from ledgerbridge.changes.announced import Announced, announce
from ledgerbridge.changes.log import Found, append, unknown
from ledgerbridge.changes.readings import Begun, begin_again, begin_reading, end_reading
from ledgerbridge.changes.sources import SourceId
from ledgerbridge.changes.taking import LegId, Taken, take

__all__ = [
    "Announced",
    "Begun",
    "Found",
    "LegId",
    "SourceId",
    "Taken",
    "announce",
    "append",
    "begin_again",
    "begin_reading",
    "end_reading",
    "take",
    "unknown",
]
