"""``ledgerbridge migrate``: the tables of the state database, brought up to date."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.database import state_engine
from commands.options import new_app
from ledgerbridge.state import migrate as bring_up_to_date
from ledgerbridge.state.rights import grant_use

__all__ = ["app"]

app = new_app()


@app.command()
def migrate(
    context: typer.Context,
    grant_to: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE", help="PostgreSQL: let this role, which owns nothing, use the tables (tasks work as it)."
        ),
    ] = None,
) -> int:
    """Bring the tables up to date."""
    engine = state_engine(context)
    bring_up_to_date(engine)
    if grant_to:
        grant_use(engine, grant_to)
    return 0
