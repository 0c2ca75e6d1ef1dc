"""What comes from outside is read within limits or refused; ``make fuzz`` gives it a hundred thousand inputs more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.shopify.bulk import assembled
from hooks.wire.untrusted import limited, parse_json, parse_xml, plain_digits
from ledgerbridge.errors import ConfigurationError, TransientError
from ledgerbridge.mapping import load_mapping
from tests.fuzz.__main__ import fuzz
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_anything_is_read_or_refused(name: str) -> None:
    target, inputs = TARGETS[name]
    assert fuzz(target, inputs, count=300, start=1) >= 100


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 5000 + b"]" * 5000, id="deep"),
        pytest.param(b'{"amount": 1e999999999}', id="exponent"),
        pytest.param(b'{"amount": NaN}', id="nan"),
        pytest.param(b'{"name": "\\ud800"}', id="half-a-character"),
        pytest.param(b'{"id": ' + b"9" * 5000 + b"}", id="long-integer"),
        pytest.param(b"\xff", id="no-utf-8"),
    ],
)
def test_hostile_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(body)


def test_numbers_keep_every_digit() -> None:
    assert parse_json(b'{"a": 12.50, "b": 1e-7, "c": 12345678901234567890, "d": 7, "e": 1234567890123456789}') == {
        "a": "12.50", "b": "0.0000001", "c": "12345678901234567890", "d": 7, "e": "1234567890123456789",
    }  # fmt: skip


NUMBERS = (
    st.integers(-(10**25), 10**25)
    | st.integers(-9, 9)
    | st.sampled_from([10**18, -(10**17), 2**53])
    | st.floats(-1e18, 1e18).map(lambda each: round(each, 4))
)
JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5) | NUMBERS,
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=3), each, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_long_integers_change_nothing_of_how_the_rest_is_read(content: Any) -> None:
    """An integer beyond 53 bits is read in a way of its own."""
    body = json.dumps(content).encode()
    read = parse_json(body)
    assert read == parse_json(b"[%b, 9007199254740993]" % body)[0]
    assert read == json.loads(
        body, parse_float=plain_digits, parse_int=lambda text: int(text) if len(text) < 19 else text
    )


def test_levels_are_read_as_far_as_a_staged_payload_holds_them() -> None:
    assert parse_json(b"[" * 254 + b"]" * 254)
    with pytest.raises(ValueError, match="more than 254 levels"):
        parse_json(b"[" * 255 + b"]" * 255)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', id="entity"),
        pytest.param('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', id="external"),
        pytest.param("<a>" * 5000 + "</a>" * 5000, id="deep"),
        pytest.param("no xml", id="text"),
        pytest.param("", id="blank"),
    ],
)
def test_hostile_xml_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_xml(text)


@pytest.mark.parametrize("text", ["? [a, b]\n: 1\n", "from: \x1f\n", "- a: b: c\n"])
def test_a_hostile_mapping_file_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"mapping\.yaml:1"):
        load_mapping(path)


@pytest.mark.parametrize("line", [b'{"id": "1", "total": NaN}', b"[1]", b"<html>", b'{"id": ' + b"[" * 5000])
def test_line_of_an_export_that_is_no_json_object_lets_the_export_be_run_anew(line: bytes) -> None:
    with pytest.raises(TransientError, match="LB-SHOPIFY-014 a line of the export is no JSON object"):
        list(assembled([b'{"id": "1", "updatedAt": "2026-03-02T14:00:00Z"}', line]))


def test_body_over_the_limit_is_refused_before_it_is_parsed() -> None:
    assert limited(b"12345", limit=5) == b"12345"
    with pytest.raises(ValueError, match="6 bytes, more than 5"):
        limited(b"123456", limit=5)


@pytest.mark.parametrize("value", ["!column:name", "!!int many", "2026-02-31"])
def test_mapping_file_with_a_value_of_no_type_is_refused_with_its_line(tmp_path: Path, value: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(f"from: shop.order\nto: erp.order\nheader:\n  A:\n    value: {value}\n")
    with pytest.raises(ConfigurationError, match=r"mapping\.yaml:5:\d+: .* is no value of "):
        load_mapping(path)
