"""From a flow file to its DAGs: one a stage, in it one task group a leg."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Context, Param, TaskGroup, get_parsing_context
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from ledgerbridge.alerts import AlertsConfig
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import Company, ComparedLegConfig, FlowConfig, LegConfig, SideLegConfig, dag_of, load_flow
from ledgerbridge.state.counted_calls import CAN_WAIT
from notifications.alerts import AlertNotifier, deadline_missed
from operators import settings
from operators.assets import outlet, timetable
from operators.at_once import ANY_POOL
from operators.compare import CompareOperator
from operators.extract import ExtractOperator
from operators.gate import GateOperator
from operators.load import LoadOperator
from operators.merge import MergedGateOperator, MergedLoadOperator, MergeOperator
from operators.placement import for_systems, systems_of_step
from operators.questions import AskOperator, PutQuestionsOperator, QuestionOperator
from operators.read import ReadOperator
from operators.reconcile import ReconcileOperator
from operators.retries import ByErrorClass
from operators.sources import polled_sources
from operators.transform import TransformOperator
from triggers.changes import StageHasWork

__all__ = ["build_flow", "steps_of"]

_LEGS_PARAMS = {
    "legs": Param(None, type=["null", "array"], items={"type": "string"}, description="Only these legs; empty: all."),
}
_RECONCILE_PARAMS = {
    "close": Param(False, type="boolean", description="Last pass of a period: nothing may be left under way."),
    "anew": Param(False, type="boolean", description="Reconcile everything read anew: a ledger was restored, say."),
    "from": Param(None, type=["null", "string"], format="date", description="First day to reconcile; empty: all."),
    "to": Param(None, type=["null", "string"], format="date", description="Last day to reconcile; empty: up to now."),
}

_BEFORE_THOSE_WHO_WAIT = 10
"""Airflow's own weight of a task is 1."""


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


def steps_of(leg: LegConfig) -> dict[str, Any]:
    """The operators of a leg's steps, in their order."""
    if isinstance(leg, ComparedLegConfig):
        return {"extract": ExtractOperator, "transform": CompareOperator}
    if isinstance(leg, SideLegConfig):
        return {
            "extract": ExtractOperator,
            "transform": MergeOperator,
            "gate": MergedGateOperator,
            "load": MergedLoadOperator,
        }
    return {"extract": ExtractOperator, "transform": TransformOperator, "gate": GateOperator, "load": LoadOperator}


def build_flow(name: str, include: Path | None = None, company: str | None = None) -> dict[str, DAG]:
    """
    The DAGs of a flow by id, one a stage: ``order_to_cash.orders``.

    Of a company that is named, unless it is the default one, their ids begin with its key.

    Of a broken flow one under its own name, whose ``validate()`` tells Airflow what is wrong.

    :param name: the flow file's name.
    :param include: folder with flows, mappings and expectations; the setting's by default.
    :param company: key of whose books these are; by default the only one, or `main` among several.
    """
    folder = include or settings.include_folder()
    try:
        flow = load_flow(folder / "flows" / f"{name}.yaml", folder)
        of_company = settings.company(company)
        flow = flow.for_company(of_company.without)
        prefix = settings.in_dag_ids(of_company.key)
        stages = [_Stage(name, flow, stage, of_company, prefix) for stage in flow.stages]
        if (run := get_parsing_context().dag_id) is not None:
            # who parses the file to run a task needs that task's DAG alone: building all takes longer than many a task;
            # `airflow dags test` reads other files as well under that name, for the DAGs that its tasks start
            stages = [each for each in stages if run in each.dag_ids] or stages
        dags = [*(each.dag() for each in stages), *(each.questions() for each in stages if flow.asked_of(each.name))]
    except ConfigurationError as error:
        broken = ".".join(filter(None, (company, name)))
        return {broken: BrokenFlow(broken, error)}
    return {dag.dag_id: dag for dag in dags}


