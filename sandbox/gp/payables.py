"""Procedures of payables documents: PM10000 with taxes and distributions, unposted (sources.md GP §1.3)."""

from __future__ import annotations

from decimal import Decimal

from sandbox.gp.batches import PAYABLES, batch_checkbook, ensure_batch
from sandbox.gp.call import Call
from sandbox.gp.currency import Rate, document_rate
from sandbox.gp.distributions import (
    PAYABLES_TABLE,
    PM_FREIGHT,
    PM_MISC,
    PM_PAYABLE,
    PM_PURCHASES,
    PM_ROUND,
    PM_TAXES,
    PM_TRADE,
    Distributions,
    write_distributions,
)
from sandbox.gp.models import EMPTY_DATE, Row
from sandbox.gp.originals import keep_payable
from sandbox.gp.rules import (
    PURCHASING_SERIES,
    account_index,
    currency_places,
    master,
    not_negative,
    open_period,
    posting_account,
)
from sandbox.gp.session import Session

_TYPES = range(1, 6)
_CREDITS = (4, 5)
_ACTIVE, _TEMPORARY = 1, 3
_AMOUNTS = ("PRCHAMNT", "MSCCHAMT", "TAXAMNT", "FRTAMNT", "TRDISAMT")


def save_transaction(call: Call) -> None:
    """
    taPMTransactionInsert: a vendor's invoice (1), credit memo (5) … in a batch.

    CREATEDIST (default 1) distributes to payables, purchases and taxes, also beside taPMDistribution: then everything
    is there twice (sources.md GP §5).
    """
    if call["DOCTYPE"] not in _TYPES:
        call.refuse("document_type", "DOCTYPE")
    vendor_that_may_trade(call)
    for kind, name in (("tax_schedule", "TAXSCHID"), ("tax_schedule", "PCHSCHID"), ("payment_terms", "PYMTRMID")):
        master(call, kind, name)
    _check_amounts(call)
    _refuse_known_numbers(call)
    open_period(call, "PSTGDATE" if call.given("PSTGDATE") else "DOCDATE", PURCHASING_SERIES)
    rate = document_rate(call)
    batch_checkbook(call, PAYABLES)
    call.check()
    amount = rate.functional(call["DOCAMNT"])
    names = ("VCHNUMWK", "VENDORID", "DOCNUMBR", "DOCTYPE", "DOCDATE", "BACHNUMB", "PYMTRMID", "TAXSCHID", "PCHSCHID")
    row = {name: call[name] for name in (*names, "TRXDSCRN", "PORDNMBR")} | {"CURNCYID": rate.currency}
    row |= {name: rate.functional(call[name]) for name in _AMOUNTS}
    row |= {"DOCAMNT": amount, "CURTRXAM": amount, "TEN99AMNT": rate.functional(call["TEN99AMNT"])}
    for name in ("PSTGDATE", "DUEDATE"):
        row[name] = call[name] if call[name] != EMPTY_DATE else call["DOCDATE"]
    call.session.insert("PM10000", row | {"BCHSOURC": PAYABLES.name})
    keep_payable(call.session, row, rate, call["DOCAMNT"])
    for tax in call.session.select("PM10500", VCHRNMBR=call["VCHNUMWK"]):
        key = {"VCHRNMBR": tax["VCHRNMBR"], "TAXDTLID": tax["TAXDTLID"]}
        converted = {"TAXAMNT": rate.functional(tax["ORTAXAMT"]), "TDTTXPUR": rate.functional(tax["ORTXBPUR"])}
        call.session.update("PM10500", key, **converted)
    make_functional(call, rate, call["VCHNUMWK"])
    if call.flag("CREATEDIST", 1):
        _distribute(call, rate)
    ensure_batch(call.session, call["BACHNUMB"], PAYABLES, CHEKBKID=call["BatchCHEKBKID"])


def vendor_that_may_trade(call: Call) -> Row | None:
    """The vendor of a document; refuses an unknown or inactive one."""
    vendor = master(call, "vendor", "VENDORID")
    if vendor and vendor["VENDSTTS"] not in (_ACTIVE, _TEMPORARY):
        call.refuse("vendor_status", "VENDORID")
    return vendor


def save_distribution(call: Call) -> None:
    """taPMDistribution: one debit or credit of a payables document, before its header."""
    account = account_index(call, "ACTNUMST", "ACTINDX")
    if not account:
        call.refuse("required", "ACTNUMST", "ACTINDX")
    currency_places(call, ("DEBITAMT", "CRDTAMNT"))
    not_negative(call, ("DEBITAMT", "CRDTAMNT"))
    call.check()
    key = {"VCHRNMBR": call["VCHRNMBR"], "VENDORID": call["VENDORID"]}
    row = {"DISTTYPE": call["DISTTYPE"], "DistRef": call["DistRef"], "ACTINDX": account}
    row |= {"ORDBTAMT": call["DEBITAMT"], "ORCRDAMT": call["CRDTAMNT"]}
    write_distributions(call.session, PAYABLES_TABLE, key, [row])


