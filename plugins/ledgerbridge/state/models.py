"""
The tables of the state database, of which docs/reference/tables.md is made.

Money lies here inside JSON, as strings, or in whole hundred-thousandths where the database adds it up. Instants are
stored as UTC without a zone, because SQLite has no type for one; ``Instant`` gives them back aware.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from ledgerbridge.state.companies import OfCompany
from ledgerbridge.state.sealing import SealedJson, SealedText

__all__ = [
    "OURS",
    "AcceptedShape",
    "AlertRow",
    "AuditEntry",
    "BackfillRow",
    "Base",
    "BookedDocument",
    "BooksCase",
    "BooksDocument",
    "BooksName",
    "BooksOpenItem",
    "BooksReading",
    "BooksRecord",
    "BooksState",
    "BooksSum",
    "CallPause",
    "Circuit",
    "CountedCall",
    "DatabaseClock",
    "DeadLetter",
    "Delivery",
    "DeliveryTry",
    "Draft",
    "Installation",
    "Link",
    "LinkEnd",
    "LoggedChange",
    "MasterRow",
    "MatchProposal",
    "NameWord",
    "OAuthToken",
    "Position",
    "Promotion",
    "Reading",
    "ReconciliationResult",
    "SeenDocument",
    "SignOff",
    "SignedDocument",
    "SourceRecord",
    "StagedBatch",
    "ValidationResult",
    "WorkItem",
    "WorkTag",
]


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept in UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no zone; instants in the state database are aware")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Shown(TypeDecorator[str]):
    """
    Words of others that are shown to people, a record's name or the value at fault: kept as far as they fit.

    PostgreSQL refuses what is longer than its column, and NUL anywhere; SQLite takes both. One such record must not
    keep the rest of its batch from being written.
    """

    impl = Text
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__()
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        return dialect.type_descriptor(Text() if self.length is None else String(self.length))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.replace("\0", "\N{REPLACEMENT CHARACTER}")[: self.length]


def _where(name: str, condition: str, *columns: str) -> Index:
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


class Base(DeclarativeBase):
    """All tables of ours."""

    type_annotation_map = {datetime: Instant, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


Number = BigInteger().with_variant(Integer, "sqlite")
"""Of a change; SQLite counts by itself only in a column of exactly this type."""


class LoggedChange(OfCompany, Base):
    """
    One version of one record of a source, as it became known; never updated but for its payload, never deleted.

    ``how``: ``poll``, ``webhook``, ``backfill`` or ``person``. ``payload_uri`` is the staged file that holds it;
    none where its payload was purged, or a change was only announced: then ``version`` is the event's id, and
    ``source_key`` may be of another entity, a change of which is one of this one. ``content_hash`` is the audit's of
    the record. Numbers of an entity become visible in their order; between two of them others may lie.
    """

    __tablename__ = "change"
    __table_args__ = (
        Index("ix_change_entity", "company", "entity", "number"),
        Index("ix_change_record", "company", "entity", "source_key", "number"),
        Index("ix_change_payload", "payload_uri"),
        {"sqlite_autoincrement": True},  # a number is never given twice, not even after the last one is gone
    )
    number: Mapped[int] = mapped_column(Number, primary_key=True)
    entity: Mapped[str] = mapped_column(String(64))
    connection: Mapped[str] = mapped_column(String(128))
    source_key: Mapped[str] = mapped_column(String(255))
    version: Mapped[str] = mapped_column(String(128))
    changed_at: Mapped[datetime]
    how: Mapped[str] = mapped_column(String(16))
    payload_uri: Mapped[str | None] = mapped_column(Text)
    content_hash: Mapped[str | None] = mapped_column(String(64))
    known_at: Mapped[datetime]


class Reading(OfCompany, Base):
    """
    How far a source was read: what changed up to ``until``, by its own clock, is in the change log.

    ``run_id`` is the run that read last. ``announced`` is the number up to which changes that were only announced have
    been read. ``whole`` says that the log holds every record since the company's beginning with its payload, so that a
    leg that is added now has nothing to read again. ``listed_at``: when all its records were read last, which tells
    what is gone.
    """

    __tablename__ = "reading"
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    entity: Mapped[str] = mapped_column(String(64), primary_key=True)
    connection: Mapped[str] = mapped_column(String(128), primary_key=True)
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]
    rows: Mapped[int]
    whole: Mapped[bool]
    announced: Mapped[int] = mapped_column(Number, default=0, server_default="0")
    run_id: Mapped[str] = mapped_column(String(250))
    ended_at: Mapped[datetime]
    listed_at: Mapped[datetime | None]


class BackfillRow(OfCompany, Base):
    """A source that is read anew from a time on, and up to when what changed is in the change log by it."""

    __tablename__ = "backfill"
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    entity: Mapped[str] = mapped_column(String(64), primary_key=True)
    connection: Mapped[str] = mapped_column(String(128), primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    until: Mapped[datetime]
    done: Mapped[datetime]
    rows: Mapped[int]
    new: Mapped[int]
    updated_at: Mapped[datetime]


class Position(OfCompany, Base):
    """Up to which change a leg has taken its source; what it took stands in the work list."""

    __tablename__ = "position"
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    flow: Mapped[str] = mapped_column(String(64), primary_key=True)
    leg: Mapped[str] = mapped_column(String(64), primary_key=True)
    entity: Mapped[str] = mapped_column(String(64), primary_key=True)
    change: Mapped[int] = mapped_column(Number)
    taken_at: Mapped[datetime]


class SourceRecord(OfCompany, Base):
    """
    What became of one source record in one leg: the work list, and the balance of every batch.

    ``outcome`` is ``read`` while it is under way, then ``delivered``, ``unchanged``, ``waiting``, ``superseded`` or
    ``rejected``; ``held`` is a rejected one of a batch that was stopped (``stop_if_rejected_over``). ``read``,
    ``waiting`` and ``held`` ones are taken again by the next pass, from ``batch_uri``. ``change`` is the number of the
    version that was taken; none for one that was taken before there was a change log. ``canonical`` is the first
    canonical header made of it, decimals as strings. A ``waiting`` one is taken again when the audit tells of news
    after entry ``tried_after``, or it is ``try_again_at`` by the database's clock (none: by each run, as its target put
    it off); ``taken_at`` is when this version was taken first.
    """

    __tablename__ = "source_record"
    __table_args__ = (
        UniqueConstraint("company", "flow", "leg", "source_key"),
        Index("ix_source_record_outcome", "company", "flow", "leg", "outcome"),
        Index("ix_source_record_label", "company", "entity", "label"),
        Index("ix_source_record_run", "company", "flow", "leg", "run_id"),
        Index("ix_source_record_chain", "company", "entity", "chain_key"),
    )
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    flow: Mapped[str] = mapped_column(String(64))
    leg: Mapped[str] = mapped_column(String(64))
    entity: Mapped[str] = mapped_column(String(64))
    source_key: Mapped[str] = mapped_column(String(255))
    version: Mapped[str] = mapped_column(String(128))
    change: Mapped[int | None] = mapped_column(Number)
    label: Mapped[str | None] = mapped_column(Shown(512))
    chain_key: Mapped[str | None] = mapped_column(String(255))
    canonical: Mapped[dict[str, Any] | None] = mapped_column(SealedJson)
    outcome: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)
    batch_uri: Mapped[str] = mapped_column(Text)
    run_id: Mapped[str] = mapped_column(String(250))
    updated_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]
    try_again_at: Mapped[datetime | None]
    tried_after: Mapped[int | None]


class Delivery(OfCompany, Base):
    """
    One document's journey to one target.

    ``state``: ``sending`` (a try has taken it), ``not_sent`` (nothing was taken, or the target does not take it yet:
    then ``reason`` says why), ``delivered``, ``rejected``. ``fence`` is the try that may send it. ``called_at`` is
    written before each call: what has one and no outcome may have been sent, and is looked up, not before
    ``settles_at``. ``target_id`` is set once it arrived, and stays when an update is refused. ``change`` is the number
    of the newest change that was sent or tried, none from before there were numbers: an older one is not sent.
    ``canonical`` is the header it was made from, decimals as strings; ``money`` is what that is about, in
    hundred-thousandths of ``currency``, none of what was sent last before that was kept.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("company", "entity", "record_key"),
        Index("ix_delivery_chain", "company", "entity", "chain_key"),
        Index("ix_delivery_target", "company", "entity", "target_id"),
        Index("ix_delivery_number", "company", "entity", "number"),
        Index("ix_delivery_record", "record_key"),
        Index("ix_delivery_run", "run_id"),
        Index("ix_delivery_updated", "updated_at"),
        # few are under way: they are found among all that ever were
        _where("ix_delivery_called", "called_at IS NOT NULL", "called_at"),
        Index("ix_delivery_money", "money"),
    )
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    flow: Mapped[str] = mapped_column(String(64))
    leg: Mapped[str] = mapped_column(String(64))
    entity: Mapped[str] = mapped_column(String(64))
    record_key: Mapped[str] = mapped_column(String(255))
    chain_key: Mapped[str | None] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16))
    content_hash: Mapped[str] = mapped_column(String(64))
    idempotency_key: Mapped[str] = mapped_column(String(128))
    target_id: Mapped[str | None] = mapped_column(String(255))
    number: Mapped[str | None] = mapped_column(String(255))
    canonical: Mapped[dict[str, Any]] = mapped_column(SealedJson)
    change: Mapped[int | None] = mapped_column(Number)
    reason: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int | None]
    called_at: Mapped[datetime | None]
    settles_at: Mapped[datetime | None]
    run_id: Mapped[str] = mapped_column(String(250))
    updated_at: Mapped[datetime]
    currency: Mapped[str | None] = mapped_column(String(16))
    money: Mapped[int | None] = mapped_column(BigInteger)


