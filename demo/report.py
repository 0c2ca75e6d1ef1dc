"""The tables at the end of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Engine, select

from demo.books import KEPT_BY_GP_ALONE, roles_that_differ
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from sandbox.player import OrderFile

__all__ = ["print_report"]

LEGS = {
    "customer": ("2", "customers in GP"),
    "order": ("2", "sales orders in GP"),
    "magento_customer": ("2", "customers of Magento in GP"),
    "magento_order": ("2", "sales orders of Magento in GP"),
    "exchange_order": ("2", "orders of exchanges in GP"),
    "goods_back": ("3", "returns in GP"),
    "goodwill": ("3", "goodwill credits in GP"),
    "magento_goods_back": ("3", "returns of Magento in GP"),
    "magento_goodwill": ("3", "goodwill credits of Magento in GP"),
    "contact": ("4", "contacts in Xero"),
    "magento_contact": ("4", "contacts of Magento in Xero"),
    "invoice": ("4", "invoices in Xero"),
    "credit_note": ("4", "credit notes for returns in Xero"),
    "goodwill_note": ("4", "credit notes for goodwill in Xero"),
    "cash_rounding_credit": ("4", "cash rounded down, in GP"),
    "cash_rounding_debit": ("4", "cash rounded up, in GP"),
    "cancellation_fee": ("4", "cancellation fees in GP"),
    "fee_kept": ("4", "fees kept of refunds, in GP"),
    "magento_fee_kept": ("4", "fees kept of refunds of Magento, in GP"),
    "payment": ("5", "payments in Xero"),
    "shop_payment": ("5", "gift cards and store credit spent, in Xero"),
    "shopify_payments_charge": ("5", "payments by Shopify Payments in Xero"),
    "paypal_charge": ("5", "payments by PayPal in Xero"),
    "refund": ("5", "refunds in Xero"),
    "shop_refund": ("5", "store credit given, in Xero"),
    "receipt": ("6", "cash receipts in GP"),
    "application": ("6", "receipts applied in GP"),
    "refund_memo": ("6", "refunds in GP"),
    "refund_application": ("6", "credits applied in GP"),
    "exchange_gp": ("6", "exchange differences in GP"),
    "exchange_xero": ("6", "exchange differences in Xero"),
    "realised_gain": ("6", "exchange gains in GP"),
    "fee_gp": ("7", "fees in GP"),
    "fee_xero": ("7", "fees in Xero"),
    "payout_gp": ("7", "payouts in GP"),
    "payout_xero": ("7", "payouts in Xero"),
    "topup_gp": ("7", "top-ups of Stripe in GP"),
    "topup_xero": ("7", "top-ups of Stripe in Xero"),
    "share_gp": ("7", "other companies' parts of payouts, in GP"),
    "share_xero": ("7", "other companies' parts of payouts, in Xero"),
    "shopify_payments_fee_gp": ("7", "fees of Shopify Payments in GP"),
    "shopify_payments_fee_xero": ("7", "fees of Shopify Payments in Xero"),
    "shopify_payments_payout_gp": ("7", "payouts of Shopify Payments in GP"),
    "shopify_payments_payout_xero": ("7", "payouts of Shopify Payments in Xero"),
    "paypal_fee_gp": ("7", "fees of PayPal in GP"),
    "paypal_fee_xero": ("7", "fees of PayPal in Xero"),
    "paypal_payout_gp": ("7", "withdrawals from PayPal in GP"),
    "paypal_payout_xero": ("7", "withdrawals from PayPal in Xero"),
    "payout_back_gp": ("7", "payouts taken back in GP"),
    "payout_back_xero": ("7", "payouts taken back in Xero"),
}
"""The step of the process a leg of the flow belongs to, and what it sends; another leg shows under its own name."""


@dataclass(frozen=True)
class Row:
    """One line of the table: how many documents, worth how much in the base currency (None: no money)."""

    step: str
    what: str
    count: int
    money: Decimal | None


def print_report(
    console: Console,
    file: OrderFile,
    result: Mapping[str, Any],
    state: Engine,
    verdict: Mapping[str, Any] | None,
) -> None:
    """Documents and money per step, the rejected and why, the books side by side, the reconciliation's verdict."""
    currency = file["company"]["base_currency"]
    steps = Table("step", "documents", "count", f"{currency}", title="What happened")
    for column in steps.columns[2:]:
        column.justify = "right"
    for row in sorted(_rows(file, result, state), key=lambda row: row.step):
        steps.add_row(row.step, row.what, str(row.count), "" if row.money is None else f"{row.money:,.2f}")
    console.print(steps)
    _print_rejected(console, result)
    _print_books(console, result, currency)
    _print_verdict(console, verdict)


