"""The documents of the books: made of what was read, summed up by account and day, and joined for the comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ledgerbridge.reconciliation.books import Books
from ledgerbridge.reconciliation.kept import KeptBooks, PurgedMet, cut
from ledgerbridge.reconciliation.model import Booked, OpenAmount
from ledgerbridge.reconciliation.signed import touch_periods
from ledgerbridge.state.models import BooksCase, BooksDocument, BooksOpenItem, BooksSum
from ledgerbridge.state.upsert import in_chunks, upsert

__all__ = ["BookedDocuments", "amount_of", "booked_of", "touch_cases", "units_of"]

_AT_A_TIME = 500
_PLACES = 5
"""Of the ledger's amounts that has the most."""
_EVER, _FIRST = date(1, 1, 1), date(1, 1, 2)
"""The day of the sums over all days, and one that nothing is booked before."""
_SumKey = tuple[str, date, bool]


@dataclass(frozen=True)
class BookedDocuments:
    """
    The documents of both ledgers.

    :param roles: account role by ledger and account; a document on none of them counts for the balances only.
    :param compared_from: as does one that is dated earlier.
    """

    kept: KeptBooks
    roles: Mapping[str, Mapping[str, str]]
    compared_from: date | None

    def derive(self, ledger: str, books: Books) -> None:
        """
        Make the documents of all records that are due, some at a time.

        :raises PurgedMet: what they concern was purged.
        """
        while True:
            with self.kept.changing() as session:
                seeds = self.kept.due_records(session, ledger, _AT_A_TIME)
                if not seeds:
                    return
                records, names, ids = self.kept.joined(session, ledger, seeds)
                derived = books.derive(records)
                booked = {(cut(origin), cut(each.key)): each for origin, each in derived.booked}
                self._replace_documents(session, ledger, names, booked)
                self._replace_items(session, ledger, names, derived.opened)
                self.kept.settle_records(session, ids)

    def totals(
        self, session: Session, ledger: str, first: date | None, last: date | None, **only: bool
    ) -> dict[str, Decimal]:
        """
        What is booked by account on these days, of accounts that anything is booked on.

        :param first: None: from the first day that the ledgers must agree on.
        :param only: ``compared``.
        """
        latest = self.last_day(session, ledger)
        ever = first in (None, self.compared_from) and (last is None or latest is None or last >= latest)
        days = (
            [BooksSum.booked_on == _EVER] if ever else [BooksSum.booked_on >= (first or self.compared_from or _FIRST)]
        )
        query = select(BooksSum.account, func.sum(BooksSum.amount)).where(
            self.kept.of(BooksSum),
            BooksSum.ledger == ledger,
            *days,
            *([] if ever or last is None else [BooksSum.booked_on <= last]),
            *(BooksSum.compared.is_(value) for value in only.values()),
        )
        rows = session.execute(query.group_by(BooksSum.account))
        return {account: amount_of(units) for account, units in rows}

    def last_day(self, session: Session, ledger: str) -> date | None:
        """The last day that anything is booked on."""
        own = (self.kept.of(BooksSum), BooksSum.ledger == ledger)
        accounts = session.scalars(select(BooksSum.account).where(*own, BooksSum.booked_on == _EVER).distinct()).all()
        # asked account by account, it is the end of an index
        days = [
            session.scalar(select(func.max(BooksSum.booked_on)).where(*own, BooksSum.account == account))
            for account in accounts
        ]
        return max((day for day in days if day is not None and day != _EVER), default=None)

    def numbered(self, *, due: bool = True) -> Iterator[list[BooksDocument]]:
        """The documents to be compared, those that are due or all, some at a time."""
        last = 0
        while True:
            with self.kept.changing() as session:
                rows = list(
                    session.scalars(
                        select(BooksDocument)
                        .where(
                            self.kept.of(BooksDocument),
                            *([BooksDocument.due.is_not(None)] if due else []),
                            BooksDocument.compared,
                            BooksDocument.id > last,
                        )
                        .order_by(BooksDocument.id)
                        .limit(_AT_A_TIME)
                    )
                )
            if not rows:
                return
            last = rows[-1].id
            yield rows

    def cluster(self, session: Session, seeds: Sequence[BooksDocument]) -> dict[int, BooksDocument]:
        """These documents and all that one of them is compared, settled or set off with, by id."""
        found: dict[int, BooksDocument] = {}
        fresh = {row.id: row for row in seeds}
        asked: tuple[set[str], set[str]] = (set(), set())
        while fresh:
            found |= fresh
            pairs = {row.pair for row in fresh.values()} - asked[0]
            numbers = {each for row in fresh.values() for each in _joined_by(row)} - asked[1]
            asked[0].update(pairs)
            asked[1].update(numbers)
            fresh = {row.id: row for row in self._of_pairs(session, pairs) if row.id not in found}
            fresh |= {row.id: row for row in self._of_numbers(session, numbers) if row.id not in found}
        return found

    def items(self, session: Session, numbers: Collection[str]) -> list[BooksOpenItem]:
        """What is open under these numbers, in capitals."""
        return [
            row
            for chunk in in_chunks(sorted(numbers))
            for row in session.scalars(
                select(BooksOpenItem)
                .where(self.kept.of(BooksOpenItem), BooksOpenItem.number.in_(chunk))
                .order_by(BooksOpenItem.ledger, BooksOpenItem.origin, BooksOpenItem.id)
            )
        ]

    def of_numbers(self, session: Session, ledger: str, numbers: Collection[str]) -> list[BooksDocument]:
        """The documents of a ledger that bear these numbers, by key."""
        return [
            row
            for chunk in in_chunks(sorted(numbers))
            for row in session.scalars(
                select(BooksDocument)
                .where(
                    self.kept.of(BooksDocument),
                    BooksDocument.ledger == ledger,
                    BooksDocument.compared,
                    BooksDocument.number.in_(chunk),
                )
                .order_by(BooksDocument.key)
            )
        ]

    def touch(
        self,
        session: Session,
        *,
        pairs: Iterable[str] = (),
        numbers: Iterable[str] = (),
        origins: Iterable[str] = (),
    ) -> None:
        """Let what one of these joins be compared again."""
        document = BooksDocument
        told: tuple[tuple[tuple[Any, ...], list[str]], ...] = (
            ((document.pair,), sorted(set(pairs))),
            ((document.origin,), sorted(set(origins))),
            ((document.number, document.settles, document.against), sorted(set(numbers))),
        )
        for columns, values in told:
            for chunk in in_chunks(values):
                for column in columns:
                    rows = (
                        self.kept.of(document),
                        document.ledger.in_(self.roles),
                        document.compared,
                        column.in_(chunk),
                    )
                    session.execute(update(document).where(*rows).values(due=self.kept.number))

    def _of_pairs(self, session: Session, pairs: Collection[str]) -> Iterator[BooksDocument]:
        for chunk in in_chunks(sorted(pairs)):
            query = select(BooksDocument).where(self.kept.of(BooksDocument), BooksDocument.pair.in_(chunk))
            yield from session.scalars(query.where(BooksDocument.compared))

    def _of_numbers(self, session: Session, numbers: Collection[str]) -> Iterator[BooksDocument]:
        document = BooksDocument
        for chunk in in_chunks(sorted(numbers)):
            for where in (
                document.number.in_(chunk) & document.settles.is_(None),
                document.settles.in_(chunk),
                document.against.in_(chunk),
            ):
                yield from session.scalars(select(document).where(self.kept.of(document), document.compared, where))

    def _replace_documents(
        self, session: Session, ledger: str, names: Collection[str], booked: Mapping[tuple[str, str], Booked]
    ) -> None:
        """Put documents in the place of those of the same origins, and let what is joined with a changed one be due."""
        rows = {key: self._row(ledger, *key, each) for key, each in booked.items()}
        origins = sorted({*names, *(origin for origin, _ in rows)})
        before = {
            (row.origin, row.key): row
            for chunk in in_chunks(origins)
            for row in session.scalars(
                select(BooksDocument).where(
                    self.kept.of(BooksDocument), BooksDocument.ledger == ledger, BooksDocument.origin.in_(chunk)
                )
            )
        }
        if any(row.content is None for row in before.values()):
            raise PurgedMet(ledger)
        left = [row for key, row in before.items() if key not in rows or _differs(row, rows[key])]
        fresh = [row for key, row in rows.items() if key not in before or _differs(before[key], row)]
        sums = _Sums(self.compared_from)
        for document in left:
            sums.add(document.content, document.booked_on, document.compared, -1)
        for values in fresh:
            sums.add(values["content"], values["booked_on"], values["compared"], 1)
        sums.write(session, self.kept, ledger)
        days = {row.booked_on for row in left} | {row["booked_on"] for row in fresh}
        touch_periods(session, self.kept.company, self.kept.number, days)
        for chunk in in_chunks([row.id for row in left]):
            session.execute(delete(BooksDocument).where(BooksDocument.id.in_(chunk)))
        if fresh:
            # what a changed one was known by stays until it is looked at
            known = {(row.origin, row.key): row for row in left}
            session.connection().execute(insert(BooksDocument), [_as_known(known, row) for row in fresh])
        self.touch(session, pairs=[row.pair for row in left], numbers=_numbers(left))
        touch_cases(session, self.kept, [row.made_from for row in left])
        self._touch_items(session, ledger, [row.number or "" for row in left])

    def _row(self, ledger: str, origin: str, key: str, booked: Booked) -> dict[str, Any]:
        roles = self.roles[ledger]
        late = self.compared_from is None or booked.booked_on >= self.compared_from
        compared = late and (not booked.effects or any(account in roles for account in booked.effects))
        return {
            "company": self.kept.company,
            "flow": self.kept.flow,
            "ledger": ledger,
            "origin": origin,
            "key": key,
            "pair": key,
            "known": False,
            "number": cut(booked.number.upper()) or None,
            "settles": cut(booked.settles.upper()) or None,
            "against": cut(booked.against.upper()) or None,
            "made_from": None,
            "booked_on": booked.booked_on,
            "compared": compared,
            "content": _content(booked),
            "due": self.kept.number if compared else None,
        }

    def _replace_items(
        self, session: Session, ledger: str, names: Collection[str], opened: Iterable[tuple[str, OpenAmount]]
    ) -> None:
        items = {
            (cut(origin), cut(each.number.upper()), each.booked_on, units_of(each.amount))
            for origin, each in opened
            if self.compared_from is None or each.booked_on >= self.compared_from
        }
        origins = sorted({*names, *(origin for origin, *_ in items)})
        before = {
            (row.origin, row.number, row.booked_on, row.amount): row.id
            for chunk in in_chunks(origins)
            for row in session.execute(
                select(BooksOpenItem).where(
                    self.kept.of(BooksOpenItem), BooksOpenItem.ledger == ledger, BooksOpenItem.origin.in_(chunk)
                )
            ).scalars()
        }
        for chunk in in_chunks([number for item, number in before.items() if item not in items]):
            session.execute(delete(BooksOpenItem).where(BooksOpenItem.id.in_(chunk)))
        own = {"company": self.kept.company, "flow": self.kept.flow, "ledger": ledger, "due": self.kept.number}
        fresh = [
            {**own, "origin": origin, "number": number, "booked_on": day, "amount": units}
            for origin, number, day, units in items - before.keys()
        ]
        if fresh:
            session.connection().execute(insert(BooksOpenItem), fresh)
        self.touch(session, numbers=[number for _, number, *_ in items ^ before.keys()])

    def _touch_items(self, session: Session, ledger: str, numbers: Collection[str]) -> None:
        """What is open of documents that are gone may belong to none now."""
        for chunk in in_chunks(sorted(set(numbers))):
            rows = (self.kept.of(BooksOpenItem), BooksOpenItem.ledger == ledger, BooksOpenItem.number.in_(chunk))
            session.execute(update(BooksOpenItem).where(*rows).values(due=self.kept.number))


