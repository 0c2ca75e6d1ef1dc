"""The simulated GP's purchase orders: what it holds of one, and what it refuses (sources.md GP §1.3)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.gp_office import Office, document, open_office, start_over


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(tmp_path_factory.mktemp("gp")) as office:
        yield office


@pytest.fixture
def office(running: Office) -> Office:
    office = start_over(running)
    office.create(document("PMVendorMasterType", taUpdateCreateVendorRcd={"VENDORID": "ACME", "VENDNAME": "Acme Ltd"}))
    return office


def order(*, line: dict[str, object] | None = None, tax: dict[str, object] | None = None, **header: object) -> str:
    """Two pieces of 50.00 without item, with 6.25 tax of the state."""
    key = {"PONUMBER": "PO-1", "VENDORID": "ACME"}
    piece = {"ORD": 16384, "ITEMNMBR": "BOARD", "NONINVEN": 1, "QUANTITY": "2", "UNITCOST": "50.00", "TAXAMNT": "6.25"}
    taxed = {"ORD": 16384, "TAXDTLID": "STATE", "TAXAMNT": "6.25", "TAXPURCH": "100.00"}
    totals = {"DOCDATE": "2026-03-02", "SUBTOTAL": "100.00", "TAXAMNT": "6.25"}
    return document(
        "POPTransactionType",
        taPopIvcTaxInsert=[key | taxed | (tax or {})],
        taPoLine=[key | piece | (line or {})],
        taPoHdr=key | totals | header,
    )


def test_an_order_is_new_and_books_nothing(office: Office) -> None:
    office.create(order())
    (held,) = office.read("Purchase_Order_Transaction", "PONUMBER = 'po-1'")
    assert (held["VENDORID"], held["POSTATUS"], held["SUBTOTAL"]) == ("ACME", "1", "100.00000")
    assert [(each["ITEMNMBR"], each["EXTDCOST"]) for each in held["Line"]] == [("BOARD", "100.00000")]
    office.post()
    assert office.books() == {}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        pytest.param({"SUBTOTAL": "100.01"}, "Subtotal does not match", id="subtotal"),
        pytest.param({"TAXAMNT": "6.26"}, "Tax amount does not equal", id="tax"),
        pytest.param({"VENDORID": "NOBODY"}, "Vendor number does not exist", id="vendor"),
        pytest.param({"line": {"QUANTITY": "0"}}, "Quantity must be greater", id="quantity"),
        pytest.param({"line": {"UNITCOST": "-1"}}, "must not be negative", id="cost"),
        pytest.param({"line": {"NONINVEN": 0}}, "Item number does not exist", id="item"),
        pytest.param({"line": {"TAXAMNT": "1.00"}}, "Line tax amount", id="line-tax"),
        pytest.param({"tax": {"TAXDTLID": "NONE SUCH"}}, "Tax detail does not exist", id="detail"),
        pytest.param({"POTYPE": 3}, "does not do what the field asks", id="blanket"),
    ],
)
def test_what_gp_refuses_leaves_nothing(office: Office, wrong: dict[str, object], told: str) -> None:
    assert told in office.refusal(order(**wrong))  # type: ignore[arg-type]
    assert office.read("Purchase_Order_Transaction") == []


def test_a_number_is_taken_once(office: Office) -> None:
    office.create(order())
    assert "PO number already exists" in office.refusal(order(line={"ORD": 32768}, tax={"ORD": 32768}))
    assert len(office.read("Purchase_Order_Transaction")) == 1
