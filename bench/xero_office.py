"""A simulated Xero of its own, with a company in it, for benches that count calls by what it answers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from cryptography.fernet import Fernet

from demo.airflow_home import CHECKOUT
from demo.company import connections
from demo.ports import free_port
from demo.services import Services
from demo.stack import sandbox_services
from hooks.xero.hook import XeroHook
from ledgerbridge.state import connect, migrate
from sandbox.orders import harbor_light_supply
from sandbox.places import CREDENTIALS, SYSTEMS, Addresses

__all__ = ["Calls", "XeroOffice", "consented", "open_xero"]

_CALLBACK = "http://localhost:8914/callback"


@dataclass
class Calls:
    """What one hook was answered, limited and unlimited paths apart."""

    statuses: list[int] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    """Which limit each refusal named."""

    def watch(self, hook: XeroHook) -> None:
        """Count from now on."""
        hook.session.hooks["response"].append(self._count)

    @property
    def refused(self) -> int:
        """Answers with 429."""
        return self.statuses.count(429)

    def _count(self, response: requests.Response, *_: Any, **__: Any) -> None:
        if "/api.xro/" in response.url:
            self.statuses.append(response.status_code)
        if response.status_code == 429:
            self.limits.append(response.headers["X-Rate-Limit-Problem"])


@dataclass(frozen=True)
class XeroOffice:
    """A seeded organisation, reached through the Airflow connection ``xero`` of this process and its children."""

    folder: Path
    address: str
    tenant_id: str

    def hook(self) -> XeroHook:
        """A hook with a session of its own."""
        return XeroHook("xero")

    def be_slow(self, path: str, seconds: float) -> None:
        """Let each answer below a path come so much later, as over the net."""
        fault = {"kind": "slow_answer", "seconds": seconds, "path": f"/api.xro/2.0/{path}", "times": None}
        requests.post(f"{self.address}/_sandbox/faults", json=fault, timeout=30).raise_for_status()

    @contextmanager
    def reached_at(self, address: str) -> Iterator[None]:
        """Let the connection go to something that stands before it."""
        before = os.environ["AIRFLOW_CONN_XERO"]
        os.environ["AIRFLOW_CONN_XERO"] = before.replace(self.address, address)
        try:
            yield
        finally:
            os.environ["AIRFLOW_CONN_XERO"] = before

    def set_clock(self, now: datetime) -> None:
        """Let it be later there."""
        requests.put(f"{self.address}/_sandbox/clock", json={"now": now.isoformat()}, timeout=30).raise_for_status()

    def spent(self) -> int:
        """How many calls Xero has counted today, by what it says is left; asking is not counted in."""
        hook = self.hook()
        left: list[int] = []
        hook.session.hooks["response"].append(
            lambda response, *_, **__: left.append(int(response.headers.get("X-DayLimit-Remaining", -1)))
        )
        hook.clock()
        allowed = requests.get(f"{self.address}/_sandbox/settings", timeout=30).json()["calls_per_day"]
        return int(allowed) - left[-1] - 1


@contextmanager
def open_xero(**limits: int) -> Iterator[XeroOffice]:
    """
    Start and seed it; everything of it is gone afterwards.

    :param limits: ``calls_per_minute`` and the like, told to the sandbox and to the connection.
    """
    ports = {system: free_port() for system in SYSTEMS}
    addresses = Addresses.on_ports(ports)
    company = harbor_light_supply()
    with TemporaryDirectory() as folder, Services(Path(folder) / "logs", CHECKOUT) as services:
        [service] = [each for each in sandbox_services(ports, Path(folder) / "data") if each.name == "sandbox-xero"]
        services.start(service)
        health = f"{addresses.xero}/_sandbox/health"
        services.wait_until(lambda: _answers(health), what="the xero sandbox", timeout_seconds=120)
        credentials = {name: CREDENTIALS["xero"][name] for name in ("client_id", "client_secret")}
        seed = {"company": company, **credentials, "settings": limits}
        seeded = requests.post(f"{addresses.xero}/_sandbox/seed", json=seed, timeout=60)
        seeded.raise_for_status()
        connection = connections(company, addresses)["xero"]
        connection["extra"] |= limits
        url = f"sqlite:///{folder}/state.db"
        migrate(connect(url))
        os.environ |= {
            "AIRFLOW_CONN_XERO": json.dumps(connection),
            "AIRFLOW_CONN_LEDGERBRIDGE_DB": json.dumps({"conn_type": "generic", "extra": {"url": url}}),
            "AIRFLOW__LEDGERBRIDGE__STATE_FOLDER": folder,
            "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
        }
        yield XeroOffice(Path(folder), addresses.xero, seeded.json()["tenant_id"])


def consented(address: str, tenant_id: str, scopes: tuple[str, ...]) -> dict[str, str]:
    """
    A person consents to what a web app asks for; ``client_id``, ``client_secret`` and ``refresh_token`` of that app.

    :param address: the simulated Xero's.
    """
    app = {"client_id": "WEB", "client_secret": "hush"}
    registered = app | {"kind": "web", "redirect_uris": [_CALLBACK]}
    requests.post(f"{address}/_sandbox/apps", json=registered, timeout=30).raise_for_status()
    asked = {"response_type": "code", "client_id": "WEB", "redirect_uri": _CALLBACK, "scope": " ".join(scopes)}
    page, decided = f"{address}/identity/connect/authorize", {"decision": "allow", "organisation": tenant_id}
    sent_back = requests.post(page, decided, params=asked, allow_redirects=False, timeout=30)
    [code] = parse_qs(urlsplit(sent_back.headers["Location"]).query)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": _CALLBACK}
    tokens = requests.post(f"{address}/connect/token", form, auth=("WEB", "hush"), timeout=30).json()
    return app | {"refresh_token": tokens["refresh_token"]}


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
