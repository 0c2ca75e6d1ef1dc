"""Lines into several and into one, lines from header and header from lines, and what belongs to a site alone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_runs import header_rule, lookups, made, run

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.mapping import frame_records, load_mapping

SHARED = """
from: shop.order
to: erp.order
header: {NUMBER: name}
lines:
  each: lines[]
  split: {rows: [%s]}
  LINE: id
  NET: {share: {of: net}}
"""
money = st.decimals(min_value=-99999, max_value=99999, places=2)
weights = st.lists(st.integers(min_value=0, max_value=1000), min_size=1, max_size=7).filter(any)


@pytest.mark.parametrize(
    ("net", "weighed", "parts"),
    [
        pytest.param("0.05", [1, 1, 1], ["0.02", "0.02", "0.01"], id="last-line-takes-the-rounding"),
        pytest.param("-10.00", [1, 2], ["-3.33", "-6.67"], id="credit-note"),
        pytest.param("100.00", [60, 40], ["60.00", "40.00"], id="per-cent"),
        pytest.param("0.05", [1] * 10, ["0.01"] * 5 + ["0.00"] * 5, id="no-share-of-the-wrong-sign"),
        pytest.param("7.77", [0, 1, 0], ["0.00", "7.77", "0.00"], id="no-weight-no-share"),
    ],
)
def test_split_keeps_the_total(tmp_path: Path, net: str, weighed: list[int], parts: list[str]) -> None:
    rows = ", ".join(f"{{weight: {weight}}}" for weight in weighed)
    mapped = run(tmp_path, SHARED % rows, [{"name": "x", "lines": [{"id": "1", "net": net}]}])
    assert made(mapped, "NET", "lines") == [Decimal(part) for part in parts]


@given(weighed=weights, orders=st.lists(st.lists(money, max_size=4), min_size=1, max_size=5))
def test_whatever_the_weights_the_shares_of_each_line_add_up_to_it_and_none_has_the_wrong_sign(
    tmp_path_factory: pytest.TempPathFactory, weighed: list[int], orders: list[list[Decimal]]
) -> None:
    rows = ", ".join(f"{{weight: {weight}}}" for weight in weighed)
    payloads = [
        {"name": f"o{number}", "lines": [{"id": f"{number}-{line}", "net": f"{net}"} for line, net in enumerate(nets)]}
        for number, nets in enumerate(orders)
    ]
    mapped = run(tmp_path_factory.mktemp("m"), SHARED % rows, payloads)
    assert mapped.failures.empty
    shares: dict[str, list[Decimal]] = {}
    for line, share in zip(made(mapped, "LINE", "lines"), made(mapped, "NET", "lines"), strict=True):
        shares.setdefault(line, []).append(share)
    for number, nets in enumerate(orders):
        for line, net in enumerate(nets):
            assert sum(shares[f"{number}-{line}"]) == net
            assert all(share * net >= 0 for share in shares[f"{number}-{line}"])


def test_a_line_is_split_by_the_rows_of_a_table_and_one_without_key_stays_whole(tmp_path: Path) -> None:
    (tmp_path / "projects.csv").write_text("project,weight,department\nA,60,100\nA,40,200\nB,1,300\n")
    mapped = run(
        tmp_path,
        """
        from: shop.order
        to: erp.order
        header: {NUMBER: name}
        lines:
          each: lines[]
          split: {table: projects, key: project}
          DEPARTMENT: {from: "%department", default: "000"}
          NET: {share: {of: net}}
          LINE: {position: true}
        """,
        [
            {"name": "x", "lines": [{"project": "A", "net": "0.99"}, {"project": None, "net": "5"}]},
            {"name": "y", "lines": [{"project": "C", "net": "1"}]},
            {"name": "z", "lines": [{"project": "B", "net": "2"}]},
        ],
    )
    assert [tuple(row.values()) for row in mapped.frames["lines"].to_dict("records")] == [
        ("k0", "100", Decimal("0.59"), 1),
        ("k0", "200", Decimal("0.40"), 2),
        ("k0", "000", Decimal("5.00"), 3),
        ("k2", "300", Decimal("2.00"), 1),
    ]
    failure = mapped.failures.iloc[0]
    assert (failure["record"], failure["value"], failure["code"]) == (1, "C", "LB-MAP-002")
    assert "include/lookups/projects.csv" in failure["remedy"]


@pytest.mark.parametrize("table", ["project,weight,department\nA,60,100\n", "project,weight,department\n"])
def test_a_batch_none_of_whose_lines_is_in_the_table_of_a_split_stays_whole(tmp_path: Path, table: str) -> None:
    (tmp_path / "projects.csv").write_text(table)
    text = """
        from: shop.order
        to: erp.order
        header: {NUMBER: name}
        lines:
          each: lines[]
          split: {table: projects, key: project}
          DEPARTMENT: "%department"
          NET: {share: {of: net}}
        """
    mapped = run(tmp_path, text, [{"name": "x", "lines": [{"project": None, "net": "5"}]}, {"name": "y", "lines": []}])
    assert (made(mapped, "DEPARTMENT", "lines"), made(mapped, "NET", "lines")) == ([None], [Decimal(5)])


def test_an_amount_of_the_header_is_shared_over_the_lines_by_their_net(tmp_path: Path) -> None:
    mapped = run(
        tmp_path,
        """
        from: shop.order
        to: erp.order
        header: {NUMBER: name}
        lines:
          each: lines[]
          FREIGHT: {share: {of: $.freight, weight: net, over: record}}
        """,
        [
            {"name": "x", "freight": "10.00", "lines": [{"net": "1"}, {"net": "1"}, {"net": "1"}]},
            {"name": "y", "freight": None, "lines": [{"net": "1"}]},
            {"name": "z", "freight": "3", "lines": [{"net": "0"}, {"net": "0"}]},
            {"name": "w", "freight": "3", "lines": [{"net": "-1"}, {"net": "5"}]},
        ],
    )
    assert made(mapped, "FREIGHT", "lines") == [Decimal("3.33"), Decimal("3.33"), Decimal("3.34"), None]
    assert list(mapped.failures["record"].unique()) == [2, 3]
    assert set(mapped.failures["code"]) == {"LB-MAP-004"}


@pytest.mark.parametrize(
    ("rule", "result"),
    [
        pytest.param("{count: {of: 'lines[].sku'}}", [3, 0], id="count"),
        pytest.param("{count: {of: 'lines[].sku', where: {sku: A}}}", [2, 0], id="count-some"),
        pytest.param("{max: {of: 'lines[].day'}}", ["2026-03-02", None], id="latest"),
        pytest.param("{min: {of: 'lines[].day'}}", ["2026-01-05", None], id="earliest"),
        pytest.param("{join: {of: 'lines[].sku', separator: ', '}}", ["A, B", None], id="join"),
        pytest.param("{sum: {of: 'lines[].net'}, default: 0}", [Decimal("6.30"), Decimal(0)], id="sum"),
    ],
)
def test_the_header_is_made_of_the_lines(tmp_path: Path, rule: str, result: list[Any]) -> None:
    lines = [
        {"sku": "A", "net": "1.10", "day": "2026-02-01"},
        {"sku": "B", "net": "2.20", "day": "2026-03-02"},
        {"sku": "A", "net": "3.00", "day": "2026-01-05"},
        {"sku": None, "net": None, "day": None},
    ]
    assert made(header_rule(tmp_path, rule, [{"lines": lines}, {"lines": []}])) == result


@pytest.mark.parametrize(
    ("rule", "result"),
    [
        pytest.param('{segment: {of: account, set: {1: {value: "100"}}}}', "100-4100-00", id="first"),
        pytest.param(
            '{segment: {of: account, set: {1: {from: project}, 3: {value: "07"}}}}', "000-4100-07", id="nothing-stays"
        ),
        pytest.param("{segment: {of: account, take: 2}}", "4100", id="taken"),
        pytest.param("{segment: {of: account, take: 9}}", None, id="not-there"),
    ],
)
def test_a_segment_of_an_account_is_set_or_taken(tmp_path: Path, rule: str, result: str | None) -> None:
    mapped = header_rule(tmp_path, rule, [{"account": "000-4100-00", "project": None}, {"account": None}])
    assert made(mapped) == [result, None]


@pytest.mark.parametrize(
    ("account", "number"), [pytest.param("000-4100-00", 3, id="length"), pytest.param("000-41", 3, id="too-few")]
)
def test_a_segment_that_does_not_fit_rejects_the_record(tmp_path: Path, account: str, number: int) -> None:
    rule = f'{{segment: {{of: account, set: {{{number}: {{value: "100"}}}}}}}}'
    mapped = header_rule(tmp_path, rule, [{"account": account}])
    failure = mapped.failures.iloc[0]
    assert (failure["code"], failure["value"]) == ("LB-MAP-005", account)
    assert failure["remedy"]


def test_a_table_is_read_from_either_side_and_a_key_that_stands_twice_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "terms.csv").write_text("gp,xero\nNET30,30\nNET60,60\nN30,30\n")
    forth = "{lookup: {table: terms, key: a, column: xero}}"
    back = "{lookup: {table: terms, by: xero, key: a, column: gp}}"
    assert made(header_rule(tmp_path, forth, [{"a": "NET30"}, {"a": "N30"}])) == ["30", "30"]
    mapped = header_rule(tmp_path, back, [{"a": "60"}, {"a": "30"}])
    assert made(mapped) == ["NET60"]
    assert list(mapped.failures["value"]) == ["30"]
    assert "one line in include/lookups/terms.csv" in mapped.failures.iloc[0]["remedy"]


def test_a_table_without_the_column_says_which_it_has(tmp_path: Path) -> None:
    (tmp_path / "terms.csv").write_text("gp,xero\nNET30,30\n")
    with pytest.raises(ConfigurationError, match='did you mean "xero"'):
        header_rule(tmp_path, "{lookup: {table: terms, by: zero, key: a, column: gp}}", [{"a": "30"}])


def test_fields_of_a_site_go_with_the_canonical_record_to_the_target(tmp_path: Path) -> None:
    conformed = run(
        tmp_path,
        """
        from: shop.order
        to: canonical.payout
        header:
          payout_id: id
          custom.project: customAttributes[key=project].value
          custom.terms: "metafields[namespace=erp,key=terms].value"
        """,
        [
            {
                "id": "1",
                "customAttributes": [{"key": "gift", "value": "no"}, {"key": "project", "value": "A"}],
                "metafields": [
                    {"namespace": "x", "key": "terms", "value": "no"},
                    {"namespace": "erp", "key": "terms", "value": "NET30"},
                ],
            },
            {"id": "2", "customAttributes": [], "metafields": None},
        ],
    )
    (tmp_path / "map.yaml").write_text(
        """
        from: canonical.payout
        to: gp.thing
        header:
          USERDEF1: custom.project
          USERDEF2: {first: [custom.terms, {value: NET0}]}
          USRDEF03: custom.never_made
        """
    )
    mapped = load_mapping(tmp_path / "map.yaml").run(frame_records(conformed.frames), lookups(tmp_path))
    assert made(mapped, "USERDEF1") == ["A", None]
    assert made(mapped, "USERDEF2") == ["NET30", "NET0"]
    assert made(mapped, "USRDEF03") == [None, None]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        pytest.param("header: {X: order_nmber}", ":3:", 'Did you mean "order_number"?', id="path"),
        pytest.param("header: {X: $.curency}", ":3:", 'Did you mean "currency"?', id="header-path"),
        pytest.param("header: {}\nlines: {each: lnes, X: sku}", ":4:", 'Did you mean "lines"?', id="each"),
        pytest.param("header: {X: {sum: {of: lines.nett}}}", ":3:", 'Did you mean "net"?', id="aggregate"),
        pytest.param("header: {X: {sum: {of: line.net}}}", ":3:", 'Did you mean "lines"?', id="part"),
        pytest.param("header: {X: {template: '{lable}'}}", ":3:", 'Did you mean "label"?', id="template"),
        pytest.param("header: {X: {expr: 'total + ratee'}}", ":3:", 'Did you mean "rate"?', id="expression"),
        pytest.param("header: {X: {expr: _b + 1}, _b: total}", ":3:", "a rule above makes", id="helper-below"),
        pytest.param("header: {X: {share: {of: total}}}", ":3:", "Give the part a `split`", id="share-without-split"),
        pytest.param("header: {X: label, group: [Y]}", ":3:", "no field that this part keeps", id="group"),
        pytest.param("header: {X: label, having: {y: 1}}", ":3:", "There are: X.", id="having"),
        pytest.param("header: {X: label, where: {currncy: USD}}", ":3:", 'Did you mean "currency"?', id="where"),
    ],
)
def test_a_path_that_leads_nowhere_is_known_before_it_is_read(
    tmp_path: Path, text: str, place: str, message: str
) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(f"from: canonical.sales_order\nto: gp.thing\n{text}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_mapping(path)
    assert f"mapping.yaml{place}" in str(caught.value)
    assert message in str(caught.value)


def test_groups_come_in_the_order_of_their_source_however_large_the_batch(tmp_path: Path) -> None:
    keys = [f"line-{(number * 7919) % 5000}" for number in range(5000)]
    payloads = [{"lines": [{"id": key}, {"id": f"{key}-b"}, {"id": key}]} for key in keys]
    mapped = run(
        tmp_path,
        "from: a.b\nto: c.d\nheader: {K: {value: 1}}\n"
        "lines: {each: 'lines[]', group: [id], id: id, n: {position: true}}\n",
        payloads,
    )
    assert made(mapped, "id", "lines") == [line for key in keys for line in (key, f"{key}-b")]
    assert made(mapped, "n", "lines") == [1, 2] * 5000


def test_a_helper_that_numbers_rows_is_read_by_later_rules_and_not_written(tmp_path: Path) -> None:
    text = """
