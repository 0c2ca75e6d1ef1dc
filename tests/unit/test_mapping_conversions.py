"""What `convert` makes of values: exact, by the rule asked for, and refused by name where it can't be."""

from __future__ import annotations

import decimal
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_runs import header_rule, made

from ledgerbridge.errors import ConfigurationError

ROUNDINGS = {
    "half_up": decimal.ROUND_HALF_UP,
    "half_down": decimal.ROUND_HALF_DOWN,
    "half_even": decimal.ROUND_HALF_EVEN,
    "up": decimal.ROUND_UP,
    "down": decimal.ROUND_DOWN,
    "ceiling": decimal.ROUND_CEILING,
    "floor": decimal.ROUND_FLOOR,
}

amounts = st.decimals(min_value=-999999, max_value=999999, places=5)


def test_nothing_is_a_number_beside_a_text_that_is_one(tmp_path: Path) -> None:
    """Arrow writes a zero of ten places as 0E-10."""
    rule = "{when: {kind: net}, then: net, else: {expr: net - net}, convert: {decimal: {}}}"
    mapped = header_rule(tmp_path, rule, [{"kind": "net", "net": "1.50"}, {"kind": "none", "net": "1.50"}])
    assert (list(mapped.failures["code"]), made(mapped)) == ([], [Decimal("1.50"), Decimal(0)])


@pytest.mark.parametrize("rounding", ROUNDINGS)
@settings(max_examples=30)
@given(values=st.lists(amounts, min_size=1, max_size=20), places=st.integers(min_value=0, max_value=4))
def test_rounding_agrees_with_the_decimal_module(
    tmp_path_factory: pytest.TempPathFactory, rounding: str, values: list[Decimal], places: int
) -> None:
    mapped = header_rule(
        tmp_path_factory.mktemp("m"),
        f"{{from: a, convert: {{decimal: {{places: {places}, rounding: {rounding}}}}}}}",
        [{"a": f"{value:f}"} for value in values],
    )
    unit = Decimal(1).scaleb(-places)
    assert made(mapped) == [value.quantize(unit, ROUNDINGS[rounding]) for value in values]


@given(value=amounts, style=st.sampled_from([(".", ","), (",", "."), (".", "'"), (",", " ")]))
def test_a_number_written_as_any_country_does_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, value: Decimal, style: tuple[str, str]
) -> None:
    mark, group = style
    written = f"{value:,f}".replace(",", "_").replace(".", mark).replace("_", group)
    mapped = header_rule(
        tmp_path_factory.mktemp("m"),
        f'{{from: a, convert: {{decimal: {{mark: "{mark}", group: "{group}"}}}}}}',
        [{"a": written}],
    )
    assert made(mapped) == [value]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        pytest.param("{}", "1,234.50", id="thousands-not-announced"),
        pytest.param('{mark: ","}', "1.5", id="point-where-a-comma-is-the-mark"),
        pytest.param('{group: ","}', "12,34.5", id="thousands-in-the-wrong-place"),
        pytest.param('{mark: ",", group: "."}', "1.23,45", id="thousands-of-two-digits"),
        pytest.param("{}", "1e5", id="exponent"),
        pytest.param("{}", "", id="empty"),
    ],
)
def test_a_number_that_could_be_misread_is_refused(tmp_path: Path, options: str, text: str) -> None:
    mapped = header_rule(tmp_path, f"{{from: a, convert: {{decimal: {options}}}}}", [{"a": text}])
    assert list(mapped.failures["code"]) == ["LB-MAP-003"]
    assert list(mapped.failures["value"]) == [text]


@pytest.mark.parametrize(
    ("options", "given_value", "day"),
    [
        pytest.param("{}", "2026-03-02T23:30:00Z", date(2026, 3, 2), id="own-day-is-never-shifted"),
        pytest.param("{zone: Pacific/Auckland}", "2026-03-02T23:30:00Z", date(2026, 3, 3), id="day-of-a-zone"),
        pytest.param("{zone: company}", "2026-03-02T03:00:00Z", date(2026, 3, 1), id="day-of-the-company"),
        pytest.param("{zone: Europe/Berlin}", "2026-03-29T00:30:00+01:00", date(2026, 3, 29), id="summer-time"),
        pytest.param("{format: '%d/%m/%Y'}", "02/03/2026", date(2026, 3, 2), id="format"),
        pytest.param(
            "{format: '%m-%d-%y %H:%M %z', zone: Asia/Tokyo}", "03-02-26 23:30 +0000", date(2026, 3, 3), id="both"
        ),
        pytest.param("{format: '%d.%m.%Y', as: '%Y%m%d'}", "02.03.2026", "20260302", id="text-of-a-day"),
        pytest.param("{month: true}", "2026-03-02", "2026-03", id="month"),
        pytest.param("{epoch: true, zone: company}", 1772420400, date(2026, 3, 1), id="seconds"),
    ],
)
def test_a_day_is_read_by_zone_and_format(tmp_path: Path, options: str, given_value: Any, day: Any) -> None:
    mapped = header_rule(tmp_path, f"{{from: a, convert: {{date: {options}}}}}", [{"a": given_value}])
    assert made(mapped) == [day]


