"""
One pass over the books: what changed since the one before is compared, and what differed then; all else still agrees.

A document is compared together with all that a key, a number or a settlement joins it with, so that the same comes out
as if all documents were compared at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor
from ledgerbridge.reconciliation.books import Books, GatewayBooks
from ledgerbridge.reconciliation.cases import GatewayCases, entries_of, made_from
from ledgerbridge.reconciliation.compare import reconcile
from ledgerbridge.reconciliation.documents import BookedDocuments, amount_of, booked_of, touch_cases
from ledgerbridge.reconciliation.kept import KeptBooks, PurgedMet, cut
from ledgerbridge.reconciliation.known import KnownDocuments, delivered_entities
from ledgerbridge.reconciliation.model import (
    NOTHING,
    ONE_SIDED_ROLES,
    Booked,
    Difference,
    Link,
    OpenAmount,
    Period,
    Reconciliation,
)
from ledgerbridge.reconciliation.money import strangers
from ledgerbridge.reconciliation.waiting import overdue
from ledgerbridge.state.booked import keep_booked
from ledgerbridge.state.models import BooksDocument, BooksOpenItem, BooksState, Delivery
from ledgerbridge.state.upsert import in_chunks

__all__ = ["BooksPass", "CompanyTerms"]

_LATE = timedelta(minutes=15)
_ENTERED = "entered:"
"""What the pair of entries that people made of a gateway's movement begins with; its kind, id and reference follow."""
"""How much later than it says a delivery may become visible: workers' clocks differ, transactions take time."""


@dataclass(frozen=True)
class CompanyTerms:
    """
    What of a company and its flow the comparison goes by.

    :param roles: account role by ledger and account, the first ledger first.
    :param gateways: role of the clearing account by gateway.
    :param compared_from: the first day the ledgers must agree on; None: every day.
    :param zone: whose days count.
    :param legs: names of the flow's legs. :param sources: the entities they, and those of ``beside``, read.
    :param beside: names of the legs of other flows whose documents are in the same ledgers, by flow.
    :param patience: how many days a record may wait, by flow and leg in the order of the process; other legs tell
        nothing.
    :param apply_within: in how many days people set a payment against what it pays; None: whenever they like.
    """

    roles: Mapping[str, Mapping[str, str]]
    gateways: Mapping[str, str]
    compared_from: date | None
    zone: ZoneInfo
    legs: Collection[str]
    sources: Collection[str]
    patience: Mapping[str, Mapping[str, int]]
    beside: Mapping[str, Collection[str]] = field(default_factory=dict)
    apply_within: int | None = None

    def to_json(self) -> dict[str, Any]:
        """What documents are made by."""
        first = self.compared_from
        return {
            "roles": {ledger: dict(roles) for ledger, roles in self.roles.items()},
            "gateways": dict(self.gateways),
            "compared_from": None if first is None else first.isoformat(),
            "zone": str(self.zone),
        }


