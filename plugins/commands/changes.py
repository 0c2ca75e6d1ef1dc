"""``ledgerbridge changes``: what became known of a record, and an earlier version of it sent again by a person."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.database import state_engine
from commands.options import By, Reason, new_app, who
from ledgerbridge.changes.again import changes_of_record
from ledgerbridge.changes.again import send_again as let_go_over
from ledgerbridge.state import transaction
from ledgerbridge.state.mending import Person

__all__ = ["app"]

app = new_app()


@app.command("list")
def list_(
    context: typer.Context, key: Annotated[str, typer.Argument(metavar="KEY", help="Of the source record.")]
) -> int:
    """List the versions of a record by number, the newest last."""
    with transaction(state_engine(context)) as session:
        for each in changes_of_record(session, key):
            kept = "" if each.payload_uri else " (not kept)"
            print(f"{each.number:>8} {each.changed_at:%Y-%m-%d %H:%M:%S} {each.how:<8} {each.version}{kept}")
    return 0


@app.command()
def send_again(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As `list` shows it.")],
    reason: Reason,
    by: By = None,
) -> int:
    """Let the next runs send this version over newer ones."""
    with transaction(state_engine(context)) as session:
        again = let_go_over(session, number, Person(who(by), reason, "ledgerbridge changes send-again"))
        print(f"change {number} is the newest now, as {again}: the next run of each leg sends it")
    return 0
