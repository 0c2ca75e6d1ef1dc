"""
Pieces refunded before they are shipped: off the order while it can still be changed, else a return (decision 0018).

Which of the two is decided once, by what the order's delivery says: pieces that an order went out without stay off;
others come off as long as no invoice of the order is known, and the target of the order refuses that when it knows one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ledgerbridge.canonical.allocation import rows_of_frame
from ledgerbridge.canonical.sent import SentDocuments
from ledgerbridge.canonical.settlement import TOLERANCE, of_goods

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["beyond_invoices", "came_off", "take_off"]

NOTHING = Decimal(0)
WITHOUT_PIECES = frozenset({"shipping", "duties", "additional_fees"})
"""Kinds of line that are an amount: whatever of it is given back, it is one until nothing is left."""

Row = dict[str, Any]


def take_off(
    frames: dict[str, pd.DataFrame], sent: SentDocuments, *, orders: str, invoices: str
) -> dict[str, pd.DataFrame]:
    """
    The orders without what their refunds take off; ``given_up`` says which did, ``giving_up`` whether one is new.

    An order with nothing left counts as cancelled. A refund that would leave a line no ledger takes (money without
    pieces, shipping without goods) stays a return.

    :param frames: of canonical sales orders; the part ``given_up`` is used up.
    :param orders: entity of the orders delivered.
    :param invoices: entity of the invoices delivered.
    """
    frames = dict(frames)
    refunded = _by(rows_of_frame(frames.pop("given_up")), "record_key")
    if not refunded:
        return frames
    keys = sorted(refunded)
    arrived = sent.sent(orders, "record_key", keys)
    invoiced = {key for key, rows in sent.sent(invoices, "chain_key", keys).items() if of_goods(rows)}
    parts = {name: _by(_of(frame, keys), "record_key") for name, frame in frames.items()}
    changed: dict[str, list[Row]] = {name: [] for name in frames}
    for key, rows in refunded.items():
        order = _Order(parts["header"][key][0], parts["lines"].get(key, []), parts["taxes"].get(key, []))
        delivery = next(iter(arrived.get(key, [])), None)
        off = _refunds_of(delivery) if delivery is not None else []
        # a first try may have arrived: what it was is sent again, and its answer tells before anything else comes off
        is_first_try = delivery is not None and not _stands(delivery)
        # an update under way may have reached the target: only its answer tells
        is_open = key not in invoiced or (delivery is not None and delivery["state"] == "sending")
        is_new = is_open and not is_first_try
        order.take_off(_by(rows, "refund_id"), off, new=is_new and not order.header["cancelled"])
        for name, made in (("header", [order.header]), ("lines", order.lines), ("taxes", order.taxes)):
            changed[name] += made
    return {name: _with(frame, keys, changed[name]) for name, frame in frames.items()}


def came_off(
    header: pd.DataFrame, sent: SentDocuments, *, orders: str, source: str
) -> tuple[dict[str, str], dict[str, str]]:
    """
    Why returns are superseded, and why others wait until their order is settled.

    :param header: of canonical sales returns.
    :param orders: entity of the orders delivered.
    :param source: source entity of the orders; one that needed no document has no pieces to come back.
    """
    superseded, waiting = {}, {}
    chains = sorted(set(header["chain_key"]))
    ordered, letters = sent.sent(orders, "record_key", chains), sent.dead_letters(chains)
    never_sent = {chain for chain, rows in sent.records(source, chains).items() if any(map(_needed_none, rows))}
    for key, chain, refund in zip(header["record_key"], header["chain_key"], header["refund_id"], strict=True):
        delivery = next(iter(ordered.get(chain, [])), None)
        state = "rejected" if delivery is None else delivery["state"]
        if delivery is not None and _stands(delivery) and refund in _refunds_of(delivery):
            superseded[key] = "its pieces came off the order before they were invoiced"
        elif delivery is None and chain in never_sent:
            superseded[key] = "its order was given up before it was sent"
        elif state in ("sending", "not_sent"):
            waiting[key] = "its order is being changed"
        elif state == "rejected" and chain in letters:
            # whether its pieces are on the order is for a person to see
            waiting[key] = f"its order can't go on, dead letter {letters[chain]}"
    return superseded, waiting


def beyond_invoices(
    header: pd.DataFrame, sent: SentDocuments, *, invoices: str, returns: str
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """
    Returns of more than was invoiced: failures of cancelled orders, and why those of others wait.

    What has never left can't come back: a cancelled order's is for a person, another's may ship yet.

    :param header: of canonical sales returns.
    :param invoices: entity of the invoices delivered.
    :param returns: of the returns delivered.
    """
    rows = rows_of_frame(header)
    chains = sorted({row["chain_key"] for row in rows})
    invoiced = {chain: _total(of_goods(each)) for chain, each in sent.sent(invoices, "chain_key", chains).items()}
    sent_before = sent.sent(returns, "chain_key", chains)
    back = {chain: _total(sent_before.get(chain, [])) for chain in chains}
    stand = {each["record_key"] for documents in sent_before.values() for each in documents}
    failures, waiting = [], {}
    for row in sorted(rows, key=lambda row: (row["returned_on"], row["record_key"])):
        chain, key = row["chain_key"], row["record_key"]
        if key in stand:
            continue
        out = invoiced.get(chain, NOTHING)
        if back[chain] + row["total"] <= out + TOLERANCE:
            back[chain] += row["total"]
            continue
        amount = f"{row['total']:.2f} {row['currency']}"
        if row["cancelled"]:
            failures.append(_never_left(row, amount, f"{out - back[chain]:.2f}"))
        else:
            waiting[key] = (
                f"{amount} come back, {out - back[chain]:.2f} of them are invoiced: the rest is not shipped yet"
            )
    return failures, waiting


def _never_left(row: Row, amount: str, left: str) -> dict[str, Any]:
    """The failure of a cancelled order's return of what was shipped only in part."""
    return {
        "record_key": row["record_key"],
        "code": "LB-CAN-007",
        "field": "total",
        "value": amount,
        "message": f"{amount} come back of the cancelled order {row['label']}, but only {left} of them are invoiced",
        "rule": "up_to_invoiced",
        "remedy": "If the rest has been shipped, let its invoice be posted and replay the letter. Else void what is "
        "left of the order in the ledger that invoices it, enter there the return of what was invoiced, with the "
        "order's name as customer PO number, and discard this letter.",
    }


