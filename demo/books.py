"""
What a run left behind, read back from the two ledgers and the dead letters: never from what was sent.

The shape is that of the golden result file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, select

from ledgerbridge.state import transaction
from ledgerbridge.state.models import DeadLetter
from sandbox.player import OrderFile, Player

__all__ = ["LEDGERS", "read_result", "roles_that_differ"]

LEDGERS = ("gp", "xero")
KEPT_BY_GP_ALONE = {"inventory", "cost_of_goods_sold"}
GP_ORDER, GP_INVOICE = 2, 3
GP_FIGURES = {
    "SUBTOTAL": "ORSUBTOT",
    "FREIGHT": "ORFRTAMT",
    "TAXAMNT": "ORTAXAMT",
    "FRTTXAMT": "ORFRTTAX",
    "DOCAMNT": "ORDOCAMT",
}
"""eConnect's names of a document's amounts, and the columns that hold them in the document's currency."""
XERO_FIGURES = ("SubTotal", "TotalTax", "Total", "AmountDue")

Record = Mapping[str, Any]


def read_result(file: OrderFile, player: Player, state: Engine) -> dict[str, Any]:
    """
    Orders and books as the ledgers hold them; an order that is nowhere has the outcome ``missing``.

    Amounts of documents in their currency, balances by role in the base currency, debit positive.
    """
    ledgers = {system: player.ledger(system) for system in LEDGERS}
    gp_documents = _by(ledgers["gp"]["documents"], "CSTPONBR")
    invoices = _by(ledgers["xero"]["invoices"], "Reference")
    credits = _by(ledgers["xero"]["credit_notes"], "Reference")
    letters = _dead_letters(state)
    orders = {}
    for case in file["cases"]:
        name = case["order"]["name"]
        sales = [document for document in gp_documents[name] if "SOPTYPE" in document]
        gp_invoices = [_gp_invoice(d) for d in sales if int(d["SOPTYPE"]) == GP_INVOICE and not _is_void(d)]
        xero_invoices = [_xero_invoice(invoice) for invoice in invoices[name] if not _is_void(invoice)]
        orders[name] = {
            "outcome": _outcome(case["events"], sales, gp_invoices, xero_invoices, letters[name]),
            "credited": str(sum((Decimal(c["Total"]) for c in credits[name] if not _is_void(c)), Decimal("0.00"))),
            "gp_invoices": gp_invoices,
            "xero_invoices": xero_invoices,
            "dead_letters": letters[name],
        }
    books = {system: _by_role(file["company"], system, ledgers[system]["accounts"]) for system in LEDGERS}
    return {"orders": orders, "books": books}


def roles_that_differ(result: Mapping[str, Any]) -> list[str]:
    """The roles whose balance is not the same in both ledgers, apart from those GP alone keeps."""
    gp, xero = (result["books"][system] for system in LEDGERS)
    roles = sorted((gp.keys() | xero.keys()) - KEPT_BY_GP_ALONE)
    return [role for role in roles if Decimal(gp.get(role, "0")) != Decimal(xero.get(role, "0"))]


def _dead_letters(state: Engine) -> dict[str, list[dict[str, Any]]]:
    query = select(DeadLetter).where(DeadLetter.state == "open").order_by(DeadLetter.created_at)
    with transaction(state) as session:
        letters = session.scalars(query).all()
    by_order: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for letter in letters:
        shown = ("id", "leg", "code", "field", "value", "message", "remedy", "record_key")
        by_order[letter.label or ""].append({name: getattr(letter, name) for name in shown})
    return by_order


def _outcome(
    events: Sequence[Record], sales: Sequence[Record], gp_invoices: object, xero_invoices: object, letters: object
) -> str:
    orders = [document for document in sales if int(document["SOPTYPE"]) == GP_ORDER]
    if gp_invoices and xero_invoices:
        return "delivered"
    if orders and all(_is_void(order) for order in orders):
        return "cancelled"
    if letters:
        return "rejected"
    if not sales and any(event["do"] == "cancel" or event.get("lines") for event in events if event["do"] != "fulfil"):
        return "cancelled"  # before the flow had picked it up, or could
    return "ordered" if sales else "missing"


def _gp_invoice(document: Record) -> dict[str, Any]:
    figures = {name: document[column] for name, column in GP_FIGURES.items()}
    return {"number": document["number"], **figures, "XTNDPRCE": [line["OXTNDPRC"] for line in document["lines"]]}


def _xero_invoice(invoice: Record) -> dict[str, Any]:
    return {"number": invoice["number"], **{name: invoice[name] for name in XERO_FIGURES}}


def _is_void(document: Record) -> bool:
    """GP marks a void document by its state, Xero by its status."""
    return str(document.get("state") or document.get("Status", "")).upper() in {"VOID", "VOIDED", "DELETED"}


def _by_role(company: Mapping[str, Any], system: str, balances: Mapping[str, str]) -> dict[str, str]:
    accounts = {account["role"]: account[system] for account in company["accounts"] if account[system]}
    return {role: balances.get(account, "0.00") for role, account in accounts.items()}


def _by(records: list[dict[str, Any]], field: str) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        groups[record.get(field) or ""].append(record)
    return groups
