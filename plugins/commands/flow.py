"""``ledgerbridge flow``: begin a flow, check it with every file it names, and draw its legs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.files import INCLUDE, CompanyKey, Folders, Include, company_of, named_files, print_problems
from commands.options import new_app
from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import ComparedLegConfig, FlowConfig, LegConfig, ScheduleConfig
from ledgerbridge.flows.checks import CheckedFlow, check_flow_file
from ledgerbridge.flows.names import dag_of
from ledgerbridge.yaml_files import nearest

__all__ = ["app"]

app = new_app()


@app.command()
def check(
    flows: Annotated[
        list[str] | None,
        typer.Argument(help="Flow files or their names; default: all, and every suite."),
    ] = None,
    include: Include = INCLUDE,
    company: CompanyKey = None,
) -> int:
    """Tell everything that is wrong with flows, their mappings and suites."""
    from operators.file_checks import flow_problems, suite_problems

    folders = Folders(include, company)
    files = named_files(folders, "flows", flows or [])
    problems = [problem for path in files for problem in flow_problems(path, include, lambda: company_of(folders))]
    if not flows:
        for path in named_files(folders, "expectations", []):
            problems += suite_problems(path)
    return print_problems(problems, f"{len(files)} flow{'s' if len(files) != 1 else ''}")


@app.command()
def show(
    flow: Annotated[str, typer.Argument(metavar="FLOW", help="Flow file or its name.")], include: Include = INCLUDE
) -> int:
    """Draw the legs of a flow as a graph in text."""
    (path,) = named_files(Folders(include), "flows", [flow])
    checked = check_flow_file(path, include)
    if checked.checked.content is None:
        checked.checked.raise_first()
    assert checked.checked.content is not None
    _draw(path.stem, checked, checked.checked.content)
    if checked.problems:
        print(f"{len(checked.problems)} problems: `ledgerbridge flow check {path.stem}` names them.")
    return 0


def _draw(name: str, flow: CheckedFlow, content: FlowConfig) -> None:
    print(f"{name} ({content.owner})\n  {content.description}\n")
    number = 0
    for stage_name, stage in content.stages.items():
        print(f"{dag_of(name, stage_name)} ({_when(stage.schedule)})")
        if stage.description:
            print(f"  {stage.description}")
        print()
        for leg_name in content.in_order(stage_name):
            number += 1
            _draw_leg(number, leg_name, content.legs[leg_name], flow)
        if stage.reconcile:
            print(f"{'then ' if stage.legs else ''}the books of {' and '.join(stage.reconcile)} are compared")


def _when(schedule: ScheduleConfig | None) -> str:
    if schedule is None:
        return "started by hand"
    return " and ".join(filter(None, (schedule.cron, "on events" if schedule.events else "")))


def _draw_leg(number: int, name: str, leg: LegConfig, flow: CheckedFlow) -> None:
    after = f"  after {', '.join(leg.after)}" if leg.after else ""
    print(f"{number:>3} {name}{after}")
    conform, suite = flow.mappings.get(leg.conform), flow.suites.get(leg.gate)
    canonical = conform.target if conform else "?"
    count = len(suite.content.expectations) if suite and suite.content else "?"
    print(f"      {leg.source}")
    print(f"        │ conform  {leg.conform}  → {canonical}")
    for rule, entities in leg.rules.items():
        looks = ", ".join(f"{key} {entity}" for key, entity in entities.items())
        print(f"        │ rule     {rule} ({looks})")
    if isinstance(leg, ComparedLegConfig):
        print(f"        ▼ compared; people change it in {leg.by_hand}")
        print(f"      {leg.target}\n")
        return
    print(f"        │ map      {leg.map}")
    stops = f", stops over {leg.stop_if_rejected_over} rejected" if leg.stop_if_rejected_over else ""
    print(f"        │ gate     {leg.gate} ({count} expectations{stops})")
    print(f"        ▼ load{f' in pool {leg.pool}' if leg.pool else ''}")
    print(f"      {leg.target}\n")


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the flow, with which its DAGs' names begin.")],
    source: Annotated[str, typer.Option("--from", metavar="ENTITY", help="Entity read, as xero.invoice.")],
    target: Annotated[str, typer.Option("--to", metavar="ENTITY", help="Entity written, as gp.sales_order.")],
    canonical: Annotated[
        str | None, typer.Option("--as", metavar="RECORD", help="Canonical record between them.")
    ] = None,
    owner: Annotated[str, typer.Option(help="Who answers for it.")] = "finance",
    dags: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where its DAG file goes; default: beside include.")
    ] = None,
    include: Include = INCLUDE,
) -> int:
    """Write a flow of one leg, its DAG file, and what it needs of mappings and suite."""
    from operators.new_files import Asked, flow_files

    between = _checked_names(name, source, target, canonical)
    files = flow_files(name, Asked(source, target, between, owner, include, dags or include.parent / "dags"))
    existing = [path for path in files if path.exists()]
    if existing:
        raise ConfigurationError(
            "LB-CFG-012",
            f"{', '.join(map(str, existing))} {'is' if len(existing) == 1 else 'are'} there already.",
            remedy="Take another name for the flow, or edit those files.",
        )
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        print(path)
    print(f"Fill in the mappings, then `ledgerbridge flow check {name}`.")
    return 0


def _checked_names(flow: str, source: str, target: str, canonical: str | None) -> str:
    """The canonical record of a new flow, once every name of it is known."""
    from operators.file_checks import offered

    if not flow.isidentifier():
        raise ConfigurationError(
            "LB-CFG-012", f'"{flow}" is no name for a flow.', remedy="Use letters, digits and _ only."
        )
    for entity, role in ((source, "source"), (target, "target")):
        there = [each for each, roles in offered().items() if role in roles]
        _must_be_known(entity, there, f"{role} of any system")
    named = canonical or _canonical_for(source, target)
    between = named if named.startswith("canonical.") else f"canonical.{named}"
    _must_be_known(between, list(CANONICAL), "canonical record")
    return between


def _canonical_for(source: str, target: str) -> str:
    names = {name.removeprefix("canonical."): name for name in CANONICAL}
    for entity in (source, target):
        name = entity.partition(".")[2]
        for known in (name, f"sales_{name}"):
            if known in names:
                return names[known]
    raise ConfigurationError(
        "LB-CFG-012",
        f"which canonical record goes between {source} and {target} can't be told by their names.",
        remedy=f"Give --as with one of {', '.join(names)}.",
    )


def _must_be_known(name: str, known: list[str], what: str) -> None:
    if name not in known:
        hint = nearest(name, known)
        remedy = f'Did you mean "{hint}"?' if hint else f"There are: {', '.join(known)}."
        raise ConfigurationError("LB-CFG-012", f'"{name}" is no {what}.', remedy=remedy)
