"""Rules that canonical records go through between conform and map, by the name flow files use."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ledgerbridge.canonical.allocation import Allocation, allocate, allocate_credits, frame_of, rows_of_frame
from ledgerbridge.canonical.bills import before_bill, before_credit, taken_back, tax_by_line, without_vendor
from ledgerbridge.canonical.disputes import follow_charges
from ledgerbridge.canonical.exchange import realise, realise_applied
from ledgerbridge.canonical.given_up import beyond_invoices, came_off, take_off
from ledgerbridge.canonical.journals import of_other_ledgers, with_tax, without_amounts
from ledgerbridge.canonical.refunds import allocate_refunds
from ledgerbridge.canonical.rounding import Side, cents_of_orders
from ledgerbridge.canonical.sent import SentDocuments, Summarised
from ledgerbridge.canonical.settlement import is_voided, of_goods
from ledgerbridge.canonical.summaries import sum_up
from ledgerbridge.canonical.untold import untold

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RULES", "SETTINGS", "Ruled"]


@dataclass(frozen=True)
class Ruled:
    """
    What a rule leaves.

    :param frames: the canonical frames that go on.
    :param parents: ``record_key`` of each record that goes on, to the one it was made from.
    :param waiting: record key to the reason why it (or a part of it) waits.
    :param superseded: record key to what took its place.
    :param failures: records that break the rule, as ``checks`` gives them.
    :param made_of: ``record_key`` of each record that was made of several, to those.
    :param summarised: what is to be kept of the records that others were made of, before anything is sent.
    """

    frames: dict[str, pd.DataFrame]
    parents: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    superseded: dict[str, str] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    made_of: dict[str, list[str]] = field(default_factory=dict)
    summarised: list[Summarised] = field(default_factory=list)


Rule = Callable[..., Ruled]


def allocate_to_invoices(
    frames: dict[str, pd.DataFrame],
    sent: SentDocuments,
    *,
    invoices: str,
    payments: str,
    allocations: str,
    refunds: str,
    entries: str,
) -> Ruled:
    """
    Payments to the invoices of their order, up to what is due; the rest waits (accounting-rules.md rule 5).

    :param invoices: entity of the invoices delivered, :param payments: of the payments delivered, :param allocations:
        of the credits delivered onto invoices, :param refunds: source entities of the gateway's refunds and disputes,
        with `+` between them, :param entries: entity of the entries delivered of what a gateway takes by itself.
    """
    return _ruled(
        frames,
        allocate(
            frames["header"], sent, invoices=invoices, payments=payments, allocations=allocations,
            refunds=tuple(refunds.split("+")), entries=entries,
        ),
    )  # fmt: skip


def credit_to_invoices(
    frames: dict[str, pd.DataFrame],
    sent: SentDocuments,
    *,
    credits: str,
    invoices: str,
    payments: str,
    allocations: str,
) -> Ruled:
    """
    What no refund takes of a credit to the open invoices of its order; the rest waits (accounting-rules.md §2).

    :param credits: entity of the credit notes delivered; the others as of ``allocate_to_invoices``.
    """
    return _ruled(
        frames,
        allocate_credits(
            frames["header"], sent, credits=credits, invoices=invoices, payments=payments, allocations=allocations
        ),
    )


def allocate_to_credits(
    frames: dict[str, pd.DataFrame],
    sent: SentDocuments,
    *,
    credits: str,
    payments: str,
    allocations: str,
    orders: str,
    charges: str,
    refunds: str,
    returns: str,
    memos: str,
    made_by: str,
) -> Ruled:
    """
    Money given back to the credits it was given back for; what was on no invoice cancels against its charge.

    :param credits: entity of the credit notes delivered, :param payments: of the payments delivered, :param
        allocations: of the credits delivered onto invoices, :param orders: source entities of orders, with `+` between
        them, :param charges: of charges, :param refunds: of refunds, :param returns: entity of the returns delivered,
        :param memos: of the credit memos delivered, :param made_by: for each of ``orders``, with `/` between them, the
        legs that make these, with `+` between them.
    """
    return _ruled(
        frames,
        allocate_refunds(
            frames["header"],
            sent,
            credits=credits,
            payments=payments,
            allocations=allocations,
            makers={
                entity: tuple(legs.split("+"))
                for entity, legs in zip(orders.split("+"), made_by.split("/"), strict=True)
            },
            charges=charges,
            refunds=refunds,
            promised=(returns, memos),
        ),
    )


def exchange_of_unused(
    frames: dict[str, pd.DataFrame], sent: SentDocuments, *, charges: str, refunds: str, payments: str
) -> Ruled:
    """
    What was lost on money that was on no invoice and went back at another rate; the other refunds need no entry.

    :param charges: source entity of the gateway's charges, :param refunds: of its refunds, :param payments: entity of
        the payments delivered.
    """
    made, waiting = realise(frames["header"], sent, charges=charges, refunds=refunds, payments=payments)
    return Ruled({**frames, "header": made}, {}, waiting)


def lost_with_charge(
    frames: dict[str, pd.DataFrame],
    sent: SentDocuments,
    *,
    charges: str,
    refunds: str,
    disputes: str,
    payments: str,
    entries: str,
    orders: str,
    invoices: str,
    sold: str,
    exchange: str,
) -> Ruled:
    """
    Disputed money is lost as far as its charge is on invoices, else it cancels against it (accounting-rules.md rule 7).

    :param charges: source entity of the gateway's charges, :param refunds: of its refunds, :param disputes: of what it
        takes by itself, :param payments: entity of the payments delivered, :param entries: of the entries delivered of
        what it takes, :param orders: of the orders delivered, :param invoices: of the invoices delivered, :param sold:
        source entities of orders, with `+` between them, :param exchange: account role of what rates bring and take.
    """
    return _ruled(
        frames,
        follow_charges(
            frames["header"], sent, charges=charges, refunds=refunds, disputes=disputes, payments=payments,
            entries=entries, orders=orders, invoices=invoices, sold=tuple(sold.split("+")), exchange=exchange,
        ),
    )  # fmt: skip


def gain_of_applied(frames: dict[str, pd.DataFrame], sent: SentDocuments, *, entries: str) -> Ruled:
    """
    The gain of each application that the ledger booked none for; the others need no entry (accounting-rules.md §2).

    :param entries: entity of the entries delivered.
    """
    made, waiting = realise_applied(frames["header"], sent, entries=entries)
    return Ruled({**frames, "header": made}, {}, waiting)


def _ruled(frames: dict[str, pd.DataFrame], result: Allocation) -> Ruled:
    return Ruled(
        {**frames, "header": result.shares}, result.parents, result.waiting, result.superseded, result.failures
    )


def _texts(values: list[str | None]) -> Any:
    import pandas as pd

    return pd.arrays.ArrowExtensionArray(pa.array(values, pa.string()))


def _without(stopped: Collection[str], frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {name: frame[~frame["record_key"].isin(stopped)].reset_index(drop=True) for name, frame in frames.items()}


def after_invoice(frames: dict[str, pd.DataFrame], sent: SentDocuments, *, invoices: str) -> Ruled:
    """
    Only goods that were invoiced come back; before that the order itself changes (accounting-rules.md rules 8, 9).

    :param invoices: entity of the invoices delivered.
    """
    header = frames["header"]
    invoiced = _invoiced(header, sent, invoices)
    waiting, superseded = {}, {}
    for key, chain, cancelled in zip(header["record_key"], header["chain_key"], header["cancelled"], strict=True):
        if chain not in invoiced:
            if cancelled:
                superseded[key] = "its order was cancelled before it was invoiced"
            else:
                waiting[key] = "its order has no invoice yet"
    return Ruled(_without({*waiting, *superseded}, frames), {}, waiting, superseded)


def _invoiced(header: pd.DataFrame, sent: SentDocuments, invoices: str) -> dict[str, list[dict[str, Any]]]:
    """The invoices of what was sold, by chain."""
    found = sent.sent(invoices, "chain_key", sorted(set(header["chain_key"])))
    return {chain: goods for chain, rows in found.items() if (goods := of_goods(rows))}


def unless_cancelled(frames: dict[str, pd.DataFrame], sent: SentDocuments, *, orders: str, invoices: str) -> Ruled:
    """
    An order that was cancelled before it was sent needs no document (accounting-rules.md rule 8).

    :param orders: entity of the orders delivered; one that may have arrived goes on, to be voided unless invoiced.
    :param invoices: entity of the invoices delivered.
    """
    header = frames["header"]
    invoiced = _invoiced(header, sent, invoices)
    numbers = [next((row["record_key"] for row in invoiced.get(chain, [])), None) for chain in header["chain_key"]]
    frames = {**frames, "header": header.assign(invoice_sent=_texts(numbers))}
    cancelled = list(header["record_key"][header["cancelled"]])
    arrived = sent.sent(orders, "record_key", cancelled)
    superseded = {key: "it was cancelled before it was sent" for key in cancelled if key not in arrived}
    return Ruled(_without(superseded, frames), superseded=superseded)


def after_cancelled(frames: dict[str, pd.DataFrame], sent: SentDocuments, *, orders: str, invoices: str) -> Ruled:
    """
    A fee for cancelling waits until what was cancelled is off the books: voided, never sent, or invoiced to come back.

    :param orders: entity of the orders delivered, :param invoices: of the invoices delivered.
    """
    header = frames["header"]
    chains = sorted(set(header["chain_key"]))
    ordered, invoiced = sent.sent(orders, "record_key", chains), _invoiced(header, sent, invoices)
    letters = sent.dead_letters(chains)
    waiting = {}
    for key, chain in zip(header["record_key"], header["chain_key"], strict=True):
        if chain in letters:
            waiting[key] = f"its order can't go on, dead letter {letters[chain]}"
        elif chain not in invoiced and any(not is_voided(order) for order in ordered.get(chain, [])):
            waiting[key] = "its order is neither voided nor invoiced yet"
    return Ruled(_without(waiting, frames), {}, waiting)


def on_side(frames: dict[str, pd.DataFrame], sent: SentDocuments, *, too_much: Side) -> Ruled:
    """
    Amounts of one sign: what is owed less is a credit, what is owed more a debit (accounting-rules.md rule 18).

    :param too_much: `credit` keeps those above zero, `debit` those below, turned positive.
    """
    rows = rows_of_frame(frames["header"])
    sign = 1 if too_much == "credit" else -1
    kept = [{**row, "total": row["total"] * sign} for row in rows if row["total"] * sign > 0]
    return Ruled({**frames, "header": frame_of(kept, "canonical.memo")})


def take_off_given_up(frames: dict[str, pd.DataFrame], sent: SentDocuments, *, orders: str, invoices: str) -> Ruled:
    """
    Pieces the shop refunds before they ship come off the order, until it has an invoice (accounting-rules.md rule 9).

    :param orders: entity of the orders delivered, :param invoices: of the invoices delivered.
    """
    return Ruled(take_off(frames, sent, orders=orders, invoices=invoices))


def unless_taken_off(frames: dict[str, pd.DataFrame], sent: SentDocuments, *, orders: str, source: str) -> Ruled:
    """
    Pieces that came off their order don't come back; while that is open, their return waits.

    :param orders: entity of the orders delivered, :param source: of the shop's orders.
    """
    superseded, waiting = came_off(frames["header"], sent, orders=orders, source=source)
    return Ruled(_without({*waiting, *superseded}, frames), {}, waiting, superseded)


def up_to_invoiced(frames: dict[str, pd.DataFrame], sent: SentDocuments, *, invoices: str, returns: str) -> Ruled:
    """
    No more comes back than was invoiced: what never left waits, of a cancelled order it is rejected (rule 8).

    :param invoices: entity of the invoices delivered, :param returns: of the returns delivered.
    """
    failures, waiting = beyond_invoices(frames["header"], sent, invoices=invoices, returns=returns)
    stopped = {*waiting, *(each["record_key"] for each in failures)}
    return Ruled(_without(stopped, frames), {}, waiting, {}, failures)


def after_rate(frames: dict[str, pd.DataFrame], sent: SentDocuments) -> Ruled:
    """A credit in a foreign currency is made at its invoice's rate, and waits for one (accounting-rules.md §2)."""
    header = frames["header"]
    unknown = header["record_key"][header["rate"].isna()]
    waiting = dict.fromkeys(unknown, "its order has no invoice yet, whose rate it takes")
    return Ruled(_without(waiting, frames), {}, waiting)


