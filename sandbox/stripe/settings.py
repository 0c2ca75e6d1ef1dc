"""What a person may set differently on the simulated Stripe while it runs."""

from __future__ import annotations

from pydantic import Field

from sandbox.kept_settings import KeptSettings

__all__ = ["Settings"]


class Settings(KeptSettings):
    """Limits are those of a test account until set."""

    requests_per_second: int = Field(25, description="Requests of the account in one real second.")
    requests_per_second_per_endpoint: int = Field(25, description="Requests to one endpoint in one real second.")
