"""
Alerts that are going on, one row a (flow, leg, kind): counted, told once, told again after a while, escalated, ended.

Kept in the state database, so that a hundred tasks that fail for one reason are one message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ledgerbridge.alerts.config import AlertsConfig
from ledgerbridge.state.database import serialise
from ledgerbridge.state.models import AlertRow
from ledgerbridge.state.upsert import upsert

__all__ = ["Alert", "Message", "end_alerts", "messages_due", "not_sent", "raise_alert"]


@dataclass(frozen=True)
class Alert:
    """
    Something people should know.

    :param kind: error class, or what was watched: ``silence``, ``deadline``, ``dead letters``, ``connection`` …
    :param link: address of a page about it, if there is one.
    """

    flow: str
    leg: str
    kind: str
    message: str
    remedy: str
    link: str = ""


@dataclass(frozen=True)
class Message:
    """What is told now, to whom: one text for all alerts of a flow."""

    connection: str
    title: str
    body: str
    alerts: tuple[int, ...]


def raise_alert(session: Session, alert: Alert, now: datetime) -> None:
    """Count an occurrence; the first of its kind begins an alert, the others belong to it."""
    serialise(session, "alerts")
    row = _open_row(session, alert)
    values: dict[str, Any] = {
        "flow": alert.flow,
        "leg": alert.leg,
        "kind": alert.kind,
        "message": alert.message,
        "remedy": alert.remedy,
        "link": alert.link,
        "began_at": row.began_at if row else now,
        "last_at": now,
        "times": (row.times if row else 0) + 1,
        "told_times": row.told_times if row else 0,
        "told_at": row.told_at if row else None,
        "escalated_at": row.escalated_at if row else None,
        "ended_at": None,
    }
    upsert(session, AlertRow, [values], key=["flow", "leg", "kind"])


def end_alerts(session: Session, flow: str, kind: str, now: datetime, *, but: Sequence[str] = ()) -> None:
    """What was watched is well again; alerts of legs in ``but`` go on."""
    session.execute(
        update(AlertRow)
        .where(AlertRow.flow == flow, AlertRow.kind == kind, AlertRow.ended_at.is_(None), AlertRow.leg.not_in(but))
        .values(ended_at=now)
    )


def messages_due(session: Session, flow: str, config: AlertsConfig, now: datetime, zone: str) -> list[Message]:
    """
    What is to be told now; written down as told, so that of several workers one tells it.

    Nothing is told in quiet hours but what is escalated; it is told when they are over.
    """
    serialise(session, "alerts")
    rows = session.scalars(
        select(AlertRow)
        .where(AlertRow.flow == flow, AlertRow.ended_at.is_(None))
        .order_by(AlertRow.began_at, AlertRow.id)
    ).all()
    messages = []
    due = [row for row in rows if _is_due(row, config, now)] if not config.is_quiet(now, zone) else []
    if due:
        messages.append(_message(config.to, flow, due))
        for row in due:
            row.told_at, row.told_times = now, row.times
    late = [row for row in rows if row.escalated_at is None and now - row.began_at >= config.escalate_after]
    if config.escalate_to is not None and late:
        messages.append(_message(config.escalate_to, flow, late, escalated=True))
        for row in late:
            row.escalated_at = now
    return messages


def not_sent(session: Session, message: Message, *, escalated: bool) -> None:
    """Nobody was reached: it is due again."""
    values: dict[str, Any] = {"escalated_at": None} if escalated else {"told_at": None}
    session.execute(update(AlertRow).where(AlertRow.id.in_(message.alerts)).values(values))


def _open_row(session: Session, alert: Alert) -> AlertRow | None:
    return session.scalar(
        select(AlertRow)
        .where(
            AlertRow.flow == alert.flow,
            AlertRow.leg == alert.leg,
            AlertRow.kind == alert.kind,
            AlertRow.ended_at.is_(None),
        )
        .execution_options(populate_existing=True)
    )


def _is_due(row: AlertRow, config: AlertsConfig, now: datetime) -> bool:
    if row.told_at is None:
        return True
    return row.times > row.told_times and now - row.told_at >= config.repeat_after


def _message(connection: str, flow: str, rows: Sequence[AlertRow], *, escalated: bool = False) -> Message:
    what = ", ".join(dict.fromkeys(row.kind for row in rows))
    title = f"{'Still: ' if escalated else ''}{flow}: {what}"
    return Message(connection, title, "\n\n".join(_told(row) for row in rows), tuple(row.id for row in rows))


def _told(row: AlertRow) -> str:
    times = "once" if row.times == 1 else f"{row.times} times"
    where = f"{row.flow} {row.leg}".strip()
    lines = [f"{where}, {row.kind}, {times} since {row.began_at:%Y-%m-%d %H:%M} UTC", row.message]
    lines += [f"Remedy: {row.remedy}"] if row.remedy else []
    lines += [row.link] if row.link else []
    return "\n".join(lines)
