"""``ledgerbridge deliveries``: which documents are on their way, and what is known of each."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from sqlalchemy import select

from commands.database import state_engine
from commands.options import OfCompany, new_app
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery

__all__ = ["STANDINGS", "app"]

app = new_app()

Standing = Literal["not sent", "rejected", "sent and confirmed", "unknown"]
STANDINGS: dict[str, Standing] = {
    "not_sent": "not sent",
    "sending": "unknown",
    "delivered": "sent and confirmed",
    "rejected": "rejected",
}
"""What a delivery's state says to a person: an interrupted one is looked up in the target by the next pass."""


@app.command()
def deliveries(
    context: typer.Context,
    standing: Annotated[Standing | None, typer.Option(help="Only these.")] = None,
    entity: Annotated[str | None, typer.Option(help="Only of this target entity, e.g. gp.sales_order.")] = None,
    run_id: Annotated[str | None, typer.Option(help="Only those a run last worked on.")] = None,
    company: OfCompany = None,
) -> int:
    """List the deliveries by entity."""
    query = select(Delivery).order_by(Delivery.entity, Delivery.id)
    if standing:
        states = [state for state, known in STANDINGS.items() if known == standing]
        query = query.where(Delivery.state.in_(states))
    if entity:
        query = query.where(Delivery.entity == entity)
    if run_id:
        query = query.where(Delivery.run_id == run_id)
    with transaction(state_engine(context, company)) as session:
        for row in session.scalars(query):
            when = f"{row.updated_at:%Y-%m-%d %H:%M:%S}"
            number = row.number or ""
            print(
                f"{when} {STANDINGS[row.state]:<18} {row.entity:<22} {number:<24} {row.record_key} tries={row.attempts}"
            )
    return 0
