"""
Imports what tasks need once, in the process that forks them (docs/explanation/speed.md).

A task is a fork of the scheduler's worker (LocalExecutor) or of the Celery or Edge worker: what these have imported,
the task has for nothing. Great Expectations takes 5.2 s to import, our operators and hooks 0.5 s; a small task takes
0.13-0.18 s. The other processes of Airflow (api-server, dag-processor, triggerer) read this file too and stay light.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

FORKING_COMMANDS = {"scheduler", "celery", "edge"}
LIBRARIES = (
    "alembic",
    "authlib.integrations.requests_client",
    "great_expectations",
    "lxml.etree",
    "pandas",
    "pyarrow.parquet",
    "sqlalchemy.orm",
    "zeep",
)
OURS = ("triggers.circuit", "operators.builder")

if FORKING_COMMANDS.intersection(sys.argv[1:2]):
    for _module in LIBRARIES + OURS:
        importlib.import_module(_module)
    from hooks.systems import systems
    from ledgerbridge.state.models import Base

    # SQLAlchemy works out a mapping at its first query: half a second of processor, else in each task
    Base.registry.configure()
    for _system in systems().values():
        pkgutil.resolve_name(_system.hook)
        pkgutil.resolve_name(_system.entities)
