"""Plays a file of bills: what people do in both ledgers step by step, the flow between, what is there then."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from sandbox.by_hand import apply_payments
from tests.flows.bills import PAYMENT, BillDesk, Bills

__all__ = ["balances_by_role", "enter_bill", "pay_bill", "play", "read_result"]

STEPS = (1, 2, 3)
Json = dict[str, Any]


def play(bills: Bills, file: Json) -> dict[str, Json]:
    """
    Each step: what people do, then passes, posted and applied in between, until nothing moves.

    What was entered in Xero, by case.
    """
    for supplier in {case["bill"]["supplier"] for case in file["cases"] if case["bill"].get("form_1099")}:
        bills.in_gp(supplier.upper(), window="vendors", TEN99TYPE=4)
    entered: dict[str, Json] = {}
    for step in STEPS:
        events = [(case, event) for case in file["cases"] for event in case["events"] if event["step"] == step]
        for _, event in events:
            if event["do"] in ("close", "open"):
                _period(bills, event)
        if step == 1:
            entered = {case["id"]: enter_bill(bills, case) for case in file["cases"]}
        for case, event in events:
            _happens(bills, case, event, entered)
        _drain(bills)
    return entered


def read_result(
    bills: Bills, file: Json, entered: dict[str, Json]
) -> tuple[dict[str, Json], dict[str, dict[str, str]]]:
    """What stands of each case in the ledgers, and balances by role; a voucher is known by its first line's text."""
    payables = bills.player.ledger("gp")["payables"]
    vouchers = {each["TRXDSCRN"]: each for each in payables if each["DOCTYPE"] != PAYMENT}
    paid = defaultdict(list)
    for each in sorted(payables, key=lambda each: str(each["DOCDATE"])):
        if each["DOCTYPE"] == PAYMENT:
            paid[each["TRXDSCRN"]].append({name: each[name] for name in ("DOCAMNT", "CURTRXAM")})
    found = {}
    for case in file["cases"]:
        voucher, document = vouchers.get(case["id"]), _as_it_stands(bills, entered[case["id"]])
        if voucher is None:
            booked = document["Status"] in ("AUTHORISED", "PAID")
            found[case["id"]] = {"outcome": "missing in gp" if booked else "none"}
            continue
        figures = ("DOCTYPE", "PRCHAMNT", "TAXAMNT", "DOCAMNT", "CURTRXAM", "TEN99AMNT")
        left = document.get("AmountDue", document.get("RemainingCredit"))
        found[case["id"]] = {
            "outcome": "delivered" if voucher["state"] in ("open", "history") else voucher["state"],
            "gp": {name: voucher[name] for name in figures} | {"payments": paid[case["bill"]["number"] or None]},
            "xero": {name: _text(document[name]) for name in ("SubTotal", "TotalTax", "Total")} | {"open": _text(left)},
        }
    return found, {system: balances_by_role(bills, file, system) for system in ("gp", "xero")}


def enter_bill(desk: BillDesk, case: Json) -> Json:
    """A person types the bill or credit of a case in Xero."""
    bill = case["bill"]
    credit = case["kind"] == "credit"
    element = {
        "Type": "ACCPAYCREDIT" if credit else "ACCPAY",
        "Status": "DRAFT" if bill.get("status") == "draft" else "AUTHORISED",
        "Contact": {"Name": bill["supplier"]},
        "CreditNoteNumber" if credit else "InvoiceNumber": bill["number"],
        "Date": bill["date"],
        "DueDate": bill["due"],
        "LineAmountTypes": {"exclusive": "Exclusive", "inclusive": "Inclusive", "none": "NoTax"}[bill["amounts"]],
        "LineItems": [
            {
                "Description": each["text"],
                "Quantity": each["quantity"],
                "UnitAmount": each["unit"],
                "AccountCode": each["account"],
                "TaxType": each["tax_type"],
                **({"TaxAmount": each["tax"]} if "tax" in each else {}),
            }
            for each in bill["lines"]
        ],
    }
    if "per_base" in bill:
        element |= {"CurrencyCode": bill["currency"], "CurrencyRate": bill["per_base"]}
    return desk.type_in_xero(element)


def pay_bill(desk: BillDesk, case: Json, event: Json) -> None:
    """A person enters a payment in Xero."""
    rate = {"rate": event["per_base"]} if "per_base" in event else {}
    desk.pay_in_xero(case["bill"]["number"], event["amount"], on=event["on"], **rate)


def _happens(bills: Bills, case: Json, event: Json, entered: dict[str, Json]) -> None:
    number = case["bill"]["number"]
    match event["do"]:
        case "pay":
            pay_bill(bills, case, event)
        case "void":
            bills.type_in_xero({"Type": "ACCPAY", "InvoiceID": entered[case["id"]]["InvoiceID"], "Status": "VOIDED"})
        case "link":
            bills.link_suppliers()
        case "set_against" if "credit" in event:
            credit = next(each for each in entered.values() if each.get("CreditNoteNumber") == event["credit"])
            invoice = {"InvoiceID": entered[case["id"]]["InvoiceID"]}
            allocation = {"Amount": event["amount"], "Date": case["bill"]["due"], "Invoice": invoice}
            path = f"CreditNotes/{credit['CreditNoteID']}/Allocations"
            bills.xero().write("PUT", path, {"Allocations": [allocation]})
            by_number = bills.vouchers()
            bills.apply_documents(by_number[event["credit"]], by_number[number])


def _period(bills: Bills, event: Json) -> None:
    year, month = map(int, event["month"].split("-"))
    changed = {"year": year, "period": month, "closed": event["do"] == "close"}
    bills.player.call("PUT", "gp", "/_sandbox/periods", changed)


def _as_it_stands(bills: Bills, entered: Json) -> Json:
    """A bill or credit in Xero now."""
    collection = "CreditNotes" if "CreditNoteID" in entered else "Invoices"
    identity = entered.get("CreditNoteID") or entered["InvoiceID"]
    (found,) = bills.xero().get(f"{collection}/{identity}")[collection]
    return dict(found)


def _drain(bills: Bills) -> None:
    while bills.run() or bills.player.post():
        bills.player.post()
        apply_payments(bills.player)


def balances_by_role(desk: BillDesk, file: Json, system: str) -> dict[str, str]:
    """What a ledger's accounts hold by role, debit positive."""
    balances = desk.player.ledger(system)["accounts"]
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for account in file["company"]["accounts"]:
        if account.get(system):
            sums[account["role"]] += Decimal(balances.get(account[system], "0"))
    return {role: _text(amount) for role, amount in sorted(sums.items()) if amount}


def _text(amount: Any) -> str:
    return f"{Decimal(str(amount)):.2f}"
