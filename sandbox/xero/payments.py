"""Payments of invoices and credit notes, and allocations of credit notes: they settle documents in the ledger."""

from __future__ import annotations

from decimal import Decimal

from sandbox.xero import rules
from sandbox.xero.documents import CREDIT_NOTE, INVOICE, control_account, kind_of, refresh_status, settle, side
from sandbox.xero.errors import Refused
from sandbox.xero.ledger import Posting, base_cents, post, reverse, system_account
from sandbox.xero.models import Book, Record
from sandbox.xero.wire import Element, day_on_wire, money, new_id, read_day, read_decimal, rounded

__all__ = ["allocate", "remove_allocation", "save_payment"]

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
    document = _document(book, element)
    amount = _amount(element, document, "Payment amount exceeds the amount outstanding on this document")
    account = rules.payment_account(book, element)
    day = rules.open_day(book, read_day(element["Date"]) if element.get("Date") else book.now.date())
    texts = rules.checked_texts(element, {"Reference": 255})
    rate, bank_cents = _settlement(book, element, document, account, amount)
    carried = settle(book, document, amount, counter="AmountPaid")
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
            "Account": {name: account[name] for name in ("AccountID", "Code", "Name")},
            **_reference(document),
        },
    )
    _post(book, payment, document, account, bank_cents, carried)
    shown = ("PaymentID", "Date", "Amount", "Reference", "CurrencyRate", "HasAccount", "HasValidationErrors")
    document.body["Payments"].append({name: payment.body[name] for name in shown})
    refresh_status(book, document)
    return payment


def allocate(book: Book, credit_note: Record, element: Element) -> Element:
    """
    Settle part of an invoice with a credit note; the allocation as Xero answers it.

    :raises Refused: either of them has less open, or they aren't of one contact, side and currency.
    """
    invoice = _document(book, element)
    if invoice.resource != "Invoices":
        raise Refused("Invoice could not be found")
    same = all(invoice.body[name] == credit_note.body[name] for name in ("CurrencyCode",)) and (
        invoice.body["Contact"]["ContactID"] == credit_note.body["Contact"]["ContactID"]
        and credit_note.body["Type"] == f"{invoice.body['Type']}CREDIT"
    )
    if not same:
        raise Refused("The credit note and the invoice must be of the same contact, kind and currency.")
    if credit_note.body["Status"] != "AUTHORISED":
        raise Refused("Credit Note not of valid status for allocation")
    amount = _amount(element, invoice, "Amount exceeds the amount outstanding on this invoice")
    _amount(element, credit_note, "Amount exceeds the remaining credit on this credit note")
    day = rules.open_day(book, read_day(element["Date"]) if element.get("Date") else book.now.date())
    allocation_id = new_id()
    invoice_cents = settle(book, invoice, amount, counter="AmountCredited")
    credit_cents = settle(book, credit_note, amount, counter="")
    control, sign = control_account(book, invoice.body), side(invoice.body)
    post(
        book,
        source_type=credit_note.body["Type"],
        source_id=allocation_id,
        day=day,
        reference=str(credit_note.body["CreditNoteNumber"]),
        postings=[
            Posting(control, -sign * invoice_cents),
            Posting(control, sign * credit_cents),
            Posting(system_account(book, "REALISEDCURRENCYGAIN"), sign * (invoice_cents - credit_cents)),
        ],
    )
    return _record_allocation(book, allocation_id, invoice, credit_note, amount, day_on_wire(day))


def remove_allocation(book: Book, credit_note: Record, allocation_id: str) -> Element:
    """
    Open invoice and credit note again.

    :raises Refused: the credit note has no such allocation.
    """
    allocations = credit_note.body["Allocations"]
    for allocation in allocations:
        if allocation["AllocationID"] == allocation_id:
            break
    else:
        raise Refused("Allocation could not be found")
    invoice = book.find("Invoices", allocation["Invoice"]["InvoiceID"])
    if invoice is None:
        raise Refused("Invoice could not be found")
    rules.open_day(book, read_day(allocation["Date"]))
    reverse(book, allocation_id)
    allocations.remove(allocation)
    invoice.body["CreditNotes"] = [
        part for part in invoice.body["CreditNotes"] if part["AllocationID"] != allocation_id
    ]
    for document, counter in ((invoice, "AmountCredited"), (credit_note, "")):
        _reopen(document, allocation["Amount"], counter)
        refresh_status(book, document)
    return {
        "AllocationID": allocation_id,
        "Amount": allocation["Amount"],
        "Date": allocation["Date"],
        "Invoice": allocation["Invoice"],
        "IsDeleted": True,
    }


