"""A file of orders that can't be played is refused with each place and what is wrong there."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.order_file import OrderFileError, read_order_file
from sandbox.orders import make_orders


def _without_company(file: dict[str, Any]) -> None:
    del file["company"]


def _unknown_event(file: dict[str, Any]) -> None:
    file["cases"][0]["events"][0]["do"] = "ship"


def _amount_in_words(file: dict[str, Any]) -> None:
    file["cases"][1]["order"]["lines"][0]["unit_price"] = "ten"


def _same_name_twice(file: dict[str, Any]) -> None:
    file["cases"][1]["order"]["name"] = file["cases"][0]["order"]["name"]


def _other_shop(file: dict[str, Any]) -> None:
    file["cases"][2]["order"]["shop"] = "mars"


def _payout_of_nothing(file: dict[str, Any]) -> None:
    file["payouts"][0]["covers"].append("ch_9")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        pytest.param(_without_company, "company: Field required", id="no-company"),
        pytest.param(_unknown_event, r"cases\.0\.events\.0\.do: .*'pay'.*found 'ship'", id="unknown-event"),
        pytest.param(_amount_in_words, r"cases\.1\.order\.lines\.0\.unit_price: .*found 'ten'", id="amount"),
        pytest.param(_same_name_twice, "order #1001 is there 2 times", id="name-twice"),
        pytest.param(_other_shop, "order #1003: the company has no shop 'mars', only uk, us, world", id="shop"),
        pytest.param(_payout_of_nothing, "payout po_1001 covers ch_9, which no order has", id="payout"),
    ],
)
def test_file_is_refused_where_it_is_wrong(damage: Callable[[dict[str, Any]], None], told: str, tmp_path: Path) -> None:
    file = copy.deepcopy(make_orders(4))
    damage(file)
    path = tmp_path / "orders.json"
    path.write_text(json.dumps(file))
    with pytest.raises(OrderFileError, match=told):
        read_order_file(path)


def test_made_file_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    path.write_text(json.dumps(make_orders(4)))
    assert read_order_file(path) == make_orders(4)


def test_absent_and_garbled_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(OrderFileError, match=r"nowhere\.json can't be played:\n  it can't be read: No such file"):
        read_order_file(tmp_path / "nowhere.json")
    (tmp_path / "garbled.json").write_text('{"company": ')
    with pytest.raises(OrderFileError, match=r"it is no JSON: Expecting value: line 1"):
        read_order_file(tmp_path / "garbled.json")


def test_a_company_without_a_role_has_the_usual_accounts_for_it(tmp_path: Path) -> None:
    file = copy.deepcopy(make_orders(1))
    accounts = [account for account in file["company"]["accounts"] if account["role"] not in ("tips", "duties")]
    file["company"]["accounts"] = [*accounts, {"role": "sales", "gp": "000-2440-00", "xero": "200"}]
    path = tmp_path / "orders.json"
    path.write_text(json.dumps(file))
    read = {account["role"]: account["gp"] for account in read_order_file(path)["company"]["accounts"]}
    assert read["tips"] == "000-2410-00"
    assert "duties" not in read  # the file has its account for something else