def after_payout(frames: dict[str, pd.DataFrame], sent: SentDocuments, *, payouts: str) -> Ruled:
    """
    Only a payout that was posted is taken back (accounting-rules.md rule 7).

    :param payouts: entity of the payouts delivered, of the same ledger.
    """
    header = frames["header"]
    posted = sent.sent(payouts, "record_key", sorted(set(header["takes_back"])))
    waiting, superseded = {}, {}
    for key, payout in zip(header["record_key"], header["takes_back"], strict=True):
        if payout not in posted:
            superseded[key] = "the money came back before its payout was posted"
        elif any(each["state"] == "sending" for each in posted[payout]):
            waiting[key] = "its payout is under way"
    return Ruled(_without({*waiting, *superseded}, frames), {}, waiting, superseded)


def unless_untold(
    frames: dict[str, pd.DataFrame], sent: SentDocuments, *, documents: str, receipts: str, allocations: str
) -> Ruled:
    """
    Of money that only the shop knows of, what its word is enough for; the rest says so (accounting-rules.md rule 17).

    :param documents: entity of the invoices or credits delivered, :param receipts: of what the other ledger has of
        money for them, :param allocations: of the credits delivered onto invoices.
    """
    superseded, waiting = untold(
        frames["header"], sent, documents=documents, receipts=receipts, allocations=allocations
    )
    return Ruled(_without({*waiting, *superseded}, frames), {}, waiting, superseded)


