"""Customers that people change in GP and in Xero: each change arrives in the other ledger, once, and stays there."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import delete, select

from commands.main import main
from ledgerbridge.delivery.deliver import STEPS
from ledgerbridge.drift import shape_of
from ledgerbridge.errors import ConfigurationError, TransientError
from ledgerbridge.state import transaction
from ledgerbridge.state.mending import Person, replay
from ledgerbridge.state.models import DeadLetter, Delivery
from ledgerbridge.state.shapes import accept_shape
from operators.recorded import recent_raw
from operators.settings import include_folder, lookups_folder
from tests.flows.dice import SeededDice
from tests.flows.golden_orders import lamp, order_file, pay, sale
from tests.flows.masters import Masters, open_masters, street, terms
from tests.flows.one_pass import killing_machine


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Masters]:
    with open_masters(tmp_path_factory.mktemp("masters"), "customers") as opened:
        yield opened


def test_customer_made_in_gp_arrives_in_xero_and_edits_of_either_side_in_the_other(masters: Masters) -> None:
    masters.in_gp("AARON01", CUSTNAME="Aaron Fitz", ADDRESS1="1 Quay", CITY="Boston", INET1="aaron@example.com")
    masters.come_to_rest()
    contact = masters.xero("AARON01")
    assert (contact["Name"], contact["EmailAddress"]) == ("Aaron Fitz", "aaron@example.com")
    assert street(contact) == {"AddressLine1": "1 Quay", "City": "Boston"}

    masters.in_gp("AARON01", CUSTNAME="Aaron Fitz Electrical")
    assert masters.run() == {"customers_xero": 1}
    assert masters.xero("AARON01")["Name"] == "Aaron Fitz Electrical"
    assert masters.run() == {}

    masters.in_xero("AARON01", EmailAddress="office@example.com")
    assert masters.run() == {"customers_gp": 1}
    assert masters.gp("AARON01")["INET1"] == "office@example.com"
    assert masters.run() == {}
    assert masters.letters() == []


def test_contact_made_in_xero_becomes_a_customer_in_gp_under_its_number_or_one_made_of_its_id(masters: Masters) -> None:
    masters.in_xero("Bay Foods", EmailAddress="bay@example.com")
    masters.in_xero("Cove Cafe", ContactNumber="COVE1")
    masters.come_to_rest()
    names = {each["CUSTNAME"]: each for each in masters.all_gp()}
    assert names["Bay Foods"]["INET1"] == "bay@example.com"
    assert names["Bay Foods"]["CUSTNMBR"].startswith("LX")
    assert names["Cove Cafe"]["CUSTNMBR"] == "COVE1"
    masters.in_xero("Bay Foods", EmailAddress="new@example.com")
    assert masters.run() == {"customers_gp": 1}
    names = {each["CUSTNAME"]: each for each in masters.all_gp()}
    assert names["Bay Foods"]["INET1"] == "new@example.com"
    assert masters.letters() == []


def test_edits_of_different_fields_on_both_sides_all_arrive(masters: Masters) -> None:
    masters.in_gp("DOCK1", CUSTNAME="Dock", CITY="Boston", INET1="dock@example.com")
    masters.come_to_rest()
    masters.in_gp("DOCK1", CITY="Salem")
    masters.in_xero("DOCK1", EmailAddress="d@example.com")
    masters.come_to_rest()
    assert street(masters.xero("DOCK1"))["City"] == masters.gp("DOCK1")["CITY"] == "Salem"
    assert masters.xero("DOCK1")["EmailAddress"] == masters.gp("DOCK1")["INET1"] == "d@example.com"


def test_a_field_changed_there_and_back_is_written_each_time(masters: Masters) -> None:
    masters.in_gp("ECHO1", CUSTNAME="Echo one")
    masters.come_to_rest()
    for name in ("Echo two", "Echo one", "Echo two", "Echo one"):
        masters.in_gp("ECHO1", CUSTNAME=name)
        masters.come_to_rest()
        assert masters.xero("ECHO1")["Name"] == name
    masters.in_xero("ECHO1", Name="Echo two")
    masters.come_to_rest()
    masters.in_gp("ECHO1", CUSTNAME="Echo one")
    masters.come_to_rest()
    assert masters.xero("ECHO1")["Name"] == "Echo one"


def test_a_field_cleared_on_one_side_is_cleared_on_the_other(masters: Masters) -> None:
    masters.in_gp("FOG1", CUSTNAME="Fog", CITY="Boston", ADDRESS1="2 Quay", INET1="fog@example.com")
    masters.come_to_rest()
    masters.in_gp("FOG1", INET1="", CITY="")
    masters.come_to_rest()
    assert masters.xero("FOG1")["EmailAddress"] == ""
    assert street(masters.xero("FOG1")) == {"AddressLine1": "2 Quay"}
    masters.in_xero("FOG1", Addresses=[{"AddressType": "STREET"}])
    masters.come_to_rest()
    assert masters.gp("FOG1")["ADDRESS1"] == ""


def test_telephone_numbers_go_both_ways_each_as_its_ledger_has_them_typed(masters: Masters) -> None:
    masters.in_gp("DIAL1", CUSTNAME="Dial House", PHONE1="61755501000012", FAX="00000000000000", PHONE3="ask Ann")
    masters.come_to_rest()
    assert phones(masters.xero("DIAL1")) == {"DEFAULT": "1 617 5550100 x12", "MOBILE": "ask Ann"}
    masters.in_xero("DIAL1", Phones=[phone("DDI", "64", "21", "5551234"), phone("FAX", "", "617", "555-0199")])
    assert masters.run() == {"customers_gp": 1}
    held = masters.gp("DIAL1")
    assert (held["PHONE1"], held["PHONE2"], held["PHONE3"], held["FAX"]) == (
        "61755501000012",
        "+64215551234",
        "ask Ann",
        "61755501990000",
    )
    assert masters.run() == {}  # that Xero has it typed otherwise changes nothing
    masters.in_xero("DIAL1", Phones=[phone("DEFAULT", "+1", "617", "555-0100 ext 12")])
    assert masters.run() == {}


def test_telephone_number_cleared_on_one_side_is_cleared_on_the_other_whatever_parts_it_had(masters: Masters) -> None:
    masters.in_xero("Bell Buoy", ContactNumber="DIAL2", Phones=[phone("DEFAULT", "64", "9x", "ring twice")])
    masters.come_to_rest()
    assert masters.gp("DIAL2")["PHONE1"] == "+64 9x ring twice"
    masters.in_gp("DIAL2", PHONE1="00000000000000", PHONE2="61755501000000")
    assert masters.run() == {"customers_xero": 1}
    assert phones(masters.xero("DIAL2")) == {"DDI": "1 617 5550100"}
    assert masters.run() == {}
    masters.in_xero("DIAL2", Phones=[phone("DDI", "", "", "")])
    assert masters.run() == {"customers_gp": 1}
    assert masters.gp("DIAL2")["PHONE2"] == ""
    assert masters.run() == {}


def test_field_that_is_mapped_since_two_were_linked_arrives_when_both_are_read_again(
    masters: Masters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    include = Path(shutil.copytree(include_folder(), tmp_path / "include"))
    for name in ("gp_customer_to_customer", "xero_contact_to_customer"):
        file = include / "mappings" / f"{name}.yaml"
        mapping = yaml.safe_load(file.read_text())
        del mapping["header"]["phone"]
        file.write_text(yaml.safe_dump(mapping))
    with monkeypatch.context() as before:
        before.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(include))
        masters.in_gp("OLD1", CUSTNAME="Old Hand", PHONE1="61755501000000")
        masters.in_gp("OLD2", CUSTNAME="Older Hand")
        masters.come_to_rest()
        masters.in_xero("OLD2", Phones=[phone("DEFAULT", "64", "21", "5551234")])
        masters.come_to_rest()
    masters.come_to_rest()
    assert phones(masters.xero("OLD1")) == {}
    monkeypatch.setenv("LEDGERBRIDGE_STATE_URL", masters.office.state.url.render_as_string(hide_password=False))
    for entity in ("gp.customer", "xero.contact"):
        assert main(["backfill", entity, "--from", "2020-01-01", "--again"]) == 0
    assert masters.run() == {"customers_xero": 2, "customers_gp": 2}  # one of each, by the records of both sides
    assert phones(masters.xero("OLD1")) == {"DEFAULT": "1 617 5550100"}
    assert masters.gp("OLD2")["PHONE1"] == "+64215551234"
    assert masters.run() == {}
    assert masters.letters() == []


def test_records_of_a_form_nobody_accepted_are_held_and_nothing_of_either_side_is_told_or_lost(
    masters: Masters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    include, mapping = Path(shutil.copytree(include_folder(), tmp_path / "include")), "gp_customer_to_customer"
    file = include / "mappings" / f"{mapping}.yaml"
    file.write_text(file.read_text() + "drift: hold\n")
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(include))
    masters.in_gp("HELD1", CUSTNAME="Held Goods", INET1="held@example.com")
    masters.come_to_rest()
    form = shape_of(each["payload"] for each in recent_raw(masters.office.state, "main", "gp.customer", 200))
    with transaction(masters.office.state) as session:
        # what is a text by now was a number when somebody looked
        accept_shape(session, mapping, "olga", {**form, "CUSTNAME": "number!"}, {}, {})
    masters.in_gp("HELD1", CUSTNAME="Held Goods Inc")
    masters.in_xero("HELD1", EmailAddress="new@example.com")
    with pytest.raises(ConfigurationError, match="CUSTNAME is text, and was number") as held:
        masters.run()
    assert held.value.code == "LB-MAP-015"
    assert (masters.xero("HELD1")["Name"], masters.gp("HELD1")["INET1"]) == ("Held Goods", "held@example.com")
    with transaction(masters.office.state) as session:
        accept_shape(session, mapping, "olga", form, {}, {})
    masters.come_to_rest()
    assert (masters.xero("HELD1")["Name"], masters.gp("HELD1")["INET1"]) == ("Held Goods Inc", "new@example.com")
    assert masters.letters() == []


def test_text_longer_than_gp_keeps_of_a_telephone_number_is_a_dead_letter_and_nothing_is_cut(masters: Masters) -> None:
    masters.in_xero("Long Wharf", ContactNumber="DIAL3", Phones=[phone("DEFAULT", "", "", "617 555 0100 or 0101, ask")])
    masters.come_to_rest()
    [(code, message)] = masters.letters()
    assert (code, "a text of at most 21 characters" in message) == ("LB-MAP-003", True)
    masters.in_xero("Long Wharf", Phones=[phone("DEFAULT", "", "617", "555 0100")])
    masters.come_to_rest()
    assert masters.gp("DIAL3")["PHONE1"] == "61755501000000"
    with transaction(masters.office.state) as session:
        session.execute(delete(DeadLetter))


def phone(kind: str, country: str, area: str, number: str) -> dict[str, str]:
    return {"PhoneType": kind, "PhoneCountryCode": country, "PhoneAreaCode": area, "PhoneNumber": number}


def phones(contact: dict[str, Any]) -> dict[str, str]:
    """A contact's telephone numbers by kind, as Xero shows them."""
    parts = ("PhoneCountryCode", "PhoneAreaCode", "PhoneNumber")
    shown = {each["PhoneType"]: " ".join(each.get(part, "") for part in parts).strip() for each in contact["Phones"]}
    return {kind: text for kind, text in shown.items() if text}


