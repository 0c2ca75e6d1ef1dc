"""The clearing accounts: what is booked on them, and what their gateways moved (accounting-rules.md §6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select

from ledgerbridge.flows import Company
from ledgerbridge.flows.company import Gateway
from ledgerbridge.reconciliation import (
    Booked,
    Difference,
    KeptRecords,
    Known,
    Link,
    Movement,
    OnClearing,
    Reconciliation,
    money_differences,
)
from ledgerbridge.reconciliation.model import NOTHING
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from operators.known_documents import KnownDocuments
from operators.systems import gateway_books_of

__all__ = ["Gateways"]


@dataclass
class Gateways:
    """
    The gateways of a company.

    :param books: of both ledgers, with common keys.
    :param role_of: account role by ledger and account.
    :param kept: what earlier runs read.
    """

    company: Company
    engine: Engine
    flow: str
    known: KnownDocuments
    books: Mapping[str, Sequence[Booked]]
    role_of: Mapping[str, Mapping[str, str]]
    kept: KeptRecords

    def reconcile(self, result: Reconciliation) -> None:
        """Add what the gateways' movements and the clearing accounts differ by, and the period-end figures."""
        for gateway in self.company.gateways:
            if gateway.name in self.company.connections:
                self._reconcile(gateway, result)
        waiting = (each for each in result.differences if each.type == "money without document" and each.explained)
        result.figures["customer money not invoiced"] = sum((max(each.value, NOTHING) for each in waiting), NOTHING)

    def _reconcile(self, gateway: Gateway, result: Reconciliation) -> None:
        first, last = self.company.compared_from, result.period.last
        books = gateway_books_of(gateway.name, self.company, self.kept)
        entries = self._entries(gateway)
        inside = [entry for entry, day in entries if last is None or day <= last]
        later = {entry.id: day for entry, day in entries if last is not None and day > last}
        booked = {entry.id for entry in inside}
        moved = list(books.movements())
        movements = [
            each
            for each in moved
            if (last is None or self._day(each.moved_at) <= last)
            and (first is None or self._day(each.moved_at) >= first or each.id in booked)
        ]
        result.differences += money_differences(
            gateway.name,
            gateway.role,
            movements,
            inside,
            known=lambda movement: self._known(movement, later),
            later={each.id for each in moved if last is not None and self._day(each.moved_at) > last}
            - {each.id for each in movements},
        )
        if first is None and last is None:
            balance = books.balance()
            result.figures[f"{gateway.name} balance"] = balance
            listed = sum((each.amount - each.fee for each in movements), NOTHING)
            if balance != listed:
                link = Link(gateway.name, "balance", f"{balance:.2f}", gateway.name)
                remedy = f"Its movements add up to {listed:.2f}: ask the gateway."
                result.differences.append(Difference("clearing", gateway.role, balance - listed, (link,), remedy))

    def _known(self, movement: Movement, later: Mapping[str, date]) -> Known:
        if movement.id in later:
            return Known(f"its document is booked on {later[movement.id]}, after the period")
        if reason := self.known.stuck(movement.record):
            return Known(reason)
        system, *_, entity, _ = movement.record.split(":")
        if self.known.came_later(f"{system}.{entity}", movement.moved_at):
            return Known("it came after this run had read the gateway")
        return Known()

    def _entries(self, gateway: Gateway) -> list[tuple[OnClearing, date]]:
        """What is booked on the clearing account, and on which day; what both ledgers have counts once."""
        made_from = self._made_from(gateway.name)
        found: dict[str, dict[str, Booked]] = defaultdict(dict)
        for ledger, documents in self.books.items():
            for each in documents:
                if any(self.role_of[ledger].get(account) == gateway.role for account in each.effects):
                    found[each.key].setdefault(ledger, each)
        entries = []
        for key, by_ledger in found.items():
            ledger, booked = next(iter(by_ledger.items()))
            kind, identity = made_from.get(key) or made_from.get(key.rpartition(":")[2]) or ("", "")
            roles = self.role_of[ledger]
            amount = sum(
                (each for account, each in booked.effects.items() if roles.get(account) == gateway.role), NOTHING
            )
            links = tuple(each.link(name) for name, each in by_ledger.items())
            entries.append((OnClearing(kind, identity, amount, links, len(by_ledger) > 1), booked.booked_on))
        return entries

    def _made_from(self, gateway: str) -> dict[str, tuple[str, str]]:
        """What of the gateway's a delivery was made from, by its record key and by the target's id."""
        found: dict[str, tuple[str, str]] = {}
        with transaction(self.engine) as session:
            rows = session.execute(
                select(Delivery.record_key, Delivery.target_id, Delivery.canonical).where(
                    Delivery.flow == self.flow,
                    Delivery.target_id.is_not(None),
                    Delivery.record_key.startswith(f"{gateway}:"),
                )
            )
            for record_key, target_id, canonical in rows:
                if canonical.get("payment_id"):
                    made = ("money", canonical["payment_id"])
                elif canonical.get("payout_id"):
                    made = ("fee" if canonical.get("month") else "payout", canonical["payout_id"])
                else:
                    continue
                found[record_key] = found[str(target_id)] = made
        return found

    def _day(self, instant: datetime) -> date:
        return instant.astimezone(ZoneInfo(self.company.time_zone)).date()
