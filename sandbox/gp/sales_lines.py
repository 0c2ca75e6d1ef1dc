"""Procedures of sales document lines and their taxes: SOP10200 and SOP10105, inserted before their header."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.gp.call import Call
from sandbox.gp.models import Row
from sandbox.gp.rules import (
    CENT,
    account_index,
    cents,
    currency_places,
    customer,
    master,
    not_negative,
    posting_account,
)

LINE_STEP = 16384
SALES_TYPES = range(1, 7)
RETURN = 4
_HALF_CENT = Decimal("0.005")
_RETURN_KINDS = ("QTYONHND", "QTYRTRND", "QTYINUSE", "QTYINSVC", "QTYDMGED")
_ACCOUNTS = {
    "SLSINDX": ("IVSLSIDX", "sales"),
    "RTNSINDX": ("IVSLRNIX", "returns"),
    "INVINDX": ("IVIVINDX", "inventory"),
    "CSLSINDX": ("IVCOGSIX", "cost_of_goods_sold"),
}
"""Account of a line: the item's column it comes from, and the posting account of a line without an item."""
_ITEM_TAX, _FREIGHT_TAX, _MISC_TAX = 0, 1, 2
_TAX_COLUMN = {_ITEM_TAX: "ORSLSTAX", _FREIGHT_TAX: "ORFRTTAX", _MISC_TAX: "ORMSCTAX"}
SUMMARY, FREIGHT_LINE, MISC_LINE = 0, 2147483646, 2147483645
"""LNITMSEQ in SOP10105 of what belongs to no line: the sum of a detail, its tax on freight, on miscellaneous."""
_TAX_LINE = {_FREIGHT_TAX: FREIGHT_LINE, _MISC_TAX: MISC_LINE}
_SUMMED = ("ORSLSTAX", "ORFRTTAX", "ORMSCTAX", "ORTOTSLS", "ORTXSLS")


def save_line(call: Call) -> None:
    """
    taSopLineIvcInsert: add a line to SOP10200, or change it (UpdateIfExists=1 and its LNITMSEQ).

    Amounts are in the document's currency; the header makes them functional.
    """
    if call["SOPTYPE"] not in SALES_TYPES:
        call.refuse("document_type", "SOPTYPE")
    customer(call)
    for kind, name in (("tax_schedule", "TAXSCHID"), ("tax_schedule", "ITMTSHID"), ("site", "LOCNCODE")):
        master(call, kind, name)
    item = None if call["NONINVEN"] else master(call, "item", "ITEMNMBR")
    if item and call["UOFM"] and call["UOFM"].upper() != item["SELNGUOM"].upper():
        call.refuse("unit_of_measure", "UOFM")
    if call["DEFPRICING"] or call["MRKDNPCT"]:
        call.refuse("unsupported", "DEFPRICING", "MRKDNPCT")
    accounts = {column: account_index(call, column) for column in _ACCOUNTS}
    _refuse_history(call)
    existing = _existing_line(call)
    call.check()
    values = _line_values(call, item, existing)
    _check_line(call, values)
    call.check()
    _default_accounts(call, item, accounts, existing)
    key = {"SOPTYPE": call["SOPTYPE"], "SOPNUMBE": call["SOPNUMBE"]}
    if existing:
        key |= {"LNITMSEQ": existing["LNITMSEQ"], "CMPNTSEQ": 0}
        call.session.update("SOP10200", key, **values, **accounts)
    else:
        sequence = call["LNITMSEQ"] or _next_sequence(call)
        call.session.insert("SOP10200", {**key, "LNITMSEQ": sequence, **values, **accounts})


def delete_line(call: Call) -> None:
    """taSopLineDelete: take a line and its taxes off a document that is still in work."""
    key = {"SOPTYPE": call["SOPTYPE"], "SOPNUMBE": call["SOPNUMBE"], "LNITMSEQ": call["LNITMSEQ"]}
    line = call.session.get("SOP10200", **key)
    if line is None:
        call.refuse("line_missing", "LNITMSEQ")
    elif line["QTYPRINV"]:
        call.refuse("partly_transferred", "LNITMSEQ")
    call.check()
    call.session.delete("SOP10200", **key)
    if call.session.select("SOP10105", **key):
        _take_off_the_sums(call, key)


