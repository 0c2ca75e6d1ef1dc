"""What waits for too long is a difference, with its amount; what may wait is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from ledgerbridge.reconciliation.model import Difference
from ledgerbridge.reconciliation.waiting import overdue
from ledgerbridge.state import transaction
from ledgerbridge.state.models import LoggedChange, Reading, SourceRecord

CHARGE = "stripe:acct_1:charge:ch_1"
PAID_AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
REASON = "53.77 GBP waits: no order named #5001 has been read"


def told(state: Engine, *waits: tuple[str, str], days: int, patience: dict[str, int]) -> list[Difference]:
    """
    The differences when the gateway was read so many days after the charge.

    :param waits: leg and outcome.
    """
    with transaction(state) as session:
        change = LoggedChange(
            entity="stripe.charge", connection="stripe", source_key=CHARGE, version="1", changed_at=PAID_AT,
            how="poll", known_at=datetime.now(UTC),
        )  # fmt: skip
        session.add(change)
        session.flush()
        for connection, until in (("stripe", PAID_AT + timedelta(days=days)), ("stripe_eu", PAID_AT)):
            session.add(
                Reading(
                    company="main", entity="stripe.charge", connection=connection, until=until, rows=1, whole=True,
                    run_id="run-1", ended_at=datetime.now(UTC),
                )
            )  # fmt: skip
        for leg, outcome in waits:
            session.add(
                SourceRecord(
                    flow="order_to_cash", leg=leg, entity="stripe.charge", source_key=CHARGE, version="1",
                    change=change.number, label="ch_1", canonical={"amount": "53.77", "rate": "1.25"}, outcome=outcome,
                    reason=REASON, batch_uri="", run_id="run-1", updated_at=datetime.now(UTC),
                )
            )  # fmt: skip
    with transaction(state) as session:
        return overdue(session, "main", "order_to_cash", patience)


def test_money_that_waits_too_long_is_told_once_with_its_worth_and_what_it_waits_for(state_db: Engine) -> None:
    waits = (("exchange", "waiting"), ("payment", "waiting"))
    [difference] = told(state_db, *waits, days=31, patience={"payment": 30, "exchange": 30})
    assert (difference.type, difference.value, difference.explained) == ("waiting", Decimal("67.2125"), False)
    [link] = difference.documents
    assert (link.system, link.kind, link.number, link.record) == ("stripe", "charge", "ch_1", CHARGE)
    assert f"In leg payment for 31 days: {REASON}" in difference.remedy


@pytest.mark.parametrize(
    ("outcome", "days", "patience"),
    [("waiting", 30, {"payment": 30}), ("waiting", 365, {"receipt": 30}), ("delivered", 31, {"payment": 30})],
    ids=["not-so-long", "may-wait-for-ever", "has-arrived"],
)
def test_what_may_wait_or_does_not_is_not_told(
    state_db: Engine, outcome: str, days: int, patience: dict[str, int]
) -> None:
    assert told(state_db, ("payment", outcome), days=days, patience=patience) == []