def test_postal_address_is_the_one_of_its_code_in_gp_and_goes_both_ways(masters: Masters) -> None:
    masters.in_gp(
        "POST1", CUSTNAME="Post House", CITY="Boston", addresses={"POSTAL": {"ADDRESS1": "PO Box 7", "ZIP": "02101"}}
    )
    masters.in_xero("Letter Box", ContactNumber="POST2", Addresses=[{"AddressType": "STREET", "City": "Lynn"}])
    masters.come_to_rest()
    assert street(masters.xero("POST1"), "POBOX") == {"AddressLine1": "PO Box 7", "PostalCode": "02101"}
    assert [*masters.gp("POST2")["addresses"]] == ["PRIMARY"]  # no empty one is made
    masters.in_xero("POST2", Addresses=[{"AddressType": "POBOX", "AddressLine1": "Box 1", "City": "Salem"}])
    masters.in_xero("POST1", Addresses=[{"AddressType": "POBOX", "AddressLine1": "PO Box 7"}])
    assert masters.run() == {"customers_gp": 2}
    made = masters.gp("POST2")["addresses"]["POSTAL"]
    assert (made["ADDRESS1"], made["CITY"], masters.gp("POST2")["CITY"]) == ("Box 1", "Salem", "Lynn")
    assert masters.gp("POST1")["addresses"]["POSTAL"]["ZIP"] == ""
    assert masters.run() == {}
    ours = {"AddressType": "POBOX", "AddressLine1": "Box 1", "City": "Salem"}
    masters.in_xero("POST2", Addresses=[{**ours, "AttentionTo": "Ann"}])  # of which GP is told nothing
    assert masters.run() == {}
    masters.in_gp("POST2", addresses={"POSTAL": {"ADDRESS1": "", "CITY": ""}})
    assert masters.run() == {"customers_xero": 1}
    assert street(masters.xero("POST2"), "POBOX") == {"AttentionTo": "Ann"}
    assert street(masters.xero("POST2")) == {"City": "Lynn"}
    assert masters.run() == {}


