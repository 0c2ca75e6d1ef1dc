"""Rules that canonical records go through between conform and map, by the name flow files use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from ledgerbridge.canonical.allocation import Allocation, allocate
from ledgerbridge.canonical.sent import SentDocuments

__all__ = ["RULES", "Ruled"]


@dataclass(frozen=True)
class Ruled:
    """
    What a rule leaves.

    :param frames: the canonical frames that go on.
    :param parents: ``record_key`` of each record that goes on, to the one it was made from.
    :param waiting: record key to the reason why it (or a part of it) waits.
    """

    frames: dict[str, pd.DataFrame]
    parents: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)


Rule = Callable[..., Ruled]


def allocate_to_invoices(
    frames: dict[str, pd.DataFrame], sent: SentDocuments, *, invoices: str, payments: str
) -> Ruled:
    """
    Payments to the invoices of their order, up to what is due; the rest waits (accounting.md §3 rule 5).

    :param invoices: entity of the invoices delivered, :param payments: entity of the payments delivered.
    """
    result: Allocation = allocate(frames["header"], sent, invoices=invoices, payments=payments)
    return Ruled({**frames, "header": result.payments}, result.parents, result.waiting)


RULES: dict[str, Rule] = {"allocate_to_invoices": allocate_to_invoices}
