"""A company and its customer in the shape of the golden files, as small as the sandbox takes them."""

from __future__ import annotations

from typing import Any

COMPANY: dict[str, Any] = {
    "name": "Harbor Light Supply",
    "base_currency": "USD",
    "time_zone": "America/New_York",
    "shops": [{"shop": "us", "currency": "USD", "taxes_included": False}],
    "accounts": [],
    "tax_details": [{"detail": "MA-STATE", "rate": "0.0625"}],
    "xero_tax_rates": [],
    "items": [{"sku": "MUG-12", "title": "Enamel mug", "cost": "2.15"}],
    "currencies": [{"code": "GBP", "rate": "1.25"}],
}
ANN: dict[str, Any] = {
    "id": "c1",
    "email": "ann@example.com",
    "first_name": "Ann",
    "last_name": "Archer",
    "company": None,
    "address": {
        "line1": "12 Harbor Street",
        "line2": "",
        "city": "Salem",
        "state": "MA",
        "zip": "01970",
        "country": "US",
    },
}


def line(tax: str = "0.46", quantity: int = 1) -> dict[str, Any]:
    """Mugs at 7.35."""
    taxes = [{"detail": "MA-STATE", "rate": "0.0625", "amount": tax}]
    return {"sku": "MUG-12", "quantity": quantity, "unit_price": "7.35", "discount": "0.00", "tax": taxes}


def order(**fields: Any) -> dict[str, Any]:
    """Ann's order of one mug."""
    one_mug: dict[str, Any] = {
        "name": "#1001",
        "shop": "us",
        "placed_at": "2026-03-02T15:41:00Z",
        "currency": "USD",
        "rate": "1",
        "taxes_included": False,
        "customer": ANN,
        "lines": [line()],
        "shipping": None,
        "total": "7.81",
    }
    return one_mug | fields
