"""Money kept of a cancelled order: a fee where people or the company say so, else a letter that asks."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from mapping_runs import NOW, lookups, made

from ledgerbridge.mapping import Lookups, Mapped, load_mapping, nested_records

MAPPING = Path(__file__).parents[2] / "include" / "mappings" / "shopify_order_to_cancellation_fee.yaml"


def money(amount: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount}}


def fee(folder: Path, *, listed: str = "", policy: str | None = None, back: str = "43.77") -> Mapped:
    """What is made of a cancelled order of 53.77."""
    (folder / "cancellation_fees.csv").write_text(f"order\n{listed}\n")
    company = {"base_currency": {"value": "USD"}} | ({"cancellation_fees": {"value": policy}} if policy else {})
    order = {
        "name": "#2009",
        "processedAt": "2026-03-02T15:15:00Z",
        "cancelledAt": "2026-03-02T20:00:00Z",
        "displayFinancialStatus": "REFUNDED" if back == "53.77" else "PARTIALLY_REFUNDED",
        "currencyCode": "USD",
        "email": "pat@example.com",
        "totalReceivedSet": money("53.77"),
        "totalRefundedSet": money(back),
    }
    known = lookups(folder)
    given = Lookups(folder, {"company": company}, known.state, known.live, known.zone)
    return load_mapping(MAPPING).run(nested_records([order], ["k0"], [NOW]), given)


def test_what_nobody_decided_is_a_letter_that_names_the_table(tmp_path: Path) -> None:
    [failure] = fee(tmp_path).failures.to_dict("records")
    assert failure["code"] == "LB-MAP-002"
    assert "give #2009 a line in include/lookups/cancellation_fees.csv and replay" in failure["remedy"]


def test_a_line_of_the_order_or_the_company_s_policy_makes_it_a_fee(tmp_path: Path) -> None:
    for decided in ({"listed": "#2009"}, {"policy": "kept"}):
        mapped = fee(tmp_path, **decided)
        assert mapped.failures.empty
        assert (made(mapped, "total"), made(mapped, "role")) == ([Decimal("10.00")], ["cancellation_fees"])


def test_once_all_is_given_back_there_is_nothing_to_ask(tmp_path: Path) -> None:
    mapped = fee(tmp_path, back="53.77")
    assert mapped.failures.empty
    assert made(mapped, "total") == []
