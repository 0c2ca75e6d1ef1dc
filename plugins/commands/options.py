"""Options that several commands have, and what is made of them."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

__all__ = ["STATE_URL", "AsJson", "By", "Reason", "new_app", "who"]

STATE_URL = "LEDGERBRIDGE_STATE_URL"
"""The environment variable that names the state database."""

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
By = Annotated[str | None, typer.Option(help="Who; default: the user logged in here.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the audit.")]


def new_app() -> typer.Typer:
    """One command or a group of them: help in plain text, and what is raised shown as it is."""
    return typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)


def who(by: str | None) -> str:
    """The person a change is told of."""
    return by or getpass.getuser()
