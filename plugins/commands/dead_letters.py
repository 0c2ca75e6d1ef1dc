"""``ledgerbridge dead-letters``: the records that can't go on, and what a person does with them."""

from __future__ import annotations

from datetime import UTC, datetime
from json import dumps
from typing import Annotated, Any, Literal

import typer
from sqlalchemy.orm import Session

from commands.database import state_engine
from commands.options import AsJson, By, OfCompany, Reason, new_app, who
from ledgerbridge.entities import MAIN
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import UNSETTLED
from ledgerbridge.state.mending import (
    Person,
    Wanted,
    correct,
    find_letters,
    letters_by_id,
    nothing_chosen,
)
from ledgerbridge.state.mending import discard as give_up
from ledgerbridge.state.mending import replay as let_go_on
from ledgerbridge.state.models import DeadLetter

__all__ = ["app"]

app = new_app()

STATES = ("open", "replaying", "closed", "discarded")


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f'"{text}" is no day and no instant; write e.g. 2026-03-02T15:00') from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Flow = Annotated[str | None, typer.Option(help="Of this flow.")]
Leg = Annotated[str | None, typer.Option(help="Of this leg.")]
Step = Annotated[str | None, typer.Option(help="That failed at this step: conform, check, rule, map, gate, load.")]
Code = Annotated[str | None, typer.Option(help="With this error code.")]
Label = Annotated[str | None, typer.Option(help='Of the record with this name, e.g. "#1016".')]
SourceKey = Annotated[str | None, typer.Option(help="Of the source record with this key.")]
Since = Annotated[
    datetime | None, typer.Option(metavar="WHEN", parser=_instant, help="Written since this day or instant (UTC).")
]
State = Annotated[
    Literal["open", "replaying", "closed", "discarded", "all"] | None,
    typer.Option(help="In this state; default: open and replaying, of what is chosen open."),
]
Everything = Annotated[bool, typer.Option("--all", help="As --state all.")]
Ids = Annotated[
    list[str] | None,
    typer.Argument(help="Letters by id, or choose by filters; --state open: all."),
]
Id = Annotated[str, typer.Argument(metavar="ID")]


@app.callback(invoke_without_command=True)
def dead_letters(context: typer.Context) -> int:
    """Without another word: list what is open."""
    return _list(context, Wanted(), as_json=False) if context.invoked_subcommand is None else 0


@app.command("list")
def list_(
    context: typer.Context,
    company: OfCompany = None,
    flow: Flow = None,
    leg: Leg = None,
    step: Step = None,
    code: Code = None,
    label: Label = None,
    source_key: SourceKey = None,
    since: Since = None,
    state: State = None,
    everything: Everything = False,
    json: AsJson = False,
) -> int:
    """List them with remedy; as JSON one object a line."""
    states = _states("all" if everything else state) or UNSETTLED
    return _list(context, Wanted(states, company, flow, leg, step, code, label, source_key, since), as_json=json)


@app.command()
def show(context: typer.Context, id_: Id) -> int:
    """Print all that is kept of one."""
    with transaction(state_engine(context)) as session:
        (letter,) = letters_by_id(session, [id_])
        kept = {name: getattr(letter, name) for name in ("corrections", "raw", "canonical", "document")}
        told = dumps({**_summary(letter), **kept}, indent=2, ensure_ascii=False)
    print(told)
    return 0


@app.command()
def edit(
    context: typer.Context,
    id_: Id,
    correction: Annotated[str, typer.Argument(metavar="PATH=VALUE", help="E.g. raw.lineItems.0.sku=MUG-12.")],
    reason: Reason,
    by: By = None,
) -> int:
    """Correct one value of the kept record; a replay uses it."""
    path, _, value = correction.partition("=")
    with transaction(state_engine(context)) as session:
        (letter,) = letters_by_id(session, [id_])
        correct(session, letter, path, value, _person(by, reason, "edit"))
    print(f"{id_}: {path} corrected; `ledgerbridge dead-letters replay {id_}` sends it")
    return 0


