"""Procedures of sales documents: the header that checks and completes what its lines began, void, delete."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.gp.batches import SALES, ensure_batch
from sandbox.gp.call import Call
from sandbox.gp.currency import Rate, document_rate
from sandbox.gp.distributions import SALES_TABLE, distribute_sales, write_distributions
from sandbox.gp.models import EMPTY_DATE, Row
from sandbox.gp.rules import SALES_SERIES, account_index, currency_places, customer, master, not_negative, open_period
from sandbox.gp.sales_lines import SALES_TYPES, SUMMARY, currency_index, summaries, tax_rows
from sandbox.gp.session import Session

ORDER, INVOICE, RETURN = 2, 3, 4

_USER_DEFINED = (
    "USRDAT01", "USRDAT02", "USRTAB01", "USRTAB09", "USRTAB03",
    "USERDEF1", "USERDEF2", "USRDEF03", "USRDEF04", "USRDEF05",
)  # fmt: skip
_AMOUNTS = {
    "ORSUBTOT": "SUBTOTAL",
    "ORFRTAMT": "FREIGHT",
    "ORMISCAMT": "MISCAMNT",
    "ORTAXAMT": "TAXAMNT",
    "ORFRTTAX": "FRTTXAMT",
    "ORMSCTAX": "MSCTXAMT",
    "ORTDISAM": "TRDISAMT",
    "ORDOCAMT": "DOCAMNT",
}
FUNCTIONAL = {
    "ORSUBTOT": "SUBTOTAL",
    "ORFRTAMT": "FRTAMNT",
    "ORMISCAMT": "MISCAMNT",
    "ORTAXAMT": "TAXAMNT",
    "ORFRTTAX": "FRTTXAMT",
    "ORMSCTAX": "MSCTXAMT",
    "ORTDISAM": "TRDISAMT",
    "ORDOCAMT": "DOCAMNT",
}
"""Originating to functional column of the header's amounts."""
LINE_FUNCTIONAL = {"ORUNTPRC": "UNITPRCE", "OXTNDPRC": "XTNDPRCE", "ORMRKDAM": "MRKDNAMT", "ORTAXAMT": "TAXAMNT"}
TAX_FUNCTIONAL = {
    "ORSLSTAX": "STAXAMNT",
    "ORFRTTAX": "FRTTXAMT",
    "ORMSCTAX": "MSCTXAMT",
    "ORTOTSLS": "TAXDTSLS",
    "ORTXSLS": "TDTTXSLS",
}
_TEXTS = [
    "DOCID",
    "DOCDATE",
    "CSTPONBR",
    "PYMTRMID",
    "PRBTADCD",
    "PRSTADCD",
    "LOCNCODE",
    "SHIPMTHD",
    "TAXSCHID",
    "FRTSCHID",
    "MSCSCHID",
    "CNTCPRSN",
    "ShipToName",
    "ADDRESS1",
    "ADDRESS2",
    "ADDRESS3",
    "CITY",
    "STATE",
    "ZIPCODE",
    "COUNTRY",
    "PHNUMBR1",
    "REFRENCE",
    "DUEDATE",
    "CUSTNAME",
    "SLPRSNID",
    "SALSTERR",
    "RATETPID",
    "INTEGRATIONSOURCE",
    "INTEGRATIONID",
]
_FROM_CUSTOMER = {"ZIPCODE": "ZIP", "PHNUMBR1": "PHONE1"} | {
    name: name
    for name in ("CUSTNAME", "CNTCPRSN", "ADDRESS1", "ADDRESS2", "ADDRESS3", "CITY", "STATE", "COUNTRY", "PYMTRMID")
}
_DATE_OF_TYPE = {ORDER: "ORDRDATE", INVOICE: "INVODATE", RETURN: "RETUDATE"}


