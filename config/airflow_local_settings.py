"""
Imports the heavy libraries once, in the process that forks the tasks (design.md §5, "Speed on Airflow").

A task is a fork of the scheduler's worker (LocalExecutor) or of the Celery or Edge worker: what these have imported,
the task has for nothing. Great Expectations takes 5.2 s to import, then 0.004 s; a small task takes 0.13-0.18 s.
The other processes of Airflow (api-server, dag-processor, triggerer) read this file too and stay light.
"""

from __future__ import annotations

import importlib
import sys

FORKING_COMMANDS = {"scheduler", "celery", "edge"}
HEAVY_MODULES = (
    "pandas",
    "pyarrow",
    "pyarrow.parquet",
    "great_expectations",
    "zeep",
    "lxml.etree",
    "authlib.integrations.requests_client",
    "sqlalchemy.orm",
    "alembic",
)

if FORKING_COMMANDS.intersection(sys.argv[1:2]):
    for _module in HEAVY_MODULES:
        importlib.import_module(_module)
