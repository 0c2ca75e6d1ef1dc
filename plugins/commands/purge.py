"""``ledgerbridge purge``: payloads past their retention go, the audit stays verifiable."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from commands.database import state_engine
from commands.options import By, new_app, who
from ledgerbridge.changes.retention import forget_payloads, old_payloads
from ledgerbridge.reconciliation.retention import forget_books
from ledgerbridge.state import transaction
from ledgerbridge.state.batches import forget_batches
from ledgerbridge.state.purge import old_batches, purge_payloads, tell_purged

__all__ = ["app"]

app = new_app()


def _days(text: str) -> timedelta:
    number = text.removesuffix("d")
    if not number.isdecimal():
        raise typer.BadParameter(f'"{text}" is no number of days; write e.g. 400d')
    return timedelta(days=int(number))


@app.command()
def purge(
    context: typer.Context,
    older_than: Annotated[
        timedelta, typer.Option(metavar="DAYS", parser=_days, help="In days, e.g. 400d; what is open stays.")
    ],
    by: By = None,
) -> int:
    """Take away what is older."""
    from operators.staging import remove_batches  # Airflow's storage paths are slow to import

    before = datetime.now(UTC) - older_than
    engine = state_engine(context)
    with transaction(engine) as session:
        batches, payloads = old_batches(session, before), old_payloads(session, before)
    removed = remove_batches([*batches, *payloads])
    with transaction(engine) as session:
        forget_batches(session, removed)
        forget_payloads(session, payloads, before)
        purged = purge_payloads(session, before)
        forget_books(session, before)
        tell_purged(session, before, purged, removed, who(by))
    print(f"before {before:%Y-%m-%d}: {len(removed)} batches, {purged.letters} dead letters, {purged.headers} headers")
    return 0
