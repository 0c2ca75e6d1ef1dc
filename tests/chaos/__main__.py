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
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from demo.ending import INTERRUPTED, check, end_by_signals
from tests.chaos.ledgers import Verdict
from tests.chaos.run import ChaosRun
from tests.chaos.undisturbed import undisturbed_beside

DATABASES = ("sqlite", "postgres")
FAULTS_A_ROUND = 300


@dataclass
class Total:
    """What all rounds that ended found."""

    faults: int = 0
    expected: int = 0
    lost: int = 0
    doubled: int = 0
    cents_off: int = 0

    def add(self, faults: int, verdict: Verdict) -> str:
        """Count a round; its part of a line."""
        one = Total(faults, verdict.expected, len(verdict.lost), len(verdict.doubled), verdict.cents_off)
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(one, each.name))
        return str(one)

    def __str__(self) -> str:
        return " ".join(f"{each.name}={getattr(self, each.name)}" for each in fields(self))

    @property
    def good(self) -> bool:
        """Nothing lost, nothing doubled, to the cent."""
        return not (self.lost or self.doubled or self.cents_off)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until so many faults happened; the exit code: 1 if books differ, 2 if a round failed, 130 if told to end."""
    options = _parser().parse_args(arguments)
    end_by_signals()
    total, seed, ended = Total(), options.seed, False
    try:
        while total.faults < options.faults:
            check()
            _round(seed, options, total)
            seed += 1
        ended = True
    except KeyboardInterrupt:
        print(f"interrupted in the round of seed {seed}, which does not count\n{total}", flush=True)
        return INTERRUPTED
    except Exception:
        traceback.print_exc()
        print(f"the round of seed {seed} did not end, and does not count")
    print(total, flush=True)
    return 2 if not ended else 0 if total.good else 1


def _round(seed: int, options: argparse.Namespace, total: Total) -> None:
    databases = DATABASES if options.database == "both" else (options.database,)
    database = databases[(seed - options.seed) % len(databases)]
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    good = False
    try:
        with undisturbed_beside(seed, options.orders, folder / "undisturbed") as undisturbed:
            run = ChaosRun(
                seed,
                options.orders,
                database,
                folder / "disturbed",
                most_faults=min(options.faults - total.faults, FAULTS_A_ROUND),
                tell=lambda line: print(f"  {line}", flush=True),
            )
            verdict = run.compare(undisturbed())
        good = verdict.good
        for line in [
            *(f"  lost: {each}" for each in verdict.lost),
            *(f"  doubled: {each}" for each in verdict.doubled),
        ]:
            print(line)
        print(f"  {', '.join(f'{count} x {kind}' for kind, count in run.struck.items() if count)}")
        print(
            f"seed={seed} database={database} orders={options.orders} seconds={time.monotonic() - began:.0f} "
            f"{total.add(run.faults_happened, verdict)}",
            flush=True,
        )
    finally:
        if good and not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"  kept in {folder}")


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
