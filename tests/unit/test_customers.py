"""The customer of an order, by the mapping that is shipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mapping_runs import made, run

from ledgerbridge.mapping import Mapped

MAPPING = Path(__file__).parents[2] / "include" / "mappings" / "shopify_order_to_customer.yaml"


def customers(folder: Path, *orders: dict[str, Any]) -> Mapped:
    return run(folder, MAPPING.read_text(), list(orders))


def order(email: str | None, first: str | None, last: str | None, company: str | None = None) -> dict[str, Any]:
    return {
        "customer": {
            "firstName": first,
            "lastName": last,
            "defaultEmailAddress": {"emailAddress": email} if email else None,
        },
        "billingAddress": {"company": company, "address1": "1 Road", "city": "Portland"},
        "shippingAddress": None,
    }


def test_orders_without_an_e_mail_are_one_house_account_with_nobodys_name_or_address(tmp_path: Path) -> None:
    guest = {"customer": None, "billingAddress": None, "shippingAddress": None}
    mapped = customers(tmp_path, order(None, "Ann", "Archer", "Archer & Co"), guest)
    assert made(mapped, "name") == ["House account"]
    for field in ("email", "first_name", "last_name", "address1", "city"):
        assert made(mapped, field) == [None], field


def test_a_customer_is_named_by_company_then_person_then_e_mail(tmp_path: Path) -> None:
    mapped = customers(
        tmp_path,
        order("ann@example.com", "Ann", "Archer", "Archer & Co"),
        order("ann@example.org", "Ann", "Archer"),
        order("bo@example.com", "Bo", None),
        order("who@example.com", None, None),
    )
    assert made(mapped, "name") == ["Archer & Co", "Ann Archer", "Bo", "who@example.com"]
    assert made(mapped, "address1") == ["1 Road"] * 4


def test_an_e_mail_is_one_customer_however_its_letters_are_written(tmp_path: Path) -> None:
    emails = ("Ann@Example.com", "ann@example.com", " ANN@EXAMPLE.COM ", "ben@example.com")
    mapped = customers(tmp_path, *(order(email, "Ann", "Archer") for email in emails))
    for name in ("customer_number", "label"):
        assert len(set(made(mapped, name))) == len(made(mapped, name)) == 2, name