class DeliveryTry(Base):
    """
    One try of a task to deliver, alive while its lease lasts: ``heartbeat_at`` moves ``lease_until`` on.

    Instants are the database's own. ``number`` goes on growing: a later try has a higher one. ``token`` is a try's
    own secret: a state restored from a backup gives numbers again that tries of before may still go by.
    """

    __tablename__ = "delivery_try"
    __table_args__ = (Index("ix_delivery_try_lease", "lease_until"), {"sqlite_autoincrement": True})
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    run_id: Mapped[str] = mapped_column(String(250))
    task: Mapped[str] = mapped_column(String(250))
    worker: Mapped[str] = mapped_column(String(128))
    token: Mapped[str] = mapped_column(String(32))
    began_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]
    lease_until: Mapped[datetime]


class DatabaseClock(Base):
    """The time that SQLite's users share: ``at`` was when the machine of this ``start`` had run ``seconds``."""

    __tablename__ = "database_clock"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    start: Mapped[str] = mapped_column(String(64))
    seconds: Mapped[float]
    at: Mapped[datetime]


class DeadLetter(OfCompany, Base):
    """
    A record that can't go on, kept whole with its reason. ``id`` is derived, so that a rerun writes it once.

    ``state``: ``open``, ``replaying`` (the next pass takes it), ``closed`` (``reason`` says by what), ``discarded``
    (``reason`` says why). ``version`` and ``changed_at`` are the source record's; ``attempt`` counts the runs in which
    it failed in this leg. ``document_types`` are Arrow schemas by part, to make frames of ``document`` again.
    ``corrections`` lists ``path``, ``before``, ``after``, ``by``, ``at`` of what people changed in ``raw`` and
    ``document``. After a replay ``stands_for`` is the version of the source record that the kept one stands for, and
    ``replay_from`` the task it starts at: ``transform`` (from ``raw``) or ``gate`` (from ``document``). ``money`` is
    the document's amount in hundred-thousandths of ``currency``, none where the record was not understood that far.
    """

    __tablename__ = "dead_letter"
    __table_args__ = (
        Index("ix_dead_letter_source", "company", "flow", "leg", "source_key"),
        # a list of a hundred thousand is counted, grouped and ordered without a look at what each letter keeps
        Index("ix_dead_letter_list", "state", "created_at", "id", "company", "flow", "leg", "code", "step"),
        Index("ix_dead_letter_cause", "state", "company", "flow", "leg", "code", "field", "currency", "money"),
        Index("ix_dead_letter_money", "state", "money", "id"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    flow: Mapped[str] = mapped_column(String(64))
    leg: Mapped[str] = mapped_column(String(64))
    step: Mapped[str] = mapped_column(String(16))
    source_key: Mapped[str] = mapped_column(String(255))
    record_key: Mapped[str] = mapped_column(String(255))
    label: Mapped[str | None] = mapped_column(Shown(512))
    code: Mapped[str] = mapped_column(String(32))
    field: Mapped[str] = mapped_column(Shown(128))
    value: Mapped[str | None] = mapped_column(SealedText)
    message: Mapped[str] = mapped_column(SealedText)
    rule: Mapped[str | None] = mapped_column(Text)
    remedy: Mapped[str] = mapped_column(Text)
    raw: Mapped[dict[str, Any] | None] = mapped_column(SealedJson)
    canonical: Mapped[dict[str, Any] | None] = mapped_column(SealedJson)
    document: Mapped[dict[str, Any] | None] = mapped_column(SealedJson)
    mapping_version: Mapped[str | None] = mapped_column(String(64))
    run_id: Mapped[str] = mapped_column(String(250))
    state: Mapped[str] = mapped_column(String(16), default="open")
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    error_class: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[str | None] = mapped_column(String(128))
    changed_at: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(default=1, server_default="1")
    document_types: Mapped[dict[str, Any] | None]
    corrections: Mapped[list[Any] | None] = mapped_column(SealedJson)
    stands_for: Mapped[str | None] = mapped_column(String(128))
    replay_from: Mapped[str | None] = mapped_column(String(16))
    replayed_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(Text)
    currency: Mapped[str | None] = mapped_column(String(16))
    money: Mapped[int | None] = mapped_column(BigInteger)


class WorkItem(OfCompany, Base):
    """
    What people note at something that waits: who takes it on, and what they say of it.

    ``kind`` and ``subject`` say what it is about: a dead letter by its id, or by a hash of what names it a question to
    people, a proposal, a delivery of unknown outcome, a record that waits. ``comments`` lists ``at``, ``by``, ``text``.
    """

    __tablename__ = "work_item"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        Index("ix_work_item_assignee", "kind", "assignee", "subject"),
    )
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(32))
    assignee: Mapped[str | None] = mapped_column(String(255))
    comments: Mapped[list[Any] | None] = mapped_column(SealedJson)
    updated_at: Mapped[datetime]


