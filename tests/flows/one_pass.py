"""One pass of a flow by a worker that is killed at a named step of a delivery."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.flows.in_process import InProcess
from tests.machines import Machine

__all__ = ["KillingMachine", "killing_machine", "one_pass"]

KILL_POINTS = Path(__file__).parents[1] / "chaos" / "kill_points"
BEGUN_WITH = (__name__, "operators.builder", "great_expectations", "alembic", "zeep")


class KillingMachine:
    """A machine whose workers die where one is told to; ``kills``: the folder of what is told."""

    def __init__(self, machine: Machine, kills: Path) -> None:
        self._machine = machine
        self._kills = kills

    def killed_pass(self, run_id: str, step: str, flow: str = "order_to_cash") -> int:
        """The exit code of a pass by a worker that dies where it first reaches ``step``."""
        (self._kills / step.replace(" ", "_")).touch()
        return self._machine.start(f"{__name__}:one_pass", flow, run_id, environment=os.environ).wait()


@contextmanager
def killing_machine(kills: Path) -> Iterator[KillingMachine]:
    """
    A machine of its own.

    :param kills: an empty folder.
    """
    more = {"CHAOS_KILLS": str(kills), "PYTHONPATH": str(KILL_POINTS)}
    machine = Machine(*BEGUN_WITH, environment={**os.environ, **more})
    try:
        yield KillingMachine(machine, kills)
    finally:
        machine.switch_off()


def one_pass(flow: str, run_id: str) -> None:
    """What the worker does."""
    InProcess(flow).run(run_id)
