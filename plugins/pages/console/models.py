"""What the console's API takes and gives. Amounts are decimals as text, instants UTC."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ledgerbridge.state.work_items import Kind

__all__ = [
    "A_NAME",
    "Acted",
    "AgreementView",
    "Answered",
    "Assignment",
    "AuditEntryView",
    "AuditPage",
    "BookedView",
    "BudgetView",
    "CauseView",
    "ChainView",
    "CircuitView",
    "CloseView",
    "Comment",
    "CommentView",
    "Corrected",
    "Correction",
    "DifferenceView",
    "DocumentView",
    "Event",
    "EvidenceRequest",
    "HealthView",
    "HeldView",
    "HitView",
    "LateChangeView",
    "LatencyView",
    "LetterDetail",
    "LetterList",
    "LetterView",
    "LinkedView",
    "Me",
    "Money",
    "Noted",
    "OverdueList",
    "OverdueView",
    "PayloadView",
    "PlaceToMend",
    "PlaceView",
    "Problem",
    "ProposalList",
    "ProposalView",
    "QuestionList",
    "QuestionView",
    "QueueView",
    "RecordView",
    "Reopened",
    "Reopening",
    "Request",
    "RoleView",
    "Said",
    "SignOffView",
    "SignatureView",
    "StageView",
    "State",
    "StepAsked",
    "StepView",
    "StoppedView",
    "Tagging",
    "UnknownList",
    "UnknownView",
    "VerdictView",
    "WaitingCounts",
    "Way",
    "WorkView",
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


class RightView(View):
    """What the user may do in a stage of a flow, as Airflow's auth manager says."""

    company: str
    flow: str
    stage: str
    reads: bool = Field(description="Sees what was done, what waits and why, without values.")
    mends: bool = Field(description="Sees values and amounts, and mends.")
    answers: bool = Field(description="Answers and approves what Airflow asks; where it asks by name, if named.")
    starts: bool = Field(description="Starts runs.")
    edits: bool = Field(description="Drafts, tries and publishes the files that the stage is built by.")


class Me(View):
    """Who looks, and what their page needs to ask for something to be done."""

    name: str
    token: str = Field(description="To be sent as X-Ledgerbridge-Token with whatever changes something.")
    airflow: str = Field(description="Path that Airflow's own pages begin with; mostly blank.")
    places: list[PlaceView]
    zones: dict[str, str] = Field(description="Time zone of each company's documents, by its key.")
    people: list[str] = Field(description="Who has taken something on before.")


class CommentView(View):
    """What somebody said of an entry of the work list."""

    at: datetime
    by: str
    text: str


class WorkView(View):
    """What people noted at an entry of the work list; tags and comments only to those who see values."""

    assignee: str | None = Field(description="Who has taken it on.")
    tags: list[str]
    comments: list[CommentView]


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
    work: WorkView


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


class PlaceToMend(View):
    """Where a remedy is done: a file of the include folder, or a page of a system."""

    title: str
    address: str | None = Field(description="None: nothing says where people edit it.")


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
    mended_at: list[PlaceToMend] = Field(description="Where the remedy may be done; empty to those who may not mend.")
    run_page: str = Field(description="Address of the run's dead letters among the pages of its task.")
    dag: str = Field(description="The DAG of its stage, a run of which takes what is replayed.")


class WaitingCounts(View):
    """How much of each kind waits for a person, or longer than it may, of what the user sees."""

    letters: int
    questions: int
    proposals: int
    unknown: int
    overdue: int


class HeldView(View):
    """A field with what each system holds of it, as text; None where it holds nothing."""

    name: str
    values: dict[str, str | None]


class QuestionView(View):
    """Whose value of a field stands, where two systems were both changed."""

    id: int
    company: str
    flow: str
    kind: str
    number: str | None
    field: str
    asked_at: datetime
    values: dict[str, str | None] | None = Field(description="By system, or `before`; None to those who see no values.")
    options: list[str] = Field(description="What Airflow takes as an answer: each is a system, or `before`.")
    task: str | None = Field(
        description="Below Airflow's /api/v2, where it takes the answer, by its own rule of who may give it; None: the"
        " question is not put yet."
    )
    page: str | None = Field(description="The page of the task in Airflow.")
    answering: list[str] = Field(description="Users who alone may answer; empty: whoever may edit the DAG.")
    answered_by: str | None = Field(description="Who has answered already: it is being carried out.")
    may_mend: bool
    work: WorkView


class QuestionList(View):
    """A page of questions, and how many there are."""

    total: int
    questions: list[QuestionView]


class AgreementView(View):
    """How far two records agree in one thing, in words; a weight below 0 bits speaks against."""

    name: str
    level: str
    weight: float


class ProposalView(View):
    """Two records of which a person says whether they are one."""

    id: int
    company: str
    flow: str
    kind: str
    sides: list[str]
    numbers: list[str | None]
    score: float = Field(description="How probable it is, between 0 and 1.")
    agreements: list[AgreementView]
    fields: list[HeldView] = Field(description="What each side holds; nothing to those who see no values.")
    may_mend: bool
    work: WorkView


