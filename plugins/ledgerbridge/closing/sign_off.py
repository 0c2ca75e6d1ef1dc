"""
Signing a period: a report is proposed, as many people as are needed sign its hash, a person may open the period again.

Each act is in the audit with the hash of the report; signed is what the books held when the report was made.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.alerts import Alert, end_alerts, raise_alert
from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.reconciliation.model import Period
from ledgerbridge.reconciliation.signed import (
    SIGNED,
    LateChange,
    changed_since,
    forget_signed,
    keep_signed,
    period_name,
)
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import SignOff

__all__ = ["ALERT", "propose", "reopen", "sign", "sign_offs", "tell_changed"]

ALERT = "signed period"
"""The kind of an alert that a signed period is another now; its leg is the period."""


def propose(
    session: Session,
    actor: Actor,
    company: str,
    period: Period,
    flows: Collection[str],
    *,
    report_hash: str,
    report_url: str,
) -> int:
    """
    Keep the documents of a period as the report tells of them, to be signed; the number of the sign-off.

    What was proposed of the period before and not signed is forgotten.

    :param flows: those that compare the company's books.
    :param report_hash: of the report's list of files. :param report_url: where they lie.
    """
    first, last = _days(period)
    for row in _of(session, company, period, "proposed"):
        forget_signed(session, row.id)
        session.delete(row)
    row = SignOff(
        company=company, first=first, last=last, state="proposed", report_hash=report_hash, report_url=report_url,
        run_id=actor.run_id, proposed_at=datetime.now(UTC), signatures=[], due=None, changes=[],
    )  # fmt: skip
    session.add(row)
    session.flush()
    keep_signed(session, company, row.id, flows, period)
    append(session, actor, [_told(row, "period-reported")])
    return row.id


def sign(
    session: Session, actor: Actor, sign_off: int, *, by: str, name: str, note: str | None, needed: int
) -> SignOff:
    """
    Take a person's signature; with the last one that is needed the period is signed.

    :param by: the person's id. :param note: what they say to it; must be there where the report tells of differences.
    :param needed: how many people have to sign.
    :raises LedgerbridgeError: it is no longer proposed, the books changed since the report, or the person has signed.
    """
    row = session.get(SignOff, sign_off, with_for_update=True)
    if row is None or row.state != "proposed":
        raise LedgerbridgeError(
            "LB-CLS-001",
            f"report {sign_off} is no longer to be signed: a later one of its period took its place.",
            remedy="Sign the later one; Airflow's required actions show it.",
        )
    if row.due is not None and (found := changed_since(session, row)):
        raise LedgerbridgeError(
            "LB-CLS-002",
            f"the books of {period_name(row.first, row.last)} changed since the report was made: {found[0]}.",
            remedy="Clear the run of the close from its first task, and sign the report that it makes.",
        )
    if any(each["by"] == by for each in row.signatures):
        raise LedgerbridgeError(
            "LB-CLS-003",
            f"{name} has signed {period_name(row.first, row.last)} already, and {needed} people have to.",
            remedy="Clear this task, and let another person sign.",
        )
    row.due = None
    row.signatures = [
        *row.signatures,
        {"by": by, "name": name, "at": datetime.now(UTC).isoformat(), "note": note or ""},
    ]
    append(session, actor, [_told(row, "period-signature", by=name, reason=note)])
    if len(row.signatures) >= needed:
        for before in _of(session, row.company, Period(row.first, row.last), "signed"):
            before.state = "superseded"
            forget_signed(session, before.id)
        row.state = "signed"
        append(session, actor, [_told(row, "period-signed", by=", ".join(each["name"] for each in row.signatures))])
    return row


def reopen(session: Session, actor: Actor, company: str, period: Period, *, by: str, reason: str) -> SignOff:
    """
    Open a signed period again: what changes in it is an alert no longer.

    :raises LedgerbridgeError: it is not signed.
    """
    rows = _of(session, company, period, "signed")
    if not rows:
        first, last = _days(period)
        raise LedgerbridgeError(
            "LB-CLS-004",
            f"{period_name(first, last)} of {company} is not signed.",
            remedy="The console's page of the close, and `ledgerbridge periods list`, tell which periods are.",
        )
    row = rows[-1]
    row.state = "reopened"
    forget_signed(session, row.id)
    append(session, actor, [_told(row, "period-reopened", by=by, reason=reason)])
    return row


def sign_offs(session: Session, company: str) -> Sequence[SignOff]:
    """All of a company, the newest first; what was only proposed and never signed among them."""
    rows = select(SignOff).where(SignOff.company == company).order_by(SignOff.proposed_at.desc(), SignOff.id.desc())
    return session.scalars(rows).all()


def tell_changed(session: Session, flow: str, company: str, changed: Sequence[SignOff]) -> None:
    """
    Begin an alert for each signed period that changed, once; end those of periods that are as they were signed.

    :param changed: as ``look_again`` found them.
    """
    now = database_now(session)
    for row in changed:
        more = f" and {len(row.changes) - 1} more" if len(row.changes) > 1 else ""
        period = period_name(row.first, row.last)
        message = f"{period} was signed, and changed since: {LateChange(**row.changes[0])}{more}"
        remedy = "Take it back, or date it in an open period; or open the period again, and have it signed anew."
        raise_alert(session, Alert(flow, period, ALERT, message, remedy), now)
    signed = select(SignOff).where(SignOff.company == company, SignOff.state == "signed")
    late = [period_name(row.first, row.last) for row in session.scalars(signed) if row.changes]
    end_alerts(session, flow, ALERT, now, but=late)


def _of(session: Session, company: str, period: Period, state: str) -> Sequence[SignOff]:
    first, last = _days(period)
    rows = select(SignOff).where(
        SignOff.company == company, SignOff.first == first, SignOff.last == last, SignOff.state == state
    )
    return session.scalars(rows.order_by(SignOff.id)).all()


def _days(period: Period) -> tuple[Any, Any]:
    if period.first is None or period.last is None:
        raise LedgerbridgeError(
            "LB-CLS-005", "a period that is signed has two days.", remedy="Give the run both `from` and `to`."
        )
    return period.first, period.last


def _told(row: SignOff, action: str, **details: Any) -> Change:
    key = f"{row.company}:{period_name(row.first, row.last)}"
    return Change(action, SIGNED, key, content_hash=row.report_hash, details=details)
