"""The comparison of the books: the verdict of each period, and one whole, as people print it for a close."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import company_keys, dag_of
from ledgerbridge.state import snapshot
from ledgerbridge.state.models import ReconciliationResult
from ledgerbridge.state.reconciliations import latest_results
from operators import settings
from pages.console.access import Access
from pages.console.flow_files import flows
from pages.console.models import CloseView, DifferenceView, LinkedView, RoleView, VerdictView

__all__ = ["close_of", "verdicts"]

MOST = 60
"""Runs of a flow that are looked at, the newest."""


def verdicts(access: Access) -> list[VerdictView]:
    """The last verdict of each period of the flows whose books the user may look at, the newest first."""
    found: list[VerdictView] = []
    for company, flow, _ in _compared(access):
        with snapshot(settings.state_engine(company, stays=True)) as opened:
            rows = latest_results(opened, company, flow, MOST)
        by_period: dict[tuple[str | None, str | None], list[ReconciliationResult]] = {}
        for row in rows:
            by_period.setdefault(_period(row.result), []).append(row)
        found += [VerdictView(**_told(each)) for each in by_period.values()]
    return sorted(found, key=lambda each: each.ended_at, reverse=True)


def close_of(access: Access, company: str, flow: str, run_id: str) -> CloseView:
    """
    A run's comparison, whole.

    :raises LedgerbridgeError: there is none that the user sees.
    """
    dag = {(key, name): dag for key, name, dag in _compared(access)}.get((company, flow))
    if dag is not None:
        with snapshot(settings.state_engine(company, stays=True)) as opened:
            rows = latest_results(opened, company, flow, MOST)
        at = next((at for at, row in enumerate(rows) if row.run_id == run_id), None)
        if at is not None:
            alike = [each for each in rows[at:] if _period(each.result) == _period(rows[at].result)]
            return _whole(alike, access.may_mend_dag(dag))
    raise LedgerbridgeError(
        "LB-REC-003",
        f"there is no comparison of the books of {company} by run {run_id} of {flow}.",
        remedy="Take one from the list; who may read the DAG that compares the books sees its verdicts.",
    )


def _compared(access: Access) -> list[tuple[str, str, str]]:
    """Company and flow of the books that the user may look at, with the DAG that compares them."""
    return [
        (company, name, dag)
        for company in company_keys(settings.companies_folder())
        for name, flow in flows().items()
        for stage, config in flow.stages.items()
        if config.reconcile and access.may_read_dag(dag := dag_of(name, stage, settings.in_dag_ids(company)))
    ]


def _whole(alike: list[ReconciliationResult], values: bool) -> CloseView:
    result = alike[0].result
    return CloseView(
        **_told(alike), values=values, currency=settings.company(alike[0].company).base_currency,
        ledgers=list(next(iter(result["roles"].values()), {})),
        roles=[RoleView(role=role, balances=held) for role, held in result["roles"].items()] if values else [],
        figures=result["figures"] if values else {},
        differences=[_difference(each, values) for each in sorted(result["differences"], key=lambda d: d["explained"])],
    )  # fmt: skip


def _difference(each: dict[str, Any], values: bool) -> DifferenceView:
    """One difference; a reason is made of values, and so is all that is told of a record that waits."""
    told = each["reason"] if each["explained"] else each["remedy"]
    is_plain = not each["explained"] and each["type"] != "waiting"
    documents = [LinkedView(**one) for one in each["documents"]]
    if not values and each["type"] == "waiting":
        documents = [one.model_copy(update={"number": one.record}) for one in documents]
    return DifferenceView(
        type=each["type"], role=each["role"], value=Decimal(each["value"]) if values else None,
        explained=each["explained"], told=told if values or is_plain else None, documents=documents,
    )  # fmt: skip


def _told(alike: list[ReconciliationResult]) -> dict[str, Any]:
    """What is told of the newest of runs that compared one period."""
    last = alike[0]
    first, until = _period(last.result)
    differences = last.result["differences"]
    explained = sum(bool(each["explained"]) for each in differences)
    return {
        "company": last.company, "flow": last.flow, "run_id": last.run_id, "ended_at": last.ended_at,
        "agree": last.agree, "period_from": _day(first), "period_to": _day(until), "explained": explained,
        "open": len(differences) - explained, "open_since": _since(alike),
    }  # fmt: skip


def _since(alike: list[ReconciliationResult]) -> datetime | None:
    since = None
    for row in alike:
        if row.agree:
            break
        since = row.ended_at
    return since


def _period(result: dict[str, Any]) -> tuple[str | None, str | None]:
    return result["period"]["from"], result["period"]["to"]


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
