"""What people key at GP's windows of payables: a voucher or credit memo, a manual payment; each into a batch."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from lxml import etree
from pydantic import BaseModel, ConfigDict

from sandbox.gp.distributions import PM_PAYABLE, PM_PURCHASES, PM_TAXES
from sandbox.gp.econnect import run_document
from sandbox.gp.errors import BookkeeperError, EConnectRefused
from sandbox.gp.models import Row
from sandbox.gp.rules import posting_account
from sandbox.gp.session import Session

__all__ = ["VendorPayment", "Voucher", "key_payment", "key_voucher"]

_CREDITS = (4, 5)
_NO_1099 = 1
_CASH = 1


class VoucherLine(BaseModel):
    """What a part of the purchases is for, in the voucher's currency; ``account`` is ACTNUMST."""

    model_config = ConfigDict(extra="forbid")

    account: str
    amount: Decimal
    text: str = ""


class VoucherTax(BaseModel):
    """A tax detail, and the net that it is on."""

    model_config = ConfigDict(extra="forbid")

    detail: str
    amount: Decimal
    taxed: Decimal


class Voucher(BaseModel):
    """
    A voucher as a person keys it in Transaction Entry; ``number`` is the vendor's own.

    :param DOCTYPE: 1 invoice … 5 credit memo. :param rate: XCHGRATE, multiplied with, of a foreign currency.
    """

    model_config = ConfigDict(extra="forbid")

    vendor: str
    number: str
    DOCTYPE: int = 1
    posted_on: date | None = None
    due: date | None = None
    date: date
    lines: list[VoucherLine]
    taxes: list[VoucherTax] = []
    description: str = ""
    batch: str = "VOUCHERS"
    currency: str | None = None
    rate: Decimal | None = None


class VendorPayment(BaseModel):
    """A payment as a person keys it in Manual Payment Entry, by transfer; ``number`` is PMNTNMBR."""

    model_config = ConfigDict(extra="forbid")

    vendor: str
    number: str
    amount: Decimal
    date: date
    checkbook: str = "BANK"
    description: str = ""
    batch: str = "PAYMENTS"
    currency: str | None = None
    rate: Decimal | None = None


def key_voucher(session: Session, voucher: Voucher) -> str:
    """
    Save a voucher in its batch; its VCHNUMWK. Of a vendor with a 1099 the net is on it, as the window fills it in.

    :raises BookkeeperError: GP's window refuses it, for what the procedures refuse.
    """
    net = sum((line.amount for line in voucher.lines), Decimal(0))
    tax = sum((each.amount for each in voucher.taxes), Decimal(0))
    sign = -1 if voucher.DOCTYPE in _CREDITS else 1
    common = {"VENDORID": voucher.vendor, "DOCTYPE": voucher.DOCTYPE}
    transaction = etree.Element("PMTransactionType")
    taxes = etree.SubElement(transaction, "taPMTransactionTaxInsert_Items")
    booked = [(PM_PURCHASES, line.account, sign * line.amount, line.text) for line in voucher.lines]
    for each in voucher.taxes:
        amounts = {"TAXAMNT": each.amount, "PCTAXAMT": each.amount, "TDTTXPUR": each.taxed}
        row = {**common, "VCHRNMBR": "", "BACHNUMB": voucher.batch, "TAXDTLID": each.detail}
        _add(taxes, "taPMTransactionTaxInsert", row | amounts)
        detail = session.get("TX00201", TAXDTLID=each.detail)
        account = session.get("GL00105", ACTINDX=detail["ACTINDX"]) if detail else None
        booked.append((PM_TAXES, account["ACTNUMST"] if account else "", sign * each.amount, each.detail))
    payables = session.get("GL00105", ACTINDX=posting_account(session, "payables"))
    assert payables is not None  # seeded
    booked.append((PM_PAYABLE, payables["ACTNUMST"], -sign * (net + tax), ""))
    distributions = etree.SubElement(transaction, "taPMDistribution_Items")
    for kind, number, amount, text in booked:
        sides = {"DEBITAMT": max(amount, Decimal(0)), "CRDTAMNT": max(-amount, Decimal(0))}
        row = {**common, "VCHRNMBR": "", "DISTTYPE": kind, "DistRef": text, "ACTNUMST": number}
        _add(distributions, "taPMDistribution", row | sides)
    vendor = session.get("PM00200", VENDORID=voucher.vendor) or {}
    header: Row = {**common, "BACHNUMB": voucher.batch, "VCHNUMWK": "", "DOCNUMBR": voucher.number}
    header |= {"DOCAMNT": net + tax, "PRCHAMNT": net, "TAXAMNT": tax, "CHRGAMNT": net + tax, "CREATEDIST": 0}
    header |= {"DOCDATE": voucher.date, "PSTGDATE": voucher.posted_on, "DUEDATE": voucher.due}
    header |= {"TRXDSCRN": voucher.description, "CURNCYID": voucher.currency, "XCHGRATE": voucher.rate}
    header |= {"TEN99AMNT": net if vendor.get("TEN99TYPE", 0) > _NO_1099 else 0}
    saved = _add(transaction, "taPMTransactionInsert", header)
    _run(session, transaction)
    return str(saved.findtext("VCHNUMWK"))


def key_payment(session: Session, payment: VendorPayment) -> str:
    """
    Save a manual payment in its batch, applied to nothing; its PMNTNMBR.

    :raises BookkeeperError: as of vouchers.
    """
    transaction = etree.Element("PMManualCheckType")
    row: Row = {"BACHNUMB": payment.batch, "PMNTNMBR": payment.number, "DOCNUMBR": payment.number}
    row |= {"VENDORID": payment.vendor, "DOCAMNT": payment.amount, "DOCDATE": payment.date, "PYENTTYP": _CASH}
    row |= {"CHEKBKID": payment.checkbook, "TRXDSCRN": payment.description}
    _add(transaction, "taPMManualCheck", row | {"CURNCYID": payment.currency, "XCHGRATE": payment.rate})
    _run(session, transaction)
    return payment.number


def _add(parent: etree._Element, name: str, row: Row) -> etree._Element:
    element = etree.SubElement(parent, name)
    for field, value in row.items():
        if value is not None:
            etree.SubElement(element, field).text = _text(value)
    return element


def _text(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _run(session: Session, transaction: etree._Element) -> None:
    document = etree.Element("eConnect")
    document.append(transaction)
    try:
        run_document(session, document)
    except EConnectRefused as refused:
        raise BookkeeperError(str(refused.__cause__ or refused)) from refused
