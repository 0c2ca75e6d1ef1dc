"""Payments of invoices and refunds of credit notes, with the gain or loss that another rate makes."""

from __future__ import annotations

from decimal import Decimal

from sandbox.xero import rules
from sandbox.xero.document_kinds import INVOICE, control_account, kind_of, side
from sandbox.xero.errors import Refused
from sandbox.xero.ledger import Posting, base_cents, post, reverse, system_account
from sandbox.xero.models import Book, Record
from sandbox.xero.settlement import amount_to_settle, named_document, reopen, settle, shown_invoice
from sandbox.xero.wire import Element, day_on_wire, money, read_day, rounded

__all__ = ["save_payment"]

_SHOWN_IN_DOCUMENTS = (
    "PaymentID",
    "Date",
    "Amount",
    "Reference",
    "CurrencyRate",
    "HasAccount",
    "HasValidationErrors",
)
_PAYMENT_TYPES = {
    "ACCREC": "ACCRECPAYMENT",
    "ACCPAY": "ACCPAYPAYMENT",
    "ACCRECCREDIT": "ARCREDITPAYMENT",
    "ACCPAYCREDIT": "APCREDITPAYMENT",
}


def save_payment(book: Book, element: Element, *, create: bool) -> Record:
    """
    Pay an invoice or refund a credit note; with a PaymentID and Status DELETED, take the payment back.

    :raises Refused: with Xero's messages, and nothing is changed.
    """
    if element.get("PaymentID") and not create:
        return _delete(book, element)
    document = named_document(book, element)
    amount = amount_to_settle(element, document, "Payment amount exceeds the amount outstanding on this document")
    account = rules.payment_account(book, element)
    day = rules.open_day(book, read_day(element["Date"]) if element.get("Date") else book.now.date())
    texts = rules.checked_texts(element, {"Reference": 255})
    rate, bank_cents = _settlement(book, element, document, account, amount)
    payment = book.add(
        "Payments",
        "PaymentID",
        {
            "Date": day_on_wire(day),
            "Amount": amount,
            "BankAmount": Decimal(bank_cents).scaleb(-2) if account["CurrencyCode"] == book.base_currency() else amount,
            "CurrencyRate": rate,
            "Reference": texts.get("Reference", ""),
            "Status": "AUTHORISED",
            "PaymentType": _PAYMENT_TYPES[document.body["Type"]],
            "IsReconciled": bool(element.get("IsReconciled", False)),
            "HasAccount": True,
            "HasValidationErrors": False,
            "Account": {name: account[name] for name in ("AccountID", "Name")},  # as transfers, without Code
            **_reference(document),
        },
    )
    part = {name: payment.body[name] for name in _SHOWN_IN_DOCUMENTS}
    carried = settle(book, document, payment.id, part, where="Payments")
    _post(book, payment, document, account, bank_cents, carried)
    return payment


def _settlement(
    book: Book, element: Element, document: Record, account: Element, amount: Decimal
) -> tuple[Decimal, int]:
    """The payment's rate and the cents of base currency that reach or leave the bank account."""
    currency = document.body["CurrencyCode"]
    base = book.base_currency()
    if currency == base:
        if account["CurrencyCode"] != base:
            raise Refused("The payment's account must be in the document's or the base currency.")
        return Decimal(1), base_cents(amount, Decimal(1))
    if account["CurrencyCode"] not in {currency, base}:
        raise Refused("The payment's account must be in the document's or the base currency.")
    if element.get("BankAmount") is not None and account["CurrencyCode"] == base:
        bank = money(element["BankAmount"])
        if bank <= 0:
            raise Refused("The BankAmount must be greater than zero.")
        return rounded(amount / bank, 6), int(bank * 100)
    _, rate = rules.currency(book, {"CurrencyCode": currency, "CurrencyRate": element.get("CurrencyRate")})
    return rate, base_cents(amount, rate)


def _post(book: Book, payment: Record, document: Record, account: Element, bank_cents: int, carried: int) -> None:
    sign = side(document.body)
    post(
        book,
        source_type=payment.body["PaymentType"],
        source_id=payment.id,
        day=read_day(payment.body["Date"]),
        reference=payment.body["Reference"],
        postings=[
            Posting(account["AccountID"], sign * bank_cents),
            Posting(control_account(book, document.body), -sign * carried),
            Posting(system_account(book, "REALISEDCURRENCYGAIN"), sign * (carried - bank_cents)),
        ],
    )


def _reference(document: Record) -> Element:
    """How a payment shows what it pays: refunds of credit notes show it as Invoice too (OAS, getPayments example)."""
    shown = shown_invoice(document)
    if kind_of(document) is INVOICE:
        return {"Invoice": shown}
    credit_note = {"CreditNoteID": document.id, "CreditNoteNumber": shown["InvoiceNumber"], "Type": shown["Type"]}
    return {"Invoice": shown, "CreditNote": credit_note}


def _delete(book: Book, element: Element) -> Record:
    payment = book.find("Payments", str(element["PaymentID"]))
    if payment is None:
        raise Refused("Payment could not be found")
    if element.get("Status") != "DELETED":
        raise Refused("Payments can't be changed, only deleted: the Status must be DELETED.")
    if payment.body["Status"] == "DELETED":
        raise Refused("Payment has already been deleted")
    if payment.body["IsReconciled"]:
        raise Refused("This payment cannot be deleted, because it is reconciled with a bank statement line.")
    rules.open_day(book, read_day(payment.body["Date"]))
    resource = "CreditNotes" if "CreditNote" in payment.body else "Invoices"
    document = book.find(resource, payment.body["Invoice"]["InvoiceID"])
    if document is None:
        raise Refused("Invoice could not be found")
    reverse(book, payment.id)
    payment.body["Status"] = "DELETED"
    book.save(payment)
    reopen(book, document, payment.id, where="Payments", id_field="PaymentID")
    return payment
