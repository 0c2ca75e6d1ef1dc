"""The state database: deliveries, dead letters, cross-references, change log, audit."""

from ledgerbridge.state.database import connect, migrate, transaction

__all__ = ["connect", "migrate", "transaction"]