class _Sums:
    """What some documents change the sums by."""

    def __init__(self, compared_from: date | None) -> None:
        self._compared_from = compared_from
        self._units: Counter[_SumKey] = Counter()
        self._documents: Counter[_SumKey] = Counter()

    def add(self, content: Mapping[str, Any] | None, day: date, compared: bool, sign: int) -> None:
        """Count a document in, or out (``sign`` -1)."""
        for account, amount in (content or {})["effects"].items():
            counted = self._compared_from is None or day >= self._compared_from
            for each in (day, _EVER) if counted else (day,):
                self._units[account, each, compared] += sign * units_of(Decimal(amount))
                self._documents[account, each, compared] += sign

    def write(self, session: Session, kept: KeptBooks, ledger: str) -> None:
        """Add all of it to what is kept."""
        own = {"company": kept.company, "flow": kept.flow, "ledger": ledger}
        rows = [
            {**own, "account": account, "booked_on": day, "compared": compared, "amount": self._units[key],
             "documents": number}
            for key, number in self._documents.items()
            for account, day, compared in [key]
            if number or self._units[key]
        ]  # fmt: skip
        if not rows:
            return
        dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        statement = dialect.insert(BooksSum)
        added = {
            "amount": BooksSum.amount + statement.excluded.amount,
            "documents": BooksSum.documents + statement.excluded.documents,
        }
        key = ["company", "flow", "ledger", "account", "booked_on", "compared"]
        session.connection().execute(statement.on_conflict_do_update(index_elements=key, set_=added), rows)
        accounts = {account for account, *_ in self._documents}
        for chunk in in_chunks(sorted({day for _, day, _ in self._documents})):
            empty = (kept.of(BooksSum), BooksSum.ledger == ledger, BooksSum.account.in_(accounts))
            session.execute(delete(BooksSum).where(*empty, BooksSum.booked_on.in_(chunk), BooksSum.documents == 0))


