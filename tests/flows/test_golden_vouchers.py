"""The golden vouchers, worked out by a second hand and played against both ledgers: to the cent, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.flows.bills import DAY, Bills, line, open_bills
from tests.flows.expected_bills import expect_bill, expect_books
from tests.flows.golden_vouchers import play, read_result
from tests.flows.in_process import InProcess
from tests.golden import golden_file

FILE = golden_file("vouchers.json")
SUPPLIERS = sorted({case["bill"]["supplier"] for case in FILE["cases"]} - {"Wharf Supply"})
EXPECTED = {case["id"]: case["expect"] for case in FILE["cases"]}


@pytest.fixture(scope="module")
def keyed() -> dict[str, str]:
    """Numbers of the vouchers, by case."""
    return {}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, keyed: dict[str, str]) -> Iterator[Bills]:
    """After the whole file."""
    with open_bills(tmp_path_factory.mktemp("golden-vouchers"), SUPPLIERS, keyed_in="gp") as bills:
        keyed.update(play(bills, FILE))
        yield bills


def test_the_rules_alone_come_to_what_the_file_says() -> None:
    assert {case["id"]: expect_bill(case, FILE) for case in FILE["cases"]} == EXPECTED
    assert expect_books(EXPECTED.values()) == FILE["books"]
    assert len(EXPECTED) >= 20


def test_both_ledgers_hold_what_the_file_says_and_agree(played: Bills, keyed: dict[str, str]) -> None:
    found, books = read_result(played, FILE, keyed)
    assert (played.letters(), played.waiting()) == ({}, {})
    assert found == {
        name: {key: value for key, value in each.items() if key != "effects"} for name, each in EXPECTED.items()
    }
    assert books == {"gp": FILE["books"], "xero": FILE["books"]}
    verdict = played.reconciled()
    assert (verdict["agree"], verdict["differences"]) == (True, [])


def test_all_tasks_done_again_change_neither_ledger_and_nothing_goes_back(played: Bills) -> None:
    before: dict[str, Any] = {system: played.player.ledger(system) for system in ("gp", "xero")}
    for number in range(1, played.passes + 1):
        InProcess("procure_to_pay").run(f"bills-{number}")
    assert played.player.post() == 0
    assert {system: played.player.ledger(system) for system in ("gp", "xero")} == before


class Plants:
    """What people do in one ledger alone, each on a document of its own; what the comparison is to say of it."""

    def __init__(self, bills: Bills) -> None:
        self.bills = bills

    def prepare(self) -> None:
        """Some more vouchers that both ledgers have, two of them paid, and a credit memo."""
        for number, amount in NETS.items():
            self.bills.key(number, "ACME", ("000-5100-00", amount))
        vat = {"detail": "UK-VAT20", "amount": "20.00", "taxed": "100.00"}
        self.bills.key("X-TAX", "ACME", ("000-5100-00", "100.00"), taxes=[vat])
        vat = {"detail": "UK-VAT20", "amount": "200.00", "taxed": "1000.00"}
        pounds = {"currency": "GBP", "rate": "1.25"}
        self.bills.key("X-RATE", "HERON", ("000-5100-00", "1000.00"), taxes=[vat], **pounds)
        self.bills.key("X-CREDIT", "ACME", ("000-5100-00", "12.00"), DOCTYPE=5)
        for payment, amount in (("CHK-X1", "20.00"), ("CHK-X2", "40.00"), ("CHK-X3", "8.00")):
            self.bills.pay(payment, "ACME", amount)
        self.bills.player.post()
        vouchers = self.bills.vouchers()
        self.bills.set_against("CHK-X1", vouchers["X-PAID"]["number"])
        self.bills.set_against("CHK-X2", vouchers["X-UNPAID"]["number"])
        while self.bills.run():
            pass

    def bill(self, number: str) -> dict[str, Any]:
        (found,) = self.bills.xero().get("Invoices", {"InvoiceNumbers": number, "page": 1})["Invoices"]
        return dict(found)

    def edit(self, number: str, item: dict[str, Any] | None = None, **fields: Any) -> None:
        """A bill is changed in Xero."""
        found = self.bill(number)
        element = {"Type": "ACCPAY", "InvoiceID": found["InvoiceID"], **fields}
        if item is not None:
            (old,) = found["LineItems"]
            kept = ("Description", "Quantity", "UnitAmount", "AccountCode", "TaxType")
            element["LineItems"] = [{**{name: str(old[name]) for name in kept}, **item}]
        self.bills.type_in_xero(element)

    def payment_of(self, number: str) -> dict[str, Any]:
        (found,) = self.bill(number)["Payments"]
        return dict(found)

    def delete_payment(self) -> None:
        path = f"Payments/{self.payment_of('X-UNPAID')['PaymentID']}"
        self.bills.xero().write("POST", path, {"Status": "DELETED"})

    def pay_twice(self) -> None:
        self.bills.pay_in_xero("X-PAID", "20.00", reference=self.payment_of("X-PAID")["Reference"])

    def allocate(self) -> None:
        clause = 'CreditNoteNumber=="X-CREDIT"'
        (credit,) = self.bills.xero().get("CreditNotes", {"where": clause, "page": 1})["CreditNotes"]
        part = {"Amount": 12, "Date": DAY, "Invoice": {"InvoiceID": self.bill("X-OPEN")["InvoiceID"]}}
        path = f"CreditNotes/{credit['CreditNoteID']}/Allocations"
        self.bills.xero().write("PUT", path, {"Allocations": [part]})

    def entry_in_gp(self) -> None:
        sides = [{"account": "000-5100-00", "debit": "9.00"}, {"account": "000-2100-00", "credit": "9.00"}]
        self.bills.player.call("POST", "gp", "/_sandbox/general-entries", {"date": DAY, "lines": sides})
        self.bills.player.post()


NETS = {
    "X-AMOUNT": "120.00", "X-ACCOUNT": "33.33", "X-DATE": "10.00", "X-PERIOD": "11.00", "X-VOID": "45.00",
    "X-PAID": "50.00", "X-UNPAID": "40.00", "X-OPEN": "30.00", "X-BY-HAND": "25.00",
}  # fmt: skip
"""Vouchers of one line without tax, and what they come to."""
PLANTED: dict[str, tuple[Callable[[Plants], object], list[tuple[str, str, str]]]] = {
    "amount": (
        lambda desk: desk.edit("X-AMOUNT", {"UnitAmount": "120.01"}),
        [("amount", "payables", "0.01"), ("amount", "purchases", "-0.01")],
    ),
    "tax": (
        lambda desk: desk.edit("X-TAX", {"TaxAmount": "20.01"}),
        [("amount", "payables", "0.01"), ("tax", "tax_payable", "-0.01")],
    ),
    "account": (
        lambda desk: desk.edit("X-ACCOUNT", {"AccountCode": "404"}),
        [("account", "fees", "-33.33"), ("account", "purchases", "33.33")],
    ),
    # 1500.00 at 1.25, of which 250.00 are tax, and 1536.00 at 1.28
    "rate": (
        lambda desk: desk.edit("X-RATE", CurrencyRate="0.78125"),
        [("rate", "payables", "36.00"), ("rate", "purchases", "-30.00"), ("rate", "tax_payable", "-6.00")],
    ),
    "date": (lambda desk: desk.edit("X-DATE", Date="2026-03-04"), [("date", "", "10.00")]),
    "period": (lambda desk: desk.edit("X-PERIOD", Date="2026-02-27"), [("period", "", "11.00")]),
    "bill voided in Xero": (
        lambda desk: desk.edit("X-VOID", Status="VOIDED"),
        [("missing in xero", "payables", "-45.00"), ("missing in xero", "purchases", "45.00")],
    ),
    "bill by hand": (
        lambda desk: desk.bills.enter("HAND-1", "Acme", line("5.00")),
        [("missing in gp", "payables", "5.00"), ("missing in gp", "purchases", "-5.00")],
    ),
    "payment deleted in Xero": (
        Plants.delete_payment,
        [("missing in xero", "bank", "-40.00"), ("missing in xero", "payables", "40.00")],
    ),
    "payment by hand": (
        lambda desk: desk.bills.pay_in_xero("X-BY-HAND", "7.00", reference="by hand"),
        [("missing in gp", "bank", "7.00"), ("missing in gp", "payables", "-7.00")],
    ),
    "payment entered twice": (
        Plants.pay_twice,
        [("double in xero", "bank", "20.00"), ("double in xero", "payables", "-20.00")],
    ),
    "credit set against a bill in Xero alone": (
        Plants.allocate,
        [("open amount", "payables", "-12.00"), ("open amount", "payables", "12.00")],
    ),
    "entry by hand": (
        Plants.entry_in_gp,
        # and no document of GP's payables is open for what it booked on their account
        [
            ("missing in xero", "payables", "-9.00"),
            ("missing in xero", "purchases", "9.00"),
            ("open amount", "payables", "9.00"),
        ],
    ),
}


def test_planted_differences_of_bills_keyed_in_gp_are_found_and_nothing_else(played: Bills) -> None:
    desk = Plants(played)
    desk.prepare()
    for plant, _ in PLANTED.values():
        plant(desk)
    assert played.run() == {}
    verdict = played.reconciled()
    assert played.told(verdict) == sorted(each for _, expected in PLANTED.values() for each in expected)
    # a payment of GP's that nobody has applied is no difference
    explained = [each for each in verdict["differences"] if each["explained"]]
    assert [(each["type"], each["role"], each["value"]) for each in explained] == [
        ("not applied", "bank", "-8.00"),
        ("not applied", "payables", "8.00"),
    ]
    assert len(PLANTED) >= 12
