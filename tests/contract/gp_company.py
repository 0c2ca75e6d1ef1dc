"""A company and an order in the shape of the golden files, with GP's accounts."""

from __future__ import annotations

from typing import Any

COMPANY: dict[str, Any] = {
    "name": "Harbor Light Supply",
    "base_currency": "USD",
    "accounts": [
        {"role": "receivables", "gp": "000-1200-00"},
        {"role": "clearing", "gp": "000-1110-00"},
        {"role": "bank", "gp": "000-1100-00"},
        {"role": "tax_payable", "gp": "000-2300-00"},
        {"role": "sales", "gp": "000-4100-00"},
        {"role": "returns", "gp": "000-4110-00"},
        {"role": "shipping_income", "gp": "000-4200-00"},
        {"role": "goodwill", "gp": "000-4120-00"},
        {"role": "fees", "gp": "000-6100-00"},
        {"role": "fx_gain_loss", "gp": "000-7100-00"},
        {"role": "rounding", "gp": "000-7200-00"},
        {"role": "inventory", "gp": "000-1300-00"},
        {"role": "cost_of_goods_sold", "gp": "000-4500-00"},
        {"role": "payables", "gp": "000-2100-00"},
        {"role": "purchases", "gp": "000-5100-00"},
    ],
    "tax_details": [{"detail": "STATE", "rate": "0.0625"}, {"detail": "COUNTY", "rate": "0.015"}],
    "items": [{"sku": "LAMP", "title": "Desk lamp", "cost": "21.40"}, {"sku": "MUG", "title": "Mug", "cost": "2.15"}],
    "currencies": [{"code": "GBP", "rate": "1.25"}],
}


def shop_order(name: str = "#1", **fields: Any) -> dict[str, Any]:
    """Two lamps at 49.90 and five mugs at 7.35 with both taxes, freight 8.00: 155.76."""

    def tax(state: str, county: str) -> list[dict[str, str]]:
        return [{"detail": "STATE", "amount": state}, {"detail": "COUNTY", "amount": county}]

    return {
        "name": name,
        "currency": "USD",
        "rate": "1",
        "taxes_included": False,
        "lines": [
            {"sku": "LAMP", "quantity": 2, "unit_price": "49.90", "discount": "0.00", "tax": tax("6.24", "1.50")},
            {"sku": "MUG", "quantity": 5, "unit_price": "7.35", "discount": "0.00", "tax": tax("2.30", "0.55")},
        ],
        "shipping": {"price": "8.00", "discount": "0.00", "tax": tax("0.50", "0.12")},
    } | fields
