"""``ledgerbridge match``: who of two sides may be one, as CSV; and back, with what a person says."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from commands.database import state_engine
from commands.options import By, new_app, who
from ledgerbridge.audit import Actor
from ledgerbridge.entities import MAIN
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import SideLegConfig, SyncConfig, load_flow
from ledgerbridge.state import transaction
from ledgerbridge.state.models import MatchProposal
from ledgerbridge.sync import Strangers, answer_proposals, open_proposals, strangers
from operators import settings

__all__ = ["app"]

app = new_app()

_SAYS = {"accept": True, "refuse": False}
_COLUMNS = ("proposal", "answer", "band", "score", "why")
"""Of every row, before what the two hold; ``proposal`` is empty of what is not kept yet."""

Flow = Annotated[str, typer.Argument(metavar="FLOW", help="The flow, e.g. master_data.")]
Entity = Annotated[str, typer.Argument(metavar="ENTITY", help="What they are: customer, vendor, item.")]
Company = Annotated[str, typer.Option("--company", metavar="KEY", help="Of this company.")]
Answers = Annotated[
    Path | None,
    typer.Option("--answers", metavar="FILE", help="The CSV with `accept` or `refuse` as answer: carry that out."),
]


@app.command()
def match(
    context: typer.Context,
    flow: Flow,
    entity: Entity,
    company: Company = MAIN,
    answers: Answers = None,
    by: By = None,
) -> int:
    """
    Print as CSV who may be one, and why; changes nothing.

    What people are asked, and then what a meeting would link or ask of the records that were compared with nothing yet.
    With --answers carry out what the file says.
    """
    sync = _sync_of(flow, entity)
    if answers is not None:
        said = dict(_said(answers))
        with transaction(state_engine(context)) as session:
            actor = Actor(flow, "", "", "ledgerbridge match", company)
            answer_proposals(session, actor, said, who(by))
        print(f"{sum(said.values())} accepted, {len(said) - sum(said.values())} refused: the next pass goes by it")
        return 0
    with transaction(state_engine(context)) as session:
        sides = (sync.sides[0].entity, sync.sides[1].entity)
        asked = [_kept_row(each) for each in open_proposals(session, company, entity)]
        alone = strangers(session, company, entity, sides, sync.key, fresh=True)
    _write([*asked, *_would_be(sync, alone)], sides)
    return 0


def _sync_of(name: str, entity: str) -> SyncConfig:
    include = settings.include_folder()
    legs = load_flow(include / "flows" / f"{name}.yaml", include).legs.values()
    found = {each.sync.entity: each.sync for each in legs if isinstance(each, SideLegConfig)}
    if entity not in found or found[entity].matching.meeting is None:
        met = sorted(each for each, sync in found.items() if sync.matching.meeting is not None)
        raise LedgerbridgeError(
            "LB-MAT-004",
            f'flow {name} has no meeting of "{entity}"; it has {", ".join(met) or "none"}.',
            remedy="Name another one, or give the leg's `matching` a `meeting`.",
        )
    return found[entity]


def _would_be(sync: SyncConfig, alone: Strangers) -> Iterator[dict[str, Any]]:
    """What a meeting would make of those that were compared with nothing yet."""
    assert sync.matching.meeting is not None
    if not all(alone.fields):
        return
    from ledgerbridge.matching.meeting import meet  # numpy, scipy: other commands need none of it

    for each in meet(*alone.fields, sync.matching.meeting, alone.refused):
        why = [f"{one.name} {one.level} {one.weight:+}" for one in each.agreements]
        shown = {alone.sides[0]: alone.fields[0][each.left], alone.sides[1]: alone.fields[1][each.right]}
        yield _row(None, each.band, each.score, why, shown)


def _kept_row(row: MatchProposal) -> dict[str, Any]:
    why = [f"{one['name']} {one['level']} {one['weight']:+}" for one in row.agreements]
    numbers = dict(zip(row.sides, ({"number": row.left_number}, {"number": row.right_number}), strict=True))
    shown = {entity: {**numbers[entity], **fields} for entity, fields in (row.shown or {}).items()}
    return _row(row.id, "review", row.score, why, shown)


def _row(
    proposal: int | None, band: str, score: float, why: Iterable[str], shown: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    fields = {f"{entity} {name}": value for entity, held in shown.items() for name, value in held.items()}
    return {"proposal": proposal, "answer": None, "band": band, "score": score, "why": "; ".join(why), **fields}


def _write(rows: list[dict[str, Any]], sides: tuple[str, str]) -> None:
    names = dict.fromkeys(name for row in rows for name in row if name not in _COLUMNS)
    ordered = sorted(names, key=lambda name: (name.partition(" ")[2], not name.startswith(f"{sides[0]} ")))
    writer = csv.DictWriter(sys.stdout, [*_COLUMNS, *ordered], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _safe(value) for name, value in row.items()} for row in rows)


def _safe(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _said(path: Path) -> Iterator[tuple[int, bool]]:
    """
    The answers in a file, by proposal.

    :raises LedgerbridgeError: a row can't be read.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            answer = (row.get("answer") or "").strip().lower()
            if not answer:
                continue
            proposal = (row.get("proposal") or "").strip()
            if answer not in _SAYS or not proposal.isdigit():
                raise LedgerbridgeError(
                    "LB-MAT-003",
                    f'{path}, line {number}: proposal "{proposal}" with the answer "{answer}"; the number of a proposal'
                    " and `accept` or `refuse` are expected.",
                    remedy="Correct the row; leave the answer empty where you don't know yet.",
                )
            yield int(proposal), _SAYS[answer]
