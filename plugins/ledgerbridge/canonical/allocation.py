"""
Money and credit to invoices: a share per (charge or credit, invoice), up to what is due (accounting-rules.md rule 5).

The invoices and what is already settled on them come from our own deliveries, so that a repetition gives the same
shares.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.canonical.sent import SentDocuments
from ledgerbridge.canonical.settlement import (
    NOTHING,
    Payable,
    cancelled_of,
    credits_of,
    is_at_another_rate,
    open_invoices,
    taken_back,
    worth_when_captured,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Allocation", "allocate", "allocate_credits", "frame_of", "rows_of_frame", "share_out"]


@dataclass(frozen=True)
class Allocation:
    """
    The shares as canonical records, what each was made from, what (partly) waits or is superseded, and why.

    :param failures: records that can't be put on anything, as ``checks`` gives them.
    """

    shares: pd.DataFrame
    parents: dict[str, str]
    waiting: dict[str, str] = field(default_factory=dict)
    superseded: dict[str, str] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)


def allocate(
    charged: pd.DataFrame,
    sent: SentDocuments,
    *,
    invoices: str,
    payments: str,
    allocations: str,
    refunds: tuple[str, ...],
    entries: str,
) -> Allocation:
    """
    Share out each payment among the invoices of its order, oldest invoice first.

    :param charged: canonical payments, one a charge.
    :param invoices: entity of the invoices delivered.
    :param payments: entity of the payments delivered.
    :param allocations: entity of the credits delivered onto invoices.
    :param refunds: source entities of the gateway's refunds and disputes; one without a credit, or of money that is on
        no invoice, takes from what is left of its charge.
    :param entries: entity of the entries delivered; those of disputes say what of them is lost.
    """
    charges = rows_of_frame(charged)
    chains = chains_of(charges)
    invoiced = sent.sent(invoices, "chain_key", chains)
    earlier = sent.sent(payments, "chain_key", chains)
    credited = sent.sent(allocations, "chain_key", chains)
    returned = [sent.records(entity, chains) for entity in refunds]
    booked = sent.sent(entries, "chain_key", chains)
    dead = sent.dead_letters(chains)
    shares: list[dict[str, Any]] = []
    result = Allocation(frame_of([], "canonical.payment"), {})
    payables = {
        chain: open_invoices(invoiced.get(chain, []), [*earlier.get(chain, []), *credited.get(chain, [])])
        for chain in chains
    }
    for charge in charges:
        chain = charge["chain_key"]
        if foreign := _in_another_currency(charge, invoiced.get(chain, [])):
            result.failures.append(foreign)
            continue
        went_back = [row for of_entity in returned for row in of_entity.get(chain, [])]
        back, settled_back = _given_back(charge, went_back, booked.get(chain, []), earlier.get(chain, []))
        made, left = share_out(
            charge, charge["amount"] - back, earlier.get(chain, []), payables.get(chain, []), "invoice_number",
            ("captured_on", "paid_on"), settled_elsewhere=settled_back,
        )  # fmt: skip
        shares += made
        result.parents.update({share["record_key"]: charge["record_key"] for share in made})
        if left > 0:
            result.waiting[charge["record_key"]] = _why(charge, left, dead, bool(invoiced.get(chain)))
        elif back:
            result.superseded[charge["record_key"]] = f"{back:.2f} {charge['currency']} was given back unused"
    made_of = frame_of(shares, "canonical.payment")
    return Allocation(made_of, result.parents, result.waiting, result.superseded, result.failures)


def allocate_credits(
    credited: pd.DataFrame, sent: SentDocuments, *, credits: str, invoices: str, payments: str, allocations: str
) -> Allocation:
    """
    Set what no refund takes of each credit against the open invoices of its order, oldest first.

    :param credited: canonical allocations, one a credit note.
    :param credits: entity of the credit notes delivered; the other parameters as of ``allocate``.
    """
    notes = rows_of_frame(credited)
    chains = chains_of(notes)
    noted, paid, settled, invoiced = (
        sent.sent(entity, "chain_key", chains) for entity in (credits, payments, allocations, invoices)
    )
    shares: list[dict[str, Any]] = []
    result = Allocation(frame_of([], "canonical.allocation"), {})
    free = {
        (chain, credit.number): credit.free
        for chain in chains
        for credit in credits_of(noted.get(chain, []), paid.get(chain, []), settled.get(chain, []))
    }
    payables = {
        chain: open_invoices(invoiced.get(chain, []), [*paid.get(chain, []), *settled.get(chain, [])])
        for chain in chains
    }
    for note in notes:
        chain, key = note["chain_key"], note["record_key"]
        mine = [row for row in settled.get(chain, []) if row.get("credit_number") == note["credit_number"]]
        gone = sum((Decimal(row["amount"]) for row in mine), NOTHING)
        usable = gone + free.get((chain, note["credit_number"]), NOTHING)
        made, left = share_out(
            note, usable, mine, payables.get(chain, []), "invoice_number", ("credited_on", "allocated_on"),
            money_field="credit_number",
        )  # fmt: skip
        shares += made
        result.parents.update({share["record_key"]: key for share in made})
        if left > 0:
            amount = f"{left:.2f} {note['currency']}"
            result.waiting[key] = f"{amount} of the customer's credit waits: no invoice of {note['order_name']} is open"
    return Allocation(frame_of(shares, "canonical.allocation"), result.parents, result.waiting)


def share_out(
    money: dict[str, Any],
    usable: Decimal,
    earlier: Iterable[dict[str, Any]],
    payables: Iterable[Payable],
    number_field: str,
    days: tuple[str, str],
    *,
    money_field: str = "payment_id",
    settled_elsewhere: Decimal | None = NOTHING,
) -> tuple[list[dict[str, Any]], Decimal]:
    """
    The shares of one amount: those made before, as they were, then new ones; and what is left of ``usable``.

    :param money: canonical payment, refund or credit.
    :param earlier: what was delivered before in its chain.
    :param days: field with the day of the money, field to fill with the day of the share: the later of it and the
        document's.
    :param money_field: what tells the shares of this amount from those of others.
    :param settled_elsewhere: what moved the gateway's balance for the part of the money that is not usable; each share
        moved it at the money's rate, half-up, and the last one by what is left.
    """
    money_day, share_day = days
    mine = [row for row in earlier if row.get(money_field) == money[money_field] and row.get(number_field)]
    made = [
        _share(money, number_field, row[number_field], Decimal(row["amount"]))
        | {share_day: date.fromisoformat(row[share_day])}
        | ({"settled": row.get("settled") and Decimal(row["settled"])} if "settled" in money else {})
        for row in mine
    ]
    left = usable - sum((share["amount"] for share in made), NOTHING)
    has_share = {row[number_field] for row in mine}
    for payable in payables:
        part = min(left, payable.due)
        # a document that is due again takes no second share: that would have the key of the first
        if part <= 0 or payable.number in has_share:
            continue
        share = _share(money, number_field, payable.number, part) | {
            share_day: max(money[money_day], payable.booked_on)
        }
        if money.get("settled") is not None:
            before = [settled_elsewhere, *(earlier_share["settled"] for earlier_share in made)]
            share["settled"] = _settled(money, part, before if part == left else [None])
        made.append(share)
        payable.due -= part
        left -= part
    return made, left


def chains_of(rows: Iterable[dict[str, Any]]) -> list[str]:
    """The chains of canonical records, each once."""
    return sorted({row["chain_key"] for row in rows if row["chain_key"]})


def rows_of_frame(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as Python values."""
    rows: list[dict[str, Any]] = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
    return rows


