"""``ledgerbridge map``: check mapping files, say in words what they do, and try them on sample records."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from commands.files import (
    INCLUDE,
    CompanyKey,
    Folders,
    Include,
    company_of,
    company_tables,
    named_files,
    print_problems,
)
from commands.options import AsJson, new_app
from commands.samples import given_json, sample_records
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.mapping.checks import part_locations
from ledgerbridge.mapping.explain import explain_part, field_in_words
from ledgerbridge.mapping.model import MappingFile, Part
from ledgerbridge.yaml_files import load_file, nearest

__all__ = ["app"]

app = new_app()
MappingName = Annotated[str, typer.Argument(metavar="FILE", help="Mapping file or its name.")]


@app.command()
def check(
    files: Annotated[list[str] | None, typer.Argument(help="Mapping files or their names; default: all.")] = None,
    include: Include = INCLUDE,
    company: CompanyKey = None,
) -> int:
    """Tell everything that is wrong with mapping files, with place and remedy."""
    from operators.file_checks import mapping_problems

    folders = Folders(include, company)
    paths = named_files(folders, "mappings", files or [])
    problems = [problem for path in paths for problem in mapping_problems(path, include, lambda: company_of(folders))]
    return print_problems(problems, f"{len(paths)} mapping file{'s' if len(paths) != 1 else ''}")


@app.command()
def explain(
    file: MappingName,
    fields: Annotated[
        list[str] | None,
        typer.Argument(help="Target fields, as FIELD or PART.FIELD; default: all."),
    ] = None,
    include: Include = INCLUDE,
) -> int:
    """Say in words where the value of a field comes from."""
    (path,) = named_files(Folders(include), "mappings", [file])
    mapping, marks = load_file(path, MappingFile, code="LB-CFG-002")
    known = [f"{name}.{field}" for name, _, part in part_locations(mapping) for field in part.fields]
    for wanted in fields or []:
        if not any(wanted in (each, each.partition(".")[2]) for each in known):
            hint = nearest(wanted, [*known, *(each.partition(".")[2] for each in known)])
            raise ConfigurationError(
                "LB-CFG-002",
                f'{path}: there is no field "{wanted}".',
                remedy=f'Did you mean "{hint}"?' if hint else f"There are: {', '.join(known)}.",
            )
    print(f"{path.stem}: from {mapping.from_} to {mapping.to}. {mapping.description}".rstrip())
    for name, location, part in part_locations(mapping):
        shown = [field for field in part.fields if not fields or _is_wanted(field, name, fields)]
        if shown:
            print(f"\n{name}: {' '.join(explain_part(part))}")
        for field in shown:
            line, _ = marks.get((*location, field), marks.get((name, field), (0, 0)))
            _print_field(field, part, mapping, line)
    return 0


def _is_wanted(field: str, part: str, wanted: list[str]) -> bool:
    return field in wanted or f"{part}.{field}" in wanted


def _print_field(field: str, part: Part, file: MappingFile, line: int) -> None:
    first, *rest = field_in_words(field, part.fields[field], file)
    print(f"  {first}" + (f"  (line {line})" if line else ""))
    for each in rest:
        print(f"    {each}")


@app.command("try")
def try_(
    file: MappingName,
    records: Annotated[
        Path,
        typer.Argument(
            metavar="RECORDS", help="JSON file with records, or a staged batch (a folder, or one of its files)."
        ),
    ],
    lookups: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON with what look-ups find, by place and name.")
    ] = None,
    json: AsJson = False,
    include: Include = INCLUDE,
    company: CompanyKey = None,
) -> int:
    """Show what a mapping makes of sample records; no system is asked."""
    from ledgerbridge.mapping import load_mapping
    from ledgerbridge.mapping.trial import given_lookups, try_mapping

    folders = Folders(include, company)
    (path,) = named_files(folders, "mappings", [file])
    mapping = load_mapping(path)
    tables, zone = company_tables(folders)
    given = given_json(lookups) if lookups else {}
    trials = try_mapping(mapping, sample_records(records), given_lookups(include / "lookups", given, tables, zone))
    if json:
        print(dumps([each.__dict__ for each in trials], indent=2, default=str, ensure_ascii=False))
        return 1 if any(each.errors for each in trials) else 0
    for trial in trials:
        _print_trial(trial.key, trial.before, trial.after, trial.errors)
    wrong = sum(bool(trial.errors) for trial in trials)
    print(f"{len(trials)} records, {len(trials) - wrong} mapped, {wrong} rejected")
    return 1 if wrong else 0


def _print_trial(
    key: str, before: dict[str, Any], after: dict[str, list[dict[str, Any]]], errors: list[dict[str, Any]]
) -> None:
    print(f"{key}\n  before")
    _print_lines(dumps(before, indent=2, default=str, ensure_ascii=False))
    print("  after")
    for part, rows in after.items():
        for number, row in enumerate(rows, 1):
            where = part if part == "header" else f"{part} {number}"
            for field, value in row.items():
                if value is not None:
                    print(f"    {where:<12} {field:<24} {value}")
    if not after:
        print("    nothing" + (": the record is rejected" if errors else ""))
    for error in errors:
        print(f"  {error['code']} {error['field']}: {error['message']} ({error['rule']})")
        print(f"    remedy: {error['remedy']}")


def _print_lines(text: str) -> None:
    for line in text.splitlines():
        print(f"    {line}")
