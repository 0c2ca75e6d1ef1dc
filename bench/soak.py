"""
`make soak MINUTES=30`: orders at five a second on all the machines of `make stack`, while machines die and are cut off.

Each minute one line: how many were placed and how soon those of it were in GP, what memory all took at most, and what
befell. At the end what GP holds is counted: 0 only where no order is lost and none is there twice. The last line says
whether latency and memory are flat, which decides nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median, quantiles
from typing import Any

from bench.latency import delivered_of, told_of
from bench.live import include_on_events
from bench.subscribing import SUBSCRIBED, subscribe
from demo.airflow_home import CHECKOUT
from demo.ending import INTERRUPTED, check, end_by_signals
from demo.machines import EDGE, WORKERS, Machines, machines, missing
from demo.memory import MEBIBYTE, MemoryWatch, Peak
from demo.ports import free_port
from demo.stack import STAGES, start_sandboxes
from inbox.app import PREFIX
from ledgerbridge.entities import MAIN
from ledgerbridge.state import connect
from sandbox.orders import make_orders
from sandbox.places import SYSTEMS
from sandbox.player import Player, opening_of

RATE = 5
STAGE = STAGES[0]
FOLDER = CHECKOUT / ".bench" / "soak"
FAULT_EVERY_SECONDS = 60.0
CUT_SECONDS = 20.0
PATIENCE_SECONDS = 600.0
LOOK_SECONDS = 10.0
GP_ORDER = 2
FLAT_LATENCY, FLAT_MEMORY = 1.5, 1.1
"""How many times the first third's the last third's median may be."""
SLOW = 2.0
"""How many times the median of all minutes one has to be for it to be slow."""
LOST_ANSWER = {"kind": "lost_after_commit"}


@dataclass
class Trouble:
    """One fault a minute, in turn; ``befell`` says when which did."""

    on: Machines
    player: Player
    befell: list[tuple[float, str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Trouble:
        self._thread = threading.Thread(target=self._strike, name="trouble", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._thread.join()

    def _strike(self) -> None:
        kinds: Sequence[tuple[str, Callable[[], object]]] = (
            (f"{WORKERS[0]} killed", lambda: self.on.kill(WORKERS[0])),
            (f"GP cut off for {CUT_SECONDS:.0f} s", self._cut),
            ("an answer of GP lost", lambda: self.player.order_fault("gp", LOST_ANSWER)),
            (f"{EDGE} killed", lambda: self.on.kill(EDGE)),
            (f"{WORKERS[1]} killed", lambda: self.on.kill(WORKERS[1])),
        )
        number = 0
        while not self.over.wait(FAULT_EVERY_SECONDS / 2 if number == 0 else FAULT_EVERY_SECONDS):
            name, strike = kinds[number % len(kinds)]
            self.befell.append((time.monotonic(), name))
            strike()
            number += 1

    def _cut(self) -> None:
        with self.on.gp_cut_off():
            self.over.wait(CUT_SECONDS)


def main() -> int:
    """Run it; 0 where nothing was lost or doubled."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long orders come (default: %(default)s)")
    minutes = parser.parse_args().minutes
    if why := missing():
        print(f"Can't start: {why}")
        return 2
    end_by_signals()
    try:
        found = _soak(minutes)
    except KeyboardInterrupt:
        return INTERRUPTED
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER.parent / "soak.json").write_text(json.dumps(found, indent=1))
    return 0 if found["lost"] == found["doubled"] == 0 else 1


def _soak(minutes: float) -> dict[str, Any]:
    count = round(minutes * 60 * RATE)
    file = make_orders(round(count * 1.2) + 20)
    cases = [case for case in file["cases"] if case["expect"]["outcome"] != "rejected"][: count + 1]
    first, good = cases[0], cases[1:]
    ports = {system: free_port() for system in SYSTEMS}
    extra = {"AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER": str(include_on_events(FOLDER))}
    common: dict[str, Any] = {"home": FOLDER / "airflow", "airflow_port": free_port(), "sandbox_ports": ports}
    with machines(FOLDER, file["company"], extra=extra, **common) as on, Player(on.stack.addresses) as player:
        on.stack.start_airflow()
        start_sandboxes(on.stack.services, ports, FOLDER / "sandbox")
        player.seed(file["company"], opening_of(file))
        api = on.stack.wait_for_airflow(STAGE)
        state = connect(on.stack.airflow.state_url, company=MAIN)
        subscribe(on.stack.airflow.environment, f"{on.webhooks}{PREFIX}/{SUBSCRIBED}")
        api.unpause(STAGE)
        player.play({**file, "cases": [first]}, 1)
        _wait(lambda: len(delivered_of(state)) > 0)  # Airflow begins to look for work when it parses the DAG next
        memory: list[Peak] = []
        began, started = time.monotonic(), datetime.now().astimezone()
        with MemoryWatch(on.stack.services.processes, LOOK_SECONDS) as watch, Trouble(on, player) as trouble:
            for number, case in enumerate(good):
                while (ahead := began + number / RATE - time.monotonic()) > 0:
                    check()
                    time.sleep(min(ahead, 0.2))
                player.play({**file, "cases": [case]}, 1)
                if number % (60 * RATE) == 60 * RATE - 1 or number == len(good) - 1:
                    memory.append(watch.peak)
                    watch.peak = Peak()
                    in_gp = len(delivered_of(state)) - 1
                    print(f"  minute {len(memory)}: {number + 1} placed, {in_gp} in GP", flush=True)
        placing = time.monotonic() - began
        _wait(lambda: len(delivered_of(state)) > len(good))
        took_longer = time.monotonic() - began - placing
        told, delivered = told_of(state), delivered_of(state)
        befell = [(at - began, what) for at, what in trouble.befell]
        rows = _minutes(started, told, {key: at for key, (at, _) in delivered.items()}, memory, befell)
        placed = [case["order"]["name"] for case in good]
        counted = _in_gp(player, placed, placing, took_longer)
        flat = flatness(rows)
        print(f"  {flat}", flush=True)
        return {"orders": len(good), "rate": RATE, "minutes": rows, "flat": flat, **counted}


