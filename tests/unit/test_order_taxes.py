"""The taxes of an order after edits, by the mapping that is shipped."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mapping_runs import made, run

MAPPING = Path(__file__).parents[2] / "include" / "mappings" / "shopify_order_to_sales_order.yaml"
VAT = ("UK-VAT05", Decimal("0.05"))
ZERO = ("UK-ZERO", Decimal(0))


def sale(quantity: int, total: str, *taxes: tuple[tuple[str, Decimal | None], str]) -> dict[str, Any]:
    return {
        "quantity": quantity,
        "lineType": "SHIPPING",
        "lineItem": None,
        "shippingLine": {"id": "shipping"},
        "totalAmount": money(total),
        "totalTaxAmount": money(str(sum(Decimal(amount) for _, amount in taxes))),
        "taxes": [
            {"amount": money(amount), "taxLine": {"title": title, "rate": rate}} for (title, rate), amount in taxes
        ],
    }


def money(amount: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount}}


@pytest.fixture(autouse=True)
def titles(tmp_path: Path) -> None:
    """What the shop calls a tax, and the detail it is."""
    (tmp_path / "tax_titles.csv").write_text("title,detail\nMassachusetts State Tax,MA-STATE\nState Tax,MA-STATE\n")


def details(folder: Path, ordered: dict[str, Any], *edits: dict[str, Any]) -> list[str]:
    agreements = [{"reason": "ORDER", "sales": [ordered]}, *({"reason": "ORDER_EDIT", "sales": [x]} for x in edits)]
    order = {
        "name": "#1",
        "processedAt": "2026-03-02T15:15:00Z",
        "currencyCode": "GBP",
        "agreements": agreements,
        "lineItems": [],
    }
    return made(run(folder, MAPPING.read_text(), [order]), "detail", "taxes")


@pytest.mark.parametrize(
    ("ordered", "edit"),
    [
        (sale(1, "6.00", (VAT, "0.29")), sale(0, "0.00", (VAT, "-0.29"), (ZERO, "0.00"))),
        (sale(1, "0.01", (VAT, "0.00")), sale(0, "4.98", (VAT, "0.00"), (ZERO, "0.00"))),
        (sale(1, "4.99", (VAT, "0.24")), sale(0, "-4.98", (VAT, "-0.24"), (ZERO, "0.00"))),
    ],
)
def test_a_detail_that_an_edit_replaced_is_no_tax_of_the_line(
    tmp_path: Path, ordered: dict[str, Any], edit: dict[str, Any]
) -> None:
    assert details(tmp_path, ordered, edit) == ["UK-ZERO"]


def test_a_line_that_an_edit_taxed_is_zero_rated_no_more(tmp_path: Path) -> None:
    """Both details together are the set of no rate in Xero, and the order stayed as it was."""
    ordered, edit = sale(1, "6.00", (ZERO, "0.00")), sale(0, "12.00", (ZERO, "0.00"), (VAT, "0.86"))
    assert details(tmp_path, ordered, edit) == ["UK-VAT05"]
    state, county = ("STATE", Decimal(0)), ("COUNTY", Decimal("0.0150"))
    both = sale(1, "6.09", (state, "0.00"), (county, "0.09"))
    assert sorted(details(tmp_path, both, both)) == ["COUNTY", "STATE"]


@pytest.mark.parametrize("detail", [VAT, ZERO, ("UK-OTHER", None)])
def test_a_detail_whose_tax_is_less_than_a_cent_stays(tmp_path: Path, detail: tuple[str, Decimal | None]) -> None:
    assert details(tmp_path, sale(1, "0.01", (detail, "0.00"))) == [detail[0]]


def test_a_detail_stays_that_order_and_edit_each_rounded_to_nothing(tmp_path: Path) -> None:
    """Together they are more than half a cent."""
    assert details(tmp_path, sale(1, "0.08", (VAT, "0.00")), sale(0, "0.04", (VAT, "0.00"))) == ["UK-VAT05"]


def test_a_detail_that_the_shop_rounded_to_nothing_stays_until_an_edit_replaces_it(tmp_path: Path) -> None:
    """The ledgers may not know it: then the order is a person's."""
    ordered = sale(1, "6.90", (VAT, "0.34"), (("MOON-TAX", Decimal("0.01")), "0.00"))
    assert sorted(details(tmp_path, ordered)) == ["MOON-TAX", "UK-VAT05"]