@dataclass(frozen=True)
class _Stage:
    """One stage of a flow, on its way to a DAG."""

    flow_name: str
    flow: FlowConfig
    name: str
    company: Company
    prefix: str

    @property
    def dag_ids(self) -> tuple[str, str]:
        """The ids of its DAGs, of which it may lack the second: the questions'."""
        return self._dag_id, self._questions

    def dag(self) -> DAG:
        flow, config = self.flow, self.flow.stages[self.name]
        with DAG(
            self._dag_id,
            description=config.description or flow.description,
            schedule=timetable(config.schedule, self.company.key, flow.awaits(self.name), self._work),
            catchup=False,
            max_active_runs=1,
            default_args=self._defaults,
            params={**(_LEGS_PARAMS if config.legs else {}), **(_RECONCILE_PARAMS if config.reconcile else {})},
            tags=["ledgerbridge", self.flow_name, *filter(None, [self.prefix])],
            is_paused_upon_creation=config.schedule is not None,
            deadline=None if flow.alerts is None else _deadline(self.flow_name, flow.alerts, self.company),
        ) as dag:
            legs = self._legs() if config.legs else []
            if config.reconcile:
                legs >> self._reconcile()
            kinds = flow.asked_of(self.name)
            if legs and not config.reconcile and not kinds:
                # Airflow asks a run's last tasks how it went: behind a leg that failed they may all be skipped ones
                legs >> EmptyOperator(task_id="end", trigger_rule="none_failed")
            if kinds:
                legs >> AskOperator(
                    task_id="ask",
                    trigger_dag_id=self._questions,
                    company=self.company.key,
                    kinds=kinds,
                    trigger_rule="none_failed",
                    execution_timeout=_most(flow, "extract"),
                )
        return dag

    @property
    def _defaults(self) -> dict[str, Any]:
        """What holds for every task; a question whose answer could not be kept is asked again by it."""
        flow, company = self.flow, self.company
        defaults: dict[str, Any] = {
            "owner": flow.owner,
            "weight_rule": "absolute",
            "retries": flow.retries,
            # of what no policy is asked about: a task that was killed
            "retry_delay": timedelta(seconds=flow.retry_seconds),
            "retry_policy": ByErrorClass(flow.retry_seconds),
        }
        if flow.stages[self.name].can_wait:
            defaults["pre_execute"] = _leave_calls_to_others
        else:
            defaults["priority_weight"] = _BEFORE_THOSE_WHO_WAIT
        if flow.alerts is not None:
            defaults["on_failure_callback"] = AlertNotifier(self.flow_name, flow.alerts, company.time_zone, company.key)
        return defaults

    @property
    def _work(self) -> StageHasWork:
        """What tells the stage that the change log has something for it."""
        flow, connections = self.flow, self.company.connections

        def of(entity: str) -> list[str]:
            return list(connections.get(entity.partition(".")[0], []))

        legs = [
            {
                "leg": name,
                "sources": {entity: of(entity) for entity in leg.sources},
                "target": of(leg.target),
                "done_by": flow.behind_stages(name),
            }
            for name, leg in flow.of_stage(self.name).items()
        ]
        polled = [dataclasses.asdict(each) for each in polled_sources(flow, self.name, self.company)]
        return StageHasWork(self._dag_id, self.company.key, self.flow_name, json.dumps(legs), json.dumps(polled))

    @property
    def _dag_id(self) -> str:
        return dag_of(self.flow_name, self.name, self.prefix)

    @property
    def _questions(self) -> str:
        return f"{self._dag_id}_questions"

    def questions(self) -> DAG:
        """The DAG that puts the stage's questions to people: each run waits for its own answers, and no other does."""
        with DAG(
            self._questions,
            description=f"What {self._dag_id} asks people.",
            schedule=None,
            catchup=False,
            default_args=self._defaults,
            tags=["ledgerbridge", self.flow_name, *filter(None, [self.prefix])],
            is_paused_upon_creation=False,
        ) as dag:
            put = PutQuestionsOperator(
                task_id="put",
                flow=self.flow_name,
                company=self.company.key,
                kinds=self.flow.asked_of(self.name),
                synced=self.flow.synced_of(self.name),
                execution_timeout=_most(self.flow, "extract"),
            )
            QuestionOperator.partial(
                task_id="question",
                flow=self.flow_name,
                company=self.company.key,
                watched=self.flow.watched_of(self.name),
            ).expand_kwargs(put.output)
        return dag

    def _legs(self) -> list[TaskGroup]:
        """The stage's legs behind its `read`, as task groups in the order of the process."""
        of_stage = list(self.flow.of_stage(self.name).values())
        read = ReadOperator(
            task_id="read",
            flow=self.flow_name,
            company=self.company.key,
            config=self.flow,
            stage=self.name,
            outlets=[outlet(self.company.key)],
            execution_timeout=_most(self.flow, "extract"),
            pool=self._pool_of_read(of_stage),
            **for_systems(system for leg in of_stage for system in systems_of_step(leg, "extract")),
        )
        flow = self.flow
        groups: dict[str, TaskGroup] = {}
        shown: dict[str, dict[str, TaskGroup]] = {"": {}}
        for leg in flow.in_order(self.name):
            written, _ = flow.branch_of.get(leg, ("", 0))
            if written and written not in shown:
                around = TaskGroup(written, prefix_group_id=False, tooltip=_tooltip(flow.legs[leg]))
                _show_behind(shown[""], written, around)
                shown[written] = {}
            with shown[""][written] if written else nullcontext():
                group = groups[leg] = self._leg(leg)
            before = [groups[each] for each in flow.legs[leg].after if each in groups]
            (before or read) >> group
            _show_behind(shown[written], leg, group)
        return list(shown[""].values())

    def _pool_of_read(self, legs: Sequence[LegConfig]) -> str:
        """That of the loads, where what goes at once goes through them in `read`."""
        return self._pool_at_once(legs) if self._is_told else ANY_POOL

    @property
    def _is_told(self) -> bool:
        """Whether the stage runs as soon as the change log has something for it."""
        schedule = self.flow.stages[self.name].schedule
        return schedule is not None and schedule.events

    def _pool_at_once(self, legs: Sequence[LegConfig]) -> str:
        """That of the loads of these legs, where they have one and a task may do all their steps."""
        placed = {tuple(for_systems(systems_of_step(leg, step)).items()) for leg in legs for step in steps_of(leg)}
        pools = {leg.pool or ANY_POOL for leg in legs}
        is_one = self.flow.stages[self.name].at_once and len(placed) == len(pools) == 1
        return pools.pop() if is_one else ANY_POOL

    def _leg(self, name: str) -> TaskGroup:
        flow, leg = self.flow, self.flow.legs[name]
        common: dict[str, Any] = {"flow": self.flow_name, "company": self.company.key, "leg": name, "config": leg}
        with TaskGroup(name, tooltip=f"{leg.source} → {leg.target}") as group:
            steps = steps_of(leg)
            extract = steps["extract"](
                task_id="extract",
                overlap_minutes=flow.overlap_minutes,
                max_records=flow.max_records,
                behind=flow.behind(name),
                done_by=flow.behind_stages(name),
                outlets=[outlet(self.company.key)],
                trigger_rule="none_failed",
                at_once=flow.stages[self.name].at_once,
                pool=self._pool_at_once([leg]),
                execution_timeout=_most(flow, "extract"),
                **for_systems(systems_of_step(leg, "extract")),
                **common,
            )
            transform = steps["transform"](
                task_id="transform",
                execution_timeout=_most(flow, "transform"),
                **for_systems(systems_of_step(leg, "transform")),
                **common,
            )
            extract >> transform
            if "load" not in steps:
                return group
            gate = steps["gate"](task_id="gate", execution_timeout=_most(flow, "gate"), **common)
            load = steps["load"](
                task_id="load",
                pool=leg.pool or ANY_POOL,
                outlets=[outlet(self.company.key)],
                leaves_unsettled=self._is_told,
                execution_timeout=_most(flow, "load"),
                **for_systems(systems_of_step(leg, "load")),
                **common,
            )
            transform >> gate >> load
        return group

    def _reconcile(self) -> ReconcileOperator:
        return ReconcileOperator(
            task_id="reconcile",
            flow=self.flow_name,
            company=self.company.key,
            config=self.flow,
            stage=self.name,
            trigger_rule="none_failed",
            execution_timeout=_most(self.flow, "reconcile"),
            **for_systems([*self.flow.stages[self.name].reconcile, *(each.name for each in self.company.gateways)]),
        )


def _leave_calls_to_others(_: Context) -> None:
    CAN_WAIT.set(True)


def _show_behind(shown: dict[str, TaskGroup], name: str, group: TaskGroup) -> None:
    """Where no edge says more, Airflow shows groups by name: this orders them, and no task waits for it."""
    if shown:
        group.upstream_group_ids.add(shown[next(reversed(shown))].group_id)
    shown[name] = group


def _tooltip(leg: LegConfig) -> str:
    return " ⇄ ".join(leg.sources) if isinstance(leg, SideLegConfig) else f"{leg.source} → several targets"


def _deadline(name: str, alerts: AlertsConfig, company: Company) -> DeadlineAlert | None:
    if alerts.deadline_minutes is None:
        return None
    told = {
        "flow": name,
        "config": alerts.model_dump(mode="json"),
        "zone": company.time_zone,
        "company": company.key,
    }
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(minutes=alerts.deadline_minutes),
        callback=AsyncCallback(deadline_missed, kwargs=told),
    )


def _most(flow: FlowConfig, step: str) -> timedelta:
    """How long a try of a step may take: what nothing else ends, a hung library for one, must not hold its slot."""
    return timedelta(minutes=getattr(flow.most_minutes, step))
