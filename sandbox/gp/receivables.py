"""Procedures of receivables: cash receipts (RM10201), debit and credit memos (RM10301) and their distributions."""

from __future__ import annotations

from decimal import Decimal

from sandbox.gp.batches import RECEIPTS, RECEIVABLES, batch_checkbook, ensure_batch
from sandbox.gp.call import Call
from sandbox.gp.currency import document_rate
from sandbox.gp.distributions import (
    RECEIVABLES_TABLE,
    RM_CASH,
    RM_CREDIT_MEMO,
    RM_DEBIT_MEMO,
    RM_FREIGHT,
    RM_MISC,
    RM_OTHER,
    RM_RECEIVABLE,
    RM_SALES,
    RM_TAXES,
    Distributions,
    write_distributions,
)
from sandbox.gp.models import EMPTY_DATE, Row
from sandbox.gp.originals import keep_receivable
from sandbox.gp.rules import (
    SALES_SERIES,
    account_index,
    currency_places,
    customer,
    master,
    not_negative,
    open_period,
    posting_account,
)

RECEIPT = 9
CREDITS = (7, 8, 9)
"""RMDTYPAL of what can be applied: credit memo, return, payment."""
CHARGES = (1, 3, 4, 5, 6)
"""RMDTYPAL of what can be applied to."""
_CREDIT_MEMO, _RETURN = 7, 8
_CREDIT_CARD = 2


def save_receipt(call: Call) -> None:
    """taRMCashReceiptInsert: a receipt in a batch; by CREATEDIST (default 1) Dr checkbook's account, Cr receivables."""
    customer(call)
    checkbook = master(call, "checkbook", "CHEKBKID") if call["CHEKBKID"] else _default_checkbook(call)
    if call["CSHRCTYP"] not in (0, 1, _CREDIT_CARD):
        call.refuse("document_type", "CSHRCTYP")
    if call["CSHRCTYP"] == _CREDIT_CARD:
        if not call["CRCARDID"]:
            call.refuse("required", "CRCARDID")
        master(call, "credit_card", "CRCARDID")
    open_period(call, "GLPOSTDT", SALES_SERIES)
    currency_places(call, ("ORTRXAMT",))
    if call["ORTRXAMT"] <= 0:
        call.refuse("amount_negative", "ORTRXAMT")
    rate = document_rate(call)
    _refuse_known_number(call, (RECEIPT,))
    call.check()
    assert checkbook is not None  # refused above
    amount = rate.functional(call["ORTRXAMT"])
    key = {"RMDTYPAL": RECEIPT, "DOCNUMBR": call["DOCNUMBR"]}
    names = ("DOCNUMBR", "CUSTNMBR", "DOCDATE", "GLPOSTDT", "BACHNUMB", "CHEKNMBR", "CSHRCTYP", "CRCARDID", "TRXDSCRN")
    row = key | {name: call[name] for name in names} | {"CURNCYID": rate.currency}
    row |= {"BCHSOURC": RECEIPTS.name, "CHEKBKID": checkbook["CHEKBKID"], "ORTRXAMT": amount, "CURTRXAM": amount}
    call.session.insert("RM10201", row)
    keep_receivable(call.session, row, rate, call["ORTRXAMT"])
    if call.flag("CREATEDIST", 1):
        found = Distributions(rate)
        found.debit(RM_CASH, checkbook["ACTINDX"], call["ORTRXAMT"])
        found.debit(RM_RECEIVABLE, posting_account(call.session, "receivables"), -call["ORTRXAMT"])
        _write(call, key, found)
    ensure_batch(call.session, call["BACHNUMB"], RECEIPTS, CHEKBKID=call["BatchCHEKBKID"] or checkbook["CHEKBKID"])


def save_transaction(call: Call) -> None:
    """
    taRMTransaction: a receivables document (3 debit memo, 7 credit memo, …) in a batch.

    CREATEDIST (default 1) distributes to receivables and sales, also when taRMDistribution was sent: then everything
    is there twice, as in GP (sources.md GP §5).
    """
    if call["RMDTYPAL"] not in (*CHARGES, _CREDIT_MEMO, _RETURN):
        call.refuse("document_type", "RMDTYPAL")
    customer(call)
    master(call, "tax_schedule", "TAXSCHID")
    master(call, "payment_terms", "PYMTRMID")
    open_period(call, "DOCDATE", SALES_SERIES)
    amounts = ("DOCAMNT", "SLSAMNT", "FRTAMNT", "MISCAMNT", "TAXAMNT", "TRDISAMT")
    currency_places(call, amounts)
    not_negative(call, amounts)
    if call["DOCAMNT"] != sum(call[name] for name in amounts[1:-1]) - call["TRDISAMT"]:
        call.refuse("document_amount", *amounts)
    rate = document_rate(call)
    _refuse_known_number(call, (call["RMDTYPAL"],))
    batch_checkbook(call, RECEIVABLES)
    key = {"RMDTYPAL": call["RMDTYPAL"], "DOCNUMBR": call["DOCNUMBR"]}
    taxes = call.session.select("RM10601", **key)
    if call["TAXAMNT"] != sum((tax["TAXAMNT"] for tax in taxes), Decimal(0)):
        call.refuse("tax_total", "TAXAMNT")
    call.check()
    names = ("DOCDATE", "BACHNUMB", "CUSTNMBR", "DOCDESCR", "CSTPONBR", "PYMTRMID")
    row = key | {name: call[name] for name in names} | {"CURNCYID": rate.currency, "RMDNUMWK": call["DOCNUMBR"]}
    row |= {name: rate.functional(call[name]) for name in amounts}
    row |= {"BCHSOURC": RECEIVABLES.name, "GLPOSTDT": call["DOCDATE"]}
    row["DUEDATE"] = call["DUEDATE"] if call["DUEDATE"] != EMPTY_DATE else call["DOCDATE"]
    call.session.insert("RM10301", row)
    keep_receivable(call.session, row, rate, call["DOCAMNT"])
    for sent in call.session.select("RM10101", **key):
        changes = {
            "DEBITAMT": rate.functional(sent["ORDBTAMT"]),
            "CRDTAMNT": rate.functional(sent["ORCRDAMT"]),
        }
        call.session.update("RM10101", key | {"SEQNUMBR": sent["SEQNUMBR"]}, **changes)
    if call.flag("CREATEDIST", 1):
        _distribute(call, key)
    ensure_batch(call.session, call["BACHNUMB"], RECEIVABLES, CHEKBKID=call["BatchCHEKBKID"])


