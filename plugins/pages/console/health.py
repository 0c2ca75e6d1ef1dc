"""How everything goes: passes, throughput, what is refused, what has not been taken, pauses, calls left, the books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from airflow.models.dagrun import DagRun
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from hooks.systems import systems
from ledgerbridge.changes.open import OpenChange, open_changes
from ledgerbridge.flows import company_keys, dag_of
from ledgerbridge.state import snapshot
from ledgerbridge.state.circuits import open_circuits
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.counted_calls import Limits, allowance, budgets
from ledgerbridge.state.models import DeadLetter, Delivery
from operators import settings
from operators.page_links import airflow_prefix
from pages.console.access import Access
from pages.console.close import verdicts
from pages.console.flow_files import flows
from pages.console.models import BudgetView, CircuitView, HealthView, StageView

__all__ = ["health"]

HOURS = 24
_A_MINUTE = 60
_ANY = ("open", "replaying", "closed", "discarded")
"""Named one by one, so that the index of states and times serves."""
_Leg = tuple[str, str]


def health(access: Access, airflow: Session) -> HealthView:
    """
    How what the user sees goes.

    :param airflow: of Airflow's own database, which knows the passes.
    """
    stages: list[StageView] = []
    for company in company_keys(settings.companies_folder()):
        with snapshot(settings.state_engine(company, stays=True)) as opened:
            now = database_now(opened)
            delivered = _by_hour(opened, Delivery, Delivery.updated_at, Delivery.state == "delivered", now)
            refused = _by_hour(opened, DeadLetter, DeadLetter.created_at, DeadLetter.state.in_(_ANY), now)
            untaken = {(each.flow, each.leg): each for each in reversed(open_changes(opened, company))}
        stages += _stages(access, airflow, company, (delivered, refused), untaken)
    sees_values = any(access.may_mend_dag(each.dag) for each in stages)
    with snapshot(settings.state_engine(stays=True)) as opened:
        pauses = [
            CircuitView(
                connection=each.connection, since=each.since, until=each.until,
                reason=each.reason if sees_values else None,
            )
            for each in open_circuits(opened)
        ]  # fmt: skip
        left = list(_budgets(opened))
    return HealthView(now=now, stages=stages, circuits=pauses, budgets=left, verdicts=verdicts(access))


def _by_hour(
    opened: Session, table: type[Delivery | DeadLetter], at: Any, wanted: ColumnElement[bool], now: datetime
) -> dict[_Leg, list[int]]:
    """How many each leg has in each of the last hours; counted by the database, which has an index of the time."""
    found: dict[_Leg, list[int]] = {}
    for hour in range(HOURS):
        until = now - timedelta(hours=HOURS - 1 - hour)
        within = (wanted, at > until - timedelta(hours=1), at <= until)
        for flow, leg, count in opened.execute(
            select(table.flow, table.leg, func.count()).where(*within).group_by(table.flow, table.leg)
        ):
            found.setdefault((flow, leg), [0] * HOURS)[hour] = count
    return found


def _stages(
    access: Access,
    airflow: Session,
    company: str,
    counted: tuple[dict[_Leg, list[int]], dict[_Leg, list[int]]],
    untaken: dict[_Leg, OpenChange],
) -> Iterator[StageView]:
    for name, flow in flows().items():
        for stage in flow.stages:
            dag = dag_of(name, stage, settings.in_dag_ids(company))
            if not access.may_read_dag(dag):
                continue
            legs = [(name, leg) for leg in flow.of_stage(stage)]
            last = airflow.execute(
                select(DagRun._state, DagRun.start_date, DagRun.end_date)
                .where(DagRun.dag_id == dag)
                .order_by(DagRun.run_after.desc())
                .limit(1)
            ).first()
            delivered, refused = (_sum([each[leg] for leg in legs if leg in each]) for each in counted)
            oldest = min((untaken[leg] for leg in legs if leg in untaken), key=lambda each: each.known_at, default=None)
            yield StageView(
                company=company, flow=name, stage=stage, dag=dag,
                page=f"{airflow_prefix()}/dags/{quote(dag, safe='')}",
                state=None if last is None else str(last[0]), began_at=None if last is None else last[1],
                ended_at=None if last is None else last[2], delivered=delivered, refused=refused,
                oldest=oldest.known_at if oldest else None, waits_for=oldest.entity if oldest else None,
            )  # fmt: skip


def _sum(rows: list[list[int]]) -> list[int]:
    return [sum(each) for each in zip(*rows, strict=True)] if rows else [0] * HOURS


def _budgets(opened: Session) -> Iterator[BudgetView]:
    """Of each caller whose calls are counted what is left; the least that a connection of the system allows."""
    for budget in budgets(opened):
        system = budget.partition("_")[0]
        known = systems().get(system)
        if known is None or known.calls_per_day is None:
            continue
        limit = min([known.calls_per_day, *_allowed(system)])
        left = allowance(opened, budget, Limits(_A_MINUTE, limit, 1))
        if left is not None:
            hours = None if left.ends_in is None else left.ends_in / timedelta(hours=1)
            yield BudgetView(system=system, limit=limit, left=left.left, ends_in_hours=hours)


def _allowed(system: str) -> Iterator[int]:
    for key in company_keys(settings.companies_folder()):
        for connection in settings.company(key).connections.get(system, []):
            try:
                told = BaseHook.get_connection(connection).extra_dejson.get("calls_per_day")
            except AirflowException:  # a connection that is not there calls nothing
                continue
            if told:
                yield int(told)