class ProposalList(View):
    """A page of proposals, likeliest first, and how many there are."""

    total: int
    proposals: list[ProposalView]


class UnknownView(View):
    """A document that was called out and has no outcome: it may have arrived, and is looked up before it is sent."""

    id: int
    company: str
    flow: str
    leg: str
    entity: str
    record_key: str
    number: str | None
    attempts: int
    called_at: datetime
    settles_at: datetime | None = Field(description="Not looked up before: the target may still be at it.")
    money: Money | None
    run_page: str
    may_mend: bool
    work: WorkView


class UnknownList(View):
    """A page of documents of which nobody knows whether they arrived, oldest first, and how many there are."""

    total: int
    documents: list[UnknownView]


class OverdueView(View):
    """A record that waits longer than the flow's file says it may."""

    id: int
    company: str
    flow: str
    leg: str
    entity: str
    source_key: str
    title: str
    reason: str | None
    days: int
    allowed: int = Field(description="Days that it may wait.")
    money: Money | None
    may_mend: bool
    work: WorkView


class OverdueList(View):
    """A page of records that wait too long, longest first, and how many there are."""

    total: int
    records: list[OverdueView]


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
    run: str = Field(description="The run in Airflow, with its tasks.")
    page: str | None = Field(description="Where people see it in its own system, as its connection says.")


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


class HitView(View):
    """Something that may be meant."""

    company: str
    flow: str
    leg: str
    entity: str
    wanted: str = Field(description="What its way is found by.")
    title: str
    state: str
    money: Money | None
    at: datetime


class PayloadView(View):
    """What a leg read, what it understood of it, or what it sent."""

    what: Literal["read", "understood", "sent"]
    entity: str
    key: str
    content: Any


class LatencyView(View):
    """How long documents took from when a change became known until they arrived, in the last 24 hours; seconds."""

    median: float
    most: float = Field(description="Of nine in ten: one in ten took longer.")
    documents: int = Field(description="Of how many: the newest thousand of a company.")


class QueueView(View):
    """What waits of one connection."""

    company: str
    connection: str
    untaken: int = Field(description="Changes that a leg has not taken yet; of several legs the most.")
    oldest: datetime | None = Field(description="When the oldest of these became known.")
    waiting: int = Field(description="Records that were taken and wait for something else.")
    waiting_since: datetime | None = Field(description="When the oldest of these became known.")


class StageView(View):
    """A stage of a flow: its last pass, and what it did in the last 24 hours."""

    company: str
    flow: str
    stage: str
    dag: str
    page: str = Field(description="Its DAG in Airflow.")
    state: str | None = Field(description="Of its last pass, as Airflow says it; None: there was none.")
    began_at: datetime | None
    ended_at: datetime | None
    delivered: list[int] = Field(description="Documents that arrived, by hour, 24 of them, the last one is this.")
    refused: list[int] = Field(description="Dead letters, likewise.")
    oldest: datetime | None = Field(description="When the oldest change became known that it has not taken yet.")
    waits_for: str | None = Field(description="The entity of that change.")
    latency: LatencyView | None = Field(description="None: nothing arrived in the last 24 hours.")
    delivered_by_day: list[int] = Field(description="Documents that arrived, by 24 hours, 14 of them, the last is now.")
    refused_by_day: list[int] = Field(description="Dead letters, likewise.")


class CircuitView(View):
    """A connection that nobody calls for a while."""

    connection: str
    since: datetime
    until: datetime
    reason: str | None = Field(description="None to those who see no values.")


class BudgetView(View):
    """What is left of the calls that a system takes in 24 hours."""

    system: str
    limit: int
    left: int
    ends_in_hours: float | None = Field(description="If calls go on as in the last hour; None: not within a day.")


class VerdictView(View):
    """What a run's comparison of the books found."""

    company: str
    flow: str
    run_id: str
    ended_at: datetime
    agree: bool
    period_from: date | None
    period_to: date | None
    explained: int = Field(description="Differences with a reason.")
    open: int = Field(description="Differences without one.")
    open_since: datetime | None = Field(
        description="When the books were first found to differ since they last agreed, of the runs that are kept."
    )


class HealthView(View):
    """How everything that the user sees goes."""

    now: datetime
    stages: list[StageView]
    queues: list[QueueView]
    circuits: list[CircuitView]
    budgets: list[BudgetView]
    verdicts: list[VerdictView] = Field(description="The last of each period of each flow, the newest first.")


class LinkedView(View):
    """A document that a difference is about."""

    system: str
    kind: str
    number: str
    record: str


class DifferenceView(View):
    """One way the books differ."""

    type: str
    role: str
    value: Decimal | None = Field(description="First ledger minus second, base currency; None: not shown.")
    explained: bool
    told: str | None = Field(
        description="The reason where it has one, else the remedy; None: a reason that is a value."
    )
    documents: list[LinkedView]


class RoleView(View):
    """What the two ledgers hold on the accounts of a role, base currency."""

    role: str
    balances: dict[str, Decimal]


