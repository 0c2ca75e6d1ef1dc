"""What both ledgers are set up with and neither is written: it is compared, and people are told until it agrees."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from tests.flows.masters import Masters, open_masters


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Masters]:
    with open_masters(tmp_path_factory.mktemp("compared"), "setup") as opened:
        yield opened


def told(masters: Masters, leg: str) -> set[str]:
    """What people are told of a leg's side, after a pass of that leg."""
    masters.passes += 1
    masters.flow.run_stage("setup", f"compared-{masters.passes}", legs=[leg])
    with transaction(masters.office.state) as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 0
    return masters.told(leg)


def test_account_renamed_in_gp_is_told_until_people_renamed_it_in_xero(masters: Masters) -> None:
    assert told(masters, "accounts_xero") == told(masters, "accounts_gp") == set()
    [shipping] = [each for each in masters.all_gp("accounts") if each["ACTDESCR"] == "Shipping income"]
    masters.in_gp(shipping["ACTINDX"], window="accounts", ACTDESCR="Freight income")
    renamed = {"xero.account 210 differs in name: change it in Xero's chart of accounts"}
    assert told(masters, "accounts_xero") == renamed
    assert told(masters, "accounts_xero") == renamed  # neither forgotten nor told twice
    masters.in_xero("210", window="accounts", Name="Freight income")
    assert told(masters, "accounts_xero") == told(masters, "accounts_gp") == set()


def test_finding_is_an_alert_until_people_have_changed_what_differs(masters: Masters) -> None:
    masters.in_xero("210", window="accounts", Name="Delivery income")
    told(masters, "accounts_gp")
    assert masters.alerts() == {
        "accounts_gp": "records of gp.account that are not as they should be: 1; "
        "The page of masters tells which; change them in GP's window Account Maintenance."
    }
    [shipping] = [each for each in masters.all_gp("accounts") if each["ACTDESCR"] == "Freight income"]
    masters.in_gp(shipping["ACTINDX"], window="accounts", ACTDESCR="Delivery income")
    told(masters, "accounts_gp")
    assert masters.alerts() == {}


def test_account_archived_in_xero_is_told_where_gp_is_to_follow(masters: Masters) -> None:
    masters.in_xero("206", window="accounts", Status="ARCHIVED")
    follows = "gp.account 206 differs in active: change it in GP's window Account Maintenance"
    assert told(masters, "accounts_gp") == {follows}


def test_tax_that_differs_or_is_missing_in_a_ledger_is_told_with_where_people_change_it(masters: Masters) -> None:
    masters.in_gp("UK-ZERO", window="tax_details", TXDTLPCT="5")
    masters.in_gp("NY-STATE", window="tax_details", TXDTLPCT="4")
    assert told(masters, "taxes_xero") == {
        "xero.tax_component UK-ZERO differs in percent: change it in Xero's tax rates",
        "xero.tax_component has no tax NY-STATE: make it in Xero's tax rates, or take it out of gp.tax_detail",
    }
    percent = {"TaxComponents": [{"Name": "UK-ZERO", "Rate": "5"}]}
    masters.in_xero("UK zero rated", window="tax_rates", **percent)
    masters.in_xero("NY", window="tax_rates", TaxComponents=[{"Name": "NY-STATE", "Rate": "4"}])
    assert told(masters, "taxes_xero") == told(masters, "taxes_gp") == set()


def test_currency_that_one_ledger_lacks_is_told_until_it_is_there(masters: Masters) -> None:
    masters.in_gp("Z-EURO", window="currencies", ISOCURRC="EUR")
    lacks = told(masters, "currencies_xero")
    assert "xero.currency has no currency EUR: make it in Xero's currencies, or take it out of gp.currency" in lacks
    masters.in_xero("EUR", window="currencies")
    assert not any("EUR" in each for each in told(masters, "currencies_xero") | told(masters, "currencies_gp"))


def test_values_of_the_segment_that_xero_tracks_are_told_and_those_of_other_segments_are_not(masters: Masters) -> None:
    masters.in_xero("Department", window="tracking", Options=[{"Name": "100"}, {"Name": "200"}])
    masters.in_xero("Region", window="tracking", Options=[{"Name": "North"}])
    lacks = "gp.segment has no setting {}: make it in GP's window Account Segments, or take it out of {}"
    assert told(masters, "segments_gp") == {lacks.format(each, "xero.tracking_option") for each in ("100", "200")}