from: shop.order
to: erp.order
header: {NUMBER: name}
lines: {each: 'lines[]', _row: {position: true}, LINE: {template: "{=_row}-{id}"}}
"""
    mapped = run(tmp_path, text, [{"name": "x", "lines": [{"id": "a"}, {"id": "b"}]}])
    assert made(mapped, "LINE", "lines") == ["1-a", "2-b"]
    assert "_row" not in mapped.frames["lines"]


@pytest.mark.parametrize(
    ("line", "place", "remedy"),
    [
        pytest.param("  B: {when: {_kind: X}, then: {value: 1}}", "5:14", 'Write "=_kind"', id="when"),
        pytest.param("  B: {when: {not: {_knd: X}}, then: {value: 1}}", "5:20", 'Write "=_kind"', id="misspelt"),
        pytest.param("  B: _kind", "5:3", 'Write "=_kind"', id="from"),
        pytest.param("  where: {_kind: X}", "5:11", "Name a field of the record", id="before-any-rule"),
    ],
)
def test_a_helper_named_without_its_sign_is_refused_with_place_and_the_name_to_write(
    tmp_path: Path, line: str, place: str, remedy: str
) -> None:
    path = tmp_path / "order.yaml"
    path.write_text(f"from: shop.order\nto: erp.order\nheader:\n  _kind: type\n{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_mapping(path)
    assert f"order.yaml:{place}" in str(caught.value)
    assert remedy in str(caught.value)


def test_lines_of_several_lists_come_together_in_one_type_and_each_list_has_its_own_fields(tmp_path: Path) -> None:
    text = """
