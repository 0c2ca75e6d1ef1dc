"""A line that is no goods is no item in GP: it stands on the account of its role, or says which role has none."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from mapping_runs import NOW, NoState, lookups, made

from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.mapping import Lookups, Mapped, load_mapping, map_canonical, nested_records

MAPPINGS = Path(__file__).parents[2] / "include" / "mappings"
LONG = "LAMP-01-BRASS-WITH-A-SHADE-OF-GREEN-GLASS"
ACCOUNTS = {
    "tips": {"role": "tips", "gp": "000-2410-00", "xero": "825"},
    "gift_cards": {"role": "gift_cards", "gp": None},
}


@pytest.fixture(autouse=True)
def items(tmp_path: Path) -> None:
    """Which item a SKU of the shop is, where GP calls it otherwise."""
    (tmp_path / "item_numbers.csv").write_text(f"sku,item\nno SKU,OTHER\n{LONG},LAMP-01\n")


def order_of(folder: Path, kind: str, sku: str | None = None, *items: str) -> Mapped:
    """An order with one line of a kind as GP's document; the items that GP has."""
    line = {"record_key": "k", "line_id": "1", "line_number": 1, "kind": kind, "title": "Thanks", "sku": sku}
    parts: dict[str, list[dict[str, Any]]] = {
        "header": [{"record_key": "k", "order_number": "LBO1", "customer_key": "c", "currency": "USD", "total": 5}],
        "lines": [{**line, "quantity": 1, "net": Decimal(5), "tax": 0}],
        "taxes": [],
    }
    frames: dict[str, pd.DataFrame] = {}
    for part, rows in parts.items():
        schema = pa.schema(list(CANONICAL["canonical.sales_order"][part].items()))
        frames[part] = pa.Table.from_pylist(rows, schema).to_pandas(types_mapper=pd.ArrowDtype)
    known = lookups(folder, {item: {"key": item} for item in items})
    given = {"accounts": ACCOUNTS, "company": {"base_currency": {"value": "USD"}}}
    mapping = load_mapping(MAPPINGS / "sales_order_to_gp_sales_order.yaml")
    return map_canonical(mapping, frames, Lookups(folder, given, _Customer(), known.live, known.zone))


class _Customer(NoState):
    def cross_references(self, entity: str, by: str, keys: Any) -> dict[str, dict[str, Any]]:
        return {key: {"target_id": "LB1", "record_key": key, "number": "LB1"} for key in keys}


def test_a_tip_is_a_line_without_an_item_on_the_account_of_its_role(tmp_path: Path) -> None:
    mapped = order_of(tmp_path, "tips")
    assert mapped.failures.empty
    fields = ("ITEMNMBR", "NONINVEN", "SLSINDX", "XTNDPRCE")
    assert [made(mapped, name, "lines")[0] for name in fields] == ["TIP", 1, "000-2410-00", Decimal(5)]
    assert made(mapped, "SUBTOTAL") == [Decimal(5)]


@pytest.mark.parametrize(("sku", "item"), [("MUG-12", "MUG-12"), (LONG, "LAMP-01"), (None, "OTHER")])
def test_a_line_of_goods_is_the_item_of_its_sku_or_the_one_that_the_table_gives_it(
    tmp_path: Path, sku: str | None, item: str
) -> None:
    assert made(order_of(tmp_path, "product", sku, item), "ITEMNMBR", "lines") == [item]


@pytest.mark.parametrize(("sku", "named"), [(None, '"no SKU"'), (LONG, LONG)])
def test_a_line_without_an_item_says_which_table_may_give_it_one(tmp_path: Path, sku: str | None, named: str) -> None:
    (tmp_path / "item_numbers.csv").write_text("sku,item\n")
    [(remedy, field)] = {
        (each["remedy"], each["field"]) for each in order_of(tmp_path, "product", sku).failures.to_dict("records")
    }
    assert field == ("sku" if sku else "ITEMNMBR")
    assert named in remedy
    assert "include/lookups/item_numbers.csv" in remedy


def test_a_kind_whose_role_a_ledger_has_no_account_for_names_the_role_before_it_is_in_either(tmp_path: Path) -> None:
    for kind, code in ("gift_cards", "LB-MAP-001"), ("duties", "LB-MAP-002"):
        failures = order_of(tmp_path, kind).failures.to_dict("records")
        assert {(failure["code"], failure["rule"].partition("(")[2]) for failure in failures} == {
            (code, "SLSINDX)"),
            (code, "_xero_account)"),
        }
        assert all("Give the role of this line an account in each ledger" in failure["remedy"] for failure in failures)


@pytest.mark.parametrize(
    ("table", "part"),
    [
        pytest.param("accounts", "accounts", id="accounts"),
        pytest.param("accounts_xero", "accounts", id="accounts-of-a-ledger"),
        pytest.param("gateways_by_role", "gateways", id="gateways-by-role"),
        pytest.param("company", "settings", id="settings"),
    ],
)
def test_what_a_table_of_the_company_s_file_lacks_is_to_be_added_there_and_in_no_csv(
    tmp_path: Path, table: str, part: str
) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(
        f"from: shop.order\nto: erp.order\nheader:\n  X: {{lookup: {{table: {table}, key: a, column: b}}}}\n"
    )
    known = lookups(tmp_path)
    given = Lookups(tmp_path, {table: {"other": {"b": "1"}}}, known.state, known.live, known.zone)
    mapped = load_mapping(path).run(nested_records([{"a": "bank"}], ["k0"], [NOW]), given)
    [failure] = mapped.failures.to_dict("records")
    assert failure["remedy"] == f'Give "bank" a line under `{part}` in the company\'s file and replay the record.'
