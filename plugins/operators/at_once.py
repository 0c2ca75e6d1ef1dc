"""
Small batches go through all steps of their leg in one task: its `extract`, or the `read` of a run that events started.

To start a task takes longer than any step does with a few records. What a leg's own tasks would do is done by these
very operators, one after the other; a leg of which one fails, or has to wait, is left to its own tasks, and they take
the same batch, as they do after a kill (docs/decisions/0075-small-batches-go-in-one-task.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import DownstreamTasksSkipped, TaskDeferred

from ledgerbridge.changes import LegId
from ledgerbridge.changes.taking import is_more_than
from ledgerbridge.flows import FlowConfig, SideLegConfig
from ledgerbridge.state import transaction
from operators.leg import FlowOperator, LegOperator

__all__ = ["ANY_POOL", "legs_at_once", "rest_at_once"]

ANY_POOL = "default_pool"
"""Airflow's own, which limits nothing that is ours."""


def rest_at_once(task: LegOperator, context: Context, batch: Any) -> bool:
    """
    Let the steps of a leg that come after this one do the batch here; False: their tasks have to.

    :param task: the leg's `extract`. :param batch: what it staged.
    """
    _, *rest = _steps(task, task.leg)
    return all(_is_here(each, task) for each in rest) and _goes(rest, context, batch)


def legs_at_once(
    task: FlowOperator, context: Context, config: FlowConfig, stage: str, legs: Sequence[str]
) -> list[str]:
    """
    In a run that events started, let the first of these legs go through all their steps here, up to one that can't.

    The names of those that did.

    :param task: the stage's `read`. :param legs: those with something to do, in the order of the process.
    """
    if not context.get("triggering_asset_events") or context["params"].get("legs"):
        return []
    done, most = [], config.stages[stage].at_once
    for leg in legs:
        steps = _steps(task, leg)
        is_ours = all(_is_here(each, task) for each in steps) and not isinstance(config.legs[leg], SideLegConfig)
        if not is_ours or _has_many(task, context, config, leg, most) or not _goes(steps, context):
            break
        done.append(leg)
    return done


def _steps(task: FlowOperator, leg: str) -> list[LegOperator]:
    """Those of a leg, in their order."""
    return [each for each in task.dag.tasks if isinstance(each, LegOperator) and each.leg == leg]


def _is_here(step: LegOperator, task: FlowOperator) -> bool:
    """Whether a step may run where the task does, and is counted as it is."""
    return (step.queue, step.executor) == (task.queue, task.executor) and step.pool in (task.pool, ANY_POOL)


def _has_many(task: FlowOperator, context: Context, config: FlowConfig, leg: str, most: int) -> bool:
    run_id, done_by = str(context["run_id"]), config.behind_stages(leg)
    with transaction(task.engine) as session:
        return any(
            is_more_than(session, LegId(task.company.key, task.flow, leg, entity), most, run_id, done_by)
            for entity in config.legs[leg].sources
        )


def _goes(steps: Sequence[LegOperator], context: Context, batch: Any = None) -> bool:
    """Do what these tasks would; False: one of them has to do it itself, from the first on."""
    for step in steps:
        working = step.prepare_for_execution()
        working.batch, working.at_once = batch, 0
        told = ExecutorSafeguard.tracker.set(working)  # as Airflow does before it lets an operator work
        try:
            batch = working.execute(context)
        except DownstreamTasksSkipped:
            return True
        except (Exception, TaskDeferred) as error:
            working.log.warning("leg=%s is left to its own tasks: %s %s", step.leg, type(error).__name__, error)
            return False
        finally:
            ExecutorSafeguard.tracker.reset(told)
    return True
