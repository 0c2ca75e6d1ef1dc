"""Bills, credits and what is paid of them, in the form of tests/golden/bills.json, as dice fall."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tests.flows.dice import Dice

__all__ = ["SUPPLIERS", "random_bills", "random_vouchers"]

SUPPLIERS = ("Acme", "Dory", "Egret", "Heron")
TAXED = ("NONE", "TAX001", "TAX003", "TAX004", "TAX005")
ACCOUNTS = ("310", "404", "206")
BILLED_AT = ("0.8", "0.7937", "0.84")
PAID_AT = ("0.8", "0.78125", "0.8333")
"""Pounds for a dollar, as people type it in Xero."""
VOUCHERS_AT = ("0.8", "0.64", "0.78125")
"""The same where both ledgers hold the rate, one with six decimals, the other one its inverse with seven."""
Json = dict[str, Any]


def random_bills(company: Json, dice: Dice, count: int, first: int) -> Json:
    """
    So many bills and credits without expectations, numbered from ``first``.

    What is paid of a bill is part of its first line, so that it never is more than the bill.
    """
    return {"version": 1, "company": company, "cases": [_case(dice, number) for number in range(first, first + count)]}


def _case(dice: Dice, number: int) -> Json:
    name = f"B-{number}"
    kind = "credit" if dice.chance(20) else "bill"
    foreign = dice.chance(30)
    lines = [
        {
            "text": name,
            "quantity": str(dice.number(1, 9)),
            "unit": f"{dice.number(1, 99_999) / 100:.2f}",
            "account": dice.pick(ACCOUNTS),
            "tax_type": dice.pick(TAXED),
        }
        for _ in range(dice.number(1, 4))
    ]
    bill = {
        "number": name,
        "supplier": dice.pick(SUPPLIERS),
        "date": f"2026-03-{dice.number(1, 28):02}",
        "due": "2026-04-30",
        "amounts": dice.pick(("exclusive", "inclusive", "none")),
        **({"currency": "GBP", "per_base": dice.pick(BILLED_AT)} if foreign else {}),
        "lines": lines,
    }
    events = _payments(dice, Decimal(lines[0]["unit"]), PAID_AT if foreign else ()) if kind == "bill" else []
    return {"id": name, "why": "by chance", "kind": kind, "bill": bill, "events": events}


def _payments(dice: Dice, most: Decimal, rates: Sequence[str]) -> list[Json]:
    events: list[Json] = []
    for step in (2, 3):
        amount = (most * dice.number(10, 50) / 100).quantize(Decimal("0.01"))
        if dice.chance(50) and amount:
            rate = {"per_base": dice.pick(rates)} if rates else {}
            events.append({"step": step, "do": "pay", "amount": str(amount), "on": f"2026-03-{26 + step}", **rate})
    return events


def random_vouchers(company: Json, dice: Dice, count: int, first: int) -> Json:
    """
    The same as people key them in GP: nets without quantities, taxed by one set of details, or in part.

    Each line of a foreign one has an account of its own: GP converts each, Xero what is on one account (rule 30).
    """
    cases = [_voucher(dice, number) for number in range(first, first + count)]
    return {"version": 1, "company": company, "cases": cases}


def _voucher(dice: Dice, number: int) -> Json:
    name = f"V-{number}"
    kind = "credit" if dice.chance(20) else "bill"
    foreign = dice.chance(30)
    tax_type = dice.pick(TAXED[2:] if foreign else TAXED)
    lines = [
        {
            "text": name,
            "quantity": "1",
            "unit": f"{dice.number(1, 99_999) / 100:.2f}",
            "account": ACCOUNTS[place] if foreign else dice.pick(ACCOUNTS),
            "tax_type": dice.pick((tax_type, "NONE")),
        }
        for place in range(dice.number(1, 3))
    ]
    bill = {
        "number": name,
        "supplier": dice.pick(SUPPLIERS),
        "date": f"2026-03-{dice.number(1, 28):02}",
        "due": "2026-04-30",
        "amounts": "exclusive",
        **({"currency": "GBP", "per_base": dice.pick(VOUCHERS_AT)} if foreign else {}),
        "lines": lines,
    }
    rates = VOUCHERS_AT if foreign else ()
    events = _payments(dice, Decimal(lines[0]["unit"]), rates) if kind == "bill" else []
    return {"id": name, "why": "by chance", "kind": kind, "bill": bill, "events": events}
