"""The receiver as Airflow's API server serves it; docs/how-to/receive-webhooks.md shows it as a process of its own."""

from __future__ import annotations

from functools import partial

from inbox.app import create_app
from operators.settings import state_engine

__all__ = ["app"]

app = create_app(partial(state_engine, stays=True))
