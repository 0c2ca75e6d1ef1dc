"""
Signed periods: the documents as they were when people signed, and what of them is no longer so.

A document that is booked, changed or taken away marks the periods of its days in the transaction that keeps it; a pass
then compares those periods with what was signed, and no others: a pass costs what is new.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.reconciliation.model import NOTHING, Period
from ledgerbridge.state.models import BooksDocument, SignedDocument, SignOff
from ledgerbridge.state.upsert import in_chunks

__all__ = [
    "SIGNED",
    "LateChange",
    "changed_since",
    "forget_signed",
    "keep_signed",
    "look_again",
    "period_name",
    "touch_periods",
]

SIGNED = "sign_off"
"""What the audit calls a period's sign-off; its key is the company's and the period's."""
_KEPT = ("kind", "number", "effects", "taxes")
"""What of a document is signed: what it settles, and when the ledger wrote it, changes with what comes later."""


@dataclass(frozen=True)
class LateChange:
    """
    A document that is not as it was when its period was signed.

    :param type: ``late entry``, ``amount``, ``tax``, ``account``, ``date`` or ``deleted``.
    :param value: what it changed the largest account by, in base currency.
    """

    type: str
    ledger: str
    kind: str
    number: str
    record: str
    booked_on: str
    value: str
    told: str

    def __str__(self) -> str:
        return f"{self.type} {self.value}: {self.ledger} {self.kind} {self.number} of {self.booked_on}, {self.told}"


def period_name(first: date, last: date) -> str:
    """A month as ``2026-03``, else both days."""
    is_month = first.day == 1 and (last - first).days in (27, 28, 29, 30) and last.month == first.month
    ends = is_month and date.fromordinal(last.toordinal() + 1).day == 1
    return f"{first:%Y-%m}" if ends else f"{first} to {last}"


def touch_periods(session: Session, company: str, number: int, days: Collection[date] | None = None) -> None:
    """
    Let the periods of these days be looked at by the pass of this number.

    :param days: None: of all days.
    """
    rows = session.execute(
        select(SignOff.id, SignOff.first, SignOff.last).where(
            SignOff.company == company, SignOff.state.in_(("proposed", "signed")), SignOff.due.is_(None)
        )
    ).all()
    touched = [row.id for row in rows if days is None or any(row.first <= day <= row.last for day in days)]
    if touched:
        session.execute(update(SignOff).where(SignOff.id.in_(touched)).values(due=number))


def keep_signed(session: Session, company: str, sign_off: int, flows: Collection[str], period: Period) -> int:
    """Keep the documents of a period as they are now; how many there are."""
    number = 0
    for flow in sorted(flows):
        rows = [
            {"company": company, "sign_off": sign_off, "flow": flow, "ledger": row.ledger, "key": row.key,
             "booked_on": row.booked_on, "content": {name: row.content[name] for name in _KEPT}}
            for row in _documents(session, company, flow, period)
            if row.content is not None
        ]  # fmt: skip
        if rows:
            session.connection().execute(insert(SignedDocument), rows)
        number += len(rows)
    return number


def forget_signed(session: Session, sign_off: int) -> None:
    """What is signed no longer is compared with nothing."""
    session.execute(delete(SignedDocument).where(SignedDocument.sign_off == sign_off))


def look_again(session: Session, actor: Actor, company: str) -> list[SignOff]:
    """
    Compare the signed periods that something touched; those in which something is another than it was when it was
    looked at last, and is not as it was signed.

    The audit is told; the caller tells people.
    """
    news = []
    touched = select(SignOff).where(SignOff.company == company, SignOff.state == "signed", SignOff.due.is_not(None))
    for row in session.scalars(touched.order_by(SignOff.first, SignOff.id)).all():
        found = [asdict(each) for each in changed_since(session, row)]
        row.due = None
        if found == row.changes:
            continue
        row.changes = found
        key = f"{company}:{period_name(row.first, row.last)}"
        details = {"report": row.report_hash, "changes": len(found)}
        append(session, actor, [Change("period-changed" if found else "period-restored", SIGNED, key, details=details)])
        if found:
            news.append(row)
    return news


