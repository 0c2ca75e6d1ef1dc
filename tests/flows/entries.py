"""Entries as people key, post and take them back in GP's general ledger, and the flow that carries them to Xero."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select

from demo.ports import free_port
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter
from operators import settings
from operators.systems import hooks_of
from sandbox.orders import OPENING, harbor_light_supply
from sandbox.places import SYSTEMS
from sandbox.player import Player
from tests.flows.golden_orders import order_file
from tests.flows.in_process import InProcess, Office, open_office
from tests.forked_sandboxes import forked_sandboxes

__all__ = ["DAY", "Entries", "EntryDesk", "day_of", "open_entries"]

DAY = "2026-03-02"


@dataclass
class EntryDesk:
    """Where people key entries in GP, and look at the journals of Xero."""

    player: Player

    def key(self, reference: str, *lines: tuple[str, ...], on: str = DAY, **fields: Any) -> int:
        """An entry as a person keys it in GP: accounts with amounts, debits positive, and texts; its number."""
        typed = [
            {
                "account": account,
                "debit": max(Decimal(amount), Decimal(0)),
                "credit": max(-Decimal(amount), Decimal(0)),
                "text": "".join(text),
            }
            for account, amount, *text in lines
        ]
        entry = {"reference": reference, "date": on, "lines": typed, **fields}
        return int(self.call("general-entries", entry)["journal_entry"])

    def call(self, route: str, body: dict[str, Any], method: str = "POST") -> Any:
        return self.player.call(method, "gp", f"/_sandbox/{route}", _texts(body))

    def journal(self, element: dict[str, Any]) -> dict[str, Any]:
        """A manual journal as a person keys it in Xero, or changes it by its id."""
        typed: dict[str, Any] = self.player.call("POST", "xero", "/_sandbox/journals", _texts(element))
        return typed


@dataclass
class Entries(EntryDesk):
    """The general ledgers of both, and the flow between them; ``stages``: what a pass runs of it."""

    office: Office
    passes: int = 0
    stages: tuple[str, ...] = ("entries", "journals")

    def run(self) -> dict[str, int]:
        """A pass; how many documents each leg delivered."""
        self.passes += 1
        return self.run_again(self.passes)

    def run_again(self, number: int) -> dict[str, int]:
        """All tasks of a pass, as somebody clears them."""
        flow = InProcess("general_ledger")
        for stage in self.stages:
            flow.run_stage(stage, f"entries-{number}")
        return {leg: found for leg in flow.flow.legs if (found := flow.results.get(f"{leg}.load", {}).get("delivered"))}

    def xero(self) -> Any:
        """What calls Xero as the flow does."""
        (hook,) = hooks_of("xero", settings.company()).values()
        return hook

    def journals(self) -> dict[str, dict[str, Decimal]]:
        """The posted journals of Xero: day and amounts by account, by narration and day; none is there twice."""
        hook = self.xero()
        found: dict[str, dict[str, Decimal]] = {}
        for each in hook.get("ManualJournals", {"page": 1})["ManualJournals"]:
            key = f"{each['Narration']} {each['Date'][:10]}"
            assert each["Status"] == "POSTED"
            assert key not in found
            lines = {line["AccountCode"]: Decimal(str(line["LineAmount"])) for line in each["JournalLines"]}
            found[key] = lines
        return found

    def letters(self) -> dict[str, tuple[str, str]]:
        """Code and remedy of each open letter, by the name people see."""
        with transaction(self.office.state) as session:
            rows = session.scalars(select(DeadLetter).where(DeadLetter.state == "open"))
            return {str(each.label): (each.code, each.remedy) for each in rows}

    def reconciled(self) -> dict[str, Any]:
        """What the comparison of the two ledgers says, whether it fails or not."""
        self.passes += 1
        with suppress(LedgerbridgeError):
            InProcess("order_to_cash").run_stage("reconcile", f"reconcile-{self.passes}")
        return self.office.verdicts[-1]

    def told(self) -> list[tuple[str, str, str, tuple[str, ...]]]:
        """Type, role, value and documents of what nobody can explain."""
        return sorted(
            (each["type"], each["role"], each["value"], tuple(document["number"] for document in each["documents"]))
            for each in self.reconciled()["differences"]
            if not each["explained"]
        )


@contextmanager
def open_entries(folder: Path, company: dict[str, Any] | None = None) -> Iterator[Entries]:
    """The two ledgers of the small company, forked; ``company``: what of it is otherwise."""
    file = order_file([], company=harbor_light_supply() | (company or {}))
    ports = {system: free_port() for system in SYSTEMS}
    with forked_sandboxes(ports, folder / "sandbox") as addresses, Player(addresses) as player:
        player.seed(file["company"], OPENING)
        with open_office(file, player, player, folder) as office:
            yield Entries(player, office)


def day_of(date: str) -> str:
    """The day of a date as Xero writes it, ``/Date(<milliseconds>+0000)/``."""
    milliseconds = int(date.removeprefix("/Date(").partition("+")[0])
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()


def _texts(body: Any) -> Any:
    if isinstance(body, dict):
        return {name: _texts(value) for name, value in body.items()}
    if isinstance(body, list):
        return [_texts(value) for value in body]
    return str(body) if isinstance(body, Decimal) else body