def test_class_of_gp_is_told_until_xero_has_a_contact_group_of_its_name_and_a_group_without_a_class_is_not(
    masters: Masters,
) -> None:
    masters.in_gp("WHOLESALE", window="customer_classes", CLASDSCR="Wholesale")
    masters.in_gp("FREIGHT", window="vendor_classes", VNDCLDSC="Freight")
    masters.in_xero("Friends", window="contact_groups")
    lacks = "xero.contact_group has no setting {}: make it in Xero's contact groups"
    assert told(masters, "customer_classes_xero") == {lacks.format("WHOLESALE")}
    assert told(masters, "vendor_classes_xero") == {lacks.format("FREIGHT")}
    masters.in_xero("Wholesale", window="contact_groups")
    assert told(masters, "customer_classes_xero") == set()
    masters.in_xero("Wholesale", window="contact_groups", Status="DELETED")
    differs = "xero.contact_group Wholesale differs in active: change it in Xero's contact groups"
    assert told(masters, "customer_classes_xero") == {differs}
    assert not {"customer_classes_gp", "vendor_classes_gp"} & masters.flow.flow.legs.keys()


def test_tax_schedule_of_gp_is_told_until_xero_has_a_rate_of_its_details(masters: Masters) -> None:
    masters.in_gp("HARBOR", window="tax_details", TXDTLPCT="1")
    masters.in_gp("PORT", window="tax_schedules", details=["HARBOR", "UK-ZERO"])
    lacks = "xero.tax_rate has no setting HARBOR+UK-ZERO: make it in Xero's tax rates"
    assert lacks in told(masters, "tax_schedules_xero")
    components = [{"Name": "UK-ZERO", "Rate": "5"}, {"Name": "HARBOR", "Rate": "1"}]
    masters.in_xero("Port", window="tax_rates", TaxComponents=components)
    assert lacks not in told(masters, "tax_schedules_xero")


def test_what_was_deleted_in_one_ledger_is_told_until_it_is_there_again_or_in_neither(masters: Masters) -> None:
    masters.in_gp("DE-19", window="tax_details", TXDTLPCT="19")
    masters.in_xero("DE", window="tax_rates", TaxComponents=[{"Name": "DE-19", "Rate": "19"}])

    def told_of_de() -> set[str]:
        both = told(masters, "taxes_gp") | told(masters, "taxes_xero")
        return {each for each in both if "DE-19" in each}

    assert told_of_de() == set()
    masters.deleted_in_xero("DE", window="tax_rates")
    lacks = {"xero.tax_component has no tax DE-19: make it in Xero's tax rates, or take it out of gp.tax_detail"}
    assert told_of_de() == lacks
    assert told_of_de() == lacks
    masters.in_xero("DE new", window="tax_rates", TaxComponents=[{"Name": "DE-19", "Rate": "18"}])
    window = "GP's window Tax Detail Maintenance"
    assert told_of_de() == {f"gp.tax_detail DE-19 differs in percent: change it in {window}"}
    masters.deleted_in_gp("DE-19", window="tax_details")
    assert told_of_de() == {
        f"gp.tax_detail has no tax DE-19: make it in {window}, or take it out of xero.tax_component"
    }
    masters.deleted_in_xero("DE new", window="tax_rates")
    assert told_of_de() == set()


def test_account_deleted_in_xero_and_made_again_under_another_id_is_the_same_account(masters: Masters) -> None:
    code = "210"

    def told_of_account() -> set[str]:
        both = told(masters, "accounts_gp") | told(masters, "accounts_xero")
        return {each for each in both if code in each}

    assert told_of_account() == set()
    masters.deleted_in_xero(code, window="accounts")
    lacks = {f"xero.account has no account {code}: make it in Xero's chart of accounts, or take it out of gp.account"}
    assert told_of_account() == lacks
    masters.in_xero(code, window="accounts", Name="Parcel income", Type="REVENUE")
    assert told_of_account() == {f"gp.account {code} differs in name: change it in GP's window Account Maintenance"}
