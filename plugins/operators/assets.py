"""The assets by which a stage tells the others, and Airflow's pages, that something changed."""

from __future__ import annotations

from airflow.sdk import (
    Asset,
    AssetAlias,
    AssetAny,
    AssetOrTimeSchedule,
    AssetWatcher,
    BaseOperator,
    Context,
    CronTriggerTimetable,
)

from ledgerbridge.flows import ScheduleConfig, asset_of
from triggers.changes import StageHasWork

__all__ = ["is_to_be_read", "outlet", "tell_changed", "timetable"]

_LOGGED = "logged"


def outlet(company: str) -> AssetAlias:
    """
    The outlet of a task that may change something.

    An outlet that is an asset tells of it whenever its task succeeds; an alias only of what the task adds.
    """
    return AssetAlias(asset_of(company, "changes"))


def tell_changed(task: BaseOperator, context: Context, company: str, entity: str, *, logged: bool = False) -> None:
    """
    Start the stages that wait for an entity, when the task has ended well; nothing where it has no such outlet.

    :param logged: the change log has what changed: nobody has to read it.
    """
    alias = outlet(company)
    if alias in task.outlets:
        context["outlet_events"][alias].add(_asset(company, entity), extra={_LOGGED: True} if logged else None)


def is_to_be_read(context: Context, company: str, entity: str) -> bool:
    """
    Whether a run reads an entity by time: all that it takes, unless events started it.

    A run of events reads what was written elsewhere; what they tell of otherwise, the change log has, or names.
    """
    told = context.get("triggering_asset_events") or {}
    if not told:
        return True
    asset = asset_of(company, entity)
    of_entity = [event for each in told if getattr(each, "uri", None) == asset for event in told[each]]
    return any(not event.extra.get(_LOGGED) and not event.extra.get("from_trigger") for event in of_entity)


def timetable(
    schedule: ScheduleConfig | None, company: str, entities: list[str], work: StageHasWork
) -> str | AssetAny | AssetOrTimeSchedule | None:
    """
    When a stage runs, as Airflow is told.

    :param entities: those a change of which starts it; :param work: what tells of all else that it has to do.
    """
    if schedule is None:
        return None
    if not schedule.events:
        return schedule.cron
    watched = Asset(asset_of(company, f"work/{work.dag}"), watchers=[AssetWatcher(name=work.dag, trigger=work)])
    changed = AssetAny(watched, *(_asset(company, entity) for entity in entities))
    if schedule.cron is None:
        return changed
    return AssetOrTimeSchedule(timetable=CronTriggerTimetable(schedule.cron, timezone="UTC"), assets=changed)


def _asset(company: str, entity: str) -> Asset:
    return Asset(asset_of(company, entity))
