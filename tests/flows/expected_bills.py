"""
What a file of bills must leave in the books, computed from the accounting rules alone (accounting-rules.md §9).

Nothing of the product is imported: where this and the ledgers differ, one of them is wrong. Amounts of a bill are in
its currency, booked ones in the base currency, debit positive, half-up per document and account; the cent that may be
left is rounding's (§7). The last part paid of a bill takes what is left of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

__all__ = ["expect_bill", "expect_books"]

CENT = Decimal("0.01")
NOTHING = Decimal(0)
VOUCHER, CREDIT_MEMO = 1, 5
Json = dict[str, Any]


def expect_bill(case: Json, file: Json) -> Json:
    """What becomes of a case: outcome, figures of its document in both ledgers, of its payments, effects by role."""
    outcome = _outcome(case)
    if outcome != "delivered":
        return {"outcome": outcome}
    bill, paid = case["bill"], _Paid(case)
    net, tax = _amounts(bill, file)
    total = sum(net.values(), NOTHING) + tax
    effects = _booked(bill, net, tax, file)
    payments = []
    for event in (event for event in case["events"] if event["do"] == "pay"):
        amount = Decimal(event["amount"])
        left_the_bank = _base(amount, event)
        owed = paid.take(amount, total, bill)
        for role, value in (("bank", -left_the_bank), ("payables", owed), ("fx_gain_loss", left_the_bank - owed)):
            effects[role] += value
        payments.append({"DOCAMNT": _text(left_the_bank), "CURTRXAM": "0.00"})
    set_against = sum((Decimal(event["amount"]) for event in case["events"] if event["do"] == "set_against"), NOTHING)
    paid.take(set_against, total, bill)
    sign = -1 if case["kind"] == "credit" else 1
    return {
        "outcome": outcome,
        "gp": {
            "DOCTYPE": CREDIT_MEMO if case["kind"] == "credit" else VOUCHER,
            "PRCHAMNT": _text(_base(total - tax, bill)),
            "TAXAMNT": _text(_base(tax, bill)),
            "DOCAMNT": _text(_base(total, bill)),
            "CURTRXAM": _text(paid.open_base(total, bill)),
            "TEN99AMNT": _text(_base(total - tax, bill)) if bill.get("form_1099") else "0.00",
            "payments": payments,
        },
        "xero": {
            "SubTotal": _text(total - tax),
            "TotalTax": _text(tax),
            "Total": _text(total),
            "open": _text(total - paid.amount),
        },
        "effects": {role: _text(sign * value) for role, value in sorted(effects.items()) if value},
    }


def expect_books(expected: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The sum over all cases, by role: the same in both ledgers."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for each in expected:
        for role, value in each.get("effects", {}).items():
            sums[role] += Decimal(value)
    return {role: _text(value) for role, value in sorted(sums.items()) if value}


class _Paid:
    """How much of a bill is settled, and what that was worth when it was billed."""

    def __init__(self, case: Json) -> None:
        self.amount, self._worth = NOTHING, NOTHING

    def take(self, amount: Decimal, total: Decimal, bill: Json) -> Decimal:
        """The base amount that the next part carries."""
        self.amount += amount
        is_last = self.amount == total
        worth = _base(total, bill) - self._worth if is_last else _base(amount, bill)
        self._worth += worth
        return worth

    def open_base(self, total: Decimal, bill: Json) -> Decimal:
        return _base(total, bill) - self._worth


def _outcome(case: Json) -> str:
    """A draft is nobody's books; what is voided in the step it is entered in never goes; what waits says for what."""
    done = {event["do"] for event in case["events"]}
    if case["bill"].get("status") == "draft" or "void" in done:
        return "none"
    return "rejected" if case["bill"].get("unknown") else "delivered"


def _amounts(bill: Json, file: Json) -> tuple[dict[str, Decimal], Decimal]:
    """Net by account and the tax of all lines, each line's half-up unless the supplier's own tax is typed."""
    rates = _tax_rates(file["company"])
    net: dict[str, Decimal] = defaultdict(Decimal)
    taxes = NOTHING
    for line in bill["lines"]:
        amount = _cents(Decimal(line["quantity"]) * Decimal(line["unit"]))
        rate = NOTHING if bill["amounts"] == "none" else rates[line["tax_type"]]
        if bill["amounts"] == "inclusive":
            tax = Decimal(line["tax"]) if "tax" in line else _cents(amount - amount / (1 + rate))
            amount -= tax
        else:
            tax = Decimal(line["tax"]) if "tax" in line else _cents(amount * rate)
        net[line["account"]] += amount
        taxes += tax
    return net, taxes


def _booked(bill: Json, net: Mapping[str, Decimal], tax: Decimal, file: Json) -> dict[str, Decimal]:
    role_of = {account["xero"]: account["role"] for account in file["company"]["accounts"]}
    effects: dict[str, Decimal] = defaultdict(Decimal)
    for account, amount in net.items():
        effects[role_of[account]] += _base(amount, bill)
    effects["tax_payable"] += _base(tax, bill)
    effects["payables"] -= _base(sum(net.values(), NOTHING) + tax, bill)
    effects["rounding"] -= sum(effects.values(), NOTHING)
    return effects


def _tax_rates(company: Json) -> dict[str, Decimal]:
    details = {each["detail"]: Decimal(each["rate"]) for each in company["tax_details"]}
    rates = {
        each["tax_type"]: sum((details[name] for name in each["details"]), NOTHING)
        for each in company["xero_tax_rates"]
    }
    return {"NONE": NOTHING, **rates}


def _base(amount: Decimal, priced: Json) -> Decimal:
    """In the base currency; ``per_base``: units of the foreign currency for one of it, as people type it in Xero."""
    return _cents(amount / Decimal(priced.get("per_base", 1)))


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _text(amount: Decimal) -> str:
    return f"{amount:.2f}"
