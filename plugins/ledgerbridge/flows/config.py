"""The format of flow files (`include/flows/*.yaml`): a business process, its stages, and the legs of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from ledgerbridge.alerts.config import AlertsConfig
from ledgerbridge.flows.legs import BranchedLegConfig, ClosedPeriods, LegConfig
from ledgerbridge.flows.sides import SideLegConfig, SyncConfig, SyncedLegConfig
from ledgerbridge.yaml_files import ConfigModel

__all__ = ["MAX_RECORDS", "FlowConfig", "ScheduleConfig", "StageConfig", "StepMinutes"]


MAX_RECORDS = 10_000
"""What the steps of a leg hold in memory at once is bounded by this: docs/explanation/speed.md."""


def _kind_of_leg(leg: Any) -> str:
    to = leg.get("to") if isinstance(leg, Mapping) else None
    if isinstance(leg, SyncedLegConfig) or (isinstance(leg, Mapping) and "sync" in leg):
        return "two sides"
    return "several targets" if isinstance(to, list) or isinstance(leg, BranchedLegConfig) else "one target"


WrittenLeg = Annotated[
    Annotated[LegConfig, Tag("one target")]
    | Annotated[BranchedLegConfig, Tag("several targets")]
    | Annotated[SyncedLegConfig, Tag("two sides")],
    Discriminator(_kind_of_leg),
]


class StepMinutes(ConfigModel):
    """How long a try of each step may take before Airflow ends it; what was delivered by then stays delivered."""

    extract: int = Field(720, ge=1, description="Reading a source; the first one reads all since `send_from`.")
    transform: int = Field(240, ge=1, description="Conforming, rules and mapping; rules may ask the target.")
    gate: int = Field(60, ge=1, description="Validating.")
    load: int = Field(720, ge=1, description="Sending: a first batch may meet the limits of the target's calls.")
    reconcile: int = Field(240, ge=1, description="Comparing the books.")


class PollConfig(ConfigModel):
    """How often a system that tells nothing by itself is asked, between the runs of the clock."""

    least_seconds: float = Field(30, ge=5, description="The pause after something new was found.")
    most_seconds: float = Field(600, ge=5, description="The longest pause, which it grows to while nothing is.")

    @model_validator(mode="after")
    def _least_first(self) -> Self:
        if self.least_seconds > self.most_seconds:
            raise ValueError(
                f"`least_seconds` {self.least_seconds:g} is more than `most_seconds` {self.most_seconds:g}"
            )
        return self


class ScheduleConfig(ConfigModel):
    """When a stage runs: by the clock, when something changed, or both."""

    cron: str | None = Field(None, description="Cron expression, UTC; beside `events` the safety net.")
    events: bool = Field(
        False,
        description="Whether it runs when a source of its legs changed: a stage has read or written something there.",
    )

    poll: dict[str, PollConfig] = Field(
        default_factory=dict,
        description="By system without webhooks: how often what the stage's legs take of it is read,"
        " beside `events`; each such run reads what is due, and nothing else by time.",
    )

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.cron is None and not self.events:
            raise ValueError("a schedule has `cron`, `events: true`, or both; leave it away to start runs by hand")
        if self.poll and not self.events:
            raise ValueError("`poll` needs `events: true` beside it; a `cron` alone reads everything each time")
        return self

    @model_validator(mode="before")
    @classmethod
    def _cron_is_named(cls, schedule: Any) -> Any:
        if isinstance(schedule, str):
            raise ValueError(f'write `{{cron: "{schedule}"}}`')
        return schedule


class WaitsConfig(ConfigModel):
    """How long records may wait before the reconciliation tells of them."""

    days: int = Field(
        60,
        ge=0,
        description="Days from the record's own date, in every leg that says nothing else, also of flows `beside` it.",
    )
    legs: dict[str, Annotated[int, Field(ge=0)] | Literal["for_ever"]] = Field(
        default_factory=dict, description="Days by leg; `for_ever`: what waits there is never told."
    )
    not_applied: Annotated[int, Field(ge=0)] | Literal["for_ever"] = Field(
        60,
        description="Days a payment may lie beside what it pays until a person sets one against the other; after them"
        " it is a difference without a reason. `for_ever`: it is always explained.",
    )

    def of(self, leg: str) -> int | None:
        """Days of a leg; None: for ever."""
        days = self.legs.get(leg, self.days)
        return None if days == "for_ever" else days

    @property
    def apply_within(self) -> int | None:
        """Days in which people apply payments; None: whenever they like."""
        return None if self.not_applied == "for_ever" else self.not_applied


class StageConfig(ConfigModel):
    """The legs of a flow that go together, in one rhythm; one DAG, `<flow>.<stage>`."""

    description: str | None = Field(None, description="What it does, for its DAG's page. None: the flow's.")
    schedule: ScheduleConfig | None = Field(None, description="When it runs; none: started by hand.")
    legs: dict[str, WrittenLeg] = Field(default_factory=dict, description="Its legs by name, as the process goes.")
    reconcile: list[str] = Field(
        default_factory=list,
        description="The two ledgers that must agree after its legs (accounting-rules.md §6); empty: none.",
    )
    beside: list[str] = Field(
        default_factory=list,
        description="Of a stage that compares: other flows whose documents are in these ledgers too, by name. What"
        " waits in them, or is a dead letter, explains a difference like the flow's own.",
    )
    at_once: int = Field(
        200,
        ge=0,
        description="Batches of at most so many records go through all steps of their leg in its task `extract`,"
        " because to start a task takes longer than its work; the leg's other tasks are skipped. In a run that events"
        " started the task `read` does the legs too, as long as all load through one pool. 0: each step has a task.",
    )
    can_wait: bool = Field(
        False,
        description="Its tasks come after those of other stages where a pool is full, and its calls leave them a fifth"
        " of what a system grants a minute and a day.",
    )
    waits: WaitsConfig = Field(
        default_factory=WaitsConfig, description="Of a stage that compares: what waits too long is a difference."
    )

    @model_validator(mode="after")
    def _something_to_do(self) -> Self:
        if not self.legs and not self.reconcile:
            raise ValueError("a stage has `legs`, or two ledgers to `reconcile`")
        if not self.legs and self.schedule is not None and self.schedule.events:
            raise ValueError("a stage without legs has no source whose `events` could start it: give it `cron`")
        return self


class FlowConfig(ConfigModel):
    """A business process, in stages."""

    description: str = Field(description="What it does, for the pages of its DAGs.")
    owner: str = Field(description="Who answers for it.")
    retries: int = Field(3, ge=0, description="How often a task that failed for a passing reason is tried again.")
    retry_seconds: int = Field(
        10, ge=1, description="How long the first of these tries waits unless the system said; doubles with each."
    )
    most_minutes: StepMinutes = Field(
        default_factory=StepMinutes,
        description="How long a try of a step may take; what hangs longer is ended and tried again.",
    )
    overlap_minutes: int = Field(10, ge=0, description="How far a reading reaches back into the one before.")
    max_records: int = Field(
        MAX_RECORDS, ge=1, description="Most source records a leg takes in one run; what is left the next run takes."
    )
    closed_periods: ClosedPeriods = Field(
        "hold",
        description="What becomes of a document whose day is closed in the target, where it was not taken before:"
        " `hold` waits until the day is open again; `next_open` posts it on the first open day after, and keeps its own"
        " in a text of the document and in the audit; `ask` lets a person say which of the two.",
    )
    stages: dict[str, StageConfig] = Field(min_length=1, description="Its stages by name, in the order of the process.")
    alerts: AlertsConfig | None = Field(None, description="Who is told of what; none: nobody.")

    @cached_property
    def legs(self) -> dict[str, LegConfig]:
        """The legs of all stages by name, one for each target."""
        of_leg = {leg: list(legs) for each in self.branches.values() for leg, legs in each.items()}
        return {
            name: leg.model_copy(
                update={
                    "after": [one for other in leg.after for one in of_leg.get(other, [other])],
                    "closed_periods": leg.closed_periods or self.closed_periods,
                }
            )
            for each in self.branches.values()
            for legs in each.values()
            for name, leg in legs.items()
        }

    @cached_property
    def branches(self) -> dict[str, dict[str, dict[str, LegConfig]]]:
        """By stage and leg as it is written: the legs of its targets."""
        return _branches(self.stages)

    @cached_property
    def stage_of(self) -> dict[str, str]:
        """The stage of each leg."""
        return {name: stage for stage, each in self.branches.items() for legs in each.values() for name in legs}

    @cached_property
    def branch_of(self) -> dict[str, tuple[str, int]]:
        """The leg with several targets, or sides, that a leg is of, and its place among them."""
        return {
            name: (written, place)
            for stage, each in self.branches.items()
            for written, legs in each.items()
            if not isinstance(self.stages[stage].legs[written], LegConfig)
            for place, name in enumerate(legs)
        }

    def of_stage(self, stage: str) -> dict[str, LegConfig]:
        """The legs of a stage by name, one for each target."""
        return {name: self.legs[name] for legs in self.branches[stage].values() for name in legs}

    @model_validator(mode="before")
    @classmethod
    def _legs_in_stages(cls, content: Any) -> Any:
        if isinstance(content, Mapping) and "legs" in content and "stages" not in content:
            raise ValueError("`legs` belong to a stage: write `stages: {all: {legs: ..., reconcile: [...]}}`")
        return content

    @field_validator("stages")
    @classmethod
    def _one_name_a_leg(cls, stages: dict[str, StageConfig]) -> dict[str, StageConfig]:
        for name in stages:
            if not name.isidentifier():
                raise ValueError(f'"{name}" is no name for a stage: letters, digits and _ only')
        names = Counter(
            name
            for legs in _branches(stages).values()
            for written, branches in legs.items()
            for name in {written, *branches}
        )
        twice = sorted(name for name, times in names.items() if times > 1)
        if twice:
            raise ValueError(f"there are several legs {', '.join(twice)}: what is kept of a leg is kept by its name")
        return stages

    @model_validator(mode="after")
    def _polled_systems(self) -> Self:
        for name, stage in self.stages.items():
            read = {source.partition(".")[0] for leg in self.of_stage(name).values() for source in leg.sources}
            if stage.schedule is not None and (unknown := sorted(set(stage.schedule.poll) - read)):
                raise ValueError(
                    f"`poll` of the stage {name} names {', '.join(unknown)}, its legs read {', '.join(sorted(read))}"
                )
        return self

    @model_validator(mode="after")
    def _expected_legs(self) -> Self:
        unknown = sorted(set(self.alerts.expect) - set(self.legs)) if self.alerts else []
        if unknown:
            raise ValueError(f"`alerts.expect` names {', '.join(unknown)}, the legs are {', '.join(self.legs)}")
        return self

    @model_validator(mode="after")
    def _no_circle(self) -> Self:
        done: set[str] = set()
        waiting = {name: set(leg.after) & set(self.legs) for name, leg in self.legs.items()}
        while waiting:
            ready = {name for name, before in waiting.items() if before <= done}
            if not ready:
                raise ValueError(f"legs wait for each other: {', '.join(sorted(waiting))}")
            done |= ready
            waiting = {name: before for name, before in waiting.items() if name not in ready}
        return self

    def for_company(self, without: Collection[str]) -> FlowConfig:
        """
        The flow of a company that lacks these systems: no leg that reads one of them.

        What came after such a leg comes after what that one came after; a stage that has nothing left to do is none.
        """
        read = {
            name: {source.partition(".")[0] for leg in legs.values() for source in leg.sources}
            for each in self.branches.values()
            for name, legs in each.items()
        }
        gone = {name for name, systems in read.items() if systems & set(without)}
        if not gone:
            return self
        written = {name: leg for stage in self.stages.values() for name, leg in stage.legs.items()}

        def left(after: list[str]) -> list[str]:
            kept = [one for name in after for one in (left(written[name].after) if name in gone else [name])]
            return list(dict.fromkeys(kept))

        stages = {
            name: stage.model_copy(
                update={
                    "legs": {
                        key: leg.model_copy(update={"after": left(leg.after)})
                        for key, leg in stage.legs.items()
                        if key not in gone
                    }
                }
            )
            for name, stage in self.stages.items()
        }
        doing = {name: stage for name, stage in stages.items() if stage.legs or stage.reconcile}
        return FlowConfig.model_construct(
            **{**{key: getattr(self, key) for key in type(self).model_fields}, "stages": doing}
        )

    def in_order(self, stage: str) -> list[str]:
        """The legs of a stage in the order of the process: each behind those it waits for."""
        legs = self.of_stage(stage)
        ordered: list[str] = []
        while len(ordered) < len(legs):
            ordered.append(
                next(
                    name
                    for name, leg in legs.items()
                    if name not in ordered and set(leg.after) & set(legs) <= set(ordered)
                )
            )
        return ordered

    def awaits(self, stage: str) -> list[str]:
        """
        The entities whose changes may give a stage work.

        What its legs read, what those before them write, and what their rules look at and only other stages write: a
        payment waits for its invoice.
        """
        legs = self.of_stage(stage)
        own = {leg.target for leg in legs.values()}
        elsewhere = {leg.target for leg in self.legs.values()} - own
        found: dict[str, None] = {}
        for name, leg in legs.items():
            found.update(dict.fromkeys(leg.sources))
            found.update(dict.fromkeys(self.legs[other].target for other in self.behind_stages(name)))
            looked_at = [each for rule in leg.rules.values() for told in rule.values() for each in told.split("+")]
            found.update(dict.fromkeys(each for each in looked_at if each in elsewhere))
        return list(found)

    def asked_of(self, stage: str) -> list[str]:
        """
        Of what people may be asked by a stage.

        Canonical entities' names; where they are asked for the day of documents, the names of entities written.
        """
        legs = self.of_stage(stage).values()
        synced = {leg.sync.entity for leg in legs if isinstance(leg, SideLegConfig) and leg.sync.asks}
        return sorted(synced | {leg.target for leg in legs if leg.closed_periods == "ask"})

    def watched_of(self, stage: str) -> dict[str, list[str]]:
        """By canonical entity the fields of which every change is asked about in a stage."""
        return {entity: sync.watched for entity, sync in self.synced_of(stage).items()}

    def synced_of(self, stage: str) -> dict[str, SyncConfig]:
        """By canonical entity how a stage keeps it in step."""
        legs = self.of_stage(stage).values()
        return {leg.sync.entity: leg.sync for leg in legs if isinstance(leg, SideLegConfig)}

    def behind(self, leg: str) -> list[str]:
        """The legs of its stage that must have ended before this one and take the same source, also over others."""
        return self._before(leg, lambda name: self.stage_of[name] == self.stage_of[leg])

    def behind_stages(self, leg: str) -> list[str]:
        """The legs of other stages that must have done with a record of a common source before this one takes it."""
        return self._before(leg, lambda name: self.stage_of[name] != self.stage_of[leg])

    def _before(self, leg: str, wanted: Callable[[str], bool]) -> list[str]:
        before: dict[str, None] = {}
        left = list(self.legs[leg].after)
        while left:
            name = left.pop()
            if name in self.legs and name not in before:
                before[name] = None
                left += self.legs[name].after
        # one that writes the other side of a pair takes the same records, and neither waits for what the other took
        return sorted(
            name for name in before if self.legs[name].sources.keys() == {self.legs[leg].source} and wanted(name)
        )


def _branches(stages: Mapping[str, StageConfig]) -> dict[str, dict[str, dict[str, LegConfig]]]:
    return {
        stage: {
            name: {name: leg} if isinstance(leg, LegConfig) else leg.legs(name) for name, leg in config.legs.items()
        }
        for stage, config in stages.items()
    }