@dataclass(frozen=True)
class BooksPass:
    """
    One pass of a flow of a company.

    :param books: of both ledgers, the first and the second. :param gateways: of the company's gateways, by name.
    :param actor: whom the audit names; its run is the one that compares.
    :param closing: whether nothing may be left under way.
    """

    kept: KeptBooks
    terms: CompanyTerms
    books: Mapping[str, Books]
    gateways: Mapping[str, GatewayBooks]
    actor: Actor
    closing: bool = False

    def run(self, period: Period) -> Reconciliation:
        """
        Read what changed, and compare.

        :param period: of one that leaves something out, all documents are compared, and none is settled by it.
        :raises TransientError, ConfigurationError: as the books raise them; the next pass goes on from there.
        """
        try:
            return self._run(period)
        except PurgedMet:
            return replace(self, kept=replace(self.kept, anew=True))._run(period)

    def _run(self, period: Period) -> Reconciliation:
        began = datetime.now(UTC)
        self._read()
        documents = BookedDocuments(self.kept, self.terms.roles, self.terms.compared_from)
        with self.kept.changing() as session:
            self._touch_delivered(session, documents)
            known = KnownDocuments(
                session,
                self.kept.company,
                self.books,
                legs={self.kept.flow: self.terms.legs, **self.terms.beside},
                sources=self.terms.sources,
                withdrawn=self._withdrawn,
                closing=self.closing,
            )
        cases = [
            GatewayCases(name, self.terms.gateways[name], books, documents, known, self.terms.zone)
            for name, books in self.gateways.items()
        ]
        for ledger, books in self.books.items():
            documents.derive(ledger, books)
        for each in cases:
            each.derive()
        Keying(self, documents, known).run()
        first, second = self.books
        result = Reconciliation((first, second), self._balances(documents, period), period=period)
        result.differences += Comparing(self, documents, known, period).differences()
        for ledger, sign in ((first, 1), (second, -1)):
            result.differences += self._beyond(documents, ledger, period, sign)
        for each in cases:
            result.differences += each.differences(period, result.figures)
        waiting = (each for each in result.differences if each.type == "money without document" and each.explained)
        result.figures["customer money not invoiced"] = sum((max(each.value, NOTHING) for each in waiting), NOTHING)
        with self.kept.changing() as session:
            if period.is_whole:
                for flow, patience in self.terms.patience.items():
                    result.differences += overdue(session, self.kept.company, flow, patience)
            own = (BooksState.company == self.kept.company, BooksState.flow == self.kept.flow)
            session.execute(update(BooksState).where(*own).values(deliveries_until=began))
        result.differences.sort(key=_place)
        return result

    def _read(self) -> None:
        told = {
            f"{ledger} {name}": value for ledger, each in self.books.items() for name, value in each.terms().items()
        }
        self.kept.begin({"company": self.terms.to_json(), **told})
        everybody: dict[str, Books | GatewayBooks] = {**self.books, **self.gateways}
        for name, books in everybody.items():
            for source in books.sources():
                self.kept.read(name, source)

    def _touch_delivered(self, session: Session, documents: BookedDocuments) -> None:
        """Let the documents be compared whose deliveries changed since the last pass."""
        state = session.get(BooksState, (self.kept.company, self.kept.flow))
        if state is None or state.deliveries_until is None:
            return
        entities = [entity for ledger in self.books for entity in delivered_entities(session, ledger)]
        rows = session.execute(
            select(Delivery.record_key, Delivery.target_id, Delivery.number).where(
                Delivery.updated_at >= state.deliveries_until - _LATE, Delivery.entity.in_(entities)
            )
        ).all()
        names = {str(each) for _, *known in rows for each in known if each}
        documents.touch(
            session, pairs=[cut(key) for key, *_ in rows], numbers=[cut(each.upper()) for each in names], origins=names
        )

    def _withdrawn(self, ledger: str, ids: Sequence[str]) -> Mapping[str, str]:
        with self.kept.changing() as session:
            records, *_ = self.kept.joined(session, ledger, names=[*ids, *(each.upper() for each in ids)])
        return self.books[ledger].derive(records).withdrawn

    def _balances(self, documents: BookedDocuments, period: Period) -> dict[str, tuple[Decimal, Decimal]]:
        """By role, what the documents of both ledgers that are compared book in the period."""
        found: dict[str, list[Decimal]] = {}
        with self.kept.changing() as session:
            for side, (ledger, roles) in enumerate(self.terms.roles.items()):
                totals = documents.totals(session, ledger, period.first, period.last, compared=True)
                for account, amount in totals.items():
                    role = roles.get(account, f"account {account}")
                    if role not in ONE_SIDED_ROLES:
                        found.setdefault(role, [NOTHING, NOTHING])[side] += amount
        return {role: (first, second) for role, (first, second) in sorted(found.items())}

    def _beyond(self, documents: BookedDocuments, ledger: str, period: Period, sign: int) -> list[Difference]:
        """What a ledger's balances hold on the flow's accounts and no document explains."""

        def totals(first: date | None, last: date) -> Mapping[str, Decimal]:
            with self.kept.changing() as session:
                return documents.totals(session, ledger, first, last)

        with self.kept.changing() as session:
            last = period.last or documents.last_day(session, ledger)
        if last is None:
            return []
        roles = self.terms.roles[ledger]
        remedy = (
            f"Look through the account's transactions in {ledger} for an entry that was made by hand, or of another"
            f" kind."
        )
        beyond = self.books[ledger].beyond_documents(totals, last, self.terms.compared_from)
        return [
            Difference(
                f"beyond documents in {ledger}",
                roles[account],
                sign * amount,
                (Link(ledger, "account", account, f"{ledger}:account:{account}"),),
                remedy,
            )
            for account, amount in sorted(beyond.items())
            if account in roles and roles[account] not in ONE_SIDED_ROLES
        ]


