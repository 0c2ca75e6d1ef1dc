"""What the pages read of the state database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from ledgerbridge.flows import company_of
from ledgerbridge.state import transaction
from ledgerbridge.state.batches import batch_of
from ledgerbridge.state.models import Base, DeadLetter, Delivery
from ledgerbridge.state.source_records import counts
from operators import settings
from operators.staging import BatchRef, standing

__all__ = ["balance", "batches", "company_key", "dead_letters", "documents", "session"]


def company_key(dag_id: str) -> str:
    """The key of the company whose flow a DAG is of."""
    return settings.company(company_of(dag_id)).key


@contextmanager
def session(dag_id: str) -> Iterator[Session]:
    """A session of the state database, of the rows of the DAG's company; what a page writes is committed at its end."""
    engine = settings.state_engine(company_key(dag_id), stays=True)
    try:
        with transaction(engine) as opened:
            yield opened
    finally:
        engine.dispose()


def balance(session: Session, flow: str, leg: str, run_id: str) -> Counter[str]:
    """How many source records of the run's batch have which outcome."""
    return counts(session, flow, leg, run_id)


def batches(session: Session, uris: Sequence[str]) -> list[BatchRef]:
    """The batches that stand at these addresses."""
    return [standing(session, uri) for uri in uris if batch_of(session, uri) is not None]


def dead_letters(
    session: Session, flow: str, leg: str, run_id: str, offset: int, limit: int
) -> tuple[Sequence[DeadLetter], int]:
    """Letters the run wrote, open ones first, and how many there are."""
    where = (DeadLetter.flow == flow, DeadLetter.leg == leg, DeadLetter.run_id == run_id)
    order = (DeadLetter.state.desc(), DeadLetter.created_at, DeadLetter.id)
    page = session.scalars(select(DeadLetter).where(*where).order_by(*order).offset(offset).limit(limit))
    return page.all(), _total(session, DeadLetter, where)


def documents(
    session: Session, flow: str, leg: str, run_id: str, offset: int, limit: int
) -> tuple[Sequence[Delivery], int]:
    """Deliveries the run made or tried, and how many there are."""
    where = (Delivery.flow == flow, Delivery.leg == leg, Delivery.run_id == run_id)
    page = session.scalars(select(Delivery).where(*where).order_by(Delivery.id).offset(offset).limit(limit))
    return page.all(), _total(session, Delivery, where)


def _total(session: Session, table: type[Base], where: tuple[ColumnElement[bool], ...]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(*where)) or 0
