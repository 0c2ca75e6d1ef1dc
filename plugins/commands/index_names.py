"""``ledgerbridge index-names``: what was kept before names were searched is found by them, too."""

from __future__ import annotations

from collections import Counter

import typer

from commands.database import state_engine
from commands.options import new_app
from ledgerbridge.state.names import index_names

__all__ = ["app"]

app = new_app()


@app.command()
def index(context: typer.Context) -> int:
    """
    Hash the names of all records anew by the newest payload key; flows may go on meanwhile.

    Once after the upgrade from a release that did not search names; broken off, it may be begun again. Exit code 1:
    some records are encrypted by a key that is not set here.
    """
    seen: Counter[str] = Counter()
    unreadable = 0
    for each in index_names(state_engine(context)):
        seen[each.table] += each.seen
        unreadable += each.unreadable
        print(f"{each.table}: {seen[each.table]} seen, {each.changed} of the last {each.seen} anew", flush=True)
    print(f"{seen.total()} seen, {unreadable} that no key opens")
    return 1 if unreadable else 0
