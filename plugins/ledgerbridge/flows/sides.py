"""Two sides as a flow file writes them: one kind of master record, kept in step in two systems."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from ledgerbridge.flows.legs import LegConfig
from ledgerbridge.matching.rules import MatchingConfig
from ledgerbridge.yaml_files import ConfigModel, OneOrMany, listed

__all__ = ["ComparedLegConfig", "SideConfig", "SideLegConfig", "SyncConfig", "SyncedLegConfig"]


class SideConfig(ConfigModel):
    """
    One of the two sides that are kept in step: how its records are read, and written; or who writes them by hand.

    A side with neither leads: nothing is expected of it, and all of the other.
    """

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

    cleared_by_hand: dict[str, str] = Field(
        default_factory=dict,
        description="Canonical fields that this side is given but that no interface of it clears, with where people do:"
        " what the other side has no more waits until they have.",
    )

    @model_validator(mode="after")
    def _written_or_by_hand(self) -> Self:
        if self.by_hand is None and (self.map is None) != (self.gate is None):
            raise ValueError(
                "a side that is written has `map` and `gate`; one that people write `by_hand`; one that leads neither"
            )
        if self.by_hand is not None and (self.map or self.gate or self.pool):
            raise ValueError("a side with `by_hand` is never written: take `map`, `gate` and `pool` away")
        return self

    @property
    def leads(self) -> bool:
        """Whether nothing is expected of it."""
        return self.map is None and self.by_hand is None

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
    approvers: dict[str, str] = Field(
        default_factory=dict,
        description="Who may answer about `watched` fields: the id of each user in Airflow, with their name in the"
        " system where records are edited. Whoever edited the record in the last thirty days is not asked. None named:"
        " whoever may see the questions, but for one whose name in Airflow is that of an editor.",
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
    def leader(self) -> str | None:
        """The system whose side leads; None: both are expected to follow."""
        return next((each.system for each in self.sides if each.leads), None)

    @property
    def asks(self) -> bool:
        """Whether people are asked about any field."""
        return bool(self.watched) or "ask" in (self.policy, *self.policies.values())

    @model_validator(mode="after")
    def _known_sides(self) -> Self:
        systems = [each.system for each in self.sides]
        if len(set(systems)) == 1:
            raise ValueError(f"both sides are in {systems[0]}: two systems are kept in step")
        if all(each.leads for each in self.sides):
            raise ValueError(
                "neither side is written, and people change neither: give one `map` and `gate`, or `by_hand`"
            )
        policies = ["newest", "ask", *(f"{each}_wins" for each in systems)]
        for policy in (self.policy, *self.policies.values()):
            if policy not in policies:
                raise ValueError(f'"{policy}" is no policy here; there are {", ".join(policies)}')
        if self.approvers and not self.watched:
            raise ValueError("`approvers` answer about `watched` fields, and there are none")
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
            if side.leads:
                continue
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
        """Those which the records of both sides are compared by."""
        return list(self.sources.values())

    @property
    def suites(self) -> list[str]:
        """None: nothing is sent."""
        return []