def save_tax(call: Call) -> None:
    """taPMTransactionTaxInsert: one tax detail of a payables document, before its header."""
    detail = master(call, "tax_detail", "TAXDTLID")
    account = account_index(call, "ACTNUMST", "ACTINDX")
    key = {"VCHRNMBR": call["VCHRNMBR"], "TAXDTLID": call["TAXDTLID"]}
    if call.session.get("PM10500", **key):
        call.refuse("duplicate_payables_tax", "TAXDTLID")
    call.check()
    names = ("VENDORID", "DOCTYPE", "PCTAXAMT", "FRTTXAMT", "MSCTXAMT")
    row = key | {name: call[name] for name in names} | {"ACTINDX": account or (detail["ACTINDX"] if detail else 0)}
    call.session.insert("PM10500", row | {"ORTAXAMT": call["TAXAMNT"], "ORTXBPUR": call["TDTTXPUR"]})


def _check_amounts(call: Call) -> None:
    currency_places(call, ("DOCAMNT", "TEN99AMNT", *_AMOUNTS))
    not_negative(call, ("DOCAMNT", "TEN99AMNT", *_AMOUNTS))
    if call["DOCAMNT"] != sum(call[name] for name in _AMOUNTS) - 2 * call["TRDISAMT"]:
        call.refuse("payables_amount", "DOCAMNT", *_AMOUNTS)
    if call["CHRGAMNT"] not in (0, call["DOCAMNT"]):
        call.refuse("charge_amount", "CHRGAMNT")
    taxes = call.session.select("PM10500", VCHRNMBR=call["VCHNUMWK"])
    given = sum((tax["ORTAXAMT"] for tax in taxes), Decimal(0))
    if call["TAXAMNT"] != given:
        call.refuse("tax_total", "TAXAMNT", STAXAMNT=given)


def _refuse_known_numbers(call: Call) -> None:
    numbers = {"PM10000": "VCHNUMWK", "PM20000": "VCHRNMBR", "PM30200": "VCHRNMBR"}
    if any(call.session.select(table, **{column: call["VCHNUMWK"]}) for table, column in numbers.items()):
        call.refuse("duplicate_voucher", "VCHNUMWK")
    vendors_own = {"VENDORID": call["VENDORID"], "DOCNUMBR": call["DOCNUMBR"], "DOCTYPE": call["DOCTYPE"]}
    if any(call.session.select(table, **vendors_own) for table in numbers):
        call.refuse("duplicate_payables", "DOCNUMBR", "VENDORID")


def make_functional(call: Call, rate: Rate, number: str) -> None:
    """A document's own distributions in the company's currency; the cents this leaves are rounding (unverified)."""
    session, left, originating = call.session, Decimal(0), Decimal(0)
    for sent in session.select("PM10100", VCHRNMBR=number):
        key = {"VCHRNMBR": sent["VCHRNMBR"], "DSTSQNUM": sent["DSTSQNUM"]}
        debit, credit = rate.functional(sent["ORDBTAMT"]), rate.functional(sent["ORCRDAMT"])
        session.update("PM10100", key, DEBITAMT=debit, CRDTAMNT=credit)
        left += credit - debit
        originating += sent["ORDBTAMT"] - sent["ORCRDAMT"]
    if left and not originating:
        row: Row = {"DISTTYPE": PM_ROUND, "ACTINDX": posting_account(session, "rounding")}
        row |= {"DEBITAMT": max(left, Decimal(0)), "CRDTAMNT": max(-left, Decimal(0))}
        key = {"VCHRNMBR": number, "VENDORID": call["VENDORID"]}
        write_distributions(session, PAYABLES_TABLE, key, [row])


def to_history(session: Session, document: Row) -> None:
    """A payables document of which nothing is left: its row, distributions and taxes from open to history."""
    key = {"DOCTYPE": document["DOCTYPE"], "VCHRNMBR": document["VCHRNMBR"]}
    session.delete("PM20000", **key)
    session.insert("PM30200", document)
    for table, kept in (("PM10100", "PM30600"), ("PM10500", "PM30700")):
        for row in session.select(table, VCHRNMBR=document["VCHRNMBR"]):
            session.insert(kept, row | key)
        session.delete(table, VCHRNMBR=document["VCHRNMBR"])


def _distribute(call: Call, rate: Rate) -> None:
    """Cr payables, Dr purchases, taxes, freight and misc, Cr trade discount; a credit the other way round."""
    sign = -1 if call["DOCTYPE"] in _CREDITS else 1
    session, found = call.session, Distributions(rate)
    purchases = posting_account(session, "purchases")
    found.debit(PM_PAYABLE, posting_account(session, "payables"), -sign * call["DOCAMNT"])
    found.debit(PM_PURCHASES, purchases, sign * call["PRCHAMNT"])
    found.debit(PM_FREIGHT, purchases, sign * call["FRTAMNT"])
    found.debit(PM_MISC, purchases, sign * call["MSCCHAMT"])
    found.debit(PM_TRADE, purchases, -sign * call["TRDISAMT"])
    for tax in session.select("PM10500", VCHRNMBR=call["VCHNUMWK"]):
        found.debit(PM_TAXES, tax["ACTINDX"], sign * tax["ORTAXAMT"])
    key = {"VCHRNMBR": call["VCHNUMWK"], "VENDORID": call["VENDORID"]}
    rows = found.rows((PM_ROUND, posting_account(session, "rounding")))
    write_distributions(session, PAYABLES_TABLE, key, rows)
