"""A task that is stopped from outside ends at once, and one that took too long is told as that."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from airflow.sdk.exceptions import AirflowTaskTimeout

from hooks.wire.in_parallel import results_of
from operators.leg import FlowOperator

TASK = FlowOperator(task_id="customer.load", flow="order_to_cash")


def test_a_task_that_somebody_clears_ends_where_it_stands() -> None:
    with pytest.raises(SystemExit, match=r"customer\.load was stopped"):
        TASK.on_kill()


def test_a_timeout_that_airflow_tells_the_task_of_stays_one() -> None:
    with pytest.raises(AirflowTaskTimeout):
        take_too_long()


def take_too_long() -> None:
    """As Airflow's runner does."""
    try:
        raise AirflowTaskTimeout
    except AirflowTaskTimeout:
        TASK.on_kill()
        raise


def test_calls_that_wait_for_a_thread_are_not_made_any_more() -> None:
    made, go_on = [], Event()

    def call(number: int) -> None:
        made.append(number)
        if number == 0:
            raise SystemExit
        go_on.wait()

    with ThreadPoolExecutor(1) as pool:
        begun = [pool.submit(call, number) for number in range(100)]
        with pytest.raises(SystemExit):
            results_of(pool, begun)
        go_on.set()
    assert made in ([0], [0, 1])
