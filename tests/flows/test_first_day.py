"""`send_from`: what is dated earlier people keyed by hand; it is read, counted with its reason, and never sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, Delivery, SourceRecord
from sandbox.player import Player
from tests.flows.golden_orders import edit, fulfil, lamp, order_file, pay, sale
from tests.flows.in_process import Office, open_office

FIRST_DAY = "2026-03-03"
AT = {"at": "2026-03-03T16:00:00Z"}
PAYOUT = {"id": "po_72", "step": 5, "arrives": "2026-03-20", "covers": ["ch_72"], "amount": "52.77"}
CASES = [
    # 22:30 of the day before in New York is the first day in UTC
    sale(
        4501,
        [lamp()],
        [pay("ch_71", "53.77", at="2026-03-03T04:00:00Z"), edit([lamp(2)], **AT)],
        placed_at="2026-03-03T03:30:00Z",
    ),
    sale(4502, [lamp()], [pay("ch_72", "53.77", **AT), fulfil(at="2026-03-04T15:00:00Z")], placed_at=AT["at"]),
]


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An order of the day before that is edited on the first day, and one of the first day, to their end."""
    with open_office(order_file(CASES, [PAYOUT]), stack, sandboxes, tmp_path_factory.mktemp("office")) as office:
        with (office.folder / "companies" / "main.yaml").open("a") as company:
            company.write(f"send_from: {FIRST_DAY}\n")
        office.play()
        yield office


def test_order_of_the_day_before_is_not_sent_not_even_when_it_changes_later(office: Office) -> None:
    with transaction(office.state) as session:
        records = session.scalars(select(SourceRecord).where(SourceRecord.entity == "shopify.order")).all()
        sent = session.scalars(select(Delivery.entity).where(Delivery.state == "delivered")).all()
    kept = {record.leg: (record.outcome, record.reason) for record in records if record.label is None}
    reason = f"dated 2026-03-02, before the company's `send_from` {FIRST_DAY}: people keyed it"
    assert kept["order"] == kept["customer"] == kept["contact"] == ("superseded", reason)
    once = ("gp.customer", "gp.sales_order", "xero.contact", "xero.invoice", "xero.payment", "gp.cash_receipt")
    once += ("gp.application", "xero.bank_transaction", "xero.bank_transfer")
    assert Counter(sent) == Counter({**dict.fromkeys(once, 1), "gp.gl_transaction": 2})


def test_every_record_read_has_an_outcome(office: Office) -> None:
    with transaction(office.state) as session:
        ends = session.execute(select(SourceRecord.leg, SourceRecord.outcome)).all()
    assert {outcome for _, outcome in ends} <= {"delivered", "superseded", "unchanged"}
    assert Counter(outcome for leg, outcome in ends if leg == "order") == {"delivered": 1, "superseded": 1}
    assert Counter(outcome for leg, outcome in ends if leg == "payment") == {"delivered": 1, "superseded": 1}


def test_first_run_reads_from_a_month_before_the_day_in_the_companys_zone(office: Office) -> None:
    with transaction(office.state) as session:
        told = select(AuditEntry).where(AuditEntry.run_id == office.runs[0], AuditEntry.action == "window-read")
        first: dict[str, str] = {}
        for entry in session.scalars(told.order_by(AuditEntry.id)):
            first.setdefault(entry.entity, entry.details["since"])
    assert set(first.values()) == {datetime(2026, 1, 31, 5, 0, tzinfo=UTC).isoformat()}
