"""What the API of gates gives."""

from __future__ import annotations

from pydantic import BaseModel, JsonValue

from pages.console.design.models import DraftedView, ProblemView, Step

__all__ = [
    "ArgumentOffered",
    "ExpectationOffered",
    "ExpectationView",
    "GateField",
    "GateTried",
    "GateView",
    "StoppedView",
    "UnusualView",
]


class ArgumentOffered(BaseModel):
    """What an expectation can be told; ``kind``: number, text, yes or no, list, or other: no form has it."""

    name: str
    kind: str
    needed: bool
    about: str
    choices: list[str]


class ExpectationOffered(BaseModel):
    """An expectation of the menu; one ``of_pairs`` looks at a second field beside."""

    name: str
    about: str
    of_pairs: bool
    arguments: list[ArgumentOffered]


class ExpectationView(BaseModel):
    """
    One expectation as it is written, what is wrong with it, and how many of the recent documents don't meet it.

    ``arguments`` as a form shows them: a number stays as it is written; null: no form shows them.
    """

    at: int
    location: list[Step]
    line: int
    written: str
    part: str
    expect: str
    column: str
    beside: str
    arguments: JsonValue
    remedy: str
    otherwise: str
    problems: list[ProblemView] = []
    stopped: int = 0


class UnusualView(BaseModel):
    """
    What documents are compared by with those before, as `unusual` says it; blank where it says nothing.

    ``found``: how many of the recent documents are told of or rejected by it.
    """

    party: str
    amount: str
    date: str
    currency: str
    account: str
    otherwise: str
    written: str
    problems: list[ProblemView] = []
    found: int = 0


class GateField(BaseModel):
    """A field that documents have here; ``kind`` as they are staged, blank where none was seen."""

    part: str
    name: str
    kind: str


class StoppedView(BaseModel):
    """
    A document that does not meet an expectation, the one at ``expectation``; None: it is ``unusual`` by that.

    ``value`` is None for whoever sees no values; ``newly``: it passes the gate as that is live.
    """

    company: str
    leg: str
    record_key: str
    expectation: int | None
    unusual: str = ""
    field: str
    value: str | None
    rejects: bool
    newly: bool


class GateTried(BaseModel):
    """What a gate would have made of recent documents; ``live``: what it makes of them without the draft."""

    documents: int
    rejected: int
    warned: int
    live: int
    stopped: list[StoppedView]


class GateView(DraftedView):
    """A gate with its expectations; ``not_tried`` says why nothing can be tried."""

    used_by: list[str]
    entities: list[str]
    is_new: bool
    unusual: UnusualView | None
    fields: list[GateField]
    expectations: list[ExpectationView]
    problems: list[ProblemView]
    values: bool
    tried: GateTried | None
    not_tried: str