def _rows(file: OrderFile, result: Mapping[str, Any], state: Engine) -> Iterator[Row]:
    orders = {case["order"]["name"]: case["order"] for case in file["cases"]}
    rates = {name: Decimal(order["rate"]) for name, order in orders.items()}
    placed = sum((Decimal(order["total"]) * rates[name] for name, order in orders.items()), Decimal())
    yield Row("1", "orders placed in the shop", len(orders), placed)
    invoices = [(name, i) for name, order in result["orders"].items() for i in order["gp_invoices"]]
    invoiced = sum((Decimal(invoice["DOCAMNT"]) * rates[name] for name, invoice in invoices), Decimal())
    yield Row("3", "invoices posted in GP", len(invoices), invoiced)
    for leg, (count, money) in sorted(_delivered(state).items(), key=lambda item: _place(item[0])):
        step, what = LEGS.get(leg, ("-", leg))
        yield Row(step, what, count, money)


def _delivered(state: Engine) -> dict[str, tuple[int, Decimal | None]]:
    query = select(Delivery.leg, Delivery.canonical).where(Delivery.state == "delivered")
    with transaction(state) as session:
        rows = session.execute(query).all()
    counts: dict[str, int] = defaultdict(int)
    sums: dict[str, Decimal | None] = {}
    for leg, canonical in rows:
        counts[leg] += 1
        amount = canonical.get("total") or canonical.get("amount")
        if amount is not None:
            base = Decimal(amount) * Decimal(canonical.get("rate") or 1)
            sums[leg] = (sums.get(leg) or Decimal()) + base
    return {leg: (count, sums.get(leg)) for leg, count in counts.items()}


def _place(leg: str) -> int:
    return list(LEGS).index(leg) if leg in LEGS else len(LEGS)


def _print_rejected(console: Console, result: Mapping[str, Any]) -> None:
    letters = [(name, letter) for name, order in result["orders"].items() for letter in order["dead_letters"]]
    if not letters:
        console.print("Nothing was rejected.")
        return
    table = Table("order", "field", "value", "why", "remedy", title="Rejected")
    for name, letter in letters:
        why = f"{letter['code']} {letter['message']}"
        table.add_row(name, *(escape(cell or "") for cell in (letter["field"], letter["value"], why, letter["remedy"])))
    console.print(table)


def _print_books(console: Console, result: Mapping[str, Any], currency: str) -> None:
    gp, xero = result["books"]["gp"], result["books"]["xero"]
    differing = roles_that_differ(result)
    table = Table("role", "GP", "Xero", "", title=f"The books ({currency}, debit positive)")
    table.columns[1].justify = table.columns[2].justify = "right"
    for role in gp:
        if role in KEPT_BY_GP_ALONE:
            table.add_row(role, gp[role], "", "[dim]kept by GP alone")
        else:
            mark = "[red]differs" if role in differing else "[green]same"
            table.add_row(role, gp[role], xero.get(role, "0.00"), mark)
    console.print(table)


def _print_verdict(console: Console, verdict: Mapping[str, Any] | None) -> None:
    if verdict is None:
        console.print("[red]Reconciliation: it did not run to its end.")
        return
    explained = [d for d in verdict["differences"] if d["explained"]]
    unexplained = [d for d in verdict["differences"] if not d["explained"]]
    said = "[green]the books agree, to the cent" if verdict["agree"] else "[red]the books do not agree"
    console.print(f"Reconciliation: {said}[/]; {len(explained)} differences explained, {len(unexplained)} not.")
    for difference in [*unexplained, *explained]:
        colour = "dim" if difference["explained"] else "red"
        reason = difference["reason"] if difference["explained"] else difference["remedy"]
        line = f"  {difference['type']}: {difference['role']} {difference['value']}: {reason}"
        console.print(line, style=colour, highlight=False, markup=False)
