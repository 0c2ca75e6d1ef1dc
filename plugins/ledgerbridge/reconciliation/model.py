"""What a reconciliation speaks of: booked documents, what is open of them, and the ways in which books differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

__all__ = [
    "CENT",
    "KINDS",
    "NOTHING",
    "ONE_SIDED_ROLES",
    "TOLERANCE",
    "Booked",
    "Difference",
    "Known",
    "Link",
    "Movement",
    "OpenAmount",
    "Period",
    "Reconciliation",
    "summed_up",
]

NOTHING = Decimal(0)
CENT = Decimal("0.01")
# What the ledgers' own arithmetic may leave on a document (accounting-rules.md rule 1)
TOLERANCE = Decimal("0.02")

# One ledger alone keeps stock (accounting-rules.md §6)
ONE_SIDED_ROLES = frozenset({"inventory", "cost_of_goods_sold"})

KINDS: Mapping[str, str] = {
    "missing in …": "A document of one ledger is not in the other.",
    "double in …": "The same thing is booked twice in one ledger.",
    "amount": "Both have the document, with other amounts.",
    "tax": "Other tax, or the same tax under another set of details.",
    "account": "The amount lies on an account of another role.",
    "date": "Other days of one month.",
    "period": "Days of different months.",
    "timing": "A document is posted on another day than its counterpart because its own was closed, as its flow says.",
    "rate": "The same amounts at another rate.",
    "rounding": "Cents within the tolerance that one ledger put on its rounding account, "
    "or on another part of the document.",
    "open amount": "The entries agree, but more is open of the document in one ledger: money lies on another one.",
    "not applied": "A ledger has a payment that people have still to set against what it pays.",
    "beyond documents in …": "An account holds an amount that no document explains.",
    "sub-ledger in …": "Stock or its cost, which one ledger alone keeps, is booked otherwise than its documents say.",
    "money without document": "The gateway moved money that no document stands for.",
    "document without money": "Both ledgers booked money of which the gateway knows nothing.",
    "fee not posted": "The gateway kept fees that no entry stands for.",
    "payout not posted": "The gateway paid out what no entry stands for.",
    "waiting": "A record waits longer than the flow allows, with its amount.",
    "clearing": "The gateway's balance is not the sum of the movements it lists.",
}
"""Every type of difference and what it means; ``…`` is a ledger."""


@dataclass(frozen=True)
class Link:
    """
    A document of one system.

    :param record: its record key, ``system:scope:entity:id``.
    """

    system: str
    kind: str
    number: str
    record: str

    def __str__(self) -> str:
        return f"{self.system} {self.kind} {self.number}"


@dataclass(frozen=True)
class Booked:
    """
    One document as a ledger booked it.

    :param key: the same for the same thing in both ledgers; before that is known, the ledger's own record key.
    :param ids: what the ledger knows it by: id, number, reference.
    :param kind: invoice, payment, entry, …
    :param effects: debit minus credit by account of that ledger, in base currency.
    :param customer: the ledger's own customer, for messages.
    :param settles: number of the document it is money, or a credit, for; empty if it stands for itself.
    :param against: number of the other document, where a credit is set against one.
    :param taxes: tax by set of details (``MA-COUNTY+MA-STATE``), signed as ``effects``, in the document's currency;
        None if it was not read.
    :param changed_at: when the ledger last wrote it, by its own clock.
    :param source: entity a flow would read it as; empty if none reads such documents.
    :param record: the ledger's own record key.
    :param part_of: record key of what a flow reads it with, where it is no record of its own: an allocation's credit.
    :param to_apply: of a payment that pays nothing yet, and goes to the other ledger once it does: what a person does.
    :param stock: by account, what its own lines say of stock and its cost, signed as ``effects``; None: nothing.
    :param by_entry: whether it was entered in the general ledger itself, so that no sub-ledger has it.
    """

    key: str
    kind: str
    number: str
    booked_on: date
    effects: Mapping[str, Decimal]
    customer: str = ""
    ids: tuple[str, ...] = ()
    settles: str = ""
    against: str = ""
    taxes: Mapping[str, Decimal] | None = None
    rate: Decimal = Decimal(1)
    changed_at: datetime | None = None
    source: str = ""
    record: str = ""
    part_of: str = ""
    to_apply: str = ""
    stock: Mapping[str, Decimal] | None = None
    by_entry: bool = False

    def link(self, ledger: str) -> Link:
        """Where to find it."""
        return Link(ledger, self.kind, self.number, self.record or self.key)


def summed_up(documents: Sequence[Booked]) -> Booked:
    """What documents come to that are one in the other ledger: of the last one's day, by the names of all of them."""
    effects: dict[str, Decimal] = {}
    for account, amount in (each for document in documents for each in document.effects.items()):
        effects[account] = effects.get(account, NOTHING) + amount
    last = max(documents, key=lambda each: each.booked_on)
    changed = [each.changed_at for each in documents if each.changed_at is not None]
    return replace(
        last,
        number=", ".join(dict.fromkeys(each.number for each in documents)),
        effects={account: amount for account, amount in effects.items() if amount},
        ids=tuple(dict.fromkeys(each for document in documents for each in document.ids)),
        rate=Decimal(1),
        changed_at=max(changed, default=None),
    )


