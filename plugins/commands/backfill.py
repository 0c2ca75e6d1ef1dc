"""``ledgerbridge backfill``: a source read anew from a date on, span by span; one that broke off goes on."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from commands.database import open_payloads, state_engine
from commands.options import new_app
from ledgerbridge.changes import SourceId
from ledgerbridge.changes.backfills import Backfill, Pace, begin_or_resume
from ledgerbridge.entities import CallsLeft, CountsCalls
from ledgerbridge.errors import ConfigurationError, TransientError
from ledgerbridge.state import transaction
from ledgerbridge.state.counted_calls import CAN_WAIT

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from hooks.systems import SystemHook

__all__ = ["app"]

app = new_app()

_BAR = 24
_TRIES = 5
"""How often in a row a system may fail to answer; where it says when to come back, that is waited for each time."""
_FIRST_WAIT_SECONDS = 5.0


@app.command()
def backfill(
    context: typer.Context,
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help="What is read, `shopify.order`.")],
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, UTC.")],
    until: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Up to this day's beginning; default: now.")
    ] = None,
    connection: Annotated[str | None, typer.Option(help="Of this one alone; default: each of the system.")] = None,
    company: Annotated[str | None, typer.Option(metavar="KEY", help="Default: the only one, or `main`.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also what the log has and nobody changed: a mapping reads more of it now.")
    ] = False,
) -> int:
    """Write what changed since into the change log; the flow's next runs take it, batch by batch."""
    from operators import settings
    from operators.systems import hook_of

    # like `airflow connections test`, for connections that lie in Airflow's own database
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    open_payloads()
    of_company = settings.company(company)
    system = entity.partition(".")[0]
    known = of_company.connections_of(system)
    if connection is not None and connection not in known:
        raise ConfigurationError(
            "LB-CFG-004",
            f"company {of_company.key} has no connection {connection!r} to {system}.",
            remedy=f"Use one of {', '.join(known)}.",
        )
    engine = state_engine(context, of_company.key)
    begins, ends = since.replace(tzinfo=UTC), until and until.replace(tzinfo=UTC)
    if of_company.sending_begins is not None and begins < of_company.sending_begins:
        first = f"{of_company.sending_begins:%Y-%m-%d}"
        print(f"Nothing dated before `send_from`, {first}, is sent by any leg; it is read all the same.")
    others_first = CAN_WAIT.set(True)
    try:
        for each in [connection] if connection else known:
            named = SourceId(of_company.key, entity, each)
            _fill(engine, hook_of(system, each, of_company), named, begins, ends, again=again)
    finally:
        CAN_WAIT.reset(others_first)
    return 0


def _fill(
    engine: Engine, hook: SystemHook, named: SourceId, since: datetime, until: datetime | None, *, again: bool
) -> None:
    from operators.change_log import read_next_span

    source = hook.entity(named.entity.partition(".")[2])
    with transaction(engine) as session:
        done = begin_or_resume(session, named, since, until or source.clock())
    if done.done > since:
        print(f"{named.connection}: goes on behind {done.done:%Y-%m-%d %H:%M}")
    pace, began, before = Pace(done), time.monotonic(), _calls_left(hook)
    failures = 0
    while not done.is_done:
        try:
            done = read_next_span(engine, source, done, pace, again=again)
        except TransientError as error:
            failures = 0 if error.retry_after_seconds else failures + 1
            if failures >= _TRIES:
                raise
            _wait(error, failures)
            continue
        failures = 0
        now = _calls_left(hook)
        calls = 0 if before is None or now is None else now.made - before.made
        took = timedelta(seconds=time.monotonic() - began)
        _show(done, pace.rest(done, took, calls=calls, granted=now))
    print(f"{named.connection}: {done.rows} records read, {done.new} of them new in the change log")


def _calls_left(hook: SystemHook) -> CallsLeft | None:
    return hook.calls_left() if isinstance(hook, CountsCalls) else None


def _wait(error: TransientError, failures: int) -> None:
    seconds = error.retry_after_seconds or _FIRST_WAIT_SECONDS * 2**failures
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    print(f"\n{error.code} {error.message}: goes on at {at:%H:%M:%S} UTC; Ctrl-C ends it, and the same command goes on")
    time.sleep(seconds)


def _show(backfill: Backfill, rest: timedelta | None) -> None:
    full = round(backfill.share * _BAR)
    told = "" if rest is None or backfill.is_done else f", about {timedelta(seconds=round(rest.total_seconds()))} left"
    line = (
        f"{backfill.source.connection} [{'#' * full}{'.' * (_BAR - full)}] {backfill.share:4.0%} up to"
        f" {backfill.done:%Y-%m-%d %H:%M}: {backfill.rows} read, {backfill.new} new{told}"
    )
    on_terminal = sys.stdout.isatty()
    print(
        f"\r\033[K{line}" if on_terminal else line, end="" if on_terminal and not backfill.is_done else "\n", flush=True
    )
