"""
Two ledgers, document by document and by account role (accounting-rules.md §6).

Both give what they booked (``Booked``); documents that are the same thing have the same ``key``. Every difference is
typed, valued and linked; one with a known reason is explained and does not fail the run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from ledgerbridge.reconciliation.model import (
    CENT,
    NOTHING,
    ONE_SIDED_ROLES,
    TOLERANCE,
    Booked,
    Difference,
    Known,
    OpenAmount,
    Period,
    Reconciliation,
)

__all__ = ["reconcile"]

Explain = Callable[[Booked, str], Known]
"""What is known of a document of one ledger that is not in the other (given by name)."""
ExplainPair = Callable[[Sequence[Booked], Mapping[str, Decimal]], Known]
"""What is known of a document of the first ledger and its counterpart that differ by these amounts by role."""
ExplainDays = Callable[[Sequence[Booked]], Known]
"""What is known of a document of the first ledger and its counterpart that are booked on two days."""
Opened = tuple[Sequence[OpenAmount], Sequence[OpenAmount]]


def reconcile(
    ledgers: tuple[str, str],
    first: Sequence[Booked],
    second: Sequence[Booked],
    *,
    role_of: Mapping[str, Mapping[str, str]],
    explain: Explain,
    explain_pair: ExplainPair,
    explain_days: ExplainDays | None = None,
    period: Period | None = None,
    opened: Opened | None = None,
    stock: bool = False,
    apply_by: date | None = None,
) -> Reconciliation:
    """
    Compare what two ledgers booked.

    :param role_of: account role by ledger name and account.
    :param explain: the known reason for a document that is in one ledger only.
    :param explain_pair: the known reason for one that is not the same in both.
    :param explain_days: the known reason why one is booked on two days; default: there never is one.
    :param period: what is booked outside of it in both ledgers is left out; default: everything is compared.
    :param opened: what each ledger says is open of its documents now, to be compared with whole books only.
    :param stock: compare what one ledger alone keeps with that ledger's own documents.
    :param apply_by: a payment beside what it pays since an earlier day is not explained any more; None: it always is.
    """
    span = period or Period()
    days = explain_days or (lambda _: Known())
    comparison = _Comparison(ledgers, explain, explain_pair, days, stock=stock, apply_by=apply_by)
    pairs: dict[str, _Pair] = defaultdict(_Pair)
    sides = [
        [_Roled(each, ledger, role_of[ledger]) for each in documents]
        for ledger, documents in zip(ledgers, (first, second), strict=True)
    ]
    for side, documents in enumerate(sides):
        for each in documents:
            pairs[each.booked.key].sides[side].append(each)
    if opened is not None:
        comparison.find_apart(pairs, opened)
    for pair in pairs.values():
        if any(each.booked.booked_on in span for each in pair.all):
            comparison.compare(pair)
    if stock:
        for side, documents in enumerate(sides):
            for each in documents:
                if each.booked.booked_on in span:
                    comparison.compare_stock(side, each)
    comparison.explain_cents(pairs)
    if opened is not None:
        comparison.compare_open(pairs, opened)
    inside = [[each for each in documents if each.booked.booked_on in span] for documents in sides]
    totals = {
        role: (_total(inside[0], role), _total(inside[1], role))
        for role in sorted({role for documents in inside for each in documents for role in each.roles})
    }
    return Reconciliation(ledgers, totals, comparison.differences, period=span, unsettled=comparison.unsettled)


class _Roled:
    """A booked document with its effects by role; an account without a role keeps its own name."""

    def __init__(self, booked: Booked, ledger: str, role_of: Mapping[str, str]) -> None:
        self.booked = booked
        self.ledger = ledger
        self.roles: dict[str, Decimal] = defaultdict(Decimal)
        self.alone: dict[str, Decimal] = defaultdict(Decimal)
        for account, amount in booked.effects.items():
            role = role_of.get(account, f"account {account}")
            (self.alone if role in ONE_SIDED_ROLES else self.roles)[role] += amount
        self.stock: dict[str, Decimal] = defaultdict(Decimal)
        for account, amount in (booked.stock or {}).items():
            self.stock[role_of.get(account, f"account {account}")] += amount

    @property
    def lasting(self) -> list[tuple[str, Decimal]]:
        return sorted((role, amount) for role, amount in self.roles.items() if amount)


class _Pair:
    """What has one key: in the best case one document of each ledger."""

    def __init__(self) -> None:
        self.sides: tuple[list[_Roled], list[_Roled]] = ([], [])
        self.explained: dict[str, Decimal] = {}

    @property
    def all(self) -> list[_Roled]:
        return [*self.sides[0], *self.sides[1]]

    def differs_by(self, role: str) -> Decimal:
        return _total(self.sides[0], role) - _total(self.sides[1], role)

    @property
    def part_of(self) -> set[str]:
        """
        Numbers of the documents that a gain booked on it may be of.

        Those it settles, or itself if it settles none; and what it is set against, or what was set against it.
        """
        settled = {each.booked.settles for each in self.all} - {""}
        own = {each.booked.number for each in self.all}
        against = {each.booked.against for each in self.all}
        return {number.upper() for number in (settled or own) | against if number}


class _Comparison:
    """Collects the differences of pair after pair."""

    def __init__(
        self,
        ledgers: tuple[str, str],
        explain: Explain,
        explain_pair: ExplainPair,
        explain_days: ExplainDays,
        *,
        stock: bool,
        apply_by: date | None,
    ) -> None:
        self.ledgers = ledgers
        self._stock = stock
        self._apply_by = apply_by
        self.differences: list[Difference] = []
        self.unsettled: set[str] = set()
        self._on_the_way: list[tuple[str, str]] = []
        """Numbers of the credits and what they are set against in one ledger, in the other soon."""
        self._cents: list[tuple[_Pair, dict[str, Decimal]]] = []
        self._settled: dict[str, str] = {}
        self._apart: set[str] = set()
        """Keys of what is owed that a payment lies beside, in one ledger, without being set against it."""
        self._under_way: set[str] = set()
        """Numbers of the documents of which a part is not the same in both ledgers yet."""
        self._explain = explain
        self._explain_pair = explain_pair
        self._explain_days = explain_days

    def compare(self, pair: _Pair) -> None:
        for ledger, documents, sign in zip(self.ledgers, pair.sides, (1, -1), strict=True):
            for again in documents[1:]:
                self._double(ledger, documents[0], again, sign)
        ours, theirs = pair.sides
        if ours and theirs:
            self._compare_one(pair, ours[0], theirs[0])
        elif ours:
            self._missing(0, ours[0])
        else:
            self._missing(1, theirs[0])

    def compare_stock(self, side: int, here: _Roled) -> None:
        """What one ledger alone keeps, no other proves: its entries against the lines of its own documents."""
        if here.booked.stock is None and not here.booked.by_entry:
            return
        ledger, other = self.ledgers[side], self.ledgers[1 - side]
        left = {
            role: amount
            for role in sorted(ONE_SIDED_ROLES)
            if (amount := here.alone.get(role, NOTHING) - here.stock.get(role, NOTHING))
        }
        if not left:
            return
        # what keeps an entry out of the other ledger, as a dead letter, is what is to be mended here too
        known = Known(self._explain(here.booked, other).reason) if here.booked.by_entry else Known()
        remedy = (_BY_ENTRY if here.booked.by_entry else _OTHER_COST).format(ledger)
        for role, amount in left.items():
            self._add([here], f"sub-ledger in {ledger}", role, (1, -1)[side] * amount, known, remedy)

    def find_apart(self, pairs: Mapping[str, _Pair], opened: Opened) -> None:
        """What people have still to set against each other: payments of suppliers, which no interface applies."""
        self._settled = _documents_settled(pairs)
        of_payables = {
            self._settled[key] for key, pair in pairs.items() if any(_PAYABLES in each.roles for each in pair.all)
        }
        for side, amounts in enumerate(opened):
            mine = _by_number(pairs, side)
            owed: dict[str, list[Decimal]] = defaultdict(list)
            since: dict[str, date] = {}
            for each in amounts:
                key = mine.get(each.number.upper(), each.number)
                settled = self._settled.get(key, key)
                owed[settled].append(each.amount)
                since[settled] = max(each.booked_on, since.get(settled, each.booked_on))
            for key in sorted(owed.keys() & of_payables):
                paid = sum((amount for amount in owed[key] if amount > 0), NOTHING)
                apart = min(paid, -sum((amount for amount in owed[key] if amount < 0), NOTHING))
                if apart:
                    self._apart.add(key)
                    documents = [
                        each
                        for other, pair in pairs.items()
                        for each in pair.sides[side]
                        if self._settled[other] == key
                    ]
                    ledger = self.ledgers[side]
                    if self._is_forgotten(since[key]):
                        known = Known(remedy=_FORGOTTEN.format(ledger, since[key]))
                    else:
                        known = Known(f"{ledger} has a payment beside what it pays: a person applies it")
                    self._add(documents, _NOT_APPLIED, _PAYABLES, apart, known, _NOTHING_TO_DO)

    def _is_forgotten(self, since: date) -> bool:
        """Whether people should have applied what lies apart since this day."""
        return self._apply_by is not None and since < self._apply_by

    def explain_cents(self, pairs: Mapping[str, _Pair]) -> None:
        """
        The last part of a foreign document takes what is left of it, and either ledger may take another part last.

        What the parts of one document differ by is then nothing in sum.
        """
        sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(_REALISED, NOTHING))
        for pair in pairs.values() if self._cents else ():
            for number in pair.part_of:
                sums[number] = {role: amount + pair.differs_by(role) for role, amount in sums[number].items()}
        for pair, changed in self._cents:
            for number in sorted(pair.part_of):
                if number in self._under_way or not any(sums[number].values()):
                    pair.explained = changed
                    reason = f"the parts of {number} make up the same: the ledgers took another one last"
                    for role, amount in changed.items():
                        self._add(pair.all, "rounding", role, amount, Known(reason), _NOTHING_TO_DO)
                    break
            else:
                self._tell(pair, changed, Known())

    def compare_open(self, pairs: Mapping[str, _Pair], opened: Opened) -> None:
        """
        Per document, what is open of it and of the money for it, less what its entries differ by anyway.

        An explained entry may have reached the open amount or not: both are as they should be. So is the cent of a
        foreign document of which a part is under way, as long as one ledger has taken another part last.
        """
        settled = _documents_settled(pairs)
        key_of = {
            each.booked.number.upper(): key
            for key, pair in pairs.items()
            for each in pair.all
            if not each.booked.settles
        }
        self._join(settled, key_of)
        under_way = {settled[key_of[number]] for number in self._under_way if number in key_of}
        left: dict[str, Decimal] = defaultdict(Decimal)
        on_the_way: dict[str, set[Decimal]] = defaultdict(lambda: {NOTHING})
        for side, amounts in enumerate(opened):
            mine = _by_number(pairs, side)
            for each in amounts:
                key = mine.get(each.number.upper(), each.number)
                left[settled.get(key, key)] += each.amount * (1, -1)[side]
        for key, pair in pairs.items():
            left[settled[key]] -= sum((pair.differs_by(role) for role in _CONTROLS), NOTHING)
            explained = sum((pair.explained.get(role, NOTHING) for role in _CONTROLS), NOTHING)
            on_the_way[settled[key]] |= {amount + explained for amount in on_the_way[settled[key]]}
        for key, amount in left.items():
            beyond = min((amount + each for each in on_the_way[key]), key=abs)
            documents = pairs[key].all if key in pairs else []
            foreign = any(each.booked.rate != 1 for each in documents)
            role = next((role for role in _CONTROLS if any(role in each.roles for each in documents)), _CONTROLS[0])
            if beyond and foreign and key in under_way and abs(beyond) <= CENT:
                known = Known("a part of it is under way: which one a ledger takes last has the cent")
                self._add(documents, "rounding", role, beyond, known, _NOTHING_TO_DO)
            elif beyond:
                self._add(documents, "open amount", role, amount, Known(), _APPLY.format(*self.ledgers))

    def _join(self, settled: dict[str, str], key_of: Mapping[str, str]) -> None:
        """A credit on its way to a document is open with it: together they are the same in both ledgers."""
        for credit, document in self._on_the_way:
            one, other = (settled.get(key_of.get(number.upper(), "")) for number in (document, credit))
            if one and other:
                settled.update({key: one for key, at in settled.items() if at == other})

    def _double(self, ledger: str, one: _Roled, again: _Roled, sign: int) -> None:
        for role, amount in again.lasting:
            self._add(
                [one, again], f"double in {ledger}", role, sign * amount, Known(), f"Void one of the two in {ledger}."
            )

    def _missing(self, side: int, here: _Roled) -> None:
        ledger, other = self.ledgers[side], self.ledgers[1 - side]
        known = self._explain(here.booked, other)
        if known.kind == _NOT_APPLIED and self._is_forgotten(here.booked.booked_on):
            known = replace(known, reason=None)
        if not known.lasts:
            self.unsettled.add(here.booked.key)
        if known.reason:
            self._under_way |= {n.upper() for n in (here.booked.settles, here.booked.against) if n}
        if known.reason and here.booked.against:
            self._on_the_way.append((here.booked.settles, here.booked.against))
        remedy = f"Find out why {here.booked.link(ledger)} is not in {other}: its delivery, its dead letter, its run."
        # of an entry on nothing but what this ledger alone keeps, its sub-ledger tells
        without_value = [] if known.reason or (self._stock and any(here.alone.values())) else [("", NOTHING)]
        for role, amount in here.lasting or without_value:
            self._add([here], known.kind or f"missing in {other}", role, (1, -1)[side] * amount, known, remedy)

    def _compare_one(self, pair: _Pair, ours: _Roled, theirs: _Roled) -> None:
        changed = {
            role: amount
            for role in sorted({*ours.roles, *theirs.roles})
            if (amount := ours.roles.get(role, NOTHING) - theirs.roles.get(role, NOTHING))
        }
        if changed:
            known = self._explain_pair((ours.booked, theirs.booked), changed)
            if set(changed) <= {"fx_gain_loss", _PAYABLES} and self._settled.get(ours.booked.key) in self._apart:
                known = Known("booked when a person applies it")
            if known.reason:
                self._under_way |= pair.part_of
            if not known.reason and pair.part_of and _is_cents(changed):
                self._cents.append((pair, changed))
            else:
                self._tell(pair, changed, known)
                if not known.reason:
                    self._compare_days(ours, theirs)
            return
        self._compare_days(ours, theirs)
        self._compare_taxes(ours, theirs)

    def _compare_days(self, ours: _Roled, theirs: _Roled) -> None:
        days = (ours.booked.booked_on, theirs.booked.booked_on)
        if days[0] == days[1]:
            return
        kind = "date" if (days[0].year, days[0].month) == (days[1].year, days[1].month) else "period"
        value = sum((amount for amount in ours.roles.values() if amount > 0), NOTHING)
        remedy = f"Booked on {days[0]} and {days[1]}: correct the date of one of them."
        known = self._explain_days((ours.booked, theirs.booked))
        self._add([ours, theirs], "timing" if known.reason else kind, "", value, known, remedy)

    def _tell(self, pair: _Pair, changed: Mapping[str, Decimal], known: Known) -> None:
        pair.explained = dict(changed) if known.reason else {}
        ours, theirs = pair.sides[0][0], pair.sides[1][0]
        for role, amount in changed.items():
            kind = _kind_of(role, changed, ours, theirs)
            remedy = "Compare the two documents; correct the one that is wrong."
            self._add([ours, theirs], kind, role, amount, known, remedy)

    def _compare_taxes(self, ours: _Roled, theirs: _Roled) -> None:
        """The same tax may be booked under other details (accounting-rules.md rule 4)."""
        first, second = ours.booked.taxes, theirs.booked.taxes
        if first is None or second is None:
            return
        for details in sorted({*first, *second}):
            amount = first.get(details, NOTHING) - second.get(details, NOTHING)
            if amount:
                value = (amount * ours.booked.rate).quantize(CENT, ROUND_HALF_UP)
                remedy = "Correct the tax type, or the tax details, of the one that is wrong: the tax report shows it."
                self._add([ours, theirs], "tax", f"tax_payable {details}", value, Known(), remedy)

    def _add(
        self, documents: Iterable[_Roled], kind: str, role: str, value: Decimal, known: Known, remedy: str
    ) -> None:
        documents = list(documents)
        self.unsettled.update(each.booked.key for each in documents)
        links = tuple(each.booked.link(each.ledger) for each in documents)
        self.differences.append(Difference(kind, role, value, links, known.remedy or remedy, known.reason))


_APPLY = (
    "Look at what the document is applied to in {0} and what is paid on it in {1}; apply the money where it belongs."
)


_BY_ENTRY = (
    "No document of {0} stands for it: back the entry out there, and enter what it means as a document, such as an"
    " adjustment of stock; or say in the note of the close why it stays."
)
_OTHER_COST = "The document's lines in {0} have another cost than its entry: find out which is right, adjust the other."
_FORGOTTEN = (
    "Apply it in {0}, where it lies beside what it pays since {1}; if that may take longer, say so by `not_applied`"
    " under `waits` of the stage."
)
_NOTHING_TO_DO = "Nothing: it is within the tolerance."
_NOT_APPLIED = "not applied"
_PAYABLES = "payables"
_CONTROLS = ("receivables", _PAYABLES)
"""The roles of the accounts whose documents are open until they are settled."""
_REALISED = ("fx_gain_loss", *_CONTROLS)
"""The roles that a realised gain moves between."""


def _documents_settled(pairs: Mapping[str, _Pair]) -> dict[str, str]:
    """By key, the key of the document that it settles; its own if it settles none."""
    settled: dict[str, str] = {key: key for key in pairs}
    for side in (1, 0):
        documents = [(key, each.booked) for key, pair in pairs.items() for each in pair.sides[side]]
        key_of = {booked.number.upper(): key for key, booked in documents if not booked.settles}
        for key, pair in pairs.items():
            for each in pair.sides[side]:
                if each.booked.settles:
                    settled[key] = key_of.get(each.booked.settles.upper(), key)
    return settled


def _by_number(pairs: Mapping[str, _Pair], side: int) -> dict[str, str]:
    """Keys of a ledger's documents by number; of two that bear one, that which settles no other."""
    found: dict[str, str] = {}
    for settling in (True, False):
        for key, pair in pairs.items():
            for each in pair.sides[side]:
                if bool(each.booked.settles) is settling:
                    found[each.booked.number.upper()] = key
    return found


def _total(documents: Iterable[_Roled], role: str) -> Decimal:
    return sum((each.roles.get(role, NOTHING) for each in documents), NOTHING)


def _is_cents(changed: Mapping[str, Decimal]) -> bool:
    return set(changed) <= set(_REALISED) and all(abs(amount) <= TOLERANCE for amount in changed.values())


def _kind_of(role: str, changed: Mapping[str, Decimal], ours: _Roled, theirs: _Roled) -> str:
    if "rounding" in changed and all(abs(amount) <= TOLERANCE for amount in changed.values()):
        return "rounding"
    if "fx_gain_loss" in changed or _scaled(ours.roles, theirs.roles):
        return "rate"
    if role == "tax_payable":
        return "tax"
    # tax that one ledger lacks is no amount on another account
    moved = sum(changed.values(), NOTHING) == 0 and len(changed) == 2 and "tax_payable" not in changed
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