def save_header(call: Call) -> None:
    """
    taSopHdrIvcInsert: check the rows already inserted against the header's amounts and make it a document in work.

    UpdateExisting=1 changes a document in work; what is not sent stays.
    """
    existing = _existing(call)
    buyer = _check_masters(call)
    call.check()
    key = {"SOPTYPE": call["SOPTYPE"], "SOPNUMBE": call["SOPNUMBE"]}
    rate = Rate.of(existing) if existing and not call.given("CURNCYID") else document_rate(call)
    amounts = {
        column: call[field] if call.given(field) or not existing else existing[column]
        for column, field in _AMOUNTS.items()
    }
    lines, taxes = call.session.select("SOP10200", **key), call.session.select("SOP10105", **key)
    # GP keeps no such flag: a document that has taxes and none of a line has them by header
    header_taxes = bool(call.flag("USINGHEADERLEVELTAXES", 0)) or (bool(existing) and _has_header_taxes(lines, taxes))
    taxes = tax_rows(taxes, by_header=header_taxes)
    _check_amounts(call, amounts, lines, taxes, header_taxes)
    if call["CKCreditLimit"] and buyer and buyer["CRLMTTYP"] == 2 and amounts["ORDOCAMT"] > buyer["CRLMTAMT"]:
        call.refuse("credit_limit", "DOCAMNT")
    call.check()

    values = _values(call, buyer, existing) | amounts | rate.columns
    values |= {FUNCTIONAL[column]: rate.functional(amount) for column, amount in amounts.items()}
    if existing:
        call.session.update("SOP10100", key, **values)
    else:
        call.session.insert("SOP10100", {**key, **values})
    if call.given("CMMTTEXT"):
        _keep_user_fields(call, key, {"CMMTTEXT": call["CMMTTEXT"]})
    call.session.delete("SOP10105", **key, LNITMSEQ=SUMMARY)
    summed = summaries(taxes)
    for row in summed:
        call.session.insert("SOP10105", row)
    _make_functional(call, rate, lines, [*summed, *(tax for tax in taxes if tax["LNITMSEQ"] != SUMMARY)])
    ensure_batch(call.session, call["BACHNUMB"], SALES, CHEKBKID=call["BatchCHEKBKID"])
    if call["SOPTYPE"] in (INVOICE, RETURN) and call.flag("CREATEDIST", 1):
        if existing:
            call.session.delete("SOP10102", **key)
        stored = [call.session.select(table, **key) for table in ("SOP10100", "SOP10200", "SOP10105")]
        distribute_sales(call.session, stored[0][0], stored[1], stored[2])


def save_user_defined(call: Call) -> None:
    """taSopUserDefined: the user-defined fields of a document, in SOP10106; what is not given stays as it is."""
    if call["SOPTYPE"] not in SALES_TYPES:
        call.refuse("document_type", "SOPTYPE")
    call.check()
    key = {"SOPTYPE": call["SOPTYPE"], "SOPNUMBE": call["SOPNUMBE"]}
    _keep_user_fields(call, key, {name: call[name] for name in _USER_DEFINED if call.given(name)})


def _keep_user_fields(call: Call, key: Row, values: Row) -> None:
    if call.session.get("SOP10106", **key) is None:
        call.session.insert("SOP10106", {**key, **values})
    elif values:
        call.session.update("SOP10106", key, **values)


def void_document(call: Call) -> None:
    """taSopVoidDocument: a document in work goes to history as voided, unless part of it is invoiced."""
    header = _in_work(call)
    call.check()
    if header["VOIDSTTS"]:
        call.refuse("already_void", "SOPNUMBE")
    lines = call.session.select("SOP10200", SOPTYPE=header["SOPTYPE"], SOPNUMBE=header["SOPNUMBE"])
    if any(line["QTYPRINV"] for line in lines):
        call.refuse("partly_transferred", "SOPNUMBE")
    call.check()
    to_history(call.session, header, VOIDSTTS=1)


