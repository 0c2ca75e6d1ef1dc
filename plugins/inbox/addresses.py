"""Which connections webhooks come to: a company file names them, and their system says how it signs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pkgutil import resolve_name

from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from hooks.systems import systems
from hooks.wire.webhook_event import Delivered, WebhookEvent, Webhooks
from ledgerbridge.changes import Announced, SourceId
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import company_keys
from operators import settings

__all__ = ["Address", "Addresses"]

_KEPT_SECONDS = 30.0
"""How long a rotated secret, or a company that is added, may take to be seen."""
_LONGEST_KEY = 255
_LONGEST_EVENT = 128

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Address:
    """One connection that webhooks come to, and the companies that have it."""

    system: str
    connection: str
    companies: tuple[str, ...]
    webhooks: Webhooks

    def told(self, event: WebhookEvent) -> dict[SourceId, Announced]:
        """
        What an event of this connection says has changed; of a topic that no flow reads nothing.

        :raises ValueError: it has no shape that events have.
        """
        entities = self.webhooks.announces.get(event.entity or "", ())
        if not entities:
            return {}
        announced = self._announced(event)
        sources = [
            SourceId(company, f"{self.system}.{entity}", self.connection)
            for company in self.companies
            for entity in entities
        ]
        return dict.fromkeys(sources, announced)

    def _announced(self, event: WebhookEvent) -> Announced:
        key = f"{self.system}:{self.webhooks.scope}:{event.entity}:{event.record_id}"
        for name, value, longest in (("key", key, _LONGEST_KEY), ("event", event.event_id, _LONGEST_EVENT)):
            if len(value) > longest or not value.isprintable():
                raise ValueError(f"its {name} is no {name}")
        return Announced(key, event.event_id, event.occurred_at)


class Addresses:
    """The addresses by connection, looked up anew now and then: a secret is rotated, a company is added."""

    def __init__(self) -> None:
        self._known: Mapping[str, Address] | None = None
        self._unknown: LedgerbridgeError | None = None
        self._until = 0.0
        self._looking = asyncio.Lock()

    async def of(self, connection: str) -> Address | None:
        """The address of a connection; None where no company has it, or its system sends no webhooks."""
        if time.monotonic() >= self._until and (self._known is None or not self._looking.locked()):
            async with self._looking:
                if time.monotonic() >= self._until:
                    await asyncio.to_thread(self.look_up)
        return (self._known or {}).get(connection)

    def look_up(self) -> None:
        """Find out what addresses there are now; the first time it imports what the systems' hooks need."""
        self._known, self._unknown = _addresses(self._known or {})
        self._until = time.monotonic() + _KEPT_SECONDS

    def announced(self, address: Address, delivered: Delivered) -> dict[SourceId, list[Announced]]:
        """
        What a genuine delivery to an address says has changed, by source.

        :raises ValueError: it has no shape that the system's webhooks have.
        :raises LedgerbridgeError: nobody is known whom it concerns, and of one company nobody knows whom it has.
        """
        told: dict[SourceId, list[Announced]] = {}
        for event in address.webhooks.events(delivered):
            for each in self._concerned(address, event):
                for source, announced in each.told(event).items():
                    told.setdefault(source, []).append(announced)
        return told

    def _concerned(self, address: Address, event: WebhookEvent) -> list[Address]:
        if event.scope is None:
            return [address]
        alike = [each for each in (self._known or {}).values() if each.system == address.system]
        concerned = [each for each in alike if each.webhooks.scope == event.scope]
        if not concerned and self._unknown is not None:
            raise self._unknown
        return concerned


def _addresses(before: Mapping[str, Address]) -> tuple[dict[str, Address], LedgerbridgeError | None]:
    """
    The addresses, and why a company's can't be known, if so.

    What was known ``before`` of a company or connection that can't be loaded just now goes on: what is answered as
    taken is not sent again.
    """
    unknown: LedgerbridgeError | None = None
    sending = {name: system.webhooks for name, system in systems().items() if system.webhooks}
    having: dict[tuple[str, str], list[str]] = {}
    for key in company_keys(settings.companies_folder()):
        try:
            company = settings.company(key)
        except LedgerbridgeError as error:
            known = [each for each in before.values() if key in each.companies]
            _log.error("company %s receives %s webhooks: %s", key, "the same" if known else "no", error)
            for each in known:
                having.setdefault((each.system, each.connection), []).append(key)
            unknown = unknown or (None if known else error)
            continue
        for system in sending.keys() & company.connections.keys():
            for connection in company.connections_of(system):
                having.setdefault((system, connection), []).append(key)
    found = {}
    for (system, connection), companies in having.items():
        try:
            webhooks: Webhooks = resolve_name(sending[system])(connection)
        except (AirflowException, LedgerbridgeError) as error:
            known_as = None if isinstance(error, AirflowNotFoundException) else before.get(connection)
            _log.error("connection %s receives %s webhooks: %s", connection, "the same" if known_as else "no", error)
            if known_as is None:
                continue
            webhooks = known_as.webhooks
        found[connection] = Address(system, connection, tuple(companies), webhooks)
    return found, unknown
