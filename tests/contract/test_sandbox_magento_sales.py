"""Orders of the simulated Magento balance in both currencies, whatever is sold and whatever becomes of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sandbox.magento.errors import EventRefused
from sandbox.magento.events import CreditEvent, Event, Pick, PlacedOrder
from sandbox.magento.models import Shop
from sandbox.magento.office import Office
from sandbox.magento.wire import SIDES, amount, side_name
from tests.contract.magento_shop import NOON, VAT, Json, Magento, create_app, mug
from tests.contract.served_app import serve
from tests.contract.small_company import COMPANY

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
METHODS = ("unit", "row", "total")
TOTALS = ("subtotal", "shipping_amount", "tax_amount", "discount_tax_compensation_amount", "discount_amount")
COUNTED = {
    "subtotal": "subtotal",
    "tax_amount": "tax",
    "shipping_amount": "shipping",
    "discount_amount": "discount",
    "discount_tax_compensation_amount": "discount_tax_compensation",
    "grand_total": "total",
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Magento]:
    with serve(create_app(tmp_path)) as url:
        magento = Magento(url)
        magento.open(
            {"shop": "us", "currency": "USD"},
            {"shop": "uk", "currency": "GBP", "taxes_included": True},
            *(
                {"shop": f"{place}_{method}", "currency": "USD", "tax_calculation": method, "taxes_included": inside}
                for method in METHODS
                for place, inside in (("de", False), ("in", True))
            ),
        )
        yield magento


def figures(document: Json, *names: str) -> list[Any]:
    return [document.get(name) for name in names]


# --- one case each


@pytest.mark.parametrize(
    ("method", "taxes"),
    [
        # 19 % of 1.03 is 0.1957, of three 0.5871, of six 1.1742
        pytest.param("unit", [0.6, 0.6], id="unit"),
        pytest.param("row", [0.59, 0.59], id="row"),
        pytest.param("total", [0.59, 0.58], id="total"),
    ],
)
def test_each_method_rounds_its_own_way(shop: Magento, method: str, taxes: list[float]) -> None:
    tax = [{"code": "MWST", "rate": "19"}]
    lines = [{"sku": sku, "quantity": 3, "price": "1.03", "taxes": tax} for sku in ("A", "B")]

    order = shop.place(*lines, store=f"de_{method}")

    assert [item["tax_amount"] for item in order["items"]] == taxes
    assert order["tax_amount"] == round(sum(taxes), 2)


@pytest.mark.parametrize(
    ("method", "row_total", "tax", "compensation"),
    [
        # in 9.99 are 1.665 of tax, in three 4.995; in 28.97 they are 4.8283
        pytest.param("unit", 24.96, 4.83, 0.18, id="unit"),
        pytest.param("row", 24.97, 4.83, 0.17, id="row"),
        pytest.param("total", 24.97, 4.83, 0.17, id="total"),
    ],
)
def test_a_discounted_price_with_tax_costs_the_same_by_each_method(
    shop: Magento, method: str, row_total: float, tax: float, compensation: float
) -> None:
    order = shop.place(mug(quantity=3, price="9.99", discount="1.00"), store=f"in_{method}")

    [item] = order["items"]
    assert figures(item, "row_total", "tax_amount", "discount_tax_compensation_amount") == [
        row_total,
        tax,
        compensation,
    ]
    assert (item["row_total_incl_tax"], order["grand_total"]) == (29.97, 28.97)


def test_a_fraction_lost_on_one_row_is_made_up_on_the_next_by_total_only(shop: Magento) -> None:
    tax = [{"code": "TAX", "rate": "7"}]
    lines = [{"sku": sku, "price": "1.06", "taxes": tax} for sku in ("A", "B", "C")]  # 0.0742 each, 0.2226 in all

    taxes = {m: [item["tax_amount"] for item in shop.place(*lines, store=f"de_{m}")["items"]] for m in METHODS}

    assert taxes == {"unit": [0.07, 0.07, 0.07], "row": [0.07, 0.07, 0.07], "total": [0.07, 0.08, 0.07]}


def test_a_price_with_tax_has_its_discounts_tax_compensated(shop: Magento) -> None:
    # two at 60.00 with 20 % inside, 12.00 off: the tax on 108.00 is 18.00, that in the discount 2.00
    order = shop.place({"sku": "LAMP", "quantity": 2, "price": "75.00", "discount": "15.00", "taxes": VAT}, store="uk")

    [item] = order["items"]
    assert figures(order, "order_currency_code", "base_currency_code", "base_to_order_rate") == ["GBP", "USD", 0.8]
    assert figures(item, "price_incl_tax", "row_total", "discount_amount") == [60, 100, 12]
    assert figures(item, "tax_amount", "discount_tax_compensation_amount") == [18, 2]
    assert figures(order, "subtotal", "discount_amount", "tax_amount", "grand_total") == [100, -12, 18, 108]
    assert figures(order, "base_subtotal", "base_discount_amount", "base_grand_total") == [125, -15, 135]


@pytest.mark.parametrize(("rows", "child_price"), [("zero", 0), ("repeat", 7.35)])
def test_a_configurable_product_has_two_rows_with_the_childs_sku(shop: Magento, rows: str, child_price: float) -> None:
    shop.set(child_rows=rows)

    order = shop.place(mug(sku="MUG", type="configurable", child_sku="MUG-BLUE"))

    parent, child = order["items"]
    assert figures(parent, "product_type", "sku", "price", "parent_item_id") == ["configurable", "MUG-BLUE", 7.35, None]
    assert figures(child, "product_type", "sku", "price") == ["simple", "MUG-BLUE", child_price]
    assert child["parent_item"] == parent
    assert order["subtotal"] == parent["row_total"] == 14.7


def test_a_fixed_bundle_has_its_money_on_the_parent(shop: Magento) -> None:
    order = shop.place(mug(sku="SET", type="bundle", children=[{"sku": "CUP"}, {"sku": "PLATE", "quantity": 2}]))

    parent, cup, plate = order["items"]
    assert figures(parent, "row_total", "tax_amount", "qty_ordered") == [14.7, 2.94, 2]
    assert figures(cup, "price", "row_total", "qty_ordered") == [0, 0, 2]
    assert figures(plate, "price", "row_total", "qty_ordered") == [0, 0, 4]
    assert order["grand_total"] == 17.64


@pytest.mark.parametrize(("parents", "shown"), [("sum", 40), ("zero", 0)])
def test_a_dynamic_bundle_has_its_money_on_the_children(shop: Magento, parents: str, shown: int) -> None:
    shop.set(bundle_parents=parents)
    children = [{"sku": "CUP", "price": "10.00", "taxes": VAT}, {"sku": "PLATE", "quantity": 2, "price": "5.00"}]

    order = shop.place({"sku": "SET", "type": "bundle", "dynamic": True, "quantity": 2, "children": children})
    invoice = shop.act(order["increment_id"], "invoice")

    parent, cup, plate = order["items"]
    assert figures(parent, "row_total", "qty_ordered") == [shown, 2]
    assert figures(cup, "row_total", "tax_amount") == [20, 4]
    assert figures(plate, "row_total", "tax_amount") == [20, 0]
    assert figures(order, "subtotal", "tax_amount", "grand_total") == [40, 4, 44]
    assert figures(invoice, "subtotal", "tax_amount", "grand_total") == [40, 4, 44]


def test_partial_invoices_take_shipping_first_and_the_rest_last(shop: Magento) -> None:
    order = shop.place(mug(quantity=3, price="3.33"), shipping={"price": "5.00", "taxes": VAT})
    number = order["increment_id"]

    first = shop.act(number, "invoice", lines=[{"sku": "MUG-12", "quantity": 1}])
    second = shop.act(number, "invoice")

    assert figures(order, "subtotal", "tax_amount", "grand_total") == [9.99, 3, 17.99]
    assert figures(first, "subtotal", "shipping_amount", "tax_amount", "grand_total") == [3.33, 5, 1.67, 10]
    assert figures(second, "subtotal", "shipping_amount", "tax_amount", "grand_total") == [6.66, 0, 1.33, 7.99]
    assert "nothing is left to invoice" in shop.refused(f"orders/{number}/invoice", {"at": NOON})


def test_the_rest_of_an_order_is_cancelled_without_a_credit_memo(shop: Magento) -> None:
    number = shop.place(mug(quantity=3))["increment_id"]
    shop.act(number, "invoice", lines=[{"sku": "MUG-12", "quantity": 2}])
    shop.act(number, "ship", lines=[{"sku": "MUG-12", "quantity": 2}])

    order = shop.act(number, "cancel")

    assert figures(order, "state", "total_invoiced", "total_canceled", "total_refunded") == [
        "complete",
        17.64,
        8.82,
        None,
    ]
    assert figures(order["items"][0], "qty_ordered", "qty_invoiced", "qty_canceled") == [3, 2, 1]
    assert shop.found("creditmemos")["total_count"] == 0


def test_an_untouched_order_is_cancelled_whole(shop: Magento) -> None:
    number = shop.place()["increment_id"]

    assert figures(shop.act(number, "cancel"), "state", "status", "total_canceled") == ["canceled", "canceled", 17.64]
    assert "is canceled" in shop.refused(f"orders/{number}/invoice", {"at": NOON})


def test_a_credit_memo_of_adjustments_alone_has_neither_lines_nor_tax(shop: Magento) -> None:
    number = shop.place(payment="capture")["increment_id"]

    memo = shop.act(
        number, "credit", lines=[], shipping="0", adjustment_positive="5.00", adjustment_negative="1.50", online=True
    )

    assert (memo["items"], memo["subtotal"], memo["tax_amount"]) == ([], 0, 0)
    assert figures(memo, "adjustment_positive", "adjustment_negative", "adjustment") == [5, 1.5, 3.5]
    assert memo["grand_total"] == 3.5
    transactions = shop.found("transactions")["items"]
    assert [(t["txn_type"], t.get("parent_id")) for t in transactions] == [("capture", None), ("refund", 1)]
    assert memo["transaction_id"] == transactions[1]["txn_id"]


@pytest.mark.parametrize(
    ("credit", "sentence"),
    [
        pytest.param({"adjustment_positive": "0.01"}, "The most money available to refund is 23.64", id="too-much"),
        pytest.param({"lines": [], "shipping": "0"}, "must be positive", id="nothing"),
        pytest.param({"shipping": "5.01"}, "Maximum shipping amount allowed to refund is: 5", id="shipping"),
        pytest.param({"lines": [{"sku": "MUG-12", "quantity": 3}]}, "no row MUG-12 with 3 left", id="pieces"),
    ],
)
def test_more_than_was_paid_is_not_given_back(shop: Magento, credit: Json, sentence: str) -> None:
    number = shop.place(shipping={"price": "5.00", "taxes": VAT}, payment="capture")["increment_id"]

    assert sentence in shop.refused(f"orders/{number}/credit", {"at": NOON, **credit})
    assert shop.found("creditmemos")["total_count"] == 0


def test_child_rows_of_a_credit_memo_name_no_price(shop: Magento) -> None:
    order = shop.place(mug(type="configurable", child_sku="MUG-BLUE"), payment="capture")

    memo = shop.act(order["increment_id"], "credit")

    parent, child = memo["items"]
    assert (parent["price"], "price" in child, child["qty"]) == (7.35, False, 2)


def test_an_order_goes_through_its_states(shop: Magento) -> None:
    order = shop.place()
    number = order["increment_id"]

    states = [order["state"], shop.act(number, "hold")["state"], shop.act(number, "unhold")["state"]]
    for action in ("invoice", "ship", "credit"):
        shop.act(number, action)
        states.append(shop.get(f"orders/{order['entity_id']}").json()["state"])

    assert states == ["new", "holded", "new", "processing", "complete", "closed"]


def test_an_open_invoice_is_paid_later(shop: Magento) -> None:
    number = shop.place()["increment_id"]
    invoice = shop.act(number, "invoice", capture="later")

    assert (invoice["state"], shop.found("orders")["items"][0]["total_due"]) == (1, 17.64)
    paid = shop.press("POST", f"invoices/{invoice['increment_id']}/pay", {"at": NOON})
    assert (paid["state"], shop.found("orders")["items"][0]["total_due"]) == (2, 0)


# --- any order


MONEY = st.integers(1, 30_000).map(lambda cents: Decimal(cents) / 100)
RATES = st.lists(
    st.sampled_from([("VAT", "20"), ("GST", "5"), ("QST", "9.975"), ("LOW", "7")]), max_size=2, unique=True
).map(lambda rates: [{"code": code, "rate": rate} for code, rate in rates])
PART = st.sampled_from([Decimal(0), Decimal("0.1"), Decimal("0.333"), Decimal(1)])


@st.composite
def lines(draw: st.DrawFn, number: int) -> Json:
    kind = draw(st.sampled_from(["simple", "virtual", "configurable", "bundle", "dynamic"]))
    quantity = draw(st.sampled_from([1, 2, 3, 3, 5, 7]))
    line: Json = {"sku": f"SKU-{number}", "quantity": quantity, "type": "bundle" if kind == "dynamic" else kind}
    if kind == "dynamic":
        children = [
            {"sku": f"CHILD-{number}-{child}", "quantity": draw(st.integers(1, 3)), "price": draw(MONEY)}
            | {"taxes": draw(RATES)}
            for child in range(draw(st.integers(1, 3)))
        ]
        return line | {"dynamic": True, "children": children}
    price = draw(MONEY)
    line |= {"price": price, "discount": (price * quantity * draw(PART)).quantize(Decimal("0.01")) * Decimal("0.99")}
    line["discount"] = line["discount"].quantize(Decimal("0.01"))
    if kind == "configurable":
        line["child_sku"] = f"CHILD-{number}"
    if kind == "bundle":
        line["children"] = [{"sku": f"CHILD-{number}", "quantity": draw(st.integers(1, 3))}]
    return line | {"taxes": draw(RATES)}


@st.composite
def carts(draw: st.DrawFn) -> Json:
    count = draw(st.integers(1, 4))
    shipping = None
    if draw(st.booleans()):
        price = draw(MONEY)
        discount = (price * draw(PART) * Decimal("0.99")).quantize(Decimal("0.01"))
        shipping = {"price": price, "discount": discount, "taxes": draw(RATES)}
    return {
        "store": "any",
        "at": AT,
        "lines": [draw(lines(number)) for number in range(count)],
        "shipping": shipping,
        "currency": draw(st.sampled_from(["USD", "GBP", "JPY"])),
        "payment": draw(st.sampled_from(["order", "order", "authorize", "capture"])),
    }


VIEWS = st.fixed_dictionaries(
    {
        "shop": st.just("any"),
        "currency": st.just("USD"),
        "tax_calculation": st.sampled_from(METHODS),
        "taxes_included": st.booleans(),
        "shipping_taxes_included": st.booleans(),
        "tax_after_discount": st.booleans(),
    }
)
PICKS = st.one_of(st.none(), st.dictionaries(st.integers(0, 3), st.integers(1, 2), min_size=1, max_size=2))


@st.composite
def histories(draw: st.DrawFn) -> list[Any]:
    """Invoices, then what follows them, in any order and number."""
    actions = [
        *["invoice"] * draw(st.integers(0, 3)),
        *draw(st.lists(st.sampled_from(["ship", "credit", "credit", "invoice", "cancel"]), max_size=5)),
    ]
    shipping, adjustment = st.one_of(st.none(), MONEY), st.sampled_from([Decimal(0), Decimal(0), Decimal("0.01")])
    return [(action, draw(PICKS), draw(shipping), draw(adjustment)) for action in actions]


def play(office: Office, order: Json, events: list[Any]) -> None:
    """What can be done of it; the desk refuses the rest."""
    skus = [item["sku"] for item in order["items"] if "parent_item_id" not in item]
    number = order["increment_id"]
    for action, picks, shipping, adjustment in events:
        picked = picks and [Pick(sku=skus[row % len(skus)], quantity=q) for row, q in picks.items()]
        with suppress(EventRefused):
            if action == "credit":
                credit = CreditEvent(at=AT, lines=picked, shipping=shipping, adjustment_positive=adjustment)
                office.credit(number, credit)
            else:
                getattr(office, action)(number, Event(at=AT, lines=picked))


def check_sum(document: Json, side: str, *more: str) -> None:
    parts = [amount(document, side_name(side, name)) for name in (*TOTALS, *more)]
    assert document[f"{side}grand_total"] == sum(parts), document


def check_books(order: Json, invoices: list[Json], memos: list[Json]) -> None:
    for side in SIDES:
        check_sum(order, side, "shipping_discount_tax_compensation_amount")
        for document in [*invoices, *memos]:
            check_sum(document, side, "adjustment")
            assert document[f"{side}grand_total"] >= 0
        for name, counted in COUNTED.items():
            for documents, done in ((invoices, "invoiced"), (memos, "refunded")):
                total = sum((amount(document, side + name) for document in documents), Decimal(0))
                assert amount(order, f"{side}{counted}_{done}") == total
        if invoices and all(amount(i, "qty_invoiced") == amount(i, "qty_ordered") for i in order["items"]):
            assert order[f"{side}total_invoiced"] == order[f"{side}grand_total"]
        if order["state"] == "closed" and not any(amount(memo, "base_adjustment") for memo in memos):
            assert order[f"{side}total_refunded"] == order[f"{side}total_paid"]
        if f"{side}total_canceled" in order:
            assert order[f"{side}total_canceled"] + amount(order, f"{side}total_paid") == order[f"{side}grand_total"]
    if order["order_currency_code"] == order["base_currency_code"]:
        assert [order[name] for name in TOTALS] == [order[f"base_{name}"] for name in TOTALS]


CHEAP: Json = {"sku": "CHEAP", "quantity": 2, "price": "0.03", "discount": "0.06"}


@settings(max_examples=150)
@given(view=VIEWS, cart=carts(), events=histories())
@example(
    view={"shop": "any", "currency": "USD", "tax_calculation": "total", "taxes_included": True},
    cart={
        "store": "any",
        "at": AT,
        "lines": [mug(discount="1.00"), mug(sku="B", quantity=3, price="0.99")],
        "shipping": {"price": "9.99", "discount": "3.33", "taxes": VAT},
        "currency": "GBP",
        "payment": "capture",
    },
    events=[("credit", {0: 1}, Decimal("2.00"), Decimal(0)), ("credit", None, None, Decimal(0))],
)
@example(  # in pounds the discount is rounded up and the price down
    view={"shop": "any", "currency": "USD"},
    cart={"store": "any", "at": AT, "lines": [CHEAP], "currency": "GBP"},
    events=[],
)
@example(  # the second row is shipped and not invoiced when the rest is cancelled
    view={"shop": "any", "currency": "USD"},
    cart={"store": "any", "at": AT, "lines": [mug(sku=sku, quantity=1) for sku in "ABC"]},
    events=[
        ("invoice", {0: 1}, None, Decimal(0)),
        ("ship", {1: 1}, None, Decimal(0)),
        ("ship", {0: 1}, None, Decimal(0)),
        ("cancel", None, None, Decimal(0)),
        ("credit", None, None, Decimal(0)),
        ("invoice", None, None, Decimal(0)),
    ],
)
def test_any_order_with_any_events_balances_in_both_currencies(view: Json, cart: Json, events: list[Any]) -> None:
    currencies = [{"code": "GBP", "rate": "1.2637"}, {"code": "JPY", "rate": "0.0066"}]
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        shop.seed(COMPANY | {"shops": [view], "currencies": currencies}, {})
        office = Office(shop)
        order = office.place(PlacedOrder.model_validate(cart))
        play(office, order, events)
        with shop.work(AT) as work:
            order = work.of_number("order", order["increment_id"])
            kinds = [work.of_order(kind, order["entity_id"]) for kind in ("invoice", "creditmemo")]
        check_books(order, *kinds)
