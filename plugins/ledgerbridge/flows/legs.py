"""A leg as a flow file writes it: one entity moved from one system to another, or to several."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema, field_validator

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.links import MatchPolicy
from ledgerbridge.yaml_files import ConfigModel, OneOrMany, listed

__all__ = ["BranchedLegConfig", "ClosedPeriods", "LegConfig", "TargetConfig", "leg_config"]

ClosedPeriods = Literal["hold", "next_open", "ask"]
"""What becomes of a document whose day the target is closed on."""
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
    closed_periods: ClosedPeriods | None = Field(
        None, description="What becomes of a document whose day is closed in the target. None: as the flow says."
    )
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
