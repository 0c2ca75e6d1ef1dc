"""
Orders from the shop's bulk export through change log, extract, transform and gate: seconds, and MiB of each task.

The export is the simulated shop's own of some orders, told over and over under other ids by a process of its own, so
that making it does not count. Each task's work runs in a process forked for it that has the libraries loaded, as
Airflow's do; what it held at most is told with what it shares with that one. Nothing is loaded: a batch counts as done
when it is through its gate.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import requests
import structlog
from airflow.sdk.exceptions import DownstreamTasksSkipped
from sqlalchemy import update

from demo.ports import free_port
from ledgerbridge.changes import SourceId
from ledgerbridge.entities import MAIN
from ledgerbridge.state import transaction
from ledgerbridge.state.models import SourceRecord
from operators import settings
from operators.change_log import read_span
from operators.systems import hook_of
from sandbox.orders import make_orders
from sandbox.places import SYSTEMS
from sandbox.player import Player, opening_of
from tests.flows.in_process import InProcess, Office, open_office
from tests.forked_sandboxes import forked_sandboxes

__all__ = ["measure"]

SIZES = (1_000, 10_000)
LARGEST = (100_000, 1_000_000)
ENTITY, LEG, STEPS = "shopify.order", "order", ("extract", "transform", "gate")
LIVED = 20
NUMBER = b"@@NUMBER@@"
_FORKS = multiprocessing.get_context("fork")
_PASSED_ON = ("Authorization", "Content-Type", "X-Shopify-Access-Token")


class Used(NamedTuple):
    """What a task took: seconds, those of the processor, and the most MiB it held."""

    seconds: float = 0.0
    cpu: float = 0.0
    mib: int = 0

    def __add__(self, other: Used) -> Used:  # type: ignore[override]  # one task after the other
        return Used(self.seconds + other.seconds, self.cpu + other.cpu, max(self.mib, other.mib))


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    1,000 and 10,000 orders, each by a company of its own.

    :param everything: also 100,000 and 1,000,000.
    """
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # what tasks log
    _load()
    return [_through(orders) for orders in ((*SIZES, *LARGEST) if everything else SIZES)]


def _load() -> None:
    """What Airflow's scheduler has before it forks tasks (config/airflow_local_settings.py)."""
    import great_expectations  # noqa: F401
    import pandas as pd  # noqa: F401


def _through(orders: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder, _company(Path(folder)) as office:
        _apart(partial(office.flow.run, "first", reconcile=False))  # the customers are in GP
        connection = settings.company().connections_of("shopify")[0]
        variable = f"AIRFLOW_CONN_{connection.upper()}"
        shop = json.loads(os.environ[variable])
        with _telling(shop["host"], orders) as address:
            os.environ[variable] = json.dumps({**shop, "host": address})
            read, used = _apart(partial(_read, connection, opening_of(office.file) - timedelta(days=30)))
        os.environ[variable] = json.dumps(shop)
        found = {"read": used}
        batches = 0
        while _batch(office, f"batch-{batches}", found):
            batches += 1
    return _row(read, batches, found)


@contextmanager
def _company(folder: Path) -> Iterator[Office]:
    """A company whose orders are placed in its shop."""
    file = make_orders(LIVED)
    file["cases"] = [case for case in file["cases"] if case["expect"]["outcome"] != "rejected"]
    ports = {system: free_port() for system in SYSTEMS}
    with forked_sandboxes(ports, folder / "sandbox") as addresses, Player(addresses) as player:
        player.seed(file["company"], opening_of(file))
        with open_office(file, player, player, folder) as office:
            player.set_clock(opening_of(file))
            player.play(file, 1)
            yield office


def _read(connection: str, since: datetime) -> int:
    """The change log's part: the export read, told apart from what is known, staged and logged."""
    company = settings.company()
    source = hook_of("shopify", connection, company).entity("order")
    named = SourceId(MAIN, ENTITY, connection)
    return read_span(settings.state_engine(company.key), source, named, since, source.clock()).rows


def _batch(office: Office, run_id: str, found: dict[str, Used]) -> bool:
    """One batch through its three steps; whether there was one."""
    results: dict[str, Any] = {}
    for step in STEPS:
        result, used = _apart(partial(_step, office.flow, results, step, run_id))
        if result is None and step == STEPS[0]:
            return False
        if result is None:
            raise RuntimeError(f"{LEG}.{step} left nothing of {run_id}")
        results[f"{LEG}.{step}"] = result
        found[step] = found.get(step, Used()) + used
    of_run = (SourceRecord.leg == LEG, SourceRecord.run_id == run_id)
    with transaction(office.state) as session:
        session.execute(update(SourceRecord).where(*of_run).values(outcome="delivered"))
    return True


def _step(flow: InProcess, results: dict[str, Any], step: str, run_id: str) -> Any:
    flow.results = results
    task = flow.task(LEG, step)
    if step == "extract":
        task.behind, task.done_by = [], []  # the customers are those of the orders that were there
    try:
        return task.execute(flow.context(run_id, legs=[LEG]))
    except DownstreamTasksSkipped:
        return None


def _apart(work: Callable[[], Any]) -> tuple[Any, Used]:
    """Its answer, and what it took in a process of its own."""
    ours, theirs = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_do, args=(work, theirs))
    process.start()
    theirs.close()
    try:
        answer, used = ours.recv()
    except EOFError:
        raise RuntimeError("a task's process ended without an answer") from None
    finally:
        process.join()
    return answer, used


