"""The faults a run can meet, drawn at random by seed; each act answers whether something was hurt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from httpx import HTTPError

from ledgerbridge.delivery.deliver import STEPS
from sandbox.player import SandboxRefused
from tests.chaos.world import World

__all__ = ["ON_BILLS", "ON_ENTRIES", "ON_MASTERS", "ON_ORDERS", "ON_VOUCHERS", "Faults", "Kinds"]

Act = Callable[[World, Random], int]

Line = dict[str, list[dict[str, Any]]]


def _line(*, xero_method: str, gp_operation: str) -> Line:
    """Faults on the line of a ledger; what writes in a flow gets more of them."""
    return {
        "xero": [
            {"kind": "lost_before_commit", "method": xero_method},
            {"kind": "lost_after_commit", "method": xero_method},
            {"kind": "lost_after_commit", "method": xero_method, "times": 3},
            {"kind": "reset", "method": xero_method},
            {"kind": "malformed"},
            {"kind": "slow", "seconds": 2},
            {"kind": "slow_answer", "seconds": 2},
            {"kind": "status", "status": 500, "times": 2},
            {"kind": "status", "status": 503, "times": 2, "headers": {"Retry-After": "1"}},
            {"kind": "throttled", "seconds": 1, "times": 3},
            {"kind": "expired_token"},
            {"kind": "concurrent", "times": 3},
        ],
        "gp": [
            {"kind": "lost_before_commit", "contains": gp_operation},
            {"kind": "lost_after_commit", "contains": gp_operation},
            {"kind": "lost_after_commit", "contains": gp_operation, "times": 3},
            {"kind": "lost_after_commit", "contains": "CreateEntity"},
            {"kind": "reset", "contains": gp_operation},
            {"kind": "malformed"},
            {"kind": "slow", "seconds": 2, "contains": gp_operation},
            {"kind": "slow_answer", "seconds": 2},
            {"kind": "status", "status": 500, "times": 2},
            {"kind": "concurrent", "times": 3},
            {"kind": "sql_timeout", "contains": gp_operation},
            {"kind": "expired_token"},
        ],
    }


OF_ORDERS: Line = {
    **_line(xero_method="PUT", gp_operation="CreateTransactionEntity"),
    "shopify": [
        {"kind": "lost_before_commit"},
        {"kind": "reset"},
        {"kind": "malformed"},
        {"kind": "status", "status": 500, "times": 2},
        {"kind": "throttled", "times": 3, "seconds": 1, "contains": "query"},
        {"kind": "expired_token", "contains": "query"},
        {"kind": "slow_answer", "seconds": 2},
    ],
    "stripe": [
        {"kind": "lost_before_commit"},
        {"kind": "reset"},
        {"kind": "malformed"},
        {"kind": "status", "status": 500, "times": 2},
        {"kind": "throttled", "times": 3, "seconds": 1},
        {"kind": "slow_answer", "seconds": 2},
    ],
}
"""Shopify throttles and refuses a token where GraphQL is spoken, not where tokens are given."""
OF_MASTERS = _line(xero_method="POST", gp_operation="CreateEntity")
OF_BILLS = _line(xero_method="GET", gp_operation="CreateTransactionEntity")
OF_VOUCHERS = _line(xero_method="PUT", gp_operation="GetEntity")
OF_ENTRIES = _line(xero_method="PUT", gp_operation="CreateTransactionEntity")
FEWEST_A_PASS = 3
"""Faults a pass is to meet even where its step has had its share."""
MOST_WAITING = 6
"""Faults of one line that wait for their calls; more would only keep the system down."""


def _on_the_line(system: str, line: Line) -> Act:
    def act(world: World, random: Random) -> int:
        try:
            waiting = [each for each in world.player.faults()[system] if each["happened"] < each["times"]]
            if len(waiting) < MOST_WAITING:
                world.player.order_fault(system, random.choice(line[system]))
        except (SandboxRefused, HTTPError):  # it is down just now, which is a fault of its own
            return 0
        return 0  # counted when it has happened

    return act


def _kill_at_step(world: World, random: Random) -> int:
    world.kill_at(random.choice(STEPS))
    return 0  # counted when it has happened


def _stop_one_of(*systems: str) -> Act:
    return lambda world, random: int(world.stop_sandbox(random.choice(systems), random.uniform(1, 4)))


def _fill_disk(world: World, random: Random) -> int:
    return int(world.fill_disk(random.uniform(1, 4)))


def _take_state_away(world: World, random: Random) -> int:
    return int(world.take_state_away(random.uniform(1, 4)))


def _step_clock(world: World, random: Random) -> int:
    world.step_clock_at(random.choice(STEPS), random.choice([-3600, -1, 1, 330, 3600]))
    return 0  # counted when it has happened


def _flip_bit(world: World, random: Random) -> int:
    return int(world.flip_bit(random))


RESTORES = 0.15
"""In how many of the passes the state is as it was when an earlier one began."""

Kinds = dict[str, tuple[int, Act]]
"""How often each kind is drawn, and what it does."""

OF_ALL: Kinds = {
    "kill at a step": (28, _kill_at_step),
    "kill a task": (18, lambda world, random: int(world.kill_task(random))),
    "kill a worker": (5, lambda world, random: int(world.kill_worker(random))),
    "kill the scheduler": (1, lambda world, random: int(world.kill_scheduler())),
    "the machine dies": (1, lambda world, random: int(world.kill_machine())),
    "the whole stack dies": (1, lambda world, random: int(world.kill_stack())),
    "a task freezes": (2, lambda world, random: int(world.freeze_task(random))),
    "the disk is full": (4, _fill_disk),
    "the state database is away": (4, _take_state_away),
    "a clock steps": (14, _step_clock),
    "a bit flips": (4, _flip_bit),
}
ON_ORDERS: Kinds = {
    "xero line": (28, _on_the_line("xero", OF_ORDERS)),
    "gp line": (28, _on_the_line("gp", OF_ORDERS)),
    "shopify line": (7, _on_the_line("shopify", OF_ORDERS)),
    "stripe line": (7, _on_the_line("stripe", OF_ORDERS)),
    **OF_ALL,
    "a system is down": (4, _stop_one_of("gp", "xero", "gp", "xero", "shopify", "stripe")),
}


def _between_two_ledgers(line: Line) -> Kinds:
    return {
        "xero line": (28, _on_the_line("xero", line)),
        "gp line": (28, _on_the_line("gp", line)),
        **OF_ALL,
        "a system is down": (4, _stop_one_of("gp", "xero")),
    }


ON_MASTERS = _between_two_ledgers(OF_MASTERS)
ON_BILLS = _between_two_ledgers(OF_BILLS)
ON_VOUCHERS = _between_two_ledgers(OF_VOUCHERS)
ON_ENTRIES = _between_two_ledgers(OF_ENTRIES)


class Faults:
    """Draws faults, lets them happen, and counts those that did."""

    def __init__(self, world: World, kinds: Kinds, seed: int) -> None:
        self._world = world
        self._kinds = kinds
        self._random = Random(seed)
        self._direct: Counter[str] = Counter()
        self._on_lines = 0
        self._on_lines_before = 0

    def strike(self) -> str:
        """Let the next one happen; its kind."""
        names = list(self._kinds)
        (name,) = self._random.choices(names, [self._kinds[each][0] for each in names])
        self._direct[name] += self._kinds[name][1](self._world, self._random)
        return name

    def between_passes(self) -> None:
        """Now and then last night's backup of the state is restored; another is made."""
        if self._random.random() < RESTORES and self._world.restore_state():
            self._direct["the state is restored"] += 1
        elif self._random.random() < 0.5:
            self._world.back_up_state()

    def by_chance(self, part: float) -> bool:
        """True in this part of all cases."""
        return self._random.random() < part

    def one_of(self, choices: Sequence[str]) -> str:
        """Any of them."""
        return self._random.choice(choices)

    def count(self, kind: str) -> None:
        """One of a kind befell somebody."""
        self._direct[kind] += 1

    def pause_seconds(self) -> float:
        """How long until the next one."""
        return self._random.uniform(0.0, 0.5)

    def share_of(self, left: int) -> int:
        """How many strike in the next pass, of those left to its step: a third to two thirds, and a few in any case."""
        left = max(left, 0)
        return max(FEWEST_A_PASS, self._random.randint(left // 3, 2 * left // 3))

    @property
    def happened(self) -> int:
        """How many have befallen somebody so far."""
        at_steps = self._world.kills_that_happened() + self._world.clocks_that_stepped()
        return sum(self._direct.values()) + at_steps + self._happened_on_lines()

    def by_kind(self) -> dict[str, int]:
        """How many of each kind happened."""
        return {
            **{name: count for name, count in sorted(self._direct.items()) if count},
            "on a line": self._happened_on_lines(),
            "kill at a step": self._world.kills_that_happened(),
            "a clock steps": self._world.clocks_that_stepped(),
        }

    def end(self) -> None:
        """
        What has not happened yet does not happen any more.

        :raises SandboxRefused: a system is down.
        """
        self._happened_on_lines()
        self._world.forget_kills()
        self._world.player.forget_faults()
        # the systems forget those that happened too
        self._on_lines_before, self._on_lines = self._on_lines_before + self._on_lines, 0

    def _happened_on_lines(self) -> int:
        with suppress(SandboxRefused, HTTPError):  # it is down: as many as were seen last
            ordered = self._world.player.faults()
            seen = sum(fault["happened"] for faults in ordered.values() for fault in faults)
            self._on_lines = max(self._on_lines, seen)
        return self._on_lines_before + self._on_lines
