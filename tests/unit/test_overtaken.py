"""An update that was broken off, and whose target was read since: it is ended, and not while it may be under way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from memory_ledger import MemoryLedger, document
from sqlalchemy import Engine, select, update

from ledgerbridge.audit import Actor
from ledgerbridge.delivery import Deliverer, settle_overtaken
from ledgerbridge.errors import TransientError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, Delivery

ACTOR = Actor("master_data", "customers_gp", "run", "load")
KEY = document("ANNA").record_key


def broken_off(engine: Engine) -> None:
    """Anna arrived; of her update the answer was lost."""
    ledger = MemoryLedger([None, "answer lost"], updatable=True)
    Deliverer(engine, ACTOR, "gp.customer", ledger).deliver([document("ANNA", "10.00")], {})
    with pytest.raises(TransientError):
        Deliverer(engine, ACTOR, "gp.customer", ledger).deliver([document("ANNA", "11.00")], {})


def left_under_way(engine: Engine) -> set[str]:
    with transaction(engine) as session:
        return settle_overtaken(session, ACTOR, "gp.customer", [KEY])


def state_of(engine: Engine) -> str:
    with transaction(engine) as session:
        return session.scalars(select(Delivery.state)).one()


def test_an_update_that_was_broken_off_is_ended_once_its_call_can_not_be_under_way(state_db: Engine) -> None:
    broken_off(state_db)
    assert left_under_way(state_db) == {KEY}
    assert state_of(state_db) == "sending"
    with transaction(state_db) as session:
        session.execute(update(Delivery).values(settles_at=datetime.now(UTC) - timedelta(hours=1)))
    assert left_under_way(state_db) == set()
    assert state_of(state_db) == "delivered"
    with transaction(state_db) as session:
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "overtaken")).one()
        assert told.record_key == KEY


def test_what_was_delivered_is_left_as_it_is(state_db: Engine) -> None:
    Deliverer(state_db, ACTOR, "gp.customer", MemoryLedger()).deliver([document("ANNA")], {})
    assert left_under_way(state_db) == set()
    with transaction(state_db) as session:
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "overtaken")).all() == []
