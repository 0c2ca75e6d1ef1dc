"""
Twelve differences of each area that people close, each made as people make them, and what it has to be told as.

They are all made at once: each on documents of its own, its value worked out by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.flows.planted_company import (
    FOREIGN_ON_ACCOUNT,
    INVENTORY_CLEARING,
    NOT_PAID_OUT,
    ON_ACCOUNT,
    PAID,
    SPARE,
    charge,
)

BANK, CLEARING, FEES, TAX = "000-1100-00", "000-1110-00", "000-6100-00", "000-2300-00"
SALES, SHIPPING, INVENTORY, COST = "000-4100-00", "000-4200-00", "000-1300-00", "000-4500-00"
OF_GOODS = INVENTORY_CLEARING["gp"]
IN_XERO = {
    "bank": "090", "clearing": "615", "fees": "404", "sales": "200", "returns": "205", "goodwill": "206",
    "shipping_income": "210", "gateway_exchange": "494", "inventory_clearing": INVENTORY_CLEARING["xero"],
}  # fmt: skip
STATE_AND_COUNTY, VAT = "MA-COUNTY+MA-STATE", "UK-VAT20"
DAY = "2026-03-20"

Told = list[tuple[str, str, str]]
Plant = tuple[Callable[[Any], object], Told]


def _change(order: str, **line: str) -> Callable[[Any], object]:
    return lambda desk: desk.change_invoice(order, line=line)


def _split(order: str, *parts: dict[str, str]) -> Callable[[Any], object]:
    """An invoice's line of 100.00 and 7.75 tax becomes several."""
    return lambda desk: desk.change_invoice(order, line=list(parts))


def _line(role: str, amount: str, tax: str = "0.00", tax_type: str = "NONE") -> dict[str, Any]:
    told = {"AccountCode": IN_XERO[role], "UnitAmount": amount, "LineAmount": amount, "Quantity": 1}
    return {"Description": "By hand", **told, "TaxType": tax_type, "TaxAmount": tax}


def _document(kind: str, role: str, amount: str, tax: str = "0.00") -> Callable[[Any], object]:
    """An invoice, credit note or bill that a person enters in Xero."""
    collection = "CreditNotes" if kind == "ACCRECCREDIT" else "Invoices"

    def enter(desk: Any) -> None:
        tax_type = "NONE" if tax == "0.00" else desk.tax_type(STATE_AND_COUNTY)
        contact = desk.invoice(ON_ACCOUNT)["Contact"]["ContactID"]
        desk.in_xero("PUT", collection, {
            "Type": kind, "Contact": {"ContactID": contact}, "Status": "AUTHORISED", "Date": DAY,
            **({} if kind == "ACCRECCREDIT" else {"DueDate": DAY}),
            "LineAmountTypes": "Exclusive", "LineItems": [_line(role, amount, tax, tax_type)],
        })  # fmt: skip

    return enter


def _bank(kind: str, role: str, amount: str, tax: str = "0.00") -> Callable[[Any], object]:
    """Money spent or received on the bank that a person enters in Xero."""

    def enter(desk: Any) -> None:
        tax_type = "NONE" if tax == "0.00" else desk.tax_type(STATE_AND_COUNTY)
        contact = desk.invoice(ON_ACCOUNT)["Contact"]["ContactID"]
        desk.in_xero("PUT", "BankTransactions", {
            "Type": kind, "Contact": {"ContactID": contact}, "Date": DAY, "BankAccount": {"Code": IN_XERO["bank"]},
            "Reference": f"by hand {role}", "LineAmountTypes": "Exclusive",
            "LineItems": [_line(role, amount, tax, tax_type)],
        })  # fmt: skip

    return enter


def _transfer(giving: str, taking: str, amount: str, reference: str = "by hand") -> Callable[[Any], object]:
    return lambda desk: desk.in_xero("PUT", "BankTransfers", {
        "FromBankAccount": {"Code": IN_XERO[giving]}, "ToBankAccount": {"Code": IN_XERO[taking]}, "Amount": amount,
        "Date": DAY, "Reference": reference,
    })  # fmt: skip


