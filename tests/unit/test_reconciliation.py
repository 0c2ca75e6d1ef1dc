"""The proof that the books agree finds every way in which they don't (accounting.md §6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.reconciliation import Booked, Difference, Reconciliation, reconcile

GP = {
    "000-1200-00": "receivables",
    "000-4100-00": "sales",
    "000-4200-00": "shipping_income",
    "000-4300-00": "returns",
    "000-2300-00": "tax_payable",
    "000-2310-00": "tax_payable",
    "000-1150-00": "clearing",
    "000-7000-00": "fx_gain_loss",
    "000-8000-00": "rounding",
    "000-1300-00": "inventory",
    "000-5100-00": "cost_of_goods_sold",
}
XERO = {
    "610": "receivables",
    "200": "sales",
    "210": "shipping_income",
    "220": "returns",
    "820": "tax_payable",
    "090": "clearing",
    "499": "fx_gain_loss",
    "860": "rounding",
}
DAY = date(2026, 3, 2)


def booked(key: str, kind: str = "invoice", day: date = DAY, **effects: str) -> Booked:
    """A document by role; ``_`` of a keyword is its ledger's account of that role."""
    return Booked(key, kind, key.upper(), day, {role: Decimal(amount) for role, amount in effects.items()})


def in_accounts(document: Booked, role_of: Mapping[str, str]) -> Booked:
    account_of = {role: account for account, role in role_of.items()}
    return replace(document, effects={account_of[role]: amount for role, amount in document.effects.items()})


INVOICE = booked("inv1", receivables="108.25", sales="-90.00", shipping_income="-10.00", tax_payable="-8.25")
PAYMENT = booked("pay1", "payment", clearing="108.25", receivables="-108.25")
SECOND = booked("inv2", receivables="54.00", sales="-50.00", tax_payable="-4.00")
BOOKS = [INVOICE, PAYMENT, SECOND]


def compare(
    first: Sequence[Booked],
    second: Sequence[Booked],
    *,
    reasons: Mapping[tuple[str, str], str] | None = None,
    pair_reason: str | None = None,
) -> Reconciliation:
    """Documents by role, booked in GP and in Xero."""
    return reconcile(
        ("gp", "xero"),
        [in_accounts(each, GP) for each in first],
        [in_accounts(each, XERO) for each in second],
        role_of={"gp": GP, "xero": XERO},
        explain=lambda document, missing_in: (reasons or {}).get((document.key, missing_in)),
        explain_pair=lambda document, changed: pair_reason,
    )


def found(result: Reconciliation) -> list[tuple[str, str, str]]:
    return [(each.type, each.role, f"{each.value:.2f}") for each in result.differences]


def test_equal_books_agree() -> None:
    result = compare(BOOKS, list(reversed(BOOKS)))
    assert (result.agree, result.differences) == (True, [])
    assert result.roles["receivables"] == (Decimal("54.00"), Decimal("54.00"))


MISSING_INVOICE = [
    ("receivables", "108.25"),
    ("sales", "-90.00"),
    ("shipping_income", "-10.00"),
    ("tax_payable", "-8.25"),
]