def _take_off_the_sums(call: Call, line: Row) -> None:
    """The taxes of a line go with it, off the sums of their details too: what is left there is the document's."""
    document = {name: line[name] for name in ("SOPTYPE", "SOPNUMBE")}
    call.session.delete("SOP10105", **line)
    call.session.delete("SOP10105", **document, LNITMSEQ=SUMMARY)
    for row in summaries(call.session.select("SOP10105", **document)):
        call.session.insert("SOP10105", row)


def save_tax(call: Call) -> None:
    """
    taSopLineIvcTaxInsert: one tax detail of a line, of freight, of miscellaneous, or (LNITMSEQ 0) of the document.

    STAXAMNT is the tax on goods (TAXTYPE 0); that on freight or miscellaneous stands in FRTTXAMT, MSCTXAMT, or in
    STAXAMNT where TAXTYPE says so. On a document that has its header already the detail is changed.
    """
    if call["TAXTYPE"] not in _TAX_COLUMN:
        call.refuse("document_type", "TAXTYPE")
    detail = master(call, "tax_detail", "TAXDTLID")
    account = account_index(call, "ACTNUMST", "ACTINDX")
    currency_places(call, ("STAXAMNT", "FRTTXAMT", "MSCTXAMT"))
    _refuse_history(call)
    call.check()
    key = {name: call[name] for name in ("SOPTYPE", "SOPNUMBE", "TAXDTLID")}
    key["LNITMSEQ"] = _TAX_LINE.get(call["TAXTYPE"], call["LNITMSEQ"])
    amounts = _tax_amounts(call)
    existing = call.session.get("SOP10105", **key)
    if existing is None:
        account = account or (detail["ACTINDX"] if detail else 0)
        call.session.insert("SOP10105", {**key, "ACTINDX": account, **amounts})
        return
    in_work = call.session.get("SOP10100", SOPTYPE=call["SOPTYPE"], SOPNUMBE=call["SOPNUMBE"])
    if in_work is None and any(existing[name] for name in amounts):
        call.refuse("duplicate_tax", "TAXDTLID", "LNITMSEQ")
    call.check()
    call.session.update("SOP10105", key, **amounts)


def currency_index(call: Call) -> int:
    """CURRNIDX of the currency a node names, by which lines know theirs."""
    found = call.session.get("MC40200", CURNCYID=call["CURNCYID"])
    return int(found["CURRNIDX"]) if found else 0


def tax_rows(taxes: list[Row], *, by_header: bool) -> list[Row]:
    """Rows that have an amount of their own: a document taxed by header has its goods' in the row of the sum."""
    own = [tax for tax in taxes if tax["LNITMSEQ"] != SUMMARY]
    if not by_header:
        return own
    beyond = dict.fromkeys(("ORFRTTAX", "ORMSCTAX"), Decimal(0))
    return own + [tax | beyond for tax in taxes if tax["LNITMSEQ"] == SUMMARY]


def summaries(rows: list[Row]) -> list[Row]:
    """Per detail the sum of its rows on goods, freight and miscellaneous, which GP keeps beside them."""
    found: dict[str, Row] = {}
    for row in rows:
        detail = found.setdefault(row["TAXDTLID"], row | {"LNITMSEQ": SUMMARY} | dict.fromkeys(_SUMMED, Decimal(0)))
        detail |= {column: detail[column] + row[column] for column in _SUMMED}
    return list(found.values())


def _tax_amounts(call: Call) -> dict[str, Decimal]:
    amounts: dict[str, Decimal] = {}
    if call["TAXTYPE"] == _ITEM_TAX:
        amounts["ORSLSTAX"] = call["STAXAMNT"]
        amounts["ORTOTSLS"] = call["SALESAMT"]
        amounts["ORTXSLS"] = call["TDTTXSLS"]
    for kind, field in ((_FREIGHT_TAX, "FRTTXAMT"), (_MISC_TAX, "MSCTXAMT")):
        if call["TAXTYPE"] == kind:
            amounts[_TAX_COLUMN[kind]] = call[field] or call["STAXAMNT"]
        elif call[field]:
            amounts[_TAX_COLUMN[kind]] = call[field]
    return amounts


