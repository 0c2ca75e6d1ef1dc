"""Two ledgers that both have customers: sure ones are linked, likely ones wait for a person, nobody is doubled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import aliased

from demo.ports import free_port
from ledgerbridge.audit import Actor
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter, LinkEnd, MatchProposal, SourceRecord
from ledgerbridge.sync import answer_proposals, open_proposals
from sandbox.orders import OPENING, harbor_light_supply
from sandbox.places import SYSTEMS
from sandbox.player import Player
from tests.flows.golden_orders import order_file
from tests.flows.in_process import InProcess, Office, open_office
from tests.forked_sandboxes import forked_sandboxes

PERSON = Actor("master_data", "", "", "test")
GP = {
    "HARB01": {"CUSTNAME": "HARBOR LIGHT SUPPLY INC.", "INET1": "info@harborlight.com", "CITY": "Salem"},
    "GRAN01": {"CUSTNAME": "Granite Roofing", "ADDRESS1": "12 Mill Ln", "ZIP": "01970", "CITY": "Salem"},
    "CASC01": {"CUSTNAME": "Cascade Foods", "INET1": "office@cascadefoods.com", "CITY": "Boston"},
    "BLUE01": {"CUSTNAME": "Blue Heron Dental", "INET1": "clients@bookkeeper.com"},
    "EVER01": {"CUSTNAME": "Evergreen Realty", "INET1": "hello@evergreen.com"},
    "VIST01": {"CUSTNAME": "Vista Marine", "INET1": "info@vista.com", "CITY": "Lowell"},
}
XERO: dict[str, dict[str, Any]] = {
    "Harbor Light Supply": {"EmailAddress": "info@harborlight.com"},
    "Granite Roofing LLC": {
        "EmailAddress": "ap@granite.com",
        "Addresses": [
            {"AddressType": "STREET", "AddressLine1": "12 Mill Lane", "PostalCode": "01970", "City": "Salem"}
        ],
    },
    "Summit Trading": {"EmailAddress": "office@cascadefoods.com"},
    "Atlas Optical": {"EmailAddress": "clients@bookkeeper.com"},
    "Evergreen Realty": {"EmailAddress": "hello@evergreen.com"},
    "Evergreen Realty Inc": {"EmailAddress": "hello@evergreen.com"},
    "Keystone Printing": {"EmailAddress": "info@keystone.com"},
}


@dataclass
class Meeting:
    """Both ledgers, and the flow that is to keep them in step."""

    office: Office
    flow: InProcess
    passes: int = 0

    def run(self) -> dict[str, int]:
        """One pass of the customers; how many records each leg delivered."""
        self.passes += 1
        self.flow.results = {}
        self.flow.run_stage("customers", f"meeting-{self.passes}")
        results = self.flow.results
        return {leg: done for leg in self.flow.flow.legs if (done := results.get(f"{leg}.load", {}).get("delivered"))}

    def come_to_rest(self) -> None:
        for _ in range(5):
            if not self.run():
                return
        raise AssertionError("five passes, and each wrote something")

    def gp(self) -> dict[str, str]:
        """GP's customers' names by number."""
        found = self.office.player.call("GET", "gp", "/_sandbox/customers")["customers"]
        return {each["CUSTNMBR"]: each["CUSTNAME"] for each in found}

    def xero(self) -> dict[str, str | None]:
        """Xero's contacts' numbers by name."""
        found = self.office.player.call("GET", "xero", "/_sandbox/contacts")["contacts"]
        return {each["Name"]: each.get("ContactNumber") for each in found}

    def linked(self) -> set[tuple[str, str]]:
        """GP's number and Xero's name of those that are one."""
        found = self.office.player.call("GET", "xero", "/_sandbox/contacts")["contacts"]
        names = {each["ContactID"]: each["Name"] for each in found}
        there, here = aliased(LinkEnd), aliased(LinkEnd)
        query = (
            select(here.key, there.key)
            .join(there, there.link_id == here.link_id)
            .where(here.entity == "gp.customer", there.entity == "xero.contact")
        )
        with transaction(self.office.state) as session:
            return {(number, names[key]) for number, key in session.execute(query)}

    def asked(self) -> dict[tuple[str, str], int]:
        """The open proposals by the names of the two."""
        with transaction(self.office.state) as session:
            found = open_proposals(session, "main", "customer")
            return {(each.shown["gp.customer"]["name"], each.shown["xero.contact"]["name"]): each.id for each in found}

    def answer(self, answers: dict[tuple[str, str], bool]) -> None:
        numbers = self.asked()
        with transaction(self.office.state) as session:
            answer_proposals(session, PERSON, {numbers[pair]: said for pair, said in answers.items()}, "vera")

    def waiting(self) -> set[str]:
        with transaction(self.office.state) as session:
            query = select(SourceRecord.reason).where(
                SourceRecord.outcome == "waiting", SourceRecord.flow == "master_data"
            )
            return {str(each) for each in session.scalars(query)}

    def letters(self) -> list[str]:
        with transaction(self.office.state) as session:
            return list(session.scalars(select(DeadLetter.message)))


@contextmanager
def meeting_of(folder: Path) -> Iterator[Meeting]:
    ports = {system: free_port() for system in SYSTEMS}
    with forked_sandboxes(ports, folder / "sandbox") as addresses, Player(addresses) as player:
        player.seed(harbor_light_supply(), OPENING)
        for number, fields in GP.items():
            player.call("PUT", "gp", f"/_sandbox/customers/{number}", fields)
        for name, fields in XERO.items():
            player.call("PUT", "xero", f"/_sandbox/contacts/{name}", fields)
        with open_office(order_file([]), player, player, folder) as office:
            yield Meeting(office, InProcess("master_data"))


@pytest.fixture
def meeting(tmp_path: Path) -> Iterator[Meeting]:
    with meeting_of(tmp_path) as found:
        yield found


def test_two_companies_meet_once_sure_ones_are_linked_likely_ones_wait_and_nobody_is_doubled(meeting: Meeting) -> None:
    meeting.come_to_rest()
    customers = {name: number for number, name in meeting.gp().items()}
    sure = {("HARB01", "Harbor Light Supply"), ("GRAN01", "Granite Roofing LLC")}
    made = {("VIST01", "Vista Marine"), (customers["Keystone Printing"], "Keystone Printing")}
    assert meeting.linked() == sure | made
    asked = {
        ("Cascade Foods", "Summit Trading"),
        ("Blue Heron Dental", "Atlas Optical"),
        ("Evergreen Realty", "Evergreen Realty"),
        ("Evergreen Realty", "Evergreen Realty Inc"),
    }
    assert set(meeting.asked()) == asked
    assert any(reason.startswith("a person says whether it is CASC01 (proposal ") for reason in meeting.waiting())
    assert not {"Summit Trading", "Atlas Optical", "Evergreen Realty Inc"} & set(meeting.gp().values())

    meeting.answer({pair: pair != ("Blue Heron Dental", "Atlas Optical") for pair in asked})
    meeting.come_to_rest()
    customers, contacts = {name: number for number, name in meeting.gp().items()}, meeting.xero()
    said = {("CASC01", "Summit Trading"), ("EVER01", "Evergreen Realty"), ("EVER01", "Evergreen Realty Inc")}
    apart = {("BLUE01", "Blue Heron Dental"), (customers["Atlas Optical"], "Atlas Optical")}
    assert meeting.linked() == sure | made | said | apart
    assert len(customers) == len(GP) + 2  # Keystone Printing and Atlas Optical
    assert len(contacts) == len(XERO) + 2  # Vista Marine and Blue Heron Dental
    assert not meeting.asked()
    assert not meeting.waiting()
    assert meeting.letters() == []
    assert meeting.run() == {}

    with transaction(meeting.office.state) as session:
        kept = {each.answered_by for each in session.scalars(select(MatchProposal))}
    assert kept == {None, "vera"}
