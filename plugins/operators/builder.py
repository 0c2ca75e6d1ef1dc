"""From a flow file to a DAG: one task group a leg, the reconciliation at the end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param, TaskGroup
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from ledgerbridge.alerts import AlertsConfig
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import FlowConfig, LegConfig, load_flow
from notifications.alerts import AlertNotifier, deadline_missed
from operators import settings
from operators.extract import ExtractOperator
from operators.gate import GateOperator
from operators.load import LoadOperator
from operators.reconcile import ReconcileOperator
from operators.retries import ByErrorClass
from operators.transform import TransformOperator

__all__ = ["build_flow"]

_PARAMS = {
    "legs": Param(None, type=["null", "array"], items={"type": "string"}, description="Only these legs; empty: all."),
    "close": Param(False, type="boolean", description="Last pass of a period: nothing may be left under way."),
    "anew": Param(False, type="boolean", description="Reconcile everything read anew: a ledger was restored, say."),
    "from": Param(None, type=["null", "string"], format="date", description="First day to reconcile; empty: all."),
    "to": Param(None, type=["null", "string"], format="date", description="Last day to reconcile; empty: up to now."),
}


class BrokenFlow(DAG):
    """A DAG whose flow file is wrong: its one message is the import error, and it takes no other flow down."""

    def __init__(self, name: str, error: ConfigurationError) -> None:
        super().__init__(name, schedule=None)
        self._error = error

    def validate(self) -> None:
        """
        Say what is wrong.

        :raises ValueError: always; Airflow shows its text as the import error (sources.md Airflow §1).
        """
        raise ValueError(str(self._error))


def build_flow(name: str, include: Path | None = None) -> DAG:
    """
    The DAG of a flow.

    :param name: the flow file's name; also the DAG's id.
    :param include: folder with flows, mappings and expectations; the setting's by default.
    """
    folder = include or settings.include_folder()
    try:
        flow = load_flow(folder / "flows" / f"{name}.yaml", folder)
        settings.company()
    except ConfigurationError as error:
        return BrokenFlow(name, error)
    return _dag(name, flow)


def _dag(name: str, flow: FlowConfig) -> DAG:
    defaults: dict[str, Any] = {
        "owner": flow.owner,
        "retries": flow.retries,
        # of what no policy is asked about: a task that was killed
        "retry_delay": timedelta(seconds=flow.retry_seconds),
        "retry_policy": ByErrorClass(flow.retry_seconds),
    }
    deadline = None
    if flow.alerts is not None:
        zone = settings.company().time_zone
        defaults["on_failure_callback"] = AlertNotifier(name, flow.alerts, zone)
        deadline = _deadline(name, flow.alerts, zone)
    with DAG(
        name,
        description=flow.description,
        schedule=flow.schedule,
        catchup=False,
        max_active_runs=1,
        default_args=defaults,
        params=_PARAMS,
        tags=["ledgerbridge"],
        is_paused_upon_creation=flow.schedule is not None,
        deadline=deadline,
    ) as dag:
        ends: dict[str, Any] = {}
        begins: dict[str, Any] = {}
        for leg_name, leg in flow.legs.items():
            begins[leg_name], ends[leg_name] = _leg(name, leg_name, leg, flow)
        for leg_name, leg in flow.legs.items():
            for before in leg.after:
                ends[before] >> begins[leg_name]
        if flow.reconcile:
            reconcile = ReconcileOperator(
                task_id="reconcile",
                flow=name,
                config=flow,
                trigger_rule="none_failed",
                execution_timeout=_most(flow, "reconcile"),
            )
            list(ends.values()) >> reconcile
    return dag


def _deadline(name: str, alerts: AlertsConfig, zone: str) -> DeadlineAlert | None:
    if alerts.deadline_minutes is None:
        return None
    told = {"flow": name, "config": alerts.model_dump(mode="json"), "zone": zone}
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(minutes=alerts.deadline_minutes),
        callback=AsyncCallback(deadline_missed, kwargs=told),
    )


def _leg(flow_name: str, name: str, leg: LegConfig, flow: FlowConfig) -> tuple[Any, Any]:
    common: dict[str, Any] = {"flow": flow_name, "leg": name, "config": leg}
    with TaskGroup(name, tooltip=f"{leg.source} → {leg.target}"):
        extract = ExtractOperator(
            task_id="extract",
            overlap_minutes=flow.overlap_minutes,
            max_records=flow.max_records,
            behind=flow.behind(name),
            trigger_rule="none_failed",
            execution_timeout=_most(flow, "extract"),
            **common,
        )
        transform = TransformOperator(task_id="transform", execution_timeout=_most(flow, "transform"), **common)
        gate = GateOperator(task_id="gate", execution_timeout=_most(flow, "gate"), **common)
        load = LoadOperator(
            task_id="load", pool=leg.pool or "default_pool", execution_timeout=_most(flow, "load"), **common
        )
        extract >> transform >> gate >> load
    return extract, load


def _most(flow: FlowConfig, step: str) -> timedelta:
    """How long a try of a step may take: what nothing else ends, a hung library for one, must not hold its slot."""
    return timedelta(minutes=getattr(flow.most_minutes, step))
