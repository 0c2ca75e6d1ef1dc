"""Text for GP's fields: what CP-1252 can hold, and cutting at a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.mapping.text import cut_at_word, fits_cp1252, to_cp1252


@pytest.mark.parametrize(
    ("given_text", "held"),
    [
        pytest.param("Café Zürich € 5", "Café Zürich € 5", id="western-kept"),
        pytest.param("Cafe\N{COMBINING ACUTE ACCENT}", "Café", id="combining-accent-composed"),
        pytest.param("Łódź", "Lódz", id="only-what-it-lacks"),
        pytest.param("Zażółć", "Zazólc", id="polish"),
        pytest.param("東京", "DongJing", id="chinese"),
        pytest.param("12 Harbor\x0b Street", "12 Harbor Street", id="control-character"),
    ],
)
def test_text_keeps_what_cp1252_holds_and_transliterates_the_rest(given_text: str, held: str) -> None:
    assert to_cp1252(given_text) == held


@given(st.text())
def test_transliterated_text_always_fits(given_text: str) -> None:
    assert fits_cp1252(to_cp1252(given_text))


@pytest.mark.parametrize(
    ("given_text", "length", "cut"),
    [
        pytest.param("12 Harbor Street", 16, "12 Harbor Street", id="fits"),
        pytest.param("12 Harbor Street", 12, "12 Harbor", id="inside-a-word"),
        pytest.param("12 Harbor Street", 9, "12 Harbor", id="at-the-end-of-a-word"),
        pytest.param("Building 7, Old Wool Store", 11, "Building 7", id="no-comma-left"),
        pytest.param("Donaudampfschifffahrt", 8, "Donaudam", id="one-long-word"),
        pytest.param("", 5, "", id="empty"),
    ],
)
def test_text_is_cut_at_a_word(given_text: str, length: int, cut: str) -> None:
    assert cut_at_word(given_text, length) == cut


@given(st.text(), st.integers(min_value=1, max_value=80))
def test_cut_text_is_a_start_of_the_text_within_the_length(given_text: str, length: int) -> None:
    cut = cut_at_word(given_text, length)
    assert len(cut) <= length
    assert given_text.startswith(cut)