def after_vendor(frames: dict[str, pd.DataFrame], sent: SentDocuments) -> Ruled:
    """A bill waits until its supplier is a vendor of the ledger it goes to (accounting-rules.md rule 20)."""
    waiting = without_vendor(frames["header"])
    return Ruled(_without(waiting, frames), {}, waiting)


def after_bill(frames: dict[str, pd.DataFrame], sent: SentDocuments, *, bills: str, documents: str) -> Ruled:
    """
    A payment follows its bill, for it is to be applied to it (accounting-rules.md rule 23).

    :param bills: source entity of the bills, :param documents: entity of the bills delivered.
    """
    waiting = before_bill(frames["header"], sent, bills=bills, documents=documents)
    return Ruled(_without(waiting, frames), {}, waiting)


def after_credit(frames: dict[str, pd.DataFrame], sent: SentDocuments, *, credits: str) -> Ruled:
    """
    What a supplier's credit is set against follows the credit (accounting-rules.md rule 32).

    :param credits: entity of the credits delivered.
    """
    waiting = before_credit(frames["header"], sent, credits=credits)
    return Ruled(_without(waiting, frames), {}, waiting)


def tax_on_lines(frames: dict[str, pd.DataFrame], sent: SentDocuments) -> Ruled:
    """A bill that has its taxes by detail gets them by line; one whose taxes fit no lines is rejected (rule 31)."""
    lines, failures = tax_by_line(frames["lines"], frames["taxes"])
    stopped = {each["record_key"] for each in failures}
    return Ruled(_without(stopped, {**frames, "lines": _lines_of(lines, frames["lines"])}), failures=failures)


