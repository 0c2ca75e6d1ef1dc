"""
Kills the process at a named step of a delivery, or sets its clock there, when a file of that name lies in the folder
``CHAOS_KILLS``.

Python imports this module at its start when the folder is on PYTHONPATH; the product only tells a logger where it is.
One file strikes one process: whoever renames it.
"""

from __future__ import annotations

import logging
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

FOLDER = os.environ.get("CHAOS_KILLS")


class StrikeAtStep(logging.Handler):
    """Dies at the step it is told, without a chance to tidy up, or goes on by another clock."""

    def emit(self, record: logging.LogRecord) -> None:
        """Do what is ordered for this step."""
        step = str(getattr(record, "step", "")).replace(" ", "_")
        if seconds := _taken(Path(str(FOLDER)) / f"clock_{step}"):
            import time_machine

            time_machine.travel(datetime.now(UTC) + timedelta(seconds=int(seconds)), tick=True).start()
        if _taken(Path(str(FOLDER)) / step) is not None:
            os.kill(os.getpid(), signal.SIGKILL)


def _taken(order: Path) -> str | None:
    """What an order says, if it is there and this process is the one to take it."""
    taken = order.with_suffix(f".{os.getpid()}")
    try:
        order.rename(taken)
    except OSError:
        return None
    return taken.read_text()


if FOLDER:
    steps = logging.getLogger("ledgerbridge.delivery.steps")
    steps.setLevel(logging.DEBUG)
    steps.addHandler(StrikeAtStep())
