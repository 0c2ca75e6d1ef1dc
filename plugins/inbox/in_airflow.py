"""The receiver as Airflow's API server serves it; docs/how-to/receive-webhooks.md shows it as a process of its own."""

from __future__ import annotations

from inbox.app import create_app
from operators.settings import state_engine

__all__ = ["app"]

app = create_app(state_engine)
