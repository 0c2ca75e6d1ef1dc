"""People are told once what goes on, again after a while, not at night, and somebody else when nobody acts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine

from ledgerbridge.alerts import Alert, AlertsConfig, Message, end_alerts, messages_due, not_sent, raise_alert
from ledgerbridge.state import transaction

ZONE = "America/New_York"
NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # 12:00 in New York
NIGHT = datetime(2026, 3, 3, 4, 0, tzinfo=UTC)  # 23:00
MORNING = datetime(2026, 3, 3, 11, 5, tzinfo=UTC)  # 06:05
CONFIG = AlertsConfig(to="team", quiet="22:00-06:00", repeat_after_minutes=60, escalate_to="boss")


def failed(leg: str = "invoice", kind: str = "TransientError", message: str = "Xero was not reached") -> Alert:
    return Alert("order_to_cash", leg, kind, message, "Wait.", "http://airflow/log")


def happen(engine: Engine, *alerts: Alert, at: datetime = NOON) -> None:
    with transaction(engine) as session:
        for alert in alerts:
            raise_alert(session, alert, at)


def told(engine: Engine, at: datetime = NOON, config: AlertsConfig = CONFIG) -> list[Message]:
    with transaction(engine) as session:
        return messages_due(session, "order_to_cash", config, at, ZONE)


def test_a_hundred_failures_for_one_reason_are_one_message(state_db: Engine) -> None:
    happen(state_db, *[failed()] * 100)
    (message,) = told(state_db)
    assert (message.connection, message.title) == ("team", "order_to_cash: TransientError")
    assert "order_to_cash invoice, TransientError, 100 times since 2026-03-02 17:00 UTC" in message.body
    assert "Remedy: Wait." in message.body
    assert "http://airflow/log" in message.body
    assert told(state_db) == []


def test_several_reasons_are_told_in_one_message(state_db: Engine) -> None:
    happen(state_db, failed(), failed(leg="payment"), failed(kind="ConfigurationError", message="no scope"))
    (message,) = told(state_db)
    assert message.title == "order_to_cash: TransientError, ConfigurationError"
    assert message.body.count("Remedy:") == 3


@pytest.mark.parametrize(("minutes", "messages"), [pytest.param(59, 0, id="too-soon"), pytest.param(60, 1, id="due")])
def test_what_goes_on_is_told_again_after_a_while(state_db: Engine, minutes: int, messages: int) -> None:
    happen(state_db, failed())
    told(state_db)
    happen(state_db, failed(), at=NOON + timedelta(minutes=5))
    again = told(state_db, NOON + timedelta(minutes=minutes))
    assert len(again) == messages
    assert all("2 times" in message.body for message in again)


def test_what_happened_once_is_not_told_twice(state_db: Engine) -> None:
    happen(state_db, failed())
    told(state_db)
    assert told(state_db, NOON + timedelta(minutes=100)) == []


def test_at_night_nobody_is_told_before_the_morning(state_db: Engine) -> None:
    happen(state_db, failed(), at=NIGHT)
    assert told(state_db, NIGHT) == []
    patient = CONFIG.model_copy(update={"escalate_to": None})
    (message,) = told(state_db, MORNING, patient)
    assert message.connection == "team"


def test_when_nobody_acts_somebody_else_is_told_once_even_at_night(state_db: Engine) -> None:
    happen(state_db, failed(), at=NIGHT)
    (message,) = told(state_db, NIGHT + timedelta(minutes=120))
    assert (message.connection, message.title) == ("boss", "Still: order_to_cash: TransientError")
    assert told(state_db, NIGHT + timedelta(minutes=130)) == []


def test_what_is_well_again_is_neither_told_nor_escalated(state_db: Engine) -> None:
    happen(state_db, failed(kind="silence"), failed(leg="order", kind="silence"))
    with transaction(state_db) as session:
        end_alerts(session, "order_to_cash", "silence", NOON, but=["order"])
    (message,) = told(state_db)
    assert "invoice" not in message.body
    happen(state_db, failed(kind="silence"), at=NOON + timedelta(hours=5))
    (again,) = told(state_db, NOON + timedelta(hours=5), CONFIG.model_copy(update={"escalate_to": None}))
    assert "order_to_cash invoice, silence, once since 2026-03-02 22:00 UTC" in again.body


def test_a_message_that_reached_nobody_is_due_again(state_db: Engine) -> None:
    happen(state_db, failed())
    (message,) = told(state_db)
    with transaction(state_db) as session:
        not_sent(session, message, escalated=False)
    assert told(state_db) == [message]


def test_of_workers_that_fail_together_one_tells(state_db: Engine) -> None:
    happen(state_db, failed())
    with ThreadPoolExecutor(4) as pool:
        assert sum(len(messages) for messages in pool.map(lambda _: told(state_db), range(8))) == 1


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"to": "team", "quiet": "late"}, '"late" is no span of hours; write one like 22:00-06:00'),
        ({"to": "team", "escalate_to": "team"}, "nobody new would be told"),
        ({"to": "team", "repeat_after_minutes": 0}, "greater than or equal to 1"),
    ],
)
def test_alerts_that_make_no_sense_are_refused(config: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        AlertsConfig.model_validate(config)


@pytest.mark.parametrize(
    ("hours", "at", "quiet"),
    [
        ("22:00-06:00", NIGHT, True),
        ("22:00-06:00", NOON, False),
        ("11:00-13:00", NOON, True),
        ("12:01-13:00", NOON, False),
    ],
)
def test_quiet_hours_are_the_company_s(hours: str, at: datetime, quiet: bool) -> None:
    assert AlertsConfig(to="team", quiet=hours).is_quiet(at, ZONE) == quiet
