"""The ``ledgerbridge`` command: one module of this package a group of subcommands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from commands import (
    audit,
    connect,
    database,
    dead_letters,
    deliveries,
    evidence,
    flow,
    generate,
    map,
    purge,
    reseal,
    trace,
)
from ledgerbridge.errors import LedgerbridgeError

__all__ = ["main"]

GROUPS = (audit, connect, database, dead_letters, deliveries, evidence, flow, generate, map, purge, reseal, trace)
"""Each has ``register(commands)``; what it registers sets ``run``, which answers the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command.

    :returns: the exit code: 0 well, 1 the command found something wrong, 2 it could not be carried out.
    """
    options = parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except LedgerbridgeError as error:
        print(error, file=sys.stderr)
        return 2
    return code


def parser() -> argparse.ArgumentParser:
    """All commands with their options; docs and `airflow ledgerbridge` are made of it."""
    whole = argparse.ArgumentParser(prog="ledgerbridge", description="What the flows keep of their work.")
    whole.add_argument(
        "--state",
        metavar="URL",
        help=f"state database, as an SQLAlchemy URL (default: {database.STATE_URL})",
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for group in GROUPS:
        group.register(commands)
    return whole
