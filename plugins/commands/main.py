"""
The ``ledgerbridge`` command: one module of this package a command, or a group of them.

A module is imported when its command is called: telling what there is, or refusing a word, takes none of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from commands.options import STATE_URL, take_from_home
from ledgerbridge.errors import LedgerbridgeError

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["COMMANDS", "EXIT_CODES", "load", "main", "root"]

COMMANDS = {
    "audit": "The audit trail: verify, anchor, key, sign.",
    "backfill": "Read a source anew from a date on, span by span; broken off, it goes on.",
    "changes": "What became known of a record; an earlier version sent again, by a person.",
    "connect": "Let a connection's app reach an organisation, or a system tell what happens.",
    "dead-letters": "The records that can't go on: list, show, edit, replay, discard.",
    "deliveries": "Each document's standing: not sent, confirmed, unknown, rejected.",
    "evidence": "A zip that proves elsewhere what happened to a record or in a period.",
    "flow": "Begin, check and draw flows.",
    "generate": "Write the JSON Schemas and the reference pages made of the code.",
    "index-names": "Let all records be found by what people in them are called, after an upgrade.",
    "map": "Check, explain and try mapping files.",
    "match": "Who of two sides may be one: show it, and take what a person says.",
    "migrate": "Bring the tables of the state database up to date.",
    "opening-balances": "What a ledger holds on a day goes to the other one as a journal, once.",
    "periods": "What people signed of a month, what changed since, and opening one again.",
    "promote": "Carry flows, mappings, suites and tables to another environment, signed.",
    "purge": "Take away payloads past their retention; hashes and books stay.",
    "reseal": "Encrypt all payloads by the newest key, so that older ones can be taken away.",
    "suggest": "Which field goes where, for a mapping yet to be written, with confidence and reason.",
    "suggest-lines": "Lines that look-up tables lack, by dead letters and corrections, as a diff to accept.",
    "suggest-suite": "Expectations that documents of the past meet, as a suite to accept.",
    "trace": "The whole way of a record, by any of its ids or names.",
    "webhooks": "What systems tell by themselves: receive it.",
    "what-if": "The difference a changed file would have made over the last days, to the cent.",
}
"""What each command is for; it is ``app`` of the module of its name, whose functions answer the exit code."""
EXIT_CODES = {
    0: "all is well",
    1: "it found something wrong, or who read its answer went before the end",
    2: "it could not be carried out: a word or a setting is wrong, or the state database is away",
    130: "it was ended by Ctrl-C",
}


def main(arguments: Sequence[str] | None = None, *, named: Callable[[], Engine] | None = None) -> int:
    """
    Run one command.

    :param arguments: default: those of this process.
    :param named: the state database where no URL is given; None: there has to be one.
    :returns: the exit code, see ``EXIT_CODES``.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        root()(words, prog_name="ledgerbridge", obj=named)
    except SystemExit as ended:
        code = int(ended.code or 0)
    except LedgerbridgeError as error:
        print(error, file=sys.stderr)
        code = 2
    return _told(code)


def _told(code: int) -> int:
    """The exit code, once the answer is out; who reads it may have gone, as `head` does."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # else Python flushes once more at its end, and complains
        sys.stdout = None
        return 1
    return code


class _Loaded(TyperGroup):
    """Has of each command its name and help, and imports the one that is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, and the words left for it."""
        name, known, rest = super().resolve_command(ctx, args)
        return name, known and load(str(known.name)), rest


def load(name: str) -> Any:
    """A command, or group of them, as its module makes it."""
    loaded = get_command(import_module(f"commands.{name.replace('-', '_')}").app)
    loaded.name, loaded.help = name, COMMANDS[name]
    return loaded


def root() -> Any:
    """All commands, by name and help only."""
    app = typer.Typer(
        cls=_Loaded, rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False, result_callback=_end
    )
    app.callback()(_begin)
    for name, about in COMMANDS.items():
        app.command(name, short_help=about)(_nothing)
    return get_command(app)


def _begin(
    context: typer.Context,
    state: Annotated[
        str | None, typer.Option(metavar="URL", envvar=STATE_URL, help="State database, as an SQLAlchemy URL.")
    ] = None,
) -> None:
    """What the flows keep of their work."""
    if state is None and context.obj is None:
        take_from_home()


def _nothing() -> None:
    """Stands for a command until it is called."""


def _end(code: int, **_: Any) -> None:
    raise typer.Exit(code)
