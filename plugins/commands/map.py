"""``ledgerbridge map``: check mapping files, say in words what they do, and try them on sample records."""

from __future__ import annotations

from json import JSONDecodeError, dumps, loads
from pathlib import Path
from typing import Annotated, Any

import typer

from commands.database import open_payloads
from commands.files import INCLUDE, CompanyKey, Folders, Include, company_tables, named_files, print_problems
from commands.options import AsJson, new_app
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
    from commands.checks import mapping_problems

    folders = Folders(include, company)
    paths = named_files(folders, "mappings", files or [])
    problems = [problem for path in paths for problem in mapping_problems(path, folders)]
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
    given = _json(lookups) if lookups else {}
    trials = try_mapping(mapping, _records(records), given_lookups(include / "lookups", given, tables, zone))
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


def _records(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".json":
        content = _json(path)
        return content if isinstance(content, list) else [content]
    return _staged(path if path.is_dir() else path.parent)


def _staged(folder: Path) -> list[dict[str, Any]]:
    """The records of a staged batch: taken or raw ones, or canonical frames put together by record."""
    from operators.staging import batch_in, read_raw, read_rows  # Airflow's storage paths are slow to import
    from operators.taken import taken_records

    open_payloads()
    batch = batch_in(folder.resolve().as_uri())
    if batch is not None and "raw" in batch.rows:
        return [{"key": record.key, "payload": record.payload} for record in read_raw(batch)]
    if batch is not None and "taken" in batch.rows:
        return [{"key": record.key, "payload": record.payload} for record in taken_records(batch)]
    if batch is None or "header" not in batch.rows:
        raise ConfigurationError(
            "LB-MAP-012",
            f"{folder} holds no staged batch.",
            remedy="Name a JSON file with records, or a folder with raw.<hash>.parquet or header.<hash>.parquet.",
        )
    parts = {name: read_rows(batch, name) for name in batch.rows}
    return [
        {
            "key": header["record_key"],
            "payload": {
                "header": header,
                **{
                    name: [row for row in rows if row["record_key"] == header["record_key"]]
                    for name, rows in parts.items()
                    if name != "header"
                },
            },
        }
        for header in parts["header"]
    ]


def _json(path: Path) -> Any:
    try:
        return _loads(path.read_text(encoding="utf-8"))
    except (OSError, JSONDecodeError) as error:
        raise ConfigurationError(
            "LB-MAP-012", f"{path}: {error}.", remedy="Name a JSON file, an object or a list of them."
        ) from None


def _loads(text: str) -> Any:
    return loads(text, parse_float=str)  # a float would lose cents
