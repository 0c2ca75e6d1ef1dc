"""What a failed task does next, by the class of its error."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest
from airflow.sdk import BaseOperator, Context

from ledgerbridge.errors import ConfigurationError, TransientError
from operators.retries import ByErrorClass


def delays(error: TransientError, try_number: int) -> list[float]:
    """Seconds of many workers that failed together."""
    decisions = [ByErrorClass().evaluate(error, try_number, 3) for _ in range(200)]
    return [(each.retry_delay or timedelta()).total_seconds() for each in decisions]


@pytest.mark.parametrize(("try_number", "least", "most"), [(1, 5, 15), (2, 10, 30), (3, 20, 60), (12, 150, 450)])
def test_workers_that_failed_together_come_back_apart_and_later_each_time(
    try_number: int, least: float, most: float
) -> None:
    seen = delays(TransientError("LB-TEST-001", "down", remedy="wait"), try_number)
    assert least <= min(seen) <= max(seen) <= most
    assert len({round(each, 3) for each in seen}) > 100


def test_the_first_wait_is_the_flow_s_and_survives_serialisation() -> None:
    policy = ByErrorClass.deserialize(ByErrorClass(2).serialize())
    decision = policy.evaluate(TransientError("LB-TEST-001", "down", remedy="wait"), 1, 3)
    assert decision.retry_delay is not None
    assert 1 <= decision.retry_delay.total_seconds() <= 3


def test_nobody_comes_back_before_the_time_the_system_asked_for() -> None:
    seen = delays(TransientError("LB-TEST-001", "busy", remedy="wait", retry_after_seconds=42), 1)
    assert 42 <= min(seen) <= max(seen) <= 44
    assert len({round(each, 3) for each in seen}) > 100


def test_a_wrong_setting_fails_at_once() -> None:
    decision = ByErrorClass().evaluate(ConfigurationError("LB-CFG-001", "no url", remedy="set it"), 1, 3)
    assert (decision.action.name, decision.reason) == ("FAIL", "LB-CFG-001")


def test_other_errors_are_left_to_airflow() -> None:
    assert ByErrorClass().evaluate(KeyError("x"), 1, 3).action.name == "DEFAULT"


def test_a_task_that_somebody_cleared_begins_with_the_first_wait_again() -> None:
    error = TransientError("LB-TEST-001", "down", remedy="wait")
    context = cast("Context", {"task": BaseOperator(task_id="load", retries=3)})
    # it had ended with its tenth try; Airflow then grants three more
    decision = ByErrorClass().evaluate(error, 11, 13, context)
    assert decision.retry_delay is not None
    assert 5 <= decision.retry_delay.total_seconds() <= 15
