"""The receiver as Airflow's API server serves it; docs/how-to/receive-webhooks.md shows it as a process of its own."""

from __future__ import annotations

from functools import partial

from hooks.state_database import state_engine
from inbox.app import create_app

__all__ = ["app"]

app = create_app(partial(state_engine, stays=True))