def touch_cases(session: Session, kept: KeptBooks, made_from: Iterable[str | None]) -> None:
    """Let the charges and payouts that these stand for, ``gateway:kind:id``, be compared again."""
    named = {(each.split(":", 2)[0], each.split(":", 2)[2]) for each in made_from if each}
    own = {"company": kept.company, "flow": kept.flow, "listed": 0, "fees": 0, "due": kept.number}
    rows = [{**own, "gateway": gateway, "name": name} for gateway, name in sorted(named)]
    upsert(session, BooksCase, rows, key=["company", "flow", "gateway", "name"], keep=["listed", "fees"])


def booked_of(row: BooksDocument) -> Booked:
    """
    The document, under the key that is the same in both ledgers.

    :raises PurgedMet: its content was purged.
    """
    if row.content is None:
        raise PurgedMet(row.key)
    content = row.content
    settles, changed_at = content["settles"], content["changed_at"]
    return Booked(
        key=row.pair,
        kind=content["kind"],
        number=content["number"],
        booked_on=row.booked_on,
        effects={account: Decimal(amount) for account, amount in content["effects"].items()},
        customer=content["customer"],
        ids=tuple(content["ids"]),
        settles=settles or row.settles or "",
        against=content["against"],
        taxes=_amounts(content["taxes"]),
        rate=Decimal(content["rate"]),
        changed_at=None if changed_at is None else datetime.fromisoformat(changed_at),
        source=content["source"],
        record=row.key,
        part_of=content["part_of"],
        to_apply=content.get("to_apply", ""),
        # one that was kept before these were told has neither
        stock=_amounts(content.get("stock")),
        by_entry=content.get("by_entry", False),
    )


