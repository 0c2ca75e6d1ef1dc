"""The state database: deliveries, dead letters, cross-references, change log, audit."""

from ledgerbridge.state.database import connect, migrate, snapshot, transaction

__all__ = ["connect", "migrate", "snapshot", "transaction"]