class CloseView(VerdictView):
    """A run's comparison of the books, whole."""

    currency: str
    values: bool
    roles: list[RoleView]
    figures: dict[str, Decimal]
    differences: list[DifferenceView]
    ledgers: list[str]


class SignatureView(View):
    """Somebody's signature of a period; the note is of those who see values."""

    name: str
    at: datetime
    note: str | None


class LateChangeView(View):
    """A document that is not as it was when its period was signed."""

    type: str
    ledger: str
    kind: str
    number: str
    record: str
    booked_on: date
    value: Decimal | None = Field(description="None: not shown.")
    told: str | None = Field(description="What changed; None: it is a value.")


class SignOffView(View):
    """A period as people signed it, or are to."""

    id: int
    company: str
    period_from: date
    period_to: date
    state: Literal["proposed", "signed", "reopened", "superseded"]
    report_hash: str
    proposed_at: datetime
    signatures: list[SignatureView]
    changes: list[LateChangeView] = Field(description="What is not as it was signed; of one that is signed.")
    may_reopen: bool
    files: list[str] = Field(description="Of the report, for those who see values.")


class Reopening(View):
    """Opening a signed period again."""

    reason: str = Field(min_length=1, max_length=500)


class Reopened(View):
    """A period that is open again."""

    sign_off: int


class AuditEntryView(View):
    """Something that was done, as the audit keeps it; never a value of a record."""

    number: int
    at: datetime
    by: str | None = Field(description="The person; None: a run did it by itself.")
    action: str
    entity: str
    record_key: str
    company: str
    task: str
    run_id: str | None
    hash: str


class AuditPage(View):
    """Entries of the audit, the newest first."""

    entries: list[AuditEntryView]
    before: int | None = Field(description="What to ask for to see those before; None: there are none.")


class ChainView(View):
    """What a walk over the whole audit chain found."""

    entries: int
    hash: str = Field(description="Of the last entry.")
    signed: bool
    anchors: int = Field(description="Heads of the chain that are kept elsewhere, compared with it.")
    broken: str | None = Field(description="The first thing at fault; None: everything holds.")


Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class Request(BaseModel):
    """What is to be done with letters; all of it or nothing."""

    model_config = ConfigDict(extra="forbid")

    seen: dict[str, str] = Field(min_length=1, max_length=500, description="Revision of each letter by its id.")
    reason: Reason
    force: bool = Field(default=False, description="Replay also where the source has a newer version.")


Entry = Annotated[str, Field(max_length=32, pattern=r"^[0-9a-f]+$")]
"""A letter's id, or another entry's number."""
Tag = Annotated[str, Field(max_length=32, pattern=r"^[\w-]+$")]


class Assignment(BaseModel):
    """Who is to take entries of the work list on; all of them or none."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    seen: dict[Entry, str | None] = Field(min_length=1, max_length=500, description="Who has each, as it was seen.")
    to: Annotated[str, Field(min_length=1, max_length=255, pattern=r"\S")] | None = Field(description="None: nobody.")


class Tagging(BaseModel):
    """Tags for entries of the work list."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    entries: list[Entry] = Field(min_length=1, max_length=500)
    add: list[Tag] = Field(default=[], max_length=20)
    remove: list[Tag] = Field(default=[], max_length=20)


class Comment(BaseModel):
    """What is to be said of an entry of the work list."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    entry: Entry
    text: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]


class Noted(View):
    """The entries of the work list that something was noted at."""

    entries: list[str]


A_NAME = r"^[^\x00]*[^\s\x00][^\x00]*$"
"""Something, and nothing that no database takes."""


class EvidenceRequest(BaseModel):
    """Whose pack is asked for."""

    model_config = ConfigDict(extra="forbid")

    company: Annotated[str, Field(max_length=64)]
    wanted: Annotated[str, Field(max_length=250, pattern=A_NAME)]


class StepAsked(EvidenceRequest):
    """Whose part in the way of a document is asked for."""

    flow: Annotated[str, Field(max_length=64)]
    leg: Annotated[str, Field(max_length=64)]


class Correction(BaseModel):
    """Another value at one place of what a letter keeps."""

    model_config = ConfigDict(extra="forbid")

    revision: str
    path: Annotated[str, Field(min_length=1, max_length=1000)]
    value: Annotated[str, Field(max_length=20_000)]
    reason: Reason


class Said(BaseModel):
    """What a person says of proposals; all of it is carried out, or nothing."""

    model_config = ConfigDict(extra="forbid")

    company: Annotated[str, Field(max_length=64)]
    kind: Annotated[str, Field(max_length=64)]
    answers: dict[int, Literal["accept", "refuse"]] = Field(min_length=1, max_length=500)


class Answered(View):
    """Which proposals were answered."""

    proposals: list[int]


class Acted(View):
    """What was done."""

    letters: list[str] = Field(description="Ids of all letters it concerned.")


class Problem(View):
    """Why something was not done, and what to do."""

    detail: str
    code: str | None = None