def _do(work: Callable[[], Any], answers: Any) -> None:
    began, used = time.perf_counter(), time.process_time()
    answer = work()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    answers.send((answer, Used(time.perf_counter() - began, time.process_time() - used, most)))


@contextmanager
def _telling(shop: str, orders: int) -> Iterator[str]:
    """The address of a shop like ``shop`` that exports so many orders; all else it is asked, that one answers."""
    port = free_port()
    process = _FORKS.Process(target=_serve, args=(shop, orders, port), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.join()


def _serve(shop: str, orders: int, port: int) -> None:
    own, origin = f"http://127.0.0.1:{port}", urlunsplit(urlsplit(shop)._replace(path=""))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            templates = _templates(requests.get(origin + self.path, timeout=60).content.splitlines())
            self.send_response(200)
            self.end_headers()
            for number in range(orders):
                self.wfile.write(templates[number % len(templates)].replace(NUMBER, b"%07d" % number))

        def do_POST(self) -> None:
            headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = requests.post(shop + self.path, data=body, headers=headers, timeout=60)
            content = answer.json()
            data = content.get("data") or {}
            if data.get("ordersCount"):
                data["ordersCount"]["count"] = orders
            told = json.dumps(content).replace(origin, own).encode()
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: Any) -> None:
            """Nothing: a bench prints what it found."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def _templates(lines: list[bytes]) -> list[bytes]:
    """Each order's lines, with a place for a number in every id of theirs and in its name."""
    items = [json.loads(line) for line in lines]
    owner = {item["id"]: item.get("__parentId") for item in items if "id" in item}

    def root(item: dict[str, Any]) -> str:
        above = str(item.get("id") or item["__parentId"])
        while owner[above] is not None:
            above = str(owner[above])
        return above

    made: dict[str, bytes] = {}
    for line, item in zip(lines, items, strict=True):
        made[root(item)] = made.get(root(item), b"") + line + b"\n"
    for identity, text in made.items():
        for each in owner:
            kind, _, number = each.rpartition("/")
            text = text.replace(f'"{each}"'.encode(), f'"{kind}/9{number}'.encode() + NUMBER + b'"')
        number = identity.rpartition("/")[2]
        text = text.replace(f'"{number}"'.encode(), f'"9{number}'.encode() + NUMBER + b'"')
        name = next(item["name"] for item in items if item.get("id") == identity)
        made[identity] = text.replace(f'"{name}"'.encode(), f'"{name}-'.encode() + NUMBER + b'"')
    return list(made.values())


def _row(orders: int, batches: int, found: dict[str, Used]) -> dict[str, Any]:
    whole = sum((each.seconds for each in found.values()), 0.0)
    parts = ", ".join(f"{name} {each.seconds:.1f} s {each.mib} MiB" for name, each in found.items())
    print(
        f"  {orders:>9,} orders: {whole:7.1f} s, {orders / whole:6,.0f} orders/s, {batches} batches ({parts})",
        flush=True,
    )
    return {
        "orders": orders,
        "batches": batches,
        "seconds": round(whole, 1),
        "steps": {name: each._asdict() for name, each in found.items()},
    }