@dataclass(frozen=True)
class OpenAmount:
    """What is open of a document, in base currency: positive where it is owed to the company."""

    number: str
    amount: Decimal
    booked_on: date


@dataclass(frozen=True)
class Movement:
    """
    One movement of a gateway's balance.

    :param kind: money (charges, refunds and whatever else comes and goes) or payout.
    :param id: the gateway's id of what moved it.
    :param belongs_to: the charge a refund gives back; else its own id.
    :param amount: in the account's currency, before fees; what went out is negative.
    :param fee: what the gateway kept of it.
    :param theirs: how much of the amount is of another company, that shares the account: nothing is booked of it.
    :param record: its record key.
    :param closed: for a payout, whether the gateway has told what it is made of, or never will.
    :param fees: for a payout, the fees of all it is made of.
    """

    kind: str
    id: str
    belongs_to: str
    amount: Decimal
    fee: Decimal
    moved_at: datetime
    record: str
    foreign: bool = False
    closed: bool = True
    fees: Decimal = NOTHING
    theirs: Decimal = NOTHING

    @property
    def ours(self) -> Decimal:
        """What is to be booked of it."""
        return self.amount - self.theirs


@dataclass(frozen=True)
class Known:
    """
    What is known of a difference.

    :param reason: why it is as it should be: it is explained.
    :param remedy: what to do about it, where nothing explains it.
    :param lasts: the reason stays, whatever else happens.
    :param kind: what such a difference is called, where that is one of its own.
    """

    reason: str | None = None
    remedy: str | None = None
    lasts: bool = False
    kind: str | None = None


@dataclass(frozen=True)
class Period:
    """The days whose documents are compared, both included; open where None."""

    first: date | None = None
    last: date | None = None

    def __contains__(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    @property
    def is_whole(self) -> bool:
        """Whether it leaves nothing out."""
        return self.first is None and self.last is None


@dataclass(frozen=True)
class Difference:
    """
    One way the books differ.

    :param type: one of ``KINDS``.
    :param value: first ledger minus second, or gateway minus books, in base currency.
    :param reason: why it is as it should be; None if nobody knows.
    """

    type: str
    role: str
    value: Decimal
    documents: tuple[Link, ...]
    remedy: str
    reason: str | None = None

    @property
    def explained(self) -> bool:
        """Whether it has a known reason."""
        return self.reason is not None

    def to_json(self) -> dict[str, Any]:
        """As text, for the run's history."""
        return {**asdict(self), "value": f"{self.value:.2f}", "explained": self.explained}

    def __str__(self) -> str:
        documents = ", ".join(str(each) for each in self.documents)
        return f"{self.type} {self.role} {self.value:.2f}: {documents}. {self.reason or self.remedy}"


@dataclass
class Reconciliation:
    """
    The verdict: balances by role in both ledgers, every difference, and period-end figures.

    :param figures: customer money not invoiced (accounting-rules.md rule 5) and the gateways' balances, by name.
    :param unsettled: keys of the documents that have to be compared again: a difference, or a reason that may end.
    """

    ledgers: tuple[str, str]
    roles: dict[str, tuple[Decimal, Decimal]]
    differences: list[Difference] = field(default_factory=list)
    figures: dict[str, Decimal] = field(default_factory=dict)
    period: Period = field(default_factory=Period)
    unsettled: set[str] = field(default_factory=set)

    @property
    def agree(self) -> bool:
        """Whether every difference has a known reason."""
        return all(difference.explained for difference in self.differences)

    def to_json(self) -> dict[str, Any]:
        """As text, for the run's history."""
        first, second = self.ledgers
        return {
            "agree": self.agree,
            "period": {"from": _text(self.period.first), "to": _text(self.period.last)},
            "roles": {role: {first: f"{a:.2f}", second: f"{b:.2f}"} for role, (a, b) in sorted(self.roles.items())},
            "figures": {name: f"{amount:.2f}" for name, amount in self.figures.items()},
            "differences": [difference.to_json() for difference in self.differences],
        }


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
