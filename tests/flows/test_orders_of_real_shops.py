"""What shops really sell: sent elsewhere, shipped in two lines, taxed by a marketplace, by a guest, cancelled late."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from demo.books import read_result, roles_that_differ
from demo.stack import Stack
from operators import settings
from operators.systems import hooks_of
from sandbox.player import Player
from tests.flows.golden_orders import edit, fulfil, lamp, line, order_file, pay, refund, returned, sale
from tests.flows.in_process import Office, open_office

Json = dict[str, Any]
COURIER = {
    "title": "Courier", "price": "10.00", "discount": "0.00",
    "tax": [{"detail": "MA-STATE", "rate": "0.0625", "amount": "0.63"},
            {"detail": "MA-COUNTY", "rate": "0.0150", "amount": "0.15"}],
}  # fmt: skip
RECEIVER = {
    "first_name": "Gift",
    "last_name": "Receiver",
    "address": {
        "line1": "9 Faraway Road",
        "line2": "",
        "city": "Austin",
        "state": "TX",
        "zip": "73301",
        "country": "US",
    },
}


def remitted(line: Json) -> Json:
    """A line whose tax the marketplace collects and remits."""
    return {**line, "tax": [{**tax, "channel_liable": True} for tax in line["tax"]]}


def by_guest(case: Json) -> Json:
    """The same order by somebody without an account."""
    order = case["order"]
    return {**case, "order": {**order, "customer": {**order["customer"], "id": None}}}


FILE = order_file(
    [
        sale(4901, [lamp()], [pay("ch_4901", "53.77"), fulfil()], ship_to=RECEIVER, po_number="PO-2026-778"),
        sale(4902, [lamp()], [pay("ch_4902", "75.33"), fulfil()], shipping=[COURIER, COURIER], total="75.33"),
        sale(4903, [remitted(lamp())], [pay("ch_4903", "49.90"), fulfil()]),
        sale(
            4904,
            [remitted(lamp(2))],
            [pay("ch_4904", "99.80"), fulfil(), refund("re_4904", "49.90", lines=[returned(remitted(lamp(2)), 1)])],
        ),
        by_guest(sale(4905, [lamp()], [pay("ch_4905", "53.77"), fulfil()])),
        sale(
            4906,
            [lamp()],
            [
                pay("ch_4906", "53.77"),
                fulfil(),
                {"step": 3, "do": "cancel", "at": "2026-03-03T17:00:00Z"},
                refund("re_4906", "53.77", step=3, at="2026-03-03T18:00:00Z"),
            ],
        ),
        # its first version names a tax that no ledger knows; the line that has it is edited away before it is shipped
        sale(
            4907,
            [line("CARD-05", 1, "0.40", (("MOON-TAX", "0.01"),)), lamp()],
            [
                pay("ch_4907", "54.17"),
                edit([lamp()]),
                refund("re_4907", "0.40", step=2, at="2026-03-02T20:00:00Z"),
                fulfil(),
            ],
        ),
    ]
)


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """All of them placed, paid, shipped, and one returned."""
    with open_office(FILE, stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        office.play()
        yield office


@pytest.fixture(scope="module")
def result(office: Office) -> Json:
    """What both ledgers hold of them."""
    return read_result(FILE, office.player, office.state)


def in_gp(entity: str, key: str) -> dict[str, Json]:
    """Rows of GP by a column of theirs, as its Requester gives them."""
    (gp,) = hooks_of("gp", settings.company()).values()
    reader: Any = gp.site().reader  # type: ignore[attr-defined]
    where, order = {
        "Sales_History_Transaction": ("SOPTYPE = 3", ("SOPTYPE", "SOPNUMBE")),
        "Customer": ("", ("CUSTNMBR",)),
    }[entity]
    return {row[key]: row for page in reader.pages(entity, where, key=order) for row in page}


def test_each_is_in_both_ledgers_with_nothing_due_and_no_letter(result: Json) -> None:
    assert {name: (order["outcome"], order["dead_letters"]) for name, order in result["orders"].items()} == {
        case["id"]: ("delivered", []) for case in FILE["cases"]
    }
    due = {name: Decimal(order["xero_invoices"][0]["AmountDue"]) for name, order in result["orders"].items()}
    assert due == dict.fromkeys(due, Decimal(0))
    assert roles_that_differ(result) == []


def test_goods_go_where_the_order_says_and_the_customer_stays_where_he_is(office: Office) -> None:
    invoices = in_gp("Sales_History_Transaction", "CSTPONBR")
    shown = ("ShipToName", "ADDRESS1", "CITY", "STATE", "ZIPCODE", "COUNTRY")
    assert [invoices["#4901"][name] for name in shown] == [
        "Gift Receiver", "9 Faraway Road", "Austin", "TX", "73301", "US",
    ]  # fmt: skip
    customer = in_gp("Customer", "CUSTNMBR")[invoices["#4901"]["CUSTNMBR"]]
    assert (customer["ADDRESS1"], customer["CITY"]) == ("1 Quay", "Salem")
    assert invoices["#4902"]["ADDRESS1"] == "1 Quay"


def test_the_customer_s_own_number_is_on_gp_s_invoice(office: Office) -> None:
    invoices = in_gp("Sales_History_Transaction", "CSTPONBR")
    numbers = {
        name: [each["USERDEF1"] for each in invoices[name].get("User_Defined", [])] for name in ("#4901", "#4902")
    }
    assert numbers == {"#4901": ["PO-2026-778"], "#4902": []}


def test_several_shipping_lines_are_one_freight_with_one_tax_row_a_detail(result: Json) -> None:
    [invoice] = result["orders"]["#4902"]["gp_invoices"]
    assert {name: Decimal(invoice[name]) for name in ("FREIGHT", "FRTTXAMT", "DOCAMNT")} == {
        "FREIGHT": Decimal(20),
        "FRTTXAMT": Decimal("1.56"),
        "DOCAMNT": Decimal("75.33"),
    }


def test_tax_that_a_marketplace_remits_is_in_neither_ledger(result: Json) -> None:
    for name, net in ("#4903", "49.90"), ("#4904", "99.80"):
        [in_gp], [in_xero] = (result["orders"][name][f"{system}_invoices"] for system in ("gp", "xero"))
        assert (Decimal(in_gp["DOCAMNT"]), Decimal(in_gp["TAXAMNT"])) == (Decimal(net), 0)
        assert (Decimal(in_xero["Total"]), Decimal(in_xero["TotalTax"])) == (Decimal(net), 0)
    assert Decimal(result["orders"]["#4904"]["credited"]) == Decimal("49.90")
    # of the four orders whose tax is ours
    ours = -(4 * Decimal("3.87") + Decimal("1.56"))
    assert {system: Decimal(result["books"][system]["tax_payable"]) for system in ("gp", "xero")} == {
        "gp": ours,
        "xero": ours,
    }


def test_an_order_cancelled_after_it_was_transferred_comes_back_by_a_return(result: Json) -> None:
    """And before its invoice was in Xero, so that nothing told the order's leg but GP."""
    order = result["orders"]["#4906"]
    assert (order["dead_letters"], Decimal(order["credited"])) == ([], Decimal("53.77"))
    assert [Decimal(each["AmountDue"]) for each in order["xero_invoices"]] == [0]


def test_a_guest_is_the_person_of_the_order_s_e_mail(office: Office) -> None:
    number = in_gp("Sales_History_Transaction", "CSTPONBR")["#4905"]["CUSTNMBR"]
    customer = in_gp("Customer", "CUSTNMBR")[number]
    assert customer["CUSTNAME"] == "Pat Number 4905"
    [xero] = hooks_of("xero", settings.company()).values()
    contacts: Any = xero.get("Contacts")["Contacts"]  # type: ignore[attr-defined]
    assert [each["EmailAddress"] for each in contacts if each.get("ContactNumber") == number] == [
        "customer4905@example.com"
    ]
