"""An installation that kept cross-references goes on with links: each record finds the ids it had."""

from __future__ import annotations

import pytest
from memory_ledger import MemoryLedger
from sqlalchemy import Engine, func, select, text
from test_state import REVISIONS, downgrade

from ledgerbridge.audit import Actor
from ledgerbridge.delivery import Deliverer
from ledgerbridge.entities import Document
from ledgerbridge.state import migrate, transaction
from ledgerbridge.state.models import Link, LinkEnd
from ledgerbridge.state.reader import DatabaseReader

BEFORE = REVISIONS[REVISIONS.index("0018") - 1]
REFERENCES = [
    # entity, target_id, number, record_key
    ("gp.customer", "ANNA01", "ANNA01", "customer:1"),
    ("gp.customer", "ANNA01", "ANNA01", "customer:2"),  # found by her e-mail, in capitals
    ("xero.contact", "guid-anna", "LB1", "customer:1"),
    ("xero.contact", "guid-anna-2", "LB2", "customer:2"),
    ("gp.customer", "BEN1", "BEN1", "customer:3"),
    ("gp.gl_transaction", "17", "17", "stripe:acct:payout:po_1"),
    ("xero.bank_transfer", "guid-po", None, "stripe:acct:payout:po_1"),
    ("gp.gl_transaction", "16", "16", "stripe:acct:payout:po_1:fee:2026-03"),
    ("xero.bank_transaction", "guid-fee", None, "stripe:acct:payout:po_1:fee:2026-03"),
    ("xero.invoice", "guid-inv", "STDINV1", "gp:TWO:sales_invoice:STDINV1"),
    ("gp.debit_memo", "LBD1", "LBD1", "gp:TWO:sales_invoice:STDINV1"),  # its rounding is a thing of its own
    ("xero.payment", "guid-pay", None, "stripe:acct:refund:re_1"),
]


@pytest.fixture
def upgraded(empty_state_db: Engine) -> Engine:
    migrate(empty_state_db, BEFORE)
    with empty_state_db.begin() as connection:
        for entity, target_id, number, record_key in REFERENCES:
            connection.execute(
                text(
                    "INSERT INTO cross_reference (entity, target_id, number, record_key, created_at)"
                    " VALUES (:entity, :target_id, :number, :record_key, '2026-03-02 12:00:00')"
                ),
                {"entity": entity, "target_id": target_id, "number": number, "record_key": record_key},
            )
    migrate(empty_state_db)
    return empty_state_db


def test_every_reference_is_found_by_record_and_by_id(upgraded: Engine) -> None:
    reader = DatabaseReader(upgraded)
    of_customers = {key for entity, _, _, key in REFERENCES if entity == "xero.contact"}
    for entity, target_id, number, record_key in REFERENCES:
        if record_key not in of_customers:
            row = {"record_key": record_key, "target_id": target_id, "number": number}
            assert reader.cross_references(entity, "record_key", [record_key]) == {record_key: row}
            assert reader.cross_references(entity, "target_id", [target_id]) == {target_id: row}


def test_records_that_shared_an_id_are_one_thing_and_others_are_not(upgraded: Engine) -> None:
    with transaction(upgraded) as session:
        ends = session.execute(select(LinkEnd.link_id, LinkEnd.entity, LinkEnd.key).order_by(LinkEnd.id)).all()
        kinds = {row.id: row.kind for row in session.scalars(select(Link))}
    things: dict[int, set[str]] = {}
    for link_id, _, key in ends:
        things.setdefault(link_id, set()).add(key)
    assert {(kinds[link_id], frozenset(keys)) for link_id, keys in things.items()} == {
        ("customer", frozenset({"customer:1", "customer:2", "ANNA01", "guid-anna", "guid-anna-2"})),
        ("customer", frozenset({"customer:3", "BEN1"})),
        ("payout", frozenset({"stripe:acct:payout:po_1", "17", "guid-po"})),
        ("gateway_fee", frozenset({"stripe:acct:payout:po_1:fee:2026-03", "16", "guid-fee"})),
        ("sales_invoice", frozenset({"gp:TWO:sales_invoice:STDINV1", "guid-inv"})),
        ("memo", frozenset({"gp:TWO:sales_invoice:STDINV1", "LBD1"})),
        ("refund", frozenset({"stripe:acct:refund:re_1", "guid-pay"})),
    }


def test_new_documents_are_linked_beside_what_was_there(upgraded: Engine) -> None:
    actor = Actor("order_to_cash", "order", "run-1", "order.load")
    made = Document("shopify:us:order:9", "key", {"NUMBER": "9", "AMOUNT": "1.00"})
    deliverer = Deliverer(upgraded, actor, "gp.sales_order", MemoryLedger(), kind="sales_order")
    [result] = deliverer.deliver([made], {})
    assert result.outcome == "delivered"
    [found] = DatabaseReader(upgraded).cross_references("gp.sales_order", "record_key", [made.record_key]).values()
    assert found["target_id"] == "id-9"


def test_going_back_keeps_each_records_ids(upgraded: Engine) -> None:
    downgrade(upgraded, BEFORE)
    with upgraded.begin() as connection:
        kept = set(connection.execute(text("SELECT entity, target_id, number, record_key FROM cross_reference")))
        count = connection.execute(text("SELECT COUNT(*) FROM cross_reference")).scalar_one()
    assert kept >= set(REFERENCES)
    assert count == len(REFERENCES) + 2  # both of Anna's records lead to both of her contacts


def test_an_installation_without_references_has_no_links(empty_state_db: Engine) -> None:
    migrate(empty_state_db)
    with transaction(empty_state_db) as session:
        assert session.scalar(select(func.count()).select_from(Link)) == 0
