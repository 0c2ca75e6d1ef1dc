"""The difference a change would have made: documents, debit and credit by account, totals, refusals; to the cent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ledgerbridge.delivery import content_hash, plain
from ledgerbridge.entities import Document
from ledgerbridge.pipeline.shadow import Refusal, Shadow
from ledgerbridge.reconciliation import Effect

__all__ = ["AccountEffect", "ChangedDocument", "ChangedField", "Difference", "Moved", "Total", "ledger_effect"]

_Row = tuple[str, int, Mapping[str, Any]]
"""Part, position in it from 1, and values."""


@dataclass(frozen=True)
class ChangedField:
    """One value that is another; ``row`` from 1. None: there is none."""

    part: str
    row: int
    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class ChangedDocument:
    """A document that is another, is made now, or is made no more."""

    record_key: str
    label: str | None
    fields: list[ChangedField]


@dataclass(frozen=True, order=True)
class Total:
    """A field's sum over the documents that differ."""

    part: str
    field: str
    currency: str
    before: Decimal = Decimal(0)
    after: Decimal = Decimal(0)


@dataclass(frozen=True, order=True)
class Moved:
    """What stands in a field of rows that bear an account, over the documents that differ."""

    role: str
    account: str
    part: str
    field: str
    currency: str
    before: Decimal = Decimal(0)
    after: Decimal = Decimal(0)


@dataclass(frozen=True, order=True)
class AccountEffect:
    """
    What ledgers book on an account of all documents that are made, before and after, as debit and credit.

    :param role: what the company has it for. :param currency: as in ``Effect``.
    """

    ledger: str
    role: str
    account: str
    currency: str
    debit_before: Decimal
    credit_before: Decimal
    debit_after: Decimal
    credit_after: Decimal

    @property
    def difference(self) -> Decimal:
        """By how much more it is debited on the whole; less than nothing: credited."""
        return self.debit_after - self.credit_after - self.debit_before + self.credit_before

    @property
    def is_another(self) -> bool:
        """Whether either side is another than before."""
        return (self.debit_before, self.credit_before) != (self.debit_after, self.credit_after)