def changed_since(session: Session, sign_off: SignOff) -> list[LateChange]:
    """What is not as it was signed, by ledger and document."""
    period = Period(sign_off.first, sign_off.last)
    signed = {
        (row.flow, row.ledger, row.key): row
        for row in session.scalars(select(SignedDocument).where(SignedDocument.sign_off == sign_off.id))
    }
    flows = sorted({flow for flow, *_ in signed} or set(_flows(session, sign_off.company)))
    now = {
        (flow, row.ledger, row.key): row
        for flow in flows
        for row in _documents(session, sign_off.company, flow, period)
    }
    moved = _moved(session, sign_off.company, [key for key in signed if key not in now])
    found = []
    for key in sorted(signed.keys() | now.keys()):
        before, after = signed.get(key), now.get(key)
        change = _change(before, after, moved.get(key))
        if change is not None:
            found.append(change)
    return found


def _change(before: SignedDocument | None, after: BooksDocument | None, moved: date | None) -> LateChange | None:
    if before is None:
        return None if after is None or after.content is None else _late("late entry", after, after.content, {}, "")
    if after is None:
        told = "taken away, or voided" if moved is None else f"moved to {moved}"
        return _late("deleted" if moved is None else "date", before, before.content, before.content["effects"], told)
    if after.content is None:  # purged: whatever changes it has everything read anew
        return None
    was, now = before.content, after.content
    if was["effects"] != now["effects"]:
        accounts = was["effects"].keys() ^ now["effects"].keys()
        amounts = (sum(map(abs, map(Decimal, each["effects"].values())), NOTHING) for each in (was, now))
        same = len(set(amounts)) == 1 and bool(accounts)
        told = f"was {_effects(was['effects'])}, is {_effects(now['effects'])}"
        return _late("account" if same else "amount", after, now, was["effects"], told)
    if was["taxes"] != now["taxes"]:
        told = f"was under {_effects(was['taxes'] or {})}, is under {_effects(now['taxes'] or {})}"
        return _late("tax", after, now, was["effects"], told)
    if before.booked_on != after.booked_on:
        told = f"was of {before.booked_on}"
        return _late("date", after, now, {}, told)
    return None


def _late(
    kind: str, row: BooksDocument | SignedDocument, content: Mapping[str, Any], was: Mapping[str, str], told: str
) -> LateChange:
    effects = {} if kind in ("deleted",) else content["effects"]
    changed = [Decimal(effects.get(each, 0)) - Decimal(was.get(each, 0)) for each in {*effects, *was}]
    if kind == "date":
        changed = [Decimal(each) for each in content["effects"].values()]
    value = max((abs(each) for each in changed), default=NOTHING)
    told = told or f"booked after the period was signed: {_effects(content['effects'])}"
    return LateChange(
        kind, row.ledger, content["kind"], content["number"], row.key, f"{row.booked_on}", f"{value:.2f}", told
    )


def _effects(effects: Mapping[str, str]) -> str:
    return ", ".join(f"{account} {Decimal(amount):.2f}" for account, amount in sorted(effects.items())) or "nothing"


def _documents(session: Session, company: str, flow: str, period: Period) -> Iterator[BooksDocument]:
    query = select(BooksDocument).where(
        BooksDocument.company == company,
        BooksDocument.flow == flow,
        BooksDocument.booked_on >= period.first,
        BooksDocument.booked_on <= period.last,
    )
    # a document of nothing is none in any account; of one that is known twice the first counts
    seen: set[tuple[str, str]] = set()
    for row in session.scalars(query.order_by(BooksDocument.ledger, BooksDocument.key, BooksDocument.id)):
        if (row.ledger, row.key) not in seen and (row.content is None or row.content["effects"]):
            seen.add((row.ledger, row.key))
            yield row


def _flows(session: Session, company: str) -> Sequence[str]:
    return session.scalars(select(BooksDocument.flow).where(BooksDocument.company == company).distinct()).all()


def _moved(session: Session, company: str, keys: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], date]:
    """The days of documents that are outside of the period now."""
    found: dict[tuple[str, str, str], date] = {}
    for chunk in in_chunks(sorted({key for *_, key in keys})):
        rows = session.execute(
            select(BooksDocument.flow, BooksDocument.ledger, BooksDocument.key, BooksDocument.booked_on).where(
                BooksDocument.company == company, BooksDocument.key.in_(chunk)
            )
        )
        found |= {(row.flow, row.ledger, row.key): row.booked_on for row in rows}
    return found
