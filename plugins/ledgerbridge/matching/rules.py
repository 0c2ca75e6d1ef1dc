"""What of two records is compared to tell whether they are one thing, and how sure one has to be."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ledgerbridge.links import MatchPolicy
from ledgerbridge.yaml_files import ConfigModel

__all__ = ["Comparison", "FirstMeeting", "Kind", "MatchingConfig"]

Kind = Literal["name", "address", "email", "phone", "code", "text"]


class Comparison(ConfigModel):
    """One thing that is compared of two records."""

    kind: Kind = Field(
        description="How: `name` of a company or person; `address` of street, other lines, post code and town;"
        " `email`; `phone`; `code`: a number that somebody gives out, of taxes or goods; `text`: a description."
    )
    fields: list[str] = Field(
        min_length=1,
        description="Canonical fields, read as one text; of an `address` the last two are post code and town.",
    )

    ignore_other: bool = Field(
        False, description="Whether another value says nothing, as of a number that each ledger gives out for itself."
    )

    @model_validator(mode="after")
    def _whole_address(self) -> Self:
        if self.kind == "address" and len(self.fields) < 3:
            raise ValueError("an `address` has at least three fields: street, post code, town")
        return self


class FirstMeeting(ConfigModel):
    """How records that only one side has are compared with those that only the other has."""

    compare: dict[str, Comparison] = Field(min_length=1, description="What is compared, by a name for people.")
    keys: list[str] = Field(
        default_factory=list,
        description="Names of `compare` that tell a thing from all others: two records that alone have one value are"
        " one where nothing else differs and something else agrees; else a person is asked.",
    )
    needs: list[str] = Field(
        default_factory=list,
        description="Names of `compare`: two that are nearly the same in none of these are never linked without a"
        " person, whatever else they share. Branches share a switchboard, families a house.",
    )
    automatic: float = Field(
        0.995, gt=0.5, le=1, description="How probable it has to be that two are one to link them without a person."
    )
    review: float = Field(
        0.05, gt=0, lt=1, description="How probable, at least, for a person to be asked; below it they are two things."
    )

    hold: bool = Field(
        False,
        description="Whether all that only one side has waits until this is taken away: nothing is linked, and"
        " `ledgerbridge match` shows what would be.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.review >= self.automatic:
            raise ValueError(f"`review` is {self.review}, it must be less than `automatic`, {self.automatic}")
        for key, named in (("keys", self.keys), ("needs", self.needs)):
            if unknown := sorted(set(named) - set(self.compare)):
                raise ValueError(f"`{key}` names {', '.join(unknown)}, `compare` has {', '.join(self.compare)}")
        return self


class MatchingConfig(ConfigModel):
    """Which record of one side is which of the other."""

    policy: MatchPolicy = Field(
        "adopt",
        description="When a record that is to be made is there already, by number or e-mail: `adopt` links the two if"
        " there is but one and it is active, else a person decides; `ask`: a person decides; `reject`: it is refused;"
        " `number`: only what bears its number is it. With a `meeting` it is `number`, for the rest was compared.",
    )
    meeting: FirstMeeting | None = Field(
        None,
        description="How the records of both sides that are linked with nothing are compared before any is made on the"
        " other side. None: they meet by number and e-mail alone.",
    )

    @property
    def by_number(self) -> MatchPolicy:
        """What a delivery goes by: after a meeting only what bears its number is it, for the rest was compared."""
        return self.policy if self.meeting is None else "number"
