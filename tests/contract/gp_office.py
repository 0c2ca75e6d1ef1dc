"""A GP office for tests: zeep at the eConnect service, and the people at the sandbox's own routes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import zeep
from lxml import etree
from zeep.exceptions import Fault as Fault
from zeep.transports import Transport

from sandbox.gp.app import create_app
from tests.contract.gp_company import COMPANY
from tests.contract.served_app import serve

LOGIN, PASSWORD, COMPANY_ID = "HLS\\econnect", "s3cret", "HLS"
CENT = Decimal("0.01")


def node(name: str, fields: Mapping[str, object]) -> str:
    """One eConnect node; None leaves the element out."""
    element = etree.Element(name)
    for field, value in fields.items():
        if value is not None:
            etree.SubElement(element, field).text = str(value)
    return etree.tostring(element, encoding="unicode")


def document(transaction: str, **nodes: Mapping[str, object] | Sequence[Mapping[str, object]]) -> str:
    """An ``<eConnect>`` of one transaction type; a list becomes the node's ``_Items``."""
    content = "".join(
        f"<{name}_Items>{''.join(node(name, row) for row in given)}</{name}_Items>"
        if isinstance(given, Sequence)
        else node(name, given)
        for name, given in nodes.items()
    )
    return f"<eConnect><{transaction}>{content}</{transaction}></eConnect>"


