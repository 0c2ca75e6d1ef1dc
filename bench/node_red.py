"""
Node-RED as people use it for this: an HTTP-in node takes the shop's webhook, function nodes map it, HTTP-request nodes
ask the shop and call GP. It keeps nothing: what is under way when it ends, or refused, is gone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from bench.foreign_clients import Unavailable
from bench.subscribing import subscribe
from demo.airflow_home import CHECKOUT
from demo.company import connection_environment
from demo.ports import free_port
from demo.services import Services
from demo.stack import start_sandboxes
from sandbox.gp.soap import CALL_PATH, NAMESPACE
from sandbox.places import SYSTEMS, Addresses
from sandbox.player import OrderFile, Player, opening_of

__all__ = ["NodeRedCompany", "company_of_node_red", "orders_in_gp"]

_PARTS = Path(__file__).parent / "clients" / "node_red"
_ENVIRONMENTS = Path(sys.prefix, "clients")
_START_SECONDS = 60
_GP_ORDER = 2
_SETTINGS = "module.exports = {flowFile: 'flows.json', httpAdminRoot: false, logging: {console: {level: 'warn'}}};\n"


@dataclass(frozen=True)
class NodeRedCompany:
    """A company whose shop tells Node-RED of its orders, and a GP that Node-RED writes to."""

    player: Player
    process: psutil.Process
    times: Path

    def answered(self, count: int, patience_seconds: float = 120.0) -> list[dict[str, Any]]:
        """
        Name, told, answered (milliseconds since the epoch) and HTTP status of so many orders, waited for.

        :raises TimeoutError: nothing came for so long.
        """
        seen, until = 0, time.monotonic() + patience_seconds
        while True:
            lines = self.times.read_text().splitlines() if self.times.exists() else []
            if len(lines) >= count:
                return [json.loads(line) for line in lines]
            if len(lines) > seen:
                seen, until = len(lines), time.monotonic() + patience_seconds
            if time.monotonic() > until:
                raise TimeoutError(f"for {patience_seconds} s Node-RED answered none but {len(lines)} of {count}")
            time.sleep(0.2)


@contextmanager
def company_of_node_red(folder: Path, file: OrderFile) -> Iterator[NodeRedCompany]:
    """
    Start the company of a file, of whose orders none is placed yet, and Node-RED.

    :param folder: takes all of it.
    :raises Unavailable: there is no npm, or it can't fetch Node-RED.
    """
    shutil.rmtree(folder, ignore_errors=True)
    ports = {system: free_port() for system in SYSTEMS}
    with Services(folder / "logs", CHECKOUT) as services:
        addresses = start_sandboxes(services, ports, folder / "sandbox")
        with Player(addresses) as player:
            player.seed(file["company"], opening_of(file))
            connections = connection_environment(file["company"], addresses)
            with _node_red(folder / "home", _environment(connections, addresses)) as (webhook, process, times):
                subscribe(connections, webhook)
                yield NodeRedCompany(player, process, times)


@contextmanager
def _node_red(folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, psutil.Process, Path]]:
    """The address of its webhook, its process, and the file that keeps the times of each order."""
    program = _program()
    folder.mkdir(parents=True)
    times = folder / "times.jsonl"
    (folder / "flows.json").write_text(json.dumps(_flow(times)))
    (folder / "settings.js").write_text(_SETTINGS)
    port = free_port()
    command = ["node", str(program), "--userDir", str(folder), "--port", str(port)]
    with (
        (folder / "output").open("w") as output,
        subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url, process, folder / "output")
            yield f"{url}/orders", psutil.Process(process.pid), times
        finally:
            process.terminate()


def orders_in_gp(player: Player) -> int:
    """How many sales orders GP has."""
    return sum(1 for each in player.ledger("gp")["documents"] if int(each.get("SOPTYPE", 0)) == _GP_ORDER)


def _environment(connections: Mapping[str, str], addresses: Addresses) -> dict[str, str]:
    """What its nodes read, from our own connections to one shop and to GP."""
    shop, gp = (json.loads(connections[f"AIRFLOW_CONN_{name}"]) for name in ("SHOPIFY_US", "GP"))
    grant = {"grant_type": "client_credentials", "client_id": shop["login"], "client_secret": shop["password"]}
    answer = requests.post(f"{shop['host']}/admin/oauth/access_token", data=grant, timeout=30)
    answer.raise_for_status()
    return {
        "SHOP": shop["host"],
        "SHOP_VERSION": "2026-10",
        "SHOP_TOKEN": answer.json()["access_token"],
        "GP": f"{addresses.gp}{CALL_PATH}",
        "GP_NAMESPACE": NAMESPACE,
        "GP_LOGIN": f"{gp['login']}:{gp['password']}",
        "GP_CONNECTION": f"data source=.;initial catalog={gp['extra']['company']};integrated security=SSPI",
    }


def _program() -> Path:
    """Node-RED's, installed once beside the other clients."""
    if shutil.which("npm") is None:
        raise Unavailable("no npm on the PATH")
    asked = (_PARTS / "package.json").read_bytes()
    kept = _ENVIRONMENTS / f"node_red-{hashlib.sha256(asked).hexdigest()[:12]}"
    program = kept / "node_modules" / "node-red" / "red.js"
    if not program.exists():
        kept.mkdir(parents=True, exist_ok=True)
        (kept / "package.json").write_bytes(asked)
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix", str(kept)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr[-500:]}")
    return program


def _flow(times: Path) -> list[dict[str, Any]]:
    tab = {"id": "tab", "type": "tab", "label": "Orders into GP"}
    request: dict[str, Any] = {"type": "http request", "method": "use", "paytoqs": "ignore"}
    nodes: list[dict[str, Any]] = [
        {"id": "in", "type": "http in", "url": "/orders", "method": "post", "wires": [["ok", "take"]]},
        {"id": "ok", "type": "http response", "statusCode": "200"},
        {"id": "take", **_function("take_order"), "wires": [["ask"]]},
        {"id": "ask", **request, "ret": "obj", "wires": [["customer"]]},
        {"id": "customer", **_function("econnect", "make_customer"), "wires": [["create"]]},
        {"id": "create", **request, "ret": "txt", "wires": [["order"]]},
        {"id": "order", **_function("econnect", "make_order"), "wires": [["send"]]},
        {"id": "send", **request, "ret": "txt", "wires": [["time"]]},
        {"id": "time", **_function("keep_time"), "wires": [["file"]]},
        {"id": "file", "type": "file", "filename": str(times), "filenameType": "str", "appendNewline": False,
         "overwriteFile": "false", "encoding": "utf8"},
    ]  # fmt: skip
    return [tab, *({"z": "tab", "x": 0, "y": 0, "wires": [[]], **each} for each in nodes)]


def _function(*parts: str) -> dict[str, Any]:
    code = "".join((_PARTS / f"{part}.js").read_text() for part in parts)
    return {"type": "function", "func": code, "outputs": 1}


def _wait_for(url: str, process: subprocess.Popen[bytes], output: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            # the webhook's node answers only to a POST: GET tells that its server is there
            requests.get(url, timeout=5)
        except requests.RequestException:
            time.sleep(0.1)
            continue
        return
    raise RuntimeError(f"Node-RED did not start: {output.read_text()[-2000:]}")
