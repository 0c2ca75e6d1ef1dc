"""``airflow ledgerbridge``: the same commands, found by Airflow through the provider."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from airflow.cli.cli_config import ActionCommand, Arg, CLICommand

from commands.main import main

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["get_cli_commands"]


class _Words(Arg):
    """All words behind the command, options among them: they are for its own parser."""

    def add_to_parser(self, parser: argparse.ArgumentParser) -> None:
        """Let no word be an option of this parser, not even -h."""
        parser.prefix_chars = "\0"
        super().add_to_parser(parser)


def get_cli_commands() -> list[CLICommand]:
    """What Airflow adds to its command line."""
    words = _Words(("words",), nargs=argparse.REMAINDER)  # type: ignore[no-untyped-call]
    return [ActionCommand("ledgerbridge", "What the flows of Ledgerbridge keep of their work", _run, [words])]


def _run(arguments: argparse.Namespace) -> None:
    sys.exit(main(arguments.words, named=_of_the_tasks))


def _of_the_tasks() -> Engine:
    from hooks.state_database import state_engine

    # like `airflow connections test`, for a connection that lies in Airflow's own database
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    return state_engine(stays=True)
