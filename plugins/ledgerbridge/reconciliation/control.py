"""The control accounts of each ledger against its own sub-ledger: what is booked, and what is open of documents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.reconciliation.documents import BookedDocuments, amount_of, booked_of
from ledgerbridge.reconciliation.model import NOTHING
from ledgerbridge.state.models import BooksOpenItem

__all__ = ["CONTROLS", "Control", "control_accounts"]

CONTROLS = ("receivables", "payables")
"""Roles of the accounts whose documents are open until they are settled."""


@dataclass(frozen=True)
class Control:
    """
    A control account, and its sub-ledger, in base currency, debit positive.

    :param booked: what the ledger has on the accounts of the role. :param open: what is open of its documents.
    """

    ledger: str
    role: str
    booked: Decimal
    open: Decimal

    @property
    def difference(self) -> Decimal:
        """Nothing where the two agree."""
        return self.booked - self.open

    def to_json(self) -> dict[str, Any]:
        """As text."""
        told = {**asdict(self), "difference": self.difference}
        return {name: f"{value:.2f}" if isinstance(value, Decimal) else value for name, value in told.items()}


def control_accounts(session: Session, documents: BookedDocuments) -> list[Control]:
    """
    Each ledger's own, as it was read last; open amounts have no history, so that both are of then.

    What is open of no document of the ledger is of the role that its sign tells: what others owe, or what is owed to
    them.
    """
    found = []
    for ledger, roles in documents.roles.items():
        booked: dict[str, Decimal] = defaultdict(Decimal)
        for account, amount in documents.totals(session, ledger, None, None).items():
            booked[roles.get(account, "")] += amount
        opened = _opened(session, documents, ledger, roles)
        found += [Control(ledger, role, booked[role], opened[role]) for role in CONTROLS if role in roles.values()]
    return found


def _opened(
    session: Session, documents: BookedDocuments, ledger: str, roles: Mapping[str, str]
) -> Mapping[str, Decimal]:
    item, kept = BooksOpenItem, documents.kept
    rows = session.execute(
        select(item.number, item.amount).where(kept.of(item), item.ledger == ledger).order_by(item.number, item.id)
    ).all()
    role_of: dict[str, str] = {}
    for row in documents.of_numbers(session, ledger, {number for number, _ in rows}):
        if row.content is not None:
            touched = {roles.get(account) for account in booked_of(row).effects}
            role = next((each for each in CONTROLS if each in touched), None)
            if role is not None:
                role_of.setdefault(str(row.number), role)
    found: dict[str, Decimal] = defaultdict(lambda: NOTHING)
    for number, units in rows:
        amount = amount_of(units)
        found[role_of.get(number, CONTROLS[0] if amount > 0 else CONTROLS[1])] += amount
    return found