def _journal(debit: str, credit: str, amount: str) -> Callable[[Any], object]:
    """A manual journal in Xero."""
    lines = [
        {"AccountCode": IN_XERO[role], "LineAmount": each} for role, each in ((debit, amount), (credit, f"-{amount}"))
    ]
    journal = {"Narration": f"By hand {debit}", "Status": "POSTED", "Date": DAY, "JournalLines": lines}
    return lambda desk: desk.in_xero("PUT", "ManualJournals", journal)


def _entry(debit: str, credit: str, amount: str) -> Callable[[Any], object]:
    """An entry in GP's general ledger."""
    return lambda desk: desk.journal(f"by hand {debit} {credit}"[:30], {debit: amount, credit: f"-{amount}"})


def _void(order: str) -> Callable[[Any], object]:
    return lambda desk: desk.change_invoice(order, Status="VOIDED")


def _tax_type(order: str, components: str) -> Callable[[Any], object]:
    return lambda desk: desk.change_invoice(order, line={"TaxType": desk.tax_type(components)})


def _two_tax_types(order: str) -> Callable[[Any], object]:
    def split(desk: Any) -> None:
        own = {"UnitAmount": "60.00", "LineAmount": "60.00", "Quantity": 1, "TaxAmount": "4.65"}
        desk.change_invoice(order, line=[own, _line("sales", "40.00", "3.10", desk.tax_type(VAT))])

    return split


def _more_taxed(order: str) -> Callable[[Any], object]:
    return lambda desk: desk.change_invoice(order, line=[{}, _line("sales", "10.00", "2.00", desk.tax_type(VAT))])


def _delete_payment(desk: Any) -> None:
    payment = desk.xero_document("Payments", f'Reference.StartsWith("{charge(PAID)} ")')
    desk.in_xero("POST", "Payments", {"PaymentID": payment["PaymentID"], "Status": "DELETED"})


def _fees_from_bank(desk: Any) -> None:
    fees = desk.xero_document("BankTransactions", 'Type=="SPEND"')
    moved = {"BankTransactionID": fees["BankTransactionID"], "BankAccount": {"Code": IN_XERO["bank"]}}
    desk.in_xero("POST", "BankTransactions", moved)


def _fees_again(desk: Any) -> None:
    (page,) = desk.gp.site().reader.pages("GL_Open_Trans", "SOURCDOC = 'GJ'", key=("JRNENTRY", "SEQNUMBR"))
    reference = next(row["REFRENCE"] for row in page if row["REFRENCE"].startswith("LB fee"))
    desk.journal(reference, {FEES: "18.14", CLEARING: "-18.14"})


def _payout_without_entry(desk: Any) -> None:
    desk.office.player.set_clock(desk.instant("2026-03-23T12:00:00Z"))
    payout = {"id": "po_2", "arrives": "2026-03-25", "covers": [charge(NOT_PAID_OUT)], "amount": "104.33"}
    desk.ask("stripe", "POST", "payouts", payout)


def _other_cost(order: str) -> Callable[[Any], object]:
    """Somebody corrects the cost of a posted invoice's line from 21.40 to 22.40, and nobody its entry."""
    return lambda desk: desk.in_gp_tables(
        "UPDATE SOP30300 SET UNITCOST = 2240000 WHERE SOPNUMBE = ?", desk.invoice(order)["InvoiceNumber"]
    )


WHOLE_INVOICE = [
    ("missing in xero", "receivables", "107.75"),
    ("missing in xero", "sales", "-100.00"),
    ("missing in xero", "tax_payable", "-7.75"),
]
AT_ANOTHER_RATE = [("rate", "receivables", "-6.00"), ("rate", "sales", "5.00"), ("rate", "tax_payable", "1.00")]
_ANOTHER_RATE: Plant = (lambda desk: desk.change_invoice(FOREIGN_ON_ACCOUNT, CurrencyRate="0.769231"), AT_ANOTHER_RATE)


def _here(role: str, other: str, amount: str) -> Told:
    """GP alone has it: Dr the first role, Cr the other."""
    return [("missing in xero", role, amount), ("missing in xero", other, f"-{amount}")]


def _there(role: str, other: str, amount: str) -> Told:
    """Xero alone has it: Dr the first role, Cr the other."""
    return [("missing in gp", role, f"-{amount}"), ("missing in gp", other, amount)]