def _lines_of(rows: list[dict[str, Any]], like: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    schema = pa.Schema.from_pandas(like, preserve_index=False)
    frame: pd.DataFrame = pa.Table.from_pylist(rows, schema).to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def unless_voided(frames: dict[str, pd.DataFrame], sent: SentDocuments, *, documents: str) -> Ruled:
    """
    A bill voided before it was sent is none; one that was sent a person takes back (accounting-rules.md rule 22).

    :param documents: entity of the documents delivered.
    """
    superseded, failures = taken_back(frames["header"], sent, documents=documents)
    stopped = {*superseded, *(failure["record_key"] for failure in failures)}
    return Ruled(_without(stopped, frames), superseded=superseded, failures=failures)


def of_general_ledger(frames: dict[str, pd.DataFrame], sent: SentDocuments) -> Ruled:
    """
    Entries on accounts that the general ledger itself keeps.

    One on another's account is rejected, and one with tax; one without amounts is none (rules 24, 25, 27).
    """
    superseded = without_amounts(frames["header"], frames["distributions"])
    failures = [*of_other_ledgers(frames["distributions"]), *with_tax(frames["distributions"])]
    stopped = {*superseded, *(failure["record_key"] for failure in failures)}
    return Ruled(_without(stopped, frames), superseded=superseded, failures=failures)


def summarise(frames: dict[str, pd.DataFrame], sent: SentDocuments, *, documents: str) -> Ruled:
    """
    Entries summed up to one journal by day, batch or period, as the company wants it (accounting-rules.md rule 29).

    :param documents: entity of the journals delivered.
    """
    found = sum_up(frames, sent, documents)
    return Ruled(found.frames, {}, {}, found.empty, found.failures, made_of=found.made_of, summarised=found.entries)


def settle_rounding(
    frames: dict[str, pd.DataFrame],
    sent: SentDocuments,
    *,
    orders: str,
    invoices: str,
    too_much: Side,
    tolerance: str,
) -> Ruled:
    """
    The cents by which the invoices of an order miss it, when all of it is invoiced (accounting-rules.md rules 1, 10).

    :param orders: entity of the orders delivered, :param invoices: of the invoices delivered, :param too_much: `credit`
        settles invoices that are more than the order, `debit` those that are less, :param tolerance: most of it, in the
        order's currency; above it the invoice is rejected.
    """
    result = cents_of_orders(
        frames["header"], sent, orders=orders, invoices=invoices, side=too_much, tolerance=Decimal(tolerance)
    )
    return Ruled({**frames, "header": result.memos}, result.parents, result.waiting, {}, result.failures)


SETTINGS = {"exchange": r"\w+", "too_much": "credit|debit", "tolerance": r"\d+(\.\d+)?", "made_by": r"\w+([+/]\w+)*"}
"""What rules are told besides entities, as regular expressions of what may stand there."""
RULES: dict[str, Rule] = {
    "after_bill": after_bill,
    "after_cancelled": after_cancelled,
    "after_credit": after_credit,
    "after_invoice": after_invoice,
    "after_payout": after_payout,
    "after_rate": after_rate,
    "after_vendor": after_vendor,
    "allocate_to_credits": allocate_to_credits,
    "allocate_to_invoices": allocate_to_invoices,
    "credit_to_invoices": credit_to_invoices,
    "exchange_of_unused": exchange_of_unused,
    "gain_of_applied": gain_of_applied,
    "lost_with_charge": lost_with_charge,
    "of_general_ledger": of_general_ledger,
    "on_side": on_side,
    "settle_rounding": settle_rounding,
    "summarise": summarise,
    "take_off_given_up": take_off_given_up,
    "tax_on_lines": tax_on_lines,
    "unless_cancelled": unless_cancelled,
    "unless_taken_off": unless_taken_off,
    "unless_untold": unless_untold,
    "up_to_invoiced": up_to_invoiced,
    "unless_voided": unless_voided,
}