class WorkTag(Base):
    """A word by which people find what they noted something at."""

    __tablename__ = "work_tag"
    __table_args__ = (Index("ix_work_tag", "tag", "item"),)
    item: Mapped[int] = mapped_column(ForeignKey("work_item.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(32), primary_key=True)


OURS = "canonical."
"""What the entity of an end begins with whose key is our record key: ``canonical.customer``."""


class Link(OfCompany, Base):
    """One thing in life; its ends say what it is called in each system. ``kind``: ``customer``, ``sales_invoice``."""

    __tablename__ = "link"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class LinkEnd(OfCompany, Base):
    """
    One id of a linked thing, and what its side was last seen to hold and last written.

    ``entity`` is ``system.name``, and ``canonical.customer`` for our own record key, of which a thing may have
    several. ``matched_by`` is how the id was known to be the same: ``written`` by us, or what it was found by; none
    where that was not kept. Hashes stay; ``seen`` and ``written`` are kept of master data, until they are purged.
    Of what is kept in step on both sides ``held`` is its canonical fields as they were read last, from the change of
    that number and time, and ``agreed`` the same when the two sides last agreed on each; ``offered``: by field what the
    other side was to be given since, as it is held here and as it was to be held there. ``compared_at``: when it was
    compared with all records of the other side that are linked with nothing. ``gone_at``: when its system was found to
    have it no more.
    """

    __tablename__ = "link_end"
    __table_args__ = (
        UniqueConstraint("company", "entity", "key"),
        Index("ix_link_end_link", "link_id", "company", "entity"),
        Index("ix_link_end_key", "key"),
        Index("ix_link_end_number", "number"),
    )
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    link_id: Mapped[int] = mapped_column(ForeignKey("link.id"))
    entity: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(255))
    number: Mapped[str | None] = mapped_column(String(255))
    matched_by: Mapped[str | None] = mapped_column(String(32))
    linked_at: Mapped[datetime]
    seen_hash: Mapped[str | None] = mapped_column(String(64))
    seen: Mapped[dict[str, Any] | None] = mapped_column(SealedJson)
    seen_at: Mapped[datetime | None]
    written_hash: Mapped[str | None] = mapped_column(String(64))
    written: Mapped[dict[str, Any] | None] = mapped_column(SealedJson)
    written_at: Mapped[datetime | None]
    held: Mapped[dict[str, Any] | None] = mapped_column(SealedJson)
    held_change: Mapped[int | None]
    held_changed_at: Mapped[datetime | None]
    agreed: Mapped[dict[str, Any] | None] = mapped_column(SealedJson)
    offered: Mapped[dict[str, Any] | None] = mapped_column(SealedJson)
    compared_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]