def frame_of(rows: list[dict[str, Any]], entity: str) -> pd.DataFrame:
    """Rows as the header frame of a canonical record."""
    import pandas as pd

    schema = pa.schema(list(CANONICAL[entity]["header"].items()))
    frame: pd.DataFrame = pa.Table.from_pylist(rows, schema).to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def _share(money: dict[str, Any], number_field: str, number: str, amount: Decimal) -> dict[str, Any]:
    return {**money, "record_key": f"{money['record_key']}/{number}", number_field: number, "amount": amount}


def _settled(money: dict[str, Any], part: Decimal, before: list[Decimal | None]) -> Decimal:
    """What a part moved the gateway's balance by; the last part takes what others (known to the cent) left."""
    whole: Decimal = money["settled"]
    known = [each for each in before if each is not None]
    if len(known) < len(before):
        return worth_when_captured(money, part)
    return whole - sum(known, NOTHING)


def _given_back(
    charge: dict[str, Any],
    refunds: list[dict[str, Any]],
    entries: list[dict[str, Any]],
    payments: list[dict[str, Any]],
) -> tuple[Decimal, Decimal | None]:
    """
    What of a charge went back before it was put on anything: in its currency, and in base currency.

    What went back at the charge's rate, as the gateway settled it; else as it came in: the rest is an exchange
    difference of its own (``exchange_of_unused``), not one of what the charge pays.
    """
    mine = [(row, part) for row in refunds if (part := cancelled_of(row, charge["payment_id"], payments))]
    settled = [
        worth_when_captured(charge, part)
        if is_at_another_rate(row, charge) or part != Decimal(row["amount"])
        else Decimal(row["settled"])
        for row, part in mine
        if row.get("settled") is not None
    ]
    whole = sum(settled, NOTHING) if len(settled) == len(mine) else None
    back = sum((part for _, part in mine), NOTHING)
    if taken := taken_back(charge["payment_id"], refunds, entries):
        # at the charge's rate: what the dispute's made of it is an entry of its own
        known = whole is not None and charge.get("settled") is not None
        whole = (whole or NOTHING) + worth_when_captured(charge, taken) if known else None
    return back + taken, whole


def _in_another_currency(charge: dict[str, Any], invoices: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The failure of a charge that the customer paid in another currency than the order's invoices are in."""
    due_in = sorted({row.get("currency") or charge["currency"] for row in invoices})
    if not due_in or charge["currency"] in due_in:
        return None
    paid = f"{charge['amount']:.2f} {charge['currency']}"
    return {
        "record_key": charge["record_key"],
        "code": "LB-CAN-004",
        "field": "currency",
        "value": charge["currency"],
        "message": f"{paid} was charged, the invoices of order {charge['order_name']} are in {', '.join(due_in)}",
        "rule": "allocate_to_invoices",
        "remedy": "Enter the payment by hand on the invoice, on the gateway's clearing account at what the gateway "
        "settled; its receipt follows in the other ledger. Then close the letter.",
    }


def _why(charge: dict[str, Any], left: Decimal, dead: dict[str, str], invoiced: bool) -> str:
    amount = f"{left:.2f} {charge['currency']}"
    chain = charge["chain_key"]
    if not chain:
        return f"{amount} waits: no order named {charge['order_name']} has been read, or several are not told apart"
    if chain in dead:
        return f"{amount} waits: its order can't go on, dead letter {dead[chain]}"
    if invoiced:
        return f"{amount} waits: the invoices of order {charge['order_name']} are paid"
    return f"{amount} waits: order {charge['order_name']} has no invoice yet"