def save_distribution(call: Call) -> None:
    """taRMDistribution: one debit or credit of a receivables document, before its header."""
    account = account_index(call, "ACTNUMST", "DSTINDX")
    if not account:
        call.refuse("required", "ACTNUMST", "DSTINDX")
    currency_places(call, ("DEBITAMT", "CRDTAMNT"))
    not_negative(call, ("DEBITAMT", "CRDTAMNT"))
    call.check()
    key = {"RMDTYPAL": call["RMDTYPAL"], "DOCNUMBR": call["DOCNUMBR"], "CUSTNMBR": call["CUSTNMBR"]}
    row = {"DISTTYPE": call["DISTTYPE"], "DistRef": call["DistRef"], "ACTINDX": account}
    row |= {"ORDBTAMT": call["DEBITAMT"], "ORCRDAMT": call["CRDTAMNT"]}
    row |= {"DEBITAMT": call["DEBITAMT"], "CRDTAMNT": call["CRDTAMNT"]}
    write_distributions(call.session, RECEIVABLES_TABLE, key, [row])


def save_tax(call: Call) -> None:
    """taRMTransactionTaxInsert: one tax detail of a receivables document, before its header."""
    detail = master(call, "tax_detail", "TAXDTLID")
    account = account_index(call, "ACTNUMST", "ACTINDX")
    key = {name: call[name] for name in ("RMDTYPAL", "DOCNUMBR", "TAXDTLID")}
    if call.session.get("RM10601", **key):
        call.refuse("duplicate_receivables_tax", "TAXDTLID")
    call.check()
    names = ("CUSTNMBR", "TAXAMNT", "STAXAMNT", "FRTTXAMT", "TAXDTSLS")
    row = key | {name: call[name] for name in names} | {"ACTINDX": account or (detail["ACTINDX"] if detail else 0)}
    call.session.insert("RM10601", row)


def _default_checkbook(call: Call) -> Row | None:
    found = call.session.get("CM00100", CHEKBKID=call.session.state("default_checkbook") or "")
    if found is None:
        call.refuse("checkbook", "CHEKBKID")
    return found


def _refuse_known_number(call: Call, types: tuple[int, ...]) -> None:
    for kind in types:
        tables = ("RM10201" if kind == RECEIPT else "RM10301", "RM20101", "RM30101")
        for table in tables:
            if call.session.get(table, RMDTYPAL=kind, DOCNUMBR=call["DOCNUMBR"]):
                call.refuse("duplicate_receivables", "DOCNUMBR")
                return


def _distribute(call: Call, key: dict[str, int | str]) -> None:
    """Dr receivables, Cr sales, freight, misc and taxes; a credit memo or return the other way round."""
    sign = -1 if call["RMDTYPAL"] in (_CREDIT_MEMO, _RETURN) else 1
    kind = {3: RM_DEBIT_MEMO, _CREDIT_MEMO: RM_CREDIT_MEMO}.get(call["RMDTYPAL"], RM_SALES)
    session = call.session
    found = Distributions(document_rate(call))
    found.debit(RM_RECEIVABLE, posting_account(session, "receivables"), sign * call["DOCAMNT"])
    found.debit(kind, posting_account(session, "sales"), -sign * (call["SLSAMNT"] - call["TRDISAMT"]))
    found.debit(RM_FREIGHT, posting_account(session, "shipping_income"), -sign * call["FRTAMNT"])
    found.debit(RM_MISC, posting_account(session, "sales"), -sign * call["MISCAMNT"])
    for tax in session.select("RM10601", **key):
        found.debit(RM_TAXES, tax["ACTINDX"], -sign * tax["TAXAMNT"])
    _write(call, key, found)


def _write(call: Call, key: dict[str, int | str], found: Distributions) -> None:
    rounding = (RM_OTHER, posting_account(call.session, "rounding"))
    write_distributions(call.session, RECEIVABLES_TABLE, {**key, "CUSTNMBR": call["CUSTNMBR"]}, found.rows(rounding))
