"""What is kept of the money for goods that came back: a return's fee, or money withheld that people say is one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mapping_runs import NOW, NoState, lookups, made

from ledgerbridge.mapping import Lookups, Mapped, load_mapping, nested_records

MAPPINGS = Path(__file__).parents[2] / "include" / "mappings"
Json = dict[str, Any]
FEE, GOODWILL = ("gp.debit_memo", "fee:0"), ("gp.credit_memo", "goodwill:8")
"""The memos of the first sale, and of the second refund."""


def sale(line_type: str, amount: str, tax: str = "0.00", **fields: Any) -> Json:
    money = {"totalAmount": {"shopMoney": {"amount": amount}}, "totalTaxAmount": {"shopMoney": {"amount": tax}}}
    return {"id": f"gid://shopify/Sale/{line_type}", "lineType": line_type, "taxes": [], **money, **fields}


class Booked(NoState):
    """A state database that knows of these memos of the order, by entity and what follows the order in their key."""

    def __init__(self, memos: dict[tuple[str, str], str]) -> None:
        self._memos = memos

    def deliveries(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        known = {f"k0:{key}": total for (of, key), total in self._memos.items() if of == entity}
        if by == "chain_key" and known:
            known = {"k0": next(iter(known.values()))}
        return {key: {"total": Decimal(known[key])} for key in keys if key in known}


def kept(
    folder: Path,
    *sold: Json,
    listed: str = "",
    policy: str | None = None,
    booked: dict[tuple[str, str], str] | None = None,
    **order: Any,
) -> dict[str, Mapped]:
    """
    What is made of an order of which a lamp came back, by mapping.

    :param sold: what was sold beside it, each later than the one before and, after the first, in a refund of its own.
    :param booked: what each memo is about that GP has of it, by entity and the end of its key.
    """
    (folder / "cancellation_fees.csv").write_text(f"order\n{listed}\n")
    (folder / "tax_titles.csv").write_text("title,detail\n")
    company = {"base_currency": {"value": "USD"}} | ({"cancellation_fees": {"value": policy}} if policy else {})
    lamp = sale("PRODUCT", "-49.90", quantity=-1, actionType="RETURN", lineItem={"id": "gid://shopify/LineItem/1"})
    back: Json = {"id": "gid://shopify/Agreement/1", "reason": "REFUND", "happenedAt": "2026-03-09T15:00:00Z"}
    back |= {"refund": {"id": "gid://shopify/Refund/7"}, "return": None, "sales": [lamp, sold[0]]}
    later = [
        back | {"refund": {"id": f"gid://shopify/Refund/{number}"}, "sales": [each]}
        for number, each in enumerate(sold[1:], start=8)
    ]
    payload = {
        "name": "#2009",
        "processedAt": "2026-03-02T15:15:00Z",
        "cancelledAt": None,
        "currencyCode": "USD",
        "email": "pat@example.com",
        "agreements": [back, *later],
        "lineItems": [{"id": "gid://shopify/LineItem/1", "sku": "LAMP-01", "title": "Lamp"}],
        "refunds": [],
    } | order
    known = lookups(folder)
    given = Lookups(folder, {"company": company}, Booked(booked or {}), known.live, known.zone)
    records = nested_records([payload], ["k0"], [NOW])
    names = ("fee_kept", "goodwill", "sales_return")
    return {name: load_mapping(MAPPINGS / f"shopify_order_to_{name}.yaml").run(records, given) for name in names}


@pytest.mark.parametrize(
    ("sold", "decided"),
    [
        pytest.param(sale("FEE", "10.00", actionType="ORDER"), {}, id="fee-of-a-return"),
        pytest.param(sale("ADJUSTMENT", "10.00"), {"listed": "#2009"}, id="withheld-and-people-say-so"),
        pytest.param(sale("ADJUSTMENT", "10.00"), {"policy": "kept"}, id="withheld-and-the-company-says-so"),
    ],
)
def test_what_is_kept_is_a_fee_beside_the_goods_that_came_back(tmp_path: Path, sold: Json, decided: Json) -> None:
    mapped = kept(tmp_path, sold, **decided)
    assert all(each.failures.empty for each in mapped.values())
    fee, goods = mapped["fee_kept"], mapped["sales_return"]
    assert (made(fee, "total"), made(fee, "role")) == ([Decimal(10)], ["cancellation_fees"])
    assert (made(goods, "total"), made(goods, "net", "lines")) == ([Decimal("49.90")], [Decimal("49.90")])
    assert made(mapped["goodwill"], "total") == []


def test_money_withheld_that_nobody_decided_on_is_a_letter_that_names_the_table(tmp_path: Path) -> None:
    [failure] = kept(tmp_path, sale("ADJUSTMENT", "10.00"))["fee_kept"].failures.to_dict("records")
    assert failure["code"] == "LB-MAP-002"
    assert "give #2009 a line in include/lookups/cancellation_fees.csv and replay" in failure["remedy"]


def test_a_fee_with_tax_is_entered_by_hand(tmp_path: Path) -> None:
    [failure] = kept(tmp_path, sale("FEE", "10.00", "0.60"))["fee_kept"].failures.to_dict("records")
    assert "enter it as an invoice in GP by hand" in failure["remedy"]


def test_money_given_besides_is_goodwill_and_of_a_cancelled_order_the_fee_is_another_leg_s(tmp_path: Path) -> None:
    more = kept(tmp_path, sale("ADJUSTMENT", "-5.00"))
    assert (made(more["fee_kept"], "total"), made(more["goodwill"], "total")) == ([], [Decimal(5)])
    cancelled = kept(tmp_path, sale("ADJUSTMENT", "10.00"), cancelledAt="2026-03-08T15:00:00Z")["fee_kept"]
    assert (made(cancelled, "total"), list(cancelled.failures["code"])) == ([], [])


@pytest.mark.parametrize(
    ("moves", "fee", "goodwill"),
    [
        pytest.param(["49.90", "-49.90"], [], [], id="all-of-it"),
        pytest.param(["49.90", "-20.00", "-29.90"], [], [], id="in-parts"),
        pytest.param(["49.90", "-60.00"], [], ["10.10"], id="and-more"),
        pytest.param(["49.90", "-40.00"], ["9.90"], [], id="not-all"),
    ],
)
def test_money_withheld_and_given_back_later_is_the_goods_no_fee_and_no_goodwill(
    tmp_path: Path, moves: list[str], fee: list[str], goodwill: list[str]
) -> None:
    sold = [sale("ADJUSTMENT", amount, id=f"gid://shopify/Sale/{number}") for number, amount in enumerate(moves)]
    mapped = kept(tmp_path, *sold, listed="#2009")
    assert [f"{each:.2f}" for each in made(mapped["fee_kept"], "total")] == fee
    assert [f"{each:.2f}" for each in made(mapped["goodwill"], "total")] == goodwill
    undecided = kept(tmp_path, *sold)["fee_kept"].failures
    assert len(undecided) == len(fee)


def test_money_withheld_and_given_back_more_than_once_says_what_to_enter(tmp_path: Path) -> None:
    moves = ("49.90", "-30.00", "-30.00")
    sold = [sale("ADJUSTMENT", amount, id=f"gid://shopify/Sale/{number}") for number, amount in enumerate(moves)]
    found = kept(tmp_path, *sold)["goodwill"].failures.to_dict("records")
    assert len(found) == 2
    assert all("enter what goes beyond as a credit memo in GP by hand" in each["remedy"] for each in found)


@pytest.mark.parametrize(
    ("moves", "booked", "fee", "goodwill"),
    [
        pytest.param(["49.90", "-40.00"], {FEE: "9.90"}, ["9.90"], [], id="fee-of-what-stays-behind"),
        pytest.param(["49.90", "-60.00"], {GOODWILL: "10.10"}, [], ["10.10"], id="goodwill-of-what-goes-beyond"),
        pytest.param(["49.90", "-49.90"], {FEE: "49.90"}, ["49.90"], ["49.90"], id="fee-of-all-then-given-back"),
        pytest.param(["49.90", "-10.00"], {FEE: "49.90"}, ["49.90"], ["10.00"], id="fee-of-all-then-some-given-back"),
        pytest.param(["4.00", "-10.00"], {GOODWILL: "10.00"}, ["4.00"], ["10.00"], id="goodwill-then-withheld"),
    ],
)
def test_what_was_booked_stays_when_the_order_is_read_again(
    tmp_path: Path, moves: list[str], booked: dict[tuple[str, str], str], fee: list[str], goodwill: list[str]
) -> None:
    sold = [sale("ADJUSTMENT", amount, id=f"gid://shopify/Sale/{number}") for number, amount in enumerate(moves)]
    mapped = kept(tmp_path, *sold, policy="kept", booked=booked)
    assert all(each.failures.empty for each in mapped.values())
    assert [f"{each:.2f}" for each in made(mapped["fee_kept"], "total")] == fee
    assert [f"{each:.2f}" for each in made(mapped["goodwill"], "total")] == goodwill


def test_of_money_given_back_in_parts_of_which_one_was_goodwill_a_person_says_what_is_kept(tmp_path: Path) -> None:
    sold = [
        sale("ADJUSTMENT", amount, id=f"gid://shopify/Sale/{number}")
        for number, amount in enumerate(("49.90", "-20.00", "-10.00"))
    ]
    mapped = kept(tmp_path, *sold, policy="kept", booked={GOODWILL: "20.00"})["fee_kept"]
    assert ["enter what is kept as a debit memo" in each for each in mapped.failures["remedy"]] == [True]