def _document(book: Book, element: Element) -> Record:
    """The invoice or credit note an element names by id or number."""
    for kind, field in ((INVOICE, "Invoice"), (CREDIT_NOTE, "CreditNote")):
        reference = element.get(field) or {}
        number = reference.get(kind.number_field) or element.get(kind.number_field)
        document = None
        if reference.get(kind.id_field):
            document = book.find(kind.resource, str(reference[kind.id_field]))
        elif number:
            document = book.numbered(kind.resource, str(number))
        elif not reference:
            continue
        if document is None:
            raise Refused(f"{kind.word} could not be found")
        return document
    raise Refused("Payment must be associated with an Invoice or Credit Note")


def _amount(element: Element, document: Record, too_much: str) -> Decimal:
    amount = money(element.get("Amount"))
    if amount <= 0:
        raise Refused("The Amount must be greater than zero.")
    if document.body["Status"] not in {"AUTHORISED", "PAID"}:
        raise Refused("Payments can only be made against Authorised documents")
    if amount > document.body[kind_of(document).open_field]:
        raise Refused(too_much)
    return amount


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
    body, kind = document.body, kind_of(document)
    shown = {
        "Type": body["Type"],
        "InvoiceID": document.id,
        "InvoiceNumber": body.get(kind.number_field, ""),
        "Contact": body["Contact"],
        "CurrencyCode": body["CurrencyCode"],
        "Payments": [],
        "CreditNotes": [],
        "Prepayments": [],
        "Overpayments": [],
        "LineItems": [],
        "HasErrors": False,
        "IsDiscounted": False,
    }
    if kind is INVOICE:
        return {"Invoice": shown}
    credit_note = {"CreditNoteID": document.id, "CreditNoteNumber": shown["InvoiceNumber"], "Type": body["Type"]}
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
    document.body["Payments"] = [part for part in document.body["Payments"] if part["PaymentID"] != payment.id]
    _reopen(document, payment.body["Amount"], "AmountPaid")
    refresh_status(book, document)
    return payment


def _reopen(document: Record, amount: Decimal, counter: str) -> None:
    kind, body = kind_of(document), document.body
    body[kind.open_field] += amount
    if kind is INVOICE:
        body[counter] -= amount
    settled = read_decimal(body["Total"]) - body[kind.open_field]
    document.open_base = base_cents(body["Total"], body["CurrencyRate"]) - base_cents(settled, body["CurrencyRate"])


def _record_allocation(
    book: Book, allocation_id: str, invoice: Record, credit_note: Record, amount: Decimal, date: str
) -> Element:
    shown_invoice = {
        "InvoiceID": invoice.id,
        "InvoiceNumber": invoice.body.get("InvoiceNumber", ""),
        "Payments": [],
        "CreditNotes": [],
        "Prepayments": [],
        "Overpayments": [],
        "LineItems": [],
        "HasErrors": False,
        "IsDiscounted": False,
    }
    shown_credit = {"CreditNoteID": credit_note.id, "CreditNoteNumber": credit_note.body["CreditNoteNumber"]}
    allocation = {"AllocationID": allocation_id, "Amount": amount, "Date": date, "Invoice": shown_invoice}
    credit_note.body["Allocations"].append(allocation)
    invoice.body["CreditNotes"].append(
        shown_credit
        | {"AllocationID": allocation_id, "AppliedAmount": amount, "Date": date, "Total": credit_note.body["Total"]}
    )
    refresh_status(book, invoice)
    refresh_status(book, credit_note)
    return allocation | {"CreditNote": shown_credit | {"LineItems": []}}
