"""Rules that canonical records go through between conform and map, by the name flow files use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from ledgerbridge.canonical.allocation import allocate
from ledgerbridge.canonical.refunds import allocate_refunds
from ledgerbridge.canonical.sent import SentDocuments

__all__ = ["RULES", "Ruled"]


@dataclass(frozen=True)
class Ruled:
    """
    What a rule leaves.

    :param frames: the canonical frames that go on.
    :param parents: ``record_key`` of each record that goes on, to the one it was made from.
    :param waiting: record key to the reason why it (or a part of it) waits.
    :param superseded: record key to what took its place.
    """

    frames: dict[str, pd.DataFrame]
    parents: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    superseded: dict[str, str] = field(default_factory=dict)


Rule = Callable[..., Ruled]


def allocate_to_invoices(
    frames: dict[str, pd.DataFrame], sent: SentDocuments, *, invoices: str, payments: str, refunds: str
) -> Ruled:
    """
    Payments to the invoices of their order, up to what is due; the rest waits (accounting.md §3 rule 5).

    :param invoices: entity of the invoices delivered, :param payments: of the payments delivered,
        :param refunds: source entity of the gateway's refunds.
    """
    result = allocate(frames["header"], sent, invoices=invoices, payments=payments, refunds=refunds)
    return Ruled({**frames, "header": result.shares}, result.parents, result.waiting, result.superseded)


def allocate_to_credits(
    frames: dict[str, pd.DataFrame],
    sent: SentDocuments,
    *,
    credits: str,
    payments: str,
    orders: str,
    returns: str,
    goodwill: str,
) -> Ruled:
    """
    Money given back to the credits it was given back for; what no credit stands for cancels against its charge.

    :param credits: entity of the credit notes delivered, :param payments: of the payments delivered, :param orders:
        source entity of orders, :param returns: of the returns delivered, :param goodwill: of the memos delivered.
    """
    result = allocate_refunds(
        frames["header"], sent, credits=credits, payments=payments, orders=orders, promised=(returns, goodwill)
    )
    return Ruled({**frames, "header": result.shares}, result.parents, result.waiting, result.superseded)


def after_invoice(frames: dict[str, pd.DataFrame], sent: SentDocuments, *, invoices: str) -> Ruled:
    """
    Only goods that were invoiced come back; before that the order itself changes (accounting.md §3 rules 8, 9).

    :param invoices: entity of the invoices delivered.
    """
    header = frames["header"]
    invoiced = sent.sent(invoices, "chain_key", sorted(set(header["chain_key"])))
    waiting, superseded = {}, {}
    for key, chain, cancelled in zip(header["record_key"], header["chain_key"], header["cancelled"], strict=True):
        if chain not in invoiced:
            if cancelled:
                superseded[key] = "its order was cancelled before it was invoiced"
            else:
                waiting[key] = "its order has no invoice yet"
    stopped = {*waiting, *superseded}
    kept = {name: frame[~frame["record_key"].isin(stopped)].reset_index(drop=True) for name, frame in frames.items()}
    return Ruled(kept, {}, waiting, superseded)


RULES: dict[str, Rule] = {
    "after_invoice": after_invoice,
    "allocate_to_credits": allocate_to_credits,
    "allocate_to_invoices": allocate_to_invoices,
}
