"""
Imports what tasks need once, in the process that forks them (docs/explanation/speed.md).

A task is a fork of the scheduler's worker (LocalExecutor) or of the Celery or Edge worker: what these have imported
and read, the task has for nothing. Great Expectations takes 2.8 s to import, our operators and hooks 0.5 s, a flow
with its mappings and suites 0.5 s to read. Each parsing of a DAG file is a fork of the dag-processor, every half a
minute though nothing changed: it has of that our part alone, without the libraries of tasks. The other processes of
Airflow (api-server, triggerer) read this file too and stay light.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from contextlib import suppress

FORKING_COMMANDS = {"scheduler", "celery", "edge"}
PARSING_COMMAND = "dag-processor"
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
    for _module in LIBRARIES:
        importlib.import_module(_module)

if {*FORKING_COMMANDS, PARSING_COMMAND}.intersection(sys.argv[1:2]):
    for _module in OURS:
        importlib.import_module(_module)
    from ledgerbridge.errors import ConfigurationError
    from ledgerbridge.flows import company_keys, load_flow
    from operators.settings import companies_folder, company, include_folder

    # what stands in the files is kept by their content: a task, or a parsing, reads anew what was changed since
    for _flow in sorted((include_folder() / "flows").glob("*.yaml")):
        with suppress(ConfigurationError):  # the DAG of a broken flow tells
            load_flow(_flow, include_folder())
    with suppress(ConfigurationError):
        for _key in company_keys(companies_folder()):
            company(_key)

if FORKING_COMMANDS.intersection(sys.argv[1:2]):
    from hooks.systems import systems
    from ledgerbridge.gates import load_suite
    from ledgerbridge.state.models import Base

    # SQLAlchemy works out a mapping at its first query: half a second of processor, else in each task
    Base.registry.configure()
    for _system in systems().values():
        pkgutil.resolve_name(_system.hook)
        pkgutil.resolve_name(_system.entities)
    for _suite in sorted((include_folder() / "expectations").glob("*.yaml")):
        with suppress(ConfigurationError):  # as above, or its gate does
            load_suite(_suite)