def delete_document(call: Call) -> None:
    """taSopDeleteDocument: a document in work disappears; its number may be used again."""
    header = _in_work(call)
    call.check()
    key = {"SOPTYPE": header["SOPTYPE"], "SOPNUMBE": header["SOPNUMBE"]}
    if any(line["QTYPRINV"] for line in call.session.select("SOP10200", **key)):
        call.refuse("partly_transferred", "SOPNUMBE")
    call.check()
    for table in ("SOP10100", "SOP10200", "SOP10105", "SOP10102", "SOP10106"):
        call.session.delete(table, **key)


def save_distribution(call: Call) -> None:
    """taSopDistribution: a distribution of our own, beside those CREATEDIST makes: send CREATEDIST=0 with it."""
    account = account_index(call, "ACTNUMST", "ACTINDX")
    if not account:
        call.refuse("required", "ACTNUMST", "ACTINDX")
    call.check()
    key = {"SOPTYPE": call["SOPTYPE"], "SOPNUMBE": call["SOPNUMBE"]}
    row = call.sent(DEBITAMT="DEBITAMT", ORDBTAMT="DEBITAMT", CRDTAMNT="CRDTAMNT", ORCRDAMT="CRDTAMNT")
    row |= {"DISTTYPE": call["DISTTYPE"], "DistRef": call["DistRef"], "ACTINDX": account}
    write_distributions(call.session, SALES_TABLE, key, [row])


def to_history(session: Session, header: Row, **changes: Any) -> None:
    """Move a document with its lines from work to history (SOP30200, SOP30300)."""
    key = {"SOPTYPE": header["SOPTYPE"], "SOPNUMBE": header["SOPNUMBE"]}
    lines = session.select("SOP10200", **key)
    session.delete("SOP10100", **key)
    session.delete("SOP10200", **key)
    session.insert("SOP30200", {**header, **changes})
    for line in lines:
        session.insert("SOP30300", line)


def _existing(call: Call) -> Row | None:
    key = {"SOPTYPE": call["SOPTYPE"], "SOPNUMBE": call["SOPNUMBE"]}
    in_work = call.session.get("SOP10100", **key)
    in_history = call.session.get("SOP30200", **key)
    update = call.flag("UpdateExisting", 0)
    if in_history or (in_work and not update):
        call.refuse("duplicate_document", "SOPTYPE", "SOPNUMBE")
    return in_work if update else None


def _in_work(call: Call) -> Row:
    found = call.session.get("SOP10100", SOPTYPE=call["SOPTYPE"], SOPNUMBE=call["SOPNUMBE"])
    if found is None:
        call.refuse("not_found", "SOPTYPE", "SOPNUMBE")
    call.check()
    assert found is not None
    return found


def _check_masters(call: Call) -> Row | None:
    if call["SOPTYPE"] not in SALES_TYPES:
        call.refuse("document_type", "SOPTYPE")
    if call.session.get("SOP40200", SOPTYPE=call["SOPTYPE"], DOCID=call["DOCID"]) is None:
        call.refuse("document_id", "DOCID", "SOPTYPE")
    for name in ("TAXSCHID", "FRTSCHID", "MSCSCHID"):
        master(call, "tax_schedule", name)
    master(call, "payment_terms", "PYMTRMID")
    master(call, "site", "LOCNCODE")
    salesperson = master(call, "salesperson", "SLPRSNID")
    if salesperson and salesperson["INACTIVE"]:
        call.refuse("salesperson_inactive", "SLPRSNID")
    if call["DEFPRICING"] or call["CREATETAXES"]:
        call.refuse("unsupported", "DEFPRICING", "CREATETAXES")
    if call["SOPTYPE"] in (INVOICE, RETURN):
        open_period(call, "DOCDATE", SALES_SERIES)
    buyer = customer(call)
    if buyer and buyer["HOLD"] and call["CKHOLD"]:
        call.refuse("customer_hold", "CUSTNMBR")
    return buyer


