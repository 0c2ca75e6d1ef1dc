"""The state database: deliveries, dead letters, links, change log, audit."""

from ledgerbridge.state.database import connect, migrate, snapshot, transaction

__all__ = ["connect", "migrate", "snapshot", "transaction"]
