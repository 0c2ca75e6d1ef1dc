"""The simulated GP's vendors, items and payables documents (sources.md GP §1.3, §4)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lxml import etree

from tests.contract.gp_company import shop_order
from tests.contract.gp_office import Office, document, open_office, start_over


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(tmp_path_factory.mktemp("gp")) as office:
        yield office


@pytest.fixture
def office(running: Office) -> Office:
    office = start_over(running)
    vendor = {"VENDORID": "acme", "VENDNAME": "Acme Ltd", "VADDCDPR": "MAIN", "CITY": "Leeds"}
    office.create(document("PMVendorMasterType", taUpdateCreateVendorRcd=vendor))
    return office


def bill(number: str = "V1", *, distributions: bool = False, **fields: object) -> str:
    """A vendor's invoice of 100.00 with 6.25 tax."""
    tax = {"VENDORID": "ACME", "VCHRNMBR": number, "DOCTYPE": 1, "BACHNUMB": "BILLS", "TAXDTLID": "STATE"}
    key = {"DOCTYPE": 1, "VCHRNMBR": number, "VENDORID": "ACME"}
    rows = [
        key | {"DISTTYPE": 6, "ACTNUMST": "000-6100-00", "DEBITAMT": "106.25", "CRDTAMNT": 0},
        key | {"DISTTYPE": 2, "ACTNUMST": "000-2100-00", "DEBITAMT": 0, "CRDTAMNT": "106.25"},
    ]
    header: dict[str, object] = {
        "BACHNUMB": "BILLS",
        "VCHNUMWK": number,
        "VENDORID": "ACME",
        "DOCNUMBR": f"INV-{number}",
        "DOCTYPE": 1,
        "DOCAMNT": "106.25",
        "DOCDATE": "2026-03-02",
        "PRCHAMNT": "100.00",
        "TAXAMNT": "6.25",
        "CHRGAMNT": "106.25",
    }
    return document(
        "PMTransactionType",
        taPMTransactionTaxInsert=[tax | {"TAXAMNT": "6.25", "TDTTXPUR": "100.00"}],
        taPMDistribution=rows if distributions else [],
        taPMTransactionInsert=header | fields,
    )


def test_a_vendor_is_found_with_its_address(office: Office) -> None:
    (vendor,) = office.read("Vendor", "VENDORID = 'Acme'")
    assert (vendor["VENDORID"], vendor["VENDNAME"], vendor["VENDSTTS"]) == ("ACME", "Acme Ltd", "1")
    assert [address["CITY"] for address in vendor["Vendor_Addr"]] == ["Leeds"]


def test_a_posted_bill_books_payables_purchases_and_tax(office: Office) -> None:
    office.create(bill())
    (waiting,) = office.read("Payables_Transaction")
    assert (waiting["VCHNUMWK"], waiting["DOCAMNT"]) == ("V1", "106.25000")
    assert office.books() == {}
    office.post()
    (posted,) = office.read("Payables_Posted_Transaction", "VCHRNMBR = 'V1' AND DOCTYPE = 1")
    assert (posted["CURTRXAM"], posted["DOCNUMBR"]) == ("106.25000", "INV-V1")
    assert office.books() == {"payables": "-106.25", "purchases": "100.00", "tax_payable": "6.25"}


def test_a_credit_memo_goes_the_other_way(office: Office) -> None:
    credit = {"DOCTYPE": 5, "DOCAMNT": "40.00", "PRCHAMNT": "40.00", "TAXAMNT": "0", "CHRGAMNT": None}
    header = etree.fromstring(bill(**credit)).find(".//taPMTransactionInsert")
    xml = f"<eConnect><PMTransactionType>{etree.tostring(header).decode()}</PMTransactionType></eConnect>"
    office.create(xml)
    office.post()
    assert office.books() == {"payables": "40.00", "purchases": "-40.00"}


def test_own_distributions_count_twice_unless_gp_is_told_to_make_none(office: Office) -> None:
    office.create(bill("V1", distributions=True, CREATEDIST=0))
    office.create(bill("V2", distributions=True))
    office.post()
    assert office.books() == {"payables": "-318.75", "fees": "212.50", "purchases": "100.00", "tax_payable": "6.25"}


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        pytest.param({"VENDORID": "NOBODY"}, 372, id="unknown-vendor"),
        pytest.param({"DOCNUMBR": "INV-V1"}, 305, id="vendors-number-known"),
        pytest.param({"VCHNUMWK": "V1"}, 50071, id="voucher-known"),
        pytest.param({"DOCAMNT": "106.24"}, 308, id="amounts-do-not-add-up"),
        pytest.param({"CHRGAMNT": "100.00"}, 399, id="charge-amount"),
        pytest.param({"TAXAMNT": "6.24", "DOCAMNT": "106.24"}, 50005, id="tax-sum"),
    ],
)
def test_a_bill_that_does_not_fit_is_refused(office: Office, changes: dict[str, object], number: int) -> None:
    office.create(bill())
    assert f"Error Number = {number}  Stored Procedure= taPMTransactionInsert" in office.refusal(bill("V2", **changes))
    assert len(office.read("Payables_Transaction")) == 1


def test_a_bill_without_a_number_gets_one_in_all_its_nodes(office: Office) -> None:
    answer = etree.fromstring(office.create(bill("", distributions=True, CREATEDIST=0, DOCNUMBR="INV-9")))
    numbers = {element.text for element in answer.iter("VCHNUMWK", "VCHRNMBR")}
    assert [row["VCHNUMWK"] for row in office.read("Payables_Transaction")] == list(numbers)
    taken = office.client.service.GetPMNextVoucherNumber("Increment", office.connection)
    assert taken > numbers.pop()
    assert office.post() == 1


def test_an_item_made_by_econnect_is_sold(office: Office) -> None:
    item = {"ITEMNMBR": "vase", "ITEMDESC": "Vase", "CURRCOST": "10.00", "UOMSCHDL": "EACH"}
    site = {"ITEMNMBR": "VASE", "LOCNCODE": "MAIN"}
    office.create(document("IVItemMasterType", taUpdateCreateItemRcd=item, taItemSite=[site]))
    vase = {"sku": "VASE", "quantity": 1, "unit_price": "30.00", "discount": "0.00", "tax": []}
    office.create(office.order(shop_order(lines=[vase], shipping=None)))
    office.ship()
    assert office.books() == {
        "receivables": "30.00",
        "sales": "-30.00",
        "cost_of_goods_sold": "10.00",
        "inventory": "-10.00",
    }
