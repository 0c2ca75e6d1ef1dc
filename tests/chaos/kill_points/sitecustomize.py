"""
Kills the process at a named step of a delivery, when a file of that name lies in the folder ``CHAOS_KILLS``.

Python imports this module at its start when the folder is on PYTHONPATH; the product only tells a logger where it is.
One file kills one process: whoever renames it dies.
"""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path

FOLDER = os.environ.get("CHAOS_KILLS")


class KillAtStep(logging.Handler):
    """Dies at the step it is told, without a chance to tidy up."""

    def emit(self, record: logging.LogRecord) -> None:
        """Die if this step is ordered."""
        order = Path(str(FOLDER)) / str(getattr(record, "step", "")).replace(" ", "_")
        try:
            order.rename(order.with_suffix(f".{os.getpid()}"))
        except OSError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


if FOLDER:
    steps = logging.getLogger("ledgerbridge.delivery.steps")
    steps.setLevel(logging.DEBUG)
    steps.addHandler(KillAtStep())
