"""What a person may set differently on the simulated Shopify while it runs."""

from __future__ import annotations

import sqlite3
from typing import Literal

from pydantic import Field

from sandbox.kept_settings import KeptSettings
from sandbox.shopify.cost import CostLimits

__all__ = ["Settings"]


class Settings(KeptSettings):
    """Limits are those of the standard plan until set."""

    maximum_available: float = Field(2000.0, description="Points the bucket holds.")
    restore_rate: float = Field(100.0, description="Points restored per second.")
    max_cost: int = Field(1000, description="The most one query may ask for.")
    throttled_status: Literal[200, 429] = Field(200, description="HTTP status of a THROTTLED answer.")
    search_lag_seconds: float = Field(0.0, description="Real seconds until the search index knows a change.")

    bulk_held: bool = Field(False, description="Bulk operations wait until a person ends them.")

    @property
    def limits(self) -> CostLimits:
        """The part that concerns cost."""
        return CostLimits(self.maximum_available, self.restore_rate, self.max_cost)

    def _write(self, connection: sqlite3.Connection) -> None:
        """The buckets are filled again: their size may have changed."""
        super()._write(connection)
        connection.execute("DELETE FROM bucket")