@given(day=st.dates(min_value=date(1980, 1, 1), max_value=date(2090, 12, 31)))
def test_a_day_written_and_read_by_a_format_is_the_same_day(
    tmp_path_factory: pytest.TempPathFactory, day: date
) -> None:
    rule = "{from: a, convert: [{date: {as: '%d.%m.%Y'}}, {date: {format: '%d.%m.%Y'}}]}"
    assert made(header_rule(tmp_path_factory.mktemp("m"), rule, [{"a": day.isoformat()}])) == [day]


@pytest.mark.parametrize(
    ("options", "given_text", "held"),
    [
        pytest.param("{trim: true}", "  lamp ", "lamp", id="trimmed"),
        pytest.param("{code_page: ascii}", "Łódź café", "Lodz cafe", id="ascii"),
        pytest.param("{code_page: cp1250}", "Łódź", "Łódź", id="cp1250-has-polish"),
        pytest.param("{max: 4, cut: end}", "lampshade", "lamp", id="cut-at-the-end"),
        pytest.param("{pad: 3}", "7", "007", id="filled-up"),
        pytest.param("{lower: true}", "LAMP", "lamp", id="lower"),
        pytest.param('{after: "/", before: "?", upper: true}', "gid://shop/ab?x", "AB", id="in-order"),
    ],
)
def test_a_text_is_made_to_fit(tmp_path: Path, options: str, given_text: str, held: str) -> None:
    mapped = header_rule(tmp_path, f"{{from: a, convert: {{text: {options}}}}}", [{"a": given_text}])
    assert made(mapped) == [held]


def test_a_text_of_blanks_alone_is_absent_when_trimmed(tmp_path: Path) -> None:
    rule = "{from: a, convert: {text: {trim: true}}, required: true}"
    mapped = header_rule(tmp_path, rule, [{"a": "  "}, {"a": "x"}])
    assert [(row["record"], row["code"]) for _, row in mapped.failures.iterrows()] == [(0, "LB-MAP-001")]


def test_a_character_the_code_page_lacks_is_refused_when_it_may_not_be_altered(tmp_path: Path) -> None:
    rule = "{from: a, convert: {text: {code_page: cp1252, unfit: refuse}}}"
    mapped = header_rule(tmp_path, rule, [{"a": "café"}, {"a": "Łódź"}])
    failure = mapped.failures.iloc[0]
    assert (len(mapped.failures), failure["value"], failure["code"]) == (1, "Łódź", "LB-MAP-003")
    assert "cp1252" in failure["message"]
    assert "transliterate" in failure["remedy"]


@pytest.mark.parametrize(
    ("options", "given_value", "result"),
    [
        pytest.param("{}", "Yes", True, id="word"),
        pytest.param("{}", "0", False, id="digit"),
        pytest.param("{}", True, True, id="boolean"),
        pytest.param("{true: [ja], false: [nein]}", "NEIN", False, id="own-words"),
        pytest.param("{}", None, None, id="absent"),
    ],
)
def test_a_word_becomes_true_or_false(tmp_path: Path, options: str, given_value: Any, result: bool | None) -> None:
    payloads = [{"a": given_value}, {"a": "no" if isinstance(given_value, str) and options == "{}" else given_value}]
    mapped = header_rule(tmp_path, f"{{from: a, convert: {{boolean: {options}}}}}", payloads)
    assert made(mapped)[0] is result


def test_a_word_that_means_neither_is_refused(tmp_path: Path) -> None:
    mapped = header_rule(tmp_path, "{from: a, convert: {boolean: {}}}", [{"a": "maybe"}])
    assert "is not one of true, yes" in mapped.failures.iloc[0]["message"]


def test_every_other_word_of_an_enumeration_can_have_a_word_too(tmp_path: Path) -> None:
    mapped = header_rule(
        tmp_path, '{from: a, convert: {enum: {card: 3, "*": 9}}}', [{"a": "card"}, {"a": "cash"}, {"a": None}]
    )
    assert made(mapped) == [3, 9, None]


def test_conversions_in_a_list_run_one_after_the_other(tmp_path: Path) -> None:
    rule = "{from: a, convert: [{text: {after: '/'}}, {integer: true}, {text: {pad: 6}}]}"
    assert made(header_rule(tmp_path, rule, [{"a": "order/42"}])) == ["000042"]