class Office:
    """One simulated GP: eConnect by ``create`` and ``read``, its people by ``ask``."""

    def __init__(self, url: str, data_dir: Path) -> None:
        self.url, self.data_dir = url, data_dir
        self.http = httpx.Client(base_url=url, timeout=120)
        session = requests.Session()
        session.auth = (LOGIN, PASSWORD)
        self.connection = f"data source=SQL1;initial catalog={COMPANY_ID};integrated security=SSPI"
        self.client = zeep.Client(
            f"{url}/Microsoft/Dynamics/GP/eConnect/mex?wsdl",
            transport=Transport(session=session),
            settings=zeep.Settings(xml_huge_tree=True),
        )

    def seed(self, company: Mapping[str, Any]) -> None:
        """Start over with this company."""
        self.roles = {account["gp"]: account["role"] for account in company["accounts"]}
        seed = {"company": company, "company_id": COMPANY_ID, "login": LOGIN, "password": PASSWORD}
        self.ask("POST", "/_sandbox/seed", seed)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """A person's request; fails the test unless it succeeds."""
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def create(self, xml: str) -> str:
        """CreateTransactionEntity: the document with its numbers."""
        return str(self.client.service.CreateTransactionEntity(self.connection, xml))

    def refusal(self, xml: str) -> str:
        """The message of the fault this document is refused with."""
        with pytest.raises(Fault) as raised:
            self.create(xml)
        return str(raised.value.message)

    def read(self, doctype: str, where: str = "", **fields: object) -> list[dict[str, Any]]:
        """Complete records of the Requester: text by column, child rows as lists."""
        request = {"DOCTYPE": doctype, "OUTPUTTYPE": 2, "FORLIST": 1, **fields, "WhereClause": where or None}
        xml = document("RQeConnectOutType", eConnectOut=request)
        answer = etree.fromstring(self.client.service.GetEntity(self.connection, xml).encode())
        return [_record(record[0]) for record in answer]

    def customer(self, number: str = "ANN", **fields: object) -> None:
        """A customer with an address and e-mail."""
        row = {"CUSTNMBR": number, "CUSTNAME": f"Customer {number}", "ADRSCODE": "MAIN", "CITY": "Salem"}
        email = {
            "Master_Type": "CUS",
            "Master_ID": number,
            "ADRSCODE": "MAIN",
            "INET1": f"{number.lower()}@example.com",
        }
        xml = document(
            "RMCustomerMasterType", taUpdateCreateCustomerRcd=row | fields, taCreateInternetAddresses=[email]
        )
        assert self.client.service.CreateEntity(self.connection, xml) is True

    def receipt(self, number: str, amount: str, customer: str = "ANN", **fields: object) -> str:
        """A cash receipt in the gateway's checkbook."""
        row = {
            "CUSTNMBR": customer,
            "DOCNUMBR": number,
            "DOCDATE": "2026-03-03",
            "ORTRXAMT": amount,
            "GLPOSTDT": "2026-03-03",
            "BACHNUMB": "CASH",
            "CSHRCTYP": 1,
            "CHEKBKID": "STRIPE",
        }
        return document("RMCashReceiptsType", taRMCashReceiptInsert=row | fields)

    def application(self, charge: str, credit: str, amount: str, **fields: object) -> str:
        """A receipt applied to an invoice."""
        row = {"APTODCNM": charge, "APFRDCNM": credit, "APPTOAMT": amount, "APFRDCTY": 9, "APTODCTY": 1}
        return document("RMApplyType", taRMApply=row | fields)

    def journal(self, reference: str, lines: list[tuple[str, str]], number: object = "", **fields: object) -> str:
        """A journal entry of (account, amount) lines, a debit positive; GP numbers it unless a number is given."""
        rows: list[Mapping[str, object]] = [
            {
                "BACHNUMB": "FEES",
                "JRNENTRY": number,
                "CRDTAMNT": max(-Decimal(amount), Decimal(0)),
                "DEBITAMT": max(Decimal(amount), Decimal(0)),
                "ACTNUMST": account,
            }
            for account, amount in lines
        ]
        header = {"BACHNUMB": "FEES", "JRNENTRY": number, "REFRENCE": reference, "TRXDATE": "2026-03-05", "TRXTYPE": 0}
        return document(
            "GLTransactionType", taGLTransactionLineInsert=rows, taGLTransactionHeaderInsert=header | fields
        )

    def order(self, shop_order: Mapping[str, Any], *, customer: str = "ANN", **header: Any) -> str:
        """A shop's order (golden shape) as a GP order, by accounting-rules.md rules 2 and 3."""
        inclusive = shop_order["taxes_included"]
        number = f"ORD{shop_order['name'].strip('#')}"
        key = {"SOPTYPE": 2, "SOPNUMBE": number, "CUSTNMBR": customer}
        currency = {"CURNCYID": shop_order["currency"]}
        lines: list[Mapping[str, object]] = []
        taxes: list[Mapping[str, object]] = []
        for position, line in enumerate(shop_order["lines"], start=1):
            tax = sum(Decimal(detail["amount"]) for detail in line["tax"])
            net = line["quantity"] * Decimal(line["unit_price"]) - Decimal(line["discount"]) - (tax if inclusive else 0)
            lines.append(
                {
                    **key,
                    **currency,
                    "DOCDATE": "2026-03-02",
                    "ITEMNMBR": line["sku"],
                    "UNITPRCE": (net / line["quantity"]).quantize(CENT, ROUND_HALF_UP),
                    "XTNDPRCE": net,
                    "QUANTITY": line["quantity"],
                    "TAXAMNT": tax,
                    "LNITMSEQ": position * 16384,
                }
            )
            taxes += [
                {
                    **key,
                    "LNITMSEQ": position * 16384,
                    "TAXDTLID": detail["detail"],
                    "SALESAMT": net,
                    "STAXAMNT": detail["amount"],
                }
                for detail in line["tax"]
            ]
        freight, freight_tax = self._freight(shop_order, key, taxes)
        subtotal = sum((Decimal(str(line["XTNDPRCE"])) for line in lines), Decimal(0))
        line_tax = sum((Decimal(str(line["TAXAMNT"])) for line in lines), Decimal(0))
        values: dict[str, object] = {
            "DOCID": "STDORD",
            "DOCDATE": "2026-03-02",
            "BACHNUMB": "ORDERS",
            "CSTPONBR": shop_order["name"],
            "SUBTOTAL": subtotal,
            "FREIGHT": freight,
            "TAXAMNT": line_tax,
            "FRTTXAMT": freight_tax,
            "DOCAMNT": subtotal + freight + line_tax + freight_tax,
            **currency,
            "XCHGRATE": shop_order["rate"] if shop_order["currency"] != "USD" else None,
        }
        return document(
            "SOPTransactionType",
            taSopLineIvcInsert=lines,
            taSopLineIvcTaxInsert=taxes,
            taSopHdrIvcInsert=key | values | header,
        )

    def _freight(
        self, shop_order: Mapping[str, Any], key: Mapping[str, object], taxes: list[Mapping[str, object]]
    ) -> tuple[Decimal, Decimal]:
        shipping = shop_order["shipping"]
        if shipping is None:
            return Decimal(0), Decimal(0)
        tax = sum((Decimal(detail["amount"]) for detail in shipping["tax"]), Decimal(0))
        net = Decimal(shipping["price"]) - Decimal(shipping["discount"])
        taxes += [
            {**key, "TAXTYPE": 1, "LNITMSEQ": 0, "TAXDTLID": detail["detail"], "FRTTXAMT": detail["amount"]}
            for detail in shipping["tax"]
        ]
        return net - (tax if shop_order["taxes_included"] else 0), tax

    def ship(self, name: str = "#1", lines: list[dict[str, Any]] | None = None, on: str = "2026-03-03") -> str:
        """The number of the posted invoice that (these lines of) an order became."""
        body = {"customer_po": name, "lines": lines, "date": on}
        number = self.ask("POST", "/_sandbox/transfer", body)["invoice"]
        assert self.post() > 0
        return str(number)

    def post(self) -> int:
        """How many documents the bookkeeper posted; none was left over."""
        answer = self.ask("POST", "/_sandbox/post", {})
        assert answer["errors"] == []
        return int(answer["posted"])

    def books(self) -> dict[str, str]:
        """Posted balances by role, zero ones left out."""
        accounts: dict[str, str] = self.ask("GET", "/_sandbox/ledger")["accounts"]
        return {self.roles[number]: balance for number, balance in accounts.items() if Decimal(balance)}


@contextmanager
def open_office(data_dir: Path) -> Iterator[Office]:
    """A running GP, not seeded yet."""
    with serve(create_app(data_dir)) as url:
        yield Office(url, data_dir)


def start_over(office: Office) -> Office:
    """The small company with its customer ANN, on 2 March 2026."""
    office.seed(COMPANY)
    office.ask("PUT", "/_sandbox/clock", {"now": "2026-03-02T15:41:00Z"})
    office.customer()
    return office


def _record(element: etree._Element) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for child in element:
        if len(child):
            record.setdefault(str(child.tag), []).append(_record(child))
        else:
            record[str(child.tag)] = child.text or ""
    return record
