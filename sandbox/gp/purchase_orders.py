"""Procedures of purchase orders: POP10100 with lines and taxes, status New (sources.md GP §1.3)."""

from __future__ import annotations

from decimal import Decimal

from sandbox.gp.call import Call
from sandbox.gp.currency import Rate, document_rate
from sandbox.gp.models import EMPTY_DATE, Row
from sandbox.gp.payables import vendor_that_may_trade
from sandbox.gp.rules import account_index, cents, currency_places, master, not_negative, posting_account
from sandbox.gp.seed import SITE, UNIT

_STANDARD = 1
_NEW = 1
_STEP = 16384


def save_line(call: Call) -> None:
    """
    taPoLine: a line, before its header; what is no item is NONINVEN 1, on an account of its own or that of purchases.

    Its extended cost is QUANTITY × UNITCOST at cents: no element says another.
    """
    _refuse_other_types(call)
    if call["QUANTITY"] <= 0:
        call.refuse("quantity", "QUANTITY")
    not_negative(call, ("UNITCOST", "TAXAMNT"))
    currency_places(call, ("UNITCOST", "TAXAMNT"))
    account = account_index(call, "InventoryAccount", "IVIVINDX") or posting_account(call.session, "purchases")
    if not call["ITEMNMBR"] and not call["VNDITNUM"]:
        call.refuse("required", "ITEMNMBR")
    if not call["NONINVEN"]:
        item = master(call, "item", "ITEMNMBR")
        account = item["IVIVINDX"] if item else 0
    lines = call.session.select("POP10110", PONUMBER=call["PONUMBER"])
    order = call["ORD"] or max((line["ORD"] for line in lines), default=0) + _STEP
    if any(line["ORD"] == order for line in lines):
        call.refuse("duplicate_line", "ORD")
    call.check()
    row: Row = {name: call[name] for name in ("PONUMBER", "VENDORID", "VNDITNUM", "VNDITDSC", "ITEMDESC", "NONINVEN")}
    row |= {"ORD": order, "POTYPE": _STANDARD, "POLNESTA": _NEW, "ITEMNMBR": call["ITEMNMBR"] or call["VNDITNUM"]}
    row |= {"LOCNCODE": call["LOCNCODE"] or SITE, "UOFM": call["UOFM"] or UNIT, "INVINDX": account}
    row |= {"QTYORDER": call["QUANTITY"], "ORUNTCST": call["UNITCOST"], "ORTAXAMT": call["TAXAMNT"]}
    row |= {"OREXTCST": cents(call["QUANTITY"] * call["UNITCOST"]), "REQDATE": call["REQDATE"]}
    call.session.insert("POP10110", row | {"PRMDATE": call["PRMDATE"]})


def save_tax(call: Call) -> None:
    """taPopIvcTaxInsert: one tax detail of a line, before the header."""
    detail = master(call, "tax_detail", "TAXDTLID")
    key = {"PONUMBER": call["PONUMBER"], "ORD": call["ORD"], "TAXDTLID": call["TAXDTLID"]}
    if call.session.get("POP10160", **key):
        call.refuse("duplicate_tax", "TAXDTLID")
    if call["TAXTYPE"]:
        call.refuse("unsupported", "TAXTYPE")
    call.check()
    row = key | {"VENDORID": call["VENDORID"], "ACTINDX": detail["ACTINDX"] if detail else 0}
    call.session.insert("POP10160", row | {"ORTAXAMT": call["TAXAMNT"], "ORTXBPUR": call["TAXPURCH"]})


def save_header(call: Call) -> None:
    """taPoHdr: a new order over lines that are there already; a number that exists is refused, as an update is here."""
    _refuse_other_types(call)
    vendor = vendor_that_may_trade(call)
    master(call, "payment_terms", "PYMTRMID")
    for name in ("TRDISAMT", "FRTAMNT", "MSCCHAMT", "UpdateIfExists"):
        if call[name]:
            call.refuse("unsupported", name)
    number = {"PONUMBER": call["PONUMBER"]}
    if any(call.session.get(table, **number) for table in ("POP10100", "POP30100")):
        call.refuse("duplicate_order", "PONUMBER")
    lines, taxes = (call.session.select(table, **number) for table in ("POP10110", "POP10160"))
    _check_amounts(call, lines, taxes)
    rate = document_rate(call)
    call.check()
    names = ("PONUMBER", "VENDORID", "PYMTRMID", "CONFIRM1", "HOLD", "TAXSCHID")
    row: Row = {name: call[name] for name in names} | {"POTYPE": _STANDARD, "POSTATUS": _NEW}
    row |= {"VENDNAME": call["VENDNAME"] or (vendor["VENDNAME"] if vendor else "")}
    row |= {name: call[name] for name in ("DOCDATE", "REQDATE", "PRMDATE")}
    if call["DOCDATE"] == EMPTY_DATE:
        row["DOCDATE"] = call.session.stamp.date()
    row |= {"CURNCYID": rate.currency, "XCHGRATE": rate.rate, "RATECALC": rate.method}
    row |= {"ORSUBTOT": call["SUBTOTAL"], "ORTAXAMT": call["TAXAMNT"]}
    row |= {"SUBTOTAL": rate.functional(call["SUBTOTAL"]), "TAXAMNT": rate.functional(call["TAXAMNT"])}
    call.session.insert("POP10100", row)
    for line in lines:
        _make_functional(call, line, rate)


def _refuse_other_types(call: Call) -> None:
    if call.flag("POTYPE", _STANDARD) != _STANDARD:
        call.refuse("unsupported", "POTYPE")


def _check_amounts(call: Call, lines: list[Row], taxes: list[Row]) -> None:
    if not lines:
        call.refuse("no_lines", "PONUMBER")
    currency_places(call, ("SUBTOTAL", "TAXAMNT"))
    if call["SUBTOTAL"] != sum((line["OREXTCST"] for line in lines), Decimal(0)):
        call.refuse("subtotal", "SUBTOTAL")
    if call["TAXAMNT"] != sum((tax["ORTAXAMT"] for tax in taxes), Decimal(0)):
        call.refuse("tax_total", "TAXAMNT")
    for line in lines:
        own = sum((tax["ORTAXAMT"] for tax in taxes if tax["ORD"] == line["ORD"]), Decimal(0))
        if line["ORTAXAMT"] != own:
            call.refuse("line_tax", "TAXAMNT", ORD=line["ORD"])
    if any(line["VENDORID"].upper() != call["VENDORID"].upper() for line in lines):
        call.refuse("vendor", "VENDORID")


def _make_functional(call: Call, line: Row, rate: Rate) -> None:
    key = {name: line[name] for name in ("PONUMBER", "ORD")}
    amounts = {"UNITCOST": "ORUNTCST", "EXTDCOST": "OREXTCST", "TAXAMNT": "ORTAXAMT"}
    functional = {name: rate.functional(line[of]) for name, of in amounts.items()}
    call.session.update("POP10110", key, CURNCYID=rate.currency, **functional)
