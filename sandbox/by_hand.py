"""
What people do now and then, each a command of ``sandbox``: the shop's clerk cancels and refunds, the gateway pays out,
the bookkeeper enters a bill, payment or entry, applies payments, voids a document, closes a period, edits masters.
"""

from __future__ import annotations

import argparse
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import quote

from sandbox.player import Player

__all__ = ["add_commands", "apply_payments"]

Add = Callable[[str, Any, str], argparse.ArgumentParser]
CENT = Decimal("0.01")
PAYMENT = 6
"""DOCTYPE of GP's payments of vendors."""
_STREET = ("AddressLine1", "AddressLine2", "City", "Region", "PostalCode", "Country")
"""Fields of a contact's street address; those that are typed replace it whole, as in Xero's API."""


def add_commands(add: Add) -> None:
    """
    Add the commands.

    :param add: makes one of a name, what it runs and what it is about.
    """
    cancel = add("cancel", _cancel, "cancel an order in the shop; its money is given back by `refund`")
    cancel.add_argument("order", help="the shop's order name, for example '#1001'")

    refund = add("refund", _refund, "give money back, for returned lines or as goodwill")
    refund.add_argument("order")
    refund.add_argument("amount", nargs="?", type=Decimal, help="default: what the returned lines cost")
    refund.add_argument("--line", action="append", metavar="SKU=QUANTITY", help="what came back (may be repeated)")

    payout = add("payout", _payout, "let the gateway pay out what has settled since its last payout")
    payout.add_argument("--arrives", help="YYYY-MM-DD (default: two days after the business day)")

    pay = add("enter-payment", _enter_payment, "enter a payment of an invoice in Xero, as a bookkeeper does by hand")
    pay.add_argument("number", help="of the invoice or credit note")
    pay.add_argument("amount", type=Decimal)
    pay.add_argument("--account", default="090", help="code of the bank account (default: %(default)s)")
    pay.add_argument("--on", help="YYYY-MM-DD (default: the business day)")
    pay.add_argument("--reference", default="")

    bill = add("enter-bill", _enter_bill, "enter a supplier's bill of one line in Xero and approve it")
    bill.add_argument("supplier", help="name of the contact; one that nobody has makes one")
    bill.add_argument("number", help="the supplier's own number of it")
    bill.add_argument("amount", type=Decimal, help="without tax")
    bill.add_argument("--account", default="310", help="code of what it is for (default: %(default)s)")
    bill.add_argument("--tax-type", default="NONE", help="of the line (default: %(default)s)")
    bill.add_argument("--on", help="YYYY-MM-DD (default: the business day)")

    add(
        "apply-payments",
        lambda player, _: f"{apply_payments(player)} payments applied",
        "set GP's posted payments of vendors against the vouchers that their descriptions name",
    )

    entry = add("enter-entry", _enter_entry, "key an entry of two lines in GP's general ledger, to be posted")
    entry.add_argument("debit", help="ACTNUMST of the account")
    entry.add_argument("credit", help="ACTNUMST of the account")
    entry.add_argument("amount", type=Decimal)
    entry.add_argument("--reference", default="By hand")
    entry.add_argument("--on", help="YYYY-MM-DD (default: the business day)")
    entry.add_argument("--reverses-on", help="YYYY-MM-DD: GP posts the opposite on that day too")

    journal = add("enter-journal", _enter_journal, "key a manual journal of two lines in Xero and post it")
    journal.add_argument("debit", help="code of the account")
    journal.add_argument("credit", help="code of the account")
    journal.add_argument("amount", type=Decimal)
    journal.add_argument("--narration", default="By hand")
    journal.add_argument("--on", help="YYYY-MM-DD (default: the business day)")

    back_out = add("back-out", _back_out, "key the entry that takes a posted one of GP's general ledger back")
    back_out.add_argument("number", type=int, help="JRNENTRY of the entry")

    void = add("void", _void, "void an invoice or credit note in Xero")
    void.add_argument("number")

    period = add("period", _period, "close or open a month in the ledgers")
    period.add_argument("change", choices=("close", "open"))
    period.add_argument("month", help="YYYY-MM")
    period.add_argument("--ledger", choices=("gp", "xero"), action="append", help="default: both (may be repeated)")

    edited_in_gp = []
    for kind, number in (("customer", "CUSTNMBR"), ("vendor", "VENDORID"), ("item", "ITEMNMBR")):
        master = add(f"edit-{kind}", _edit_in_gp(kind, number), f"make or edit a {kind} in GP, also to inactivate it")
        master.add_argument("number", help=f"{number}; one that nobody has makes a {kind}")
        edited_in_gp.append(master)
    contact = add("edit-contact", _edit_contact, "make or edit a contact in Xero, also to archive it")
    contact.add_argument("contact", help="its id, number or name; a name that nobody has makes a contact")
    for edited in (*edited_in_gp, contact):
        edited.add_argument("changes", nargs="+", metavar="FIELD=VALUE", help="CUSTNAME=Anna, INACTIVE=1; City=Bonn")

    add("batches", lambda player, _: player.open_batches(), "show GP's batches that wait to be posted")