CASH: dict[str, Plant] = {
    "payment-deleted": (_delete_payment, _here("clearing", "receivables", "107.75")),
    "fees-paid-from-the-bank": (_fees_from_bank, [("account", "bank", "18.14"), ("account", "clearing", "-18.14")]),
    "fees-twice-in-gp": (_fees_again, [("double in gp", "clearing", "-18.14"), ("double in gp", "fees", "18.14")]),
    "entry-on-clearing": (_entry(CLEARING, FEES, "9.00"), _here("clearing", "fees", "9.00")),
    "entry-on-the-bank": (_entry(FEES, BANK, "8.00"), _here("fees", "bank", "8.00")),
    "spent-from-the-bank": (_bank("SPEND", "fees", "6.00"), _there("fees", "bank", "6.00")),
    "received-on-the-bank": (
        _bank("RECEIVE", "gateway_exchange", "5.00"), _there("bank", "gateway_exchange", "5.00")
    ),
    "transfer-by-hand": (_transfer("bank", "clearing", "4.00"), _there("clearing", "bank", "4.00")),
    "payout-twice-in-xero": (
        _transfer("clearing", "bank", "458.71", "po_1"),
        [("double in xero", "bank", "-458.71"), ("double in xero", "clearing", "458.71")],
    ),
    "paid-to-the-bank": (
        lambda desk: desk.pay_by_hand(SPARE[0], IN_XERO["bank"]), _there("bank", "receivables", "107.75")
    ),
    "money-that-came-later": (
        lambda desk: desk.customer_pays(SPARE[1], "ch_late"), [("money without document", "clearing", "107.75")]
    ),
    "payout-that-nobody-entered": (_payout_without_entry, [("payout not posted", "clearing", "104.33")]),
}  # fmt: skip

TAXES: dict[str, Plant] = {
    "amount": (
        _change(SPARE[0], TaxAmount="7.74"), [("amount", "receivables", "0.01"), ("tax", "tax_payable", "-0.01")]
    ),
    "another-set-of-details": (
        _tax_type(SPARE[1], VAT),
        [("tax", f"tax_payable {STATE_AND_COUNTY}", "-7.75"), ("tax", f"tax_payable {VAT}", "7.75")],
    ),
    "untaxed": (
        _change(SPARE[2], TaxType="NONE", TaxAmount="0.00"),
        [("amount", "receivables", "7.75"), ("tax", "tax_payable", "-7.75")],
    ),
    "at-another-rate": _ANOTHER_RATE,
    "voided": (_void(SPARE[3]), WHOLE_INVOICE),
    "in-part-under-other-details": (
        _two_tax_types(SPARE[4]),
        [("tax", f"tax_payable {STATE_AND_COUNTY}", "-3.10"), ("tax", f"tax_payable {VAT}", "3.10")],
    ),
    "of-one-more-line": (
        _more_taxed(SPARE[5]),
        [("amount", "receivables", "-12.00"), ("amount", "sales", "10.00"), ("tax", "tax_payable", "2.00")],
    ),
    "invoice-by-hand": (
        _document("ACCREC", "sales", "50.00", "3.88"),
        [("missing in gp", "receivables", "-53.88"), ("missing in gp", "sales", "50.00"),
         ("missing in gp", "tax_payable", "3.88")],
    ),
    "credit-note-by-hand": (
        _document("ACCRECCREDIT", "returns", "20.00", "1.55"),
        [("missing in gp", "receivables", "21.55"), ("missing in gp", "returns", "-20.00"),
         ("missing in gp", "tax_payable", "-1.55")],
    ),
    "bill-by-hand": (
        _document("ACCPAY", "fees", "40.00", "3.10"),
        [("missing in gp", "payables", "43.10"), ("missing in gp", "fees", "-40.00"),
         ("missing in gp", "tax_payable", "-3.10")],
    ),
    "spent-with-tax": (
        _bank("SPEND", "fees", "10.00", "0.78"),
        [("missing in gp", "bank", "10.78"), ("missing in gp", "fees", "-10.00"),
         ("missing in gp", "tax_payable", "-0.78")],
    ),
    "entry-by-hand": (_entry(TAX, FEES, "9.00"), _here("tax_payable", "fees", "9.00")),
}  # fmt: skip

