"""What the console's API takes and gives. Amounts are decimals as text, instants UTC."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Acted",
    "CauseView",
    "Corrected",
    "Correction",
    "Event",
    "LetterDetail",
    "LetterList",
    "LetterView",
    "Me",
    "Money",
    "PlaceView",
    "Problem",
    "Request",
    "State",
]

State = Literal["open", "replaying", "closed", "discarded"]


class View(BaseModel):
    """Something that is shown."""

    model_config = ConfigDict(frozen=True)


class Money(View):
    """An amount in its currency."""

    amount: Decimal
    currency: str


class PlaceView(View):
    """A leg of a flow of a company whose letters the user sees."""

    company: str
    flow: str
    leg: str
    may_mend: bool = Field(description="Whether the user sees values here, and may change what becomes of them.")


class Me(View):
    """Who looks, and what their page needs to ask for something to be done."""

    name: str
    token: str = Field(description="To be sent as X-Ledgerbridge-Token with whatever changes something.")
    airflow: str = Field(description="Path that Airflow's own pages begin with; mostly blank.")
    places: list[PlaceView]
    zones: dict[str, str] = Field(description="Time zone of each company's documents, by its key.")


class LetterView(View):
    """A dead letter in a list. What tells of values is None to those who may not see them."""

    id: str
    state: State
    company: str
    flow: str
    leg: str
    step: str
    code: str
    field: str
    title: str = Field(description="The record's name, or its key to those who see no values.")
    source_key: str
    message: str | None
    remedy: str
    money: Money | None
    attempt: int
    created_at: datetime
    reason: str | None
    revision: str = Field(description="What was seen: to be sent with whatever is to be done with the letter.")


class LetterList(View):
    """A page of letters, and how many there are."""

    total: int
    letters: list[LetterView]


class CauseView(View):
    """Letters that one thing would mend, with the sums of those whose amount is known."""

    company: str
    flow: str
    leg: str
    code: str
    field: str
    count: int
    sums: list[Money]


class Event(View):
    """Something that became of a letter, as the audit tells it."""

    at: datetime
    action: str
    by: str | None
    reason: str | None
    run_id: str | None


class Corrected(View):
    """A value that somebody changed in what a letter keeps."""

    path: str
    before: Any = None
    after: Any = None
    by: str
    at: datetime


class LetterDetail(LetterView):
    """All that is kept of a letter."""

    record_key: str
    version: str | None
    value: str | None
    rule: str | None
    error_class: str | None
    mapping_version: str | None
    run_id: str
    may_mend: bool
    at_fault: str | None = Field(description="Path of the value at fault in `raw` or `document`.")
    raw: Any
    canonical: Any
    document: Any
    corrections: list[Corrected]
    history: list[Event]
    together: int = Field(description="How many open letters of the same record go with this one.")
    run_page: str = Field(description="Address of the run's dead letters among the pages of its task.")


Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class Request(BaseModel):
    """What is to be done with letters; all of it or nothing."""

    model_config = ConfigDict(extra="forbid")

    seen: dict[str, str] = Field(min_length=1, max_length=500, description="Revision of each letter by its id.")
    reason: Reason
    force: bool = Field(default=False, description="Replay also where the source has a newer version.")


class Correction(BaseModel):
    """Another value at one place of what a letter keeps."""

    model_config = ConfigDict(extra="forbid")

    revision: str
    path: Annotated[str, Field(min_length=1, max_length=1000)]
    value: Annotated[str, Field(max_length=20_000)]
    reason: Reason


class Acted(View):
    """What was done."""

    letters: list[str] = Field(description="Ids of all letters it concerned.")


class Problem(View):
    """Why something was not done, and what to do."""

    detail: str
    code: str | None = None
