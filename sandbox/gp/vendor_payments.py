"""Payments of vendors: taPMManualCheck puts one in a batch; people say what it pays (sources.md GP §4)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sandbox.gp.batches import PAYMENTS, ensure_batch
from sandbox.gp.call import Call
from sandbox.gp.currency import Rate, document_rate
from sandbox.gp.distributions import PAYABLES_TABLE, PM_CASH, PM_PAYABLE, PM_ROUND, Distributions, write_distributions
from sandbox.gp.errors import BookkeeperError
from sandbox.gp.journals import Posting, keep_in_batch
from sandbox.gp.models import EMPTY_DATE, Row
from sandbox.gp.originals import keep_payable, payable_with_originals
from sandbox.gp.payables import make_functional, to_history, vendor_that_may_trade
from sandbox.gp.rules import PURCHASING_SERIES, currency_places, master, open_period, period_closed, posting_account
from sandbox.gp.session import Session

PAYMENT = 6
_CHARGES, _CREDITS = (1, 2, 3), (4, 5, PAYMENT)
_CHECK, _CASH, _CARD = 0, 1, 2


def save_payment(call: Call) -> None:
    """
    taPMManualCheck: a manual payment in a batch, applied to nothing.

    By CREATEDIST (default 1) Dr payables, Cr the checkbook's account, also beside taPMDistribution.
    """
    vendor = vendor_that_may_trade(call)
    if vendor and vendor["HOLD"]:
        call.refuse("vendor_hold", "VENDORID")
    if call["PYENTTYP"] not in (_CHECK, _CASH, _CARD):
        call.refuse("document_type", "PYENTTYP")
    named = "CARDNAME" if call["PYENTTYP"] == _CARD else "CHEKBKID"
    if not call[named]:
        call.refuse("required", named)
    checkbook = master(call, "checkbook", "CHEKBKID")
    master(call, "credit_card", "CARDNAME")
    open_period(call, "PSTGDATE" if call.given("PSTGDATE") else "DOCDATE", PURCHASING_SERIES)
    currency_places(call, ("DOCAMNT",))
    if call["DOCAMNT"] <= 0:
        call.refuse("amount_negative", "DOCAMNT")
    rate = document_rate(call)
    _refuse_known_numbers(call)
    call.check()
    amount = rate.functional(call["DOCAMNT"])
    names = ("PMNTNMBR", "VENDORID", "DOCNUMBR", "DOCDATE", "BACHNUMB", "PYENTTYP", "CARDNAME", "CHEKBKID", "TRXDSCRN")
    row = {name: call[name] for name in names} | {"DOCTYPE": PAYMENT, "CURNCYID": rate.currency}
    row |= {"BCHSOURC": PAYMENTS.name, "DOCAMNT": amount, "CURTRXAM": amount, "VCHRNMBR": call["PMNTNMBR"]}
    row["PSTGDATE"] = call["PSTGDATE"] if call["PSTGDATE"] != EMPTY_DATE else call["DOCDATE"]
    call.session.insert("PM10400", row)
    keep_payable(call.session, row | {"VCHNUMWK": call["PMNTNMBR"]}, rate, call["DOCAMNT"])
    make_functional(call, rate, call["PMNTNMBR"])
    if call.flag("CREATEDIST", 1):
        _distribute(call, rate, checkbook)
    ensure_batch(call.session, call["BACHNUMB"], PAYMENTS, ORIGIN=3, CHEKBKID=call["BatchCHEKBKID"] or call["CHEKBKID"])


def _refuse_known_numbers(call: Call) -> None:
    number = call["PMNTNMBR"]
    posted = [{"DOCTYPE": PAYMENT, "VCHRNMBR": number}]
    if call.session.get("PM10400", PMNTNMBR=number) or any(
        call.session.select(table, **key) for table in ("PM20000", "PM30200") for key in posted
    ):
        call.refuse("duplicate_payment", "PMNTNMBR")
    if call["PYENTTYP"] == _CHECK:
        drawn = {"DOCNUMBR": call["DOCNUMBR"], "CHEKBKID": call["CHEKBKID"], "DOCTYPE": PAYMENT}
        if any(call.session.select(table, **drawn) for table in ("PM10400", "PM20000", "PM30200")):
            call.refuse("duplicate_check", "DOCNUMBR", "CHEKBKID")


def _distribute(call: Call, rate: Rate, checkbook: Row | None) -> None:
    session, found = call.session, Distributions(rate)
    found.debit(PM_PAYABLE, posting_account(session, "payables"), call["DOCAMNT"])
    found.debit(PM_CASH, checkbook["ACTINDX"] if checkbook else 0, -call["DOCAMNT"])
    key = {"VCHRNMBR": call["PMNTNMBR"], "VENDORID": call["VENDORID"]}
    write_distributions(session, PAYABLES_TABLE, key, found.rows((PM_ROUND, posting_account(session, "rounding"))))


def apply_posted(
    session: Session, *, kind: int, number: str, voucher: str, amount: Decimal | None, day: date
) -> Decimal:
    """
    What a person does in Apply Payables Documents: set a posted payment or credit against a posted voucher.

    What is left of both falls, and one with nothing left is history. What the two rates differ by goes to a GL batch
    that people post. How much was applied, in the documents' currency.

    :param kind: DOCTYPE of the document that is applied: 4 return, 5 credit memo, 6 payment.
    :param amount: in the documents' currency; None: as much as is left of both.
    :raises BookkeeperError: one is not posted, they do not go together, more than is left, a hold, a closed period.
    """
    credit, charge = _posted(session, number, (kind,)), _posted(session, voucher, _CHARGES)
    if kind not in _CREDITS:
        raise BookkeeperError(f"Documents of type {kind} are not applied. Types {_CREDITS} are.")
    if credit["VENDORID"].upper() != charge["VENDORID"].upper():
        raise BookkeeperError(f"{number} is of vendor {credit['VENDORID']}, {voucher} of {charge['VENDORID']}.")
    if credit["CURNCYID"].upper() != charge["CURNCYID"].upper():
        raise BookkeeperError(f"{number} is in {credit['CURNCYID']}, {voucher} in {charge['CURNCYID']}.")
    vendor = session.get("PM00200", VENDORID=charge["VENDORID"])
    if vendor and vendor["HOLD"]:
        raise BookkeeperError(f"Vendor {charge['VENDORID']} is on hold. Take the hold off before applying.")
    if period_closed(session, day, PURCHASING_SERIES):
        raise BookkeeperError(f"{day} is in a closed fiscal period. Open it, or apply on another day.")
    applied = min(credit["ORCTRXAM"], charge["ORCTRXAM"]) if amount is None else amount
    for document in (credit, charge):
        if not 0 < applied <= document["ORCTRXAM"]:
            raise BookkeeperError(f"{document['VCHRNMBR']} has {document['ORCTRXAM']:.2f} left, not {applied:.2f}.")
    credited, charged = _taken(credit, applied), _taken(charge, applied)
    row = {"VENDORID": charge["VENDORID"], "DATE1": day, "GLPOSTDT": day, "CURNCYID": charge["CURNCYID"], "POSTED": 1}
    row |= {"APTVCHNM": voucher, "APTODCTY": charge["DOCTYPE"], "APTODCNM": charge["DOCNUMBR"]}
    row |= {"VCHRNMBR": number, "DOCTYPE": kind, "APFRDCNM": credit["DOCNUMBR"]}
    row |= {"APPLDAMT": charged, "ORAPPAMT": applied, "APFRMAPLYAMT": credited, "RLGANLOS": credited - charged}
    _keep(session, row)
    _reduce(session, charge, charged, applied)
    _reduce(session, credit, credited, applied)
    _book_gain(session, credit, charge, day, credited - charged)
    return applied


def _posted(session: Session, number: str, kinds: tuple[int, ...]) -> Row:
    for kind in kinds:
        found = session.get("PM20000", DOCTYPE=kind, VCHRNMBR=number)
        if found is not None and not found["VOIDED"]:
            return payable_with_originals(session, found)
    raise BookkeeperError(f"{number} is not posted, or nothing is left of it. Post its batch first.")


def _taken(document: Row, applied: Decimal) -> Decimal:
    """In the company's currency, at the document's rate; the last part takes what is left."""
    whole = applied == document["ORCTRXAM"]
    return Decimal(document["CURTRXAM"]) if whole else Rate.of(document).functional(applied)


def _keep(session: Session, row: Row) -> None:
    """One row a pair: applied again it adds up."""
    key = {name: row[name] for name in ("APTVCHNM", "APTODCTY", "VCHRNMBR", "DOCTYPE")}
    there = session.get("PM10200", **key)
    if there is None:
        session.insert("PM10200", row)
        return
    added = ("APPLDAMT", "ORAPPAMT", "APFRMAPLYAMT", "RLGANLOS")
    session.update("PM10200", key, **{name: there[name] + row[name] for name in added})


def _reduce(session: Session, document: Row, functional: Decimal, originating: Decimal) -> None:
    """Less is left; a document of which nothing is moves to history by itself, a payment with what it is applied to."""
    key = {"DOCTYPE": document["DOCTYPE"], "VCHRNMBR": document["VCHRNMBR"]}
    session.update("PM20000", key, CURTRXAM=document["CURTRXAM"] - functional)
    session.update("MC020103", key, ORCTRXAM=document["ORCTRXAM"] - originating)
    if document["ORCTRXAM"] != originating:
        return
    settled = session.get("PM20000", **key)
    assert settled is not None  # just changed
    to_history(session, settled)
    for application in session.select("PM10200", **key):
        pair = {name: application[name] for name in ("APTVCHNM", "APTODCTY", "VCHRNMBR", "DOCTYPE")}
        session.delete("PM10200", **pair)
        session.insert("PM30300", application)


def _book_gain(session: Session, credit: Row, charge: Row, day: date, loss: Decimal) -> None:
    posting = Posting(
        source="PMAPY",
        reference=f"Apply {credit['VCHRNMBR']}"[:30],
        day=day,
        document=charge["VCHRNMBR"],
        control=credit["VCHRNMBR"],
        master_id=charge["VENDORID"],
        series=4,
        rate=Rate(charge["CURNCYID"], Decimal(1), 0),
    )
    posting.debit(posting_account(session, "payables"), -loss)
    posting.debit(posting_account(session, "fx_gain_loss"), loss)
    keep_in_batch(session, posting, "PMAPPLY")
