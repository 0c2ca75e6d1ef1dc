"""How everything goes: passes, throughput, latency, what is refused, what waits, pauses, calls left, the books."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
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
from ledgerbridge.state.letter_list import Place
from ledgerbridge.state.models import DeadLetter, Delivery, LoggedChange, Position, SourceRecord
from operators import settings
from operators.page_links import airflow_prefix
from pages.console.access import Access
from pages.console.close import verdicts
from pages.console.flow_files import flows
from pages.console.models import BudgetView, CircuitView, HealthView, LatencyView, QueueView, StageView

__all__ = ["health"]

HOURS = 24
DAYS = 14
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_SAMPLE = 1000
"""Documents of a company of which the latency is told, the newest."""
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
    queues: list[QueueView] = []
    for company in company_keys(settings.companies_folder()):
        with snapshot(settings.state_engine(company, stays=True)) as opened:
            now = database_now(opened)
            counted = _Counted(
                _counts(opened, *_ARRIVED, now, _HOUR, HOURS), _counts(opened, *_REFUSED, now, _HOUR, HOURS),
                _counts(opened, *_ARRIVED, now, _DAY, DAYS), _counts(opened, *_REFUSED, now, _DAY, DAYS),
                _latencies(opened, now),
            )  # fmt: skip
            untaken = {(each.flow, each.leg): each for each in reversed(open_changes(opened, company))}
            queues += _queues(opened, access, company)
        stages += _stages(access, airflow, company, counted, untaken)
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
    return HealthView(now=now, stages=stages, queues=queues, circuits=pauses, budgets=left, verdicts=verdicts(access))


@dataclass(frozen=True)
class _Counted:
    """By leg what arrived and what was refused, and in seconds how long what arrived had been known."""

    delivered: dict[_Leg, list[int]]
    refused: dict[_Leg, list[int]]
    delivered_by_day: dict[_Leg, list[int]]
    refused_by_day: dict[_Leg, list[int]]
    latencies: dict[_Leg, list[float]]


_ARRIVED = (Delivery, Delivery.updated_at, Delivery.state == "delivered")
_REFUSED = (DeadLetter, DeadLetter.created_at, DeadLetter.state.in_(_ANY))


def _counts(
    opened: Session, table: type[Delivery | DeadLetter], at: Any, wanted: ColumnElement[bool], now: datetime,
    step: timedelta, times: int,
) -> dict[_Leg, list[int]]:  # fmt: skip
    """How many each leg has in each of the last steps; counted by the database, which has an index of the time."""
    found: dict[_Leg, list[int]] = {}
    for number in range(times):
        until = now - step * (times - 1 - number)
        within = (wanted, at > until - step, at <= until)
        for flow, leg, count in opened.execute(
            select(table.flow, table.leg, func.count()).where(*within).group_by(table.flow, table.leg)
        ):
            found.setdefault((flow, leg), [0] * times)[number] = count
    return found


def _latencies(opened: Session, now: datetime) -> dict[_Leg, list[float]]:
    """Of each leg how long what arrived last had been known, in seconds."""
    known = (Delivery.flow, Delivery.leg, Delivery.updated_at, LoggedChange.known_at)
    arrived = (Delivery.state == "delivered", Delivery.updated_at > now - _DAY)
    newest = (
        select(*known)
        .join(LoggedChange, LoggedChange.number == Delivery.change)
        .where(*arrived)
        .order_by(Delivery.updated_at.desc())
        .limit(_SAMPLE)
    )
    found: dict[_Leg, list[float]] = {}
    for flow, leg, arrived_at, known_at in opened.execute(newest):
        found.setdefault((flow, leg), []).append(max(0.0, (arrived_at - known_at).total_seconds()))
    return found


def _latency(seconds: list[float]) -> LatencyView | None:
    if not seconds:
        return None
    ordered = sorted(seconds)
    most = ordered[min(len(ordered) - 1, len(ordered) * 9 // 10)]
    return LatencyView(median=median(ordered), most=most, documents=len(ordered))


def _queues(opened: Session, access: Access, company: str) -> Iterator[QueueView]:
    """Of each connection what no leg has taken yet and what waits, where the user sees a leg that takes of it."""
    legs = [Place(company, name, leg) for name, flow in flows().items() for leg in flow.legs]
    seen = access.readable(legs)
    untaken: dict[str, tuple[int, datetime]] = {}
    waiting: dict[str, tuple[int, datetime]] = {}
    counted = (LoggedChange.connection, func.count(), func.min(LoggedChange.known_at))
    for position in opened.scalars(select(Position)).all():
        if Place(company, position.flow, position.leg) in seen:
            behind = (LoggedChange.entity == position.entity, LoggedChange.number > position.change)
            for name, count, since in opened.execute(select(*counted).where(*behind).group_by(LoggedChange.connection)):
                before = untaken.get(name, (0, since))
                untaken[name] = (max(before[0], count), min(before[1], since))
    for flow in {each.flow for each in seen}:
        waits = (
            SourceRecord.flow == flow,
            SourceRecord.leg.in_([each.leg for each in seen if each.flow == flow]),
            SourceRecord.outcome == "waiting",
        )
        of_changes = select(*counted).join(SourceRecord, SourceRecord.change == LoggedChange.number)
        for name, count, since in opened.execute(of_changes.where(*waits).group_by(LoggedChange.connection)):
            before = waiting.get(name, (0, since))
            waiting[name] = (before[0] + count, min(before[1], since))
    for name in sorted({*untaken, *waiting}):
        behind_by, waits_for = untaken.get(name), waiting.get(name)
        yield QueueView(
            company=company, connection=name,
            untaken=behind_by[0] if behind_by else 0, oldest=behind_by[1] if behind_by else None,
            waiting=waits_for[0] if waits_for else 0, waiting_since=waits_for[1] if waits_for else None,
        )  # fmt: skip


def _stages(
    access: Access,
    airflow: Session,
    company: str,
    counted: _Counted,
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
            seconds = [each for leg in legs for each in counted.latencies.get(leg, [])]
            oldest = min((untaken[leg] for leg in legs if leg in untaken), key=lambda each: each.known_at, default=None)
            yield StageView(
                company=company, flow=name, stage=stage, dag=dag,
                page=f"{airflow_prefix()}/dags/{quote(dag, safe='')}",
                state=None if last is None else str(last[0]), began_at=None if last is None else last[1],
                ended_at=None if last is None else last[2], latency=_latency(seconds),
                delivered=_sum(counted.delivered, legs, HOURS), refused=_sum(counted.refused, legs, HOURS),
                delivered_by_day=_sum(counted.delivered_by_day, legs, DAYS),
                refused_by_day=_sum(counted.refused_by_day, legs, DAYS),
                oldest=oldest.known_at if oldest else None, waits_for=oldest.entity if oldest else None,
            )  # fmt: skip


def _sum(counted: dict[_Leg, list[int]], legs: list[_Leg], times: int) -> list[int]:
    rows = [counted[leg] for leg in legs if leg in counted]
    return [sum(each) for each in zip(*rows, strict=True)] if rows else [0] * times


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