@dataclass
class Difference:
    """
    What two versions of a leg make of the same records, as far as it differs.

    :param roles: by account of the target's ledger what the company has it for.
    :param effect_of: what the target's ledger will book of a document; None: it is none.
    :param records: how many records were looked at; ``before`` and ``after``: documents made of them.
    """

    flow: str
    leg: str
    entity: str
    roles: Mapping[str, str]
    effect_of: Callable[[Document], Effect | None] | None = None
    records: int = 0
    before: int = 0
    after: int = 0
    changed: list[ChangedDocument] = field(default_factory=list)
    added: list[ChangedDocument] = field(default_factory=list)
    gone: list[ChangedDocument] = field(default_factory=list)
    newly_refused: list[Refusal] = field(default_factory=list)
    refused_no_more: list[Refusal] = field(default_factory=list)
    newly_waiting: dict[str, str] = field(default_factory=dict)
    assumed: dict[str, int] = field(default_factory=dict)
    _totals: dict[tuple[str, str, str], list[Decimal]] = field(default_factory=lambda: defaultdict(_nothing))
    _accounts: dict[tuple[str, str, str, str], list[Decimal]] = field(default_factory=lambda: defaultdict(_nothing))
    _account_fields: set[tuple[str, str]] = field(default_factory=set)
    _booked: dict[tuple[str, str], list[Decimal]] = field(default_factory=lambda: defaultdict(_nothing_on_either_side))

    def __bool__(self) -> bool:
        """Whether there is any."""
        told = (self.changed, self.added, self.gone, self.newly_refused, self.refused_no_more, self.newly_waiting)
        return any(told)

    def add(self, records: int, before: Shadow, after: Shadow) -> None:
        """Count in what both versions make of some more records."""
        self.records += records
        self.before += len(before.documents)
        self.after += len(after.documents)
        refused, refused_now = _by_reason(before), _by_reason(after)
        self.newly_refused += [each for reason, each in refused_now.items() if reason not in refused]
        self.refused_no_more += [each for reason, each in refused.items() if reason not in refused_now]
        self.newly_waiting |= {key: why for key, why in after.waiting.items() if key not in before.waiting}
        for place, shadow in enumerate((before, after)):
            for document in shadow.documents.values():
                self._account_fields.update(self._fields_with_accounts(document))
                self._book(document, place)
        for key in {**before.documents, **after.documents}:
            self._compare(before.documents.get(key), after.documents.get(key), before, after, key)

    @property
    def totals(self) -> list[Total]:
        """The sums that differ."""
        found = [Total(*key, *sums) for key, sums in self._totals.items() if sums[0] != sums[1]]
        return sorted(found)

    @property
    def accounts(self) -> list[Moved]:
        """What is on other accounts than before."""
        found = [
            Moved(self.roles.get(account, ""), account, part, name, currency, *sums)
            for (account, part, name, currency), sums in self._accounts.items()
            if sums[0] != sums[1]
        ]
        return sorted(found)

    @property
    def effects(self) -> list[AccountEffect]:
        """What the target's ledger books by account, also where it is the same as before."""
        ledger = self.entity.partition(".")[0]
        found = [
            AccountEffect(ledger, self.roles.get(account, ""), account, currency, *sides)
            for (account, currency), sides in self._booked.items()
        ]
        return sorted(found)

    def _book(self, document: Document, place: int) -> None:
        effect = None if self.effect_of is None else self.effect_of(document)
        if effect is None:
            return
        for account, amount in effect.by_account.items():
            self._booked[account, effect.currency][2 * place + (amount < 0)] += abs(amount)

    def _compare(self, old: Document | None, new: Document | None, before: Shadow, after: Shadow, key: str) -> None:
        if old is not None and new is not None and _hash(old) == _hash(new):
            return
        into = self.gone if new is None else self.added if old is None else self.changed
        label = before.labels.get(key) or after.labels.get(key)
        into.append(ChangedDocument(key, label, list(_changes(old, new))))
        for place, (document, of) in enumerate(((old, before), (new, after))):
            if document is not None:
                self._sum(document, of.currencies.get(key) or "", place)

    def _sum(self, document: Document, currency: str, place: int) -> None:
        for part, _, row in _rows(document):
            amounts = {name: value for name, value in row.items() if isinstance(value, Decimal)}
            for name, amount in amounts.items():
                self._totals[part, name, currency][place] += amount
            for name, value in row.items():
                if (part, name) in self._account_fields and isinstance(value, str) and value:
                    for field_name, amount in amounts.items():
                        self._accounts[value, part, field_name, currency][place] += amount

    def _fields_with_accounts(self, document: Document) -> Iterator[tuple[str, str]]:
        for part, _, row in _rows(document):
            for name, value in row.items():
                if isinstance(value, str) and value in self.roles:
                    yield part, name


def ledger_effect(differences: Iterable[Difference]) -> list[AccountEffect]:
    """What ledgers book by account of all legs together, whose targets may be in one ledger."""
    found: dict[tuple[str, str, str, str], list[Decimal]] = defaultdict(_nothing_on_either_side)
    for each in (effect for difference in differences for effect in difference.effects):
        sides = found[each.ledger, each.role, each.account, each.currency]
        more = (each.debit_before, each.credit_before, each.debit_after, each.credit_after)
        sides[:] = [one + other for one, other in zip(sides, more, strict=True)]
    return sorted(AccountEffect(*key, *sides) for key, sides in found.items())


def _hash(document: Document) -> str:
    return content_hash(document.header, document.parts)


def _nothing() -> list[Decimal]:
    return [Decimal(0), Decimal(0)]


def _nothing_on_either_side() -> list[Decimal]:
    return [Decimal(0)] * 4


def _by_reason(shadow: Shadow) -> dict[tuple[str, ...], Refusal]:
    return {(each.source_key, each.record_key, each.step, each.code, each.field): each for each in shadow.refusals}


def _rows(document: Document) -> Iterator[_Row]:
    """What is sent of a document, row by row."""
    for part, rows in {"header": [document.header], **document.parts}.items():
        for number, row in enumerate(rows, 1):
            yield part, number, {name: value for name, value in row.items() if not name.startswith("_")}


def _changes(old: Document | None, new: Document | None) -> Iterator[ChangedField]:
    before = {(part, number): row for part, number, row in _rows(old)} if old is not None else {}
    after = {(part, number): row for part, number, row in _rows(new)} if new is not None else {}
    for part, number in {**before, **after}:
        one, other = before.get((part, number), {}), after.get((part, number), {})
        for name in {**one, **other}:
            if plain(one.get(name)) != plain(other.get(name)):
                yield ChangedField(part, number, name, one.get(name), other.get(name))
