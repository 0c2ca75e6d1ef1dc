"""What the console's API takes and gives. Amounts are decimals as text, instants UTC."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "A_NAME",
    "Acted",
    "BookedView",
    "CauseView",
    "Corrected",
    "Correction",
    "DocumentView",
    "Event",
    "EvidenceRequest",
    "LetterDetail",
    "LetterList",
    "LetterView",
    "Me",
    "Money",
    "PlaceView",
    "Problem",
    "RecordView",
    "Request",
    "State",
    "StepView",
    "StoppedView",
    "Way",
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


class RecordView(View):
    """A record of a source that a leg took."""

    entity: str
    source_key: str
    label: str | None
    outcome: str
    reason: str | None


class DocumentView(View):
    """What a leg made of it in a system, and where it stands."""

    entity: str
    record_key: str
    number: str | None
    target_id: str | None
    state: str
    reason: str | None
    day: str = Field(description="Of the business, not of the run; blank where it has none.")
    what: str = Field(description="What happened on that day: ordered, paid, invoiced …")
    money: Money | None
    attempts: int
    updated_at: datetime
    run_page: str


class BookedView(View):
    """What a ledger booked for it, as the last reconciliation read it; amounts are debit minus credit."""

    ledger: str
    kind: str
    number: str
    booked_on: date
    effects: dict[str, Decimal] | None = Field(description="By account, base currency.")


class StoppedView(View):
    """A dead letter on the way."""

    id: str
    state: str
    code: str
    field: str
    message: str | None


class StepView(View):
    """One leg's part in the way of a document."""

    flow: str
    stage: str
    leg: str
    began: datetime
    may_mend: bool
    records: list[RecordView]
    documents: list[DocumentView]
    booked: list[BookedView]
    letters: list[StoppedView]
    events: list[Event]


class Way(View):
    """The way of one document through the systems of a company, in the order of the process."""

    company: str
    title: str
    keys: list[str] = Field(description="What it is known by.")
    steps: list[StepView]


Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class Request(BaseModel):
    """What is to be done with letters; all of it or nothing."""

    model_config = ConfigDict(extra="forbid")

    seen: dict[str, str] = Field(min_length=1, max_length=500, description="Revision of each letter by its id.")
    reason: Reason
    force: bool = Field(default=False, description="Replay also where the source has a newer version.")


A_NAME = r"^[^\x00]*[^\s\x00][^\x00]*$"
"""Something, and nothing that no database takes."""


class EvidenceRequest(BaseModel):
    """Whose pack is asked for."""

    model_config = ConfigDict(extra="forbid")

    company: Annotated[str, Field(max_length=64)]
    wanted: Annotated[str, Field(max_length=250, pattern=A_NAME)]


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