def test_code_that_is_a_customers_own_is_both_of_its_addresses_and_neither_comes_and_goes(masters: Masters) -> None:
    masters.in_gp("POST3", CUSTNAME="Mail Coach", CITY="Boston", ADRSCODE="POSTAL")
    masters.come_to_rest()
    assert street(masters.xero("POST3"), "POBOX") == street(masters.xero("POST3")) == {"City": "Boston"}
    masters.in_xero("POST3", Addresses=[{"AddressType": "POBOX", "City": "Salem"}])
    masters.come_to_rest()
    held = masters.gp("POST3")
    assert held["CITY"] == held["addresses"]["POSTAL"]["CITY"] == street(masters.xero("POST3"))["City"] == "Salem"


def test_payment_terms_go_both_ways_by_the_companys_table(masters: Masters) -> None:
    masters.in_gp("TERM1", CUSTNAME="Quayside Chandlers", PYMTRMID="Net 30")
    masters.come_to_rest()
    assert terms(masters.xero("TERM1")) == "30 DAYSAFTERBILLDATE"
    masters.in_xero("TERM1", PaymentTerms={"Sales": {"Day": 0, "Type": "DAYSAFTERBILLDATE"}})
    assert masters.run() == {"customers_gp": 1}
    assert masters.gp("TERM1")["PYMTRMID"] == "Due on receipt"
    masters.in_gp("TERM1", PYMTRMID="Prepaid")  # which is the same in Xero
    assert masters.run() == {}
    masters.in_xero("TERM1", PaymentTerms={"Sales": None})
    assert masters.run() == {"customers_gp": 1}
    assert masters.gp("TERM1")["PYMTRMID"] == ""
    assert masters.run() == {}


