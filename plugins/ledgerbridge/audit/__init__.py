"""The audit trail: append-only, each entry chained to the one before by its hash."""

from ledgerbridge.audit.chain import Actor, Change, append

__all__ = ["Actor", "Change", "append"]
