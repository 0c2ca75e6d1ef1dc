"""Extraction windows: what each run read, bounded by the source's own times."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.state.models import ExtractionWindow
from ledgerbridge.state.upsert import upsert

__all__ = ["next_since", "record_window", "window_of_run"]


def window_of_run(session: Session, flow: str, entity: str, connection: str, run_id: str) -> ExtractionWindow | None:
    """The window this run read before, if it did."""
    return session.scalar(
        select(ExtractionWindow).where(
            ExtractionWindow.flow == flow,
            ExtractionWindow.entity == entity,
            ExtractionWindow.connection == connection,
            ExtractionWindow.run_id == run_id,
        )
    )


def next_since(session: Session, flow: str, entity: str, connection: str, overlap: timedelta) -> datetime | None:
    """Where a new run begins: at the newest change read so far, less the overlap; None if nothing was read yet."""
    latest = session.scalar(
        select(ExtractionWindow.until)
        .where(
            ExtractionWindow.flow == flow,
            ExtractionWindow.entity == entity,
            ExtractionWindow.connection == connection,
        )
        .order_by(ExtractionWindow.until.desc())
        .limit(1)
    )
    return None if latest is None else latest - overlap


def record_window(
    session: Session,
    flow: str,
    entity: str,
    connection: str,
    run_id: str,
    *,
    leg: str,
    since: datetime | None,
    until: datetime,
    rows: int,
    batch_uri: str,
) -> None:
    """Keep what a run read; a rerun overwrites its own."""
    values = {
        "flow": flow,
        "entity": entity,
        "connection": connection,
        "run_id": run_id,
        "leg": leg,
        "since": since,
        "until": until,
        "rows": rows,
        "batch_uri": batch_uri,
    }
    upsert(session, ExtractionWindow, [values], key=["flow", "entity", "connection", "run_id"])