def _refuse_history(call: Call) -> None:
    """Rows of a document in history share their table or number with it: nothing may be added to them."""
    if call.session.get("SOP30200", SOPTYPE=call["SOPTYPE"], SOPNUMBE=call["SOPNUMBE"]):
        call.refuse("duplicate_document", "SOPTYPE", "SOPNUMBE")


def _existing_line(call: Call) -> Row | None:
    if not call["LNITMSEQ"]:
        return None
    key = {"SOPTYPE": call["SOPTYPE"], "SOPNUMBE": call["SOPNUMBE"]}
    existing = call.session.get("SOP10200", **key, LNITMSEQ=call["LNITMSEQ"], CMPNTSEQ=0)
    if existing and not call.flag("UpdateIfExists", 0):
        in_work = call.session.get("SOP10100", **key)
        call.refuse("duplicate_document" if in_work else "duplicate_line", "SOPNUMBE", "LNITMSEQ")
    return existing


def _next_sequence(call: Call) -> int:
    lines = call.session.select("SOP10200", SOPTYPE=call["SOPTYPE"], SOPNUMBE=call["SOPNUMBE"])
    return max((int(line["LNITMSEQ"]) for line in lines), default=0) + LINE_STEP


def _line_values(call: Call, item: Row | None, existing: Row | None) -> dict[str, Any]:
    values = call.sent(
        ITEMNMBR="ITEMNMBR",
        ITEMDESC="ITEMDESC",
        NONINVEN="NONINVEN",
        LOCNCODE="LOCNCODE",
        QUANTITY="QUANTITY",
        ORUNTPRC="UNITPRCE",
        OXTNDPRC="XTNDPRCE",
        ORMRKDAM="MRKDNAMT",
        ORTAXAMT="TAXAMNT",
        TAXSCHID="TAXSCHID",
        ITMTSHID="ITMTSHID",
        IVITMTXB="IVITMTXB",
        UOFM="UOFM",
        QTYCANCE="QTYCANCE",
        QTYTBAOR="QTYTBAOR",
        ReqShipDate="ReqShipDate",
        INTEGRATIONSOURCE="INTEGRATIONSOURCE",
        INTEGRATIONID="INTEGRATIONID",
        **{name: name for name in _RETURN_KINDS},
    )
    if call["CURNCYID"]:
        values["CURRNIDX"] = currency_index(call)
    if call.flag("DEFEXTPRICE", 0):
        values["OXTNDPRC"] = cents((call["UNITPRCE"] - call["MRKDNAMT"]) * call["QUANTITY"])
    if existing is None:
        values.setdefault("ITEMDESC", item["ITEMDESC"] if item else "")
        values.setdefault("UOFM", item["SELNGUOM"] if item else "")
        values["UNITCOST"] = item["CURRCOST"] if item else call["UNITCOST"]
    return values


def _check_line(call: Call, values: dict[str, Any]) -> None:
    if call["QUANTITY"] <= 0:
        call.refuse("quantity", "QUANTITY")
    currency_places(call, ("XTNDPRCE", "TAXAMNT"))
    not_negative(call, ("UNITPRCE", "XTNDPRCE"))
    # the unit price is rounded to cents, so the extended price may differ by half a cent for each unit
    # (sources.md GP §1.3: accepted by cents)
    allowed = _HALF_CENT * abs(call["QUANTITY"]) + CENT
    price = (call["UNITPRCE"] - call["MRKDNAMT"]) * call["QUANTITY"]
    if abs(price - values.get("OXTNDPRC", Decimal(0))) > allowed:
        call.refuse("extended_price", "XTNDPRCE", "UNITPRCE", "QUANTITY")
    if call["SOPTYPE"] == RETURN and sum(call[name] for name in _RETURN_KINDS) != call["QUANTITY"]:
        call.refuse("return_quantities", "QUANTITY", *_RETURN_KINDS)


def _default_accounts(call: Call, item: Row | None, accounts: dict[str, int], existing: Row | None) -> None:
    """Accounts not named come from the item, else from the posting set-up; a change keeps those it doesn't name."""
    for column, (item_column, role) in _ACCOUNTS.items():
        if accounts[column]:
            continue
        if existing:
            del accounts[column]
        else:
            accounts[column] = item[item_column] if item else posting_account(call.session, role)
