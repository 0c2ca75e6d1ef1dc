"""One pass of the flow in a process of its own, which may be killed: `python one_pass.py RUN_ID`."""

from __future__ import annotations

import sys

from tests.flows.in_process import InProcess

if __name__ == "__main__":
    InProcess("order_to_cash").run(sys.argv[1])
