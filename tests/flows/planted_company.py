"""A few orders with plain amounts for planting differences in their books: 100.00 net and 7.75 tax, or 120 GBP."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

PAID, ON_ACCOUNT, RETURNED, FOREIGN = "#1", "#2", "#3", "#4"
FOREIGN_ON_ACCOUNT, NOT_SHIPPED, NOT_PAID_OUT, ALSO_ON_ACCOUNT = "#5", "#6", "#7", "#8"
SPARE = ("#9", "#10", "#11", "#12", "#13", "#14")
"""On account too: each takes a difference by itself where several are planted at once."""
INVENTORY_CLEARING = {"role": "inventory_clearing", "gp": "000-1350-00", "xero": "635"}
FEE = "3.42"
STATE = {"detail": "MA-STATE", "rate": "0.0625"}
COUNTY = {"detail": "MA-COUNTY", "rate": "0.0150"}
VAT = {"detail": "UK-VAT20", "rate": "0.20"}


def planted_file(company: Json) -> Json:
    """The file; the gateway still holds the charge of ``NOT_PAID_OUT``, and ``NOT_SHIPPED`` has no invoice."""
    cases = [
        _case(PAID, _lamps(1), _paid(PAID, "107.75"), _shipped()),
        _case(ON_ACCOUNT, _lamps(1), _shipped()),
        _case(RETURNED, _lamps(2), _paid(RETURNED, "215.50", fee="6.55"), _shipped(), _returned(RETURNED)),
        _case(FOREIGN, _mugs(), _paid(FOREIGN, "120.00", fee="4.75", rate="1.28"), _shipped(), shop="uk"),
        _case(FOREIGN_ON_ACCOUNT, _mugs(), _shipped(), shop="uk"),
        _case(NOT_SHIPPED, _lamps(1), _paid(NOT_SHIPPED, "107.75")),
        _case(NOT_PAID_OUT, _lamps(1), _paid(NOT_PAID_OUT, "107.75"), _shipped()),
        _case(ALSO_ON_ACCOUNT, _lamps(1), _shipped()),
        *(_case(name, _lamps(1), _shipped()) for name in SPARE),
    ]
    covers = [charge(PAID), charge(RETURNED), charge(FOREIGN), charge(NOT_SHIPPED), refund(RETURNED)]
    payouts = [{"id": "po_1", "step": 5, "arrives": "2026-03-20", "covers": covers, "amount": "458.71"}]
    return {"version": 1, "company": company, "cases": cases, "payouts": payouts, "books": {}}


def charge(order: str) -> str:
    """The gateway's id of an order's charge."""
    return f"ch_{order.strip('#')}"


def refund(order: str) -> str:
    """The gateway's id of an order's refund."""
    return f"re_{order.strip('#')}"


def _case(name: str, lines: list[Json], *events: Json, shop: str = "us") -> Json:
    pounds = shop == "uk"
    total = sum(line["quantity"] * (120 if pounds else 107.75) for line in lines)
    order = {
        "name": name,
        "shop": shop,
        "placed_at": f"2026-03-02T15:{name.strip('#'):>02}:00Z",
        "currency": "GBP" if pounds else "USD",
        "rate": "1.25" if pounds else "1",
        "taxes_included": pounds,
        "customer": _customer("Ben" if pounds else "Ann"),
        "lines": lines,
        "shipping": None,
        "total": f"{total:.2f}",
    }
    return {"id": name, "why": "planted", "order": order, "events": list(events), "expect": {}}


def _customer(name: str) -> Json:
    address = {"line1": "1 Quay", "line2": "", "city": "Salem", "state": "MA", "zip": "01970", "country": "US"}
    email = f"{name.lower()}@example.com"
    return {"id": name, "email": email, "first_name": name, "last_name": "Archer", "company": None, "address": address}


def _lamps(quantity: int) -> list[Json]:
    tax = [{**STATE, "amount": f"{quantity * 6.25:.2f}"}, {**COUNTY, "amount": f"{quantity * 1.5:.2f}"}]
    return [{"sku": "LAMP-01", "quantity": quantity, "unit_price": "100.00", "discount": "0.00", "tax": tax}]


def _mugs() -> list[Json]:
    tax = [{**VAT, "amount": "20.00"}]
    return [{"sku": "MUG-12", "quantity": 1, "unit_price": "120.00", "discount": "0.00", "tax": tax}]


def _paid(order: str, amount: str, *, fee: str = FEE, rate: str | None = None) -> Json:
    event = {"step": 1, "do": "pay", "id": charge(order), "at": "2026-03-02T18:00:00Z", "amount": amount, "fee": fee}
    return event | ({"rate": rate} if rate else {})


def _shipped() -> Json:
    return {"step": 3, "do": "fulfil", "at": "2026-03-03T15:00:00Z"}


def _returned(order: str) -> Json:
    tax = [{"detail": "MA-STATE", "amount": "6.25"}, {"detail": "MA-COUNTY", "amount": "1.50"}]
    line = {"sku": "LAMP-01", "quantity": 1, "net": "100.00", "tax": tax}
    given_back = {"id": refund(order), "at": "2026-03-12T19:00:00Z", "lines": [line], "amount": "107.75"}
    return {"step": 4, "do": "refund", **given_back}