REVENUE: dict[str, Plant] = {
    "amount": (
        _change(SPARE[0], UnitAmount="100.01", LineAmount="100.01"),
        [("amount", "receivables", "-0.01"), ("amount", "sales", "0.01")],
    ),
    "account": (
        _change(SPARE[1], AccountCode=IN_XERO["shipping_income"]),
        [("account", "sales", "-100.00"), ("account", "shipping_income", "100.00")],
    ),
    "voided": (_void(SPARE[2]), WHOLE_INVOICE),
    "in-part-on-another-account": (
        _split(SPARE[3], {"UnitAmount": "60.00", "LineAmount": "60.00"}, _line("goodwill", "40.00")),
        [("account", "goodwill", "40.00"), ("account", "sales", "-40.00")],
    ),
    "discount": (
        _change(SPARE[4], UnitAmount="90.00", LineAmount="90.00"),
        [("amount", "receivables", "10.00"), ("amount", "sales", "-10.00")],
    ),
    "at-another-rate": _ANOTHER_RATE,
    "invoice-by-hand": (_document("ACCREC", "sales", "50.00"), _there("receivables", "sales", "50.00")),
    "credit-note-by-hand": (_document("ACCRECCREDIT", "returns", "20.00"), _there("returns", "receivables", "20.00")),
    "received-as-a-sale": (_bank("RECEIVE", "sales", "15.00"), _there("bank", "sales", "15.00")),
    "manual-journal": (_journal("fees", "sales", "12.00"), _there("fees", "sales", "12.00")),
    "entry-by-hand": (_entry(FEES, SALES, "9.00"), _here("fees", "sales", "9.00")),
    "entry-between-two": (_entry(SALES, SHIPPING, "11.00"), _here("sales", "shipping_income", "11.00")),
}  # fmt: skip

GOODS: dict[str, Plant] = {
    "entry-by-hand": (_entry(OF_GOODS, FEES, "9.00"), _here("inventory_clearing", "fees", "9.00")),
    "manual-journal": (_journal("inventory_clearing", "fees", "12.00"), _there("inventory_clearing", "fees", "12.00")),
    "bill-by-hand": (
        _document("ACCPAY", "inventory_clearing", "20.00"), _there("inventory_clearing", "payables", "20.00")
    ),
    "invoice-by-hand": (
        _document("ACCREC", "inventory_clearing", "50.00"), _there("receivables", "inventory_clearing", "50.00")
    ),
    "credit-note-by-hand": (
        _document("ACCRECCREDIT", "inventory_clearing", "21.00"),
        _there("inventory_clearing", "receivables", "21.00"),
    ),
    "spent": (_bank("SPEND", "inventory_clearing", "6.00"), _there("inventory_clearing", "bank", "6.00")),
    "received": (_bank("RECEIVE", "inventory_clearing", "5.00"), _there("bank", "inventory_clearing", "5.00")),
    "account": (
        _change(SPARE[0], AccountCode=IN_XERO["inventory_clearing"]),
        [("account", "inventory_clearing", "100.00"), ("account", "sales", "-100.00")],
    ),
    "in-part-on-its-account": (
        _split(SPARE[1], {"UnitAmount": "60.00", "LineAmount": "60.00"}, _line("inventory_clearing", "40.00")),
        [("account", "inventory_clearing", "40.00"), ("account", "sales", "-40.00")],
    ),
    "cost-that-the-entry-has-not": (
        _other_cost(SPARE[2]),
        [("sub-ledger in gp", "cost_of_goods_sold", "-1.00"), ("sub-ledger in gp", "inventory", "1.00")],
    ),
    "stock-entered-by-hand": (
        _entry(INVENTORY, COST, "8.00"),
        [("sub-ledger in gp", "cost_of_goods_sold", "-8.00"), ("sub-ledger in gp", "inventory", "8.00")],
    ),
    "receipt-of-goods-by-hand": (
        _entry(INVENTORY, OF_GOODS, "30.00"),
        [("missing in xero", "inventory_clearing", "-30.00"), ("sub-ledger in gp", "inventory", "30.00")],
    ),
}  # fmt: skip

AREAS = {"cash": CASH, "tax": TAXES, "revenue": REVENUE, "inventory": GOODS}
