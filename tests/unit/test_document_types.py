"""What documents are called between the systems, and GP's number for it (RMDTYPAL), by the shipped mappings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mapping_runs import NOW, made, run
from sqlalchemy import Engine

from ledgerbridge.mapping import Lookups, load_mapping, nested_records
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from ledgerbridge.state.reader import DatabaseReader

MAPPINGS = Path(__file__).parents[2] / "include" / "mappings"
APPLICATION = (MAPPINGS / "application_to_gp_application.yaml").read_text()
SETTLED = {
    "CreditNoteNumber": "CM1",
    "Status": "PAID",
    "Date": "2026-03-05",
    "Allocations": [{"Amount": "5.00", "Date": "2026-03-05", "Invoice": {"InvoiceNumber": "INV1"}}],
}


@pytest.mark.parametrize(
    ("applied", "to", "numbers"),
    [
        pytest.param("receipt", "invoice", [9, 1], id="receipt-to-invoice"),
        pytest.param("return", "debit_memo", [8, 3], id="return-to-debit-memo"),
        pytest.param("credit_memo", "invoice", [7, 1], id="credit-memo-to-invoice"),
        pytest.param("8", "3", [8, 3], id="as-an-earlier-version-kept-it"),
    ],
)
def test_gp_is_told_its_own_number_of_each_document(tmp_path: Path, applied: str, to: str, numbers: list[int]) -> None:
    mapped = run(tmp_path, APPLICATION, [{"from_type": applied, "to_type": to, "to_number": "INV1"}])
    assert [*made(mapped, "APFRDCTY"), *made(mapped, "APTODCTY")] == numbers


def test_a_document_nobody_named_is_rejected_and_not_guessed(tmp_path: Path) -> None:
    mapped = run(tmp_path, APPLICATION, [{"from_type": "voucher", "to_type": "invoice", "to_number": "INV1"}])
    assert mapped.failures["field"].tolist() == ["APFRDCTY"]


@pytest.mark.parametrize(
    ("kept", "found"),
    [pytest.param("return", "return", id="now"), pytest.param(8, "8", id="by-an-earlier-version")],
)
def test_a_credit_is_applied_as_what_its_delivery_says_it_is(
    state_db: Engine, tmp_path: Path, kept: Any, found: str
) -> None:
    with transaction(state_db) as session:
        session.add(delivered("CM1", {"credit_type": kept}))
    records = nested_records([SETTLED], ["xero:t:credit_note:1"], [NOW])
    lookups = Lookups(tmp_path, {}, DatabaseReader(state_db), lambda entity, keys, age: {}, "UTC")
    mapped = load_mapping(MAPPINGS / "xero_credit_note_to_application.yaml").run(records, lookups)
    assert made(mapped, "from_type") == [found]
    assert made(mapped, "to_type") == ["invoice"]


def delivered(number: str, canonical: dict[str, Any]) -> Delivery:
    """A credit note that Xero has."""
    return Delivery(
        flow="order_to_cash",
        leg="credit_note",
        entity="xero.credit_note",
        record_key=f"gp:TWO:sales_return:{number}",
        state="delivered",
        content_hash="c",
        idempotency_key="i",
        target_id=number,
        number=number,
        canonical=canonical,
        run_id="run-1",
        updated_at=NOW,
    )
