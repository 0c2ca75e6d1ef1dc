"""The format of flow files (`include/flows/*.yaml`): a business process, its stages, and the legs of each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from ledgerbridge.alerts.config import AlertsConfig
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.links import MatchPolicy
from ledgerbridge.matching.rules import MatchingConfig
from ledgerbridge.yaml_files import ConfigModel, OneOrMany, listed

__all__ = [
    "MAX_RECORDS",
    "BranchedLegConfig",
    "ComparedLegConfig",
    "FlowConfig",
    "LegConfig",
    "ScheduleConfig",
    "SideConfig",
    "SideLegConfig",
    "StageConfig",
    "StepMinutes",
    "SyncConfig",
    "SyncedLegConfig",
    "TargetConfig",
    "leg_config",
]


MAX_RECORDS = 10_000
"""What the steps of a leg hold in memory at once is bounded by this: docs/explanation/speed.md."""
_LIMIT = re.compile(r"\d+|(\d{1,2}(\.\d+)?|100)%")


class _TakingConfig(ConfigModel):
    """What a leg takes, and what it makes of it for whatever target."""

    source: str = Field(alias="from", description="Entity read, `system.name`.")
    conform: str = Field(description="Mapping from the source's record to the canonical one.")
    rules: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="Rules the canonical records go through, in order, with the entities they look at.",
    )
    after: Annotated[list[str], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list,
        description="Legs of the stage that must have ended before this one begins. A leg of another stage may be named"
        " if it takes the same entity: this one then takes no record before that one has done with it.",
    )
    max_records: int | None = Field(
        None, ge=1, description="Most source records of one batch; what is left the next run takes. None: the flow's."
    )
    stop_if_rejected_over: Annotated[str, WithJsonSchema({"type": ["string", "integer"]})] | None = Field(
        None,
        description="Most of a batch that transform and gate may reject, share (`10%`) or number of records (`5`); when"
        " they reject more, nothing of the batch is sent. None: whatever is good goes on.",
    )

    @field_validator("stop_if_rejected_over", mode="before")
    @classmethod
    def _share_or_count(cls, limit: Any) -> Any:
        text = str(limit) if isinstance(limit, int) and not isinstance(limit, bool) else limit
        if text is None or (isinstance(text, str) and _LIMIT.fullmatch(text)):
            return text
        raise ValueError(f'"{limit}" is neither a share like 10% (at most 100%) nor a number of records like 5')

    def stops(self, rejected: int, records: int) -> bool:
        """Whether so many rejected of so many records are more than the leg puts up with."""
        limit = self.stop_if_rejected_over
        if limit is None:
            return False
        if limit.endswith("%"):
            return rejected * 100 > Decimal(limit[:-1]) * records
        return rejected > int(limit)


class _DeliveringConfig(ConfigModel):
    """How the documents for one target are made and sent."""

    map: str = Field(description="Mapping from the canonical record to the target's document.")
    gate: str = Field(description="Expectation suite every mapped row must pass before load.")
    pool: str | None = Field(None, description="Airflow pool its load runs in.")
    match: MatchPolicy = Field(
        "adopt",
        description="When the target holds something that may be the same thing, found by e-mail for one: `adopt` takes"
        " it if it is one and active, else a person decides; `ask`: a person decides; `reject`: it is refused;"
        " `number`: only what bears its number is it.",
    )


class LegConfig(_DeliveringConfig, _TakingConfig):
    """One entity moved from one system to another."""

    target: str = Field(alias="to", description="Entity written, `system.name`.")

    @property
    def sources(self) -> dict[str, str]:
        """The mapping to the canonical record by each entity read."""
        return {self.source: self.conform}

    @property
    def mappings(self) -> list[str]:
        """The mappings its records go through, in order."""
        return [self.conform, self.map]

    @property
    def suites(self) -> list[str]:
        """The expectation suites its documents must pass."""
        return [self.gate]

    @property
    def takes_all(self) -> bool:
        """Whether it takes what changed before the company's `send_from` too."""
        return False


class TargetConfig(_DeliveringConfig):
    """One of several targets of a leg."""

    target: str = Field(alias="entity", description="Entity written, `system.name`.")
    name: str | None = Field(
        None, description="What the leg's name goes on with for this target: `fee_gp`. None: the target's system."
    )
    after: Annotated[list[str], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list, description="Names of the leg's targets that must have been served before this one."
    )

    @property
    def called(self) -> str:
        """Its name among the leg's targets."""
        return self.name or self.target.partition(".")[0]


