"""
`make chaos`: orders run through a live Airflow while faults strike at random; then the books are compared with those of
the same orders undisturbed.

Ends with one line and exit code 0 only when nothing is lost, nothing doubled, and no cent is off.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.run import ChaosRun, undisturbed_books

DATABASES = ("sqlite", "postgres")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until so many faults have happened; the exit code."""
    options = _parser().parse_args(arguments)
    faults, seed, good = 0, options.seed, True
    databases = DATABASES if options.database == "both" else (options.database,)
    while faults < options.faults:
        database = databases[(seed - options.seed) % len(databases)]
        began = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        undisturbed = undisturbed_books(seed, options.orders, folder / "undisturbed")
        run = ChaosRun(seed, options.orders, database, folder / "disturbed", most_faults=options.faults - faults)
        verdict = run.compare(undisturbed)
        faults += run.faults_happened
        good = good and verdict.good
        for line in [
            *(f"  lost: {each}" for each in verdict.lost),
            *(f"  doubled: {each}" for each in verdict.doubled),
        ]:
            print(line)
        print(
            f"seed={seed} database={database} orders={options.orders} seconds={time.monotonic() - began:.0f} "
            f"faults={run.faults_happened} expected={verdict.expected} lost={len(verdict.lost)} "
            f"doubled={len(verdict.doubled)} cents_off={verdict.cents_off}",
            flush=True,
        )
        if verdict.good and not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"  kept in {folder}")
        seed += 1
    return 0 if good else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=100, help="how many must have happened (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of orders and faults; each round takes the next")
    parser.add_argument("--orders", type=int, default=16, help="orders a round (default: %(default)s)")
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both", help="both: in turn")
    parser.add_argument("--keep", action="store_true", help="keep the files of good rounds too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
