"""The verdicts of reconciliations, a run each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.reconciliation.model import Reconciliation
from ledgerbridge.state.models import ReconciliationResult
from ledgerbridge.state.upsert import upsert

__all__ = ["keep_result", "kept_result", "latest_results"]


def keep_result(session: Session, company: str, flow: str, run_id: str, result: Reconciliation) -> None:
    """Keep what a run found, over what an earlier try of it did."""
    row = {
        "company": company,
        "flow": flow,
        "run_id": run_id,
        "agree": result.agree,
        "result": result.to_json(),
        "ended_at": datetime.now(UTC),
    }
    upsert(session, ReconciliationResult, [row], key=["company", "flow", "run_id"])


def kept_result(session: Session, company: str, flow: str, run_id: str) -> dict[str, Any] | None:
    """What a run found, as ``Reconciliation.to_json``; None if it did not come so far."""
    row = session.get(ReconciliationResult, (company, flow, run_id))
    return None if row is None else row.result


def latest_results(session: Session, company: str, flow: str, most: int) -> list[ReconciliationResult]:
    """What the last runs found, the newest first."""
    of_flow = (ReconciliationResult.company == company, ReconciliationResult.flow == flow)
    newest = select(ReconciliationResult).where(*of_flow).order_by(ReconciliationResult.ended_at.desc()).limit(most)
    return list(session.scalars(newest))
