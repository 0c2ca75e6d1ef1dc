"""``ledgerbridge promote``: carry flows, mappings, suites and tables from one environment to another."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from commands.database import signing_key, state_engine
from commands.files import INCLUDE, CompanyKey, Folders, Include, company_of, print_problems
from commands.options import By, new_app, who
from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.drafts.bundle import Bundle, files_in, open_bundle, pack, unpack
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import transaction
from ledgerbridge.state.signing import PublicKeys, Signer
from ledgerbridge.yaml_files import Problem

__all__ = ["app"]

app = new_app()
BundleFile = Annotated[Path, typer.Argument(metavar="FILE", help="The bundle.")]
Key = Annotated[
    list[str] | None,
    typer.Option(metavar="PUBLIC", help="Whose bundles are taken; default: those that were signed by the key here."),
]


@app.command("pack")
def pack_(
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where it is written.")] = Path("bundle.zip"),
    by: By = None,
    include: Include = INCLUDE,
) -> int:
    """Pack and sign the flows, mappings, suites and tables of the include folder."""
    files = files_in(include)
    out.write_bytes(pack(files, Signer(signing_key()), who(by), datetime.now(UTC)))
    print(f"{out}: {len(files)} files, signed")
    return 0


@app.command()
def check(file: BundleFile, key: Key = None, include: Include = INCLUDE, company: CompanyKey = None) -> int:
    """Verify a bundle, say what it would change here, and check it against the company here; nothing is changed."""
    bundle = _opened(file, key)
    print(f"packed by {bundle.by} at {bundle.at}")
    _print_changes(bundle, include)
    return print_problems(_problems(bundle, Folders(include, company)), f"{len(bundle.files)} files")


@app.command()
def apply(
    context: typer.Context,
    file: BundleFile,
    key: Key = None,
    by: By = None,
    before: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the files as they were are packed: apply it to go back.")
    ] = Path("before.zip"),
    include: Include = INCLUDE,
    company: CompanyKey = None,
) -> int:
    """Let the include folder have a bundle's files, approved by somebody other than who packed it."""
    bundle, person = _opened(file, key), who(by)
    if person == bundle.by:
        raise ConfigurationError(
            "LB-PRO-003", f"{person} packed this bundle.", remedy="Let somebody else look at it, and apply it."
        )
    if problems := _problems(bundle, Folders(include, company)):
        return print_problems(problems, f"{len(bundle.files)} files: nothing is changed")
    if before.exists():  # perhaps of an apply that was broken off: then that is what was before
        raise ConfigurationError(
            "LB-PRO-004", f"{before} is there already.", remedy="Keep it, and name another file by --before."
        )
    before.write_bytes(pack(files_in(include), Signer(signing_key()), f"{person} (before)", datetime.now(UTC)))
    _print_changes(bundle, include)
    unpack(bundle.files, include)
    told = Change("promoted", "bundle", bundle.sha256, details={"by": person, "packed_by": bundle.by, "at": bundle.at})
    with transaction(state_engine(context)) as session:
        append(session, Actor("", "", "", "ledgerbridge promote"), [told])
    print(f"applied; go back by: ledgerbridge promote apply {before} --before {before.stem}-again.zip")
    return 0


def _opened(file: Path, key: list[str] | None) -> Bundle:
    keys = PublicKeys(key) if key else Signer(signing_key()).public
    return open_bundle(file.read_bytes(), keys)


def _problems(bundle: Bundle, folders: Folders) -> list[Problem]:
    from operators.file_checks import flow_problems, suite_problems

    with TemporaryDirectory(prefix="ledgerbridge-") as temporary:
        folder = Path(temporary)
        unpack(bundle.files, folder)
        flows, suites = sorted((folder / "flows").glob("*.yaml")), sorted((folder / "expectations").glob("*.yaml"))
        found = [each for path in flows for each in flow_problems(path, folder, lambda: company_of(folders))]
        return [*found, *(each for path in suites for each in suite_problems(path))]


def _print_changes(bundle: Bundle, include: Path) -> None:
    here = files_in(include)
    for name in sorted({*here, *bundle.files}):
        if here.get(name) != bundle.files.get(name):
            print(f"  {'new' if name not in here else 'gone' if name not in bundle.files else 'changed':<8} {name}")
