"""Mapping files: compiled once, run on whole columns, every failure named."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_runs import made, run

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.mapping import load_mapping


def test_each_target_field_gets_its_value_by_one_rule(tmp_path: Path) -> None:
    mapped = run(
        tmp_path,
        """
        from: shop.order
        to: erp.order
        header:
          NUMBER: {from: name, convert: {text: {max: 5, upper: true}}}
          CLASS: {when: {kind: [a, b], total: {ge: 10}}, then: {value: BIG}, else: {value: SMALL}}
          DAY: {from: placed, convert: {date: {zone: company}}}
          TOTAL: {expr: "round(total / 3, 2)"}
          NOTE: {template: "{name}/{kind}", default: none}
        """,
        [
            {"name": "x1", "kind": "a", "total": "10.00", "placed": "2026-03-02T03:00:00Z"},
            {"name": "x2", "kind": "b", "total": "9.99", "placed": "2026-03-02T06:00:00Z"},
        ],
    )
    rows = mapped.frames["header"].to_dict("records")
    assert rows == [
        {
            "record_key": "k0",
            "NUMBER": "X1",
            "CLASS": "BIG",
            "DAY": date(2026, 3, 1),
            "TOTAL": Decimal("3.33"),
            "NOTE": "x1/a",
        },
        {
            "record_key": "k1",
            "NUMBER": "X2",
            "CLASS": "SMALL",
            "DAY": date(2026, 3, 2),
            "TOTAL": Decimal("3.33"),
            "NOTE": "x2/b",
        },
    ]
    assert mapped.failures.empty


def test_a_failed_record_is_left_out_of_every_part_and_named(tmp_path: Path) -> None:
    mapped = run(
        tmp_path,
        """
        from: shop.order
        to: erp.order
        header:
          NUMBER: name
        lines:
          each: lines[]
          ITEM: {lookup: {live: erp.item, key: sku, remedy: "Create {value}."}, required: true}
        """,
        [{"name": "x1", "lines": [{"sku": "LAMP"}, {"sku": "NONE"}]}, {"name": "x2", "lines": [{"sku": "LAMP"}]}],
        LAMP={},
    )
    assert list(mapped.frames["header"]["NUMBER"]) == ["x2"]
    assert mapped.frames["lines"].to_dict("records") == [{"record_key": "k1", "ITEM": "LAMP"}]
    failure = mapped.failures.iloc[0]
    assert (failure["record"], failure["code"], failure["field"], failure["value"], failure["remedy"]) == (
        0, "LB-MAP-002", "sku", "NONE", "Create NONE.",
    )  # fmt: skip


def test_a_failed_record_keeps_the_name_people_know_it_by(tmp_path: Path) -> None:
    mapping = """
from: shop.order
to: erp.order
header:
  label: name
  TARGET: {required: true, from: total}
"""
    mapped = run(tmp_path, mapping, [{"name": "#1", "total": "2"}, {"name": "#2", "total": None}, {"total": None}])
    assert mapped.labels == {1: "#2"}


def test_what_only_we_can_have_made_is_awaited_and_what_others_made_is_not(tmp_path: Path) -> None:
    """In a state that knows no delivery."""
    mapping = """
from: erp.invoice
to: books.invoice
header:
  chain: {lookup: {delivery: erp.order, by: number, key: order, optional: true, ours: {order: {matches: "^LBO"}}}}
  customer: {lookup: {delivery: erp.order, by: number, key: order, column: customer, ours: {order: {matches: "^LBO"}}}}
"""
    mapped = run(tmp_path, mapping, [{"order": "LBO1"}, {"order": "STD2"}, {"order": None}])
    failures = {(each["record"], each["code"], each["field"]) for each in mapped.failures.to_dict("records")}
    assert failures == {(0, "LB-MAP-007", "order"), (1, "LB-MAP-002", "order")}
    assert len(mapped.frames["header"]) == 1


def test_a_record_goes_on_without_a_field_of_which_nothing_can_be_said_and_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "terms.csv").write_text("erp,books\nNet 30,30\nNet 60,60\n")
    mapping = """
