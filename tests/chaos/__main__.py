"""
`make chaos`: a flow runs on a live Airflow while faults strike at random.

Of orders the books are compared with those of the same orders undisturbed; of masters what people edited meanwhile with
what both ledgers hold; of bills what GP holds, of entries what both hold, with what the rules say. Ends with a line and
exit code 0 only when nothing is lost, nothing doubled, no cent is off, and no pass writes that has nothing to write.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from demo.ending import INTERRUPTED, check, end_by_signals
from tests.chaos.bills import BillsUnderFaults
from tests.chaos.entries import EntriesUnderFaults
from tests.chaos.masters import MastersUnderFaults
from tests.chaos.run import ChaosRun
from tests.chaos.undisturbed import undisturbed_beside
from tests.chaos.vouchers import VouchersUnderFaults
from tests.chaos.world import A_TASK

DATABASES = ("sqlite", "postgres")
FAULTS_A_ROUND = 300


class Round(Protocol):
    """What faults befell; ``struck``: how many by kind."""

    faults_happened: int
    struck: dict[str, int]


class Verdict(Protocol):
    """What a round found."""

    def counts(self) -> dict[str, int]:
        """What was expected, and how much of each kind is wrong."""

    def told(self) -> list[str]:
        """What is wrong, a line each."""


@dataclass
class Total:
    """What all rounds that ended found."""

    faults: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, one: Total) -> None:
        """Count a round."""
        self.faults += one.faults
        self.counts.update(one.counts)

    def __str__(self) -> str:
        return " ".join(f"{name}={number}" for name, number in {"faults": self.faults, **self.counts}.items())

    @property
    def good(self) -> bool:
        """Nothing is wrong."""
        return not any(number for name, number in self.counts.items() if name != "expected")


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
        most = min(options.faults - total.faults, FAULTS_A_ROUND)
        run, verdict = _FLOWS[options.flow](seed, options, database, folder, most)
        one = Total(run.faults_happened, Counter(verdict.counts()))
        total.add(one)
        good = one.good
        for line in verdict.told():
            print(f"  {line}")
        print(f"  {', '.join(f'{count} x {kind}' for kind, count in run.struck.items() if count)}")
        which = f"seed={seed} database={database} task={_a_task(seed, options)}"
        print(f"{which} seconds={time.monotonic() - began:.0f} {one}", flush=True)
    finally:
        if good and not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"  kept in {folder}")


def _orders(seed: int, options: argparse.Namespace, database: str, folder: Path, most: int) -> tuple[Round, Verdict]:
    with undisturbed_beside(seed, options.orders, folder / "undisturbed") as undisturbed:
        run = ChaosRun(
            seed,
            options.orders,
            database,
            folder / "disturbed",
            most_faults=most,
            a_task=_a_task(seed, options),
            tell=_tell,
        )
        return run, run.compare(undisturbed())


def _masters(seed: int, options: argparse.Namespace, database: str, folder: Path, most: int) -> tuple[Round, Verdict]:
    run = MastersUnderFaults(
        seed, database, folder / "disturbed", most_faults=most, a_task=_a_task(seed, options), tell=_tell
    )
    return run, run.verdict


def _bills(seed: int, options: argparse.Namespace, database: str, folder: Path, most: int) -> tuple[Round, Verdict]:
    rounds = VouchersUnderFaults if options.keyed_in == "gp" else BillsUnderFaults
    run = rounds(
        seed,
        options.orders,
        database,
        folder / "disturbed",
        most_faults=most,
        a_task=_a_task(seed, options),
        tell=_tell,
    )
    return run, run.verdict


def _entries(seed: int, options: argparse.Namespace, database: str, folder: Path, most: int) -> tuple[Round, Verdict]:
    run = EntriesUnderFaults(
        seed,
        options.orders,
        database,
        folder / "disturbed",
        most_faults=most,
        a_task=_a_task(seed, options),
        tell=_tell,
    )
    return run, run.verdict


def _a_task(seed: int, options: argparse.Namespace) -> str:
    return str(options.task or A_TASK[(seed - options.seed) % len(A_TASK)])


def _tell(line: str) -> None:
    print(f"  {line}", flush=True)


_FLOWS: dict[str, Callable[[int, argparse.Namespace, str, Path, int], tuple[Round, Verdict]]] = {
    "order_to_cash": _orders,
    "master_data": _masters,
    "procure_to_pay": _bills,
    "general_ledger": _entries,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--flow", choices=_FLOWS, default="order_to_cash", help="what runs (default: %(default)s)")
    parser.add_argument("--faults", type=int, default=100, help="how many must have happened (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of orders and faults; each round takes the next")
    parser.add_argument("--orders", type=int, default=16, help="orders, bills, entries a round (default: %(default)s)")
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both", help="both: in turn")
    parser.add_argument(
        "--task",
        choices=A_TASK,
        help="what a task does with a small batch: all steps of its leg, as shipped; its step"
        " alone; all legs of a stage, as in runs of events (default: in turn)",
    )
    parser.add_argument(
        "--keyed-in", choices=("xero", "gp"), default="xero", help="where bills are keyed (default: %(default)s)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the files of good rounds too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
