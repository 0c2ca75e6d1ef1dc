"""
The clearing accounts against their gateways, movement by movement (accounting-rules.md §6).

Where every movement is booked or explained, clearing equals the gateway's balance + fees not yet posted − money not
yet posted, and the bank equals the payouts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ledgerbridge.reconciliation.model import NOTHING, TOLERANCE, Difference, Known, Link, Movement

__all__ = ["OnClearing", "fees_left", "fees_to_come", "money_differences", "strangers"]

NOT_CLOSED = "the payout is not closed"


@dataclass(frozen=True)
class OnClearing:
    """
    One entry on a clearing account, as both ledgers or one of them booked it.

    :param kind: money, fee or payout; empty if it was not made from anything of the gateway's.
    :param id: the gateway's id of what it was made from; for a fee that of its payout.
    :param in_both: whether both ledgers have it; what one lacks is that comparison's difference.
    """

    kind: str
    id: str
    amount: Decimal
    documents: tuple[Link, ...]
    in_both: bool


@dataclass
class _Sum:
    """What belongs to one charge: its movements and the entries made from them."""

    moved: Decimal = NOTHING
    booked: Decimal = NOTHING
    listed: bool = False
    foreign: bool = False
    known: Known = field(default_factory=Known)
    documents: list[Link] = field(default_factory=list)

    @property
    def left(self) -> Decimal:
        return self.moved - self.booked


def money_differences(
    gateway: str,
    role: str,
    movements: Sequence[Movement],
    entries: Iterable[OnClearing],
    *,
    known: Callable[[Movement], Known],
    later: Collection[str] = (),
) -> list[Difference]:
    """
    What the gateway moved and the books lack, and the other way round; without the fees that are to be posted later.

    :param role: of the gateway's clearing account.
    :param entries: what is booked on it.
    :param known: what is known of a movement that is not booked.
    :param later: ids of payouts after the period; their fees may be booked in it.
    """
    by_kind: dict[str, list[OnClearing]] = defaultdict(list)
    for entry in entries:
        by_kind[entry.kind].append(entry)
    payouts = [movement for movement in movements if movement.kind == "payout"]
    paid_out = {entry.id for entry in by_kind["payout"]}
    return [
        *_money(gateway, role, [each for each in movements if each.kind == "money"], by_kind["money"], known),
        *strangers(role, by_kind[""]),
        *_payouts(gateway, role, payouts, by_kind["payout"], known),
        *_fees(gateway, role, movements, paid_out, by_kind["fee"], later),
    ]


def fees_left(movements: Sequence[Movement], entries: Iterable[OnClearing], later: Collection[str] = ()) -> Decimal:
    """The fees of movements that belong to none of the payouts which are booked; parameters as above."""
    listed = list(entries)
    paid_out = {entry.id for entry in listed if entry.kind == "payout"}
    posted = _posted(entry for entry in listed if entry.kind == "fee")
    due = sum((_due(movements, payout, posted, later) for payout in paid_out | set(posted)), NOTHING)
    return sum((each.fee for each in movements), NOTHING) - due


def fees_to_come(gateway: str, role: str, left: Decimal) -> list[Difference]:
    """What explains that so much of the fees is not posted."""
    if not left:
        return []
    link = Link(gateway, "balance", gateway, gateway)
    remedy = "Nothing: they are posted with their payout; what only manual payouts took stays on clearing."
    return [Difference("fee not posted", role, left, (link,), remedy, "the fees of payouts that are not closed")]


def _money(
    gateway: str, role: str, moved: Iterable[Movement], booked: Iterable[OnClearing], known: Callable[[Movement], Known]
) -> list[Difference]:
    """By charge: a refund of a charge that never was on a document cancels against it."""
    sums: dict[str, _Sum] = defaultdict(_Sum)
    charge_of: dict[str, str] = {}
    for movement in moved:
        charge_of[movement.id] = movement.belongs_to
        each = sums[movement.belongs_to]
        each.listed = True
        each.moved += movement.ours
        each.foreign = each.foreign or movement.foreign
        found = known(movement)
        each.known = found if found.reason else each.known
        each.documents.append(Link(gateway, "money", movement.id, movement.record))
    for entry in booked:
        each = sums[charge_of.get(entry.id, entry.id)]
        each.booked += entry.amount
        each.documents += entry.documents
    return [_of_charge(role, each) for each in sums.values() if each.left]


def _of_charge(role: str, each: _Sum) -> Difference:
    documents = tuple(each.documents)
    if each.foreign and abs(each.left) <= TOLERANCE:
        reason = f"parts of a charge, each at its rate: {each.left:.2f}"
        return Difference("rounding", role, each.left, documents, "Nothing: it is within the tolerance.", reason)
    if not each.listed:
        remedy = "The gateway lists no such money: look at the payment in both ledgers, and delete it if nobody paid."
        return Difference("document without money", role, each.booked, documents, remedy)
    if each.booked and not each.known.reason:
        remedy = "Compare the entries with the charge at the gateway; correct the ones that are wrong."
        return Difference("amount", role, each.left, documents, remedy)
    remedy = each.known.remedy or "Mend the order's dead letter, or give the money back."
    return Difference("money without document", role, each.left, documents, remedy, each.known.reason)


def strangers(role: str, entries: Iterable[OnClearing]) -> list[Difference]:
    """Entries of which the gateway knows nothing."""
    remedy = "The gateway knows nothing of it: move it to the account it belongs on, or delete it in both ledgers."
    return [
        Difference("document without money", role, each.amount, each.documents, remedy)
        for each in entries
        if each.in_both and each.amount
    ]


def _payouts(
    gateway: str,
    role: str,
    movements: Iterable[Movement],
    booked: Iterable[OnClearing],
    known: Callable[[Movement], Known],
) -> list[Difference]:
    """Payout by payout: one that the bank sent back moves out and in again."""
    entries: dict[str, list[OnClearing]] = defaultdict(list)
    for entry in booked:
        entries[entry.id].append(entry)
    moves: dict[str, list[Movement]] = defaultdict(list)
    for movement in movements:
        moves[movement.id].append(movement)
    found = []
    for identity, moved in moves.items():
        each = max(moved, key=lambda movement: movement.moved_at)
        mine = entries.pop(identity, [])
        left = sum((entry.amount for entry in mine), NOTHING) - sum((part.ours for part in moved), NOTHING)
        link = Link(gateway, "payout", identity, each.record)
        documents = (link, *(document for entry in mine for document in entry.documents))
        knows = known(each) if left else Known()
        if left and mine:
            remedy = knows.remedy or (
                "Compare the entries with the payout, and with the bank statement; correct the ones that are wrong."
            )
            found.append(Difference("amount", role, -left, documents, remedy, knows.reason))
        elif left:
            remedy = knows.remedy or "Look at the payout's dead letter, and at the bank statement."
            reason = knows.reason or (None if each.closed else NOT_CLOSED)
            found.append(Difference("payout not posted", role, left, documents, remedy, reason))
    return found + strangers(role, [entry for mine in entries.values() for entry in mine])


def _fees(
    gateway: str,
    role: str,
    movements: Sequence[Movement],
    paid_out: set[str],
    booked: Sequence[OnClearing],
    later: Collection[str],
) -> list[Difference]:
    """Fees of posted payouts, payout by payout."""
    posted = _posted(booked)
    records = {each.id: each.record for each in movements if each.kind == "payout"}
    remedy = "Look at the dead letters of the fee legs, and at the fee entries of this payout."
    found = []
    for payout in sorted(paid_out | set(posted)):
        if left := _due(movements, payout, posted, later) - posted[payout]:
            link = Link(gateway, "payout", payout, records.get(payout, payout))
            found.append(Difference("fee not posted", role, left, (link,), remedy))
    return found


def _posted(entries: Iterable[OnClearing]) -> dict[str, Decimal]:
    posted: dict[str, Decimal] = defaultdict(Decimal)
    for entry in entries:
        posted[entry.id] -= entry.amount
    return posted


def _due(movements: Iterable[Movement], payout: str, posted: Mapping[str, Decimal], later: Collection[str]) -> Decimal:
    """What is to be posted of the fees of a payout; of a later one, what is."""
    if payout in later:
        return posted.get(payout, NOTHING)
    return next((each.fees for each in movements if each.kind == "payout" and each.id == payout), NOTHING)
