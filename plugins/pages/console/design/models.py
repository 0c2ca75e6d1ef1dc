"""What the API of drafts takes and gives."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

__all__ = [
    "CandidateView",
    "ChangeAsked",
    "ClashView",
    "ClashesView",
    "DecisionsAsked",
    "DifferenceView",
    "DocumentChange",
    "DraftView",
    "DraftedView",
    "DriftView",
    "DriftsView",
    "EffectView",
    "FailureView",
    "FieldView",
    "FileView",
    "LanguageView",
    "LineAsked",
    "LineChange",
    "MappingView",
    "MergeAsked",
    "OptionView",
    "OriginView",
    "PairAsked",
    "PartChange",
    "PieceView",
    "PreviewAsked",
    "ProblemView",
    "PublicationView",
    "PublishAsked",
    "RefusalView",
    "RollbackAsked",
    "SaidView",
    "SayAsked",
    "SideField",
    "SidesView",
    "SuggestionView",
    "SumView",
    "TableView",
    "TryAsked",
    "TryView",
    "VersionSeen",
]

Step = str | int
Location = Annotated[list[Step], Field(min_length=1, max_length=20)]
Written = Annotated[str, Field(max_length=20_000)]
Note = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class FileView(BaseModel):
    """A mapping or flow; ``used_by`` are legs, as `flow.leg`; ``drafts`` names who has one under way."""

    file: str
    kind: str
    name: str
    description: str
    reads: str | None = None
    writes: str | None = None
    used_by: list[str] = []
    uses: list[str] = []
    drafts: list[str] = []
    may_edit: bool
    is_broken: bool = False


class ProblemView(BaseModel):
    """What is wrong, where, and what to do."""

    line: int
    column: int
    message: str
    remedy: str
    field: str | None = None


class FailureView(BaseModel):
    """Why a sample fails at a field; without its message for whoever sees no values."""

    sample: str
    code: str
    message: str | None
    remedy: str | None


class OriginView(BaseModel):
    """A path of the record that a field is made of; not ``direct``: it only decides what the field becomes."""

    path: str
    direct: bool


class FieldView(BaseModel):
    """
    One target field with its rule.

    ``origins``: paths of the whole record, what helpers read included. ``form``: the rule as a form shows it, or
    ``no_form`` says why none does. ``before``: what its paths hold in each sample, ``after``: what it becomes there,
    both as text, rows of a part after one another; nothing for whoever sees no values.
    """

    part: str
    number: int | None
    field: str
    location: list[Step]
    line: int
    last_line: int
    rule: str
    words: list[str] = []
    source: list[str] = []
    origins: list[OriginView] = []
    form: Any = None
    no_form: str | None = None
    required: bool = False
    is_helper: bool = False
    before: list[str] = []
    after: list[str] = []
    failures: list[FailureView] = []
    problems: list[ProblemView] = []


class OptionView(BaseModel):
    """What a part says beside its fields, as ``split``; not ``is_there``: it says nothing of that."""

    part: str
    number: int | None
    option: str
    location: list[Step]
    line: int
    rule: str
    form: Any = None
    no_form: str | None = None
    is_there: bool


class PieceView(BaseModel):
    """A list of rules of a part: where its fields stand, and the list of the source that its rows come from."""

    part: str
    number: int | None
    location: list[Step]
    each: str


class SaidView(BaseModel):
    """What somebody said of a draft; ``version``: of the draft as it was then."""

    by: str
    at: datetime
    version: int
    text: str


class DraftView(BaseModel):
    """A person's draft; ``is_behind``: the file was changed since it was begun."""

    id: int
    version: int
    changed_at: datetime
    is_behind: bool
    diff: list[str]
    comments: list[SaidView]


class OtherDraft(BaseModel):
    """Somebody else's draft of the same file."""

    id: int
    by: str
    changed_at: datetime


class PublicationView(BaseModel):
    """What was published of a file by the console."""

    id: int
    by: str
    at: datetime
    note: str
    commit: str
    branch: str | None


class DraftedView(BaseModel):
    """A file as a person's draft has it, or as it is live."""

    file: str
    name: str
    description: str
    text: str
    may_edit: bool
    publishes: str
    draft: DraftView | None
    others: list[OtherDraft]
    history: list[PublicationView]


class MappingView(DraftedView):
    """A mapping with its fields."""

    reads: str
    writes: str
    used_by: list[str]
    is_new: bool
    parts: list[str]
    pieces: list[PieceView]
    options: list[OptionView]
    fields: list[FieldView]
    required: int
    problems: list[ProblemView]
    samples: list[str]
    values: bool
    drift: str


class TableView(DraftedView):
    """A lookup table; ``rows`` are the first of ``count``, each with a value a column."""

    used_by: list[str]
    mappings: list[str]
    is_new: bool
    columns: list[str]
    rows: list[list[str]]
    count: int
    problems: list[ProblemView]


class PreviewAsked(BaseModel):
    """A rule as it is being written; ``seen``: the draft's version, 0 where there is none."""

    location: Location
    written: Written


class SideField(BaseModel):
    """A field of the entity that is read or made; ``part``: a list of it, or a part of a document."""

    part: str
    name: str
    path: str
    kind: str
    length: int
    required: bool
    about: str