class BranchedLegConfig(_TakingConfig):
    """
    One entity moved to several targets.

    A leg for each of them: each has its own work list, and a target that can't be reached holds no other one up.
    """

    targets: list[TargetConfig] = Field(
        alias="to", min_length=1, description="Entities written; each is served by a leg `<this leg>_<its name>`."
    )

    @field_validator("targets")
    @classmethod
    def _named_apart(cls, targets: list[TargetConfig]) -> list[TargetConfig]:
        names = [each.called for each in targets]
        twice = sorted({each for each in names if names.count(each) > 1})
        if twice:
            raise ValueError(f"several targets are called {', '.join(twice)}: give them a `name`")
        for each in targets:
            if unknown := sorted(set(each.after) - set(names)):
                raise ValueError(f"`after` names {', '.join(unknown)}, the targets are {', '.join(names)}")
        return targets

    def legs(self, name: str) -> dict[str, LegConfig]:
        """The leg of each target by name, where this one is called ``name``."""
        taking = {key: getattr(self, key) for key in _TakingConfig.model_fields}
        return {
            f"{name}_{each.called}": LegConfig(
                **{key: getattr(each, key) for key in _DeliveringConfig.model_fields},
                **{**taking, "after": [*self.after, *(f"{name}_{other}" for other in each.after)]},
                target=each.target,
            )
            for each in self.targets
        }


class SideConfig(ConfigModel):
    """One of the two sides that are kept in step: how its records are read, and written; or who writes them by hand."""

    entity: str = Field(description="Entity read and written, `system.name`.")
    conform: str = Field(description="Mapping from its record to the canonical one.")
    map: str | None = Field(None, description="Mapping from the canonical record to its document.")
    gate: str | None = Field(None, description="Expectation suite every mapped row must pass before load.")
    pool: str | None = Field(None, description="Airflow pool its load runs in.")
    by_hand: str | None = Field(
        None,
        description="In place of `map` and `gate`: nothing is written to this side. What it should hold otherwise waits"
        " until people have changed it; this says where they do, `the window Tax Detail Maintenance`.",
    )

    @model_validator(mode="after")
    def _written_or_by_hand(self) -> Self:
        if self.by_hand is None and None in (self.map, self.gate):
            raise ValueError("a side that is written has `map` and `gate`; one that people write has `by_hand`")
        if self.by_hand is not None and (self.map or self.gate or self.pool):
            raise ValueError("a side with `by_hand` is never written: take `map`, `gate` and `pool` away")
        return self

    @property
    def system(self) -> str:
        """The system it is a side in."""
        return self.entity.partition(".")[0]


class SyncConfig(ConfigModel):
    """One kind of master record, kept in step in two systems."""

    entity: str = Field(description="What the records are in life: `customer` for `canonical.customer`.")
    sides: list[SideConfig] = Field(
        min_length=2, max_length=2, description="The two; what both changed at one instant is taken of the first."
    )
    key: str = Field(
        description="Canonical field of the number: given to a record when it is made, and never changed afterwards."
    )
    policy: str = Field(
        "newest",
        description="Whose change stands where both changed a field: `newest`, `<system>_wins`; `ask`: a person says.",
    )
    policies: dict[str, str] = Field(default_factory=dict, description="That of single canonical fields.")
    owner: dict[str, str] = Field(
        default_factory=dict,
        description="Canonical fields that are one system's own: what the other makes of them is taken back.",
    )
    watched: list[str] = Field(
        default_factory=list,
        description="Canonical fields of which every change is carried on, or kept where one side alone holds them,"
        " when a second person says so: bank details. With `alerts` there is an alert too.",
    )
    made_if: list[str] = Field(
        default_factory=list,
        description="Canonical true-or-false fields: where one of them is false, a record that only one side has is not"
        " made on the other. What both have is kept in step whatever they say.",
    )
    matching: MatchingConfig = Field(
        default_factory=MatchingConfig,
        description="Which record of one side is which of the other, where nothing links them yet.",
    )

    @property
    def asks(self) -> bool:
        """Whether people are asked about any field."""
        return bool(self.watched) or "ask" in (self.policy, *self.policies.values())

    @model_validator(mode="after")
    def _known_sides(self) -> Self:
        systems = [each.system for each in self.sides]
        if len(set(systems)) == 1:
            raise ValueError(f"both sides are in {systems[0]}: two systems are kept in step")
        policies = ["newest", "ask", *(f"{each}_wins" for each in systems)]
        for policy in (self.policy, *self.policies.values()):
            if policy not in policies:
                raise ValueError(f'"{policy}" is no policy here; there are {", ".join(policies)}')
        for name, owner in self.owner.items():
            if owner not in systems:
                raise ValueError(f'`owner` of {name} is "{owner}", the sides are {" and ".join(systems)}')
        return self


class SyncedLegConfig(ConfigModel):
    """
    One kind of master record that people change in two systems, kept in step.

    A leg for each system: it takes what changed in either, and sends what this one has to be told, or tells people.
    """

    sync: SyncConfig = Field(description="What is kept in step, where, and whose changes count.")
    after: Annotated[list[str], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list, description="Legs of the stage that must have ended before this one begins."
    )
    max_records: int | None = Field(None, ge=1, description="Most source records of one batch. None: the flow's.")

    def legs(self, name: str) -> dict[str, LegConfig]:
        """The leg of each side by name, where this one is called ``name``; they go one after the other."""
        found: dict[str, LegConfig] = {}
        for side, other in zip(self.sync.sides[::-1], self.sync.sides, strict=True):
            common: dict[str, Any] = {
                "source": other.entity,
                "target": side.entity,
                "after": [*self.after, *found],
                "max_records": self.max_records,
                "sync": self.sync,
                "conform": other.conform,
            }
            found[f"{name}_{side.system}"] = (
                SideLegConfig(
                    **common, map=side.map, gate=side.gate, pool=side.pool, match=self.sync.matching.by_number
                )
                if side.by_hand is None
                else ComparedLegConfig(**common, by_hand=side.by_hand)
            )
        return found


