"""Bills and suppliers' credits as people key, pay and apply them, and the flow that carries them from Xero to GP."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select

from demo.ports import free_port
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter, SourceRecord
from operators import settings
from operators.attachments import AttachmentsOperator
from operators.systems import hooks_of
from sandbox.orders import OPENING, harbor_light_supply
from sandbox.places import SYSTEMS
from sandbox.player import Player
from tests.flows.edited_masters import Windows
from tests.flows.golden_orders import order_file
from tests.flows.in_process import InProcess, Office, open_office
from tests.forked_sandboxes import forked_sandboxes

__all__ = ["DAY", "PAYMENT", "BillDesk", "Bills", "carry_files", "line", "open_bills"]

DAY = "2026-03-02"
PAYMENT = 6


@dataclass
class BillDesk(Windows):
    """Where people key bills in Xero, pay them there, and apply in GP what was paid."""

    def enter(self, number: str, supplier: str, *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """A bill, or what its fields make of it, as a person types it in Xero and approves it."""
        typed = {"Type": "ACCPAY", "Status": "AUTHORISED", "Contact": {"Name": supplier}, "Date": DAY}
        typed |= {"InvoiceNumber": number, "DueDate": "2026-04-01", "LineAmountTypes": "Exclusive"}
        element = {**typed, "LineItems": list(lines), **fields}
        return self.type_in_xero(element)

    def key(self, number: str, vendor: str, *lines: tuple[str, ...], **fields: Any) -> str:
        """A voucher as a person keys it in GP: accounts with amounts and texts; its own number."""
        typed = [dict(zip(("account", "amount", "text"), each, strict=False)) for each in lines]
        voucher = {"vendor": vendor, "number": number, "date": DAY, "lines": typed, "description": number, **fields}
        return str(self.player.call("POST", "gp", "/_sandbox/vouchers", voucher)["voucher"])

    def pay(self, number: str, vendor: str, amount: str, **fields: Any) -> None:
        """A payment as a person keys it in GP."""
        payment = {"vendor": vendor, "number": number, "amount": amount, "date": DAY, **fields}
        self.player.call("POST", "gp", "/_sandbox/vendor-payments", payment)

    def set_against(self, credit: str, voucher: str, kind: int = PAYMENT, **fields: Any) -> None:
        """What a person does in Apply Payables Documents, by the documents' own numbers."""
        pair = {"document": credit, "DOCTYPE": kind, "voucher": voucher, "date": DAY, **fields}
        self.player.call("POST", "gp", "/_sandbox/apply-payables", pair)

    def type_in_xero(self, element: dict[str, Any]) -> dict[str, Any]:
        typed: dict[str, Any] = self.player.call("POST", "xero", "/_sandbox/documents", element)
        return typed

    def watch(self, system: str, **calls: str) -> None:
        """Let calls be counted whose body has a text (``contains``), or of a method and path; they go on as ever."""
        self.player.order_fault(system, {"kind": "slow", "times": None, **calls})

    def watched(self) -> dict[str, list[int]]:
        """How many calls each watch has counted, by system, in the order they were set; then none is watched."""
        counted = {system: [each["happened"] for each in of] for system, of in self.player.faults().items()}
        self.player.forget_faults()
        return counted

    def vouchers(self) -> dict[str, dict[str, Any]]:
        """GP's payables by the supplier's number, payments by their own."""
        return {each["DOCNUMBR"]: each for each in self.player.ledger("gp")["payables"]}

    def booked(self, number: str) -> dict[str, Decimal]:
        """What GP posted of a document by account, debits positive."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for each in self.player.entries("gp"):
            if each["ORDOCNUM"] == number:
                sums[each["ACTNUMST"]] += Decimal(each["DEBITAMT"]) - Decimal(each["CRDTAMNT"])
        return dict(sums)

    def pay_in_xero(self, number: str, amount: str, **fields: str) -> dict[str, Any]:
        payment = {"number": number, "amount": amount, "account": "090", "on": DAY, **fields}
        entered: dict[str, Any] = self.player.call("POST", "xero", "/_sandbox/payments", payment)
        return entered

    def payments(self) -> dict[str, dict[str, Any]]:
        """GP's payments by what they are for."""
        payables = self.player.ledger("gp")["payables"]
        return {each["TRXDSCRN"]: each for each in payables if each["DOCTYPE"] == PAYMENT}

    def apply(self, number: str) -> None:
        """What a person does in GP's window Apply Payables Documents, of a payment that is for a bill."""
        self.apply_documents(self.payments()[number], self.vouchers()[number])

    def apply_documents(self, credit: dict[str, Any], voucher: dict[str, Any], on: str = DAY) -> None:
        """The same, of any two: as much as is left of both."""
        pair = {"document": credit["number"], "DOCTYPE": credit["DOCTYPE"], "voucher": voucher["number"], "date": on}
        self.player.call("POST", "gp", "/_sandbox/apply-payables", pair)


