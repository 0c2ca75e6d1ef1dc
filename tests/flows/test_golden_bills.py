"""The golden bills, worked out by a second hand and played against both ledgers: to the cent, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ledgerbridge.entities import Document
from operators import settings
from operators.systems import hooks_of
from tests.flows.bills import DAY, Bills, line, open_bills
from tests.flows.expected_bills import expect_bill, expect_books
from tests.flows.golden_bills import play, read_result
from tests.flows.in_process import InProcess
from tests.golden import golden_file

FILE = golden_file("bills.json")
SUPPLIERS = sorted({case["bill"]["supplier"] for case in FILE["cases"]} - {"Wharf Supply"})
EXPECTED = {case["id"]: case["expect"] for case in FILE["cases"]}


@pytest.fixture(scope="module")
def entered() -> dict[str, Any]:
    """What stands in Xero, by case."""
    return {}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, entered: dict[str, Any]) -> Iterator[Bills]:
    """After the whole file."""
    with open_bills(tmp_path_factory.mktemp("golden-bills"), SUPPLIERS) as bills:
        entered.update(play(bills, FILE))
        yield bills


def test_the_rules_alone_come_to_what_the_file_says() -> None:
    assert {case["id"]: expect_bill(case, FILE) for case in FILE["cases"]} == EXPECTED
    assert expect_books(EXPECTED.values()) == FILE["books"]
    assert len(EXPECTED) >= 20


def test_both_ledgers_hold_what_the_file_says_and_agree(played: Bills, entered: dict[str, Any]) -> None:
    found, books = read_result(played, FILE, entered)
    wanted = {name: {key: value for key, value in each.items() if key != "effects"} for name, each in EXPECTED.items()}
    assert found == wanted
    assert books == {"gp": FILE["books"], "xero": FILE["books"]}
    assert played.letters() == {}
    verdict = played.reconciled()
    assert (verdict["agree"], verdict["differences"]) == (True, [])


def test_all_tasks_done_again_change_neither_ledger(played: Bills) -> None:
    before: dict[str, Any] = {system: played.player.ledger(system) for system in ("gp", "xero")}
    for number in range(1, played.passes + 1):
        InProcess("procure_to_pay").run(f"bills-{number}")
    assert played.player.post() == 0
    assert {system: played.player.ledger(system) for system in ("gp", "xero")} == before


class Plants:
    """What people do in one ledger alone, each on a document of its own; what the comparison is to say of it."""

    def __init__(self, bills: Bills, entered: dict[str, Any]) -> None:
        self.bills = bills
        self.of_file = entered
        (self.gp,) = hooks_of("gp", settings.company()).values()

    def prepare(self) -> None:
        """Some more bills that both ledgers have, one of them in a batch."""
        for number, amount in (("X-1", "50.00"), ("X-2", "40.00"), ("X-3", "45.00")):
            self.bills.enter(number, "Acme", line(amount))
        self.bills.pay_in_xero("X-1", "20.00", reference="twice")
        self.bills.pay_in_xero("X-2", "40.00")
        assert self.bills.run() == {"bill": 3, "bill_payment": 2}
        self.bills.player.post()
        self.bills.apply("X-1")
        self.bills.enter("X-4", "Acme", line("21.00"))
        assert self.bills.run() == {"bill": 1}

    def edit(self, case: str, item: dict[str, Any] | None = None, **fields: Any) -> None:
        """A bill is changed in Xero."""
        element = {"Type": "ACCPAY", "InvoiceID": self.of_file[case]["InvoiceID"], **fields}
        if item is not None:
            (old,) = self.of_file[case]["LineItems"]
            kept = ("Description", "Quantity", "UnitAmount", "AccountCode", "TaxType")
            element["LineItems"] = [{**{name: str(old[name]) for name in kept}, **item}]
        self.bills.type_in_xero(element)

    def key_in_gp(self, entity: str, **header: Any) -> None:
        """A document is entered in GP, and posted."""
        common = {"VENDORID": "ACME", "DOCDATE": date.fromisoformat(DAY), "BACHNUMB": "BY HAND"}
        [outcome] = self.gp.entity(entity).send([Document("by hand", "hand", common | header)])  # type: ignore[attr-defined]
        assert outcome.error is None
        self.bills.player.post("BY HAND")

    def voucher_by_hand(self) -> None:
        amounts = dict.fromkeys(("DOCAMNT", "PRCHAMNT", "CHRGAMNT"), Decimal(5))
        self.key_in_gp("payables_invoice", VCHNUMWK="HAND1", DOCNUMBR="HAND-1", **amounts)

    def payment_by_hand(self) -> None:
        paid = {"PMNTNMBR": "HANDP", "DOCNUMBR": "T-1", "DOCAMNT": Decimal(77), "TRXDSCRN": "MONTH-END"}
        self.key_in_gp("payables_payment", **paid, VENDORID="GANNET", PYENTTYP=1, CHEKBKID="BANK")
        self.bills.apply("MONTH-END")

    def entry_by_hand(self) -> None:
        header = {"BACHNUMB": "BY HAND", "REFRENCE": "by hand", "TRXDATE": date.fromisoformat(DAY), "TRXTYPE": 0}
        lines = [
            {"ACTNUMST": "000-5100-00", "DEBITAMT": Decimal(9), "CRDTAMNT": Decimal(0)},
            {"ACTNUMST": "000-2100-00", "DEBITAMT": Decimal(0), "CRDTAMNT": Decimal(9)},
        ]
        [outcome] = self.gp.entity("gl_transaction").send([Document("entry", "hand", header, {"lines": lines})])  # type: ignore[attr-defined]
        assert outcome.error is None
        self.bills.player.post("BY HAND")

    def delete_payment(self) -> None:
        (paid,) = self.bills.xero().get(f"Invoices/{self.of_file['paid']['InvoiceID']}")["Invoices"]
        identity = paid["Payments"][0]["PaymentID"]
        self.bills.xero().write("POST", f"Payments/{identity}", {"Status": "DELETED"})

    def delete_voucher(self) -> None:
        self.bills.player.call("POST", "gp", "/_sandbox/delete", {"document": self.bills.vouchers()["X-4"]["number"]})

    def pay_another(self) -> None:
        self.bills.apply_documents(self.bills.payments()["X-2"], self.bills.vouchers()["X-3"])


PLANTED: dict[str, tuple[Callable[[Plants], None], list[tuple[str, str, str]]]] = {
    "amount": (
        lambda desk: desk.edit("one-line", {"UnitAmount": "120.01"}),
        [("amount", "payables", "0.01"), ("amount", "purchases", "-0.01")],
    ),
    "tax": (
        lambda desk: desk.edit("tax-typed", {"TaxAmount": "6.00"}),
        [("amount", "payables", "0.01"), ("tax", "tax_payable", "-0.01")],
    ),
    "account": (
        lambda desk: desk.edit("no-tax", {"AccountCode": "404"}),
        [("account", "fees", "-33.33"), ("account", "purchases", "33.33")],
    ),
    # 1777.76 at 0.833333 and 1851.84 at 0.8; its tax 296.29 and 308.64
    "rate": (
        lambda desk: desk.edit("foreign-odd-rate", CurrencyRate="0.8"),
        [("rate", "payables", "74.08"), ("rate", "purchases", "-61.73"), ("rate", "tax_payable", "-12.35")],
    ),
    "date": (lambda desk: desk.edit("long-number", Date="2026-03-04"), [("date", "", "10.00")]),
    "period": (lambda desk: desk.edit("no-number", Date="2026-02-27"), [("period", "", "11.00")]),
    "voucher deleted from its batch": (
        Plants.delete_voucher,
        [("missing in gp", "payables", "21.00"), ("missing in gp", "purchases", "-21.00")],
    ),
    "voucher by hand": (
        Plants.voucher_by_hand,
        [("missing in xero", "payables", "-5.00"), ("missing in xero", "purchases", "5.00")],
    ),
    "payment deleted in Xero": (
        Plants.delete_payment,
        [("missing in xero", "bank", "-269.38"), ("missing in xero", "payables", "269.38")],
    ),
    "payment by hand": (
        Plants.payment_by_hand,
        [("missing in xero", "bank", "-77.00"), ("missing in xero", "payables", "77.00")],
    ),
    "payment entered twice": (
        lambda desk: desk.bills.pay_in_xero("X-1", "20.00", reference="twice") and None,
        [("double in xero", "bank", "20.00"), ("double in xero", "payables", "-20.00")],
    ),
    "payment applied to another bill": (
        Plants.pay_another,
        [("open amount", "payables", "-40.00"), ("open amount", "payables", "40.00")],
    ),
    "entry by hand": (
        Plants.entry_by_hand,
        # and no document of GP's payables is open for what it booked on their account
        [
            ("missing in xero", "payables", "-9.00"),
            ("missing in xero", "purchases", "9.00"),
            ("open amount", "payables", "9.00"),
        ],
    ),
}


def test_what_people_do_in_one_ledger_alone_is_found_and_nothing_else(played: Bills, entered: dict[str, Any]) -> None:
    desk = Plants(played, entered)
    desk.prepare()
    for plant, _ in PLANTED.values():
        plant(desk)
    verdict = played.reconciled()
    assert played.told(verdict) == sorted(each for _, expected in PLANTED.values() for each in expected)
    assert [each for each in verdict["differences"] if each["explained"]] == []
    assert len(PLANTED) >= 12
