"""
Rows a second of conform + validate + map, and the memory that takes, beside the same work done otherwise.

Each measurement is a process of its own, in our environment: pandas is part of it, and petl brings no package with it
whose version could clash with ours. What is counted is processor time, so that other work on the machine does not
count; making the invoices does not count either.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from itertools import chain
from typing import Any

from bench.invoices import batches

__all__ = ["METHODS", "compared", "measure"]

METHODS = {"ledgerbridge": "by_mapping", "pandas": "by_pandas", "petl": "by_petl", "rows in Python": "by_rows"}
SIZES = (1_000, 10_000, 100_000, 1_000_000)
QUICK = (1_000, 10_000, 100_000)
WARM_UP = 400
ENOUGH = 20_000
"""Lines at least; smaller sizes are measured over and over until they make as many."""
MEBIBYTE = 1 << 20


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    One row a method and size.

    :param everything: also a million lines, which takes minutes.
    """
    from demo.airflow_home import CHECKOUT, read_settings  # not in the processes that are measured

    found: list[dict[str, Any]] = []
    as_airflow = {**os.environ, **read_settings(CHECKOUT / "config" / "airflow.env")}
    for lines in SIZES if everything else QUICK:
        ours: dict[str, Any] = {}
        for method in METHODS:
            command = [sys.executable, "-m", "bench.transform", method, str(lines)]
            answer = subprocess.run(command, env=as_airflow, check=True, capture_output=True, text=True)
            row: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
            found.append(row)
            ours = ours or row
            rate = row["lines_per_cpu_second"]
            print(
                f"  {lines:>9,} lines  {method:15} {rate:>9,.0f} lines/s  {row['peak_mib']:>6,.0f} MiB"
                f"{compared(ours, row)}",
                flush=True,
            )
    return found


def compared(ours: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """What ours takes of another method's processor and memory, as a line says it; blank for ours."""
    if row["method"] == ours["method"]:
        return ""
    processor = row["lines_per_cpu_second"] / ours["lines_per_cpu_second"]
    return f"  ours takes {processor:.2f} of its processor, {ours['peak_mib'] / row['peak_mib']:.2f} of its memory"


def _measured(method: str, lines: int) -> dict[str, Any]:
    run = import_module(f"bench.{METHODS[method]}").run
    run(next(batches(WARM_UP)))  # imports and compiled mappings are there when a batch comes
    before = _peak_mib()
    cpu = wall = 0.0
    done = 0
    for batch in chain.from_iterable(batches(lines) for _ in range(max(1, ENOUGH // lines))):
        started, started_cpu = time.perf_counter(), time.process_time()
        run(batch)
        cpu += time.process_time() - started_cpu
        wall += time.perf_counter() - started
        done += batch.lines
    return {
        "method": method,
        "lines": lines,
        "lines_in_all": done,
        "cpu_seconds": round(cpu, 3),
        "seconds": round(wall, 3),
        "lines_per_cpu_second": round(done / cpu),
        "peak_mib": round(_peak_mib()),
        "peak_mib_before": round(before),
    }


def _peak_mib() -> float:
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEBIBYTE


if __name__ == "__main__":
    print(json.dumps(_measured(sys.argv[1], int(sys.argv[2]))))
