"""Where people see a document in its own system, as its connection or the system itself says."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException

from hooks.systems import systems
from ledgerbridge.flows import Company

__all__ = ["Addresses"]

_LEADS = {"http", "https", "dgpp"}
"""What an address may begin with; `dgpp` opens GP's own windows."""


class Addresses:
    """The addresses of a company's documents; each connection is asked for once."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._known: dict[str, dict[str, str]] = {}

    def of(self, entity: str, target_id: str | None, number: str | None) -> str | None:
        """The page of a document in its system; None where nothing says where it is, or it is not there yet."""
        system, _, name = entity.partition(".")
        if system not in self._known:
            self._known[system] = self._of_system(system)
        pattern = self._known[system].get(name)
        if pattern is None or target_id is None:
            return None
        address = pattern.replace("{id}", quote(target_id, safe=""))
        if "{number}" in address:
            address = address.replace("{number}", quote(number or "", safe=""))
        return address if urlsplit(address).scheme in _LEADS else None

    def home(self, system: str) -> str | None:
        """Where people begin in a system: the address of its ``home``."""
        return self.of(f"{system}.home", "", None)

    def _of_system(self, system: str) -> dict[str, str]:
        known = systems().get(system)
        if known is None:
            return {}
        return {**known.addresses, **self._of_connection(system)}

    def _of_connection(self, system: str) -> dict[str, str]:
        for connection in self._company.connections.get(system, [])[:1]:
            try:
                told = BaseHook.get_connection(connection).extra_dejson.get("addresses") or ""
            except AirflowException:  # a connection that is not there any more: no link is no fault
                return {}
            lines = (line.split(None, 1) for line in str(told).splitlines())
            return {line[0]: line[1].strip() for line in lines if len(line) == 2}
        return {}