@dataclass(frozen=True)
class Keying:
    """The first half: whose counterpart each document is that is due, what it is applied to, and what it stands for."""

    of: BooksPass
    documents: BookedDocuments
    known: KnownDocuments

    def run(self) -> None:
        """Bring the keys of all documents that are due up to date, and tell the audit what was booked."""
        for rows in self.documents.numbered():
            self._by_deliveries(rows)
        for rows in self.documents.numbered():
            self._by_numbers(rows)
            applied = self._applied(rows)
            with self.of.kept.changing() as session:
                self._settle(session, rows, applied)
                self._stand_for(session, rows)
                for ledger in self.of.books:
                    own = [row for row in rows if row.ledger == ledger]
                    booked = [replace(booked_of(row), key=row.key) for row in own]
                    keep_booked(session, self.of.actor, ledger, booked, [row.pair for row in own])

    def _by_deliveries(self, rows: Sequence[BooksDocument]) -> None:
        documents = [(row, replace(booked_of(row), key=row.key)) for row in rows]
        by_ledger = {ledger: [each for row, each in documents if row.ledger == ledger] for ledger in self.of.books}
        with self.of.kept.changing() as session:
            self.known.look_at(session, by_ledger)
            keys = [(row, self.known.key(booked, row.ledger)) for row, booked in documents]
            self._pair(
                session,
                [(row, cut(key or row.key), key is not None) for row, key in keys if key is not None or row.known],
            )

    def _by_numbers(self, rows: Sequence[BooksDocument]) -> None:
        """
        One that nobody knows, under the number of one that is known, is the same thing entered twice; under a reference
        that names what a gateway moved, it is what people entered of that.
        """
        with self.of.kept.changing() as session:
            entered = self._entered(session, [row for row in rows if not row.known and row.number])
            for ledger in self.of.books:
                unknown = [row for row in rows if row.ledger == ledger and not row.known and row.number]
                twins: dict[tuple[str, str], str] = {}
                for twin in self.documents.of_numbers(session, ledger, {str(row.number) for row in unknown}):
                    if twin.known:
                        booked = booked_of(twin)
                        twins.setdefault((booked.kind, booked.number), twin.pair)
                paired = [(row, booked_of(row)) for row in unknown]
                self._pair(
                    session,
                    [
                        (row, twins.get((each.kind, each.number)) or entered.get(row.id, row.key), False)
                        for row, each in paired
                    ],
                )

    def _entered(self, session: Session, rows: Sequence[BooksDocument]) -> dict[int, str]:
        """By row on a clearing account whose reference names what the gateway moved: what pairs it with its like."""
        found: dict[int, str] = {}
        for row in self._on_clearing(rows):
            words = booked_of(row).number.split()
            for gateway, books in self.of.gateways.items():
                records, *_ = self.of.kept.joined(session, gateway, names=words)
                moved = sorted(books.movements(records), key=lambda each: each.id not in words)
                each = next((each for each in moved if {each.id, each.belongs_to} & set(words)), None)
                if each is not None:
                    named = each.id if each.id in words else each.belongs_to
                    found[row.id] = cut(f"{_ENTERED}{gateway}:{each.kind}:{named}:{row.number}")
        return found

    def _on_clearing(self, rows: Sequence[BooksDocument]) -> list[BooksDocument]:
        clearing, roles = set(self.of.terms.gateways.values()), self.of.terms.roles
        return [
            row
            for row in rows
            if any(roles[row.ledger].get(account) in clearing for account in (row.content or {})["effects"])
        ]

    def _pair(self, session: Session, paired: Sequence[tuple[BooksDocument, str, bool]]) -> None:
        """Keep the pair of each document, and whether it is known; what it was paired with is compared again."""
        changed = [(row, pair, known) for row, pair, known in paired if (row.pair, row.known) != (pair, known)]
        self.documents.touch(session, pairs=[row.pair for row, *_ in changed])
        _write(session, [{"id": row.id, "pair": pair, "known": known} for row, pair, known in changed])
        for row, pair, known in changed:
            row.pair, row.known = pair, known

    def _applied(self, rows: Sequence[BooksDocument]) -> dict[int, str]:
        """What documents that the other ledger lacks are applied to in their own, by id."""
        found: dict[int, str] = {}
        with self.of.kept.changing() as session:
            there = self._ledgers(session, {row.pair for row in rows})
        for ledger, books in self.of.books.items():
            alone = {
                row.id: booked.number
                for row in rows
                for booked in [booked_of(row)]
                if row.ledger == ledger
                and there[row.pair] == {ledger}
                and not booked.to_apply
                and not row.content["settles"]  # type: ignore[index]
            }
            applied = books.applied_to(sorted(set(alone.values()))) if alone else {}
            found |= {number: applied[name] for number, name in alone.items() if name in applied}
        return found

    def _settle(self, session: Session, rows: Sequence[BooksDocument], applied: Mapping[int, str]) -> None:
        now = {
            row.id: cut((row.content or {})["settles"].upper() or applied.get(row.id, "").upper()) or None
            for row in rows
        }
        changed = [row for row in rows if row.settles != now[row.id]]
        self.documents.touch(
            session, numbers=[each for row in changed for each in (row.settles, now[row.id]) if each is not None]
        )
        _write(session, [{"id": row.id, "settles": now[row.id]} for row in changed])
        for row in changed:
            row.settles = now[row.id]

    def _stand_for(self, session: Session, rows: Sequence[BooksDocument]) -> None:
        """Keep what of a gateway's a document on its clearing account stands for, and let that be compared."""
        on_clearing = self._on_clearing(rows)
        entities = [entity for ledger in self.of.books for entity in delivered_entities(session, ledger)]
        pairs = {row.pair for row in on_clearing}
        made = made_from(session, self.of.kept.flow, entities, self.of.terms.gateways, pairs)
        made |= {pair: _moved_by(pair) for pair in pairs if pair.startswith(_ENTERED)}
        touch_cases(
            session, self.of.kept, [each for row in on_clearing for each in (row.made_from, made.get(row.pair))]
        )
        changed = [row for row in on_clearing if row.made_from != made.get(row.pair)]
        _write(session, [{"id": row.id, "made_from": made.get(row.pair)} for row in changed])
        for row in changed:
            row.made_from = made.get(row.pair)

    def _ledgers(self, session: Session, pairs: Collection[str]) -> dict[str, set[str]]:
        """Which ledgers have a document of each pair."""
        found: dict[str, set[str]] = {}
        for chunk in in_chunks(sorted(pairs)):
            rows = select(BooksDocument.pair, BooksDocument.ledger).where(
                self.of.kept.of(BooksDocument), BooksDocument.compared, BooksDocument.pair.in_(chunk)
            )
            for pair, ledger in session.execute(rows):
                found.setdefault(pair, set()).add(ledger)
        return found