def test_payment_terms_that_no_line_of_the_table_has_are_told_and_nothing_is_cleared_or_kept_back(
    masters: Masters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masters.in_gp("Net 45", window="payment_terms", DUEDTDS=45)
    masters.in_gp("TERM2", CUSTNAME="Ballast Partners", PYMTRMID="Net 30")
    masters.come_to_rest()
    masters.in_gp("TERM2", PYMTRMID="Net 45", CITY="Lynn")
    masters.come_to_rest()
    assert (terms(masters.xero("TERM2")), street(masters.xero("TERM2"))["City"]) == ("30 DAYSAFTERBILLDATE", "Lynn")
    of_gp = (
        'people see to it: gp.customer TERM2: "Net 45" is not known as payment_terms (table), and payment_terms needs '
        "it. Add a line to include/lookups/payment_terms.csv: Net 45,<day> <kind of Xero>,"
    )
    assert masters.told("customers_xero") == masters.told("customers_gp") == {of_gp}
    assert masters.alerts() == {
        "customers_gp": "records of gp.customer that are not as they should be: 1; "
        "The page of masters tells which; each says what is to be done."
    }
    table = (lookups_folder() / "payment_terms.csv").read_text()
    (tmp_path / "payment_terms.csv").write_text(f"{table}Net 45,45 DAYSAFTERBILLDATE,45 DAYSAFTERBILLDATE\n")
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__LOOKUPS_FOLDER", str(tmp_path))
    masters.come_to_rest()
    assert terms(masters.xero("TERM2")) == "45 DAYSAFTERBILLDATE"
    assert masters.told("customers_xero") == masters.told("customers_gp") == set()
    masters.in_xero(
        "TERM2", PaymentTerms={"Sales": {"Day": 31, "Type": "OFCURRENTMONTH"}}, EmailAddress="b@example.com"
    )
    masters.come_to_rest()
    assert (masters.gp("TERM2")["PYMTRMID"], masters.gp("TERM2")["INET1"]) == ("Net 45", "b@example.com")
    assert any('"31 OFCURRENTMONTH" is not known' in each for each in masters.told("customers_gp"))
    masters.in_xero("TERM2", PaymentTerms={"Sales": {"Day": 30, "Type": "DAYSAFTERBILLDATE"}})
    masters.come_to_rest()
    assert masters.told("customers_xero") == masters.told("customers_gp") == set()
    assert masters.alerts() == {}
    assert masters.letters() == []


def test_payment_terms_cleared_in_gp_are_told_until_people_cleared_them_in_xero(masters: Masters) -> None:
    masters.in_gp("TERM3", CUSTNAME="Gantry Holdings", PYMTRMID="Net 30")
    masters.come_to_rest()
    masters.in_gp("TERM3", PYMTRMID="")
    assert masters.run() == {}
    assert masters.told("customers_xero") == {
        "people see to it: xero.contact TERM3 still has payment_terms, which gp.customer has no more: "
        "clear it in the contact's page in Xero"
    }
    masters.in_xero("TERM3", PaymentTerms={"Sales": None})
    assert masters.run() == {}
    assert masters.told("customers_xero") == set()


def test_a_name_gp_cannot_hold_whole_stays_whole_in_xero(masters: Masters) -> None:
    long = "Gull and Sons, Purveyors of Fine Ropes and Sails to the Navy since 1820"
    masters.in_xero("Gull", ContactNumber="GULL1")
    masters.come_to_rest()
    masters.in_xero("GULL1", Name=long)
    masters.come_to_rest()
    assert masters.gp("GULL1")["CUSTNAME"] == long[:64].rpartition(" ")[0]
    masters.in_gp("GULL1", CITY="Boston")
    masters.come_to_rest()
    assert masters.xero("GULL1")["Name"] == long


def test_where_both_have_a_number_already_the_two_are_merged_and_neither_is_overwritten(masters: Masters) -> None:
    masters.in_gp("HULL1", CUSTNAME="Hull", CITY="Boston", PYMTRMID="Net 30")
    masters.later()
    due = {"Sales": {"Day": 0, "Type": "DAYSAFTERBILLDATE"}}
    masters.in_xero("Hull Ltd", ContactNumber="HULL1", EmailAddress="hull@example.com", PaymentTerms=due)
    masters.come_to_rest()
    assert masters.gp("HULL1")["INET1"] == masters.xero("HULL1")["EmailAddress"] == "hull@example.com"
    assert street(masters.xero("HULL1"))["City"] == masters.gp("HULL1")["CITY"] == "Boston"
    assert masters.gp("HULL1")["CUSTNAME"] == masters.xero("HULL1")["Name"] == "Hull Ltd"
    assert terms(masters.xero("HULL1")) == "30 DAYSAFTERBILLDATE"  # GP's, though Xero's contact is newer
    assert masters.letters() == []


def test_name_another_contact_has_is_a_dead_letter_and_the_rest_goes_on(masters: Masters) -> None:
    masters.in_gp("ISLE1", CUSTNAME="Isle")
    masters.in_gp("ISLE2", CUSTNAME="Isle two")
    masters.come_to_rest()
    masters.in_gp("ISLE2", CUSTNAME="Isle")
    masters.in_gp("ISLE1", CITY="Boston")
    masters.come_to_rest()
    assert street(masters.xero("ISLE1"))["City"] == "Boston"
    assert masters.xero("ISLE2")["Name"] == "Isle two"
    [(_, message)] = masters.letters()
    assert "Isle" in message


def test_contact_archived_in_xero_is_inactive_in_gp_and_comes_back_when_gp_takes_it_back(masters: Masters) -> None:
    masters.in_gp("JETTY1", CUSTNAME="Jetty")
    masters.come_to_rest()
    masters.in_xero("JETTY1", ContactStatus="ARCHIVED")
    assert masters.run() == {"customers_gp": 1}
    assert masters.gp("JETTY1")["INACTIVE"] == 1
    assert masters.run() == {}
    masters.in_gp("JETTY1", INACTIVE=0)
    masters.come_to_rest()
    assert masters.xero("JETTY1")["ContactStatus"] == "ACTIVE"


def test_customer_inactive_from_the_start_is_not_made_in_xero_until_it_is_used_again(masters: Masters) -> None:
    masters.in_gp("KEEL1", CUSTNAME="Keel", INACTIVE=1)
    assert masters.run() == {}
    masters.in_gp("KEEL1", INACTIVE=0)
    masters.come_to_rest()
    assert masters.xero("KEEL1")["Name"] == "Keel"


def test_other_internet_addresses_stay_when_xero_changes_the_e_mail_address(masters: Masters) -> None:
    masters.in_gp("LOCK1", CUSTNAME="Lock", INET1="lock@example.com", INET2="https://lock.example.com")
    masters.come_to_rest()
    masters.in_xero("LOCK1", EmailAddress="new@lock.example.com")
    masters.come_to_rest()
    customer = masters.gp("LOCK1")
    assert (customer["INET1"], customer["INET2"]) == ("new@lock.example.com", "https://lock.example.com")


EDITS = {"name": ("CUSTNAME", "Name"), "email": ("INET1", "EmailAddress"), "city": ("CITY", "City")}
FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("xero", {"kind": "lost_after_commit", "method": "POST", "path": "/api.xro/2.0/Contacts"}),
    ("xero", {"kind": "lost_before_commit", "method": "POST", "path": "/api.xro/2.0/Contacts"}),
    ("gp", {"kind": "lost_after_commit", "contains": "taUpdateCreateCustomerRcd"}),
    ("gp", {"kind": "lost_before_commit", "contains": "taUpdateCreateCustomerRcd"}),
]
NUMBERS = ("REEF0", "REEF1", "REEF2")


