"""``ledgerbridge opening-balances``: what a ledger holds on a day goes to the other one as a journal, once."""

from __future__ import annotations

import os
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlalchemy import and_, or_, select

from commands.database import open_payloads, state_engine
from commands.options import By, new_app, who
from ledgerbridge.audit import Actor
from ledgerbridge.canonical.opening import Opening, opening_journal
from ledgerbridge.entities import KeepsAccounts, TellsBalances
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError
from ledgerbridge.flows import FlowConfig, LegConfig, load_flow
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ledgerbridge.flows import Company

__all__ = ["app"]

app = new_app()

_KIND = "opening_balance"


@app.command()
def opening_balances(
    context: typer.Context,
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The last day before the flows begin to send.")],
    source: Annotated[str, typer.Option("--from", metavar="LEDGER", help="Whose balances.")],
    target: Annotated[str, typer.Option("--to", metavar="LEDGER", help="The ledger that begins with them.")],
    flow: Annotated[
        str, typer.Option(help="The flow whose leg says how a journal is written there.")
    ] = "general_ledger",
    company: Annotated[str | None, typer.Option(metavar="KEY", help="Default: the only one, or `main`.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Send it; without, only show it.")] = False,
    by: By = None,
) -> int:
    """Show the journal of the balances, and with --send enter it; a second one is refused."""
    from operators import settings
    from operators.systems import hook_of

    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    open_payloads()
    of_company = settings.company(company)
    if of_company.send_from is not None and day.date() >= of_company.send_from:
        raise ConfigurationError(
            "LB-OPN-002",
            f"the flows send what is dated from {of_company.send_from} on: balances of {day:%Y-%m-%d} have some of it.",
            remedy="Name the day before `send_from`, or an earlier one.",
        )
    include = settings.include_folder()
    leg = _leg(load_flow(include / "flows" / f"{flow}.yaml", include), source, target)
    engine = state_engine(context, of_company.key)
    key = f"{source}:{of_company.key}:{_KIND}:{day:%Y-%m-%d}"
    before = _taken_over(engine, leg.target, key)
    if before is not None:
        raise LedgerbridgeError(
            "LB-OPN-001",
            f"the opening balances were taken over before, or may have been: {before}.",
            remedy=f"Correct that journal in {target} by hand. If it is not there, give the command the day it was"
            " begun with: what may have been sent is looked up.",
        )
    ledger, other = (hook_of(each, of_company.connections_of(each)[0], of_company) for each in (source, target))
    if not isinstance(ledger, TellsBalances):
        raise ConfigurationError(
            "LB-OPN-003", f"{source} tells no balances.", remedy="Name a ledger that does: gp, xero."
        )
    entity = other.entity(leg.target.partition(".")[2])
    codes = [str(each[target]) for each in of_company.accounts if each.get(target)]
    closed = entity.kept_accounts(codes) if isinstance(entity, KeepsAccounts) else set[str]()
    opening = opening_journal(
        ledger.balances(day.date()), of_company.accounts, (source, target), closed, key, day.date()
    )
    _show(opening)
    if send:
        number = _send(engine, of_company, leg, entity, opening, key, day.date(), who(by))
        print(f"entered in {target} as {number}")
    return 0


def _leg(flow: FlowConfig, source: str, target: str) -> LegConfig:
    for leg in flow.legs.values():
        if (leg.source.partition(".")[0], leg.target.partition(".")[0]) == (source, target):
            return leg
    raise ConfigurationError(
        "LB-OPN-003",
        f"the flow has no leg from {source} to {target}.",
        remedy="Name ledgers that a leg of it joins, or the flow that has one by --flow.",
    )


def _taken_over(engine: Engine, entity: str, key: str) -> str | None:
    """
    What people call the journal that took them over; None: none did.

    One of another day whose answer never came may be there as well: that of ``key`` alone is looked up before it goes.
    """
    with transaction(engine) as session:
        under_way = and_(Delivery.state == "sending", Delivery.record_key != key)
        found = session.execute(
            select(Delivery.number, Delivery.record_key).where(
                Delivery.entity == entity,
                Delivery.record_key.contains(f":{_KIND}:"),
                or_(Delivery.target_id.is_not(None), under_way),
            )
        ).first()
    return None if found is None else found.number or found.record_key


def _show(opening: Opening) -> None:
    for line in opening.lines:
        print(f"{line['account']:<12} {line['tracking'] or '':<12} {line['amount']:>18,.2f}")
    for account, amount in opening.left.items():
        print(f"{account:<25} {amount:>18,.2f}  not by a journal: enter it as what it is")


def _send(
    engine: Engine,
    company: Company,
    leg: LegConfig,
    entity: Any,
    opening: Opening,
    key: str,
    day: date,
    by: str,
) -> str:
    import pandas as pd
    import pyarrow as pa

    from ledgerbridge.canonical.allocation import frame_of
    from ledgerbridge.canonical.models import CANONICAL
    from ledgerbridge.delivery import Deliverer, documents_of
    from ledgerbridge.mapping import Lookups, load_mapping, map_canonical
    from ledgerbridge.state.reader import DatabaseReader
    from operators import settings

    title = f"Opening balances of {day}"
    header = {
        "record_key": key,
        "chain_key": key,
        "label": title,
        "entry_number": "0",
        "reference": title,
        "posted_on": day,
    }
    lines = pa.Table.from_pylist(
        opening.lines, pa.schema(list(CANONICAL["canonical.journal"]["distributions"].items()))
    )
    frames = {
        "header": frame_of([header], "canonical.journal"),
        "distributions": lines.to_pandas(types_mapper=pd.ArrowDtype),
    }
    mapping = load_mapping(settings.include_folder() / "mappings" / f"{leg.map}.yaml")
    lookups = Lookups(
        settings.lookups_folder(), company.tables(), DatabaseReader(engine), _asks_nobody, company.time_zone
    )
    mapped = map_canonical(mapping, frames, lookups)
    for failure in mapped.failures.to_dict("records"):
        raise LedgerbridgeError(failure["code"], failure["message"], remedy=failure["remedy"])
    actor = Actor("opening_balances", "", "", f"ledgerbridge opening-balances by {by}", company.key)
    deliverer = Deliverer(engine, actor, leg.target, entity, settle=settings.settle(), kind="journal")
    (delivered,) = deliverer.deliver(documents_of(mapped.frames, leg.target, company.key), {key: header})
    if delivered.error is not None:
        raise delivered.error
    return str(_taken_over(engine, leg.target, key))


def _asks_nobody(entity: str, keys: Any, max_age_minutes: int | None) -> dict[str, Any]:
    return {}
