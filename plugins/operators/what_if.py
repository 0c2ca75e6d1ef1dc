"""What a change of the files would have made of what was recorded: both versions in shadow, and the difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from hooks.systems import effect_of
from ledgerbridge.entities import Document
from ledgerbridge.flows import Company, LegConfig, load_flow
from ledgerbridge.mapping import Lookups
from ledgerbridge.pipeline.difference import AccountEffect, Difference, ledger_effect
from ledgerbridge.pipeline.shadow import Answered, LegVersion, load_version
from ledgerbridge.reconciliation import Effect, LedgerAccounts
from ledgerbridge.state import transaction
from ledgerbridge.state.installation import company_key, key_salt
from ledgerbridge.state.reader import DatabaseReader
from operators.file_checks import tables_in
from operators.recorded import kept_answers, recorded

__all__ = ["Compared", "what_if"]


class Compared:
    """
    What a change of files would have made of what was recorded.

    :param differences: of each leg that another version makes.
    :param not_shown: legs that differ, with why their difference can't be shown.
    """

    def __init__(self) -> None:
        self.differences: list[Difference] = []
        self.not_shown: dict[str, str] = {}

    @property
    def effects(self) -> list[AccountEffect]:
        """What the ledgers book by account of all legs together, before and after; also what is the same."""
        return ledger_effect(self.differences)


def what_if(
    before: Path, after: Path, company: Company, engine: Engine, since: datetime, *, most: int | None = None
) -> Compared:
    """
    Run every leg that two folders make otherwise over what became known since, in shadow.

    Nothing is written, and no system is asked: what mappings look up in one is answered as it was before.

    :param before, after: include folders. :param since: aware.
    :param most: newest records a leg is run over; None: all.
    :raises ConfigurationError: a file is wrong, or a staged record is gone.
    """
    found = Compared()
    for flow, leg, old, new in _legs(before, after, company):
        name = f"{flow}.{leg}"
        if old is None or new is None:
            found.not_shown[name] = "it is only in one of the two versions"
        elif type(old) is not LegConfig or type(new) is not LegConfig:
            found.not_shown[name] = "it keeps two sides in step: what it sends depends on what each held"
        elif (old.source, old.target) != (new.source, new.target):
            found.not_shown[name] = "it reads or writes another entity than before"
        else:
            versions = load_version(before, old), load_version(after, new)
            booked = _booked(company, new.target)
            difference = Difference(flow, leg, new.target, _roles(company, new.target), booked)
            _run(difference, versions, (before, after), company, engine, since, most)
            found.differences.append(difference)
    return found


def _run(
    difference: Difference,
    versions: tuple[LegVersion, LegVersion],
    folders: tuple[Path, Path],
    company: Company,
    engine: Engine,
    since: datetime,
    most: int | None,
) -> None:
    reader = DatabaseReader(engine, difference.flow)
    with transaction(engine) as session:
        salt, of_company = key_salt(session), company_key(session)
    answers = Answered(kept_answers(company, engine))
    lookups = [
        Lookups(folder / "lookups", company.tables(), reader, answers, company.time_zone, salt, of_company)
        for folder in folders
    ]
    for records in recorded(engine, company.key, versions[1].config.source, since, most):
        made = [
            version.make(records, looked_up, reader, company.send_from, flow=difference.flow, leg=difference.leg)
            for version, looked_up in zip(versions, lookups, strict=True)
        ]
        difference.add(len(records), *made)
    difference.assumed = answers.assumed


def _legs(before: Path, after: Path, company: Company) -> Iterator[tuple[str, str, LegConfig | None, LegConfig | None]]:
    """Every leg that one of the folders defines otherwise than the other, or of files that are others."""
    flows = {path.stem for folder in (before, after) for path in (folder / "flows").glob("*.yaml")}
    for flow in sorted(flows):
        old, new = (_legs_of(folder, flow, company) for folder in (before, after))
        for leg in {**old, **new}:
            one, other = old.get(leg), new.get(leg)
            if one != other or (one is not None and _content(before, one) != _content(after, one)):
                yield flow, leg, one, other


def _legs_of(include: Path, flow: str, company: Company) -> dict[str, LegConfig]:
    path = include / "flows" / f"{flow}.yaml"
    return load_flow(path, include).for_company(company.without).legs if path.is_file() else {}


def _content(include: Path, leg: LegConfig) -> list[bytes]:
    """What makes the documents of a leg: its mappings and suites, and the tables that its mappings read."""
    files = [include / "mappings" / f"{name}.yaml" for name in leg.mappings]
    tables = {table for path in files for table in tables_in(path)}
    files += [include / "expectations" / f"{name}.yaml" for name in leg.suites]
    files += [include / "lookups" / f"{name}.csv" for name in sorted(tables)]
    return [each.read_bytes() for each in files if each.is_file()]


def _roles(company: Company, target: str) -> dict[str, str]:
    ledger = target.partition(".")[0]
    return {str(each[ledger]): str(each["role"]) for each in company.accounts if each.get(ledger)}


def _booked(company: Company, target: str) -> Callable[[Document], Effect | None] | None:
    """What the company's ledger will book of a document for a target; None: it is no ledger's."""
    ledger, tables = target.partition(".")[0], company.tables()
    by_role = {role: str(row[ledger]) for role, row in tables["accounts"].items() if row.get(ledger)}
    return effect_of(target, LedgerAccounts(by_role, list(tables["gateways"].values())))