def held(masters: Masters, number: str) -> dict[str, tuple[str, str]]:
    """Of each field what GP and what Xero holds."""
    customer, contact = masters.gp(number), masters.xero(number)
    in_xero = {**contact, "City": street(contact).get("City", "")}
    return {field: (customer[of_gp], in_xero[of_xero]) for field, (of_gp, of_xero) in EDITS.items()}


@pytest.mark.parametrize("seed", range(3))
def test_whatever_people_edit_and_whichever_answer_is_lost_both_come_to_hold_the_same(
    masters: Masters, seed: int
) -> None:
    dice = SeededDice(seed)
    for number in NUMBERS:
        masters.in_gp(number, CUSTNAME=number, CITY="Boston", INET1=f"{number}@example.com")
    masters.settle()
    masters.come_to_rest()
    edited: dict[tuple[str, str], list[str]] = {}
    for turn in range(6):
        number, field = dice.pick(NUMBERS), dice.pick(list(EDITS))
        of_gp, of_xero = EDITS[field]
        value = "" if field != "name" and dice.chance(20) else f"{number}-{seed}-{turn}"
        value += "@example.com" if field == "email" and value else ""
        edited.setdefault((number, field), []).append(value)
        if dice.chance(50):
            masters.in_gp(number, **{of_gp: value})
        elif field == "city":
            masters.in_xero(number, Addresses=[{"AddressType": "STREET", "City": value}])
        else:
            masters.in_xero(number, **{of_xero: value})
    system, fault = dice.pick(FAULTS)
    masters.office.player.order_fault(system, fault)
    with suppress(TransientError):
        masters.run()
    masters.office.player.forget_faults()
    masters.settle()
    masters.come_to_rest()
    for number in NUMBERS:
        for field, (in_gp, in_xero) in held(masters, number).items():
            assert in_gp == in_xero
            values = edited.get((number, field))
            assert values is None or in_gp in values
            assert values is None or len(values) > 1 or in_gp == values[0]


