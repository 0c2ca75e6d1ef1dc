"""
How long it takes to read all invoices of three lines from Xero, beside what dlt, tap-xero and xero-python take.

Each reads in a process of its own after its imports, ours in one that holds what a task's does; signing in counts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from importlib import import_module
from typing import Any

from bench.foreign_clients import CONSENTED, Access, Unavailable, read
from bench.remembering_proxy import remembering
from bench.xero_office import XeroOffice, consented, open_xero
from hooks.xero.hook import XeroHook
from ledgerbridge.entities import Source, Window
from sandbox.places import CREDENTIALS

__all__ = ["measure", "read_by_each"]

OURS = "ledgerbridge"
CLIENTS = (OURS, "dlt", "tap_xero", "xero_python")
SCOPES = ("offline_access", "accounting.transactions", "accounting.contacts", "accounting.settings")
LINES = 3
BATCH = 50
BETWEEN_BATCHES = timedelta(minutes=10)
# what a worker has when it forks a task: config/airflow_local_settings.py looks at the command
FORKING = "scheduler"


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    One row a client that is here or can be fetched.

    :param everything: 30,000 invoices; else 3,000.
    """
    invoices = 30_000 if everything else 3_000
    with open_xero(calls_per_minute=100_000, calls_per_day=10_000_000) as office:
        _fill(office, invoices)
        with remembering(office.address) as address, office.reached_at(address):
            found = read_by_each(CLIENTS, lambda client: _read_by(client, office, address))
    for row in found:
        if row["records"] != invoices:
            raise RuntimeError(f"{row['client']} read {row['records']} of {invoices} invoices.")
        seconds, cpu = (found[0][name] / row[name] for name in ("seconds", "cpu_seconds"))
        print(
            f"  {invoices:>6,} invoices  {row['client']:12}  {row['seconds']:>6.2f} s, ours {seconds:.2f} of it  "
            f"{row['cpu_seconds']:>6.2f} s of processor, ours {cpu:.2f} of it"
        )
    return found


def read_by_each(clients: Iterable[str], read_by: Callable[[str], dict[str, Any]]) -> list[dict[str, Any]]:
    """
    What each client's second reading found; one that can't be fetched is skipped, and the reason printed.

    How long the sandbox takes depends on what it is asked: each reads first what it is then measured with.
    """
    found = []
    for client in clients:
        try:
            read_by(client)
            found.append(read_by(client))
        except Unavailable as error:
            print(f"  {client}: skipped, {error}", flush=True)
    return found


def _fill(office: XeroOffice, invoices: int) -> None:
    hook = office.hook()
    [contact] = hook.write("PUT", "Contacts", {"Contacts": [{"Name": "Ann Archer"}]})["Contacts"]
    now = hook.clock()
    for first in range(0, invoices, BATCH):
        batch = [_invoice(number, contact["ContactID"]) for number in range(first, min(first + BATCH, invoices))]
        hook.write("PUT", "Invoices", {"Invoices": batch}, unitdp=4)
        now += BETWEEN_BATCHES
        office.set_clock(now)


def _invoice(number: int, contact: str) -> dict[str, Any]:
    line = {"Description": "Desk lamp", "Quantity": 2, "UnitAmount": "49.90", "AccountCode": "200", "TaxType": "NONE"}
    return {
        "Type": "ACCREC",
        "InvoiceNumber": f"STDINV{number:09}",
        "Reference": f"#{number}",
        "Contact": {"ContactID": contact},
        "Date": "2026-03-02",
        "DueDate": "2026-03-02",
        "LineAmountTypes": "Exclusive",
        "Status": "AUTHORISED",
        "LineItems": [line] * LINES,
    }


def _read_by(client: str, office: XeroOffice, address: str) -> dict[str, Any]:
    found = _read_by_us() if client == OURS else read(client, _access(client, office, address))
    return {"client": client} | {name: found[name] for name in ("records", "seconds", "cpu_seconds")}


def _read_by_us() -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.xero_extract", FORKING]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


def _access(client: str, office: XeroOffice, address: str) -> Access:
    app = {name: CREDENTIALS["xero"][name] for name in ("client_id", "client_secret")}
    if client in CONSENTED:
        app = consented(office.address, office.tenant_id, SCOPES)
    return Access(
        url=address,
        token_url=f"{address}/connect/token",
        client_id=app["client_id"],
        client_secret=app["client_secret"],
        refresh_token=app.get("refresh_token", ""),
        tenant_id=office.tenant_id,
        collection="Invoices",
        scopes=SCOPES,
    )


def _measured() -> dict[str, Any]:
    import_module("config.airflow_local_settings")
    source = XeroHook("xero").entity("invoice")
    assert isinstance(source, Source)
    started, started_cpu = time.perf_counter(), time.process_time()
    records = sum(len(page) for page in source.read(Window()))
    return {
        "records": records,
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - started_cpu,
    }


if __name__ == "__main__":
    print(json.dumps(_measured()))
