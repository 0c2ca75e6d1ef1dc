"""What a person may set differently on the simulated Shopify while it runs."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.shopify.cost import CostLimits
from sandbox.store import Store

__all__ = ["Settings", "read_settings", "write_settings"]


class Settings(BaseModel):
    """Limits are those of the standard plan until set."""

    model_config = ConfigDict(extra="forbid")

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


def read_settings(store: Store) -> Settings:
    """What is set now; the rest at its default."""
    rows = store.connection.execute("SELECT name, value FROM setting")
    return Settings.model_validate({row["name"]: json.loads(row["value"]) for row in rows})


def write_settings(store: Store, settings: Settings) -> Settings:
    """Set the given ones, leave the others, fill the buckets; what is set after that."""
    with store.write() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO setting VALUES (?, ?)",
            [(name, json.dumps(value)) for name, value in settings.model_dump(exclude_unset=True).items()],
        )
        connection.execute("DELETE FROM bucket")
    return read_settings(store)
