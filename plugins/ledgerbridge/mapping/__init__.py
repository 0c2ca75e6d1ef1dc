"""Declarative mappings, compiled once to vectorised operations."""

from ledgerbridge.mapping.engine import Mapped, Mapping, load_mapping
from ledgerbridge.mapping.isolate import map_canonical, map_chunks, map_raw
from ledgerbridge.mapping.lookups import Lookups, StateReader
from ledgerbridge.mapping.rows import frame_records, nested_records
from ledgerbridge.mapping.rules import AWAITED

__all__ = [
    "AWAITED",
    "Lookups",
    "Mapped",
    "Mapping",
    "StateReader",
    "frame_records",
    "load_mapping",
    "map_canonical",
    "map_chunks",
    "map_raw",
    "nested_records",
]
