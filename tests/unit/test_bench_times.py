"""Where the benches say time went: an order's seconds by step, and whether a soak's minutes stayed as they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bench.latency import steps_of
from bench.soak import flatness

TOLD = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return TOLD + timedelta(seconds=seconds)


def test_steps_that_the_first_task_did_are_told_one_by_one_and_add_up() -> None:
    tasks = {"read": (at(1.5), at(6))}
    done = {
        "read": at(2), "customer.extract": at(2.25), "customer.transform": at(2.5), "customer.gate": at(2.75),
        "customer.load": at(3.25), "order.extract": at(3.5), "order.transform": at(4.5), "order.gate": at(4.75),
        "order.load": at(5.75),
    }  # fmt: skip
    steps = steps_of(TOLD, at(0.5), tasks, done, at(5.5))
    assert steps == {
        "until a run is queued": 0.5, "until read runs": 1.0, "read": 0.5, "customer.extract": 0.25,
        "customer.transform": 0.25, "customer.gate": 0.25, "customer.load": 0.5, "order.extract": 0.25,
        "order.transform": 1.0, "order.gate": 0.25, "then, until GP has it": 0.75,
    }  # fmt: skip
    assert sum(steps.values()) == 5.5


def test_steps_with_a_task_of_their_own_are_told_with_what_its_start_and_its_end_take() -> None:
    tasks = {"read": (at(1), at(2)), "order.extract": (at(3), at(5)), "order.load": (at(6), at(9))}
    done = {"read": at(1.5), "order.extract": at(4), "order.load": at(8.5)}
    assert steps_of(TOLD, at(0.5), tasks, done, at(8)) == {
        "until a run is queued": 0.5, "until read runs": 0.5, "read": 0.5, "read, until it ends": 0.5,
        "until order.extract runs": 1.0, "order.extract": 1.0, "order.extract, until it ends": 1.0,
        "until order.load runs": 1.0, "then, until GP has it": 2.0,
    }  # fmt: skip


def test_an_order_that_is_told_of_when_its_run_has_begun_waited_for_none() -> None:
    steps = steps_of(TOLD, at(-2), {"read": (at(-1), at(3))}, {"read": at(1)}, at(2))
    assert steps == {"until a run is queued": 0, "until read runs": 0, "read": 1, "then, until GP has it": 1}


def minutes(
    *p50: float, mib: int = 2_800, grown: int = 0, befell: dict[int, str] | None = None
) -> list[dict[str, Any]]:
    return [
        {
            "minute": number, "in_gp": 300 if seconds else 0, "p50_seconds": seconds, "mib": mib + grown * number,
            "befell": [what] if (what := (befell or {}).get(number)) else [],
        }
        for number, seconds in enumerate(p50, 1)
    ]  # fmt: skip


MEMORY = "memory flat: 2,800 MiB in the first third, 2,800 MiB in the last"


@pytest.mark.parametrize(
    ("found", "told"),
    [
        pytest.param(
            minutes(60, 70, 80, 65, 75, 90),
            f"latency flat: 65 s in the first third, 82 s in the last; {MEMORY}",
            id="flat",
        ),
        pytest.param(
            minutes(60, 70, 80, 85, 95, 110),
            f"latency NOT flat: 65 s in the first third, 102 s in the last; {MEMORY}",
            id="orders-wait-longer-and-longer",
        ),
        pytest.param(
            minutes(60, 70, 80, grown=200),
            "latency flat: 60 s in the first third, 80 s in the last;"
            " memory NOT flat: 3,000 MiB in the first third, 3,400 MiB in the last",
            id="memory-grows",
        ),
        pytest.param(
            minutes(50, 60, 55, 200, 210, 50, 60, 130, 55, befell={3: "an edge killed", 4: "GP cut off"}),
            f"latency flat: 55 s in the first third, 60 s in the last; {MEMORY};"
            " minutes 4 to 5 slow after an edge killed, GP cut off; minute 8 slow after nothing that befell",
            id="slow-after-faults",
        ),
        pytest.param(
            minutes(60, 0, 70, 80),
            f"latency flat: 60 s in the first third, 80 s in the last; {MEMORY}",
            id="a-minute-without-orders",
        ),
        pytest.param(
            minutes(60, 70),
            "too short to tell whether latency is flat; too short to tell whether memory is flat",
            id="short",
        ),
        pytest.param(
            minutes(0, 0, 0), f"too short to tell whether latency is flat; {MEMORY}", id="no-order-came-through"
        ),
    ],
)
def test_a_soak_says_whether_its_last_third_is_as_its_first_was(found: list[dict[str, Any]], told: str) -> None:
    assert flatness(found) == told
