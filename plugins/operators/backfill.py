"""
Backfill by Airflow: each run reads one day of a source's past into the change log, in spans that are mapped tasks.

``airflow backfill create`` makes the runs, shows how far they are, and makes those that failed once more. A day begins
when the one before it is read; a span that broke off goes on behind what it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, TypedDict

from airflow.sdk import DAG, BaseOperator, Context, CronDataIntervalTimetable, Param, XComArg
from airflow.sdk.exceptions import AirflowSkipException

from hooks.systems import systems
from ledgerbridge.changes import SourceId
from ledgerbridge.changes.backfills import Pace, begin_or_resume, spans
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import Company
from ledgerbridge.state import transaction
from ledgerbridge.state.counted_calls import CAN_WAIT
from operators import settings
from operators.change_log import read_next_span
from operators.placement import for_systems
from operators.retries import ByErrorClass
from operators.systems import hook_of

__all__ = ["PlanBackfillOperator", "ReadSpanOperator", "build_backfill"]

_TRIES = 20
"""Of a span: one whose system says when to come back waits as long, which of a day's calls may be until tomorrow."""

_PARAMS = {
    "entities": Param(
        [],
        type="array",
        items={"type": "string", "pattern": r"^\w+\.\w+$"},
        title="What is read",
        description_md="`shopify.order`; one after the other.",
    ),
    "company": Param(None, type=["null", "string"], title="Company", description_md="Its key; empty: the only one."),
    "again": Param(
        False, type="boolean", title="Again", description_md="Also what the log has and nobody changed, for a mapping."
    ),
}


class Span(TypedDict):
    """What one mapped task reads; times as ISO 8601."""

    company: str
    entity: str
    connection: str
    since: str
    until: str
    again: bool


class PlanBackfillOperator(BaseOperator):
    """
    Cut the run's day into spans, those of systems that the workers of one place reach.

    :param place: the queue of these workers; blank: any.
    """

    def __init__(self, *, place: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.place = place

    def execute(self, context: Context) -> list[Span]:
        """
        The spans, those of an entity oldest first.

        :raises ConfigurationError: the run has no day, or the company has no connection to the system.
        """
        params = context["params"]
        if not params["entities"]:
            raise AirflowSkipException("nothing to read: `entities` names none")
        ends = context.get("data_interval_start"), context.get("data_interval_end")
        since, until = (datetime.fromisoformat(each.isoformat()) if each else None for each in ends)  # no pendulums
        if since is None or until is None:
            raise ConfigurationError(
                "LB-CFG-029",
                "a run of `backfill` that was started by hand has no day to read.",
                remedy="Use `airflow backfill create --dag-id backfill`, or start it with a logical date.",
            )
        company = settings.company(params["company"])
        entities = [each for each in params["entities"] if self.place == _queue_of(each.partition(".")[0])]
        again = params["again"]
        return [span for entity in entities for span in self._of(company, entity, since, until, again=again)]

    def _of(self, company: Company, entity: str, since: datetime, until: datetime, *, again: bool) -> Iterator[Span]:
        engine = settings.state_engine(company.key)
        for connection in company.connections_of(entity.partition(".")[0]):
            with transaction(engine) as session:
                found = spans(session, SourceId(company.key, entity, connection), since, until)
            for begins, ends in found:
                yield Span(
                    company=company.key,
                    entity=entity,
                    connection=connection,
                    since=begins.isoformat(),
                    until=ends.isoformat(),
                    again=again,
                )


class ReadSpanOperator(BaseOperator):
    """
    Read a span into the change log, and leave the rest of a counted budget to who does not fill up the past.

    :param span: as `PlanBackfillOperator` gives it.
    """

    template_fields = ("span",)

    def __init__(self, *, span: Span, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.span = span

    def execute(self, context: Context) -> dict[str, int]:
        """How many records were read, and of how many the log lacked this version, those of earlier tries too."""
        CAN_WAIT.set(True)
        span = self.span
        since, until = datetime.fromisoformat(span["since"]), datetime.fromisoformat(span["until"])
        company = settings.company(span["company"])
        engine = settings.state_engine(company.key)
        named = SourceId(company.key, span["entity"], span["connection"])
        system, _, entity = span["entity"].partition(".")
        source = hook_of(system, span["connection"], company).entity(entity)
        with transaction(engine) as session:
            done = begin_or_resume(session, named, since, until)
        pace = Pace(done)
        while not done.is_done:
            done = read_next_span(engine, source, done, pace, again=span["again"])
        self.log.info("entity=%s since=%s read=%d new=%d", span["entity"], span["since"], done.rows, done.new)
        return {"read": done.rows, "new": done.new}


def build_backfill() -> DAG:
    """
    The DAG: a task that plans and mapped ones that read, for each place whose workers reach systems others don't.

    Its own daily runs name no entity and read nothing; a schedule is what Airflow makes the runs of a backfill by.
    """
    with DAG(
        "backfill",
        description="Read a source's past into the change log, by `airflow backfill create`.",
        schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
        catchup=False,
        max_active_runs=1,
        params=_PARAMS,
        default_args={
            "execution_timeout": timedelta(hours=2),
            "retry_policy": ByErrorClass(),
            "retry_delay": timedelta(seconds=10),
        },
        tags=["ledgerbridge"],
        is_paused_upon_creation=True,
    ) as dag:
        for place, where in _places().items():
            suffix = place and f"_{place}"
            plan = PlanBackfillOperator(
                task_id=f"plan{suffix}", place=place, depends_on_past=True, wait_for_downstream=True, retries=2
            )
            ReadSpanOperator.partial(
                task_id=f"read{suffix}",
                max_active_tis_per_dagrun=1,
                map_index_template="{{ task.span['entity'] }} {{ task.span['since'] }}",
                retries=_TRIES,
                **where,
            ).expand(span=XComArg(plan))
    return dag


def _places() -> dict[str, dict[str, str]]:
    """Queue, and how a task gets there, of each place that `[ledgerbridge] queues` tells; blank: any worker."""
    return {"": {}, **{where["queue"]: where for system in systems() if (where := for_systems([system]))}}


def _queue_of(system: str) -> str:
    return for_systems([system]).get("queue", "")
