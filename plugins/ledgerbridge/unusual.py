"""Documents that differ from what was usual: amount, day, account, a likely duplicate; hints, before they are sent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Final, Literal, get_args

from pydantic import Field

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.yaml_files import ConfigModel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KINDS", "LATEST", "OF_A_PARTY", "Hint", "Seen", "Unusual", "hints", "seen_in"]

Kind = Literal["amount", "date", "account", "duplicate"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

OF_A_PARTY: Final = 60
"""So many of a party's newest documents are its history."""
LATEST: Final = 300
"""So many of the newest documents of all parties tell what is usual of one without a history."""

_OWN, _ALL = 5, 50
"""From so many documents on a party's amounts, or all parties', tell what is usual."""
_AMOUNT_SPREADS, _LEAST_SPREAD = 3.0, 0.12
"""An amount is strange so many spreads of its logarithm from the middle; a spread is at least a third of an amount."""
_FEW, _SPREAD_OF_FEW = 12, 0.3
"""Of fewer documents a spread is at least this, which is that of most parties."""
_NEAR, _ENOUGH_NEAR = 20, 10
_DAY_SPREADS, _LEAST_DAYS = 6, 21
"""A day is strange so many spreads from those of the documents that came just before and after."""
_SAME_DAYS = 3
_STEADY = 12
"""A party whose accounts were none of them met once only, in so many documents, keeps to them (Good and Turing)."""
_SPREAD_OF_MEDIAN = 1.4826


class Unusual(ConfigModel):
    """What the documents of a suite are compared by with those that went before."""

    party: str = Field(description="Field of the header that says whose document it is.")
    amount: str = Field(description="Field of the header with its total.")
    date: str = Field(description="Field of the header with its day.")
    currency: str | None = Field(
        None, description="Field of the header with its currency; amounts of one are compared."
    )
    account: str | None = Field(None, description="Field of the lines with the account.")
    otherwise: Literal["reject", "warn"] = Field(
        "warn",
        description="What becomes of an unusual document: `warn`, it goes on, and the log and the run's validation"
        " results tell of it; `reject`, it is held as a dead letter, and goes on when a person replays that.",
    )

    @property
    def columns(self) -> dict[str, list[str]]:
        """The fields it looks at, by part."""
        header = [self.party, self.amount, self.date, *([self.currency] if self.currency else [])]
        return {"header": header, **({"lines": [self.account]} if self.account else {})}


@dataclass(frozen=True)
class Seen:
    """What is remembered of a document: amount in its currency, day as booked; ``accounts`` of its lines, sorted."""

    record_key: str
    party: str
    currency: str
    amount: Decimal
    day: date
    accounts: tuple[str, ...] = ()

    @cached_property
    def logarithm(self) -> float | None:
        """Of the amount, to base 10; None: it is not above zero."""
        return math.log10(self.amount) if self.amount > 0 else None


@dataclass(frozen=True)
class Hint:
    """Why a document is unusual: ``field`` and ``value`` are the document's, ``message`` says what is usual."""

    record_key: str
    of: Kind
    field: str
    value: str
    message: str


def seen_in(frames: Mapping[str, pd.DataFrame], by: Unusual) -> list[Seen]:
    """
    The documents of a batch that have a party, an amount and a day, in their order.

    :raises ConfigurationError: LB-CFG-006, they have no such field.
    """
    for part, names in by.columns.items():
        for name in names:
            if part in frames and name not in frames[part]:
                raise ConfigurationError(
                    "LB-CFG-006",
                    f'the {part} of these documents have no "{name}", by which a suite looks for unusual ones.',
                    remedy=f"Name a field the mapping makes: {', '.join(map(str, frames[part].columns))}.",
                )
    accounts = _accounts(frames.get("lines"), by.account)
    columns = [frames["header"][name].tolist() for name in ("record_key", by.party, by.amount, by.date)]
    currencies = frames["header"][by.currency].tolist() if by.currency else [""] * len(columns[0])
    return [
        Seen(key, str(party), currency if isinstance(currency, str) else "", amount, day, accounts.get(key, ()))
        for key, party, amount, day, currency in zip(*columns, currencies, strict=True)
        if isinstance(party, str) and isinstance(amount, Decimal) and isinstance(day, date)
    ]