@dataclass
class Bills(BillDesk):
    """The two ledgers, and the flows of masters and of bills between them."""

    office: Office
    passes: int = 0

    def link_suppliers(self) -> None:
        """A pass of the flow of masters."""
        self.passes += 1
        InProcess("master_data").run_stage("vendors", f"vendors-{self.passes}")

    def run(self) -> dict[str, int]:
        """A pass; how many documents each leg delivered."""
        self.passes += 1
        flow = InProcess("procure_to_pay")
        results = flow.run(f"bills-{self.passes}")
        return {leg: found for leg in flow.flow.legs if (found := results.get(f"{leg}.load", {}).get("delivered"))}

    def reconciled(self, *, close: bool = False) -> dict[str, Any]:
        """What the comparison of the two ledgers says, whether it fails or not; ``close``: the last of a period."""
        self.passes += 1
        with suppress(LedgerbridgeError):
            InProcess("order_to_cash").run_stage("reconcile", f"reconcile-{self.passes}", close=close)
        return self.office.verdicts[-1]

    def told(self, verdict: dict[str, Any]) -> list[tuple[str, str, str]]:
        """Type, role and value of what nobody can explain."""
        unexplained = [each for each in verdict["differences"] if not each["explained"]]
        return sorted((each["type"], each["role"], each["value"]) for each in unexplained)

    def xero(self) -> Any:
        """The hook of Xero, for what people do there and the sandbox has no window for."""
        return next(iter(hooks_of("xero", settings.company()).values()))

    def letters(self) -> dict[str, tuple[str, str]]:
        """Code and remedy of each open letter, by the name people see."""
        with transaction(self.office.state) as session:
            rows = session.scalars(select(DeadLetter).where(DeadLetter.state == "open"))
            return {str(each.label): (each.code, each.remedy) for each in rows}

    def waiting(self) -> dict[str, str]:
        """Why each bill waits that does."""
        with transaction(self.office.state) as session:
            rows = session.scalars(select(SourceRecord).where(SourceRecord.outcome == "waiting"))
            return {str(each.label): str(each.reason) for each in rows if each.flow == "procure_to_pay"}


@contextmanager
def open_bills(folder: Path, suppliers: Sequence[str], keyed_in: str = "xero") -> Iterator[Bills]:
    """
    The two ledgers of the small company, forked.

    :param keyed_in: the ledger that people key bills in.
    :param suppliers: names of contacts that are vendors in GP, under the name in capitals, before the first bill.
    """
    file = order_file([], company=harbor_light_supply() | {"settings": {"bills_keyed_in": keyed_in}})
    ports = {system: free_port() for system in SYSTEMS}
    with forked_sandboxes(ports, folder / "sandbox") as addresses, Player(addresses) as player:
        player.seed(file["company"], OPENING)
        with open_office(file, player, player, folder) as office:
            bills = Bills(player, office)
            for name in suppliers:
                bills.in_xero(name, AccountNumber=name.upper(), IsSupplier=True)
            bills.link_suppliers()
            yield bills


def line(amount: str, *, account: str = "310", tax_type: str = "NONE", **fields: Any) -> dict[str, Any]:
    return {
        "Description": "Lamp shades",
        "Quantity": 1,
        "UnitAmount": amount,
        "AccountCode": account,
        "TaxType": tax_type,
        **fields,
    }


def carry_files(run_id: str, legs: Sequence[str]) -> dict[str, int]:
    """A run of the DAG that carries attached files."""
    operator = AttachmentsOperator(task_id="carry", flow="procure_to_pay", legs=legs)
    return operator.execute({"run_id": run_id})  # type: ignore[arg-type]
