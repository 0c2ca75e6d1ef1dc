"""``ledgerbridge periods``: what people signed, what changed since, and opening a period again."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from typing import Annotated

import typer

from commands.database import state_engine
from commands.options import By, OfCompany, Reason, new_app, who
from ledgerbridge.audit import Actor
from ledgerbridge.closing import reopen as open_again
from ledgerbridge.closing import sign_offs
from ledgerbridge.entities import MAIN
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.reconciliation import Period
from ledgerbridge.reconciliation.signed import LateChange, period_name
from ledgerbridge.state import transaction

__all__ = ["app"]

app = new_app()

Days = Annotated[str, typer.Argument(metavar="PERIOD", help="A month, 2026-03, or two days, 2026-03-01..2026-03-15.")]


@app.command("list")
def list_(context: typer.Context, company: OfCompany = None) -> int:
    """List what was reported and signed, the newest first, with what changed since; 1 if something did."""
    key, changed = company or MAIN, False
    with transaction(state_engine(context, key)) as session:
        for row in sign_offs(session, key):
            people = ", ".join(each["name"] for each in row.signatures) or "nobody"
            print(f"{period_name(row.first, row.last)} {row.state:<10} by {people}, report {row.report_hash}")
            for each in row.changes if row.state == "signed" else ():
                changed = True
                print(f"  {LateChange(**each)}")
    return int(changed)


@app.command()
def reopen(context: typer.Context, period: Days, reason: Reason, company: OfCompany = None, by: By = None) -> int:
    """Open a signed period again; the audit keeps who did, and why."""
    key = company or MAIN
    with transaction(state_engine(context, key)) as session:
        actor = Actor("", "", "by hand", "periods.reopen")
        row = open_again(session, actor, key, _period(period), by=who(by), reason=reason)
        print(f"{period_name(row.first, row.last)} of {key} is open again")
    return 0


def _period(text: str) -> Period:
    first, _, last = text.partition("..")
    try:
        if last:
            return Period(date.fromisoformat(first), date.fromisoformat(last))
        begins = date.fromisoformat(f"{first}-01")
    except ValueError:
        raise ConfigurationError(
            "LB-REC-002",
            f'"{text}" is no period.',
            remedy="Write a month, 2026-03, or two days, 2026-03-01..2026-03-15.",
        ) from None
    return Period(begins, begins.replace(day=monthrange(begins.year, begins.month)[1]))
