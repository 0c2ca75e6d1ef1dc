"""Options that several commands have, and what is made of them."""

from __future__ import annotations

import getpass
import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["STATE_URL", "AsJson", "By", "OfCompany", "Reason", "new_app", "take_from_home", "who"]

STATE_URL = "LEDGERBRIDGE_STATE_URL"
"""The environment variable that names the state database."""
_CHECKOUT = Path(__file__).resolve().parents[2]

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
OfCompany = Annotated[str | None, typer.Option("--company", metavar="KEY", help="Of this company; default: of all.")]
By = Annotated[str | None, typer.Option(help="Who; default: the user logged in here.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the audit.")]


def new_app() -> typer.Typer:
    """One command or a group of them: help in plain text, and what is raised shown as it is."""
    return typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)


def take_from_home() -> None:
    """
    Where nothing names a state database, take what the Airflow home says: that of this checkout, or ``AIRFLOW_HOME``.

    Whoever sets a home up, as `make demo` does, may leave an ``ledgerbridge.env`` there, with variables for commands;
    those that are set stay.
    """
    home = os.environ.get("AIRFLOW_HOME") or _CHECKOUT / ".airflow"
    with suppress(FileNotFoundError):
        for line in (Path(home) / "ledgerbridge.env").read_text().splitlines():
            name, _, value = line.partition("=")
            os.environ.setdefault(name, value)


def who(by: str | None) -> str:
    """The person a change is told of."""
    return by or getpass.getuser()
