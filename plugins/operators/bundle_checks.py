"""What can be known of a bundle where it goes, before it is live: what is wrong, and what it would have changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ledgerbridge.drafts.bundle import Bundle, unpack
from ledgerbridge.flows import Company, company_keys
from ledgerbridge.flows.checks import check_flow_file
from ledgerbridge.yaml_files import Problem
from operators import settings
from operators.builder import build_flow
from operators.file_checks import flow_problems, mapping_problems, suite_problems
from operators.what_if import what_if

if TYPE_CHECKING:
    from ledgerbridge.pipeline.difference import AccountEffect, Difference

__all__ = ["bundle_problems", "check_here", "unpacked"]

_MOST = 2_000
"""Newest records that a leg is tried on."""


@contextmanager
def unpacked(bundle: Bundle) -> Iterator[Path]:
    """A folder with a bundle's files, away from those that are live; gone afterwards."""
    with TemporaryDirectory(prefix="ledgerbridge-") as temporary:
        folder = Path(temporary)
        unpack(bundle.files, folder)
        yield folder


def bundle_problems(folder: Path, companies: Sequence[Company]) -> list[Problem]:
    """Everything that is wrong with a bundle's files for each of the companies they are to work for."""
    flows = sorted((folder / "flows").glob("*.yaml"))
    named = [check_flow_file(path, folder) for path in flows]
    found: set[Problem] = set()
    for company in companies:
        of = partial(_same, company)
        found.update(each for path in flows for each in flow_problems(path, folder, of))
        for path in _unnamed(folder, "mappings", {name for flow in named for name in flow.mappings}):
            found.update(mapping_problems(path, folder, of))
    for path in _unnamed(folder, "expectations", {name for flow in named for name in flow.suites}):
        found.update(suite_problems(path))
    return sorted(found)


def _same(company: Company) -> Company:
    return company


def _unnamed(folder: Path, kind: str, named: set[str]) -> list[Path]:
    """The files of a kind that no flow names: those of the others are checked with their flows."""
    return [path for path in sorted((folder / kind).glob("*.yaml")) if path.stem not in named]


def check_here(bundle: Bundle, days: int) -> tuple[list[str], dict[str, Any]]:
    """
    What is wrong with a bundle in this environment, and what it would have changed over its last days.

    The files are checked for every company here, their DAGs are built, and every leg that is another one is run over
    what was recorded, in shadow: no system is asked, nothing is written.

    :returns: problems as text; and ``days``, ``legs`` with counts and sums, ``effects`` by ledger and account,
        ``not_shown`` with why. No value of a record is in it.
    """
    companies = [settings.company(key) for key in company_keys(settings.companies_folder())]
    with unpacked(bundle) as folder:
        problems = [str(each.error()).replace(str(folder), "include") for each in bundle_problems(folder, companies)]
        problems = problems or [each for company in companies for each in _dag_problems(folder, company)]
        tried: dict[str, Any] = {"days": days, "legs": [], "effects": [], "not_shown": {}}
        if not problems:
            since = datetime.now(UTC) - timedelta(days=days)
            for company in companies:
                engine = settings.state_engine(company.key)
                found = what_if(settings.include_folder(), folder, company, engine, since, most=_MOST)
                of = "" if len(companies) == 1 else f"{company.key}: "
                tried["legs"] += [_summed(each, of) for each in found.differences]
                tried["effects"] += [_effect(each, company.key) for each in found.effects if each.is_another]
                tried["not_shown"] |= {of + leg: why for leg, why in found.not_shown.items()}
    return problems, tried


def _dag_problems(folder: Path, company: Company) -> Iterator[str]:
    """What Airflow would say of the DAGs of a company's flows."""
    for path in sorted((folder / "flows").glob("*.yaml")):
        for dag in build_flow(path.stem, folder, company.key).values():
            try:
                dag.validate()  # type: ignore[no-untyped-call]  # Airflow's
                dag.check_cycle()
            except ValueError as error:
                yield str(error)


def _summed(difference: Difference, of: str) -> dict[str, Any]:
    refused = Counter((each.code, each.field) for each in difference.newly_refused)
    return {
        "leg": f"{of}{difference.flow}.{difference.leg}",
        "entity": difference.entity,
        "records": difference.records,
        "before": difference.before,
        "after": difference.after,
        "changed": len(difference.changed),
        "added": len(difference.added),
        "gone": len(difference.gone),
        "newly_refused": len(difference.newly_refused),
        "refused_no_more": len(difference.refused_no_more),
        "newly_waiting": len(difference.newly_waiting),
        "refusals": [{"code": code, "field": field, "count": count} for (code, field), count in refused.most_common()],
        "accounts": [_sum(each, role=each.role, account=each.account) for each in difference.accounts],
        "totals": [_sum(each) for each in difference.totals],
        "assumed": dict(difference.assumed),
    }


def _effect(each: AccountEffect, company: str) -> dict[str, str]:
    told = asdict(each) | {"company": company, "difference": each.difference}
    return {name: str(value) for name, value in told.items()}


def _sum(each: Any, **of: str) -> dict[str, str]:
    named = {"field": f"{each.part}.{each.field}", "currency": each.currency}
    return {**of, **named, "before": str(each.before), "after": str(each.after)}
