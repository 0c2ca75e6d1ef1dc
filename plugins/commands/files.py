"""The files users edit, as commands find them, and how what is wrong with them is printed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hooks.systems import gateway_fields
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import Company, company_file, load_company
from ledgerbridge.mapping.lookups import Row
from ledgerbridge.yaml_files import Problem, nearest

__all__ = [
    "INCLUDE",
    "CompanyKey",
    "Folders",
    "Include",
    "company_of",
    "company_tables",
    "named_files",
    "print_problems",
]

_CHECKOUT = Path(__file__).resolve().parents[2]
_SETTING = "AIRFLOW__LEDGERBRIDGE__"


Include = Annotated[
    Path,
    typer.Option(
        metavar="FOLDER",
        envvar=f"{_SETTING}INCLUDE_FOLDER",
        show_default="include/ of the checkout",
        help="Flows, mappings, suites.",
    ),
]
CompanyKey = Annotated[
    str | None,
    typer.Option("--company", metavar="KEY", help="Company, by its file's name; default: the only one, or main."),
]
INCLUDE = _CHECKOUT / "include"


@dataclass(frozen=True)
class Folders:
    """
    Where the files lie.

    :param company: key of the company they are for; None: the only one, or `main`.
    """

    include: Path
    company: str | None = None


def named_files(folders: Folders, kind: str, names: Sequence[str]) -> list[Path]:
    """
    The files of a kind that are named, by path or by name; all of them if none is named.

    :param kind: folder within the include folder: flows, mappings, expectations.
    :raises ConfigurationError: a name that is none; gives the nearest one.
    """
    folder = folders.include / kind
    known = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    if not names:
        return list(known.values())
    return [_named(name, folder, known) for name in names]


def company_of(folders: Folders) -> Company:
    """The company the files are for."""
    folder = Path(os.environ.get(f"{_SETTING}COMPANIES_FOLDER") or folders.include / "companies")
    return load_company(company_file(folder, folders.company), gateway_fields())


def company_tables(folders: Folders) -> tuple[dict[str, dict[str, Row]], str]:
    """The tables that mappings read of the company file, and the company's zone."""
    company = company_of(folders)
    return company.tables(), company.time_zone


def print_problems(problems: Sequence[Problem], what: str) -> int:
    """Each problem in order of its place; the exit code."""
    for problem in sorted(set(problems)):
        print(problem.error())
    print(f"{what}, {len(set(problems)) or 'no'} problem{'s' if len(set(problems)) != 1 else ''}")
    return 1 if problems else 0


def _named(name: str, folder: Path, known: dict[str, Path]) -> Path:
    path = Path(name)
    if path.suffix == ".yaml" and path.is_file():
        return path
    if path.stem in known and path.name in (path.stem, f"{path.stem}.yaml"):
        return known[path.stem]
    hint = nearest(path.stem, known)
    raise ConfigurationError(
        "LB-CFG-008",
        f'there is no file "{name}" in {folder}.',
        remedy=f'Did you mean "{hint}"?' if hint else f"There are: {', '.join(known) or 'none'}.",
    )