def hints(
    documents: Sequence[Seen],
    of_parties: Iterable[Seen],
    latest: Sequence[Seen],
    by: Unusual,
    *,
    today: date | None = None,
) -> list[Hint]:
    """
    What is unusual of documents that are about to be sent; several of one may be.

    :param of_parties: documents of their parties that went before, the newest ``OF_A_PARTY`` of each, the newest last.
    :param latest: of all parties the newest ``LATEST``, in the order they came.
    :param today: what is of the weeks before it has a usual day, however quiet it was; None: documents of the past.
    """
    own: dict[str, dict[str, Seen]] = {}
    for each in (*of_parties, *documents):
        own.setdefault(each.party, {})[each.record_key] = each
    histories = {party: list(of.values()) for party, of in own.items()}
    places = {each.record_key: at for of in histories.values() for at, each in enumerate(of)}
    before = {each.record_key for each in latest}
    everywhere = _usual([*latest, *documents], _ALL)
    days = [each.day.toordinal() for each in (*latest, *documents)]
    found: list[Hint] = []
    for at, each in enumerate(documents, start=len(latest)):
        of, place = histories[each.party], places[each.record_key]
        others = [*of[max(place - OF_A_PARTY, 0) : place], *of[place + 1 : place + 1 + OF_A_PARTY]]
        found += _amount(each, others, everywhere, by)
        # one that changed keeps the day it had
        if each.record_key not in before and not (today and 0 <= (today - each.day).days <= _LEAST_DAYS):
            found += _day(each, [*days[max(at - _NEAR, 0) : at], *days[at + 1 : at + 1 + _NEAR]], by)
        found += _account(each, others, by)
        found += _duplicate(each, others, by)
    return found


def _usual(of: Iterable[Seen], enough: int) -> dict[str, tuple[float, float]]:
    """By currency the middle of the amounts' logarithms, and how far from it is strange."""
    logarithms: dict[str, list[float]] = {}
    for each in of:
        if each.logarithm is not None:
            logarithms.setdefault(each.currency, []).append(each.logarithm)
    found = {}
    for currency, amounts in logarithms.items():
        if len(amounts) >= enough:
            middle = median(amounts)
            least = _LEAST_SPREAD if len(amounts) >= _FEW else _SPREAD_OF_FEW
            spread = max(_SPREAD_OF_MEDIAN * median(abs(each - middle) for each in amounts), least)
            # few documents tell the spread badly
            found[currency] = middle, _AMOUNT_SPREADS * (1 + 4 / len(amounts)) * spread
    return found


def _amount(
    of: Seen, others: Sequence[Seen], everywhere: Mapping[str, tuple[float, float]], by: Unusual
) -> Iterator[Hint]:
    own = _usual(others, _OWN).get(of.currency)
    usual = own or everywhere.get(of.currency)
    if usual is None or of.logarithm is None or abs(of.logarithm - usual[0]) <= usual[1]:
        return
    whose = "this party's" if own else "all parties'"
    message = f"{of.amount:.2f} is far from {whose} usual {10 ** usual[0]:.2f}"
    yield Hint(of.record_key, "amount", by.amount, str(of.amount), message)


def _day(of: Seen, near: Sequence[int], by: Unusual) -> Iterator[Hint]:
    if len(near) < _ENOUGH_NEAR:
        return
    middle = median(near)
    spread = _SPREAD_OF_MEDIAN * median(abs(each - middle) for each in near)
    if abs(of.day.toordinal() - middle) > max(_DAY_SPREADS * spread, _LEAST_DAYS):
        usual = date.fromordinal(round(middle)).isoformat()
        yield Hint(of.record_key, "date", by.date, of.day.isoformat(), f"{of.day} is far from {usual}, as others now")


def _account(of: Seen, others: Sequence[Seen], by: Unusual) -> Iterator[Hint]:
    met = Counter(account for each in others for account in each.accounts)
    if by.account is None or len(others) < _STEADY or 1 in met.values():
        return
    for account in of.accounts:
        if account not in met:
            yield Hint(of.record_key, "account", by.account, account, f"{account} is an account this party never had")


def _duplicate(of: Seen, others: Sequence[Seen], by: Unusual) -> Iterator[Hint]:
    near: list[Seen] = []
    rest: list[Seen] = []
    for each in others:
        same = (each.amount, each.currency) == (of.amount, of.currency)
        (near if same and abs((each.day - of.day).days) <= _SAME_DAYS else rest).append(each)
    if of.amount <= 0 or not near or _twice_before(rest):
        return
    message = f"the same party has {of.amount:.2f} of {near[0].day} too, as {near[0].record_key}"
    yield Hint(of.record_key, "duplicate", by.amount, str(of.amount), message)


def _twice_before(others: Sequence[Seen]) -> bool:
    """Whether a party is one that has the same amount again within days."""
    days: dict[tuple[Decimal, str], list[date]] = {}
    for each in others:
        days.setdefault((each.amount, each.currency), []).append(each.day)
    return any(
        (later - earlier).days <= _SAME_DAYS
        for of in days.values()
        for earlier, later in zip(sorted(of), sorted(of)[1:], strict=False)
    )


def _accounts(lines: pd.DataFrame | None, column: str | None) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    if lines is not None and column is not None:
        for key, account in zip(lines["record_key"].tolist(), lines[column].tolist(), strict=True):
            if isinstance(account, str):
                found.setdefault(key, set()).add(account)
    return {key: tuple(sorted(each)) for key, each in found.items()}