def units_of(amount: Decimal) -> int:
    """An amount in whole hundred-thousandths, as sums are kept."""
    units = amount.scaleb(_PLACES)
    if units != units.to_integral_value():
        raise ValueError(f"{amount} has more than {_PLACES} decimal places")
    return int(units)


def amount_of(units: Any) -> Decimal:
    """The amount again."""
    return Decimal(int(units)).scaleb(-_PLACES)


def _content(booked: Booked) -> dict[str, Any]:
    return {
        "kind": booked.kind,
        "number": booked.number,
        "effects": _texts(booked.effects),
        "customer": booked.customer,
        "ids": list(booked.ids),
        "settles": booked.settles,
        "against": booked.against,
        "part_of": booked.part_of,
        "taxes": None if booked.taxes is None else _texts(booked.taxes),
        "stock": None if booked.stock is None else _texts(booked.stock),
        "by_entry": booked.by_entry,
        "rate": f"{booked.rate:f}",
        "changed_at": None if booked.changed_at is None else booked.changed_at.isoformat(),
        "source": booked.source,
        **({"to_apply": booked.to_apply} if booked.to_apply else {}),
    }


def _texts(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: f"{amount:f}" for name, amount in sorted(amounts.items())}


def _amounts(texts: Mapping[str, str] | None) -> dict[str, Decimal] | None:
    return None if texts is None else {name: Decimal(amount) for name, amount in texts.items()}


def _differs(row: BooksDocument, values: Mapping[str, Any]) -> bool:
    return (row.content, row.booked_on, row.compared) != tuple(
        values[name] for name in ("content", "booked_on", "compared")
    )


def _as_known(known: Mapping[tuple[str, str], BooksDocument], values: dict[str, Any]) -> dict[str, Any]:
    before = known.get((values["origin"], values["key"]))
    return values if before is None else {**values, "pair": before.pair, "known": before.known}


def _joined_by(row: BooksDocument) -> Iterator[str]:
    """The numbers of documents that it is settled or set off with; its own, if it settles none."""
    own = None if row.settles else row.number
    return (each for each in (own, row.settles, row.against) if each)


def _numbers(rows: Iterable[BooksDocument]) -> list[str]:
    return [each for row in rows for each in (row.number, row.settles, row.against) if each]
