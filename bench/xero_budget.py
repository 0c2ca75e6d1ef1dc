"""
How much of Xero's rate budget eight busy processes use together, and how often they are refused or lose patience.

Each writes as fast as it may, with the latency of a call over the net; Xero allows 60 calls in each of its minutes,
whose beginning only Xero knows.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack
from typing import Any

from bench.xero_office import Calls, open_xero
from demo.ending import held
from hooks.xero.hook import XeroHook
from ledgerbridge.errors import TransientError

__all__ = ["measure"]

PROCESSES = 8
LATENCY_SECONDS = 0.4
MINUTE_SECONDS = 60
READY = "ready\n"


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    The share of the allowed calls that was used, and the refusals.

    :param everything: six minutes; else three.
    """
    minutes = 6 if everything else 3
    with open_xero(calls_per_minute=60) as office, ExitStack() as ended:
        office.be_slow("Contacts", LATENCY_SECONDS)
        office.hook().clock()  # one token for all, as in a flow that runs for hours
        workers = [_start_worker(ended) for _ in range(PROCESSES)]
        for worker in workers:  # on a busy machine their imports take most of a minute
            _wait_until_ready(worker)
        ends = time.time() + minutes * MINUTE_SECONDS
        for worker in workers:
            print(ends, file=worker.stdin, flush=True)
        answers = [json.loads(worker.communicate()[0].splitlines()[-1]) for worker in workers]
    statuses = [status for answer in answers for status in answer["statuses"]]
    used, refused = statuses.count(200), statuses.count(429)
    limits = sorted({limit for answer in answers for limit in answer["limits"]})
    impatient = sum(answer["impatient"] for answer in answers)
    allowed = 60 * minutes
    share = used / allowed
    print(
        f"  {used} of {allowed} calls in {minutes} min by {PROCESSES} processes: {share:.1%}; {refused} times 429 "
        f"({', '.join(limits) or 'no limit'}), "
        f"{impatient} times out of patience"
    )
    found = {"minutes": minutes, "processes": PROCESSES, "latency_seconds": LATENCY_SECONDS, "used": used}
    return [found | {"allowed": allowed, "refused": refused, "limits": limits, "impatient": impatient}]


def _start_worker(ended: ExitStack) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.xero_budget"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with held():
        worker = subprocess.Popen(command, start_new_session=True, **pipes)  # Ctrl-C is told to the one that ends it
        ended.callback(worker.wait)
        ended.callback(worker.kill)
    return worker


def _wait_until_ready(worker: subprocess.Popen[str]) -> None:
    assert worker.stdout is not None
    while (said := worker.stdout.readline()) != READY:
        if not said:
            raise RuntimeError(f"a process that should call Xero ended with {worker.wait()}; its error stands above.")


def _call_until(ends: float) -> dict[str, Any]:
    hook, calls = XeroHook("xero"), Calls()
    calls.watch(hook)
    in_time: list[int] = []
    impatient = 0
    while time.time() < ends:
        in_time = list(calls.statuses)
        try:
            hook.write("PUT", "Contacts", {"Contacts": [{"Name": str(uuid.uuid4())}]})
        except TransientError as error:  # out of patience: as Airflow's retry does
            impatient += 1
            time.sleep(min(error.retry_after_seconds or 1.0, max(0.0, ends - time.time())))
    return {"statuses": in_time, "limits": calls.limits, "impatient": impatient}


if __name__ == "__main__":
    print(READY, end="", flush=True)
    print(json.dumps(_call_until(float(sys.stdin.readline()))))
