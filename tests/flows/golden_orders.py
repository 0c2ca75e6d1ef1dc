"""Orders and events in the golden form, written by hand: one small company, one line of goods unless told otherwise."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.orders import harbor_light_supply

__all__ = ["edit", "fulfil", "lamp", "line", "order_file", "pay", "refund", "returned", "sale"]

Json = dict[str, Any]
CENT = Decimal("0.01")
US_TAXES = (("MA-STATE", "0.0625"), ("MA-COUNTY", "0.0150"))


def line(sku: str, quantity: int, unit_price: str, taxes: tuple[tuple[str, str], ...] = US_TAXES) -> Json:
    """A line of the US shop, each tax half-up on the whole line."""
    net = quantity * Decimal(unit_price)
    tax = [{"detail": d, "rate": r, "amount": str((net * Decimal(r)).quantize(CENT, ROUND_HALF_UP))} for d, r in taxes]
    return {"sku": sku, "quantity": quantity, "unit_price": unit_price, "discount": "0.00", "tax": tax}


def lamp(quantity: int = 1) -> Json:
    """One lamp is 49.90, with tax 53.77."""
    return line("LAMP-01", quantity, "49.90")


def sale(number: int, lines: list[Json], events: list[Json], **order: Any) -> Json:
    """A case: the order ``#number`` and what happens to it; its total follows from its lines."""
    total = sum(
        (
            each["quantity"] * Decimal(each["unit_price"]) + sum(Decimal(tax["amount"]) for tax in each["tax"])
            for each in lines
        ),
        Decimal(0),
    )
    customer = {
        "id": f"c{number}",
        "email": f"customer{number}@example.com",
        "first_name": "Pat",
        "last_name": f"Number {number}",
        "company": None,
        "address": {"line1": "1 Quay", "line2": "", "city": "Salem", "state": "MA", "zip": "01970", "country": "US"},
    }
    placed = {
        "name": f"#{number}",
        "shop": "us",
        "placed_at": "2026-03-02T15:00:00Z",
        "currency": "USD",
        "rate": "1",
        "taxes_included": False,
        "customer": customer,
        "lines": lines,
        "shipping": None,
        "total": str(total),
    }
    return {"id": f"#{number}", "why": "", "order": placed | order, "events": events, "expect": {}}


def pay(identity: str, amount: str, *, step: int = 1, at: str = "2026-03-02T16:00:00Z", **more: Any) -> Json:
    """A charge; its fee is one unit of the base currency."""
    return {"step": step, "do": "pay", "id": identity, "at": at, "amount": amount, "fee": "1.00", **more}


def fulfil(lines: list[Json] | None = None, *, step: int = 3, at: str = "2026-03-03T15:00:00Z") -> Json:
    """A shipment, of all that is left or of these ``sku`` and ``quantity``."""
    return {"step": step, "do": "fulfil", "at": at} | ({"lines": lines} if lines else {})


def edit(lines: list[Json], *, step: int = 2, at: str = "2026-03-02T19:00:00Z") -> Json:
    """The order's new lines."""
    return {"step": step, "do": "edit", "at": at, "lines": lines}


def returned(sold: Json, quantity: int) -> Json:
    """``quantity`` of a line with its share of net and tax, as a refund names it."""
    share = Decimal(quantity) / sold["quantity"]
    net = (quantity * Decimal(sold["unit_price"])).quantize(CENT)
    tax = [
        {"detail": each["detail"], "amount": str((Decimal(each["amount"]) * share).quantize(CENT, ROUND_HALF_UP))}
        for each in sold["tax"]
    ]
    return {"sku": sold["sku"], "quantity": quantity, "net": str(net), "tax": tax}


def refund(identity: str, amount: str, *, step: int = 4, at: str = "2026-03-12T19:00:00Z", **what: Any) -> Json:
    """Goods (``lines``), ``goodwill`` or plain money back."""
    return {"step": step, "do": "refund", "id": identity, "at": at, "amount": amount, **what}


def order_file(cases: list[Json], payouts: list[Json] | None = None, company: Json | None = None) -> Json:
    """A file without expectations."""
    return {
        "version": 1,
        "company": company or harbor_light_supply(),
        "cases": cases,
        "payouts": payouts or [],
        "books": {},
    }