@dataclass(frozen=True)
class Comparing:
    """The second half: documents that are due, with all that they are joined with."""

    of: BooksPass
    documents: BookedDocuments
    known: KnownDocuments
    period: Period

    def differences(self) -> list[Difference]:
        """
        What the documents differ by. Those that agree are settled, unless they are compared for a period.

        :raises PurgedMet: one of them was purged.
        """
        orphans = self._orphans() if self.period.is_whole else set()
        found: list[Difference] = []
        handled: set[int] = set()
        for seeds in self.documents.numbered(due=self.period.is_whole):
            with self.of.kept.changing() as session:
                fresh = [row for row in seeds if row.id not in handled]
                rows = self.documents.cluster(session, fresh)
                opened = self._opened(session, rows.values()) if self.period.is_whole else None
                by_ledger = self._by_ledger(rows.values())
                self.known.look_at(session, by_ledger)
            result = self._reconcile(by_ledger, opened)
            found += result.differences + self._strangers(rows.values(), result.unsettled)
            handled |= rows.keys()
            if self.period.is_whole:
                self._settle(rows.values(), result.unsettled)
        for chunk in in_chunks(sorted(orphans)):
            with self.of.kept.changing() as session:
                opened = self._alone(session, chunk)
            found += self._reconcile({ledger: [] for ledger in self.of.books}, opened).differences
        return found

    def _reconcile(
        self, by_ledger: Mapping[str, Sequence[Booked]], opened: Mapping[str, list[OpenAmount]] | None
    ) -> Reconciliation:
        first, second = by_ledger
        return reconcile(
            (first, second),
            *(
                self.known.together(
                    [each for each in by_ledger[ledger] if not self.known.is_applied_too(each, ledger)], ledger
                )
                for ledger in by_ledger
            ),
            role_of=self.of.terms.roles,
            explain=self.known.missing,
            explain_pair=self.known.unequal,
            explain_days=self.known.on_two_days,
            period=self.period,
            opened=None if opened is None else (opened[first], opened[second]),
            stock=self.of.closing,
            apply_by=self._apply_by,
        )

    @property
    def _apply_by(self) -> date | None:
        """What lies apart since an earlier day should have been applied; today is when sources were read last."""
        within, read_until = self.of.terms.apply_within, self.known.read_until
        if within is None or read_until is None:
            return None
        return read_until.astimezone(self.of.terms.zone).date() - timedelta(days=within)

    def _by_ledger(self, rows: Collection[BooksDocument]) -> dict[str, list[Booked]]:
        ordered = sorted(rows, key=lambda row: row.key)
        return {ledger: [booked_of(row) for row in ordered if row.ledger == ledger] for ledger in self.of.books}

    def _opened(self, session: Session, rows: Collection[BooksDocument]) -> dict[str, list[OpenAmount]]:
        """What is open of these documents; under one number, of that which settles no other."""
        found: dict[str, list[OpenAmount]] = {ledger: [] for ledger in self.of.books}
        for ledger in self.of.books:
            numbers = {str(row.number) for row in rows if row.ledger == ledger and row.number and not row.settles}
            settling = {str(row.number) for row in rows if row.ledger == ledger and row.number} - numbers
            others = self.documents.of_numbers(session, ledger, settling)
            numbers |= settling - {str(row.number) for row in others if not row.settles}
            found[ledger] = [_open(each) for each in self.documents.items(session, numbers) if each.ledger == ledger]
        return found

    def _orphans(self) -> set[str]:
        """Numbers under which something is open that no document of its ledger bears; other open items are settled."""
        item = BooksOpenItem
        found: set[str] = set()
        with self.of.kept.changing() as session:
            for ledger in self.of.books:
                due = (self.of.kept.of(item), item.ledger == ledger, item.due.is_not(None))
                numbers = set(session.scalars(select(item.number).where(*due)))
                borne = {str(row.number) for row in self.documents.of_numbers(session, ledger, numbers)}
                self.documents.touch(session, numbers=borne)
                for chunk in in_chunks(sorted(borne)):
                    session.execute(update(item).where(*due, item.number.in_(chunk)).values(due=None))
                found |= numbers - borne
        return found

    def _alone(self, session: Session, numbers: Sequence[str]) -> dict[str, list[OpenAmount]]:
        items = self.documents.items(session, numbers)
        return {
            ledger: [_open(each) for each in items if each.ledger == ledger and each.number not in borne]
            for ledger in self.of.books
            for borne in [{row.number for row in self.documents.of_numbers(session, ledger, numbers)}]
        }

    def _strangers(self, rows: Collection[BooksDocument], unsettled: set[str]) -> list[Difference]:
        """Entries on a clearing account that stand for nothing of its gateway's."""
        found: list[Difference] = []
        by_pair: dict[str, list[BooksDocument]] = {}
        for row in rows:
            by_pair.setdefault(row.pair, []).append(row)
        for role in self.of.terms.gateways.values():
            for pair, of_pair in by_pair.items():
                entries = [
                    entry
                    for entry, day in entries_of(self.documents, of_pair, role)
                    if not entry.kind and (self.period.last is None or day <= self.period.last)
                ]
                if told := strangers(role, entries):
                    unsettled.add(pair)
                    found += told
        return found

    def _settle(self, rows: Collection[BooksDocument], unsettled: Collection[str]) -> None:
        """Documents that agree are not looked at again until something about them changes."""
        document, number = BooksDocument, self.of.kept.number
        agreed = sorted(row.id for row in rows if row.pair not in unsettled and row.due is not None)
        told = sorted(row.id for row in rows if row.pair in unsettled and row.due is None)
        with self.of.kept.changing() as session:
            for chunk in in_chunks(agreed):
                # another pass may have seen a change meanwhile
                session.execute(update(document).where(document.id.in_(chunk), document.due <= number).values(due=None))
            for chunk in in_chunks(told):
                session.execute(update(document).where(document.id.in_(chunk)).values(due=number))


def _moved_by(pair: str) -> str:
    """What of a gateway's, ``<gateway>:<kind>:<id>``, the entries of this pair were made of by people."""
    return ":".join(pair.removeprefix(_ENTERED).split(":")[:3])


def _write(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Give documents other values, by their ids, with one statement."""
    if rows:
        session.execute(update(BooksDocument), list(rows))


def _open(item: BooksOpenItem) -> OpenAmount:
    return OpenAmount(item.number, amount_of(item.amount), item.booked_on)


def _place(difference: Difference) -> tuple[str, ...]:
    return difference.type, *(link.record for link in difference.documents), difference.role, f"{difference.value}"
