"""The books of the simulated GP, to the cent: changes, returns, memos, currencies, periods, and the golden orders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.gp_company import shop_order
from tests.contract.gp_office import Office, document, open_office, start_over
from tests.golden import golden_file


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(tmp_path_factory.mktemp("gp")) as office:
        yield office


@pytest.fixture
def office(running: Office) -> Office:
    return start_over(running)


def refund(office: Office, number: str, amount: str, **fields: object) -> str:
    """A debit memo for money given back: Dr receivables, Cr clearing, by distributions of our own."""
    key = {"RMDTYPAL": 3, "DOCNUMBR": number, "CUSTNMBR": "ANN"} | {k: v for k, v in fields.items() if k == "CUSTNMBR"}
    values = {"DOCDATE": "2026-03-12", "BACHNUMB": "REFUNDS", "DOCAMNT": amount, "SLSAMNT": amount, "CREATEDIST": 0}
    return document(
        "RMTransactionType",
        taRMDistribution=[
            key | {"DISTTYPE": 3, "ACTNUMST": "000-1200-00", "DEBITAMT": amount, "CRDTAMNT": 0},
            key | {"DISTTYPE": 18, "ACTNUMST": "000-1110-00", "DEBITAMT": 0, "CRDTAMNT": amount},
        ],
        taRMTransaction=key | values | fields,
    )


def goods_back(number: str, lines: list[dict[str, Any]], shipping: Mapping[str, Any] | None, **fields: object) -> str:
    """A SOP return of golden refund lines (sku, quantity, net, tax), freight given back too."""
    key = {"SOPTYPE": 4, "SOPNUMBE": number, "CUSTNMBR": "ANN"} | {k: v for k, v in fields.items() if k == "CUSTNMBR"}
    rows: list[Mapping[str, object]] = []
    taxes: list[Mapping[str, object]] = []
    for position, line in enumerate(lines, start=1):
        sequence = {"LNITMSEQ": position * 16384}
        unit = (Decimal(line["net"]) / line["quantity"]).quantize(Decimal("0.01"))
        quantities = {"QUANTITY": line["quantity"], "QTYRTRND": line["quantity"]}
        price = {"UNITPRCE": unit, "XTNDPRCE": line["net"], "ITEMNMBR": line["sku"], "DOCDATE": "2026-03-12"}
        rows.append(key | sequence | quantities | price)
        taxes += [key | sequence | {"TAXDTLID": tax["detail"], "STAXAMNT": tax["amount"]} for tax in line["tax"]]
    freight = shipping or {"net": "0.00", "tax": []}
    taxes += [
        key | {"TAXTYPE": 1, "LNITMSEQ": 0, "TAXDTLID": tax["detail"], "FRTTXAMT": tax["amount"]}
        for tax in freight["tax"]
    ]
    subtotal = sum((Decimal(line["net"]) for line in lines), Decimal(0))
    tax = sum((Decimal(tax["amount"]) for line in lines for tax in line["tax"]), Decimal(0))
    freight_tax = sum((Decimal(tax["amount"]) for tax in freight["tax"]), Decimal(0))
    amounts = {"SUBTOTAL": subtotal, "FREIGHT": freight["net"], "TAXAMNT": tax, "FRTTXAMT": freight_tax}
    amounts["DOCAMNT"] = subtotal + Decimal(freight["net"]) + tax + freight_tax
    values = {"DOCID": "STDRTN", "DOCDATE": "2026-03-12", "BACHNUMB": "RETURNS"}
    return document(
        "SOPTransactionType",
        taSopLineIvcInsert=rows,
        taSopLineIvcTaxInsert=taxes,
        taSopHdrIvcInsert=key | values | amounts | fields,
    )


def update(xml: str) -> str:
    """The same order, sent to change the one GP has."""
    return xml.replace("</taSopLineIvcInsert>", "<UpdateIfExists>1</UpdateIfExists></taSopLineIvcInsert>").replace(
        "</taSopHdrIvcInsert>", "<UpdateExisting>1</UpdateExisting></taSopHdrIvcInsert>"
    )


def test_an_edited_order_takes_the_new_content(office: Office) -> None:
    office.create(office.order(shop_order()))
    lamp, mug = shop_order()["lines"]
    lamp |= {"quantity": 1, "tax": [{"detail": "STATE", "amount": "3.12"}, {"detail": "COUNTY", "amount": "0.75"}]}
    office.create(update(office.order(shop_order(lines=[lamp, mug]))))
    (order,) = office.read("Sales_Transaction")
    assert (order["ORSUBTOT"], order["ORTAXAMT"], order["ORDOCAMT"]) == ("86.65000", "6.72000", "101.99000")
    assert [line["QUANTITY"] for line in order["Line"]] == ["1.00000", "5.00000"]


def test_an_update_that_leaves_a_line_behind_does_not_add_up(office: Office) -> None:
    office.create(office.order(shop_order()))
    lamp, _ = shop_order()["lines"]
    assert "Error Number = 67" in office.refusal(update(office.order(shop_order(lines=[lamp]))))
    line = {"SOPTYPE": 2, "SOPNUMBE": "ORD1", "LNITMSEQ": 32768, "ITEMNMBR": "MUG", "DeleteType": 1}
    deletion = document("SOPDeleteLineType", taSopLineDelete=line)
    office.create(
        deletion.removesuffix("</eConnect>") + update(office.order(shop_order(lines=[lamp]))).removeprefix("<eConnect>")
    )
    (order,) = office.read("Sales_Transaction")
    assert [line["ITEMNMBR"] for line in order["Line"]] == ["LAMP"]


def test_a_return_changed_before_it_is_posted_books_what_it_became(office: Office) -> None:
    mugs = {"sku": "MUG", "quantity": 2, "net": "14.70", "tax": []}
    office.create(goods_back("RT1", [mugs], None))
    office.create(update(goods_back("RT1", [mugs | {"quantity": 1, "net": "7.35"}], None)))
    office.post()
    assert (office.books()["returns"], office.books()["receivables"]) == ("7.35", "-7.35")


def test_a_voided_order_is_in_history_and_never_ships(office: Office) -> None:
    office.create(office.order(shop_order()))
    office.create(document("SOPVoidDocumentType", taSopVoidDocument={"SOPTYPE": 2, "SOPNUMBE": "ORD1"}))
    assert office.read("Sales_Transaction") == []
    assert [row["VOIDSTTS"] for row in office.read("Sales_History_Transaction", "SOPTYPE = 2")] == ["1"]
    body = {"customer_po": "#1", "lines": None, "date": "2026-03-03"}
    assert office.ask("POST", "/_sandbox/transfer", body) == {"invoice": None}


def test_a_partly_shipped_order_is_not_voided(office: Office) -> None:
    office.create(office.order(shop_order()))
    office.ship(lines=[{"ITEMNMBR": "LAMP", "QUANTITY": "1"}])
    xml = document("SOPVoidDocumentType", taSopVoidDocument={"SOPTYPE": 2, "SOPNUMBE": "ORD1"})
    assert "partly transferred" in office.refusal(xml)


def test_goods_back_and_their_money_close_each_other(office: Office) -> None:
    office.create(office.order(shop_order()))
    office.ship()
    taxes = [{"detail": "STATE", "amount": "3.12"}, {"detail": "COUNTY", "amount": "0.75"}]
    office.create(goods_back("RT1", [{"sku": "LAMP", "quantity": 1, "net": "49.90", "tax": taxes}], None))
    office.create(refund(office, "RF1", "53.77"))
    office.post()
    office.create(office.application("RF1", "RT1", "53.77", APFRDCTY=8, APTODCTY=3))
    left = {row["DOCNUMBR"]: row["CURTRXAM"] for row in office.read("Receivables_Posted_Transaction")}
    assert (left["RT1"], left["RF1"]) == ("0.00000", "0.00000")
    assert office.books() == {
        "receivables": "155.76",
        "clearing": "-53.77",
        "sales": "-136.55",
        "returns": "49.90",
        "shipping_income": "-8.00",
        "tax_payable": "-7.34",
        "inventory": "-32.15",
        "cost_of_goods_sold": "32.15",
    }


def test_distributions_of_our_own_beside_those_of_gp_count_twice(office: Office) -> None:
    office.create(refund(office, "RF1", "10.00", CREATEDIST=1))
    office.post()
    assert office.books() == {"receivables": "20.00", "clearing": "-10.00", "sales": "-10.00"}


def test_distributions_that_do_not_balance_keep_the_document_in_its_batch(office: Office) -> None:
    key = {"RMDTYPAL": 3, "DOCNUMBR": "RF1", "CUSTNMBR": "ANN"}
    one_sided = [key | {"DISTTYPE": 3, "ACTNUMST": "000-1200-00", "DEBITAMT": "10.00", "CRDTAMNT": "0"}]
    values = {"DOCDATE": "2026-03-12", "BACHNUMB": "REFUNDS", "DOCAMNT": "10.00", "SLSAMNT": "10.00", "CREATEDIST": 0}
    office.create(document("RMTransactionType", taRMDistribution=one_sided, taRMTransaction=key | values))
    answer = office.ask("POST", "/_sandbox/post", {})
    assert answer == {"posted": 0, "errors": ["Document RF1 is out of balance by 10.00. Correct its distributions."]}
    assert [batch["BACHNUMB"] for batch in office.ask("GET", "/_sandbox/batches")["batches"]] == ["REFUNDS"]


def pounds(office: Office) -> str:
    """The posted invoice, 114.00 GBP at 1.25, with a receipt of 114.00 GBP at 1.28 waiting to be applied."""
    lamp = {"sku": "LAMP", "quantity": 2, "unit_price": "57.00", "discount": "0.00", "tax": []}
    order = shop_order(currency="GBP", rate="1.25", lines=[lamp], shipping=None)
    office.create(office.order(order))
    number = office.ship()
    office.create(office.receipt("CH1", "114.00", CURNCYID="GBP", XCHGRATE="1.28"))
    office.post()
    return number


def test_a_receipt_at_another_rate_realises_the_gain_when_applied(office: Office) -> None:
    number = pounds(office)
    assert office.books()["receivables"] == "-3.42"
    office.create(office.application(number, "CH1", "114.00"))
    office.post()
    own = {role: balance for role, balance in office.books().items() if role in ("clearing", "fx_gain_loss", "sales")}
    assert own == {"clearing": "145.92", "fx_gain_loss": "-3.42", "sales": "-142.50"}
    assert "receivables" not in office.books()
    (application,) = office.read("Receivables_Apply")
    assert (application["ORAPTOAM"], application["APPTOAMT"], application["RLGANLOS"]) == (
        "114.00000",
        "142.50000",
        "3.42000",
    )


def test_a_site_whose_applications_book_no_gain_leaves_it_in_receivables(office: Office) -> None:
    office.ask("PUT", "/_sandbox/settings", {"realised_gain_on_apply": False})
    office.create(office.application(pounds(office), "CH1", "114.00"))
    assert office.ask("GET", "/_sandbox/batches") == {"batches": []}
    assert office.books()["receivables"] == "-3.42"


def test_cents_written_off_go_to_rounding(office: Office) -> None:
    office.create(office.order(shop_order()))
    number = office.ship()
    office.create(office.receipt("CH1", "155.74"))
    office.post()
    office.create(office.application(number, "CH1", "155.74", WROFAMNT="0.02"))
    office.post()
    assert (office.books()["rounding"], office.books()["clearing"]) == ("0.02", "155.74")
    assert "receivables" not in office.books()


def test_a_closed_period_takes_no_money_and_no_posting(office: Office) -> None:
    office.create(office.order(shop_order()))
    office.ask("POST", "/_sandbox/transfer", {"customer_po": "#1", "date": "2026-02-27"})
    office.ask("PUT", "/_sandbox/periods", {"year": 2026, "period": 2, "closed": True})
    assert "fiscal period" in office.refusal(office.receipt("CH1", "1.00", GLPOSTDT="2026-02-27"))
    answer = office.ask("POST", "/_sandbox/post", {})
    assert answer["posted"] == 0
    assert "closed fiscal period" in answer["errors"][0]
    office.ask("PUT", "/_sandbox/periods", {"year": 2026, "period": 2, "closed": False})
    assert office.post() == 1


def test_a_locked_batch_is_written_to_but_not_posted(office: Office) -> None:
    office.create(office.receipt("CH1", "1.00"))
    office.ask("PUT", "/_sandbox/batches", {"batch": "CASH", "status": 3})
    office.create(office.receipt("CH2", "1.00"))
    refused = office.http.post("/_sandbox/post", json={"batch": "CASH"})
    assert (refused.status_code, "is locked" in refused.text) == (409, True)
    office.ask("PUT", "/_sandbox/batches", {"batch": "CASH", "status": 0})
    assert office.post() == 2


def test_text_beyond_the_code_page_is_lost_or_refused(office: Office) -> None:
    office.customer("LUK", CUSTNAME="Łukasz Żółć")
    (lost,) = office.read("Customer", "CUSTNMBR = 'LUK'")
    assert lost["CUSTNAME"] == "?ukasz ?ó??"
    office.ask("PUT", "/_sandbox/settings", {"code_page": "error", "text_overflow": "truncate"})
    xml = document("RMCustomerMasterType", taUpdateCreateCustomerRcd={"CUSTNMBR": "LUK", "CUSTNAME": "Łukasz"})
    assert "code page 1252" in office.refusal(xml)
    office.customer("LONG", CUSTNAME="x" * 70)
    (cut,) = office.read("Customer", "CUSTNMBR = 'LONG'")
    assert cut["CUSTNAME"] == "x" * 64


def test_a_partly_transferred_line_is_computed_anew_where_the_site_does_so(office: Office) -> None:
    office.ask("PUT", "/_sandbox/settings", {"transfer_arithmetic": "recomputed"})
    mugs = {
        "sku": "MUG",
        "quantity": 3,
        "unit_price": "8.33",
        "discount": "0.02",
        "tax": [{"detail": "STATE", "amount": "1.57"}],
    }
    office.create(office.order(shop_order(lines=[mugs], shipping=None)))
    parts = [office.ship(lines=[{"ITEMNMBR": "MUG", "QUANTITY": "1"}]), office.ship()]
    invoices = {row["SOPNUMBE"]: row for row in office.read("Sales_History_Transaction", "SOPTYPE = 3")}
    assert [invoices[n]["SUBTOTAL"] for n in parts] == ["8.32000", "16.64000"]
    assert [invoices[n]["TAXAMNT"] for n in parts] == ["0.52000", "1.04000"]


@pytest.mark.parametrize("name", ["plain.json", "cases.json"])
def test_the_golden_orders_leave_the_books_they_must(office: Office, name: str) -> None:
    file = golden_file(name)
    office.seed(file["company"])
    for case in file["cases"]:
        Case(office, case).play()
    for payout in file["payouts"]:
        office.create(
            office.journal(payout["id"], [("000-1100-00", payout["amount"]), ("000-1110-00", "-" + payout["amount"])])
        )
    office.post()
    assert office.ask("GET", "/_sandbox/batches") == {"batches": []}
    own = ("inventory", "cost_of_goods_sold")
    assert {role: balance for role, balance in office.books().items() if role not in own} == file["books"]


class Case:
    """One golden order with its events, as a client that keeps accounting-rules.md would send them."""

    def __init__(self, office: Office, case: dict[str, Any]) -> None:
        self.office, self.order, self.expected = office, case["order"], case["expect"]
        self.customer = self.order["customer"]["id"].upper()
        self.events = sorted(case["events"], key=lambda event: (event["step"], event["at"]))
        self.money: list[dict[str, Any]] = []
        self.invoices: list[dict[str, Any]] = []

    def play(self) -> None:
        self.office.customer(self.customer)
        if self.expected["outcome"] == "rejected":
            assert "ITEMNMBR = NO-SUCH-SKU" in self.office.refusal(
                self.office.order(self.order, customer=self.customer)
            )
        else:
            self.office.create(self.office.order(self.order, customer=self.customer))
        for event in self.events:
            getattr(self, f"_{event['do']}")(event)
            self._collect()
        self._check()

    def _pay(self, event: dict[str, Any]) -> None:
        fee = [("000-6100-00", event["fee"]), ("000-1110-00", "-" + event["fee"])]
        self.office.create(self.office.journal(f"fee {event['id']}", fee))
        if self.expected["outcome"] != "rejected":
            left = Decimal(event["amount"])
            self.money.append({"id": event["id"], "left": left, "rate": event.get("rate", self.order["rate"])})

    def _edit(self, event: dict[str, Any]) -> None:
        self.order = self.order | {"lines": event["lines"]}
        self.office.create(update(self.office.order(self.order, customer=self.customer)))

    def _cancel(self, event: dict[str, Any]) -> None:
        number = f"ORD{self.order['name'].strip('#')}"
        self.office.create(document("SOPVoidDocumentType", taSopVoidDocument={"SOPTYPE": 2, "SOPNUMBE": number}))

    def _fulfil(self, event: dict[str, Any]) -> None:
        if self.expected["outcome"] == "rejected":
            return
        lines = event.get("lines")
        wanted = lines and [{"ITEMNMBR": line["sku"], "QUANTITY": str(line["quantity"])} for line in lines]
        number = self.office.ship(self.order["name"], wanted, event["at"][:10])
        (invoice,) = self.office.read("Sales_History_Transaction", f"SOPTYPE = 3 AND SOPNUMBE = '{number}'")
        self.invoices.append(invoice | {"left": Decimal(invoice["ORDOCAMT"])})

    def _refund(self, event: dict[str, Any]) -> None:
        if not self.invoices:
            self.money[0]["left"] -= Decimal(event["amount"])
            return
        number = event["id"].upper()
        if event.get("lines"):
            shipping = event.get("shipping") and {"net": event["shipping"], "tax": event["shipping_tax"]}
            back = goods_back(f"RT{number}", event["lines"], shipping, CUSTNMBR=self.customer)
            self._give_back(event, back, f"RT{number}", 8)
        if event.get("goodwill"):
            self._give_back(event, self._goodwill(f"GW{number}", event["goodwill"]), f"GW{number}", 7)

    def _goodwill(self, number: str, amount: str) -> str:
        key = {"RMDTYPAL": 7, "DOCNUMBR": number, "CUSTNMBR": self.customer}
        values = {"DOCDATE": "2026-03-14", "BACHNUMB": "REFUNDS", "DOCAMNT": amount, "SLSAMNT": amount, "CREATEDIST": 0}
        return document(
            "RMTransactionType",
            taRMDistribution=[
                key | {"DISTTYPE": 19, "ACTNUMST": "000-4120-00", "DEBITAMT": amount, "CRDTAMNT": 0},
                key | {"DISTTYPE": 3, "ACTNUMST": "000-1200-00", "DEBITAMT": 0, "CRDTAMNT": amount},
            ],
            taRMTransaction=key | values,
        )

    def _give_back(self, event: dict[str, Any], credit: str, number: str, kind: int) -> None:
        debit = f"DM{event['id'].upper()}"
        self.office.create(credit)
        self.office.create(refund(self.office, debit, event["amount"], CUSTNMBR=self.customer))
        self.office.post()
        self.office.create(self.office.application(debit, number, event["amount"], APFRDCTY=kind, APTODCTY=3))

    def _collect(self) -> None:
        """Money meets invoices: one receipt per charge and invoice, up to what is due."""
        for charge in self.money:
            for invoice in self.invoices:
                amount = min(charge["left"], invoice["left"])
                if amount <= 0:
                    continue
                number = f"{charge['id']}-{invoice['SOPNUMBE'][-4:]}"
                currency = self.order["currency"]
                rate = {"CURNCYID": currency, "XCHGRATE": charge["rate"]} if currency != "USD" else {}
                self.office.create(self.office.receipt(number, str(amount), self.customer, **rate))
                self.office.post()
                self.office.create(self.office.application(invoice["SOPNUMBE"], number.upper(), str(amount)))
                charge["left"] -= amount
                invoice["left"] -= amount

    def _check(self) -> None:
        names = {"SUBTOTAL": "ORSUBTOT", "FREIGHT": "ORFRTAMT", "TAXAMNT": "ORTAXAMT", "FRTTXAMT": "ORFRTTAX"}
        names["DOCAMNT"] = "ORDOCAMT"
        found = [
            {name: f"{Decimal(invoice[column]):.2f}" for name, column in names.items()}
            | {"XTNDPRCE": [f"{Decimal(line['OXTNDPRC']):.2f}" for line in invoice["Line"]]}
            for invoice in self.invoices
        ]
        assert found == self.expected.get("gp_invoices", [])


def test_a_site_may_apply_receipts_before_they_are_posted(office: Office) -> None:
    office.ask("PUT", "/_sandbox/settings", {"apply_unposted_receipts": True})
    office.create(office.order(shop_order()))
    number = office.ship()
    office.create(office.receipt("CH1", "155.76"))
    office.create(office.application(number, "CH1", "155.76"))
    assert [row["POSTED"] for row in office.read("Receivables_Apply")] == ["0"]
    office.post()
    assert [row["CURTRXAM"] for row in office.read("Receivables_Posted_Transaction", "RMDTYPAL = 9")] == ["0.00000"]
    assert [row["POSTED"] for row in office.read("Receivables_Apply")] == ["1"]


@pytest.mark.parametrize(
    ("customer", "header", "text"),
    [
        pytest.param({"INACTIVE": 1}, {}, "Customer is inactive", id="inactive"),
        pytest.param({"HOLD": 1}, {"CKHOLD": 1}, "Customer is on hold", id="on-hold"),
        pytest.param({"CRLMTTYP": 2, "CRLMTAMT": "100.00"}, {"CKCreditLimit": 1}, "credit limit", id="credit-limit"),
    ],
)
def test_a_customer_who_may_not_buy_is_refused(
    office: Office, customer: dict[str, Any], header: dict[str, Any], text: str
) -> None:
    office.customer(**customer)
    assert text in office.refusal(office.order(shop_order(), **header))
