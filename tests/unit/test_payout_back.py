"""A payout whose money came back is taken back where it was posted, and only there (accounting-rules.md rule 7)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sent_documents import SentInMemory

from ledgerbridge.canonical.allocation import frame_of
from ledgerbridge.canonical.rules import RULES, Ruled

PAYOUT = "stripe:acct_1:payout:po_1"
BACK = f"{PAYOUT}:back"
TRANSFERS = "xero.bank_transfer"


def ruled(sent: SentInMemory) -> Ruled:
    row = {
        "record_key": BACK,
        "payout_id": "po_1",
        "takes_back": PAYOUT,
        "arrived_on": date(2026, 3, 24),
        "amount": Decimal("-52.77"),
    }
    return RULES["after_payout"]({"header": frame_of([row], "canonical.payout")}, sent, payouts=TRANSFERS)


def posted(state: str, entity: str = TRANSFERS) -> SentInMemory:
    sent = SentInMemory()
    sent.add(entity, record_key=PAYOUT, state=state)
    return sent


def test_a_posted_payout_is_taken_back() -> None:
    result = ruled(posted("delivered"))
    assert list(result.frames["header"]["record_key"]) == [BACK]
    assert (result.waiting, result.superseded) == ({}, {})


def test_while_its_payout_is_under_way_it_waits() -> None:
    result = ruled(posted("sending"))
    assert result.frames["header"].empty
    assert (result.waiting, result.superseded) == ({BACK: "its payout is under way"}, {})


@pytest.mark.parametrize("sent", [SentInMemory(), posted("delivered", "gp.gl_transaction")])
def test_where_no_payout_was_posted_nothing_is_taken_back(sent: SentInMemory) -> None:
    result = ruled(sent)
    assert result.frames["header"].empty
    assert result.superseded == {BACK: "the money came back before its payout was posted"}
