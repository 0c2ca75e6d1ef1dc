"""The assets by which a stage tells the others, and Airflow's pages, that something changed."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias, AssetAny, AssetOrTimeSchedule, BaseOperator, Context, CronTriggerTimetable

from ledgerbridge.flows import ScheduleConfig, asset_of

__all__ = ["outlet", "tell_changed", "timetable"]


def outlet(company: str) -> AssetAlias:
    """
    The outlet of a task that may change something.

    An outlet that is an asset tells of it whenever its task succeeds; an alias only of what the task adds.
    """
    return AssetAlias(asset_of(company, "changes"))


def tell_changed(task: BaseOperator, context: Context, company: str, entity: str) -> None:
    """Start the stages that wait for an entity, when the task has ended well; nothing where it has no such outlet."""
    alias = outlet(company)
    if alias in task.outlets:
        context["outlet_events"][alias].add(_asset(company, entity))


def timetable(
    schedule: ScheduleConfig | None, company: str, entities: list[str]
) -> str | AssetAny | AssetOrTimeSchedule | None:
    """When a stage runs, as Airflow is told; ``entities`` are those a change of which starts it."""
    if schedule is None:
        return None
    if not schedule.events:
        return schedule.cron
    changed = AssetAny(*(_asset(company, entity) for entity in entities))
    if schedule.cron is None:
        return changed
    return AssetOrTimeSchedule(timetable=CronTriggerTimetable(schedule.cron, timezone="UTC"), assets=changed)


def _asset(company: str, entity: str) -> Asset:
    return Asset(asset_of(company, entity))