def negated(amount: str) -> str:
    return f"{-Decimal(amount):.2f}"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(
            BOOKS, [PAYMENT, SECOND], [("missing in xero", role, value) for role, value in MISSING_INVOICE],
            id="missing-in-the-second",
        ),
        pytest.param(
            [PAYMENT, SECOND], BOOKS, [("missing in gp", role, negated(value)) for role, value in MISSING_INVOICE],
            id="missing-in-the-first",
        ),
        pytest.param(
            [*BOOKS, PAYMENT], BOOKS,
            [("double in gp", "clearing", "108.25"), ("double in gp", "receivables", "-108.25")],
            id="double-in-the-first",
        ),
        pytest.param(
            BOOKS, [*BOOKS, PAYMENT],
            [("double in xero", "clearing", "-108.25"), ("double in xero", "receivables", "108.25")],
            id="double-in-the-second",
        ),
        pytest.param(
            [INVOICE, booked("pay1", "payment", clearing="108.24", receivables="-108.24"), SECOND], BOOKS,
            [("amount", "clearing", "-0.01"), ("amount", "receivables", "0.01")],
            id="amount",
        ),
        pytest.param(
            [booked("inv1", receivables="108.75", sales="-90.00", shipping_income="-10.00", tax_payable="-8.75"),
             PAYMENT, SECOND],
            BOOKS,
            [("amount", "receivables", "0.50"), ("tax", "tax_payable", "-0.50")],
            id="tax",
        ),
        pytest.param(
            [INVOICE, PAYMENT, booked("inv2", receivables="54.00", returns="-50.00", tax_payable="-4.00")], BOOKS,
            [("account", "returns", "-50.00"), ("account", "sales", "50.00")],
            id="account",
        ),
        pytest.param(
            [booked("inv1", receivables="108.25", sales="-100.00", tax_payable="-8.25"), PAYMENT, SECOND], BOOKS,
            [("account", "sales", "-10.00"), ("account", "shipping_income", "10.00")],
            id="account-that-other-lines-use-too",
        ),
        pytest.param(
            [INVOICE, replace(PAYMENT, booked_on=date(2026, 4, 1)), SECOND], BOOKS, [("date", "", "108.25")],
            id="date-in-another-period",
        ),
        pytest.param(
            [INVOICE, PAYMENT, booked("inv2", receivables="67.50", sales="-62.50", tax_payable="-5.00")], BOOKS,
            [("rate", "receivables", "13.50"), ("rate", "sales", "-12.50"), ("rate", "tax_payable", "-1.00")],
            id="rate-of-an-invoice",
        ),
        pytest.param(
            [INVOICE, booked("pay1", "payment", clearing="107.25", receivables="-108.25", fx_gain_loss="1.00"), SECOND],
            BOOKS,
            [("rate", "clearing", "-1.00"), ("rate", "fx_gain_loss", "1.00")],
            id="rate-of-a-payment",
        ),
        pytest.param(
            [INVOICE, PAYMENT, replace(SECOND, effects={
                **SECOND.effects, "receivables": Decimal("54.01"), "rounding": Decimal("-0.01")
            })],
            BOOKS,
            [("rounding", "receivables", "0.01"), ("rounding", "rounding", "-0.01")],
            id="rounding",
        ),
        pytest.param(
            [*BOOKS, booked("tiny", receivables="1.01", sales="-0.91", tax_payable="-0.10")],
            [*BOOKS, booked("tiny", receivables="1.00", sales="-0.90", tax_payable="-0.10")],
            [("amount", "receivables", "0.01"), ("amount", "sales", "-0.01")],
            id="a-cent-of-a-small-document-is-no-rate",
        ),
    ],
)  # fmt: skip
def test_each_planted_difference_is_found_and_nothing_else(
    first: list[Booked], second: list[Booked], expected: list[tuple[str, str, str]]
) -> None:
    result = compare(first, second)
    assert found(result) == expected
    assert result.agree is False
    assert all(each.documents and each.remedy for each in result.differences)


def test_a_document_without_value_that_one_ledger_lacks_is_found() -> None:
    result = compare([*BOOKS, booked("free", receivables="0.00")], BOOKS)
    assert found(result) == [("missing in xero", "", "0.00")]
    assert result.agree is False


def test_what_one_ledger_alone_keeps_is_no_difference() -> None:
    goods = {"000-5100-00": Decimal("40.00"), "000-1300-00": Decimal("-40.00")}
    gp_invoice = in_accounts(INVOICE, GP)
    result = reconcile(
        ("gp", "xero"),
        [replace(gp_invoice, effects={**gp_invoice.effects, **goods})],
        [in_accounts(INVOICE, XERO)],
        role_of={"gp": GP, "xero": XERO},
        explain=lambda *_: None,
        explain_pair=lambda *_: None,
    )
    assert result.differences == []
    assert set(result.roles) == set(INVOICE.effects)


