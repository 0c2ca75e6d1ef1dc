"""People at the windows of both ledgers, and the flow that keeps their masters in step."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import TaskDeferred
from sqlalchemy import select, update

from demo.ports import free_port
from ledgerbridge.alerts import AlertsConfig
from ledgerbridge.audit import Actor
from ledgerbridge.errors import TransientError
from ledgerbridge.state import transaction
from ledgerbridge.state.circuits import call_succeeded, open_circuits
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import AlertRow, DeadLetter, Delivery, DeliveryTry, SourceRecord
from operators.watch import WatchOperator
from sandbox.orders import OPENING, harbor_light_supply
from sandbox.places import SYSTEMS
from sandbox.player import Player
from tests.flows.edited_masters import Windows
from tests.flows.golden_orders import order_file
from tests.flows.in_process import InProcess, Office, open_office
from tests.forked_sandboxes import forked_sandboxes

CALLS_PER_DAY = 100_000


@dataclass
class Masters(Windows):
    """The two ledgers and the flow between them, of which these stages run."""

    office: Office
    flow: InProcess
    stages: list[str]
    passes: int = 0

    def gp(self, number: str) -> dict[str, Any]:
        return next(each for each in self.all_gp() if each["CUSTNMBR"] == number)

    def xero(self, number: str) -> dict[str, Any]:
        return next(each for each in self.all_xero() if each.get("ContactNumber") == number)

    def run(self) -> dict[str, int]:
        """One pass; how many records each leg delivered."""
        self.passes += 1
        results = self.flow.results = {}
        for stage in self.stages:
            self.flow.run_stage(stage, f"masters-{self.passes}")
        return {leg: found for leg in self.flow.flow.legs if (found := results.get(f"{leg}.load", {}).get("delivered"))}

    def come_to_rest(self) -> None:
        for _ in range(4):
            if not self.run():
                return
        raise AssertionError("four passes, and each wrote something")

    def settle(self) -> None:
        """Passes until one goes through, when the calls that were broken off are long over."""
        why: list[str] = []
        while len(why) < 10:
            self.calls_end()
            try:
                self.run()
                return
            except (TransientError, TaskDeferred) as error:
                why.append(f"{type(error).__name__} {error}")
        raise AssertionError(f"ten passes, and something is under way still, at last: {why[-1]}")

    def calls_end(self) -> None:
        """No call is under way any more, who made it is gone, and connections are tried: what waiting would bring."""
        actor = Actor("master_data", "", "people", "wait")
        with transaction(self.office.state) as session:
            for each in open_circuits(session):
                call_succeeded(session, actor, each.connection)
            now = database_now(session)
            session.execute(update(Delivery).where(Delivery.state == "sending").values(settles_at=now))
            session.execute(update(DeliveryTry).where(DeliveryTry.lease_until > now).values(lease_until=now))

    def told(self, leg: str) -> set[str]:
        """What people are told of a leg's side."""
        waiting = (SourceRecord.leg == leg, SourceRecord.outcome == "waiting")
        with transaction(self.office.state) as session:
            return {str(each) for each in session.scalars(select(SourceRecord.reason).where(*waiting))}

    def alerts(self) -> dict[str, str]:
        """By leg what the alert says that lasts because people have to change something by hand."""
        config = self.flow.flow.model_copy(update={"alerts": AlertsConfig(to="team", quiet="00:00-23:59")})
        WatchOperator(task_id="watch", flow="master_data", config=config).execute({})
        with transaction(self.office.state) as session:
            open_ones = select(AlertRow).where(AlertRow.kind == "differences", AlertRow.ended_at.is_(None))
            return {each.leg: f"{each.message}; {each.remedy}" for each in session.scalars(open_ones)}

    def letters(self) -> list[tuple[str, str]]:
        with transaction(self.office.state) as session:
            return [(each.code, each.message) for each in session.scalars(select(DeadLetter))]


@contextmanager
def open_masters(folder: Path, *stages: str, state_url: str | None = None) -> Iterator[Masters]:
    """Two ledgers of a seeded company; settings, and state unless it has a URL, in ``folder``."""
    ports = {system: free_port() for system in SYSTEMS}
    with forked_sandboxes(ports, folder / "sandbox") as addresses, Player(addresses) as player:
        player.seed(harbor_light_supply(), OPENING)
        with open_office(order_file([]), player, player, folder, state_url) as office:
            _allow_calls(player)
            yield Masters(player, office, InProcess("master_data"), list(stages))


def _allow_calls(player: Player) -> None:
    """Let a hundred rounds pass in one day, whatever of the 5,000 calls that Xero allows for one they take."""
    player.call("PUT", "xero", "/_sandbox/settings", {"calls_per_day": CALLS_PER_DAY})
    connection = json.loads(os.environ["AIRFLOW_CONN_XERO"])
    connection["extra"]["calls_per_day"] = CALLS_PER_DAY
    os.environ["AIRFLOW_CONN_XERO"] = json.dumps(connection)  # of the office, which takes it away when it closes


def terms(contact: dict[str, Any], kind: str = "Sales") -> str:
    """A contact's payment terms of sales or of bills, as the table of terms has them."""
    held = contact.get("PaymentTerms", {}).get(kind)
    return f"{held['Day']} {held['Type']}" if held else ""


def street(contact: dict[str, Any], kind: str = "STREET") -> dict[str, Any]:
    """What a contact's address holds, that of its street or another."""
    address = next(each for each in contact["Addresses"] if each["AddressType"] == kind)
    return {name: value for name, value in address.items() if value and name != "AddressType"}
