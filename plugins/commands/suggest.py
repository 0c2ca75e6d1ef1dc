"""``ledgerbridge suggest``: which field goes where, for a mapping that is yet to be written."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from commands.files import INCLUDE, Include
from commands.options import AsJson, new_app
from commands.samples import sample_records
from hooks.described import known_entity
from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.suggest import (
    Decided,
    Entity,
    Suggestion,
    decide,
    draft,
    fields_of_records,
    known_names,
    mappings_in,
    questions,
    read_catalogue,
    read_decisions,
    read_tables,
    reordered,
    suggest,
    with_accepted,
    with_decisions,
    with_rules,
    with_samples,
)
from ledgerbridge.yaml_files import nearest

__all__ = ["app"]

app = new_app()
_SHOWN = 3


@app.command()
def suggest_(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="What is read: `system.entity`, or a record of ours.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="What is made: `system.entity`, or a record of ours.")
    ],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a draft of the mapping there.")] = None,
    samples: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Records of the source, JSON or a staged batch: shows fields and values."),
    ] = None,
    made: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Records of the target, as for `--samples`: their values tell constants and rules."
        ),
    ] = None,
    fields: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="YAML that describes entities of your own, as `fields.yaml` of a system does."
        ),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="TARGET=SOURCE", help="Remember that this field goes into that one; may be repeated."),
    ] = None,
    refuse: Annotated[
        list[str] | None,
        typer.Option(metavar="TARGET=SOURCE", help="Remember that it does not; may be repeated."),
    ] = None,
    ask: Annotated[
        str | None,
        typer.Option(
            metavar="CONNECTION",
            help="Airflow connection of a language model that orders what is not sure; it is told no values.",
        ),
    ] = None,
    json: AsJson = False,
    include: Include = INCLUDE,
) -> int:
    """Say for each field of the target what may go into it, how sure that is, and why."""
    own = read_catalogue(fields) if fields else {}
    reads = _entity(source, own, samples, written=False)
    makes = _entity(target, own, None, written=True)
    decisions, pair = include / "suggestions.yaml", f"{source} -> {target}"
    accepted, refused = ([_decision(each, reads, makes) for each in given or ()] for given in (accept, refuse))
    if accepted or refused:
        decide(decisions, pair, accepted=accepted, refused=refused)
    decided = read_decisions(decisions)
    known = with_accepted(known_names(mappings_in(include / "mappings"), target), decided, target)
    found = with_decisions(suggest(reads, makes, known), decided.get(pair, Decided()), reads)
    if samples is not None and made is not None:
        found = with_rules(found, reads, _records(samples), _records(made), read_tables(include / "lookups"))
    if ask is not None:
        found = _asked(ask, reads, makes, found)
    if out is not None:
        _write(out, draft(reads, makes, found))
    if json:
        print(dumps([asdict(each) for each in found], indent=2, ensure_ascii=False))
        return 0
    _print(found)
    if out is not None:
        print(f"{out} is a draft: look at it, then `ledgerbridge map check {out}`.")
    return 0


def _asked(connection: str, reads: Entity, makes: Entity, found: list[Suggestion]) -> list[Suggestion]:
    from hooks.language_model import may_see_values, opinions_of

    # like `airflow connections test`, for a connection that lies in Airflow's own database
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    logging.disable(logging.WARNING)  # Airflow's logs go to where the suggestions are printed
    with redirect_stdout(sys.stderr):
        asked = questions(reads, makes, found, values=may_see_values(connection))
        return reordered(found, opinions_of(connection, asked), connection)


def _decision(given: str, reads: Entity, makes: Entity) -> tuple[str, str]:
    """``TARGET=SOURCE`` as two fields that there are."""
    target, _, source = given.partition("=")
    for path, side in ((target, makes), (source, reads)):
        paths = [each.path for each in side.fields]
        if path not in paths:
            hint = nearest(path, paths)
            raise ConfigurationError(
                "LB-SUG-006",
                f'"{given}": {side.name} has no field "{path}".',
                remedy=f'Did you mean "{hint}"?'
                if hint
                else "Write TARGET=SOURCE with a list's path before the field's, as the suggestions print it.",
            )
    return target, source


def _entity(name: str, own: dict[str, Entity], samples: Path | None, *, written: bool) -> Entity:
    seen = fields_of_records(_records(samples)) if samples else []
    known = own.get(name) or known_entity(name, written=written)
    if known is None and not seen:
        raise ConfigurationError(
            "LB-SUG-002",
            f'nothing is known of the fields of "{name}".',
            remedy=_remedy(name, written=written),
        )
    return with_samples(known or Entity(name, ()), seen)


def _records(samples: Path) -> list[dict[str, Any]]:
    return [each.get("payload", each) for each in sample_records(samples)]


def _remedy(name: str, *, written: bool) -> str:
    from operators.file_checks import offered

    there = [*CANONICAL, *(each for each in offered() if known_entity(each, written=written) is not None)]
    hint = nearest(name, there)
    more = "Describe it in a file for `--fields`" + (", or give records of it by `--samples`." if not written else ".")
    return f'Did you mean "{hint}"? {more}' if hint else more


def _write(out: Path, text: str) -> None:
    if out.exists():
        raise ConfigurationError(
            "LB-SUG-003", f"{out} is there already.", remedy="Name a file that is not, or take this one away."
        )
    out.write_text(text)


def _print(found: list[Suggestion]) -> None:
    part = ""
    for each in found:
        if each.target.part != part:
            part = each.target.part
            print(f"{part}:")
        mark = "!" if each.target.required else " "
        if each.best is None:
            print(f"  {each.target.name + mark:<24} open")
        else:
            print(f"  {each.target.name + mark:<24} {each.best.source.path}  {each.band}, {each.best.confidence:.2f}")
            print(f"  {'':<24} {each.best.reason}")
        if each.rule is not None:
            rule = each.rule.written([one.path for one in each.rule.sources])
            print(f"  {'':<24} {each.rule.kind}: {rule}, {each.rule.share:.0%} by values")
        others = each.candidates[1 if each.best else 0 : _SHOWN]
        if others:
            print(f"  {'':<24} or " + ", ".join(f"{one.source.path} {one.confidence:.2f}" for one in others))
    bands = {band: sum(each.band == band for each in found) for band in ("sure", "likely", "open")}
    required = sum(each.band == "open" and each.target.required for each in found)
    print(
        f"{len(found)} fields: " + ", ".join(f"{count} {band}" for band, count in bands.items()) + f"; {required} open"
        " are required (marked !)"
    )