@app.command()
def replay(
    context: typer.Context,
    reason: Reason,
    ids: Ids = None,
    company: OfCompany = None,
    flow: Flow = None,
    leg: Leg = None,
    step: Step = None,
    code: Code = None,
    label: Label = None,
    source_key: SourceKey = None,
    since: Since = None,
    state: State = None,
    everything: Everything = False,
    by: By = None,
    force: Annotated[bool, typer.Option("--force", help="Also where the source has a newer version.")] = False,
) -> int:
    """Let the next pass of the flow take them, from the step that failed."""
    states = _states("all" if everything else state)
    wanted = Wanted(states or ("open",), company, flow, leg, step, code, label, source_key, since)
    with transaction(state_engine(context)) as session:
        chosen = _chosen(session, ids, wanted, named=states is not None)
        replayed = let_go_on(session, chosen, _person(by, reason, "replay"), force=force)
    print(f"{len(replayed)} under replay: the next pass of the flow takes them")
    return 0


@app.command()
def discard(
    context: typer.Context,
    reason: Reason,
    ids: Ids = None,
    company: OfCompany = None,
    flow: Flow = None,
    leg: Leg = None,
    step: Step = None,
    code: Code = None,
    label: Label = None,
    source_key: SourceKey = None,
    since: Since = None,
    state: State = None,
    everything: Everything = False,
    by: By = None,
) -> int:
    """Give them up for good, with a reason."""
    states = _states("all" if everything else state)
    wanted = Wanted(states or ("open",), company, flow, leg, step, code, label, source_key, since)
    with transaction(state_engine(context)) as session:
        chosen = _chosen(session, ids, wanted, named=states is not None)
        give_up(session, chosen, _person(by, reason, "discard"))
    print(f"{len(chosen)} discarded")
    return 0


def _list(context: typer.Context, wanted: Wanted, *, as_json: bool) -> int:
    with transaction(state_engine(context)) as session:
        letters = find_letters(session, wanted)
    for letter in letters:
        print(dumps(_summary(letter)) if as_json else _lines(letter))
    return 0


def _chosen(session: Session, ids: list[str] | None, wanted: Wanted, *, named: bool) -> list[DeadLetter]:
    """Letters to do something to: those named, or those the filters choose; no filter at all chooses none."""
    if ids:
        return letters_by_id(session, ids)
    if wanted == Wanted(states=("open",)) and not named:
        raise nothing_chosen()
    return find_letters(session, wanted)


def _states(asked: str | None) -> tuple[str, ...] | None:
    if asked is None:
        return None
    return STATES if asked == "all" else (asked,)


def _person(by: str | None, reason: str, action: str) -> Person:
    return Person(who(by), reason, f"ledgerbridge dead-letters {action}")


def _summary(letter: DeadLetter) -> dict[str, Any]:
    names = (
        "id", "state", "company", "flow", "leg", "step", "code", "error_class", "label", "source_key", "record_key",
        "field", "value", "message", "rule", "remedy", "version", "mapping_version", "run_id", "attempt", "reason",
    )  # fmt: skip
    times = ("created_at", "replayed_at", "closed_at")
    whole = {name: getattr(letter, name) for name in names}
    return whole | {name: moment and moment.isoformat() for name in times for moment in [getattr(letter, name)]}


def _lines(letter: DeadLetter) -> str:
    state = "" if letter.state == "open" else f" ({letter.state}{f': {letter.reason}' if letter.reason else ''})"
    company = "" if letter.company == MAIN else f"{letter.company} "
    return (
        f"{letter.id} {letter.code} {company}{letter.leg} {letter.label or letter.record_key}{state}\n"
        f"  {letter.field}: {letter.message}\n"
        f"  remedy: {letter.remedy}"
    )
