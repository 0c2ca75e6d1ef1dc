"""One pass of a flow in a process of its own, which may be killed: `python one_pass.py FLOW RUN_ID`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.flows.in_process import InProcess

ROOT = Path(__file__).parents[2]


def killed_pass(run_id: str, step: str, folder: Path, flow: str = "order_to_cash") -> int:
    """The exit code of a pass in a process that dies where it first reaches ``step``."""
    kills = folder / "kills"
    kills.mkdir(exist_ok=True)
    (kills / step.replace(" ", "_")).touch()
    paths = [ROOT / "tests" / "chaos" / "kill_points", ROOT / "plugins", ROOT / "tests", ROOT]
    environment = {**os.environ, "CHAOS_KILLS": str(kills), "PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, __file__, flow, run_id]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-3000:]
    return done.returncode


if __name__ == "__main__":
    InProcess(sys.argv[1]).run(sys.argv[2])
