"""``ledgerbridge what-if``: the difference a changed file would have made over the last days, in shadow."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.database import open_payloads, state_engine
from commands.files import INCLUDE, CompanyKey, Folders, Include, company_of
from commands.options import AsJson, new_app
from ledgerbridge.drafts.folders import committed, kind_of, with_file
from ledgerbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from ledgerbridge.pipeline.difference import AccountEffect, Difference

__all__ = ["app"]

app = new_app()
_SHOWN = 10


@app.command()
def what_if(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Changed flow, mapping, suite or lookup table.")],
    days: Annotated[int, typer.Option(min=1, help="How far back what was recorded is looked at.")] = 7,
    most: Annotated[int | None, typer.Option(min=1, help="Newest records a leg is run over; default: all.")] = None,
    json: AsJson = False,
    include: Include = INCLUDE,
    company: CompanyKey = None,
) -> int:
    """
    Run the file's legs as they are and as they would be over what was recorded, and show the difference.

    A file that lies in the include folder is compared with git's last commit of it, any other with the file of its name
    there. No system is asked, and nothing is written.
    """
    from operators.what_if import what_if as run  # Airflow's storage paths are slow to import

    # while it is imported, Great Expectations says hundreds of things that concern nobody here
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    open_payloads()
    if not file.is_file():
        raise ConfigurationError(
            "LB-CFG-008", f'there is no file "{file}".', remedy="Name the changed file by its path."
        )
    text = file.read_text(encoding="utf-8")
    name = f"{kind_of(file, text)}/{file.name}"
    of_company = company_of(Folders(include, company))
    in_place = (include / name).exists() and (include / name).samefile(file)
    other = committed(file) if in_place else text
    since = datetime.now(UTC) - timedelta(days=days)
    with warnings.catch_warnings(), with_file(include, name, other) as folder:
        warnings.simplefilter("ignore")
        before, after = (folder, include) if in_place else (include, folder)
        found = run(before, after, of_company, state_engine(context, of_company.key), since, most=most)
    if json:
        told = {
            "differences": [_plain(each) for each in found.differences],
            "effects": [asdict(each) | {"difference": each.difference} for each in found.effects],
            "not_shown": found.not_shown,
        }
        print(dumps(told, indent=2, default=str, ensure_ascii=False))
    else:
        for difference in found.differences:
            _print(difference, since)
        _print_effects(found.effects)
        for leg, why in found.not_shown.items():
            print(f"{leg}: not shown: {why}")
        if not found.differences and not found.not_shown:
            print("No leg makes anything of it otherwise.")
    return 1 if any(each.newly_refused for each in found.differences) else 0


def _print(difference: Difference, since: datetime) -> None:
    told = f"{difference.records} records since {since:%Y-%m-%d}"
    print(f"{difference.flow}.{difference.leg} -> {difference.entity}: {told}")
    if not difference:
        print(f"  documents  {difference.before}, none otherwise")
    else:
        counted = (len(difference.changed), len(difference.added), len(difference.gone))
        print(
            "  documents  {} -> {}: {} others, {} more, {} no more".format(
                difference.before, difference.after, *counted
            )
        )
    for moved in difference.accounts:
        of = f"{moved.role or 'no role'} {moved.account}"
        print(f"  account    {of:<28} {_sums(moved)}")
    for total in difference.totals:
        print(f"  total      {'':<28} {_sums(total)}")
    for refused in difference.newly_refused[:_SHOWN]:
        print(f"  refused    {refused.source_key} {refused.field}: {refused.code} {refused.message} ({refused.rule})")
        print(f"             remedy: {refused.remedy}")
    if difference.newly_refused or difference.refused_no_more:
        print(f"  refusals   {len(difference.newly_refused)} new, {len(difference.refused_no_more)} no more")
    if difference.newly_waiting:
        print(f"  waiting    {len(difference.newly_waiting)} more")
    for document in difference.changed[:_SHOWN]:
        for each in document.fields[:_SHOWN]:
            where = f"{each.part} {each.row} {each.field}"
            print(f"  {document.label or document.record_key}: {where}: {each.before} -> {each.after}")
    if len(difference.changed) > _SHOWN:
        print(f"  … and {len(difference.changed) - _SHOWN} documents more")
    for entity, keys in difference.assumed.items():
        print(f"  assumed    {keys} of {entity} are taken to be there: no answer of the system is kept")


def _print_effects(effects: Sequence[AccountEffect]) -> None:
    """Debit and credit before and after, of accounts on which either is another; a block a ledger."""
    for ledger in sorted({each.ledger for each in effects}):
        of_ledger = [each for each in effects if each.ledger == ledger]
        others = [each for each in of_ledger if each.is_another]
        print(f"ledger effect in {ledger}: {len(others)} of {len(of_ledger)} accounts are others")
        if others:
            sides = "".join(f"{name:>14}" for name in ("debit", "credit", "debit then", "credit then", "difference"))
            print(f"  {'':<44}{sides}")
        for each in others:
            of = f"{each.role or 'no role'} {each.account}"
            amounts = (each.debit_before, each.credit_before, each.debit_after, each.credit_after)
            told = "".join(f"{amount:>14,.2f}" for amount in amounts)
            print(f"  {of:<40}{each.currency:<4}{told}{each.difference:>+14,.2f}")


def _sums(sums: Any) -> str:
    """A field's sums, of documents in one currency; not all that is summed up is money."""
    where = f"{sums.currency:<3} {sums.part}.{sums.field}"
    return f"{where:<24} {sums.before:,.2f} -> {sums.after:,.2f} ({sums.after - sums.before:+,.2f})"


def _plain(difference: Difference) -> dict[str, Any]:
    told = {
        name: getattr(difference, name)
        for name in ("flow", "leg", "entity", "records", "before", "after", "newly_waiting", "assumed")
    }
    listed = ("changed", "added", "gone", "newly_refused", "refused_no_more", "totals", "accounts")
    return told | {name: [asdict(each) for each in getattr(difference, name)] for name in listed}
