"""
What becomes of a purchase order, computed from the accounting rules alone (accounting-rules.md rule 33).

Nothing of the product is imported: where this and the ledgers differ, one of them is wrong. A number that GP can't hold
is told by its beginning alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

__all__ = ["LONGEST", "expect_order"]

CENT, NOTHING = Decimal("0.01"), Decimal(0)
LONGEST, BEGINNING = 17, 8
Json = dict[str, Any]


def expect_order(case: Json, company: Json) -> Json:
    """Outcome, and figures of the order in both ledgers: GP's in base currency and (``OR…``) the order's."""
    order = case["order"]
    if order.get("status", "AUTHORISED") != "AUTHORISED":
        return {"outcome": "none"}
    account_of = {each["xero"]: each["gp"] for each in company["accounts"] if each.get("xero")}
    inventory = next(each["gp"] for each in company["accounts"] if each["role"] == "inventory")
    items = {each["sku"] for each in company["items"]}
    subtotal, taxes, lines = NOTHING, defaultdict(lambda: NOTHING), []
    for line in order["lines"]:
        net, of_details = _amounts(line, order, company)
        quantity, unit = _as_gp_has_it(Decimal(line["quantity"]), net)
        is_item = line.get("sku") in items
        subtotal += net
        for detail, amount in of_details.items():
            taxes[detail] += amount
        lines.append(
            {
                "ITEMNMBR": line.get("sku", line["text"]).upper(),
                "NONINVEN": 0 if is_item else 1,
                "QTYORDER": _text(quantity),
                "ORUNTCST": _text(unit),
                "OREXTCST": _text(net),
                "ACTNUMST": inventory if is_item else account_of[line["account"]],
            }
        )
    tax = sum(taxes.values(), NOTHING)
    number = order["number"]
    return {
        "outcome": "delivered",
        "xero": {"SubTotal": _text(subtotal), "TotalTax": _text(tax), "Total": _text(subtotal + tax)},
        "gp": {
            "PONUMBER": number if len(number) <= LONGEST else f"{number[:BEGINNING]}~",
            "SUBTOTAL": _text(_base(subtotal, order)),
            "TAXAMNT": _text(_base(tax, order)),
            "ORSUBTOT": _text(subtotal),
            "ORTAXAMT": _text(tax),
            "taxes": {detail: _text(amount) for detail, amount in sorted(taxes.items()) if amount},
            "lines": lines,
        },
    }


def _amounts(line: Json, order: Json, company: Json) -> tuple[Decimal, dict[str, Decimal]]:
    """The net of a line, and its tax by detail: shares of the details' rates, the last takes what is left."""
    full = Decimal(line["quantity"]) * Decimal(line["unit"])
    amount = _cents(full - full * Decimal(line.get("discount", 0)) / 100)
    rates = {each["detail"]: Decimal(each["rate"]) for each in company["tax_details"]}
    details = {each["tax_type"]: each["details"] for each in company["xero_tax_rates"]}.get(line["tax_type"], [])
    if order["amounts"] == "none" or not details:
        return amount, {}
    rate = sum((rates[name] for name in details), NOTHING)
    tax = _cents(amount - amount / (1 + rate)) if order["amounts"] == "inclusive" else _cents(amount * rate)
    shares, left = {}, tax
    for place, name in enumerate(details, 1):
        shares[name] = left if place == len(details) else _cents(tax * rates[name] / rate)
        left -= shares[name]
    return amount - tax if order["amounts"] == "inclusive" else amount, shares


def _as_gp_has_it(quantity: Decimal, net: Decimal) -> tuple[Decimal, Decimal]:
    """Pieces and the cost of one, in cents; one piece of all of it where these don't multiply to the net."""
    unit = _cents(net / quantity)
    return (quantity, unit) if _cents(quantity * unit) == net else (Decimal(1), net)


def _base(amount: Decimal, priced: Mapping[str, Any]) -> Decimal:
    return _cents(amount / Decimal(priced.get("per_base", 1)))


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _text(amount: Decimal) -> str:
    return f"{amount:.2f}"