def test_accounts_of_one_role_are_compared_together() -> None:
    gp_invoice = in_accounts(INVOICE, GP)
    state, county = {"000-2300-00": Decimal("-6.25")}, {"000-2310-00": Decimal("-2.00")}
    effects = {account: amount for account, amount in gp_invoice.effects.items() if GP[account] != "tax_payable"}
    result = reconcile(
        ("gp", "xero"),
        [replace(gp_invoice, effects={**effects, **state, **county})],
        [in_accounts(INVOICE, XERO)],
        role_of={"gp": GP, "xero": XERO},
        explain=lambda *_: None,
        explain_pair=lambda *_: None,
    )
    assert result.differences == []


def test_an_account_without_a_role_is_named() -> None:
    result = reconcile(
        ("gp", "xero"),
        [Booked("je1", "entry", "JE1", DAY, {"000-9999-00": Decimal("5.00"), "000-1150-00": Decimal("-5.00")})],
        [Booked("je1", "entry", "JE1", DAY, {"400": Decimal("5.00"), "090": Decimal("-5.00")})],
        role_of={"gp": GP, "xero": XERO},
        explain=lambda *_: None,
        explain_pair=lambda *_: None,
    )
    assert found(result) == [("account", "account 000-9999-00", "5.00"), ("account", "account 400", "-5.00")]


def test_a_missing_document_with_a_known_reason_is_explained_with_its_value() -> None:
    reasons = {("pay1", "xero"): "sent to xero, there still in a batch"}
    result = compare(BOOKS, [INVOICE, SECOND], reasons=reasons)
    assert result.agree is True
    assert found(result) == [("missing in xero", "clearing", "108.25"), ("missing in xero", "receivables", "-108.25")]
    assert {each.reason for each in result.differences} == {"sent to xero, there still in a batch"}


def test_an_unexplained_cent_among_explained_differences_fails() -> None:
    cent = booked("inv2", receivables="54.01", sales="-50.01", tax_payable="-4.00")
    result = compare(BOOKS, [INVOICE, cent], reasons={("pay1", "xero"): "in a batch"})
    assert result.agree is False
    assert [each.value for each in result.differences if not each.explained] == [Decimal("-0.01"), Decimal("0.01")]


def test_an_unequal_pair_with_a_known_reason_is_explained() -> None:
    gain = booked("pay1", "payment", clearing="108.25", receivables="-107.25", fx_gain_loss="-1.00")
    result = compare([INVOICE, PAYMENT, SECOND], [INVOICE, gain, SECOND], pair_reason="booked when it is applied")
    assert result.agree is True
    assert found(result) == [("rate", "fx_gain_loss", "1.00"), ("rate", "receivables", "-1.00")]


def test_the_result_goes_to_the_history_as_text() -> None:
    result = compare(BOOKS, [INVOICE, SECOND], reasons={("pay1", "xero"): "in a batch"})
    text: dict[str, Any] = result.to_json()
    assert text["agree"] is True
    assert text["roles"]["clearing"] == {"gp": "108.25", "xero": "0.00"}
    assert text["differences"][0] == {
        "type": "missing in xero",
        "role": "clearing",
        "value": "108.25",
        "documents": ("payment PAY1",),
        "remedy": "Find out why payment PAY1 is not in xero: its delivery, its dead letter, its run.",
        "reason": "in a batch",
        "explained": True,
    }


CENTS = st.integers(-100_000, 100_000).map(lambda cents: Decimal(cents).scaleb(-2))
ROLES = st.sampled_from(sorted(set(XERO.values())))


@given(
    first=st.lists(st.dictionaries(ROLES, CENTS, min_size=1), max_size=6),
    second=st.lists(st.dictionaries(ROLES, CENTS, min_size=1), max_size=6),
)
def test_the_differences_add_up_to_what_the_roles_differ_by(
    first: list[dict[str, Decimal]], second: list[dict[str, Decimal]]
) -> None:
    """Nothing is left out and nothing counted twice, whatever the ledgers hold."""
    books = [
        [Booked(f"key{number}", "entry", str(number), DAY, effects) for number, effects in enumerate(ledger)]
        for ledger in (first, second)
    ]
    result = compare(*books)
    for role, (here, there) in result.roles.items():
        assert sum_of(result.differences, role) == here - there


def sum_of(differences: Sequence[Difference], role: str) -> Decimal:
    return sum((each.value for each in differences if each.role == role), Decimal(0))
