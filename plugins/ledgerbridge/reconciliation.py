"""
Proof that two ledgers agree: document by document, by account role, to the cent (accounting.md §6).

Both ledgers give what they booked (``Booked``); documents that are the same thing have the same ``key``. Every
difference is typed, valued and linked; one with a known reason is explained and does not fail the run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

__all__ = ["Booked", "Difference", "Reconciliation", "reconcile"]

NOTHING = Decimal(0)
# What the ledgers' own arithmetic may leave on a document (accounting.md §3 rule 1)
TOLERANCE = Decimal("0.02")
CENT = Decimal("0.01")
# One ledger alone keeps stock (accounting.md §6)
ONE_SIDED_ROLES = frozenset({"inventory", "cost_of_goods_sold"})


@dataclass(frozen=True)
class Booked:
    """
    One document as a ledger booked it.

    :param key: the same for the same thing in both ledgers; before that is known, the ledger's own record key.
    :param ids: what the ledger knows it by: id, number, reference.
    :param kind: invoice, payment, entry, …
    :param effects: debit minus credit by account of that ledger, in base currency.
    :param customer: the ledger's own customer, for messages.
    """

    key: str
    kind: str
    number: str
    booked_on: date
    effects: Mapping[str, Decimal]
    customer: str = ""
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """
    One way the ledgers differ.

    :param type: missing in …, double in …, amount, tax, account, date, rate, rounding, money without document,
        clearing.
    :param value: first ledger minus second, in base currency.
    :param reason: why it is as it should be; None if nobody knows.
    """

    type: str
    role: str
    value: Decimal
    documents: tuple[str, ...]
    remedy: str
    reason: str | None = None

    @property
    def explained(self) -> bool:
        """Whether it has a known reason."""
        return self.reason is not None

    def to_json(self) -> dict[str, Any]:
        """As text, for the run's history."""
        return {**asdict(self), "value": f"{self.value:.2f}", "explained": self.explained}


@dataclass(frozen=True)
class Reconciliation:
    """The verdict: balances by role in both ledgers, and every difference."""

    ledgers: tuple[str, str]
    roles: dict[str, tuple[Decimal, Decimal]]
    differences: list[Difference] = field(default_factory=list)

    @property
    def agree(self) -> bool:
        """Whether every difference has a known reason."""
        return all(difference.explained for difference in self.differences)

    def to_json(self) -> dict[str, Any]:
        """As text, for the run's history."""
        first, second = self.ledgers
        return {
            "agree": self.agree,
            "roles": {role: {first: f"{a:.2f}", second: f"{b:.2f}"} for role, (a, b) in sorted(self.roles.items())},
            "differences": [difference.to_json() for difference in self.differences],
        }


Explain = Callable[[Booked, str], str | None]
"""Why a document of one ledger is not in the other (given by name), or None."""
ExplainPair = Callable[[Booked, Mapping[str, Decimal]], str | None]
"""Why a document of the first ledger differs from its counterpart, by these amounts by role, or None."""


def reconcile(
    ledgers: tuple[str, str],
    first: Sequence[Booked],
    second: Sequence[Booked],
    *,
    role_of: Mapping[str, Mapping[str, str]],
    explain: Explain,
    explain_pair: ExplainPair,
) -> Reconciliation:
    """
    Compare what two ledgers booked.

    :param role_of: account role by ledger name and account.
    :param explain: the known reason for a document that is in one ledger only.
    :param explain_pair: the known reason for one that is not the same in both.
    """
    roles_first = [_Roled(each, role_of[ledgers[0]]) for each in first]
    roles_second = [_Roled(each, role_of[ledgers[1]]) for each in second]
    differences = _doubles(ledgers[0], roles_first, sign=1) + _doubles(ledgers[1], roles_second, sign=-1)
    pairs: dict[str, list[list[_Roled]]] = defaultdict(lambda: [[], []])
    for side, roled in ((0, roles_first), (1, roles_second)):
        for each in roled:
            pairs[each.booked.key][side].append(each)
    for ours, theirs in pairs.values():
        if ours and theirs:
            differences += _unequal(ours[0], theirs[0], explain_pair)
        else:
            missing_in, here = (ledgers[1], ours) if ours else (ledgers[0], theirs)
            differences += _missing(missing_in, here[0], explain, sign=1 if ours else -1)
    totals = {
        role: (_total(roles_first, role), _total(roles_second, role))
        for role in sorted({role for each in [*roles_first, *roles_second] for role in each.roles})
    }
    return Reconciliation(ledgers, totals, differences)