def test_worker_killed_at_each_step_leaves_each_customer_once_and_each_edit_on_both_sides(
    masters: Masters, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__LEASE_SECONDS", "5")
    masters.in_gp("MAST", CUSTNAME="Mast")
    masters.come_to_rest()
    with killing_machine(tmp_path) as machine:
        for turn, step in enumerate(STEPS):
            masters.in_gp(f"MAST{turn}", CUSTNAME=f"Mast {turn}")
            masters.in_gp("MAST", CITY=f"City {turn}")
            assert machine.killed_pass(f"killed-{turn}", step, "master_data") == -signal.SIGKILL
            masters.in_xero("MAST", EmailAddress=f"mast{turn}@example.com")
            masters.settle()
            masters.come_to_rest()
            mails = (masters.gp("MAST")["INET1"], masters.xero("MAST")["EmailAddress"])
            assert mails == (f"mast{turn}@example.com",) * 2
            assert (masters.gp("MAST")["CITY"], street(masters.xero("MAST"))["City"]) == (f"City {turn}",) * 2
            assert [each["Name"] for each in masters.all_xero()].count(f"Mast {turn}") == 1


def test_who_orders_in_the_shop_is_the_contact_that_their_customer_is_linked_with(masters: Masters) -> None:
    """By e-mail alone nobody could tell which of the two contacts it is."""
    masters.in_gp("NELL1", CUSTNAME="Nell", INET1="customer9001@example.com")
    masters.come_to_rest()
    masters.in_xero("Nell's twin", EmailAddress="customer9001@example.com")
    office = masters.office
    office.player.play(order_file([sale(9001, [lamp()], [pay("ch_9001", "53.77")])]), 1)
    for stage in ("orders", "invoices"):
        office.flow.run_stage(stage, "order-9001")
    with transaction(office.state) as session:
        of_order = select(Delivery).where(Delivery.flow == "order_to_cash", Delivery.state == "delivered")
        ids = {each.entity: each.target_id for each in session.scalars(of_order)}
        letters = session.scalars(select(DeadLetter.message).where(DeadLetter.flow == "order_to_cash")).all()
    assert letters == []
    assert (ids["gp.customer"], ids["xero.contact"]) == ("NELL1", masters.xero("NELL1")["ContactID"])


def test_contact_that_is_a_supplier_alone_does_not_become_a_customer_of_gp(masters: Masters) -> None:
    masters.in_xero("Oakum Supplies", ContactNumber="OAK1", IsSupplier=True)
    masters.in_xero("Pier Cafe", ContactNumber="PIER1", IsSupplier=True, IsCustomer=True)
    masters.come_to_rest()
    numbers = {each["CUSTNMBR"] for each in masters.all_gp()}
    assert "PIER1" in numbers
    assert "OAK1" not in numbers


def test_replayed_dead_letter_takes_no_later_edit_of_the_other_side_back(masters: Masters) -> None:
    masters.in_gp("QUOIN1", CUSTNAME="Quoin")
    masters.in_gp("QUOIN2", CUSTNAME="Quoin two")
    masters.come_to_rest()
    masters.in_gp("QUOIN2", CUSTNAME="Quoin")
    masters.come_to_rest()
    masters.later()
    masters.in_xero("QUOIN2", Name="Quoin three")
    masters.in_xero("QUOIN1", Name="Quoin one")
    with transaction(masters.office.state) as session:
        [letter] = session.scalars(select(DeadLetter).where(DeadLetter.source_key.endswith(":QUOIN2")))
        replay(session, [letter], Person("vera", "the name is free now", "test"))
    masters.come_to_rest()
    assert masters.xero("QUOIN2")["Name"] == masters.gp("QUOIN2")["CUSTNAME"] == "Quoin three"


def test_of_two_edits_of_a_field_the_later_one_stands(masters: Masters) -> None:
    masters.in_gp("SLIP1", CUSTNAME="Slip")
    masters.come_to_rest()
    masters.in_xero("SLIP1", Name="Slip of Xero")
    masters.later()
    masters.in_gp("SLIP1", CUSTNAME="Slip of GP")
    masters.come_to_rest()
    assert masters.xero("SLIP1")["Name"] == masters.gp("SLIP1")["CUSTNAME"] == "Slip of GP"
    masters.in_gp("SLIP1", CUSTNAME="Slip of GP again")
    masters.later()
    masters.in_xero("SLIP1", Name="Slip of Xero again")
    masters.come_to_rest()
    assert masters.xero("SLIP1")["Name"] == masters.gp("SLIP1")["CUSTNAME"] == "Slip of Xero again"


def test_contact_merged_into_another_leaves_its_customer_to_that_one(masters: Masters) -> None:
    before = masters.letters()
    masters.in_gp("TIDE1", CUSTNAME="Tide", CITY="Boston")
    masters.come_to_rest()
    masters.in_xero("Tide & Co", IsSupplier=True, EmailAddress="tide@example.com")
    masters.come_to_rest()
    masters.office.player.call("POST", "xero", "/_sandbox/contacts/TIDE1/merge?into=Tide %26 Co", {})
    masters.come_to_rest()
    customer = masters.gp("TIDE1")
    assert (customer["CUSTNAME"], customer["INET1"], customer["INACTIVE"]) == ("Tide & Co", "tide@example.com", 0)
    masters.in_gp("TIDE1", CITY="Salem", CUSTNAME="Tide and Company")
    masters.come_to_rest()
    survivor = next(each for each in masters.all_xero() if each["Name"] == "Tide and Company")
    assert street(survivor)["City"] == "Salem"
    assert [each["CUSTNMBR"] for each in masters.all_gp() if each["CUSTNAME"].startswith("Tide")] == ["TIDE1"]
    assert masters.letters() == before


def test_an_old_load_that_is_cleared_alone_changes_nothing_of_what_came_after_it(masters: Masters) -> None:
    masters.in_gp("CHART1", CUSTNAME="Chart")
    masters.come_to_rest()
    masters.later()
    masters.in_gp("CHART1", CUSTNAME="Chart one")
    assert masters.run() == {"customers_xero": 1}
    then, run_id = dict(masters.flow.results), f"masters-{masters.passes}"
    masters.later()
    masters.in_xero("CHART1", Name="Chart two")
    assert masters.run() == {"customers_gp": 1}
    masters.flow.results = then
    assert masters.flow.task("customers_xero", "load").execute(masters.flow.context(run_id)) == {"unchanged": 1}
    assert masters.run() == {}
    assert (masters.gp("CHART1")["CUSTNAME"], masters.xero("CHART1")["Name"]) == ("Chart two", "Chart two")
