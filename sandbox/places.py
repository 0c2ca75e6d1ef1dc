"""Where each simulated system listens, and the keys a seeded company is reached with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import psutil

__all__ = [
    "ANNOUNCEMENT",
    "CREDENTIALS",
    "SERVED",
    "SYSTEMS",
    "Addresses",
    "announced",
    "running",
    "system_of",
    "systems_of",
]

ANNOUNCEMENT = Path(__file__).parent.parent / ".demo" / "places.json"
"""Where who starts the systems from this checkout says where they listen."""


@dataclass(frozen=True)
class Addresses:
    """Base URL of each simulated system; the defaults are the ports of ``sandbox serve``."""

    shopify: str = "http://127.0.0.1:8710"
    stripe: str = "http://127.0.0.1:8711"
    gp: str = "http://127.0.0.1:8712"
    xero: str = "http://127.0.0.1:8713"
    magento: str = "http://127.0.0.1:8714"
    paypal: str = "http://127.0.0.1:8715"

    @classmethod
    def on_ports(cls, ports: dict[str, int]) -> Addresses:
        """Addresses on this machine, by system."""
        return cls(**{system: f"http://127.0.0.1:{port}" for system, port in ports.items()})

    def of(self, system: str) -> str:
        """The base URL of ``system``."""
        return str(getattr(self, system))


@contextmanager
def announced(addresses: Addresses, file: Path = ANNOUNCEMENT) -> Iterator[None]:
    """Let the commands of the checkout find systems that this process started, while the block lasts."""
    own = psutil.Process()
    told = {"process": own.pid, "began": own.create_time(), "addresses": asdict(addresses)}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def running(file: Path = ANNOUNCEMENT) -> Addresses:
    """
    Where the systems listen: by ``SANDBOX_<SYSTEM>``, else where they are announced, else on their default ports.

    What a process announced that is gone, killed before it could take it back, is not believed.
    """
    known = asdict(Addresses())
    with suppress(FileNotFoundError, psutil.NoSuchProcess):
        told = json.loads(file.read_text())
        if psutil.Process(told["process"]).create_time() == told["began"]:  # a number may be somebody else's by now
            known |= told["addresses"]
    return Addresses(**{system: os.environ.get(f"SANDBOX_{system.upper()}") or url for system, url in known.items()})


SERVED = tuple(field.name for field in fields(Addresses))
"""What ``sandbox serve`` can run."""

SYSTEMS = ("shopify", "stripe", "gp", "xero")
"""What a company is seeded in and a file of orders played through, unless its shops say otherwise."""


def system_of(shop: Mapping[str, Any]) -> str:
    """Where a shop of a company's is held: in Shopify unless it says so (``system``)."""
    return str(shop.get("system", "shopify"))


def systems_of(company: Mapping[str, Any]) -> tuple[str, ...]:
    """The systems a company is seeded in: those of its shops, its gateways and the ledgers."""
    found = {system_of(shop) for shop in company["shops"]} | {"stripe", "gp", "xero"}
    found |= {"paypal"} if company.get("paypal") else set()
    return tuple(system for system in SERVED if system in found)


CREDENTIALS: dict[str, dict[str, str]] = {
    "shopify": {"client_id": "sandbox-shopify-app", "client_secret": "shpss_sandbox"},
    "stripe": {"api_key": "sk_test_sandbox"},
    "gp": {"company_id": "HLS", "login": "HLS\\econnect", "password": "econnect"},
    "xero": {"client_id": "SANDBOXXEROCLIENTID0000000000000", "client_secret": "sandbox-xero-secret"},
    "magento": {
        "consumer_key": "sandboxmagentoconsumerkey0000000",
        "consumer_secret": "sandboxmagentoconsumersecret0000",
        "access_token": "sandboxmagentoaccesstoken0000000",
        "access_token_secret": "sandboxmagentoaccesstokensecret0",
    },
    "paypal": {"client_id": "sandbox-paypal-app", "client_secret": "sandbox-paypal-secret", "account": "SANDBXPAYPAL2"},
}
"""What ``seed`` tells each system to accept; a client must present the same."""
