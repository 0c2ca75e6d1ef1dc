"""
A pass of `master_data` in which nothing changed, by how many records are linked: seconds and calls a stage.

A few customers, vendors and items are brought in step by the flow; the rest of the links are copies of theirs, in the
state database alone. The ledgers give what changed, which is nothing. The tasks' own work runs in this process: what
Airflow adds to a task is for `make bench ARGS=passes`.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
import structlog
from sqlalchemy import func, select

from bench.history import grow, size
from ledgerbridge.state import transaction
from ledgerbridge.state.models import LinkEnd, SourceRecord
from sandbox.messy import make_messy
from tests.flows.masters import Masters, open_masters

__all__ = ["measure"]

SIZES = (1_000, 75_000)
LARGEST = 300_000
STAGES = ("customers", "vendors", "items")
NAMES = {
    "customers": ("customer", "name", "CUSTNAME"),
    "vendors": ("vendor", "name", "VENDNAME"),
    "items": ("item", "description", "ITEMDESC"),
}
"""By GP's window: the kind of thing, what names one, and the column that its name is typed into."""
SEEDED = 10
"""How many of a kind are really brought in step."""
PASSES = 3


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    The best of three passes for each size, each on a company of its own.

    :param everything: also of 300,000 links.
    """
    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # what tasks log
    return [_quiet_pass(links) for links in (SIZES if not everything else (*SIZES, LARGEST))]


def _quiet_pass(links: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder, open_masters(Path(folder), *STAGES) as masters:
        _bring_in_step(masters)
        grow(masters.office.state, size(masters.office.state) * links // _linked(masters))
        masters.come_to_rest()  # the first pass after that is no usual one
        passes = [_timed(masters) for _ in range(PASSES)]
        found = min(passes, key=lambda each: sum(each["seconds"].values()))
        linked = _linked(masters)
    seconds, calls = sum(found["seconds"].values()), found["calls"]
    print(
        f"  {linked:>7,} linked, nothing changed: {seconds:.2f} s"
        f" ({', '.join(f'{stage} {took:.2f}' for stage, took in found['seconds'].items())}),"
        f" {sum(calls.values())} calls ({', '.join(f'{where} {number}' for where, number in sorted(calls.items()))})",
        flush=True,
    )
    return {"linked": linked, **found}


def _bring_in_step(masters: Masters) -> None:
    messy = make_messy(
        SEEDED, 1, vendors=SEEDED, items=SEEDED
    )  # named like nobody else, so that none waits for a person
    for window, (kind, name, column) in NAMES.items():
        for number, row in messy.gp[kind].items():
            masters.in_gp(number, window=window, **{column: row[name]})
    masters.come_to_rest()
    masters.later()
    masters.come_to_rest()
    with transaction(masters.office.state) as session:
        waiting = session.scalar(select(func.count()).where(SourceRecord.outcome == "waiting"))
    assert not waiting, f"{waiting} records wait"


def _linked(masters: Masters) -> int:
    """How many records of GP are linked with one of Xero."""
    with transaction(masters.office.state) as session:
        ends = session.execute(select(LinkEnd.link_id, func.count()).group_by(LinkEnd.link_id))
        return sum(number > 1 for _, number in ends)


def _timed(masters: Masters) -> dict[str, Any]:
    seconds: dict[str, float] = {}
    masters.passes += 1
    with _counted() as calls:
        for stage in masters.stages:
            started = time.perf_counter()
            masters.flow.results = {}
            masters.flow.run_stage(stage, f"quiet-{masters.passes}")
            seconds[stage] = round(time.perf_counter() - started, 3)
    return {"seconds": seconds, "calls": dict(calls)}


@contextmanager
def _counted() -> Iterator[Counter[str]]:
    """Calls of this process by method and path."""
    calls: Counter[str] = Counter()
    send = requests.Session.send

    def counting(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        calls[f"{request.method} {request.path_url.partition('?')[0]}"] += 1
        return send(self, request, **options)

    requests.Session.send = counting  # type: ignore[method-assign]  # hooks open their sessions themselves
    try:
        yield calls
    finally:
        requests.Session.send = send  # type: ignore[method-assign]
