"""Plays a file of vouchers: what people key, pay and apply in GP step by step, the flow between, what is there then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any

from tests.flows.bills import PAYMENT, BillDesk, Bills
from tests.flows.golden_bills import STEPS, balances_by_role

__all__ = ["happens", "key_voucher", "play", "read_result"]

CENT = Decimal("0.01")
VOUCHER, CREDIT_MEMO = 1, 5
Json = dict[str, Any]


def play(bills: Bills, file: Json, drain: Callable[[], None] | None = None) -> dict[str, str]:
    """
    Each step: what people key, post and apply in GP, then passes until nothing moves (``drain``).

    Numbers of the vouchers, by case.
    """
    for case in file["cases"]:
        vendor = case["bill"]["supplier"].upper()
        if case["bill"].get("form_1099"):
            bills.in_gp(vendor, window="vendors", TEN99TYPE=4)
        if any(event["do"] == "link" for event in case["events"]):
            bills.in_gp(vendor, window="vendors", VENDNAME=case["bill"]["supplier"])
    keyed: dict[str, str] = {}
    for step in STEPS:
        events = [(case, event) for case in file["cases"] for event in case["events"] if event["step"] == step]
        for _, event in events:
            _lock(bills, event)
        if step == 1:
            keyed = {case["id"]: key_voucher(bills, case, file) for case in file["cases"]}
            bills.player.post()
        for case, event in events:
            if event["do"] == "link":
                bills.link_suppliers()
            happens(bills, case, event, {each["bill"]["number"]: keyed[each["id"]] for each in file["cases"]})
        (drain or partial(_drain, bills))()
    return keyed


def _drain(bills: Bills) -> None:
    while bills.run():
        pass


def read_result(bills: Bills, file: Json, keyed: dict[str, str]) -> tuple[dict[str, Json], dict[str, dict[str, str]]]:
    """What stands of each case in the ledgers, and balances by role."""
    ledger = bills.player.ledger("gp")
    vouchers = {each["number"]: each for each in ledger["payables"]}
    paid = defaultdict(list)
    for each in sorted(ledger["payables"], key=lambda each: str(each["DOCDATE"])):
        if each["DOCTYPE"] == PAYMENT:
            paid[each["TRXDSCRN"]].append({name: each[name] for name in ("DOCAMNT", "CURTRXAM")})
    xero = bills.xero()
    documents = {
        each.get("InvoiceNumber") or each["CreditNoteNumber"]: each
        for collection in ("Invoices", "CreditNotes")
        for each in xero.get(collection, {"page": 1})[collection]
    }
    figures = ("DOCTYPE", "PRCHAMNT", "TAXAMNT", "DOCAMNT", "CURTRXAM", "TEN99AMNT")
    found = {}
    for case in file["cases"]:
        number = case["bill"]["number"]
        voucher, document = vouchers[keyed[case["id"]]], documents.get(number)
        if document is None:
            found[case["id"]] = {"outcome": "none"}
            continue
        left = document.get("AmountDue", document.get("RemainingCredit"))
        found[case["id"]] = {
            "outcome": "delivered",
            "gp": {name: voucher[name] for name in figures} | {"payments": paid[number]},
            "xero": {name: _text(document[name]) for name in ("SubTotal", "TotalTax", "Total")} | {"open": _text(left)},
        }
    return found, {system: balances_by_role(bills, file, system) for system in ("gp", "xero")}


def key_voucher(desk: BillDesk, case: Json, file: Json) -> str:
    """A person keys the voucher or credit memo of a case in GP, into a batch; its number."""
    bill = case["bill"]
    account = {each["xero"]: each["gp"] for each in file["company"]["accounts"] if "xero" in each}
    lines = [(account[each["account"]], each["unit"], each["text"]) for each in bill["lines"]]
    return desk.key(
        bill["number"],
        bill["supplier"].upper(),
        *lines,
        DOCTYPE=CREDIT_MEMO if case["kind"] == "credit" else VOUCHER,
        date=bill["date"],
        due=bill["due"],
        taxes=_taxes(bill, file["company"]),
        **_abroad(bill, bill),
    )


def _taxes(bill: Json, company: Json) -> list[Json]:
    """By detail, as a voucher has them: the tax type's tax in the shares of its details' rates, the last the rest."""
    rates = {each["detail"]: Decimal(each["rate"]) for each in company["tax_details"]}
    details = {each["tax_type"]: each["details"] for each in company["xero_tax_rates"]}
    nets: dict[str, Decimal] = defaultdict(Decimal)
    taxes: dict[str, Decimal] = defaultdict(Decimal)
    for line in bill["lines"]:
        if line["tax_type"] != "NONE":
            rate = sum(rates[name] for name in details[line["tax_type"]])
            nets[line["tax_type"]] += Decimal(line["unit"])
            taxes[line["tax_type"]] += Decimal(line.get("tax") or _cents(Decimal(line["unit"]) * rate))
    found = []
    for tax_type, net in nets.items():
        left = taxes[tax_type]
        for place, name in enumerate(details[tax_type], 1):
            amount = left if place == len(details[tax_type]) else _cents(net * rates[name])
            left -= amount
            found.append({"detail": name, "amount": _text(amount), "taxed": _text(net)})
    return found


def _abroad(bill: Json, priced: Json) -> Json:
    """The currency and its rate as GP has it: base units for one of the currency."""
    return {"currency": bill["currency"], "rate": str(1 / Decimal(priced["per_base"]))} if "per_base" in priced else {}


def happens(desk: BillDesk, case: Json, event: Json, voucher_of: dict[str, str]) -> None:
    """What people do in GP with a voucher of a case, posted as they go; ``voucher_of``: numbers by the vendor's own."""
    bill = case["bill"]
    number, vendor = voucher_of[bill["number"]], bill["supplier"].upper()
    match event["do"]:
        case "pay":
            payment = f"{event['step']}-{case['id']}"[:17].upper()
            paid = {"date": event["on"], "description": bill["number"], **_abroad(bill, event)}
            desk.pay(payment, vendor, event["amount"], **paid)
            desk.player.post()
            desk.set_against(payment, number, date=event["on"])
            desk.player.post()
        case "void":
            desk.player.call(
                "POST", "gp", "/_sandbox/void-payables", {"document": number, "DOCTYPE": VOUCHER, "date": bill["date"]}
            )
        case "set_against" if "credit" in event:
            desk.set_against(voucher_of[event["credit"]], number, CREDIT_MEMO, amount=event["amount"])


def _lock(bills: Bills, event: Json) -> None:
    """Xero is closed up to the end of a month, or up to the end of the one before."""
    if event["do"] in ("close", "open"):
        first = date.fromisoformat(f"{event['month']}-01")
        last = (first + timedelta(days=31)).replace(day=1) if event["do"] == "close" else first
        lock = {"PeriodLockDate": (last - timedelta(days=1)).isoformat()}
        bills.player.call("PUT", "xero", "/_sandbox/organisation", lock)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _text(amount: Any) -> str:
    return f"{Decimal(str(amount)):.2f}"
