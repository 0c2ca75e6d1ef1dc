"""Where each simulated system listens, and the keys a seeded company is reached with."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["CREDENTIALS", "SERVED", "SYSTEMS", "Addresses"]


@dataclass(frozen=True)
class Addresses:
    """Base URL of each simulated system; the defaults are the ports of ``sandbox serve``."""

    shopify: str = "http://127.0.0.1:8710"
    stripe: str = "http://127.0.0.1:8711"
    gp: str = "http://127.0.0.1:8712"
    xero: str = "http://127.0.0.1:8713"
    magento: str = "http://127.0.0.1:8714"

    @classmethod
    def on_ports(cls, ports: dict[str, int]) -> Addresses:
        """Addresses on this machine, by system."""
        return cls(**{system: f"http://127.0.0.1:{port}" for system, port in ports.items()})

    def of(self, system: str) -> str:
        """The base URL of ``system``."""
        return str(getattr(self, system))


SERVED = tuple(field.name for field in fields(Addresses))
"""What ``sandbox serve`` can run."""

SYSTEMS = ("shopify", "stripe", "gp", "xero")
"""What a company is seeded in and a file of orders played through; the others run on request only."""

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
}
"""What ``seed`` tells each system to accept; a client must present the same."""
