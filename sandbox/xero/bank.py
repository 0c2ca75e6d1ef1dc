"""Bank transactions (spend and receive money) and transfers between bank accounts."""

from __future__ import annotations

from decimal import Decimal

from sandbox.xero import rules
from sandbox.xero.contacts import contact_of, contact_summary
from sandbox.xero.errors import Refused
from sandbox.xero.ledger import Posting, base_cents, post, reverse, system_account
from sandbox.xero.lines import LineRules, build_lines, line_postings, totals
from sandbox.xero.models import Book, Record
from sandbox.xero.wire import Element, day_on_wire, money, new_id, read_day

__all__ = ["save_bank_transaction", "save_bank_transfer"]

_SIGNS = {"RECEIVE": 1, "SPEND": -1}


def save_bank_transaction(book: Book, element: Element, *, create: bool, unit_places: int) -> Record:
    """
    Spend or receive money, or change such a transaction by its id; Status DELETED takes it back.

    :raises Refused: with Xero's messages, and nothing is changed.
    """
    transaction = None if create else _existing(book, element)
    body: Element = transaction.body if transaction else _blank(element)
    if transaction:
        if body["Status"] != "AUTHORISED":
            raise Refused("Bank transaction not of valid status for modification")
        rules.open_day(book, read_day(body["Date"]))
        if element.get("Status") in {"DELETED", "VOIDED"}:
            return _withdraw(book, transaction)
    account = _fill(book, body, element, unit_places)
    if transaction is None:
        transaction = book.add("BankTransactions", "BankTransactionID", body)
    else:
        reverse(book, transaction.id)
        book.save(transaction)
    _post(book, transaction, account)
    return transaction


def save_bank_transfer(book: Book, element: Element) -> Record:
    """
    Move money from one bank account to another.

    :raises Refused: an account is missing or both are the same, or the amount is not positive.
    """
    source = rules.bank_account(book, element.get("FromBankAccount"))
    target = rules.bank_account(book, element.get("ToBankAccount"))
    amount = money(element.get("Amount"))
    if source["AccountID"] == target["AccountID"]:
        raise Refused("The From and To bank accounts must be different.")
    if source["CurrencyCode"] != book.base_currency() or target["CurrencyCode"] != book.base_currency():
        raise Refused("Transfers between bank accounts in other currencies are not supported.")
    if amount <= 0:
        raise Refused("The Amount must be greater than zero.")
    day = rules.open_day(book, read_day(element["Date"]) if element.get("Date") else book.now.date())
    transfer = book.add(
        "BankTransfers",
        "BankTransferID",
        {
            "Date": day_on_wire(day),
            "DateString": f"{day.isoformat()}T00:00:00",
            "Amount": amount,
            "CurrencyRate": Decimal("1.0000000000"),
            "FromBankTransactionID": new_id(),
            "ToBankTransactionID": new_id(),
            "FromIsReconciled": False,
            "ToIsReconciled": False,
            "Reference": rules.checked_texts(element, {"Reference": 255}).get("Reference", ""),
            "HasAttachments": False,
            "Status": "AUTHORISED",
            # without Code, unlike those of a bank transaction
            "FromBankAccount": _named(source),
            "ToBankAccount": _named(target),
        },
    )
    cents = int(amount * 100)
    post(
        book,
        source_type="TRANSFER",
        source_id=transfer.id,
        day=day,
        reference=transfer.body["Reference"],
        postings=[Posting(source["AccountID"], -cents), Posting(target["AccountID"], cents)],
    )
    return transfer


def _existing(book: Book, element: Element) -> Record | None:
    if not element.get("BankTransactionID"):
        return None
    transaction = book.find("BankTransactions", str(element["BankTransactionID"]))
    if transaction is None:
        raise Refused("Bank transaction could not be found")
    return transaction


def _blank(element: Element) -> Element:
    if element.get("Type") not in _SIGNS:
        raise Refused(f"The Type '{element.get('Type')}' is not one of {', '.join(_SIGNS)}.")
    return {
        "Type": element["Type"],
        "Reference": "",
        "Status": "AUTHORISED",
        "IsReconciled": bool(element.get("IsReconciled", False)),
        "HasAttachments": False,
        "LineItems": [],
    }


def _fill(book: Book, body: Element, element: Element, unit_places: int) -> Element:
    account = rules.bank_account(book, element.get("BankAccount") or body.get("BankAccount"))
    contact = contact_of(book, element.get("Contact") or body.get("Contact"))
    given = element.get("Date") or body.get("Date")
    day = rules.open_day(book, read_day(given) if given else book.now.date())
    asked = (
        {"CurrencyCode": account["CurrencyCode"]}
        | body
        | {name: element[name] for name in ("CurrencyCode", "CurrencyRate") if element.get(name)}
    )
    code, rate = rules.currency(book, asked)
    if code != account["CurrencyCode"]:
        raise Refused(f"The currency must be that of the bank account, {account['CurrencyCode']}.")
    amount_types = LineRules.amount_types_of(element.get("LineAmountTypes") or body.get("LineAmountTypes"))
    how = LineRules(amount_types, unit_places, final=True)
    lines = build_lines(book, element.get("LineItems") or body["LineItems"], how, body["LineItems"])
    body |= {
        "Contact": contact_summary(contact),
        "BankAccount": _shown(account),
        "Date": day_on_wire(day),
        "DateString": f"{day.isoformat()}T00:00:00",
        "CurrencyCode": code,
        "CurrencyRate": rate,
        "LineAmountTypes": amount_types,
        "LineItems": lines,
        **totals(lines, amount_types),
        **rules.checked_texts(element, {"Reference": 255, "Url": 2000}),
    }
    if body["Total"] <= 0:
        raise Refused("The total of a bank transaction must be greater than zero.")
    return account


def _withdraw(book: Book, transaction: Record) -> Record:
    if transaction.body["IsReconciled"]:
        raise Refused("This bank transaction cannot be deleted, because it is reconciled with a bank statement line.")
    reverse(book, transaction.id)
    transaction.body["Status"] = "DELETED"
    book.save(transaction)
    return transaction


def _post(book: Book, transaction: Record, account: Element) -> None:
    body = transaction.body
    sign = _SIGNS[body["Type"]]
    postings = [
        Posting(account["AccountID"], sign * base_cents(body["Total"], body["CurrencyRate"])),
        *line_postings(book, body, -sign, body["CurrencyRate"]),
    ]
    left = sum(posting.cents for posting in postings)
    postings.append(Posting(system_account(book, "ROUNDING"), -left, "Currency conversion rounding"))
    post(
        book,
        source_type="CASHREC" if sign > 0 else "CASHPAID",
        source_id=transaction.id,
        day=read_day(body["Date"]),
        reference=body["Reference"],
        postings=postings,
    )


def _named(account: Element) -> Element:
    return {name: account[name] for name in ("AccountID", "Name")}


def _shown(account: Element) -> Element:
    return {name: account[name] for name in ("AccountID", "Code", "Name")}
