"""Two ledgers after a run against the same after an undisturbed one: what is lost, doubled, and off by cents."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from demo.books import LEDGERS
from sandbox.player import Player

__all__ = ["Books", "Verdict", "compare", "read_books"]

Posting = tuple[str, str, str, Decimal]
"""Ledger, account, day, amount (debit positive)."""


@dataclass(frozen=True)
class Books:
    """
    What both ledgers hold.

    :param postings: how often each amount stands on an account on a day; what was reversed is not there.
    :param orders: outcome by order.
    """

    postings: Counter[Posting]
    balances: Mapping[str, Mapping[str, str]]
    orders: Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """How the books of a disturbed run differ from those of an undisturbed one."""

    expected: int
    lost: list[str]
    doubled: list[str]
    cents_off: int

    def counts(self) -> dict[str, int]:
        """The numbers of a line."""
        return {
            "expected": self.expected,
            "lost": len(self.lost),
            "doubled": len(self.doubled),
            "cents_off": self.cents_off,
        }

    def told(self) -> list[str]:
        """What is wrong, a line each."""
        return [*(f"lost: {each}" for each in self.lost), *(f"doubled: {each}" for each in self.doubled)]


def read_books(player: Player, result: Mapping[str, Any]) -> Books:
    """What the ledgers hold now; ``result`` as ``demo.books.read_result`` made it."""
    postings: Counter[Posting] = Counter()
    for entry in player.entries("gp"):
        amount = Decimal(entry["DEBITAMT"]) - Decimal(entry["CRDTAMNT"])
        postings["gp", entry["ACTNUMST"], entry["TRXDATE"], amount] += 1
    for journal in player.entries("xero"):
        for line in journal["JournalLines"]:
            postings["xero", line["AccountCode"], journal["JournalDate"], Decimal(line["NetAmount"])] += 1
    orders = {name: order["outcome"] for name, order in result["orders"].items()}
    return Books(_lasting(postings), result["books"], orders)


def compare(disturbed: Books, undisturbed: Books) -> Verdict:
    """What the disturbances changed."""
    lost = undisturbed.postings - disturbed.postings
    doubled = disturbed.postings - undisturbed.postings
    missing = [
        f"order {name}: {disturbed.orders.get(name, 'missing')}, undisturbed {outcome}"
        for name, outcome in undisturbed.orders.items()
        if disturbed.orders.get(name) != outcome
    ]
    return Verdict(
        expected=undisturbed.postings.total(),
        lost=[*missing, *_told(lost)],
        doubled=_told(doubled),
        cents_off=sum(_cents_off(disturbed, undisturbed, ledger) for ledger in LEDGERS),
    )


def _lasting(postings: Counter[Posting]) -> Counter[Posting]:
    """Without entries and their reversals of the same day, and without amounts of nothing."""
    sums: dict[tuple[str, str, str, Decimal], int] = defaultdict(int)
    for (ledger, account, day, amount), times in postings.items():
        if amount:
            sums[ledger, account, day, abs(amount)] += times if amount > 0 else -times
    return Counter({(*key[:3], key[3] if net > 0 else -key[3]): abs(net) for key, net in sums.items() if net})


def _cents_off(disturbed: Books, undisturbed: Books, ledger: str) -> int:
    roles = {*disturbed.balances[ledger], *undisturbed.balances[ledger]}
    return sum(
        int(
            abs(
                Decimal(disturbed.balances[ledger].get(role, "0"))
                - Decimal(undisturbed.balances[ledger].get(role, "0"))
            )
            * 100
        )
        for role in roles
    )


def _told(postings: Counter[Posting]) -> list[str]:
    return [f"{times} x {' '.join(map(str, posting))}" for posting, times in sorted(postings.items())]
