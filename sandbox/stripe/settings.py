"""What a person may set differently on the simulated Stripe while it runs."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict, Field

from sandbox.store import Store

__all__ = ["Settings", "read_settings", "write_settings"]


class Settings(BaseModel):
    """Limits are those of a test account until set."""

    model_config = ConfigDict(extra="forbid")

    requests_per_second: int = Field(25, description="Requests of the account in one real second.")
    requests_per_second_per_endpoint: int = Field(25, description="Requests to one endpoint in one real second.")


def read_settings(store: Store) -> Settings:
    """What is set now; the rest at its default."""
    rows = store.connection.execute("SELECT name, value FROM setting")
    return Settings.model_validate({row["name"]: json.loads(row["value"]) for row in rows})


def write_settings(store: Store, settings: Settings) -> Settings:
    """Set the given ones, leave the others; what is set after that."""
    with store.write() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO setting VALUES (?, ?)",
            [(name, json.dumps(value)) for name, value in settings.model_dump(exclude_unset=True).items()],
        )
    return read_settings(store)