def _in_gp(player: Player, placed: Sequence[str], placing: float, after: float) -> dict[str, Any]:
    documents = player.ledger("gp")["documents"]
    names = Counter(str(each["CSTPONBR"]).strip() for each in documents if int(each.get("SOPTYPE", 0)) == GP_ORDER)
    lost, doubled = [name for name in placed if name not in names], [name for name, n in names.items() if n > 1]
    print(
        f"  {len(placed)} orders in {placing / 60:.1f} min, the last in GP {after:.0f} s later:"
        f" {len(lost)} lost, {len(doubled)} doubled",
        flush=True,
    )
    for what, orders in (("lost", lost), ("doubled", doubled)):
        if orders:
            print(f"  {what}: {', '.join(orders[:20])}")
    return {"lost": len(lost), "doubled": len(doubled), "seconds_after_the_last": round(after)}


def _minutes(
    started: datetime,
    told: Mapping[str, datetime],
    delivered: Mapping[str, datetime],
    memory: Sequence[Peak],
    befell: Sequence[tuple[float, str]],
) -> list[dict[str, Any]]:
    """Each minute's latency by when an order was told of, its memory and what befell in it."""
    took: dict[int, list[float]] = defaultdict(list)
    for key, at in delivered.items():
        if told[key] < started:
            continue  # the first, which only shows that all is up
        took[int((told[key] - started) / timedelta(minutes=1))].append((at - told[key]).total_seconds())
    rows: list[dict[str, Any]] = []
    for minute, peak in enumerate(memory):
        cuts = quantiles(took[minute], n=100) if len(took[minute]) > 1 else [0.0] * 99
        row: dict[str, Any] = {
            "minute": minute + 1,
            "in_gp": len(took[minute]),
            "p50_seconds": round(cuts[49], 1),
            "p95_seconds": round(cuts[94], 1),
            "mib": round(peak.together / MEBIBYTE),
            "befell": [what for at, what in befell if minute <= at / 60 < minute + 1],
        }
        rows.append(row)
        print(
            f"  minute {row['minute']:>2}: {row['in_gp']:>4} orders, p50 {row['p50_seconds']:>6} s, p95"
            f" {row['p95_seconds']:>6} s, {row['mib']:>6,} MiB  {'; '.join(row['befell'])}",
            flush=True,
        )
    return rows


def flatness(minutes: Sequence[Mapping[str, Any]]) -> str:
    """
    Whether latency and memory are flat, the last third of the minutes beside the first, and which minutes were slow.

    :param minutes: as they are kept in ``.bench/soak.json``; one with less than two orders counts for memory alone.
    """
    told = [each for each in minutes if each["in_gp"] > 1]
    found = [
        _told_of("latency", "s", [each["p50_seconds"] for each in told], FLAT_LATENCY),
        _told_of("memory", "MiB", [each["mib"] for each in minutes], FLAT_MEMORY),
    ]
    for first, last in _slow(told):
        # what befell in the minute before may show in this one first
        befell = [what for each in minutes if first - 1 <= each["minute"] <= last for what in each["befell"]]
        when = f"minute {first}" if first == last else f"minutes {first} to {last}"
        found.append(f"{when} slow after {', '.join(befell) or 'nothing that befell'}")
    return "; ".join(found)


def _told_of(what: str, unit: str, values: Sequence[float], most: float) -> str:
    third = len(values) // 3
    if third == 0:
        return f"too short to tell whether {what} is flat"
    first, last = median(values[:third]), median(values[-third:])
    is_flat = "flat" if last <= first * most else "NOT flat"
    return f"{what} {is_flat}: {first:,.0f} {unit} in the first third, {last:,.0f} {unit} in the last"


def _slow(minutes: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """First and last of each stretch of slow minutes."""
    usual = median(each["p50_seconds"] for each in minutes) if minutes else 0.0
    stretches: list[tuple[int, int]] = []
    for number in (each["minute"] for each in minutes if each["p50_seconds"] > SLOW * usual):
        if stretches and stretches[-1][1] == number - 1:
            stretches[-1] = (stretches[-1][0], number)
        else:
            stretches.append((number, number))
    return stretches


def _wait(ready: Callable[[], bool]) -> None:
    """Until all is there, or patience ends: then it is counted as it is."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not ready() and time.monotonic() < until:
        check()
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