from: erp.customer
to: canonical.customer
header:
  name: name
  payment_terms:
    lookup: {table: terms, key: {lookup: {table: terms, key: terms, untold: true}}, column: books, untold: true}
"""
    terms = ["Net 30", "Net 45", None]
    mapped = run(tmp_path, mapping, [{"name": "Anna", "terms": each} for each in terms])
    assert (made(mapped, "payment_terms"), len(mapped.failures)) == (["30", None, None], 0)
    [told] = mapped.untold
    assert (told["record"], told["field"], told["value"]) == (1, "payment_terms", "Net 45")
    assert told["remedy"] == 'Give "Net 45" one line in include/lookups/terms.csv and replay the record.'


def test_a_missing_required_value_is_found_beside_one_that_failed_otherwise(tmp_path: Path) -> None:
    mapped = run(
        tmp_path,
        """
        from: shop.order
        to: erp.order
        header:
          ITEM: {lookup: {live: erp.item, key: sku}, required: true}
        """,
        [{"sku": "NONE"}, {"sku": None}, {"sku": "LAMP"}],
        LAMP={},
    )
    assert [(row["record"], row["code"]) for _, row in mapped.failures.iterrows()] == [
        (0, "LB-MAP-002"), (1, "LB-MAP-001"),
    ]  # fmt: skip
    assert list(mapped.frames["header"]["ITEM"]) == ["LAMP"]


def test_a_lookup_on_the_side_not_chosen_does_not_fail(tmp_path: Path) -> None:
    mapped = run(
        tmp_path,
        """
        from: shop.order
        to: erp.order
        header:
          ITEM: {when: {kind: free}, then: {value: NONE}, else: {lookup: {live: erp.item, key: sku}}}
        """,
        [{"kind": "free", "sku": "UNKNOWN"}, {"kind": "sold", "sku": "LAMP"}],
        LAMP={},
    )
    assert list(mapped.frames["header"]["ITEM"]) == ["NONE", "LAMP"]


def test_grouped_rows_are_summed_and_numbered_within_their_record(tmp_path: Path) -> None:
    mapped = run(
        tmp_path,
        """
        from: shop.order
        to: erp.order
        header: {NUMBER: name}
        lines:
          each: agreements[].sales[]
          where: {^.reason: ORDER}
          group: [ITEM]
          having: {QTY: {gt: 0}}
          ITEM: sku
          QTY: {from: quantity, combine: sum}
          LINE: {position: true}
        """,
        [
            {
                "name": "x1",
                "agreements": [
                    {"reason": "ORDER", "sales": [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}]},
                    {"reason": "REFUND", "sales": [{"sku": "A", "quantity": -2}]},
                    {"reason": "ORDER", "sales": [{"sku": "B", "quantity": -1}, {"sku": "C", "quantity": 4}]},
                ],
            },
            {"name": "x2", "agreements": [{"reason": "ORDER", "sales": [{"sku": "A", "quantity": 7}]}]},
        ],
    )
    assert [tuple(row.values()) for row in mapped.frames["lines"].to_dict("records")] == [
        ("k0", "A", 2, 1), ("k0", "C", 4, 2), ("k1", "A", 7, 1),
    ]  # fmt: skip


def test_lines_of_a_header_that_having_took_away_go_with_it(tmp_path: Path) -> None:
    mapped = run(
        tmp_path,
        """
        from: shop.order
        to: erp.order
        header: {record_key: name, TOTAL: total, having: {TOTAL: {ne: 0}}}
        lines: {each: "items[]", record_key: ^.name, ITEM: sku}
        """,
        [
            {"name": "x1", "total": 0, "items": [{"sku": "A"}]},
            {"name": "x2", "total": 5, "items": [{"sku": "B"}]},
        ],
    )
    assert [list(mapped.frames[part]["record_key"]) for part in ("header", "lines")] == [["x2"], ["x2"]]


@pytest.mark.parametrize(
    ("rule", "value", "message"),
    [
        pytest.param("{from: amount, convert: {decimal: {}}}", "12,50", '"12,50" is not a decimal number', id="comma"),
        pytest.param("{from: amount, convert: {date: {}}}", "2026-02-30", "is not a date", id="no-such-day"),
        pytest.param("{from: amount, convert: {text: {max: 3}}}", "long", "at most 3 characters", id="too-long"),
        pytest.param("{from: amount, convert: {enum: {a: b}}}", "c", "is not one of a", id="unknown-word"),
        pytest.param("{from: absent, required: true}", "x", "there is no value", id="missing"),
    ],
)
def test_a_value_that_can_not_be_converted_names_record_field_value_and_remedy(
    tmp_path: Path, rule: str, value: str, message: str
) -> None:
    mapped = run(tmp_path, f"from: a.b\nto: c.d\nheader:\n  TARGET: {rule}\n", [{"amount": value}])
    assert mapped.frames["header"].empty
    failure = mapped.failures.iloc[0]
    assert message in failure["message"]
    assert failure["remedy"]
    assert "mapping.yaml:4" in failure["rule"]


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        pytest.param(
            "from: a.b\nto: canonical.payment\nheader:\n  amuont: x\n", ":4:3:", 'Did you mean "amount"?', id="field"
        ),
        pytest.param("from: a.b\nto: canonical.paymnt\nheader: {}\n", ":2:1:", "canonical.payment", id="record"),
        pytest.param("from: a.b\nto: c.d\nheader:\n  X: {form: y}\n", ":4:", "form", id="key"),
        pytest.param(
            "from: a.b\nto: c.d\nheader:\n  X: {expr: 'open(1)'}\n", ":4:3:", "open is not allowed", id="call"
        ),
        pytest.param(
            "from: a.b\nto: c.d\nheader:\n  X: {from: a, value: b}\n", ":4:", "exactly one of", id="two-origins"
        ),
        pytest.param("from: a.b\nto: c.d\nheader: [\n", ":4:1:", "Mend the YAML", id="no-yaml"),
    ],
)
def test_a_wrong_file_says_where_and_what_to_do(tmp_path: Path, text: str, where: str, message: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_mapping(path)
    assert f"mapping.yaml{where}" in str(caught.value)
    assert message in str(caught.value)


money = st.decimals(min_value=0, max_value=99999, places=2)


@given(st.lists(st.lists(money, max_size=4), min_size=1, max_size=6))
def test_a_sum_over_lines_is_exact(tmp_path_factory: pytest.TempPathFactory, orders: list[list[Decimal]]) -> None:
    mapped = run(
        tmp_path_factory.mktemp("m"),
        "from: a.b\nto: c.d\nheader:\n  TOTAL: {sum: {of: 'lines[].net'}, default: 0}\n",
        [{"lines": [{"net": f"{net:.2f}"} for net in lines]} for lines in orders],
    )
    assert [Decimal(total) for total in mapped.frames["header"]["TOTAL"]] == [
        sum(lines, Decimal(0)) for lines in orders
    ]


@given(net=money, quantity=st.integers(min_value=1, max_value=500))
def test_a_unit_price_is_rounded_half_up(tmp_path_factory: pytest.TempPathFactory, net: Decimal, quantity: int) -> None:
    mapped = run(
        tmp_path_factory.mktemp("m"),
        "from: a.b\nto: c.d\nheader:\n  PRICE: {expr: 'round(net / quantity, 2)'}\n",
        [{"net": f"{net:.2f}", "quantity": quantity}],
    )
    exact = net / quantity
    assert abs(mapped.frames["header"]["PRICE"][0] - exact) <= Decimal("0.005")