class SideLegConfig(LegConfig):
    """The leg that writes one of two sides that are kept in step; it takes the changes of both."""

    sync: SyncConfig

    @property
    def sources(self) -> dict[str, str]:
        """The mapping to the canonical record by each entity read."""
        return {each.entity: each.conform for each in self.sync.sides}

    @property
    def takes_all(self) -> bool:
        """Whether it takes what changed before the company's `send_from` too: a customer is what it is."""
        return True


class ComparedLegConfig(SideLegConfig):
    """The leg of a side that people write by hand: it takes the changes of both, and tells what should be there."""

    by_hand: str
    map: str = ""  # nothing is made
    gate: str = ""

    @property
    def mappings(self) -> list[str]:
        """That which its records are compared by."""
        return [self.conform]

    @property
    def suites(self) -> list[str]:
        """None: nothing is sent."""
        return []


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


class ScheduleConfig(ConfigModel):
    """When a stage runs: by the clock, when something changed, or both."""

    cron: str | None = Field(None, description="Cron expression, UTC; beside `events` the safety net.")
    events: bool = Field(
        False,
        description="Whether it runs when a source of its legs changed: a stage has read or written something there.",
    )

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.cron is None and not self.events:
            raise ValueError("a schedule has `cron`, `events: true`, or both; leave it away to start runs by hand")
        return self

    @model_validator(mode="before")
    @classmethod
    def _cron_is_named(cls, schedule: Any) -> Any:
        if isinstance(schedule, str):
            raise ValueError(f'write `{{cron: "{schedule}"}}`')
        return schedule


class WaitsConfig(ConfigModel):
    """How long records may wait before the reconciliation tells of them."""

    days: int = Field(60, ge=0, description="Days from the record's own date, in every leg that says nothing else.")
    legs: dict[str, Annotated[int, Field(ge=0)] | Literal["for_ever"]] = Field(
        default_factory=dict, description="Days by leg; `for_ever`: what waits there is never told."
    )

    def of(self, leg: str) -> int | None:
        """Days of a leg; None: for ever."""
        days = self.legs.get(leg, self.days)
        return None if days == "for_ever" else days


class StageConfig(ConfigModel):
    """The legs of a flow that go together, in one rhythm; one DAG, `<flow>.<stage>`."""

    description: str | None = Field(None, description="What it does, for its DAG's page. None: the flow's.")
    schedule: ScheduleConfig | None = Field(None, description="When it runs; none: started by hand.")
    legs: dict[str, WrittenLeg] = Field(default_factory=dict, description="Its legs by name, as the process goes.")
    reconcile: list[str] = Field(
        default_factory=list,
        description="The two ledgers that must agree after its legs (accounting-rules.md §6); empty: none.",
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
    stages: dict[str, StageConfig] = Field(min_length=1, description="Its stages by name, in the order of the process.")
    alerts: AlertsConfig | None = Field(None, description="Who is told of what; none: nobody.")

    @cached_property
    def legs(self) -> dict[str, LegConfig]:
        """The legs of all stages by name, one for each target."""
        of_leg = {leg: list(legs) for each in self.branches.values() for leg, legs in each.items()}
        return {
            name: leg.model_copy(update={"after": [one for other in leg.after for one in of_leg.get(other, [other])]})
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
            looked_at = [each for rule in leg.rules.values() for each in rule.values()]
            found.update(dict.fromkeys(each for each in looked_at if each in elsewhere))
        return list(found)

    def asked_of(self, stage: str) -> list[str]:
        """Of what people may be asked by a stage, as canonical entities' names."""
        legs = self.of_stage(stage).values()
        return sorted({leg.sync.entity for leg in legs if isinstance(leg, SideLegConfig) and leg.sync.asks})

    def watched_of(self, stage: str) -> dict[str, list[str]]:
        """By canonical entity the fields of which every change is asked about in a stage."""
        legs = self.of_stage(stage).values()
        return {leg.sync.entity: leg.sync.watched for leg in legs if isinstance(leg, SideLegConfig)}

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


def leg_config(name: str, leg: LegConfig | Mapping[str, Any]) -> LegConfig:
    """
    A leg's definition, of what a flow file says of one.

    :raises ConfigurationError: it doesn't fit; names leg, key, and what is wrong.
    """
    if isinstance(leg, LegConfig):
        return leg
    try:
        return LegConfig.model_validate(dict(leg))
    except ValidationError as error:
        found = error.errors()[0]
        key = ".".join(str(each) for each in found["loc"])
        raise ConfigurationError(
            "LB-CFG-003",
            f'leg "{name}": `{key}`: {found["msg"].removeprefix("Value error, ")}.',
            remedy="Give the leg the keys that a leg of a flow file has.",
        ) from None
