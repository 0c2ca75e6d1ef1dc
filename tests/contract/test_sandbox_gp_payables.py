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


def payment(number: str = "P1", *, node: str = "taPMManualCheck", **fields: object) -> str:
    """106.25 from the bank to the vendor."""
    header: dict[str, object] = {
        "BACHNUMB": "PAID", "PMNTNMBR": number, "VENDORID": "ACME", "DOCNUMBR": f"T-{number}", "DOCAMNT": "106.25",
        "DOCDATE": "2026-03-10", "PYENTTYP": 1, "CHEKBKID": "BANK",
    }  # fmt: skip
    return document("PMManualCheckType", **{node: header | fields})


def left(office: Office) -> dict[str, tuple[str, str]]:
    """State and what is left of each payables document, by its number."""
    payables = office.ask("GET", "/_sandbox/ledger")["payables"]
    return {each["number"]: (each["state"], each["CURTRXAM"]) for each in payables}


def test_a_payment_is_booked_when_it_is_posted_and_pays_what_a_person_applies_it_to(office: Office) -> None:
    office.create(bill())
    office.create(payment())
    (waiting,) = office.read("Payables_Payment", "PMNTNMBR = 'P1'")
    assert (waiting["DOCAMNT"], waiting["BCHSOURC"], waiting["PYENTTYP"]) == ("106.25000", "PM_Payment", "1")
    assert office.post() == 2
    assert office.books() == {"bank": "-106.25", "purchases": "100.00", "tax_payable": "6.25"}
    assert left(office) == {"V1": ("open", "106.25"), "P1": ("open", "106.25")}
    part = {"document": "P1", "voucher": "V1", "amount": "6.25", "date": "2026-03-11"}
    office.ask("POST", "/_sandbox/apply-payables", part)
    assert left(office) == {"V1": ("open", "100.00"), "P1": ("open", "100.00")}
    (applied,) = office.read("Payables_Apply", "VCHRNMBR = 'P1'")
    assert (applied["APTVCHNM"], applied["APPLDAMT"]) == ("V1", "6.25000")
    office.ask("POST", "/_sandbox/apply-payables", part | {"amount": None})
    assert left(office) == {"V1": ("history", "0.00"), "P1": ("history", "0.00")}
    (applied,) = office.read("Payables_History_Apply", "VCHRNMBR = 'P1'")
    assert (applied["APTVCHNM"], applied["APPLDAMT"]) == ("V1", "106.25000")
    assert office.read("Payables_Apply") == []


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        pytest.param({"VENDORID": "NOBODY"}, 372, id="unknown-vendor"),
        pytest.param({"PMNTNMBR": "P1"}, 50077, id="number-known"),
        pytest.param({"CHEKBKID": "PURSE"}, 50015, id="unknown-checkbook"),
        pytest.param({"CHEKBKID": None}, 50001, id="no-checkbook"),
        pytest.param({"PYENTTYP": 2}, 50001, id="no-card"),
        pytest.param({"PYENTTYP": 0, "DOCNUMBR": "C-1"}, 50078, id="check-drawn-twice"),
        pytest.param({"PYENTTYP": 3}, 50040, id="unknown-way"),
        pytest.param({"DOCAMNT": "0"}, 50050, id="nothing"),
        pytest.param({"DOCAMNT": "1.005"}, 50008, id="decimals"),
    ],
)
def test_a_payment_that_does_not_fit_is_refused(office: Office, changes: dict[str, object], number: int) -> None:
    office.create(payment())
    office.create(payment("P0", PYENTTYP=0, DOCNUMBR="C-1"))
    refusal = office.refusal(payment("P2", **changes))
    assert f"Error Number = {number}  Stored Procedure= taPMManualCheck" in refusal
    assert len(office.read("Payables_Payment")) == 2


def test_a_vendor_on_hold_is_billed_and_not_paid(office: Office) -> None:
    office.ask("PUT", "/_sandbox/vendors/ACME", {"HOLD": 1})
    office.create(bill())
    assert "Error Number = 50079" in office.refusal(payment())


def test_only_what_is_posted_of_one_vendor_and_left_is_applied(office: Office) -> None:
    other = {"VENDORID": "dory", "VENDNAME": "Dory Ltd", "VADDCDPR": "MAIN"}
    office.create(document("PMVendorMasterType", taUpdateCreateVendorRcd=other))
    office.create(bill())
    office.create(payment())
    office.create(payment("P2", VENDORID="DORY"))

    def refused(paid_by: str = "P1", **fields: object) -> str:
        request = {"document": paid_by, "voucher": "V1", "date": "2026-03-11", **fields}
        answer = office.http.post("/_sandbox/apply-payables", json=request)
        assert answer.status_code == 409
        return str(answer.json()["detail"])

    assert "P1 is not posted" in refused()
    office.post()
    assert "P2 is of vendor DORY" in refused("P2")
    assert "has 106.25 left, not 106.26" in refused(amount="106.26")
    office.ask("PUT", "/_sandbox/periods", {"year": 2026, "period": 3, "closed": True})
    assert "closed fiscal period" in refused()
    assert left(office)["P1"] == ("open", "106.25")


def test_a_payment_that_is_deleted_from_its_batch_leaves_nothing(office: Office) -> None:
    office.create(bill())
    office.create(payment())
    for number in ("P1", "V1"):
        office.ask("POST", "/_sandbox/delete", {"document": number})
    assert left(office) == {}
    office.create(payment())
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
