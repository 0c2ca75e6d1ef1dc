"""The format of flow files (`include/flows/*.yaml`): a business process, its legs and when it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema, field_validator, model_validator

from ledgerbridge.alerts.config import AlertsConfig
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.links import MatchPolicy
from ledgerbridge.yaml_files import ConfigModel, OneOrMany, listed

__all__ = ["MAX_RECORDS", "FlowConfig", "LegConfig", "StepMinutes", "leg_config"]


MAX_RECORDS = 10_000
"""What the steps of a leg hold in memory at once is bounded by this: docs/explanation/speed.md."""
_LIMIT = re.compile(r"\d+|(\d{1,2}(\.\d+)?|100)%")


class LegConfig(ConfigModel):
    """One entity moved from one system to another."""

    source: str = Field(alias="from", description="Entity read, e.g. `xero.invoice`.")
    conform: str = Field(description="Mapping from the source's record to the canonical one.")
    rules: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="Rules the canonical records go through, in order, with the entities they look at.",
    )
    map: str = Field(description="Mapping from the canonical record to the target's document.")
    gate: str = Field(description="Expectation suite every mapped row must pass before load.")
    target: str = Field(alias="to", description="Entity written, e.g. `gp.sales_order`.")
    after: Annotated[list[str], BeforeValidator(listed), OneOrMany()] = Field(
        default_factory=list, description="Legs that must have ended before this one begins."
    )
    pool: str | None = Field(None, description="Airflow pool its load runs in.")
    match: MatchPolicy = Field(
        "adopt",
        description="When the target holds something that may be the same thing, found by e-mail for one: `adopt` takes"
        " it if it is one and active, else a person decides; `ask`: a person decides; `reject`: it is refused.",
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


class StepMinutes(ConfigModel):
    """How long a try of each step may take before Airflow ends it; what was delivered by then stays delivered."""

    extract: int = Field(720, ge=1, description="Reading a source; the first one reads all since `send_from`.")
    transform: int = Field(240, ge=1, description="Conforming, rules and mapping; rules may ask the target.")
    gate: int = Field(60, ge=1, description="Validating.")
    load: int = Field(720, ge=1, description="Sending: a first batch may meet the limits of the target's calls.")
    reconcile: int = Field(240, ge=1, description="Comparing the books.")


class FlowConfig(ConfigModel):
    """A business process; one DAG."""

    description: str = Field(description="What it does, for the DAG's page.")
    owner: str = Field(description="Who answers for it.")
    schedule: str | None = Field(None, description="Cron expression; none: started by hand or by events.")
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
    legs: dict[str, LegConfig] = Field(min_length=1, description="Its legs by name.")
    reconcile: list[str] = Field(
        default_factory=list,
        description="The two ledgers that must agree after the legs (accounting-rules.md §6); empty: none.",
    )

    alerts: AlertsConfig | None = Field(None, description="Who is told of what; none: nobody.")

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

    def behind(self, leg: str) -> list[str]:
        """The legs that must have ended before this one and take the same source, directly or over others."""
        before: dict[str, None] = {}
        left = list(self.legs[leg].after)
        while left:
            name = left.pop()
            if name in self.legs and name not in before:
                before[name] = None
                left += self.legs[name].after
        return sorted(name for name in before if self.legs[name].source == self.legs[leg].source)

    @property
    def overlap(self) -> timedelta:
        """How far a window reaches back."""
        return timedelta(minutes=self.overlap_minutes)


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
