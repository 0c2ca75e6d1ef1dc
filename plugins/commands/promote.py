"""``ledgerbridge promote``: carry flows, mappings, suites and tables from one environment to another."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from commands.database import signing_key, state_engine
from commands.files import INCLUDE, CompanyKey, Folders, Include, company_of, print_problems
from commands.options import By, new_app, who
from ledgerbridge.audit import Actor
from ledgerbridge.drafts import promotions
from ledgerbridge.drafts.bundle import Bundle, changed_files, files_in, open_bundle, pack
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.signing import PublicKeys, Signer
from ledgerbridge.yaml_files import Problem

__all__ = ["app"]

app = new_app()
BundleFile = Annotated[Path, typer.Argument(metavar="FILE", help="The bundle.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The number it was offered as.")]
Key = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PUBLIC",
        help="Whose bundles are taken; default: [ledgerbridge] bundle_keys, else those signed by the key here.",
    ),
]
_MEANS = Actor("", "", "", "ledgerbridge promote")


@app.command("pack")
def pack_(
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where it is written.")] = Path("bundle.zip"),
    by: By = None,
    include: Include = INCLUDE,
) -> int:
    """Pack and sign the flows, mappings, suites and tables of the include folder."""
    files, environment = files_in(include), os.environ.get("AIRFLOW__LEDGERBRIDGE__ENVIRONMENT") or None
    out.write_bytes(pack(files, Signer(signing_key()), who(by), datetime.now(UTC), environment))
    print(f"{out}: {len(files)} files, signed")
    return 0


@app.command()
def check(file: BundleFile, key: Key = None, include: Include = INCLUDE, company: CompanyKey = None) -> int:
    """Verify a bundle, say what it would change here, and check it against the company here; nothing is changed."""
    bundle = open_bundle(file.read_bytes(), _keys(key))
    print(f"packed by {bundle.by} at {bundle.at}")
    for name, how in changed_files(files_in(include), bundle.files).items():
        print(f"  {how:<8} {name}")
    return print_problems(_problems(bundle, Folders(include, company)), f"{len(bundle.files)} files")


@app.command()
def offer(context: typer.Context, file: BundleFile, key: Key = None, by: By = None) -> int:
    """Offer a bundle to this environment: the DAG promote checks it, and asks somebody else whether it may be live."""
    with transaction(state_engine(context)) as session:
        row = promotions.offer(session, _MEANS, file.read_bytes(), _keys(key), who(by))
        print(f"offered as {row.id}, packed by {row.packed_by}; start its checks and approval, here or in the console:")
        print(f"  airflow dags trigger promote --conf '{{\"promotion\": {row.id}}}'")
    return 0


@app.command()
def history(context: typer.Context) -> int:
    """The bundles that were offered here, the newest first: who, when, hash, what became of them."""
    with snapshot(state_engine(context)) as session:
        for row in promotions.promotions(session):
            of = f" in {row.environment}" if row.environment else ""
            packed = f"packed by {row.packed_by}{of} {row.packed_at:%Y-%m-%d %H:%M}"
            print(f"{row.id:>4}  {row.state:<9} {row.sha256}  {packed}")
            told = [f"offered by {row.offered_by} {row.offered_at:%Y-%m-%d %H:%M}"]
            if row.said_at:
                verdict = "rejected" if row.state == "rejected" else "approved"
                told.append(f"{verdict} by {row.said_by} {row.said_at:%Y-%m-%d %H:%M}")
            if row.applied_at:
                told.append(f"live {row.applied_at:%Y-%m-%d %H:%M}")
            if row.undone_at:
                told.append(f"taken back by {row.undone_by} {row.undone_at:%Y-%m-%d %H:%M}")
            print(f"      {'; '.join(told)}")
            for problem in row.problems or []:
                print(f"      {problem}")
    return 0


@app.command()
def apply(context: typer.Context, number: Number, key: Key = None, include: Include = INCLUDE) -> int:
    """Let the include folder have an approved bundle's files, where the DAG's workers can't write to it."""
    engine = state_engine(context)
    anew = promotions.apply(engine, _MEANS, include, number, _keys(key), Signer(signing_key()))
    print(
        f"bundle {number} {'is live' if anew else 'was live already'}; go back by: ledgerbridge promote back {number}"
    )
    return 0


@app.command()
def back(context: typer.Context, number: Number, by: By = None, include: Include = INCLUDE) -> int:
    """Let the include folder have the files as they were before a bundle."""
    promotions.undo(state_engine(context), _MEANS, include, number, Signer(signing_key()), who(by))
    print(f"the files are as they were before bundle {number}")
    return 0


def _keys(key: list[str] | None) -> PublicKeys:
    told = key or [each for each in os.environ.get("AIRFLOW__LEDGERBRIDGE__BUNDLE_KEYS", "").split(",") if each]
    return PublicKeys(told) if told else Signer(signing_key()).public


def _problems(bundle: Bundle, folders: Folders) -> list[Problem]:
    from operators.bundle_checks import bundle_problems, unpacked  # Airflow's modules are slow to import

    with unpacked(bundle) as folder:
        return bundle_problems(folder, [company_of(folders)])