def _total(documents: Sequence[Row]) -> Decimal:
    return sum((Decimal(row["total"]) for row in documents), NOTHING)


def _needed_none(record: Row) -> bool:
    """Whether a source record of a chain is its order's, done with without a document."""
    return bool(record.get("order_number")) and record["outcome"] == "superseded"


class _Order:
    def __init__(self, header: Row, lines: list[Row], taxes: list[Row]) -> None:
        self.header, self.lines, self.taxes = header, lines, taxes

    def take_off(self, refunds: dict[str, list[Row]], off: Collection[str], *, new: bool) -> None:
        """Take off the refunds that are ``off`` already and, if ``new``, the others that can be."""
        lines, taxes, total, taken = self.lines, self.taxes, self.header["total"], []
        is_nothing_left = False
        for refund, rows in refunds.items():
            if refund not in off and not new:
                continue
            less, taxes_less = _less(lines, taxes, rows)
            if refund not in off and not (_is_of(lines, taxes, rows) and _can_stand(less, taxes_less)):
                continue
            lines, taxes = less, taxes_less
            total += sum((row["amount"] for row in rows), NOTHING)
            taken.append(refund)
            is_nothing_left = not any(map(_is_left, lines))
        self.header |= {"given_up": "+".join(taken) or None, "giving_up": any(each not in off for each in taken)}
        if is_nothing_left:  # it is voided, with what it had
            self.header["cancelled"] = True
        elif taken:
            self.lines = [line for line in lines if _is_left(line)]
            kept = {line["line_id"] for line in self.lines}
            self.taxes = [tax for tax in taxes if tax["line_id"] in kept]
            pieces = sum((line["quantity"] for line in self.lines if line["kind"] != "shipping"), NOTHING)
            self.header |= {"total": total, "quantity": pieces}


def _less(lines: Sequence[Row], taxes: Sequence[Row], rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Lines and taxes without what ``rows`` take off."""
    pieces = {row["line_id"]: row for row in rows if row["detail"] is None}
    details = {(row["line_id"], row["detail"]): row["amount"] for row in rows if row["detail"] is not None}
    taxes = [{**tax, "amount": tax["amount"] + details.get(_tax_key(tax), NOTHING)} for tax in taxes]
    less = []
    for line in lines:
        row = pieces.get(line["line_id"])
        if row is not None:
            tax = sum((amount for (line_id, _), amount in details.items() if line_id == line["line_id"]), NOTHING)
            quantity = row["quantity"] if line["kind"] not in WITHOUT_PIECES else NOTHING
            line = {
                **line,
                "quantity": line["quantity"] + quantity,
                "net": line["net"] + row["amount"],
                "tax": line["tax"] + tax,
            }
        less.append(line)
    return less, taxes


def _is_of(lines: Sequence[Row], taxes: Sequence[Row], rows: Sequence[Row]) -> bool:
    """Whether the order still has every line and tax that ``rows`` take an amount off."""
    known = {(line["line_id"], None) for line in lines} | set(map(_tax_key, taxes))
    return all((row["line_id"], row["detail"]) in known for row in rows if row["amount"] or row["quantity"])


def _tax_key(tax: Row) -> tuple[str, str | None]:
    return tax["line_id"], tax["detail"]


def _is_left(line: Row) -> bool:
    if line["kind"] not in WITHOUT_PIECES:
        return bool(line["quantity"])
    return bool(line["net"] or line["tax"])


def _can_stand(lines: Sequence[Row], taxes: Sequence[Row]) -> bool:
    """Whether a ledger takes the order, or there is nothing left of it."""
    if any(row["quantity"] < 0 or row["net"] < 0 for row in lines) or any(tax["amount"] < 0 for tax in taxes):
        return False
    if any(not _is_left(line) and (line["net"] or line["tax"]) for line in lines):
        return False
    goods = any(_is_left(line) for line in lines if line["kind"] not in WITHOUT_PIECES)
    return goods or not any(map(_is_left, lines))


def _stands(delivery: Row) -> bool:
    """Whether its canonical header is that of what the target holds, not of a first try."""
    return bool(delivery["state"] == "delivered" or delivery.get("target_id"))


def _refunds_of(delivery: Row) -> list[str]:
    return str(delivery.get("given_up") or "").split("+")


def _by(rows: Sequence[Row], name: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return found


def _of(frame: pd.DataFrame, keys: Sequence[str]) -> list[Row]:
    return rows_of_frame(frame[frame["record_key"].isin(keys)])


def _with(frame: pd.DataFrame, keys: Sequence[str], rows: list[Row]) -> pd.DataFrame:
    """The frame with ``rows`` in the place of those of ``keys``."""
    import pandas as pd

    table = pa.Table.from_pandas(frame[~frame["record_key"].isin(keys)], preserve_index=False)
    made = pa.concat_tables([table, pa.Table.from_pylist(rows, table.schema)])
    result: pd.DataFrame = made.to_pandas(types_mapper=pd.ArrowDtype)
    return result