def test_a_tax_is_the_detail_that_the_table_gives_its_title(tmp_path: Path) -> None:
    """Two titles of one detail are one tax of a line."""
    by_state, by_city = (("Massachusetts State Tax", Decimal("0.06")), ("State Tax", Decimal("0.01")))
    ordered = sale(1, "10.70", (by_state, "0.60"), (by_city, "0.10"), (VAT, "0.00"))
    assert sorted(details(tmp_path, ordered)) == ["MA-STATE", "UK-VAT05"]


def test_what_no_account_has_a_role_for_is_named_and_never_left_out(tmp_path: Path) -> None:
    """Fees: without their line the total was no sum, and the letter said the source was wrong."""
    lamp = sale(1, "49.90")
    fee = {**sale(1, "8.00"), "id": "gid://shopify/Sale/2", "lineType": "FEE", "shippingLine": None}
    order = {
        "name": "#1",
        "processedAt": "2026-03-02T15:15:00Z",
        "currencyCode": "USD",
        "agreements": [{"reason": "ORDER", "sales": [lamp, fee]}],
        "lineItems": [],
    }
    [failure] = run(tmp_path, MAPPING.read_text(), [order]).failures.to_dict("records")
    assert (failure["field"], failure["value"]) == ("lineType", "FEE")
    assert "Orders with a FEE are not booked by this flow" in failure["remedy"]


@pytest.mark.parametrize("line_type", ["DUTY", "ADDITIONAL_FEE"])
@pytest.mark.parametrize("quantity", [1, None], ids=["counted", "uncounted"])
def test_duties_and_fees_that_an_edit_took_away_are_no_line_and_no_tax(
    tmp_path: Path, line_type: str, quantity: int | None
) -> None:
    """Shopify may leave their quantity empty; an order is refused for no tax of what is sold no more."""
    state, moon = ("MA-STATE", Decimal("0.0625")), ("MOON-TAX", Decimal("0.01"))
    kind = {"lineType": line_type, "shippingLine": None, "duty": {"id": "duty"} if line_type == "DUTY" else None}
    sold, gone = (
        {**sale(sign, f"{sign * 8.5}", (state, f"{sign * 0.5}"), (moon, "0.00")), **kind, "id": f"sale {sign}"}
        | {"quantity": quantity and sign * quantity}
        for sign in (1, -1)
    )
    agreements = [{"reason": "ORDER", "sales": [sale(1, "6.00"), sold]}, {"reason": "ORDER_EDIT", "sales": [gone]}]
    order = {"name": "#1", "processedAt": "2026-03-02T15:15:00Z", "currencyCode": "USD", "lineItems": []}
    for agreed, pieces, details in (agreements[:1], 1, ["MA-STATE", "MOON-TAX"]), (agreements, 0, []):
        mapped = run(tmp_path, MAPPING.read_text(), [order | {"agreements": agreed}])
        assert (made(mapped, "quantity"), made(mapped, "detail", "taxes")) == ([pieces], details)
        assert len(made(mapped, "line_id", "lines")) == 1 + pieces


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        pytest.param(-2, [], id="all-pieces"),
        pytest.param(-1, ["UK-VAT05"], id="one-of-two"),
    ],
)
def test_a_line_that_an_edit_took_away_has_no_taxes(tmp_path: Path, taken: int, left: list[str]) -> None:
    """An order is not refused for a tax nobody has set up when nothing of its line is sold any more."""
    moon = ("MOON-TAX", Decimal("0.01"))
    ordered = sale(2, "13.80", (VAT, "0.68"), (moon, "0.00"))
    edit = sale(taken, str(Decimal("6.90") * taken), (VAT, str(Decimal("0.34") * taken)), (moon, "0.00"))
    assert sorted(details(tmp_path, ordered, edit)) == left
