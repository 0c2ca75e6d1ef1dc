"""``python -m tests.fuzz --inputs 100000``: as many inputs to all parsers of what comes from outside, one line."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from demo.ending import INTERRUPTED, end_by_signals
from tests.fuzz.targets import TARGETS

__all__ = ["fuzz"]


def fuzz(target: Callable[..., None], inputs: Any, *, count: int, start: int) -> int:
    """
    Give a target so many inputs.

    :returns: how many it was given.
    :raises Exception: the first that it was not meant to raise, with the smallest input that makes it.
    """
    given_so_far = 0

    @settings(
        max_examples=count, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @seed(start)
    @given(inputs)
    def run(value: object) -> None:
        nonlocal given_so_far
        given_so_far += 1
        target(value)

    run()
    return given_so_far


def main() -> int:
    """Fuzz all targets; 1 when one of them raised what it must not, 130 when it was ended before."""
    end_by_signals()
    try:
        return _run()
    except KeyboardInterrupt:
        return INTERRUPTED


def _run() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began, total, unhandled = time.monotonic(), 0, []
    for name, (target, inputs) in TARGETS.items():
        rest = -(-options.inputs // len(TARGETS))
        start = options.seed
        try:
            while rest > 0:  # a small space of inputs is exhausted before the count
                done = fuzz(target, inputs, count=min(rest, 20_000), start=start)
                total, rest, start = total + done, rest - max(done, 1), start + 1000
        except Exception as error:
            unhandled.append(name)
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
    took = time.monotonic() - began
    print(f"inputs={total} targets={len(TARGETS)} seed={options.seed} unhandled={len(unhandled)} seconds={took:.0f}")
    return 1 if unhandled else 0


if __name__ == "__main__":
    sys.exit(main())
