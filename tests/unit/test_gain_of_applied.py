"""The gain of a credit applied to documents of another rate, where the ledger books none (accounting-rules.md §2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.canonical.allocation import frame_of, rows_of_frame
from ledgerbridge.canonical.exchange import realise_applied

ENTRIES, ENTITY = "gp.gl_transaction", "canonical.realised_gain"
CENT = Decimal("0.01")
AMOUNTS = st.decimals("0.01", "9999.99", places=2)
RATES = st.decimals("0.5", "2", places=7)


class Sent:
    """Entries that were sent, by record key."""

    def __init__(self, rows: Sequence[dict[str, Any]] = ()) -> None:
        self._rows = {
            row["record_key"]: [{"applied": str(row["applied"]), "amount": str(row["amount"])}] for row in rows
        }

    def sent(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        assert (entity, by) == (ENTRIES, "record_key")
        return {key: self._rows[key] for key in keys if key in self._rows}

    def records(self, entity: str, chain_keys: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        return {}

    def done_with(self, entity: str, legs: Sequence[str]) -> int:
        return 0

    def dead_letters(self, source_keys: Sequence[str]) -> dict[str, str]:
        return {}


def parts(rate: str, *applied: tuple[str, str], **fields: Any) -> list[dict[str, Any]]:
    """A receipt's applications, each an amount and what that is worth at the invoice's rate; all of them are there."""
    gone = sum(Decimal(amount) for amount, _ in applied)
    common = {
        "credit_key": "gp:TWO:applied_credit:9-R1",
        "from_number": "R1",
        "realised_on": date(2026, 3, 3),
        "rate": Decimal(rate),
        "gone": gone,
        "worth": (gone * Decimal(rate)).quantize(CENT, ROUND_HALF_UP),
        "booked": None,
    }
    return [
        {
            **common,
            "record_key": f"gp:TWO:applied_credit:9-R1/INV{number}",
            "to_number": f"INV{number}",
            "applied": Decimal(amount),
            "charged": Decimal(charged),
            **fields,
        }
        for number, (amount, charged) in enumerate(applied)
    ]


def made(rows: list[dict[str, Any]], sent: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    frame, waiting = realise_applied(frame_of(rows, ENTITY), Sent(sent), entries=ENTRIES)
    assert waiting == {}
    return rows_of_frame(frame)


def gains(rows: list[dict[str, Any]], sent: Sequence[dict[str, Any]] = ()) -> dict[str, str]:
    return {row["to_number"]: f"{row['amount']:.2f}" for row in made(rows, sent)}


def test_money_worth_more_than_its_invoice_is_a_gain_and_less_is_a_loss() -> None:
    assert gains(parts("1.28", ("80.00", "100.00"))) == {"INV0": "2.40"}
    assert gains(parts("1.24", ("40.00", "50.00"))) == {"INV0": "-0.40"}


def test_at_its_invoices_rate_nothing_is_sent() -> None:
    assert gains(parts("1.25", ("80.00", "100.00"))) == {}


def test_what_the_ledger_booked_itself_is_not_sent() -> None:
    assert gains(parts("1.28", ("80.00", "100.00"), booked=Decimal("2.40"))) == {}
    one, other = parts("1.28", ("80.00", "100.00"), ("40.00", "50.00"))
    assert gains([{**one, "booked": Decimal("2.40")}, other]) == {"INV1": "1.20"}


def test_an_entry_that_was_sent_stays_as_it_is_and_a_later_application_takes_what_is_left() -> None:
    # 33.30 and 33.30 at 1.2137 are 40.42 each by themselves, and 80.83 together
    first = parts("1.2137", ("33.30", "41.63"))
    standing = made(first)
    both = parts("1.2137", ("33.30", "41.63"), ("33.30", "41.62"))
    earlier = [{**both[0], "realised_on": date(2026, 3, 9)}, both[1]]
    assert gains(first) == {"INV0": "-1.21"}
    assert gains(earlier, standing) == {"INV0": "-1.21", "INV1": "-1.21"}
    # also when the ledger books its own afterwards
    assert gains([{**row, "booked": Decimal("-1.21")} for row in first], standing) == {"INV0": "-1.21"}


def test_applications_that_do_not_make_up_what_is_gone_wait() -> None:
    rows = parts("1.28", ("80.00", "100.00"), ("40.00", "50.00"))
    frame, waiting = realise_applied(frame_of(rows[:1], ENTITY), Sent(), entries=ENTRIES)
    assert frame.empty
    assert waiting == {rows[0]["record_key"]: "R1 is applied by 80.00, but 120.00 of it is gone"}


@given(rate=RATES, other=RATES, amounts=st.lists(AMOUNTS, min_size=1, max_size=4), known=st.integers(0, 3))
def test_documents_and_gains_leave_nothing_on_receivables(
    rate: Decimal, other: Decimal, amounts: list[Decimal], known: int
) -> None:
    applied = [(str(amount), str((amount * other).quantize(CENT, ROUND_HALF_UP))) for amount in amounts]
    earlier = made(parts(str(rate), *applied[:known])) if applied[:known] else []
    rows = parts(str(rate), *applied)
    charged = sum(row["charged"] for row in rows)
    assert charged + sum(row["amount"] for row in made(rows, earlier)) == rows[0]["worth"]
