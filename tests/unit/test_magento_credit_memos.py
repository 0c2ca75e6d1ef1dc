"""Credit memos of the simulated Magento as canonical records, by the mappings that are shipped."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mapping_runs import run

from hooks.magento.sources import SOURCES
from ledgerbridge.entities import Window
from ledgerbridge.mapping import Mapped
from sandbox.magento.answers import shown
from sandbox.magento.events import CreditEvent, Event, PlacedOrder
from sandbox.magento.models import Shop
from sandbox.magento.office import Office
from sandbox.magento.wire import dump
from sandbox.orders import MAGENTO_SHOPS, harbor_light_supply

Json = dict[str, Any]
MAPPINGS = Path(__file__).parents[2] / "include" / "mappings"
AT = "2026-03-02T15:00:00Z"
TAXES = [{"code": "MA-STATE", "rate": "6.25"}, {"code": "MA-COUNTY", "rate": "1.5"}]
VAT = [{"code": "UK-VAT20", "rate": "20"}]
LAMP = {"sku": "LAMP-01", "price": "49.90", "quantity": 3, "taxes": TAXES}
MUGS = {"sku": "MUG-12", "quantity": 2, "price": "7.35", "taxes": TAXES}
CARTS: dict[str, Json] = {
    "simple": {"lines": [LAMP, {**MUGS, "discount": "3.33"}], "shipping": {"price": "10.00", "taxes": TAXES}},
    "configurable": {"lines": [{**MUGS, "sku": "MUG", "type": "configurable", "child_sku": "MUG-12"}]},
    "bundle of a fixed price": {"lines": [{**LAMP, "type": "bundle", "children": [{"sku": "MUG-12"}]}]},
    "bundle priced by its children": {
        "lines": [{"sku": "SET", "type": "bundle", "dynamic": True, "children": [LAMP, MUGS]}],
    },
    "prices with tax": {
        "store": "outlet_uk",
        "lines": [{"sku": "MUG-12", "quantity": 3, "price": "12.00", "discount": "7.00", "taxes": VAT}],
        "shipping": {"price": "6.00", "discount": "1.00", "taxes": VAT},
    },
}


Canonical = Callable[[str], Mapped]


class Answers:
    """What the hook's sources ask, answered out of the simulated shop's own files."""

    scope, store_id = "shop.example.com", None

    def __init__(self, documents: dict[str, list[Json]]) -> None:
        self._documents = documents

    def clock(self) -> datetime:
        return datetime.now(UTC)

    def fetch(self, path: str, parameters: Mapping[str, Any]) -> Json:
        return {"items": self._documents[path], "total_count": len(self._documents[path])}


@pytest.fixture
def credited(tmp_path: Path) -> Callable[..., Canonical]:
    """Places an order, invoices it, and gives things back; what the shipped mapping of a name makes of it."""

    shop = Shop(tmp_path)
    shop.seed({**harbor_light_supply(), "shops": MAGENTO_SHOPS}, {})
    (tmp_path / "tax_titles.csv").write_text("title,detail\nMassachusetts State Tax,MA-STATE\n")
    (tmp_path / "company.csv").write_text("name,value\nbase_currency,USD\n")
    office = Office(shop)

    def happens(cart: Json, *memos: Json) -> Canonical:
        number = office.place(PlacedOrder.model_validate({"at": AT, **cart}))["increment_id"]
        office.invoice(number, Event(at=AT, lines=None))
        made = [office.credit(number, CreditEvent.model_validate({"at": AT, **memo})) for memo in memos]
        with shop.work(shop.clock.now()) as work:
            order = work.of_number("order", number)
        told = {"orders": [_told("order", order)], "creditmemos": [_told("creditmemo", memo) for memo in made]}
        [[record]] = SOURCES["order"](Answers(told)).read(Window())
        return lambda name: run(tmp_path, (MAPPINGS / f"magento_order_to_{name}.yaml").read_text(), [record.payload])

    return happens


def _told(kind: str, document: Json) -> Json:
    """As REST tells it, and as the hook reads that."""
    answer: Json = json.loads(json.dumps(shown(kind, json.loads(dump(document)))), parse_float=str)
    return answer


def rows(mapped: Mapped, part: str) -> list[Json]:
    assert mapped.failures.to_dict("records") == []
    found: list[Json] = mapped.frames[part].to_dict("records")
    return found


@pytest.mark.parametrize("what", list(CARTS))
def test_all_of_an_order_comes_back_in_the_lines_and_taxes_it_had(
    what: str, credited: Callable[..., Canonical]
) -> None:
    canonical = credited(CARTS[what], {"transaction_id": "re_1", "online": True})
    order, back = canonical("sales_order"), canonical("sales_return")
    [header], [returned] = rows(order, "header"), rows(back, "header")
    assert (returned["total"], returned["payment_id"], header["refund_ids"]) == (header["total"], "re_1", "re_1")
    for part, names in (
        ("lines", ("line_id", "sku", "quantity", "net", "tax")),
        ("taxes", ("line_id", "detail", "amount")),
    ):
        had, came = (sorted(tuple(row[name] for name in names) for row in rows(each, part)) for each in (order, back))
        assert came == had, part


@pytest.mark.parametrize("what", [what for what in CARTS if what != "bundle priced by its children"])
def test_what_comes_back_in_parts_adds_up_line_by_line(what: str, credited: Callable[..., Canonical]) -> None:
    cart = CARTS[what]
    sku = cart["lines"][0].get("child_sku") or cart["lines"][0]["sku"]
    first = {"lines": [{"sku": sku, "quantity": 1}], "shipping": "0", "adjustment_positive": "1.00"}
    canonical = credited(cart, first, {"adjustment_negative": "2.00"})
    back = canonical("sales_return")
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for part, amount in (("lines", "net"), ("lines", "tax"), ("taxes", "amount")):
        for row in rows(back, part):
            sums[f"{row['record_key']} {part} {amount}"] += Decimal(row[amount])
    for header in rows(back, "header"):
        key = header["record_key"]
        assert sums[f"{key} lines net"] + sums[f"{key} lines tax"] == header["total"]
        assert sums[f"{key} taxes amount"] == sums[f"{key} lines tax"]
    rate = Decimal("0.8") if "store" in cart else Decimal(1)
    for name, amount in (("goodwill", Decimal(1)), ("fee_kept", Decimal(2))):
        assert [row["total"] for row in rows(canonical(name), "header")] == [amount * rate]


def test_shipping_alone_is_a_memo_with_its_taxes(credited: Callable[..., Canonical]) -> None:
    canonical = credited(CARTS["simple"], {"lines": [], "shipping": "10.00"})
    [memo] = rows(canonical("shipping_back"), "header")
    assert (memo["total"], memo["tax"], memo["details"]) == (Decimal("10.78"), Decimal("0.78"), "MA-COUNTY+MA-STATE")
    assert [(row["detail"], row["amount"]) for row in rows(canonical("shipping_back"), "taxes")] == [
        ("MA-STATE", Decimal("0.63")),
        ("MA-COUNTY", Decimal("0.15")),
    ]
    assert rows(canonical("sales_return"), "header") == []


def test_what_is_given_up_takes_all_off_that_the_order_has(credited: Callable[..., Canonical]) -> None:
    canonical = credited(CARTS["simple"], {})
    order = canonical("sales_order")
    left: dict[Any, Decimal] = defaultdict(Decimal)
    for row in rows(order, "lines"):
        left[row["line_id"], None] += row["net"]
    for row in [*rows(order, "taxes"), *rows(order, "given_up")]:
        left[row["line_id"], row.get("detail") if isinstance(row.get("detail"), str) else None] += row["amount"]
    assert set(left.values()) == {0}
    assert len(left) == 9
