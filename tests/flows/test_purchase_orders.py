"""Purchase orders that people approve in Xero stand in GP, once and to the cent, for people to receive and match."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ledgerbridge.entities import Document
from operators import settings
from operators.systems import hooks_of
from sandbox.orders import harbor_light_supply
from tests.flows.bills import DAY, Bills, line, open_bills
from tests.flows.expected_purchase_orders import LONGEST, expect_order
from tests.flows.in_process import InProcess
from tests.flows.masters import Masters
from tests.golden import golden_file

FILE = golden_file("purchase_orders.json")
EXPECTED = {case["id"]: case["expect"] for case in FILE["cases"]}
SUPPLIERS = sorted({case["order"]["supplier"] for case in FILE["cases"]})
AMOUNTS = {"exclusive": "Exclusive", "inclusive": "Inclusive", "none": "NoTax"}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bills]:
    """After the whole file."""
    with open_bills(tmp_path_factory.mktemp("orders"), SUPPLIERS) as bills:
        bills.in_xero("LAMP-01", window="items", Name="Desk lamp")
        for case in FILE["cases"]:
            _order(bills, case["order"])
        assert bills.run() == {"purchase_order": sum(each["outcome"] == "delivered" for each in EXPECTED.values())}
        yield bills


def test_the_rules_alone_come_to_what_the_file_says() -> None:
    company = harbor_light_supply()
    assert {case["id"]: expect_order(case, company) for case in FILE["cases"]} == EXPECTED


def test_both_ledgers_hold_what_the_file_says_and_nothing_goes_twice(played: Bills) -> None:
    found = {each["number"]: each for each in played.player.ledger("gp")["purchase_orders"]}
    for case in FILE["cases"]:
        number, expected = case["order"]["number"], case["expect"]
        if expected["outcome"] == "none":
            assert number not in found
            continue
        held = found[_number_in_gp(found, number)]
        assert held["VENDORID"] == case["order"]["supplier"].upper()
        assert (held["DOCDATE"], held["REQDATE"]) == (DAY, "2026-03-20")
        assert _in_gp(held) == expected["gp"]
        assert _in_xero(played, number) == expected["xero"]
    assert (played.letters(), played.waiting()) == ({}, {})
    before = played.player.ledger("gp")
    assert played.run() == {}
    for again in range(1, played.passes + 1):
        InProcess("procure_to_pay").run(f"bills-{again}")
    assert played.player.ledger("gp") == before
    verdict = played.reconciled()
    assert (verdict["agree"], verdict["differences"]) == (True, [])  # an order books nothing


def test_one_of_a_supplier_who_is_no_vendor_yet_waits_and_then_goes(played: Bills) -> None:
    _order(played, {"number": "PO-WHARF", "supplier": "Wharf Supply", "amounts": "exclusive"}, line("5.00"))
    assert played.run() == {}
    assert "its supplier is not linked with a vendor" in played.waiting()["PO-WHARF"]
    played.in_xero("Wharf Supply", IsSupplier=True)
    played.link_suppliers()
    assert played.run() == {"purchase_order": 1}


def test_one_that_is_edited_or_deleted_after_it_went_is_a_letter_and_one_that_is_billed_is_none(played: Bills) -> None:
    of_acme = {"supplier": "Acme", "amounts": "exclusive"}
    orders = [_order(played, {"number": f"PO-L{n}", **of_acme}, line("5.00")) for n in (1, 2, 3)]
    assert played.run() == {"purchase_order": 3}
    edited, deleted, billed = (each["PurchaseOrderID"] for each in orders)
    _type(played, {"PurchaseOrderID": edited, "LineItems": [line("6.00")]})
    _type(played, {"PurchaseOrderID": deleted, "Status": "DELETED"})
    _type(played, {"PurchaseOrderID": billed, "Status": "BILLED"})
    assert played.run() == {}
    letters = played.letters()
    assert (letters["PO-L1"][0], letters["PO-L2"][0]) == ("LB-DLV-002", "LB-CAN-006")
    assert "PO-L3" not in letters


def test_one_without_an_account_or_whose_number_gp_has_of_another_vendor_is_a_letter(played: Bills) -> None:
    (gp,) = hooks_of("gp", settings.company()).values()
    by_hand = {"PONUMBER": "PO-HAND", "VENDORID": "HERON", "DOCDATE": date.fromisoformat(DAY), "SUBTOTAL": Decimal(5)}
    piece = {"ITEMNMBR": "TAPE", "NONINVEN": 1, "QUANTITY": Decimal(1), "UNITCOST": Decimal(5)}
    typed = Document("hand", "hand", by_hand, {"lines": [piece]})
    [outcome] = gp.entity("purchase_order").send([typed])  # type: ignore[attr-defined]
    assert outcome.error is None
    bare = {name: each for name, each in line("5.00").items() if name != "AccountCode"}
    _order(played, {"number": "PO-BARE", "supplier": "Acme", "amounts": "exclusive"}, bare)
    _order(played, {"number": "PO-HAND", "supplier": "Acme", "amounts": "exclusive"}, line("5.00"))
    assert played.run() == {}
    letters = played.letters()
    assert "Give the line an account in Xero" in letters["PO-BARE"][1]
    assert letters["PO-HAND"][0] == "LB-GP-015"


def test_one_whose_answer_was_lost_stands_once(played: Bills) -> None:
    flow = Masters(played.player, played.office, InProcess("procure_to_pay"), ["purchase_orders"])
    kinds = ("lost_before_commit", "lost_after_commit", "repeated")
    for kind in kinds:
        _order(played, {"number": f"PO-{kind}"[:LONGEST], "supplier": "Acme", "amounts": "exclusive"}, line("5.00"))
        played.player.order_fault("gp", {"kind": kind, "contains": "taPoHdr", "times": 1})
        flow.settle()
    flow.settle()
    held = [each["number"] for each in played.player.ledger("gp")["purchase_orders"]]
    wanted = [f"PO-{kind}"[:LONGEST].upper() for kind in kinds]
    assert [held.count(number) for number in wanted] == [1] * len(kinds)
    assert [each["happened"] for each in played.player.faults()["gp"]] == [1] * len(kinds)
    assert not {number for number in played.letters() if "lost" in number}


def _order(bills: Bills, order: dict[str, Any], *typed: dict[str, Any]) -> dict[str, Any]:
    """A person types an order in Xero, and approves it unless it says otherwise."""
    status = order.get("status", "AUTHORISED")
    element = {
        "PurchaseOrderNumber": order["number"],
        "Contact": {"Name": order["supplier"]},
        "Date": DAY,
        "DeliveryDate": "2026-03-20",
        "LineAmountTypes": AMOUNTS[order["amounts"]],
        "Status": "AUTHORISED" if status == "DELETED" else status,
        "LineItems": list(typed) or [_line(each) for each in order["lines"]],
    }
    if "per_base" in order:
        element |= {"CurrencyCode": order["currency"], "CurrencyRate": order["per_base"]}
    entered = _type(bills, element)
    if status == "DELETED":
        _type(bills, {"PurchaseOrderID": entered["PurchaseOrderID"], "Status": status})
    return entered


def _line(each: dict[str, Any]) -> dict[str, Any]:
    item = {"ItemCode": each["sku"]} if "sku" in each else {}
    discount = {"DiscountRate": each["discount"]} if "discount" in each else {}
    typed = {"Description": each["text"], "Quantity": each["quantity"], "UnitAmount": each["unit"]}
    return {**typed, "AccountCode": each["account"], "TaxType": each["tax_type"], **item, **discount}


def _type(bills: Bills, element: dict[str, Any]) -> dict[str, Any]:
    return dict(bills.player.call("POST", "xero", "/_sandbox/purchase_orders", element))


def _number_in_gp(found: dict[str, Any], number: str) -> str:
    """Of one that GP can't hold, the number that begins like it."""
    if len(number) <= LONGEST:
        return number
    (held,) = (each for each in found if each.startswith(f"{number[:8]}~"))
    assert len(held) == LONGEST
    return held


def _in_gp(held: dict[str, Any]) -> dict[str, Any]:
    number = held["number"]
    beside = ("ITEMDESC", "EXTDCOST", "ORTAXAMT")
    lines = [{name: each for name, each in row.items() if name not in beside} for row in held["lines"]]
    taxes: dict[str, Decimal] = {}
    for each in held["taxes"]:
        taxes[each["TAXDTLID"]] = taxes.get(each["TAXDTLID"], Decimal(0)) + Decimal(each["ORTAXAMT"])
    return {
        "PONUMBER": f"{number.partition('~')[0]}~" if "~" in number else number,
        **{name: held[name] for name in ("SUBTOTAL", "TAXAMNT", "ORSUBTOT", "ORTAXAMT")},
        "taxes": {detail: f"{amount:.2f}" for detail, amount in sorted(taxes.items())},
        "lines": lines,
    }


def _in_xero(bills: Bills, number: str) -> dict[str, str]:
    (found,) = (
        each
        for each in bills.xero().get("PurchaseOrders", {"page": 1, "pageSize": 100})["PurchaseOrders"]
        if each["PurchaseOrderNumber"] == number
    )
    return {name: f"{Decimal(str(found[name])):.2f}" for name in ("SubTotal", "TotalTax", "Total")}