class NameWord(OfCompany, Base):
    """
    A word of what a record is called, or somebody it tells of, for a search: the names themselves are encrypted.

    ``word`` is its keyed hash (``ledgerbridge.state.names``). ``kept_in`` and ``row_id`` say where the name is: in
    ``canonical`` of a ``source_record``, in ``held`` of a ``link_end``; the word goes with it.
    """

    __tablename__ = "name_word"
    __table_args__ = (Index("ix_name_word_row", "kept_in", "row_id"),)
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    word: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    kept_in: Mapped[str] = mapped_column(String(16), primary_key=True)
    row_id: Mapped[int] = mapped_column(Integer, primary_key=True)


class MergeQuestion(OfCompany, Base):
    """
    Which of two values of a field stands, where two sides that are kept in step both changed it.

    ``record_key`` is the thing's, ``values`` by system, ``put_in`` the run that put it to people, ``answer`` the system
    whose value stands.
    """

    __tablename__ = "merge_question"
    __table_args__ = (UniqueConstraint("company", "kind", "record_key", "field"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    record_key: Mapped[str] = mapped_column(String(255))
    field: Mapped[str] = mapped_column(String(64))
    number: Mapped[str | None] = mapped_column(String(255))
    values: Mapped[dict[str, Any] | None] = mapped_column(SealedJson)
    asked_at: Mapped[datetime]
    put_in: Mapped[str | None] = mapped_column(String(250))
    answer: Mapped[str | None] = mapped_column(String(64))
    answered_by: Mapped[str | None] = mapped_column(String(255))
    answered_at: Mapped[datetime | None]


class PostingDay(OfCompany, Base):
    """
    The day a document is posted on whose ``own`` was closed in its target, before that took it.

    ``by``: a flow's policy, or ``people`` who were asked.
    """

    __tablename__ = "posting_day"
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    entity: Mapped[str] = mapped_column(String(64), primary_key=True)
    record_key: Mapped[str] = mapped_column(String(255), primary_key=True)
    own: Mapped[date]
    day: Mapped[date]
    by: Mapped[str] = mapped_column(String(16))
    moved_at: Mapped[datetime]


class SummarisedEntry(OfCompany, Base):
    """
    What an entry puts in the document it is summed up in, with others, and in which.

    ``entity`` is the document's, ``summary`` its record key. ``lines`` are account, code of the other ledger's account,
    what tells that apart, and amount in base currency, each as text.
    """

    __tablename__ = "summarised_entry"
    # whoever looks an entry or a summary up most often does not know the entity
    __table_args__ = (Index("ix_summarised_entry_summary", "company", "summary"),)
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    record_key: Mapped[str] = mapped_column(String(255), primary_key=True)
    entity: Mapped[str] = mapped_column(String(64), primary_key=True)
    summary: Mapped[str] = mapped_column(String(255))
    label: Mapped[str] = mapped_column(String(255))
    posted_on: Mapped[date]
    lines: Mapped[list[list[str]]] = mapped_column(SealedJson)


class MatchProposal(OfCompany, Base):
    """
    Two records of two sides that may be one thing, of which a person says whether they are.

    ``left_key`` and ``right_key`` are their ids, of the entities that ``sides`` names; ``shown`` is what each held when
    they were compared, by side, and ``agreements`` in what they agree, each with its weight. ``best``: they are each
    other's in the most probable pairing. ``answer``: ``accepted`` or ``refused``; what was linked without a person is
    kept as ``accepted`` by nobody.
    """

    __tablename__ = "match_proposal"
    __table_args__ = (
        UniqueConstraint("company", "kind", "left_key", "right_key"),
        Index("ix_match_proposal_right", "company", "kind", "right_key"),
    )
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    sides: Mapped[list[Any]]
    left_key: Mapped[str] = mapped_column(String(255))
    right_key: Mapped[str] = mapped_column(String(255))
    left_number: Mapped[str | None] = mapped_column(String(255))
    right_number: Mapped[str | None] = mapped_column(String(255))
    shown: Mapped[dict[str, Any] | None] = mapped_column(SealedJson)
    score: Mapped[float] = mapped_column(Float)
    best: Mapped[bool]
    agreements: Mapped[list[Any]]
    compared_at: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(String(16))
    answered_by: Mapped[str | None] = mapped_column(String(255))
    answered_at: Mapped[datetime | None]


class AlertRow(OfCompany, Base):
    """
    One thing people are told of: ``times`` it occurred since ``began_at``, ``told_times`` of them were told.

    Begins anew when it occurs after ``ended_at``.
    """

    __tablename__ = "alert"
    __table_args__ = (UniqueConstraint("company", "flow", "leg", "kind"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    flow: Mapped[str] = mapped_column(String(64))
    leg: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(64))
    message: Mapped[str] = mapped_column(Text)
    remedy: Mapped[str] = mapped_column(Text)
    link: Mapped[str] = mapped_column(Text)
    began_at: Mapped[datetime]
    last_at: Mapped[datetime]
    times: Mapped[int]
    told_times: Mapped[int]
    told_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Circuit(Base):
    """
    How the calls to one Airflow connection went lately; ``failures`` in a row.

    While ``paused_until`` is set nobody calls it; when that time has come, one worker probes.
    """

    __tablename__ = "circuit"
    connection: Mapped[str] = mapped_column(String(250), primary_key=True)
    failures: Mapped[int]
    paused_until: Mapped[datetime | None]
    paused_since: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(Text)
    updated_at: Mapped[datetime]


class CountedCall(Base):
    """
    One call to a system that grants so many a minute and a day, by what they are granted to; a day later it is gone.

    ``ended_at``: none while it is in progress, or where whoever made it was killed.
    """

    __tablename__ = "counted_call"
    __table_args__ = (Index("ix_counted_call_budget_began_at", "budget", "began_at"),)
    id: Mapped[int] = mapped_column(Number, primary_key=True)
    budget: Mapped[str] = mapped_column(String(64))
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class CallPause(Base):
    """Until when nobody calls, because the system said so."""

    __tablename__ = "call_pause"
    budget: Mapped[str] = mapped_column(String(64), primary_key=True)
    until: Mapped[datetime]


class StagedBatch(Base):
    """
    The batch that stands at an address of the staging area: rows by part, and the hash that every read compares.

    Written in the transaction that tells what the batch is for; the files of an earlier try lie beside its own.
    """

    __tablename__ = "staged_batch"
    uri: Mapped[str] = mapped_column(Text, primary_key=True)
    rows: Mapped[dict[str, Any]]
    sha256: Mapped[str] = mapped_column(String(64))


class Installation(Base):
    """
    What this installation was given once, when its tables were made, and keeps for good.

    ``key_salt``: hexadecimal, what keys of guessable things are made with; empty where keys were made without one.
    """

    __tablename__ = "installation"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class MasterRow(Base):
    """One row of a system's master data, as it was at ``read_at``."""

    __tablename__ = "master_row"
    connection: Mapped[str] = mapped_column(String(128), primary_key=True)
    entity: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(SealedJson)
    read_at: Mapped[datetime]


class Draft(Base):
    """
    A file of the include folder as somebody changed it, before it is live.

    ``file`` is its name below that folder, ``base`` the text it was begun from, ``by`` whose it is. ``version`` counts
    its changes. ``state``: ``open``, ``published``, or ``discarded``; a published one says its ``commit``, and the
    ``branch`` where it is not live by itself.
    """

    __tablename__ = "draft"
    __table_args__ = (Index("ix_draft_file", "file", "state"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    file: Mapped[str] = mapped_column(String(255))
    by: Mapped[str] = mapped_column(String(255))
    base: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    changed_at: Mapped[datetime]
    note: Mapped[str | None] = mapped_column(Text)
    commit: Mapped[str | None] = mapped_column(String(64))
    branch: Mapped[str | None] = mapped_column(String(255))


class DraftComment(Base):
    """What somebody says of a draft; ``version``: of the draft as it was then."""

    __tablename__ = "draft_comment"
    __table_args__ = (Index("ix_draft_comment_draft", "draft"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    draft: Mapped[int]
    by: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime]
    version: Mapped[int]
    text: Mapped[str] = mapped_column(Text)


class AcceptedShape(OfCompany, Base):
    """
    The form of records that somebody said a mapping fits: by path what stands there, no value.

    ``records`` is of those that were read last, ``source`` and ``target`` of what systems' descriptions said then.
    """

    __tablename__ = "accepted_shape"
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    mapping: Mapped[str] = mapped_column(String(255), primary_key=True)
    records: Mapped[dict[str, Any]]
    source: Mapped[dict[str, Any]]
    target: Mapped[dict[str, Any]]
    by: Mapped[str] = mapped_column(String(255))
    accepted_at: Mapped[datetime]


class Promotion(Base):
    """
    A signed bundle of files from another environment, from being offered here to being live, and back.

    ``content`` is the bundle as it was signed, ``sha256`` its hash; ``environment``, ``packed_by`` and ``packed_at``
    are what it says of itself. ``state``: ``offered``, ``checked``, ``failed`` (``problems`` says why), ``approved`` or
    ``rejected`` (by ``said_by``), ``applying``, ``applied``, ``undoing``, ``undone``. ``tried`` is the difference it
    would have made over the last days, as sums. ``files`` is the hash of the files as they were when it was checked,
    and once it is applied, of its own; ``before`` the files before it, as a bundle. ``run_id`` is the run that asks.
    """

    __tablename__ = "promotion"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    environment: Mapped[str | None] = mapped_column(String(64))
    packed_by: Mapped[str] = mapped_column(String(255))
    packed_at: Mapped[datetime]
    offered_by: Mapped[str] = mapped_column(String(255))
    offered_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    run_id: Mapped[str | None] = mapped_column(String(250))
    problems: Mapped[list[Any] | None]
    tried: Mapped[dict[str, Any] | None]
    files: Mapped[str | None] = mapped_column(String(64))
    said_by: Mapped[str | None] = mapped_column(String(255))
    said_at: Mapped[datetime | None]
    before: Mapped[bytes | None] = mapped_column(LargeBinary)
    applied_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(String(255))
    undone_at: Mapped[datetime | None]


class OAuthToken(Base):
    """An encrypted token set; refreshed only by the process that holds its lease."""

    __tablename__ = "oauth_token"
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    ciphertext: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime | None]
    lease_owner: Mapped[str | None] = mapped_column(String(250))
    lease_until: Mapped[datetime | None]


class ValidationResult(OfCompany, Base):
    """What a gate found in one batch."""

    __tablename__ = "validation_result"
    __table_args__ = (UniqueConstraint("company", "flow", "leg", "run_id"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    flow: Mapped[str] = mapped_column(String(64))
    leg: Mapped[str] = mapped_column(String(64))
    run_id: Mapped[str] = mapped_column(String(250))
    suite: Mapped[str] = mapped_column(String(128))
    rows: Mapped[int]
    rejected: Mapped[int]
    results: Mapped[list[Any]]
    validated_at: Mapped[datetime]


class SeenDocument(OfCompany, Base):
    """
    What is remembered of a document that passed its gate, for the next ones to be compared with (``unusual`` of a
    suite).

    ``party`` is whose it is, as the document says it. ``amount`` is in hundred-thousandths of its currency,
    ``accounts`` are those of its lines. A document that goes out again keeps its number.
    """

    __tablename__ = "seen_document"
    __table_args__ = (
        UniqueConstraint("company", "entity", "record_key"),
        Index("ix_seen_document_party", "company", "entity", "party", "id"),
        Index("ix_seen_document_latest", "company", "entity", "id"),
    )
    id: Mapped[int] = mapped_column(Number, primary_key=True)
    entity: Mapped[str] = mapped_column(String(64))
    record_key: Mapped[str] = mapped_column(String(255))
    party: Mapped[str] = mapped_column(String(255))
    currency: Mapped[str] = mapped_column(String(16))
    amount: Mapped[int] = mapped_column(BigInteger)
    day: Mapped[date]
    accounts: Mapped[list[Any]]


class BookedDocument(OfCompany, Base):
    """
    What a ledger booked for one document, as a reconciliation read it last.

    :attr key: the ledger's own, made as ``RawRecord.key`` is. ``record_key`` is that of the delivery it belongs to,
        where it is known. ``effects`` are debit minus credit by account, base currency, as text.
    """

    __tablename__ = "booked_document"
    __table_args__ = (
        UniqueConstraint("company", "ledger", "key"),
        Index("ix_booked_document_record", "company", "record_key"),
    )
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    ledger: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(255))
    record_key: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(64))
    number: Mapped[str] = mapped_column(String(255))
    booked_on: Mapped[date]
    effects: Mapped[dict[str, Any]]
    run_id: Mapped[str] = mapped_column(String(250))


def _what_is_due(table: str) -> Index:
    return _where(f"ix_{table}_due", "due IS NOT NULL", "company", "flow")


class BooksState(Base):
    """
    How far a flow's reconciliation has got: ``passes`` so far, and up to when it has looked at deliveries.

    ``terms`` are what documents are made by: accounts, roles, days; where one of them changes all are made anew.
    """

    __tablename__ = "books_state"
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    flow: Mapped[str] = mapped_column(String(64), primary_key=True)
    passes: Mapped[int]
    deliveries_until: Mapped[datetime | None]
    terms: Mapped[dict[str, Any]]


class BooksReading(Base):
    """Up to when a source of the books was read, by its own clock."""

    __tablename__ = "books_reading"
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    flow: Mapped[str] = mapped_column(String(64), primary_key=True)
    book: Mapped[str] = mapped_column(String(128), primary_key=True)
    until: Mapped[datetime | None]


class BooksRecord(Base):
    """
    What the books need of one record of a ledger or gateway, as a reconciliation read it last.

    ``due`` is the pass from which on documents are to be made of it; none where they are. ``gone`` ones were there and
    no longer are. ``payload`` is taken away by a purge: what concerns such a record has all read anew.
    """

    __tablename__ = "books_record"
    __table_args__ = (UniqueConstraint("company", "flow", "book", "key"), _what_is_due("books_record"))
    id: Mapped[int] = mapped_column(Number, primary_key=True)
    company: Mapped[str] = mapped_column(String(64))
    flow: Mapped[str] = mapped_column(String(64))
    ledger: Mapped[str] = mapped_column(String(64))
    book: Mapped[str] = mapped_column(String(128))
    key: Mapped[str] = mapped_column(String(255))
    changed_at: Mapped[datetime]
    payload: Mapped[dict[str, Any] | None] = mapped_column(SealedJson)
    gone: Mapped[bool]
    due: Mapped[int | None]


class BooksName(Base):
    """A name that a record bears or refers to: documents are made of all records that names join."""

    __tablename__ = "books_name"
    __table_args__ = (Index("ix_books_name_record", "record"),)
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    flow: Mapped[str] = mapped_column(String(64), primary_key=True)
    ledger: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    record: Mapped[int] = mapped_column(Number, primary_key=True)


class BooksDocument(Base):
    """
    A document as a ledger booked it, for the next comparison; ``origin`` is the name of what it was made of.

    ``pair`` is the same for the same thing in both ledgers, ``known`` if a delivery says so. ``made_from`` is what of a
    gateway's it stands for, ``<gateway>:money:<id>``. ``due`` is the pass from which on it is to be compared, and stays
    while it differs; none where it agrees. Those not ``compared`` count for the balances only. ``content`` is the whole
    document; a purge takes it away.
    """

    __tablename__ = "books_document"
    __table_args__ = (
        Index("ix_books_document_origin", "company", "flow", "ledger", "origin"),
        Index("ix_books_document_pair", "company", "flow", "pair"),
        Index("ix_books_document_number", "company", "flow", "number"),
        Index("ix_books_document_settles", "company", "flow", "settles"),
        Index("ix_books_document_against", "company", "flow", "against"),
        Index("ix_books_document_made", "company", "flow", "made_from"),
        _what_is_due("books_document"),
    )
    id: Mapped[int] = mapped_column(Number, primary_key=True)
    company: Mapped[str] = mapped_column(String(64))
    flow: Mapped[str] = mapped_column(String(64))
    ledger: Mapped[str] = mapped_column(String(64))
    origin: Mapped[str] = mapped_column(String(255))
    key: Mapped[str] = mapped_column(String(255))
    pair: Mapped[str] = mapped_column(String(255))
    known: Mapped[bool]
    number: Mapped[str | None] = mapped_column(String(255))
    settles: Mapped[str | None] = mapped_column(String(255))
    against: Mapped[str | None] = mapped_column(String(255))
    made_from: Mapped[str | None] = mapped_column(String(255))
    booked_on: Mapped[date]
    compared: Mapped[bool]
    content: Mapped[dict[str, Any] | None] = mapped_column(SealedJson)
    due: Mapped[int | None]


class BooksOpenItem(Base):
    """What is open of a document; ``due`` while no document of its ledger has its number."""

    __tablename__ = "books_open_item"
    __table_args__ = (
        Index("ix_books_open_item_origin", "company", "flow", "ledger", "origin"),
        Index("ix_books_open_item_number", "company", "flow", "number"),
        _what_is_due("books_open_item"),
    )
    id: Mapped[int] = mapped_column(Number, primary_key=True)
    company: Mapped[str] = mapped_column(String(64))
    flow: Mapped[str] = mapped_column(String(64))
    ledger: Mapped[str] = mapped_column(String(64))
    origin: Mapped[str] = mapped_column(String(255))
    number: Mapped[str] = mapped_column(String(255))
    amount: Mapped[int] = mapped_column(BigInteger)
    booked_on: Mapped[date]
    due: Mapped[int | None]


class BooksSum(Base):
    """
    What is booked on an account on a day, by how many documents; those not ``compared`` apart.

    The first day of year 1 stands for all days from the first that the ledgers must agree on.
    """

    __tablename__ = "books_sum"
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    flow: Mapped[str] = mapped_column(String(64), primary_key=True)
    ledger: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str] = mapped_column(String(128), primary_key=True)
    booked_on: Mapped[date] = mapped_column(primary_key=True)
    compared: Mapped[bool] = mapped_column(primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    documents: Mapped[int]


class BooksCase(Base):
    """
    A charge or a payout of a gateway, by its id: what it moved the balance by, and its fees that are not posted yet.
    The one without a name is the sum of all.

    ``due`` is the pass from which on it is to be compared with what is booked, and stays while it differs.
    """

    __tablename__ = "books_case"
    __table_args__ = (_what_is_due("books_case"),)
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    flow: Mapped[str] = mapped_column(String(64), primary_key=True)
    gateway: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    listed: Mapped[int] = mapped_column(BigInteger)
    fees: Mapped[int] = mapped_column(BigInteger)
    due: Mapped[int | None]


class ReconciliationResult(Base):
    """The verdict of a run's reconciliation, as `docs/reference/reconciliation.md` shows it; ``agree`` is in it too."""

    __tablename__ = "reconciliation_result"
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    flow: Mapped[str] = mapped_column(String(64), primary_key=True)
    run_id: Mapped[str] = mapped_column(String(250), primary_key=True)
    agree: Mapped[bool]
    result: Mapped[dict[str, Any]] = mapped_column(SealedJson)
    ended_at: Mapped[datetime]


class SignOff(OfCompany, Base):
    """
    A period as people sign it, both days included: ``proposed`` with a report, ``signed``, ``reopened`` by a person, or
    ``superseded`` by a later one.

    ``report_hash`` is of the report's list of files, which lie at ``report_url``. ``signatures`` are people's, each
    with ``by``, ``name``, ``at`` and ``note``. ``due`` is the pass from which on its documents are to be looked at
    again, none where nothing touched them; ``changes`` are what of them is no longer as it was.
    """

    __tablename__ = "sign_off"
    __table_args__ = (Index("ix_sign_off_period", "company", "first", "last"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    first: Mapped[date]
    last: Mapped[date]
    state: Mapped[str] = mapped_column(String(16))
    report_hash: Mapped[str] = mapped_column(String(64))
    report_url: Mapped[str] = mapped_column(Text)
    run_id: Mapped[str] = mapped_column(String(250))
    proposed_at: Mapped[datetime]
    signatures: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    due: Mapped[int | None]
    changes: Mapped[list[dict[str, Any]]] = mapped_column(SealedJson)


class SignedDocument(OfCompany, Base):
    """A document of a period as it was when the period was signed."""

    __tablename__ = "signed_document"
    sign_off: Mapped[int] = mapped_column(ForeignKey("sign_off.id"), primary_key=True)
    flow: Mapped[str] = mapped_column(String(64), primary_key=True)
    ledger: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    booked_on: Mapped[date]
    content: Mapped[dict[str, Any]] = mapped_column(SealedJson)


class AuditEntry(Base):
    """
    One state change, chained to the one before by its hash; never updated, never deleted.

    ``signature`` is by the installation's key, of number and hash; none where there is no key. ``company`` is none
    where it is ``main``, and where the whole installation is concerned: so entries from before there were several hold.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_record", "record_key"), Index("ix_audit_entry_chain", "chain_key"))
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime]
    run_id: Mapped[str] = mapped_column(String(250))
    task: Mapped[str] = mapped_column(String(250))
    action: Mapped[str] = mapped_column(String(32))
    entity: Mapped[str] = mapped_column(String(64))
    record_key: Mapped[str] = mapped_column(String(255))
    chain_key: Mapped[str | None] = mapped_column(String(255))
    content_hash: Mapped[str | None] = mapped_column(String(64))
    details: Mapped[dict[str, Any]]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    signature: Mapped[str | None] = mapped_column(String(128))
    company: Mapped[str | None] = mapped_column(String(64))