class CandidateView(BaseModel):
    """What may go into a target field, how sure that is from 0 to 1, why, and the rule it would be."""

    path: str
    confidence: float
    reason: str
    rule: str


class SuggestionView(BaseModel):
    """A target field without a rule; ``band``: sure, likely or open. Of an open one candidates are only near."""

    target: str
    part: str
    field: str
    required: bool
    about: str
    band: str
    candidates: list[CandidateView]


class SidesView(BaseModel):
    """The fields of both sides of a mapping, and what is suggested for those that have no rule."""

    source: list[SideField]
    target: list[SideField]
    suggestions: list[SuggestionView]


class DriftView(BaseModel):
    """A path that is otherwise than it was accepted; ``of``: records, or the description of source or target."""

    company: str
    of: str
    path: str
    what: str
    before: str
    now: str
    is_read: bool


class DriftsView(BaseModel):
    """What is otherwise since the form of records was accepted; no time: nothing was accepted yet."""

    accepted_at: datetime | None
    by: str | None
    records: int
    drifts: list[DriftView]


class LanguageView(BaseModel):
    """What rules may say: the JSON Schema of mappings, and the functions of expressions."""

    mapping_schema: dict[str, Any]
    functions: list[str]
    tables: list[str]


class VersionSeen(BaseModel):
    """The draft's version as the page shows it; 0: there is none yet."""

    seen: int = Field(ge=0)


class ClashView(BaseModel):
    """Lines that the draft and the newer file changed both: as they are in each and were, and the line before them."""

    before: str
    draft: str
    base: str
    live: str


class ClashesView(BaseModel):
    """Where a draft and the newer file changed the same lines; ``live`` tells that file from others."""

    live: str
    clashes: list[ClashView]


class MergeAsked(VersionSeen):
    """Whose lines stand where both changed the same ones, in their order, of the newer file as it was seen."""

    live: str | None = Field(None, max_length=64)
    choices: list[Literal["draft", "live", "base"]] = Field([], max_length=1_000)


class SayAsked(BaseModel):
    """What somebody says of a draft."""

    text: Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"\S")]


class LineChange(BaseModel):
    """A path that a field is made of: it came, went, or stays."""

    path: str
    what: str


class PartChange(BaseModel):
    """A field of a mapping, or an expectation of a gate, that came, went or changed, as it was and is written."""

    part: str
    name: str
    what: str
    before: str
    after: str
    lines: list[LineChange] = []


class ChangeAsked(VersionSeen):
    """One thing of a file is written anew, or taken away (null)."""

    location: Location
    written: Written | None


Path = Annotated[str, Field(min_length=1, max_length=300)]


class PairAsked(BaseModel):
    """A target field and the source field that goes into it, or does not, both by their paths in the record."""

    target: Path
    source: Path


class LineAsked(VersionSeen, PairAsked):
    """A line drawn; ``number``: which of several lists of rules of the part."""

    number: int = Field(0, ge=0, lt=1_000)


class DecisionsAsked(VersionSeen):
    """What is accepted of suggestions, which goes into the draft, and what is refused; both are remembered."""

    accepted: list[PairAsked] = Field([], max_length=1_000)
    refused: list[PairAsked] = Field([], max_length=1_000)


class TryAsked(BaseModel):
    """How many days of what was recorded a draft is tried on."""

    days: int = Field(7, ge=1, le=400)
    most: int = Field(2_000, ge=1, le=20_000)


class PublishAsked(VersionSeen):
    """Why a draft is published: the commit's message."""

    note: Note


class RollbackAsked(BaseModel):
    """The publication that is to be undone."""

    publication: int = Field(ge=1, lt=2**31)


class SumView(BaseModel):
    """A sum before and after; role and account where it is of rows that bear one."""

    role: str | None = None
    account: str | None = None
    field: str
    currency: str
    before: Decimal
    after: Decimal


class RefusalView(BaseModel):
    """What would be refused and was not."""

    source_key: str
    field: str
    code: str
    message: str
    remedy: str


class DocumentChange(BaseModel):
    """A document with the fields that would be others, as `lines 1 AccountCode: 210 → 216`."""

    name: str
    fields: list[str]


class DifferenceView(BaseModel):
    """The difference a draft would have made in one leg."""

    leg: str
    entity: str
    records: int
    before: int
    after: int
    changed: int
    added: int
    gone: int
    refused_no_more: int
    newly_waiting: int
    newly_refused: int
    refusals: list[RefusalView]
    accounts: list[SumView]
    totals: list[SumView]
    documents: list[DocumentChange]
    assumed: dict[str, int]


class EffectView(BaseModel):
    """
    What a company's ledger books on an account of all documents, before and after, where either side is another.

    ``currency`` is blank for base currency.
    """

    company: str
    ledger: str
    role: str
    account: str
    currency: str
    debit_before: Decimal
    credit_before: Decimal
    debit_after: Decimal
    credit_after: Decimal
    difference: Decimal


class TryView(BaseModel):
    """What a draft would have done; ``not_shown``: legs it changes, with why that can't be shown."""

    days: int
    differences: list[DifferenceView]
    effects: list[EffectView]
    not_shown: dict[str, str]
