"""``ledgerbridge dead-letters``: the records that can't go on, and what a person does with them."""

from __future__ import annotations

import argparse
import getpass
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from commands.database import state_engine
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import UNSETTLED
from ledgerbridge.state.mending import (
    Person,
    Wanted,
    correct,
    discard,
    find_letters,
    letters_by_id,
    nothing_chosen,
    replay,
)
from ledgerbridge.state.models import DeadLetter

__all__ = ["register"]

STATES = ("open", "replaying", "closed", "discarded")


def register(commands: Any) -> None:
    """Add ``dead-letters`` with its subcommands; without one it lists what is open."""
    group = commands.add_parser("dead-letters", help="the records that can't go on: list, show, edit, replay, discard")
    group.set_defaults(run=_list)
    _add_filters(group)
    actions = group.add_subparsers(metavar="ACTION")
    for name, run, text in (
        ("list", _list, "list them with remedy (default)"),
        ("show", _show, "all that is kept of one"),
        ("edit", _edit, "correct one value of the kept record; a replay uses it"),
        ("replay", _replay, "let the next pass of the flow take them, from the step that failed"),
        ("discard", _discard, "give them up for good, with a reason"),
    ):
        action = actions.add_parser(name, help=text)
        action.set_defaults(run=run)
        _ARGUMENTS[name](action)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    for name, text in (
        ("flow", "of this flow"),
        ("leg", "of this leg"),
        ("step", "that failed at this step: conform, check, rule, map, gate, load"),
        ("code", "with this error code"),
        ("label", 'of the record with this name, e.g. "#1016"'),
        ("source-key", "of the source record with this key"),
    ):
        parser.add_argument(f"--{name}", metavar=name.upper(), help=text)
    parser.add_argument("--since", metavar="WHEN", type=_instant, help="written since this day or instant (UTC)")
    parser.add_argument("--state", dest="letter_state", choices=[*STATES, "all"], help="default: open and replaying")
    parser.add_argument("--all", dest="letter_state", action="store_const", const="all", help="as --state all")
    parser.add_argument("--json", action="store_true", help="as JSON, one object a line")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="letters by id, or choose by filters; --state open: all")
    _add_filters(parser)
    _add_person(parser)


def _add_replay(parser: argparse.ArgumentParser) -> None:
    _add_choice(parser)
    parser.add_argument("--force", action="store_true", help="also where the source has a newer version")


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID")


def _add_edit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID")
    parser.add_argument("correction", metavar="PATH=VALUE", help="e.g. raw.lineItems.0.sku=MUG-12")
    _add_person(parser)


def _add_person(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, help="why; kept in the audit")
    parser.add_argument("--by", default=None, help="who; default: the user logged in here")


_ARGUMENTS = {
    "list": _add_filters,
    "show": _add_show,
    "edit": _add_edit,
    "replay": _add_replay,
    "discard": _add_choice,
}


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _list(options: argparse.Namespace) -> int:
    with transaction(state_engine(options)) as session:
        for letter in find_letters(session, _wanted(options)):
            print(json.dumps(_summary(letter)) if options.json else _lines(letter))
    return 0


def _show(options: argparse.Namespace) -> int:
    with transaction(state_engine(options)) as session:
        (letter,) = letters_by_id(session, [options.id])
        kept = {name: getattr(letter, name) for name in ("corrections", "raw", "canonical", "document")}
        print(json.dumps({**_summary(letter), **kept}, indent=2, ensure_ascii=False))
    return 0


def _edit(options: argparse.Namespace) -> int:
    path, _, value = options.correction.partition("=")
    with transaction(state_engine(options)) as session:
        (letter,) = letters_by_id(session, [options.id])
        correct(session, letter, path, value, _person(options, "edit"))
        print(f"{letter.id}: {path} corrected; `ledgerbridge dead-letters replay {letter.id}` sends it")
    return 0


def _replay(options: argparse.Namespace) -> int:
    with transaction(state_engine(options)) as session:
        chosen = _chosen(session, options)
        replayed = replay(session, chosen, _person(options, "replay"), force=options.force)
        print(f"{len(replayed)} under replay: the next pass of the flow takes them")
    return 0


def _discard(options: argparse.Namespace) -> int:
    with transaction(state_engine(options)) as session:
        chosen = _chosen(session, options)
        discard(session, chosen, _person(options, "discard"))
        print(f"{len(chosen)} discarded")
    return 0


def _chosen(session: Session, options: argparse.Namespace) -> list[DeadLetter]:
    if options.ids:
        return letters_by_id(session, options.ids)
    wanted = _wanted(options, states=("open",))
    if wanted == Wanted(states=("open",)) and options.letter_state is None:
        raise nothing_chosen()
    return find_letters(session, wanted)


def _wanted(options: argparse.Namespace, states: tuple[str, ...] = UNSETTLED) -> Wanted:
    if options.letter_state is not None:
        states = STATES if options.letter_state == "all" else (options.letter_state,)
    return Wanted(
        states=states,
        flow=options.flow,
        leg=options.leg,
        step=options.step,
        code=options.code,
        label=options.label,
        source_key=options.source_key,
        since=options.since,
    )


def _person(options: argparse.Namespace, action: str) -> Person:
    return Person(options.by or getpass.getuser(), options.reason, f"ledgerbridge dead-letters {action}")


def _summary(letter: DeadLetter) -> dict[str, Any]:
    names = (
        "id", "state", "flow", "leg", "step", "code", "error_class", "label", "source_key", "record_key", "field",
        "value", "message", "rule", "remedy", "version", "mapping_version", "run_id", "attempt", "reason",
    )  # fmt: skip
    times = ("created_at", "replayed_at", "closed_at")
    whole = {name: getattr(letter, name) for name in names}
    return whole | {name: moment and moment.isoformat() for name in times for moment in [getattr(letter, name)]}


def _lines(letter: DeadLetter) -> str:
    state = "" if letter.state == "open" else f" ({letter.state}{f': {letter.reason}' if letter.reason else ''})"
    return (
        f"{letter.id} {letter.code} {letter.leg} {letter.label or letter.record_key}{state}\n"
        f"  {letter.field}: {letter.message}\n"
        f"  remedy: {letter.remedy}"
    )