def _cancel(player: Player, options: argparse.Namespace) -> object:
    player.call("POST", "shopify", _order(options.order, "cancel"), {"do": "cancel", "at": player.clock()["shopify"]})
    return f"{options.order} is cancelled; give its money back with `sandbox refund '{options.order}' AMOUNT`."


def _refund(player: Player, options: argparse.Namespace) -> object:
    order = player.call("GET", "shopify", _order(options.order))["order"]
    lines = [_returned(order, *line.rpartition("=")[::2]) for line in options.line or []]
    worth = sum((Decimal(line["net"]) + _tax(line) for line in lines), Decimal(0))
    amount = options.amount if options.amount is not None else worth
    if not amount:
        raise ValueError(f"Refund of {options.order}: nothing to give back. Name an amount or a --line.")
    now = player.clock()["shopify"]
    identity = f"re_{options.order.strip('#')}_{now.translate(str.maketrans('', '', '-:'))}"
    event = {"do": "refund", "id": identity, "at": now, "amount": f"{amount:.2f}"} | ({"lines": lines} if lines else {})
    player.call("POST", "stripe", "/_sandbox/refunds", {"event": event, "order": order})
    player.call("POST", "shopify", _order(options.order, "refund"), event)
    return f"{amount:.2f} of {options.order} went back as {identity}."


def _payout(player: Player, options: argparse.Namespace) -> object:
    today = date.fromisoformat(player.clock()["stripe"][:10])
    arrives = options.arrives or (today + timedelta(days=2)).isoformat()
    payout = {"id": f"po_{today:%Y%m%d}_{arrives.replace('-', '')}", "arrives": arrives}
    paid = player.call("POST", "stripe", "/_sandbox/payouts", payout)
    return f"Payout {paid['id']} of {Decimal(paid['amount']) * CENT:.2f} arrives on {arrives}."


def _enter_payment(player: Player, options: argparse.Namespace) -> object:
    payment = {"number": options.number, "amount": str(options.amount), "account": options.account}
    payment |= {"on": options.on, "reference": options.reference}
    player.call("POST", "xero", "/_sandbox/payments", payment)
    return f"{options.amount} is entered for {options.number} in account {options.account}."


def _enter_bill(player: Player, options: argparse.Namespace) -> object:
    line = {"Description": "By hand", "Quantity": 1, "UnitAmount": str(options.amount)}
    line |= {"AccountCode": options.account, "TaxType": options.tax_type}
    day = options.on or player.clock()["xero"][:10]
    typed = {"Type": "ACCPAY", "Status": "AUTHORISED", "Contact": {"Name": options.supplier}, "Date": day}
    typed |= {"DueDate": day, "InvoiceNumber": options.number, "LineItems": [line]}
    player.call("POST", "xero", "/_sandbox/documents", typed)
    return f"Bill {options.number} of {options.supplier} is approved in Xero."


def _enter_entry(player: Player, options: argparse.Namespace) -> object:
    amount = str(options.amount)
    entry = {
        "reference": options.reference,
        "date": options.on or player.clock()["gp"][:10],
        "lines": [{"account": options.debit, "debit": amount}, {"account": options.credit, "credit": amount}],
        "reverses_on": options.reverses_on,
    }
    keyed = player.call("POST", "gp", "/_sandbox/general-entries", entry)
    return f"Entry {keyed['journal_entry']} is in the batch GENERAL: post it."


def _enter_journal(player: Player, options: argparse.Namespace) -> object:
    sides = ((options.debit, options.amount), (options.credit, -options.amount))
    typed = {
        "Narration": options.narration,
        "Date": options.on or player.clock()["xero"][:10],
        "Status": "POSTED",
        "JournalLines": [{"AccountCode": account, "LineAmount": str(amount)} for account, amount in sides],
    }
    player.call("POST", "xero", "/_sandbox/journals", typed)
    return f"Journal {options.narration} is posted in Xero."


