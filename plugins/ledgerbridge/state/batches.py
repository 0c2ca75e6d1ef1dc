"""Which batch stands at an address of the staging area: its parts and its hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import delete
from sqlalchemy.orm import Session

from ledgerbridge.state.models import StagedBatch
from ledgerbridge.state.upsert import upsert

__all__ = ["batch_of", "forget_batches", "keep_batch"]


def keep_batch(session: Session, uri: str, rows: Mapping[str, int], sha256: str) -> None:
    """Let a batch stand at its address, instead of what another try of its task staged there."""
    upsert(session, StagedBatch, [{"uri": uri, "rows": dict(rows), "sha256": sha256}], key=["uri"])


def batch_of(session: Session, uri: str) -> StagedBatch | None:
    """The batch that stands at an address; None if none was ever told."""
    return session.get(StagedBatch, uri)


def forget_batches(session: Session, folders: Iterable[str]) -> None:
    """Forget the batches at these addresses and below them: they were taken away."""
    for folder in folders:
        below = StagedBatch.uri.startswith(f"{folder}/", autoescape=True)
        session.execute(delete(StagedBatch).where(below | (StagedBatch.uri == folder)))