@pytest.mark.parametrize(
    ("convert", "message"),
    [
        pytest.param("{decimal: {rounding: halfup}}", "half_up", id="rounding"),
        pytest.param('{decimal: {mark: ",", group: ","}}', "mark and group", id="marks"),
        pytest.param("{date: {zone: Mars/Olympus}}", "is no time zone", id="zone"),
        pytest.param("{date: {format: dd.mm.yyyy}}", "has no directive", id="format"),
        pytest.param("{date: {format: '%d %z'}}", "name the zone", id="offset-without-zone"),
        pytest.param("{text: {code_page: cp437}}", "cp1252", id="code-page"),
        pytest.param("{enum: {a: 1, b: two}}", "all texts, all numbers", id="enum"),
        pytest.param("{text: {}, integer: true}", "exactly one of decimal", id="two"),
    ],
)
def test_a_conversion_nobody_can_do_is_refused_before_it_runs(tmp_path: Path, convert: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=r"mapping\.yaml:4:\d+: ") as caught:
        header_rule(tmp_path, f"{{from: a, convert: {convert}}}", [{"a": "x"}])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "typed", "expected"),
    [
        pytest.param("", "61755501000000", "+16175550100", id="ten-digits-and-an-empty-extension"),
        pytest.param("", "61755501000012", "+16175550100 x12", id="ten-digits-and-an-extension"),
        pytest.param("", "55555501000000", "5555550100", id="ten-digits-of-nobody-and-an-empty-extension"),
        pytest.param("", "(617) 555-0100 Ext. 0012", "+16175550100 x12", id="as-a-window-shows-it"),
        pytest.param("", "00000000000000", None, id="an-empty-form"),
        pytest.param("", "00442079460958", "00442079460958", id="fourteen-digits-that-are-no-ten-and-four"),
        pytest.param("", "+  ", None, id="no-part-filled-in"),
        pytest.param("", "+ 617 555 0100", "+16175550100", id="parts-without-a-country"),
        pytest.param("", "++44 020 7946 0958", "+442079460958", id="country-with-its-own-sign"),
        pytest.param("", "+0044 20 79460958", "+442079460958", id="country-as-it-is-dialled"),
        pytest.param("", "030 1234567", "030 1234567", id="number-of-nobody-knows-which-country"),
        pytest.param("", " ask  Ann ", "ask Ann", id="no-number"),
        pytest.param("as: home", "+1 617 555 0100", "61755501000000", id="home-without-extension"),
        pytest.param("as: home", "+16175550100 x12", "61755501000012", id="home-with-extension"),
        pytest.param("as: home", "+16175550100 x12345", "6175550100 x12345", id="extension-too-long-for-its-place"),
        pytest.param("as: home", "+442079460958 x7", "+442079460958 x7", id="abroad"),
        pytest.param("as: home, country: NZ", "+64215551234 x7", "0215551234 x7", id="home-with-a-trunk-prefix"),
        pytest.param("as: country", "+16175550100 x12", "1", id="country"),
        pytest.param("as: area", "+16175550100 x12", "617", id="area"),
        pytest.param("as: number", "+16175550100 x12", "5550100 x12", id="number"),
        pytest.param("as: area", "+64215551234", None, id="mobile-without-area"),
        pytest.param("as: country", "ask Ann", None, id="no-number-has-no-country"),
        pytest.param("as: number", "ask Ann", "ask Ann", id="no-number-is-all-number"),
    ],
)
def test_a_telephone_number_is_one_number_however_it_was_typed(
    tmp_path: Path, options: str, typed: str, expected: str | None
) -> None:
    home = "" if "country:" in options else ", country: US"
    rule = f"{{from: a, convert: {{phone: {{extension: 4{home}{', ' if options else ''}{options}}}}}}}"
    assert made(header_rule(tmp_path, rule, [{"a": typed}])) == [expected]


@settings(max_examples=20)
@given(
    digits=st.from_regex(r"617[2-9][0-9]{6}", fullmatch=True),
    extension=st.one_of(st.just(""), st.from_regex(r"[1-9][0-9]{0,3}", fullmatch=True)),
)
def test_what_a_ledger_makes_of_a_telephone_number_is_read_as_that_number(
    tmp_path_factory: pytest.TempPathFactory, digits: str, extension: str
) -> None:
    number = f"+1{digits}" + (f" x{extension}" if extension else "")
    forms = ["as: home, extension: 4", "as: home", "as: world"]
    for form in forms:
        rule = f"{{from: a, convert: [{{phone: {{country: US, {form}}}}}, {{phone: {{country: US, extension: 4}}}}]}}"
        assert made(header_rule(tmp_path_factory.mktemp("m"), rule, [{"a": number}])) == [number]
