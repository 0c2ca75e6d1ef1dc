"""
Rate and originating amounts of receivables and payables, which lie apart from the documents: MC020102, MC020103.

Only a document in another currency than the company's has a row there [unverified]; the others are worth what their own
table says (sources.md GP §4).
"""

from __future__ import annotations

from decimal import Decimal

from sandbox.gp.currency import Rate, functional_currency
from sandbox.gp.models import Row
from sandbox.gp.session import Session


def keep_receivable(session: Session, document: Row, rate: Rate, amount: Decimal) -> None:
    """Keep the rate and the amount of a new receivables document, where it is foreign."""
    if rate.currency.upper() == functional_currency(session).upper():
        return
    names = ("RMDTYPAL", "DOCNUMBR", "DOCDATE", "CUSTNMBR")
    row = {name: document[name] for name in names} | rate.columns
    session.insert("MC020102", row | {"ORORGTRX": amount, "ORCTRXAM": amount})


def keep_payable(session: Session, document: Row, rate: Rate, amount: Decimal) -> None:
    """The same of a payables document."""
    if rate.currency.upper() == functional_currency(session).upper():
        return
    names = ("DOCTYPE", "DOCDATE", "VENDORID")
    row = {name: document[name] for name in names} | rate.columns | {"VCHRNMBR": document["VCHNUMWK"]}
    session.insert("MC020103", row | {"ORDOCAMT": amount, "ORCTRXAM": amount})


def with_originals(session: Session, document: Row) -> Row:
    """A receivables document with XCHGRATE, RTCLCMTD, ORORGTRX and ORCTRXAM, whatever its currency."""
    total = document["ORTRXAMT"] if "ORTRXAMT" in document else document["DOCAMNT"]
    own = {"XCHGRATE": Decimal(1), "RTCLCMTD": 0, "ORORGTRX": total, "ORCTRXAM": document.get("CURTRXAM", total)}
    kept = session.get("MC020102", RMDTYPAL=document["RMDTYPAL"], DOCNUMBR=document["DOCNUMBR"])
    return document | (own if kept is None else {name: kept[name] for name in own})


def payable_with_originals(session: Session, document: Row) -> Row:
    """A posted payables document with XCHGRATE, RTCLCMTD and ORCTRXAM, whatever its currency."""
    own = {"XCHGRATE": Decimal(1), "RTCLCMTD": 0, "ORCTRXAM": document["CURTRXAM"]}
    kept = session.get("MC020103", DOCTYPE=document["DOCTYPE"], VCHRNMBR=document["VCHRNMBR"])
    return document | (own if kept is None else {name: kept[name] for name in own})


def rate_of_payable(session: Session, document: Row) -> Rate:
    """The rate of a payables document in work."""
    kept = session.get("MC020103", DOCTYPE=document["DOCTYPE"], VCHRNMBR=document["VCHNUMWK"])
    return Rate.of(kept) if kept else Rate(document["CURNCYID"], Decimal(1), 0)


def leave(session: Session, table: str, document: Row, functional: Decimal, originating: Decimal) -> None:
    """What is left to apply of a receivables document from here on."""
    key = {"RMDTYPAL": document["RMDTYPAL"], "DOCNUMBR": document["DOCNUMBR"]}
    session.update(table, key, CURTRXAM=functional)
    session.update("MC020102", key, ORCTRXAM=originating)
