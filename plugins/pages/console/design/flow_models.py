"""What the API of the flow designer takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, JsonValue

from pages.console.design.models import DraftedView, Location, Step, VersionSeen, Written

__all__ = [
    "Begun",
    "Edit",
    "EditsAsked",
    "EditsTried",
    "EntityOffered",
    "FileAsked",
    "FlowProblem",
    "FlowView",
    "LegNode",
    "MappingOffered",
    "Move",
    "PaletteView",
    "PassView",
    "Put",
    "RuleNode",
    "RuleOffered",
    "StageNode",
    "SuiteOffered",
    "TakeAway",
    "TargetNode",
    "TextAsked",
    "Write",
]

Kind = Literal["one", "several", "sides"]


class FlowProblem(BaseModel):
    """What is wrong with a flow or a file it names; ``at``: the deepest place of the flow it is told of."""

    file: str
    line: int
    column: int
    message: str
    remedy: str
    at: list[Step]


class Node(BaseModel):
    """Something of a flow file that is drawn: where it stands, and what is written there."""

    location: list[Step]
    line: int
    written: str


class RuleNode(Node):
    """A rule of a leg with what it is told."""

    name: str
    settings: dict[str, str]


class TargetNode(Node):
    """
    A target of a leg, or a side of one that keeps two in step; what is not written is blank.

    ``leg`` is the name under which runs know it; ``conform`` and ``by_hand`` are of sides.
    """

    leg: str
    name: str
    entity: str
    map: str
    gate: str
    pool: str
    match: str
    after: list[str]
    conform: str
    by_hand: str


class LegNode(Node):
    """A leg as it is written: with one target, several, or two sides; what is not written is blank."""

    name: str
    kind: Kind
    sources: list[str]
    conform: str
    rules: list[RuleNode]
    after: list[str]
    max_records: str
    stop_if_rejected_over: str
    targets: list[TargetNode]


class StageNode(Node):
    """A stage; what is not written is blank."""

    name: str
    description: str
    cron: str
    events: bool
    can_wait: bool
    at_once: str
    reconcile: list[str]
    beside: list[str]
    legs: list[LegNode]


class FlowView(DraftedView):
    """A flow as a drawing; as much of it as can be read, whatever is wrong with the rest."""

    owner: str
    settings: dict[str, str]
    alerts: dict[str, str]
    expect: dict[str, str]
    stages: list[StageNode]
    problems: list[FlowProblem]


class Put(BaseModel):
    """A value is written at a place, in the form people write; what leads there is made."""

    do: Literal["put"]
    location: Location
    value: JsonValue


class Write(BaseModel):
    """What stands at a place is written anew, as YAML."""

    do: Literal["write"]
    location: Location
    written: Written


class TakeAway(BaseModel):
    """What stands at a place is taken away."""

    do: Literal["take_away"]
    location: Location


class Move(BaseModel):
    """What stands at a place stands at another one, as it is written; what names a leg follows its name."""

    do: Literal["move"]
    location: Location
    to: Location


Edit = Annotated[Put | Write | TakeAway | Move, Field(discriminator="do")]


class EditsTried(BaseModel):
    """Several things of a file are changed, all or none."""

    edits: list[Edit] = Field(min_length=1, max_length=100)


class EditsAsked(VersionSeen, EditsTried):
    """The same, in the user's draft."""


class TextAsked(VersionSeen):
    """A file's whole text, as it was before something was undone."""

    text: str = Field(max_length=1_000_000)


class FileAsked(BaseModel):
    """A file that is not there yet; what a mapping reads and writes, what a gate is for."""

    kind: Literal["flows", "mappings", "expectations"]
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")
    description: str = Field("", max_length=500)
    owner: str = Field("", max_length=100)
    reads: str = Field("", max_length=100)
    writes: str = Field("", max_length=100)


class Begun(BaseModel):
    """The name of a file that was begun."""

    file: str


class PassView(BaseModel):
    """What a leg's last pass took, and what became of it by now; ``unchanged`` holds what newer versions took over."""

    company: str
    leg: str
    run_id: str
    at: datetime
    read: int
    delivered: int
    unchanged: int
    rejected: int
    waiting: int


class EntityOffered(BaseModel):
    """An entity of a system, and what a flow can do with it."""

    name: str
    is_source: bool
    is_target: bool


class RuleOffered(BaseModel):
    """A rule; ``settings``: what it is told, with the pattern of what is no entity."""

    name: str
    description: str
    settings: dict[str, str]


class MappingOffered(BaseModel):
    """A mapping that is there."""

    name: str
    reads: str
    writes: str


class SuiteOffered(BaseModel):
    """A gate that is there; ``entities``: what legs use it for."""

    name: str
    description: str
    expectations: int
    entities: list[str]


class PaletteView(BaseModel):
    """Everything that a flow can name."""

    entities: list[EntityOffered]
    canonical: list[str]
    rules: list[RuleOffered]
    mappings: list[MappingOffered]
    suites: list[SuiteOffered]
    pools: list[str]
    ledgers: list[str]
