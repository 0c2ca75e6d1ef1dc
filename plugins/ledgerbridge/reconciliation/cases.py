"""The clearing accounts against their gateways, charge by charge and payout by payout: those that changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ledgerbridge.reconciliation.books import GatewayBooks
from ledgerbridge.reconciliation.documents import BookedDocuments, amount_of, booked_of, touch_cases, units_of
from ledgerbridge.reconciliation.known import KnownDocuments
from ledgerbridge.reconciliation.model import NOTHING, Booked, Difference, Known, Link, Movement, Period
from ledgerbridge.reconciliation.money import OnClearing, fees_left, fees_to_come, money_differences
from ledgerbridge.state.models import BooksCase, BooksDocument, Delivery
from ledgerbridge.state.upsert import in_chunks, upsert

__all__ = ["GatewayCases", "entries_of", "made_from"]

_AT_A_TIME = 200
_KINDS = ("money", "fee", "payout")
_ALL = ""
"""The name of the sum over all charges and payouts."""


@dataclass
class _Case:
    """A charge with its refunds, or a payout: what moved the balance, and what is booked of it with its day."""

    movements: list[Movement] = field(default_factory=list)
    entries: list[tuple[OnClearing, date]] = field(default_factory=list)


@dataclass(frozen=True)
class GatewayCases:
    """
    The charges and payouts of one gateway.

    :param name: of the gateway. :param role: of its clearing account.
    :param zone: whose days count.
    """

    name: str
    role: str
    books: GatewayBooks
    documents: BookedDocuments
    known: KnownDocuments
    zone: ZoneInfo

    def derive(self) -> None:
        """
        Let what new movements belong to be compared.

        :raises PurgedMet: it was purged.
        """
        kept = self.documents.kept
        while True:
            with kept.changing() as session:
                seeds = kept.due_records(session, self.name, _AT_A_TIME)
                if not seeds:
                    return
                _, names, ids = kept.joined(session, self.name, seeds)
                touch_cases(session, kept, [f"{self.name}::{name}" for name in names])
                kept.settle_records(session, ids)

    def differences(self, period: Period, figures: dict[str, Decimal]) -> list[Difference]:
        """
        What the charges and payouts that are due differ by, and what is to be posted of the fees of all.

        :param period: of one, all are compared and none is settled.
        :param figures: the gateway's balance is added where the books are whole.
        :raises PurgedMet: one was purged.
        """
        found: list[Difference] = []
        fees = NOTHING
        for names in self._names(due=period.is_whole):
            with self.documents.kept.changing() as session:
                cases, all_names = self._cases(session, names)
                compared = {name: self._compare(each, period) for name, each in cases.items()}
                if period.is_whole:
                    self._settle(session, all_names, cases, compared)
            found += [difference for each, _ in compared.values() for difference in each]
            fees += sum((left for _, left in compared.values()), NOTHING)
        with self.documents.kept.changing() as session:
            total = session.get(BooksCase, (self.documents.kept.company, self.documents.kept.flow, self.name, _ALL))
            all_of = (NOTHING, NOTHING) if total is None else (amount_of(total.listed), amount_of(total.fees))
        found += fees_to_come(self.name, self.role, all_of[1] if period.is_whole else fees)
        if period.is_whole and self.documents.compared_from is None:
            found += self._balance(all_of[0], figures)
        return found

    def _balance(self, listed: Decimal, figures: dict[str, Decimal]) -> list[Difference]:
        balance = figures[f"{self.name} balance"] = self.books.balance()
        if balance == listed:
            return []
        link = Link(self.name, "balance", f"{balance:.2f}", self.name)
        remedy = f"Its movements add up to {listed:.2f}: ask the gateway."
        return [Difference("clearing", self.role, balance - listed, (link,), remedy)]

    def _names(self, *, due: bool) -> Iterator[list[str]]:
        last, kept = "", self.documents.kept
        while True:
            with kept.changing() as session:
                names = list(
                    session.scalars(
                        select(BooksCase.name)
                        .where(
                            kept.of(BooksCase),
                            *([BooksCase.due.is_not(None)] if due else []),
                            BooksCase.gateway == self.name,
                            BooksCase.name > last,
                        )
                        .order_by(BooksCase.name)
                        .limit(_AT_A_TIME)
                    )
                )
            if not names:
                return
            last = names[-1]
            yield names

    def _cases(self, session: Session, names: Sequence[str]) -> tuple[dict[str, _Case], set[str]]:
        """The whole cases that these names lead to, by the name of the charge or payout, and all their names."""
        kept = self.documents.kept
        records, joined, _ = kept.joined(session, self.name, names=names)
        wanted = sorted(f"{self.name}:{kind}:{name}" for name in joined for kind in _KINDS)
        rows: dict[int, BooksDocument] = {}
        for chunk in in_chunks(wanted):
            made = (kept.of(BooksDocument), BooksDocument.made_from.in_(chunk), BooksDocument.compared)
            rows |= {row.id: row for row in session.scalars(select(BooksDocument).where(*made))}
        cases: dict[str, _Case] = defaultdict(_Case)
        charge_of: dict[str, str] = {}
        for movement in self.books.movements(records):
            charge_of[movement.id] = movement.belongs_to
            cases[movement.belongs_to].movements.append(movement)
        for entry, day in entries_of(self.documents, rows.values(), self.role):
            cases[charge_of.get(entry.id, entry.id)].entries.append((entry, day))
        return dict(cases), joined

    def _compare(self, case: _Case, period: Period) -> tuple[list[Difference], Decimal]:
        """What a case differs by, and what is left of its fees."""
        last = period.last
        inside = [entry for entry, day in case.entries if last is None or day <= last]
        later = {entry.id: day for entry, day in case.entries if last is not None and day > last}
        movements = self._inside(case, period)
        after = {each.id for each in case.movements if last is not None and self._day(each.moved_at) > last}
        after -= {each.id for each in movements}
        found = money_differences(
            self.name, self.role, movements, inside, known=lambda each: self._known(each, later), later=after
        )
        return found, fees_left(movements, inside, after)

    def _inside(self, case: _Case, period: Period) -> list[Movement]:
        """The movements that count: not before the day the books begin to agree, unless they are booked."""
        first, last = self.documents.compared_from, period.last
        booked = {entry.id for entry, day in case.entries if last is None or day <= last}
        return [
            each
            for each in case.movements
            if (last is None or self._day(each.moved_at) <= last)
            and (first is None or self._day(each.moved_at) >= first or each.id in booked)
        ]

    def _known(self, movement: Movement, later: Mapping[str, date]) -> Known:
        if movement.id in later:
            return Known(f"its document is booked on {later[movement.id]}, after the period")
        if reason := self.known.stuck(movement.record):
            return Known(reason)
        system, *_, entity, _ = movement.record.split(":")
        if self.known.came_later(f"{system}.{entity}", movement.moved_at):
            return Known("it came after this run had read the gateway")
        return Known()

    def _settle(
        self,
        session: Session,
        names: Collection[str],
        cases: Mapping[str, _Case],
        compared: Mapping[str, tuple[list[Difference], Decimal]],
    ) -> None:
        """Keep what the cases sum up to; those without a difference are done."""
        kept = self.documents.kept
        own = (kept.of(BooksCase), BooksCase.gateway == self.name)
        before: dict[str, tuple[int, int]] = {}
        for chunk in in_chunks(sorted({_ALL, *names, *cases})):
            columns = select(BooksCase.name, BooksCase.listed, BooksCase.fees)
            rows = session.execute(columns.where(*own, BooksCase.name.in_(chunk)))
            before |= {name: (listed, fees) for name, listed, fees in rows}
        after: dict[str, tuple[int, int]] = {}
        for name, case in cases.items():
            listed = sum((each.amount - each.fee for each in self._inside(case, Period())), NOTHING)
            after[name] = (units_of(listed), units_of(compared[name][1]))
        all_before = before.pop(_ALL, (0, 0))
        for chunk in in_chunks(sorted(before)):
            session.execute(delete(BooksCase).where(*own, BooksCase.name.in_(chunk)))
        after[_ALL] = tuple(  # type: ignore[assignment]
            all_before[each] + sum(new[each] for new in after.values()) - sum(old[each] for old in before.values())
            for each in (0, 1)
        )
        base = {"company": kept.company, "flow": kept.flow, "gateway": self.name}
        kept_rows = [
            {**base, "name": name, "listed": listed, "fees": fees,
             "due": kept.number if name in compared and compared[name][0] else None}
            for name, (listed, fees) in after.items()
        ]  # fmt: skip
        upsert(session, BooksCase, kept_rows, key=["company", "flow", "gateway", "name"])

    def _day(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()


def entries_of(
    documents: BookedDocuments, rows: Iterable[BooksDocument], role: str
) -> Iterator[tuple[OnClearing, date]]:
    """
    What documents book on a clearing account, and on which day; what both ledgers have counts once.

    :param rows: of a pair all or none.
    """
    found: dict[str, dict[str, tuple[BooksDocument, Booked]]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: (list(documents.roles).index(row.ledger), row.key)):
        roles = documents.roles[row.ledger]
        booked = booked_of(row)
        if any(roles.get(account) == role for account in booked.effects):
            found[row.pair].setdefault(row.ledger, (row, booked))
    for by_ledger in found.values():
        ledger, (row, booked) = next(iter(by_ledger.items()))
        roles = documents.roles[ledger]
        amount = sum((each for account, each in booked.effects.items() if roles.get(account) == role), NOTHING)
        links = tuple(each.link(name) for name, (_, each) in by_ledger.items())
        _, kind, identity = (row.made_from or "::").split(":", 2)
        yield OnClearing(kind, identity, amount, links, len(by_ledger) > 1), booked.booked_on


def made_from(
    session: Session, flow: str, entities: Collection[str], gateways: Collection[str], pairs: Collection[str]
) -> dict[str, str]:
    """What of a gateway's the documents of these pairs were made from, ``gateway:kind:id``, by pair."""
    found: dict[str, str] = {}
    columns = select(Delivery.record_key, Delivery.target_id, Delivery.canonical)
    for chunk in in_chunks(sorted(pairs)):
        for where in (
            Delivery.record_key.in_(chunk),
            Delivery.target_id.in_([pair.rpartition(":")[2] for pair in chunk]),
        ):
            rows = columns.where(
                Delivery.flow == flow, Delivery.entity.in_(entities), Delivery.target_id.is_not(None), where
            )
            for record_key, target_id, canonical in session.execute(rows.order_by(Delivery.record_key)):
                gateway = record_key.partition(":")[0]
                kind, identity = _made_of(canonical)
                if gateway in gateways and identity:
                    found[record_key] = found[str(target_id)] = f"{gateway}:{kind}:{identity}"
    return {pair: made for pair in pairs if (made := found.get(pair) or found.get(pair.rpartition(":")[2])) is not None}


def _made_of(canonical: Mapping[str, object]) -> tuple[str, str]:
    if canonical.get("payment_id"):
        return "money", str(canonical["payment_id"])
    return "fee" if canonical.get("month") else "payout", str(canonical.get("payout_id") or "")