def _check_amounts(
    call: Call, amounts: dict[str, Decimal], lines: list[Row], taxes: list[Row], header_taxes: bool
) -> None:
    currency_places(call, _AMOUNTS.values())
    not_negative(call, _AMOUNTS.values())
    extended = sum((line["OXTNDPRC"] for line in lines), Decimal(0))
    if amounts["ORSUBTOT"] != extended:
        call.refuse("subtotal", "SUBTOTAL", XTNDPRCE=extended)
    total = sum((amounts[c] for c in amounts if c not in ("ORDOCAMT", "ORTDISAM")), Decimal(0)) - amounts["ORTDISAM"]
    if amounts["ORDOCAMT"] != total:
        call.refuse("document_amount", *_AMOUNTS.values())
    for column, tax_column in (("ORTAXAMT", "ORSLSTAX"), ("ORFRTTAX", "ORFRTTAX"), ("ORMSCTAX", "ORMSCTAX")):
        given = sum((tax[tax_column] for tax in taxes), Decimal(0))
        if amounts[column] != given:
            call.refuse("tax_total", _AMOUNTS[column], STAXAMNT=given)
    if call["CURNCYID"] and any(line["CURRNIDX"] != currency_index(call) for line in lines):
        call.refuse("line_currency", "CURNCYID")
    for line in lines:
        details = _line_tax(line, taxes)
        if line["ORTAXAMT"] and line["ORTAXAMT"] != details and not header_taxes:
            call.refuse("line_tax", LNITMSEQ=line["LNITMSEQ"], TAXAMNT=line["ORTAXAMT"], STAXAMNT=details)
    if not lines:
        call.refuse("no_lines", "SOPNUMBE")


def _has_header_taxes(lines: list[Row], taxes: list[Row]) -> bool:
    of_lines = {line["LNITMSEQ"] for line in lines}
    return any(tax["ORSLSTAX"] for tax in taxes) and not any(tax["LNITMSEQ"] in of_lines for tax in taxes)


def _line_tax(line: Row, taxes: list[Row]) -> Decimal:
    return sum((tax["ORSLSTAX"] for tax in taxes if tax["LNITMSEQ"] == line["LNITMSEQ"]), Decimal(0))


def _values(call: Call, buyer: Row | None, existing: Row | None) -> dict[str, Any]:
    values = call.sent(**{name: name for name in _TEXTS})
    values |= {"BACHNUMB": call["BACHNUMB"], "BCHSOURC": SALES.name, "CUSTNMBR": call["CUSTNMBR"]}
    today = call.session.stamp.date()
    if existing:
        return values | {"MODIFDT": today}
    assert buyer is not None
    defaults = {column: buyer[master_column] for column, master_column in _FROM_CUSTOMER.items()}
    values = defaults | {"ShipToName": buyer["CUSTNAME"]} | values
    values |= {"CREATDDT": today, "MODIFDT": today, "MSTRNUMB": call.session.next_number("MSTRNUMB")}
    if call["SOPTYPE"] in _DATE_OF_TYPE:
        values[_DATE_OF_TYPE[call["SOPTYPE"]]] = call["DOCDATE"]
    if call["SOPTYPE"] in (INVOICE, RETURN):
        values["GLPOSTDT"] = call["DOCDATE"]
    if values.get("DUEDATE", EMPTY_DATE) == EMPTY_DATE:
        values["DUEDATE"] = call["DOCDATE"]
    return values


def _make_functional(call: Call, rate: Rate, lines: list[Row], taxes: list[Row]) -> None:
    for line in lines:
        line["ORTAXAMT"] = _line_tax(line, taxes)
        key = {name: line[name] for name in ("SOPTYPE", "SOPNUMBE", "LNITMSEQ", "CMPNTSEQ")}
        changes = {f: rate.functional(line[o]) for o, f in LINE_FUNCTIONAL.items()}
        call.session.update("SOP10200", key, ORTAXAMT=line["ORTAXAMT"], **changes)
    for tax in taxes:
        key = {name: tax[name] for name in ("SOPTYPE", "SOPNUMBE", "LNITMSEQ", "TAXDTLID")}
        call.session.update("SOP10105", key, **{f: rate.functional(tax[o]) for o, f in TAX_FUNCTIONAL.items()})