from: shop.order
to: erp.order
header: {NUMBER: name}
lines:
  - {each: "lines[]", LINE: {position: true}, NET: {from: net, convert: {decimal: {}}}, CODE: {value: 7}}
  - {LINE: {value: 0}, NET: {value: 1}, CODE: {value: freight}, TITLE: {value: Freight}}
"""
    mapped = run(tmp_path, text, [{"name": "x", "lines": [{"net": "2.50"}]}])
    assert made(mapped, "NET", "lines") == [Decimal("2.5"), Decimal(1)]
    assert made(mapped, "CODE", "lines") == ["7", "freight"]
    assert made(mapped, "TITLE", "lines") == [None, "Freight"]
    assert made(mapped, "record_key", "lines") == ["k0", "k0"]


def test_sums_by_a_field_take_the_rows_that_have_none_for_those_that_have_none(tmp_path: Path) -> None:
    text = """
from: shop.order
to: erp.order
header: {NUMBER: name}
lines:
  each: lines[]
  SUM: {sum: {of: "taxes[].amount", by: line, key: id}}
  RATE: {match: {part: "taxes[]", on: line, key: id, column: rate}}
"""
    taxes = [
        {"line": "a", "amount": 1, "rate": "x"},
        {"line": None, "amount": 2, "rate": "y"},
        {"line": "a", "amount": 4, "rate": "z"},
    ]
    order = {"name": "x", "lines": [{"id": "a"}, {"id": None}, {"id": "b"}], "taxes": taxes}
    mapped = run(tmp_path, text, [order, {**order, "taxes": []}])
    assert made(mapped, "SUM", "lines") == [5, 2, 0, 0, 0, 0]
    assert made(mapped, "RATE", "lines") == ["x", "y", None, None, None, None]


@pytest.mark.parametrize(("how", "rate"), [("first", "1.5"), ("last", "2.5")])
def test_a_group_keeps_the_first_or_the_last_of_its_decimal_numbers(tmp_path: Path, how: str, rate: str) -> None:
    mapping = f"""
from: shop.order
to: erp.order
header: {{NUMBER: name}}
lines:
  each: lines[]
  group: [ITEM]
  ITEM: id
  RATE: {{expr: rate * 1, combine: {how}}}
"""
    lines = [{"id": "A", "rate": rate} for rate in ("1.5", "2.5")]
    assert made(run(tmp_path, mapping, [{"name": "x", "lines": lines}]), "RATE", "lines") == [Decimal(rate)]
