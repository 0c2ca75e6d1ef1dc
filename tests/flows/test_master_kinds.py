"""Vendors and items that people change in GP and in Xero: as customers are, and beside them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk import DAG
from sqlalchemy import delete, select

from ledgerbridge.audit import Actor
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AlertRow, DeadLetter
from ledgerbridge.sync import answer_proposals, open_proposals
from operators.questions import PutQuestionsOperator, QuestionOperator
from tests.flows.edited_masters import all_items_are_due
from tests.flows.masters import Masters, open_masters, street, terms


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Masters]:
    with open_masters(tmp_path_factory.mktemp("kinds"), "vendors") as opened:
        yield opened


@pytest.fixture
def items(masters: Masters) -> Iterator[Masters]:
    masters.stages = ["items"]
    yield masters
    masters.stages = ["vendors"]


def vendor(masters: Masters, number: str) -> dict[str, Any]:
    return next(each for each in masters.all_gp("vendors") if each["VENDORID"] == number)


def supplier(masters: Masters, number: str) -> dict[str, Any]:
    return next(each for each in masters.all_xero() if each.get("AccountNumber") == number)


def test_vendor_made_in_gp_arrives_in_xero_and_edits_of_either_side_in_the_other(masters: Masters) -> None:
    address = {"ADDRESS1": "1 Mill", "CITY": "Leeds"}
    masters.in_gp("ACME", window="vendors", VENDNAME="Acme Wool", TXRGNNUM="GB1", **address)
    masters.come_to_rest()
    made = supplier(masters, "ACME")
    assert (made["Name"], made["TaxNumber"]) == ("Acme Wool", "GB1")
    assert street(made) == {"AddressLine1": "1 Mill", "City": "Leeds"}

    masters.in_xero("Acme Wool", Name="Acme Wool Ltd", Addresses=[{"AddressType": "STREET", "City": "York"}])
    assert masters.run() == {"vendors_gp": 1}
    held = vendor(masters, "ACME")
    assert (held["VENDNAME"], held["CITY"], held["ADDRESS1"], held["VADDCDPR"]) == (
        "Acme Wool Ltd",
        "York",
        "",
        "PRIMARY",
    )
    assert masters.run() == {}
    masters.in_gp("ACME", window="vendors", TXRGNNUM="", VENDNAME="Acme")
    assert masters.run() == {"vendors_xero": 1}
    assert (supplier(masters, "ACME")["Name"], supplier(masters, "ACME")["TaxNumber"]) == ("Acme", "")
    assert masters.letters() == []


def test_payment_terms_of_a_vendor_are_those_of_the_contacts_bills_and_its_sales_keep_theirs(masters: Masters) -> None:
    sales = {"Day": 20, "Type": "OFFOLLOWINGMONTH"}
    masters.in_gp("ALUM", window="vendors", VENDNAME="Alum Bay", PYMTRMID="Net 30")
    masters.come_to_rest()
    assert terms(supplier(masters, "ALUM"), "Bills") == "30 DAYSAFTERBILLDATE"
    masters.in_xero("Alum Bay", PaymentTerms={"Sales": sales})
    masters.come_to_rest()
    masters.in_gp("ALUM", window="vendors", PYMTRMID="Due on receipt")
    assert masters.run() == {"vendors_xero": 1}
    assert supplier(masters, "ALUM")["PaymentTerms"] == {
        "Bills": {"Day": 0, "Type": "DAYSAFTERBILLDATE"},
        "Sales": sales,
    }
    masters.in_gp("ALUM", window="vendors", CITY="Totland")
    masters.come_to_rest()
    assert terms(supplier(masters, "ALUM"), "Bills") == "0 DAYSAFTERBILLDATE"
    masters.in_xero("Alum Bay", PaymentTerms={"Bills": {"Day": 30, "Type": "DAYSAFTERBILLDATE"}})
    assert masters.run() == {"vendors_gp": 1}
    assert vendor(masters, "ALUM")["PYMTRMID"] == "Net 30"
    assert masters.letters() == []


def test_another_address_of_a_vendor_is_noticed_though_it_stamps_no_vendor_and_is_the_contacts_postal_one(
    masters: Masters,
) -> None:
    masters.in_gp("POST", window="vendors", VENDNAME="Post Mill", CITY="Boston", FAXNUMBR="61755501000000")
    masters.come_to_rest()
    masters.later()
    masters.in_gp("POST", window="vendors", addresses={"POSTAL": {"CITY": "Salem", "ZIPCODE": "01970"}})
    assert masters.run() == {"vendors_xero": 1}
    assert street(supplier(masters, "POST"), "POBOX") == {"City": "Salem", "PostalCode": "01970"}
    masters.in_xero("Post Mill", Addresses=[{"AddressType": "POBOX", "City": "Lynn"}])
    assert masters.run() == {"vendors_gp": 1}
    held = vendor(masters, "POST")
    assert (held["addresses"]["POSTAL"]["CITY"], held["CITY"], held["FAXNUMBR"]) == ("Lynn", "Boston", "61755501000000")
    assert masters.run() == {}


def test_contact_that_sends_a_bill_becomes_a_vendor_of_gp_and_one_that_buys_alone_does_not(masters: Masters) -> None:
    masters.in_xero("Bobbin Mills", IsSupplier=True, AccountNumber="BOBBIN")
    masters.in_xero("Cotton Cafe", IsCustomer=True, ContactNumber="COTTON")
    masters.come_to_rest()
    assert vendor(masters, "BOBBIN")["VENDNAME"] == "Bobbin Mills"
    names = {each["VENDNAME"] for each in masters.all_gp("vendors")}
    assert "Cotton Cafe" not in names


def test_contact_that_is_both_follows_the_customer_and_the_vendor_and_each_follows_it(masters: Masters) -> None:
    masters.stages = ["customers", "vendors"]
    masters.in_gp("DYE1", CUSTNAME="Dye Works", CITY="Hull")
    masters.come_to_rest()
    masters.in_xero("DYE1", AccountNumber="DYE9", IsSupplier=True)
    masters.come_to_rest()
    masters.in_gp("DYE9", window="vendors", CITY="Goole")
    masters.come_to_rest()
    assert (
        street(masters.xero("DYE1"))["City"] == masters.gp("DYE1")["CITY"] == vendor(masters, "DYE9")["CITY"] == "Goole"
    )
    masters.in_gp("DYE1", CUSTNAME="Dye Works Ltd")
    masters.come_to_rest()
    assert masters.xero("DYE1")["Name"] == vendor(masters, "DYE9")["VENDNAME"] == "Dye Works Ltd"
    assert [each["Name"] for each in masters.all_xero()].count("Dye Works Ltd") == 1
    # nor is a vendor made in Xero, who is no customer there yet, made one in GP
    assert {each["CUSTNMBR"] for each in masters.all_gp()} & {"ACME", "BOBBIN", "DYE9"} == set()
    masters.stages = ["vendors"]
    assert masters.letters() == []


def test_vendor_is_linked_with_the_contact_that_has_its_number_and_neither_is_overwritten(masters: Masters) -> None:
    masters.in_gp("FELT", window="vendors", VENDNAME="Felt", CITY="Bury")
    masters.later()
    masters.in_xero("Felt Ltd", AccountNumber="FELT", TaxNumber="GB7")
    masters.come_to_rest()
    assert (vendor(masters, "FELT")["VENDNAME"], vendor(masters, "FELT")["TXRGNNUM"]) == ("Felt Ltd", "GB7")
    assert street(supplier(masters, "FELT"))["City"] == "Bury"


def test_vendor_inactive_in_gp_is_archived_in_xero_and_back(masters: Masters) -> None:
    masters.in_gp("HEMP", window="vendors", VENDNAME="Hemp")
    masters.come_to_rest()
    masters.in_gp("HEMP", window="vendors", VENDSTTS=2)
    assert masters.run() == {"vendors_xero": 1}
    assert supplier(masters, "HEMP")["ContactStatus"] == "ARCHIVED"
    masters.in_xero("Hemp", ContactStatus="ACTIVE")
    assert masters.run() == {"vendors_gp": 1}
    assert vendor(masters, "HEMP")["VENDSTTS"] == 1


def test_address_that_arrives_in_gp_stands_under_the_code_that_is_the_vendors_own(masters: Masters) -> None:
    masters.in_gp("JUTE", window="vendors", VENDNAME="Jute", VADDCDPR="MAIN", CITY="Leeds")
    masters.come_to_rest()
    masters.in_xero("Jute", Addresses=[{"AddressType": "STREET", "City": "Dundee"}])
    masters.come_to_rest()
    assert (vendor(masters, "JUTE")["CITY"], vendor(masters, "JUTE")["VADDCDPR"]) == ("Dundee", "MAIN")


def test_vendor_deleted_in_gp_is_archived_in_xero_and_a_change_of_the_contact_does_not_make_it_again(
    masters: Masters,
) -> None:
    masters.in_gp("LINEN", window="vendors", VENDNAME="Linen", CITY="Belfast")
    masters.come_to_rest()
    masters.deleted_in_gp("LINEN", window="vendors")
    assert masters.run() == {"vendors_xero": 1}
    contact = supplier(masters, "LINEN")
    assert (contact["ContactStatus"], contact["Name"], street(contact)["City"]) == ("ARCHIVED", "Linen", "Belfast")
    assert masters.run() == {}
    assert masters.letters() == []
    masters.in_xero("Linen", Name="Linen Ltd")
    masters.come_to_rest()
    [(code, message)] = masters.letters()
    assert (code, "LINEN" in message) == ("LB-GP-031", True)
    assert "LINEN" not in {each["VENDORID"] for each in masters.all_gp("vendors")}
    with transaction(masters.office.state) as session:
        session.execute(delete(DeadLetter))


def test_vendors_both_have_meet_the_sure_ones_are_linked_and_the_likely_ones_wait_for_a_person(
    masters: Masters,
) -> None:
    taxed = {"TXRGNNUM": "GB 555", "ADDRESS1": "12 Mill Ln", "CITY": "Salem", "ZIPCODE": "01970"}
    street_of = {"AddressType": "STREET", "AddressLine1": "12 Mill Lane", "City": "Salem", "PostalCode": "01970"}
    masters.in_gp("QUAY01", window="vendors", VENDNAME="Quay Timber", **taxed)
    masters.in_xero("Quay Timber Ltd", IsSupplier=True, TaxNumber="GB555", Addresses=[street_of])
    masters.in_gp("REED01", window="vendors", VENDNAME="Reed Baskets", TXRGNNUM="GB 777")
    masters.in_xero("Willow Wares", IsSupplier=True, TaxNumber="GB777")
    masters.come_to_rest()
    assert asked(masters, "vendor") == {("REED01", "Willow Wares")}
    assert not {"Quay Timber", "Reed Baskets"} & {each["Name"] for each in masters.all_xero()}
    vendors = {each["VENDORID"]: each["VENDNAME"] for each in masters.all_gp("vendors")}
    assert "Willow Wares" not in vendors.values()
    assert [number for number, name in vendors.items() if name.startswith("Quay Timber")] == ["QUAY01"]
    masters.in_gp("QUAY01", window="vendors", CITY="Lynn")
    masters.come_to_rest()
    [linked] = [each for each in masters.all_xero() if each["Name"].startswith("Quay Timber")]
    assert (linked["AccountNumber"], street(linked)["City"]) == ("QUAY01", "Lynn")

    say(masters, "vendor", accept=False)
    masters.come_to_rest()
    assert {"Reed Baskets", "Willow Wares"} <= {each["Name"] for each in masters.all_xero()}
    assert {"Reed Baskets", "Willow Wares"} <= {each["VENDNAME"] for each in masters.all_gp("vendors")}
    assert masters.letters() == []


def asked(masters: Masters, kind: str) -> set[tuple[str | None, str]]:
    """GP's number and Xero's name of those of whom a person says whether they are one."""
    with transaction(masters.office.state) as session:
        found = open_proposals(session, "main", kind)
        return {(each.left_number, str((each.shown or {})[each.sides[1]]["name"])) for each in found}


def say(masters: Masters, kind: str, *, accept: bool) -> None:
    with transaction(masters.office.state) as session:
        answers = {each.id: accept for each in open_proposals(session, "main", kind)}
        answer_proposals(session, Actor("master_data", "", "", "test"), answers, "vera")


@pytest.mark.parametrize(("says", "stands"), [("before", "NZ 111"), ("xero", "NZ 666")])
def test_changed_bank_details_wait_for_a_second_person_with_an_alert_and_stand_as_they_say(
    masters: Masters, says: str, stands: str
) -> None:
    name = f"Kapok {says}"
    masters.in_xero(name, IsSupplier=True, AccountNumber=f"KAPOK-{says.upper()}", BankAccountDetails="NZ 111")
    masters.come_to_rest()
    change_bank_details(masters, name, by="Mallory Quick", TaxNumber="GB9")
    assert vendor(masters, f"KAPOK-{says.upper()}")["TXRGNNUM"] == "GB9"  # other fields go their way
    [asked] = put(masters, f"put-{says}")
    assert asked["options"] == ["xero", "before"]
    assert "changed lately by Mallory Quick, A Bookkeeper" in asked["body"]
    assert open_alerts(masters) == [("vendor", "approval")]
    answer(masters, asked, "xero", by="mallory quick")
    assert open_alerts(masters) == [("vendor", "approval")]
    masters.come_to_rest()
    [asked] = put(masters, f"put-again-{says}")
    answer(masters, asked, says, by="vera")
    assert open_alerts(masters) == []
    # its task is tried again: nobody is asked for what is answered
    assert question_of(masters, asked).execute(masters.flow.context("tried again")) is None
    masters.come_to_rest()
    found = next(each for each in masters.all_xero() if each["Name"] == name)
    assert (found["BankAccountDetails"], found["TaxNumber"]) == (stands, "GB9")


def test_of_the_approvers_of_bank_details_airflow_lets_only_those_answer_who_did_not_change_the_record(
    masters: Masters,
) -> None:
    masters.in_xero("Raffia", IsSupplier=True, AccountNumber="RAFFIA", BankAccountDetails="NZ 111")
    masters.come_to_rest()
    change_bank_details(masters, "Raffia", by="Mallory Quick")
    approvers = {"mquick": "Mallory Quick"}
    assert put(masters, "put-none", approvers) == []
    with transaction(masters.office.state) as session:
        alert = session.scalars(select(AlertRow).where(AlertRow.ended_at.is_(None))).one()
        assert "name another one in the flow's file" in alert.remedy
    [asked] = put(masters, "put-two", {**approvers, "vera": "Vera Miles"})
    assert asked["assigned_users"] == [{"id": "vera", "name": "vera"}]
    for turn, by in enumerate(("mquick", "a stranger")):  # whom an Airflow lets answer in which all are admins
        answer(masters, asked, "xero", by=by)
        assert open_alerts(masters) == [("vendor", "approval")]
        [asked] = put(masters, f"put-{turn}", {**approvers, "vera": "Vera Miles"})
    answer(masters, asked, "xero", by="vera")
    assert open_alerts(masters) == []


def change_bank_details(masters: Masters, name: str, *, by: str, **others: str) -> None:
    changes = {"BankAccountDetails": "NZ 666", **others}
    masters.player.call("PUT", "xero", f"/_sandbox/contacts/{name}?by={by}", changes)
    masters.come_to_rest()


def put(masters: Masters, run_id: str, approvers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """The questions that a run puts to people."""
    sync = masters.flow.flow.synced_of("vendors")["vendor"].model_copy(update={"approvers": approvers or {}})
    with DAG("questions", schedule=None):
        operator = PutQuestionsOperator(task_id="put", flow="master_data", kinds=["vendor"], synced={"vendor": sync})
        return operator.execute(masters.flow.context(run_id))


def question_of(masters: Masters, asked: dict[str, Any]) -> QuestionOperator:
    with DAG("questions", schedule=None):
        watched = masters.flow.flow.watched_of("vendors")
        return QuestionOperator(task_id="question", flow="master_data", company="main", watched=watched, **asked)


def answer(masters: Masters, asked: dict[str, Any], says: str, *, by: str) -> None:
    question = question_of(masters, asked)
    event = {"chosen_options": [says], "params_input": {}, "responded_by_user": {"id": by, "name": by}}
    told = {**event, "timedout": False, "responded_at": datetime.now(UTC)}
    question.execute_complete(masters.flow.context(f"answer {by}"), told)


def open_alerts(masters: Masters) -> list[tuple[str, str]]:
    with transaction(masters.office.state) as session:
        rows = session.scalars(select(AlertRow).where(AlertRow.ended_at.is_(None)))
        return [(each.leg, each.kind) for each in rows]


def gp_item(masters: Masters, number: str) -> dict[str, Any]:
    return next(each for each in masters.all_gp("items") if each["ITEMNMBR"] == number)


def xero_item(masters: Masters, code: str) -> dict[str, Any]:
    return next(each for each in masters.all_xero("items") if each["Code"] == code)


def test_items_both_have_are_linked_and_an_edit_of_either_arrives_in_the_other(items: Masters) -> None:
    items.come_to_rest()
    before = len(items.all_gp("items"))
    details = {"UnitPrice": "21.40", "AccountCode": "404"}
    items.in_xero("LAMP-01", window="items", PurchaseDetails=details)
    items.come_to_rest()
    items.in_gp("LAMP-01", window="items", ITEMDESC="Desk lamp, brass", STNDCOST="21.5")
    assert items.run() == {"items_xero": 1}
    held = xero_item(items, "LAMP-01")
    assert (held["Name"], str(held["PurchaseDetails"]["UnitPrice"])) == ("Desk lamp, brass", "21.5")
    assert held["PurchaseDetails"]["AccountCode"] == "404"
    items.in_xero("LAMP-01", window="items", Name="Brass lamp")
    assert items.run() == {"items_gp": 1}
    assert gp_item(items, "LAMP-01")["ITEMDESC"] == "Brass lamp"
    assert items.run() == {}
    assert len(items.all_gp("items")) == before
    assert items.letters() == []


def test_item_deleted_in_xero_is_discontinued_in_gp_and_in_use_again_when_people_make_it_again(items: Masters) -> None:
    """Only the list of all items tells that one was deleted, and that is read once a day."""
    items.in_gp("VASE-01", window="items", ITEMDESC="Vase", STNDCOST="3")
    items.come_to_rest()
    items.deleted_in_xero("VASE-01", window="items")
    assert items.run() == {}
    all_items_are_due(items.office.state)
    assert items.run() == {"items_gp": 1}
    assert (gp_item(items, "VASE-01")["ITEMTYPE"], gp_item(items, "VASE-01")["ITEMDESC"]) == (2, "Vase")
    assert items.run() == {}
    items.in_xero("VASE-01", window="items", Name="Vase", PurchaseDetails={"UnitPrice": "3"})
    assert items.run() == {"items_gp": 1}
    assert gp_item(items, "VASE-01")["ITEMTYPE"] == 1
    items.in_gp("VASE-01", window="items", ITEMDESC="Blue vase")
    assert items.run() == {"items_xero": 1}
    assert xero_item(items, "VASE-01")["Name"] == "Blue vase"
    assert items.letters() == []


def test_item_discontinued_in_gp_stays_in_xero_and_neither_is_written_again(items: Masters) -> None:
    items.in_gp("BOWL-01", window="items", ITEMDESC="Bowl")
    items.come_to_rest()
    items.in_gp("BOWL-01", window="items", ITEMTYPE=2)
    items.come_to_rest()
    all_items_are_due(items.office.state)
    assert items.run() == {}
    items.in_xero("BOWL-01", window="items", Name="Deep bowl")
    items.come_to_rest()
    assert (gp_item(items, "BOWL-01")["ITEMTYPE"], gp_item(items, "BOWL-01")["ITEMDESC"]) == (2, "Deep bowl")


def test_what_an_item_costs_is_gps_to_say(items: Masters) -> None:
    items.in_gp("OIL", window="items", ITEMDESC="Oil", STNDCOST="3.25")
    items.come_to_rest()
    items.in_xero("OIL", window="items", PurchaseDetails={"UnitPrice": "9.99"})
    assert items.run() == {"items_xero": 1}
    assert str(xero_item(items, "OIL")["PurchaseDetails"]["UnitPrice"]) == "3.25"
    assert str(gp_item(items, "OIL")["STNDCOST"]) == "3.25000"


def test_item_made_in_xero_is_made_in_gp_in_capitals_and_a_discontinued_one_of_gp_is_not_made(items: Masters) -> None:
    items.in_xero("wick", window="items", Name="Wick")
    items.in_gp("RUSH", window="items", ITEMDESC="Rush light", ITEMTYPE=2)
    items.come_to_rest()
    made = gp_item(items, "WICK")
    assert (made["ITEMDESC"], made["UOMSCHDL"]) == ("Wick", "EACH")
    items.in_gp("WICK", window="items", ITEMDESC="Cotton wick")
    items.come_to_rest()
    assert xero_item(items, "wick")["Name"] == "Cotton wick"
    assert "RUSH" not in {each["Code"] for each in items.all_xero("items")}


def test_items_meet_whose_codes_are_spelled_otherwise_and_one_code_for_two_things_waits_for_a_person(
    items: Masters,
) -> None:
    items.in_gp("HOOK-01", window="items", ITEMDESC="Brass coat hook")
    items.in_xero("hook01", window="items", Name="Coat hook, brass")
    items.in_gp("ROPE-20", window="items", ITEMDESC="Rope of 20 mm")
    items.in_xero("ROPE-20", window="items", Name="Anchor chain")
    items.come_to_rest()
    assert asked(items, "item") == {("ROPE-20", "Anchor chain")}
    assert (gp_item(items, "ROPE-20")["ITEMDESC"], xero_item(items, "ROPE-20")["Name"]) == (
        "Rope of 20 mm",
        "Anchor chain",
    )
    assert "HOOK01" not in {each["ITEMNMBR"] for each in items.all_gp("items")}
    items.in_gp("HOOK-01", window="items", ITEMDESC="Brass hook, twin")
    items.come_to_rest()
    assert xero_item(items, "hook01")["Name"] == "Brass hook, twin"

    items.later()
    items.in_gp("ROPE-20", window="items", ITEMDESC="Rope, 20 mm")
    say(items, "item", accept=True)
    items.come_to_rest()
    assert xero_item(items, "ROPE-20")["Name"] == gp_item(items, "ROPE-20")["ITEMDESC"] == "Rope, 20 mm"
    assert items.letters() == []