class _Roled:
    """A booked document with its effects by role; an account without a role keeps its own name."""

    def __init__(self, booked: Booked, role_of: Mapping[str, str]) -> None:
        self.booked = booked
        self.roles: dict[str, Decimal] = defaultdict(Decimal)
        for account, amount in booked.effects.items():
            role = role_of.get(account, f"account {account}")
            if role not in ONE_SIDED_ROLES:
                self.roles[role] += amount

    @property
    def name(self) -> str:
        return f"{self.booked.kind} {self.booked.number}"


def _total(documents: Iterable[_Roled], role: str) -> Decimal:
    return sum((each.roles.get(role, NOTHING) for each in documents), NOTHING)


def _doubles(ledger: str, documents: Sequence[_Roled], sign: int) -> list[Difference]:
    seen: dict[str, _Roled] = {}
    found = []
    for each in documents:
        if each.booked.key in seen:
            for role, amount in _lasting(each.roles):
                remedy = f"Void one of the two in {ledger}."
                found.append(
                    Difference(
                        f"double in {ledger}", role, sign * amount, (seen[each.booked.key].name, each.name), remedy
                    )
                )
        seen.setdefault(each.booked.key, each)
    return found


def _unequal(ours: _Roled, theirs: _Roled, explain: ExplainPair) -> list[Difference]:
    changed = {
        role: ours.roles.get(role, NOTHING) - theirs.roles.get(role, NOTHING) for role in {*ours.roles, *theirs.roles}
    }
    changed = {role: amount for role, amount in changed.items() if amount}
    documents = (ours.name, theirs.name)
    if not changed:
        if ours.booked.booked_on == theirs.booked.booked_on:
            return []
        days = f"{ours.booked.booked_on} and {theirs.booked.booked_on}"
        value = sum((amount for amount in ours.roles.values() if amount > 0), NOTHING)
        return [Difference("date", "", value, documents, f"Booked on {days}: correct the date of one of them.")]
    remedy = "Compare the two documents; correct the one that is wrong."
    reason = explain(ours.booked, changed)
    return [
        Difference(_kind_of(role, changed, ours, theirs), role, amount, documents, remedy, reason)
        for role, amount in sorted(changed.items())
    ]


def _kind_of(role: str, changed: Mapping[str, Decimal], ours: _Roled, theirs: _Roled) -> str:
    if "rounding" in changed and all(abs(amount) <= TOLERANCE for amount in changed.values()):
        return "rounding"
    if "fx_gain_loss" in changed or _scaled(ours.roles, theirs.roles):
        return "rate"
    if role == "tax_payable":
        return "tax"
    moved = sum(changed.values(), NOTHING) == 0 and len(changed) == 2
    one_sided = any(not ours.roles.get(each) or not theirs.roles.get(each) for each in changed)
    return "account" if moved and one_sided else "amount"


def _scaled(ours: Mapping[str, Decimal], theirs: Mapping[str, Decimal]) -> bool:
    """
    Whether one is the other at another rate: every role by the same factor, to the cent of its conversion.

    Two roles are always each other's counterpart, so that they tell nothing.
    """
    roles = {role for role in {*ours, *theirs} if ours.get(role) or theirs.get(role)}
    if len(roles) < 3 or any(
        not ours.get(role) or not theirs.get(role) or ours[role] == theirs[role] for role in roles
    ):
        return False
    largest = max(roles, key=lambda role: abs(theirs[role]))
    factor = ours[largest] / theirs[largest]
    return factor > 0 and all(abs(ours[role] - theirs[role] * factor) <= CENT for role in roles)


def _missing(ledger: str, here: _Roled, explain: Explain, sign: int) -> list[Difference]:
    reason = explain(here.booked, ledger)
    remedy = f"Find out why {here.name} is not in {ledger}: its delivery, its dead letter, its run."
    return [
        Difference(f"missing in {ledger}", role, sign * amount, (here.name,), remedy, reason)
        for role, amount in _lasting(here.roles)
    ] or ([] if reason else [Difference(f"missing in {ledger}", "", NOTHING, (here.name,), remedy)])


def _lasting(roles: Mapping[str, Decimal]) -> list[tuple[str, Decimal]]:
    return sorted((role, amount) for role, amount in roles.items() if amount)
