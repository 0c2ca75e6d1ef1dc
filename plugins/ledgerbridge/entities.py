"""
What a hook offers to the flows: entities that can be read, looked up or written.

The core and the operators know only these shapes; each hook's ``entity(name)`` returns an object that has the
methods its entity supports. Wire names stay wire names (``InvoiceNumber``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ledgerbridge.errors import LedgerbridgeError

__all__ = [
    "DELETED",
    "MAIN",
    "CallsLeft",
    "Candidate",
    "CountsCalls",
    "Dated",
    "Document",
    "Found",
    "KeepsAccounts",
    "Master",
    "Matched",
    "Outcome",
    "RawRecord",
    "Share",
    "SharedGateway",
    "Source",
    "Target",
    "TellsBalances",
    "TellsEditors",
    "Warns",
    "Window",
]

MAIN = "main"
"""The key of the company of an installation that has but one, and of all that was kept before there were several."""
DELETED = "_deleted"
"""True in the payload of a record that its source has no more; of its other fields at most the key is there then."""


@dataclass(frozen=True)
class Window:
    """
    Which changes to read: those with ``since <= changed_at <= until`` (aware UTC, the source's own clock).

    :param since: None reads from the beginning.
    :param until: None reads up to the newest record, as flows do.
    """

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class RawRecord:
    """
    One record as the source gave it.

    :param key: ``system:scope:entity:id``; the scope is the shop, company or account within the system.
    :param version: differs whenever the content the flows care about may have changed (``updatedAt``, ``DEX_ROW_TS``).
    :param changed_at: when it changed, by the source's clock, aware UTC.
    :param payload: as on the wire: dicts, lists, str, int, bool, None. **No floats**: a decimal number is a string.
    """

    key: str
    version: str
    changed_at: datetime
    payload: dict[str, Any]

    @property
    def is_deleted(self) -> bool:
        """Whether its source has it no more."""
        return self.payload.get(DELETED) is True


@dataclass(frozen=True)
class Share:
    """
    Which part of a gateway's account is a company's, where several companies share one.

    :param named_in: key of a charge's metadata that names its shop.
    :param is_paid: whether payouts go to the company's bank: then all is its own but the money of ``shops``.
    :param shops: as charges name them; of a company that is not paid, those whose money is its own.
    """

    named_in: str
    is_paid: bool
    shops: frozenset[str]

    def holds(self, shop: str | None) -> bool:
        """Whether what a shop took is the company's; None: no shop is named."""
        return (shop in self.shops) is not self.is_paid


@runtime_checkable
class SharedGateway(Protocol):
    """A gateway's hook that tells a company's part of the account: its records have ``ours``."""

    share: Share | None


@runtime_checkable
class Source(Protocol):
    """
    An entity that can be read by change time.

    Attribute that may be set: ``listed_every`` (a ``timedelta``; so often at least it is read from the beginning, which
    gives all its records: what the log has of it and that reading does not is gone).
    """

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """
        Yield pages of records, oldest change first where the source allows it, the largest pages it allows.

        :raises TransientError: the source can't answer now.
        :raises ConfigurationError: credentials, rights or addresses are wrong.
        """

    def clock(self) -> datetime:
        """The source's own time now (its ``Date`` header), aware UTC."""


@runtime_checkable
class KeyedSource(Source, Protocol):
    """A source that gives records by their keys too: those that a webhook named are read at once, and no others."""

    def read_keys(self, keys: Sequence[str]) -> Iterator[list[RawRecord]]:
        """
        Yield these records as they are now; one that is gone, or that no flow takes, is left out.

        :param keys: as ``RawRecord`` has them.
        :raises TransientError, ConfigurationError: as ``read``.
        """


@runtime_checkable
class Master(Protocol):
    """Master data that mappings may look up live (items, tax rates, accounts)."""

    def lookup(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The records found, by key; a key that isn't there is left out. Few calls for many keys."""


@dataclass(frozen=True)
class Document:
    """
    One document for a target, as the mapping made it.

    :param record_key: the delivery's key; unique per target entity.
    :param idempotency_key: at most 128 characters, the same for the same content.
    :param header: wire name to value (str, int, bool, ``Decimal``, ``date``, None = leave the element out, empty text
        clears); a dot nests (``Contact.ContactID``); names that begin with ``_`` are not sent.
    :param parts: child rows by name (``lines``, ``taxes``), each row as ``header``.
    :param target_id: the target's own id of what it updates, where that is known.
    :param merged: it has only what ``target_id``, whatever number that bears, must be given of a change elsewhere:
        what it held when they were compared, it held already.
    """

    record_key: str
    idempotency_key: str
    header: dict[str, Any]
    parts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    target_id: str | None = None
    merged: bool = False


@dataclass(frozen=True)
class Found:
    """
    What the target already holds under a document's natural key.

    :param differences: one sentence per field that differs from what we would send, empty if it is the same
        document (then it is adopted).
    """

    target_id: str
    number: str
    content: dict[str, Any]
    differences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """
    What a target holds that may be the same thing as a document.

    :param by: what it was found by, in the target's words: ``EmailAddress``.
    :param own: it bears the number we give it.
    :param active: it may be used; ``current``: it is as we would write it.
    """

    found: Found
    by: str
    own: bool = False
    active: bool = True
    current: bool = False


@dataclass(frozen=True)
class Outcome:
    """
    What became of one document that was sent.

    :param target_id: the target's own id, when it was accepted.
    :param number: the document's number in the target (what people see).
    :param content: what the target answered, decimals as strings.
    :param error: ``RecordRejected`` (the record goes to the dead letters), ``RecordBusy`` (this one can't be written
        now) or another ``TransientError`` (the connection fails, and nothing more is sent); of both ``outcome_unknown``
        tells whether to look it up first. None when it was accepted.
    :param written: False: somebody else's, which is left as it is.
    """

    record_key: str
    target_id: str | None = None
    number: str | None = None
    content: dict[str, Any] = field(default_factory=dict)
    error: LedgerbridgeError | None = None
    written: bool = True


@runtime_checkable
class Target(Protocol):
    """
    An entity that can be written, one outcome per document.

    Attributes that may be set: ``updatable`` (changed content under the same key is sent again, as an update);
    ``adopts`` (a new record is looked up before it is first sent, since the target may hold it already, or does not
    refuse a second copy); ``call_seconds`` (how long one of its calls may take at most); ``asks_before_each_call`` (it
    asks ``ledgerbridge.going_out`` before each call, for the documents that one carries; without it leave is asked
    once, for all that are sent).
    """

    max_batch: int
    """How many documents one ``send`` takes at most."""

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        """
        What the target already holds, by record key; found by the natural keys of accounting-rules.md §5.

        An ``updatable`` target leaves out what only needs its update: that is sent.
        """

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        """
        Write the documents; one outcome each, in the order given. One refused document never fails the others.

        :raises TransientError: none of the documents was taken, or nobody knows (``outcome_unknown``).
        :raises ConfigurationError: nothing was sent and nothing will be until a person acts.
        """


@runtime_checkable
class Dated(Protocol):
    """A target whose books are closed on some days; it refuses with ``PeriodClosed``."""

    def day_of(self, document: Document) -> date | None:
        """The day a document is posted on; None: it bears none."""

    def opens_on(self, document: Document, day: date) -> date | None:
        """
        The first day from this one on that the books are open for such a document; None: nobody can tell.

        :raises TransientError, ConfigurationError: as ``Target.send``.
        """

    def on_day(self, document: Document, day: date) -> Document:
        """The document posted on another day; its own is told in a text of it that has room for that."""


@runtime_checkable
class Matched(Target, Protocol):
    """
    A target in which people may have made the same thing before: customers, not invoices.

    It reports what may be the same; the core decides by the flow's policy (docs/explanation/links.md). ``send`` updates
    what ``Document.target_id`` names, and leaves as it is what bears another number than ours.
    """

    number_field: str
    """The header field of a document that has the number we give."""

    def matches(self, documents: Sequence[Document]) -> dict[str, list[Candidate]]:
        """What may be the same thing, by record key; all that fit, inactive ones too. Few calls for many documents."""

    def common(self, document: Document) -> str | None:
        """What two documents of one thing have in common, such as the e-mail address; None: nothing."""


@runtime_checkable
class TellsEditors(Protocol):
    """A source whose system keeps who changed a record."""

    def editors(self, key: str, within: timedelta) -> list[str]:
        """
        The names of those who changed the record of this id so long before now, each once; programs have none.

        :raises TransientError, ConfigurationError: as ``Source.read``.
        """


@runtime_checkable
class TellsBalances(Protocol):
    """A ledger's hook that tells what its accounts hold."""

    def balances(self, on: date) -> dict[str, Decimal]:
        """
        Each account's balance at the end of that day in base currency, debit positive; income and expenses of its year.

        :raises TransientError, ConfigurationError: it can't be asked, or can't tell.
        """


@runtime_checkable
class KeepsAccounts(Protocol):
    """A target that lets no such document be on accounts that it keeps itself."""

    def kept_accounts(self, accounts: Sequence[str]) -> set[str]:
        """Those of these accounts. :raises TransientError, ConfigurationError: as ``Target.send``."""


class CallsLeft(NamedTuple):
    """
    What a system grants who asks; who can wait leaves a part of it to others.

    :param left: of the last 24 hours' calls; below 0 where others have used of this part.
    :param a_day: how many a day has; :param a_minute: how many a minute has.
    :param made: how many this hook has made.
    """

    left: int
    a_day: int
    a_minute: int
    made: int


@runtime_checkable
class CountsCalls(Protocol):
    """A hook of a system that grants so many calls a day."""

    def calls_left(self) -> CallsLeft | None:
        """What who asks may call still; None: a day's calls can't be used up."""


@runtime_checkable
class Warns(Protocol):
    """A hook that knows what will soon stop the flow: a token that ends, calls that run out."""

    def warnings(self) -> list[tuple[str, str]]:
        """
        What and its remedy, one sentence each; nothing when all is well.

        :raises LedgerbridgeError: the system can't be asked.
        """
