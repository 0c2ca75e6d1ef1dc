"""The control accounts of each ledger against its own sub-ledgers: what is booked, and what their documents come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.reconciliation.areas import AREAS, area_of
from ledgerbridge.reconciliation.documents import BookedDocuments, amount_of, booked_of
from ledgerbridge.reconciliation.model import CENT, NOTHING, ONE_SIDED_ROLES, TOLERANCE, Booked, Period
from ledgerbridge.state.models import BooksDocument, BooksOpenItem

__all__ = ["CONTROLS", "Control", "control_accounts"]

CONTROLS = ("receivables", "payables")
"""Roles of the accounts whose documents are open until they are settled."""
_TAX = "tax_payable"
_AT_A_TIME = 500


@dataclass(frozen=True)
class Control:
    """
    The accounts of a role, and their sub-ledger, in base currency, debit positive.

    :param area: one of ``AREAS``. :param booked: what the ledger has on the accounts.
    :param held: what its documents say: of receivables and payables what is open of them, of others what they come to.
    :param entries: what was entered in the general ledger itself.
    """

    ledger: str
    area: str
    role: str
    booked: Decimal
    held: Decimal
    entries: Decimal = NOTHING

    @property
    def difference(self) -> Decimal:
        """Nothing where they agree."""
        return self.booked - self.held - self.entries

    def to_json(self) -> dict[str, Any]:
        """As text."""
        told = {**asdict(self), "difference": self.difference}
        return {name: f"{value:.2f}" if isinstance(value, Decimal) else value for name, value in told.items()}


def control_accounts(
    session: Session,
    documents: BookedDocuments,
    period: Period,
    found: Mapping[str, Any],
    gateways: Collection[str] = (),
) -> list[Control]:
    """
    Those of both ledgers, a role's next to each other.

    Of receivables and payables as they were read last, for open amounts have no history; of all others what was booked
    in the period, roles that nothing was booked on left out.

    :param found: what the comparison of the period found (``Reconciliation.to_json``): what balances hold beyond
        documents is booked too. :param gateways: roles of the gateways' clearing accounts.
    """
    controls = [
        each
        for ledger, roles in documents.roles.items()
        for each in (
            *_open(session, documents, ledger, roles),
            *_of_period(session, documents, ledger, roles, period, _beyond(found, documents.roles), gateways),
        )
    ]
    return sorted(controls, key=lambda each: (list(AREAS).index(each.area), each.role))


def _open(session: Session, documents: BookedDocuments, ledger: str, roles: Mapping[str, str]) -> list[Control]:
    booked: dict[str, Decimal] = defaultdict(Decimal)
    for account, amount in documents.totals(session, ledger, None, None).items():
        booked[roles.get(account, "")] += amount
    opened = _opened(session, documents, ledger, roles)
    return [Control(ledger, role, role, booked[role], opened[role]) for role in CONTROLS if role in roles.values()]


def _of_period(
    session: Session,
    documents: BookedDocuments,
    ledger: str,
    roles: Mapping[str, str],
    period: Period,
    beyond: Mapping[tuple[str, str], Decimal],
    gateways: Collection[str],
) -> list[Control]:
    sums: dict[str, list[Decimal]] = defaultdict(lambda: [NOTHING, NOTHING, NOTHING])
    for account, amount in documents.totals(session, ledger, period.first, period.last, compared=True).items():
        if account in roles:
            sums[roles[account]][0] += amount
    for (named, role), amount in beyond.items():
        if named == ledger:
            sums[role][0] += amount
    document = BooksDocument
    rows = session.scalars(
        select(document)
        .where(
            documents.kept.of(document),
            document.ledger == ledger,
            document.compared,
            *([] if period.first is None else [document.booked_on >= period.first]),
            *([] if period.last is None else [document.booked_on <= period.last]),
        )
        .execution_options(yield_per=_AT_A_TIME)
    )
    for row in rows:
        if row.content is None:
            continue
        booked = booked_of(row)
        # of a gateway's payout or fee the entry is the document
        place = 2 if booked.by_entry and row.made_from is None else 1
        for role, amount in _held(booked, roles).items():
            sums[role][place] += amount
        session.expunge(row)
    return [
        Control(ledger, area_of(role, gateways), role, *amounts)
        for role, amounts in sums.items()
        if role not in CONTROLS and any(amounts)
    ]


def _held(booked: Booked, roles: Mapping[str, str]) -> dict[str, Decimal]:
    """By role, what a document itself says of it: its taxes by detail, the goods of its lines, else what it booked."""
    found: dict[str, Decimal] = defaultdict(lambda: NOTHING)
    for account, amount in booked.effects.items():
        if account in roles:
            found[roles[account]] += amount
    if booked.taxes is not None and _TAX in roles.values():
        taxes = (sum(booked.taxes.values(), NOTHING) * booked.rate).quantize(CENT, ROUND_HALF_UP)
        # the cents of a conversion are nobody's mistake
        if booked.rate == 1 or abs(taxes - found[_TAX]) > TOLERANCE:
            found[_TAX] = taxes
    if booked.stock is not None:
        found |= dict.fromkeys(ONE_SIDED_ROLES, NOTHING)
        for account, amount in booked.stock.items():
            if roles.get(account) in ONE_SIDED_ROLES:
                found[roles[account]] += amount
    return found


def _beyond(found: Mapping[str, Any], ledgers: Collection[str]) -> Mapping[tuple[str, str], Decimal]:
    """By ledger and role, what balances hold and no document explains."""
    beyond: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for ledger, sign in zip(ledgers, (1, -1), strict=True):
        for each in found.get("differences", ()):
            if each["type"] == f"beyond documents in {ledger}":
                beyond[ledger, each["role"]] += sign * Decimal(each["value"])
    return beyond


def _opened(
    session: Session, documents: BookedDocuments, ledger: str, roles: Mapping[str, str]
) -> Mapping[str, Decimal]:
    """
    What is open by role.

    What is open of no document of the ledger is of the role that its sign tells: what others owe, or what is owed to
    them.
    """
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