def _back_out(player: Player, options: argparse.Namespace) -> object:
    keyed = player.call("POST", "gp", "/_sandbox/back-out", {"journal_entry": options.number})
    return f"Entry {keyed['journal_entry']} takes {options.number} back, in the batch BACKOUT: post it."


def apply_payments(player: Player) -> int:
    """The bookkeeper's afternoon in Apply Payables Documents: each payment to the bill it says it is for; how many."""
    payables = player.ledger("gp")["payables"]
    vouchers = {(each["VENDORID"], each["DOCNUMBR"]): each for each in payables if each["state"] == "open"}
    applied = 0
    for each in payables:
        voucher = vouchers.get((each["VENDORID"], each["TRXDSCRN"]))
        if (each["DOCTYPE"], each["state"]) == (PAYMENT, "open") and voucher is not None:
            pair = {"document": each["number"], "voucher": voucher["number"], "date": each["DOCDATE"]}
            player.call("POST", "gp", "/_sandbox/apply-payables", pair)
            applied += 1
    return applied


def _void(player: Player, options: argparse.Namespace) -> object:
    player.call("POST", "xero", "/_sandbox/void", {"number": options.number})
    return f"{options.number} is void in Xero."


def _edit_in_gp(kind: str, number: str) -> Callable[[Player, argparse.Namespace], object]:
    """What edits a master of this kind at GP's window; ``number`` is its key."""

    def edit(player: Player, options: argparse.Namespace) -> object:
        saved = player.call("PUT", "gp", f"/_sandbox/{kind}s/{quote(options.number, safe='')}", _changes(options))
        return f"The {kind} {saved[number]} is saved in GP."

    return edit


def _edit_contact(player: Player, options: argparse.Namespace) -> object:
    changes = _changes(options)
    street = {name: changes.pop(name) for name in _STREET if name in changes}
    if street:
        changes["Addresses"] = [{"AddressType": "STREET", **street}]
    saved = player.call("PUT", "xero", f"/_sandbox/contacts/{quote(options.contact, safe='')}", changes)
    return f"{saved['Name']} is saved in Xero, {saved['ContactStatus']}."


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    """
    The fields to change, as they were typed.

    :raises ValueError: one is not written as FIELD=VALUE.
    """
    pairs = [each.partition("=")[::2] for each in options.changes if "=" in each]
    if len(pairs) < len(options.changes):
        raise ValueError(f"{' '.join(options.changes)}: write FIELD=VALUE, FIELD= to clear it.")
    return dict(pairs)


def _period(player: Player, options: argparse.Namespace) -> object:
    first = date.fromisoformat(f"{options.month}-01")
    last = first.replace(day=monthrange(first.year, first.month)[1])
    closed = options.change == "close"
    ledgers = options.ledger or ["gp", "xero"]
    if "gp" in ledgers:
        player.call("PUT", "gp", "/_sandbox/periods", {"year": first.year, "period": first.month, "closed": closed})
    if "xero" in ledgers:
        # Xero has one date up to which all is locked: what is opened keeps the months before it locked
        lock = last if closed else first - timedelta(days=1)
        player.call("PUT", "xero", "/_sandbox/organisation", {"PeriodLockDate": lock.isoformat()})
    return f"{options.month} is {'closed' if closed else 'open'} in {' and '.join(ledgers)}."


def _order(name: str, verb: str = "") -> str:
    return f"/_sandbox/orders/{quote(name, safe='')}" + (f"/{verb}" if verb else "")


def _returned(order: dict[str, Any], sku: str, quantity: str) -> dict[str, Any]:
    """The first line of this item, as much of it as comes back, by its share of net and tax."""
    line = next((line for line in order["lines"] if line["sku"] == sku), None)
    if line is None or not quantity.isdigit():
        raise ValueError(
            f"Order {order['name']}: no line {sku}={quantity}. Write --line SKU=QUANTITY as it was ordered."
        )
    share = Decimal(quantity) / Decimal(line["quantity"])
    taxes = [{**tax, "amount": str(_cents(Decimal(tax["amount"]) * share))} for tax in line["tax"]]
    value = _cents((Decimal(line["unit_price"]) * line["quantity"] - Decimal(line["discount"])) * share)
    net = value - (_tax({"tax": taxes}) if order["taxes_included"] else Decimal(0))
    return {"sku": sku, "quantity": int(quantity), "net": str(net), "tax": taxes}


def _tax(line: dict[str, Any]) -> Decimal:
    return sum((Decimal(tax["amount"]) for tax in line["tax"]), Decimal(0))


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
