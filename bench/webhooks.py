"""How soon the webhook receiver answers, as a process of its own, when so many signed events come a second."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
import psutil
from sqlalchemy import Engine, func, select

from demo.airflow_home import CHECKOUT
from demo.ports import free_port
from demo.services import Service, Services
from inbox.app import PREFIX
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.models import LoggedChange

__all__ = ["SECRET", "SHOP", "TENANT", "measure", "receiver"]

RATES = (50, 200)
LARGEST = 400
SECONDS = 10
CONNECTIONS = 100
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
FOLDER = CHECKOUT / ".bench" / "webhooks"
SHOP = "us-harbor-light-supply.myshopify.com"
TENANT = "t-1"
SECRET = "secret-1"
COMPANY = (
    "name: Bench\nbase_currency: USD\ntime_zone: UTC\naccounts: []\ngateways: []\n"
    "connections: {shopify: [shop], stripe: [till], xero: [books]}\n"
)


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    Seconds of events at each rate, each sent at its time whether the ones before are answered or not.

    :param everything: also 400 a second.
    """
    with receiver() as (url, services, state):
        port = int(url.removesuffix(PREFIX).rpartition(":")[2])
        asyncio.run(_send(f"{PREFIX}/shop", port, 20, 1, "warm"))
        rates = (*RATES, LARGEST) if everything else RATES
        found = [_measured(services, port, rate) for rate in rates]
        with transaction(state) as session:
            written = session.scalar(select(func.count()).select_from(LoggedChange)) or 0
    sent = 20 + sum(row["events"] for row in found)
    print(f"  {written} of {sent} events are in the change log", flush=True)
    return found


@contextmanager
def receiver() -> Iterator[tuple[str, Services, Engine]]:
    """A receiver of webhooks of a shop, a till and a ledger, as a process of its own: its address, it, the state."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "companies").mkdir(parents=True)
    (FOLDER / "companies" / "main.yaml").write_text(COMPANY)
    state = connect(f"sqlite:///{FOLDER / 'state.db'}")
    migrate(state)
    port = free_port()
    with Services(FOLDER / "logs", CHECKOUT) as services:
        services.start(_receiver(port))
        url = f"http://127.0.0.1:{port}{PREFIX}"
        services.wait_until(lambda: _lives(url), what="the receiver", timeout_seconds=120)
        yield url, services, state


def _measured(services: Services, port: int, rate: int) -> dict[str, Any]:
    receiver = psutil.Process(services.process("receiver").pid)
    before = receiver.cpu_times()
    found = asyncio.run(_send(f"{PREFIX}/shop", port, rate, SECONDS, str(rate)))
    after = receiver.cpu_times()
    spent = after.user + after.system - before.user - before.system
    found["processor_ms_an_event"] = round(spent / found["events"] * 1000, 2)
    print(
        f"  {rate:>4} events/s for {SECONDS} s: p50 {found['p50_ms']:>6} ms, p95 {found['p95_ms']:>6} ms,"
        f" p99 {found['p99_ms']:>6} ms, {found['refused']} not taken,"
        f" {found['processor_ms_an_event']} ms of processor an event",
        flush=True,
    )
    return found


def _receiver(port: int) -> Service:
    shop = {"conn_type": "shopify", "host": SHOP, "login": "client-1", "password": SECRET}
    till = {"conn_type": "stripe", "password": "key-1", "extra": {"webhook_secret": SECRET}}
    app = {"tenant_id": TENANT, "webhook_secret": SECRET}
    books = {"conn_type": "xero", "host": "https://xero.test", "login": "app", "password": "pass", "extra": app}
    environment = {
        **os.environ,
        "AIRFLOW_CONN_TILL": json.dumps(till),
        "AIRFLOW_CONN_BOOKS": json.dumps(books),
        "AIRFLOW_HOME": str(FOLDER / "airflow"),
        "AIRFLOW_CONN_SHOP": json.dumps(shop),
        "AIRFLOW__LEDGERBRIDGE__COMPANIES_FOLDER": str(FOLDER / "companies"),
        "LEDGERBRIDGE_STATE_URL": f"sqlite:///{FOLDER / 'state.db'}",
    }
    command = [str(Path(sys.executable).parent / "ledgerbridge"), "webhooks", "serve", "--port", str(port)]
    return Service("receiver", command, environment)


def _lives(url: str) -> bool:
    try:
        return httpx.get(f"{url}/", timeout=5).status_code == httpx.codes.NO_CONTENT
    except httpx.TransportError:
        return False


async def _send(address: str, port: int, rate: int, seconds: int, name: str) -> dict[str, Any]:
    """Send at a rate; how long the answers took."""
    lines: asyncio.LifoQueue[Line] = asyncio.LifoQueue()
    for line in await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS))):
        lines.put_nowait(line)
    began = time.monotonic() + 0.1
    requests = [_request(address, number, f"{name}-{number}") for number in range(1, rate * seconds + 1)]
    answers = await asyncio.gather(
        *(_deliver(lines, port, request, began + number / rate) for number, request in enumerate(requests))
    )
    while not lines.empty():
        lines.get_nowait()[1].close()
    cuts = quantiles((took for _, took in answers), n=100)
    found = {"rate": rate, "events": len(answers), "refused": sum(not taken for taken, _ in answers)}
    return found | {f"p{cut}_ms": round(cuts[cut - 1] * 1000, 1) for cut in (50, 95, 99)}


def _request(address: str, order: int, event: str) -> bytes:
    """An event as the shop sends it: nothing but the receiver is to take time while it is measured."""
    body = json.dumps({"id": order}).encode()
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
    headers = {
        "Host": "127.0.0.1",
        "Content-Length": str(len(body)),
        "X-Shopify-Topic": "orders/updated",
        "X-Shopify-Shop-Domain": SHOP,
        "X-Shopify-Event-Id": event,
        "X-Shopify-Triggered-At": "2026-03-02T16:00:00Z",
        "X-Shopify-Hmac-Sha256": signature,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {address} HTTP/1.1\r\n{head}\r\n".encode() + body


async def _deliver(lines: asyncio.LifoQueue[Line], port: int, request: bytes, at: float) -> tuple[bool, float]:
    """Send an event at its time; whether it was taken, and how long after that the answer came."""
    await asyncio.sleep(at - time.monotonic())
    reader, writer = line = await lines.get()
    writer.write(request)
    try:
        answer = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionResetError):  # the server ends what was idle for five seconds
        reader, writer = line = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
    lines.put_nowait(line)
    return answer.startswith(b"HTTP/1.1 200 "), time.monotonic() - at
